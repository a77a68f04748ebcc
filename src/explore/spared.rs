//! A *sleep set* (Godefroid, LNCS 1032, 1996): the processes whose steps need not be tried in a state, because an execution that
//! differs only in the order of independent steps tries them. They are called *spared* here: in a kernel it is tasks that sleep.
//!
//! It is stored with every known state, so it is small: the first sixteen tasks and their store buffers. Others are never spared.

use serde::{Deserialize, Serialize};

use crate::engine::process::Process;
use crate::engine::world::Transition;

/// A set of processes; bit n is process n + 2, the first of which is the step of task 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Spared(pub u32);

/// Time has a number below those of the tasks, and no bit.
const FIRST: usize = 2;

impl Spared {
    /// Nothing is spared.
    pub const NONE: Spared = Spared(0);

    /// The process that makes the transition; nothing for time, and for tasks beyond the sixteenth.
    pub fn of(transition: Transition) -> Spared {
        let bit = Process::of(transition).index().checked_sub(FIRST).filter(|bit| *bit < 32);
        Spared(bit.map_or(0, |bit| 1 << bit))
    }

    /// The transitions that stand for its processes.
    pub fn transitions(self) -> impl Iterator<Item = Transition> {
        let bits = (0..32).filter(move |bit| self.0 >> bit & 1 != 0);
        bits.map(|bit| Process::numbered(bit + FIRST).transition())
    }

    /// Those of both.
    pub fn union(self, other: Spared) -> Spared {
        Spared(self.0 | other.0)
    }

    /// Those that are in both.
    pub fn common(self, other: Spared) -> Spared {
        Spared(self.0 & other.0)
    }

    /// Those that are not in the other.
    pub fn without(self, other: Spared) -> Spared {
        Spared(self.0 & !other.0)
    }

    /// Have they something in common?
    pub fn meets(self, other: Spared) -> bool {
        self.0 & other.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::TaskId;

    #[test]
    fn processes_of_a_set_are_those_it_was_made_of() {
        let all = [Transition::step(TaskId(1)), Transition::flush(TaskId(3)), Transition::flush(TaskId(16))];

        let set = all.iter().fold(Spared::NONE, |set, transition| set.union(Spared::of(*transition)));

        assert_eq!(set.transitions().collect::<Vec<_>>(), all);
        assert_eq!(Spared::of(Transition::CLOCK), Spared::NONE, "time is never spared");
        assert_eq!(Spared::of(Transition::step(TaskId(17))), Spared::NONE, "nor is a task that has no bit");
    }
}
