//! LW011 for a condition variable that is used with two mutexes.
//!
//! std and parking_lot may panic then; which executions do depends on the platform. So it is a finding as soon as one task has waited with one mutex
//! and another with a second, in whatever order.
//!
//! It cannot see who would have waited: a wait that no execution comes to counts for nothing.

use std::hash::Hasher;

use super::code::Code;
use super::extra::Check;
use super::finding::{Docket, Spot, spot};
use crate::event::{CaseKind, CaseNote, Event, Note, ObjectId, View, What};

/// The remark that a task is about to wait; words: the condition variable, and the mutex that it gives back.
pub const WAITS_WITH: &CaseKind = &CaseKind { tag: 243, name: "waits with", reads: None };

/// The judge.
#[derive(Clone, Default)]
pub struct Partners {
    /// The mutex that each condition variable was first used with, in order.
    known: Vec<(ObjectId, ObjectId, Spot)>,
}

impl Check for Partners {
    fn begin(&mut self) {
        *self = Partners::default();
    }

    fn event(&mut self, event: &Event, view: &dyn View, docket: &mut Docket<'_>) {
        let What::Note(Note::Case(CaseNote { kind, words: [queue, mutex, _] })) = event.what else { return };
        if *kind != *WAITS_WITH {
            return;
        }
        let (queue, mutex) = (ObjectId(queue as u32), ObjectId(mutex as u32));
        match self.known.binary_search_by_key(&queue, |(known, ..)| *known) {
            Err(at) => self.known.insert(at, (queue, mutex, spot(event))),
            Ok(at) if self.known[at].1 == mutex => {}
            Ok(at) => {
                let (_, other, first) = self.known[at];
                docket.report(Code::LW011, view.object(queue).name, |names| {
                    let [name, mutex, other] = [queue, mutex, other].map(|object| names.object(view, object));
                    (
                        format!("{name} is waited for with two mutexes, {other} and {mutex}: std may panic"),
                        (spot(event), format!("with {mutex} here")),
                        (first, format!("with {other} here")),
                    )
                });
            }
        }
    }

    fn fingerprint(&self, hasher: &mut dyn Hasher) {
        for (queue, mutex, _) in &self.known {
            hasher.write_u64(u64::from(queue.0) << 32 | u64::from(mutex.0));
        }
    }

    fn heeds(&self, _event: &Event) -> bool {
        false
    }

    fn marks_order(&self, _event: &Event) -> bool {
        false
    }

    fn copied(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}
