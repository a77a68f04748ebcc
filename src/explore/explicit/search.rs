//! Depth-first search over packed states.
//!
//! The stack holds states that were new when they were made. A few are popped at a time and judged; their successors are looked
//! up side by side, and those that are new go on the stack. Nothing is allocated for a state. A log tells of each state where it came
//! from, so that the path to a finding can be told.

use super::buffers::STORES_MAX;
use super::machine::{Docket, Id, Program};
use super::symmetry::Renaming;
use super::visited::{Packed, Visited};
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

/// States of an exploration at most: they are numbered, ends among them.
const STATES_MAX: u64 = 1 << 31;

/// Batches between two looks at the bounds that come from outside.
const BATCHES_PER_LOOK: u64 = 512;

#[derive(Clone, Copy)]
struct Entry<const W: usize> {
    words: [u64; W],
    /// Steps from the start.
    depth: u32,
    /// Its number in the log.
    number: u32,
}

/// How a state was met first: from which other, by number, and by what.
#[derive(Clone, Copy)]
struct Origin {
    from: u32,
    by: Transition,
}

/// A successor, before it is known to be new.
struct Candidate<const W: usize, K> {
    words: [u64; W],
    key: K,
    home: usize,
    transition: Transition,
}

/// What the search found, by number, with the steps that lead there.
pub(super) struct Shown {
    pub id: Id,
    pub path: Vec<Transition>,
}

struct Search<'a, const W: usize>
where
    [u64; W]: Packed,
{
    program: &'a Program,
    config: &'a Config,
    renames_owners: bool,
    docket: Docket,
    visited: Visited<<[u64; W] as Packed>::Key>,
    stack: Vec<Entry<W>>,
    /// The origin of every state, in the order in which they were met.
    log: Vec<Origin>,
    /// The state that is visited.
    at: u32,
    candidates: Vec<Candidate<W, <[u64; W] as Packed>::Key>>,
    /// The states of the batch, with where their successors end among the candidates.
    parents: Vec<(Entry<W>, usize)>,
    verdict: Verdict,
    shown: Vec<Shown>,
}

/// Visits every state of the program within the bounds of `config`.
pub(super) fn search<const W: usize>(program: &Program, config: &Config) -> (Verdict, Vec<Shown>)
where
    [u64; W]: Packed,
{
    let mut search = Search {
        program,
        config,
        renames_owners: config.seeded != Some(Unsound::SymmetryForgetsOwner),
        docket: Docket::new(program),
        visited: Visited::new(),
        stack: Vec::new(),
        log: Vec::new(),
        at: 0,
        candidates: Vec::new(),
        parents: Vec::new(),
        verdict: Verdict::new(EngineKind::Explicit),
        shown: Vec::new(),
    };
    search.run();
    let Search { shown, mut verdict, .. } = search;
    for outcomes in [&mut verdict.outcomes, &mut verdict.deadlocks] {
        outcomes.rewrite(|_, schedule| {
            let transitions = real_path::<W>(program, config, &schedule.transitions);
            Some(Schedule { transitions, ..schedule })
        });
    }
    let shown = shown.into_iter().map(|shown| Shown { path: real_path::<W>(program, config, &shown.path), ..shown });
    (verdict, shown.collect())
}

