//! Checks a file: the static walk of each outline, the exploration of what runs together, diagrams as drawn and in any order.

mod explored;
mod functions;

use std::collections::{BTreeMap, BTreeSet};

use self::explored::{Budget, add, run};
use self::functions::outline;
use super::catalogue::Catalogue;
use super::claimed::{self, Standing};
use super::claims::Claim;
use super::declare::Runs;
use super::diagnostic::Diagnostic;
use super::drawn::{self, Drawn};
use super::finding::Finding;
use super::graded;
use super::lower::{self, Source as Task};
use super::machine::{Op, Program};
use super::parse;
use super::scope::{Assumption, Conversions, Does, Scope};
use super::source::{Place, Source};
use super::tree::{Diagram, Figure, File};
use super::vocabulary::Kind;
use super::walk::Walk;

/// States of all explorations of a file at most.
pub const STATES_MAX: u64 = 2_000_000;

/// Explorations of a file at most.
pub const RUNS_MAX: usize = 2000;

/// How a file is checked.
pub struct Options<'a> {
    /// What known functions do.
    pub catalogue: &'a Catalogue,
    /// Locks that are reinterpreted.
    pub conversions: Conversions,
}

/// One set of tasks that was explored.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Run {
    /// Names of the tasks.
    pub tasks: Vec<String>,
    /// States visited.
    pub states: u64,
    /// The bound that ended it.
    pub bound: Option<String>,
    /// Values at the end of all tasks.
    pub outcomes: Vec<Vec<Value>>,
}

/// A variable, or a local as `task.local`, at the end.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Value {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: i64,
}

/// What a diagram came to as drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AsDrawn {
    /// The code of the finding, and the line of its row.
    Finding(&'static str, u32),
    /// Nothing is found.
    Possible,
    /// From the line on, for the reason, which has a place.
    Impossible(u32, Place, String),
    /// The bound on steps was hit.
    Unknown,
}

/// The verdict on one outline or diagram.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    /// What it is: `outline`, `diagram`, `lockdep box`, `steps`.
    pub what: &'static str,
    /// Line where it begins.
    pub line: u32,
    /// Names of functions or tasks in it.
    pub names: Vec<String>,
    /// In the order in which they were found.
    pub findings: Vec<Finding>,
    /// What had to be assumed.
    pub assumptions: Vec<Assumption>,
    /// What the reader added, or did not run.
    pub remarks: Vec<Diagnostic>,
    /// Explorations.
    pub runs: Vec<Run>,
    /// Of a diagram.
    pub drawn: Option<AsDrawn>,
    /// Of a diagram: what is said to go wrong, and whether it does.
    pub claims: Vec<(Claim, Place, Standing)>,
    /// Bounds that were hit.
    pub bounds: Vec<String>,
    /// Names of locks with their kinds.
    pub locks: BTreeMap<String, Kind>,
}

impl Unit {
    /// Findings that count.
    pub fn counted(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.counts())
    }

    /// Codes of the findings that count, each once, in order.
    pub fn codes(&self) -> Vec<&'static str> {
        let codes: BTreeSet<&str> = self.counted().map(|finding| finding.code).collect();
        codes.into_iter().collect()
    }
}

/// The verdict on a file.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was read.
    pub source: Source,
    /// What is wrong with it: then nothing else was done.
    pub mistakes: Vec<Diagnostic>,
    /// Outlines and diagrams.
    pub units: Vec<Unit>,
    /// Numbers of lines that were not read.
    pub unread: Vec<u32>,
    /// Declarations without an outline to apply to.
    pub declarations: usize,
}

impl Report {
    /// Codes of all findings that count, each once, in order.
    pub fn codes(&self) -> Vec<&'static str> {
        let codes: BTreeSet<&str> = self.units.iter().flat_map(Unit::counted).map(|finding| finding.code).collect();
        codes.into_iter().collect()
    }

    /// Was everything seen: no mistake in the file, and no bound?
    pub fn is_complete(&self) -> bool {
        self.mistakes.is_empty() && self.units.iter().all(|unit| unit.bounds.is_empty())
    }

    /// Names of all locks.
    pub fn locks(&self) -> BTreeSet<&str> {
        self.units.iter().flat_map(|unit| unit.locks.keys()).map(String::as_str).collect()
    }
}

