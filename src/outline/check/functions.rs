//! Checks functions: every path of each, and what runs together.

use std::collections::BTreeMap;

use super::explored::{Budget, explore};
use super::{Options, Unit, unit_of};
use crate::outline::addresses::{self, Order};
use crate::outline::finding::Finding;
use crate::outline::graded;
use crate::outline::runners::Runners;
use crate::outline::scope::Scope;
use crate::outline::source::Source;
use crate::outline::statement::Stmt;
use crate::outline::tree::{File, Function, Group, Node};
use crate::outline::turned;
use crate::outline::vocabulary;
use crate::outline::walk::Walk;

pub(super) fn outline(source: &Source, file: &File, group: &Group, options: &Options, budget: &mut Budget) -> Unit {
    let (traced, told): (Vec<Function>, Vec<Function>) =
        group.functions.iter().cloned().partition(|function| function.is_trace);
    if !traced.is_empty() && !told.is_empty() {
        // What a trace does not say is open; the rest is checked as always.
        let mut unit = outline(source, file, &Group { functions: told }, options, budget);
        let other = outline(source, file, &Group { functions: traced }, options, budget);
        unit.names.extend(other.names);
        unit.findings.extend(other.findings);
        unit.assumptions.extend(other.assumptions);
        unit.bounds.extend(other.bounds);
        return unit;
    }
    let mut unit = in_every_order(source, file, group, options, budget);
    if let Some((turned, assumptions)) = turned::of(group) {
        let other = in_every_order(source, file, &turned, options, budget);
        let is_cycle = |found: &Finding| matches!(found.code, "LW003" | "LW008");
        let has_cycle = other.findings.iter().any(is_cycle);
        let findings = other.findings.into_iter().filter(is_cycle).collect();
        let assumptions = if has_cycle { assumptions } else { Vec::new() };
        add(&mut unit, Unit { findings, assumptions, locks: BTreeMap::new(), ..other });
    }
    unit
}

/// The verdict on an outline with the addresses that it compares in every order.
fn in_every_order(source: &Source, file: &File, group: &Group, options: &Options, budget: &mut Budget) -> Unit {
    let Some(order) = Order::of(group) else { return judged(source, file, group, options, budget) };
    let mut units =
        order.all().into_iter().map(|one| judged(source, file, &order.decided(group, &one), options, budget));
    let mut unit = units.next().unwrap_or_default();
    units.for_each(|other| add(&mut unit, other));
    if order.is_more() {
        unit.bounds.push(addresses::PAIRS.to_owned());
    }
    unit
}

/// What another check of the same functions has found as well.
fn add(unit: &mut Unit, other: Unit) {
    for found in other.findings {
        if unit.findings.iter().all(|known| (known.code, &known.subject) != (found.code, &found.subject)) {
            unit.findings.push(found);
        }
    }
    for assumption in other.assumptions {
        if !unit.assumptions.contains(&assumption) {
            unit.assumptions.push(assumption);
        }
    }
    unit.runs.extend(other.runs);
    unit.locks.extend(other.locks);
    for bound in other.bounds {
        if !unit.bounds.contains(&bound) {
            unit.bounds.push(bound);
        }
    }
}

/// The verdict on an outline with and without an object in what holds a pointer.
fn judged(source: &Source, file: &File, group: &Group, options: &Options, budget: &mut Budget) -> Unit {
    let scope = Scope::new(file, &group.functions, &[], options.catalogue, &options.conversions);
    let mut unit = judged_from(source, group, &scope, budget);
    if scope.begins_filled() {
        let mut empty = Scope::new(file, &group.functions, &[], options.catalogue, &options.conversions);
        empty.begin_empty();
        let mut other = judged_from(source, group, &empty, budget);
        // A function that follows it without a look may only be called once it is set.
        other.findings.retain(|found| found.code != "LW011");
        add(&mut unit, other);
    }
    unit
}

fn judged_from<'a>(source: &Source, group: &'a Group, scope: &Scope<'a>, budget: &mut Budget) -> Unit {
    let walk = Walk::of(scope, &[]);
    let mut unit = unit_of("outline", group.functions.first().map_or(0, |function| function.place.line), &walk, scope);
    unit.names = group.functions.iter().map(|function| function.name.clone()).collect();
    if group.functions.iter().any(|function| function.is_trace) {
        // Which lock a frame takes, and what it frees, a trace does not say.
        unit.findings.retain(|finding| finding.code == "LW002");
        let is_graph =
            |function: &Function| source.lines.get(function.place.line as usize - 1).is_some_and(|line| line.is_traced);
        if group.functions.iter().any(|function| has_objects(&function.body) || !is_graph(function)) {
            unit.bounds.push("a trace names no locks and no objects".to_owned());
        }
        return unit;
    }
    let runners = Runners::of(scope);
    for set in runners.sets(&walk) {
        explore(source, scope, &set, &mut unit, budget);
    }
    unit.assumptions.extend(runners.assumed());
    graded::grade(&mut unit.findings, &unit.bounds);
    unit
}

/// Is something called that has to be told which lock or object it is about?
fn has_objects(body: &[Node]) -> bool {
    let mut found = false;
    for node in body {
        node.each(&mut |node| found |= matches!(&node.stmt, Stmt::Call { name, .. } if vocabulary::is_known(name)));
    }
    found
}
