//! LW020, LW021, LW022: use after free, double free, leak; what KASAN and kmemleak would say.
//!
//! A use is any operation on a field, but one: `atomic_inc_not_zero` is how a lookup under `rcu_read_lock` takes a reference to what may
//! be freed meanwhile. The memory stays until the lookup is over (RCU), and holds 0, so the lookup fails and uses nothing.
//! Names are never reused here, so a stale pointer cannot meet a new object by luck.

use super::code::Code;
use super::finding::Docket;
use super::finding::{find, spot};
use super::ledger::Ledger;
use crate::event::{Event, ObjectId, Op, Rmw, View, What};

pub(super) fn judge(event: &Event, view: &dyn View, ledger: &Ledger, docket: &mut Docket<'_>) {
    match event.what {
        What::Op(Op::Free(block), 1) => report_double_free(event, view, ledger, block, docket),
        What::Op(Op::Rmw(_, Rmw::IncNotZero, _), 0) | What::Note(_) => {}
        What::Op(op, _) => {
            let Some(object) = op.object() else { return };
            let Some(block) = view.object(object).block else { return };
            if view.is_freed(block) {
                report_use(event, view, ledger, (object, block), docket);
            }
        }
    }
}

fn report_use(event: &Event, view: &dyn View, ledger: &Ledger, used: (ObjectId, ObjectId), docket: &mut Docket<'_>) {
    let (object, block) = used;
    docket.report(Code::LW020, view.object(object).name, |names| {
        let freed = find(&ledger.freed, block).unwrap_or(spot(event));
        (
            format!("{} uses {} after it was freed", names.task(event.task), names.object(view, object)),
            (spot(event), "used here".to_owned()),
            (freed, format!("{} freed here", names.object(view, block))),
        )
    });
}

fn report_double_free(event: &Event, view: &dyn View, ledger: &Ledger, block: ObjectId, docket: &mut Docket<'_>) {
    docket.report(Code::LW021, view.object(block).name, |names| {
        let name = names.object(view, block);
        let first = find(&ledger.freed, block).unwrap_or(spot(event));
        (
            format!("{} frees {name}, which was freed before", names.task(event.task)),
            (spot(event), "freed again here".to_owned()),
            (first, "freed first here".to_owned()),
        )
    });
}

pub(super) fn judge_end(view: &dyn View, ledger: &Ledger, docket: &mut Docket<'_>) {
    for block in view.live_blocks() {
        let Some(born) = find(&ledger.born, block) else { continue };
        let end = super::finding::Spot { step: docket.step(), ..born };
        docket.report(Code::LW022, view.object(block).name, |names| {
            let name = names.object(view, block);
            (
                format!("{name} is still allocated when everything is closed"),
                (end, format!("the last task ends, {name} is left")),
                (born, "allocated here".to_owned()),
            )
        });
    }
}
