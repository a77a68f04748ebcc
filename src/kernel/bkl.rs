//! The Big Kernel Lock as of Linux 2.6.23, spinlock variant.
//!
//! Recursive per task: only the depth changes while a task holds it. `schedule()` gives it back whatever the depth
//! and takes it again before it returns, so what is "held across a call that sleeps" is not held while it sleeps.
//! Giving it back when not held is a `BUG`. Facts: `lib/kernel_lock.c`, `include/linux/smp_lock.h` of 2.6.24.
//!
//! Not modelled: that it raises the preemption count. Nothing but an interrupt could tell, and `in_atomic()` discounts it.

use super::task::Task;
use crate::engine::{self, Object};
use crate::event::{Note, ObjectInfo, ObjectKind, Op, Place, Woken};

/// The lock. There is one in a kernel.
#[derive(Clone, Copy, Debug)]
pub struct Bkl {
    object: Object,
    /// False for a plain spinlock in its place: not recursive, not given back in `schedule()`.
    is_bkl: bool,
}

/// Gives the BKL back when dropped.
#[must_use]
pub struct BklGuard<'a> {
    current: &'a Task,
    place: Place,
}

impl Bkl {
    pub(super) fn new() -> Bkl {
        let info = ObjectInfo::new(ObjectKind::Bkl, "kernel_flag");
        Bkl { object: Object::new(info, 0), is_bkl: true }
    }

    /// What `s/lock_kernel/spin_lock/` would make of it: a spinlock in the same places.
    pub(super) fn as_spinlock() -> Bkl {
        let info = ObjectInfo::new(ObjectKind::Spin, "kernel_flag");
        Bkl { object: Object::new(info, 0), is_bkl: false }
    }
}

/// Takes the BKL, or goes one level deeper.
#[track_caller]
pub fn lock_kernel(current: &Task) -> BklGuard<'_> {
    let place = Place::caller();
    let Bkl { object: bkl, is_bkl } = current.kernel.kernel_flag;
    let depth = current.lock_depth.get() + 1;
    if depth == 0 || !is_bkl {
        bkl.perform(Op::Acquire(bkl.id), place);
        current.push_held(bkl.id);
        current.add_preempt(i32::from(!is_bkl));
    } else {
        bkl.note(Note::Nested(bkl.id, true), place);
    }
    current.lock_depth.set(depth);
    BklGuard { current, place }
}

/// Gives the BKL back, or comes up one level.
#[track_caller]
pub fn unlock_kernel(current: &Task) {
    unlock_at(current, Place::caller());
}

fn unlock_at(current: &Task, place: Place) {
    let Bkl { object: bkl, is_bkl } = current.kernel.kernel_flag;
    let depth = current.lock_depth.get();
    if depth < 0 {
        engine::note(Note::Bug("unlock_kernel: the BKL is not held"), place);
        return;
    }
    current.lock_depth.set(depth - 1);
    if depth == 0 || !is_bkl {
        bkl.perform(Op::Release(bkl.id), place);
        current.pop_held(bkl.id);
        current.add_preempt(-i32::from(!is_bkl));
    } else {
        bkl.note(Note::Nested(bkl.id, false), place);
    }
}

impl Drop for BklGuard<'_> {
    fn drop(&mut self) {
        unlock_at(self.current, self.place);
    }
}

/// Does the task hold the BKL (`kernel_locked`)?
pub fn kernel_locked(current: &Task) -> bool {
    current.lock_depth.get() >= 0
}

/// `schedule()` with a wait in it: queued before, the BKL dropped, slept, the BKL retaken.
///
/// `deadline` is in jiffies; none sleeps until woken or interrupted.
#[track_caller]
pub fn schedule(current: &Task, deadline: Option<u64>) -> Woken {
    let place = Place::caller();
    dropped(current, place, || Woken::from_result(engine::perform(Op::Sleep(deadline), place)))
}

/// Runs `sleep` with the BKL dropped, if the task holds it.
pub(super) fn dropped<R>(current: &Task, place: Place, sleep: impl FnOnce() -> R) -> R {
    let Bkl { object: bkl, is_bkl } = current.kernel.kernel_flag;
    if !is_bkl || !kernel_locked(current) {
        return sleep();
    }
    engine::note(Note::Enter("schedule"), place);
    bkl.perform(Op::Release(bkl.id), place);
    let result = sleep();
    bkl.perform(Op::Acquire(bkl.id), place);
    engine::note(Note::Exit("schedule"), place);
    result
}

/// A sleep that others may or may not use: the schedule in which nobody intervenes is the one in which it did not sleep.
#[track_caller]
pub fn may_schedule(current: &Task) {
    dropped(current, Place::caller(), || ());
}

/// Runs a call during which the task sleeps until another machine has answered: the BKL is given back meanwhile.
pub fn asleep<R>(current: &Task, place: Place, call: impl FnOnce() -> R) -> R {
    dropped(current, place, call)
}
