//! What each operation does to the world.

use std::hash::Hasher;

use super::super::Memory;
use super::super::fingerprint::Fingerprint;
use super::super::{Exceeded, READERS_MAX, READS_MAX};
use super::{WRITER, World};
use crate::event::{Act, ObjectId, Op, Rmw, TaskId, View, Woken};

/// Where the value of a lock counts how often a task holds it for reading. `None` for the set-up, and for tasks beyond the
/// eighteenth, which never do.
fn place_of(task: TaskId) -> Option<u8> {
    (1..=READERS_MAX).contains(&task.0).then(|| 5 + 3 * task.0)
}

/// How often a task holds the lock of that value for reading.
pub(super) fn reads(value: u64, task: TaskId) -> u64 {
    place_of(task).map_or(0, |place| value >> place & u64::from(READS_MAX))
}

/// What one of these adds to the value.
pub(super) fn read(task: TaskId) -> u64 {
    1 << place_of(task).expect("internal error: the engine has asked whether the task can share a lock")
}

impl World {
    /// The limit that the task's operation would exceed, if there is one.
    pub(in crate::engine) fn exceeds(&self, task: TaskId, op: Op) -> Option<Exceeded> {
        if let Op::Rmw(word, Rmw::Claim(slots), _) = op {
            return slots.are_used_up(self.slot(word).value).then(|| Exceeded::Sections(slots.count()));
        }
        let (Op::AcquireRead(lock) | Op::Act(lock, Act::TryRead)) = op else { return None };
        if place_of(task).is_none() {
            return Some(Exceeded::Readers(READERS_MAX));
        }
        let full = reads(self.slot(lock).value, task) == u64::from(READS_MAX);
        full.then_some(Exceeded::Nesting(READS_MAX))
    }

    /// What the operation has to wait for now, if anything. (A sleep is the task's own: [`View::status`].)
    #[inline]
    pub(super) fn waits_for(&self, op: Op) -> Option<ObjectId> {
        let (waited_for, is_open) = match op {
            Op::Acquire(lock) => (lock, self.slot(lock).value == 0),
            Op::AcquireRead(lock) => (lock, self.slot(lock).value & WRITER == 0),
            Op::Down(semaphore) => (semaphore, self.slot(semaphore).value != 0),
            Op::Join(thread, child) => (thread, self.tasks[child.index()].finished),
            Op::Act(channel, act @ (Act::Send(_) | Act::Recv)) => (channel, self.is_channel_open(channel, act)),
            _ => return None,
        };
        (!is_open).then_some(waited_for)
    }

    /// Need the operation wait for nothing? The set-up never waits: what it takes twice is judged when it has it.
    fn is_open(&self, task: TaskId, op: Op) -> bool {
        task == TaskId::BOOT || self.waits_for(op).is_none()
    }

    /// Performs the task's pending operation (or the set-up's) and folds it into the task's history.
    pub(in crate::engine) fn apply(&mut self, task: TaskId, op: Op, alternative: u8) -> u64 {
        debug_assert!(self.is_open(task, op), "internal error: {task:?} performs {op:?}, which has to wait");
        let before = if task == TaskId::BOOT { 0 } else { self.history_before(task, op) };
        let seen = if self.is_own { self.seen(op) } else { None };
        let result = self.perform(task, op, alternative);
        if self.is_own {
            self.is_wild = false;
            self.wrote(task, op, result);
            self.has_read(task, op, seen, result);
        }
        if task != TaskId::BOOT {
            self.stepped(task, op, result);
            let mut fold = Fingerprint::default();
            fold.write_history(before);
            // Which operation it was is told by the history before it: code is a function of what it has observed.
            fold.write_u64(op.observed(result));
            let task = &mut self.tasks[task.index()];
            task.history = fold.finish_128();
            task.pending = None;
        }
        result
    }

