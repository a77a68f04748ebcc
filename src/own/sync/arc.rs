//! Counted values.
//!
//! What a count is, others can see only where they ask: the last handle that is dropped, `get_mut`, `strong_count`. So a clone is no step, and
//! dropping one of several handles commutes with dropping another unless the value does something when it goes. Only `strong_count` could tell
//! when a clone was made: beside it no verdict is complete ([`BlindSpot::Counts`](crate::event::BlindSpot::Counts)).
#![allow(unsafe_code)]

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::pin::Pin;
use std::sync;

use crate::check::happens::COUNTED;
use crate::engine;
use crate::event::{Access, Act, CaseNote, Note, ObjectKind, Op, Place, Rmw};
use crate::own::{Shared, here, raw};

/// `std::sync::Arc`.
///
/// ```
/// use lockwright::sync::Arc;
///
/// lockwright::model(|| {
///     let one = Arc::new(7);
///     let other = one.clone();
///     lockwright::thread::spawn(move || drop(other));
///     // The other may be gone already, or not.
///     assert!([1, 2].contains(&Arc::strong_count(&one)));
/// });
/// ```
pub struct Arc<T: ?Sized> {
    count: Shared,
    /// Dropped with the handle.
    value: ManuallyDrop<sync::Arc<T>>,
}

/// `std::sync::Weak`.
///
/// ```
/// use lockwright::sync::Arc;
///
/// lockwright::model(|| {
///     let one = Arc::new(7);
///     let weak = Arc::downgrade(&one);
///     assert_eq!(weak.upgrade().as_deref(), Some(&7));
///     drop(one);
///     assert!(weak.upgrade().is_none());
/// });
/// ```
pub struct Weak<T: ?Sized> {
    /// `None` for one that never pointed to anything.
    count: Option<Shared>,
    value: sync::Weak<T>,
}

fn counted(value: u64, place: Place) -> Shared {
    let count = Shared::new(ObjectKind::Count, value, place);
    count.object().note(Note::Case(CaseNote { kind: COUNTED, words: [count.object().id.0.into(), 0, 0] }), place);
    count
}

impl<T> Arc<T> {
    /// A value with one handle.
    #[track_caller]
    pub fn new(value: T) -> Arc<T> {
        Arc { count: counted(1, Place::caller()), value: ManuallyDrop::new(sync::Arc::new(value)) }
    }

    /// The same, pinned.
    #[track_caller]
    pub fn pin(value: T) -> Pin<Arc<T>>
    where
        T: Unpin,
    {
        Pin::new(Arc::new(value))
    }

    /// A value that holds a weak handle of itself.
    #[track_caller]
    pub fn new_cyclic(make: impl FnOnce(&Weak<T>) -> T) -> Arc<T> {
        // Nobody is counted until the value is there.
        let count = counted(0, Place::caller());
        let value = sync::Arc::new_cyclic(|weak| make(&Weak { count: Some(count), value: weak.clone() }));
        count.object().adjust(1);
        Arc { count, value: ManuallyDrop::new(value) }
    }

    /// The value, if this is its only handle.
    ///
    /// # Errors
    /// With the handle, if it is not.
    #[track_caller]
    pub fn try_unwrap(this: Arc<T>) -> Result<T, Arc<T>> {
        if !this.take_if_only(Place::caller()) {
            return Err(this);
        }
        let value = this.leave();
        Ok(sync::Arc::into_inner(value).expect("internal error: the only handle is the last"))
    }

    /// The value, if this is its last handle. Of several threads that do this one gets it.
    #[track_caller]
    pub fn into_inner(this: Arc<T>) -> Option<T> {
        let _section = engine::section();
        let is_last = this.count.act(Act::Drop(true), Place::caller()) == 1;
        let value = this.leave();
        if is_last { sync::Arc::into_inner(value) } else { None }
    }
}

