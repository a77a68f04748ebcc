//! LW002: a call that may sleep in atomic context (a spinlock held, or preemption off).
//!
//! The BKL makes nobody atomic: `schedule()` gives it back. Judged on the call, whether it would have slept or not,
//! as the kernel's `might_sleep` does. On a real-time kernel a spinlock sleeps itself, and only a raw one makes its holder atomic.

use super::code::Code;
use super::finding::Docket;
use super::finding::{spot, who};
use super::ledger::Ledger;
use crate::event::{Event, Note, Op, SPINLOCKS, View, What};

pub(super) fn judge(event: &Event, view: &dyn View, ledger: &Ledger, docket: &mut Docket<'_>) {
    let what = match event.what {
        What::Note(Note::MightSleep(what)) => what,
        What::Op(Op::Sleep(_), _) => "schedule",
        _ => return,
    };
    // A spinlock of a real-time kernel may sleep in a section of RCU, and nothing else may.
    let section = || ledger.section_since(event.task).filter(|_| !SPINLOCKS.contains(&what));
    let Some((why, since)) = ledger.atomic_since(event.task, view).or_else(section) else { return };
    docket.report(Code::LW002, what, |names| {
        (
            format!("{} calls {what}, which may sleep, while {why} makes it atomic", who(names, event)),
            (spot(event), format!("{what} here")),
            (since, format!("atomic since {why} here")),
        )
    });
}
