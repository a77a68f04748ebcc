//! The workers of an explicit search, and what they share: the table, the work that is given away, and what ends it all.
//!
//! A worker goes on with its own stack. When another has nothing to do, it puts its shallowest states into a deque of its own, from which
//! whoever is idle takes them: there is no queue that all stand in. A state is pushed by the worker that met it first, so each is visited once,
//! and what is visited does not depend on how many workers there are.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crossbeam::deque::{Steal, Stealer, Worker as Deque};
use crossbeam::utils::Backoff;
use parking_lot::Mutex;

use super::machine::{Id, Program};
use super::reduce::Reduction;
use super::search::{Entry, Search};
use super::visited::{Packed, Visited};
use crate::engine::world::Transition;
use crate::explore::bits::Bits;
use crate::explore::config::{Config, EngineKind};
use crate::explore::limits::Bound;
use crate::explore::verdict::Verdict;

/// What the search found, by number, with the steps that lead there.
pub(super) struct Shown {
    pub id: Id,
    pub path: Vec<Transition>,
}

/// A state to go on with, and the steps that lead there.
pub(super) struct Gift<const W: usize> {
    pub entry: Entry<W>,
    pub before: Vec<Transition>,
}

/// What all workers share.
pub(super) struct Board<'a, const W: usize> {
    pub program: &'a Program,
    pub config: &'a Config,
    pub reduction: Option<Reduction>,
    pub visited: Visited,
    /// States visited, ends apart.
    pub states: AtomicU64,
    /// Open states of each worker, as it last said.
    pub frontiers: Vec<AtomicU64>,
    bound: Mutex<Option<Bound>>,
    over: AtomicBool,
    /// Gifts that are in a deque, and workers that have not run out.
    open: AtomicUsize,
    idle: AtomicUsize,
    stealers: Vec<Stealer<Gift<W>>>,
}

impl<const W: usize> Board<'_, W> {
    /// A bound was met. The first to end everything is named.
    #[cold]
    pub fn limit(&self, bound: Bound) {
        let mut known = self.bound.lock();
        if !self.over.load(Ordering::Relaxed) {
            *known = Some(bound);
        }
        // An execution that is too long ends nothing but itself.
        if !matches!(bound, Bound::Steps(_)) {
            self.over.store(true, Ordering::Relaxed);
        }
    }

    /// Is it over, whatever is left?
    #[inline]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Does somebody wait for work?
    #[inline]
    pub fn is_wanted(&self, deque: &Deque<Gift<W>>) -> bool {
        self.idle.load(Ordering::Relaxed) > 0 && deque.is_empty()
    }

    pub fn give(&self, deque: &Deque<Gift<W>>, gift: Gift<W>) {
        self.open.fetch_add(1, Ordering::AcqRel);
        deque.push(gift);
    }

    /// Something to go on with; nothing when it is over.
    fn next(&self, deque: &Deque<Gift<W>>) -> Option<Gift<W>> {
        // What this worker had is done.
        self.open.fetch_sub(1, Ordering::AcqRel);
        self.idle.fetch_add(1, Ordering::Relaxed);
        let backoff = Backoff::new();
        let found = loop {
            if self.is_over() {
                break None;
            }
            let steal = || {
                self.stealers.iter().find_map(|other| match other.steal() {
                    Steal::Success(gift) => Some(gift),
                    Steal::Empty | Steal::Retry => None,
                })
            };
            if let Some(gift) = deque.pop().or_else(steal) {
                break Some(gift);
            }
            if self.open.load(Ordering::Acquire) == 0 {
                break None;
            }
            if backoff.is_completed() { std::thread::yield_now() } else { backoff.snooze() }
        };
        self.idle.fetch_sub(1, Ordering::Relaxed);
        found
    }
}

/// Sets the stop sign when a worker panics, so that the others do not wait for it.
struct Alarm<'a>(&'a AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Visits every state of the program within the bounds of `config`.
pub(super) fn search<const W: usize>(
    program: &Program,
    config: &Config,
    reduction: Option<Reduction>,
) -> (Verdict, Vec<Shown>)
where
    [u64; W]: Packed,
{
    let bits = match config.bitstate.map(|mib| Bits::new(mib << 20)) {
        Some(None) => {
            return (Verdict { bound: Some(Bound::Memory), ..Verdict::new(EngineKind::Explicit) }, Vec::new());
        }
        bits => bits.flatten(),
    };
    let jobs = config.jobs.max(1);
    let deques: Vec<Deque<Gift<W>>> = (0..jobs).map(|_| Deque::new_fifo()).collect();
    let board = Board {
        program,
        config,
        reduction,
        visited: Visited::new(bits),
        states: AtomicU64::new(0),
        frontiers: (0..jobs).map(|_| AtomicU64::new(0)).collect(),
        bound: Mutex::new(None),
        over: AtomicBool::new(false),
        open: AtomicUsize::new(jobs),
        idle: AtomicUsize::new(0),
        stealers: deques.iter().map(Deque::stealer).collect(),
    };
    let work = |number: usize, deque: Deque<Gift<W>>| {
        let _alarm = Alarm(&board.over);
        let mut search = Search::new(&board, &deque, number);
        if number == 0 {
            search.begin();
        }
        while let Some(gift) = board.next(&deque) {
            search.go_on(gift);
        }
        search.into_answer()
    };
    let answers: Vec<(Verdict, Vec<Shown>)> = std::thread::scope(|scope| {
        let mut deques = deques.into_iter();
        let first = deques.next().expect("there is one worker at least");
        let work = &work;
        let others: Vec<_> = deques.enumerate().map(|(at, deque)| scope.spawn(move || work(at + 1, deque))).collect();
        let first = work(0, first);
        let join = |worker: std::thread::ScopedJoinHandle<'_, (Verdict, Vec<Shown>)>| {
            worker.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
        };
        std::iter::once(first).chain(others.into_iter().map(join)).collect()
    });
    merged(&board, answers)
}

/// What all workers saw.
fn merged<const W: usize>(board: &Board<'_, W>, answers: Vec<(Verdict, Vec<Shown>)>) -> (Verdict, Vec<Shown>)
where
    [u64; W]: Packed,
{
    let mut verdict = Verdict::new(EngineKind::Explicit);
    verdict.states = board.states.load(Ordering::Relaxed);
    verdict.bound = *board.bound.lock();
    match board.visited.bits() {
        Some(bits) => _ = verdict.bound.get_or_insert(bits.bound()),
        None => verdict.key_bits = <[u64; W]>::KEY_BITS,
    }
    let is_one = answers.len() == 1;
    let mut all: Vec<Shown> = Vec::new();
    for (one, shown) in answers {
        verdict.outcomes.merge(one.outcomes);
        verdict.deadlocks.merge(one.deadlocks);
        all.extend(shown);
    }
    if !is_one {
        // Each worker notes what it meets first: of the same thing, the shortest path is kept.
        all.sort_by(|left, right| {
            (left.id, left.path.len(), &left.path).cmp(&(right.id, right.path.len(), &right.path))
        });
        all.dedup_by_key(|shown| shown.id);
    }
    (verdict, all)
}
