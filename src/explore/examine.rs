//! Hidden state: what tasks share and the engine does not see, in a `static`, a thread-local or an `Arc` of the program's own.
//!
//! A search takes for granted that a task is a function of what it has observed. A program that breaks this is searched in
//! vain: states look the same and are not, steps look independent and are not. So it is no verdict and no finding but an
//! error, with the place where two runs part that should be the same.
//!
//! Every program that runs is compared with its own earlier runs where the search repeats a path. That alone is not enough,
//! because a good search repeats little. A program that does not promise that it
//! [hides nothing](super::Subject::hides_nothing) is therefore *examined*: before the search by [`WALKS`] random executions and
//! an audit of its first [`STATES_MAX`] states, and after it by one random execution for each
//! [`STATES_PER_WALK`] states, up to [`WALKS_MAX`]. Each of these runs the program's code from its beginning. It is compared, from
//! one operation to the next, with all that ran before: what a task does must follow from what it has observed. What the random
//! executions come to must be among what a complete search has seen.
//!
//! Below [`STATES_MAX`] states every step from every state is run this way; beyond, it is a sample, and hidden state that shows
//! in few orders can be missed. State that only loom's executions would see, under memory weaker than TSO, is not looked for.

use std::cell::RefCell;
use std::rc::Rc;

use super::config::{Config, EngineKind};
use super::hidden::HiddenState;
use super::verdict::Verdict;
use super::{random, stateful};
use crate::engine::controlled::Limits;
use crate::engine::memo::Memo;
use crate::subject::Subject;

/// Random executions before a search.
pub const WALKS: u64 = 200;

/// States that the audit goes through before a search.
pub const STATES_MAX: u64 = 10_000;

/// States of a search for which one more random execution is made after it.
pub const STATES_PER_WALK: u64 = 100;

/// Random executions after a search, at most.
pub const WALKS_MAX: u64 = 10_000;

/// Steps of an execution of the examination, at most.
const STEPS_MAX: u32 = 500;

/// Looks for hidden state before a search, unless the subject promises that there is none.
///
/// # Errors
/// If there is some.
pub(super) fn examine(subject: &dyn Subject, config: &Config) -> Result<(), HiddenState> {
    if subject.hides_nothing() {
        return Ok(());
    }
    walk(subject, config, WALKS)?;
    stateful::audit(subject, &Config { states_max: STATES_MAX, ..plain(config) })
}

/// Holds what a search has said against executions drawn by chance.
///
/// # Errors
/// If one of these comes to something that a complete search has not seen.
pub(super) fn hold_against(subject: &dyn Subject, config: &Config, verdict: &Verdict) -> Result<(), HiddenState> {
    if subject.hides_nothing() {
        return Ok(());
    }
    let walked = walk(subject, config, (WALKS + verdict.states / STATES_PER_WALK).min(WALKS_MAX))?;
    let exhausts =
        !matches!(config.engine, EngineKind::Loom | EngineKind::Random | EngineKind::Pct | EngineKind::Threads);
    if !exhausts || !verdict.complete() || verdict.symmetry == Some(true) {
        return Ok(());
    }
    let outcomes = walked.outcomes.difference(&verdict.outcomes);
    let new = outcomes.chain(walked.deadlocks.difference(&verdict.deadlocks)).next();
    new.map_or(Ok(()), |outcome| {
        Err(HiddenState {
            task: "the program".to_owned(),
            step: 0,
            before: "a complete search had seen all outcomes".to_owned(),
            now: format!("an execution ended with `{outcome}`"),
        })
    })
}

/// The configuration of an examination: that of the search in what the program can notice, and no more.
fn plain(config: &Config) -> Config {
    let steps_max = config.limits.steps_max.min(STEPS_MAX);
    Config {
        memory: config.memory,
        limits: Limits { steps_max, ..config.limits },
        interrupt: config.interrupt.clone(),
        seeded: config.seeded,
        ..Config::default()
    }
}

fn walk(subject: &dyn Subject, config: &Config, runs: u64) -> Result<Verdict, HiddenState> {
    let memo = Rc::new(RefCell::new(Memo::default()));
    random::run(subject, &Config { runs, ..plain(config) }, EngineKind::Random, Some(memo))
}
