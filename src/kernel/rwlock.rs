//! Locks that readers share: `rwlock_t`, which spins, and `struct rw_semaphore`, which sleeps.
//!
//! They differ in what a waiting writer means to readers. An `rwlock_t` of 2.6.23 lets readers pass it, so a task may read-lock one
//! that it has read-locked already. A semaphore is fair: a task that comes after a writer waits for it, and a task that comes a second time
//! waits for a writer that waits for the task. lockdep says the same (`read_lock` is recursive, `down_read` is not).
//!
//! On a real-time kernel an `rwlock_t` sleeps, masks nothing and makes nobody atomic.
//!
//! Sources: `include/asm-i386/rwlock.h`, `lib/rwsem.c` and `kernel/lockdep.c` of Linux 2.6.23.

use super::bkl;
use super::lock::{Then, is_real_time};
use super::slab::Layout;
use super::task::Task;
use crate::engine::Object;
use crate::event::{ObjectInfo, ObjectKind, Op, Place, Symbol};

/// An `rwlock_t`. Holding it either way forbids sleeping.
///
/// A task may hold it for reading up to seven times at once.
#[derive(Clone, Copy, Debug)]
pub struct RwLock(Object);

/// Unlocks when dropped.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct RwLockGuard<'a> {
    lock: RwLock,
    reads: bool,
    current: &'a Task,
    place: Place,
    then: Then,
}

/// Both locks sleep on a real-time kernel.
#[track_caller]
fn may_sleep(current: &Task, what: &'static str) {
    if is_real_time() {
        current.might_sleep(what);
    }
}

impl RwLock {
    /// A lock that is not held.
    pub fn new(name: impl Into<Symbol>) -> RwLock {
        RwLock(Object::new(ObjectInfo::new(ObjectKind::RwLock, name), 0))
    }

    /// A lock in a slab object.
    pub fn field(layout: &mut Layout, name: impl Into<Symbol>) -> RwLock {
        RwLock(layout.field(ObjectInfo::new(ObjectKind::RwLock, name)))
    }

    /// `read_lock`: waits for a writer that holds it, for no other.
    #[track_caller]
    pub fn read_lock(self, current: &Task) -> RwLockGuard<'_> {
        may_sleep(current, "read_lock");
        self.0.perform(Op::AcquireRead(self.0.id), Place::caller());
        self.taken(current, true, Place::caller())
    }

    /// `read_unlock` without a guard, as C has it: whether the task holds the lock is its own business.
    #[track_caller]
    pub fn read_unlock(self, current: &Task) {
        self.unlock_at(current, true, Place::caller());
    }

    /// `write_lock`: waits for all others, readers and writers.
    #[track_caller]
    pub fn write_lock(self, current: &Task) -> RwLockGuard<'_> {
        may_sleep(current, "write_lock");
        self.0.perform(Op::Acquire(self.0.id), Place::caller());
        self.taken(current, false, Place::caller())
    }

    /// `read_lock_irqsave`: interrupts are off while it is held.
    #[track_caller]
    pub fn read_lock_irqsave(self, current: &Task) -> RwLockGuard<'_> {
        if is_real_time() {
            return self.read_lock(current);
        }
        let flags = current.local_irq_save();
        let mut guard = self.read_lock(current);
        guard.then = Then::Restore(flags);
        guard
    }

    /// `write_lock_irqsave`: interrupts are off while it is held.
    #[track_caller]
    pub fn write_lock_irqsave(self, current: &Task) -> RwLockGuard<'_> {
        if is_real_time() {
            return self.write_lock(current);
        }
        let flags = current.local_irq_save();
        let mut guard = self.write_lock(current);
        guard.then = Then::Restore(flags);
        guard
    }

    /// `read_lock_bh`: no softirq comes while it is held.
    #[track_caller]
    pub fn read_lock_bh(self, current: &Task) -> RwLockGuard<'_> {
        current.local_bh_disable();
        let mut guard = self.read_lock(current);
        guard.then = Then::Bh;
        guard
    }

    /// `write_lock_bh`: no softirq comes while it is held.
    #[track_caller]
    pub fn write_lock_bh(self, current: &Task) -> RwLockGuard<'_> {
        current.local_bh_disable();
        let mut guard = self.write_lock(current);
        guard.then = Then::Bh;
        guard
    }

    /// `write_trylock`.
    #[track_caller]
    pub fn write_trylock(self, current: &Task) -> Option<RwLockGuard<'_>> {
        let taken = self.0.perform(Op::TryAcquire(self.0.id), Place::caller()) == 1;
        taken.then(|| self.taken(current, false, Place::caller()))
    }

    /// `write_unlock` without a guard.
    #[track_caller]
    pub fn write_unlock(self, current: &Task) {
        self.unlock_at(current, false, Place::caller());
    }

    fn taken(self, current: &Task, reads: bool, place: Place) -> RwLockGuard<'_> {
        current.add_preempt(i32::from(!is_real_time()));
        current.push_held(self.0.id);
        RwLockGuard { lock: self, reads, current, place, then: Then::Nothing }
    }

    fn unlock_at(self, current: &Task, reads: bool, place: Place) {
        let op = if reads { Op::ReleaseRead(self.0.id) } else { Op::Release(self.0.id) };
        self.0.perform(op, place);
        current.add_preempt(-i32::from(!is_real_time()));
        current.pop_held(self.0.id);
    }
}

