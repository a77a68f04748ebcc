//! The workers of the explorer: each runs executions on an OS thread of its own, and they share the table of states.
//!
//! Work is handed over as [`Item`]s: a worker that has nothing to do takes one from a common queue or from another's deque, and
//! whoever sees somebody wait gives away the shallowest branch of its path that has something left. What is
//! visited is the set of reachable states, whoever comes first where; so states, outcomes and findings do not depend on
//! the number of workers. The number of executions does.
//!
//! A *round* ends when nothing is left, at a bound, or when it is time to write a checkpoint; what is left then is handed
//! back. Nothing is under way between two rounds, so what is written down is consistent.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use crossbeam::deque::{Injector, Stealer, Worker};
use crossbeam::utils::Backoff;
use parking_lot::Mutex;

use super::audit::Audit;
use super::known::Known;
use super::movers::{Movers, Seen};
use super::path::{Item, Path};
use super::search::{Answer, Runner};
use super::totals::{Round, Totals, Void};
use super::visited::Visited;
use crate::check::Orders;
use crate::engine::world::Transition;
use crate::explore::config::{Config, EngineKind, Progress};
use crate::explore::limits::Bound;
use crate::explore::verdict::{TooLong, Verdict};
use crate::subject::Subject;

/// What all workers share.
pub(super) struct Crew<'a> {
    pub subject: &'a dyn Subject,
    pub config: &'a Config,
    pub visited: &'a Visited,
    pub audit: Option<&'a Audit>,
    /// What is seen of the locks that accesses are made under, if anything is relied on.
    pub seen: Option<&'a Seen>,
    /// Run the program from its beginning for every execution, known steps or not.
    pub rerun: bool,
}

/// What the workers of a round tell each other.
struct Board<'a> {
    queue: Injector<Item>,
    stealers: Vec<Stealer<Item>>,
    /// Items that are queued or being worked on.
    open: AtomicUsize,
    /// Workers that have nothing to do.
    idle: AtomicUsize,
    stop: AtomicBool,
    void: Mutex<Option<Void>>,
    executions: AtomicU64,
    too_long: AtomicU64,
    ended_on: Mutex<Option<Vec<Transition>>>,
    bound: Mutex<Option<Bound>>,
    left: Mutex<Vec<Item>>,
    deadline: Option<Instant>,
    orders: Orders,
    histories: Mutex<HashSet<(u128, u128)>>,
    crew: &'a Crew<'a>,
}

impl Crew<'_> {
    /// Works on `items` until nothing is left, the deadline has come, or something else ends the round.
    pub fn round(&self, items: Vec<Item>, totals: &mut Totals, deadline: Option<Instant>) -> Round {
        let jobs = self.config.jobs.max(1);
        let deques: Vec<Worker<Item>> = (0..jobs).map(|_| Worker::new_lifo()).collect();
        let board = Board {
            queue: Injector::new(),
            stealers: deques.iter().map(Worker::stealer).collect(),
            open: AtomicUsize::new(items.len()),
            idle: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            void: Mutex::new(None),
            executions: AtomicU64::new(totals.executions),
            too_long: AtomicU64::new(totals.too_long.count),
            ended_on: Mutex::new(None),
            bound: Mutex::new(None),
            left: Mutex::new(Vec::new()),
            deadline,
            orders: totals.orders.clone(),
            histories: Mutex::new(std::mem::take(&mut totals.histories)),
            crew: self,
        };
        // The deepest first, as one worker alone would.
        items.into_iter().for_each(|item| deques[0].push(item));
        let verdicts: Vec<(Verdict, TooLong)> = if let [deque] = &deques[..] {
            vec![board.work(deque)]
        } else {
            std::thread::scope(|scope| {
                let spawn = |deque| {
                    let board = &board;
                    scope.spawn(move || board.work(&deque))
                };
                let workers: Vec<_> = deques.into_iter().map(spawn).collect();
                let join = |worker: std::thread::ScopedJoinHandle<'_, (Verdict, TooLong)>| {
                    worker.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
                };
                workers.into_iter().map(join).collect()
            })
        };
        verdicts.into_iter().for_each(|verdict| totals.take(verdict));
        totals.histories = board.histories.into_inner();
        totals.ended_on = board.ended_on.into_inner();
        let bound = *board.bound.lock();
        let is_wrong = self.seen.is_some_and(|seen| !seen.is_true());
        let void = board.void.into_inner().or(is_wrong.then_some(Void::Unordered));
        Round { left: board.left.into_inner(), bound, void }
    }
}

/// Sets the stop sign when a worker panics, so that the others do not wait for it.
struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

