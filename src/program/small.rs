//! Small programs as values: a few tasks, each a list of statements over locks, cells, atomics, queues and slots.
//!
//! The smallest thing that every engine runs. A locking question of a few lines is asked here before it is asked of a
//! whole design; the tests of the checks and the comparison of the engines with each other are made of these.
//!
//! ```
//! use lockwright::explore::{Config, explore};
//! use lockwright::program::small::{LockKind, Small, Stmt::*};
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
//! there. All places of findings lie in `small/run.rs`: steps and labels say more than lines.
//!
//! A statement is a line: conditions leave following ones out, loops go over a number of them. There is no function here; for
//! those, implement [`Program`] for a type of your own.
//!
//! What is wrong with a program is said before it runs, all of it and each with its place ([`Small::try_subject`]): a limit of this
//! language, or a slip of the pen, is no finding.
//!
//! Every program has two forms: on the kernel ([`Program`]), and interpreted ([`Subject::explicit`]).

use std::sync::Arc;

use parking_lot::Mutex;

use crate::check::Checks;
use crate::engine::{self, Booted, Clock, Program};
use crate::event::Symbol;
use crate::event::names::Names;
use crate::event::outcome::{self, Notation, Outcome, Remains};
use crate::kernel::task::Task;
use crate::kernel::{Faults, Kernel};
use crate::subject::Subject;
use crate::subject::form::Form;

mod compile;
mod flat;
mod names;
mod problem;
mod run;

pub use crate::subject::form::Is;
use flat::Line;
pub use names::NAMES_MAX;
use names::{ATOMICS, CELLS, LOCKS};
pub use problem::{Mistake, Part, Problem, Problems};
use run::Objects;

/// One statement of a task. Indices name locks, cells, atomics, queues and slots of the [`Small`] program.
///
/// *Recorded* statements append their result to what the task has seen: part of the outcome. A statement that [`Stmt::Back`]
/// repeats appends its last result only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stmt {
    /// Takes the lock.
    Lock(usize),
    /// Gives the lock back, whoever holds it.
    Unlock(usize),
    /// Tries to take the lock; recorded. If it is held, skips that many of the following statements.
    TryLock(usize, usize),
    /// Takes the lock for reading.
    ReadLock(usize),
    /// Gives the lock back that was taken for reading, by whomever.
    ReadUnlock(usize),
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
    /// The environment picks one of that many; recorded.
    Choose(u8),
    /// `wait_event` on the queue until the cell has the value, for that many jiffies at most; why it ended is recorded:
    /// 0 for the value, 1 for a signal, 2 for the time.
    Wait(usize, usize, i64, Option<u64>),
    /// `sleep_on` the queue, whatever has happened before: the wake-up that came too early is lost.
    SleepOn(usize),
    /// `wake_up` of all who wait on the queue.
    Wake(usize),
    /// A signal for the task (from 0).
    Interrupt(usize),
    /// Moves `jiffies` on by that many.
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
    /// An ordinary read, then `WRITE_ONCE` of that many more: what a writer does under the lock that all writers take.
    AddOnce(usize, i64),
    /// `atomic_dec`.
    AtomicDec(usize),
    /// `atomic_dec_and_test`; records 1 if it is 0 now; else records 0 and skips that many of the following statements.
    DecAndTest(usize, usize),
    /// `READ_ONCE` of the cell, not recorded. Unless it compares so, skips that many of the following statements.
    IfCell(usize, Is, usize),
    /// `atomic_read`, not recorded. Unless it compares so, skips that many of the following statements.
    IfAtomic(usize, Is, usize),
    /// Skips that many of the following statements unless the last recorded value compares so; also if there is none. No
    /// step.
    IfLast(Is, usize),
    /// Skips that many of the following statements. No step.
    Skip(usize),
    /// Repeats the next `count` statements `times` times: `Repeat(times, count)`. A jump to their end starts the next round, one beyond it
    /// leaves the loop. No step.
    Repeat(u32, usize),
    /// Jumps back that many statements. The loop needs an exit and at least one visible step. No step
    /// itself.
    Back(usize),
}

impl Stmt {
    /// How many statements it may leave out.
    fn skips(self) -> Option<usize> {
        match self {
            Stmt::TryLock(_, skip) | Stmt::DecAndTest(_, skip) | Stmt::IfLast(_, skip) => Some(skip),
            Stmt::IfCell(_, _, skip) | Stmt::IfAtomic(_, _, skip) => Some(skip),
            _ => None,
        }
    }

    fn allocates(self) -> bool {
        matches!(self, Stmt::Alloc(_) | Stmt::AllocAtomic(_))
    }

    /// Is its result recorded?
    fn records(self) -> bool {
        let reads = matches!(self, Stmt::Load(_) | Stmt::LoadOnce(_) | Stmt::AtomicRead(_) | Stmt::Cmpxchg(..));
        let tries = matches!(self, Stmt::TryLock(..) | Stmt::DecAndTest(..) | Stmt::Choose(_) | Stmt::Wait(..));
        reads || tries || self.allocates()
    }
}

/// Which kind of lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockKind {
    /// A spinlock.
    Spin,
    /// A mutex.
    Mutex,
    /// An `rwlock_t`; `Lock`, `TryLock` and `Unlock` are a writer's.
    Rw,
    /// A `struct rw_semaphore`; `Lock` and `Unlock` are a writer's.
    RwSem,
}

