//! Spinlocks and mutexes.
//!
//! A lock is a name; which data it protects is the discipline of the code that uses it. A spinlock makes its holder
//! atomic; a mutex may sleep, and gives the BKL back while it does.
//!
//! On a real-time kernel (`PREEMPT_RT`) a `spinlock_t` sleeps, makes nobody atomic, and its `_irqsave` and `_irq` forms turn nothing off; a
//! `raw_spinlock_t` is what it is everywhere. Source: `Documentation/locking/locktypes.rst`, `include/linux/spinlock_rt.h` of Linux 6.12.

use super::bkl;
use super::irq::IrqFlags;
use super::layout::Layout;
use super::task::Task;
use crate::engine::{self, Object, Preemption};
use crate::event::{ObjectInfo, ObjectKind, Op, Place, Symbol};

/// A `spinlock_t` or `raw_spinlock_t`: one task holds it at a time, and the others spin. Its holder must not sleep. On a real-time kernel only a raw one is so.
#[derive(Clone, Copy, Debug)]
pub struct SpinLock {
    object: Object,
    raw: bool,
}

/// Unlocks when dropped.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct SpinGuard<'a> {
    lock: SpinLock,
    current: &'a Task,
    place: Place,
    then: Then,
}

/// What is turned on again after an unlock.
#[derive(Clone, Copy)]
pub(super) enum Then {
    Nothing,
    Irqs,
    Restore(IrqFlags),
    Bh,
}

impl Then {
    pub(super) fn make(self, current: &Task, place: Place) {
        match self {
            Then::Nothing => {}
            Then::Irqs => current.irq_enable_at(place),
            Then::Restore(flags) => current.irq_restore_at(flags, place),
            Then::Bh => current.bh_enable_at(place),
        }
    }
}

/// Is the kernel of the running program a real-time kernel?
pub(crate) fn is_real_time() -> bool {
    engine::preemption() == Some(Preemption::Rt)
}

impl SpinLock {
    /// A lock that is not held.
    pub fn new(name: impl Into<Symbol>) -> SpinLock {
        SpinLock { object: Object::new(ObjectInfo::new(ObjectKind::Spin, name), 0), raw: false }
    }

    /// A `raw_spinlock_t`, which is not held: it spins on every kernel.
    pub fn raw(name: impl Into<Symbol>) -> SpinLock {
        SpinLock { object: Object::new(ObjectInfo::new(ObjectKind::RawSpin, name), 0), raw: true }
    }

    /// Does it sleep, as all but raw ones do on a real-time kernel?
    fn sleeps(self) -> bool {
        !self.raw && is_real_time()
    }

    /// A lock in a slab object.
    pub fn field(layout: &mut Layout, name: impl Into<Symbol>) -> SpinLock {
        SpinLock { object: layout.field(ObjectInfo::new(ObjectKind::Spin, name)), raw: false }
    }

