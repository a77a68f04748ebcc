//! Sequence counts and sequence locks: readers that look again when a writer was there.
//!
//! The count is odd while a writer writes. A reader waits until it is even, reads, and looks whether it is still the same; if not, it
//! begins again. It blocks nobody, so a writer is never kept waiting; but a reader that runs where the writer cannot go on, in an interrupt on
//! its CPU, or on a CPU that it does not give back, spins for ever (LW009).
//!
//! What is read inside may be half of the old and half of the new, so it has to be marked (`read_once`, `write_once`): an unmarked access is a data race
//! (LW010), even though a reader that met it does not use what it has read. A full barrier stands for each `smp_rmb` and `smp_wmb`.
//!
//! Source: `include/linux/seqlock.h` of Linux 6.12.

use super::lock::{SpinGuard, SpinLock};
use super::task::Task;
use crate::engine::{self, Object};
use crate::event::{Access, Note, ObjectInfo, ObjectKind, Op, Place, Rmw, Sequence, Symbol, View};

/// A `seqcount_t`: what keeps writers apart, and from being preempted, is the business of the code that uses it.
#[derive(Clone, Copy, Debug)]
pub struct SeqCount(Object);

impl SeqCount {
    /// A count at 0.
    pub fn new(name: impl Into<Symbol>) -> SeqCount {
        SeqCount(Object::new(ObjectInfo::new(ObjectKind::Atomic, name), 0))
    }

    /// Its value, without a step: for checks.
    pub fn peek(self, view: &dyn View) -> u64 {
        view.peek(self.0.id)
    }

    fn begin(self, place: Place) {
        self.0.perform(Op::Rmw(self.0.id, Rmw::Add(1), Access::Full), place);
        self.0.note(Note::Sequence(self.0.id, Sequence::Begins), place);
    }

    fn end(self, place: Place) {
        self.0.note(Note::Sequence(self.0.id, Sequence::Ends), place);
        self.0.perform(Op::Rmw(self.0.id, Rmw::Add(1), Access::Full), place);
    }

    /// `write_seqcount_begin`: readers that look from here on wait.
    #[track_caller]
    pub fn write_begin(self) {
        self.begin(Place::caller());
    }

    /// `write_seqcount_end`.
    #[track_caller]
    pub fn write_end(self) {
        self.end(Place::caller());
    }

    /// `read_seqcount_begin`: spins while somebody writes, and says how the count stands.
    #[track_caller]
    pub fn read_begin(self) -> u64 {
        let place = Place::caller();
        self.0.note(Note::Sequence(self.0.id, Sequence::Reads), place);
        let entry = engine::history();
        loop {
            let count = self.0.perform(Op::Load(self.0.id, Access::Acquire), place);
            if count.is_multiple_of(2) {
                return count;
            }
            engine::set_history(entry);
        }
    }

    /// `read_seqcount_retry`: has somebody written since?
    #[track_caller]
    pub fn read_retry(self, begun: u64) -> bool {
        let place = Place::caller();
        engine::perform(Op::Fence, place);
        self.0.perform(Op::Load(self.0.id, Access::Once), place) != begun
    }

    /// Reads until nobody wrote meanwhile. Rounds that fail leave no history.
    #[track_caller]
    pub fn read<R>(self, read: impl Fn() -> R) -> R {
        let entry = engine::history();
        loop {
            let begun = self.read_begin();
            let result = read();
            if !self.read_retry(begun) {
                return result;
            }
            engine::set_history(entry);
        }
    }
}

/// A `seqlock_t`: a sequence count, and the spinlock of its writers.
#[derive(Clone, Copy, Debug)]
pub struct SeqLock {
    count: SeqCount,
    lock: SpinLock,
}

/// A writer; ends when dropped.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct SeqWriteGuard<'a> {
    count: SeqCount,
    place: Place,
    /// Released after the count is even again: fields are dropped after `drop`.
    _lock: SpinGuard<'a>,
}

impl SeqLock {
    /// A lock that is not held.
    pub fn new(name: impl Into<Symbol>) -> SeqLock {
        let name = name.into();
        SeqLock { count: SeqCount::new(name), lock: SpinLock::new(name) }
    }

    fn begin<'a>(self, lock: SpinGuard<'a>, place: Place) -> SeqWriteGuard<'a> {
        self.count.begin(place);
        SeqWriteGuard { count: self.count, place, _lock: lock }
    }

    /// `write_seqlock`.
    #[track_caller]
    pub fn write(self, current: &Task) -> SeqWriteGuard<'_> {
        self.begin(self.lock.lock(current), Place::caller())
    }

    /// `write_seqlock_irqsave`: no interrupt comes on this CPU meanwhile, so no reader in one.
    #[track_caller]
    pub fn write_irqsave(self, current: &Task) -> SeqWriteGuard<'_> {
        self.begin(self.lock.lock_irqsave(current), Place::caller())
    }

    /// `write_seqlock_bh`.
    #[track_caller]
    pub fn write_bh(self, current: &Task) -> SeqWriteGuard<'_> {
        self.begin(self.lock.lock_bh(current), Place::caller())
    }

    /// `read_seqbegin`: see [`SeqCount::read_begin`].
    #[track_caller]
    pub fn read_begin(self) -> u64 {
        self.count.read_begin()
    }

    /// `read_seqretry`.
    #[track_caller]
    pub fn read_retry(self, begun: u64) -> bool {
        self.count.read_retry(begun)
    }

    /// Reads until nobody wrote meanwhile.
    #[track_caller]
    pub fn read<R>(self, read: impl Fn() -> R) -> R {
        self.count.read(read)
    }
}

impl Drop for SeqWriteGuard<'_> {
    fn drop(&mut self) {
        self.count.end(self.place);
    }
}
