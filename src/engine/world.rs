//! The world of the controlled engine: every task, every object, virtual time; exact.
//!
//! Operations are applied here, one at a time (`world/perform.rs`). What a state is for the stateful search is told by its
//! fingerprint (`world/canonical.rs`): each task by what it has observed, each object by its contents.
//!
//! Memory is sequentially consistent, or has a store buffer per task ([`Memory::Tso`]). Under the former
//! [`Access`](crate::event::Access) and fences change nothing but the data race check. Under the latter a store waits in
//! its task's buffer until it is flushed, which is a transition of its own; the task itself reads its own newest store; whatever
//! [drains](Op::drains) waits for an empty buffer. Releases and acquires need no more than that on such a machine.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{Clock, Contexts, Exceeded, Lister, Listing, Memory, OBJECTS_MAX, READERS_MAX, TASKS_MAX, Unsound};
use crate::event::{
    Act, ListEntry, Masks, ObjectId, ObjectInfo, ObjectKind, Op, Place, Seat, Status, Symbol, TaskId, View,
};

mod canonical;
mod cpu;
mod next;
mod own;
mod perform;

/// One thing that can happen next: a task's pending operation with one of its results, a flush of its store buffer, or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Transition {
    /// Whose step; [`TaskId::CLOCK`] moves time to the earliest deadline.
    pub task: TaskId,
    /// Which result of an [`Op::Choose`]; 0 for all others but the flush.
    pub alternative: u8,
}

/// Marks a flush. Choices have fewer results.
const FLUSH: u8 = u8::MAX;

impl Transition {
    /// Time moves on.
    pub const CLOCK: Transition = Transition { task: TaskId::CLOCK, alternative: 0 };

    /// The task performs its pending operation.
    pub fn step(task: TaskId) -> Transition {
        Transition { task, alternative: 0 }
    }

    /// The oldest store in the task's buffer reaches memory.
    pub fn flush(task: TaskId) -> Transition {
        Transition { task, alternative: FLUSH }
    }

    /// Is it a flush? The task itself does not move then.
    pub fn is_flush(self) -> bool {
        self.alternative == FLUSH
    }
}

#[derive(Clone, Copy)]
struct Slot {
    info: ObjectInfo,
    /// A cell's value, a lock's owner plus one, 1 for a freed block, bit t for task t that waits on a queue (all are woken at
    /// once, so their order is none of the state).
    value: u64,
}

#[derive(Clone)]
struct Task {
    pending: Option<Op>,
    place: Place,
    history: u128,
    /// Stores that have not reached memory yet, the oldest first. Always empty under sequential consistency.
    buffer: Vec<(ObjectId, u64)>,
    sleeping: bool,
    interrupted: bool,
    finished: bool,
    /// It has started. What was not born yet is no part of a state.
    born: bool,
    /// What it has done since it last span, and what it had done when it did.
    round: u64,
    round_before: u64,
}

/// Of the value of a lock: the task that holds it alone, its number plus one.
const WRITER: u64 = 0xff;

/// Where a task stands: the point from which it continues, and the result it continues with.
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

impl Key {
    /// From the beginning: the task has made no operation yet. No time is so late.
    pub fn first(self) -> Key {
        Key { jiffies: u64::MAX, ..self }
    }

    pub fn is_first(&self) -> bool {
        self.jiffies == u64::MAX
    }
}

/// Every task and every object of one execution.
#[derive(Clone)]
pub struct World {
    objects: Vec<Vec<Slot>>,
    tasks: Vec<Task>,
    jiffies: u64,
    clock: Clock,
    memory: Memory,
    listing: Arc<Lister>,
    symmetry: canonical::Symmetry,
    cpus: cpu::Cpus,
    seeded: Option<Unsound>,
    objects_max: u32,
    /// The node that the set-up boots.
    node: Option<u8>,
    /// What user-land code shares.
    own: own::Own,
    /// Is it user-land code?
    is_own: bool,
    /// The last step went on while its task unwound, with operations that nobody was told of before.
    is_wild: bool,
}

impl World {
    /// A world with nothing in it. The clock says when time moves; a task makes at most `objects_max` objects.
    pub fn new(clock: Clock, memory: Memory, objects_max: u32) -> World {
        World {
            objects: vec![Vec::with_capacity(32)],
            tasks: Vec::new(),
            jiffies: 1000,
            clock,
            memory,
            listing: Arc::new(|_| Vec::new()),
            symmetry: canonical::Symmetry::default(),
            cpus: cpu::Cpus::default(),
            seeded: None,
            objects_max: objects_max.min(OBJECTS_MAX),
            node: None,
            own: own::Own::default(),
            is_own: false,
            is_wild: false,
        }
    }

    /// It is of user-land code, whose tasks are born as it runs.
    pub(super) fn set_own(&mut self) {
        self.is_own = true;
    }

