//! What a task does between two operations, learned once.
//!
//! A task's code is a function of what it has observed. So from its history, and the result of the operation that it stands
//! before, follows everything up to its next operation: the objects it makes, what it remarks, its new history, the next
//! operation. An execution on the controlled engine writes that down as a *segment*; a search that comes
//! to the same history again takes the segment instead of running the code ([`Memo::step`]), on a copy of the world.
//!
//! The number of objects the task has made and the time are part of the key: the one names what it makes, the other it may
//! ask for without an operation.
//!
//! Every execution that does run is compared with what is known, segment by segment. A program that does something else from the
//! same history keeps state where the engine does not see it; [`Memo::strayed`] says so.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::panic::Location;

use super::fingerprint::Fingerprint;
use super::world::{Transition, World};
use super::{Exceeded, Flow, Observer};
use crate::event::{Event, Note, ObjectId, ObjectInfo, Op, Place, TaskId, What};

/// From where, and with which result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub task: TaskId,
    pub history: u128,
    pub created: u32,
    pub jiffies: u64,
    /// What the task learned from its operation.
    pub observed: u64,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.history as u64 ^ self.observed.rotate_left(17) ^ u64::from(self.task.0) << 56);
    }
}

/// Something that happens between two operations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Effect {
    Create(ObjectInfo, u64),
    Init(ObjectId, u64),
    Note(Note, Place),
}

/// How a segment ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Next {
    Op(Op, Place),
    Finished,
}

/// All that follows until the next operation.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub effects: Vec<Effect>,
    pub history: u128,
    pub next: Next,
}

impl Segment {
    /// Does the other do the same? Source places may differ: where a loop folds its history, a guard that came from before the
    /// loop and one that came from its last round are given back at the same step.
    fn does(&self, other: &Segment) -> bool {
        let same_effect = |(one, other): (&Effect, &Effect)| match (one, other) {
            (Effect::Note(one, _), Effect::Note(other, _)) => one == other,
            (one, other) => one == other,
        };
        let same_next = match (self.next, other.next) {
            (Next::Op(one, _), Next::Op(other, _)) => one == other,
            (one, other) => one == other,
        };
        same_next
            && self.history == other.history
            && self.effects.len() == other.effects.len()
            && self.effects.iter().zip(&other.effects).all(same_effect)
    }
}

/// All segments that are known of a program.
#[derive(Default)]
pub struct Memo {
    segments: HashMap<Key, Segment, BuildHasherDefault<Fingerprint>>,
    strayed: bool,
}

/// What a step told the observer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The observer ended the execution.
    pub stopped: bool,
    /// See [`Observer::is_loud`].
    pub loud: bool,
}

/// Why a step cannot be made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmade {
    /// Nobody has run what follows it yet.
    Unknown,
    /// It needs more than the engine has room for.
    Exceeded(Exceeded),
}

impl Memo {
    /// Number of segments.
    pub fn len(&self) -> usize {
        self.segments.len()
    }

    /// Is nothing known?
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// From which history a task can come to which.
    pub fn histories(&self) -> impl Iterator<Item = (u128, u128)> {
        self.segments.iter().map(|(key, segment)| (key.history, segment.history))
    }

    /// Did an execution do something else than one before it, from the same history?
    pub fn strayed(&self) -> bool {
        self.strayed
    }

    /// An execution has come to the end of a segment.
    pub(super) fn learn(&mut self, key: Key, segment: Segment) {
        match self.segments.get(&key) {
            None => _ = self.segments.insert(key, segment),
            Some(known) => self.strayed |= !known.does(&segment),
        }
    }

    /// Makes a step on `world` and tells `observer`, as an execution would; `judged` if it was made and judged before.
    ///
    /// # Errors
    /// If what follows the step is not known, or exceeds a limit. The world is of no use then.
    pub fn step(
        &self,
        world: &mut World,
        observer: &mut dyn Observer,
        transition: Transition,
        step: u32,
        judged: bool,
    ) -> Result<Told, Unmade> {
        let mut teller = Teller { observer, step, judged, told: Told { stopped: false, loud: false } };
        if transition.task == TaskId::CLOCK {
            let by = world.tick();
            teller.tell(world, TaskId::CLOCK, What::Op(Op::Advance(by), 0), Location::caller());
            return Ok(teller.told);
        }
        let task = transition.task;
        if transition.is_flush() {
            let op = world.flush(task);
            teller.tell(world, task, What::Op(op, 0), Location::caller());
            return Ok(teller.told);
        }
        let (op, place) = world.standing(task);
        if let Some(exceeded) = world.exceeds(task, op) {
            return Err(Unmade::Exceeded(exceeded));
        }
        let mut key = world.key(task);
        let result = world.apply(task, op, transition.alternative);
        key.observed = op.observed(result);
        let segment = self.segments.get(&key).ok_or(Unmade::Unknown)?;
        teller.tell(world, task, What::Op(op, result), place);
        for effect in &segment.effects {
            match *effect {
                Effect::Create(info, value) => _ = world.create(task, info, value).map_err(Unmade::Exceeded)?,
                Effect::Init(id, value) => world.init(id, value),
                Effect::Note(note, place) => teller.tell(world, task, What::Note(note), place),
            }
        }
        *world.history(task) = segment.history;
        match segment.next {
            Next::Op(op, place) => world.set_pending(task, op, place),
            Next::Finished => world.finish(task),
        }
        Ok(teller.told)
    }
}

struct Teller<'a> {
    observer: &'a mut dyn Observer,
    step: u32,
    judged: bool,
    told: Told,
}

impl Teller<'_> {
    fn tell(&mut self, world: &World, task: TaskId, what: What, place: Place) {
        let event = Event { step: self.step, task, what, place, set_up_of: None };
        self.told.loud = self.told.loud || self.observer.is_loud(&event);
        if self.judged {
            self.observer.again(&event, world);
        } else if !self.told.stopped {
            self.told.stopped = self.observer.event(&event, world) == Flow::Stop;
        }
    }
}
