//! `thread_local!`, `lazy_static!` and `select!`, in the shapes of the standard library and of the crates.

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

/// `crossbeam::channel::select!`: `recv(r) -> m => …`, `send(s, m) -> r => …`, `default => …` and `default(timeout) => …`.
///
/// ```
/// use lockwright::crossbeam::{channel::unbounded, select};
///
/// lockwright::model(|| {
///     let (sender, receiver) = unbounded::<u8>();
///     select! {
///         recv(receiver) -> message => panic!("nobody has sent {message:?}"),
///         default => sender.send(1).unwrap(),
///     }
/// });
/// ```
#[macro_export]
macro_rules! select {
    ($($arms:tt)*) => {
        $crate::__select!(@arm [] [] [] [Waits] [] $($arms)*)
    };
}

/// Takes one arm after the other: what makes the arms, where the next lies, what each does, and what is done otherwise.
#[doc(hidden)]
#[macro_export]
macro_rules! __select {
    // With or without a comma after what is done.
    (@arm $made:tt $path:tt $done:tt $other:tt $default:tt $kind:ident($($of:tt)*) $(-> $name:pat)? => $body:block, $($rest:tt)*) => {
        $crate::__select!(@take $made $path $done $other $default $kind($($of)*) [$($name)?] [$body] $($rest)*)
    };
    (@arm $made:tt $path:tt $done:tt $other:tt $default:tt $kind:ident($($of:tt)*) $(-> $name:pat)? => $body:block $($rest:tt)*) => {
        $crate::__select!(@take $made $path $done $other $default $kind($($of)*) [$($name)?] [$body] $($rest)*)
    };
    (@arm $made:tt $path:tt $done:tt $other:tt $default:tt $kind:ident($($of:tt)*) $(-> $name:pat)? => $body:expr, $($rest:tt)*) => {
        $crate::__select!(@take $made $path $done $other $default $kind($($of)*) [$($name)?] [$body] $($rest)*)
    };
    (@arm $made:tt $path:tt $done:tt $other:tt $default:tt $kind:ident($($of:tt)*) $(-> $name:pat)? => $body:expr) => {
        $crate::__select!(@take $made $path $done $other $default $kind($($of)*) [$($name)?] [$body])
    };
    (@arm $made:tt $path:tt $done:tt $other:tt $default:tt default => $($rest:tt)*) => {
        $crate::__select!(@arm $made $path $done $other $default default() => $($rest)*)
    };

    (@take [$($made:tt)*] [$($path:tt)*] [$($done:tt)*] $other:tt $default:tt recv($receiver:expr) [$name:pat] [$body:expr] $($rest:tt)*) => {
        $crate::__select!(@arm [$($made)* [$crate::crossbeam::channel::RecvArm::new(&$receiver)]] [$($path)* .1]
            [$($done)* [[$($path)* .0] $name => $body]] $other $default $($rest)*)
    };
    (@take [$($made:tt)*] [$($path:tt)*] [$($done:tt)*] $other:tt $default:tt send($sender:expr, $message:expr) [$name:pat] [$body:expr] $($rest:tt)*) => {
        $crate::__select!(@arm [$($made)* [$crate::crossbeam::channel::SendArm::new(&$sender, $message)]] [$($path)* .1]
            [$($done)* [[$($path)* .0] $name => $body]] $other $default $($rest)*)
    };
    (@take $made:tt $path:tt $done:tt $other:tt $default:tt default() [] [$body:expr] $($rest:tt)*) => {
        $crate::__select!(@arm $made $path $done [Goes] [$body] $($rest)*)
    };
    (@take $made:tt $path:tt $done:tt $other:tt $default:tt default($timeout:expr) [] [$body:expr] $($rest:tt)*) => {
        $crate::__select!(@arm $made $path $done [TimesOut] [{ let _ = $timeout; $body }] $($rest)*)
    };

    (@arm [$($made:tt)*] $path:tt [$([[$($way:tt)*] $name:pat => $body:expr])*] [$other:ident] [$($default:expr)?]) => {
        // What the arms borrow lives as long as they do.
        match $crate::__select!(@nest $($made)*) {
            arms => {
                let taken = $crate::crossbeam::channel::run(&arms, $crate::crossbeam::channel::Otherwise::$other);
                let mut at = 0;
                #[allow(unreachable_code, clippy::diverging_sub_expression)]
                let selected = 'selected: {
                    $(
                        if taken == at {
                            let $name = arms $($way)* .result();
                            break 'selected $body;
                        }
                        at += 1;
                    )*
                    let _ = at;
                    $crate::__select!(@otherwise $($default)?)
                };
                selected
            }
        }
    };
    (@nest) => { () };
    (@nest [$first:expr] $($rest:tt)*) => { ($first, $crate::__select!(@nest $($rest)*)) };
    (@otherwise) => { unreachable!("without a default a selection waits") };
    (@otherwise $default:expr) => { $default };
}
