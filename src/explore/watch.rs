//! The checks as the observer of an engine.

use std::cell::RefCell;
use std::rc::Rc;

use crate::check::Checks;
use crate::engine::fingerprint::Fingerprint;
use crate::engine::{Flow, Observer};
use crate::event::outcome::Remains;
use crate::event::{Event, Status, TaskId, View};

/// The checks, watching executions.
pub(super) struct Watch(pub Checks);

impl Watch {
    pub fn shared(checks: Checks) -> Rc<RefCell<Watch>> {
        Rc::new(RefCell::new(Watch(checks)))
    }
}

pub(super) fn flow(stop: bool) -> Flow {
    if stop { Flow::Stop } else { Flow::Continue }
}

impl Observer for Watch {
    fn begin(&mut self) {
        self.0.begin();
    }

    fn event(&mut self, event: &Event, view: &dyn View) -> Flow {
        flow(self.0.event(event, view))
    }

    fn state(&mut self, step: u32, view: &dyn View) -> Flow {
        flow(self.0.state(step, view))
    }

    fn state_of(&mut self, step: u32, view: &dyn View, stands: &[Status]) -> Flow {
        flow(self.0.state_of(step, view, stands))
    }

    fn end(&mut self, step: u32, view: &dyn View) {
        self.0.end(step, view);
    }

    fn observed(&self) -> Vec<Remains> {
        self.0.observed()
    }

    fn fingerprint(&self, fingerprint: &mut Fingerprint) {
        self.0.fingerprint(fingerprint);
    }

    fn fingerprint_task(&self, task: TaskId, fingerprint: &mut Fingerprint) {
        self.0.fingerprint_task(task, fingerprint);
    }

    fn names_tasks(&self) -> bool {
        self.0.names_tasks()
    }

    fn is_loud(&self, event: &Event) -> bool {
        self.0.is_loud(event)
    }

    fn again(&mut self, event: &Event, view: &dyn View) {
        self.0.again(event, view);
    }
}
