//! Which options of a search go together: the one table that the library and the command line ask.
//!
//! An option that an engine does not know would be ignored in silence, and two that exclude each other would make a wrong
//! verdict. Both are refused before anything is explored.

use super::config::Config;
use super::config::EngineKind::{self, Brute, Dpor, Explicit, Explorer, Loom, Pct, Random, SourceDpor, Threads};
use super::error::Error;
use crate::engine::Memory;
use crate::subject::Subject;

/// Something about a search that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// `memory: Memory::Tso`.
    Tso,
    /// `jobs`, more than one.
    Jobs,
    /// `symmetry`.
    Symmetry,
    /// `preemptions_max`.
    PreemptionsMax,
    /// `audit`.
    Audit,
    /// `reduce`.
    Reduce,
    /// `every_access`.
    EveryAccess,
    /// `bitstate`.
    Bitstate,
    /// `checkpoint`.
    Checkpoint,
    /// `executions_max`.
    ExecutionsMax,
    /// `states_max`.
    StatesMax,
    /// `bytes_max`.
    BytesMax,
    /// `limits.steps_max`.
    StepsMax,
    /// `seed`.
    Seed,
    /// `runs`.
    Runs,
    /// `depth`.
    Depth,
}

/// A row of the table: an option and who knows it.
struct Row {
    choice: Choice,
    /// As the library names it.
    field: &'static str,
    /// As the command line names it.
    flag: &'static str,
    /// The engines that know it.
    engines: &'static [EngineKind],
    /// The same in words.
    whose: &'static str,
    /// Does the configuration choose something other than the default?
    chosen: fn(&Config, &Config) -> bool,
}

const CONTROLLED: &[EngineKind] = &[Explorer, Brute, Dpor, SourceDpor, Random, Pct, Explicit];
const EXECUTING: &[EngineKind] = &[Explorer, Brute, Dpor, SourceDpor, Random, Pct, Loom, Threads];
const STEPPING: &[EngineKind] = &[Explorer, Brute, Dpor, SourceDpor, Random, Pct, Explicit, Threads];
const DRAWING: &[EngineKind] = &[Random, Pct, Threads];
const STATES: &[EngineKind] = &[Explorer, Explicit];

/// Every option; a new one needs a row here, or nobody refuses it.
const OPTIONS: &[Row] = &[
    Row {
        choice: Choice::Tso,
        field: "memory: Memory::Tso",
        flag: "memory tso",
        engines: CONTROLLED,
        whose: "engines with our memory",
        chosen: |config, _| config.memory == Memory::Tso,
    },
    Row {
        choice: Choice::Jobs,
        field: "jobs",
        flag: "jobs",
        engines: STATES,
        whose: "the explorer and the explicit engine",
        chosen: |config, _| config.jobs > 1,
    },
    Row {
        choice: Choice::Symmetry,
        field: "symmetry",
        flag: "symmetry",
        engines: STATES,
        whose: "the explorer and the explicit engine",
        chosen: |config, _| config.symmetry,
    },
    Row {
        choice: Choice::Reduce,
        field: "reduce",
        flag: "reduce",
        engines: &[Explicit],
        whose: "the explicit engine",
        chosen: |config, _| config.reduce,
    },
    Row {
        choice: Choice::EveryAccess,
        field: "every_access",
        flag: "every-access",
        engines: &[Explorer],
        whose: "the explorer",
        chosen: |config, _| config.every_access,
    },
    Row {
        choice: Choice::Bitstate,
        field: "bitstate",
        flag: "bitstate",
        engines: STATES,
        whose: "the explorer and the explicit engine",
        chosen: |config, _| config.bitstate.is_some(),
    },
    Row {
        choice: Choice::Audit,
        field: "audit",
        flag: "audit",
        engines: &[Explorer],
        whose: "the explorer",
        chosen: |config, _| config.audit,
    },
    Row {
        choice: Choice::ExecutionsMax,
        field: "executions_max",
        flag: "executions-max",
        engines: EXECUTING,
        whose: "engines that run executions",
        chosen: |config, default| config.executions_max != default.executions_max,
    },
    Row {
        choice: Choice::StatesMax,
        field: "states_max",
        flag: "states-max",
        engines: STATES,
        whose: "the explorer and the explicit engine",
        chosen: |config, default| config.states_max != default.states_max,
    },
    Row {
        choice: Choice::BytesMax,
        field: "bytes_max",
        flag: "memory-max",
        engines: STATES,
        whose: "the explorer and the explicit engine",
        chosen: |config, default| config.bytes_max != default.bytes_max,
    },
    Row {
        choice: Choice::StepsMax,
        field: "limits.steps_max",
        flag: "steps-max",
        engines: STEPPING,
        whose: "all engines but loom, which counts branches",
        chosen: |config, default| config.limits.steps_max != default.limits.steps_max,
    },
    Row {
        choice: Choice::Checkpoint,
        field: "checkpoint",
        flag: "checkpoint",
        engines: &[Explorer],
        whose: "the explorer",
        chosen: |config, _| config.checkpoint.is_some(),
    },
    Row {
        choice: Choice::Seed,
        field: "seed",
        flag: "seed",
        engines: DRAWING,
        whose: "the random engines and threads",
        chosen: |config, default| config.seed != default.seed,
    },
    Row {
        choice: Choice::Runs,
        field: "runs",
        flag: "runs",
        engines: DRAWING,
        whose: "the random engines and threads",
        chosen: |config, default| config.runs != default.runs,
    },
    Row {
        choice: Choice::Depth,
        field: "depth",
        flag: "depth",
        engines: &[Pct],
        whose: "pct",
        chosen: |config, default| config.depth != default.depth,
    },
    Row {
        choice: Choice::PreemptionsMax,
        field: "preemptions_max",
        flag: "preemptions-max",
        engines: &[Explorer, Brute],
        whose: "the explorer and brute force",
        chosen: |config, _| config.preemptions_max.is_some(),
    },
];

