//! The world of the controlled engine: every task, every object, virtual time; exact and sequentially consistent.
//!
//! Operations are applied here, one at a time. What a state is for the stateful search is told by
//! [`World::fingerprint`]: each task by what it has observed, each object by its contents.
//!
//! Memory is sequentially consistent here, so [`Access`](crate::event::Access) and fences change nothing but the data race check.

use std::hash::{Hash, Hasher};
use std::panic::Location;

use super::fingerprint::Fingerprint;
use super::{Clock, Listing};
use crate::event::{Listed, ObjectId, ObjectInfo, ObjectKind, Op, Place, Status, TaskId, View, Woken};

/// One thing that can happen next: a task's pending operation with one of its results, or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transition {
    /// Whose step; [`TaskId::CLOCK`] moves time to the earliest deadline.
    pub task: TaskId,
    /// Which result of an [`Op::Choose`]; 0 for all others.
    pub alternative: u8,
}

struct Slot {
    info: ObjectInfo,
    /// A cell's value, a lock's owner plus one, 1 for a freed block.
    value: u64,
    waiters: Vec<TaskId>,
}

struct Task {
    pending: Option<Op>,
    place: Place,
    history: u128,
    sleeping: bool,
    interrupted: bool,
    finished: bool,
}

/// Every task and every object of one execution.
pub struct World {
    objects: Vec<Vec<Slot>>,
    tasks: Vec<Task>,
    jiffies: u64,
    clock: Clock,
    listing: Listing,
}

impl World {
    /// A world with nothing in it. The clock says when time moves.
    pub fn new(clock: Clock) -> World {
        World {
            objects: vec![Vec::with_capacity(32)],
            tasks: Vec::new(),
            jiffies: 1000,
            clock,
            listing: Box::new(|_| Vec::new()),
        }
    }

    pub(super) fn add_tasks(&mut self, count: usize, listing: Listing) {
        self.listing = listing;
        assert!(count < usize::from(TaskId::CLOCK.0), "at most {} tasks", TaskId::CLOCK.0 - 1);
        self.objects.resize_with(count + 1, Vec::new);
        self.tasks = (1..=count).map(Task::new).collect();
    }

    pub(super) fn create(&mut self, creator: TaskId, info: ObjectInfo, value: u64) -> ObjectId {
        let slots = &mut self.objects[usize::from(creator.0)];
        slots.push(Slot { info, value, waiters: Vec::new() });
        ObjectId::new(creator, slots.len() as u32)
    }

