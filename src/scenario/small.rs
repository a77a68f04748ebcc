//! Small programs as values: a few tasks, each a list of statements over locks, cells, atomics, queues and slots.
//!
//! The smallest thing that every engine runs. A locking question of a few lines is asked here before it is asked of a
//! whole design; the tests of the checks and the comparison of the engines with each other are made of these.
//!
//! ```
//! use lockwright::explore::{Config, explore};
//! use lockwright::scenario::small::{LockKind, Small, Stmt::*};
//!
//! // AB/BA: each task takes the two locks in its own order.
//! let program = Small {
//!     tasks: vec![vec![Lock(0), Lock(1), Unlock(1), Unlock(0)], vec![Lock(1), Lock(0), Unlock(0), Unlock(1)]],
//!     locks: vec![LockKind::Spin, LockKind::Spin],
//!     ..Small::default()
//! };
//! let verdict = explore(&program.subject(), &Config::default());
//!
//! assert!(verdict.complete());
//! assert!(verdict.codes().contains(&lockwright::check::Code::LW008));
//! ```
//!
//! Between two statements a task is told by its next statement and what it has recorded, so its history is folded
//! there. All places of findings lie in this file: steps and labels say more than lines.
//!
//! There is no loop and no function here; for those, implement [`Program`] for a type of your own.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::check::Checks;
use crate::engine::{self, Booted, Clock, Program};
use crate::event::View;
use crate::event::names::Names;
use crate::explore::Subject;
use crate::kernel::atomic::{Atomic, smp_mb};
use crate::kernel::bkl::{lock_kernel, may_schedule, unlock_kernel};
use crate::kernel::lock::{Mutex, SpinLock};
use crate::kernel::plain::Plain;
use crate::kernel::slab::{Gfp, Layout, Link, Ptr, Slab, kfree, kmalloc};
use crate::kernel::task::Task;
use crate::kernel::wait::{self, WaitQueue};
use crate::kernel::{Faults, Kernel};

/// One statement of a task. Indices name locks, cells, atomics, queues and slots of the [`Small`] program.
///
/// *Recorded* statements append their result to what the task has seen: part of the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stmt {
    /// Takes the lock.
    Lock(usize),
    /// Gives the lock back, whoever holds it.
    Unlock(usize),
    /// Tries to take the lock; recorded. If it is held, so many of the following statements are left out.
    TryLock(usize, usize),
    /// `lock_kernel`.
    LockKernel,
    /// `unlock_kernel`.
    UnlockKernel,
    /// `preempt_disable`.
    PreemptDisable,
    /// `preempt_enable`.
    PreemptEnable,
    /// `might_sleep`, and the BKL given back and retaken as by a `schedule()` that finds nothing else to do.
    MaySleep,
    /// An ordinary read of the cell; recorded.
    Load(usize),
    /// An ordinary write of the cell.
    Store(usize, i64),
    /// An ordinary read, then an ordinary write of one more: `x++` in C.
    Inc(usize),
    /// `READ_ONCE` of the cell; recorded.
    LoadOnce(usize),
    /// `WRITE_ONCE` of the cell.
    StoreOnce(usize, i64),
    /// `atomic_read`; recorded.
    AtomicRead(usize),
    /// `atomic_set`.
    AtomicSet(usize, i32),
    /// `atomic_inc`.
    AtomicInc(usize),
    /// `atomic_cmpxchg` of the second value for the first; the old value is recorded.
    Cmpxchg(usize, i32, i32),
    /// `smp_mb`.
    Fence,
    /// The environment picks one of so many; recorded.
    Choose(u8),
    /// `wait_event` on the queue until the cell has the value, for so many jiffies at most; why it ended is recorded:
    /// 0 for the value, 1 for a signal, 2 for the time.
    Wait(usize, usize, i64, Option<u64>),
    /// `sleep_on` the queue, whatever has happened before: the wake-up that came too early is lost.
    SleepOn(usize),
    /// `wake_up` of all who wait on the queue.
    Wake(usize),
    /// A signal for the task (from 0).
    Interrupt(usize),
    /// Moves `jiffies` on by so many.
    Advance(u64),
    /// `kmalloc(GFP_KERNEL)` into the slot; 0 or the negative error is recorded.
    Alloc(usize),
    /// `kmalloc(GFP_ATOMIC)` into the slot; 0 or the negative error is recorded.
    AllocAtomic(usize),
    /// Reads the slot and, unless it is empty, the object it points to, in two steps.
    Use(usize),
    /// Frees the object in the slot, if there is one. The slot still points to it.
    Free(usize),
    /// Empties the slot.
    Clear(usize),
    /// Takes the spinlock inside the object in the slot.
    LockInside(usize),
    /// Gives the spinlock inside the object in the slot back.
    UnlockInside(usize),
    /// `BUG_ON(cell != value)`, read marked.
    Assert(usize, i64),
}

