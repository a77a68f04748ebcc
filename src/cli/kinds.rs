//! `check` over the whole catalogue: what is wrong with each design, each kind of finding once.
//!
//! Findings are of one kind if they have the same code and are known as the same bug in the table of expectations. Where the table has
//! no row, the object that they are about stands for the bug. The first design that has a kind shows it, in the smallest scenario
//! that does; designs after it have a line.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use lockwright::check::{Code, Finding};
use lockwright::event::Symbol;
use lockwright::explore::{Config, Found, Verdict, explore};
use lockwright::predict::graded;
use lockwright::report::counterexample::{self, Counterexample};
use lockwright::report::{columns, completeness_of, count, memory_model};
use lockwright::study::cells::{self, Cell};
use lockwright::study::expect;

use super::progress::{self, Progress};
use super::{Status, all, print, save, time_line, workers};

/// What is asked for.
pub struct Wanted<'a> {
    /// Every scenario on every design, design by design.
    pub cells: &'a [Cell],
    /// How each is explored.
    pub config: &'a Config,
    /// Where the schedules that are shown go.
    pub save: Option<&'a Path>,
    /// Width of a page.
    pub columns: usize,
}

/// Code and bug; or the subject, where no bug is known.
type Kind = (Code, Result<&'static str, Symbol>);

/// The findings of one kind, by the positions of their cells.
struct Group {
    kind: Kind,
    cells: Vec<usize>,
}

fn kind(cell: &Cell, finding: &Finding) -> Kind {
    let known = expect::known(&cell.design.full_name(), cell.scenario.name, finding.code, &finding.subject);
    (finding.code, known.map(|known| known.bug).ok_or(finding.subject))
}

/// Explores, and prints.
pub fn run(wanted: &Wanted<'_>) -> Result<Status> {
    let cells = wanted.cells;
    let progress = Progress::start(progress::titles(cells))?;
    let verdicts = cells::for_each(cells, (workers() / wanted.config.jobs).max(1), |at, cell| {
        let verdict = explore(&cell.subject(), &progress.watched(at, wanted.config));
        progress.done(at, &verdict);
        verdict
    });
    let mut text = String::new();
    let mut shown = BTreeMap::new();
    for (design, range) in by_design(cells) {
        text.push_str(&section(wanted, &design, range, &verdicts, &mut shown)?);
    }
    let seconds = progress.finish().as_secs_f64();
    print(&(text + &time_line(seconds, workers())))?;
    let findings = verdicts.iter().any(|verdict| !verdict.findings.is_empty());
    Ok(Status::of(findings, verdicts.iter().any(|verdict| !verdict.complete())))
}

/// The designs in order, each with the positions of its cells.
fn by_design(cells: &[Cell]) -> Vec<(String, std::ops::Range<usize>)> {
    let mut designs: Vec<(String, std::ops::Range<usize>)> = Vec::new();
    for (at, cell) in cells.iter().enumerate() {
        let name = cell.design.full_name();
        match designs.last_mut() {
            Some((last, range)) if *last == name => range.end = at + 1,
            _ => designs.push((name, at..at + 1)),
        }
    }
    designs
}

fn groups(cells: &[Cell], verdicts: &[Verdict], range: std::ops::Range<usize>) -> Vec<Group> {
    let mut groups: BTreeMap<Kind, Vec<usize>> = BTreeMap::new();
    for at in range {
        for found in &verdicts[at].findings {
            let having = groups.entry(kind(&cells[at], &found.finding)).or_default();
            // Two findings of one kind in a scenario are one.
            if having.last() != Some(&at) {
                having.push(at);
            }
        }
    }
    groups.into_iter().map(|(kind, cells)| Group { kind, cells }).collect()
}

/// What is wrong with one design. `shown` has the design in whose section a kind has its page.
fn section(
    wanted: &Wanted<'_>,
    design: &str,
    range: std::ops::Range<usize>,
    verdicts: &[Verdict],
    shown: &mut BTreeMap<Kind, String>,
) -> Result<String> {
    let scenarios = range.len();
    let groups = groups(wanted.cells, verdicts, range.clone());
    let (known, new): (Vec<&Group>, Vec<&Group>) = groups.iter().partition(|group| shown.contains_key(&group.kind));
    let mut text = String::new();
    for group in new {
        text.push_str(&page(wanted, group, verdicts)?);
        text.push_str(&where_else(wanted, group, scenarios));
        text.push('\n');
        shown.insert(group.kind, design.to_owned());
    }
    for group in &known {
        text.push_str(&line(wanted, group, verdicts, scenarios, &shown[&group.kind]));
    }
    if !known.is_empty() {
        text.push('\n');
    }
    let verdicts = &verdicts[range];
    let with_findings = verdicts.iter().filter(|verdict| !verdict.findings.is_empty()).count();
    let found = match with_findings {
        0 if verdicts.iter().any(|verdict| !verdict.complete()) => {
            format!("nothing found so far in {}", count(scenarios as u64, "scenario"))
        }
        0 => format!("clean in {}", count(scenarios as u64, "scenario")),
        found => format!(
            "findings in {found} of {}, {}",
            count(scenarios as u64, "scenario"),
            count(groups.len() as u64, "kind")
        ),
    };
    let states: u64 = verdicts.iter().map(|verdict| verdict.states).sum();
    let states = if states > 0 { format!("{}, ", count(states, "state")) } else { String::new() };
    let state = completeness_of(verdicts.iter().find(|verdict| !verdict.complete()), false);
    let memory = memory_model(wanted.config.engine, wanted.config.memory);
    text.push_str(&wrapped(&format!("{state} {design}: {found}, {states}{memory}"), wanted));
    if !groups.is_empty() {
        text.push('\n');
    }
    Ok(text)
}

/// The finding in the smallest scenario that has it, with the schedule that is easiest to read.
fn page(wanted: &Wanted<'_>, group: &Group, verdicts: &[Verdict]) -> Result<String> {
    let at = smallest(wanted, group, verdicts);
    let cell = &wanted.cells[at];
    let (design, names) = (cell.design.full_name(), cell.scenario.names());
    let verdict = cells::explore_with_witnesses(cell, wanted.config)?;
    let found: &Found = verdict
        .findings
        .iter()
        .find(|found| kind(cell, &found.finding) == group.kind)
        .or_else(|| verdicts[at].findings.iter().find(|found| kind(cell, &found.finding) == group.kind))
        .expect("the cell was chosen because it has the finding");
    let sure = graded(&cell.subject(), &names, wanted.config, &verdict);
    let shown = save::show(cell, found, &names, &sure, wanted.save)?;
    let finding = &found.finding;
    let example = Counterexample {
        design: &design,
        scenario: cell.scenario.name,
        names: &names,
        found,
        replay: shown.replay.as_ref(),
        no_return: shown.no_return.as_ref(),
        saved: shown.file.as_deref(),
        expected: expect::known(&design, cell.scenario.name, finding.code, &finding.subject),
        graded: shown.graded.as_ref(),
    };
    Ok(counterexample::page_in(&example, wanted.columns))
}

/// The cell that is easiest to read.
fn smallest(wanted: &Wanted<'_>, group: &Group, verdicts: &[Verdict]) -> usize {
    let size = |at: &&usize| (all::size(&wanted.cells[**at].scenario), verdicts[**at].executions);
    *group.cells.iter().min_by_key(size).expect("a group has a cell")
}

/// In how many scenarios, and which.
fn where_else(wanted: &Wanted<'_>, group: &Group, scenarios: usize) -> String {
    let names: Vec<&str> = group.cells.iter().map(|at| wanted.cells[*at].scenario.name).collect();
    wrapped(&format!("in {} of {}: {}", names.len(), count(scenarios as u64, "scenario"), names.join(" ")), wanted)
}

/// A kind that has its page in the section of another design.
fn line(wanted: &Wanted<'_>, group: &Group, verdicts: &[Verdict], scenarios: usize, page_of: &str) -> String {
    let (code, cause) = group.kind;
    let cause = cause.map_or_else(|subject| format!("about {subject}"), |bug| format!("known as {bug}"));
    let example = wanted.cells[smallest(wanted, group, verdicts)].scenario.name;
    let (title, having) = (code.title(), group.cells.len());
    let scenarios = count(scenarios as u64, "scenario");
    let text = format!("{code}  {title}, {cause}: in {having} of {scenarios}, such as {example}; page: {page_of}");
    wrapped(&text, wanted)
}

fn wrapped(text: &str, wanted: &Wanted<'_>) -> String {
    columns::wrap(text, wanted.columns).iter().map(|line| format!("{line}\n")).collect()
}
