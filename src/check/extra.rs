//! A judge that a case brings: it knows what the events of its own programs mean.
//!
//! The checks that hold for every program are not asked through this; only a case that brings judges pays for it.

use std::hash::Hasher;

use super::finding::Docket;
use crate::event::outcome::Remains;
use crate::event::{Event, Span, View};

/// A judge of the programs of one case.
pub trait Check: Send {
    /// An execution begins.
    fn begin(&mut self);
    /// Judges an event.
    fn event(&mut self, event: &Event, view: &dyn View, docket: &mut Docket<'_>);
    /// Judges a state: every task stands before its next operation. What is judged must be a function of the state.
    fn state(&mut self, _view: &dyn View, _docket: &mut Docket<'_>) {}
    /// Judges the end: all tasks done, everything closed.
    fn end(&mut self, _view: &dyn View, _docket: &mut Docket<'_>) {}
    /// Takes in what its future judgements depend on.
    fn fingerprint(&self, hasher: &mut dyn Hasher);
    /// Is this event order-sensitive for a check, even among independent steps of others?
    fn heeds(&self, _event: &Event) -> bool {
        true
    }
    /// Does it compare this step with the borders of others' calls? Then two such steps do not commute, whatever they touch.
    fn marks_order(&self, _event: &Event) -> bool {
        true
    }
    /// Does it look, at an event or a state, at who holds which lock, how other tasks stand, or what they have read? Memory it may look at, at
    /// events that it heeds. If not, a reading task, or one that gives a lock back, changes nothing for it.
    fn sees_between(&self) -> bool {
        true
    }
    /// What the step before this remark begins or ends, of what must not overlap on two nodes. What begins or ends by a change of
    /// what is [listed](View::listed) is seen without that.
    fn spans(&self, _event: &Event) -> &'static [Span] {
        &[]
    }
    /// Does it remember tasks by name? Then they cannot be exchanged.
    fn names_tasks(&self) -> bool {
        true
    }
    /// What it has seen that belongs to the outcome of an execution. What that depends on is part of its fingerprint.
    fn observed(&self) -> Vec<Remains> {
        Vec::new()
    }
    /// The same judge with the same memory: a search that continues from a copy of a state takes one.
    fn copied(&self) -> Box<dyn Check>;
}

impl Clone for Box<dyn Check> {
    fn clone(&self) -> Box<dyn Check> {
        self.copied()
    }
}
