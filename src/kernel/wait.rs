//! Wait queues with timeout, and virtual time.
//!
//! Sleeping is a blocking operation, never a spin: a sleeper is woken, is interrupted, or meets its deadline. All sleeps
//! here are interruptible. Time moves as the scenario's clock says ([`crate::engine::Clock`]).

use super::bkl;
use super::layout::Layout;
use super::task::Task;
use crate::engine::{self, Object};
use crate::event::{Note, ObjectInfo, ObjectKind, Op, Place, Symbol, TaskId, Woken};

/// A `wait_queue_head_t`.
#[derive(Clone, Copy, Debug)]
pub struct WaitQueue(Object);

impl WaitQueue {
    /// An empty queue.
    pub fn new(name: impl Into<Symbol>) -> WaitQueue {
        WaitQueue(Object::new(ObjectInfo::new(ObjectKind::Queue, name), 0))
    }

    /// A queue in a slab object.
    pub fn field(layout: &mut Layout, name: impl Into<Symbol>) -> WaitQueue {
        WaitQueue(layout.field(ObjectInfo::new(ObjectKind::Queue, name)))
    }

    /// `prepare_to_wait`: queued, and marked as sleeping from here. A wake-up that comes now is not lost.
    #[track_caller]
    pub fn prepare(self) {
        self.0.perform(Op::Enqueue(self.0.id), Place::caller());
    }

    /// `finish_wait`: off the queue, and running.
    #[track_caller]
    pub fn finish(self) {
        self.0.perform(Op::Dequeue(self.0.id), Place::caller());
    }

    /// `wake_up`: all who wait here.
    #[track_caller]
    pub fn wake_up(self) {
        self.0.perform(Op::Wake(self.0.id), Place::caller());
    }

    pub(super) fn wake_up_at(self, place: Place) {
        self.0.perform(Op::Wake(self.0.id), place);
    }

    /// From here on the task is in a context that ends with a wake-up. No step; the validator hears it.
    pub(super) fn owed(self, place: Place) {
        self.0.note(Note::Owes(self.0.id), place);
    }

    /// The task may come to wait here. No step; the validator hears it.
    pub(super) fn awaited(self, place: Place) {
        self.0.note(Note::Awaits(self.0.id), place);
    }

    /// `interruptible_sleep_on_timeout`: queued first, so that the BKL goes when the wake-up can no longer be lost.
    ///
    /// `timeout` is in jiffies; none is for ever. This is the pattern of 2.6.23, safe under the BKL only.
    #[track_caller]
    pub fn sleep_on_timeout(self, current: &Task, timeout: Option<u64>) -> Woken {
        let place = Place::caller();
        let deadline = timeout.map(|timeout| engine::jiffies(place).saturating_add(timeout));
        self.prepare();
        let woken = bkl::schedule(current, deadline);
        self.finish();
        woken
    }

    /// `wait_event_interruptible_timeout`: until `condition` holds. Failed rounds leave no history.
    #[track_caller]
    pub fn wait_event_timeout(self, current: &Task, timeout: Option<u64>, condition: impl Fn() -> bool) -> Woken {
        let place = Place::caller();
        current.might_sleep("wait_event");
        let deadline = timeout.map(|timeout| engine::jiffies(place).saturating_add(timeout));
        if deadline.is_none() {
            // For ever: whoever wakes it had better not need what is held here.
            self.0.note(Note::Awaits(self.0.id), place);
        }
        let entry = engine::history();
        loop {
            self.prepare();
            if condition() {
                self.finish();
                return Woken::Up;
            }
            match bkl::schedule(current, deadline) {
                Woken::Up => engine::set_history(entry),
                other => {
                    self.finish();
                    return if condition() { Woken::Up } else { other };
                }
            }
        }
    }
}

/// `jiffies`: virtual time, in ticks of [`HZ`](super::HZ).
#[track_caller]
pub fn jiffies() -> u64 {
    engine::jiffies(Place::caller())
}

/// Sends a signal to a task: if it sleeps, its sleep ends with [`Woken::Signal`].
#[track_caller]
pub fn interrupt(task: TaskId) {
    engine::perform(Op::Interrupt(task), Place::caller());
}

/// Moves time on by `ticks`.
#[track_caller]
pub fn advance(ticks: u64) {
    engine::perform(Op::Advance(ticks), Place::caller());
}
