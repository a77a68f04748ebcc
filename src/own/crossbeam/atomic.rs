//! `crossbeam::atomic`.

use crate::own::sync::{Mutex, PoisonError};

/// `crossbeam::atomic::AtomicCell`: every operation is one step for all others.
///
/// ```
/// use lockwright::crossbeam::atomic::AtomicCell;
///
/// lockwright::model(|| {
///     let cell = AtomicCell::new(1);
///     assert_eq!((cell.swap(2), cell.load()), (1, 2));
/// });
/// ```
#[derive(Debug, Default)]
pub struct AtomicCell<T>(Mutex<T>);

impl<T> AtomicCell<T> {
    /// One of that value.
    #[track_caller]
    pub fn new(value: T) -> AtomicCell<T> {
        AtomicCell(Mutex::new(value))
    }

    #[track_caller]
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets it.
    #[track_caller]
    pub fn store(&self, value: T) {
        drop(self.swap(value));
    }

    /// Sets it, and returns what was there.
    #[track_caller]
    pub fn swap(&self, value: T) -> T {
        self.with(|own| std::mem::replace(own, value))
    }

    /// The value.
    #[track_caller]
    pub fn load(&self) -> T
    where
        T: Copy,
    {
        self.with(|own| *own)
    }

    /// The value, in whose place there is the default.
    #[track_caller]
    pub fn take(&self) -> T
    where
        T: Default,
    {
        self.swap(T::default())
    }

    /// Sets it to `new` if it is `current`.
    ///
    /// # Errors
    /// With what is there, if it is not.
    #[track_caller]
    pub fn compare_exchange(&self, current: T, new: T) -> Result<T, T>
    where
        T: Copy + Eq,
    {
        self.with(|own| if *own == current { Ok(std::mem::replace(own, new)) } else { Err(*own) })
    }

    /// Sets it to what `f` makes of it, unless that is nothing.
    ///
    /// # Errors
    /// With what is there, if it is.
    #[track_caller]
    pub fn fetch_update<F>(&self, mut f: F) -> Result<T, T>
    where
        F: FnMut(T) -> Option<T>,
        T: Copy + Eq,
    {
        let mut before = self.load();
        while let Some(next) = f(before) {
            match self.compare_exchange(before, next) {
                Ok(before) => return Ok(before),
                Err(now) => before = now,
            }
        }
        Err(before)
    }
}

/// The arithmetic of numbers.
macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl AtomicCell<$number> {
            /// Adds, round the end if need be, and returns what was there.
            #[track_caller]
            pub fn fetch_add(&self, by: $number) -> $number {
                self.with(|own| std::mem::replace(own, own.wrapping_add(by)))
            }

            /// Subtracts, round the end if need be, and returns what was there.
            #[track_caller]
            pub fn fetch_sub(&self, by: $number) -> $number {
                self.with(|own| std::mem::replace(own, own.wrapping_sub(by)))
            }

            /// The larger of both, and returns what was there.
            #[track_caller]
            pub fn fetch_max(&self, other: $number) -> $number {
                self.with(|own| std::mem::replace(own, (*own).max(other)))
            }

            /// The smaller of both, and returns what was there.
            #[track_caller]
            pub fn fetch_min(&self, other: $number) -> $number {
                self.with(|own| std::mem::replace(own, (*own).min(other)))
            }
        })*
    };
}

numbers!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

impl<T> From<T> for AtomicCell<T> {
    #[track_caller]
    fn from(value: T) -> AtomicCell<T> {
        AtomicCell::new(value)
    }
}
