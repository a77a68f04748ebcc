//! Calls the set-up of a model once, to learn what its tasks are: kernel objects can be made only inside an execution.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Boot, Plan, SetUp};
use crate::engine::controlled::{Controlled, Settings};
use crate::engine::{Blind, Booted, Decision, Observer, Program, State, Strategy};
use crate::event::outcome::Outcome;

/// The tasks that the set-up makes.
pub(super) fn plan(setup: &Arc<SetUp>) -> Plan {
    let probe = Probe { setup: Arc::clone(setup), plan: Mutex::new(None) };
    let observer: Rc<RefCell<dyn Observer>> = Rc::new(RefCell::new(Blind { names_tasks: true }));
    Controlled::new(Settings::default()).run(&probe, &mut Nobody, &observer);
    probe.plan.into_inner().expect("the execution has booted")
}

struct Probe {
    setup: Arc<SetUp>,
    plan: Mutex<Option<Plan>>,
}

impl Program for Probe {
    fn boot(&self) -> Booted {
        let mut boot = Boot::new();
        (self.setup)(&mut boot);
        *self.plan.lock() = Some(Plan::of(&boot));
        Booted {
            tasks: Vec::new(),
            outcome: Box::new(|_| Outcome::default()),
            listing: Box::new(|_| Vec::new()),
            epilogue: Box::new(|| ()),
        }
    }
}

/// Lets nobody run.
struct Nobody;

impl Strategy for Nobody {
    fn decide(&mut self, _state: &State<'_>) -> Decision {
        Decision::Abandon
    }
}
