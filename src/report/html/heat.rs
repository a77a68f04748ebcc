//! The matrix as a heat map: scenarios by designs, the codes that were found, darker where there are more.

use super::{CellShown, Input, findings};
use crate::check::Code;

/// A design's column.
pub(super) struct Head {
    pub name: String,
    pub about: &'static str,
    /// `before`, `after`, or nothing.
    pub part: &'static str,
    /// How many scenarios are clean, of how many.
    pub clean: (usize, usize),
}

/// A scenario on a design.
pub(super) struct Spot {
    /// How dark: 0 is clean.
    pub heat: usize,
    /// `clean`, `n/a`, or nothing if there are codes.
    pub word: &'static str,
    pub codes: Vec<String>,
    /// In words, for a reader who hears it or points at it.
    pub words: String,
    pub link: String,
    pub is_incomplete: bool,
}

/// A scenario's row.
pub(super) struct Row {
    pub scenario: &'static str,
    pub about: &'static str,
    pub spots: Vec<Spot>,
}

/// A code with its words, and in how many scenarios each of the two designs has it.
pub(super) struct Key {
    pub code: String,
    pub title: &'static str,
    pub counts: Vec<String>,
}

/// The matrix.
pub(super) struct Heat {
    pub heads: Vec<Head>,
    pub rows: Vec<Row>,
    pub keys: Vec<Key>,
}

impl Heat {
    pub fn new(input: &Input<'_>) -> Heat {
        let heads = input.designs.iter().map(|&design| {
            let name = design.full_name();
            let clean = input.of(design).filter(|it| it.verdict.findings.is_empty() && it.verdict.complete()).count();
            let is = |at: usize| input.is_pair() && input.pair[at].full_name() == name;
            let part = if is(0) {
                "before"
            } else if is(1) {
                "after"
            } else {
                ""
            };
            Head { name, about: design.about, part, clean: (clean, input.of(design).count()) }
        });
        let mut rows: Vec<Row> = Vec::new();
        for it in input.cells {
            let scenario = &it.cell.scenario;
            if rows.iter().all(|row| row.scenario != scenario.name) {
                let spots = input
                    .designs
                    .iter()
                    .map(|design| spot(input.of(*design).find(|other| other.cell.scenario.name == scenario.name)));
                rows.push(Row { scenario: scenario.name, about: scenario.about, spots: spots.collect() });
            }
        }
        let key = |code: &Code| Key {
            code: code.to_string(),
            title: code.title(),
            counts: input.pair[..if input.is_pair() { 2 } else { 1 }]
                .iter()
                .map(|design| input.of(*design).filter(|it| it.verdict.codes().contains(code)).count())
                .map(|number| if number == 0 { "\u{2013}".to_owned() } else { number.to_string() })
                .collect(),
        };
        let is_found = |code: &Code| input.cells.iter().any(|it| it.verdict.codes().contains(code));
        let keys = Code::ALL.iter().filter(|code| is_found(code)).map(key).collect();
        Heat { heads: heads.collect(), rows, keys }
    }
}

fn spot(cell: Option<&CellShown<'_>>) -> Spot {
    let Some(it) = cell else {
        let words = "n/a: the design knows no file server".to_owned();
        return Spot { heat: 0, word: "n/a", codes: Vec::new(), words, link: String::new(), is_incomplete: false };
    };
    let codes = it.verdict.codes();
    let place = format!("{} on {}", it.cell.scenario.name, it.cell.design.full_name());
    let found: Vec<String> = codes.iter().map(|code| format!("{code} {}", code.title())).collect();
    let is_incomplete = !it.verdict.complete();
    let word = match (codes.is_empty(), is_incomplete) {
        (true, false) => "clean",
        (true, true) => "open",
        _ => "",
    };
    let said = if found.is_empty() { word.to_owned() } else { found.join("; ") };
    let link = if codes.is_empty() { String::new() } else { findings::anchor(it) };
    Spot {
        heat: codes.len().min(5),
        word,
        codes: codes.iter().map(Code::to_string).collect(),
        words: format!("{place}: {said}"),
        link,
        is_incomplete,
    }
}
