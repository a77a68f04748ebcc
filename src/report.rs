//! Shows what was seen: values in, text or JSON out.
//!
//! A report reads verdicts, findings and replays. It never explores, checks or opens a file, and its output depends on
//! nothing but its input: no clock, no address, no terminal. A width and measured times are passed in; times have lines of their own.
//!
//! | module | what it shows |
//! |---|---|
//! | [`overview`] | the first screen: two designs, before and after |
//! | [`matrix`] | every scenario on every design, held against the expectations |
//! | [`counterexample`] | one finding: verdict, story, why, replay |
//! | [`compare`] | two designs: what can happen in one of them alone |
//! | [`bug`] | a bug by its number: what it is, where it shows, how it is seeded |
//! | [`story`], [`columns`] | an execution as rows, and as a table with one column per task |
//! | [`svg`] | an execution, or the states of two tasks, as a picture |
//! | `html` | all of it as one page for a browser; with the feature `cli` |
//! | [`outline`] | the call outline as executed, with the locks held at each line |
//! | [`beside`] | two designs side by side |
//! | [`throughput`] | their calls a second on real threads |
//! | [`rules`] | which lock guards which field, as a table and as annotations |
//! | [`json`] | the same as JSON; the schema is in `docs/json.md` |

pub mod beside;
pub mod bug;
pub mod columns;
pub mod compare;
pub mod counterexample;
#[cfg(feature = "cli")]
pub mod html;
pub mod json;
pub mod matrix;
pub mod mutants;
pub mod outline;
pub mod overview;
pub mod rules;
pub mod story;
pub mod svg;
pub mod throughput;

use crate::engine::Memory;
use crate::event::Place;
use crate::event::names::Names;
use crate::explore::{EngineKind, Repeats, Verdict};

/// The memory model under which an engine's `COMPLETE` holds.
pub fn memory_model(engine: EngineKind, memory: Memory) -> &'static str {
    match (engine, memory) {
        (EngineKind::Loom, _) => "C11-like (loom)",
        (_, Memory::Sc) => "SC",
        (_, Memory::Tso) => "TSO",
    }
}

/// A place in the source, by the path inside its package.
pub fn source(place: Place) -> String {
    let file = place.file().replace('\\', "/");
    let from = if file.starts_with('/') { file.rfind("/src/").map_or(0, |at| at + 1) } else { 0 };
    format!("{}:{}", &file[from..], place.line())
}

/// A number with its noun: `1 task`, `2 tasks`.
pub fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Of many explorations: the first that is incomplete, and whether some were not made at all.
pub fn completeness_of(incomplete: Option<&Verdict>, left_out: bool) -> String {
    match incomplete {
        Some(verdict) => completeness(verdict),
        None if left_out => "INCOMPLETE (set-ups that do not work)".to_owned(),
        None => "COMPLETE".to_owned(),
    }
}

/// `COMPLETE` or `INCOMPLETE (bound)`.
pub fn completeness(verdict: &Verdict) -> String {
    match verdict.bound {
        None => "COMPLETE".to_owned(),
        Some(bound) => format!("INCOMPLETE ({bound})"),
    }
}

/// Where a task goes round, if that may be why a bound was hit, and what to do about it.
pub fn repeats(verdict: &Verdict, names: &Names) -> Option<String> {
    let Repeats { task, rounds, place, frame } = verdict.repeats.as_ref()?;
    let of = frame.map_or(String::new(), |frame| format!(" ({frame})"));
    Some(format!(
        "{} is in round {rounds} of the loop at {}{of}, and no two rounds leave the same state: bound the loop, or say what its \
         next round depends on with current.again",
        names.task(*task),
        source(*place)
    ))
}

/// The same as lines below the verdict; none if no task does.
pub fn repeats_lines(verdict: &Verdict, names: &Names) -> String {
    let Some(text) = repeats(verdict, names) else { return String::new() };
    columns::wrap(&text, columns::PAGE_COLUMNS - 7)
        .iter()
        .map(|line| format!("       {}\n", line.trim_start()))
        .collect()
}