    /// As [`World::apply`], where memory other than this world has decided what the task saw.
    #[cfg(feature = "loom")]
    pub(in crate::engine) fn apply_seen(&mut self, task: TaskId, op: Op, alternative: u8, seen: Option<u64>) -> u64 {
        debug_assert!(self.is_open(task, op), "internal error: {task:?} performs {op:?}, which has to wait");
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

    #[cfg(feature = "loom")]
    pub(in crate::engine) fn advance(&mut self, by: u64) {
        self.jiffies = self.jiffies.saturating_add(by);
    }

    /// As [`World::apply`] in an execution that is over: nobody will ask what the task has observed.
    pub(in crate::engine) fn apply_drained(&mut self, task: TaskId, op: Op) -> u64 {
        self.tasks[task.index()].pending = None;
        if self.exceeds(task, op).is_some() {
            return 0;
        }
        self.perform(task, op, 0)
    }

    /// The oldest store of the task's buffer reaches memory.
    pub(in crate::engine) fn flush(&mut self, task: TaskId) -> Op {
        let (id, value) = self.tasks[task.index()].buffer.remove(0);
        self.slot_mut(id).value = value;
        Op::Flush(id, value)
    }

    fn load(&self, task: TaskId, id: ObjectId) -> u64 {
        let own = || self.tasks[task.index()].buffer.iter().rev().find(|(to, _)| *to == id);
        if self.memory == Memory::Tso
            && task != TaskId::BOOT
            && let Some((_, value)) = own()
        {
            return *value;
        }
        self.slot(id).value
    }

    fn store(&mut self, task: TaskId, id: ObjectId, value: u64) {
        if self.memory == Memory::Tso && task != TaskId::BOOT {
            self.tasks[task.index()].buffer.push((id, value));
        } else {
            self.slot_mut(id).value = value;
        }
    }

    fn perform(&mut self, task: TaskId, op: Op, alternative: u8) -> u64 {
        let me = u64::from(task.0) + 1;
        match op {
            Op::Load(id, _) => self.load(task, id),
            Op::Store(id, value, _) => {
                self.store(task, id, value);
                0
            }
            Op::Flush(..) => unreachable!("internal error: a flush is no task's operation"),
            Op::Rmw(id, rmw, _) => {
                let slot = self.slot_mut(id);
                let old = slot.value;
                slot.value = rmw.apply(old);
                old
            }
            Op::Fence => 0,
            Op::Mask(_) | Op::Enter(_) | Op::Leave(_) => self.perform_on_cpu(task, op),
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
                let mine = self.slot(id).value == me && self.peek(id) == me;
                if mine {
                    self.store(task, id, 0);
                }
                u64::from(!mine)
            }
            Op::AcquireRead(id) => {
                self.symmetry.named_by(task);
                self.slot_mut(id).value += read(task);
                0
            }
            Op::ReleaseRead(id) => {
                let mine = reads(self.slot(id).value, task) != 0;
                if mine {
                    self.slot_mut(id).value -= read(task);
                }
                u64::from(!mine)
            }
            Op::Down(id) => u64::from(!self.take_permit(id)),
            Op::TryDown(id) => u64::from(self.take_permit(id)),
            Op::Up(id) => {
                self.slot_mut(id).value += 1;
                0
            }
            Op::Free(id) => std::mem::replace(&mut self.slot_mut(id).value, 1),
            Op::Choose(..) => u64::from(alternative),
            Op::Enqueue(..) | Op::Dequeue(..) | Op::Wake(..) => self.perform_on_queue(task, op),
            Op::Sleep(..) | Op::Interrupt(..) | Op::Advance(..) => self.perform_on_time(task, op),
            Op::Spawn(thread, child) => {
                self.slot_mut(thread).value = u64::from(child.0) + 1;
                self.bear(task, child);
                0
            }
            Op::Join(..) => 0,
            Op::Act(id, act) => self.perform_act(task, id, act, alternative),
        }
    }

    /// Takes a permit of the semaphore if there is one.
    fn take_permit(&mut self, semaphore: ObjectId) -> bool {
        let permits = &mut self.slot_mut(semaphore).value;
        let has_one = *permits != 0;
        *permits -= u64::from(has_one);
        has_one
    }

    fn perform_on_queue(&mut self, task: TaskId, op: Op) -> u64 {
        match op {
            Op::Enqueue(id) => {
                self.slot_mut(id).value |= 1 << task.0;
                self.tasks[task.index()].sleeping = !self.is_own;
                0
            }
            Op::Dequeue(id) => {
                self.slot_mut(id).value &= !(1 << task.0);
                self.tasks[task.index()].sleeping = false;
                0
            }
            Op::Wake(id) => {
                let woken = std::mem::take(&mut self.slot_mut(id).value);
                for (at, waiter) in self.tasks.iter_mut().enumerate() {
                    waiter.sleeping &= woken >> (at + 1) & 1 == 0;
                }
                u64::from(woken.count_ones())
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
                self.symmetry.named_by(target);
                self.tasks[target.index()].interrupted = true;
                0
            }
            Op::Advance(by) => {
                self.jiffies = self.jiffies.saturating_add(by);
                0
            }
            _ => unreachable!("internal error: {op:?} is no operation on time"),
        }
    }
}
