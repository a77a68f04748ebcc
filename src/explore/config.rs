//! What is asked of an exploration: who explores, within which bounds, and who hears of it.
//!
//! A configuration is values and nothing that runs. What of it goes together is said in [`options`](super::options).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::checkpoint::Checkpoint;
use super::limits::Bound;
use crate::engine::controlled::{Limits, Settings};
use crate::engine::{Memory, Unsound};

/// The engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
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
    /// Real OS threads: a stress test.
    Threads,
}

/// What is explored, what bounds it, and who hears of it.
///
/// Not everything goes with everything: what does not is refused ([`options`](super::options)).
#[derive(Clone)]
pub struct Config {
    /// The engine.
    pub engine: EngineKind,
    /// What the machine's memory may do. (loom has its own.)
    pub memory: Memory,
    /// Take states for equal that differ only in which of the tasks that are [alike](crate::engine::Program::alike) is which.
    pub symmetry: bool,
    /// OS threads of the explorer or the explicit engine. The verdict does not depend on it, but for the number of executions.
    pub jobs: usize,
    /// Leave out orders that make no difference, by persistent sets; explicit engine only.
    pub reduce: bool,
    /// Look up a state before every access of memory, also where it commutes with all that others can do meanwhile; explorer only. More states, the
    /// same findings and outcomes.
    pub every_access: bool,
    /// Know states by that many MiB of bits that they share: never complete, and far larger programs. Explorer and explicit engine.
    pub bitstate: Option<u64>,
    /// Only executions with at most this number of preemptions (switches away from a task that could go on); explorer and brute force.
    pub preemptions_max: Option<u32>,
    /// Go on past sampled known states, and compare what follows with what followed before.
    pub audit: bool,
    /// Where to keep what is known, so that a killed exploration can go on; explorer only.
    pub checkpoint: Option<Checkpoint>,
    /// Executions after which to give up.
    pub executions_max: u64,
    /// States after which to give up.
    pub states_max: u64,
    /// Bytes that the table of known states may take (about 20 a state; explicit, about 11).
    pub bytes_max: u64,
    /// Bounds of one execution.
    pub limits: Limits,
    /// Executions longer than `limits.steps_max` after which to give up: where one runs on, those beside it do as well.
    pub too_long_max: u64,
    /// Of the random engines: the same seed gives the same executions. Of real threads: where they pause.
    pub seed: u64,
    /// Executions of the random engines and of real threads.
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

/// Told how far an exploration is.
pub type Listener = Arc<dyn Fn(&Progress) + Send + Sync>;

/// How far an exploration is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Executions run.
    pub executions: u64,
    /// Distinct states met.
    pub states: u64,
    /// Transitions that are known and not yet taken.
    pub frontier: u64,
    /// Bytes of the table of known states.
    pub bytes: u64,
    /// How much of the tree of schedules is done, from 0 to 1, taking all subtrees of a branch for equally large. Only
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
            reduce: false,
            every_access: false,
            bitstate: None,
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

/// Executions on real threads, unless others are asked for: one takes a hundred times as long as a random one.
pub const THREADS_RUNS: u64 = 1_000;

/// Executions between two reports of progress.
const PROGRESS_EVERY: u64 = 1024;

impl Config {
    /// The default bounds with another engine.
    pub fn with_engine(engine: EngineKind) -> Config {
        let default = Config::default();
        let runs = if engine == EngineKind::Threads { THREADS_RUNS } else { default.runs };
        Config { engine, runs, ..default }
    }

    /// What the controlled engine needs to know.
    pub fn settings(&self) -> Settings {
        Settings { limits: self.limits, memory: self.memory, symmetry: self.symmetry, seeded: self.seeded }
    }

    /// Reports progress; the bound that ends the exploration now, if one does.
    pub(super) fn tick(&self, executions: u64, states: u64, rest: impl FnOnce() -> Progress) -> Option<Bound> {
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

    pub(super) fn interrupted(&self) -> bool {
        self.interrupt.as_ref().is_some_and(|interrupt| interrupt.load(Ordering::Relaxed))
    }
}
