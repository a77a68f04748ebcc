//! The schedule one would like to read: fewest preemptions first, then fewest steps.
//!
//! The search is run again with a rising bound on preemptions (switches away from a task that could go on). A
//! state is known only together with who ran last and the preemptions spent, so each bound is exhausted exactly.

use std::cell::Cell;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::rc::Rc;

use super::search::{Answer, Pruning, search};
use super::stateful::Identity;
use super::{Config, EngineKind, Found, Subject};
use crate::engine::State;
use crate::engine::world::Transition;
use crate::event::TaskId;

/// Highest bound tried: what needs more is shown as it was found.
const PREEMPTIONS_MAX: u32 = 4;

struct Bounded {
    preemptions_max: u32,
    /// Steps of the best schedule so far: longer ones are not looked for.
    steps_max: Rc<Cell<u32>>,
    /// Preemptions and steps with which a state was reached, those that no other visit equals in both.
    known: HashMap<u128, Vec<(u32, u32)>, BuildHasherDefault<Identity>>,
}

impl Pruning for Bounded {
    fn is_new(&mut self, state: &State<'_>, last: TaskId, spent: u32) -> bool {
        if state.step >= self.steps_max.get() {
            return false;
        }
        let key = state.fingerprint()
            ^ (u128::from(last.0) << 64 | u128::from(last.0)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let cost = (spent, state.step);
        let known = self.known.entry(key).or_default();
        if known.iter().any(|visit| visit.0 <= cost.0 && visit.1 <= cost.1) {
            return false;
        }
        known.retain(|visit| visit.0 < cost.0 || visit.1 < cost.1);
        known.push(cost);
        true
    }

    fn cost(&self, state: &State<'_>, last: TaskId, spent: u32, transition: Transition) -> Option<u8> {
        let could_go_on = state.transitions.iter().any(|other| other.task == last);
        let cost = u8::from(transition.task != last && could_go_on);
        (spent + u32::from(cost) <= self.preemptions_max).then_some(cost)
    }

    fn states(&self) -> u64 {
        self.known.len() as u64
    }
}

/// Looks for an easier schedule that leads to the same finding; returns the one it has if there is none.
pub fn shortest(subject: &dyn Subject, found: Found, config: &Config) -> Found {
    let wanted = (found.finding.code, found.finding.subject);
    for preemptions_max in 0..=PREEMPTIONS_MAX {
        let steps_max = Rc::new(Cell::new(u32::MAX));
        let mut pruning = Bounded { preemptions_max, steps_max: Rc::clone(&steps_max), known: HashMap::default() };
        let mut best: Option<Found> = None;
        search(subject, config, EngineKind::Explorer, &mut pruning, |other| {
            if (other.finding.code, other.finding.subject) == wanted && other.finding.step < steps_max.get() {
                steps_max.set(other.finding.step);
                best = Some(other.clone());
            }
            Answer::Again
        });
        if let Some(best) = best {
            return best;
        }
    }
    found
}
