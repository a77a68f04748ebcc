//! Values that each thread has for itself.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::own::here;

/// `std::thread::AccessError`: the thread's locals are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessError;

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("already destroyed")
    }
}

impl std::error::Error for AccessError {}

/// `std::thread::LocalKey`, made by [`thread_local!`](crate::thread_local!).
pub struct LocalKey<T: 'static> {
    #[doc(hidden)]
    pub init: fn() -> T,
    #[doc(hidden)]
    pub _p: PhantomData<fn(T)>,
}

impl<T: 'static> LocalKey<T> {
    /// Runs `f` on the thread's value, which is made first if need be.
    ///
    /// # Panics
    /// If the thread has ended.
    pub fn with<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        self.try_with(f).expect("cannot access a thread-local value during or after its destruction")
    }

    /// The same.
    ///
    /// # Errors
    /// If the thread has ended.
    pub fn try_with<F, R>(&'static self, f: F) -> std::result::Result<R, AccessError>
    where
        F: FnOnce(&T) -> R,
    {
        let key = std::ptr::from_ref(self).addr();
        let value = match here::local(key).map_err(|here::Ended| AccessError)? {
            Some(value) => value,
            None => {
                let value: here::Kept = Arc::new((self.init)());
                here::set_local(key, Arc::clone(&value));
                value
            }
        };
        Ok(f(value.downcast_ref().expect("internal error: a key has values of one type")))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Runs `f` on the value in the cell.
    pub fn with_borrow<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.with(|cell| f(&cell.borrow()))
    }

    /// Runs `f` on the value in the cell, which it may change.
    pub fn with_borrow_mut<R>(&'static self, f: impl FnOnce(&mut T) -> R) -> R {
        self.with(|cell| f(&mut cell.borrow_mut()))
    }
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// Sets the cell.
    pub fn set(&'static self, value: T) {
        self.with(|cell| cell.set(value));
    }

    /// The value in the cell.
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("LocalKey { .. }")
    }
}
