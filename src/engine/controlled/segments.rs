//! What the running task does between two operations, written down for searches that will not run it again.

use super::Execution;
use crate::engine::memo::{Effect, Next, Segment};
use crate::engine::world::Key;
use crate::event::Op;

impl Execution {
    /// A segment begins: the task has performed an operation.
    pub(super) fn begin_segment(&self, key: Key, op: Op, result: u64) {
        if self.memo.is_some() {
            *self.segment.borrow_mut() = Some((Key { observed: op.observed(result), ..key }, Vec::new()));
        }
    }

    pub(super) fn effect(&self, effect: Effect) {
        if let Some((_, effects)) = self.segment.borrow_mut().as_mut() {
            effects.push(effect);
        }
    }

    /// It ends.
    pub(super) fn learn(&self, next: Next) {
        let (Some(memo), Some((key, effects))) = (&self.memo, self.segment.borrow_mut().take()) else { return };
        let history = *self.world.borrow_mut().history(self.task.get());
        memo.borrow_mut().learn(key, Segment { effects, history, next }, self.step(), &self.world.borrow());
    }
}
