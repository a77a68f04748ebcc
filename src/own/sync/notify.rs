//! A token that one thread sets and another takes.

use crate::event::{Act, ObjectKind, Op, Place};
use crate::own::Shared;

/// loom's `Notify`: notifications that come before the wait are one.
///
/// ```
/// use lockwright::sync::{Arc, Notify};
///
/// lockwright::model(|| {
///     let notify = Arc::new(Notify::new());
///     let other = notify.clone();
///     lockwright::thread::spawn(move || other.notify());
///     notify.wait();
/// });
/// ```
#[derive(Debug)]
pub struct Notify(Shared);

impl Notify {
    /// Nobody has notified.
    #[track_caller]
    pub fn new() -> Notify {
        Notify(Shared::new(ObjectKind::Token, 0, Place::caller()))
    }

    /// Lets a waiter go on, or the next that comes.
    #[track_caller]
    pub fn notify(&self) {
        self.0.act(Act::Post, Place::caller());
    }

    /// Waits for a notification, and takes it.
    #[track_caller]
    pub fn wait(&self) {
        self.0.perform(Op::Down, Place::caller());
    }
}

impl Default for Notify {
    #[track_caller]
    fn default() -> Notify {
        Notify::new()
    }
}