/// A small program.
#[derive(Clone, Debug, Default)]
pub struct Small {
    /// The statements of each task, in order.
    pub tasks: Vec<Vec<Stmt>>,
    /// The locks: `a` to `d`, then `lock5` and so on. Of these and the others there are [`NAMES_MAX`] at most.
    pub locks: Vec<LockKind>,
    /// First values of the plain cells `x`, `y`, `z`, `w`, then `cell5` and so on.
    pub cells: Vec<i64>,
    /// First values of the atomics `n`, `m`, `k`, `l`, then `atomic5` and so on.
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

impl Small {
    /// Ready to be explored.
    ///
    /// # Panics
    /// If something is wrong with the program, with all that is: [`Small::try_subject`] returns it.
    pub fn subject(&self) -> Arc<dyn Subject> {
        self.try_subject().unwrap_or_else(|problems| panic!("not a program:\n{problems}"))
    }

    /// Ready to be explored, for a program that comes from elsewhere.
    ///
    /// # Errors
    /// With all that is wrong: a statement on a lock that is not there, or of another kind; a jump that leads out of the task; a
    /// loop without a step.
    pub fn try_subject(&self) -> Result<Arc<dyn Subject>, Problems> {
        problem::lines(self)?;
        Ok(Arc::new(self.clone()))
    }

    /// The lines of each task.
    ///
    /// # Panics
    /// If something is wrong with the program. [`Small::try_subject`] has made sure of it, unless it is a subject by another way.
    fn lines(&self) -> Vec<Vec<Line>> {
        problem::lines(self).unwrap_or_else(|problems| panic!("not a program:\n{problems}"))
    }

    /// The interpreted form, its objects called so; `tell` makes the outcome of what each task recorded and of the values of
    /// cells and atomics.
    pub(super) fn interpreted(
        &self,
        labels: &Labels,
        tell: impl Fn(&[Vec<i64>], &[(Symbol, i64)]) -> Outcome + Send + Sync + 'static,
    ) -> Option<Form> {
        compile::program(self, labels, tell)
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

/// How the locks, cells and atomics of the interpreted form are called.
pub(super) struct Labels {
    pub locks: Vec<Symbol>,
    pub cells: Vec<Symbol>,
    pub atomics: Vec<Symbol>,
}

impl Default for Labels {
    fn default() -> Labels {
        Labels { locks: LOCKS.clone(), cells: CELLS.clone(), atomics: ATOMICS.clone() }
    }
}

fn task_name(number: usize) -> String {
    format!("task {number}")
}

/// Appends a result to what the task has seen. In an endless loop it takes the place of the one that the same statement recorded
/// before: the past grows no more, so the loop meets itself.
fn record(seen: &mut Vec<i64>, origins: &mut Vec<Option<usize>>, value: i64, origin: Option<usize>) {
    if let Some(before) = origins.iter().position(|known| origin.is_some() && *known == origin) {
        seen.remove(before);
        origins.remove(before);
    }
    seen.push(value);
    origins.push(origin);
}

/// What each task has recorded, written by itself alone and read when all have ended: nothing that they share.
type Results = Arc<Mutex<Vec<Vec<i64>>>>;

impl Small {
    fn body(index: usize, lines: Vec<Line>, kernel: Kernel, objects: &Arc<Objects>, results: &Results) -> engine::Body {
        let (objects, results) = (Arc::clone(objects), Arc::clone(results));
        Box::new(move || {
            let current = Task::new(kernel, index as u32 + 1);
            let repeated = flat::is_repeated(&lines);
            // Of each recorded value the line, where an endless loop may come to that line again.
            let mut origins: Vec<Option<usize>> = Vec::new();
            let mut at = 0;
            while let Some(line) = lines.get(at) {
                let last = results.lock()[index].last().copied();
                let (recorded, skips) = objects.run(&current, line.stmt, last);
                if let Some(value) = recorded {
                    record(&mut results.lock()[index], &mut origins, value, repeated[at].then_some(at));
                }
                at = if skips { line.skip } else { line.next };
                current.forget_past(&(at, &results.lock()[index], &origins));
            }
        })
    }
}

impl Program for Small {
    fn boot(&self) -> Booted {
        let lines = self.lines();
        let kernel = Kernel::boot(self.faults);
        let objects = Arc::new(Objects::new(self));
        let results: Results = Arc::new(Mutex::new(vec![Vec::new(); self.tasks.len()]));
        let bodies = lines.into_iter().enumerate();
        let tasks = bodies.map(|(at, lines)| Small::body(at, lines, kernel, &objects, &results)).collect();
        Booted {
            tasks,
            listing: Box::new(|_| Vec::new()),
            outcome: Box::new(move |view| outcome(results.lock().iter(), objects.values(view))),
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
    fn hides_nothing(&self) -> bool {
        true
    }

    fn checks(&self) -> Checks {
        Checks::new(self.names())
    }

    /// `None` if a loop without a bound records or allocates: its state has no fixed width. And for locks that readers share.
    fn explicit(&self) -> Option<Form> {
        if self.locks.iter().any(|kind| matches!(kind, LockKind::Rw | LockKind::RwSem)) {
            return None;
        }
        self.interpreted(&Labels::default(), |seen, values| outcome(seen.iter(), values.iter().copied()))
    }
}

/// What each task recorded, then the final values of cells and atomics: `1, 0; x=2 n=1`.
fn outcome<'a>(results: impl Iterator<Item = &'a Vec<i64>>, values: impl Iterator<Item = (Symbol, i64)>) -> Outcome {
    let results = results.zip(&*names::TASKS).map(|(seen, &task)| outcome::Results { task, results: seen.clone() });
    let state = values.map(|(name, value)| Remains::word(name, value));
    Outcome { results: results.collect(), state: state.collect(), notation: Notation::Places }
}