impl Board<'_> {
    /// One worker, until nothing is left for anybody.
    fn work(&self, deque: &Worker<Item>) -> (Verdict, TooLong) {
        let _stop = StopOnPanic(&self.stop);
        let Crew { subject, config, visited, audit, seen, rerun } = *self.crew;
        let mut runner = match (audit, rerun) {
            (Some(_), _) => Runner::audit(subject, config, EngineKind::Explorer),
            (None, true) => Runner::new(subject, config, EngineKind::Explorer),
            (None, false) => {
                let movers = seen.map(|seen| Movers::new(subject, config, seen));
                Runner::replica(subject, config, EngineKind::Explorer, movers)
            }
        };
        runner.share_orders(&self.orders);
        while let Some(item) = self.next(deque) {
            let known = Known::new(visited, audit, config.symmetry);
            let mut path = Path::new(known, config.memory, config.seeded);
            path.enter(&item);
            runner.enter();
            self.work_on(&mut runner, path, deque);
            self.open.fetch_sub(1, Ordering::AcqRel);
        }
        let mut left = self.left.lock();
        while let Some(item) = deque.pop() {
            left.push(item);
        }
        drop(left);
        self.histories.lock().extend(runner.histories());
        if let Some(movers) = runner.movers() {
            movers.hand_over();
        }
        (runner.verdict, runner.too_long)
    }

    /// An item, until nothing is left of it or the round ends.
    fn work_on(&self, runner: &mut Runner<'_>, mut path: Path<Known<'_>>, deque: &Worker<Item>) {
        let mut counted = runner.too_long.count;
        loop {
            let hidden = runner.run(&mut path, &mut |_| Answer::Keep).err();
            let executions = self.executions.fetch_add(1, Ordering::Relaxed) + 1;
            let named = path.pruning.broken.then_some(Void::Named);
            let wrong = runner.movers().is_some_and(|movers| movers.is_broken()).then_some(Void::Unordered);
            if let Some(void) = named.or(wrong).or(hidden.or(path.pruning.hidden.take()).map(Void::Hidden)) {
                self.void.lock().get_or_insert(void);
                self.stop.store(true, Ordering::Relaxed);
                return;
            }
            if !path.advance() {
                return;
            }
            let too_long = runner.too_long.count - counted;
            counted += too_long;
            let too_long = self.too_long.fetch_add(too_long, Ordering::Relaxed) + too_long;
            if let Some(bound) = self.bound(executions, too_long, &path) {
                self.bound.lock().get_or_insert(bound);
                self.ended_on.lock().get_or_insert_with(|| path.transitions(path.len()));
                self.stop.store(true, Ordering::Relaxed);
            }
            if executions.is_multiple_of(16) && self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.stop.store(true, Ordering::Relaxed);
            }
            if self.stop.load(Ordering::Relaxed) {
                self.left.lock().extend(path.leave().1);
                return;
            }
            if self.idle.load(Ordering::Relaxed) > 0 && deque.is_empty() && self.queue.is_empty() {
                self.give_away(&mut path);
            }
        }
    }

    fn bound(&self, executions: u64, too_long: u64, path: &Path<Known<'_>>) -> Option<Bound> {
        let config = self.crew.config;
        if path.pruning.full {
            return Some(self.crew.visited.bound(config.bytes_max));
        }
        if too_long >= config.too_long_max {
            return Some(Bound::Steps(config.limits.steps_max));
        }
        let progress =
            || Progress { frontier: path.frontier(), bytes: self.crew.visited.bytes(), ..Progress::default() };
        config.tick(executions, self.crew.visited.states(), progress)
    }

    fn give_away(&self, path: &mut Path<Known<'_>>) {
        if let Some(item) = path.donate() {
            self.open.fetch_add(1, Ordering::AcqRel);
            self.queue.push(item);
        }
    }

    /// Something to do; `None` when nothing is left or the round ends.
    fn next(&self, deque: &Worker<Item>) -> Option<Item> {
        let backoff = Backoff::new();
        let mut idle = false;
        let found = loop {
            if self.stop.load(Ordering::Relaxed) {
                break None;
            }
            let steal = || self.stealers.iter().find_map(|other| other.steal().success());
            if let Some(item) = deque.pop().or_else(|| self.queue.steal().success()).or_else(steal) {
                break Some(item);
            }
            if self.open.load(Ordering::Acquire) == 0 {
                break None;
            }
            if !idle {
                idle = true;
                self.idle.fetch_add(1, Ordering::Relaxed);
            }
            if backoff.is_completed() { std::thread::yield_now() } else { backoff.snooze() }
        };
        if idle {
            self.idle.fetch_sub(1, Ordering::Relaxed);
        }
        if found.is_none() {
            let mut left = self.left.lock();
            while let Some(item) = self.queue.steal().success() {
                left.push(item);
            }
        }
        found
    }
}
