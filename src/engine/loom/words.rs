//! Locks that loom sees as a word in memory, because its `Mutex` cannot be tried and cannot be shared.
//!
//! When a task takes a `Mutex`, loom blocks every other task that stands before an operation on it, and a `try_lock` is one: it
//! waits then, and holds on to whatever the task holds. So trylocks beside a holder do not fail, and a task that
//! tries a mutex under the BKL waits for it with the BKL held, which is a deadlock that the program does not have
//! (tokio-rs/loom#376). Readers cannot share a `Mutex` at all.
//!
//! A lock that somebody tries or reads is a word instead, and so is a semaphore. Taking it is one read-modify-write, which fails if others hold it; giving it back
//! is another, so a trylock comes out on either side. A task that has to wait parks until the lock is given back, and tries
//! again. Orderings are those of a lock: acquire when it is taken, release when it is given back, none if the attempt fails.
//!
//! To loom the making of an atomic is an access that everybody's first one must be ordered after, so the words must be there before the
//! tasks. Which locks need one is found out on the way ([`GivesUp::NeedsWord`](super::GivesUp::NeedsWord)); then the exploration starts over.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};

use ::loom::sync::atomic::{AtomicU64, Ordering};
use ::loom::thread;

use super::{Execution, Mode};
use crate::event::{ObjectId, Op, Status, TaskId, View};

/// The locks that need a word, as far as they are known.
pub type Tried = BTreeSet<ObjectId>;

/// Somebody holds the lock alone.
const WRITER: u64 = 1;
/// One more task reads, or one task once more.
const READER: u64 = 2;

/// One permit of a semaphore is taken. Even, and so is every word of a semaphore.
const PERMIT: u64 = 2;

/// A value that no word has: to exchange it fails.
const NONE: u64 = u64::MAX;

/// A lock: 0 if nobody holds it, [`WRITER`], or [`READER`] for each reader. A semaphore: [`PERMIT`] for each that is taken, less what
/// was given.
struct Word {
    loom: AtomicU64,
    /// Its newest value.
    now: Cell<u64>,
}

impl Word {
    /// A branch, then a read-modify-write. Returns the newest value if that is not `from`.
    fn exchange(&self, from: u64, to: u64, ordering: Ordering) -> Result<(), u64> {
        self.loom.compare_exchange(from, to, ordering, Ordering::Relaxed)?;
        self.now.set(to);
        Ok(())
    }

    fn take(&self) -> bool {
        self.exchange(0, WRITER, Ordering::Acquire).is_ok()
    }

    /// Readers come and go meanwhile, and it begins again then.
    fn take_for_reading(&self) -> bool {
        let mut readers = self.now.get() & !WRITER;
        loop {
            match self.exchange(readers, readers + READER, Ordering::Acquire) {
                Ok(()) => return true,
                Err(newest) if newest & WRITER != 0 => return false,
                Err(newest) => readers = newest,
            }
        }
    }

    fn end_reading(&self) {
        let mut readers = self.now.get();
        while let Err(newest) = self.exchange(readers, readers - READER, Ordering::Release) {
            readers = newest;
        }
    }

    /// Of a semaphore the word is no more than something to touch: the world knows how many permits there are.
    fn take_permit(&self, has_one: impl Fn() -> bool) -> bool {
        let mut seen = self.now.get();
        loop {
            if !has_one() {
                self.look();
                // Others may have run at that branch.
                if !has_one() {
                    return false;
                }
                seen = self.now.get();
            }
            match self.exchange(seen, seen.wrapping_add(PERMIT), Ordering::Acquire) {
                Ok(()) => return true,
                Err(newest) => seen = newest,
            }
        }
    }

    fn give_permit(&self) {
        let mut seen = self.now.get();
        while let Err(newest) = self.exchange(seen, seen.wrapping_sub(PERMIT), Ordering::Release) {
            seen = newest;
        }
    }

