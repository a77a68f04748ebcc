//! Everything as one page for a browser: what a refactor fixed, what it cost, what is still open.
//!
//! The page is one file and asks for nothing from outside: style, script and data are in it. Without the script it is still
//! all there but for the traces. It never says a number without the command by which it can be had again.
//!
//! The text of the page is in `templates/report.html`; what is said first, and in which words, is in `answer`. Like every report
//! it explores nothing and depends on its input alone, so the same input gives the same file.

use askama::Template;

use super::compare::Example;
use super::svg::progress::{self, Map};
use super::{columns, completeness_of, count};
use crate::explore::graph::{Graph, NoReturn};
use crate::explore::schedule::Replay;
use crate::explore::{Found, Verdict};
use crate::lease::designs::Entry;
use crate::study::cells::Cell;
use crate::study::compare::Compared;

mod answer;
mod differences;
mod findings;
mod heat;
mod markdown;
mod traces;

use answer::Answer;
use differences::Comparison;
use findings::OfDesign;
use heat::Heat;

/// A finding with its execution.
pub struct Shown<'a> {
    /// The finding.
    pub found: &'a Found,
    /// Its execution; none if only loom's memory shows it.
    pub replay: Option<Replay>,
    /// Where it became certain.
    pub no_return: Option<NoReturn>,
}

/// A scenario on a design, explored.
pub struct CellShown<'a> {
    /// Which.
    pub cell: &'a Cell,
    /// How the scenario is named on the command line.
    pub argument: String,
    /// What was seen.
    pub verdict: &'a Verdict,
    /// Every finding of it.
    pub shown: Vec<Shown<'a>>,
}

/// All states of a scenario of two tasks on a design.
pub struct Mapped {
    /// The position of the cell.
    pub cell: usize,
    /// Its states, as seen from the finding.
    pub graph: Graph,
    /// The position of the finding whose schedule is drawn; none on a design that has none.
    pub finding: Option<usize>,
}

/// What the page is made of.
pub struct Input<'a> {
    /// The designs, old before new.
    pub designs: &'a [Entry],
    /// The two that the page is about; the same one if there is one alone.
    pub pair: [Entry; 2],
    /// Every scenario on every design.
    pub cells: &'a [CellShown<'a>],
    /// What can happen in one of the two alone.
    pub compared: &'a [Compared],
    /// For each reason of a difference what is shown of it ([`super::compare::examples`]), with its execution.
    pub examples: &'a [(Example, Option<Replay>)],
    /// Pictures of states.
    pub maps: &'a [Mapped],
    /// The command that wrote the page.
    pub command: &'a str,
}

impl Input<'_> {
    fn is_pair(&self) -> bool {
        self.pair[0].full_name() != self.pair[1].full_name()
    }

    /// The cells of a design.
    fn of(&self, design: Entry) -> impl Iterator<Item = &CellShown<'_>> {
        let name = design.full_name();
        self.cells.iter().filter(move |it| it.cell.design.full_name() == name)
    }
}

/// A picture of states.
struct Picture {
    design: String,
    caption: String,
    /// The command that counts the states.
    command: String,
    svg: String,
}

/// A code with its page.
struct Explained {
    code: String,
    title: &'static str,
    html: String,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    answer: Answer,
    heat: Heat,
    designs: Vec<OfDesign>,
    /// The anchor of the finding that is shown on top, its title, and what it is an example of.
    featured: Option<findings::View>,
    pictures: Vec<Picture>,
    comparison: Option<Comparison>,
    pages: Vec<Explained>,
    command: &'a str,
    last: String,
    version: &'static str,
    style: &'static str,
    script: &'static str,
    data: String,
}

/// The page.
pub fn page(input: &Input<'_>) -> String {
    let mut traces = traces::Traces::default();
    let designs = findings::of_designs(input, &mut traces);
    let comparison = input.is_pair().then(|| Comparison::new(input, &mut traces));
    let featured = featured(input).and_then(|(cell, at)| findings::find(&designs, input, cell, at));
    let page = Page {
        answer: Answer::new(input),
        heat: Heat::new(input),
        featured,
        designs,
        pictures: pictures(input),
        comparison,
        pages: explained(input),
        command: input.command,
        last: last_line(input),
        version: env!("CARGO_PKG_VERSION"),
        style: include_str!("../../templates/report.css"),
        script: include_str!("../../templates/report.js"),
        data: traces.json(),
    };
    page.render().expect("internal error: the template writes into a string")
}

