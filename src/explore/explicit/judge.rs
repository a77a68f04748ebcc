//! Looks at a state once: who can run, who waits, and what the checks say of it.
//!
//! A race is looked for by bits. Each plain cell that can race at all has four bits in a word: a marked read, a marked
//! write, an unmarked read, an unmarked write. With the accesses of the tasks before it gathered in one word, a task's next
//! access races if it meets a bit that it conflicts with. Sixteen cells have bits of their own; further ones share
//! them, so a hit is looked at again exactly.

use super::layout::Field;
use super::machine::{Docket, Gate, Id, Program};
use crate::engine::Clock;
use crate::event::Access;

/// Bits of the four kinds of access.
const MARKED_READ: u64 = 1;
const MARKED_WRITE: u64 = 2;
const PLAIN_READ: u64 = 4;
const PLAIN_WRITE: u64 = 8;

/// The four bits of the `at`-th cell that can race.
pub(super) fn access_bits(at: usize) -> u64 {
    0xf << (at % 16 * 4)
}

/// An access to the cell with these bits: its own bit, and those that it races with.
pub(super) fn access(bits: u64, writes: bool, access: Access) -> (u64, u64) {
    let (own, against) = match (writes, access) {
        (false, Access::Plain) => (PLAIN_READ, MARKED_WRITE | PLAIN_WRITE),
        (true, Access::Plain) => (PLAIN_WRITE, 0xf),
        (false, _) => (MARKED_READ, PLAIN_WRITE),
        (true, _) => (MARKED_WRITE, PLAIN_READ | PLAIN_WRITE),
    };
    let lowest = bits & bits.wrapping_neg();
    (own * lowest, against * lowest)
}

/// How the tasks stand. Sets of tasks are bits, from the lowest.
#[derive(Default)]
pub(super) struct Survey {
    pub ready: u64,
    pub waiting: u64,
    /// The tasks that hold what others wait for.
    pub awaited: u64,
    pub sleeping: u64,
    /// With stores on their way.
    pub buffered: u64,
    /// The earliest deadline of a sleeper.
    pub deadline: Option<i64>,
    /// Bits of the accesses that race.
    pub racing: u64,
}

impl Survey {
    /// Can time move?
    pub fn ticks(&self, clock: Clock) -> Option<i64> {
        match clock {
            Clock::Free => self.deadline,
            Clock::Quiescent if self.ready | self.buffered == 0 => self.deadline,
            Clock::Quiescent | Clock::Stopped => None,
        }
    }

    /// Is every task done?
    pub fn is_done(&self) -> bool {
        self.ready | self.waiting | self.sleeping | self.buffered == 0
    }
}

impl Program {
    /// How the tasks stand in the state.
    #[inline(always)]
    pub(super) fn survey<const W: usize>(&self, words: &[u64; W]) -> Survey {
        let mut survey = Survey::default();
        let mut accesses = 0;
        for (at, task) in self.tasks.iter().enumerate() {
            let stop = &task.stops[task.position.raw(words) as usize];
            let me = 1 << at;
            if self.is_buffered && !task.is_drained(words) {
                survey.buffered |= me;
                if stop.drains {
                    continue;
                }
            }
            if stop.is_rare {
                self.survey_rarely(words, at, stop.gate, &mut survey);
            } else {
                let owner = stop.owner.raw(words);
                let is_held = u64::from(owner != 0);
                survey.waiting |= is_held << at;
                survey.ready |= ((is_held ^ 1) & u64::from(stop.is_under_way)) << at;
                survey.awaited |= (1 << owner) >> 1;
            }
            survey.racing |= accesses & stop.against;
            accesses |= stop.own;
        }
        survey
    }

    #[inline(never)]
    fn survey_rarely(&self, words: &[u64], at: usize, gate: Gate, survey: &mut Survey) {
        match gate {
            Gate::LockIn(pointer) => {
                let owner = self.block(pointer, words).owner.raw(words);
                *if owner == 0 { &mut survey.ready } else { &mut survey.waiting } |= 1 << at;
                survey.awaited |= (1 << owner) >> 1;
            }
            Gate::Sleep(deadline) => self.survey_sleeper(words, at, deadline, survey),
            Gate::Shared(lock, reads) => {
                let holders = self.holders(words, lock, reads);
                *if holders == 0 { &mut survey.ready } else { &mut survey.waiting } |= 1 << at;
                survey.awaited |= holders;
            }
            Gate::Permit(permits) => {
                *if permits.raw(words) != 0 { &mut survey.ready } else { &mut survey.waiting } |= 1 << at;
            }
            Gate::Open | Gate::Lock(..) | Gate::End => unreachable!("internal error: {gate:?} is no rare gate"),
        }
    }

    /// The tasks that keep another from the lock, as bits: a reader waits for who holds it alone. (A lock that readers wait for is held by
    /// its writer, and by none of them.)
    fn holders(&self, words: &[u64], lock: u16, reads: bool) -> u64 {
        let lock = usize::from(lock);
        let owner = 1 << self.locks[lock].owner.raw(words) >> 1;
        if reads { owner } else { owner | self.readers(words, lock) }
    }

