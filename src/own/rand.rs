//! Numbers that are not drawn but explored: `rand` in shuttle's shape, as far as all values can be tried.
//!
//! ```
//! use lockwright::rand::{Rng, thread_rng};
//!
//! lockwright::model(|| {
//!     let die: u8 = thread_rng().gen_range(1..=6);
//!     assert!((1..=6).contains(&die));
//! });
//! ```

use std::ops::{Bound, RangeBounds};

use crate::own::{choose, choose_bool};

/// `rand::rngs`.
pub mod rngs {
    /// A source of choices.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ThreadRng(pub(super) ());
}

/// The source of choices of the calling thread.
pub fn thread_rng() -> rngs::ThreadRng {
    rngs::ThreadRng(())
}

/// A whole number.
pub trait Number: Copy {
    /// As the widest there is.
    fn widen(self) -> i128;
    /// Back again.
    fn narrow(wide: i128) -> Self;
    /// The largest.
    const LAST: i128;
    /// The smallest.
    const FIRST: i128;
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl Number for $number {
            fn widen(self) -> i128 {
                self as i128
            }

            fn narrow(wide: i128) -> $number {
                wide as $number
            }

            const LAST: i128 = <$number>::MAX as i128;
            const FIRST: i128 = <$number>::MIN as i128;
        })*
    };
}

numbers!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

/// `rand::Rng`: what has few enough values that each can be explored.
pub trait Rng {
    /// A number of the range: all are explored.
    ///
    /// # Panics
    /// If the range is empty or has more than 100 numbers.
    #[track_caller]
    fn gen_range<T: Number>(&mut self, range: impl RangeBounds<T>) -> T {
        let first = match range.start_bound() {
            Bound::Included(first) => first.widen(),
            Bound::Excluded(before) => before.widen() + 1,
            Bound::Unbounded => T::FIRST,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.widen() + 1,
            Bound::Excluded(end) => end.widen(),
            Bound::Unbounded => T::LAST + 1,
        };
        let count = usize::try_from(end - first).unwrap_or(0);
        assert!((1..=100).contains(&count), "gen_range explores ranges of 1 to 100 numbers, not of {}", end - first);
        T::narrow(first + choose(count) as i128)
    }

    /// Both truth values, unless the chance is none or certain.
    #[track_caller]
    fn gen_bool(&mut self, chance: f64) -> bool {
        if chance <= 0.0 || chance >= 1.0 { chance >= 1.0 } else { choose_bool() }
    }

    /// As [`Rng::gen_bool`] of a fraction.
    #[track_caller]
    fn gen_ratio(&mut self, part: u32, whole: u32) -> bool {
        self.gen_bool(f64::from(part) / f64::from(whole))
    }
}

impl Rng for rngs::ThreadRng {}
