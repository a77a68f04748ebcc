//! What an execution shows to be missing: schedules in which something comes the other way round.

use super::{Reduction, Walk, tick};
use crate::engine::world::Transition;
use crate::event::{Act, Op, Status};
use crate::explore::dpor::action::Action;
use crate::explore::dpor::wakeup::{Node, initials, insert, is_weak_initial};
use crate::explore::dpor::watch::Pending;

impl Walk {
    /// Asks for a schedule that reverses something: `sequence`, from the state before action `from`.
    pub fn ask(&mut self, from: usize, sequence: Vec<Action>) {
        let frame = &mut self.frames[from];
        match self.reduction {
            Reduction::Optimal => {
                if !frame.spared.iter().any(|spared| is_weak_initial(spared, &sequence)) {
                    insert(&mut frame.wakeup, sequence);
                }
            }
            Reduction::Source => {
                let mut first = None;
                for initial in initials(&sequence).filter(|initial| !frame.stops_at(initial)) {
                    if frame.begun.contains(&initial.transition) {
                        return;
                    }
                    first = first.or(Some(initial));
                }
                let Some(first) = first else { return };
                frame.begun.push(first.transition);
                frame.wakeup.push(Node::new(first.clone(), Vec::new()));
            }
        }
    }

    /// Asks for everything that this execution shows to be missing.
    pub fn ask_for_reversals(&mut self) {
        let len = self.trace.len();
        let end = |at: usize| if self.reduction == Reduction::Optimal { len } else { at };
        let mut asked = Vec::new();
        for at in 0..len {
            for &first in self.trace.races(at) {
                asked.push((first, self.trace.reversed(first, self.trace.action(at), end(at))));
            }
            self.ask_for_alternatives(at, &mut asked);
        }
        self.ask_for_missed_time(&mut asked);
        for action in self.waiting() {
            for first in self.trace.races_with(&action, &[]) {
                asked.push((first, self.trace.reversed(first, &action, len)));
            }
        }
        asked.into_iter().for_each(|(from, sequence)| self.ask(from, self.unknown(sequence)));
    }

    /// What follows the reversed action is not known: neither are its remarks.
    pub(super) fn unknown(&self, mut sequence: Vec<Action>) -> Vec<Action> {
        if let Some(last) = sequence.last_mut() {
            last.remarked = self.watch.borrow().remarks;
        }
        sequence
    }

    /// The alternatives of a choice exclude each other.
    fn ask_for_alternatives(&self, at: usize, asked: &mut Vec<(usize, Vec<Action>)>) {
        let made = self.trace.action(at);
        if let Op::Act(queue, Act::WakeOne) = made.op {
            let gates = self.trace.gates_before(at);
            for task in gates.wakeable(queue).into_iter().filter(|task| task.0 != made.transition.alternative) {
                let transition = Transition { alternative: task.0, ..made.transition };
                asked.push((at, vec![gates.performed(&Action { transition, ..made.clone() })]));
            }
        }
        let Op::Choose(n, _) = made.op else { return };
        for alternative in (0..n).filter(|&other| other != made.transition.alternative) {
            let transition = Transition { alternative, ..made.transition };
            asked.push((at, vec![Action { transition, result: u64::from(alternative), ..made.clone() }]));
        }
    }

    /// Time that no longer moves for anybody could have moved before what ended the sleeps.
    fn ask_for_missed_time(&self, asked: &mut Vec<(usize, Vec<Action>)>) {
        let watch = self.watch.borrow();
        let sleepers = watch.pending.iter().filter_map(|pending| match pending.op {
            Op::Sleep(Some(deadline)) => Some((pending.task, deadline)),
            _ => None,
        });
        for first in self.trace.races_with(&tick(), &sleepers.collect::<Vec<_>>()) {
            asked.push((first, self.trace.reversed(first, &tick(), self.trace.len())));
        }
    }

    /// What tasks would do that wait for a lock to the end.
    fn waiting(&self) -> Vec<Action> {
        let watch = self.watch.borrow();
        let waits = |pending: &&Pending| matches!(pending.status, Status::WaitsFor(_) | Status::Spins(_));
        watch.pending.iter().filter(waits).map(|pending| self.supposed(pending, 0)).collect()
    }
}
