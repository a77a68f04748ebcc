//! `std::alloc`, counted: what is not given back is a leak, LW022.
#![allow(unsafe_code)]

pub use std::alloc::Layout;

pub use crate::engine::quarantine::Quarantine;

use crate::check::happens::COUNTED;
use crate::event::{Act, CaseNote, Note, ObjectKind, Place};
use crate::own::{Shared, here, raw};

/// Of the whole program, where the feature is on.
#[cfg(feature = "quarantine")]
#[global_allocator]
static ALLOCATOR: Quarantine = Quarantine;

fn counted(place: Place) -> Shared {
    let count = Shared::new(ObjectKind::Count, 1, place);
    count.object().note(Note::Case(CaseNote { kind: COUNTED, words: [count.object().id.0.into(), 0, 0] }), place);
    count
}

fn track(pointer: *mut u8, place: Place) -> *mut u8 {
    if !pointer.is_null() {
        here::count(pointer.addr(), counted(place).object());
    }
    pointer
}

/// `std::alloc::alloc`.
///
/// # Safety
/// As there.
#[track_caller]
pub unsafe fn alloc(layout: Layout) -> *mut u8 {
    // SAFETY: the caller keeps what the function asks for.
    track(unsafe { raw::alloc(layout, false) }, Place::caller())
}

/// `std::alloc::alloc_zeroed`.
///
/// # Safety
/// As there.
#[track_caller]
pub unsafe fn alloc_zeroed(layout: Layout) -> *mut u8 {
    // SAFETY: the caller keeps what the function asks for.
    track(unsafe { raw::alloc(layout, true) }, Place::caller())
}

/// `std::alloc::dealloc`.
///
/// # Safety
/// As there.
///
/// # Panics
/// If the memory does not come from here in this execution, or was given back.
#[track_caller]
pub unsafe fn dealloc(pointer: *mut u8, layout: Layout) {
    let count =
        here::no_more_counted(pointer.addr()).expect("this memory was not allocated, or it was given back already");
    Shared::of(count).act(Act::Drop(false), Place::caller());
    // SAFETY: the caller keeps what the function asks for.
    unsafe { raw::dealloc(pointer, layout) }
}

/// loom's `Track`: a value that has to be dropped.
///
/// ```
/// use lockwright::alloc::Track;
///
/// lockwright::model(|| {
///     let tracked = Track::new(7);
///     assert_eq!(*tracked.get_ref(), 7);
///     // Forgotten instead of dropped it would be LW022.
/// });
/// ```
#[derive(Debug)]
pub struct Track<T> {
    value: T,
    count: Held,
}

#[derive(Debug)]
struct Held(Shared);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.act_at_last(Act::Drop(false), Place::caller());
    }
}

impl<T> Track<T> {
    /// Looks after the value.
    #[track_caller]
    pub fn new(value: T) -> Track<T> {
        Track { value, count: Held(counted(Place::caller())) }
    }

    /// The value.
    pub fn get_ref(&self) -> &T {
        &self.value
    }

    /// The value.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// The value, which is not looked after any more.
    pub fn into_inner(self) -> T {
        drop(self.count);
        self.value
    }
}
