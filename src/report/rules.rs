//! Which lock guards which field, as text: a table for one design, the differences for two, and Clang's annotations.

use super::{completeness_of, count, source};
use crate::event::Symbol;
use crate::explore::Verdict;
use crate::study::rules::{Access, Change, Contract, Field, Rule, Rules, changes};

/// Places of a minority that are shown.
const PLACES_MAX: usize = 3;

fn names(locks: &[Symbol]) -> String {
    match locks {
        [] => "no lock".to_owned(),
        locks => locks.iter().map(|lock| lock.as_str()).collect::<Vec<_>>().join(" and "),
    }
}

/// What is to be said of a rule beside its locks.
fn kept(rule: &Rule) -> &'static str {
    match (rule.minority.is_empty(), rule.marked.is_empty()) {
        (false, _) => ", WITH EXCEPTIONS",
        (true, false) => ", or marked",
        (true, true) => "",
    }
}

fn verb(writes: bool) -> &'static str {
    if writes { "write" } else { "read" }
}

/// Where a rule is broken: `src/lease/bkl.rs:93 (no lock)`.
fn exception(access: &Access) -> String {
    format!("{} ({})", source(access.place), names(&access.locks))
}

/// The rules of one design.
pub fn table(rules: &Rules) -> String {
    let width = rules.rules.iter().map(|rule| rule.field.to_string().len()).max().unwrap_or(0);
    let locks = rules.rules.iter().map(|rule| names(&rule.locks).len()).max().unwrap_or(0);
    let scenarios = count(rules.verdicts.len() as u64, "scenario");
    let mut text =
        format!("which lock guards which field of {}: every step in {scenarios}\n\n", rules.design.full_name());
    text.push_str(&format!("{:<width$}  {:<5}  {:<locks$}  steps with it\n", "field", "by", "lock"));
    for rule in &rules.rules {
        let kept = match (rule.locks.is_empty(), rule.with == rule.steps) {
            (true, _) => format!("({} steps)", rule.steps),
            (false, true) => format!("all {}", rule.steps),
            (false, false) => format!("{} of {}", rule.with, rule.steps),
        };
        let (field, lock) = (rule.field.to_string(), names(&rule.locks));
        text.push_str(&format!("{field:<width$}  {:<5}  {lock:<locks$}  {kept}\n", verb(rule.writes)));
        text.push_str(&minority(rule));
    }
    text + "\n" + &last_line(rules)
}

fn minority(rule: &Rule) -> String {
    let mut text = String::new();
    for (words, accesses) in [("WITHOUT IT", &rule.minority), ("marked, without it", &rule.marked)] {
        for access in accesses.iter().take(PLACES_MAX) {
            text.push_str(&format!("    {words}: {}, {}\n", exception(access), count(access.steps, "step")));
        }
        if accesses.len() > PLACES_MAX {
            text.push_str(&format!("    and {} more\n", count((accesses.len() - PLACES_MAX) as u64, "place")));
        }
    }
    text
}

fn last_line(rules: &Rules) -> String {
    let verdict = completeness_of(rules.verdicts.iter().find(|verdict| !verdict.complete()), false);
    let states: u64 = rules.verdicts.iter().map(|verdict: &Verdict| verdict.states).sum();
    let broken = rules.broken().count() as u64;
    let kept = if broken == 0 {
        "no rule has an exception".to_owned()
    } else {
        format!("{} with exceptions", count(broken, "rule"))
    };
    format!(
        "{verdict} {}: {}, {kept}, {}\n",
        rules.design.full_name(),
        count(rules.rules.len() as u64, "rule"),
        count(states, "state")
    )
}

/// What changes from one design to another.
pub fn difference(old: &Rules, new: &Rules) -> String {
    let (old_name, new_name) = (old.design.full_name(), new.design.full_name());
    let changed = changes(old, new);
    let told = |rule: Option<&Rule>| match rule {
        None => "-".to_owned(),
        Some(rule) => names(&rule.locks) + kept(rule),
    };
    let rows = changed.iter().map(|Change { field, writes, old, new }| {
        [field.to_string(), verb(*writes).to_owned(), told(*old), told(*new)]
    });
    let head = ["field".to_owned(), "by".to_owned(), old_name.clone(), new_name.clone()];
    let rows: Vec<[String; 4]> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2].map(width);
    let line = |[field, by, old, new]: &[String; 4]| {
        format!("{field:<0$}  {by:<1$}  {old:<2$}  {new}\n", widths[0], widths[1], widths[2])
    };
    let table: String = rows.iter().map(line).collect();
    let same = old.rules.len() - changed.iter().filter(|change| change.old.is_some()).count();
    format!(
        "which lock guards which field: what changes from {old_name} to {new_name}\n\n{table}\n{} the same in both\n{}{}",
        count(same as u64, "rule"),
        last_line(old),
        last_line(new)
    )
}

/// The rules as annotations of Clang's context analysis, which Linux 7.0 has: `__guarded_by`, `__must_hold`. What has an exception
/// is a comment.
pub fn clang(rules: &Rules) -> String {
    let mut text = format!("/* inferred by lockwright from design {} */\n\n", rules.design.full_name());
    let mut fields: Vec<_> = rules.rules.iter().map(|rule| rule.field).collect();
    fields.dedup();
    let mut structs: Vec<Option<Symbol>> = fields.iter().map(|field| field.of).collect();
    structs.sort_unstable();
    structs.dedup();
    for of in structs {
        let indent = if of.is_some() { "\t" } else { "" };
        text.extend(of.map(|of| format!("struct {of} {{\n")));
        for field in fields.iter().filter(|field| field.of == of) {
            text.push_str(&format!("{indent}{}{};{}\n", field.name, guarded(rules, *field), remark(rules, *field)));
        }
        text.push_str(if of.is_some() { "};\n\n" } else { "\n" });
    }
    let contracts = rules.contracts.iter().filter_map(contract);
    text.extend(contracts);
    text
}

fn guarded(rules: &Rules, field: Field) -> String {
    let own = field.of.map(|of| format!("{of}->"));
    let name = |lock: &Symbol| own.as_deref().and_then(|own| lock.strip_prefix(own)).unwrap_or(lock).to_owned();
    rules.guard(field).iter().map(|lock| format!(" __guarded_by(&{})", name(lock))).collect()
}

/// What an annotation does not say.
fn remark(rules: &Rules, field: Field) -> String {
    let of = [false, true].map(|writes| rules.of(field, writes));
    let guard = rules.guard(field);
    if !guard.is_empty() && of.iter().flatten().all(|rule| rule.locks == guard) {
        return String::new();
    }
    let told = of
        .iter()
        .flatten()
        .map(|rule| format!("{}: {}{}", if rule.writes { "writes" } else { "reads" }, names(&rule.locks), kept(rule)));
    format!("\t/* {} */", told.collect::<Vec<_>>().join("; "))
}

fn contract(contract: &Contract) -> Option<String> {
    let marks =
        |word: &str, locks: &[Symbol]| locks.iter().map(|lock| format!("\n\t{word}(&{lock})")).collect::<String>();
    let kept: Vec<Symbol> =
        contract.must_hold.iter().filter(|lock| !contract.releases.contains(lock)).copied().collect();
    let all =
        [marks("__must_hold", &kept), marks("__acquires", &contract.acquires), marks("__releases", &contract.releases)]
            .concat();
    (!all.is_empty()).then(|| format!("{}(){all};\n", contract.function))
}
