//! Depth-first search over packed states: what one worker does.
//!
//! The stack holds states that were new when they were made. A few are popped at a time and judged; their successors are looked
//! up side by side, and those that are new go on the stack. Nothing is allocated for a state, and nothing is kept of it but its key: a
//! [trail](super::trail) tells of each state on the stack where it came from, so that the path to a finding can be told.

use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

use crossbeam::deque::Worker as Deque;

use super::board::{Board, Entry, Gift, Shown};
use super::buffers::STORES_MAX;
use super::judge::Survey;
use super::machine::{Docket, Program};
use super::symmetry::real_path;
use super::trail::{Number, ROOT, Trail};
use super::visited::{Key, Met, Packed, Reading};
use crate::engine::world::Transition;
use crate::engine::{Clock, Unsound};
use crate::event::TaskId;
use crate::explore::config::{Config, EngineKind, Progress};
use crate::explore::limits::Bound;
use crate::explore::limits::TASKS_MAX;
use crate::explore::schedule::Schedule;
use crate::explore::verdict::Verdict;

/// States that are visited side by side. Their look-ups are what an exploration waits for: a machine keeps about ten under way.
const BATCH: usize = 8;

/// Batches between two looks at the bounds that come from outside.
const BATCHES_PER_LOOK: u64 = 512;

/// States that are given away at once, at most.
const GIFTS_MAX: usize = 16;

/// A successor, before it is known to be new.
struct Candidate<const W: usize> {
    words: [u64; W],
    /// Its key.
    stored: u64,
    segment: u8,
    /// The first step to it.
    transition: Transition,
    /// The steps after that one: how many, and where they begin among those of the batch.
    more: u8,
    more_from: u32,
}

impl<const W: usize> Candidate<W> {
    #[inline(always)]
    fn key(&self) -> Key {
        Key { segment: self.segment, stored: self.stored }
    }

    fn more(&self) -> Range<usize> {
        self.more_from as usize..self.more_from as usize + usize::from(self.more)
    }
}

/// One worker.
pub(super) struct Search<'a, const W: usize> {
    pub(super) board: &'a Board<'a, W>,
    deque: &'a Deque<Gift<W>>,
    number: usize,
    pub(super) program: &'a Program,
    pub(super) config: &'a Config,
    pub(super) renames_owners: bool,
    pub(super) docket: Docket,
    stack: Vec<Entry<W>>,
    trail: Trail,
    /// The state that is visited.
    at: (Number, Option<Transition>),
    candidates: Vec<Candidate<W>>,
    /// The states of the batch, with where their successors end among the candidates.
    parents: Vec<(Entry<W>, usize)>,
    /// Steps to candidates of the batch that are further away than one.
    pub(super) more: Vec<Transition>,
    /// Where those to the state that is looked at begin.
    pub(super) more_from: usize,
    /// States that count and that the board does not know of yet. It is told now and then, because that would wait for all that goes to
    /// memory.
    counted: u64,
    verdict: Verdict,
    shown: Vec<Shown>,
}

