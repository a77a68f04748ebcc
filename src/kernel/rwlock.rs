//! Locks that readers share: `rwlock_t`, which spins, and `struct rw_semaphore`, which sleeps.
//!
//! They differ in what a waiting writer means to readers. An `rwlock_t` of 2.6.23 lets readers pass it, so a task may read-lock one
//! that it has read-locked already. A semaphore is fair: who comes after a writer waits behind it, and a task that comes a second time
//! waits for a writer that waits for the task. lockdep says the same (`read_lock` is recursive, `down_read` is not).
//!
//! Sources: `include/asm-i386/rwlock.h`, `lib/rwsem.c` and `kernel/lockdep.c` of Linux 2.6.23.

use std::panic::Location;

use super::bkl;
use super::task::Task;
use crate::engine::Object;
use crate::event::{ObjectInfo, ObjectKind, Op, Place, Symbol};

fn info(kind: ObjectKind, name: impl Into<Symbol>) -> ObjectInfo {
    ObjectInfo::new(kind, name)
}

/// An `rwlock_t`. Holding it either way forbids sleeping.
///
/// A task may hold it for reading up to seven times at once.
#[derive(Clone, Copy, Debug)]
pub struct RwLock(Object);

impl RwLock {
    /// A lock that is not held.
    pub fn new(name: impl Into<Symbol>) -> RwLock {
        RwLock(Object::new(info(ObjectKind::RwLock, name), 0))
    }

    /// `read_lock`: waits for a writer that holds it, for no other.
    #[track_caller]
    pub fn read_lock(self, current: &Task) {
        self.0.perform(Op::AcquireRead(self.0.id), Location::caller());
        self.taken(current);
    }

    /// `read_unlock`.
    #[track_caller]
    pub fn read_unlock(self, current: &Task) {
        self.0.perform(Op::ReleaseRead(self.0.id), Location::caller());
        self.given_back(current);
    }

    /// `write_lock`: waits for all others, readers and writers.
    #[track_caller]
    pub fn write_lock(self, current: &Task) {
        self.0.perform(Op::Acquire(self.0.id), Location::caller());
        self.taken(current);
    }

    /// `write_trylock`; true if it is taken.
    #[track_caller]
    pub fn write_trylock(self, current: &Task) -> bool {
        let taken = self.0.perform(Op::TryAcquire(self.0.id), Location::caller()) == 1;
        if taken {
            self.taken(current);
        }
        taken
    }

    /// `write_unlock`.
    #[track_caller]
    pub fn write_unlock(self, current: &Task) {
        self.0.perform(Op::Release(self.0.id), Location::caller());
        self.given_back(current);
    }

    fn taken(self, current: &Task) {
        current.add_preempt(1);
        current.push_held(self.0.id);
    }

    fn given_back(self, current: &Task) {
        current.add_preempt(-1);
        current.pop_held(self.0.id);
    }
}

/// A `struct rw_semaphore`. Its holders may sleep.
///
/// Who comes stands in a queue of one place: the first of it waits for those who hold the semaphore, the others for him. So nobody
/// passes a writer, as in the kernel; who of those behind comes next is open here, where the kernel has the order of arrival. A task
/// that holds the BKL gives it back here even if nobody is in its way.
#[derive(Clone, Copy, Debug)]
pub struct RwSem {
    lock: Object,
    queue: Object,
}

impl RwSem {
    /// A semaphore that is not held.
    pub fn new(name: impl Into<Symbol>) -> RwSem {
        let queue = info(ObjectKind::WaitList, "rwsem.wait_list");
        RwSem { lock: Object::new(info(ObjectKind::RwSem, name), 0), queue: Object::new(queue, 0) }
    }

    /// `down_read`: waits for a writer that holds the semaphore, or that came before.
    #[track_caller]
    pub fn down_read(self, current: &Task) {
        let place = Location::caller();
        self.down(current, Op::AcquireRead(self.lock.id), "down_read", place);
    }

    /// `up_read`.
    #[track_caller]
    pub fn up_read(self, current: &Task) {
        self.lock.perform(Op::ReleaseRead(self.lock.id), Location::caller());
        current.pop_held(self.lock.id);
    }

    /// `down_write`: waits for all who hold it or came before.
    #[track_caller]
    pub fn down_write(self, current: &Task) {
        let place = Location::caller();
        self.down(current, Op::Acquire(self.lock.id), "down_write", place);
    }

    /// `up_write`.
    #[track_caller]
    pub fn up_write(self, current: &Task) {
        self.lock.perform(Op::Release(self.lock.id), Location::caller());
        current.pop_held(self.lock.id);
    }

    #[track_caller]
    fn down(self, current: &Task, op: Op, what: &'static str, place: Place) {
        current.might_sleep(what);
        bkl::dropped(current, place, || {
            self.queue.perform(Op::Acquire(self.queue.id), place);
            self.lock.perform(op, place);
            self.queue.perform(Op::Release(self.queue.id), place);
        });
        current.push_held(self.lock.id);
    }
}
