//! A mutex.

use std::cell::Cell;
use std::fmt;
use std::hash::Hash;
use std::ops::{Deref, DerefMut};

use super::poison::Poison;
use super::{LockResult, PoisonError, TryLockError, TryLockResult};
use crate::engine::Object;
use crate::event::{ObjectKind, Op, Place};
use crate::own::Shared;
use crate::own::content::Content;
use crate::own::raw::Data;

/// `std::sync::Mutex`.
///
/// ```
/// use lockwright::sync::{Arc, Mutex};
///
/// lockwright::model(|| {
///     let n = Arc::new(Mutex::new(0));
///     let other = { let n = n.clone(); lockwright::thread::spawn(move || *n.lock().unwrap() += 1) };
///     *n.lock().unwrap() += 1;
///     other.join().unwrap();
///     assert_eq!(*n.lock().unwrap(), 2);
/// });
/// ```
pub struct Mutex<T: ?Sized> {
    shared: Shared,
    content: Content,
    poison: Poison,
    data: Data<T>,
}

/// The lock is held while this lives.
pub struct MutexGuard<'a, T: ?Sized> {
    pub(super) lock: &'a Mutex<T>,
    /// The data has been reached, and may have changed.
    touched: Cell<bool>,
    /// It was taken by a thread that unwinds: that poisons nothing.
    panicking: bool,
}

impl<T> Mutex<T> {
    /// An open lock around the value.
    #[track_caller]
    pub fn new(value: T) -> Mutex<T> {
        Mutex::with_content(value, Content::of::<T>(), Place::caller())
    }

    /// The same for data that can be hashed: states in which it is equal are equal, however it came to be so.
    ///
    /// Numbers, truth values and strings, and vectors and options of them, are hashed without this. The hash has to tell apart whatever the program
    /// tells apart.
    #[track_caller]
    pub fn hashed(value: T) -> Mutex<T>
    where
        T: Hash,
    {
        Mutex::with_content(value, Content::hashed::<T>(), Place::caller())
    }

    fn with_content(value: T, content: Content, place: Place) -> Mutex<T> {
        let shared = Shared::new(ObjectKind::Mutex, 0, place);
        let lock = Mutex { shared, content, poison: Poison::new(place), data: Data::new(value) };
        lock.publish();
        lock
    }

    /// The value.
    ///
    /// # Errors
    /// If a holder panicked.
    #[track_caller]
    pub fn into_inner(self) -> LockResult<T> {
        let poisoned = self.poison.is_found(Place::caller());
        let value = self.data.into_inner();
        if poisoned { Err(PoisonError::new(value)) } else { Ok(value) }
    }
}

impl<T: ?Sized> Mutex<T> {
    fn guard(&self) -> MutexGuard<'_, T> {
        MutexGuard { lock: self, touched: Cell::new(false), panicking: std::thread::panicking() }
    }

    fn checked<'a>(&'a self, guard: MutexGuard<'a, T>, place: Place) -> LockResult<MutexGuard<'a, T>> {
        if self.poison.is_found(place) { Err(PoisonError::new(guard)) } else { Ok(guard) }
    }

    /// Locks it, and waits if need be.
    ///
    /// # Errors
    /// If a holder panicked.
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.lock_at(Place::caller())
    }

    pub(super) fn lock_at(&self, place: Place) -> LockResult<MutexGuard<'_, T>> {
        self.shared.perform(Op::Acquire, place);
        self.checked(self.guard(), place)
    }

    /// Locks it if nobody holds it.
    ///
    /// # Errors
    /// If somebody does, or a holder panicked.
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        let place = Place::caller();
        if self.shared.perform(Op::TryAcquire, place) == 0 {
            return Err(TryLockError::WouldBlock);
        }
        Ok(self.checked(self.guard(), place)?)
    }

    /// The value, which nobody else can reach.
    ///
    /// # Errors
    /// If a holder panicked.
    #[track_caller]
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let poisoned = self.poison.is_found(Place::caller());
        // Whatever is written here: contents that are hashed would have to be hashed after it.
        self.content = Content::unknown();
        self.shared.publish(None);
        let value = self.data.get_mut();
        if poisoned { Err(PoisonError::new(value)) } else { Ok(value) }
    }

    /// Has a holder panicked?
    #[track_caller]
    pub fn is_poisoned(&self) -> bool {
        self.poison.load(Place::caller())
    }

    /// Forgets that one has.
    #[track_caller]
    pub fn clear_poison(&self) {
        self.poison.clear(Place::caller());
    }

    fn publish(&self) {
        let ever = self.poison.was_ever_there();
        self.shared.publish(self.content.stands_for_locked(self.data.pointer().cast::<u8>(), ever));
    }

    /// The object that stands for it.
    pub(super) fn object(&self) -> Object {
        self.shared.object()
    }

    /// Opens it. Only for its holder.
    pub(super) fn unlock_at(&self, touched: bool, place: Place) {
        if touched {
            self.publish();
        }
        self.shared.perform(Op::Release, place);
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// The lock, and whether the data may have changed. Nobody opens the lock for it any more.
    pub(super) fn into_parts(self) -> (&'a Mutex<T>, bool) {
        let parts = (self.lock, self.touched.get());
        std::mem::forget(self);
        parts
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // What lies inside may have a cell.
        self.touched.set(true);
        self.lock.data.shared()
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.touched.set(true);
        self.lock.data.exclusive()
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[track_caller]
    fn drop(&mut self) {
        if !self.lock.shared.object().is_current() {
            return;
        }
        let (poisons, place) = (!self.panicking && std::thread::panicking(), Place::caller());
        if poisons {
            self.lock.poison.set(place);
        }
        self.lock.unlock_at(self.touched.get() || poisons, place);
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(value: T) -> Mutex<T> {
        Mutex::new(value)
    }
}

impl<T: ?Sized> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}
