//! `explore --cluster`: one exploration by several processes.

use std::fs;
use std::hash::Hasher;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use lockwright::engine::fingerprint::Fingerprint;
use lockwright::explore::cluster::{self, Cluster, Work, hosts};
use lockwright::explore::{Config, EngineKind};

use super::partition;

/// The processes that take part.
#[derive(clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Explore together with the other processes of this file, one host:port a line; start one for each line. For --engine explicit.
    #[arg(long, value_name = "HOSTFILE", requires = "process", help_heading = "Many machines")]
    cluster: Option<PathBuf>,
    /// Which line of HOSTFILE this process is, from 0. Process 0 prints the verdict.
    #[arg(long, value_name = "N", requires = "cluster", help_heading = "Many machines")]
    process: Option<usize>,
    /// OS threads of each process, the same number everywhere.
    #[arg(long, value_name = "W", requires = "cluster", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Many machines")]
    workers: Option<u16>,
    /// Keep what is known in this directory, which all hosts see, and go on from it if it has something. The number of hosts may be another then.
    #[arg(long, value_name = "DIR", requires = "cluster", help_heading = "Many machines")]
    epochs: Option<PathBuf>,
    /// Time between two epochs, at least; where writing takes long it is longer.
    #[arg(long, value_name = "MS", requires = "epochs", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Many machines")]
    epochs_every: u64,
    /// Wait that long for the other processes to start.
    #[arg(long, value_name = "SECONDS", requires = "cluster", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Many machines")]
    patience: Option<u64>,
}

impl Arguments {
    pub fn is_asked_for(&self) -> bool {
        self.cluster.is_some()
    }

    /// The cluster, and what this process is in it.
    ///
    /// # Errors
    /// For a bad host file, or a program file that cannot be read.
    pub fn cluster(&self, config: &Config, program: &str, conversions: &[String]) -> Result<Cluster> {
        let file = self.cluster.as_ref().expect("internal error: no host file");
        ensure!(
            config.engine == EngineKind::Explicit,
            "--cluster is for --engine explicit: it sends states to the process that they belong to, and those of real code cannot be sent"
        );
        let hosts = hosts::read(file).map_err(|wrong| anyhow!(wrong))?;
        Ok(Cluster {
            hosts,
            process: self.process.expect("internal error: no process number"),
            workers: usize::from(self.workers.unwrap_or(1)),
            build: partition::build()?,
            input: input(config, program, conversions),
            patience: self.patience.map_or(cluster::PATIENCE, Duration::from_secs),
            checkpoint: self.epochs.clone().map(|directory| (directory, Duration::from_millis(self.epochs_every))),
            seeded: None,
        })
    }
}

/// The program and all that the answer depends on, but for how much there is room for.
fn input(config: &Config, program: &str, conversions: &[String]) -> String {
    let Config { memory, symmetry, limits, .. } = config;
    let mut hasher = Fingerprint::default();
    let text = format!("{program} {conversions:?} {} {}", limits.steps_max, limits.objects_max);
    hasher.write(text.as_bytes());
    // Of a file what is in it counts, not only its name.
    hasher.write(&fs::read(program).unwrap_or_default());
    let symmetry = if *symmetry { ", symmetry" } else { "" };
    format!("{program}, {memory}{symmetry} ({})", &partition::hex(&hasher)[..12])
}

/// What a process says that has no verdict.
pub fn done(cluster: &Cluster) -> String {
    let (number, all) = (cluster.process, cluster.hosts.len());
    format!("process {number} of {all} has done its part; process 0 has the verdict\n")
}

/// What it took.
pub fn measured(work: &Work) -> String {
    let states = work.states.iter().sum::<u64>().max(1) as f64;
    let repeats = work.sent + work.cached;
    format!(
        "{:.1} steps a state, {:.1} states sent for each, {:.0} bytes; the cache left out {:.0} % of what was to be sent\n",
        work.edges as f64 / states,
        work.sent as f64 / states,
        work.bytes_sent as f64 / states,
        100.0 * work.cached as f64 / repeats.max(1) as f64,
    )
}
