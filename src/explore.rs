//! Goes through the executions of a program and says what it saw.
//!
//! | engine | what it explores |
//! |---|---|
//! | [`EngineKind::Explorer`] | every state, by depth-first search that stops at known states ([`stateful`]) |
//! | [`EngineKind::Brute`] | every schedule: slow, obviously right, the oracle for small programs ([`brute`]) |
//! | [`EngineKind::Dpor`] | one schedule of all that differ only in the order of independent steps ([`dpor`]) |
//! | [`EngineKind::SourceDpor`] | the same with less bookkeeping and a few executions in vain |
//! | [`EngineKind::Random`] | some executions, drawn by chance; never complete ([`random`]) |
//! | [`EngineKind::Pct`] | the same, with a lower bound on the chance to see a bug |
//! | [`EngineKind::Explicit`] | every state of an interpreted program, without running it ([`explicit`]) |
//! | [`EngineKind::Loom`] | loom's own search, under its C11-like memory; the second opinion |
//!
//! All are deterministic. A bound that is hit makes the verdict incomplete and is named in it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::check::{Checks, Code, Finding};
use crate::engine::controlled::{Limits, Settings};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::{Flow, Memory, Observer, Program, Unsound};
use crate::event::{Event, TaskId, View};

mod audit;
pub mod brute;
pub mod checkpoint;
mod dependence;
pub mod dpor;
mod error;
pub mod explicit;
pub mod files;
pub mod hidden;
pub mod limits;
pub mod livelock;
mod loom;
pub mod options;
mod outcomes;
mod path;
pub mod random;
mod repeats;
mod replica;
pub mod saved;
pub mod schedule;
mod search;
mod spared;
pub mod stateful;
mod visited;
pub mod witness;
mod workers;

pub use checkpoint::Checkpoint;
pub use error::Error;
pub use hidden::HiddenState;
pub use limits::Bound;
pub use outcomes::Outcomes;
pub use repeats::Repeats;
pub use schedule::{Schedule, Step};

/// Who explores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// The stateful search.
    #[default]
    Explorer,
    /// Every schedule.
    Brute,
    /// Optimal dynamic partial order reduction.
    Dpor,
    /// Dynamic partial order reduction by source sets and sleep sets.
    #[serde(rename = "source-dpor")]
    SourceDpor,
    /// A random walk.
    Random,
    /// Probabilistic concurrency testing.
    Pct,
    /// Every state, of a subject that has an explicit form.
    Explicit,
    /// The loom crate.
    Loom,
}

/// What is explored, what bounds it, and who hears of it.
///
/// Not everything goes with everything: what does not is refused ([`options`]).
#[derive(Clone)]
pub struct Config {
    /// Who explores.
    pub engine: EngineKind,
    /// What the machine's memory may do. (loom has its own.)
    pub memory: Memory,
    /// Take states for equal that differ only in which of the tasks that are [alike](Program::alike) is which.
    pub symmetry: bool,
    /// OS threads of the explorer. The verdict does not depend on it, but for the number of executions.
    pub jobs: usize,
    /// Only executions with so many preemptions (switches away from a task that could go on); explorer and brute force.
    pub preemptions_max: Option<u32>,
    /// Go on past sampled known states, and compare what follows with what followed before.
    pub audit: bool,
    /// Where to keep what is known, so that a killed exploration can go on; explorer only.
    pub checkpoint: Option<Checkpoint>,
    /// Executions after which to give up.
    pub executions_max: u64,
    /// States after which to give up.
    pub states_max: u64,
    /// Bytes that the table of known states may take (about 30 to 60 a state).
    pub bytes_max: u64,
    /// Bounds of one execution.
    pub limits: Limits,
    /// Executions longer than `limits.steps_max` after which to give up: where one runs on, those beside it do as well.
    pub too_long_max: u64,
    /// Of the random engines: the same seed gives the same executions.
    pub seed: u64,
    /// Executions of the random engines.
    pub runs: u64,
    /// Depth of the bugs that PCT looks for: how many orderings must hold for one to show.
    pub depth: u32,
    /// Set from outside to end the exploration with what it has.
    pub interrupt: Option<Arc<AtomicBool>>,
    /// Told now and then how far it is.
    pub progress: Option<Listener>,
    /// A mistake to be noticed.
    #[doc(hidden)]
    pub seeded: Option<Unsound>,
}

/// Who is told how far an exploration is.
pub type Listener = Arc<dyn Fn(&Progress) + Send + Sync>;

