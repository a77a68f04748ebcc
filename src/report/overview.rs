//! The first screen: what the refactor fixed and broke, in at most 24 lines.

use super::matrix::{self, last_line};
use super::{columns, count};
use crate::check::Code;
use crate::explore::Verdict;
use crate::lease::designs::Entry;
use crate::study::cells::Cell;

/// A row's number, or nothing to see.
fn number(count: usize) -> String {
    if count == 0 { "-".to_owned() } else { count.to_string() }
}

/// Before and after, code by code, without its time. `before` and `after` are the designs of the cells.
pub fn text(before: Entry, after: Entry, cells: &[Cell], verdicts: &[Verdict]) -> String {
    let of = |design: Entry| -> Vec<&Verdict> {
        let is_of = |cell: &Cell| cell.design.full_name() == design.full_name();
        cells.iter().zip(verdicts).filter(|(cell, _)| is_of(cell)).map(|(_, verdict)| verdict).collect()
    };
    let sides = [of(before), of(after)];
    let scenarios = sides[0].len();
    let heads = [format!("before: {}", before.full_name()), format!("after: {}", after.full_name())];
    let mut rows =
        vec![(format!("of {}, each in every order of its steps", count(scenarios as u64, "scenario")), heads)];
    for &code in Code::ALL {
        let having = sides.each_ref().map(|side| side.iter().filter(|it| it.codes().contains(&code)).count());
        if having != [0, 0] {
            rows.push((format!("{code}  {}", code.title()), having.map(number)));
        }
    }
    let found = sides.each_ref().map(|side| side.iter().filter(|it| !it.findings.is_empty()).count());
    rows.push(("any of them".to_owned(), [0, 1].map(|at| format!("{} of {}", found[at], sides[at].len()))));
    let mut text = table(&rows);
    text.push('\n');
    text.push_str(&judgement(before, after, found, cells, verdicts));
    text.push_str(&last_line(verdicts));
    text.push_str(&next(before, cells, verdicts));
    text
}

/// The words of a row, and what they count before and after.
type Row = (String, [String; 2]);

fn table(rows: &[Row]) -> String {
    let width = |of: &dyn Fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let (first, left, right) = (width(&|row| row.0.len()), width(&|row| row.1[0].len()), width(&|row| row.1[1].len()));
    let line = |(words, [before, after]): &Row| format!("{words:<first$}  {before:>left$}  {after:>right$}\n");
    rows.iter().map(line).collect()
}

/// Is it as the table of expectations says?
fn judgement(before: Entry, after: Entry, found: [usize; 2], cells: &[Cell], verdicts: &[Verdict]) -> String {
    let differences = matrix::differences(cells, verdicts);
    if !differences.is_empty() {
        return format!("NOT AS EXPECTED:\n\n{differences}");
    }
    let (before, after) = (before.full_name(), after.full_name());
    let text = match found {
        [_, 0] => format!("As expected: each finding of {before} is a known bug, and {after} has none."),
        _ => format!("As expected: each finding of {before} and {after} is a known bug."),
    };
    columns::wrap(&text, columns::PAGE_COLUMNS).iter().map(|line| format!("{line}\n")).collect()
}

/// What to type next.
fn next(before: Entry, cells: &[Cell], verdicts: &[Verdict]) -> String {
    let fewest = cells
        .iter()
        .zip(verdicts)
        .filter(|(cell, verdict)| cell.design.full_name() == before.full_name() && verdict.findings.len() == 1);
    // The smallest is the easiest to read.
    let example = fewest.min_by_key(|(_, verdict)| verdict.executions);
    let mut lines = Vec::new();
    if let Some((cell, verdict)) = example {
        let (design, scenario) = (cell.design.full_name(), cell.scenario.name);
        lines.push((format!("lockwright check --design {design} --scenario {scenario}"), "a finding, step by step"));
        let code = verdict.findings.first().map_or(Code::LW020, |found| found.finding.code);
        lines.push((format!("lockwright explain {code}"), "what such a finding means"));
    }
    lines.push(("lockwright --all".to_owned(), "all designs, scenario by scenario"));
    let width = lines.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    let lines = lines.iter().map(|(command, what)| format!("  {command:<width$}  {what}\n"));
    format!("\n{}", lines.collect::<String>())
}
