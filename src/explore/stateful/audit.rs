//! Samples whether equal fingerprints have equal futures.
//!
//! For sampled states it is remembered to which state each transition led. When such a state is met again, by another
//! path, the execution is not abandoned there but goes on, from sampled state to sampled state, and must come to the same ones as
//! before. A design that keeps something where the engine does not see it comes to another one sooner or later.
//!
//! It is a sample: the first [`ALL_BELOW`] states, one of [`ONE_OF`] beyond, one transition each time a state is met again, at
//! most [`STEPS_MAX`] in a row.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::engine::world::Transition;

/// States of which all are sampled.
const ALL_BELOW: u64 = 4096;
/// One of so many is sampled beyond those.
const ONE_OF: u128 = 16;

/// Steps that an execution makes past a known state. What comes of a hidden note can take as many as a call has.
pub(super) const STEPS_MAX: u32 = 100;

/// What is known of one state.
#[derive(Default)]
struct Sample {
    /// Where each transition led.
    successors: Vec<(Transition, u128)>,
    /// Which transition is next to be looked at.
    turn: usize,
}

/// What is known of the sampled states.
#[derive(Default)]
pub(super) struct Audit {
    samples: Mutex<HashMap<u128, Sample>>,
    compared: AtomicU64,
}

impl Audit {
    /// A new state; so many are known.
    pub fn sample(&self, fingerprint: u128, states: u64) {
        if states <= ALL_BELOW || (fingerprint >> 32).is_multiple_of(ONE_OF) {
            self.samples.lock().entry(fingerprint).or_default();
        }
    }

    /// A state is met again: which of its transitions to look at, if it is sampled. One of those that can be compared, if there are.
    pub fn next(&self, fingerprint: u128, transitions: &[Transition]) -> Option<Transition> {
        let mut samples = self.samples.lock();
        let sample = samples.get_mut(&fingerprint)?;
        let turn = sample.turn;
        sample.turn += 1;
        match sample.successors.len() {
            0 => Some(transitions[turn % transitions.len()]),
            known => Some(sample.successors[turn % known].0),
        }
    }

    /// A transition led from one state to another; false if it led somewhere else before.
    #[must_use]
    pub fn follow(&self, (from, transition): (u128, Transition), to: u128) -> bool {
        let mut samples = self.samples.lock();
        let Some(sample) = samples.get_mut(&from) else { return true };
        match sample.successors.iter().find(|(known, _)| *known == transition) {
            None => {
                sample.successors.push((transition, to));
                true
            }
            Some((_, before)) => {
                self.compared.fetch_add(1, Ordering::Relaxed);
                *before == to
            }
        }
    }

    /// Comparisons made.
    pub fn count(&self) -> u64 {
        self.compared.load(Ordering::Relaxed)
    }
}