/// How far an exploration is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Paths gone through: run, or stepped on copies of states.
    pub executions: u64,
    /// Distinct states met.
    pub states: u64,
    /// Transitions that are known and not yet taken.
    pub frontier: u64,
    /// Bytes of the table of known states.
    pub bytes: u64,
    /// How much of the tree of schedules lies behind, from 0 to 1, taking all subtrees of a branch for equally large. Only
    /// where that is honest: a search that stops at known states cannot know.
    pub fraction: Option<f64>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            engine: EngineKind::Explorer,
            memory: Memory::Sc,
            symmetry: false,
            jobs: 1,
            preemptions_max: None,
            audit: false,
            checkpoint: None,
            // Some minutes of work, on any machine the same.
            executions_max: 20_000_000,
            states_max: 20_000_000,
            bytes_max: 4 << 30,
            limits: Limits::default(),
            too_long_max: 1000,
            seed: 0,
            runs: 10_000,
            depth: 3,
            interrupt: None,
            progress: None,
            seeded: None,
        }
    }
}

/// Executions between two reports of progress.
const PROGRESS_EVERY: u64 = 1024;

impl Config {
    /// The default bounds with another engine.
    pub fn with_engine(engine: EngineKind) -> Config {
        Config { engine, ..Config::default() }
    }

    /// What the controlled engine needs to know.
    pub fn settings(&self) -> Settings {
        Settings { limits: self.limits, memory: self.memory, symmetry: self.symmetry, seeded: self.seeded }
    }

    /// Reports progress; the bound that ends the exploration now, if one does.
    fn tick(&self, executions: u64, states: u64, rest: impl FnOnce() -> Progress) -> Option<Bound> {
        if executions.is_multiple_of(PROGRESS_EVERY)
            && let Some(progress) = &self.progress
        {
            progress(&Progress { executions, states, ..rest() });
        }
        if self.interrupted() {
            return Some(Bound::Interrupted);
        }
        if executions >= self.executions_max {
            return Some(Bound::Executions(self.executions_max));
        }
        (states >= self.states_max).then_some(Bound::States(self.states_max))
    }

    fn interrupted(&self) -> bool {
        self.interrupt.as_ref().is_some_and(|interrupt| interrupt.load(Ordering::Relaxed))
    }
}

/// A finding and the schedule that leads to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What is wrong.
    pub finding: Finding,
    /// How to get there.
    pub schedule: Schedule,
    /// True if no sequentially consistent replay of the schedule shows it (only loom finds such).
    pub weak_memory: bool,
}

/// What an exploration saw.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Who explored.
    pub engine: EngineKind,
    /// Paths gone through, abandoned ones included: executions that were run, or stepped on copies of states.
    pub executions: u64,
    /// Distinct states met; 0 if the engine does not know states.
    pub states: u64,
    /// What memory could do; loom has its own.
    pub memory: Memory,
    /// Were tasks that are alike exchanged? `None` if nobody asked, `Some(false)` if something named one of them.
    pub symmetry: Option<bool>,
    /// Times that the audit went on past a known state, and found the same as before.
    pub audited: Option<u64>,
    /// Everything seen? Then `bound` is `None`.
    pub bound: Option<Bound>,
    /// Outcomes of the executions that ended.
    pub outcomes: Outcomes,
    /// Outcomes as they stood where no task could run.
    pub deadlocks: Outcomes,
    /// What is wrong, one per code and subject, in the order of codes.
    pub findings: Vec<Found>,
    /// Where a task goes round without meeting itself, if that may be why a bound was hit. Not for loom, the random engines and
    /// the explicit one.
    pub repeats: Option<Repeats>,
    /// Wall time.
    pub elapsed: Duration,
}

impl Verdict {
    fn new(engine: EngineKind) -> Verdict {
        Verdict {
            engine,
            executions: 0,
            states: 0,
            memory: Memory::Sc,
            symmetry: None,
            audited: None,
            bound: None,
            outcomes: Outcomes::default(),
            deadlocks: Outcomes::default(),
            findings: Vec::new(),
            repeats: None,
            elapsed: Duration::ZERO,
        }
    }

    /// Was everything seen, within the memory model of the engine?
    ///
    /// It was if all that tasks share is an object of the engine. A program that does not promise that is examined, and one that is
    /// seen to have [hidden state](HiddenState) gets no verdict; for a large program that is a sample ([`hidden`]).
    pub fn complete(&self) -> bool {
        self.bound.is_none()
    }

