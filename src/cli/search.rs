//! How to explore: the flags that `check` and `explore` share.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use lockwright::engine::Memory;
use lockwright::engine::controlled::Limits;
use lockwright::explore::options::{Choice, Misfit, misfits};
use lockwright::explore::{Checkpoint, Config, EngineKind, Subject};

use super::{memory, select, workers};

/// Time between two checkpoints, at least.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(250);

/// What bounds an exploration and what it is like.
#[derive(clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// The engine that explores; `lockwright list engines` has them all.
    #[arg(long, default_value = "explorer", help_heading = "How to explore")]
    engine: String,
    /// Memory model: sc (sequentially consistent) or tso (store buffers, as on x86). loom has its own.
    #[arg(long, default_value = "sc", value_name = "MODEL", help_heading = "How to explore")]
    memory: String,
    /// OS threads that explore one program together; programs are spread over all cores anyway.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "How to explore")]
    jobs: u16,
    /// Treat states as equal that differ only in which of equal tasks is which.
    #[arg(long, help_heading = "How to explore")]
    symmetry: bool,
    /// Leave out orders of steps that make no difference; explicit engine.
    #[arg(long, help_heading = "How to explore")]
    reduce: bool,
    /// Look up a state before every access, also where no lock lets others see the difference; explorer.
    #[arg(long, help_heading = "How to explore")]
    every_access: bool,
    /// Know states by MIB MiB of bits that they share: some may be missed, so it is never complete. For programs whose states do not fit.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 20), help_heading = "Bounds")]
    bitstate: Option<u64>,
    /// Only executions with at most N preemptions, those with fewer first.
    #[arg(long, value_name = "N", help_heading = "Bounds")]
    preemptions_max: Option<u32>,
    /// Run everything, continue past sampled known states, and stop with an error if what follows differs from before.
    #[arg(long, help_heading = "How to explore")]
    audit: bool,
    /// Where the random engines begin: the same seed gives the same executions. With threads: where they pause.
    #[arg(long, value_name = "N", help_heading = "The random engines")]
    seed: Option<u64>,
    /// Executions of the random engines and of threads.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "The random engines")]
    runs: Option<u64>,
    /// The number of orderings that a bug may need for pct to look for it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64), help_heading = "The random engines")]
    depth: Option<u32>,
    /// Give a program up after N executions.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Bounds")]
    executions_max: Option<u64>,
    /// Give a program up after N states.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Bounds")]
    states_max: Option<u64>,
    /// Give an execution up after N steps.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Bounds")]
    steps_max: Option<u32>,
    /// Give a program up when its known states take more than MIB MiB.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 20), help_heading = "Bounds")]
    memory_max: Option<u64>,
    /// Keep what is known in this file while exploring, and continue from it if it exists. For one program at a time.
    #[arg(long, value_name = "FILE", help_heading = "How to explore")]
    checkpoint: Option<PathBuf>,
}

