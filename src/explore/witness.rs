//! The schedule one would like to read: fewest preemptions first, then fewest steps.
//!
//! The search is run again with a rising bound on preemptions (switches away from a task that could go on). A
//! state is known only together with who ran last and the preemptions spent, so each bound is exhausted exactly.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::search::{Pruning, search};
use super::stateful::Identity;
use super::{Config, EngineKind, Found, Subject};
use crate::engine::State;
use crate::engine::world::Transition;
use crate::event::TaskId;

/// Highest bound tried: what needs more is shown as it was found.
const PREEMPTIONS_MAX: u32 = 4;

struct Bounded {
    preemptions_max: u32,
    spent: u32,
    /// The fewest preemptions, then steps, with which a state was reached.
    known: HashMap<u128, (u32, u32), BuildHasherDefault<Identity>>,
}

impl Bounded {
    fn cost(state: &State<'_>, last: TaskId, transition: Transition) -> u32 {
        let could_go_on = state.transitions.iter().any(|other| other.task == last);
        u32::from(transition.task != last && could_go_on)
    }
}

impl Pruning for Bounded {
    fn is_new(&mut self, state: &State<'_>, last: TaskId) -> bool {
        let key = state.fingerprint()
            ^ (u128::from(last.0) << 64 | u128::from(last.0)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let cost = (self.spent, state.step);
        let known = self.known.entry(key).or_insert((u32::MAX, u32::MAX));
        let better = cost.0 < known.0 || cost.1 < known.1;
        if better {
            *known = (known.0.min(cost.0), known.1.min(cost.1));
        }
        better
    }

    fn allows(&self, state: &State<'_>, last: TaskId, transition: Transition) -> bool {
        self.spent + Bounded::cost(state, last, transition) <= self.preemptions_max
    }

    fn restart(&mut self) {
        self.spent = 0;
    }

    fn take(&mut self, state: &State<'_>, last: TaskId, transition: Transition) {
        self.spent += Bounded::cost(state, last, transition);
    }

    fn states(&self) -> u64 {
        self.known.len() as u64
    }
}

/// Looks for an easier schedule that leads to the same finding; returns the one it has if there is none.
pub fn shortest(subject: &dyn Subject, found: Found, config: &Config) -> Found {
    let wanted = (found.finding.code, found.finding.subject);
    for preemptions_max in 0..=PREEMPTIONS_MAX {
        let mut pruning = Bounded { preemptions_max, spent: 0, known: HashMap::default() };
        let verdict = search(subject, config, EngineKind::Explorer, &mut pruning, |other| {
            (other.finding.code, other.finding.subject) == wanted
        });
        let mut matching =
            verdict.findings.into_iter().filter(|other| (other.finding.code, other.finding.subject) == wanted);
        if let Some(better) = matching.next() {
            return better;
        }
    }
    found
}
