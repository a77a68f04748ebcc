//! What is wrong with a small program, before it runs.
//!
//! A statement on a lock that is not there would panic inside a task, and look like a bug of the code under test. So the
//! input is checked first, and all mistakes are listed, each with its place.

use std::fmt;

use crate::program::small::flat::{self, LINES_MAX, Line};
use crate::program::small::names::NAMES_MAX;
use crate::program::small::{LockKind, Small, Stmt};

/// A mistake in a program, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `tasks[1][3]`: the fourth statement of the second task. Or `locks`.
    pub place: String,
    /// What is wrong there.
    pub mistake: Mistake,
}

/// What can be wrong with a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// A statement names something that the program does not have.
    Missing {
        /// What it names.
        part: Part,
        /// By this number, from 0.
        index: usize,
        /// The program has that many.
        count: usize,
    },
    /// The program has more of something than there are names.
    TooMany {
        /// Of what.
        part: Part,
        /// It has that many.
        count: usize,
    },
    /// Readers do not share a lock of this kind.
    Unshared(LockKind),
    /// A lock of this kind cannot be tried.
    Untried(LockKind),
    /// The environment picks one of none.
    NoChoice,
    /// A jump, or a loop, leads beyond the first or the last statement.
    JumpsOut,
    /// A loop without a step would never end.
    NoStep,
    /// A task has more statements than this, its loops written out.
    TooLong(usize),
}

/// What statements are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A lock.
    Lock,
    /// A plain cell.
    Cell,
    /// An atomic.
    Atomic,
    /// A wait queue.
    Queue,
    /// A slot for a pointer.
    Slot,
    /// A task.
    Task,
}

/// All mistakes of a program, in the order of their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Lock => "lock",
            Part::Cell => "cell",
            Part::Atomic => "atomic",
            Part::Queue => "queue",
            Part::Slot => "slot",
            Part::Task => "task",
        })
    }
}

impl fmt::Display for LockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LockKind::Spin => "spinlock",
            LockKind::Mutex => "mutex",
            LockKind::Rw => "rwlock_t",
            LockKind::RwSem => "rw_semaphore",
        })
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mistake::Missing { part, index, count: 0 } => write!(f, "there is no {part} {index}: the program has none"),
            Mistake::Missing { part, index, count } => {
                write!(f, "there is no {part} {index}: the program has {count}, numbered from 0")
            }
            Mistake::TooMany { part, count } => write!(f, "{count} {part}s: a program has at most {NAMES_MAX}"),
            Mistake::Unshared(kind) => write!(f, "readers do not share a {kind}: use an rwlock_t or an rw_semaphore"),
            Mistake::Untried(kind) => write!(f, "no trylock for a lock of this kind: {kind}"),
            Mistake::NoChoice => write!(f, "a choice needs one alternative at least"),
            Mistake::JumpsOut => write!(f, "leads out of the task"),
            Mistake::NoStep => write!(f, "a loop without a step would never end"),
            Mistake::TooLong(max) => write!(f, "the task has more than {max} statements, its loops written out"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.mistake)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(Problem::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}

/// The lines of each task.
///
/// # Errors
/// With all that is wrong.
pub(super) fn lines(small: &Small) -> Result<Vec<Vec<Line>>, Problems> {
    let mut problems: Vec<Problem> = too_many(small).collect();
    let mut tasks = Vec::new();
    for (task, stmts) in small.tasks.iter().enumerate() {
        let before = problems.len();
        for (at, &stmt) in stmts.iter().enumerate() {
            let place = || format!("tasks[{task}][{at}]");
            problems.extend(mistakes(small, stmt).map(|mistake| Problem { place: place(), mistake }));
            if jumps_out(stmt, at, stmts.len()) {
                problems.push(Problem { place: place(), mistake: Mistake::JumpsOut });
            }
        }
        // Where a jump leads is known only if none leads out.
        if problems.len() > before {
            continue;
        }
        match flat::lines(stmts) {
            Ok(lines) => tasks.push(lines),
            Err(flat::Unfit::TooLong) => {
                problems.push(Problem { place: format!("tasks[{task}]"), mistake: Mistake::TooLong(LINES_MAX) });
            }
            Err(flat::Unfit::NoStep(at)) => {
                problems.push(Problem { place: format!("tasks[{task}][{at}]"), mistake: Mistake::NoStep });
            }
        }
    }
    if problems.is_empty() { Ok(tasks) } else { Err(Problems(problems)) }
}

