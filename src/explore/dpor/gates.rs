//! Which operations can be performed, after any sequence of actions: locks, sleepers, time, and nothing else.
//!
//! A reversed race is a schedule that nobody has run yet. Whether its last step can be performed there, and with what
//! result, is computed here from the actions before it.

use std::collections::BTreeMap;

use super::action::Action;
use crate::event::{Act, Held, ObjectId, Op, TaskId, Woken};

/// The value of a lock that the set-up has left locked: its owner's number and one.
const LEFT_LOCKED: u64 = TaskId::BOOT.0 as u64 + 1;

/// Which task holds what, and which sleeps where.
#[derive(Clone, Debug, Default)]
pub(super) struct Gates {
    held: Held<()>,
    /// For reading, each as often as it was taken.
    read: Held<()>,
    /// Permits of the semaphores that tasks come to.
    permits: Vec<(ObjectId, u64)>,
    /// Locks given back by releases that are still in a store buffer.
    releasing: Vec<ObjectId>,
    /// The task of each store or release that is still in a store buffer.
    buffered: Vec<TaskId>,
    queued: Vec<(ObjectId, TaskId)>,
    /// Channels that a sender has left.
    hung_up: Vec<ObjectId>,
    sleeping: Vec<TaskId>,
    interrupted: Vec<TaskId>,
    jiffies: u64,
}

impl Gates {
    /// Before the first step, with the values of the locks that tasks come to.
    pub fn new(jiffies: u64, first: &BTreeMap<ObjectId, u64>) -> Gates {
        // What is a lock and what is a semaphore, the operations tell: each asks for what it is about.
        let mut gates =
            Gates { jiffies, permits: first.iter().map(|(&id, &value)| (id, value)).collect(), ..Gates::default() };
        // The set-up can have left it locked, and no other has been at it.
        let locked = first.iter().filter(|(_, value)| **value == LEFT_LOCKED);
        locked.for_each(|(&lock, _)| gates.held.take(TaskId::BOOT, lock, ()));
        gates
    }

    fn owner(&self, lock: ObjectId) -> Option<TaskId> {
        self.held.last(lock).map(|(owner, ..)| *owner)
    }

    /// Does nobody hold the lock either way?
    fn is_free(&self, lock: ObjectId) -> bool {
        self.owner(lock).is_none() && self.read.last(lock).is_none()
    }

    /// What the value of a lock or a semaphore was before this operation, the first on it, left that value. A lock that the set-up has left
    /// locked stays so, and any other was free.
    pub fn before(op: Op, result: u64, value: u64) -> u64 {
        match op {
            Op::Down(_) => value + 1,
            Op::TryDown(_) => value + result,
            Op::Up(_) => value - 1,
            Op::Act(_, Act::Post) => 0,
            _ => value,
        }
    }

    fn has_permit(&self, semaphore: ObjectId) -> bool {
        self.permits.iter().any(|(id, permits)| *id == semaphore && *permits != 0)
    }

    fn permits_of(&mut self, semaphore: ObjectId) -> &mut u64 {
        let at = self.permits.iter().position(|(id, _)| *id == semaphore).unwrap_or_else(|| {
            self.permits.push((semaphore, 0));
            self.permits.len() - 1
        });
        &mut self.permits[at].1
    }

    /// Is the result of the operation told by what is kept here?
    pub fn tell(op: Op) -> bool {
        matches!(
            op,
            Op::TryAcquire(_)
                | Op::Release(_)
                | Op::ReleaseRead(_)
                | Op::TryDown(_)
                | Op::Wake(_)
                | Op::Act(_, Act::TryRead | Act::WakeOne | Act::Doze)
        )
    }

