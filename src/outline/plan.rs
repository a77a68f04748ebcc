//! The programs of a file, one for each outline and diagram, for those who run them elsewhere.

use super::check::{Options, unknown_tasks};
use super::declare::{Runs, undeclared};
use super::diagnostic::Diagnostic;
use super::lower::{self, Source as Task};
use super::machine::Program;
use super::parse;
use super::runners::Runners;
use super::scope::Scope;
use super::source::Source;

/// The program of an outline or a diagram: its declared tasks, all its entry points side by side, or its columns.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Line where the outline begins.
    pub line: u32,
    /// What runs.
    pub program: Program,
    /// What it has no room for.
    pub bounds: Vec<&'static str>,
}

impl Planned {
    fn new(line: u32, lowered: lower::Lowered) -> Planned {
        Planned { line, program: lowered.program, bounds: lowered.bounds.into_iter().collect() }
    }
}

/// What was read, its programs, and its mistakes; with a mistake there are no programs.
pub fn plan(name: &str, bytes: &[u8], options: &Options) -> (Source, Vec<Planned>, Vec<Diagnostic>) {
    let source = Source::new(name, bytes);
    let mut file = parse::parse(&source);
    unknown_tasks(&mut file);
    let undeclared = undeclared(&file.declarations);
    file.mistakes.extend(undeclared);
    let mut planned = Vec::new();
    if !file.mistakes.is_empty() {
        return (source, planned, file.mistakes);
    }
    for group in &file.groups {
        let scope = Scope::new(&file, &group.functions, &[], options.catalogue, &options.conversions);
        let runners = Runners::of(&scope);
        let all = runners.all();
        let line = group.functions.first().map_or(0, |function| function.place.line);
        planned.push(Planned::new(line, lower::lower_among(&scope, &runners.tasks, false, &all.outside)));
    }
    for diagram in &file.diagrams {
        let bodies: Vec<_> = diagram.columns.iter().map(|column| column.body.as_slice()).collect();
        let scope = Scope::new(&file, &[], &bodies, options.catalogue, &options.conversions);
        let tasks: Vec<Task> = diagram
            .columns
            .iter()
            .map(|column| Task {
                name: column.name.clone(),
                runs: Runs::Task,
                bodies: vec![("", column.body.as_slice())],
            })
            .collect();
        planned.push(Planned::new(diagram.place.line, lower::lower(&scope, &tasks, true)));
    }
    (source, planned, Vec::new())
}
