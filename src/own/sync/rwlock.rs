//! A lock that readers share.

use std::cell::Cell;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use super::poison::Poison;
use super::{LockResult, PoisonError, TryLockError, TryLockResult};
use crate::event::{Act, ObjectId, ObjectKind, Op, Place, Symbol};
use crate::own::content::Content;
use crate::own::raw::Data;
use crate::own::{Shared, here, name_of};

/// `std::sync::RwLock`. Readers and writers have no order among themselves: any may come first, and a reader that reads again does not wait for
/// a writer that waits. std leaves that to the platform; with [`Builder::fair_rwlocks`](crate::model::Builder::fair_rwlocks) a writer that waits
/// keeps readers out.
///
/// ```
/// use lockwright::sync::{Arc, RwLock};
///
/// lockwright::model(|| {
///     let n = Arc::new(RwLock::new(1));
///     let reader = { let n = n.clone(); lockwright::thread::spawn(move || *n.read().unwrap()) };
///     *n.write().unwrap() = 2;
///     assert!([1, 2].contains(&reader.join().unwrap()));
/// });
/// ```
pub struct RwLock<T: ?Sized> {
    shared: Shared,
    /// Where a writer waits and readers pass, if writers that wait keep readers out.
    queue: Option<Shared>,
    content: Content,
    poison: Poison,
    /// It hands out shared references, as that one does.
    shares: PhantomData<std::sync::RwLock<T>>,
    data: Data<T>,
}

/// The lock is held for reading while this lives.
pub struct RwLockReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
}

/// The lock is held for writing while this lives.
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    touched: Cell<bool>,
    panicking: bool,
}

impl<T> RwLock<T> {
    /// An open lock around the value.
    #[track_caller]
    pub fn new(value: T) -> RwLock<T> {
        RwLock::with_content(value, Content::of::<T>(), Place::caller())
    }

    /// The same for data that can be hashed: see [`Mutex::hashed`](super::Mutex::hashed).
    #[track_caller]
    pub fn hashed(value: T) -> RwLock<T>
    where
        T: Hash,
    {
        RwLock::with_content(value, Content::hashed::<T>(), Place::caller())
    }

    fn with_content(value: T, content: Content, place: Place) -> RwLock<T> {
        let shared = Shared::new(ObjectKind::RwSem, 0, place);
        let name = || Symbol::from(format!("{}, queue", name_of(place)));
        let queue = here::options().fair_rwlocks.then(|| Shared::numbered(ObjectKind::WaitList, 0, name()));
        let poison = Poison::new(place);
        let lock = RwLock { shared, queue, content, poison, shares: PhantomData, data: Data::new(value) };
        lock.publish();
        lock
    }

    /// The value.
    ///
    /// # Errors
    /// If a writer panicked.
    #[track_caller]
    pub fn into_inner(self) -> LockResult<T> {
        let poisoned = self.poison.is_found(Place::caller());
        let value = self.data.into_inner();
        if poisoned { Err(PoisonError::new(value)) } else { Ok(value) }
    }
}

impl<T: ?Sized> RwLock<T> {
    fn checked<G>(&self, guard: G, place: Place) -> LockResult<G> {
        if self.poison.is_found(place) { Err(PoisonError::new(guard)) } else { Ok(guard) }
    }

    fn write_guard(&self) -> RwLockWriteGuard<'_, T> {
        RwLockWriteGuard { lock: self, touched: Cell::new(false), panicking: std::thread::panicking() }
    }

    fn publish(&self) {
        let ever = self.poison.was_ever_there();
        self.shared.publish(self.content.stands_for_locked(self.data.pointer().cast::<u8>(), ever));
    }

    /// Locks it for reading, and waits if need be.
    ///
    /// # Errors
    /// If a writer panicked.
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        let place = Place::caller();
        match self.queue {
            Some(queue) => {
                queue.perform(Op::AcquireRead, place);
                self.shared.perform(Op::AcquireRead, place);
                queue.perform(Op::ReleaseRead, place);
            }
            None => {
                self.shared.perform(Op::AcquireRead, place);
                here::reads(self.shared.object().id, true);
            }
        }
        self.checked(RwLockReadGuard { lock: self }, place)
    }

    /// Locks it for reading unless somebody writes.
    ///
    /// # Errors
    /// If somebody does, or a writer panicked.
    #[track_caller]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        let place = Place::caller();
        if self.queue.is_some_and(|queue| queue.act(Act::TryRead, place) == 0) {
            return Err(TryLockError::WouldBlock);
        }
        let is_ours = self.shared.act(Act::TryRead, place) != 0;
        if let Some(queue) = self.queue {
            queue.perform(Op::ReleaseRead, place);
        }
        if !is_ours {
            return Err(TryLockError::WouldBlock);
        }
        if self.queue.is_none() {
            here::reads(self.shared.object().id, false);
        }
        Ok(self.checked(RwLockReadGuard { lock: self }, place)?)
    }

    /// Locks it for writing, and waits if need be.
    ///
    /// # Errors
    /// If a writer panicked.
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        let place = Place::caller();
        let passes = |op: fn(ObjectId) -> Op| _ = self.queue.map(|queue| queue.perform(op, place));
        passes(Op::Acquire);
        self.shared.perform(Op::Acquire, place);
        passes(Op::Release);
        self.checked(self.write_guard(), place)
    }

    /// Locks it for writing if nobody holds it.
    ///
    /// # Errors
    /// If somebody does, or a writer panicked.
    #[track_caller]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        let place = Place::caller();
        if self.shared.perform(Op::TryAcquire, place) == 0 {
            return Err(TryLockError::WouldBlock);
        }
        Ok(self.checked(self.write_guard(), place)?)
    }

    /// The value, which nobody else can reach.
    ///
    /// # Errors
    /// If a writer panicked.
    #[track_caller]
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let poisoned = self.poison.is_found(Place::caller());
        self.content = Content::unknown();
        self.shared.publish(None);
        let value = self.data.get_mut();
        if poisoned { Err(PoisonError::new(value)) } else { Ok(value) }
    }

    /// Has a writer panicked?
    #[track_caller]
    pub fn is_poisoned(&self) -> bool {
        self.poison.load(Place::caller())
    }

    /// Forgets that one has.
    #[track_caller]
    pub fn clear_poison(&self) {
        self.poison.clear(Place::caller());
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.lock.data.shared()
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.touched.set(true);
        self.lock.data.shared()
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.touched.set(true);
        self.lock.data.exclusive()
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[track_caller]
    fn drop(&mut self) {
        if self.lock.shared.object().is_current() {
            here::reads_no_more(self.lock.shared.object().id);
            self.lock.shared.perform(Op::ReleaseRead, Place::caller());
        }
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[track_caller]
    fn drop(&mut self) {
        if !self.lock.shared.object().is_current() {
            return;
        }
        let (poisons, place) = (!self.panicking && std::thread::panicking(), Place::caller());
        if poisons {
            self.lock.poison.set(place);
        }
        if poisons || self.touched.get() {
            self.lock.publish();
        }
        self.lock.shared.perform(Op::Release, place);
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    #[track_caller]
    fn from(value: T) -> RwLock<T> {
        RwLock::new(value)
    }
}

impl<T: ?Sized> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock").finish_non_exhaustive()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
