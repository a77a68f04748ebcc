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

/// Movers in a row after which a state is looked up all the same, so that a task that goes round does not go on for ever.
const ROW_MAX: u32 = 64;

/// What was relied on: at a place in the source, for this object and class of access, that these tokens order it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Reliance {
    object: u32,
    /// `None`: only that nothing is loud there, and whatever goes for all.
    class: Option<Class>,
    block: Option<u32>,
    place: u64,
    tokens: Vec<u32>,
}

impl Reliance {
    fn holds(&self, facts: &Facts) -> bool {
        if facts.moves_time() || facts.is_loud((self.object, self.place)) {
            return false;
        }
        let object = ObjectId(self.object);
        match self.class {
            None => true,
            Some(Class::Tries) => facts.is_never_tried(object),
            Some(class) => {
                let mut tokens = self.tokens.clone();
                facts.narrow((object, class), self.block.map(ObjectId), &mut tokens);
                !tokens.is_empty()
            }
        }
    }
}

/// What all workers have seen and relied on.
#[derive(Debug, Default)]
pub(in crate::explore) struct Seen {
    inner: Mutex<Saved>,
    /// Goes up with every new fact.
    version: AtomicU64,
}

/// The same as plain data.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Saved {
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
        *self.inner.lock() = saved;
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
    row: u32,
    held: Vec<Hold>,
    ordering: Vec<u32>,
    places: HashMap<(usize, u64), u64, BuildHasherDefault<Fingerprint>>,
    /// The step that is being made, as one that may be loud.
    step: Option<(u32, u64)>,
}

/// What a reliance is found by.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    object: u32,
    class: Option<Class>,
    place: u64,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let class = self.class.map_or(0, |class| class as u64 + 1);
        state.write_u64(self.place ^ u64::from(self.object) << 8 ^ class);
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
        let version = seen.version.load(Ordering::Relaxed);
        Movers {
            seen,
            facts: seen.inner.lock().facts.clone(),
            version,
            relied: HashMap::default(),
            exchanged: alike.iter().map(|number| *number != 0).collect(),
            judged: subject.checks().has_more(),
            watched: config.seeded != Some(Unsound::LocksNotWatched),
            broken: false,
            row: 0,
            held: Vec::new(),
            ordering: Vec::new(),
            places: HashMap::default(),
            step: None,
        }
    }

    /// Has something turned out wrong that was relied on?
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// The search stands where a scheduling point is.
    pub fn stop(&mut self) {
        self.row = 0;
    }

    /// A step is about to be made for the first time, while its task holds these locks.
    pub fn watch(&mut self, world: &World, transition: Transition, locks: impl Iterator<Item = ObjectId>) {
        if self.version != self.seen.version.load(Ordering::Relaxed) {
            self.catch_up();
        }
        self.step = None;
        let task = transition.task;
        let Some(op) = world.operation(transition) else { return };
        if matches!(op, Op::Advance(_)) && !self.facts.moves_time() {
            self.learn(|facts| facts.add_time());
        }
        self.step = Some((op.object().map_or(0, |id| id.0), self.number(world.place(task))));
        let Some((id, class)) = Class::of(op) else { return };
        self.hold(world, task, locks);
        if !self.facts.knows(id, class, &self.held) {
            let held = std::mem::take(&mut self.held);
            self.learn(|facts| facts.add(id, class, &held));
            self.held = held;
        }
    }

    /// What the step told that was made last.
    pub fn made(&mut self, loud: bool) {
        if let Some(step) = self.step.filter(|step| loud && !self.facts.is_loud(*step)) {
            self.learn(|facts| facts.add_loud(step));
        }
    }

    /// May the task go on at once, while it holds these locks? It has just made a step.
    pub fn moves(&mut self, world: &World, task: TaskId, locks: impl Iterator<Item = ObjectId>) -> bool {
        if self.row >= ROW_MAX || self.facts.moves_time() || task == TaskId::CLOCK {
            return false;
        }
        let Some(op) = world.pending(task) else { return false };
        let Some((object, class)) = self.candidate(world, task, op) else { return false };
        let place = self.number(world.place(task));
        if self.facts.is_loud((object.0, place)) {
            return false;
        }
        self.ordering.clear();
        let mut block = None;
        match class {
            None => {}
            Some(Class::Tries) if !self.facts.is_never_tried(object) => return false,
            Some(Class::Tries) => {}
            Some(class) => {
                block = world.object(object).block;
                self.hold(world, task, locks);
                self.facts.ordering((object, class), block, &self.held, &mut self.ordering);
                if self.ordering.is_empty() {
                    return false;
                }
            }
        }
        self.rely(Key { object: object.0, class, place }, block);
        self.row += 1;
        true
    }

    /// What of the operation has to be relied on, if it can be a mover at all.
    fn candidate(&self, world: &World, task: TaskId, op: Op) -> Option<(ObjectId, Option<Class>)> {
        match op {
            Op::Fence => Some((ObjectId(0), None)),
            Op::Release(lock) => (world.owner(lock) == Some(task)).then_some((lock, Some(Class::Tries))),
            Op::ReleaseRead(lock) => (world.readers(lock) >> task.0 & 1 != 0).then_some((lock, Some(Class::Tries))),
            Op::Load(..) => Class::of(op).map(|(id, class)| (id, Some(class))),
            // What a check looks at by itself, it looks at without a lock.
            Op::Store(..) | Op::Rmw(..) if !self.judged => Class::of(op).map(|(id, class)| (id, Some(class))),
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
        let Key { object, class, place } = key;
        relied.push(Reliance { object, class, block, place, tokens: self.ordering.clone() });
    }

    /// A fact is new to this worker.
    fn learn(&mut self, add: impl FnOnce(&mut Facts)) {
        add(&mut self.seen.inner.lock().facts);
        self.seen.version.fetch_add(1, Ordering::Relaxed);
        self.catch_up();
    }

    fn catch_up(&mut self) {
        self.version = self.seen.version.load(Ordering::Relaxed);
        self.facts.clone_from(&self.seen.inner.lock().facts);
        let holds = |reliance: &Reliance| reliance.holds(&self.facts);
        self.broken |= self.watched && !self.relied.values().flatten().all(holds);
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
