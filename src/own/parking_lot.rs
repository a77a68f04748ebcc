//! `parking_lot` 0.12, over objects of the explorer: its types, guards and methods, by `lock_api`.
//!
//! ```
//! use lockwright::parking_lot::Mutex;
//! use lockwright::sync::Arc;
//!
//! lockwright::model(|| {
//!     let n = Arc::new(Mutex::new(0));
//!     let other = { let n = n.clone(); lockwright::thread::spawn(move || *n.lock() += 1) };
//!     *n.lock() += 1;
//!     other.join().unwrap();
//!     assert_eq!(*n.lock(), 2);
//! });
//! ```
//!
//! The raw locks ([`RawMutex`], [`RawRwLock`]) are what other crates put under `lock_api`'s types themselves. `new` makes the lock's objects at
//! once and is no `const fn`; [`const_mutex`] and `INIT` make them when the lock is first used, which costs a step at each use.
//!
//! A timeout may come at any time. Nothing is poisoned. Missing: `unlock_fair` and `bump`, because any waiter may come first here; the states of
//! `Once`; what `notify_one` and `notify_all` return.

use std::fmt;
use std::ops::{Deref, DerefMut};

pub use lock_api;

use crate::event::Place;

mod condvar;
#[allow(unsafe_code)]
mod mutex;
mod once;
#[allow(unsafe_code)]
mod rwlock;

pub use condvar::{Condvar, WaitTimeoutResult};
pub use mutex::{RawMutex, RawThreadId};
pub use once::Once;
pub use rwlock::RawRwLock;

/// The lock is held while this lives.
pub type MutexGuard<'a, T> = lock_api::MutexGuard<'a, RawMutex, T>;
/// A part of the data of a lock that is held.
pub type MappedMutexGuard<'a, T> = lock_api::MappedMutexGuard<'a, RawMutex, T>;
/// The lock is held for reading while this lives.
pub type RwLockReadGuard<'a, T> = lock_api::RwLockReadGuard<'a, RawRwLock, T>;
/// The lock is held for writing while this lives.
pub type RwLockWriteGuard<'a, T> = lock_api::RwLockWriteGuard<'a, RawRwLock, T>;
/// The lock is held for reading, and nobody else writes before its holder does.
pub type RwLockUpgradableReadGuard<'a, T> = lock_api::RwLockUpgradableReadGuard<'a, RawRwLock, T>;
/// A part of the data of a lock that is held for reading.
pub type MappedRwLockReadGuard<'a, T> = lock_api::MappedRwLockReadGuard<'a, RawRwLock, T>;
/// A part of the data of a lock that is held for writing.
pub type MappedRwLockWriteGuard<'a, T> = lock_api::MappedRwLockWriteGuard<'a, RawRwLock, T>;
/// The lock is held, once or several times, while this lives.
pub type ReentrantMutexGuard<'a, T> = lock_api::ReentrantMutexGuard<'a, RawMutex, RawThreadId, T>;
/// A part of the data of a lock that is held.
pub type MappedReentrantMutexGuard<'a, T> = lock_api::MappedReentrantMutexGuard<'a, RawMutex, RawThreadId, T>;

/// A type of `lock_api` whose objects are made with it.
macro_rules! lock {
    ($(#[$about:meta])* $name:ident, $inner:ty, |$value:ident, $place:ident| $made:expr, $late:ident, $unmade:expr) => {
        $(#[$about])*
        pub struct $name<T: ?Sized>($inner);

        impl<T> $name<T> {
            /// An open lock around the value.
            #[track_caller]
            pub fn new($value: T) -> $name<T> {
                let $place = Place::caller();
                $name($made)
            }

            /// The value.
            pub fn into_inner(self) -> T {
                self.0.into_inner()
            }
        }

        /// An open lock whose objects are made when it is first used.
        pub const fn $late<T>($value: T) -> $name<T> {
            $name($unmade)
        }

        impl<T: ?Sized> Deref for $name<T> {
            type Target = $inner;

            fn deref(&self) -> &$inner {
                &self.0
            }
        }

        impl<T: ?Sized> DerefMut for $name<T> {
            fn deref_mut(&mut self) -> &mut $inner {
                &mut self.0
            }
        }

        impl<T: Default> Default for $name<T> {
            #[track_caller]
            fn default() -> $name<T> {
                $name::new(T::default())
            }
        }

        impl<T> From<T> for $name<T> {
            #[track_caller]
            fn from(value: T) -> $name<T> {
                $name::new(value)
            }
        }

        impl<T: ?Sized> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

lock!(
    /// `parking_lot::Mutex`: `lock`, `try_lock`, `try_lock_for` and the rest are those of [`lock_api::Mutex`].
    Mutex,
    lock_api::Mutex<RawMutex, T>,
    |value, place| lock_api::Mutex::from_raw(RawMutex::new(place), value),
    const_mutex,
    lock_api::Mutex::from_raw(RawMutex::unmade(), value)
);

lock!(
    /// `parking_lot::RwLock`: `read`, `write`, `upgradable_read` and the rest are those of [`lock_api::RwLock`].
    ///
    /// It is fair as that one is: while a writer waits for readers no other reader comes in, unless by `read_recursive`.
    ///
    /// ```
    /// use lockwright::parking_lot::RwLock;
    /// use lockwright::sync::Arc;
    ///
    /// lockwright::model(|| {
    ///     let n = Arc::new(RwLock::new(1));
    ///     let reader = { let n = n.clone(); lockwright::thread::spawn(move || *n.read()) };
    ///     *n.write() = 2;
    ///     assert!([1, 2].contains(&reader.join().unwrap()));
    /// });
    /// ```
    RwLock,
    lock_api::RwLock<RawRwLock, T>,
    |value, place| lock_api::RwLock::from_raw(RawRwLock::new(place), value),
    const_rwlock,
    lock_api::RwLock::from_raw(RawRwLock::unmade(), value)
);

lock!(
    /// `parking_lot::ReentrantMutex`: its holder may lock it again.
    ///
    /// ```
    /// lockwright::model(|| {
    ///     let lock = lockwright::parking_lot::ReentrantMutex::new(1);
    ///     let (one, two) = (lock.lock(), lock.lock());
    ///     assert_eq!(*one + *two, 2);
    /// });
    /// ```
    ReentrantMutex,
    lock_api::ReentrantMutex<RawMutex, RawThreadId, T>,
    |value, place| lock_api::ReentrantMutex::from_raw(RawMutex::new(place), RawThreadId, value),
    const_reentrant_mutex,
    lock_api::ReentrantMutex::from_raw(RawMutex::unmade(), RawThreadId, value)
);