impl RwLockGuard<'_> {
    /// Leaves the lock held: somebody calls [`RwLock::read_unlock`] or [`RwLock::write_unlock`], or forgets to.
    pub fn leave_locked(self) {
        std::mem::forget(self);
    }
}

impl Drop for RwLockGuard<'_> {
    fn drop(&mut self) {
        self.lock.unlock_at(self.current, self.reads, self.place);
        self.then.make(self.current, self.place);
    }
}

/// A `struct rw_semaphore`. Its holders may sleep.
///
/// Waiters form a queue: its head waits for the holders, the rest wait for the head. So nobody passes a writer, as in the kernel; which of
/// the rest comes next is open here, where the kernel has the order of arrival. A task that holds the BKL drops it here even if nobody
/// is in its way.
#[derive(Clone, Copy, Debug)]
pub struct RwSem {
    lock: Object,
    queue: Object,
}

/// Releases the semaphore when dropped.
#[must_use = "the semaphore is released as soon as the guard is dropped"]
pub struct RwSemGuard<'a> {
    semaphore: RwSem,
    reads: bool,
    current: &'a Task,
    place: Place,
}

/// The place of the next in line.
const QUEUE: &str = "rwsem.wait_list";

impl RwSem {
    /// A semaphore that is not held.
    pub fn new(name: impl Into<Symbol>) -> RwSem {
        let queue = ObjectInfo::new(ObjectKind::WaitList, QUEUE);
        RwSem { lock: Object::new(ObjectInfo::new(ObjectKind::RwSem, name), 0), queue: Object::new(queue, 0) }
    }

    /// A semaphore in a slab object.
    pub fn field(layout: &mut Layout, name: impl Into<Symbol>) -> RwSem {
        let lock = layout.field(ObjectInfo::new(ObjectKind::RwSem, name));
        RwSem { lock, queue: layout.field(ObjectInfo::new(ObjectKind::WaitList, QUEUE)) }
    }

    /// `down_read`: waits for a writer that holds the semaphore, or that came before.
    #[track_caller]
    pub fn down_read(self, current: &Task) -> RwSemGuard<'_> {
        let place = Place::caller();
        self.down(current, Op::AcquireRead(self.lock.id), "down_read", place);
        self.taken(current, true, place)
    }

    /// `up_read` without a guard, as C has it.
    #[track_caller]
    pub fn up_read(self, current: &Task) {
        self.up_at(current, true, Place::caller());
    }

    /// `down_write`: waits for all who hold it or came before.
    #[track_caller]
    pub fn down_write(self, current: &Task) -> RwSemGuard<'_> {
        let place = Place::caller();
        self.down(current, Op::Acquire(self.lock.id), "down_write", place);
        self.taken(current, false, place)
    }

    /// `down_write_trylock`: never sleeps, and does not stand in line. It may pass a task that waits, for a moment at which nobody
    /// holds the semaphore; the kernel hands it over without such a moment.
    #[track_caller]
    pub fn down_write_trylock(self, current: &Task) -> Option<RwSemGuard<'_>> {
        let place = Place::caller();
        let taken = self.lock.perform(Op::TryAcquire(self.lock.id), place) == 1;
        taken.then(|| self.taken(current, false, place))
    }

    /// `up_write` without a guard.
    #[track_caller]
    pub fn up_write(self, current: &Task) {
        self.up_at(current, false, Place::caller());
    }

    #[track_caller]
    fn down(self, current: &Task, op: Op, what: &'static str, place: Place) {
        current.might_sleep(what);
        bkl::dropped(current, place, || {
            self.queue.perform(Op::Acquire(self.queue.id), place);
            self.lock.perform(op, place);
            self.queue.perform(Op::Release(self.queue.id), place);
        });
    }

    fn taken(self, current: &Task, reads: bool, place: Place) -> RwSemGuard<'_> {
        current.push_held(self.lock.id);
        RwSemGuard { semaphore: self, reads, current, place }
    }

    fn up_at(self, current: &Task, reads: bool, place: Place) {
        let op = if reads { Op::ReleaseRead(self.lock.id) } else { Op::Release(self.lock.id) };
        self.lock.perform(op, place);
        current.pop_held(self.lock.id);
    }
}

impl RwSemGuard<'_> {
    /// Leaves it held: somebody calls [`RwSem::up_read`] or [`RwSem::up_write`], or forgets to.
    pub fn leave_locked(self) {
        std::mem::forget(self);
    }
}

impl Drop for RwSemGuard<'_> {
    fn drop(&mut self) {
        self.semaphore.up_at(self.current, self.reads, self.place);
    }
}
