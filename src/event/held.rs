//! The locks that tasks hold.

use super::{Act, ObjectId, Op, TaskId};

/// Which task holds which lock, in the order in which they were taken, each with what is to be known of it.
#[derive(Clone, Debug)]
pub struct Held<T>(Vec<(TaskId, ObjectId, T)>);

impl<T> Default for Held<T> {
    fn default() -> Held<T> {
        Held(Vec::new())
    }
}

impl<T> Held<T> {
    /// Takes in an operation of a task, with its result.
    pub fn follow(&mut self, task: TaskId, op: Op, result: u64, about: impl FnOnce() -> T) {
        match (op, result) {
            (Op::Acquire(lock) | Op::AcquireRead(lock), _)
            | (Op::TryAcquire(lock) | Op::Act(lock, Act::TryRead), 1) => {
                self.take(task, lock, about());
            }
            (Op::Release(lock), 0) => self.give_back(task, lock),
            (Op::ReleaseRead(lock), 0) => {
                // Of several times the last.
                let at = self.0.iter().rposition(|(holder, held, _)| (*holder, *held) == (task, lock));
                at.map(|at| self.0.remove(at));
            }
            _ => {}
        }
    }

    /// The task has taken the lock.
    pub fn take(&mut self, task: TaskId, lock: ObjectId, about: T) {
        self.0.push((task, lock, about));
    }

    /// The task does not hold the lock any more.
    pub fn give_back(&mut self, task: TaskId, lock: ObjectId) {
        self.0.retain(|(holder, held, _)| (*holder, *held) != (task, lock));
    }

    /// All of them, the first that was taken first.
    pub fn iter(&self) -> std::slice::Iter<'_, (TaskId, ObjectId, T)> {
        self.0.iter()
    }

    /// Those of one task.
    pub fn of(&self, task: TaskId) -> impl Iterator<Item = &(TaskId, ObjectId, T)> {
        self.0.iter().filter(move |(holder, ..)| *holder == task)
    }

    /// The last time that this lock was taken, by a task that holds it still.
    pub fn last(&self, lock: ObjectId) -> Option<&(TaskId, ObjectId, T)> {
        self.0.iter().rev().find(|(_, held, _)| *held == lock)
    }

    /// Does the task hold the lock?
    pub fn holds(&self, task: TaskId, lock: ObjectId) -> bool {
        self.of(task).any(|(_, held, _)| *held == lock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ObjectId = ObjectId(1);
    const B: ObjectId = ObjectId(2);

    #[test]
    fn a_lock_is_held_from_when_it_is_taken_until_it_is_released() {
        let mut held = Held::default();
        let (one, two) = (TaskId(1), TaskId(2));
        let steps = [
            (one, Op::Acquire(A), 0),
            (two, Op::TryAcquire(A), 0),
            (two, Op::Release(A), 1),
            (two, Op::AcquireRead(B), 0),
            (two, Op::AcquireRead(B), 0),
            (two, Op::ReleaseRead(B), 0),
        ];

        for (at, (task, op, result)) in steps.into_iter().enumerate() {
            held.follow(task, op, result, || at);
        }

        // The trylock failed, the release was refused, and of two times for reading the first is left.
        assert_eq!(held.iter().copied().collect::<Vec<_>>(), [(one, A, 0), (two, B, 3)]);
        held.follow(one, Op::Release(A), 0, || 6);
        assert!(!held.holds(one, A) && held.holds(two, B) && held.last(A).is_none());
    }
}
