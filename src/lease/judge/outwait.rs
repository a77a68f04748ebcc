//! LW035: an open that goes on waiting when lease-break-time is over.
//!
//! A holder that does not answer a break loses its lease: after lease-break-time the opener removes it and goes on. So when an
//! opener's sleep runs out and a lease is overdue, the list changes. This counts, for each task, sleeps that ran out beside an overdue
//! lease while no lease changed. One is nothing: the clock may be a jiffy short of the deadline. A task that goes to sleep again
//! after two of them will do so until the holder moves. When a lease is overdue the design says: it is what it acts by.
//!
//! It is not judged where a file server keeps the file: an opener waits there for the server's time as well. And it sees no wait that is
//! too long in one piece.

use std::hash::{Hash, Hasher};

use crate::check::Code;
use crate::check::finding::{Docket, Spot, find, spot};
use crate::event::{Event, Op, TaskId, View, What, Woken};
use crate::lease::note::is_overdue;

/// Sleeps that may run out for nothing.
const SPARE: u8 = 2;

/// The memory of the check.
#[derive(Clone, Default)]
pub(super) struct Outwait {
    /// Tasks whose sleeps have run out late since the list changed, and how often (up to [`SPARE`]).
    late: Vec<(TaskId, u8)>,
    spots: Vec<(TaskId, Spot)>,
}

impl Outwait {
    /// Does the event change what is remembered, or is it judged? Before the event is told.
    pub fn heeds(&self, event: &Event) -> bool {
        match event.what {
            What::Op(Op::Sleep(_), result) => Woken::from_result(result) == Woken::Timeout,
            What::Op(Op::Enqueue(_), _) => self.is_late(event.task),
            _ => false,
        }
    }

    fn is_late(&self, task: TaskId) -> bool {
        self.late.iter().any(|(late, times)| *late == task && *times == SPARE)
    }

    /// A lease has come, gone or changed: everybody's patience begins anew.
    pub fn relisted(&mut self) {
        self.late.clear();
    }

    pub fn returned(&mut self, task: TaskId) {
        self.late.retain(|(late, _)| *late != task);
    }

    /// A sleep has run out.
    pub fn timed_out(&mut self, event: &Event, view: &dyn View) {
        if !is_overdue(view) {
            return;
        }
        let times = self.late.iter().find(|(late, _)| *late == event.task).map_or(0, |(_, times)| *times);
        if times == 0 {
            self.spots.retain(|(task, _)| *task != event.task);
            self.spots.push((event.task, spot(event)));
        }
        self.late.retain(|(late, _)| *late != event.task);
        self.late.push((event.task, SPARE.min(times + 1)));
        self.late.sort_unstable();
    }

    /// A task goes to sleep.
    pub fn judge(&self, event: &Event, docket: &mut Docket<'_>) {
        if !self.is_late(event.task) {
            return;
        }
        docket.report(Code::LW035, "lease", |names| {
            let over = find(&self.spots, event.task).unwrap_or(spot(event));
            (
                format!("{} waits on for a lease whose time is over, and nobody removes it", names.task(event.task)),
                (spot(event), format!("it sleeps again; {SPARE} sleeps have run out, and no lease has changed")),
                (over, "lease-break-time was over here".to_owned()),
            )
        });
    }

    pub fn fingerprint(&self, mut hasher: &mut dyn Hasher) {
        if !self.late.is_empty() {
            self.late.hash(&mut hasher);
        }
    }
}
