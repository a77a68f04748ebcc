//! A condition variable.
//!
//! `notify_one` wakes any of those that wait: which one is explored. A timeout may come at any time. A wait ends without a notification only if one asks for that
//! ([`Builder::spurious_wakeups`](crate::model::Builder::spurious_wakeups)).

use std::fmt;
use std::time::Duration;

use super::{LockResult, MutexGuard, PoisonError};
use crate::event::{Act, ObjectKind, Op, Place};
use crate::own::thread::{time_out, waits_with};
use crate::own::{Shared, here};

/// `std::sync::Condvar`.
///
/// ```
/// use lockwright::sync::{Arc, Condvar, Mutex};
///
/// lockwright::model(|| {
///     let pair = Arc::new((Mutex::new(false), Condvar::new()));
///     let other = pair.clone();
///     lockwright::thread::spawn(move || {
///         *other.0.lock().unwrap() = true;
///         other.1.notify_one();
///     });
///     let guard = pair.0.lock().unwrap();
///     drop(pair.1.wait_while(guard, |ready| !*ready).unwrap());
/// });
/// ```
pub struct Condvar {
    queue: Shared,
}

/// Did the timeout end the wait?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// It did.
    pub fn timed_out(&self) -> bool {
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
    fn sleep<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        how: Act,
        place: Place,
    ) -> (LockResult<MutexGuard<'a, T>>, bool) {
        let is_spurious = how == Act::Wait && here::options().spurious_wakeups;
        let how = if is_spurious { Act::Doze } else { how };
        let (lock, touched) = guard.into_parts();
        waits_with(self.queue.object(), lock.object(), place);
        // On the queue before the lock is open: no notification is lost.
        self.queue.perform(Op::Enqueue, place);
        lock.unlock_at(touched, place);
        let timed_out = self.queue.act(how, place) != 0;
        if timed_out {
            time_out(place);
        }
        (lock.lock_at(place), timed_out)
    }

    /// Waits for a notification.
    ///
    /// # Errors
    /// If a holder of the lock panicked.
    #[track_caller]
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.sleep(guard, Act::Wait, Place::caller()).0
    }

    /// Waits until the condition is false.
    ///
    /// # Errors
    /// If a holder of the lock panicked.
    #[track_caller]
    pub fn wait_while<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        let place = Place::caller();
        let mut guard = guard;
        while condition(&mut *guard) {
            guard = self.sleep(guard, Act::Wait, place).0?;
        }
        Ok(guard)
    }

    /// Waits for a notification or the timeout.
    ///
    /// # Errors
    /// If a holder of the lock panicked.
    #[track_caller]
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        _timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let (guard, timed_out) = self.sleep(guard, Act::Doze, Place::caller());
        let timed_out = WaitTimeoutResult(timed_out);
        match guard {
            Ok(guard) => Ok((guard, timed_out)),
            Err(poisoned) => Err(PoisonError::new((poisoned.into_inner(), timed_out))),
        }
    }

    /// Waits until the condition is false, or the timeout comes.
    ///
    /// # Errors
    /// If a holder of the lock panicked.
    #[track_caller]
    pub fn wait_timeout_while<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let mut guard = guard;
        loop {
            if !condition(&mut *guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            let (next, timed_out) = self.wait_timeout(guard, timeout)?;
            guard = next;
            if timed_out.timed_out() {
                let still = condition(&mut *guard);
                return Ok((guard, WaitTimeoutResult(still)));
            }
        }
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

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Condvar { .. }")
    }
}