impl<T: ?Sized> Arc<T> {
    /// That of the standard library, which has to be its only handle.
    ///
    /// # Panics
    /// If it is not.
    #[track_caller]
    pub fn from_std(mut std: sync::Arc<T>) -> Arc<T> {
        assert!(sync::Arc::get_mut(&mut std).is_some(), "Arc::from_std takes an Arc with one handle");
        Arc { count: counted(1, Place::caller()), value: ManuallyDrop::new(std) }
    }

    fn load(&self, place: Place) -> u64 {
        self.count.perform(|id| Op::Load(id, Access::Acquire), place)
    }

    /// Takes the count from one to none, if it is one.
    fn take_if_only(&self, place: Place) -> bool {
        self.count.perform(|id| Op::Rmw(id, Rmw::Cas(1, 0, Access::Once), Access::Acquire), place) == 1
    }

    /// The value behind, without counting the handle down.
    fn leave(self) -> sync::Arc<T> {
        let this = ManuallyDrop::new(self);
        ManuallyDrop::into_inner(raw::moved_out(&this.value))
    }

    /// Number of handles.
    #[track_caller]
    pub fn strong_count(this: &Arc<T>) -> usize {
        // The standard library orders nothing by it.
        this.count.perform(|id| Op::Load(id, Access::Once), Place::caller()) as usize
    }

    /// Number of weak handles: not a step, so it says no more than that of the standard library would.
    pub fn weak_count(this: &Arc<T>) -> usize {
        sync::Arc::weak_count(&this.value)
    }

    /// The value, if this is its only handle.
    #[track_caller]
    pub fn get_mut(this: &mut Arc<T>) -> Option<&mut T> {
        match this.load(Place::caller()) {
            1 => sync::Arc::get_mut(&mut this.value),
            _ => None,
        }
    }

    /// Do both handle one value?
    pub fn ptr_eq(this: &Arc<T>, other: &Arc<T>) -> bool {
        sync::Arc::ptr_eq(&this.value, &other.value)
    }

    /// A weak handle.
    pub fn downgrade(this: &Arc<T>) -> Weak<T> {
        Weak { count: Some(this.count), value: sync::Arc::downgrade(&this.value) }
    }

    /// Where the value is.
    pub fn as_ptr(this: &Arc<T>) -> *const T {
        let pointer = sync::Arc::as_ptr(&this.value);
        here::count(pointer.cast::<()>().addr(), this.count.object());
        pointer
    }

    /// The handle as a pointer.
    pub fn into_raw(this: Arc<T>) -> *const T {
        let pointer = Arc::as_ptr(&this);
        std::mem::forget(this);
        pointer
    }

    /// The handle that was made a pointer.
    ///
    /// # Safety
    /// As of `std::sync::Arc::from_raw`; and the pointer comes from [`Arc::into_raw`] in this execution.
    ///
    /// # Panics
    /// If it does not.
    pub unsafe fn from_raw(pointer: *const T) -> Arc<T> {
        let count = here::counted(pointer.cast::<()>().addr()).expect("Arc::from_raw takes what Arc::into_raw gave");
        // SAFETY: the caller keeps what the function asks for.
        Arc { count: Shared::of(count), value: ManuallyDrop::new(unsafe { raw::arc_from_raw(pointer) }) }
    }

    /// Adds a handle to one that was made a pointer.
    ///
    /// # Safety
    /// As of [`Arc::from_raw`].
    pub unsafe fn increment_strong_count(pointer: *const T) {
        // SAFETY: as above; the handle itself stays where it is.
        let this = ManuallyDrop::new(unsafe { Arc::from_raw(pointer) });
        std::mem::forget(Arc::clone(&this));
    }

    /// Drops a handle that was made a pointer.
    ///
    /// # Safety
    /// As of [`Arc::from_raw`].
    #[track_caller]
    pub unsafe fn decrement_strong_count(pointer: *const T) {
        // SAFETY: as above.
        drop(unsafe { Arc::from_raw(pointer) });
    }
}