    pub(super) fn add_tasks(&mut self, count: usize, listing: Listing) {
        self.listing = listing.into();
        assert!(count <= TASKS_MAX, "internal error: the engine has counted the tasks");
        self.objects.resize_with(count + 1, Vec::new);
        self.tasks = (1..=count).map(Task::new).collect();
        self.cpus = cpu::Cpus::new(count, Contexts::default());
    }

    /// Makes the search unsound in a way that a test is to notice.
    pub(super) fn seed(&mut self, seeded: Option<Unsound>) {
        self.seeded = seeded;
    }

    /// Is it? Then what a state says is not to be relied on.
    pub(super) fn is_seeded(&self) -> bool {
        self.seeded.is_some()
    }

    /// Objects that are made from here on are on that node, or on none.
    pub(super) fn set_node(&mut self, node: Option<u8>) {
        debug_assert!(self.tasks.is_empty(), "nodes boot before tasks start");
        self.node = node;
    }

    /// Makes an object, if the task has not made too many.
    pub(super) fn create(&mut self, creator: TaskId, info: ObjectInfo, value: u64) -> Result<ObjectId, Exceeded> {
        let info = ObjectInfo { node: self.node, ..info };
        self.symmetry.named_by(creator);
        if self.seeded == Some(Unsound::NamesReused)
            && let Some(id) = self.reused_name(creator, info)
        {
            *self.slot_mut(id) = Slot { info, value };
            return Ok(id);
        }
        let slots = &mut self.objects[usize::from(creator.0)];
        if slots.len() >= self.objects_max as usize {
            return Err(Exceeded::Objects(self.objects_max));
        }
        slots.push(Slot { info, value });
        let id = ObjectId::new(creator, slots.len() as u32);
        if info.kind == ObjectKind::Channel {
            self.slot_mut(id).value = 0;
            self.open_channel(id, value);
        }
        Ok(id)
    }

    /// The name of a freed slab object of the same maker and kind, or of the next field of one that was named so.
    fn reused_name(&self, creator: TaskId, info: ObjectInfo) -> Option<ObjectId> {
        let slots = &self.objects[usize::from(creator.0)];
        let named = |at: usize| ObjectId::new(creator, at as u32 + 1);
        match info.block {
            None if info.kind == ObjectKind::Block => {
                slots.iter().position(|slot| (slot.info, slot.value) == (info, 1)).map(named)
            }
            Some(block) if block.count() as usize != slots.len() => {
                // The fields are made in a row: the first of this name is the one that was not made again yet.
                let field = |slot: &Slot| (slot.info.block, slot.info.name) == (Some(block), info.name);
                slots.iter().position(field).map(named)
            }
            _ => None,
        }
    }

    pub(super) fn init(&mut self, id: ObjectId, value: u64) {
        self.slot_mut(id).value = value;
    }

    #[inline]
    fn slot(&self, id: ObjectId) -> &Slot {
        &self.objects[usize::from(id.creator().0)][id.count() as usize - 1]
    }

    fn slot_mut(&mut self, id: ObjectId) -> &mut Slot {
        &mut self.objects[usize::from(id.creator().0)][id.count() as usize - 1]
    }

    pub(super) fn set_pending(&mut self, task: TaskId, op: Op, place: Place) {
        let task = &mut self.tasks[task.index()];
        task.pending = Some(op);
        task.place = place;
        self.settle();
    }

    /// The task is done. Its history stays part of the state: the outcome tells what it saw.
    pub(super) fn finish(&mut self, task: TaskId) {
        let record = &mut self.tasks[task.index()];
        record.pending = None;
        record.finished = true;
        if self.is_own {
            self.end_thread(task);
        }
        self.settle();
    }

    /// The operation before which the task stands, and where that is.
    ///
    /// # Panics
    /// If it is done.
    pub(super) fn standing(&self, task: TaskId) -> (Op, Place) {
        let task = &self.tasks[task.index()];
        (task.pending.expect("a task that makes a step stands before an operation"), task.place)
    }

    /// Where the task's pending operation is in the source; where its last one was, if it is done.
    pub(crate) fn place(&self, task: TaskId) -> Place {
        self.tasks[task.index()].place
    }

    /// From where the task goes on; what it learns from its operation is to be filled in.
    pub(super) fn key(&self, task: TaskId) -> Key {
        Key {
            task,
            history: self.tasks[task.index()].history,
            created: self.objects[usize::from(task.0)].len() as u32,
            jiffies: self.jiffies,
            observed: 0,
        }
    }

    /// From where it goes on after this operation.
    pub(super) fn key_after(&self, task: TaskId, op: Op) -> Key {
        Key { history: self.history_before(task, op), ..self.key(task) }
    }

    /// Where the task's history began.
    pub(super) fn origin(&self, task: TaskId) -> u128 {
        self.symmetry.origin(task)
    }

    /// What the task has observed since that was last folded.
    pub fn history_of(&self, task: TaskId) -> u128 {
        self.tasks[task.index()].history
    }

    pub(super) fn history(&mut self, task: TaskId) -> &mut u128 {
        &mut self.tasks[task.index()].history
    }

