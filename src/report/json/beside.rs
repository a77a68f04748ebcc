//! What `compare --side-by-side --json` and `compare --throughput --json` print.

use serde::Serialize;

use crate::study::beside::{Beside, CallBeside, Cost, Hold, Mark, Row};
use crate::study::throughput::{Files, Measured, Plan};

/// Of `compare --side-by-side`.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct BesideReport<'a> {
    /// The old design.
    pub old: &'a str,
    /// The new design.
    pub new: &'a str,
    /// A function each; empty for one call alone.
    pub functions: Vec<FunctionReport<'a>>,
    /// A call each.
    pub calls: Vec<CallReport<'a>>,
}

/// A function of one design or of both.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct FunctionReport<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where the old design has it, as `file:line`.
    pub old: Option<&'a str>,
    /// Where the new design has it.
    pub new: Option<&'a str>,
    /// Its lines, one against the other.
    pub rows: Vec<RowReport<'a>>,
}

/// A line of each design, or of one of them.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct RowReport<'a> {
    /// `same`, `differs`, `old` or `new`.
    pub mark: &'static str,
    /// The old line.
    pub old: Option<&'a str>,
    /// The new line.
    pub new: Option<&'a str>,
}

/// A call in both designs.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct CallReport<'a> {
    /// The call.
    pub call: &'a str,
    /// The outlines as executed, with the locks held in brackets.
    pub outline: Vec<RowReport<'a>>,
    /// What it costs in the old design.
    pub old: CostReport<'a>,
    /// What it costs in the new design.
    pub new: CostReport<'a>,
}

/// What a call costs, with nobody in its way.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct CostReport<'a> {
    /// Steps of the whole call.
    pub steps: u32,
    /// Steps made with no lock held.
    pub free: u32,
    /// Under each lock that it takes.
    pub holds: Vec<HoldReport<'a>>,
}

/// What a call does while it holds a lock.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct HoldReport<'a> {
    /// The lock.
    pub lock: &'a str,
    /// Times that it is taken.
    pub taken: u32,
    /// Steps made while it is held.
    pub steps: u32,
    /// Steps of the longest time that it is held.
    pub longest: u32,
    /// Allocations while it is held.
    pub allocations: u32,
    /// Calls that may sleep while it is held.
    pub sleeps: u32,
}

fn rows(rows: &[Row]) -> Vec<RowReport<'_>> {
    let mark = |mark: Mark| match mark {
        Mark::Same => "same",
        Mark::Differs => "differs",
        Mark::Old => "old",
        Mark::New => "new",
    };
    rows.iter()
        .map(|row| RowReport { mark: mark(row.mark), old: row.old.as_deref(), new: row.new.as_deref() })
        .collect()
}

impl<'a> CostReport<'a> {
    fn new(cost: &'a Cost) -> CostReport<'a> {
        let hold = |hold: &'a Hold| {
            let Hold { lock, taken, steps, longest, allocations, sleeps } = hold;
            let [taken, steps, longest] = [*taken, *steps, *longest];
            HoldReport { lock, taken, steps, longest, allocations: *allocations, sleeps: *sleeps }
        };
        CostReport { steps: cost.steps, free: cost.free, holds: cost.holds.iter().map(hold).collect() }
    }
}

impl<'a> BesideReport<'a> {
    /// Of two designs.
    pub fn new([old, new]: &'a [String; 2], functions: &'a [Beside], calls: &'a [CallBeside]) -> BesideReport<'a> {
        let function = |it: &'a Beside| {
            let [old, new] = it.places.each_ref().map(|place| place.as_deref());
            FunctionReport { name: &it.name, old, new, rows: rows(&it.rows) }
        };
        let call = |it: &'a CallBeside| {
            let [old, new] = it.costs.each_ref().map(CostReport::new);
            CallReport { call: it.call, outline: rows(&it.outline), old, new }
        };
        let functions = functions.iter().map(function).collect();
        BesideReport { old, new, functions, calls: calls.iter().map(call).collect() }
    }
}

/// Of `compare --throughput`. All its numbers but those that were asked for are measured.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct ThroughputReport<'a> {
    /// The old design.
    pub old: &'a str,
    /// The new design.
    pub new: &'a str,
    /// Cores of the machine.
    pub cores: usize,
    /// Rounds of each measurement.
    pub rounds: usize,
    /// Turns of each thread in a round; a turn is five calls.
    pub turns: u32,
    /// A number of threads on one file or on many.
    pub measured: Vec<MeasuredReport>,
}

/// One measurement.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct MeasuredReport {
    /// `one` or `many`.
    pub files: &'static str,
    /// How many threads.
    pub threads: usize,
    /// Calls a second of the old design, the median of the rounds.
    pub old: f64,
    /// Calls a second of the new design.
    pub new: f64,
    /// Calls of the new design for one of the old: the median of the rounds.
    pub ratio: f64,
    /// The lowest ratio of a round.
    pub lowest: f64,
    /// The highest ratio of a round.
    pub highest: f64,
}

impl<'a> ThroughputReport<'a> {
    /// Of two designs.
    pub fn new([old, new]: &'a [String; 2], plan: Plan, cores: usize, all: &[Measured]) -> ThroughputReport<'a> {
        let measured = all.iter().map(|it| MeasuredReport {
            files: if it.files == Files::One { "one" } else { "many" },
            threads: it.threads,
            old: it.calls[0],
            new: it.calls[1],
            ratio: it.ratio[0],
            lowest: it.ratio[1],
            highest: it.ratio[2],
        });
        ThroughputReport { old, new, cores, rounds: plan.rounds, turns: plan.turns, measured: measured.collect() }
    }
}
