//! What each operation does to the world.

use std::hash::Hasher;

use super::super::Memory;
use super::super::fingerprint::Fingerprint;
use super::{READERS_MAX, READS_MAX, World};
use crate::event::{ObjectId, Op, TaskId, View, Woken};

/// What it adds to the value of a lock that a task holds it so many times for reading.
///
/// # Panics
/// For the set-up, and for tasks beyond the eighteenth.
pub(super) fn reading(task: TaskId, times: u64) -> u64 {
    assert!(
        (1..=READERS_MAX).contains(&task.0),
        "only the first {READERS_MAX} tasks can share a lock, and not the set-up"
    );
    times << (5 + 3 * task.0)
}

impl World {
    /// Performs the task's pending operation (or the set-up's) and folds it into the task's history.
    pub(in crate::engine) fn apply(&mut self, task: TaskId, op: Op, alternative: u8) -> u64 {
        let result = self.perform(task, op, alternative);
        if task != TaskId::BOOT {
            let mut fold = Fingerprint::default();
            fold.write_history(self.tasks[task.index()].history);
            // Which operation it was is told by the history before it: code is a function of what it has observed.
            fold.write_u64(op.observed(result));
            let task = &mut self.tasks[task.index()];
            task.history = fold.finish_128();
            task.pending = None;
        }
        result
    }

    /// As [`World::apply`], where memory other than this world has decided what the task saw.
    pub(in crate::engine) fn apply_seen(&mut self, task: TaskId, op: Op, alternative: u8, seen: Option<u64>) -> u64 {
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

    pub(in crate::engine) fn advance(&mut self, by: u64) {
        self.jiffies += by;
    }

    /// As [`World::apply`] in an execution that is over: nobody will ask what the task has observed.
    pub(in crate::engine) fn apply_drained(&mut self, task: TaskId, op: Op) -> u64 {
        self.tasks[task.index()].pending = None;
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
                let held = self.slot(id).value & reading(task, READS_MAX);
                assert!(
                    held != reading(task, READS_MAX),
                    "a task holds a lock for reading at most {READS_MAX} times at once"
                );
                self.slot_mut(id).value += reading(task, 1);
                0
            }
            Op::ReleaseRead(id) => {
                let mine = self.slot(id).value & reading(task, READS_MAX) != 0;
                if mine {
                    self.slot_mut(id).value -= reading(task, 1);
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
                self.slot_mut(id).value |= 1 << task.0;
                self.tasks[task.index()].sleeping = true;
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
                self.jiffies += by;
                0
            }
            _ => unreachable!("internal error: {op:?} is no operation on time"),
        }
    }
}
