//! What all workers have seen, as one verdict.

use super::Cluster;
use super::parcel::{Report, Walk, missing};
use super::worker::{Gathered, Job};
use crate::engine::world::Transition;
use crate::event::Symbol;
use crate::event::outcome::Outcome;
use crate::explore::config::EngineKind;
use crate::explore::error::Error;
use crate::explore::explicit::log::What;
use crate::explore::explicit::owner::Tally;
use crate::explore::explicit::{self, Shown};
use crate::explore::limits::Bound;
use crate::explore::outcomes::Outcomes;
use crate::explore::schedule::Schedule;
use crate::explore::verdict::Verdict;
use crate::subject::Subject;

/// What an exploration on a cluster took, of all workers together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Steps made.
    pub edges: u64,
    /// States sent to another worker.
    pub sent: u64,
    /// States that were not sent again, because a cache knew that they had been.
    pub cached: u64,
    /// Bytes of what was sent.
    pub bytes_sent: u64,
    /// Bytes of all tables, logs and open states.
    pub bytes: u64,
    /// States of each worker.
    pub states: Vec<u64>,
}

impl Work {
    fn of(reports: &[Report]) -> Work {
        let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum();
        Work {
            edges: sum(|report| report.tally.edges),
            sent: sum(|report| report.tally.sent.iter().sum()),
            cached: sum(|report| report.tally.cached),
            bytes_sent: sum(|report| report.tally.bytes_sent),
            bytes: sum(|report| report.tally.bytes),
            states: reports.iter().map(|report| report.tally.states).collect(),
        }
    }
}

/// The verdict of all workers.
///
/// # Errors
/// Those of the searches that look at what was found.
pub(super) fn answer(subject: &dyn Subject, job: &Job, gathered: Gathered) -> Result<(Verdict, Work), Error> {
    let (program, config) = (&job.program, &job.config);
    let work = Work::of(&gathered.reports);
    let mut verdict = Verdict::new(EngineKind::Explicit);
    verdict.states = work.states.iter().sum();
    verdict.key_bits = explicit::key_bits(program);
    verdict.bound = bound(&job.cluster, &gathered.reports, config.states_max, verdict.states);
    let mut shown: Vec<Shown> = Vec::new();
    for (Walk { what, .. }, path) in gathered.told {
        match what {
            What::Shown(id) => shown.push(Shown { id, path }),
            What::Outcome(text) => keep(&mut verdict.outcomes, &text, path, config.memory),
            What::Deadlock(text) => keep(&mut verdict.deadlocks, &text, path, config.memory),
        }
    }
    // Each worker notes what it meets first: of the same thing, the shortest path is kept.
    shown.sort_by(|left, right| (left.id, left.path.len(), &left.path).cmp(&(right.id, right.path.len(), &right.path)));
    shown.dedup_by_key(|shown| shown.id);
    Ok((explicit::judged(subject, program, config, verdict, &shown)?, work))
}

fn keep(all: &mut Outcomes, text: &str, transitions: Vec<Transition>, memory: crate::engine::Memory) {
    let outcome: Outcome = serde_json::from_str(text).expect("internal error: a worker has sent no outcome");
    let mut one = Outcomes::default();
    one.add(outcome, transitions.len(), || Schedule { transitions, memory });
    all.merge(one);
}

/// Why not everything was seen, if so.
fn bound(cluster: &Cluster, reports: &[Report], states_max: u64, states: u64) -> Option<Bound> {
    let at = |worker: usize, reason: String| Bound::Host {
        host: Symbol::new(&cluster.host_of(worker)),
        reason: Symbol::new(&reason),
    };
    let of_its_own = |bound: Bound| matches!(bound, Bound::Bytes(_) | Bound::Memory);
    let stops = reports.iter().filter_map(|report| report.stop.map(|stop| (report.worker as usize, stop)));
    let named = |(worker, stop): (usize, Bound)| if of_its_own(stop) { at(worker, stop.to_string()) } else { stop };
    if let Some(bound) = stops.map(named).next() {
        return Some(bound);
    }
    if reports.len() != cluster.peers() {
        return Some(at(0, format!("{} of {} workers have reported", reports.len(), cluster.peers())));
    }
    if let Some(report) = reports.iter().find(|report| !report.passed) {
        return Some(at(report.worker as usize, "it ended before the frontier had passed".to_owned()));
    }
    let tallies: Vec<&Tally> = reports.iter().map(|report| &report.tally).collect();
    if let Some((from, to, sent, received)) = missing(&tallies) {
        let reason = format!("it has received {received} of the {sent} states that {} has sent", cluster.host_of(from));
        return Some(at(to, reason));
    }
    let cut = reports.iter().find_map(|report| report.cut);
    cut.or((states > states_max).then_some(Bound::States(states_max)))
}
