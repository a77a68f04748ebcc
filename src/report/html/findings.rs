//! The findings, design by design and scenario by scenario, each with its places and its trace.

use super::traces::Traces;
use super::{CellShown, Input, Shown};
use crate::report::counterexample::no_return_text;
use crate::report::{source, story};
use crate::study::expect;

/// A place of a finding.
#[derive(Clone)]
pub(super) struct Place {
    pub text: String,
    pub source: String,
}

/// A finding as it is shown.
#[derive(Clone)]
pub(super) struct View {
    pub anchor: String,
    pub code: String,
    pub title: &'static str,
    pub message: String,
    pub design: String,
    pub scenario: &'static str,
    pub about: &'static str,
    pub places: Vec<Place>,
    /// The bug it is known as, and what that is.
    pub known: Option<(&'static str, &'static str)>,
    pub no_return: Option<String>,
    /// The number of its trace; none if only loom's memory shows it.
    pub trace: Option<usize>,
    pub command: String,
}

/// A scenario on a design that has findings.
pub(super) struct OfCell {
    pub anchor: String,
    pub scenario: &'static str,
    pub about: &'static str,
    pub command: String,
    pub views: Vec<View>,
}

/// The findings of a design.
pub(super) struct OfDesign {
    pub name: String,
    pub about: &'static str,
    /// Scenarios with a finding, of how many; and how many findings there are.
    pub wrong: (usize, usize),
    pub findings: usize,
    pub cells: Vec<OfCell>,
    /// Is it the first? That one is open.
    pub is_first: bool,
}

/// Names of mutants have a colon, which is awkward in an address.
fn safe(name: &str) -> String {
    name.replace(':', ".")
}

/// Where a cell stands on the page.
pub(super) fn anchor(it: &CellShown<'_>) -> String {
    format!("{}-{}", safe(&it.cell.design.full_name()), it.cell.scenario.name)
}

/// As a shell reads it.
pub(super) fn quoted(argument: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:,".contains(letter);
    match argument.chars().all(is_plain) {
        true => argument.to_owned(),
        false => format!("'{}'", argument.replace('\'', "'\\''")),
    }
}

/// The command that shows the findings of a cell.
fn command(it: &CellShown<'_>) -> String {
    format!("lockwright check {} {}", it.cell.design.full_name(), quoted(&it.argument))
}

pub(super) fn of_designs(input: &Input<'_>, traces: &mut Traces) -> Vec<OfDesign> {
    let mut all: Vec<OfDesign> = Vec::new();
    for &design in input.designs {
        let mut cells = Vec::new();
        for it in input.of(design).filter(|it| !it.shown.is_empty()) {
            let views = it.shown.iter().enumerate().map(|(at, shown)| view(it, at, shown, traces)).collect();
            let scenario = &it.cell.scenario;
            cells.push(OfCell {
                anchor: anchor(it),
                scenario: scenario.name,
                about: scenario.about,
                command: command(it),
                views,
            });
        }
        all.push(OfDesign {
            name: design.full_name(),
            about: design.about,
            wrong: (cells.len(), input.of(design).count()),
            findings: cells.iter().map(|cell| cell.views.len()).sum(),
            cells,
            is_first: all.is_empty(),
        });
    }
    all
}

/// The view of a finding of a cell.
pub(super) fn find(designs: &[OfDesign], input: &Input<'_>, cell: usize, at: usize) -> Option<View> {
    let wanted = anchor(&input.cells[cell]);
    let cell = designs.iter().flat_map(|design| &design.cells).find(|cell| cell.anchor == wanted)?;
    cell.views.get(at).cloned()
}

fn view(it: &CellShown<'_>, at: usize, shown: &Shown<'_>, traces: &mut Traces) -> View {
    let finding = &shown.found.finding;
    let names = it.cell.scenario.names();
    let design = it.cell.design.full_name();
    let scenario = &it.cell.scenario;
    let place = |(spot, label): &&(crate::check::Spot, String)| {
        let task = names.task(spot.set_up_of.unwrap_or(spot.task));
        let when = if spot.set_up_of.is_some() { "set-up".to_owned() } else { format!("step {}", spot.step) };
        Place { text: format!("{task}, {when}: {label}"), source: source(spot.place) }
    };
    let known = expect::known(&design, scenario.name, finding.code, &finding.subject);
    let schedule = &shown.found.schedule;
    let no_return = shown.no_return.as_ref();
    View {
        anchor: format!("{}-{}-{}", anchor(it), finding.code, at + 1),
        code: finding.code.to_string(),
        title: finding.code.title(),
        message: finding.message.clone(),
        scenario: scenario.name,
        about: scenario.about,
        places: story::places(finding).iter().map(place).collect(),
        known: known.map(|known| (known.bug, known.why)),
        no_return: no_return.map(|it| no_return_text(it, schedule, &names, finding.code)),
        trace: shown.replay.as_ref().map(|replay| traces.add(finding, replay, &names, no_return)),
        command: command(it),
        design,
    }
}
