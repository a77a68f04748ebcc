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
//! | [`EngineKind::Threads`] | some executions on OS threads, in the order that the operating system runs them ([`threads`]) |
//!
//! All but the last are deterministic. A bound that is hit makes the verdict incomplete and is named in it.

use std::sync::Arc;
use std::time::Instant;

use crate::event::BlindSpot;

pub use crate::subject::Subject;

mod bits;
pub mod brute;
pub mod checkpoint;
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod compare;
pub mod config;
mod dependence;
pub mod dpor;
mod error;
pub mod estimate;
pub mod examine;
pub mod explicit;
pub mod files;
pub mod graph;
pub mod hidden;
pub mod limits;
#[cfg(feature = "loom")]
mod loom;
pub mod options;
mod outcomes;
pub mod random;
mod repeats;
mod round;
pub mod saved;
pub mod schedule;
pub mod search;
mod spared;
pub mod stateful;
pub mod threads;
mod trace;
pub mod verdict;
mod watch;

pub use checkpoint::Checkpoint;
#[cfg(feature = "cluster")]
pub use cluster::Cluster;
pub use config::{Config, EngineKind, Listener, Progress};
pub use error::Error;
pub use estimate::{Estimate, estimate};
pub use hidden::HiddenState;
pub use limits::Bound;
pub use outcomes::Outcomes;
pub use repeats::Repeats;
pub use schedule::{Schedule, Step};
pub use search::{Interleavings, Keep, Search};
pub use stateful::witness;
pub use verdict::{Found, Verdict};

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
    let search = Search::of(config)?;
    options::check_contexts(&**subject, config)?;
    options::check_user_land(&**subject, config)?;
    let started = Instant::now();
    examine::examine(&**subject, config)?;
    let mut verdict = match search {
        Search::Explorer { .. } => stateful::explore(&**subject, config)?,
        Search::Bounded { preemptions_max, .. } => witness::preemption_bounded(&**subject, config, preemptions_max)?,
        Search::Brute { .. } => brute::explore(&**subject, config)?,
        Search::Dpor { source: false, .. } => dpor::explore(&**subject, config, dpor::Reduction::Optimal)?,
        Search::Dpor { source: true, .. } => dpor::explore(&**subject, config, dpor::Reduction::Source)?,
        Search::Random { .. } | Search::Pct { .. } => random::explore(&**subject, config, config.engine),
        Search::Explicit { .. } => explicit::explore(&**subject, config)?,
        Search::Threads { .. } => threads::explore(&**subject, config),
        #[cfg(feature = "loom")]
        Search::Loom => loom::explore(subject, config)?,
        #[cfg(not(feature = "loom"))]
        Search::Loom => return Err(Error::NoLoom),
    };
    finish(&**subject, config, &mut verdict)?;
    verdict.elapsed = started.elapsed();
    Ok(verdict)
}

/// What every verdict ends with.
fn finish(subject: &dyn Subject, config: &Config, verdict: &mut Verdict) -> Result<(), Error> {
    let blind = |verdict: &mut Verdict| {
        if let (None, Some(blind)) = (verdict.bound, subject.births().and_then(|births| births.blind())) {
            verdict.bound = Some(match blind {
                BlindSpot::Pointers => Bound::Pointers,
                BlindSpot::Counts => Bound::Counts,
                BlindSpot::Unwinding => Bound::Unwinding,
            });
        }
    };
    // Other orders may show more than was seen: that is no hidden state.
    if subject.births().and_then(|births| births.blind()) == Some(BlindSpot::Unwinding) {
        blind(verdict);
    }
    examine::hold_against(subject, config, verdict)?;
    verdict.memory = config.memory;
    blind(verdict);
    let spins = subject.births().and_then(|births| births.assumption());
    verdict.assumed = subject.contexts().assumption(&subject.checks().names().tasks).or(spins);
    verdict.findings.sort_by_key(|found| (found.finding.code, found.finding.subject));
    Ok(())
}

/// Explores an interpreted program together with other processes. The verdict and what it took come out at process 0, `None` at the others.
///
/// # Errors
/// Those of [`try_explore`], and [`Error::Cluster`].
#[cfg(feature = "cluster")]
pub fn explore_on_cluster(
    subject: &Arc<dyn Subject>,
    config: &Config,
    cluster: &Cluster,
) -> Result<Option<(Verdict, cluster::Work)>, Error> {
    Search::of(config)?;
    options::check_contexts(&**subject, config)?;
    options::check_user_land(&**subject, config)?;
    let started = Instant::now();
    examine::examine(&**subject, config)?;
    let Some((mut verdict, work)) = cluster::explore(subject, config, cluster)? else { return Ok(None) };
    finish(&**subject, config, &mut verdict)?;
    verdict.elapsed = started.elapsed();
    Ok(Some((verdict, work)))
}

/// Explores a program, and looks for the schedule of each finding that is easiest to read.
///
/// The bounds of `config` hold for the exploration. The second search is over when it has what the first one found.
///
/// # Errors
/// Those of [`try_explore`].
pub fn explore_with_witnesses(subject: &Arc<dyn Subject>, config: &Config) -> Result<Verdict, Error> {
    shorten(subject, config, try_explore(subject, config)?)
}

/// Looks for the schedule of each finding of a verdict that is easiest to read.
///
/// # Errors
/// Those of [`try_explore`].
pub fn shorten(subject: &Arc<dyn Subject>, config: &Config, mut verdict: Verdict) -> Result<Verdict, Error> {
    let plain = Config { interrupt: config.interrupt.clone(), ..Config::with_engine(EngineKind::Explorer) };
    let shorter = |found: Found| match found.weak_memory {
        true => Ok(found),
        false => witness::shortest(&**subject, found, &plain),
    };
    verdict.findings = verdict.findings.into_iter().map(shorter).collect::<Result<_, _>>()?;
    Ok(verdict)
}
