//! What is said first: what the new design fixed, what it cost, and what is still open.
//!
//! Everything is counted here, and nothing is judged: a cost is a difference that somebody decided on, or a finding that only the
//! new design has.

use super::Input;
use crate::check::Code;
use crate::explore::Verdict;
use crate::explore::compare::Relation;
use crate::lease::designs::Entry;
use crate::report::{compare, count, matrix};
use crate::study::compare::explain::Explanation;

/// A line of an answer: in words, how often, and where to read on.
pub(super) struct Line {
    pub words: String,
    pub count: String,
    /// An anchor of the page; empty if there is nothing more to read.
    pub link: String,
}

/// The first screen.
pub(super) struct Answer {
    pub title: String,
    pub lead: Vec<String>,
    /// The old design and the new, each with a sentence on it.
    pub designs: Vec<(String, &'static str)>,
    /// In how many scenarios something is wrong, of how many.
    pub before: (usize, usize),
    pub after: (usize, usize),
    pub is_pair: bool,
    pub fixed: Vec<Line>,
    pub broke: Vec<Line>,
    pub cost: Vec<Line>,
    pub open: Vec<Line>,
    /// The command that compares the two.
    pub compare: String,
    /// The command that counts what is on this screen.
    pub check: String,
}

/// What the code is about, for a reader who has never seen it: said of the two designs that the project is about.
const LEASES: &str = "A file lease is a promise of the kernel: its holder is told before anybody else opens the file. \
    Linux 2.6.23 kept all leases under the Big Kernel Lock, one lock for the whole kernel, which a task loses whenever it \
    sleeps. In 2007 a mail proposed a small lock of their own, and asked what that would break.";

impl Answer {
    pub fn new(input: &Input<'_>) -> Answer {
        let [old, new] = input.pair;
        let names = [old, new].map(Entry::full_name);
        let is_pair = input.is_pair();
        let is_known = names.each_ref().map(String::as_str) == matrix::SIDE_BY_SIDE;
        let title = match is_pair {
            true if is_known => {
                "File leases off the Big Kernel Lock: what the refactor fixed, and what it cost".to_owned()
            }
            true => format!("From {} to {}: what the refactor changed", names[0], names[1]),
            false => format!("What is wrong with {}", names[0]),
        };
        let scenarios = count(input.of(old).count() as u64, "small scenario");
        let mut lead = Vec::new();
        if is_known {
            lead.push(LEASES.to_owned());
        }
        lead.push(format!(
            "Old and new code were run, not read: {scenarios}, each in every order of its steps. What goes wrong is shown below \
             with the order that leads to it, step by step."
        ));
        let found = |design: Entry| {
            let wrong = input.of(design).filter(|it| !it.verdict.findings.is_empty()).count();
            (wrong, input.of(design).count())
        };
        let mut designs = vec![(names[0].clone(), old.about)];
        if is_pair {
            designs.push((names[1].clone(), new.about));
        }
        Answer {
            title,
            lead,
            designs,
            before: found(old),
            after: found(new),
            is_pair,
            fixed: if is_pair { changed(input, |old, new| old > 0 && new == 0) } else { Vec::new() },
            broke: if is_pair { changed(input, |old, new| old == 0 && new > 0) } else { Vec::new() },
            cost: cost(input),
            open: open(input),
            compare: format!("lockwright compare {} {}", names[0], names[1]),
            check: match is_known {
                true => "lockwright".to_owned(),
                false if is_pair => format!("lockwright check --design {} --design {}", names[0], names[1]),
                false => format!("lockwright check {}", names[0]),
            },
        }
    }
}

/// In how many scenarios a design has a finding of this code.
fn having(input: &Input<'_>, design: Entry, code: Code) -> usize {
    input.of(design).filter(|it| it.verdict.codes().contains(&code)).count()
}

/// Codes of which the two designs have this many.
fn changed(input: &Input<'_>, is_wanted: fn(usize, usize) -> bool) -> Vec<Line> {
    let line = |code: Code| {
        let [old, new] = input.pair.map(|design| having(input, design, code));
        is_wanted(old, new).then(|| Line {
            words: code.title().to_owned(),
            count: format!("{} \u{2192} {}", old, new),
            link: code.to_string(),
        })
    };
    Code::of_one_program().filter_map(line).collect()
}

/// What can happen in the new design alone, because somebody decided so; and what nothing explains.
fn cost(input: &Input<'_>) -> Vec<Line> {
    let groups = compare::groups(input.compared);
    let line = |group: &compare::Group| {
        let [only_new, _] = group.scenarios;
        let is_meant = matches!(group.why, Some(Explanation { bug: None, .. }));
        let words = match (group.why.is_none(), is_meant) {
            (true, _) => "a difference that nothing explains".to_owned(),
            (_, true) => group.words().to_owned(),
            _ => return None,
        };
        (only_new > 0).then(|| Line { words, count: scenarios(only_new), link: "comparison".to_owned() })
    };
    groups.iter().filter_map(line).collect()
}

fn scenarios(number: usize) -> String {
    count(number as u64, "scenario")
}

/// What is wrong with the new design, and what was not seen to the end.
fn open(input: &Input<'_>) -> Vec<Line> {
    let new = input.pair[1];
    let with = |code: Code| {
        let number = having(input, new, code);
        (number > 0).then(|| Line { words: code.title().to_owned(), count: scenarios(number), link: code.to_string() })
    };
    let mut lines: Vec<Line> = Code::of_one_program().filter_map(with).collect();
    let incomplete: Vec<&Verdict> = input.of(new).map(|it| it.verdict).filter(|verdict| !verdict.complete()).collect();
    if let Some(bound) = incomplete.first().and_then(|verdict| verdict.bound) {
        let words = format!("not explored to the end: {bound}");
        lines.push(Line { words, count: scenarios(incomplete.len()), link: String::new() });
    }
    let unknown = input.compared.iter().filter(|compared| compared.relation().is_none()).count();
    if unknown > 0 {
        let words = "not compared to the end".to_owned();
        lines.push(Line { words, count: scenarios(unknown), link: String::new() });
    }
    let wider = input.compared.iter().filter(|it| it.unexplained().next().is_some()).count();
    if wider > 0 && !input.compared.iter().all(|it| it.relation() == Some(Relation::Equal)) {
        let words = "differences that nothing explains".to_owned();
        lines.push(Line { words, count: scenarios(wider), link: "comparison".to_owned() });
    }
    lines
}
