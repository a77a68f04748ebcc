//! What loom has to know of an execution: its atomics and mutexes, and who holds which.
//!
//! loom remembers only the last access of an atomic, so a task's own read hides another's earlier read from its next write
//! (tokio-rs/loom#166). Every cell (and every slab object, for all its fields) therefore has a *marker* per task beside it: a
//! read stores to the reader's marker, a write to the markers of all others. Nobody's read hides another's. Nobody reads a
//! marker: which of its stores a load sees would be one more thing for loom to try, and to no end.
//!
//! Branch points, where loom may run other tasks, are inside the functions of [`Memory`] and nowhere else: no borrow of
//! this struct's maps is held across one.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use ::loom::sync::atomic::{AtomicU64, Ordering, fence};
use ::loom::sync::{Mutex, MutexGuard};

use super::words::{Tried, Words};
use crate::event::{Access, ObjectId, Rmw, TaskId};

/// What two or three tasks allocate and access in a scenario, about: fields, and slab objects.
const SPARE_CELLS: usize = 32;
const SPARE_BLOCKS: usize = 8;

pub(super) type Markers = Rc<[AtomicU64]>;

struct Held {
    task: TaskId,
    lock: ObjectId,
    // Dropped before the lock it refers to: fields drop in order.
    guard: MutexGuard<'static, ()>,
    _lock: Arc<Mutex<()>>,
}

/// loom's objects of one execution.
pub(super) struct Memory {
    tasks: usize,
    cells: RefCell<HashMap<ObjectId, Rc<AtomicU64>>>,
    /// By cell outside the slab and by slab object: a marker of each task.
    markers: RefCell<HashMap<ObjectId, Markers>>,
    /// Cells and markers for slab objects to come. Made before the tasks, because to loom the making of an atomic is an
    /// access that everybody's first access must be ordered after.
    spare_cells: RefCell<Vec<Rc<AtomicU64>>>,
    spare_markers: RefCell<Vec<Markers>>,
    locks: RefCell<HashMap<ObjectId, Arc<Mutex<()>>>>,
    held: RefCell<Vec<Held>>,
    pub words: Words,
    waits: AtomicU64,
}

pub(super) fn new_markers(tasks: usize) -> Markers {
    (0..tasks).map(|_| AtomicU64::new(0)).collect()
}

/// Where a cell lies: its name, and the name whose markers it shares (its slab object's, or its own).
#[derive(Clone, Copy)]
pub(super) struct Spot {
    pub id: ObjectId,
    pub block: ObjectId,
}

impl Memory {
    /// For this number of tasks, with the cells that the set-up made and their values, and the locks that are words.
    pub fn new(tasks: usize, cells: impl Iterator<Item = (Spot, u64)>, tried: &Tried) -> Memory {
        let memory = Memory {
            tasks,
            cells: RefCell::default(),
            markers: RefCell::default(),
            spare_cells: RefCell::new((0..SPARE_CELLS).map(|_| Rc::new(AtomicU64::new(0))).collect()),
            spare_markers: RefCell::new((0..SPARE_BLOCKS).map(|_| new_markers(tasks)).collect()),
            locks: RefCell::default(),
            held: RefCell::default(),
            words: Words::new(tried),
            waits: AtomicU64::new(0),
        };
        for (spot, value) in cells {
            memory.cells.borrow_mut().insert(spot.id, Rc::new(AtomicU64::new(value)));
            memory.markers.borrow_mut().entry(spot.block).or_insert_with(|| new_markers(tasks));
        }
        memory
    }

    /// A cell; one that is new holds 0.
    fn cell(&self, id: ObjectId) -> Rc<AtomicU64> {
        let spare = || self.spare_cells.borrow_mut().pop().unwrap_or_else(|| Rc::new(AtomicU64::new(0)));
        Rc::clone(self.cells.borrow_mut().entry(id).or_insert_with(spare))
    }

    fn markers(&self, block: ObjectId) -> Markers {
        let spare = || self.spare_markers.borrow_mut().pop().unwrap_or_else(|| new_markers(self.tasks));
        Rc::clone(self.markers.borrow_mut().entry(block).or_insert_with(spare))
    }

    fn mark_write(&self, task: TaskId, block: ObjectId) {
        for (index, marker) in self.markers(block).iter().enumerate() {
            if index != task.index() {
                marker.store(0, Ordering::Relaxed);
            }
        }
    }

    /// The first value of a field that nobody else can know yet.
    pub fn init(&self, id: ObjectId, value: u64) {
        if value != 0 {
            self.cell(id).store(value, Ordering::Relaxed);
        }
    }

    pub fn load(&self, task: TaskId, spot: Spot, access: Access) -> u64 {
        self.markers(spot.block)[task.index()].store(0, Ordering::Relaxed);
        self.cell(spot.id).load(match access {
            access if access.acquires() => Ordering::Acquire,
            _ => Ordering::Relaxed,
        })
    }