    pub(super) fn init(&mut self, id: ObjectId, value: u64) {
        self.slot_mut(id).value = value;
    }

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
    }

    /// The task is done. Its history stays part of the state: the outcome tells what it saw.
    pub(super) fn finish(&mut self, task: TaskId) {
        let task = &mut self.tasks[task.index()];
        task.pending = None;
        task.finished = true;
    }

    pub(super) fn history(&mut self, task: TaskId) -> &mut u128 {
        &mut self.tasks[task.index()].history
    }

    /// The operation before which a task stands, if it is not done.
    pub fn pending(&self, task: TaskId) -> Option<Op> {
        self.tasks[task.index()].pending
    }

    /// Does the task wait for a lock that is given back only after it has run on?
    pub(super) fn waits_for_itself(&self, task: TaskId) -> bool {
        let mut at = task;
        for _ in 0..=self.tasks.len() {
            let Status::WaitsFor(lock) = self.status(at).0 else { return false };
            match self.owner(lock) {
                Some(holder) if holder == task => return true,
                Some(TaskId::BOOT) | None => return false,
                Some(holder) => at = holder,
            }
        }
        false
    }

    /// All memory cells there are, in the order of their names.
    pub(super) fn cells(&self) -> Vec<ObjectId> {
        let named = self.objects.iter().enumerate().flat_map(|(creator, slots)| {
            slots.iter().enumerate().map(move |(at, slot)| (ObjectId::new(TaskId(creator as u8), at as u32 + 1), slot))
        });
        let is_cell = |slot: &Slot| matches!(slot.info.kind, ObjectKind::Plain | ObjectKind::Atomic);
        named.filter(|(_, slot)| is_cell(slot)).map(|(id, _)| id).collect()
    }

    /// All tasks, in order.
    pub fn task_ids(&self) -> impl Iterator<Item = TaskId> + use<> {
        (1..=self.tasks.len()).map(|task| TaskId(task as u8))
    }

    /// Fills `transitions` with what can happen next, tasks in their order and time last.
    pub fn transitions(&self, transitions: &mut Vec<Transition>) {
        transitions.clear();
        for task in self.task_ids() {
            if let Status::Ready(op) = self.status(task).0 {
                let alternatives = if let Op::Choose(n, _) = op { n } else { 1 };
                transitions.extend((0..alternatives).map(|alternative| Transition { task, alternative }));
            }
        }
        let time_moves = match self.clock {
            Clock::Free => true,
            Clock::Quiescent => transitions.is_empty(),
            Clock::Stopped => false,
        };
        if time_moves && self.earliest_deadline().is_some() {
            transitions.push(Transition { task: TaskId::CLOCK, alternative: 0 });
        }
    }

    /// Can it happen now?
    pub fn is_enabled(&self, transition: Transition) -> bool {
        match transition.task {
            TaskId::CLOCK => self.earliest_deadline().is_some(),
            task => matches!(self.status(task).0, Status::Ready(_)),
        }
    }

    fn earliest_deadline(&self) -> Option<u64> {
        let deadlines = self.task_ids().filter_map(|task| match self.status(task).0 {
            Status::Sleeps(deadline) => deadline,
            _ => None,
        });
        deadlines.min()
    }

    /// Moves time to the earliest deadline; returns by how much.
    pub(super) fn tick(&mut self) -> u64 {
        let deadline = self.earliest_deadline().expect("a tick was enabled, so somebody sleeps with a deadline");
        let by = deadline - self.jiffies;
        self.jiffies = deadline;
        by
    }

    /// Performs the task's pending operation (or the set-up's) and folds it into the task's history.
    pub(super) fn apply(&mut self, task: TaskId, op: Op, alternative: u8) -> u64 {
        let result = self.perform(task, op, alternative);
        if task != TaskId::BOOT {
            let mut fold = Fingerprint::default();
            fold.write_history(self.tasks[task.index()].history);
            op.hash(&mut fold);
            fold.write_u64(result);
            let task = &mut self.tasks[task.index()];
            task.history = fold.finish_128();
            task.pending = None;
        }
        result
    }

    /// As [`World::apply`], where memory other than this world has decided what the task saw.
    pub(super) fn apply_seen(&mut self, task: TaskId, op: Op, alternative: u8, seen: Option<u64>) -> u64 {
        let result = match (op, seen) {
            (Op::Rmw(id, rmw, _), Some(old)) => {
                self.slot_mut(id).value = rmw.apply(old);
                old
            }
            (Op::Load(..), Some(value)) => value,
            _ => self.perform(task, op, alternative),
        };
        // It runs on: whatever it does next, it waits for nothing now.
        self.tasks[task.index()].pending = Some(Op::Fence);
        result
    }

    pub(super) fn advance(&mut self, by: u64) {
        self.jiffies += by;
    }

    fn perform(&mut self, task: TaskId, op: Op, alternative: u8) -> u64 {
        let me = u64::from(task.0) + 1;
        match op {
            Op::Load(id, _) => self.slot(id).value,
            Op::Store(id, value, _) => {
                self.slot_mut(id).value = value;
                0
            }
            Op::Rmw(id, rmw, _) => {
                let slot = self.slot_mut(id);
                let old = slot.value;
                slot.value = rmw.apply(old);
                old
            }
            Op::Fence => 0,
            Op::Acquire(id) => {
                self.slot_mut(id).value = me;
                0
            }
            Op::TryAcquire(id) => {
                let slot = self.slot_mut(id);
                let free = slot.value == 0;
                if free {
                    slot.value = me;
                }
                u64::from(free)
            }
            Op::Release(id) => {
                let slot = self.slot_mut(id);
                let mine = slot.value == me;
                if mine {
                    slot.value = 0;
                }
                u64::from(!mine)
            }
            Op::Free(id) => std::mem::replace(&mut self.slot_mut(id).value, 1),
            Op::Choose(..) => u64::from(alternative),
            Op::Enqueue(..) | Op::Dequeue(..) | Op::Wake(..) => self.perform_on_queue(task, op),
            Op::Sleep(..) | Op::Interrupt(..) | Op::Advance(..) => self.perform_on_time(task, op),
        }
    }

    fn perform_on_queue(&mut self, task: TaskId, op: Op) -> u64 {
        match op {
            Op::Enqueue(id) => {
                self.slot_mut(id).waiters.push(task);
                self.tasks[task.index()].sleeping = true;
                0
            }
            Op::Dequeue(id) => {
                self.slot_mut(id).waiters.retain(|&waiter| waiter != task);
                self.tasks[task.index()].sleeping = false;
                0
            }
            Op::Wake(id) => {
                let woken = std::mem::take(&mut self.slot_mut(id).waiters);
                for &waiter in &woken {
                    self.tasks[waiter.index()].sleeping = false;
                }
                woken.len() as u64
            }
            _ => unreachable!("internal error: {op:?} is no operation on a queue"),
        }
    }

    fn perform_on_time(&mut self, task: TaskId, op: Op) -> u64 {
        match op {
            Op::Sleep(_) => {
                let task = &mut self.tasks[task.index()];
                let woken = match (std::mem::take(&mut task.sleeping), task.interrupted) {
                    (false, _) => Woken::Up,
                    (true, true) => {
                        task.interrupted = false;
                        Woken::Signal
                    }
                    (true, false) => Woken::Timeout,
                };
                woken as u64
            }
            Op::Interrupt(target) => {
                self.tasks[target.index()].interrupted = true;
                0
            }
            Op::Advance(by) => {
                self.jiffies += by;
                0
            }
            _ => unreachable!("internal error: {op:?} is no operation on time"),
        }
    }

    /// Takes in the whole state.
    ///
    /// Fields of a freed block are left out: touching them ends the execution with LW020, whatever they hold.
    pub fn fingerprint(&self, fingerprint: &mut Fingerprint) {
        for task in &self.tasks {
            fingerprint.write_history(task.history);
            fingerprint
                .write_u8(u8::from(task.sleeping) | u8::from(task.interrupted) << 1 | u8::from(task.finished) << 2);
            task.pending.hash(fingerprint);
        }
        for slots in &self.objects {
            fingerprint.write_usize(slots.len());
            for slot in slots {
                fingerprint.write_u8(slot.info.kind as u8);
                if slot.info.block.is_some_and(|block| self.is_freed(block)) {
                    continue;
                }
                fingerprint.write_u64(slot.value);
                if slot.info.kind == ObjectKind::Queue {
                    slot.waiters.hash(fingerprint);
                }
            }
        }
        fingerprint.write_u64(self.jiffies);
    }
}

