//! Atomic pointers.
//!
//! An address is no value that a search can go by: the next execution has another. The engine knows a pointer by a name, which follows
//! from what the task that first stored it had observed; and what it points to is as old as the last store, which a load observes.
//!
//! A task that frees what it has loaded and stores a new object at the same address uses the old name for it. Whether that happens
//! is the allocator's doing, and can differ from run to run: an error then, hidden state. With [`Quarantine`](crate::alloc::Quarantine) for the
//! allocator it never does.
#![allow(unsafe_code)]

use std::fmt;
use std::marker::PhantomData;

use super::{Ordering, Word};
use crate::event::{ObjectKind, Rmw};
use crate::own::here;

/// `std::sync::atomic::AtomicPtr`.
///
/// ```
/// use lockwright::sync::atomic::{AtomicPtr, Ordering::SeqCst};
///
/// lockwright::model(|| {
///     let pointer = AtomicPtr::new(Box::into_raw(Box::new(7)));
///     let taken = pointer.swap(std::ptr::null_mut(), SeqCst);
///     // SAFETY: it comes from the box above, and nobody else has it.
///     assert_eq!(unsafe { *Box::from_raw(taken) }, 7);
/// });
/// ```
pub struct AtomicPtr<T> {
    word: Word,
    points: PhantomData<std::sync::atomic::AtomicPtr<T>>,
}

fn name<T>(pointer: *mut T) -> u64 {
    here::name_pointer(pointer.expose_provenance())
}

fn pointer<T>(name: u64) -> *mut T {
    std::ptr::with_exposed_provenance_mut(here::find_pointer(name))
}

impl<T> AtomicPtr<T> {
    /// One that points there.
    #[track_caller]
    pub fn new(value: *mut T) -> AtomicPtr<T> {
        AtomicPtr { word: Word::new(ObjectKind::Pointer, name(value)), points: PhantomData }
    }

    /// The pointer.
    ///
    /// # Safety
    /// Nobody writes it at the same time. Here it is a relaxed load.
    #[track_caller]
    pub unsafe fn unsync_load(&self) -> *mut T {
        self.load(Ordering::Relaxed)
    }

    /// Runs `f` on the pointer, which nobody else can reach.
    #[track_caller]
    pub fn with_mut<R>(&mut self, f: impl FnOnce(&mut *mut T) -> R) -> R {
        let mut value = self.load(Ordering::Relaxed);
        let result = f(&mut value);
        self.store(value, Ordering::Relaxed);
        result
    }

    /// The pointer.
    #[track_caller]
    pub fn into_inner(self) -> *mut T {
        self.load(Ordering::Relaxed)
    }

    /// Reads it.
    #[track_caller]
    pub fn load(&self, order: Ordering) -> *mut T {
        pointer(self.word.load(order))
    }

    /// Writes it.
    #[track_caller]
    pub fn store(&self, value: *mut T, order: Ordering) {
        self.word.store(name(value), order);
    }

    /// Replaces it, and returns what was there.
    #[track_caller]
    pub fn swap(&self, value: *mut T, order: Ordering) -> *mut T {
        pointer(self.word.change(Rmw::Xchg(name(value)), order))
    }

    /// Replaces `current` by `new`, and returns what was there.
    #[track_caller]
    pub fn compare_and_swap(&self, current: *mut T, new: *mut T, order: Ordering) -> *mut T {
        self.compare_exchange(current, new, order, super::failure_of(order)).unwrap_or_else(|found| found)
    }

    /// Replaces `current` by `new`.
    ///
    /// # Errors
    /// With what was there, if it was something else.
    #[track_caller]
    pub fn compare_exchange(
        &self,
        current: *mut T,
        new: *mut T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<*mut T, *mut T> {
        let address = current.expose_provenance();
        let new = name(new);
        let mut known = here::known_pointer(address);
        loop {
            match self.word.compare_exchange(known, new, success, failure) {
                Ok(found) => return Ok(pointer(found)),
                // The same address, by the name that another task has for it: it is what is asked for, unless somebody has come in between.
                Err(found) if here::find_pointer(found) == address => known = found,
                Err(found) => return Err(pointer(found)),
            }
        }
    }

    /// The same, and it may fail although `current` is there: with
    /// [`Builder::spurious_wakeups`](crate::model::Builder::spurious_wakeups) that is explored.
    ///
    /// # Errors
    /// With what was there.
    #[track_caller]
    pub fn compare_exchange_weak(
        &self,
        current: *mut T,
        new: *mut T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<*mut T, *mut T> {
        match self.word.fails_weakly(failure) {
            Some(found) => Err(pointer(found)),
            None => self.compare_exchange(current, new, success, failure),
        }
    }

    /// Replaces the pointer by what `f` makes of it, as often as somebody comes in between.
    ///
    /// # Errors
    /// With what was there, if `f` makes nothing of it.
    #[track_caller]
    pub fn fetch_update<F>(&self, set: Ordering, fetch: Ordering, mut f: F) -> Result<*mut T, *mut T>
    where
        F: FnMut(*mut T) -> Option<*mut T>,
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
        f: impl FnMut(*mut T) -> Option<*mut T>,
    ) -> Result<*mut T, *mut T> {
        self.fetch_update(set, fetch, f)
    }

    /// Replaces the pointer by what `f` makes of it; returns what was there.
    #[track_caller]
    pub fn update(&self, set: Ordering, fetch: Ordering, mut f: impl FnMut(*mut T) -> *mut T) -> *mut T {
        self.fetch_update(set, fetch, |value| Some(f(value))).unwrap_or_else(|found| found)
    }
}

impl<T> Default for AtomicPtr<T> {
    #[track_caller]
    fn default() -> AtomicPtr<T> {
        AtomicPtr::new(std::ptr::null_mut())
    }
}

impl<T> From<*mut T> for AtomicPtr<T> {
    #[track_caller]
    fn from(pointer: *mut T) -> AtomicPtr<T> {
        AtomicPtr::new(pointer)
    }
}

impl<T> fmt::Debug for AtomicPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtomicPtr").finish_non_exhaustive()
    }
}
