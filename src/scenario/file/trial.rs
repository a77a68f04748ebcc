//! Tries the set-up of a scenario on a design, so that a call that fails or waits there is a mistake of the file and no crash.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Problem;
use crate::engine::controlled::{Controlled, Settings};
use crate::engine::{Blind, Booted, Decision, Observer, Program, State, Strategy, quietly};
use crate::event::outcome::Outcome;
use crate::lease::designs::Entry;
use crate::scenario::{Machine, Process, Scenario};

/// The call of the set-up that the design does not get through with, if there is one.
pub fn setup_problem(design: Entry, scenario: &Scenario) -> Option<Problem> {
    let progress = Arc::new(Mutex::new(Progress::default()));
    let program = SetUp { design, scenario: scenario.clone(), progress: Arc::clone(&progress) };
    let observer: Rc<RefCell<dyn Observer>> = Rc::new(RefCell::new(Blind { names_tasks: true }));
    let run = || Controlled::new(Settings::default()).run(&program, &mut Nobody, &observer);
    let waits = quietly(|| panic::catch_unwind(AssertUnwindSafe(run))).is_err();
    let progress = progress.lock();
    let (task, call) = progress.at?;
    let text = &scenario.tasks[task].before[call];
    let cause = match progress.error {
        Some(error) => format!("`{text}` fails with {error} on {}", design.full_name()),
        None if waits => format!("`{text}` waits on {}, and nobody else runs yet", design.full_name()),
        None => return None,
    };
    Some(Problem { place: format!("tasks[{task}].before[{call}]"), cause })
}

#[derive(Default)]
struct Progress {
    /// Task and call under way.
    at: Option<(usize, usize)>,
    error: Option<crate::kernel::Errno>,
}

/// The set-up alone.
struct SetUp {
    design: Entry,
    scenario: Scenario,
    progress: Arc<Mutex<Progress>>,
}

impl Program for SetUp {
    fn boot(&self) -> Booted {
        let machine = Machine::boot(self.design, &self.scenario);
        let mut processes: Vec<Arc<Process>> = Vec::new();
        'tasks: for (at, task) in self.scenario.tasks.iter().enumerate() {
            let process = Process::of(&self.scenario, at, &processes);
            let current = machine.calm(&process);
            for (number, call) in task.before.iter().enumerate() {
                self.progress.lock().at = Some((at, number));
                if let Err(errno) = machine.make(&current, &process, call)
                    && !call.may_fail(errno)
                {
                    self.progress.lock().error = Some(errno);
                    break 'tasks;
                }
            }
            processes.push(process);
        }
        Booted {
            tasks: Vec::new(),
            outcome: Box::new(|_| Outcome::default()),
            listing: Box::new(|_| Vec::new()),
            epilogue: Box::new(|| {}),
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