fn count(small: &Small, part: Part) -> usize {
    match part {
        Part::Lock => small.locks.len(),
        Part::Cell => small.cells.len(),
        Part::Atomic => small.atomics.len(),
        Part::Queue => small.queues,
        Part::Slot => small.slots,
        Part::Task => small.tasks.len(),
    }
}

/// Tasks are no matter of names: how many there can be is up to the engine.
fn too_many(small: &Small) -> impl Iterator<Item = Problem> {
    let named = [Part::Lock, Part::Cell, Part::Atomic, Part::Queue, Part::Slot];
    named.into_iter().filter_map(|part| {
        let count = count(small, part);
        let problem = Problem { place: format!("{part}s"), mistake: Mistake::TooMany { part, count } };
        (count > NAMES_MAX).then_some(problem)
    })
}

/// What is wrong with a statement, wherever it stands.
fn mistakes(small: &Small, stmt: Stmt) -> impl Iterator<Item = Mistake> {
    let missing = names(stmt).into_iter().flatten().filter_map(|(part, index)| {
        let count = count(small, part);
        (index >= count).then_some(Mistake::Missing { part, index, count })
    });
    let kind = |lock: usize| small.locks.get(lock).copied();
    let other = match stmt {
        Stmt::TryLock(lock, _) => kind(lock).filter(|kind| *kind == LockKind::RwSem).map(Mistake::Untried),
        Stmt::ReadLock(lock) | Stmt::ReadUnlock(lock) => {
            kind(lock).filter(|kind| matches!(kind, LockKind::Spin | LockKind::Mutex)).map(Mistake::Unshared)
        }
        Stmt::Choose(0) => Some(Mistake::NoChoice),
        _ => None,
    };
    missing.chain(other)
}

/// What a statement names.
fn names(stmt: Stmt) -> [Option<(Part, usize)>; 2] {
    let one = |part, index| [Some((part, index)), None];
    match stmt {
        Stmt::Lock(lock) | Stmt::Unlock(lock) | Stmt::TryLock(lock, _) => one(Part::Lock, lock),
        Stmt::ReadLock(lock) | Stmt::ReadUnlock(lock) => one(Part::Lock, lock),
        Stmt::Load(cell) | Stmt::Store(cell, _) | Stmt::Inc(cell) | Stmt::LoadOnce(cell) => one(Part::Cell, cell),
        Stmt::StoreOnce(cell, _) | Stmt::AddOnce(cell, _) | Stmt::Assert(cell, _) => one(Part::Cell, cell),
        Stmt::IfCell(cell, ..) => one(Part::Cell, cell),
        Stmt::AtomicRead(atomic) | Stmt::AtomicSet(atomic, _) | Stmt::AtomicInc(atomic) => one(Part::Atomic, atomic),
        Stmt::AtomicDec(atomic) | Stmt::Cmpxchg(atomic, ..) => one(Part::Atomic, atomic),
        Stmt::DecAndTest(atomic, _) | Stmt::IfAtomic(atomic, ..) => one(Part::Atomic, atomic),
        Stmt::Wait(queue, cell, ..) => [Some((Part::Queue, queue)), Some((Part::Cell, cell))],
        Stmt::SleepOn(queue) | Stmt::Wake(queue) => one(Part::Queue, queue),
        Stmt::Alloc(slot) | Stmt::AllocAtomic(slot) | Stmt::Use(slot) | Stmt::Free(slot) => one(Part::Slot, slot),
        Stmt::Clear(slot) | Stmt::LockInside(slot) | Stmt::UnlockInside(slot) => one(Part::Slot, slot),
        Stmt::Interrupt(task) => one(Part::Task, task),
        Stmt::LockKernel | Stmt::UnlockKernel | Stmt::PreemptDisable | Stmt::PreemptEnable => [None, None],
        Stmt::MaySleep | Stmt::Fence | Stmt::Choose(_) | Stmt::Advance(_) => [None, None],
        Stmt::IfLast(..) | Stmt::Skip(_) | Stmt::Repeat(..) | Stmt::Back(_) => [None, None],
    }
}

/// Does it lead beyond the first statement, or beyond the end? To the end itself is how a task returns early.
fn jumps_out(stmt: Stmt, at: usize, end: usize) -> bool {
    match stmt {
        Stmt::Back(back) => back > at,
        Stmt::Skip(count) | Stmt::Repeat(_, count) => count > end - at - 1,
        stmt => stmt.skips().is_some_and(|skip| skip > end - at - 1),
    }
}
