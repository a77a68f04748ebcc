//! A finding, its two places, and what the checks write it into.

use std::collections::HashSet;

use super::code::Code;
use crate::event::names::Names;
use crate::event::{Event, Place, Symbol, TaskId};

/// A place of a finding: a step of the schedule, and the source line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Number of the step; a step that is only pending has the number it would get.
    pub step: u32,
    /// Whose step.
    pub task: TaskId,
    /// Where in the source.
    pub place: Place,
    /// In the set-up: the task whose calls are made there.
    pub set_up_of: Option<TaskId>,
}

/// One problem, with the places that make it one: two, but for what is said of two designs together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which problem.
    pub code: Code,
    /// What it is about: a lock, a field, a function. With the code, it identifies the finding in a verdict.
    pub subject: Symbol,
    /// One sentence.
    pub message: String,
    /// Where it went wrong, and what happened there.
    pub at: (Spot, String),
    /// The other place that has a part in it, and what happened there: where it was prepared, or what it conflicts with. `None` where
    /// there is none.
    pub other: Option<(Spot, String)>,
    /// Number of steps made when it was noticed.
    pub step: u32,
}

/// What a check writes its findings into.
pub struct Docket<'a> {
    names: &'a Names,
    seen: &'a mut HashSet<(Code, Symbol)>,
    found: &'a mut Vec<Finding>,
    stop: bool,
    step: u32,
    again: bool,
}

impl<'a> Docket<'a> {
    /// One for the judgements after this many steps; `seen` are the findings that earlier executions had.
    pub(crate) fn new(
        names: &'a Names,
        seen: &'a mut HashSet<(Code, Symbol)>,
        found: &'a mut Vec<Finding>,
        step: u32,
    ) -> Docket<'a> {
        Docket { names, seen, found, stop: false, step, again: false }
    }

    /// The same for a step that was judged in an execution before, and leads here once more.
    pub(crate) fn again(self, again: bool) -> Docket<'a> {
        Docket { again, ..self }
    }

    /// Was the step judged in an execution before?
    pub fn is_again(&self) -> bool {
        self.again
    }

    /// Does the execution end here?
    pub(crate) fn stop(&self) -> bool {
        self.stop
    }

    /// Ends the execution, whatever is reported.
    pub(crate) fn end_execution(&mut self) {
        self.stop = true;
    }

    /// Number of steps made.
    pub fn step(&self) -> u32 {
        self.step
    }

    /// Reports a finding unless an earlier execution had it; stops the execution if the code says so.
    pub fn report(
        &mut self,
        code: Code,
        subject: impl Into<Symbol>,
        tell: impl FnOnce(&Names) -> (String, (Spot, String), (Spot, String)),
    ) {
        let subject = subject.into();
        self.stop |= code.ends_execution();
        if self.seen.insert((code, subject)) {
            let (message, at, other) = tell(self.names);
            self.found.push(Finding { code, subject, message, at, other: Some(other), step: self.step });
        }
    }
}

/// The subject of a sentence about it: the set-up is none of the tasks, and neither is the end, when everything is closed.
pub fn who<'a>(names: &'a Names, event: &Event) -> &'a str {
    if event.set_up_of.is_some() { "the set-up" } else { names.task(event.task) }
}

/// The place of an event.
pub fn spot(event: &Event) -> Spot {
    Spot { step: event.step, task: event.task, place: event.place, set_up_of: event.set_up_of }
}

/// The latest place that is noted under the key.
pub fn find<K: PartialEq + Copy>(list: &[(K, Spot)], key: K) -> Option<Spot> {
    list.iter().rev().find(|(known, _)| *known == key).map(|(_, spot)| *spot)
}