impl<'a, const W: usize> Search<'a, W>
where
    [u64; W]: Packed,
{
    pub fn new(board: &'a Board<'a, W>, deque: &'a Deque<Gift<W>>, number: usize) -> Search<'a, W> {
        Search {
            board,
            deque,
            number,
            program: board.program,
            config: board.config,
            renames_owners: board.config.seeded != Some(Unsound::SymmetryForgetsOwner),
            docket: Docket::new(board.program),
            stack: Vec::new(),
            trail: Trail::default(),
            at: (ROOT, None),
            candidates: Vec::new(),
            parents: Vec::new(),
            more: Vec::new(),
            more_from: 0,
            counted: 0,
            verdict: Verdict::new(EngineKind::Explicit),
            shown: Vec::new(),
        }
    }

    /// From the first state.
    pub fn begin(&mut self) {
        let mut first = self.program.boot::<W>(&mut self.docket);
        self.take_fresh(None);
        if self.docket.stopped {
            return;
        }
        if self.config.symmetry {
            self.program.canonicalise(&mut first, self.renames_owners, &mut [0; TASKS_MAX + 1]);
        }
        if !self.is_new(first.key()) {
            return;
        }
        self.stack.push(Entry { words: first, depth: 0, from: ROOT, by: None });
        self.run();
    }

    /// From states that another worker has given away.
    pub fn go_on(&mut self, gift: Gift<W>) {
        self.trail.begin(gift.before);
        self.stack.push(Entry { from: ROOT, by: None, ..gift.entry });
        self.run();
    }

    /// What it saw, by the tasks' own numbers.
    pub fn into_answer(self) -> (Verdict, Vec<Shown>) {
        let Search { program, config, shown, mut verdict, .. } = self;
        for outcomes in [&mut verdict.outcomes, &mut verdict.deadlocks] {
            outcomes.rewrite(|_, schedule| {
                let transitions = real_path::<W>(program, config, &schedule.transitions);
                Some(Schedule { transitions, ..schedule })
            });
        }
        let real = |shown: Shown| Shown { path: real_path::<W>(program, config, &shown.path), ..shown };
        (verdict, shown.into_iter().map(real).collect())
    }

    /// Until the stack is empty, or all is over.
    fn run(&mut self) {
        self.run_on();
        self.tell_states();
        self.tell_frontier();
    }

    fn run_on(&mut self) {
        let (board, mut batches) = (self.board, 0u64);
        let mut reading = board.visited.read();
        while !self.stack.is_empty() {
            if batches.is_multiple_of(BATCHES_PER_LOOK) {
                self.look_outside();
            }
            batches += 1;
            self.candidates.clear();
            self.parents.clear();
            self.more.clear();
            let before = board.states.load(Relaxed);
            while !board.is_over()
                && self.parents.len() < BATCH
                && let Some(entry) = self.stack.pop()
            {
                self.at = (entry.from, entry.by);
                let earlier = self.candidates.len();
                self.visit(&entry, before);
                // Their look-ups go to memory while the next states are visited.
                self.candidates[earlier..].iter().for_each(|candidate| reading.prefetch(candidate.key()));
                self.parents.push((entry, self.candidates.len()));
                if self.docket.leaves_bounds() {
                    let stores = Bound::Stores(STORES_MAX as u32);
                    board.limit(if self.docket.out_of_range { Bound::Range } else { stores });
                }
            }
            if board.is_over() {
                return;
            }
            if board.visited.is_wanted() {
                drop(reading);
                reading = board.visited.read();
            }
            let Some(still_reading) = self.take_candidates(reading) else { return };
            reading = still_reading;
            if board.is_wanted(self.deque) {
                self.give_away();
            }
        }
    }

    /// Tells the board how many states were visited.
    fn tell_states(&mut self) {
        self.board.states.fetch_add(std::mem::take(&mut self.counted), Relaxed);
    }

    /// Judges a new state and makes its successors. `before` counts the states that the board knew of before this batch.
    #[inline(always)]
    fn visit(&mut self, entry: &Entry<W>, before: u64) {
        let program = self.program;
        let survey = program.survey(&entry.words);
        self.docket.begin();
        program.judge(&entry.words, &survey, &mut self.docket);
        if !self.docket.fresh.is_empty() {
            self.take_fresh(None);
        }
        let deadline = if program.clock == Clock::Stopped { None } else { survey.ticks(program.clock) };
        if survey.ready | survey.buffered == 0 && deadline.is_none() {
            self.end(&entry.words, survey.is_done(), entry.depth);
            return;
        }
        if before + self.counted >= self.config.states_max {
            self.board.limit(Bound::States(self.config.states_max));
            return;
        }
        self.counted += 1;
        if entry.depth >= self.config.limits.steps_max {
            self.board.limit(Bound::Steps(self.config.limits.steps_max));
            return;
        }
        match &self.board.reduction {
            Some(reduction) => self.step_some(reduction, entry, &survey, deadline),
            None => {
                self.step_all(&entry.words, survey.ready);
                self.flush_and_tick(entry, &survey, deadline);
            }
        }
    }

    /// Makes the steps of these tasks.
    #[inline(always)]
    fn step_all(&mut self, words: &[u64; W], tasks: u64) {
        let program = self.program;
        let mut ready = tasks;
        while ready != 0 {
            let at = ready.trailing_zeros() as usize;
            ready &= ready - 1;
            for alternative in 0..program.alternatives(words, at) {
                let transition = Transition { task: TaskId(at as u8 + 1), alternative };
                let mut words = *words;
                self.docket.begin();
                program.step(&mut words, at, alternative, &mut self.docket);
                self.propose(words, transition);
            }
        }
    }

    /// Stores reach memory, and time moves.
    #[inline(always)]
    pub(super) fn flush_and_tick(&mut self, entry: &Entry<W>, survey: &Survey, deadline: Option<i64>) {
        let program = self.program;
        let mut buffered = survey.buffered;
        while buffered != 0 {
            let at = buffered.trailing_zeros() as usize;
            buffered &= buffered - 1;
            let mut words = entry.words;
            self.docket.begin();
            program.flush(&mut words, at, &mut self.docket);
            self.propose(words, Transition::flush(TaskId(at as u8 + 1)));
        }
        if let Some(deadline) = deadline {
            let mut words = entry.words;
            self.docket.begin();
            program.tick(&mut words, deadline, &mut self.docket);
            self.propose(words, Transition::CLOCK);
        }
    }

    /// A step was made: keeps what it led to, unless the execution ends there.
    #[inline(always)]
    fn propose(&mut self, mut words: [u64; W], transition: Transition) {
        self.more_from = self.more.len();
        if !self.goes_on(&words, transition) {
            return;
        }
        if self.config.symmetry {
            self.program.canonicalise(&mut words, self.renames_owners, &mut [0; TASKS_MAX + 1]);
        }
        self.keep(words, transition);
    }

    /// Notes what was found by the step, which is the first and the last; false if the execution ends there.
    #[inline(always)]
    pub(super) fn goes_on(&mut self, words: &[u64; W], first: Transition) -> bool {
        self.program.judge_nevers(words, &mut self.docket);
        if self.docket.stopped || !self.docket.fresh.is_empty() || self.docket.leaves_bounds() {
            self.take_fresh(Some(first));
        }
        !self.docket.stopped && !self.docket.leaves_bounds()
    }

    /// A successor, by this step and those after it.
    #[inline(always)]
    pub(super) fn keep(&mut self, words: [u64; W], first: Transition) {
        let Key { segment, stored } = words.key();
        let (more, more_from) = ((self.more.len() - self.more_from) as u8, self.more_from as u32);
        self.candidates.push(Candidate { words, stored, segment, transition: first, more, more_from });
    }

    /// Puts the successors that are new on the stack, those of the state that was visited first on top.
    #[inline(always)]
    fn take_candidates(&mut self, mut reading: Reading<'a>) -> Option<Reading<'a>> {
        let board = self.board;
        if self.stack.try_reserve(self.candidates.len()).is_err() {
            board.limit(Bound::Memory);
            return None;
        }
        let mut begin = self.candidates.len();
        for at in (0..self.parents.len()).rev() {
            let (parent, end) = (self.parents[at].0, begin);
            begin = if at == 0 { 0 } else { self.parents[at - 1].1 };
            let bottom = self.stack.len();
            for (number, candidate) in (begin..).zip(&self.candidates[begin..end]) {
                let mut met = reading.insert(candidate.key());
                while met == Met::Crowded {
                    drop(reading);
                    if !board.visited.grow(candidate.key()) {
                        board.limit(Bound::Memory);
                        return None;
                    }
                    reading = board.visited.read();
                    met = reading.insert(candidate.key());
                }
                if met == Met::New {
                    let depth = parent.depth + 1 + u32::from(candidate.more);
                    // Which state of the trail it comes from is known when all are met.
                    let (words, from, by) = (candidate.words, number as Number, Some(candidate.transition));
                    self.stack.push(Entry { words, depth, from, by });
                }
            }
            let open = (self.stack.len() - bottom) as u32;
            let from = match parent.by {
                Some(by) => self.trail.extend(parent.from, by, open),
                None => ROOT,
            };
            for entry in &mut self.stack[bottom..] {
                let more = self.candidates[entry.from as usize].more();
                entry.from = from;
                for &next in &self.more[more] {
                    let by = entry.by.replace(next).expect("internal error: a successor comes by a step");
                    entry.from = self.trail.extend(entry.from, by, 1);
                }
            }
        }
        Some(reading)
    }

    /// Is the first state new? Nothing else is known yet, so it is, if there is memory.
    fn is_new(&self, key: Key) -> bool {
        let visited = &self.board.visited;
        loop {
            let met = visited.read().insert(key);
            if met != Met::Crowded {
                return met == Met::New;
            }
            if !visited.grow(key) {
                self.board.limit(Bound::Memory);
                return false;
            }
        }
    }

    /// Another worker has nothing to do: it gets the lower half of the stack, which is nearest to the first state.
    #[cold]
    fn give_away(&mut self) {
        let count = (self.stack.len() / 2).min(GIFTS_MAX);
        for entry in self.stack.drain(..count) {
            let before = self.trail.path(entry.from, entry.by);
            self.trail.close(entry.from);
            self.board.give(self.deque, Gift { entry, before });
        }
    }

    /// No task can run.
    #[cold]
    fn end(&mut self, words: &[u64; W], is_done: bool, depth: u32) {
        let outcome = self.program.outcome(words);
        let (from, by) = self.at;
        let schedule = || Schedule { transitions: self.trail.path(from, by), memory: self.config.memory };
        if !is_done {
            self.verdict.deadlocks.add(outcome, depth as usize, schedule);
            return;
        }
        self.verdict.outcomes.add(outcome, depth as usize, schedule);
        self.docket.begin();
        self.program.judge_end(words, &mut self.docket);
        self.take_fresh(None);
    }

    /// Notes what was found in the state that is visited, or by this step from it and those after it.
    #[cold]
    pub(super) fn take_fresh(&mut self, first: Option<Transition>) {
        let (from, by) = self.at;
        let more = if first.is_some() { &self.more[self.more_from..] } else { &[] };
        for id in std::mem::take(&mut self.docket.fresh) {
            let path = self.trail.path(from, by).into_iter().chain(first).chain(more.iter().copied()).collect();
            self.shown.push(Shown { id, path });
        }
    }

    fn tell_frontier(&self) {
        let open = self.stack.len() as u64;
        self.board.frontiers[self.number].store(open, Relaxed);
    }

    #[cold]
    fn look_outside(&mut self) {
        self.tell_states();
        let bytes = self.board.visited.bytes();
        if bytes > self.config.bytes_max && self.config.bitstate.is_none() {
            self.board.limit(Bound::Bytes(self.config.bytes_max));
        }
        self.tell_frontier();
        let frontier = self.board.frontiers.iter().map(|open| open.load(Relaxed)).sum();
        let progress = || Progress { frontier, bytes, ..Progress::default() };
        // The bound on states is looked at where a state is met: what is left on the stack may be ends alone.
        if let Some(Bound::Interrupted) = self.config.tick(0, self.board.states.load(Relaxed), progress) {
            self.board.limit(Bound::Interrupted);
        }
    }
}