    /// `spin_lock`.
    #[track_caller]
    pub fn lock(self, current: &Task) -> SpinGuard<'_> {
        self.lock_as(current, "spin_lock")
    }

    /// The same; on a real-time kernel it is `what` that may sleep.
    #[track_caller]
    pub(super) fn lock_as<'a>(self, current: &'a Task, what: &'static str) -> SpinGuard<'a> {
        let place = Place::caller();
        if self.sleeps() {
            current.might_sleep(what);
        }
        self.object.perform(Op::Acquire(self.object.id), place);
        self.taken(current, place)
    }

    fn taken(self, current: &Task, place: Place) -> SpinGuard<'_> {
        current.add_preempt(i32::from(!self.sleeps()));
        current.push_held(self.object.id);
        SpinGuard { lock: self, current, place, then: Then::Nothing }
    }

    /// `spin_lock_irqsave`: interrupts are off while it is held, and what they were before afterwards.
    #[track_caller]
    pub fn lock_irqsave(self, current: &Task) -> SpinGuard<'_> {
        if self.sleeps() {
            return self.lock(current);
        }
        let flags = current.local_irq_save();
        let mut guard = self.lock(current);
        guard.then = Then::Restore(flags);
        guard
    }

    /// `spin_lock_irq`: interrupts are off while it is held, and on afterwards, whatever was before.
    #[track_caller]
    pub fn lock_irq(self, current: &Task) -> SpinGuard<'_> {
        if self.sleeps() {
            return self.lock(current);
        }
        current.local_irq_disable();
        let mut guard = self.lock(current);
        guard.then = Then::Irqs;
        guard
    }

    /// `spin_lock_bh`: no softirq comes while it is held.
    #[track_caller]
    pub fn lock_bh(self, current: &Task) -> SpinGuard<'_> {
        current.local_bh_disable();
        let mut guard = self.lock(current);
        guard.then = Then::Bh;
        guard
    }

    /// `spin_trylock`.
    #[track_caller]
    pub fn try_lock(self, current: &Task) -> Option<SpinGuard<'_>> {
        let place = Place::caller();
        let is_free = self.object.perform(Op::TryAcquire(self.object.id), place) == 1;
        is_free.then(|| self.taken(current, place))
    }

    /// `spin_unlock` without a guard, as C has it: whether the task holds the lock is its own business.
    #[track_caller]
    pub fn unlock(self, current: &Task) {
        self.unlock_at(current, Place::caller());
    }

    pub(super) fn unlock_at(self, current: &Task, place: Place) {
        self.object.perform(Op::Release(self.object.id), place);
        current.add_preempt(-i32::from(!self.sleeps()));
        current.pop_held(self.object.id);
    }
}

impl SpinGuard<'_> {
    /// Leaves the lock held: somebody calls [`SpinLock::unlock`], or forgets to.
    pub fn leave_locked(self) {
        std::mem::forget(self);
    }
}

impl Drop for SpinGuard<'_> {
    fn drop(&mut self) {
        self.lock.unlock_at(self.current, self.place);
        self.then.make(self.current, self.place);
    }
}

/// A `struct mutex`: one task holds it at a time, and the others sleep. Its holder may sleep as well.
#[derive(Clone, Copy, Debug)]
pub struct Mutex(Object);

/// Unlocks when dropped.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct MutexGuard<'a> {
    lock: Mutex,
    current: &'a Task,
    place: Place,
}

impl Mutex {
    /// A lock that is not held.
    pub fn new(name: impl Into<Symbol>) -> Mutex {
        Mutex(Object::new(ObjectInfo::new(ObjectKind::Mutex, name), 0))
    }

    /// A lock in a slab object.
    pub fn field(layout: &mut Layout, name: impl Into<Symbol>) -> Mutex {
        Mutex(layout.field(ObjectInfo::new(ObjectKind::Mutex, name)))
    }

    /// `mutex_lock`: may sleep, and drops the BKL while it does.
    #[track_caller]
    pub fn lock(self, current: &Task) -> MutexGuard<'_> {
        let place = Place::caller();
        current.might_sleep("mutex_lock");
        let taken = bkl::kernel_locked(current) && self.0.perform(Op::TryAcquire(self.0.id), place) == 1;
        if !taken {
            bkl::dropped(current, place, || self.0.perform(Op::Acquire(self.0.id), place));
        }
        current.push_held(self.0.id);
        MutexGuard { lock: self, current, place }
    }

    /// `mutex_trylock`: never sleeps.
    #[track_caller]
    pub fn try_lock(self, current: &Task) -> Option<MutexGuard<'_>> {
        let place = Place::caller();
        if self.0.perform(Op::TryAcquire(self.0.id), place) == 0 {
            return None;
        }
        current.push_held(self.0.id);
        Some(MutexGuard { lock: self, current, place })
    }

    /// `mutex_unlock` without a guard.
    #[track_caller]
    pub fn unlock(self, current: &Task) {
        self.unlock_at(current, Place::caller());
    }

    fn unlock_at(self, current: &Task, place: Place) {
        self.0.perform(Op::Release(self.0.id), place);
        current.pop_held(self.0.id);
    }
}

impl MutexGuard<'_> {
    /// Leaves the lock held: somebody calls [`Mutex::unlock`], or forgets to.
    pub fn leave_locked(self) {
        std::mem::forget(self);
    }
}

impl Drop for MutexGuard<'_> {
    fn drop(&mut self) {
        self.lock.unlock_at(self.current, self.place);
    }
}
