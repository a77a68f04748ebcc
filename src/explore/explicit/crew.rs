//! The workers of an explicit search.
//!
//! A worker goes on with its own stack. When another has nothing to do, it puts its shallowest states into a deque of its own, from which
//! whoever is idle takes them: there is no queue that all stand in. A state is pushed by the worker that met it first, so each is visited once,
//! and what is visited does not depend on how many workers there are.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crossbeam::deque::Worker as Deque;
use parking_lot::Mutex;

use super::board::{Board, Gift, Shown};
use super::machine::Program;
use super::reduce::Reduction;
use super::search::Search;
use super::visited::{Packed, Visited};
use crate::explore::bits::Bits;
use crate::explore::config::{Config, EngineKind};
use crate::explore::limits::Bound;
use crate::explore::verdict::Verdict;

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
        visited: Visited::new(bits, jobs),
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
