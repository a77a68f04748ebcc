//! Two designs side by side: their functions, the outline of each call as executed, and what each call costs under its locks.
//!
//! All of it is made from the designs themselves: functions from their source, outlines and costs from the call run alone. So nothing
//! here can be stale. What a call costs with nobody in its way is one path; contention is measured by [`throughput`](super::throughput).

use crate::explore::schedule::{Divergence, Guide, replay};
use crate::lease::designs::Entry;
use crate::lease::sources;
use crate::scenario::alone::Alone;
use crate::scenario::subject;

mod align;
mod cost;
mod functions;

pub use align::{Mark, Row, aligned};
pub use cost::{Cost, Hold};
pub use functions::{Function, functions};

/// A function of one design or of both.
#[derive(Clone, Debug)]
pub struct Beside {
    /// Its name.
    pub name: String,
    /// Of the old and of the new design: where it begins, as `file:line`, if it has one.
    pub places: [Option<String>; 2],
    /// Its lines.
    pub rows: Vec<Row>,
}

impl Beside {
    /// Is it the same in both?
    pub fn is_same(&self) -> bool {
        self.rows.iter().all(|row| row.mark == Mark::Same)
    }
}

/// The functions of both designs, those that only the new one has after the one that they follow there.
pub fn beside(designs: [Entry; 2]) -> Vec<Beside> {
    let [old, new] = designs.map(|design| functions(&sources::of(design)));
    let pair = |old: Option<&Function>, new: Option<&Function>| {
        let lines = |function: Option<&Function>| function.map_or_else(Vec::new, |it| it.lines.clone());
        let place = |function: Option<&Function>| function.map(|it| format!("{}:{}", it.path, it.line));
        let name = old.or(new).map_or_else(String::new, |it| it.name.clone());
        Beside { name, places: [place(old), place(new)], rows: aligned(&lines(old), &lines(new), |line| line.trim()) }
    };
    let find = |all: &'_ [Function], name: &str| all.iter().position(|it| it.name == name);
    let mut pairs: Vec<Beside> = old.iter().map(|it| pair(Some(it), find(&new, &it.name).map(|at| &new[at]))).collect();
    for (at, function) in new.iter().enumerate().filter(|(_, it)| find(&old, &it.name).is_none()) {
        let before = at.checked_sub(1).and_then(|at| pairs.iter().position(|it| it.name == new[at].name));
        pairs.insert(before.map_or(0, |at| at + 1), pair(None, Some(function)));
    }
    pairs
}

/// What a call does in both designs.
#[derive(Clone, Debug)]
pub struct CallBeside {
    /// The call, as the command line names it.
    pub call: &'static str,
    /// Which call, from which state.
    pub about: &'static str,
    /// The outlines as executed, line against line: the name with its indentation, and the locks held.
    pub outline: Vec<Row>,
    /// What it costs in the old design and in the new.
    pub costs: [Cost; 2],
}

/// Runs a call alone on both designs.
///
/// # Errors
/// Never for calls of the catalogue: no schedule is followed.
pub fn call(designs: [Entry; 2], call: &Alone) -> Result<CallBeside, Divergence> {
    let names = call.scenario.names();
    let run = |design| replay(&*subject(design, &call.scenario), &names, &Guide::Sequential);
    let [old, new] = [run(designs[0])?, run(designs[1])?];
    let lines = [&old, &new].map(|replay| cost::outline(replay, call.task));
    let outline = aligned(&lines[0], &lines[1], |line| line.split("  [").next().unwrap_or(line).trim());
    let costs = [&old, &new].map(|replay| Cost::of(replay, call.task));
    Ok(CallBeside { call: call.name, about: call.about, outline, costs })
}