    pub fn store(&self, task: TaskId, spot: Spot, value: u64, access: Access) {
        self.mark_write(task, spot.block);
        let ordering = match access {
            access if access.releases() => Ordering::Release,
            _ => Ordering::Relaxed,
        };
        self.cell(spot.id).store(value, ordering);
    }

    /// Returns the old value. A full one is a barrier on both sides.
    pub fn rmw(&self, task: TaskId, spot: Spot, rmw: Rmw, access: Access) -> u64 {
        self.mark_write(task, spot.block);
        let cell = self.cell(spot.id);
        let (success, failure) = match access {
            Access::Full => (Ordering::AcqRel, Ordering::Acquire),
            _ => (Ordering::Relaxed, Ordering::Relaxed),
        };
        if access == Access::Full {
            self.fence();
        }
        let old = match rmw {
            Rmw::Add(n) => cell.fetch_add(n, success),
            Rmw::Xchg(new) => cell.swap(new, success),
            Rmw::Cas(..) | Rmw::Alu(..) => unreachable!("internal error: user-land code does not run here"),
            Rmw::CmpXchg(expected, new) => {
                cell.compare_exchange(expected, new, success, failure).unwrap_or_else(|old| old)
            }
            Rmw::Vacate(bit) => cell.fetch_and(!(1 << bit), success),
            Rmw::Claim(_) => {
                let mut seen = 0;
                loop {
                    match cell.compare_exchange(seen, rmw.apply(seen), success, failure) {
                        Ok(old) => break old,
                        Err(old) => seen = old,
                    }
                }
            }
            Rmw::IncNotZero => {
                // A compare-and-exchange tells what it found instead, so the first guess costs nothing but an attempt.
                let mut seen = 1;
                loop {
                    match cell.compare_exchange(seen, rmw.apply(seen), success, failure) {
                        Ok(old) => break old,
                        Err(0) => break 0,
                        Err(old) => seen = old,
                    }
                }
            }
        };
        if access == Access::Full {
            self.fence();
        }
        old
    }

    pub fn fence(&self) {
        fence(Ordering::SeqCst);
    }

    /// An operation on a wait queue, a sleep or a signal: one order of them all.
    pub fn wait(&self) {
        self.waits.fetch_add(1, Ordering::AcqRel);
    }

    /// Before a free: it conflicts with what the first task does to the object.
    pub fn free(&self, block: ObjectId) {
        self.markers(block)[0].store(0, Ordering::Relaxed);
    }

    /// Behind a free: it conflicts with what all others do. The object is freed by then, so that uses come out on either side.
    pub fn freed(&self, block: ObjectId) {
        self.markers(block).iter().skip(1).for_each(|marker| marker.store(0, Ordering::Relaxed));
    }

    fn mutex(&self, id: ObjectId) -> Arc<Mutex<()>> {
        Arc::clone(self.locks.borrow_mut().entry(id).or_insert_with(|| Arc::new(Mutex::new(()))))
    }

    pub fn lock(&self, task: TaskId, id: ObjectId) {
        let mutex = self.mutex(id);
        let guard = mutex.lock().expect("loom's locks are never poisoned: guards outlive unwinding");
        self.keep(task, id, &mutex, guard);
    }

    /// An attempt that only loom hears of, for the orders in which it succeeds.
    pub fn attempt(&self, id: ObjectId) {
        if self.words.has(id) {
            self.words.look(id);
        } else {
            _ = self.mutex(id).try_lock().is_ok();
        }
    }

    fn keep(&self, task: TaskId, lock: ObjectId, mutex: &Arc<Mutex<()>>, guard: MutexGuard<'_, ()>) {
        // SAFETY: the guard borrows from the `Mutex` that the `Arc` beside it in `Held` keeps alive, and `Held` drops the
        // guard first. Nobody else gets at the guard.
        let guard = unsafe { std::mem::transmute::<MutexGuard<'_, ()>, MutexGuard<'static, ()>>(guard) };
        self.held.borrow_mut().push(Held { task, lock, guard, _lock: Arc::clone(mutex) });
    }

    /// Gives one lock of the task back.
    pub fn unlock(&self, task: TaskId, lock: ObjectId) {
        self.let_go(|held| (held.task, held.lock) == (task, lock));
    }

    /// Gives back whatever the task still holds.
    pub fn unlock_all(&self, task: TaskId) {
        while self.let_go(|held| held.task == task) {}
    }

    fn let_go(&self, is_it: impl Fn(&Held) -> bool) -> bool {
        let at = self.held.borrow().iter().position(is_it);
        let gone = at.map(|at| self.held.borrow_mut().remove(at));
        gone.is_some()
    }

    /// loom has given up: its locks must not be touched any more, not even to give them back.
    pub fn abandon(&self) {
        self.held.borrow_mut().drain(..).for_each(|held| std::mem::forget(held.guard));
    }
}