impl Task {
    #[track_caller]
    fn new(number: usize) -> Task {
        Task {
            pending: None,
            place: Location::caller(),
            history: number as u128,
            sleeping: false,
            interrupted: false,
            finished: false,
        }
    }
}

impl View for World {
    fn object(&self, id: ObjectId) -> ObjectInfo {
        self.slot(id).info
    }

    fn peek(&self, id: ObjectId) -> u64 {
        self.slot(id).value
    }

    fn owner(&self, lock: ObjectId) -> Option<TaskId> {
        self.slot(lock).value.checked_sub(1).map(|owner| TaskId(owner as u8))
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

    fn status(&self, task: TaskId) -> (Status, Place) {
        let task = &self.tasks[task.index()];
        let status = match task.pending {
            None => Status::Finished,
            Some(Op::Acquire(lock)) if self.slot(lock).value != 0 => Status::WaitsFor(lock),
            Some(Op::Sleep(deadline))
                if task.sleeping && !task.interrupted && deadline.is_none_or(|at| at > self.jiffies) =>
            {
                Status::Sleeps(deadline)
            }
            Some(op) => Status::Ready(op),
        };
        (status, task.place)
    }

    fn clock_runs(&self) -> bool {
        self.clock != Clock::Stopped
    }

    fn jiffies(&self) -> u64 {
        self.jiffies
    }

    fn listed(&self) -> Vec<Listed> {
        (self.listing)(self)
    }
}
