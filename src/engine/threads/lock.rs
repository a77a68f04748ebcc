//! Locks that real threads block on: those of parking_lot, which are quick where nobody is in the way and park a thread otherwise.
//!
//! A spinlock, a mutex and the BKL are one kind here. What differs between two designs is where they lock and for how long, and that is
//! what is compared; a lock that spins in user space would measure the scheduler.
//!
//! A wait for one is never without an end: now and then the thread looks whether the execution is over.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use parking_lot::lock_api::{
    RawMutex as _, RawMutexTimed, RawRwLock as _, RawRwLockRecursive as _, RawRwLockRecursiveTimed, RawRwLockTimed,
};
use parking_lot::{Condvar, Mutex, RawMutex, RawRwLock};

use crate::engine::TASKS_MAX;
use crate::event::{ObjectKind, Op, TaskId};

/// After that time a thread that is blocked looks whether the execution is over.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Nobody's, in the word that says whose a lock is.
const NOBODY: u8 = u8::MAX;

/// What a thread can wait for until another gives it back.
pub(super) enum Lock {
    /// Held by one alone.
    Alone { raw: RawMutex, owner: AtomicU8 },
    /// Shared by readers; how often each task holds it for reading.
    Shared(Box<Shared>),
    /// A number of permits.
    Permits(Box<(Mutex<u64>, Condvar)>),
}

pub(super) struct Shared {
    raw: RawRwLock,
    owner: AtomicU8,
    reads: [AtomicU8; TASKS_MAX + 1],
}

impl Lock {
    /// For an object of that kind, if threads wait for such.
    pub fn new(kind: ObjectKind, value: u64) -> Option<Lock> {
        let owner = || AtomicU8::new(NOBODY);
        match kind {
            ObjectKind::Semaphore => Some(Lock::Permits(Box::new((Mutex::new(value), Condvar::new())))),
            kind if kind.is_shared() => {
                let reads = [const { AtomicU8::new(0) }; TASKS_MAX + 1];
                Some(Lock::Shared(Box::new(Shared { raw: RawRwLock::INIT, owner: owner(), reads })))
            }
            kind if kind.is_lock() => Some(Lock::Alone { raw: RawMutex::INIT, owner: owner() }),
            _ => None,
        }
    }

    /// Takes it for the operation. False if the execution was over first.
    pub fn take(&self, task: TaskId, op: Op, is_over: &dyn Fn() -> bool) -> bool {
        self.try_take(task, op)
            || loop {
                if self.wait(op) {
                    self.say_taken(task, op);
                    break true;
                }
                if is_over() {
                    break false;
                }
            }
    }

    /// Takes it for the operation, if that goes at once.
    pub fn try_take(&self, task: TaskId, op: Op) -> bool {
        let taken = match self {
            Lock::Alone { raw, .. } => raw.try_lock(),
            Lock::Shared(shared) if is_of_reader(op) => shared.raw.try_lock_shared_recursive(),
            Lock::Shared(shared) => shared.raw.try_lock_exclusive(),
            Lock::Permits(permits) => take_permit(&mut permits.0.lock()),
        };
        if taken {
            self.say_taken(task, op);
        }
        taken
    }

    fn wait(&self, op: Op) -> bool {
        match self {
            Lock::Alone { raw, .. } => raw.try_lock_for(LOOK_EVERY),
            Lock::Shared(shared) if is_of_reader(op) => shared.raw.try_lock_shared_recursive_for(LOOK_EVERY),
            Lock::Shared(shared) => shared.raw.try_lock_exclusive_for(LOOK_EVERY),
            Lock::Permits(permits) => {
                let mut left = permits.0.lock();
                if *left == 0 {
                    permits.1.wait_for(&mut left, LOOK_EVERY);
                }
                take_permit(&mut left)
            }
        }
    }

    fn say_taken(&self, task: TaskId, op: Op) {
        match self {
            Lock::Alone { owner, .. } => owner.store(task.0, Ordering::Relaxed),
            Lock::Shared(shared) if is_of_reader(op) => {
                shared.reads[usize::from(task.0)].fetch_add(1, Ordering::Relaxed);
            }
            Lock::Shared(shared) => shared.owner.store(task.0, Ordering::Relaxed),
            Lock::Permits(_) => {}
        }
    }

