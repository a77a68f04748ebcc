//! Small programs on the kernel: each statement by the kernel's functions.

use crate::event::Symbol;
use crate::event::View;
use crate::kernel::atomic::{Atomic, smp_mb};
use crate::kernel::bkl::{lock_kernel, may_schedule, unlock_kernel};
use crate::kernel::lock::{Mutex, SpinLock};
use crate::kernel::plain::Plain;
use crate::kernel::rwlock::{RwLock, RwSem};
use crate::kernel::slab::{Gfp, Layout, Link, Ptr, Slab, kfree, kmalloc};
use crate::kernel::task::Task;
use crate::kernel::wait::{self, WaitQueue};
use crate::program::small::names::{ATOMICS, CELLS, LOCKS, QUEUES, SLOTS};
use crate::program::small::{LockKind, Small, Stmt};

/// What the slots point to.
struct Thing {
    value: Plain<i64>,
    lock: SpinLock,
}

impl Slab for Thing {
    const NAME: &'static str = "thing";

    fn lay(layout: &mut Layout) -> Thing {
        Thing { value: Plain::field(layout, "value"), lock: SpinLock::field(layout, "thing.lock") }
    }
}

#[derive(Clone, Copy)]
enum Lock {
    Spin(SpinLock),
    Mutex(Mutex),
    Rw(RwLock),
    RwSem(RwSem),
}

impl Lock {
    fn new(kind: LockKind, name: Symbol) -> Lock {
        match kind {
            LockKind::Spin => Lock::Spin(SpinLock::new(name)),
            LockKind::Mutex => Lock::Mutex(Mutex::new(name)),
            LockKind::Rw => Lock::Rw(RwLock::new(name)),
            LockKind::RwSem => Lock::RwSem(RwSem::new(name)),
        }
    }

    // Guards are forgotten throughout: statements give back what they like, as C does.

    fn lock(self, current: &Task) {
        match self {
            Lock::Spin(lock) => lock.lock(current).leave_locked(),
            Lock::Mutex(lock) => lock.lock(current).leave_locked(),
            Lock::Rw(lock) => lock.write_lock(current).leave_locked(),
            Lock::RwSem(lock) => lock.down_write(current).leave_locked(),
        }
    }

    fn try_lock(self, current: &Task) -> bool {
        match self {
            Lock::Spin(lock) => lock.try_lock(current).map(std::mem::forget).is_some(),
            Lock::Mutex(lock) => lock.try_lock(current).map(std::mem::forget).is_some(),
            Lock::Rw(lock) => lock.write_trylock(current).map(std::mem::forget).is_some(),
            Lock::RwSem(_) => unreachable!("internal error: a semaphore is tried, and the program was checked"),
        }
    }

    fn unlock(self, current: &Task) {
        match self {
            Lock::Spin(lock) => lock.unlock(current),
            Lock::Mutex(lock) => lock.unlock(current),
            Lock::Rw(lock) => lock.write_unlock(current),
            Lock::RwSem(lock) => lock.up_write(current),
        }
    }

    fn read_lock(self, current: &Task) {
        match self {
            Lock::Rw(lock) => lock.read_lock(current).leave_locked(),
            Lock::RwSem(lock) => lock.down_read(current).leave_locked(),
            Lock::Spin(_) | Lock::Mutex(_) => unreachable!("internal error: a lock is read that readers do not share"),
        }
    }

    fn read_unlock(self, current: &Task) {
        match self {
            Lock::Rw(lock) => lock.read_unlock(current),
            Lock::RwSem(lock) => lock.up_read(current),
            Lock::Spin(_) | Lock::Mutex(_) => unreachable!("internal error: a lock is read that readers do not share"),
        }
    }
}

/// The objects of one execution.
pub(super) struct Objects {
    locks: Vec<Lock>,
    cells: Vec<Plain<i64>>,
    atomics: Vec<Atomic>,
    queues: Vec<WaitQueue>,
    slots: Vec<Link<Thing>>,
}

impl Objects {
    pub(super) fn new(program: &Small) -> Objects {
        Objects {
            locks: program.locks.iter().zip(&*LOCKS).map(|(&kind, &name)| Lock::new(kind, name)).collect(),
            cells: program.cells.iter().zip(&*CELLS).map(|(&value, &name)| Plain::new(name, value)).collect(),
            atomics: program.atomics.iter().zip(&*ATOMICS).map(|(&value, &name)| Atomic::new(name, value)).collect(),
            queues: QUEUES[..program.queues].iter().map(|&name| WaitQueue::new(name)).collect(),
            slots: SLOTS[..program.slots].iter().map(|&name| Link::new(name)).collect(),
        }
    }

    /// The final values of cells and atomics, by name.
    pub(super) fn values(&self, view: &dyn View) -> impl Iterator<Item = (Symbol, i64)> {
        let cells = self.cells.iter().zip(&*CELLS).map(|(cell, name)| (*name, cell.peek(view)));
        cells.chain(self.atomics.iter().zip(&*ATOMICS).map(|(atomic, name)| (*name, i64::from(atomic.peek(view)))))
    }

    /// What is recorded, and whether statements are left out. `last` was recorded before.
    pub(super) fn run(&self, current: &Task, stmt: Stmt, last: Option<i64>) -> (Option<i64>, bool) {
        match stmt {
            Stmt::TryLock(lock, _) => {
                let taken = self.locks[lock].try_lock(current);
                (Some(i64::from(taken)), !taken)
            }
            Stmt::DecAndTest(atomic, _) => {
                let zero = self.atomics[atomic].dec_and_test();
                (Some(i64::from(zero)), !zero)
            }
            Stmt::IfCell(cell, is, _) => (None, !is.of(self.cells[cell].read_once())),
            Stmt::IfAtomic(atomic, is, _) => (None, !is.of(i64::from(self.atomics[atomic].read()))),
            Stmt::IfLast(is, _) => (None, !last.is_some_and(|last| is.of(last))),
            Stmt::Skip(_) | Stmt::Repeat(..) | Stmt::Back(_) => (None, false),
            stmt => (self.run_straight(current, stmt), false),
        }
    }