/// Which kind of lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockKind {
    /// A spinlock.
    Spin,
    /// A mutex.
    Mutex,
}

/// A small program.
#[derive(Clone, Debug, Default)]
pub struct Small {
    /// The statements of each task, in order.
    pub tasks: Vec<Vec<Stmt>>,
    /// The locks: `a`, `b`, and so on.
    pub locks: Vec<LockKind>,
    /// First values of the plain cells `x`, `y`, and so on.
    pub cells: Vec<i64>,
    /// First values of the atomics `n`, `m`, and so on.
    pub atomics: Vec<i32>,
    /// Number of wait queues.
    pub queues: usize,
    /// Number of slots for pointers.
    pub slots: usize,
    /// When time moves.
    pub clock: Clock,
    /// What may fail.
    pub faults: Faults,
}

const LOCKS: [&str; 4] = ["a", "b", "c", "d"];
const CELLS: [&str; 4] = ["x", "y", "z", "w"];
const ATOMICS: [&str; 4] = ["n", "m", "k", "l"];
const QUEUES: [&str; 2] = ["queue", "queue2"];
const SLOTS: [&str; 2] = ["slot", "slot2"];

impl Small {
    /// Ready to be explored.
    pub fn subject(&self) -> Arc<dyn Subject> {
        Arc::new(self.clone())
    }

    /// Names of its tasks: `task 1` and so on. They make no calls.
    pub fn names(&self) -> Names {
        Names {
            tasks: (1..=self.tasks.len()).map(task_name).collect(),
            calls: vec![Vec::new(); self.tasks.len()],
            ..Names::default()
        }
    }
}

fn task_name(number: usize) -> String {
    format!("task {number}")
}

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
}

impl Lock {
    fn new(kind: LockKind, name: &'static str) -> Lock {
        match kind {
            LockKind::Spin => Lock::Spin(SpinLock::new(name)),
            LockKind::Mutex => Lock::Mutex(Mutex::new(name)),
        }
    }

    // Guards are forgotten throughout: statements give back what they like, as C does.

    fn lock(self, current: &Task) {
        match self {
            Lock::Spin(lock) => lock.lock(current).leave_locked(),
            Lock::Mutex(lock) => std::mem::forget(lock.lock(current)),
        }
    }

    fn try_lock(self, current: &Task) -> bool {
        match self {
            Lock::Spin(lock) => lock.try_lock(current).map(std::mem::forget).is_some(),
            Lock::Mutex(lock) => lock.try_lock(current).map(std::mem::forget).is_some(),
        }
    }

    fn unlock(self, current: &Task) {
        match self {
            Lock::Spin(lock) => lock.unlock(current),
            Lock::Mutex(lock) => lock.unlock(current),
        }
    }
}

/// The objects of one execution.
struct Objects {
    locks: Vec<Lock>,
    cells: Vec<Plain<i64>>,
    atomics: Vec<Atomic>,
    queues: Vec<WaitQueue>,
    slots: Vec<Link<Thing>>,
}

impl Objects {
    fn new(program: &Small) -> Objects {
        Objects {
            locks: program.locks.iter().zip(LOCKS).map(|(&kind, name)| Lock::new(kind, name)).collect(),
            cells: program.cells.iter().zip(CELLS).map(|(&value, name)| Plain::new(name, value)).collect(),
            atomics: program.atomics.iter().zip(ATOMICS).map(|(&value, name)| Atomic::new(name, value)).collect(),
            queues: QUEUES[..program.queues].iter().map(|name| WaitQueue::new(name)).collect(),
            slots: SLOTS[..program.slots].iter().map(|name| Link::new(name)).collect(),
        }
    }

