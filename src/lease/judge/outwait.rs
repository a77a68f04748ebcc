//! LW035: an open that goes on waiting when lease-break-time is over.
//!
//! A holder that does not answer a break loses its lease: after lease-break-time the opener removes it and goes on. So when an
//! opener's sleep runs out then, the list changes, or there is nothing left to wait for. This counts, for each task that has waited
//! for longer than lease-break-time in one call, sleeps that ran out while no lease changed. One is nothing: the clock may be a jiffy
//! short of the deadline. A task that goes to sleep again after two of them will do so until the holder moves.
//!
//! It is not judged where a file server keeps the file: an opener waits there for the server's time as well. And it sees no wait that is
//! too long in one piece.

use std::hash::{Hash, Hasher};

use crate::check::Code;
use crate::check::finding::{Docket, Spot, find, spot};
use crate::event::{Event, Op, TaskId, View, What, Woken};
use crate::kernel::HZ;

/// Sleeps that may run out for nothing.
const SPARE: u8 = 2;

/// The memory of the check.
#[derive(Clone)]
pub(super) struct Outwait {
    /// `lease-break-time`, in jiffies; 0 is for ever.
    patience: u64,
    /// Tasks that wait in a call, and since when.
    waiting: Vec<(TaskId, u64)>,
    /// Those whose sleeps have run out late since the list changed, and how often (up to [`SPARE`]).
    late: Vec<(TaskId, u8)>,
    spots: Vec<(TaskId, Spot)>,
}

impl Outwait {
    /// With `lease-break-time` in seconds.
    pub fn new(lease_break_time: u64) -> Outwait {
        Outwait { patience: lease_break_time * HZ, waiting: Vec::new(), late: Vec::new(), spots: Vec::new() }
    }

    /// The same before the first event.
    pub fn begun(&self) -> Outwait {
        Outwait { waiting: Vec::new(), late: Vec::new(), spots: Vec::new(), ..*self }
    }

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
        self.waiting.retain(|(waiting, _)| *waiting != task);
        self.late.retain(|(late, _)| *late != task);
    }

    /// A sleep has run out.
    pub fn timed_out(&mut self, event: &Event, view: &dyn View) {
        let since = self.waiting.iter().find(|(task, _)| *task == event.task).map(|(_, since)| *since);
        if self.patience == 0 || since.is_none_or(|since| view.jiffies() < since + self.patience) {
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
    pub fn judge(&mut self, event: &Event, view: &dyn View, docket: &mut Docket<'_>) {
        if self.waiting.iter().all(|(task, _)| *task != event.task) {
            self.waiting.push((event.task, view.jiffies()));
            self.waiting.sort_unstable();
        }
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
        if !self.waiting.is_empty() {
            self.waiting.hash(&mut hasher);
            self.late.hash(&mut hasher);
        }
    }
}
