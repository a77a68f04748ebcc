//! `std::hint`.
#![allow(unsafe_code)]

#[doc(no_inline)]
pub use std::hint::black_box;

/// `std::hint::spin_loop`: as [`yield_now`](crate::own::thread::yield_now).
#[track_caller]
pub fn spin_loop() {
    crate::own::thread::yield_now();
}

/// `std::hint::unreachable_unchecked`, which here panics.
///
/// # Safety
/// It is safe. The real one is not.
///
/// # Panics
/// Always.
#[track_caller]
pub unsafe fn unreachable_unchecked() -> ! {
    unreachable!("unreachable_unchecked was reached")
}
