//! Partial order reduction: in a state, the tasks that need be stepped there (`--reduce`).
//!
//! A set of ready tasks is *persistent* (Godefroid, LNCS 1032) if nothing that the others can do, for as long as none of the set moves, depends on
//! the next step of one of them. Then stepping the set alone leads to every deadlock, every end, and every step in every surrounding
//! that matters. Such a set is grown from one task: whoever may ever touch what the next step of a member touches joins it. Two facts keep
//! it small:
//!
//! - **Locks.** What a task does only after it took a lock that a member holds, it cannot do before that member moves. So a critical
//!   section runs through without the others, but for what they touch outside of theirs.
//! - **Waiting.** A task that waits for a lock cannot move before its holder does: the holder joins in its place, if it can move.
//!
//! **Why findings stay.** A step's findings depend on what it touches; it is made in the same surroundings in some order that is tried. A race is two
//! ready tasks whose next accesses conflict: if neither is in the set, both are still ready after it; if one is, the other one or what
//! comes before it is as well. A deadlock stays. A step whose finding ends the execution would end the others with it: where a member makes
//! one, all tasks are stepped.
//!
//! **Why nothing is put off for ever.** In a round of states some task goes back to an instruction where it was. A set with a task whose next step may
//! go back is not used: all are stepped there. That says which, whatever the order in which states are met, so the states that are met
//! do not depend on the number of workers.
//!
//! Not reduced: store buffers (refused), programs with a condition that is to hold in no state, and states where the choice depends on time or on who sleeps. No sleep sets: they would leave out steps,
//! not states, and take four bytes a state.

use super::footprint::{self, Footprint, Prints};
use super::judge::Survey;
use super::machine::{LockAt, Program};
use crate::engine::{Clock, Unsound};
use crate::subject::form::{Builder, Kind};

/// Locks that are looked at: one bit each.
const LOCKS_MAX: usize = 64;

static POLICY: std::sync::LazyLock<u32> = std::sync::LazyLock::new(|| std::env::var("POLICY").map_or(1, |v| v.parse().unwrap()));
static CHAIN: std::sync::LazyLock<bool> = std::sync::LazyLock::new(|| std::env::var("CHAIN").map_or(true, |v| v != "0"));
pub(super) static SLEEP: std::sync::LazyLock<bool> = std::sync::LazyLock::new(|| std::env::var("SLEEP").map_or(true, |v| v != "0"));
pub(super) static TAKERS: std::sync::LazyLock<bool> = std::sync::LazyLock::new(|| std::env::var("TAKERS").map_or(true, |v| v != "0"));

/// What a reduced search knows of the program.
pub(super) struct Reduction {
    prints: Vec<Prints>,
    /// Time may move while tasks are ready.
    is_free: bool,
    /// A mistake to be noticed: loops are reduced as well.
    loops: bool,
    /// Another: what sleeps stays asleep.
    unfiltered: bool,
}

/// How the tasks stand, as far as the choice depends on it.
struct Stand<'a> {
    prints: &'a [Prints],
    stops: [u16; 64],
    /// Locks that each task holds.
    held: [u64; 64],
    /// The tasks that hold what this one waits for; none, if that is a permit of a semaphore.
    awaited: [u64; 64],
    ready: u64,
    waiting: u64,
}

impl Reduction {
    pub fn new(builder: &Builder, seeded: Option<Unsound>) -> Reduction {
        Reduction {
            prints: footprint::prints(builder, seeded == Some(Unsound::ReadsAreIndependent)),
            is_free: builder.clock == Clock::Free,
            loops: seeded == Some(Unsound::LoopsAreReduced),
            unfiltered: seeded == Some(Unsound::SleepSetNotFiltered),
        }
    }

    /// The ready tasks that are to be stepped in the state: the smallest persistent set that is found, or all.
    pub fn choose<const W: usize>(&self, program: &Program, words: &[u64; W], survey: &Survey, first: u64) -> u64 {
        // A condition that may hold in no state may hold in one that is left out.
        if survey.ready.count_ones() < 2 || !program.nevers.is_empty() {
            return survey.ready;
        }
        let stand = self.stand(program, words, survey);
        let mut best = survey.ready;
        let mut seeds = survey.ready;
        let policy = *POLICY;
        let mut smaller_than = match policy { 1 => 2, 2 => survey.ready.count_ones() / 2 + 1, _ => survey.ready.count_ones() };
        while seeds != 0 {
            let seed = if seeds & first != 0 { first } else { seeds & seeds.wrapping_neg() };
            seeds ^= seed;
            if let Some(set) = self.close(&stand, seed, smaller_than) {
                best = set;
                smaller_than = set.count_ones();
                if set == seed {
                    break;
                }
            }
        }
        best
    }

    /// Can runs of steps be made at once?
    pub fn follows(&self) -> bool {
        !self.is_free && *CHAIN
    }

