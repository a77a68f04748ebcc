//! One exploration of an interpreted program by several processes, on one machine or many.
//!
//! The set of states is divided by a hash: each worker owns a part, and every state is sent to its owner, which looks it up and
//! goes on from it (*owner computes*; see [`explicit`](super::explicit)). What is sent are packed states of some machine words. `timely` moves them, and its
//! frontier says when none is open and none is under way, on any machine.
//!
//! | module | what |
//! |---|---|
//! | `hosts`, `hello` | the list of processes; how they find each other, and see that they are of one build and one input |
//! | `parcel`, `phase` | what is sent; a dataflow of one operator in a loop, until its frontier has passed |
//! | `manifest` | a closed epoch on disk, from which any number of workers can go on |
//! | `worker`, `answer` | what each worker does, and what all of them have seen as one verdict |
//!
//! The verdict is that of one process, whatever the number of workers: states, outcomes and findings are sets, and of two paths to one thing the
//! shorter is kept. It is complete only if the frontier has passed, each worker has received as many states as were sent to it, and no table
//! was full. Otherwise the bound names the host and the reason.
//!
//! A process that is lost ends the run: that is timely's rule. With a checkpoint it can be begun again from the last closed epoch.
//!
//! What it cannot do: real code, whose states cannot be sent ([`EngineKind::Explorer`](super::EngineKind::Explorer)); reduction, because
//! which states are left out would depend on who comes first.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::config::{Config, EngineKind};
use super::error::Error;
use super::explicit;
use super::verdict::Verdict;
use crate::subject::Subject;

pub use super::explicit::owner::Mistake;
pub use answer::Work;

mod answer;
mod hello;
pub mod hosts;
mod manifest;
mod parcel;
mod phase;
mod worker;

/// Workers of all processes together, at most.
pub const WORKERS_MAX: usize = 1 << 11;

/// How long a process waits for the others to start, unless something else is asked for.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The processes that take part.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Addresses of all processes, `host:port`, the same list in the same order for each. Of one process alone: none.
    pub hosts: Vec<String>,
    /// Which of them this process is, from 0.
    pub process: usize,
    /// Workers of each process.
    pub workers: usize,
    /// What names the build. Processes of different builds do not work together.
    pub build: String,
    /// What names the program and all options that the answer depends on.
    pub input: String,
    /// How long to wait for the others to start.
    pub patience: Duration,
    /// Where closed epochs are kept, so that a run that was killed can go on: a directory that all processes see.
    pub checkpoint: Option<(PathBuf, Duration)>,
    /// A mistake to be noticed.
    #[doc(hidden)]
    pub seeded: Option<Mistake>,
}

impl Cluster {
    /// That many workers in this process, and no other.
    pub fn of_threads(workers: usize) -> Cluster {
        Cluster {
            hosts: Vec::new(),
            process: 0,
            workers,
            build: String::new(),
            input: String::new(),
            patience: PATIENCE,
            checkpoint: None,
            seeded: None,
        }
    }

    fn processes(&self) -> usize {
        self.hosts.len().max(1)
    }

    fn peers(&self) -> usize {
        self.processes() * self.workers
    }

    /// The process that a worker belongs to, as a person knows it.
    fn host_of(&self, worker: usize) -> String {
        match self.hosts.get(worker / self.workers) {
            Some(host) => format!("host {} ({host})", worker / self.workers),
            None => format!("worker {worker}"),
        }
    }
}

/// Explores a program together with the other processes. The verdict, and what it took, come out at process 0; `None` at the others.
///
/// # Errors
/// [`Error::NoExplicitForm`] if the program has no interpreted form, [`Error::Cluster`] if the processes do not come together, one of them is lost, or
/// the checkpoint cannot be read or written.
pub(super) fn explore(
    subject: &Arc<dyn Subject>,
    config: &Config,
    cluster: &Cluster,
) -> Result<Option<(Verdict, Work)>, Error> {
    check(config, cluster)?;
    let program = match explicit::compiled(&**subject, config)? {
        Ok(program) => Arc::new(program),
        Err(bound) => {
            let verdict = Verdict { bound: Some(bound), ..Verdict::new(EngineKind::Explicit) };
            return Ok((cluster.process == 0).then(|| (verdict, Work::default())));
        }
    };
    let begun = manifest::Begun::read(cluster, &program).map_err(Error::Cluster)?;
    let job = Arc::new(worker::Job { program, config: config.clone(), cluster: cluster.clone(), begun });
    let Some(gathered) = worker::run(&job).map_err(Error::Cluster)? else { return Ok(None) };
    let answered = answer::answer(&**subject, &job, gathered)?;
    if answered.0.bound.is_none() {
        job.begun.remove().map_err(Error::Cluster)?;
    }
    Ok(Some(answered))
}

/// Refuses what would give a wrong verdict.
fn check(config: &Config, cluster: &Cluster) -> Result<(), Error> {
    let wrong = |what: String| Err(Error::Cluster(what));
    if config.engine != EngineKind::Explicit {
        return wrong(
            "a cluster explores interpreted programs: --engine explicit. States of real code cannot be sent".to_owned(),
        );
    }
    let not = [
        (config.reduce, "--reduce: which states it leaves out would depend on who comes first"),
        (config.bitstate.is_some(), "--bitstate: a missed state would look like a lost one"),
        (config.jobs > 1, "--jobs: --workers says how many OS threads each process has"),
    ];
    if let Some((_, what)) = not.iter().find(|(is_set, _)| *is_set) {
        return wrong(format!("--cluster does not go with {what}"));
    }
    if cluster.process >= cluster.processes() {
        let last = cluster.processes() - 1;
        return wrong(format!("there is no process {}: the hosts are numbered from 0 to {last}", cluster.process));
    }
    if cluster.workers == 0 || cluster.peers() > WORKERS_MAX {
        return wrong(format!("a cluster has 1 to {WORKERS_MAX} workers, and this would be {}", cluster.peers()));
    }
    Ok(())
}