/// Pairs that exclude each other, with what would be wrong.
const EXCLUSIVE: &[(Choice, Choice, &str)] = &[
    (
        Choice::Checkpoint,
        Choice::PreemptionsMax,
        "a search within a bound begins anew for each number, and keeps nothing",
    ),
    (Choice::Checkpoint, Choice::Audit, "an audit remembers more than is written down"),
    (Choice::Reduce, Choice::Tso, "what a store buffer holds back is not known to the reduction"),
    (Choice::Bitstate, Choice::Checkpoint, "bits are not written down"),
    (Choice::Bitstate, Choice::Audit, "an audit needs to know states for certain"),
    (Choice::Bitstate, Choice::PreemptionsMax, "such a search has a table of its own"),
    (Choice::PreemptionsMax, Choice::Jobs, "such a search has one worker"),
    (Choice::PreemptionsMax, Choice::EveryAccess, "such a search does so anyway"),
    (Choice::PreemptionsMax, Choice::Symmetry, "who ran last is who it is"),
    (Choice::PreemptionsMax, Choice::Audit, "an audit goes on where a bound ends"),
];

/// What does not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The engine does not know the option.
    Engine {
        /// The option.
        choice: Choice,
        /// The engines that do.
        whose: &'static str,
    },
    /// Two options exclude each other.
    Pair {
        /// One.
        one: Choice,
        /// The other.
        other: Choice,
        /// What would be wrong.
        why: &'static str,
    },
}

impl Choice {
    fn row(self) -> &'static Row {
        OPTIONS.iter().find(|row| row.choice == self).expect("every option has its row")
    }

    /// As the command line names it, without the dashes.
    pub fn flag(self) -> &'static str {
        self.row().flag
    }

    /// As the library names it.
    pub fn field(self) -> &'static str {
        self.row().field
    }
}

/// What of these choices does not go together, in the order of the table.
pub fn misfits(engine: EngineKind, chosen: &[Choice]) -> Vec<Misfit> {
    let unknown = OPTIONS.iter().filter(|row| chosen.contains(&row.choice) && !row.engines.contains(&engine));
    let unknown = unknown.map(|row| Misfit::Engine { choice: row.choice, whose: row.whose });
    let exclusive = EXCLUSIVE.iter().filter(|(one, other, _)| chosen.contains(one) && chosen.contains(other));
    unknown.chain(exclusive.map(|&(one, other, why)| Misfit::Pair { one, other, why })).collect()
}

/// What the configuration chooses.
fn chosen(config: &Config) -> Vec<Choice> {
    let default = Config::default();
    OPTIONS.iter().filter(|row| (row.chosen)(config, &default)).map(|row| row.choice).collect()
}

/// Refuses what a program with interrupts, or with CPUs that tasks share, does not go with.
///
/// DPOR would have to know that a step after a handler races with the coming of that handler; loom, the explicit search and its machine know no
/// CPUs; and a store buffer belongs to a CPU, not to a task.
///
/// # Errors
/// With what it is, by name.
pub(super) fn check_contexts(subject: &dyn Subject, config: &Config) -> Result<(), Error> {
    if subject.contexts().is_empty() {
        return Ok(());
    }
    let instead = "use the explorer, brute force or a random engine";
    let what = match config.engine {
        Explorer | Brute | Random | Pct if config.memory == Memory::Sc => return Ok(()),
        Explorer | Brute | Random | Pct => {
            let what = "store buffers (memory tso) belong to a task here, not to a CPU";
            return Err(Error::Contexts { what, instead: "use sequentially consistent memory" });
        }
        Dpor | SourceDpor => "dynamic partial order reduction does not know when a handler can come",
        Explicit => "the explicit engine has no CPUs",
        Loom => "loom has no CPUs",
        Threads => "real threads take no interrupts",
    };
    Err(Error::Contexts { what, instead })
}

/// Refuses what user-land code, whose tasks start tasks, does not go with.
///
/// # Errors
/// With what it is, by name.
pub(super) fn check_user_land(subject: &dyn Subject, config: &Config) -> Result<(), Error> {
    if subject.births().is_none() {
        return Ok(());
    }
    let what = match config.engine {
        Explicit => "the explicit engine runs interpreted programs",
        Loom => "the loom engine runs programs whose tasks are known beforehand",
        _ if config.memory != Memory::Sc => "data in locks has no store buffer",
        _ if config.checkpoint.is_some() => "tasks that are born have other numbers in another process",
        _ => return Ok(()),
    };
    Err(Error::UserLand { what })
}

/// Refuses what does not go together.
///
/// # Errors
/// With the first row of the table that says so.
pub(super) fn check(config: &Config) -> Result<(), Error> {
    match misfits(config.engine, &chosen(config)).first() {
        None => Ok(()),
        Some(&Misfit::Engine { choice, whose }) => {
            Err(Error::Option { option: choice.field(), engine: config.engine, whose })
        }
        Some(&Misfit::Pair { one, other, why }) => Err(Error::Config { one: one.field(), other: other.field(), why }),
    }
}
