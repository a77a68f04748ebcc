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
        /// Look up a state before every access of memory.
        every_access: bool,
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
        /// What memory may do, and whether orders that make no difference are left out.
        orders: Interleavings,
        /// Exchange tasks that are alike.
        symmetry: bool,
        /// OS threads.
        jobs: usize,
        /// MiB of bits that states are known by, if they are.
        bitstate: Option<u64>,
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
    /// They are known by that many MiB of bits, which they share.
    Bitstate(u64),
    /// Some are gone past, to compare what follows with what followed before.
    Audit,
}

/// Which orders of steps an explicit search tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interleavings {
    /// All that the memory allows.
    All(Memory),
    /// Of sequentially consistent memory, one of those that make no difference.
    Reduced,
}

impl Search {
    /// What the configuration asks for.
    ///
    /// # Errors
    /// With the first thing in it that does not go with the rest.
    pub fn of(config: &Config) -> Result<Search, Error> {
        options::check(config)?;
        let &Config { memory, symmetry, jobs, preemptions_max, bitstate, every_access, runs, seed, depth, .. } = config;
        Ok(match (config.engine, preemptions_max) {
            (EngineKind::Explorer, Some(preemptions_max)) => Search::Bounded { memory, preemptions_max },
            (EngineKind::Explorer, None) => {
                let keep = match &config.checkpoint {
                    Some(checkpoint) => Keep::Checkpoint(checkpoint.clone()),
                    None if config.audit => Keep::Audit,
                    None => bitstate.map_or(Keep::InMemory, Keep::Bitstate),
                };
                Search::Explorer { memory, symmetry, jobs, every_access, keep }
            }
            (EngineKind::Brute, preemptions_max) => Search::Brute { memory, preemptions_max },
            (EngineKind::Dpor, _) => Search::Dpor { memory, source: false },
            (EngineKind::SourceDpor, _) => Search::Dpor { memory, source: true },
            (EngineKind::Random, _) => Search::Random { memory, runs, seed },
            (EngineKind::Pct, _) => Search::Pct { memory, runs, seed, depth },
            (EngineKind::Explicit, _) => {
                let orders = if config.reduce { Interleavings::Reduced } else { Interleavings::All(memory) };
                Search::Explicit { orders, symmetry, jobs, bitstate }
            }
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
            Search::Explorer { memory, symmetry, jobs, every_access, keep } => {
                let audit = keep == Keep::Audit;
                let (checkpoint, bitstate) = match keep {
                    Keep::Checkpoint(checkpoint) => (Some(checkpoint), None),
                    Keep::Bitstate(mib) => (None, Some(mib)),
                    Keep::InMemory | Keep::Audit => (None, None),
                };
                Config { memory, symmetry, jobs, every_access, audit, checkpoint, bitstate, ..config }
            }
            Search::Bounded { memory, preemptions_max } => {
                Config { memory, preemptions_max: Some(preemptions_max), ..config }
            }
            Search::Brute { memory, preemptions_max } => Config { memory, preemptions_max, ..config },
            Search::Dpor { memory, .. } => Config { memory, ..config },
            Search::Random { memory, runs, seed } => Config { memory, runs, seed, ..config },
            Search::Pct { memory, runs, seed, depth } => Config { memory, runs, seed, depth, ..config },
            Search::Explicit { orders, symmetry, jobs, bitstate } => {
                let (memory, reduce) = match orders {
                    Interleavings::All(memory) => (memory, false),
                    Interleavings::Reduced => (Memory::Sc, true),
                };
                Config { memory, symmetry, jobs, reduce, bitstate, ..config }
            }
            Search::Loom => config,
            Search::Threads { runs, seed } => Config { runs, seed, ..config },
        }
    }
}