/// The finding that is shown on top: the one that is drawn; else the one that is easiest to read.
fn featured(input: &Input<'_>) -> Option<(usize, usize)> {
    let drawn = input.maps.iter().find_map(|map| Some((map.cell, map.finding?)));
    drawn.or_else(|| {
        let has_one = |it: &(usize, &CellShown<'_>)| it.1.shown.iter().any(|shown| shown.replay.is_some());
        let easiest = input.cells.iter().enumerate().filter(has_one);
        let (at, cell) = easiest.min_by_key(|(_, it)| (it.shown.len(), it.verdict.executions))?;
        Some((at, cell.shown.iter().position(|shown| shown.replay.is_some())?))
    })
}

fn pictures(input: &Input<'_>) -> Vec<Picture> {
    let picture = |mapped: &Mapped| {
        let cell = &input.cells[mapped.cell];
        let tasks = cell.cell.scenario.tasks.iter().map(|task| task.name).collect::<Vec<_>>();
        let [first, second] = tasks[..] else { return None };
        let design = cell.cell.design.full_name();
        // As the explorer counts: what ends there is no state in which something can happen.
        let inner: Vec<_> = mapped.graph.nodes.iter().filter(|node| node.end.is_none()).collect();
        let lost = inner.iter().filter(|node| !node.has_way_out).count();
        let states = count(inner.len() as u64, "state");
        let shown = mapped.finding.map(|at| &cell.shown[at]);
        let caption = match lost {
            0 => format!("{design}: {states}, and each of them can still end well."),
            _ => format!("{design}: {states}; in {lost} of them it is too late."),
        };
        let (bad, good) = match shown {
            Some(Shown { found, no_return: Some(NoReturn::At { step, instead }), .. }) => {
                (Some((&found.schedule, Some(*step))), Some(instead))
            }
            Some(Shown { found, .. }) => (Some((&found.schedule, None)), None),
            None => (None, None),
        };
        let about = format!("States of {} on {caption}", cell.cell.scenario.name);
        let svg = progress::map(&Map { graph: &mapped.graph, tasks: [first, second], bad, good, about: &about });
        let command = format!("lockwright explore {design} {}", findings::quoted(&cell.argument));
        Some(Picture { design, caption, command, svg })
    };
    input.maps.iter().filter_map(picture).collect()
}

/// A page for each code that is found somewhere, and for the two of the comparison.
fn explained(input: &Input<'_>) -> Vec<Explained> {
    use crate::check::Code;
    let found = |code: &Code| input.cells.iter().any(|it| it.verdict.codes().contains(code));
    let compared = |code: &Code| input.compared.iter().flat_map(|it| &it.differences).any(|(it, _)| it.code == *code);
    let codes = Code::ALL.iter().filter(|code| found(code) || compared(code));
    let known: Vec<Code> = codes.copied().collect();
    let page = |code: &Code| Explained {
        code: code.to_string(),
        title: code.title(),
        html: markdown::html(code.page(), &known),
    };
    known.iter().map(page).collect()
}

fn last_line(input: &Input<'_>) -> String {
    let incomplete = input.cells.iter().map(|it| it.verdict).find(|verdict| !verdict.complete());
    let states: u64 = input.cells.iter().map(|it| it.verdict.states).sum();
    let executions: u64 = input.cells.iter().map(|it| it.verdict.executions).sum();
    let memory = input.cells.first().map_or("SC", |it| super::memory_model(it.verdict.engine, it.verdict.memory));
    let cells = count(input.cells.len() as u64, "cell");
    let line =
        format!("{}: {cells}, {states} states, {executions} executions, {memory}", completeness_of(incomplete, false));
    columns::wrap(&line, usize::MAX / 2).join(" ")
}
