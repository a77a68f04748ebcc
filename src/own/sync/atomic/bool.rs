//! Atomic truth values.
#![allow(unsafe_code)]

use super::{Ordering, Word};
use crate::event::{Alu, AluOp, ObjectKind, Rmw};

/// `std::sync::atomic::AtomicBool`.
///
/// ```
/// use lockwright::sync::atomic::{AtomicBool, Ordering::SeqCst};
///
/// lockwright::model(|| {
///     let flag = AtomicBool::new(false);
///     assert!(!flag.swap(true, SeqCst) && flag.load(SeqCst));
/// });
/// ```
#[derive(Debug)]
pub struct AtomicBool(Word);

impl AtomicBool {
    /// One of that value.
    #[track_caller]
    pub fn new(value: bool) -> AtomicBool {
        AtomicBool(Word::new(ObjectKind::Atomic, value.into()))
    }

    #[track_caller]
    fn alu(&self, what: AluOp, by: bool, order: Ordering) -> bool {
        self.0.change(Rmw::Alu(Alu { what, bits: 1, signed: false }, by.into()), order) != 0
    }

    /// Runs `f` on the value, which nobody else can reach.
    #[track_caller]
    pub fn with_mut<R>(&mut self, f: impl FnOnce(&mut bool) -> R) -> R {
        let mut value = self.load(Ordering::Relaxed);
        let result = f(&mut value);
        self.store(value, Ordering::Relaxed);
        result
    }

    /// The value.
    ///
    /// # Safety
    /// Nobody writes it at the same time. Here it is a relaxed load.
    #[track_caller]
    pub unsafe fn unsync_load(&self) -> bool {
        self.load(Ordering::Relaxed)
    }

    /// The value.
    #[track_caller]
    pub fn into_inner(self) -> bool {
        self.load(Ordering::Relaxed)
    }

    /// Reads it.
    #[track_caller]
    pub fn load(&self, order: Ordering) -> bool {
        self.0.load(order) != 0
    }

    /// Writes it.
    #[track_caller]
    pub fn store(&self, value: bool, order: Ordering) {
        self.0.store(value.into(), order);
    }

    /// Replaces it, and returns what was there.
    #[track_caller]
    pub fn swap(&self, value: bool, order: Ordering) -> bool {
        self.0.change(Rmw::Xchg(value.into()), order) != 0
    }

    /// Replaces `current` by `new`, and returns what was there.
    #[track_caller]
    pub fn compare_and_swap(&self, current: bool, new: bool, order: Ordering) -> bool {
        self.compare_exchange(current, new, order, super::failure_of(order)).unwrap_or_else(|found| found)
    }

    /// Replaces `current` by `new`.
    ///
    /// # Errors
    /// With what was there, if it was something else.
    #[track_caller]
    pub fn compare_exchange(
        &self,
        current: bool,
        new: bool,
        success: Ordering,
        failure: Ordering,
    ) -> Result<bool, bool> {
        let result = self.0.compare_exchange(current.into(), new.into(), success, failure);
        result.map(|word| word != 0).map_err(|word| word != 0)
    }

    /// The same, and it may fail although `current` is there: with
    /// [`Builder::spurious_wakeups`](crate::model::Builder::spurious_wakeups) that is explored.
    ///
    /// # Errors
    /// With what was there.
    #[track_caller]
    pub fn compare_exchange_weak(
        &self,
        current: bool,
        new: bool,
        success: Ordering,
        failure: Ordering,
    ) -> Result<bool, bool> {
        let result = self.0.compare_exchange_weak(current.into(), new.into(), success, failure);
        result.map(|word| word != 0).map_err(|word| word != 0)
    }

    /// And; returns what was there.
    #[track_caller]
    pub fn fetch_and(&self, by: bool, order: Ordering) -> bool {
        self.alu(AluOp::And, by, order)
    }

    /// Not and; returns what was there.
    #[track_caller]
    pub fn fetch_nand(&self, by: bool, order: Ordering) -> bool {
        self.alu(AluOp::Nand, by, order)
    }

    /// Or; returns what was there.
    #[track_caller]
    pub fn fetch_or(&self, by: bool, order: Ordering) -> bool {
        self.alu(AluOp::Or, by, order)
    }

    /// Exclusive or; returns what was there.
    #[track_caller]
    pub fn fetch_xor(&self, by: bool, order: Ordering) -> bool {
        self.alu(AluOp::Xor, by, order)
    }

    /// Not; returns what was there.
    #[track_caller]
    pub fn fetch_not(&self, order: Ordering) -> bool {
        self.fetch_xor(true, order)
    }

    /// Replaces the value by what `f` makes of it, as often as somebody comes in between.
    ///
    /// # Errors
    /// With what was there, if `f` makes nothing of it.
    #[track_caller]
    pub fn fetch_update<F>(&self, set: Ordering, fetch: Ordering, mut f: F) -> Result<bool, bool>
    where
        F: FnMut(bool) -> Option<bool>,
    {
        let mut found = self.load(fetch);
        while let Some(next) = f(found) {
            match self.compare_exchange(found, next, set, fetch) {
                Ok(found) => return Ok(found),
                Err(other) => found = other,
            }
        }
        Err(found)
    }

    /// As `fetch_update`.
    ///
    /// # Errors
    /// With what was there, if `f` makes nothing of it.
    #[track_caller]
    pub fn try_update(
        &self,
        set: Ordering,
        fetch: Ordering,
        f: impl FnMut(bool) -> Option<bool>,
    ) -> Result<bool, bool> {
        self.fetch_update(set, fetch, f)
    }

    /// Replaces the value by what `f` makes of it; returns what was there.
    #[track_caller]
    pub fn update(&self, set: Ordering, fetch: Ordering, mut f: impl FnMut(bool) -> bool) -> bool {
        self.fetch_update(set, fetch, |value| Some(f(value))).unwrap_or_else(|found| found)
    }
}

impl Default for AtomicBool {
    #[track_caller]
    fn default() -> AtomicBool {
        AtomicBool::new(false)
    }
}

impl From<bool> for AtomicBool {
    #[track_caller]
    fn from(value: bool) -> AtomicBool {
        AtomicBool::new(value)
    }
}
