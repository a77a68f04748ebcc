//! `thread_local!` and `lazy_static!`, in the shapes of the standard library and of the crate.

/// `std::thread_local!`, for threads of a model.
///
/// ```
/// use std::cell::Cell;
///
/// lockwright::thread_local! {
///     static N: Cell<u32> = Cell::new(1);
/// }
///
/// lockwright::model(|| {
///     N.with(|n| n.set(2));
///     let other = lockwright::thread::spawn(|| N.with(|n| n.get()));
///     assert_eq!(other.join().unwrap(), 1);
/// });
/// ```
#[macro_export]
macro_rules! thread_local {
    () => {};
    ($(#[$attribute:meta])* $vis:vis static $name:ident: $value:ty = const $init:block; $($rest:tt)*) => {
        $crate::thread_local!($(#[$attribute])* $vis static $name: $value = $init);
        $crate::thread_local!($($rest)*);
    };
    ($(#[$attribute:meta])* $vis:vis static $name:ident: $value:ty = const $init:block) => {
        $crate::thread_local!($(#[$attribute])* $vis static $name: $value = $init);
    };
    ($(#[$attribute:meta])* $vis:vis static $name:ident: $value:ty = $init:expr; $($rest:tt)*) => {
        $crate::thread_local!($(#[$attribute])* $vis static $name: $value = $init);
        $crate::thread_local!($($rest)*);
    };
    ($(#[$attribute:meta])* $vis:vis static $name:ident: $value:ty = $init:expr) => {
        $(#[$attribute])*
        $vis static $name: $crate::thread::LocalKey<$value> = $crate::thread::LocalKey {
            init: (|| $init) as fn() -> $value,
            _p: ::std::marker::PhantomData,
        };
    };
}

/// `lazy_static::lazy_static!`, for values of an execution.
///
/// ```
/// use lockwright::sync::atomic::{AtomicUsize, Ordering::SeqCst};
///
/// lockwright::lazy_static! {
///     static ref N: AtomicUsize = AtomicUsize::new(0);
/// }
///
/// lockwright::model(|| {
///     let other = lockwright::thread::spawn(|| N.fetch_add(1, SeqCst));
///     N.fetch_add(1, SeqCst);
///     other.join().unwrap();
///     assert_eq!(N.load(SeqCst), 2);
/// });
/// ```
#[macro_export]
macro_rules! lazy_static {
    ($(#[$attribute:meta])* static ref $name:ident: $value:ty = $init:expr; $($rest:tt)*) => {
        $crate::__lazy_static!($(#[$attribute])* () static ref $name: $value = $init; $($rest)*);
    };
    ($(#[$attribute:meta])* pub static ref $name:ident: $value:ty = $init:expr; $($rest:tt)*) => {
        $crate::__lazy_static!($(#[$attribute])* (pub) static ref $name: $value = $init; $($rest)*);
    };
    ($(#[$attribute:meta])* pub ($($vis:tt)+) static ref $name:ident: $value:ty = $init:expr; $($rest:tt)*) => {
        $crate::__lazy_static!($(#[$attribute])* (pub ($($vis)+)) static ref $name: $value = $init; $($rest)*);
    };
    () => {};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __lazy_static {
    ($(#[$attribute:meta])* ($($vis:tt)*) static ref $name:ident: $value:ty = $init:expr; $($rest:tt)*) => {
        #[allow(missing_copy_implementations, non_camel_case_types, dead_code, missing_docs, missing_debug_implementations)]
        $(#[$attribute])*
        $($vis)* struct $name {
            __private_field: (),
        }
        #[doc(hidden)]
        #[allow(missing_docs)]
        $($vis)* static $name: $name = $name { __private_field: () };
        impl ::std::ops::Deref for $name {
            type Target = $value;

            fn deref(&self) -> &$value {
                fn init() -> $value {
                    $init
                }
                static LAZY: $crate::lazy_static::Lazy<$value> =
                    $crate::lazy_static::Lazy { init, _p: ::std::marker::PhantomData };
                LAZY.get()
            }
        }
        $crate::lazy_static!($($rest)*);
    };
}
