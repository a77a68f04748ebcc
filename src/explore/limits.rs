//! What an exploration, and the tool, have room for. All limits are in this table.
//!
//! A limit that is met is a [`Bound`] in the verdict, which is incomplete then. It is never a finding about the code under test.
//! What is wrong with the input is an error before anything runs: of scenario files see `docs/scenarios.md`, of small programs
//! `Small::try_subject`.
//!
//! | limit | bound | engines | how much |
//! |---|---|---|---|
//! | tasks of a program | [`Bound::Tasks`] | all but loom | [`TASKS_MAX`] |
//! | | | loom | [`THREADS_MAX`] |
//! | tasks that share locks | [`Bound::Readers`] | those that run the program | the first [`READERS_MAX`] |
//! | times a task holds a lock for reading | [`Bound::Nesting`] | those that run the program | [`READS_MAX`] |
//! | read-side sections of RCU | [`Bound::Sections`] | those that run the program | 64 at once; with interrupts or shared CPUs 32 in an execution |
//! | objects that a task or the set-up makes | [`Bound::Objects`] | those that run the program | `Limits::objects_max`, [`OBJECTS_MAX`] |
//! | slab objects and fields that tasks make | [`Bound::Spares`] | loom | 8 and 32 |
//! | steps of an execution | [`Bound::Steps`] | all but loom, random, pct | `Limits::steps_max` |
//! | branches of an execution | [`Bound::Branches`] | loom | [`BRANCHES_MAX`] |
//! | operations of an execution after its finding | [`Bound::Drained`] | loom | [`DRAINED_MAX`] |
//! | memory that the system has | [`Bound::Memory`] | those that remember states | |
//! | executions, states, bytes | [`Bound::Executions`], [`Bound::States`], [`Bound::Bytes`] | all that count them | `Config` |
//! | preemptions of an execution | [`Bound::Preemptions`] | explorer, if asked | `Config::preemptions_max` |
//! | executions that are drawn | [`Bound::Sampled`] | random, pct | `Config::runs` |
//! | executions on real threads | [`Bound::Threads`] | threads | `Config::runs` |
//! | machine words of a state | [`Bound::Words`] | explicit | [`WORDS_MAX`] |
//! | stores of a task on their way to memory | [`Bound::Stores`] | explicit | 8 |
//! | values | [`Bound::Range`] | explicit | what the program declares |
//! | memory of a host, states that reach their owner | [`Bound::Host`] | explicit on a cluster | |

#[cfg(feature = "loom")]
pub use crate::engine::loom::{BRANCHES_MAX, DRAINED_MAX, THREADS_MAX};
pub use crate::engine::{Exceeded, OBJECTS_MAX, READERS_MAX, READS_MAX, TASKS_MAX};
use crate::event::Symbol;

/// Machine words of the widest state of an interpreted program.
pub const WORDS_MAX: usize = 64;

/// What ended an exploration before it was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// `executions_max`.
    Executions(u64),
    /// `states_max`.
    States(u64),
    /// `bytes_max`.
    Bytes(u64),
    /// The system has no memory for more states.
    Memory,
    /// Executions with more preemptions were left out.
    Preemptions(u32),
    /// An execution was longer than `steps_max`.
    Steps(u32),
    /// loom's own bound on the branches of an execution.
    Branches(usize),
    /// An execution did not end within that many operations after its finding: loom may not know all of it.
    Drained(u32),
    /// Tasks allocate more slab objects or fields than the loom engine makes beforehand.
    Spares,
    /// The program has more tasks than the engine runs.
    Tasks(usize),
    /// A task beyond the first ones takes a lock for reading, or the set-up does.
    Readers(u8),
    /// A task holds a lock for reading that many times, and takes it once more.
    Nesting(u8),
    /// A task, or the set-up, makes more objects.
    Objects(u32),
    /// RCU tells that many read-side sections apart, and there is one more.
    Sections(u8),
    /// A state of an interpreted program has more machine words.
    Words(usize),
    /// Only that many executions, drawn by chance.
    Sampled {
        /// How many.
        runs: u64,
        /// From which seed.
        seed: u64,
    },
    /// Only that many executions on real threads, which pause where the seed says.
    Threads {
        /// How many.
        runs: u64,
        /// The seed.
        seed: u64,
    },
    /// States were known by bits that they share, so some may have been missed.
    Bitstate {
        /// How many MiB of bits.
        mib: u64,
        /// The share of the states met that was not missed, as expected, in billionths.
        coverage: u32,
    },
    /// A task had more stores on their way to memory than an interpreted program has room for.
    Stores(u32),
    /// loom says that no task can run, and the program's own wait-for graph does not.
    Stuck,
    /// A value left the range that an interpreted program declares for it.
    Range,
    /// User-land code compares pointers, and whether an address is given out again is the allocator's doing.
    Pointers,
    /// User-land code asks for the number of handles, and a clone is a part of the step before it.
    Counts,
    /// User-land code catches a panic, and what its task did while it unwound is a part of the step before it.
    Unwinding,
    /// A host of a cluster has not done its part.
    Host {
        /// Which: its number and its address.
        #[cfg_attr(feature = "cli", schemars(with = "String"))]
        host: Symbol,
        /// What ended it, or what is missing.
        #[cfg_attr(feature = "cli", schemars(with = "String"))]
        reason: Symbol,
    },
    /// Stopped from outside.
    Interrupted,
}

