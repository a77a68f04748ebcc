//! What can be explored: a program, the checks that judge it, and its interpreted form, if it has one.
//!
//! Searches are given a subject and know nothing else of it; what a program is made of lies above them.

use crate::check::Checks;
use crate::engine::Program;

pub mod form;

use form::Form;

/// A program and who judges it.
pub trait Subject: Program {
    /// Fresh checks. The program's executions tell them what they need to know (their list of leases, say).
    fn checks(&self) -> Checks;
    /// Does it promise that all that its tasks share, and all that it keeps from one execution to the next, are objects of
    /// the engine? No `static`, no thread-local, no `Cell` or `Mutex` behind an `Arc` that one task writes and another reads.
    ///
    /// Without the promise the program is examined for such state before and after each search (`explore/examine.rs`). A promise that
    /// is not kept makes verdicts wrong in silence; what it saves is a second or less.
    fn hides_nothing(&self) -> bool {
        false
    }
    /// The same program interpreted, if there is such a form: what the explicit search explores.
    fn explicit(&self) -> Option<Form> {
        None
    }
}
