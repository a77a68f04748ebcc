//! Accesses that need be no scheduling points.
//!
//! A step that commutes with all that others can do before it is a *left mover* (Lipton, CACM 1975): behind a step of its task it
//! may come at once, and the states between are not looked up. An access of memory is one where its task holds something that all
//! hold who make an access that it does not commute with; giving a lock back is one if nobody ever tries that lock; a barrier is one under
//! sequential consistency.
//!
//! Which locks all hold is not known beforehand, so it is assumed (Stoller and Cohen, Optimistic synchronization-based state-space
//! reduction, FMSD 2006): what was seen so far is taken for all ([`Facts`]), what was relied on is written down, and when a step shows
//! that it was wrong, the search begins again and knows better. `docs/explorer.md` has the argument.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::facts::{Class, Facts, Hold};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::world::{Transition, World};
use crate::engine::{Clock, Memory, Unsound};
use crate::event::{ObjectId, Op, Place, TaskId, View};
use crate::explore::config::Config;
use crate::subject::Subject;

/// What a step of a task is, that may be a mover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Step {
    /// A barrier.
    Fence,
    /// It gives a lock back that it holds.
    Release,
    /// It accesses memory.
    Access(Class),
}

/// What was relied on: that at this place in the source such a step on the object commutes with all that others do, because of these tokens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Reliance {
    object: u32,
    step: Step,
    place: u64,
    /// The slab object that the object lies in.
    block: Option<u32>,
    tokens: Vec<u32>,
}

impl Reliance {
    fn holds(&self, facts: &Facts) -> bool {
        let mut tokens = self.tokens.clone();
        let is_quiet = !facts.moves_time() && !facts.is_loud((self.object, self.place));
        is_quiet && commutes(facts, (ObjectId(self.object), self.step), self.block.map(ObjectId), &mut tokens)
    }
}

/// As far as is known, does the step commute with all that others do? Leaves those of the tokens that see to it.
fn commutes(facts: &Facts, (object, step): (ObjectId, Step), block: Option<ObjectId>, tokens: &mut Vec<u32>) -> bool {
    if let Step::Access(class) = step {
        facts.order_access((object, class), tokens);
    }
    if let Some(block) = block {
        facts.order_free(block, tokens);
    }
    let is_told = step == Step::Release && !facts.is_never_tried(object);
    step == Step::Fence || !is_told && !tokens.is_empty()
}

/// Movers that a task makes one behind the other. A row ends where the task is as it was before in the row, so that one that goes round is looked
/// at, in each round at the same place: as at its beginning, or as at a step that is a power of two (Brent, BIT 1980).
#[derive(Debug, Default)]
struct Row {
    /// The task's history before the first step.
    start: Option<u128>,
    steps: u32,
    mark: Option<u128>,
}

impl Row {
    /// Goes on from this history; false if that has been there.
    fn goes_on(&mut self, history: u128) -> bool {
        if self.start == Some(history) || self.mark == Some(history) {
            return false;
        }
        self.steps += 1;
        if self.steps.is_power_of_two() {
            self.mark = Some(history);
        }
        true
    }
}

/// What all workers have seen and relied on.
#[derive(Debug, Default)]
pub(in crate::explore) struct Seen {
    inner: Mutex<Saved>,
    /// Goes up with every new fact, while `inner` is locked.
    version: AtomicU64,
}

/// The same as plain data.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::explore) struct Saved {
    facts: Facts,
    relied: Vec<Reliance>,
}

impl Seen {
    /// The search begins again: what was seen stays true, and nothing has been relied on.
    pub fn begin_again(&self) {
        self.inner.lock().relied.clear();
    }

    /// Is all true that was relied on?
    pub fn is_true(&self) -> bool {
        let Saved { facts, relied } = &*self.inner.lock();
        relied.iter().all(|reliance| reliance.holds(facts))
    }

    /// To write it down.
    pub fn save(&self) -> Saved {
        self.inner.lock().clone()
    }

    /// As it was written down.
    pub fn restore(&self, saved: Saved) {
        let mut inner = self.inner.lock();
        *inner = saved;
        self.version.fetch_add(1, Ordering::Relaxed);
    }
}

/// What one worker sees and relies on.
pub(in crate::explore) struct Movers<'s> {
    seen: &'s Seen,
    facts: Facts,
    version: u64,
    relied: HashMap<Key, Vec<Reliance>, BuildHasherDefault<Fingerprint>>,
    /// Numbers of the tasks that are exchanged: what such a task alone touches, another one touches in a state that is not looked at.
    exchanged: Vec<bool>,
    /// Checks look at memory where others write it.
    judged: bool,
    watched: bool,
    broken: bool,
    row: Row,
    /// Movers in a row at most: half of an execution, since a round that is longer does not come back within one.
    row_max: u32,
    held: Vec<Hold>,
    ordering: Vec<u32>,
    places: HashMap<(usize, u64), u64, BuildHasherDefault<Fingerprint>>,
    /// The step that is being made: its object and its place.
    step: Option<(u32, Place)>,
    /// What was decided, as long as nothing new is learned.
    decided: Vec<Option<(Question, bool)>>,
}

