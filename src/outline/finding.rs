//! A finding about an outline: its places in the user's lines, and a schedule if an exploration showed it.

use super::diagnostic::{Diagnostic, Label, Severity};
use super::notation::Scene;
use crate::lockdep::certainty::Graded;

/// Something that is wrong with the locking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its code, such as LW002.
    pub code: &'static str,
    /// Which lock, variable or call it is about: with the code, its identity.
    pub subject: String,
    /// In one line.
    pub title: String,
    /// Where it went wrong, then where that began.
    pub labels: Vec<Label>,
    /// What else there is to know.
    pub notes: Vec<String>,
    /// Why it cannot happen with these tasks, although the rule is broken.
    pub grade: Option<String>,
    /// How sure it is, and its cure, if it is a rule about orders or contexts.
    pub sure: Option<Graded>,
    /// The order of steps that leads to it, in columns.
    pub schedule: Option<String>,
    /// The same for other notations.
    pub scene: Option<Scene>,
}

impl Finding {
    /// Does it count? One that is graded is told, and is no reason to fail.
    pub fn counts(&self) -> bool {
        self.grade.is_none()
    }

    /// Is it told by the figure's words alone?
    pub fn is_claim(&self) -> bool {
        self.subject.starts_with("claim at line ")
    }

    /// As it is rendered over the user's lines.
    pub fn diagnostic(&self) -> Diagnostic {
        let severity = if self.counts() { Severity::Error } else { Severity::Warning };
        let mut notes = self.notes.clone();
        match &self.sure {
            Some(graded) => notes.extend(graded.lines()),
            None => notes.extend(self.grade.clone()),
        }
        Diagnostic { severity, code: Some(self.code), title: self.title.clone(), labels: self.labels.clone(), notes }
    }
}