    /// What is recorded, and how many statements to leave out.
    fn run(&self, current: &Task, stmt: Stmt) -> (Option<i64>, usize) {
        let recorded = match stmt {
            Stmt::TryLock(lock, skip) => {
                let taken = self.locks[lock].try_lock(current);
                return (Some(i64::from(taken)), if taken { 0 } else { skip });
            }
            Stmt::Load(_) | Stmt::Store(..) | Stmt::Inc(_) | Stmt::LoadOnce(_) | Stmt::StoreOnce(..) => {
                self.run_on_cell(stmt)
            }
            Stmt::AtomicRead(_) | Stmt::AtomicSet(..) | Stmt::AtomicInc(_) | Stmt::Cmpxchg(..) => {
                self.run_on_atomic(stmt)
            }
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
        };
        (recorded, 0)
    }

    fn run_on_cell(&self, stmt: Stmt) -> Option<i64> {
        match stmt {
            Stmt::Load(cell) => return Some(self.cells[cell].get()),
            Stmt::LoadOnce(cell) => return Some(self.cells[cell].read_once()),
            Stmt::Store(cell, value) => self.cells[cell].set(value),
            Stmt::StoreOnce(cell, value) => self.cells[cell].write_once(value),
            Stmt::Inc(cell) => self.cells[cell].set(self.cells[cell].get() + 1),
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

type Results = Rc<RefCell<Vec<Vec<i64>>>>;

impl Small {
    fn body(&self, index: usize, kernel: Kernel, objects: &Rc<Objects>, results: &Results) -> engine::Body {
        let (objects, results, stmts) = (Rc::clone(objects), Rc::clone(results), self.tasks[index].clone());
        Box::new(move || {
            let current = Task::new(kernel, index as u32 + 1);
            let mut at = 0;
            while let Some(&stmt) = stmts.get(at) {
                let (recorded, skip) = objects.run(&current, stmt);
                results.borrow_mut()[index].extend(recorded);
                at += 1 + skip;
                current.forget_past(&(at, &results.borrow()[index]));
            }
        })
    }
}

impl Program for Small {
    fn boot(&self) -> Booted {
        let kernel = Kernel::boot(self.faults, 0);
        let objects = Rc::new(Objects::new(self));
        let results: Results = Rc::new(RefCell::new(vec![Vec::new(); self.tasks.len()]));
        let bodies = (0..self.tasks.len()).map(|at| (task_name(at + 1), self.body(at, kernel, &objects, &results)));
        let tasks = bodies.collect();
        Booted {
            tasks,
            listing: Box::new(|_| Vec::new()),
            outcome: Box::new(move |view| outcome(&results.borrow(), &objects, view)),
            epilogue: Box::new(|| ()),
        }
    }

    fn clock(&self) -> Clock {
        self.clock
    }

    /// Tasks with the same statements, unless one of them is somebody's target.
    fn alike(&self) -> Vec<u8> {
        let is_named = |task: usize| self.tasks.iter().flatten().any(|stmt| *stmt == Stmt::Interrupt(task));
        let first_like = |task: &Vec<Stmt>| self.tasks.iter().position(|other| other == task);
        let group = |(at, task): (usize, &Vec<Stmt>)| match first_like(task) {
            Some(first) if !is_named(at) => first as u8 + 1,
            _ => 0,
        };
        self.tasks.iter().enumerate().map(group).collect()
    }
}

impl Subject for Small {
    fn checks(&self) -> Checks {
        Checks::new(self.names())
    }
}

/// What each task recorded, then the final values of cells and atomics: `1, 0; x=2 n=1`.
fn outcome(results: &[Vec<i64>], objects: &Objects, view: &dyn View) -> String {
    let tasks: Vec<String> =
        results.iter().map(|seen| seen.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")).collect();
    let cells = objects.cells.iter().zip(CELLS).map(|(cell, name)| format!("{name}={}", cell.peek(view)));
    let atomics = objects.atomics.iter().zip(ATOMICS).map(|(atomic, name)| format!("{name}={}", atomic.peek(view)));
    format!("{}; {}", tasks.join(", "), cells.chain(atomics).collect::<Vec<_>>().join(" "))
}
