//! A barrier.

use super::{Condvar, Mutex, PoisonError};
use crate::event::Place;

/// `std::sync::Barrier`.
///
/// ```
/// use lockwright::sync::{Arc, Barrier};
///
/// lockwright::model(|| {
///     let barrier = Arc::new(Barrier::new(2));
///     let other = barrier.clone();
///     let thread = lockwright::thread::spawn(move || other.wait().is_leader());
///     assert!(barrier.wait().is_leader() != thread.join().unwrap());
/// });
/// ```
#[derive(Debug)]
pub struct Barrier {
    /// How many have come, and how often all have.
    state: Mutex<(usize, usize)>,
    all_came: Condvar,
    parties: usize,
}

/// Is this the thread that came last?
#[derive(Clone, Copy, Debug)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// It is.
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl Barrier {
    /// Opens when that number of threads wait.
    #[track_caller]
    pub fn new(parties: usize) -> Barrier {
        Barrier { state: Mutex::new((0, 0)), all_came: Condvar::new(), parties }
    }

    /// Waits until all have come.
    #[track_caller]
    pub fn wait(&self) -> BarrierWaitResult {
        let place = Place::caller();
        let mut state = self.state.lock_at(place).unwrap_or_else(PoisonError::into_inner);
        let round = state.1;
        state.0 += 1;
        if state.0 >= self.parties {
            *state = (0, round + 1);
            self.all_came.notify_all();
            return BarrierWaitResult(true);
        }
        drop(self.all_came.wait_while(state, |state| state.1 == round));
        BarrierWaitResult(false)
    }
}
