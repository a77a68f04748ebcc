//! Events that one context brings and others wait for: `struct completion`, and works.
//!
//! A completion has no holder. A context that will bring it may say so (`owed`), so that the validator knows what the event waits for.
//!
//! Source: `kernel/sched/completion.c`, `kernel/workqueue.c` of Linux 6.12.

use crate::event::Place;

use super::atomic::Atomic;
use super::bkl;
use super::task::Task;
use crate::engine::Object;
use crate::event::{Note, ObjectInfo, ObjectKind, Op, Symbol};

/// A `struct completion`. Each `complete` lets one waiter go on.
#[derive(Clone, Copy, Debug)]
pub struct Completion(Object);

impl Completion {
    /// One that is not complete.
    pub fn new(name: impl Into<Symbol>) -> Completion {
        Completion(Object::new(ObjectInfo::new(ObjectKind::Completion, name), 0))
    }

    /// From here on the task is in the context that will complete it. No step; the validator hears it.
    #[track_caller]
    pub fn owed(self) {
        self.0.note(Note::Owes(self.0.id), Place::caller());
    }

    /// `complete`.
    #[track_caller]
    pub fn complete(self) {
        self.0.perform(Op::Up(self.0.id), Place::caller());
    }

    /// `wait_for_completion`: sleeps until it is complete, and drops the BKL meanwhile.
    #[track_caller]
    pub fn wait(self, current: &Task) {
        let place = Place::caller();
        current.might_sleep("wait_for_completion");
        let waits_for_ever = bkl::dropped(current, place, || self.0.perform(Op::Down(self.0.id), place)) == 1;
        current.bug_on(waits_for_ever, "the set-up waits for a completion that nobody brings");
    }
}

/// A `struct work_struct` that is queued: a worker will run it, unless it is cancelled before.
///
/// The task that is its worker calls [`Work::run`]. It runs at most once.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    state: Atomic,
    done: Completion,
}

/// States of a work.
const PENDING: i32 = 0;
const RUNNING: i32 = 1;
const CANCELLED: i32 = 2;

impl Work {
    /// A work that is queued.
    pub fn new(name: impl Into<Symbol>) -> Work {
        let name = name.into();
        Work { state: Atomic::new(name, PENDING), done: Completion::new(name) }
    }

    /// The worker takes it, runs it, and is done with it; nothing if it was cancelled.
    #[track_caller]
    pub fn run(self, function: impl FnOnce()) {
        if self.state.cmpxchg(PENDING, RUNNING) == PENDING {
            self.done.owed();
            function();
        }
        self.done.complete();
    }

    /// `flush_work`: waits until it has run.
    #[track_caller]
    pub fn flush(self, current: &Task) {
        self.done.0.note(Note::Awaits(self.done.0.id), Place::caller());
        self.done.wait(current);
    }

    /// `cancel_work_sync`: it does not begin after this, and does not run any more. True if it was still pending.
    #[track_caller]
    pub fn cancel_sync(self, current: &Task) -> bool {
        self.done.0.note(Note::Awaits(self.done.0.id), Place::caller());
        if self.state.cmpxchg(PENDING, CANCELLED) == PENDING {
            return true;
        }
        self.done.wait(current);
        false
    }
}
