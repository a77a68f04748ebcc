//! `crossbeam::utils`.

use std::fmt;
use std::time::Duration;

pub use ::crossbeam::utils::CachePadded;

use crate::event::{Act, ObjectKind, Op, Place};
use crate::own::sync::{Arc, Condvar, Mutex, PoisonError};
use crate::own::{Shared, thread};

/// `crossbeam::utils::Backoff`: every wait lets others go first.
#[derive(Debug, Default)]
pub struct Backoff {
    rounds: std::cell::Cell<u32>,
}

/// Rounds after which a thread had better block.
const ROUNDS: u32 = 2;

impl Backoff {
    /// Nobody has waited.
    pub fn new() -> Backoff {
        Backoff::default()
    }

    /// Begins anew.
    pub fn reset(&self) {
        self.rounds.set(0);
    }

    /// Lets others go first.
    #[track_caller]
    pub fn spin(&self) {
        thread::yield_now();
    }

    /// Lets others go first.
    #[track_caller]
    pub fn snooze(&self) {
        self.rounds.set((self.rounds.get() + 1).min(ROUNDS));
        thread::yield_now();
    }

    /// Had the thread better block? After two rounds here, after eleven there.
    pub fn is_completed(&self) -> bool {
        self.rounds.get() >= ROUNDS
    }
}

/// `crossbeam::utils::Parker`.
#[derive(Debug)]
pub struct Parker(Unparker);

/// `crossbeam::utils::Unparker`.
#[derive(Clone, Debug)]
pub struct Unparker(Shared);

impl Parker {
    /// One whose token is not there.
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "its object is made here")]
    pub fn new() -> Parker {
        Parker(Unparker(Shared::new(ObjectKind::Token, 0, Place::caller())))
    }

    /// Waits for the token, and takes it.
    #[track_caller]
    pub fn park(&self) {
        self.0.0.perform(Op::Down, Place::caller());
    }

    /// The same, or a timeout, which may come at any time.
    #[track_caller]
    pub fn park_timeout(&self, _timeout: Duration) {
        let place = Place::caller();
        if self.0.0.perform(Op::TryDown, place) == 0 {
            thread::time_out(place);
        }
    }

    /// What brings the token.
    pub fn unparker(&self) -> &Unparker {
        &self.0
    }
}

impl Unparker {
    /// Brings the token. Bringing it twice is bringing it once.
    #[track_caller]
    pub fn unpark(&self) {
        self.0.act(Act::Post, Place::caller());
    }
}

/// How many are left, and who waits for that.
struct Group {
    left: Mutex<usize>,
    none_left: Condvar,
}

/// `crossbeam::utils::WaitGroup`: waits until all its clones are dropped.
///
/// ```
/// use lockwright::crossbeam::utils::WaitGroup;
/// use lockwright::sync::{Arc, atomic::{AtomicBool, Ordering::SeqCst}};
///
/// lockwright::model(|| {
///     let (group, done) = (WaitGroup::new(), Arc::new(AtomicBool::new(false)));
///     let (other, flag) = (group.clone(), done.clone());
///     lockwright::thread::spawn(move || {
///         flag.store(true, SeqCst);
///         drop(other);
///     });
///     group.wait();
///     assert!(done.load(SeqCst));
/// });
/// ```
pub struct WaitGroup(Arc<Group>);

impl WaitGroup {
    /// A group of one.
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "its objects are made here")]
    pub fn new() -> WaitGroup {
        WaitGroup(Arc::new(Group { left: Mutex::new(1), none_left: Condvar::new() }))
    }

    /// Leaves the group, and waits until all others have.
    #[track_caller]
    pub fn wait(self) {
        let group = self.0.clone();
        drop(self);
        let left = group.left.lock().unwrap_or_else(PoisonError::into_inner);
        drop(group.none_left.wait_while(left, |left| *left > 0));
    }
}

impl Clone for WaitGroup {
    #[track_caller]
    fn clone(&self) -> WaitGroup {
        *self.0.left.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        WaitGroup(self.0.clone())
    }
}

impl Drop for WaitGroup {
    #[track_caller]
    fn drop(&mut self) {
        let mut left = self.0.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left -= 1;
        if *left == 0 {
            self.0.none_left.notify_all();
        }
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("WaitGroup { .. }")
    }
}
