//! Looks for an interleaving that leads to a predicted deadlock.
//!
//! Each participant repeats what it did in its own run, from where it held nothing, up to the acquisition at which the cycle says it
//! waits for ever. The search goes through the products of their positions, depth first, with a set of positions seen. The holders of locks are
//! a function of the positions, so the set is exact. A path of it is a schedule.

use std::collections::HashSet;

use super::finding::Turn;
use super::lock::{Hold, LockId};
use super::state::{Act, Move};

/// Combinations of positions that one search looks at.
pub(super) const POSITIONS_MAX: usize = 50_000;

/// How a search ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Confirmed {
    /// There it is.
    Schedule(Vec<Turn>),
    /// It would be, if somebody waited to write to this lock.
    NeedsWriter(LockId),
    /// No order leads there.
    No,
    /// Not known: [`POSITIONS_MAX`].
    Bound,
}

/// What a participant holds, by position.
type Holdings = Vec<Vec<(LockId, Hold)>>;

struct Search<'a> {
    moves: &'a [Vec<Move>],
    holdings: Vec<Holdings>,
    seen: HashSet<Vec<usize>>,
    path: Vec<Turn>,
    needs: Option<LockId>,
    full: bool,
}

/// Searches. The last move of each participant is the acquisition that never succeeds.
pub(super) fn confirm(moves: &[Vec<Move>]) -> Confirmed {
    let holdings = moves.iter().map(|moves| holdings(moves)).collect();
    let mut search = Search { moves, holdings, seen: HashSet::new(), path: Vec::new(), needs: None, full: false };
    if search.go(&mut vec![0; moves.len()]) {
        let mut path = search.path;
        for (participant, moves) in moves.iter().enumerate() {
            if let Some(last) = moves.last() {
                path.push(Turn { participant, place: last.place, waits: true });
            }
        }
        return Confirmed::Schedule(path);
    }
    match (search.needs, search.full) {
        (Some(lock), _) => Confirmed::NeedsWriter(lock),
        (None, true) => Confirmed::Bound,
        (None, false) => Confirmed::No,
    }
}

fn holdings(moves: &[Move]) -> Holdings {
    let mut now: Vec<(LockId, Hold)> = Vec::new();
    let mut all = vec![now.clone()];
    for step in moves {
        match step.act {
            Act::Take(lock, hold) | Act::Try(lock, hold) => now.push((lock, hold)),
            Act::Drop(lock) => {
                if let Some(at) = now.iter().rposition(|(held, _)| *held == lock) {
                    now.remove(at);
                }
            }
            Act::Downgrade(lock) => {
                now.iter_mut().filter(|(held, _)| *held == lock).for_each(|(_, hold)| *hold = Hold::Fair);
            }
            Act::Own | Act::Enter => {}
        }
        all.push(now.clone());
    }
    all
}

impl Search<'_> {
    fn go(&mut self, at: &mut Vec<usize>) -> bool {
        let is_end = at.iter().zip(self.moves).all(|(at, moves)| at + 1 == moves.len());
        if is_end {
            return self.is_deadlock(at);
        }
        if self.seen.len() >= POSITIONS_MAX {
            self.full = true;
            return false;
        }
        if !self.seen.insert(at.clone()) {
            return false;
        }
        for participant in 0..at.len() {
            if at[participant] + 1 >= self.moves[participant].len() || !self.can_move(at, participant) {
                continue;
            }
            let place = self.moves[participant][at[participant]].place;
            at[participant] += 1;
            self.path.push(Turn { participant, place, waits: false });
            if self.go(at) {
                return true;
            }
            self.path.pop();
            at[participant] -= 1;
        }
        false
    }

    fn can_move(&self, at: &[usize], participant: usize) -> bool {
        match self.moves[participant][at[participant]].act {
            Act::Take(lock, hold) | Act::Try(lock, hold) => !self.is_blocked(at, lock, hold),
            _ => true,
        }
    }

    /// Does a holder keep it out?
    fn is_blocked(&self, at: &[usize], lock: LockId, hold: Hold) -> bool {
        self.holders(at, lock).any(|other| other == Hold::Exclusive || hold == Hold::Exclusive)
    }

    fn holders<'a>(&'a self, at: &'a [usize], lock: LockId) -> impl Iterator<Item = Hold> + 'a {
        let held = at.iter().zip(&self.holdings).flat_map(|(at, holdings)| &holdings[*at]);
        held.filter(move |(held, _)| *held == lock).map(|(_, hold)| *hold)
    }

    /// Does everybody wait? A fair reader waits for a writer that waits; if none does, one is needed.
    fn is_deadlock(&mut self, at: &[usize]) -> bool {
        let last: Vec<(LockId, Hold)> = self
            .moves
            .iter()
            .filter_map(|moves| match moves.last().map(|last| last.act) {
                Some(Act::Take(lock, hold)) => Some((lock, hold)),
                _ => None,
            })
            .collect();
        let mut needs = None;
        for (lock, hold) in &last {
            if self.is_blocked(at, *lock, *hold) {
                continue;
            }
            let is_shared = *hold == Hold::Fair && self.holders(at, *lock).next().is_some();
            if !is_shared {
                return false;
            }
            if !last.contains(&(*lock, Hold::Exclusive)) {
                needs = Some(*lock);
            }
        }
        self.needs = self.needs.or(needs);
        needs.is_none()
    }
}