fn plural(number: u64) -> &'static str {
    if number == 1 { "" } else { "s" }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Bound::Executions(max) => write!(f, "stopped after {max} execution{}", plural(*max)),
            Bound::States(max) => write!(f, "stopped after {max} state{}", plural(*max)),
            Bound::Bytes(max) => write!(f, "known states would take more than {} MiB", max >> 20),
            Bound::Memory => write!(f, "no memory is left for known states"),
            Bound::Preemptions(max) => {
                write!(f, "only executions with at most {max} preemption{}", plural((*max).into()))
            }
            Bound::Steps(max) => write!(f, "an execution runs on after {max} steps"),
            Bound::Branches(max) => write!(f, "an execution has more than loom's {max} branches"),
            Bound::Drained(max) => write!(f, "an execution runs on {max} operations after its finding"),
            Bound::Spares => write!(f, "tasks allocate more than the loom engine has room for"),
            Bound::Tasks(max) => write!(f, "the engine runs at most {max} tasks"),
            Bound::Sections(max) => write!(f, "RCU tells only {max} read-side sections apart"),
            Bound::Readers(max) => write!(f, "only the first {max} tasks can take a lock for reading"),
            Bound::Nesting(max) => write!(f, "a task holds a lock for reading at most {max} times at once"),
            Bound::Objects(max) => write!(f, "a task makes more than {max} object{}", plural((*max).into())),
            Bound::Words(max) => write!(f, "a state takes more than {max} machine words"),
            Bound::Sampled { runs, seed } => write!(f, "{runs} random executions of seed {seed}"),
            Bound::Threads { runs, seed } => {
                write!(f, "only {runs} execution{} on real threads, of seed {seed}", plural(*runs))
            }
            Bound::Bitstate { mib, coverage } => {
                // Cut, not rounded: it is never all.
                let percent = f64::from(*coverage / 1000) / 1e4;
                write!(f, "bitstate in {mib} MiB: about {percent:.4} % of the states are expected to be covered")
            }
            Bound::Stores(max) => write!(f, "a task has more than {max} stores on their way to memory"),
            Bound::Stuck => write!(f, "loom ends with a deadlock that the program does not have (tokio-rs/loom#376)"),
            Bound::Range => write!(f, "a value leaves the range that is declared for it"),
            Bound::Pointers => {
                write!(f, "pointers are compared, and whether an allocator gives an address out again is not explored")
            }
            Bound::Counts => write!(f, "strong_count is asked, and a clone is part of the step before it"),
            Bound::Unwinding => write!(f, "a panic is caught, and what its task does while it unwinds is one step"),
            Bound::Host { host, reason } => write!(f, "{host}: {reason}"),
            Bound::Interrupted => write!(f, "interrupted"),
        }
    }
}

impl From<Exceeded> for Bound {
    fn from(exceeded: Exceeded) -> Bound {
        match exceeded {
            Exceeded::Tasks(max) => Bound::Tasks(max),
            Exceeded::Readers(max) => Bound::Readers(max),
            Exceeded::Nesting(max) => Bound::Nesting(max),
            Exceeded::Objects(max) => Bound::Objects(max),
            Exceeded::Sections(max) => Bound::Sections(max),
        }
    }
}
