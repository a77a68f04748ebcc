//! A condition variable for [`Mutex`](super::Mutex).
//!
//! `notify_one` wakes any of those that wait: which one is explored. A timeout may come at any time. Spurious wake-ups do not happen.
#![allow(unsafe_code)]

use std::time::{Duration, Instant};

use super::MutexGuard;
use crate::event::{Act, ObjectKind, Op, Place};
use crate::own::Shared;
use crate::own::thread::{time_out, waits_with};

/// `parking_lot::Condvar`.
///
/// ```
/// use lockwright::parking_lot::{Condvar, Mutex};
/// use lockwright::sync::Arc;
///
/// lockwright::model(|| {
///     let pair = Arc::new((Mutex::new(false), Condvar::new()));
///     let other = pair.clone();
///     lockwright::thread::spawn(move || {
///         *other.0.lock() = true;
///         other.1.notify_one();
///     });
///     let mut ready = pair.0.lock();
///     pair.1.wait_while(&mut ready, |ready| !*ready);
/// });
/// ```
#[derive(Debug)]
pub struct Condvar {
    queue: Shared,
}

/// Did the timeout end the wait?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// It did.
    pub fn timed_out(self) -> bool {
        self.0
    }
}

impl Condvar {
    /// Nobody waits.
    #[track_caller]
    pub fn new() -> Condvar {
        Condvar { queue: Shared::new(ObjectKind::Queue, 0, Place::caller()) }
    }

    /// Opens the lock and waits, as one step for all others, then locks it again.
    fn sleep<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>, how: Act, place: Place) -> bool {
        // SAFETY: the lock is opened and taken again here, while the guard is borrowed.
        let raw = unsafe { lock_api::MutexGuard::mutex(guard).raw() };
        waits_with(self.queue.object(), raw.object(place), place);
        // On the queue before the lock is open: no notification is lost.
        self.queue.perform(Op::Enqueue, place);
        raw.unlock_at(place);
        let timed_out = self.queue.act(how, place) != 0;
        if timed_out {
            time_out(place);
        }
        raw.lock_at(place);
        timed_out
    }

    /// Waits for a notification.
    #[track_caller]
    pub fn wait<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>) {
        self.sleep(guard, Act::Wait, Place::caller());
    }

    /// Waits for a notification or the timeout.
    #[track_caller]
    pub fn wait_for<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>, _timeout: Duration) -> WaitTimeoutResult {
        WaitTimeoutResult(self.sleep(guard, Act::Doze, Place::caller()))
    }

    /// Waits for a notification or the timeout.
    #[track_caller]
    pub fn wait_until<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>, _timeout: Instant) -> WaitTimeoutResult {
        WaitTimeoutResult(self.sleep(guard, Act::Doze, Place::caller()))
    }

    /// Waits until the condition is false.
    #[track_caller]
    pub fn wait_while<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>, mut condition: impl FnMut(&mut T) -> bool) {
        let place = Place::caller();
        while condition(&mut *guard) {
            self.sleep(guard, Act::Wait, place);
        }
    }

    /// Waits until the condition is false, or the timeout comes.
    #[track_caller]
    pub fn wait_while_for<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        mut condition: impl FnMut(&mut T) -> bool,
        _timeout: Duration,
    ) -> WaitTimeoutResult {
        let place = Place::caller();
        while condition(&mut *guard) {
            if self.sleep(guard, Act::Doze, place) {
                return WaitTimeoutResult(condition(&mut *guard));
            }
        }
        WaitTimeoutResult(false)
    }

    /// The same.
    #[track_caller]
    pub fn wait_while_until<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        condition: impl FnMut(&mut T) -> bool,
        _timeout: Instant,
    ) -> WaitTimeoutResult {
        self.wait_while_for(guard, condition, Duration::ZERO)
    }

    /// Wakes one of those that wait.
    #[track_caller]
    pub fn notify_one(&self) {
        self.queue.act(Act::WakeOne, Place::caller());
    }

    /// Wakes all that wait.
    #[track_caller]
    pub fn notify_all(&self) {
        self.queue.perform(Op::Wake, Place::caller());
    }
}

impl Default for Condvar {
    #[track_caller]
    fn default() -> Condvar {
        Condvar::new()
    }
}
