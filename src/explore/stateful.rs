//! The explorer: remembers states while it runs real code.
//!
//! A task's stack cannot be hashed, but it is a function of what the task has observed. So a state is, for every task,
//! the hash of its operations and their results since its history was last folded, and the contents of
//! all shared objects, and what the checks remember. Two executions that reach equal states have equal futures: the
//! second is abandoned there.
//!
//! It cannot see state that is hidden from the engine: a `static`, or a `Cell` that tasks share behind its back.
//! Fingerprints have 128 bits; see [`crate::engine::fingerprint`] for the chance that two states share one.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use super::search::{Answer, Pruning, search};
use super::{Config, EngineKind, Subject, Verdict};
use crate::engine::State;
use crate::event::TaskId;

/// Fingerprints are hashes already.
#[derive(Default)]
pub(super) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("internal error: only u128 keys are hashed by identity")
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

#[derive(Default)]
struct Visited(HashSet<u128, BuildHasherDefault<Identity>>);

impl Pruning for Visited {
    fn is_new(&mut self, state: &State<'_>, _last: TaskId, _spent: u32) -> bool {
        self.0.insert(state.fingerprint())
    }

    fn states(&self) -> u64 {
        self.0.len() as u64
    }
}

/// Visits every state of the program.
pub fn explore(subject: &dyn Subject, config: &Config) -> Verdict {
    search(subject, config, EngineKind::Explorer, &mut Visited::default(), |_| Answer::Keep)
}
