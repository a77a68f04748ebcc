//! `crossbeam::queue`: every operation is one step for all others.

use std::collections::VecDeque;

use crate::own::sync::{Mutex, MutexGuard, PoisonError};

/// `crossbeam::queue::ArrayQueue`.
#[derive(Debug)]
pub struct ArrayQueue<T> {
    values: Mutex<VecDeque<T>>,
    capacity: usize,
}

/// `crossbeam::queue::SegQueue`.
#[derive(Debug, Default)]
pub struct SegQueue<T> {
    values: Mutex<VecDeque<T>>,
}

#[track_caller]
fn locked<T>(values: &Mutex<VecDeque<T>>) -> MutexGuard<'_, VecDeque<T>> {
    values.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> ArrayQueue<T> {
    /// One with room for that number of values.
    ///
    /// # Panics
    /// If that is none.
    #[track_caller]
    pub fn new(capacity: usize) -> ArrayQueue<T> {
        assert!(capacity > 0, "capacity must be non-zero");
        ArrayQueue { values: Mutex::new(VecDeque::new()), capacity }
    }

    /// Adds a value at the end.
    ///
    /// # Errors
    /// With the value, if there is no room.
    #[track_caller]
    pub fn push(&self, value: T) -> Result<(), T> {
        let mut values = locked(&self.values);
        if values.len() >= self.capacity {
            return Err(value);
        }
        values.push_back(value);
        Ok(())
    }

    /// Adds a value at the end; if there is no room the first is returned.
    #[track_caller]
    pub fn force_push(&self, value: T) -> Option<T> {
        let mut values = locked(&self.values);
        let first = if values.len() >= self.capacity { values.pop_front() } else { None };
        values.push_back(value);
        first
    }

    /// Takes the first value.
    #[track_caller]
    pub fn pop(&self) -> Option<T> {
        locked(&self.values).pop_front()
    }

    /// Most values.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Number of values.
    #[track_caller]
    pub fn len(&self) -> usize {
        locked(&self.values).len()
    }

    /// Is there none?
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Is there no room?
    #[track_caller]
    pub fn is_full(&self) -> bool {
        self.len() >= self.capacity
    }
}

impl<T> SegQueue<T> {
    /// An empty one.
    #[track_caller]
    pub fn new() -> SegQueue<T> {
        SegQueue { values: Mutex::new(VecDeque::new()) }
    }

    /// Adds a value at the end.
    #[track_caller]
    pub fn push(&self, value: T) {
        locked(&self.values).push_back(value);
    }

    /// Takes the first value.
    #[track_caller]
    pub fn pop(&self) -> Option<T> {
        locked(&self.values).pop_front()
    }

    /// Number of values.
    #[track_caller]
    pub fn len(&self) -> usize {
        locked(&self.values).len()
    }

    /// Is there none?
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
