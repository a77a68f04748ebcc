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
//! Every execution that does run is compared with what is known: its set-up, each segment, and its outcome. A program that does
//! something else from the same history keeps state where the engine does not see it; [`Memo::stray`] says where.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::fingerprint::Fingerprint;
use super::teller::Teller;
pub use super::teller::Told;
use super::world::{Key, Transition, World};
use super::{Exceeded, Observer};
use crate::event::outcome::Outcome;
use crate::event::{Note, ObjectId, ObjectInfo, Op, Place, Symbol, TaskId, View, What};

/// Something that happens between two operations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Effect {
    Create(ObjectInfo, u64),
    Init(ObjectId, u64),
    Note(Note, Place),
    /// Data is let go of; what stands for its contents, if that is known.
    Publish(ObjectId, Option<u64>),
    /// There are more handles of an object.
    Adjust(ObjectId, i64),
    /// A value of the outcome.
    Record(Symbol, i64),
    /// An operation that is no scheduling point, with its alternative: the task unwinds.
    Unwinds(Op, u8, Place, u64),
}

/// What a task did where another run of it did something else.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// It made this object.
    Made(ObjectInfo),
    /// It gave an object its first value.
    Initialised(ObjectId, u64),
    /// It wrote a remark.
    Remarked(Note, Place),
    /// It came to this operation.
    CameTo(Op, Place),
    /// It came to this operation; where that stands is not known any more.
    Performed(Op),
    /// It returned.
    Returned,
    /// All that it did is the same, but what it declares to be its past ([`super::set_history`]) is not.
    Declared,
    /// It was set up, other than before.
    SetUp,
    /// The outcome of a final state.
    Outcome(Outcome),
    /// Its execution ended.
    Ended,
    /// Something; what, is not known any more.
    Unknown,
}

/// Where two runs of a program part, though everything that the engine knows of was the same.
#[derive(Clone)]
pub struct Stray {
    /// Whose run; [`TaskId::BOOT`] for set-up and outcome.
    pub task: TaskId,
    /// Number of the step after which it did something else; 0 before the first.
    pub step: u32,
    /// What it did in the run before.
    pub before: Deed,
    /// What it did now.
    pub now: Deed,
    /// The state of the run, for names.
    pub world: Option<World>,
}

impl From<Effect> for Deed {
    fn from(effect: Effect) -> Deed {
        match effect {
            Effect::Create(info, _) => Deed::Made(info),
            Effect::Init(id, value) => Deed::Initialised(id, value),
            Effect::Note(note, place) => Deed::Remarked(note, place),
            Effect::Publish(id, _) => Deed::Initialised(id, 0),
            Effect::Adjust(id, by) => Deed::Initialised(id, by as u64),
            Effect::Record(..) => Deed::Unknown,
            Effect::Unwinds(op, ..) => Deed::Performed(op),
        }
    }
}

/// How a segment ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Next {
    Op(Op, Place),
    Finished,
}

impl From<Next> for Deed {
    fn from(next: Next) -> Deed {
        match next {
            Next::Op(op, place) => Deed::CameTo(op, place),
            Next::Finished => Deed::Returned,
        }
    }
}

/// All that follows until the next operation.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub effects: Vec<Effect>,
    pub history: u128,
    pub next: Next,
}

impl Segment {
    /// Does on a copy of the world what the task did.
    fn follow(
        &self,
        world: &mut World,
        observer: &mut dyn Observer,
        teller: &mut Teller,
        task: TaskId,
    ) -> Result<(), Unmade> {
        for effect in &self.effects {
            match *effect {
                Effect::Create(info, value) => _ = world.create(task, info, value).map_err(Unmade::Exceeded)?,
                Effect::Init(id, value) => world.init(id, value),
                Effect::Note(note, place) => teller.tell(observer, world, task, What::Note(note), place),
                Effect::Publish(id, content) => world.publish(task, id, content),
                Effect::Adjust(id, by) => world.adjust(id, by),
                Effect::Record(name, value) => world.record(name, value),
                Effect::Unwinds(op, alternative, place, observed) => {
                    let result = world.apply(task, op, alternative);
                    world.goes_wild();
                    if op.observed(result) != observed {
                        return Err(Unmade::Unknown);
                    }
                    teller.tell(observer, world, task, What::Op(op, result), place);
                }
            }
        }
        *world.history(task) = self.history;
        match self.next {
            Next::Op(op, place) => world.set_pending(task, op, place),
            Next::Finished => world.finish(task),
        }
        Ok(())
    }

    fn unwinds(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Unwinds(..)))
    }

    /// What the other does differently: this one's deed and the other's. Source places may differ: where a loop folds its
    /// history, a guard that came from before the loop and one that came from its last round are released at the same step.
    fn difference(&self, other: &Segment) -> Option<(Deed, Deed)> {
        let same_effect = |(one, other): (&Effect, &Effect)| match (one, other) {
            (Effect::Note(one, _), Effect::Note(other, _)) => one == other,
            (one, other) => one == other,
        };
        let differs = self.effects.iter().zip(&other.effects).position(|pair| !same_effect(pair));
        // What was observed there is another: so may be all that follows.
        if let Some((Effect::Unwinds(one, first, ..), Effect::Unwinds(other, second, ..))) =
            differs.map(|at| (&self.effects[at], &other.effects[at]))
            && (one, first) == (other, second)
        {
            return None;
        }
        let at = differs.unwrap_or(self.effects.len().min(other.effects.len()));
        let deed = |segment: &Segment| segment.effects.get(at).map_or(segment.next.into(), |effect| (*effect).into());
        if at < self.effects.len().max(other.effects.len()) {
            return Some((deed(self), deed(other)));
        }
        let same_next = match (self.next, other.next) {
            (Next::Op(one, _), Next::Op(other, _)) => one == other,
            (one, other) => one == other,
        };
        match same_next {
            false => Some((self.next.into(), other.next.into())),
            true if self.history != other.history => Some((Deed::Declared, Deed::Declared)),
            true => None,
        }
    }
}

