//! What is done once.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use super::{Mutex, PoisonError};
use crate::event::{Access, ObjectKind, Op, Place};
use crate::own::Shared;
use crate::own::raw::Data;

/// The flag of something that is done once, and the lock under which it is done.
struct Flag {
    /// 1 if it is done. What was written before is as old as the store.
    done: Shared,
    lock: Mutex<()>,
}

impl Flag {
    fn new(place: Place) -> Flag {
        let done = Shared::new(ObjectKind::Pointer, 0, place);
        Flag { done, lock: Mutex::new(()) }
    }

    fn is_done(&self, place: Place) -> bool {
        self.done.perform(|id| Op::Load(id, Access::Acquire), place) != 0
    }

    /// Does it unless it is done; `Err` keeps it undone.
    fn try_do<E>(&self, place: Place, work: impl FnOnce(bool) -> Result<(), E>) -> Result<(), E> {
        if self.is_done(place) {
            return Ok(());
        }
        let locked = self.lock.lock_at(place);
        let poisoned = locked.is_err();
        let _guard = locked.unwrap_or_else(PoisonError::into_inner);
        if self.is_done(place) {
            return Ok(());
        }
        work(poisoned)?;
        self.done.perform(|id| Op::Store(id, 1, Access::Release), place);
        Ok(())
    }
}

/// `std::sync::Once`.
///
/// ```
/// use lockwright::sync::{Arc, Once};
///
/// lockwright::model(|| {
///     let once = Arc::new(Once::new());
///     let other = once.clone();
///     lockwright::thread::spawn(move || other.call_once(|| ()));
///     once.call_once(|| ());
///     assert!(once.is_completed());
/// });
/// ```
pub struct Once(Flag);

/// What the closure of `call_once_force` is told.
#[derive(Debug)]
pub struct OnceState(bool);

impl OnceState {
    /// Has an attempt before panicked?
    pub fn is_poisoned(&self) -> bool {
        self.0
    }
}

impl Once {
    /// Not done yet.
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "as std has it")]
    pub fn new() -> Once {
        Once(Flag::new(Place::caller()))
    }

    /// Runs `f` if nobody has. Others that come meanwhile wait.
    ///
    /// # Panics
    /// If an attempt before panicked.
    #[track_caller]
    pub fn call_once(&self, f: impl FnOnce()) {
        self.call_once_force(|state| {
            assert!(!state.is_poisoned(), "Once instance has previously been poisoned");
            f();
        });
    }

    /// The same whatever has panicked before.
    #[track_caller]
    pub fn call_once_force(&self, f: impl FnOnce(&OnceState)) {
        let work = |poisoned| {
            f(&OnceState(poisoned));
            Ok::<(), std::convert::Infallible>(())
        };
        match self.0.try_do(Place::caller(), work) {
            Ok(()) => {}
        }
    }

    /// Is it done?
    #[track_caller]
    pub fn is_completed(&self) -> bool {
        self.0.is_done(Place::caller())
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

/// `std::sync::OnceLock`.
///
/// ```
/// use lockwright::sync::{Arc, OnceLock};
///
/// lockwright::model(|| {
///     let cell = Arc::new(OnceLock::new());
///     let other = { let cell = cell.clone(); lockwright::thread::spawn(move || *cell.get_or_init(|| 1)) };
///     assert_eq!(*cell.get_or_init(|| 2), other.join().unwrap());
/// });
/// ```
pub struct OnceLock<T> {
    flag: Flag,
    value: Data<Option<T>>,
    /// It hands out shared references, as that one does.
    shares: PhantomData<std::sync::OnceLock<T>>,
}

impl<T> OnceLock<T> {
    /// Empty.
    #[track_caller]
    pub fn new() -> OnceLock<T> {
        OnceLock { flag: Flag::new(Place::caller()), value: Data::new(None), shares: PhantomData }
    }

    /// The value, if there is one.
    #[track_caller]
    pub fn get(&self) -> Option<&T> {
        if self.flag.is_done(Place::caller()) { self.value.shared().as_ref() } else { None }
    }

    /// The value, which nobody else can reach.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut().as_mut()
    }

    /// Sets the value.
    ///
    /// # Errors
    /// With the value, if there is one.
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.init_at(Place::caller(), || value.take().expect("a value is set once"));
        value.map_or(Ok(()), Err)
    }

    fn init_at(&self, place: Place, make: impl FnOnce() -> T) {
        let work = |_| {
            let made = make();
            *self.value.exclusive() = Some(made);
            Ok::<(), std::convert::Infallible>(())
        };
        match self.flag.try_do(place, work) {
            Ok(()) => {}
        }
    }

    /// The value, which `make` makes if there is none. Others that come meanwhile wait.
    #[track_caller]
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        self.init_at(Place::caller(), make);
        self.value.shared().as_ref().expect("it was set")
    }

    /// The value.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out.
    #[track_caller]
    pub fn take(&mut self) -> Option<T> {
        self.flag.done.perform(|id| Op::Store(id, 0, Access::Once), Place::caller());
        self.value.get_mut().take()
    }
}

impl<T> Default for OnceLock<T> {
    #[track_caller]
    fn default() -> OnceLock<T> {
        OnceLock::new()
    }
}

impl<T> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceLock").finish_non_exhaustive()
    }
}

/// `std::sync::LazyLock`.
///
/// ```
/// lockwright::model(|| {
///     let value = lockwright::sync::LazyLock::new(|| 7);
///     assert_eq!(*value, 7);
/// });
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    cell: OnceLock<T>,
    make: Data<Cell<Option<F>>>,
}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// Made when it is first looked at.
    #[track_caller]
    pub fn new(make: F) -> LazyLock<T, F> {
        LazyLock { cell: OnceLock::new(), make: Data::new(Cell::new(Some(make))) }
    }

    /// The value.
    ///
    /// # Panics
    /// If making it panicked before.
    #[track_caller]
    pub fn force(this: &LazyLock<T, F>) -> &T {
        this.cell.get_or_init(|| {
            let make = this.make.shared().take().expect("LazyLock instance has previously been poisoned");
            make()
        })
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[track_caller]
    fn deref(&self) -> &T {
        LazyLock::force(self)
    }
}

impl<T, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyLock").finish_non_exhaustive()
    }
}