/// Checks a text of any bytes.
pub fn check(name: &str, bytes: &[u8], options: &Options) -> Report {
    within(name, bytes, options, Budget { states: STATES_MAX, runs: RUNS_MAX, is_beside: false })
}

/// The same beside an engine that explores every order: only what no engine judges is explored here, which is leaks, and races of plain
/// accesses, for loom has none.
pub fn walk(name: &str, bytes: &[u8], options: &Options) -> Report {
    within(name, bytes, options, Budget { states: STATES_MAX, runs: RUNS_MAX, is_beside: true })
}

fn within(name: &str, bytes: &[u8], options: &Options, mut budget: Budget) -> Report {
    let source = Source::new(name, bytes);
    let mut whole =
        Report { source: source.clone(), mistakes: Vec::new(), units: Vec::new(), unread: Vec::new(), declarations: 0 };
    // Texts that scissors part have nothing to do with each other.
    for part in super::source::parts(&source) {
        let found = checked(part, options, &mut budget);
        whole.mistakes.extend(found.mistakes);
        whole.units.extend(found.units);
        whole.unread.extend(found.unread);
        whole.declarations += found.declarations;
    }
    if !whole.mistakes.is_empty() {
        whole.units.clear();
    }
    whole
}

fn checked(source: Source, options: &Options, budget: &mut Budget) -> Report {
    let mut file = parse::parse(&source);
    unknown_tasks(&mut file);
    let undeclared = super::declare::undeclared(&file.declarations);
    file.mistakes.extend(undeclared);
    let mut units = Vec::new();
    if file.mistakes.is_empty() {
        for group in &file.groups {
            units.push(outline(&source, &file, group, options, budget));
        }
        for diagram in &file.diagrams {
            units.push(of_diagram(&source, &file, diagram, options, budget));
        }
        units.extend(file.told.iter().map(of_report));
    }
    if !units.is_empty() && file.mistakes.is_empty() && units.iter().all(says_nothing) {
        let place =
            source.lines.iter().find(|line| line.number == units[0].line).map_or(Place::default(), |line| line.whole());
        let title = "nothing here locks, sleeps or shares memory";
        file.mistakes.push(Diagnostic::mistake(title, place, "what was taken for an outline begins here"));
        units.clear();
    }
    let declarations = file.declarations.len();
    Report { mistakes: file.mistakes, unread: file.unread, units, declarations, source }
}

/// Is there nothing in the unit that could go right or wrong?
fn says_nothing(unit: &Unit) -> bool {
    let is_idle = unit.runs.iter().all(|run| run.states <= 1) && unit.drawn.is_none() && unit.claims.is_empty();
    is_idle
        && unit.locks.is_empty()
        && unit.findings.is_empty()
        && unit.bounds.is_empty()
        && unit.assumptions.is_empty()
}

/// A task calls a function that is outlined nowhere.
pub(super) fn unknown_tasks(file: &mut File) {
    use super::declare::Declaration;
    let mut known: BTreeSet<&str> =
        file.groups.iter().flat_map(|group| &group.functions).map(|function| function.name.as_str()).collect();
    for function in file.groups.iter().flat_map(|group| &group.functions) {
        for node in &function.body {
            node.each(&mut |node| {
                if let super::statement::Stmt::Call { name, .. } = &node.stmt
                    && !node.children.is_empty()
                {
                    known.insert(name);
                }
            });
        }
    }
    let declared = |name: &str| {
        file.declarations.iter().any(|(other, _)| matches!(other, Declaration::Fn(known, _) if known == name))
    };
    let mut mistakes = Vec::new();
    for (declaration, _) in &file.declarations {
        let Declaration::Task(task, _, calls) = declaration else { continue };
        for call in calls.iter().filter(|call| !known.contains(call.name.as_str()) && !declared(&call.name)) {
            let title = format!("task `{task}` calls `{}`, which is not outlined", call.name);
            let names: Vec<&str> = known.iter().copied().take(8).collect();
            let expected = if names.is_empty() {
                "expected a function of this file".to_owned()
            } else {
                format!("expected one of {}", names.join(", "))
            };
            mistakes.push(Diagnostic::mistake(title, call.place, expected));
        }
    }
    file.mistakes.extend(mistakes);
}

