//! Partial order reduction: in a state, the tasks that need be stepped there (`--reduce`).
//!
//! A set of ready tasks is *persistent* (Godefroid, LNCS 1032) if nothing that the others can do, for as long as none of the set moves, depends on
//! the next step of one of them. Then it is enough to step the set. Here it is one task that nobody can get in the way of; or the ready tasks of
//! a part of the program that shares nothing with the rest; or all. Two facts make a task alone:
//!
//! - **Locks.** What others do only after they took a lock that it holds, they cannot do before it moves.
//! - **Waiting.** A task that waits for a lock cannot move before its holder does.
//!
//! Sets of several tasks that do have to do with the rest were tried: they are smaller, and keep tasks apart whose steps would
//! sleep (below) if they were tried together. L fixed 5 5 has 1 682 359 states with the smallest sets, 689 240 without.
//!
//! **Sleeping.** Of two independent steps from one state the order makes no difference: after the second the first *sleeps*, which means that
//! it is not made there, until something that it depends on is made. Of all that a task's critical section is mixed with, only what depends on a step
//! inside is left.
//!
//! **Passing.** From each step on, the search [follows](super::follow) the task for as long as one task alone is to be stepped and awake. The states on
//! the way are judged and not kept. A state that is kept is visited with nobody asleep, so what it needs does not depend on how it was met,
//! and the states that are kept do not depend on the number of workers.
//!
//! **Why nothing is lost.** Let a step *f*, or a state, be met in the whole search after the steps *w*. Let *v* be further steps after that, as many as
//! possible, none of which goes back in its task's code or ends the execution; there is an end to them, because each leads its task further. Claim: if a state is visited while none
//! of the steps that can come first in a reordering of *m = w f v* sleeps, the search makes all of *m*, in an equivalent order. By induction on the length of *m*.
//! The set that is stepped has a member whose step is in *m*: otherwise that step would still be possible at the end and independent of all, and *v*
//! could be longer. (So a set is used only if no step of it goes back; and where all of them end the execution, all tasks are stepped.) The first
//! such step can come first in *m*, and is awake. Let *t* be the step that is made first among those of the set that can come first in *m*. None that can
//! come first in the rest of *m* sleeps after *t*: neither one that slept before and was independent of *t*, since it could have come first in *m*, nor
//! one that was made before *t*. The rest is shorter. At the root, and in each state that is kept, nobody sleeps.
//!
//! **Why findings stay.** What a step shows depends on the steps before it that it depends on. A deadlock stays where it is. A race is two tasks whose next
//! accesses conflict. Take "both stand there" for a step of these two that changes nothing: while a task of a set is in its place, the other one cannot come
//! to a step that conflicts, unless it is in the set as well. So the argument holds for *w* followed by that step, and the state in which it is
//! possible is judged.
//!
//! Not reduced: store buffers (refused), programs with a condition that is to hold in no state, and states where the choice depends on time or on who sleeps.

use super::footprint::{self, Footprint, Prints};
use super::judge::Survey;
use super::machine::{LockAt, Program};
use crate::engine::{Clock, Unsound};
use crate::subject::form::{Builder, Kind};

/// Locks that are looked at: one bit each.
const LOCKS_MAX: usize = 64;

/// What a reduced search knows of the program.
pub(super) struct Reduction {
    prints: Vec<Prints>,
    /// Sets of tasks that share nothing with the rest, if there are several.
    parts: Vec<u64>,
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
        let prints = footprint::prints(builder, seeded == Some(Unsound::ReadsAreIndependent));
        Reduction {
            parts: parts(&prints),
            prints,
            is_free: builder.clock == Clock::Free,
            loops: seeded == Some(Unsound::LoopsAreReduced),
            unfiltered: seeded == Some(Unsound::SleepSetNotFiltered),
        }
    }

    /// The ready tasks that are to be stepped in the state: a persistent set. `first` is tried first.
    pub fn choose<const W: usize>(&self, program: &Program, words: &[u64; W], survey: &Survey, first: u64) -> u64 {
        // A condition that may hold in no state may hold in one that is left out.
        if survey.ready.count_ones() < 2 || !program.nevers.is_empty() {
            return survey.ready;
        }
        let stand = self.stand(program, words, survey);
        let mut left = survey.ready;
        while left != 0 {
            let task = if left & first != 0 { first } else { left & left.wrapping_neg() };
            left ^= task;
            if self.is_alone(&stand, task.trailing_zeros() as usize) {
                return task;
            }
        }
        let is_set = |part: &&u64| {
            let set = *part & survey.ready;
            set != 0
                && set != survey.ready
                && (0..self.prints.len()).all(|at| set >> at & 1 == 0 || self.may_wait_for(&stand, at))
        };
        self.parts.iter().find(is_set).map_or(survey.ready, |part| part & survey.ready)
    }

    /// Can runs of steps be made at once?
    pub fn follows(&self) -> bool {
        !self.is_free
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

    /// May others be put off until the task has stepped?
    fn may_wait_for(&self, stand: &Stand<'_>, at: usize) -> bool {
        let stop = usize::from(stand.stops[at]);
        let prints = &self.prints[at];
        (!prints.goes_back[stop] || self.loops) && !(self.is_free && prints.next[stop].is_timed())
    }

    /// Is there nothing that others can do before the task moves, and that its next step depends on?
    fn is_alone(&self, stand: &Stand<'_>, at: usize) -> bool {
        let next = self.prints[at].next[usize::from(stand.stops[at])];
        let is_met =
            |other: usize| other != at && stand.may_meet(next, other, stand.held[at]) && stand.may_move(other, at);
        self.may_wait_for(stand, at) && !(0..self.prints.len()).any(is_met)
    }
}

/// The parts of a program that share nothing with each other; none, if it is one.
fn parts(prints: &[Prints]) -> Vec<u64> {
    // From every stop: the code may begin with a jump over the first.
    let whole = |task: usize| prints[task].next.iter().fold(Footprint::default(), |all, next| all.and(*next));
    let mut parts: Vec<u64> = Vec::new();
    for task in 0..prints.len() {
        let meets = |part: &u64| (0..task).any(|other| part >> other & 1 != 0 && whole(task).meets(whole(other)));
        let met: Vec<u64> = parts.extract_if(.., |part| meets(part)).collect();
        parts.push(met.into_iter().fold(1 << task, |all, part| all | part));
    }
    parts.retain(|part| part.count_ones() < prints.len() as u32);
    parts
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

    /// Can the task move before the other one does? False only if that is certain.
    fn may_move(&self, task: usize, other: usize) -> bool {
        let mut at = task;
        for _ in 0..self.prints.len() {
            if at == other {
                return false;
            }
            let me = 1 << at;
            if self.ready & me != 0 {
                return true;
            }
            if self.waiting & me == 0 {
                // It sleeps; or it has ended, and holds for ever what it holds.
                return usize::from(self.stops[at]) + 1 != self.prints[at].next.len();
            }
            if self.awaited[at] >> other & 1 != 0 {
                return false;
            }
            if self.awaited[at] == 0 {
                return true;
            }
            // All holders have to let go of it, so any of them will do.
            at = self.awaited[at].trailing_zeros() as usize;
        }
        // They wait for each other, and will not move.
        false
    }
}