    /// Can the task perform the operation now?
    pub fn can(&self, task: TaskId, op: Op) -> bool {
        match op {
            Op::Acquire(lock) => self.is_free(lock),
            Op::AcquireRead(lock) => self.owner(lock).is_none(),
            Op::Down(semaphore) => self.has_permit(semaphore),
            Op::Sleep(deadline) => !self.sleeps(task, deadline),
            Op::Act(queue, Act::Wait) => !self.queued.contains(&(queue, task)),
            // How many senders there are is not known here: one that is gone may be the last.
            Op::Act(channel, Act::Recv) => self.has_permit(channel) || self.hung_up.contains(&channel),
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
            Op::TryDown(semaphore) => action.result = u64::from(self.has_permit(semaphore)),
            Op::ReleaseRead(lock) => action.result = u64::from(!self.read.holds(task, lock)),
            Op::Release(lock) => {
                let mine = self.owner(lock) == Some(task) && !self.releasing.contains(&lock);
                action.result = u64::from(!mine);
            }
            Op::Wake(queue) => {
                action.woken = self.queued.iter().filter(|(at, _)| *at == queue).map(|(_, task)| *task).collect();
                action.woken.sort_unstable();
                action.result = action.woken.len() as u64;
            }
            Op::Act(object, act) => self.perform_act(&mut action, object, act),
            _ => {}
        }
        action
    }

    fn perform_act(&self, action: &mut Action, object: ObjectId, act: Act) {
        match act {
            Act::TryRead => action.result = u64::from(self.owner(object).is_none()),
            Act::Doze => {
                action.result = u64::from(self.queued.contains(&(object, action.transition.task)));
            }
            Act::WakeOne => {
                let waiting = self.queued.iter().filter(|(at, _)| *at == object).map(|(_, task)| *task);
                let wanted = TaskId(action.transition.alternative);
                // The one that was to be woken, if it still waits, and else any.
                let woken = waiting.clone().find(|task| *task == wanted).or_else(|| waiting.min());
                action.woken = woken.into_iter().collect();
                action.result = woken.map_or(0, |task| u64::from(task.0));
                action.transition.alternative = action.result as u8;
            }
            _ => {}
        }
    }

    /// The tasks that an operation could wake instead.
    pub fn wakeable(&self, queue: ObjectId) -> Vec<TaskId> {
        self.queued.iter().filter(|(at, _)| *at == queue).map(|(_, task)| *task).collect()
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
            Op::Acquire(_) | Op::TryAcquire(_) => self.held.follow(task, action.op, action.result, || ()),
            Op::AcquireRead(_) | Op::ReleaseRead(_) => self.read.follow(task, action.op, action.result, || ()),
            Op::Release(lock) if action.result == 0 && action.buffered > 0 => self.releasing.push(lock),
            Op::Release(lock) | Op::Flush(lock, _) if action.result == 0 => {
                self.held.give_back(task, lock);
                self.releasing.retain(|known| *known != lock);
            }
            Op::Down(semaphore) => *self.permits_of(semaphore) -= 1,
            Op::TryDown(semaphore) => *self.permits_of(semaphore) -= action.result,
            Op::Up(semaphore) => *self.permits_of(semaphore) += 1,
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
            Op::Act(object, act) => self.apply_act(task, object, act, action.result),
            _ => {}
        }
    }

    fn apply_act(&mut self, task: TaskId, object: ObjectId, act: Act, result: u64) {
        match act {
            Act::TryRead => self.read.follow(task, Op::Act(object, act), result, || ()),
            Act::Post => *self.permits_of(object) = 1,
            Act::Send(_) | Act::TrySend(_) if result == 0 => *self.permits_of(object) += 1,
            Act::Recv | Act::TryRecv if result == 0 => {
                let messages = self.permits_of(object);
                *messages = messages.saturating_sub(1);
            }
            Act::HangUp => self.hung_up.push(object),
            Act::WakeOne => self.queued.retain(|(at, task)| (*at, u64::from(task.0)) != (object, result)),
            Act::Wait | Act::Doze => self.queued.retain(|waiter| *waiter != (object, task)),
            _ => {}
        }
    }
}