/// Decisions that are kept.
const DECIDED: usize = 256;

/// Locks that a question has room for, the task itself among them.
const HELD_MAX: usize = 4;

/// All that a decision depends on, beside the facts.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Question {
    object: ObjectId,
    step: Step,
    /// File, line and column.
    place: (*const u8, u32, u32),
    block: Option<ObjectId>,
    held: [Hold; HELD_MAX],
}

impl Question {
    fn slot(&self) -> usize {
        let held = self.held.iter().fold(0, |sum: u32, hold| sum.rotate_left(5) ^ hold.token);
        let word = self.object.0 ^ held.rotate_left(13) ^ self.place.1.rotate_left(7);
        (word.wrapping_mul(0x9e37_79b9) >> 24) as usize % DECIDED
    }
}

/// What a reliance is found by.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    object: u32,
    step: Step,
    place: u64,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // What a task does to an object at a place is nearly always the same.
        state.write_u64(self.place ^ u64::from(self.object) << 8);
    }
}

/// Are there movers in explorations like this? Under store buffers, where tasks share a CPU with others or with handlers, and where time moves at any
/// step, none is known to be one; user-land code has operations with more to them.
pub(super) fn apply(subject: &dyn Subject, config: &Config) -> bool {
    !config.every_access
        && !config.audit
        && config.memory == Memory::Sc
        && subject.clock() != Clock::Free
        && subject.contexts().is_empty()
        && subject.births().is_none()
        && !subject.checks().sees_between()
}

