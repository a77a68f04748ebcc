//! Depth-first search over packed states: what one worker does.
//!
//! The stack holds states that were new when they were made. A few are popped at a time and judged; their successors are looked
//! up side by side, and those that are new go on the stack. Nothing is allocated for a state, and nothing is kept of it but its key: a
//! [trail](super::trail) tells of each state on the stack where it came from, so that the path to a finding can be told.

use std::sync::atomic::Ordering::Relaxed;

use crossbeam::deque::Worker as Deque;

use super::board::{Board, Entry, Gift, Shown};
use super::buffers::STORES_MAX;
use super::judge::Survey;
use super::machine::{Docket, Program};
use super::symmetry::Renaming;
use super::trail::{Number, ROOT, Trail};
use super::visited::{Key, Met, Packed};
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
    key: Key,
    transition: Transition,
}

/// One worker.
pub(super) struct Search<'a, const W: usize> {
    board: &'a Board<'a, W>,
    deque: &'a Deque<Gift<W>>,
    number: usize,
    program: &'a Program,
    config: &'a Config,
    renames_owners: bool,
    docket: Docket,
    stack: Vec<Entry<W>>,
    trail: Trail,
    /// The state that is visited.
    at: (Number, Option<Transition>),
    candidates: Vec<Candidate<W>>,
    /// The states of the batch, with where their successors end among the candidates.
    parents: Vec<(Entry<W>, usize)>,
    /// States of the batch that count.
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
        let mut batches = 0u64;
        while !self.stack.is_empty() {
            if batches.is_multiple_of(BATCHES_PER_LOOK) {
                self.look_outside();
            }
            batches += 1;
            self.candidates.clear();
            self.parents.clear();
            self.counted = 0;
            let before = self.board.states.load(Relaxed);
            while !self.board.is_over()
                && self.parents.len() < BATCH
                && let Some(entry) = self.stack.pop()
            {
                self.at = (entry.from, entry.by);
                self.visit(&entry, before);
                self.parents.push((entry, self.candidates.len()));
                if self.docket.leaves_bounds() {
                    let stores = Bound::Stores(STORES_MAX as u32);
                    self.board.limit(if self.docket.out_of_range { Bound::Range } else { stores });
                }
            }
            self.board.states.fetch_add(self.counted, Relaxed);
            if self.board.is_over() {
                return;
            }
            self.take_candidates();
            if self.board.is_wanted(self.deque) {
                self.give_away();
            }
        }
        self.tell_frontier();
    }

    /// Judges a new state and makes its successors. `before` counts the states before this batch.
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
        let chosen = self.chosen(entry, &survey);
        let is_cut_short = self.step_all(&entry.words, chosen);
        if chosen == survey.ready {
            self.flush_and_tick(entry, &survey, deadline);
        } else if is_cut_short {
            // A step that ends the execution takes those of the others with it: they have to come before it as well.
            self.step_all(&entry.words, survey.ready & !chosen);
            self.flush_and_tick(entry, &survey, deadline);
        }
    }

    /// The ready tasks that have to be stepped.
    #[inline(always)]
    fn chosen(&self, entry: &Entry<W>, survey: &Survey) -> u64 {
        match &self.board.reduction {
            Some(reduction) => reduction.choose(self.program, &entry.words, survey),
            None => survey.ready,
        }
    }

    /// Makes the steps of these tasks; true if one of them ends the execution.
    #[inline(always)]
    fn step_all(&mut self, words: &[u64; W], tasks: u64) -> bool {
        let program = self.program;
        let (mut ready, mut is_cut_short) = (tasks, false);
        while ready != 0 {
            let at = ready.trailing_zeros() as usize;
            ready &= ready - 1;
            for alternative in 0..program.alternatives(words, at) {
                let transition = Transition { task: TaskId(at as u8 + 1), alternative };
                let mut words = *words;
                self.docket.begin();
                program.step(&mut words, at, alternative, &mut self.docket);
                is_cut_short |= self.docket.stopped;
                self.propose(words, transition);
            }
        }
        is_cut_short
    }

    /// Stores reach memory, and time moves.
    #[inline(always)]
    fn flush_and_tick(&mut self, entry: &Entry<W>, survey: &Survey, deadline: Option<i64>) {
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
        self.program.judge_nevers(&words, &mut self.docket);
        if self.docket.stopped || !self.docket.fresh.is_empty() || self.docket.leaves_bounds() {
            self.take_fresh(Some(transition));
            if self.docket.stopped || self.docket.leaves_bounds() {
                return;
            }
        }
        if self.config.symmetry {
            self.program.canonicalise(&mut words, self.renames_owners, &mut [0; TASKS_MAX + 1]);
        }
        let key = words.key();
        self.candidates.push(Candidate { words, key, transition });
    }

    /// Puts the successors that are new on the stack, those of the state that was visited first on top.
    #[inline(always)]
    fn take_candidates(&mut self) {
        if self.stack.try_reserve(self.candidates.len()).is_err() {
            self.board.limit(Bound::Memory);
            return;
        }
        let mut reading = self.board.visited.read();
        // All look-ups go to memory side by side, before the first of them is waited for.
        let glanced = self.candidates.iter().map(|candidate| reading.glance(candidate.key));
        std::hint::black_box(glanced.fold(0, |all, tag| all ^ tag));
        let mut begin = self.candidates.len();
        for at in (0..self.parents.len()).rev() {
            let (parent, end) = (self.parents[at].0, begin);
            begin = if at == 0 { 0 } else { self.parents[at - 1].1 };
            let bottom = self.stack.len();
            for candidate in &self.candidates[begin..end] {
                let mut met = reading.insert(candidate.key);
                while met == Met::Crowded {
                    drop(reading);
                    if !self.board.visited.grow(candidate.key) {
                        self.board.limit(Bound::Memory);
                        return;
                    }
                    reading = self.board.visited.read();
                    met = reading.insert(candidate.key);
                }
                if met == Met::New {
                    let (words, depth) = (candidate.words, parent.depth + 1);
                    self.stack.push(Entry { words, depth, from: ROOT, by: Some(candidate.transition) });
                }
            }
            let open = (self.stack.len() - bottom) as u32;
            let from = match parent.by {
                Some(by) => self.trail.extend(parent.from, by, open),
                None => ROOT,
            };
            self.stack[bottom..].iter_mut().for_each(|entry| entry.from = from);
        }
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

    #[cold]
    fn take_fresh(&mut self, last: Option<Transition>) {
        let (from, by) = self.at;
        for id in std::mem::take(&mut self.docket.fresh) {
            let path = self.trail.path(from, by).into_iter().chain(last).collect();
            self.shown.push(Shown { id, path });
        }
    }

    fn tell_frontier(&self) {
        let open = self.stack.len() as u64;
        self.board.frontiers[self.number].store(open, Relaxed);
    }

    #[cold]
    fn look_outside(&mut self) {
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

/// The path by the tasks' own numbers: with symmetry, every state of the search stands for others, and its tasks are renamed.
pub(super) fn real_path<const W: usize>(program: &Program, config: &Config, path: &[Transition]) -> Vec<Transition>
where
    [u64; W]: Packed,
{
    if !config.symmetry {
        return path.to_vec();
    }
    let renames_owners = config.seeded != Some(Unsound::SymmetryForgetsOwner);
    let mut docket = Docket::new(program);
    let mut words = program.boot::<W>(&mut docket);
    let mut real: Vec<u8> = (0..program.tasks.len() as u8).collect();
    let rename = |words: &mut [u64; W], real: &mut Vec<u8>| {
        let mut renaming: Renaming = [0; TASKS_MAX + 1];
        if program.canonicalise(words, renames_owners, &mut renaming) {
            let before = real.clone();
            (0..before.len()).for_each(|task| real[usize::from(renaming[task])] = before[task]);
        }
    };
    rename(&mut words, &mut real);
    let mut renamed = Vec::with_capacity(path.len());
    for &transition in path {
        docket.begin();
        if transition.is_flush() {
            let at = transition.task.index();
            renamed.push(Transition::flush(TaskId(real[at] + 1)));
            program.flush(&mut words, at, &mut docket);
        } else if transition.task == TaskId::CLOCK {
            let deadline = program.survey(&words).deadline.expect("internal error: time moves and nobody waits for it");
            program.tick(&mut words, deadline, &mut docket);
            renamed.push(transition);
        } else {
            let at = transition.task.index();
            renamed.push(Transition { task: TaskId(real[at] + 1), ..transition });
            program.step(&mut words, at, transition.alternative, &mut docket);
        }
        rename(&mut words, &mut real);
    }
    renamed
}
