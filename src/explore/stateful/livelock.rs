//! LW009: tasks that run for ever, and no call returns.
//!
//! A run that never ends goes round, from some state on, in a strongly connected component of the graph of states. It is one
//! that a kernel would show if everything is fair that decides: whatever can go on again and again does (tasks, store buffers,
//! time), so a lock does not pass over a waiter for ever; and a choice of the environment that comes up again and again
//! turns out every way. This is strong fairness, and it errs on the side of silence: a task that starves because others
//! are always faster is no finding.
//!
//! A component in which such a run fits is a livelock. Sleep sets leave out edges, so the graph is built anew, with all of
//! them, and only if the tasks can go round at all: if the histories of one of them meet themselves.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;

use super::identity::Identity;
use super::path::{Answer, Arrival, Pruning};
use super::search::{self, Runner, search_by};
use crate::check::Code;
use crate::engine::State;
use crate::engine::process::ProcessSet;
use crate::event::Op;
use crate::explore::config::{Config, EngineKind};
use crate::explore::hidden::HiddenState;
use crate::explore::schedule::Schedule;
use crate::explore::schedule::{Guide, replay};
use crate::explore::spared::Spared;
use crate::explore::verdict::{Found, Verdict};
use crate::subject::Subject;

mod components;

use components::Graph;

/// Writes down the graph of states.
struct Recorder {
    index: HashMap<u128, u32, BuildHasherDefault<Identity>>,
    graph: Graph,
    bytes_max: u64,
}

/// What a state takes in the table, with what hash tables leave empty.
const STATE_BYTES: u64 = 48;

impl Pruning for Recorder {
    fn visit(&mut self, state: &State<'_>, arrival: &Arrival) -> Answer {
        let fingerprint = state.fingerprint();
        let new = self.index.len() as u32;
        let at = *self.index.entry(fingerprint).or_insert(new);
        if let Some((from, transition)) = arrival.from {
            self.graph.add(self.index[&from], transition, at);
        }
        if at != new {
            return Answer::Stop;
        }
        let enabled = ProcessSet::of(state.transitions);
        let fans = state.transitions.iter().filter_map(|transition| match state.world.operation(*transition) {
            Some(Op::Choose(fan, _)) => Some((transition.task, fan)),
            _ => None,
        });
        self.graph.add_state(enabled, fans);
        Answer::Go { only: None, spared: Spared::NONE, tag: fingerprint }
    }

    fn states(&self) -> u64 {
        self.index.len() as u64
    }

    fn is_full(&self) -> bool {
        self.index.len() as u64 * STATE_BYTES + self.graph.bytes() > self.bytes_max
    }
}

/// Can a task come to where it was? Without that nobody can run for ever.
pub(in crate::explore) fn goes_round(histories: &HashSet<(u128, u128)>) -> bool {
    let mut next: HashMap<u128, Vec<u128>> = HashMap::new();
    let mut arrivals: HashMap<u128, usize> = HashMap::new();
    for &(from, to) in histories {
        next.entry(from).or_default().push(to);
        *arrivals.entry(to).or_default() += 1;
    }
    // Those that nothing leads to are taken away, until none is left or only rounds are.
    let mut free: Vec<u128> = next.keys().filter(|from| !arrivals.contains_key(from)).copied().collect();
    while let Some(from) = free.pop() {
        for to in next.remove(&from).unwrap_or_default() {
            if let Some(count) = arrivals.get_mut(&to) {
                *count -= 1;
                if *count == 0 {
                    free.push(to);
                }
            }
        }
    }
    !next.is_empty()
}

/// Adds the livelock that is reached with the fewest context switches, then steps, if there is one; or the bound that was hit.
///
/// # Errors
/// If the program has hidden state.
pub(in crate::explore) fn find(
    subject: &dyn Subject,
    config: &Config,
    rerun: bool,
    into: &mut Verdict,
) -> Result<(), HiddenState> {
    let config = Config { symmetry: false, executions_max: u64::MAX, states_max: u64::MAX, ..config.clone() };
    let runner = match rerun {
        true => Runner::new(subject, &config, EngineKind::Explorer),
        false => Runner::replica(subject, &config, EngineKind::Explorer, None),
    };
    let recorder = Recorder { index: HashMap::default(), graph: Graph::default(), bytes_max: config.bytes_max };
    let (verdict, recorder) = search_by(runner, recorder, |_| search::Answer::Keep)?;
    if verdict.bound.is_some() {
        into.bound = verdict.bound;
        return Ok(());
    }
    let Some(transitions) = recorder.graph.livelock() else { return Ok(()) };
    let schedule = Schedule { transitions, memory: config.memory };
    let replay = replay(subject, &subject.checks().names(), &Guide::Exact(&schedule));
    let findings = replay.map(|replay| replay.findings).unwrap_or_default();
    let finding = findings.into_iter().find(|finding| finding.code == Code::LW009);
    let finding = finding.expect("internal error: a round of the graph is one of the program");
    into.findings.push(Found { finding, schedule, weak_memory: false });
    Ok(())
}
