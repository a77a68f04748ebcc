//! The matrix: every scenario on every design, and what is known about what was found.

use std::collections::BTreeSet;

use super::{columns, count, memory_model};
use crate::check::Code;
use crate::explore::Verdict;
use crate::lease::designs::Entry;
use crate::scenario::FsKind;
use crate::study::cells::Cell;
use crate::study::expect::{self, Expected};

/// A cell that differs from the table of expectations, or an exploration that did not end.
const UNKNOWN: &str = "?";

/// The two designs that the project is about: they stand side by side, scenario by scenario.
pub const SIDE_BY_SIDE: [&str; 2] = ["bkl", "spinlock"];

/// The matrix without its time.
pub fn text(cells: &[Cell], verdicts: &[Verdict]) -> String {
    let designs = designs(cells);
    let is_beside = |design: &&Entry| designs.len() <= 2 || SIDE_BY_SIDE.contains(&design.name);
    let beside: Vec<Entry> = designs.iter().filter(is_beside).copied().collect();
    let mut text = properties(&designs, cells, verdicts);
    text.push_str("\nEach cell: what was found, and as which bug it is known; distinct states; executions.\n\n");
    text.push_str(&tables(&beside, cells, verdicts));
    text.push('\n');
    for design in &designs {
        text.push_str(&summary(*design, cells, verdicts));
        if !is_beside(&design) {
            text.push_str(&grouped(*design, cells, verdicts));
        }
    }
    text.push_str(&legend(cells, verdicts));
    text.push_str(&differences(cells, verdicts));
    text.push_str(&last_line(verdicts));
    text
}

/// Cells that differ from the table of expectations: where, expected, got.
pub fn differences(cells: &[Cell], verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    for (cell, verdict) in cells.iter().zip(verdicts) {
        let (design, scenario) = (cell.design.full_name(), cell.scenario.name);
        if expect::agrees(&design, scenario, verdict) {
            continue;
        }
        let expected = expect::expected(&design, scenario).unwrap_or(&[]);
        let expected = expected.iter().map(|row| format!("{} {} ({})", row.code, row.subject, row.bug));
        let got = verdict.findings.iter().map(|found| format!("{} {}", found.finding.code, &found.finding.subject));
        text.push_str(&format!("DIFFERS {design} {scenario}\n"));
        text.push_str(&format!("  expected: {}\n", or_clean(expected.collect())));
        text.push_str(&format!("  got:      {}\n", or_clean(got.collect())));
    }
    if text.is_empty() { text } else { text + "\n" }
}

fn or_clean(findings: Vec<String>) -> String {
    if findings.is_empty() { "clean".to_owned() } else { findings.join(", ") }
}

fn designs(cells: &[Cell]) -> Vec<Entry> {
    let mut designs: Vec<Entry> = Vec::new();
    for cell in cells {
        if designs.iter().all(|known| known.full_name() != cell.design.full_name()) {
            designs.push(cell.design);
        }
    }
    designs
}

fn of_design<'a>(
    design: Entry,
    cells: &'a [Cell],
    verdicts: &'a [Verdict],
) -> impl Iterator<Item = (&'a Cell, &'a Verdict)> {
    cells.iter().zip(verdicts).filter(move |(cell, _)| cell.design.full_name() == design.full_name())
}

/// The words of a cell: the codes, each with the bug it is known as.
fn findings(cell: &Cell, verdict: &Verdict) -> String {
    let design = cell.design.full_name();
    let bug = |code: Code, subject| {
        expect::known(&design, cell.scenario.name, code, subject).map_or(UNKNOWN, |known| known.bug)
    };
    let findings = verdict.findings.iter().map(|found| &found.finding);
    let mut words: Vec<String> = findings.map(|it| format!("{}/{}", it.code, bug(it.code, &it.subject))).collect();
    words.dedup();
    match (words.is_empty(), verdict.complete()) {
        (true, true) => "clean".to_owned(),
        (true, false) => "incomplete".to_owned(),
        (false, true) => words.join(" "),
        (false, false) => format!("{} incomplete", words.join(" ")),
    }
}

