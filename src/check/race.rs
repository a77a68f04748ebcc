//! LW010: a data race on plain memory.
//!
//! In some state, two tasks stand before conflicting accesses to one plain object, and at least one of the two is
//! unmarked. Under sequential consistency with every access a scheduling point, a program has such a state exactly
//! if it has a race *by adjacency*: two conflicting accesses, one right after the other, in some order of its steps.
//!
//! It cannot see a publication through a relaxed marked flag: the flag's accesses are marked, and in a sequentially
//! consistent world what it publishes is never read too early. loom shows that one as a wrong value.

use super::code::Code;
use super::finding::{Docket, Spot};
use crate::event::{Access, Level, ObjectId, ObjectKind, Status, TaskId, View};

pub(super) fn judge(step: u32, view: &dyn View, stands: &[Status], docket: &mut Docket<'_>) {
    // Most of the time nobody, or one task alone, stands before plain memory.
    let mut before: Vec<(TaskId, ObjectId, bool, Access)> = Vec::new();
    for (second, &stands) in (1..).map(TaskId).zip(stands) {
        let Some((object, writes, access)) = next_access(view, second, stands) else { continue };
        for &(first, other, other_writes, other_access) in &before {
            let unmarked = access == Access::Plain || other_access == Access::Plain;
            if object == other && (writes || other_writes) && unmarked {
                report(step, view, [(first, other_writes), (second, writes)], object, docket);
            }
        }
        before.push((second, object, writes, access));
    }
}

fn next_access(view: &dyn View, task: TaskId, stands: Status) -> Option<(ObjectId, bool, Access)> {
    let op = match stands {
        Status::Ready(op) => op,
        // A handler came right before this access, and could have come right after it.
        Status::Stalled(by) if view.seat(by).is_some_and(|seat| seat.level > Level::Task) => view.pending(task)?,
        _ => return None,
    };
    let (writes, access) = op.access()?;
    let object = op.object()?;
    (view.object(object).kind == ObjectKind::Plain).then_some((object, writes, access))
}

fn report(step: u32, view: &dyn View, tasks: [(TaskId, bool); 2], object: ObjectId, docket: &mut Docket<'_>) {
    docket.report(Code::LW010, view.object(object).name, |names| {
        let name = names.object(view, object);
        let side = |(task, writes): (TaskId, bool)| {
            let spot = Spot { step: step + 1, task, place: view.status(task).1, set_up_of: None };
            (spot, format!("{} {} it here", names.task(task), if writes { "writes" } else { "reads" }))
        };
        (format!("nothing orders these accesses to {name}"), side(tasks[1]), side(tasks[0]))
    });
}
