//! Which operations can be performed, after any sequence of actions: locks, sleepers, time, and nothing else.
//!
//! A reversed race is a schedule that nobody has run yet. Whether its last step can be performed there, and with what
//! result, is computed here from the actions before it.

use super::action::Action;
use crate::event::{ObjectId, Op, TaskId, Woken};

/// Which task holds what, and which sleeps where.
#[derive(Clone, Debug, Default)]
pub(super) struct Gates {
    held: Vec<(ObjectId, TaskId)>,
    /// For reading, each as often as it was taken.
    read: Vec<(ObjectId, TaskId)>,
    /// Locks given back by releases that are still in a store buffer.
    releasing: Vec<ObjectId>,
    /// The task of each store or release that is still in a store buffer.
    buffered: Vec<TaskId>,
    queued: Vec<(ObjectId, TaskId)>,
    sleeping: Vec<TaskId>,
    interrupted: Vec<TaskId>,
    jiffies: u64,
}

impl Gates {
    /// Before the first step, with the locks that the set-up has left locked.
    pub fn new(jiffies: u64, held: &[(ObjectId, TaskId)]) -> Gates {
        Gates { jiffies, held: held.to_vec(), ..Gates::default() }
    }

    fn owner(&self, lock: ObjectId) -> Option<TaskId> {
        self.held.iter().find(|(held, _)| *held == lock).map(|(_, owner)| *owner)
    }

    /// Does nobody hold the lock either way?
    fn is_free(&self, lock: ObjectId) -> bool {
        self.owner(lock).is_none() && self.read.iter().all(|(read, _)| *read != lock)
    }

    /// Can the task perform the operation now?
    pub fn can(&self, task: TaskId, op: Op) -> bool {
        match op {
            Op::Acquire(lock) => self.is_free(lock),
            Op::AcquireRead(lock) => self.owner(lock).is_none(),
            Op::Sleep(deadline) => !self.sleeps(task, deadline),
            _ => true,
        }
    }

    /// Does a task that stands before a sleep with that deadline sleep? Not before its store buffer is empty.
    pub fn sleeps(&self, task: TaskId, deadline: Option<u64>) -> bool {
        self.sleeping.contains(&task)
            && !self.buffered.contains(&task)
            && !self.interrupted.contains(&task)
            && deadline.is_none_or(|at| at > self.jiffies)
    }

    /// The action with the result that it has if it is performed now. What memory would answer is left as it is.
    pub fn performed(&self, action: &Action) -> Action {
        let mut action = action.clone();
        let task = action.transition.task;
        match action.op {
            Op::TryAcquire(lock) => action.result = u64::from(self.is_free(lock)),
            Op::ReleaseRead(lock) => action.result = u64::from(!self.read.contains(&(lock, task))),
            Op::Release(lock) => {
                let mine = self.owner(lock) == Some(task) && !self.releasing.contains(&lock);
                action.result = u64::from(!mine);
            }
            Op::Wake(queue) => {
                action.woken = self.queued.iter().filter(|(at, _)| *at == queue).map(|(_, task)| *task).collect();
                action.woken.sort_unstable();
                action.result = action.woken.len() as u64;
            }
            _ => {}
        }
        action
    }

    /// Takes the action in.
    pub fn apply(&mut self, action: &Action) {
        let task = action.transition.task;
        if action.buffered > 0 && !action.transition.is_flush() {
            self.buffered.push(task);
        } else if action.buffered > 0 {
            let flushed = self.buffered.iter().position(|waiting| *waiting == task);
            flushed.map(|at| self.buffered.swap_remove(at));
        }
        match action.op {
            Op::Acquire(lock) => self.held.push((lock, task)),
            Op::TryAcquire(lock) if action.result == 1 => self.held.push((lock, task)),
            Op::AcquireRead(lock) => self.read.push((lock, task)),
            Op::ReleaseRead(lock) => {
                let at = self.read.iter().position(|read| *read == (lock, task));
                at.map(|at| self.read.swap_remove(at));
            }
            Op::Release(lock) if action.result == 0 && action.buffered > 0 => self.releasing.push(lock),
            Op::Release(lock) | Op::Flush(lock, _) if action.result == 0 => {
                self.held.retain(|(held, _)| *held != lock);
                self.releasing.retain(|known| *known != lock);
            }
            Op::Enqueue(queue) => {
                self.queued.push((queue, task));
                self.sleeping.retain(|sleeper| *sleeper != task);
                self.sleeping.push(task);
            }
            Op::Dequeue(queue) => {
                self.queued.retain(|waiter| *waiter != (queue, task));
                self.sleeping.retain(|sleeper| *sleeper != task);
            }
            Op::Wake(queue) => {
                self.queued.retain(|(at, _)| *at != queue);
                self.sleeping.retain(|sleeper| !action.woken.contains(sleeper));
            }
            Op::Sleep(_) => {
                self.sleeping.retain(|sleeper| *sleeper != task);
                if action.result == Woken::Signal as u64 {
                    self.interrupted.retain(|target| *target != task);
                }
            }
            Op::Interrupt(target) => {
                self.interrupted.retain(|known| *known != target);
                self.interrupted.push(target);
            }
            Op::Advance(by) => self.jiffies += by,
            _ => {}
        }
    }
}
