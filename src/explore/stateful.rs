//! The explorer: remembers states while it runs real code.
//!
//! A task's stack cannot be hashed, but it is a function of what the task has observed. So a state is, for every task,
//! the hash of its operations' results since its history was last folded, and the contents of
//! all shared objects, and what the checks remember. Two executions that reach equal states have equal futures: the
//! second is abandoned there. Of two orders of independent steps only one is run, by sleep sets; every state is still met.
//!
//! `docs/explorer.md` has the argument. It cannot see state that is hidden from the engine: a `static`, or a `Cell` that
//! tasks share behind its back; [`super::examine`] looks for it, and an audit samples for it. A state is known by 96 bits; the chance
//! that two states share them is in the verdict.

use std::time::Instant;

use super::bits::Bits;
use super::checkpoint::Checkpoint;
use super::config::{Config, EngineKind};
use super::error::Error;
use super::hidden::HiddenState;
use super::limits::Bound;
use super::repeats;
use super::verdict::Verdict;
use crate::engine::Unsound;
use crate::subject::Subject;

mod audit;
mod checkpoint;
mod facts;
mod identity;
mod known;
pub(super) mod livelock;
mod movers;
pub(super) mod path;
mod replica;
pub(super) mod search;
mod totals;
mod visited;
pub mod witness;
mod workers;

pub use checkpoint::VERSION;

use audit::Audit;
use checkpoint::Restored;
use movers::Seen;
use path::Item;
use totals::{Round, Totals, Void};
use visited::{KEY_BITS, Visited};
use workers::Crew;

/// Exploring takes at least this many times as long as writing checkpoints.
const WRITING_SHARE: u32 = 20;

/// Visits every state of the program.
///
/// # Errors
/// If a checkpoint cannot be read or written, or is of another exploration.
pub fn explore(subject: &dyn Subject, config: &Config) -> Result<Verdict, Error> {
    let _locked = config.checkpoint.as_ref().map(Checkpoint::take).transpose()?;
    // An audit is after what the program does and the engine does not see, so it is run each time.
    let rerun = config.audit || config.seeded == Some(Unsound::NamesReused);
    let mut symmetry = config.symmetry;
    let mut seen = (!rerun && movers::apply(subject, config)).then(Seen::default);
    let mut before = None;
    loop {
        let with = Config { symmetry, ..config.clone() };
        match visit_all(
            subject,
            &with,
            Begin { rerun, asked: config.symmetry, seen: seen.as_ref(), before: before.take() },
        )? {
            Ok(verdict) => {
                let symmetry = config.symmetry.then_some(symmetry);
                return Ok(Verdict { symmetry, ..verdict });
            }
            // What was seen, was seen of tasks that could be exchanged.
            Err((Void::Named, _)) => (symmetry, seen) = (false, seen.map(|_| Seen::default())),
            Err((Void::Unordered, totals)) => {
                before = Some(totals.begin_again());
                seen.iter().for_each(Seen::begin_again);
            }
            Err((Void::Hidden(hidden), _)) => return Err(hidden.into()),
        }
    }
}

/// Goes through states as an audit does, within the bounds of `config`, and says only whether something is hidden.
///
/// # Errors
/// If something is.
pub(super) fn audit(subject: &dyn Subject, config: &Config) -> Result<(), HiddenState> {
    let (visited, audit) = (Visited::new(config.bytes_max), Audit::default());
    let crew = Crew { subject, config, visited: &visited, audit: Some(&audit), seen: None, rerun: true };
    match crew.round(vec![Item::default()], &mut Totals::default(), None).void {
        Some(Void::Hidden(hidden)) => Err(hidden),
        Some(Void::Named | Void::Unordered) => {
            unreachable!("internal error: an audit exchanges no tasks and looks at all states")
        }
        None => Ok(()),
    }
}

/// How the states are visited.
struct Begin<'a> {
    /// The program is run from its beginning each time.
    rerun: bool,
    /// Whether tasks were to be exchanged, which may have turned out impossible.
    asked: bool,
    seen: Option<&'a Seen>,
    /// What was seen before it turned out that too little is looked at. All of it was there; what a checkpoint says of states is of no use.
    before: Option<Totals>,
}

/// Visits every state this way; or says why that is impossible.
fn visit_all(
    subject: &dyn Subject,
    config: &Config,
    begin: Begin<'_>,
) -> Result<Result<Verdict, (Void, Totals)>, Error> {
    let Begin { rerun, asked, seen, before } = begin;
    let visited = match config.bitstate.map(|mib| Bits::new(mib << 20)) {
        Some(Some(bits)) => Visited::of_bits(bits),
        Some(None) => {
            return Ok(Ok(Verdict { bound: Some(Bound::Memory), ..Verdict::new(EngineKind::Explorer) }));
        }
        None => Visited::new(config.bytes_max),
    };
    let audit = config.audit.then(Audit::default);
    let Restored { mut items, mut totals, named } = match (before, &config.checkpoint) {
        (Some(totals), _) => Restored { totals, ..Restored::default() },
        (None, Some(checkpoint)) => checkpoint.restore(subject, config, &visited, seen, asked)?,
        (None, None) => Restored::default(),
    };
    if named {
        return Ok(Err((Void::Named, totals)));
    }
    if items.is_empty() {
        items.push(Item::default());
    }
    let crew = Crew { subject, config, visited: &visited, audit: audit.as_ref(), seen, rerun };
    let mut pause = config.checkpoint.as_ref().map(|checkpoint| checkpoint.interval);
    let bound = loop {
        let deadline = pause.map(|pause| Instant::now() + pause);
        let Round { left, bound, void } = crew.round(items, &mut totals, deadline);
        if let Some(void) = void {
            return Ok(Err((void, totals)));
        }
        if left.is_empty() {
            if let Some(checkpoint) = &config.checkpoint {
                checkpoint.remove()?;
            }
            break None;
        }
        if let Some(checkpoint) = &config.checkpoint {
            let begun = Instant::now();
            checkpoint.save((config, asked), &visited, &left, &totals, seen)?;
            pause = Some(checkpoint.interval.max(begun.elapsed() * WRITING_SHARE));
        }
        if bound.is_some() {
            break bound;
        }
        items = left;
    };
    let goes_round = rerun || livelock::goes_round(&totals.histories);
    let mut verdict = verdict(subject, config, totals, bound);
    verdict.states = visited.states();
    match visited.bits() {
        Some(bits) => _ = verdict.bound.get_or_insert(bits.bound()),
        None => verdict.key_bits = Some(KEY_BITS),
    }
    verdict.audited = audit.as_ref().map(Audit::count);
    if goes_round && verdict.bound.is_none() && config.seeded.is_none() {
        livelock::find(subject, config, rerun, &mut verdict)?;
    }
    Ok(Ok(verdict))
}

fn verdict(subject: &dyn Subject, config: &Config, totals: Totals, bound: Option<Bound>) -> Verdict {
    let long = totals.too_long.first.clone().or(totals.ended_on.clone());
    let mut verdict = totals.into_verdict(config.limits.steps_max);
    // What ends the whole exploration is named before what ended a single execution.
    verdict.bound = bound.or(verdict.bound);
    if verdict.bound.is_some() {
        verdict.repeats = long.and_then(|schedule| repeats::find(subject, config, &schedule));
    }
    verdict
}
