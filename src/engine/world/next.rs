//! What can happen next, and when time moves.

use super::super::Clock;
use super::{Transition, World};
use crate::event::{Op, Status, TaskId, View, wakes_one};

impl World {
    /// Fills `transitions` with what can happen next, tasks in their order and time last.
    pub fn transitions(&self, transitions: &mut Vec<Transition>) {
        let mut stands = Vec::with_capacity(self.tasks.len());
        self.look(&mut stands);
        self.transitions_of(&stands, transitions);
    }

    /// The same, where how the tasks stand was looked up already.
    pub fn transitions_of(&self, stands: &[Status], transitions: &mut Vec<Transition>) {
        debug_assert_eq!(stands.len(), self.tasks.len(), "internal error: how each task stands is known");
        transitions.clear();
        for (task, &stands) in self.task_ids().zip(stands) {
            if let Status::Ready(op) = stands {
                let alternatives = if let Op::Choose(n, _) = op { n } else { 1 };
                match wakes_one(op).map(|queue| self.wakeable(queue)).filter(|waiting| *waiting != 0) {
                    None => transitions.extend((0..alternatives).map(|alternative| Transition { task, alternative })),
                    Some(waiting) => {
                        let waiting = (0..64).filter(|waiter| waiting >> waiter & 1 != 0);
                        transitions.extend(waiting.map(|alternative| Transition { task, alternative }));
                    }
                }
            }
            if self.can_flush(task) {
                transitions.push(Transition::flush(task));
            }
        }
        let has_deadline = stands.iter().any(|stands| matches!(stands, Status::Sleeps(Some(_))));
        if transitions.is_empty() && self.is_own {
            let goes_round = self.task_ids().zip(stands).filter(|(_, stands)| matches!(stands, Status::Spins(false)));
            transitions.extend(goes_round.map(|(task, _)| Transition::step(task)));
        }
        let time_moves = match self.clock {
            Clock::Free => true,
            Clock::Quiescent => transitions.is_empty(),
            Clock::Stopped => false,
        };
        if time_moves && has_deadline {
            transitions.push(Transition::CLOCK);
        }
    }

    /// Can it happen now?
    pub fn is_enabled(&self, transition: Transition) -> bool {
        match transition.task {
            TaskId::CLOCK => self.earliest_deadline().is_some(),
            task if transition.is_flush() => self.can_flush(task),
            task if self.tasks.len() <= task.index() => false,
            task => match self.status(task).0 {
                Status::Ready(_) => true,
                // It lets all others go first.
                Status::Spins(false) => !self.task_ids().any(|other| matches!(self.status(other).0, Status::Ready(_))),
                _ => false,
            },
        }
    }

    /// What a transition is about to perform; time performs nothing.
    pub fn operation(&self, transition: Transition) -> Option<Op> {
        match transition.task {
            TaskId::CLOCK => None,
            task if transition.is_flush() => {
                self.tasks[task.index()].buffer.first().map(|&(id, value)| Op::Flush(id, value))
            }
            task => self.tasks.get(task.index()).and_then(|task| task.pending),
        }
    }

    fn can_flush(&self, task: TaskId) -> bool {
        !self.tasks[task.index()].buffer.is_empty()
    }

    fn earliest_deadline(&self) -> Option<u64> {
        let deadlines = self.task_ids().filter_map(|task| match self.status(task).0 {
            Status::Sleeps(deadline) => deadline,
            _ => None,
        });
        deadlines.min()
    }

    /// Moves time to the earliest deadline; returns by how much.
    pub(in crate::engine) fn tick(&mut self) -> u64 {
        let deadline = self.earliest_deadline().expect("a tick was enabled, so somebody sleeps with a deadline");
        let by = deadline - self.jiffies;
        self.jiffies = deadline;
        by
    }
}
