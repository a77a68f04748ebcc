//! Every schedule, one after the other: slow, obviously right, the oracle for small programs.

use super::search::{Answer, Pruning, search};
use super::{Config, EngineKind, Subject, Verdict};
use crate::engine::State;
use crate::event::TaskId;

struct NothingIsKnown;

impl Pruning for NothingIsKnown {
    fn is_new(&mut self, _state: &State<'_>, _last: TaskId, _spent: u32) -> bool {
        true
    }

    fn states(&self) -> u64 {
        0
    }
}

/// Runs every schedule of the program.
pub fn explore(subject: &dyn Subject, config: &Config) -> Verdict {
    search(subject, config, EngineKind::Brute, &mut NothingIsKnown, |_| Answer::Keep)
}