    fn survey_sleeper(&self, words: &[u64], at: usize, deadline: Option<Field>, survey: &mut Survey) {
        let task = &self.tasks[at];
        let deadline = deadline.map(|deadline| deadline.get(words));
        let is_asleep = task.sleeping.raw(words) == 1
            && task.interrupted.raw(words) == 0
            && deadline.is_none_or(|deadline| deadline > self.jiffies.get(words));
        if !is_asleep {
            survey.ready |= 1 << at;
            return;
        }
        survey.sleeping |= 1 << at;
        if let Some(deadline) = deadline {
            survey.deadline = Some(survey.deadline.map_or(deadline, |known| known.min(deadline)));
        }
    }

    /// Says what is wrong with the state.
    #[inline(always)]
    pub(super) fn judge(&self, words: &[u64], survey: &Survey, docket: &mut Docket) {
        // Only who waits and is waited for can wait for ever.
        let for_ever = survey.waiting & survey.awaited != 0 && self.judge_waits(words, survey, docket);
        let clock_runs = survey.deadline.is_some() && self.clock != Clock::Stopped;
        if survey.waiting | survey.sleeping != 0 && survey.ready | survey.buffered == 0 && !clock_runs && !for_ever {
            docket.raise(self.standstill);
        }
        if survey.racing & docket.watched != 0 {
            self.judge_races(words, docket);
        }
    }

    /// Holds a condition that never should, after a step?
    #[inline]
    pub(super) fn judge_nevers(&self, words: &[u64], docket: &mut Docket) {
        for ((_, holds), id) in &self.nevers {
            if holds(&|cell| self.cells[usize::from(cell.0)].get(words)) {
                docket.raise(*id);
            }
        }
    }

    /// The tasks that a waiting task waits for, as bits, and the finding if it is one of them.
    fn awaited(&self, words: &[u64], at: usize) -> (u64, Option<Id>) {
        let task = &self.tasks[at];
        match task.stops[task.position.raw(words) as usize].gate {
            Gate::Lock(lock, owner) => (1 << owner.raw(words) >> 1, Some(self.locks[usize::from(lock)].recursion)),
            Gate::Shared(lock, reads) => {
                (self.holders(words, lock, reads), Some(self.locks[usize::from(lock)].recursion))
            }
            Gate::LockIn(pointer) => {
                let block = self.block(pointer, words);
                (1 << block.owner.raw(words) >> 1, Some(block.recursion))
            }
            // A permit belongs to nobody.
            Gate::Permit(_) => (0, None),
            other => unreachable!("internal error: nobody waits for a lock at {other:?}"),
        }
    }

    /// The tasks that hold the lock that a task stands before, as bits.
    pub(super) fn holders_awaited(&self, words: &[u64], at: usize) -> u64 {
        self.awaited(words, at).0
    }

    /// True if somebody waits for ever.
    #[inline(never)]
    fn judge_waits(&self, words: &[u64], survey: &Survey, docket: &mut Docket) -> bool {
        let mut for_ever = false;
        let mut left = survey.waiting;
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            left &= left - 1;
            let (holders, recursion) = self.awaited(words, at);
            // Only who waits for a waiting task can be part of a cycle.
            if survey.waiting & holders == 0 {
                continue;
            }
            if let Some(recursion) = recursion.filter(|_| holders >> at & 1 != 0) {
                docket.raise(recursion);
                for_ever = true;
            } else if self.waits_for_itself(words, survey, at) {
                docket.raise(self.cycle);
                for_ever = true;
            }
        }
        for_ever
    }

    /// Follows the holders of what is waited for; is the task among them?
    #[cold]
    fn waits_for_itself(&self, words: &[u64], survey: &Survey, task: usize) -> bool {
        let (mut reached, mut open) = (0u64, 1u64 << task);
        while open != 0 {
            let at = open.trailing_zeros() as usize;
            open &= open - 1;
            reached |= 1 << at;
            if survey.waiting >> at & 1 != 0 {
                let holders = self.awaited(words, at).0;
                if holders >> task & 1 != 0 {
                    return true;
                }
                open |= holders & !reached;
            }
        }
        false
    }

    /// A bit was met twice: which cells race, exactly?
    #[cold]
    fn judge_races(&self, words: &[u64], docket: &mut Docket) {
        for (cell, &bits) in self.access_bits.iter().enumerate() {
            let mut accesses = 0;
            for task in &self.tasks {
                let stop = &task.stops[task.position.raw(words) as usize];
                let is_about = stop.own & bits != 0 && stop.cell.is_some_and(|other| usize::from(other) == cell);
                if is_about && accesses & stop.against != 0 {
                    docket.raise(self.races[cell]);
                    // Once is enough, unless other cells share these bits.
                    docket.watched &= if self.access_bits.len() <= 16 { !bits } else { u64::MAX };
                }
                accesses |= if is_about { stop.own } else { 0 };
            }
        }
    }
}
