//! A search as one value in which nothing is that does not go together.
//!
//! A [`Config`] has a field for everything that can be chosen, because a command line and a test choose one thing at a time. It is
//! parsed once, into this: what an engine does not know has no place beside it, and of two choices that exclude each other there
//! is room for one. A library that knows what it wants can begin here: `Config::from(Search::Pct { .. })`.
//!
//! Bounds on executions, states, bytes and steps are no part of it. They cut a search short and never make it wrong.

use super::checkpoint::Checkpoint;
use super::config::{Config, EngineKind};
use super::error::Error;
use super::options;
use crate::engine::Memory;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search {
    /// Every state of the program as it runs.
    Explorer {
        /// What memory may do.
        memory: Memory,
        /// Exchange tasks that are alike.
        symmetry: bool,
        /// OS threads.
        jobs: usize,
        /// What becomes of known states.
        keep: Keep,
    },
    /// The explorer, with a bound on preemptions. Which task ran last is part of its states, so there is no symmetry, and one worker.
    Bounded {
        /// What memory may do.
        memory: Memory,
        /// Switches away from a task that could go on.
        preemptions_max: u32,
    },
    /// Every schedule.
    Brute {
        /// What memory may do.
        memory: Memory,
        /// Switches away from a task that could go on, if they are bounded.
        preemptions_max: Option<u32>,
    },
    /// One schedule of each Mazurkiewicz trace.
    Dpor {
        /// What memory may do.
        memory: Memory,
        /// By source sets and sleep sets, with a few executions in vain.
        source: bool,
    },
    /// Random walks.
    Random {
        /// What memory may do.
        memory: Memory,
        /// How many.
        runs: u64,
        /// Where they begin.
        seed: u64,
    },
    /// Random priorities.
    Pct {
        /// What memory may do.
        memory: Memory,
        /// How many executions.
        runs: u64,
        /// Where they begin.
        seed: u64,
        /// How many orderings a bug may need.
        depth: u32,
    },
    /// Every state of an interpreted program.
    Explicit {
        /// What memory may do.
        memory: Memory,
        /// Exchange tasks that are alike.
        symmetry: bool,
        /// OS threads.
        jobs: usize,
    },
    /// The loom crate, with its own memory.
    Loom,
    /// Executions on real threads.
    Threads {
        /// How many.
        runs: u64,
        /// Where they pause.
        seed: u64,
    },
}

/// What the explorer does with the states that it knows, beside stopping there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// They are in memory, and gone with the process.
    InMemory,
    /// They are written down, so that a killed exploration can go on.
    Checkpoint(Checkpoint),
    /// Some are gone past, to compare what follows with what followed before.
    Audit,
}

impl Search {
    /// What the configuration asks for.
    ///
    /// # Errors
    /// With the first thing in it that does not go with the rest.
    pub fn of(config: &Config) -> Result<Search, Error> {
        options::check(config)?;
        let &Config { memory, symmetry, jobs, preemptions_max, runs, seed, depth, .. } = config;
        Ok(match (config.engine, preemptions_max) {
            (EngineKind::Explorer, Some(preemptions_max)) => Search::Bounded { memory, preemptions_max },
            (EngineKind::Explorer, None) => {
                let keep = match &config.checkpoint {
                    Some(checkpoint) => Keep::Checkpoint(checkpoint.clone()),
                    None if config.audit => Keep::Audit,
                    None => Keep::InMemory,
                };
                Search::Explorer { memory, symmetry, jobs, keep }
            }
            (EngineKind::Brute, preemptions_max) => Search::Brute { memory, preemptions_max },
            (EngineKind::Dpor, _) => Search::Dpor { memory, source: false },
            (EngineKind::SourceDpor, _) => Search::Dpor { memory, source: true },
            (EngineKind::Random, _) => Search::Random { memory, runs, seed },
            (EngineKind::Pct, _) => Search::Pct { memory, runs, seed, depth },
            (EngineKind::Explicit, _) => Search::Explicit { memory, symmetry, jobs },
            (EngineKind::Loom, _) => Search::Loom,
            (EngineKind::Threads, _) => Search::Threads { runs, seed },
        })
    }

    /// The engine that does it.
    pub fn engine(&self) -> EngineKind {
        match self {
            Search::Explorer { .. } | Search::Bounded { .. } => EngineKind::Explorer,
            Search::Brute { .. } => EngineKind::Brute,
            Search::Dpor { source: false, .. } => EngineKind::Dpor,
            Search::Dpor { source: true, .. } => EngineKind::SourceDpor,
            Search::Random { .. } => EngineKind::Random,
            Search::Pct { .. } => EngineKind::Pct,
            Search::Explicit { .. } => EngineKind::Explicit,
            Search::Loom => EngineKind::Loom,
            Search::Threads { .. } => EngineKind::Threads,
        }
    }
}

impl From<Search> for Config {
    fn from(search: Search) -> Config {
        let config = Config::with_engine(search.engine());
        match search {
            Search::Explorer { memory, symmetry, jobs, keep } => {
                let audit = keep == Keep::Audit;
                let checkpoint = if let Keep::Checkpoint(checkpoint) = keep { Some(checkpoint) } else { None };
                Config { memory, symmetry, jobs, audit, checkpoint, ..config }
            }
            Search::Bounded { memory, preemptions_max } => {
                Config { memory, preemptions_max: Some(preemptions_max), ..config }
            }
            Search::Brute { memory, preemptions_max } => Config { memory, preemptions_max, ..config },
            Search::Dpor { memory, .. } => Config { memory, ..config },
            Search::Random { memory, runs, seed } => Config { memory, runs, seed, ..config },
            Search::Pct { memory, runs, seed, depth } => Config { memory, runs, seed, depth, ..config },
            Search::Explicit { memory, symmetry, jobs } => Config { memory, symmetry, jobs, ..config },
            Search::Loom => config,
            Search::Threads { runs, seed } => Config { runs, seed, ..config },
        }
    }
}
