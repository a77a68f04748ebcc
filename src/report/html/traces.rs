//! The traces of all findings as one JSON text, which the script of the page reads.
//!
//! Most texts come again and again, so each is there once and rows name it by number. A row is
//! `[step, column, depth, text, held, flags]`, and where another task ran before, its column and why it does not go on.
//! `held` has a bit for each lock of the trace; `flags` are the constants below.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::check::Finding;
use crate::event::names::Names;
use crate::explore::graph::NoReturn;
use crate::explore::schedule::Replay;
use crate::report::story::{self, Row, Story};
use crate::report::svg::locks;

/// The row is needed to understand the finding.
const KEY: u32 = 1;
/// It is the first place of the finding, or the second.
const MARKS: [u32; 2] = [2, 4];
/// A function is entered.
const FUNCTION: u32 = 8;

#[derive(Serialize)]
struct Trace {
    /// Names of the columns.
    c: Vec<usize>,
    /// The locks.
    l: Vec<usize>,
    /// The rows.
    r: Vec<Vec<u32>>,
    /// The point of no return; 0 if there is none.
    n: u32,
}

#[derive(Default, Serialize)]
pub(super) struct Traces {
    texts: Vec<String>,
    traces: Vec<Trace>,
    #[serde(skip)]
    numbers: HashMap<String, usize>,
}

impl Traces {
    fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), self.texts.len() - 1);
        self.texts.len() - 1
    }

    /// Adds the execution of a finding; its number.
    pub fn add(&mut self, finding: &Finding, replay: &Replay, names: &Names, no_return: Option<&NoReturn>) -> usize {
        let story = story::whole(replay, names, Some(finding));
        let keys = keys(&story::folded(replay, names, finding));
        let locks = locks(&story);
        let rows: Vec<Vec<u32>> = story.rows.iter().map(|row| self.row(row, &keys, &locks)).collect();
        let trace = Trace {
            c: story.columns.iter().map(|name| self.number(name)).collect(),
            l: locks.iter().map(|name| self.number(name)).collect(),
            r: rows,
            n: if let Some(NoReturn::At { step, .. }) = no_return { *step } else { 0 },
        };
        self.traces.push(trace);
        self.traces.len() - 1
    }

    fn row(&mut self, row: &Row, keys: &HashSet<RowKey>, locks: &[String]) -> Vec<u32> {
        let held = locks.iter().enumerate().filter(|(_, lock)| row.held[row.column].contains(lock));
        let held = held.fold(0, |held, (at, _)| held | 1 << at);
        let mut flags = row.mark.map_or(0, |mark| MARKS[usize::from(mark - 1)]);
        let is_function = row.step.is_none() && row.text.ends_with("()") && !row.text.contains([' ', '<', '>']);
        if is_function {
            flags |= FUNCTION;
        }
        if keys.contains(&key(row)) && !is_function {
            flags |= KEY;
        }
        let text = self.number(&row.text) as u32;
        let mut values = vec![row.step.unwrap_or(0), row.column as u32, row.depth as u32, text, held, flags];
        if let Some((column, why)) = &row.switch {
            values.extend([*column as u32, self.number(why) as u32]);
        }
        values
    }

    /// The text. It stands inside a script, so no end of one may be in it.
    pub fn json(&self) -> String {
        let text = serde_json::to_string(self).expect("texts and numbers can always be written");
        text.replace('<', "\\u003c")
    }
}

type RowKey = (Option<u32>, usize, String);

fn key(row: &Row) -> RowKey {
    (row.step, row.column, row.text.clone())
}

/// The rows that the short form of a story keeps.
fn keys(folded: &Story) -> HashSet<RowKey> {
    folded.rows.iter().map(key).collect()
}