    /// All memory cells there are, in the order of their names.
    #[cfg(feature = "loom")]
    pub(super) fn cells(&self) -> Vec<ObjectId> {
        let named = self.objects.iter().enumerate().flat_map(|(creator, slots)| {
            slots.iter().enumerate().map(move |(at, slot)| (ObjectId::new(TaskId(creator as u8), at as u32 + 1), slot))
        });
        let is_cell = |slot: &Slot| matches!(slot.info.kind, ObjectKind::Plain | ObjectKind::Atomic);
        named.filter(|(_, slot)| is_cell(slot)).map(|(id, _)| id).collect()
    }

    /// Is there an object of that name?
    pub fn knows(&self, id: ObjectId) -> bool {
        let slots = self.objects.get(usize::from(id.creator().0));
        slots.is_some_and(|slots| (1..=slots.len()).contains(&(id.count() as usize)))
    }

    /// All tasks, in order.
    pub fn task_ids(&self) -> impl Iterator<Item = TaskId> + use<> {
        (1..=self.tasks.len()).map(|task| TaskId(task as u8))
    }
}

impl Task {
    #[track_caller]
    fn new(number: usize) -> Task {
        Task {
            pending: None,
            place: Place::caller(),
            history: number as u128,
            buffer: Vec::new(),
            sleeping: false,
            interrupted: false,
            finished: false,
            born: true,
            round: 0,
            round_before: u64::MAX,
        }
    }
}

impl View for World {
    fn object(&self, id: ObjectId) -> ObjectInfo {
        self.slot(id).info
    }

    fn peek(&self, id: ObjectId) -> u64 {
        let buffered = |task: &Task| task.buffer.iter().rev().find(|(to, _)| *to == id).map(|(_, value)| *value);
        // Of two tasks that both have a store to it on its way, the later one: no schedule tells them apart here.
        self.tasks.iter().rev().find_map(buffered).unwrap_or(self.slot(id).value)
    }

    fn owner(&self, lock: ObjectId) -> Option<TaskId> {
        (self.slot(lock).value & WRITER).checked_sub(1).map(|owner| TaskId(owner as u8))
    }

    fn readers(&self, lock: ObjectId) -> u64 {
        let value = self.slot(lock).value;
        let reads = |task: &u8| perform::reads(value, TaskId(*task)) != 0;
        if value & !WRITER == 0 { 0 } else { (1..=READERS_MAX).filter(reads).fold(0, |all, task| all | 1 << task) }
    }

    fn pending(&self, task: TaskId) -> Option<Op> {
        self.tasks[task.index()].pending
    }

    fn is_freed(&self, block: ObjectId) -> bool {
        self.slot(block).value != 0
    }

    fn live_blocks(&self) -> Vec<ObjectId> {
        let named = self.objects.iter().enumerate().flat_map(|(creator, slots)| {
            slots.iter().enumerate().map(move |(at, slot)| (ObjectId::new(TaskId(creator as u8), at as u32 + 1), slot))
        });
        named.filter(|(_, slot)| slot.info.kind == ObjectKind::Block && slot.value == 0).map(|(id, _)| id).collect()
    }

    fn tasks(&self) -> usize {
        self.tasks.len()
    }

    #[inline]
    fn status(&self, id: TaskId) -> (Status, Place) {
        let record = &self.tasks[id.index()];
        let status = match record.pending {
            // It is on its way to its next operation, or to its first.
            None if self.is_own && record.born && !record.finished => Status::Drains,
            None if record.buffer.is_empty() => Status::Finished,
            None => Status::Drains,
            Some(op) if op.drains() && !record.buffer.is_empty() => Status::Drains,
            Some(Op::Sleep(deadline))
                if record.sleeping && !record.interrupted && deadline.is_none_or(|at| at > self.jiffies) =>
            {
                Status::Sleeps(deadline)
            }
            Some(Op::Act(queue, Act::Wait)) if self.slot(queue).value >> id.0 & 1 != 0 => Status::Sleeps(None),
            Some(op @ Op::Act(_, Act::Spin(for_ever))) => self.spins(id, op, for_ever),
            Some(op) => match self.waits_for(op) {
                Some(lock) => Status::WaitsFor(lock),
                None if self.cpus.is_plain() => Status::Ready(op),
                None => self.on_cpu(id, op),
            },
        };
        (status, record.place)
    }

    fn clock_runs(&self) -> bool {
        self.clock != Clock::Stopped
    }

    fn seat(&self, task: TaskId) -> Option<Seat> {
        self.cpus.seat(task)
    }

    fn masks(&self, task: TaskId) -> Masks {
        self.cpus.masks(task)
    }

    fn spins(&self, lock: ObjectId) -> bool {
        self.lock_spins(lock)
    }

    fn jiffies(&self) -> u64 {
        self.jiffies
    }

    fn listed(&self) -> Vec<ListEntry> {
        (self.listing)(self)
    }

    fn recorded(&self) -> Vec<(Symbol, i64)> {
        self.all_recorded()
    }
}
