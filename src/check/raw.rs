//! LW005: a lock that sleeps on a real-time kernel, taken where a raw spinlock is held.
//!
//! Judged on the event, in each state that a search meets: which locks a task holds is part of the state, so it needs no facts of other executions. On a
//! real-time kernel the same is LW002, since there the lock does sleep.
//!
//! It cannot see handlers that stay hard interrupts on a real-time kernel: those of a model are taken to be threads there.

use super::code::Code;
use super::finding::{Docket, spot};
use super::ledger::Ledger;
use crate::event::{Event, ObjectKind, Op, View, What};

/// Judges an event before the ledger has taken it in.
pub(super) fn judge(event: &Event, view: &dyn View, ledger: &Ledger, docket: &mut Docket<'_>) {
    // An attempt waits for nobody, and so it may be made anywhere.
    let What::Op(Op::Acquire(lock) | Op::AcquireRead(lock), _) = event.what else { return };
    if !view.object(lock).kind.sleeps_in_real_time() || !view.spins(lock) {
        return;
    }
    let is_raw = |held: &&(_, _, _)| view.object(held.1).kind == ObjectKind::RawSpin;
    let Some(&(_, raw, since)) = ledger.held.of(event.task).find(is_raw) else { return };
    docket.report(Code::LW005, view.object(lock).name, |names| {
        let (lock, raw) = (names.object(view, lock), names.object(view, raw));
        (
            format!(
                "{} takes {lock}, which sleeps on a real-time kernel, under the raw spinlock {raw}",
                names.task(event.task)
            ),
            (spot(event), format!("{lock} taken here")),
            (since, format!("{raw} held since here")),
        )
    });
}
