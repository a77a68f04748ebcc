//! `struct semaphore`: a number of permits that tasks take and add.
//!
//! With one permit it is what the kernel used for a mutex before it had one; with none, one task waits until another is done.
//! A permit belongs to no task: one may take it and another add it. So nothing here is a held lock, neither for lockdep nor for what a
//! call leaves behind: a permit that is lost shows where a task waits for it for ever (LW008).
//!
//! It may never give a permit that is not there, and a task that waits may be passed by others for as long as they come: who
//! is woken first is open, where the kernel has a queue. Waiting is not interruptible.
//!
//! Sources: `include/asm-i386/semaphore.h` and `lib/semaphore-sleepers.c` of Linux 2.6.23.

use super::bkl;
use super::task::Task;
use crate::engine::Object;
use crate::event::{ObjectInfo, ObjectKind, Op, Place, Symbol};

/// A `struct semaphore`. Tasks that wait for a permit sleep.
#[derive(Clone, Copy, Debug)]
pub struct Semaphore(Object);

impl Semaphore {
    /// A semaphore with that many permits (`sema_init`).
    pub fn new(name: impl Into<Symbol>, permits: u32) -> Semaphore {
        let info = ObjectInfo::new(ObjectKind::Semaphore, name);
        Semaphore(Object::new(info, u64::from(permits)))
    }

    /// `down`: takes a permit, and sleeps while there is none. Drops the BKL while it sleeps.
    #[track_caller]
    pub fn down(self, current: &Task) {
        let place = Place::caller();
        current.might_sleep("down");
        if bkl::kernel_locked(current) && self.0.perform(Op::TryDown(self.0.id), place) == 1 {
            return;
        }
        let waits_for_ever = bkl::dropped(current, place, || self.0.perform(Op::Down(self.0.id), place)) == 1;
        current.bug_on(waits_for_ever, "the set-up waits for a permit of a semaphore that has none");
    }

    /// `down_trylock`: takes a permit if there is one, and never sleeps. True if it has one (the kernel returns 0 then).
    #[track_caller]
    pub fn down_trylock(self) -> bool {
        self.0.perform(Op::TryDown(self.0.id), Place::caller()) == 1
    }

    /// `up`: adds a permit. Any task may, whether it has taken one or not, also where it must not sleep.
    #[track_caller]
    pub fn up(self) {
        self.0.perform(Op::Up(self.0.id), Place::caller());
    }
}