    /// The codes found, each once, in order.
    pub fn codes(&self) -> BTreeSet<Code> {
        self.findings.iter().map(|found| found.finding.code).collect()
    }
}

/// A program and who judges it.
pub trait Subject: Program {
    /// Fresh checks. The program's executions tell them what they need to know (their list of leases, say).
    fn checks(&self) -> Checks;
    /// Does it promise that all that its tasks share, and all that it keeps from one execution to the next, are objects of
    /// the engine? No `static`, no thread-local, no `Cell` or `Mutex` behind an `Arc` that one task writes and another reads.
    ///
    /// Without the promise the program is examined for such state before and after each search ([`hidden`]). A promise that
    /// is not kept makes verdicts wrong in silence; what it saves is a second or less.
    fn hides_nothing(&self) -> bool {
        false
    }
    /// The same program interpreted, if there is such a form: what [`EngineKind::Explicit`] explores. Or the limit of that engine
    /// that it exceeds.
    fn explicit(&self, _memory: Memory) -> Option<Result<explicit::Program, Bound>> {
        None
    }
}

/// Explores a program within the bounds of `config`.
///
/// # Panics
/// Where [`try_explore`] returns an [`Error`], with its text: a checkpoint that fails, [`EngineKind::Explicit`] for a program
/// without an explicit form, settings that exclude each other, a program with [hidden state](HiddenState).
pub fn explore(subject: &Arc<dyn Subject>, config: &Config) -> Verdict {
    try_explore(subject, config).unwrap_or_else(|error| panic!("explore: {error}"))
}

/// Explores a program within the bounds of `config`, going on from its checkpoint if there is one.
///
/// # Errors
/// If the checkpoint cannot be read or written, or is of another exploration; if the explicit engine is asked to explore a
/// program without an explicit form; if settings of `config` exclude each other; if the program has [hidden state](HiddenState).
pub fn try_explore(subject: &Arc<dyn Subject>, config: &Config) -> Result<Verdict, Error> {
    options::check(config)?;
    let started = Instant::now();
    hidden::examine(&**subject, config)?;
    let mut verdict = match config.engine {
        EngineKind::Explorer => stateful::explore(&**subject, config)?,
        EngineKind::Brute => brute::explore(&**subject, config)?,
        EngineKind::Dpor => dpor::explore(&**subject, config, dpor::Reduction::Optimal)?,
        EngineKind::SourceDpor => dpor::explore(&**subject, config, dpor::Reduction::Source)?,
        EngineKind::Random | EngineKind::Pct => random::explore(&**subject, config, config.engine),
        EngineKind::Explicit => explicit::explore(&**subject, config)?,
        EngineKind::Loom => loom::explore(subject, config),
    };
    hidden::hold_against(&**subject, config, &verdict)?;
    verdict.memory = config.memory;
    verdict.findings.sort_by_key(|found| (found.finding.code, found.finding.subject));
    verdict.elapsed = started.elapsed();
    Ok(verdict)
}

/// The checks, watching executions.
struct Watch(Checks);

impl Watch {
    fn shared(checks: Checks) -> Rc<RefCell<Watch>> {
        Rc::new(RefCell::new(Watch(checks)))
    }
}

fn flow(stop: bool) -> Flow {
    if stop { Flow::Stop } else { Flow::Continue }
}

impl Observer for Watch {
    fn begin(&mut self) {
        self.0.begin();
    }

    fn event(&mut self, event: &Event, view: &dyn View) -> Flow {
        flow(self.0.event(event, view))
    }

    fn state(&mut self, step: u32, view: &dyn View) -> Flow {
        flow(self.0.state(step, view))
    }

    fn end(&mut self, step: u32, view: &dyn View) {
        self.0.end(step, view);
    }

    fn fingerprint(&self, fingerprint: &mut Fingerprint) {
        self.0.fingerprint(fingerprint);
    }

    fn fingerprint_task(&self, task: TaskId, fingerprint: &mut Fingerprint) {
        self.0.fingerprint_task(task, fingerprint);
    }

    fn names_tasks(&self) -> bool {
        self.0.names_tasks()
    }

    fn is_loud(&self, event: &Event) -> bool {
        self.0.is_loud(event)
    }

    fn again(&mut self, event: &Event, view: &dyn View) {
        self.0.again(event, view);
    }
}
