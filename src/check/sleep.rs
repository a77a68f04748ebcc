//! LW002: a call that may sleep in atomic context (a spinlock held, or preemption off).
//!
//! The BKL makes nobody atomic: `schedule()` gives it back. Judged on the call, whether it would have slept or not,
//! as the kernel's `might_sleep` does.

use super::code::Code;
use super::finding::Docket;
use super::finding::{spot, who};
use super::ledger::Ledger;
use crate::event::{Event, Note, Op, View, What};

pub(super) fn judge(event: &Event, view: &dyn View, ledger: &Ledger, docket: &mut Docket<'_>) {
    let what = match event.what {
        What::Note(Note::MightSleep(what)) => what,
        What::Op(Op::Sleep(_), _) => "schedule",
        _ => return,
    };
    let Some((why, since)) = ledger.atomic_since(event.task, view) else { return };
    docket.report(Code::LW002, what, |names| {
        (
            format!("{} calls {what}, which may sleep, while {why} makes it atomic", who(names, event)),
            (spot(event), format!("{what} here")),
            (since, format!("atomic since {why} here")),
        )
    });
}