impl<const W: usize> Search<'_, W>
where
    [u64; W]: Packed,
{
    fn run(&mut self) {
        let mut first = self.program.boot::<W>(&mut self.docket);
        self.take_fresh(None);
        if self.docket.stopped {
            return;
        }
        if self.config.symmetry {
            self.program.canonicalise(&mut first, self.renames_owners, &mut [0; TASKS_MAX + 1]);
        }
        let key = first.key();
        self.visited.insert(key, self.visited.home(key));
        self.log.push(Origin { from: 0, by: Transition::step(TaskId::BOOT) });
        self.stack.push(Entry { words: first, depth: 0, number: 0 });
        let mut batches = 0u64;
        while !self.stack.is_empty() {
            if batches.is_multiple_of(BATCHES_PER_LOOK) {
                self.look_outside();
            }
            batches += 1;
            self.candidates.clear();
            self.parents.clear();
            while self.parents.len() < BATCH
                && let Some(entry) = self.stack.pop()
            {
                if self.is_over() {
                    return;
                }
                self.at = entry.number;
                self.visit(&entry);
                self.parents.push((entry, self.candidates.len()));
                if self.docket.leaves_bounds() {
                    let stores = Bound::Stores(STORES_MAX as u32);
                    self.verdict.bound = Some(if self.docket.out_of_range { Bound::Range } else { stores });
                    return;
                }
            }
            self.take_candidates();
        }
    }

    /// Has a bound ended the whole exploration, not an execution alone?
    fn is_over(&self) -> bool {
        matches!(self.verdict.bound, Some(Bound::Interrupted | Bound::States(_) | Bound::Bytes(_) | Bound::Memory))
    }

    /// Judges a new state and makes its successors.
    #[inline(always)]
    fn visit(&mut self, entry: &Entry<W>) {
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
        if self.verdict.states >= self.config.states_max.min(STATES_MAX) {
            self.verdict.bound = Some(Bound::States(self.config.states_max.min(STATES_MAX)));
            return;
        }
        self.verdict.states += 1;
        if entry.depth >= self.config.limits.steps_max {
            self.verdict.bound = Some(Bound::Steps(self.config.limits.steps_max));
            return;
        }
        let mut ready = survey.ready;
        while ready != 0 {
            let at = ready.trailing_zeros() as usize;
            ready &= ready - 1;
            for alternative in 0..program.alternatives(&entry.words, at) {
                let transition = Transition { task: TaskId(at as u8 + 1), alternative };
                let mut words = entry.words;
                self.docket.begin();
                program.step(&mut words, at, alternative, &mut self.docket);
                self.propose(words, transition);
            }
        }
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
        self.candidates.push(Candidate { words, key, home: 0, transition });
    }

    /// Puts the successors that are new on the stack, those of the state that was visited first on top.
    #[inline(always)]
    fn take_candidates(&mut self) {
        if !self.has_room(self.candidates.len()) {
            self.verdict.bound = Some(Bound::Memory);
            return;
        }
        for candidate in &mut self.candidates {
            candidate.home = self.visited.home(candidate.key);
        }
        // All look-ups go to memory side by side, before the first of them is waited for.
        let glanced = self.candidates.iter().map(|candidate| self.visited.glance(candidate.home));
        std::hint::black_box(glanced.fold(0, |all, tag| all ^ tag));
        let mut begin = self.candidates.len();
        for at in (0..self.parents.len()).rev() {
            let (parent, end) = (self.parents[at].0, begin);
            begin = if at == 0 { 0 } else { self.parents[at - 1].1 };
            for candidate in &self.candidates[begin..end] {
                if self.visited.insert(candidate.key, candidate.home) {
                    let number = self.log.len() as u32;
                    self.log.push(Origin { from: parent.number, by: candidate.transition });
                    self.stack.push(Entry { words: candidate.words, depth: parent.depth + 1, number });
                }
            }
        }
    }

    /// Is there memory for that many states more?
    fn has_room(&mut self, more: usize) -> bool {
        self.visited.reserve(more) && self.log.try_reserve(more).is_ok() && self.stack.try_reserve(more).is_ok()
    }

    /// No task can run.
    #[cold]
    fn end(&mut self, words: &[u64; W], is_done: bool, depth: u32) {
        let outcome = self.program.outcome(words);
        let schedule = || Schedule { transitions: path(&self.log, self.at), memory: self.config.memory };
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
        for id in std::mem::take(&mut self.docket.fresh) {
            let path = path(&self.log, self.at).into_iter().chain(last).collect();
            self.shown.push(Shown { id, path });
        }
    }

    #[cold]
    fn look_outside(&mut self) {
        let bytes = self.visited.bytes() + (self.log.capacity() * size_of::<Origin>()) as u64;
        if bytes > self.config.bytes_max {
            self.verdict.bound = Some(Bound::Bytes(self.config.bytes_max));
        }
        let frontier = self.stack.len() as u64;
        let progress = || Progress { frontier, bytes, ..Progress::default() };
        // The bound on states is looked at where a state is met: what is left on the stack may be ends alone.
        if let Some(Bound::Interrupted) = self.config.tick(0, self.verdict.states, progress) {
            self.verdict.bound = Some(Bound::Interrupted);
        }
    }
}

/// The steps that lead to a state.
fn path(log: &[Origin], mut at: u32) -> Vec<Transition> {
    let mut path = Vec::new();
    while at > 0 {
        let origin = log[at as usize];
        path.push(origin.by);
        at = origin.from;
    }
    path.reverse();
    path
}

/// The path by the tasks' own numbers: with symmetry, every state of the search stands for others, and its tasks are renamed.
fn real_path<const W: usize>(program: &Program, config: &Config, path: &[Transition]) -> Vec<Transition>
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
