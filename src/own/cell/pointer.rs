//! Pointers to a cell's value, which tell how long an access lasts.
#![allow(unsafe_code)]

use super::{Place, Span, raw};

/// A pointer to read through. The access ends when it is dropped.
///
/// ```
/// lockwright::model(|| {
///     let cell = lockwright::cell::UnsafeCell::new(1);
///     let read = cell.get();
///     // SAFETY: nobody writes the value meanwhile.
///     assert_eq!(unsafe { *read.deref() }, 1);
/// });
/// ```
#[derive(Debug)]
pub struct ConstPtr<T: ?Sized> {
    span: Span,
    pointer: *const T,
    place: Place,
}

/// A pointer to write through. The access ends when it is dropped.
///
/// ```
/// lockwright::model(|| {
///     let cell = lockwright::cell::UnsafeCell::new(1);
///     let write = cell.get_mut();
///     // SAFETY: nobody else reaches the value meanwhile.
///     write.with(|value| unsafe { *value += 1 });
/// });
/// ```
#[derive(Debug)]
pub struct MutPtr<T: ?Sized> {
    span: Span,
    pointer: *mut T,
    place: Place,
}

impl<T: ?Sized> ConstPtr<T> {
    pub(super) fn new(span: Span, pointer: *const T, place: Place) -> ConstPtr<T> {
        ConstPtr { span, pointer, place }
    }

    /// The value.
    ///
    /// # Safety
    /// As for a raw pointer: it is valid, and nobody writes the value while the reference lives.
    pub unsafe fn deref(&self) -> &T {
        // SAFETY: the caller keeps what the function asks for.
        unsafe { raw::shared(self.pointer) }
    }

    /// Runs `f` on the pointer.
    pub fn with<F, R>(&self, f: F) -> R
    where
        F: FnOnce(*const T) -> R,
    {
        f(self.pointer)
    }
}

impl<T: ?Sized> MutPtr<T> {
    pub(super) fn new(span: Span, pointer: *mut T, place: Place) -> MutPtr<T> {
        MutPtr { span, pointer, place }
    }

    /// The value.
    ///
    /// # Safety
    /// As for a raw pointer: it is valid, and nobody else reaches the value while the reference lives.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn deref(&self) -> &mut T {
        // SAFETY: the caller keeps what the function asks for.
        unsafe { raw::exclusive(self.pointer) }
    }

    /// Runs `f` on the pointer.
    pub fn with<F, R>(&self, f: F) -> R
    where
        F: FnOnce(*mut T) -> R,
    {
        f(self.pointer)
    }

    /// The value, for a cell that is not shared.
    #[allow(clippy::mut_from_ref)]
    pub(super) fn exclusive(&self) -> &mut T {
        raw::of_alone(self.pointer)
    }
}

impl<T: ?Sized> Drop for ConstPtr<T> {
    fn drop(&mut self) {
        self.span.end(None, self.place);
    }
}

impl<T: ?Sized> Drop for MutPtr<T> {
    fn drop(&mut self) {
        self.span.end(None, self.place);
    }
}
