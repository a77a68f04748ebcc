//! How to explore: the flags that `check` and `explore` share.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use lockwright::engine::Memory;
use lockwright::explore::{Checkpoint, Config, EngineKind, Subject};

use super::select;

/// Time between two checkpoints, at least.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(250);

/// What bounds an exploration and what it is like.
#[derive(clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Who explores; `lockwright list` shows the engines.
    #[arg(long, default_value = "explorer")]
    engine: String,
    /// Memory model: sc (sequentially consistent) or tso (store buffers, as on x86). loom has its own.
    #[arg(long, default_value = "sc", value_name = "MODEL")]
    memory: String,
    /// OS threads that explore one program together; programs are spread over all cores anyway.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Take states for equal that differ only in which of equal tasks is which.
    #[arg(long)]
    symmetry: bool,
    /// Only executions with at most so many preemptions, those with fewer first.
    #[arg(long, value_name = "N")]
    preemptions_max: Option<u32>,
    /// Go on past sampled known states, and stop with an error if something else follows than before.
    #[arg(long)]
    audit: bool,
    /// Where the random engines begin: the same seed gives the same executions.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Executions of the random engines.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    runs: Option<u64>,
    /// How many orderings a bug may need that pct looks for.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    depth: Option<u32>,
    /// Give a program up after so many executions.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    executions_max: Option<u64>,
    /// Give a program up after so many states.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    states_max: Option<u64>,
    /// Give a program up when its known states take more than so many MiB.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    memory_max: Option<u64>,
    /// Keep what is known in this file while exploring, and go on from it if it is there. For one program at a time.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

impl Arguments {
    /// The configuration, for so many programs; `about` names the one of a checkpoint.
    ///
    /// # Errors
    /// For an unknown name, and for flags that do not go together.
    pub fn config(&self, programs: usize, about: impl FnOnce() -> String) -> Result<Config> {
        let (engine, memory) = select::both(select::engine(&self.engine), select::memory(&self.memory))?;
        let searches = engine == EngineKind::Explorer;
        let draws = matches!(engine, EngineKind::Random | EngineKind::Pct);
        let knows_states = searches || engine == EngineKind::Explicit;
        let only = |given: bool, flag: &str, fits: bool, who: &str| {
            ensure!(!given || fits, "--{flag} is for {who}, not for --engine {}", self.engine);
            Ok(())
        };
        select::all(
            [
                only(memory == Memory::Tso, "memory tso", engine != EngineKind::Loom, "engines with our memory"),
                only(self.jobs > 1, "jobs", searches, "the explorer"),
                only(self.symmetry, "symmetry", knows_states, "the explorer and the explicit engine"),
                only(self.audit, "audit", searches, "the explorer"),
                only(self.states_max.is_some(), "states-max", knows_states, "the explorer and the explicit engine"),
                only(self.memory_max.is_some(), "memory-max", knows_states, "the explorer and the explicit engine"),
                only(self.checkpoint.is_some(), "checkpoint", searches, "the explorer"),
                only(self.seed.is_some(), "seed", draws, "the random engines"),
                only(self.runs.is_some(), "runs", draws, "the random engines"),
                only(self.depth.is_some(), "depth", engine == EngineKind::Pct, "pct"),
                only(
                    self.preemptions_max.is_some(),
                    "preemptions-max",
                    searches || engine == EngineKind::Brute,
                    "the explorer and brute force",
                ),
                self.check_together(programs),
            ]
            .into_iter(),
        )?;
        let checkpoint = |file: &PathBuf| Checkpoint { file: file.clone(), about: about(), interval: CHECKPOINT_EVERY };
        let default = Config::default();
        Ok(Config {
            engine,
            memory,
            jobs: usize::from(self.jobs),
            symmetry: self.symmetry,
            preemptions_max: self.preemptions_max,
            audit: self.audit,
            checkpoint: self.checkpoint.as_ref().map(checkpoint),
            executions_max: self.executions_max.unwrap_or(default.executions_max),
            states_max: self.states_max.unwrap_or(default.states_max),
            seed: self.seed.unwrap_or(default.seed),
            runs: self.runs.unwrap_or(default.runs),
            depth: self.depth.unwrap_or(default.depth),
            bytes_max: self.memory_max.map_or(default.bytes_max, |mib| mib << 20),
            ..default
        })
    }

    fn check_together(&self, programs: usize) -> Result<()> {
        if self.checkpoint.is_some() {
            ensure!(
                programs == 1,
                "--checkpoint is for one design and one scenario; these are {programs} explorations"
            );
            ensure!(self.preemptions_max.is_none(), "--checkpoint and --preemptions-max do not go together");
            ensure!(
                !self.audit,
                "--checkpoint and --audit do not go together: an audit remembers more than is written down"
            );
        }
        if self.preemptions_max.is_some() {
            ensure!(self.jobs == 1, "--preemptions-max is for one worker: leave --jobs out");
            ensure!(!self.symmetry, "--preemptions-max and --symmetry do not go together: who ran last is who it is");
            ensure!(!self.audit, "--preemptions-max and --audit do not go together");
        }
        Ok(())
    }
}

/// The explicit engine is for programs that have an interpreted form.
///
/// # Errors
/// If it is asked for, and this one has none.
pub fn check_form(config: &Config, subject: &dyn Subject, name: &str) -> Result<()> {
    let fits = config.engine != EngineKind::Explicit || subject.explicit(config.memory).is_some();
    ensure!(fits, "--engine explicit is for interpreted programs, and {name} is Rust code: use explorer");
    Ok(())
}