    /// An attempt that fails: loom hears of it, for the orders in which it would not.
    fn look(&self) {
        _ = self.exchange(NONE, NONE, Ordering::Relaxed);
    }
}

/// The words of one execution.
pub(super) struct Words(HashMap<ObjectId, Word>);

impl Words {
    pub fn new(tried: &Tried) -> Words {
        let word = || Word { loom: AtomicU64::new(0), now: Cell::new(0) };
        Words(tried.iter().map(|lock| (*lock, word())).collect())
    }

    /// Is the lock one of these?
    pub fn has(&self, lock: ObjectId) -> bool {
        self.0.contains_key(&lock)
    }

    /// See [`Word::look`].
    pub fn look(&self, lock: ObjectId) {
        self.0[&lock].look();
    }

    /// Takes the lock for the operation, if nobody is in its way; or a permit, if there is one.
    fn take(&self, op: Op, permits: impl Fn(ObjectId) -> u64) -> bool {
        match op {
            Op::Down(semaphore) | Op::TryDown(semaphore) => self.0[&semaphore].take_permit(|| permits(semaphore) != 0),
            Op::Acquire(lock) | Op::TryAcquire(lock) => self.0[&lock].take(),
            Op::AcquireRead(lock) => self.0[&lock].take_for_reading(),
            other => unreachable!("internal error: {other:?} takes no lock"),
        }
    }
}

/// The lock that only a word can stand for.
pub(super) fn needs_word(op: Op) -> Option<ObjectId> {
    match op {
        Op::TryAcquire(lock) | Op::AcquireRead(lock) | Op::ReleaseRead(lock) => Some(lock),
        Op::Down(semaphore) | Op::TryDown(semaphore) | Op::Up(semaphore) => Some(semaphore),
        _ => None,
    }
}

impl Execution {
    /// Tells loom of an operation on a lock that is a word. Returns when the task may perform it, or when the execution is over.
    pub(super) fn tell_word(&self, task: TaskId, op: Op) {
        let words = &self.memory().words;
        match op {
            Op::Release(lock) if self.world.borrow().owner(lock) == Some(task) => {
                let held = words.0[&lock].exchange(WRITER, 0, Ordering::Release);
                assert!(held.is_ok(), "internal error: a word is not what the world says of the lock");
            }
            Op::ReleaseRead(lock) if self.world.borrow().readers(lock) >> task.0 & 1 != 0 => {
                words.0[&lock].end_reading();
            }
            Op::Release(lock) | Op::ReleaseRead(lock) => words.look(lock),
            Op::Up(semaphore) => words.0[&semaphore].give_permit(),
            Op::TryAcquire(_) | Op::TryDown(_) => _ = self.take(op),
            _ => self.take_word(task, op),
        }
    }

    fn take(&self, op: Op) -> bool {
        self.memory().words.take(op, |semaphore| self.world.borrow().peek(semaphore))
    }

    fn take_word(&self, task: TaskId, op: Op) {
        while !self.take(op) && self.goes_on() {
            self.task.set(task);
            self.judge_waits();
            while self.goes_on() && self.waits(task) {
                thread::park();
                self.task.set(task);
            }
        }
    }

    fn goes_on(&self) -> bool {
        matches!(self.mode.get(), Mode::Run | Mode::Drain)
    }

    fn waits(&self, task: TaskId) -> bool {
        matches!(self.world.borrow().status(task).0, Status::WaitsFor(_))
    }

    /// Wakes the tasks that can have the lock now.
    pub(super) fn unpark_waiters(&self, lock: ObjectId) {
        let world = self.world.borrow();
        let can_have_it = |task| match world.status(task).0 {
            Status::Ready(op) => op.waits_for() == Some(lock),
            _ => false,
        };
        let threads = self.threads.borrow();
        threads.iter().filter(|(task, _)| can_have_it(**task)).for_each(|(_, thread)| thread.unpark());
    }
}
