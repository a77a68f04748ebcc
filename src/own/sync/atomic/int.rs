//! Atomic numbers.
#![allow(unsafe_code)]

use super::{Ordering, Word};
use crate::event::{Alu, AluOp, ObjectKind, Rmw};

macro_rules! number {
    ($name:ident, $number:ty, $unsigned:ty) => {
        #[doc = concat!("`std::sync::atomic::", stringify!($name), "`.")]
        #[derive(Debug)]
        pub struct $name(Word);

        impl $name {
            /// One of that value.
            #[track_caller]
            pub fn new(value: $number) -> $name {
                $name(Word::new(ObjectKind::Atomic, value as $unsigned as u64))
            }

            fn number(word: u64) -> $number {
                word as $number
            }

            fn word(value: $number) -> u64 {
                value as $unsigned as u64
            }

            #[track_caller]
            fn alu(&self, what: AluOp, by: $number, order: Ordering) -> $number {
                let alu = Alu { what, bits: <$number>::BITS as u8, signed: <$number>::MIN != 0 };
                Self::number(self.0.change(Rmw::Alu(alu, Self::word(by)), order))
            }

            /// Runs `f` on the value, which nobody else can reach.
            #[track_caller]
            pub fn with_mut<R>(&mut self, f: impl FnOnce(&mut $number) -> R) -> R {
                let mut value = self.load(Ordering::Relaxed);
                let result = f(&mut value);
                self.store(value, Ordering::Relaxed);
                result
            }

            /// The value.
            ///
            /// # Safety
            /// Nobody writes it at the same time. Here it is a relaxed load.
            #[track_caller]
            pub unsafe fn unsync_load(&self) -> $number {
                self.load(Ordering::Relaxed)
            }

            /// The value.
            #[track_caller]
            pub fn into_inner(self) -> $number {
                self.load(Ordering::Relaxed)
            }

            /// Reads it.
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $number {
                Self::number(self.0.load(order))
            }

            /// Writes it.
            #[track_caller]
            pub fn store(&self, value: $number, order: Ordering) {
                self.0.store(Self::word(value), order);
            }

            /// Replaces it, and returns what was there.
            #[track_caller]
            pub fn swap(&self, value: $number, order: Ordering) -> $number {
                Self::number(self.0.change(Rmw::Xchg(Self::word(value)), order))
            }

            /// Replaces `current` by `new`, and returns what was there.
            #[track_caller]
            pub fn compare_and_swap(&self, current: $number, new: $number, order: Ordering) -> $number {
                let failure = super::failure_of(order);
                self.compare_exchange(current, new, order, failure).unwrap_or_else(|found| found)
            }

            /// Replaces `current` by `new`.
            ///
            /// # Errors
            /// With what was there, if it was something else.
            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $number,
                new: $number,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$number, $number> {
                let result = self.0.compare_exchange(Self::word(current), Self::word(new), success, failure);
                result.map(Self::number).map_err(Self::number)
            }

            /// The same, and it may fail although `current` is there: with
            /// [`Builder::spurious_wakeups`](crate::model::Builder::spurious_wakeups) that is explored.
            ///
            /// # Errors
            /// With what was there.
            #[track_caller]
            pub fn compare_exchange_weak(
                &self,
                current: $number,
                new: $number,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$number, $number> {
                let result = self.0.compare_exchange_weak(Self::word(current), Self::word(new), success, failure);
                result.map(Self::number).map_err(Self::number)
            }

            /// Adds, wrapping, and returns what was there.
            #[track_caller]
            pub fn fetch_add(&self, by: $number, order: Ordering) -> $number {
                self.alu(AluOp::Add, by, order)
            }

            /// Subtracts, wrapping, and returns what was there.
            #[track_caller]
            pub fn fetch_sub(&self, by: $number, order: Ordering) -> $number {
                self.alu(AluOp::Sub, by, order)
            }

            /// Bitwise and; returns what was there.
            #[track_caller]
            pub fn fetch_and(&self, by: $number, order: Ordering) -> $number {
                self.alu(AluOp::And, by, order)
            }

            /// Bitwise nand; returns what was there.
            #[track_caller]
            pub fn fetch_nand(&self, by: $number, order: Ordering) -> $number {
                self.alu(AluOp::Nand, by, order)
            }

            /// Bitwise or; returns what was there.
            #[track_caller]
            pub fn fetch_or(&self, by: $number, order: Ordering) -> $number {
                self.alu(AluOp::Or, by, order)
            }

            /// Bitwise exclusive or; returns what was there.
            #[track_caller]
            pub fn fetch_xor(&self, by: $number, order: Ordering) -> $number {
                self.alu(AluOp::Xor, by, order)
            }

            /// The greater of the two stays; returns what was there.
            #[track_caller]
            pub fn fetch_max(&self, by: $number, order: Ordering) -> $number {
                self.alu(AluOp::Max, by, order)
            }

            /// The smaller of the two stays; returns what was there.
            #[track_caller]
            pub fn fetch_min(&self, by: $number, order: Ordering) -> $number {
                self.alu(AluOp::Min, by, order)
            }

            /// Replaces the value by what `f` makes of it, as often as somebody comes in between.
            ///
            /// # Errors
            /// With what was there, if `f` makes nothing of it.
            #[track_caller]
            pub fn fetch_update<F>(&self, set: Ordering, fetch: Ordering, mut f: F) -> Result<$number, $number>
            where
                F: FnMut($number) -> Option<$number>,
            {
                let mut found = self.load(fetch);
                while let Some(next) = f(found) {
                    match self.compare_exchange(found, next, set, fetch) {
                        Ok(found) => return Ok(found),
                        Err(other) => found = other,
                    }
                }
                Err(found)
            }

            /// As `fetch_update`.
            ///
            /// # Errors
            /// With what was there, if `f` makes nothing of it.
            #[track_caller]
            pub fn try_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                f: impl FnMut($number) -> Option<$number>,
            ) -> Result<$number, $number> {
                self.fetch_update(set, fetch, f)
            }

            /// Replaces the value by what `f` makes of it; returns what was there.
            #[track_caller]
            pub fn update(&self, set: Ordering, fetch: Ordering, mut f: impl FnMut($number) -> $number) -> $number {
                self.fetch_update(set, fetch, |value| Some(f(value))).unwrap_or_else(|found| found)
            }
        }

        impl Default for $name {
            #[track_caller]
            fn default() -> $name {
                $name::new(0)
            }
        }

        impl From<$number> for $name {
            #[track_caller]
            fn from(value: $number) -> $name {
                $name::new(value)
            }
        }
    };
}

number!(AtomicU8, u8, u8);
number!(AtomicU16, u16, u16);
number!(AtomicU32, u32, u32);
number!(AtomicU64, u64, u64);
number!(AtomicUsize, usize, usize);
number!(AtomicI8, i8, u8);
number!(AtomicI16, i16, u16);
number!(AtomicI32, i32, u32);
number!(AtomicI64, i64, u64);
number!(AtomicIsize, isize, usize);
