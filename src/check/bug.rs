//! LW011: `BUG_ON`, a failed assertion, a panic of the code under test.

use super::code::Code;
use super::finding::Docket;
use super::finding::{find, spot};
use super::ledger::Ledger;
use crate::event::{Event, Note, What};

pub(super) fn judge(event: &Event, ledger: &Ledger, docket: &mut Docket<'_>) {
    let What::Note(Note::Bug(text)) = event.what else { return };
    docket.report(Code::LW011, text, |names| {
        let call = find(&ledger.calls, event.task).unwrap_or(spot(event));
        (
            format!("{}: {text}", names.task(event.task)),
            (spot(event), "failed here".to_owned()),
            (call, "in the call that began here".to_owned()),
        )
    });
}
