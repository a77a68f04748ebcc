//! Every schedule, one after the other: slow, obviously right, the oracle for small programs.

use super::config::{Config, EngineKind};
use super::hidden::HiddenState;
use super::limits::Bound;
use super::spared::Spared;
use super::stateful::path::{Answer, Arrival, Pruning};
use super::stateful::search::{self, search};
use super::stateful::witness::is_preemption;
use super::verdict::Verdict;
use crate::engine::State;
use crate::engine::world::Transition;
use crate::subject::Subject;

struct NothingIsKnown {
    preemptions_max: Option<u32>,
    /// Something was left out.
    cut: bool,
}

impl Pruning for NothingIsKnown {
    fn visit(&mut self, _state: &State<'_>, _arrival: &Arrival) -> Answer {
        Answer::Go { only: None, spared: Spared::NONE, tag: 0 }
    }

    fn cost(&mut self, state: &State<'_>, arrival: &Arrival, transition: Transition) -> Option<u8> {
        let Some(max) = self.preemptions_max else { return Some(0) };
        let cost = u8::from(is_preemption(state, arrival.last, transition));
        let within = arrival.spent + u32::from(cost) <= max;
        self.cut |= !within;
        within.then_some(cost)
    }

    fn states(&self) -> u64 {
        0
    }
}

/// Runs every schedule of the program; with `preemptions_max` every one with at most that many preemptions.
///
/// # Errors
/// If the program has hidden state.
pub fn explore(subject: &dyn Subject, config: &Config) -> Result<Verdict, HiddenState> {
    let pruning = NothingIsKnown { preemptions_max: config.preemptions_max, cut: false };
    let (mut verdict, pruning) = search(subject, config, EngineKind::Brute, pruning, |_| search::Answer::Keep)?;
    if let (true, Some(max)) = (pruning.cut, config.preemptions_max) {
        verdict.bound = verdict.bound.or(Some(Bound::Preemptions(max)));
    }
    Ok(verdict)
}