    /// Releases it. False if the task does not hold it so: then nothing changes.
    pub fn give_back(&self, task: TaskId, op: Op) -> bool {
        let is_mine = |owner: &AtomicU8| {
            let mine = owner.load(Ordering::Relaxed) == task.0;
            if mine {
                owner.store(NOBODY, Ordering::Relaxed);
            }
            mine
        };
        match self {
            Lock::Alone { raw, owner } => {
                let mine = is_mine(owner);
                if mine {
                    // SAFETY: `owner` is the task that locked it, and a task is one thread, this one.
                    unsafe { raw.unlock() };
                }
                mine
            }
            Lock::Shared(shared) if is_of_reader(op) => {
                let reads = &shared.reads[usize::from(task.0)];
                let mine = reads.load(Ordering::Relaxed) != 0;
                if mine {
                    reads.fetch_sub(1, Ordering::Relaxed);
                    // SAFETY: the count is of this task's own read locks, and a task is one thread, this one.
                    unsafe { shared.raw.unlock_shared() };
                }
                mine
            }
            Lock::Shared(shared) => {
                let mine = is_mine(&shared.owner);
                if mine {
                    // SAFETY: `owner` is the task that locked it, and a task is one thread, this one.
                    unsafe { shared.raw.unlock_exclusive() };
                }
                mine
            }
            Lock::Permits(permits) => {
                *permits.0.lock() += 1;
                permits.1.notify_one();
                true
            }
        }
    }
}

fn take_permit(left: &mut u64) -> bool {
    let has_one = *left != 0;
    *left -= u64::from(has_one);
    has_one
}

/// Does a reader ask for it, or give it back?
fn is_of_reader(op: Op) -> bool {
    matches!(op, Op::AcquireRead(_) | Op::ReleaseRead(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ObjectId;

    const ID: ObjectId = ObjectId(1);
    const ONE: TaskId = TaskId(1);
    const TWO: TaskId = TaskId(2);

    #[test]
    fn a_lock_that_one_holds_nobody_else_takes_or_gives_back() {
        let lock = Lock::new(ObjectKind::Spin, 0).expect("a spinlock is a lock");

        assert!(lock.take(ONE, Op::Acquire(ID), &|| false));
        assert!(!lock.try_take(TWO, Op::TryAcquire(ID)) && !lock.give_back(TWO, Op::Release(ID)));
        // Its wait ends with the execution.
        assert!(!lock.take(TWO, Op::Acquire(ID), &|| true));
        assert!(lock.give_back(ONE, Op::Release(ID)) && !lock.give_back(ONE, Op::Release(ID)));
        assert!(lock.try_take(TWO, Op::TryAcquire(ID)));
    }

    #[test]
    fn readers_share_and_a_writer_does_not() {
        let lock = Lock::new(ObjectKind::RwSem, 0).expect("it is a lock");

        assert!(lock.try_take(ONE, Op::AcquireRead(ID)) && lock.try_take(ONE, Op::AcquireRead(ID)));
        assert!(lock.try_take(TWO, Op::AcquireRead(ID)) && !lock.try_take(TWO, Op::Acquire(ID)));
        let given = [ONE, ONE, ONE, TWO].map(|task| lock.give_back(task, Op::ReleaseRead(ID)));
        assert_eq!(given, [true, true, false, true]);
        assert!(lock.try_take(TWO, Op::Acquire(ID)) && !lock.try_take(ONE, Op::AcquireRead(ID)));
    }

    #[test]
    fn permits_are_as_many_as_there_are() {
        let lock = Lock::new(ObjectKind::Semaphore, 1).expect("it is waited for");

        assert!(lock.try_take(ONE, Op::TryDown(ID)) && !lock.try_take(TWO, Op::TryDown(ID)));
        assert!(lock.give_back(TWO, Op::Up(ID)) && lock.take(TWO, Op::Down(ID), &|| true));
        assert!(Lock::new(ObjectKind::Queue, 0).is_none());
    }
}