impl<T: Clone> Arc<T> {
    /// The value, of which a copy is made if there are other handles.
    #[track_caller]
    pub fn make_mut(this: &mut Arc<T>) -> &mut T {
        let place = Place::caller();
        if this.load(place) != 1 {
            *this = Arc { count: counted(1, place), value: ManuallyDrop::new(sync::Arc::new(T::clone(&this.value))) };
        }
        sync::Arc::make_mut(&mut this.value)
    }
}

impl<T: ?Sized> Drop for Arc<T> {
    #[track_caller]
    fn drop(&mut self) {
        // A value that does nothing when it goes does not tell who was last.
        let seen = std::mem::needs_drop::<T>();
        // The handle that is last here is last in the standard library as well.
        let _section = engine::section();
        self.count.act_at_last(Act::Drop(seen), Place::caller());
        // SAFETY: nobody reaches it after this.
        unsafe { ManuallyDrop::drop(&mut self.value) };
    }
}

impl<T: ?Sized> Clone for Arc<T> {
    fn clone(&self) -> Arc<T> {
        self.count.object().adjust(1);
        Arc { count: self.count, value: self.value.clone() }
    }
}

impl<T: ?Sized> Weak<T> {
    /// The value, if a handle is left.
    #[track_caller]
    pub fn upgrade(&self) -> Option<Arc<T>> {
        let count = self.count?;
        // The value is not gone between the two counts, ours and that of the standard library.
        let _section = engine::section();
        if count.perform(|id| Op::Rmw(id, Rmw::IncNotZero, Access::Acquire), Place::caller()) == 0 {
            return None;
        }
        self.value.upgrade().map(|value| Arc { count, value: ManuallyDrop::new(value) })
    }

    /// Number of handles.
    #[track_caller]
    pub fn strong_count(&self) -> usize {
        let load = |count: Shared| count.perform(|id| Op::Load(id, Access::Once), Place::caller());
        self.count.map_or(0, load) as usize
    }

    /// Do both point to one value?
    pub fn ptr_eq(&self, other: &Weak<T>) -> bool {
        self.value.ptr_eq(&other.value)
    }
}

impl<T> Weak<T> {
    /// One that points to nothing.
    pub fn new() -> Weak<T> {
        Weak { count: None, value: sync::Weak::new() }
    }
}

impl<T: ?Sized> Clone for Weak<T> {
    fn clone(&self) -> Weak<T> {
        Weak { count: self.count, value: self.value.clone() }
    }
}

impl<T> Default for Weak<T> {
    fn default() -> Weak<T> {
        Weak::new()
    }
}

impl<T: ?Sized> fmt::Debug for Weak<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("(Weak)")
    }
}

impl<T: ?Sized> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> AsRef<T> for Arc<T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: ?Sized> Borrow<T> for Arc<T> {
    fn borrow(&self) -> &T {
        self
    }
}

impl<T: Default> Default for Arc<T> {
    #[track_caller]
    fn default() -> Arc<T> {
        Arc::new(T::default())
    }
}

impl<T> From<T> for Arc<T> {
    #[track_caller]
    fn from(value: T) -> Arc<T> {
        Arc::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

impl<T: ?Sized> fmt::Pointer for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Pointer::fmt(&*self.value, f)
    }
}

impl<T: ?Sized + PartialEq> PartialEq for Arc<T> {
    fn eq(&self, other: &Arc<T>) -> bool {
        **self == **other
    }
}

impl<T: ?Sized + Eq> Eq for Arc<T> {}

impl<T: ?Sized + PartialOrd> PartialOrd for Arc<T> {
    fn partial_cmp(&self, other: &Arc<T>) -> Option<std::cmp::Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: ?Sized + Ord> Ord for Arc<T> {
    fn cmp(&self, other: &Arc<T>) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: ?Sized + Hash> Hash for Arc<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}