impl Arguments {
    /// An option that is given, if there is one.
    pub fn given(&self) -> Option<&'static str> {
        self.given_beside(&[])
    }

    /// An option that is given and is none of these.
    pub fn given_beside(&self, these: &[&str]) -> Option<&'static str> {
        let given = [
            ("--engine", self.engine != "explorer"),
            ("--memory", self.memory != "sc"),
            ("--jobs", self.jobs != 1),
            ("--symmetry", self.symmetry),
            ("--reduce", self.reduce),
            ("--every-access", self.every_access),
            ("--bitstate", self.bitstate.is_some()),
            ("--preemptions-max", self.preemptions_max.is_some()),
            ("--audit", self.audit),
            ("--seed", self.seed.is_some()),
            ("--runs", self.runs.is_some()),
            ("--depth", self.depth.is_some()),
            ("--executions-max", self.executions_max.is_some()),
            ("--states-max", self.states_max.is_some()),
            ("--steps-max", self.steps_max.is_some()),
            ("--memory-max", self.memory_max.is_some()),
            ("--checkpoint", self.checkpoint.is_some()),
        ];
        given.into_iter().find(|(option, is_given)| *is_given && !these.contains(option)).map(|(option, _)| option)
    }

    /// The configuration for this number of programs; `about` names the one of a checkpoint.
    ///
    /// # Errors
    /// For an unknown name, and for flags that do not go together.
    pub fn config(&self, programs: usize, about: impl FnOnce() -> String) -> Result<Config> {
        let (engine, memory) = select::both(select::engine(&self.engine), select::memory(&self.memory))?;
        let mut wrong: Vec<String> =
            misfits(engine, &self.chosen(memory)).iter().map(|misfit| self.said(misfit)).collect();
        if engine == EngineKind::Loom && cfg!(not(feature = "loom")) {
            wrong.push("--engine loom is not in this build: build it with the feature loom".to_owned());
        }
        if self.checkpoint.is_some() && programs != 1 {
            wrong.push(format!("--checkpoint is for one design and one scenario; these are {programs} explorations"));
        }
        ensure!(wrong.is_empty(), wrong.join("\n"));
        let checkpoint = |file: &PathBuf| Checkpoint { file: file.clone(), about: about(), interval: CHECKPOINT_EVERY };
        let default = Config::with_engine(engine);
        let bytes_max = match self.memory_max {
            Some(mib) => mib << 20,
            None if matches!(engine, EngineKind::Explorer | EngineKind::Explicit) => {
                memory::bytes_max(default.bytes_max, programs.min(workers()))
            }
            None => default.bytes_max,
        };
        Ok(Config {
            engine,
            memory,
            jobs: usize::from(self.jobs),
            symmetry: self.symmetry,
            reduce: self.reduce,
            every_access: self.every_access,
            bitstate: self.bitstate,
            preemptions_max: self.preemptions_max,
            audit: self.audit,
            checkpoint: self.checkpoint.as_ref().map(checkpoint),
            executions_max: self.executions_max.unwrap_or(default.executions_max),
            states_max: self.states_max.unwrap_or(default.states_max),
            seed: self.seed.unwrap_or(default.seed),
            runs: self.runs.unwrap_or(default.runs),
            depth: self.depth.unwrap_or(default.depth),
            limits: Limits { steps_max: self.steps_max.unwrap_or(default.limits.steps_max), ..default.limits },
            bytes_max,
            ..default
        })
    }

    /// The flags that are given; a default that is asked for is asked for.
    fn chosen(&self, memory: Memory) -> Vec<Choice> {
        let given = [
            (Choice::Tso, memory == Memory::Tso),
            (Choice::Jobs, self.jobs > 1),
            (Choice::Symmetry, self.symmetry),
            (Choice::Reduce, self.reduce),
            (Choice::EveryAccess, self.every_access),
            (Choice::Bitstate, self.bitstate.is_some()),
            (Choice::PreemptionsMax, self.preemptions_max.is_some()),
            (Choice::Audit, self.audit),
            (Choice::Checkpoint, self.checkpoint.is_some()),
            (Choice::ExecutionsMax, self.executions_max.is_some()),
            (Choice::StatesMax, self.states_max.is_some()),
            (Choice::BytesMax, self.memory_max.is_some()),
            (Choice::StepsMax, self.steps_max.is_some()),
            (Choice::Seed, self.seed.is_some()),
            (Choice::Runs, self.runs.is_some()),
            (Choice::Depth, self.depth.is_some()),
        ];
        given.into_iter().filter(|(_, given)| *given).map(|(choice, _)| choice).collect()
    }

    fn said(&self, misfit: &Misfit) -> String {
        match misfit {
            Misfit::Engine { choice, whose } => {
                format!("--{} is for {whose}, not for --engine {}", choice.flag(), self.engine)
            }
            Misfit::Pair { one, other, why } => {
                format!("--{} and --{} do not go together: {why}", one.flag(), other.flag())
            }
        }
    }
}

/// The explicit engine is for programs that have an interpreted form.
///
/// # Errors
/// If it is asked for, and this one has none.
pub fn check_form(config: &Config, subject: &dyn Subject, name: &str) -> Result<()> {
    let fits = config.engine != EngineKind::Explicit || subject.explicit().is_some();
    ensure!(fits, "--engine explicit is for interpreted programs, and {name} is Rust code: use explorer");
    Ok(())
}