fn unit_of(what: &'static str, line: u32, walk: &Walk, scope: &Scope) -> Unit {
    let kind = |name: &String| (name.clone(), scope.kind(name, None).0);
    let bounds = walk.bounds.iter().map(|bound| (*bound).to_owned()).collect();
    Unit {
        what,
        line,
        names: Vec::new(),
        findings: walk.findings.clone(),
        assumptions: walk.assumptions.iter().cloned().collect(),
        remarks: Vec::new(),
        runs: Vec::new(),
        drawn: None,
        claims: Vec::new(),
        bounds,
        locks: walk.names.iter().map(kind).collect(),
    }
}

/// What a report of the kernel says, which nobody can run.
fn of_report(told: &Finding) -> Unit {
    Unit {
        what: "report",
        line: told.labels.first().map_or(0, |label| label.place.line),
        findings: vec![told.clone()],
        bounds: vec![super::told::BOUND.to_owned()],
        ..Unit::default()
    }
}

fn of_diagram(source: &Source, file: &File, diagram: &Diagram, options: &Options, budget: &mut Budget) -> Unit {
    let bodies: Vec<_> = diagram.columns.iter().map(|column| column.body.as_slice()).collect();
    let scope = Scope::new(file, &[], &bodies, options.catalogue, &options.conversions);
    let tasks: Vec<super::scope::Task> = diagram
        .columns
        .iter()
        .map(|column| super::scope::Task {
            name: column.name.clone(),
            runs: Runs::Task,
            does: Does::Body(&column.body),
            place: diagram.place,
        })
        .collect();
    let walk = Walk::of(&scope, &tasks);
    let what = match diagram.figure {
        Figure::Columns => "diagram",
        Figure::Box => "lockdep box",
        Figure::Steps => "steps",
        Figure::Sections => "tasks",
    };
    let mut unit = unit_of(what, diagram.place.line, &walk, &scope);
    // A figure begins and ends where its author likes.
    unit.findings.retain(|finding| !matches!(finding.code, "LW006" | "LW007"));
    unit.names = diagram.columns.iter().map(|column| column.name.clone()).collect();
    unit.remarks = diagram.remarks.clone();
    let sources: Vec<Task> = diagram
        .columns
        .iter()
        .map(|column| Task { name: column.name.clone(), runs: Runs::Task, bodies: vec![("", column.body.as_slice())] })
        .collect();
    let lowered = lower::lower(&scope, &sources, true);
    // A task that was made of the chain has no rows.
    let is_made = diagram.figure == Figure::Box && !diagram.remarks.is_empty();
    unit.drawn =
        (!is_made && diagram.figure != Figure::Sections).then(|| as_drawn(source, &lowered.program, &mut unit));
    let names = unit.names.clone();
    run(source, &lowered, names, &mut unit, budget);
    let found: Vec<&str> = unit.findings.iter().map(|finding| finding.code).collect();
    let is_possible = unit.drawn == Some(AsDrawn::Possible);
    unit.claims = claimed::judge(diagram, &lowered.program, &found, is_possible);
    unit.findings.extend(claimed::findings(&unit.claims));
    if unit.findings.is_empty()
        && !lowered.program.tasks.iter().flat_map(|task| &task.insts).any(|inst| is_judged(&inst.op))
    {
        unit.bounds.push("steps of a figure that have no known effect".to_owned());
    }
    graded::grade(&mut unit.findings, &unit.bounds);
    unit
}

/// Is there something in the step that could go wrong? A figure without any is told in names and words alone.
fn is_judged(op: &Op) -> bool {
    op.waits()
        || matches!(op, Op::Acquire(..) | Op::Load(..) | Op::Store(..) | Op::Modify(..) | Op::Assert(..))
        || matches!(op, Op::Free(_) | Op::Use(_) | Op::SeqRetry(..) | Op::Queue(_) | Op::MaySleep)
}

fn as_drawn(source: &Source, program: &Program, unit: &mut Unit) -> AsDrawn {
    match drawn::play(program) {
        Drawn::Finding(shown, line, path) => {
            add(source, program, &shown, &path, unit);
            AsDrawn::Finding(shown.code, line)
        }
        Drawn::Possible(_) => AsDrawn::Possible,
        Drawn::Impossible(line, place, why) => AsDrawn::Impossible(line, place, why),
        Drawn::Unknown => {
            unit.bounds.push("steps of the drawn order".to_owned());
            AsDrawn::Unknown
        }
    }
}