/// All that is known of what a program does.
#[derive(Default)]
pub struct Memo {
    segments: HashMap<Key, Segment, BuildHasherDefault<Fingerprint>>,
    /// What a set-up makes, and the first operation of each task.
    set_up: Option<(u128, Vec<Deed>)>,
    /// The outcome of each final state that was run to.
    outcomes: HashMap<u128, Outcome>,
    stray: Option<Box<Stray>>,
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
        // What comes before the first operation is no step of a round.
        let steps = self.segments.iter().filter(|(key, _)| !key.is_first());
        steps.map(|(key, segment)| (key.history, segment.history))
    }

    /// Did an execution do something else than one before it, from the same history?
    pub fn strayed(&self) -> bool {
        self.stray.is_some()
    }

    /// Where the first execution that did parts from one before it.
    pub fn stray(&self) -> Option<&Stray> {
        self.stray.as_deref()
    }

    fn parts(&mut self, task: TaskId, step: u32, (before, now): (Deed, Deed), world: &World) {
        self.stray.get_or_insert_with(|| Box::new(Stray { task, step, before, now, world: Some(world.clone()) }));
    }

    /// The set-up is made, and each task has come to its first operation.
    pub(super) fn set_up(&mut self, world: &World) {
        let fingerprint = of_world(world);
        let first = |task| world.pending(task).map_or(Deed::Returned, |op| Deed::CameTo(op, world.status(task).1));
        let Some((known, firsts)) = &self.set_up else {
            self.set_up = Some((fingerprint, world.task_ids().map(first).collect()));
            return;
        };
        if *known != fingerprint {
            let mut pairs = world.task_ids().zip(firsts.iter().cloned().zip(world.task_ids().map(first)));
            let parted = pairs.find(|(_, (before, now))| before != now);
            let (task, deeds) = parted.unwrap_or((TaskId::BOOT, (Deed::SetUp, Deed::SetUp)));
            self.parts(task, 0, deeds, world);
        }
    }

    /// An execution has come to an end.
    pub(super) fn outcome(&mut self, step: u32, world: &World, outcome: &Outcome) {
        let known = self.outcomes.entry(of_world(world)).or_insert_with(|| outcome.clone());
        if known != outcome {
            let deeds = (Deed::Outcome(known.clone()), Deed::Outcome(outcome.clone()));
            self.parts(TaskId::BOOT, step, deeds, world);
        }
    }

    /// An execution has come to the end of a segment, which began with that step.
    ///
    /// What a task does while it unwinds from a panic does not follow from the beginning of the segment alone: its operations are made there,
    /// and it observes their results. So of such segments the last one is kept, and counts only where the results are the same.
    pub(super) fn learn(&mut self, key: Key, segment: Segment, step: u32, world: &World) {
        match self.segments.get(&key) {
            None => _ = self.segments.insert(key, segment),
            Some(known) => match known.difference(&segment) {
                Some(deeds) => self.parts(key.task, step, deeds, world),
                None if known.unwinds() => _ = self.segments.insert(key, segment),
                None => {}
            },
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
        let mut teller = Teller::at(step, judged);
        if transition.task == TaskId::CLOCK {
            let by = world.tick();
            teller.tell(observer, world, TaskId::CLOCK, What::Op(Op::Advance(by), 0), Place::caller());
            return Ok(teller.told);
        }
        let task = transition.task;
        if transition.is_flush() {
            let op = world.flush(task);
            teller.tell(observer, world, task, What::Op(op, 0), Place::caller());
            return Ok(teller.told);
        }
        let (op, place) = world.standing(task);
        if let Some(exceeded) = world.exceeds(task, op) {
            return Err(Unmade::Exceeded(exceeded));
        }
        let mut key = world.key_after(task, op);
        let result = world.apply(task, op, transition.alternative);
        key.observed = op.observed(result);
        let segment = self.segments.get(&key).ok_or(Unmade::Unknown)?;
        teller.tell(observer, world, task, What::Op(op, result), place);
        segment.follow(world, observer, &mut teller, task)?;
        if let Op::Spawn(_, child) = op {
            let first = self.segments.get(&world.key(child).first()).ok_or(Unmade::Unknown)?;
            first.follow(world, observer, &mut teller, child)?;
        }
        Ok(teller.told)
    }
}

/// 128 bits that stand for all tasks and objects, without what an observer remembers.
pub fn of_world(world: &World) -> u128 {
    let mut fingerprint = Fingerprint::default();
    world.fingerprint(&mut fingerprint, |_, _| ());
    fingerprint.finish_128()
}