    fn run_straight(&self, current: &Task, stmt: Stmt) -> Option<i64> {
        match stmt {
            Stmt::Load(_) | Stmt::Store(..) | Stmt::Inc(_) | Stmt::LoadOnce(_) | Stmt::StoreOnce(..) => {
                self.run_on_cell(stmt)
            }
            Stmt::AddOnce(..) => self.run_on_cell(stmt),
            Stmt::AtomicRead(_) | Stmt::AtomicSet(..) | Stmt::AtomicInc(_) | Stmt::AtomicDec(_) => {
                self.run_on_atomic(stmt)
            }
            Stmt::Cmpxchg(..) => self.run_on_atomic(stmt),
            Stmt::Alloc(_) | Stmt::AllocAtomic(_) | Stmt::Use(_) | Stmt::Free(_) | Stmt::Clear(_) => {
                self.run_on_slot(current, stmt)
            }
            Stmt::Choose(n) => Some(i64::from(current.choose(n, "choose"))),
            Stmt::Wait(queue, cell, value, timeout) => {
                let condition = || self.cells[cell].read_once() == value;
                Some(self.queues[queue].wait_event_timeout(current, timeout, condition) as i64)
            }
            other => {
                self.run_unrecorded(current, other);
                None
            }
        }
    }

    fn run_on_cell(&self, stmt: Stmt) -> Option<i64> {
        match stmt {
            Stmt::Load(cell) => return Some(self.cells[cell].get()),
            Stmt::LoadOnce(cell) => return Some(self.cells[cell].read_once()),
            Stmt::Store(cell, value) => self.cells[cell].set(value),
            Stmt::StoreOnce(cell, value) => self.cells[cell].write_once(value),
            Stmt::Inc(cell) => self.cells[cell].set(self.cells[cell].get().wrapping_add(1)),
            Stmt::AddOnce(cell, by) => self.cells[cell].write_once(self.cells[cell].get().wrapping_add(by)),
            other => unreachable!("internal error: {other:?} is not about a cell"),
        }
        None
    }

    fn run_on_atomic(&self, stmt: Stmt) -> Option<i64> {
        match stmt {
            Stmt::AtomicRead(atomic) => return Some(i64::from(self.atomics[atomic].read())),
            Stmt::Cmpxchg(atomic, old, new) => return Some(i64::from(self.atomics[atomic].cmpxchg(old, new))),
            Stmt::AtomicSet(atomic, value) => self.atomics[atomic].set(value),
            Stmt::AtomicInc(atomic) => self.atomics[atomic].inc(),
            Stmt::AtomicDec(atomic) => self.atomics[atomic].dec(),
            other => unreachable!("internal error: {other:?} is not about an atomic"),
        }
        None
    }

    fn run_on_slot(&self, current: &Task, stmt: Stmt) -> Option<i64> {
        let alloc = |slot: usize, gfp| match kmalloc(current, gfp) {
            Ok(thing) => {
                self.slots[slot].write_once(Some(thing));
                Some(0)
            }
            Err(errno) => Some(-errno.number()),
        };
        match stmt {
            Stmt::Alloc(slot) => return alloc(slot, Gfp::Kernel),
            Stmt::AllocAtomic(slot) => return alloc(slot, Gfp::Atomic),
            Stmt::Use(slot) => _ = self.pointer(slot).map(|thing| thing.get().value.get()),
            Stmt::Free(slot) => _ = self.pointer(slot).map(kfree),
            Stmt::Clear(slot) => self.slots[slot].write_once(None),
            other => unreachable!("internal error: {other:?} is not about a slot"),
        }
        None
    }

    fn pointer(&self, slot: usize) -> Option<Ptr<Thing>> {
        self.slots[slot].read_once()
    }

    fn run_unrecorded(&self, current: &Task, stmt: Stmt) {
        match stmt {
            Stmt::Lock(lock) => self.locks[lock].lock(current),
            Stmt::Unlock(lock) => self.locks[lock].unlock(current),
            Stmt::ReadLock(lock) => self.locks[lock].read_lock(current),
            Stmt::ReadUnlock(lock) => self.locks[lock].read_unlock(current),
            Stmt::LockKernel => std::mem::forget(lock_kernel(current)),
            Stmt::UnlockKernel => unlock_kernel(current),
            Stmt::PreemptDisable => current.preempt_disable(),
            Stmt::PreemptEnable => current.preempt_enable(),
            Stmt::MaySleep => {
                current.might_sleep("might_sleep");
                may_schedule(current);
            }
            Stmt::Fence => smp_mb(),
            Stmt::SleepOn(queue) => _ = self.queues[queue].sleep_on_timeout(current, None),
            Stmt::Wake(queue) => self.queues[queue].wake_up(),
            Stmt::Interrupt(task) => wait::interrupt(crate::event::TaskId(task as u8 + 1)),
            Stmt::Advance(ticks) => wait::advance(ticks),
            Stmt::LockInside(slot) => {
                if let Some(thing) = self.pointer(slot) {
                    thing.get().lock.lock(current).leave_locked();
                }
            }
            Stmt::UnlockInside(slot) => {
                if let Some(thing) = self.pointer(slot) {
                    thing.get().lock.unlock(current);
                }
            }
            Stmt::Assert(cell, value) => current.bug_on(self.cells[cell].read_once() != value, "assertion failed"),
            other => unreachable!("internal error: {other:?} is recorded"),
        }
    }
}
