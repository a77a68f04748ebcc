//! What watches executions.

use super::fingerprint::Fingerprint;
use crate::event::outcome::Remains;
use crate::event::{Event, Status, TaskId, View};

/// Whether an execution goes on after what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It goes on.
    Continue,
    /// It ends here.
    Stop,
}

/// Watches executions: the checks, or a recorder.
pub trait Observer {
    /// An execution begins.
    fn begin(&mut self);
    /// A step was made, or remarked on.
    fn event(&mut self, event: &Event, view: &dyn View) -> Flow;
    /// A state was reached: every task stands before its next operation.
    fn state(&mut self, step: u32, view: &dyn View) -> Flow;
    /// The same, where how each task stands was looked up already, in their order.
    fn state_of(&mut self, step: u32, view: &dyn View, _stands: &[Status]) -> Flow {
        self.state(step, view)
    }
    /// Somebody waits, in the middle of a step: only the waits can be judged.
    fn blocked(&mut self, step: u32, view: &dyn View) -> Flow {
        self.state(step, view)
    }
    /// All tasks are done and the epilogue has run.
    fn end(&mut self, step: u32, view: &dyn View);
    /// What the observer remembers that its future judgements depend on.
    fn fingerprint(&self, fingerprint: &mut Fingerprint);
    /// The part of it that is about one task alone; the rest names no task, unless [`Observer::names_tasks`].
    fn fingerprint_task(&self, _task: TaskId, _fingerprint: &mut Fingerprint) {}
    /// Does it remember tasks by name? Then they cannot be exchanged.
    fn names_tasks(&self) -> bool {
        true
    }
    /// Is this event order-sensitive for a check, even among independent steps of others?
    fn is_loud(&self, _event: &Event) -> bool {
        true
    }
    /// What the observer has seen that belongs to the outcome. What that depends on is part of its fingerprint.
    fn observed(&self) -> Vec<Remains> {
        Vec::new()
    }
    /// A step that was judged before, in an execution that leads here again: only what is remembered has to follow.
    fn again(&mut self, event: &Event, view: &dyn View) {
        self.event(event, view);
    }
}

/// Sees nothing, and lets everything go on.
#[derive(Clone, Copy, Debug)]
pub struct Blind {
    /// As the checks do that it stands for: whether tasks are exchanged depends on it.
    pub names_tasks: bool,
}

impl Observer for Blind {
    fn begin(&mut self) {}

    fn event(&mut self, _event: &Event, _view: &dyn View) -> Flow {
        Flow::Continue
    }

    fn state(&mut self, _step: u32, _view: &dyn View) -> Flow {
        Flow::Continue
    }

    fn end(&mut self, _step: u32, _view: &dyn View) {}

    fn fingerprint(&self, _fingerprint: &mut Fingerprint) {}

    fn names_tasks(&self) -> bool {
        self.names_tasks
    }

    fn is_loud(&self, _event: &Event) -> bool {
        false
    }
}
