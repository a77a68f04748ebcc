//! Hidden state, as it is told: the place where two runs part that should be the same.
//!
//! A search takes for granted that a task is a function of what it has observed. State that tasks share and the engine does not
//! see, in a `static`, a thread-local or an `Arc` of the program's own, breaks that, so it is no verdict and no finding but an error.
//! How it is looked for: [`examine`](super::examine).

use crate::engine::memo::{Deed, Stray};
use crate::engine::world::{Transition, World};
use crate::event::names::Names;
use crate::event::{Format, Note, ObjectId, Op, Place, TaskId, View};

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
        let (before, mut now) = (text(&stray.before), text(&stray.now));
        if before == now {
            now = format!("{now}{}", difference(&stray.before, &stray.now));
        }
        HiddenState { task, step: stray.step, before, now }
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

/// What tells two deeds apart that read alike.
fn difference(before: &Deed, now: &Deed) -> String {
    let op = |deed: &Deed| match deed {
        Deed::CameTo(op, _) | Deed::Performed(op) => Some(*op),
        _ => None,
    };
    match (op(before), op(now)) {
        (Some(before), Some(now)) if before.object() != now.object() => " on another object of that name".to_owned(),
        (Some(before), Some(now)) if before.words() != now.words() => {
            " with another value (if that is a pointer: at an address that was given out again)".to_owned()
        }
        _ => " at another place, or with other arguments".to_owned(),
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
