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

use super::{Config, EngineKind, Subject, Verdict, random, stateful};
use crate::engine::controlled::Limits;
use crate::engine::memo::{Deed, Memo, Stray};
use crate::engine::world::{Transition, World};
use crate::event::names::Names;
use crate::event::{Format, Note, ObjectId, Op, Place, TaskId, View};

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

/// Where two runs of a program part, though all that the engine knows of was the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "hidden state: {task} did not do the same in two runs, though it had observed the same{}: before {before}, now {now}; \
     the program keeps something in a static, a thread-local or an Arc that is no object of the engine",
    if *.step == 0 { String::new() } else { format!(" up to step {}", .step) }
)]
pub struct HiddenState {
    /// The task; `the program` where it is none of its own.
    pub task: String,
    /// Number of the step after which it did something else; 0 before the first.
    pub step: u32,
    /// What it did in a run before, with its place in the source.
    pub before: String,
    /// What it did now.
    pub now: String,
}

impl HiddenState {
    /// As it can be read.
    pub(super) fn new(stray: &Stray, names: &Names) -> HiddenState {
        let task = match stray.task {
            TaskId::BOOT => "the program".to_owned(),
            task => format!("task `{}`", name(names, task)),
        };
        let text = |deed| text(deed, stray.world.as_ref(), names);
        HiddenState { task, step: stray.step, before: text(&stray.before), now: text(&stray.now) }
    }

    /// The same step from states that look the same led to two states.
    pub(super) fn states(step: u32, transition: Transition) -> HiddenState {
        let task = format!("task {}", transition.task.0);
        let (before, now) = ("its step led to one state".to_owned(), "the same step led to another".to_owned());
        HiddenState { task, step, before, now }
    }
}

fn name(names: &Names, task: TaskId) -> String {
    match names.task(task) {
        "?" => task.0.to_string(),
        name => name.to_owned(),
    }
}

fn text(deed: &Deed, world: Option<&World>, names: &Names) -> String {
    let at = |place: &Place| format!("{}:{}", place.file(), place.line());
    let op_text = |op: Op| match world.filter(|world| has_all(world, op)) {
        Some(world) => names.op(world, op),
        None => format!("{op:?}"),
    };
    match deed {
        Deed::Made(info) => format!("it made `{}`", info.name),
        Deed::Initialised(..) => "it gave an object its first value".to_owned(),
        Deed::Remarked(Note::Bug(text), _) => format!("it panicked with `{text}`"),
        Deed::Remarked(Note::Finished, _) | Deed::Returned => "it returned".to_owned(),
        Deed::Remarked(Note::MightSleep(what), place) => format!("it called `{what}`, which may sleep ({})", at(place)),
        Deed::Remarked(note, place) => format!("it remarked `{note:?}` ({})", at(place)),
        Deed::CameTo(op, place) => format!("it came to `{}` ({})", op_text(*op), at(place)),
        Deed::Performed(op) => format!("it came to `{}`", op_text(*op)),
        Deed::Declared => "it declared another past with `again` or `forget_past`".to_owned(),
        Deed::SetUp => "its set-up made other objects or other values".to_owned(),
        Deed::Outcome(outcome) => format!("its outcome was `{outcome}`"),
        Deed::Ended => "its execution ended".to_owned(),
        Deed::Unknown => "it did something else".to_owned(),
    }
}

/// Are there all objects that the operation names?
fn has_all(world: &World, op: Op) -> bool {
    let points_to = |id: ObjectId, value: u64| match world.object(id).format {
        Format::Pointer => value == 0 || world.knows(ObjectId(value as u32)),
        _ => true,
    };
    op.object().is_none_or(|id| world.knows(id))
        && match op {
            Op::Store(id, value, _) | Op::Flush(id, value) => points_to(id, value),
            _ => true,
        }
}

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
    let exhausts = !matches!(config.engine, EngineKind::Loom | EngineKind::Random | EngineKind::Pct);
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