    /// Of the sleeping tasks those that the step of a task does not wake: their next steps are independent of it.
    pub fn still_asleep(&self, program: &Program, words: &[u64], asleep: u64, at: usize) -> u64 {
        let next = |task: usize| self.prints[task].next[program.tasks[task].position.raw(words) as usize];
        let step = next(at);
        let (mut left, mut still) = (asleep & !(1 << at), 0);
        while left != 0 {
            let task = left.trailing_zeros() as usize;
            left &= left - 1;
            still |= u64::from(self.unfiltered || !step.meets(next(task))) << task;
        }
        still
    }

    /// May the next step of the task go back to where it was before?
    pub fn goes_back(&self, program: &Program, words: &[u64], at: usize) -> bool {
        self.prints[at].goes_back[program.tasks[at].position.raw(words) as usize]
    }

    /// Of these tasks, those that are about to take a lock.
    pub fn takers(&self, program: &Program, words: &[u64], tasks: u64) -> u64 {
        let is_taker = |at: &usize| {
            let task = &program.tasks[*at];
            !matches!(task.stops[task.position.raw(words) as usize].gate, super::machine::Gate::Open)
        };
        (0..program.tasks.len()).filter(|at| tasks >> at & 1 != 0).filter(is_taker).fold(0, |all, at| all | 1 << at)
    }

    fn stand<const W: usize>(&self, program: &Program, words: &[u64; W], survey: &Survey) -> Stand<'_> {
        let mut stand = Stand {
            prints: &self.prints,
            stops: [0; 64],
            held: [0; 64],
            awaited: [0; 64],
            ready: survey.ready,
            waiting: survey.waiting,
        };
        for (at, task) in program.tasks.iter().enumerate() {
            stand.stops[at] = task.position.raw(words) as u16;
            if survey.waiting >> at & 1 != 0 {
                stand.awaited[at] = program.holders_awaited(words, at);
            }
        }
        // A permit belongs to nobody.
        let owned = |(_, lock): &(usize, &LockAt)| lock.kind != Kind::Semaphore;
        for (at, lock) in program.locks.iter().enumerate().take(LOCKS_MAX).filter(owned) {
            if let Some(holder) = (lock.owner.raw(words) as usize).checked_sub(1) {
                stand.held[holder] |= 1 << at;
            }
        }
        stand
    }

    /// The persistent set grown from one task, if it is smaller than that.
    fn close(&self, stand: &Stand<'_>, seed: u64, smaller_than: u32) -> Option<u64> {
        let (mut set, mut done, mut held) = (seed, 0u64, 0);
        while set != done {
            let at = (set & !done).trailing_zeros() as usize;
            done |= 1 << at;
            held |= stand.held[at];
            let stop = usize::from(stand.stops[at]);
            let next = stand.prints[at].next[stop];
            if stand.prints[at].goes_back[stop] && !self.loops || self.is_free && next.is_timed() {
                return None;
            }
            for other in 0..self.prints.len() {
                if set >> other & 1 == 0 && stand.may_meet(next, other, held) {
                    set |= stand.mover(other, set)?;
                    if set.count_ones() >= smaller_than {
                        return None;
                    }
                    // What it holds keeps others away from now on.
                    let joined = set & !done;
                    held |= (0..self.prints.len())
                        .filter(|at| joined >> at & 1 != 0)
                        .fold(0, |all, at| all | stand.held[at]);
                }
            }
        }
        Some(set)
    }
}

impl Stand<'_> {
    /// May the other task ever touch what the step touches, while these locks stay held?
    #[inline]
    fn may_meet(&self, step: Footprint, other: usize, held: u64) -> bool {
        let future = &self.prints[other].future[usize::from(self.stops[other])];
        if !step.meets(future[0]) {
            return false;
        }
        let mut locks = held;
        while locks != 0 {
            let lock = locks.trailing_zeros() as usize;
            locks &= locks - 1;
            if !step.meets(future[lock + 1]) {
                return false;
            }
        }
        true
    }

    /// What has to move before the task can: itself, or the holder of what it waits for. No task, if it cannot move before one of the set does,
    /// or ever; `None` if that is not known.
    fn mover(&self, task: usize, set: u64) -> Option<u64> {
        let mut at = task;
        for _ in 0..self.prints.len() {
            let me = 1 << at;
            if set & me != 0 {
                return Some(0);
            }
            if self.ready & me != 0 {
                return Some(me);
            }
            if self.waiting & me == 0 {
                // It sleeps; or it has ended, and holds for ever what it holds.
                let has_ended = usize::from(self.stops[at]) + 1 == self.prints[at].next.len();
                return has_ended.then_some(0);
            }
            if self.awaited[at] & set != 0 {
                return Some(0);
            }
            if self.awaited[at] == 0 {
                return None;
            }
            // All holders have to let go of it, so any of them will do.
            at = self.awaited[at].trailing_zeros() as usize;
        }
        Some(0)
    }
}