impl<'s> Movers<'s> {
    /// For one worker of such an exploration.
    pub fn new(subject: &dyn Subject, config: &Config, seen: &'s Seen) -> Movers<'s> {
        let alike = if config.symmetry { subject.alike() } else { Vec::new() };
        let inner = seen.inner.lock();
        Movers {
            seen,
            facts: inner.facts.clone(),
            version: seen.version.load(Ordering::Relaxed),
            relied: HashMap::default(),
            exchanged: alike.iter().map(|number| *number != 0).collect(),
            judged: subject.checks().has_more(),
            watched: config.seeded != Some(Unsound::LocksNotWatched),
            broken: false,
            row: Row::default(),
            row_max: config.limits.steps_max / 2,
            held: Vec::new(),
            ordering: Vec::new(),
            places: HashMap::default(),
            step: None,
            decided: vec![None; DECIDED],
        }
    }

    /// Has something turned out wrong that was relied on?
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// The search stands where a scheduling point is.
    pub fn stop(&mut self) {
        self.row = Row::default();
    }

    /// A step is about to be made for the first time, while its task holds these locks.
    pub fn watch(&mut self, world: &World, transition: Transition, locks: impl Iterator<Item = ObjectId>) {
        if self.version != self.seen.version.load(Ordering::Relaxed) {
            self.catch_up();
        }
        self.step = None;
        let task = transition.task;
        if task != TaskId::CLOCK {
            self.row.start.get_or_insert_with(|| world.history_of(task));
        }
        let Some(op) = world.operation(transition) else { return };
        if matches!(op, Op::Advance(_)) && !self.facts.moves_time() {
            self.learn(None, Facts::add_time);
        }
        self.step = Some((op.object().map_or(0, |id| id.0), world.place(task)));
        let Some((id, class)) = Class::of(op) else { return };
        if self.facts.knows(id, class, &[]) {
            return;
        }
        self.hold(world, task, locks);
        if !self.facts.knows(id, class, &self.held) {
            let held = std::mem::take(&mut self.held);
            self.learn(Some(id.0), |facts| facts.add(id, class, &held));
            self.held = held;
        }
    }

    /// What the step told that was made last.
    pub fn made(&mut self, loud: bool) {
        let Some((object, place)) = self.step.filter(|_| loud) else { return };
        let step = (object, self.number(place));
        if !self.facts.is_loud(step) {
            self.learn(Some(object), |facts| facts.add_loud(step));
        }
    }

    /// May the task go on at once, while it holds these locks? It has just made a step.
    pub fn moves(&mut self, world: &World, task: TaskId, locks: impl Iterator<Item = ObjectId>) -> bool {
        if self.row.steps >= self.row_max || self.facts.moves_time() || task == TaskId::CLOCK {
            return false;
        }
        let Some(op) = world.pending(task) else { return false };
        let Some((object, step)) = self.candidate(world, task, op) else { return false };
        self.hold(world, task, locks);
        let block = op.object().and_then(|id| world.object(id).block);
        let place = world.place(task);
        let moves = match self.question(object, step, place, block) {
            Some(question) => match self.decided[question.slot()] {
                Some((known, moves)) if known == question => moves,
                _ => {
                    let moves = self.decide((object, step), place, block);
                    self.decided[question.slot()] = Some((question, moves));
                    moves
                }
            },
            None => self.decide((object, step), place, block),
        };
        moves && self.row.goes_on(world.history_of(task))
    }

    fn question(&self, object: ObjectId, step: Step, place: Place, block: Option<ObjectId>) -> Option<Question> {
        let mut held = [Hold::NOTHING; HELD_MAX];
        held.get_mut(..self.held.len())?.copy_from_slice(&self.held);
        Some(Question { object, step, place: (place.file().as_ptr(), place.line(), place.column()), block, held })
    }

    /// Is it a mover, as far as is known? Then that is relied on.
    fn decide(&mut self, (object, step): (ObjectId, Step), place: Place, block: Option<ObjectId>) -> bool {
        let place = self.number(place);
        if self.facts.is_loud((object.0, place)) {
            return false;
        }
        let alone = matches!(step, Step::Access(class) if class.needs_it_alone());
        self.ordering.clear();
        self.ordering.extend(self.held.iter().filter(|hold| hold.alone || !alone).map(|hold| hold.token));
        let moves = commutes(&self.facts, (object, step), block, &mut self.ordering);
        if moves {
            self.rely(Key { object: object.0, step, place }, block);
        }
        moves
    }

    /// What of the operation has to be relied on, if it can be a mover at all.
    fn candidate(&self, world: &World, task: TaskId, op: Op) -> Option<(ObjectId, Step)> {
        match op {
            Op::Fence => Some((ObjectId(0), Step::Fence)),
            Op::Release(lock) => (world.owner(lock) == Some(task)).then_some((lock, Step::Release)),
            Op::ReleaseRead(lock) => (world.readers(lock) >> task.0 & 1 != 0).then_some((lock, Step::Release)),
            // What a check looks at by itself, it looks at without a lock.
            Op::Store(..) | Op::Rmw(..) if self.judged => None,
            Op::Load(..) | Op::Store(..) | Op::Rmw(..) => Class::of(op).map(|(id, class)| (id, Step::Access(class))),
            _ => None,
        }
    }

    fn hold(&mut self, world: &World, task: TaskId, locks: impl Iterator<Item = ObjectId>) {
        self.held.clear();
        if !self.exchanged.get(task.index()).is_some_and(|exchanged| *exchanged) {
            self.held.push(Hold::itself(task));
        }
        self.held.extend(locks.map(|lock| Hold::lock(lock, world.owner(lock) == Some(task))));
    }

    fn rely(&mut self, key: Key, block: Option<ObjectId>) {
        let block = block.map(|block| block.0);
        let relied = self.relied.entry(key).or_default();
        if relied.iter().any(|reliance| reliance.block == block && reliance.tokens == self.ordering) {
            return;
        }
        let Key { object, step, place } = key;
        relied.push(Reliance { object, step, place, block, tokens: self.ordering.clone() });
    }

    /// A fact about the object is new to this worker. (Without an object it is about all.)
    fn learn(&mut self, about: Option<u32>, add: impl Fn(&mut Facts)) {
        let mut seen = self.seen.inner.lock();
        add(&mut seen.facts);
        let others_learned = self.seen.version.fetch_add(1, Ordering::Relaxed) != self.version;
        drop(seen);
        if others_learned {
            return self.catch_up();
        }
        self.version += 1;
        add(&mut self.facts);
        self.look_back(about);
    }

    fn catch_up(&mut self) {
        let seen = self.seen.inner.lock();
        self.version = self.seen.version.load(Ordering::Relaxed);
        self.facts.clone_from(&seen.facts);
        drop(seen);
        self.look_back(None);
    }

    /// Does all still hold that was relied on, as far as it is about this object?
    fn look_back(&mut self, about: Option<u32>) {
        self.decided.fill(None);
        let concerned = |it: &&Reliance| about.is_none_or(|object| it.object == object || it.block == Some(object));
        let mut relied = self.relied.values().flatten().filter(concerned);
        self.broken |= self.watched && !relied.all(|reliance| reliance.holds(&self.facts));
    }

    /// A number for a place, the same in every process.
    fn number(&mut self, place: Place) -> u64 {
        // The texts of files are kept, each once.
        let here = u64::from(place.line()) << 32 | u64::from(place.column());
        *self.places.entry((place.file().as_ptr() as usize, here)).or_insert_with(|| {
            let mut number = Fingerprint::default();
            number.write(place.file().as_bytes());
            number.write_u64(here);
            number.finish()
        })
    }

    /// Hands over what was relied on: it has to hold to the end of the search.
    pub fn hand_over(&mut self) {
        let relied = std::mem::take(&mut self.relied).into_values().flatten();
        if self.watched {
            let mut seen = self.seen.inner.lock();
            for reliance in relied {
                if !seen.relied.contains(&reliance) {
                    seen.relied.push(reliance);
                }
            }
        }
    }
}