/// Scenarios by designs.
fn tables(designs: &[Entry], cells: &[Cell], verdicts: &[Verdict]) -> String {
    let mut scenarios: Vec<&str> = Vec::new();
    for cell in cells {
        if !scenarios.contains(&cell.scenario.name) {
            scenarios.push(cell.scenario.name);
        }
    }
    let names = columns_of(std::iter::once("scenario").chain(scenarios.iter().copied()).map(str::to_owned).collect());
    pages(&names, designs.iter().map(|&design| of_design_columns(design, &scenarios, cells, verdicts)))
}

/// Beside these names as many columns as a page has room for, one at least; the others on pages that follow.
fn pages(names: &[String], columns: impl Iterator<Item = Vec<String>>) -> String {
    let mut pages: Vec<Vec<String>> = Vec::new();
    for column in columns {
        match pages.last_mut() {
            Some(page) if width_of(page) + width_of(&column) <= columns::PAGE_COLUMNS => beside(page, &column),
            _ => {
                let mut page = names.to_vec();
                beside(&mut page, &column);
                pages.push(page);
            }
        }
    }
    let text = |page: Vec<String>| page.iter().map(|line| format!("{}\n", line.trim_end())).collect::<String>();
    pages.into_iter().map(text).collect::<Vec<_>>().join("\n")
}

/// What was found in each scenario, states and executions, each line as wide as the widest; `n/a` where the scenario says
/// nothing about the design.
fn of_design_columns(design: Entry, scenarios: &[&str], cells: &[Cell], verdicts: &[Verdict]) -> Vec<String> {
    let of_design: Vec<(&Cell, &Verdict)> = of_design(design, cells, verdicts).collect();
    let (mut found, mut states, mut executions) =
        (vec![design.full_name()], vec!["states".to_owned()], vec!["executions".to_owned()]);
    for scenario in scenarios {
        let cell = of_design.iter().find(|(cell, _)| cell.scenario.name == *scenario);
        found.push(cell.map_or("n/a".to_owned(), |(cell, verdict)| findings(cell, verdict)));
        states.push(cell.map_or(String::new(), |(_, verdict)| verdict.states.to_string()));
        executions.push(cell.map_or(String::new(), |(_, verdict)| verdict.executions.to_string()));
    }
    let mut lines = columns_of(found);
    beside(&mut lines, &numbers_of(states));
    beside(&mut lines, &numbers_of(executions));
    lines
}

fn width_of(words: &[String]) -> usize {
    words.iter().map(|word| word.chars().count()).max().unwrap_or(0)
}

fn columns_of(words: Vec<String>) -> Vec<String> {
    let width = width_of(&words);
    words.into_iter().map(|word| format!("{word:<width$}  ")).collect()
}

fn numbers_of(words: Vec<String>) -> Vec<String> {
    let width = width_of(&words);
    words.into_iter().map(|word| format!("{word:>width$}  ")).collect()
}

fn beside(lines: &mut [String], right: &[String]) {
    lines.iter_mut().zip(right).for_each(|(line, right)| line.push_str(right));
}

/// A line for a design: what it is, and how many scenarios are clean.
fn summary(design: Entry, cells: &[Cell], verdicts: &[Verdict]) -> String {
    let of_design: Vec<&Verdict> = of_design(design, cells, verdicts).map(|(_, verdict)| verdict).collect();
    let clean = of_design.iter().filter(|verdict| verdict.findings.is_empty() && verdict.complete()).count();
    let scenarios = count(of_design.len() as u64, "scenario");
    format!("{:<14}{}\n{:14}clean in {clean} of {scenarios}\n", design.full_name(), design.about, "")
}

/// What a design is known for, each with the scenarios in which it shows.
fn grouped(design: Entry, cells: &[Cell], verdicts: &[Verdict]) -> String {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for (cell, verdict) in of_design(design, cells, verdicts) {
        let found = findings(cell, verdict);
        match groups.iter_mut().find(|(known, _)| *known == found) {
            Some((_, scenarios)) => scenarios.push(cell.scenario.name),
            None => groups.push((found, vec![cell.scenario.name])),
        }
    }
    let mut text = String::new();
    for (found, scenarios) in groups {
        text.push_str(&format!("{:14}{found}\n", ""));
        for line in columns::wrap(&scenarios.join(" "), columns::PAGE_COLUMNS - 18) {
            text.push_str(&format!("{:18}{}\n", "", line.trim_start()));
        }
    }
    text
}

