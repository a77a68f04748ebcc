//! LW006 and LW007: locks given back that are not held, and held locks that are forgotten or freed.

use super::code::Code;
use super::finding::Docket;
use super::finding::{find, spot};
use super::ledger::Ledger;
use crate::event::{Event, Note, ObjectId, Op, TaskId, View, What};

pub(super) fn judge(event: &Event, view: &dyn View, ledger: &Ledger, docket: &mut Docket<'_>) {
    match event.what {
        What::Op(Op::Release(lock) | Op::ReleaseRead(lock), 1) => report_not_held(event, view, ledger, lock, docket),
        What::Op(Op::Free(block), _) => {
            for &(holder, lock, _) in ledger.held.iter() {
                if view.object(lock).block == Some(block) {
                    report_left(event, view, ledger, (holder, lock), "freed", docket);
                }
            }
        }
        What::Note(Note::Return(..) | Note::Finished) => {
            for &(holder, lock, _) in ledger.held.of(event.task) {
                report_left(event, view, ledger, (holder, lock), "still held at return", docket);
            }
        }
        _ => {}
    }
}

fn report_not_held(event: &Event, view: &dyn View, ledger: &Ledger, lock: ObjectId, docket: &mut Docket<'_>) {
    docket.report(Code::LW006, view.object(lock).name, |names| {
        let name = names.object(view, lock);
        let (message, other) = match view.owner(lock) {
            Some(holder) => {
                let taken = ledger.acquired(lock).unwrap_or(spot(event));
                (
                    format!("{} gives back {name}, which {} holds", names.task(event.task), names.task(holder)),
                    (taken, "taken here".to_owned()),
                )
            }
            None => {
                let released = find(&ledger.released, lock).unwrap_or(spot(event));
                (
                    format!("{} gives back {name}, which nobody holds", names.task(event.task)),
                    (released, "last given back here".to_owned()),
                )
            }
        };
        (message, (spot(event), format!("{name} given back here")), other)
    });
}

fn report_left(
    event: &Event,
    view: &dyn View,
    ledger: &Ledger,
    held: (TaskId, ObjectId),
    how: &str,
    docket: &mut Docket<'_>,
) {
    let (holder, lock) = held;
    docket.report(Code::LW007, view.object(lock).name, |names| {
        let name = names.object(view, lock);
        let taken = ledger.acquired(lock).unwrap_or(spot(event));
        (
            format!("{name}, held by {}, is {how}", names.task(holder)),
            (spot(event), format!("{name} {how} here")),
            (taken, format!("{name} taken here")),
        )
    });
}
