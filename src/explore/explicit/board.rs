//! What the workers of an explicit search share: the table, the work that is given away, and what ends it all.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crossbeam::deque::{Steal, Stealer, Worker as Deque};
use crossbeam::utils::Backoff;
use parking_lot::Mutex;

use super::machine::{Id, Program};
use super::reduce::Reduction;
use super::trail::Number;
use super::visited::Visited;
use crate::engine::world::Transition;
use crate::explore::config::Config;
use crate::explore::limits::Bound;

/// A state to visit.
#[derive(Clone, Copy)]
pub(super) struct Entry<const W: usize> {
    pub words: [u64; W],
    /// Steps from the start.
    pub depth: u32,
    /// Which state of the trail it comes from.
    pub from: Number,
    /// The step that led here; nothing, to the first.
    pub by: Option<Transition>,
}

/// What the search found, by number, with the steps that lead there.
pub(in crate::explore) struct Shown {
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
    pub bound: Mutex<Option<Bound>>,
    pub over: AtomicBool,
    /// Gifts that are in a deque, and workers that have not run out.
    pub open: AtomicUsize,
    pub idle: AtomicUsize,
    pub stealers: Vec<Stealer<Gift<W>>>,
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
    pub fn next(&self, deque: &Deque<Gift<W>>) -> Option<Gift<W>> {
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
