//! What must hold in no state: looked at after each step that changes memory.
//!
//! Such a condition may be about several cells, so steps on different ones do not commute for it.

use std::hash::Hasher;

use crate::check::finding::{Docket, spot};
use crate::check::{Check, Code};
use crate::event::{Event, ObjectId, Op, TaskId, View, What};
use crate::subject::form::{Cell, Condition};

/// The judge. Cells are the first objects that the set-up makes, in their order.
#[derive(Clone)]
pub(super) struct Never(Vec<Condition>);

impl Never {
    pub(super) fn new(conditions: Vec<Condition>) -> Never {
        Never(conditions)
    }
}

/// The name of the cell in every execution.
pub(super) fn name_of(cell: Cell) -> ObjectId {
    ObjectId::new(TaskId::BOOT, u32::from(cell.0) + 1)
}

fn changes_memory(event: &Event) -> bool {
    matches!(event.what, What::Op(Op::Store(..) | Op::Rmw(..) | Op::Flush(..), _)) && event.task != TaskId::BOOT
}

impl Check for Never {
    fn begin(&mut self) {}

    fn event(&mut self, event: &Event, view: &dyn View, docket: &mut Docket<'_>) {
        if !changes_memory(event) {
            return;
        }
        for (text, holds) in &self.0 {
            if holds(&|cell| view.peek(name_of(cell)) as i64) {
                docket.report(Code::LW011, *text, |names| {
                    let message = format!("after a step of {}: {text}", names.task(event.task));
                    (message, (spot(event), "holds here".to_owned()), (spot(event), "and never should".to_owned()))
                });
            }
        }
    }

    fn fingerprint(&self, _: &mut dyn Hasher) {}

    fn heeds(&self, event: &Event) -> bool {
        changes_memory(event)
    }

    fn marks_order(&self, event: &Event) -> bool {
        changes_memory(event)
    }

    fn names_tasks(&self) -> bool {
        false
    }

    fn sees_between(&self) -> bool {
        false
    }

    fn copied(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}
