//! How an engine tells its observer what happens. There is one way, whichever engine makes the step.

use super::{Flow, Observer};
use crate::event::{Event, Note, Place, TaskId, View, What};

/// What an engine remembers of what it has told in an execution.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Teller {
    /// Number of the step.
    pub step: u32,
    /// The step was made and judged in an execution before.
    pub judged: bool,
    /// What came of it.
    pub told: Told,
    /// Whose calls the set-up makes.
    set_up_of: Option<TaskId>,
}

/// What a step told the observer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The observer ended the execution.
    pub stopped: bool,
    /// See [`Observer::is_loud`].
    pub loud: bool,
}

impl Teller {
    /// Before the step of that number, which may have been judged before.
    pub fn at(step: u32, judged: bool) -> Teller {
        Teller { step, judged, ..Teller::default() }
    }

    /// The next step begins. It has told nothing yet.
    pub fn next_step(&mut self) {
        self.step += 1;
        self.told.loud = false;
    }

    /// Tells of an operation, or a remark. What comes after the finding that ends the execution is not told: a task on its way to its
    /// next operation may still remark something.
    pub fn tell(&mut self, observer: &mut dyn Observer, view: &dyn View, task: TaskId, what: What, place: Place) {
        if self.told.stopped {
            return;
        }
        if let What::Note(Note::SetUp(of)) = what {
            self.set_up_of = Some(of).filter(|of| *of != TaskId::BOOT);
        }
        let event = Event { step: self.step, task, what, place, set_up_of: self.set_up_of };
        self.told.loud = self.told.loud || observer.is_loud(&event);
        if self.judged {
            observer.again(&event, view);
        } else {
            self.told.stopped = observer.event(&event, view) == Flow::Stop;
        }
    }
}