/// Properties by designs: the number of scenarios in which each is violated. `clean` needs every scenario complete, and `n/a`
/// stands where no scenario could have violated it: leases of a file server without one. A number with `+` may be too low:
/// in other scenarios an earlier finding ends every execution.
fn properties(designs: &[Entry], cells: &[Cell], verdicts: &[Verdict]) -> String {
    let names =
        columns_of(std::iter::once(String::new()).chain(Code::of_leases().map(|code| code.to_string())).collect());
    let of_designs = designs.iter().map(|&design| {
        let complete = of_design(design, cells, verdicts).all(|(_, verdict)| verdict.complete());
        let asks = |cell: &Cell| cell.scenario.cluster.nodes.iter().any(|node| node.fs == FsKind::Network);
        let has_server = of_design(design, cells, verdicts).any(|(cell, _)| asks(cell));
        let word = |code: Code| {
            let (has_it, has_not): (Vec<&Verdict>, Vec<&Verdict>) = of_design(design, cells, verdicts)
                .map(|(_, verdict)| verdict)
                .partition(|verdict| verdict.codes().contains(&code));
            let hidden = has_not.iter().any(|verdict| never_ends(verdict));
            match (has_it.len(), complete) {
                (0, _) if code == Code::LW032 && !has_server => "n/a".to_owned(),
                (number, _) if hidden => format!("{number}+"),
                (0, true) => "clean".to_owned(),
                (0, false) => "open".to_owned(),
                (number, _) => number.to_string(),
            }
        };
        numbers_of(std::iter::once(design.full_name()).chain(Code::of_leases().map(word)).collect())
    });
    let text = "Each property of each design: clean, or in how many scenarios it does not hold; n/a where none could tell.\n\
                +: and perhaps in more, where an earlier finding ends every execution.\n\n";
    text.to_owned() + &pages(&names, of_designs)
}

/// Does a finding end every execution, so that what comes later is not seen?
fn never_ends(verdict: &Verdict) -> bool {
    verdict.outcomes.is_empty() && !verdict.findings.is_empty()
}

/// The codes with their titles, and the bugs they are known as.
fn legend(cells: &[Cell], verdicts: &[Verdict]) -> String {
    let codes: BTreeSet<Code> = verdicts.iter().flat_map(Verdict::codes).collect();
    let mut known: Vec<&Expected> = Vec::new();
    for (cell, verdict) in cells.iter().zip(verdicts) {
        let design = cell.design.full_name();
        for found in &verdict.findings {
            let row = expect::known(&design, cell.scenario.name, found.finding.code, &found.finding.subject);
            let key = |row: &Expected| (row.code, row.bug, row.why);
            known.extend(row.filter(|row| known.iter().all(|other| key(other) != key(row))));
        }
    }
    let mut text = String::new();
    for code in codes {
        text.push_str(&format!("\n{code}  {}\n", code.title()));
        let mut of_code: Vec<&&Expected> = known.iter().filter(|row| row.code == code).collect();
        of_code.sort_by_key(|row| row.bug);
        of_code.dedup_by_key(|row| (row.bug, row.why));
        for row in of_code {
            let lines = columns::wrap(row.why, columns::PAGE_COLUMNS - 12);
            for (at, line) in lines.iter().enumerate() {
                let bug = if at == 0 { row.bug } else { "" };
                text.push_str(&format!("       {bug:<5}{}\n", line.trim_start()));
            }
        }
    }
    text.push('\n');
    text
}

/// `COMPLETE 40 cells, ...`, or what is missing.
pub(super) fn last_line(verdicts: &[Verdict]) -> String {
    let states: u64 = verdicts.iter().map(|verdict| verdict.states).sum();
    let executions: u64 = verdicts.iter().map(|verdict| verdict.executions).sum();
    let incomplete: Vec<&Verdict> = verdicts.iter().filter(|verdict| !verdict.complete()).collect();
    let memory = verdicts.first().map_or("SC", |verdict| memory_model(verdict.engine, verdict.memory));
    let start = match incomplete.first().and_then(|verdict| verdict.bound) {
        None => format!("COMPLETE {} cells", verdicts.len()),
        Some(bound) => format!("INCOMPLETE ({bound}) {} of {} cells", incomplete.len(), verdicts.len()),
    };
    format!("{start}, {states} states, {executions} executions, {memory}\n")
}
