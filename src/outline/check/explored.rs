//! Explorations of what runs together, within what is left of the budget of a file.

use super::{Run, Unit, Value};
use crate::outline::declare::Runs;
use crate::outline::diagnostic::Label;
use crate::outline::finding::Finding;
use crate::outline::lower::{self, Source as Task};
use crate::outline::machine::{Op, Program, Shown, Step};
use crate::outline::runners::Set;
use crate::outline::scope::{Assumption, Scope};
use crate::outline::source::{Place, Source};
use crate::outline::{ordered, schedule};

pub(super) struct Budget {
    pub states: u64,
    pub runs: usize,
    /// Does an engine explore as well?
    pub is_beside: bool,
}

/// Is there something in the program that an engine may not judge?
fn is_own(program: &Program) -> bool {
    program.heap.iter().any(|heap| heap.is_asked) || ordered::leaves_open(program)
}

/// Explores what runs together.
pub(super) fn explore<'a>(source: &Source, scope: &Scope<'a>, set: &Set<'_, 'a>, unit: &mut Unit, budget: &mut Budget) {
    let mut sources: Vec<Task> = Vec::new();
    for task in &set.tasks {
        let same = sources
            .iter()
            .filter(|known: &&Task| known.name == task.name || known.name.starts_with(&format!("{} ", task.name)))
            .count();
        let name = if same == 0 { task.name.clone() } else { format!("{} {}", task.name, same + 1) };
        let runs = match task.runs {
            Runs::Work if set.begun.contains(&task.name) => Runs::Pending,
            Runs::Timer if set.begun.contains(&task.name) => Runs::Soft,
            runs => runs,
        };
        sources.push(Task { name, runs, bodies: task.bodies.clone() });
    }
    let lowered = lower::lower_among(scope, &sources, false, &set.outside);
    let names: Vec<String> = sources.iter().map(|task| task.name.clone()).collect();
    run(source, &lowered, names, unit, budget);
}

/// Explores a program, and adds what it shows.
pub(super) fn run(source: &Source, lowered: &lower::Lowered, tasks: Vec<String>, unit: &mut Unit, budget: &mut Budget) {
    let bound = |unit: &mut Unit, text: &str| {
        if !unit.bounds.iter().any(|known| known == text) {
            unit.bounds.push(text.to_owned());
        }
    };
    lowered.bounds.iter().for_each(|text| bound(unit, text));
    if budget.is_beside && !is_own(&lowered.program) {
        return;
    }
    if lowered.program.tasks.len() > 30 {
        return bound(unit, "30 tasks");
    }
    if budget.runs == 0 || budget.states == 0 {
        return bound(unit, "explorations of one file");
    }
    budget.runs -= 1;
    for assumption in turns(&lowered.program) {
        if unit.assumptions.iter().all(|known| known.what != assumption.what) {
            unit.assumptions.push(assumption);
        }
    }
    let explored = crate::outline::search::explore(&lowered.program, budget.states);
    budget.states = budget.states.saturating_sub(explored.states);
    if let Some(text) = &explored.bound {
        bound(unit, text);
    }
    for (shown, path) in &explored.shown {
        add(source, &lowered.program, shown, path, unit);
    }
    let values = |outcome: Vec<(String, i64)>| outcome.into_iter().map(|(name, value)| Value { name, value }).collect();
    let outcomes = explored.outcomes.into_iter().map(values).collect();
    unit.runs.push(Run { tasks, states: explored.states, bound: explored.bound, outcomes });
}

/// Works and timers that queue themselves: they would do so for ever.
fn turns(program: &Program) -> impl Iterator<Item = Assumption> {
    program.tasks.iter().enumerate().filter_map(|(task, code)| {
        let inst = code.insts.iter().find(|inst| matches!(inst.op, Op::Queue(other) if other == task))?;
        let what = format!("{} runs once more after it has queued itself, and no further", code.name);
        Some(Assumption { what, declare: None, place: inst.place })
    })
}

/// A finding of an exploration: that of the walk, if it is the same, now with its schedule.
pub(super) fn add(source: &Source, program: &Program, shown: &Shown, path: &[Step], unit: &mut Unit) {
    // What goes wrong before anybody has stepped has no schedule.
    let table = (!path.is_empty()).then(|| schedule::table(source, program, path));
    let scene = schedule::scene(source, program, path, shown);
    let same = |known: &&mut Finding| known.code == shown.code && known.subject == shown.subject;
    if let Some(known) = unit.findings.iter_mut().find(same) {
        known.schedule = known.schedule.take().or(table);
        known.scene.get_or_insert(scene);
        return;
    }
    let labels: Vec<Label> =
        shown.labels.iter().map(|(place, text)| Label { place: whole(source, *place), text: text.clone() }).collect();
    // A task that waits for two that wait for each other adds nothing to their deadlock.
    let is_part = |known: &Finding| known.labels.iter().all(|label| labels.contains(label));
    // Nor does one that waits for a lock whose holder has returned with it, which is told already.
    let is_told = |known: &Finding| match known.code {
        "LW008" => is_part(known),
        "LW007" => known.subject == shown.subject && labels.len() == 1,
        _ => false,
    };
    if shown.code == "LW008" && unit.findings.iter().any(is_told) {
        return;
    }
    unit.findings.push(Finding {
        code: shown.code,
        subject: shown.subject.clone(),
        title: shown.title.clone(),
        labels,
        notes: Vec::new(),
        grade: None,
        sure: None,
        schedule: table,
        scene: Some(scene),
    });
}

/// A line that only its number is known of.
fn whole(source: &Source, place: Place) -> Place {
    if place.to > 0 || !place.is_somewhere() {
        return place;
    }
    source.lines.get(place.line as usize - 1).map_or(place, crate::outline::source::Line::whole)
}
