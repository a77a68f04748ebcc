//! What stands for a value: the hash of its contents where they are known to be all there is to it.
//!
//! Data that a task lets go of is as old as what the task had observed. That is true for every type, and tells values apart that are
//! equal. Where the contents can be hashed, states that differ in nothing but how they came about meet. Numbers, truth values and strings,
//! and vectors and options of them, are hashed without being asked; others if the program says so (`Mutex::hashed`).

use std::any::TypeId;
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use super::raw;
use crate::engine::fingerprint::Fingerprint;

/// How the contents of one type are hashed; `None` if nobody can say what they are.
#[derive(Clone, Copy, Debug)]
pub struct Content(Option<fn(*const u8) -> u64>);

fn hash<T: Hash>(erased: *const u8) -> u64 {
    let mut fingerprint = Fingerprint::default();
    raw::look::<T, ()>(erased, |value| value.hash(&mut fingerprint));
    fingerprint.finish() | 1
}

fn nothing(_: *const u8) -> u64 {
    1
}

/// The function of the type with this identity, if it is one of these, or a vector or option of one.
macro_rules! known {
    ($id:ident: $($number:ty),*) => {
        $(
            if $id == TypeId::of::<$number>() {
                return Content(Some(hash::<$number>));
            }
            if $id == TypeId::of::<Option<$number>>() {
                return Content(Some(hash::<Option<$number>>));
            }
            if $id == TypeId::of::<Vec<$number>>() {
                return Content(Some(hash::<Vec<$number>>));
            }
            if $id == TypeId::of::<VecDeque<$number>>() {
                return Content(Some(hash::<VecDeque<$number>>));
            }
        )*
    };
}

impl Content {
    /// That of a type.
    pub fn of<T>() -> Content {
        if size_of::<T>() == 0 {
            return Content(Some(nothing));
        }
        let id = raw::type_id::<T>();
        known!(id: bool, char, u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, u128, i128, String, &'static str, (usize, usize));
        Content(None)
    }

    /// That of a type whose values are nothing but their bytes, so that one that was moved away can still be looked at.
    pub fn of_bytes<T>() -> Content {
        if size_of::<T>() == 0 {
            return Content(Some(nothing));
        }
        let id = raw::type_id::<T>();
        macro_rules! bytes {
            ($($number:ty),*) => {
                $(if id == TypeId::of::<$number>() {
                    return Content(Some(hash::<$number>));
                })*
            };
        }
        bytes!(bool, u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, u128, i128);
        Content(None)
    }

    /// That of a type that says itself what it is equal to.
    pub fn hashed<T: Hash>() -> Content {
        Content(Some(hash::<T>))
    }

    /// Nobody can say what the contents are.
    pub fn unknown() -> Content {
        Content(None)
    }

    /// What stands for the value there, which is of the type.
    pub fn stands_for(self, erased: *const u8) -> Option<u64> {
        self.0.map(|hash| hash(erased))
    }

    /// What stands for the value there, behind a lock; `was_poisoned` if a holder has panicked at some time.
    pub fn stands_for_locked(self, erased: *const u8, was_poisoned: bool) -> Option<u64> {
        let content = self.stands_for(erased)?;
        Some(if was_poisoned { content.rotate_left(31) ^ 2 | 1 } else { content })
    }

    /// Are the contents unknown?
    pub fn is_opaque(self) -> bool {
        self.0.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_stand_for_each_other_and_what_is_opaque_for_nothing() {
        struct Opaque(#[expect(dead_code)] u64);
        let of = |value: &u64| Content::of::<u64>().stands_for(std::ptr::from_ref(value).cast());

        assert_eq!(of(&7), of(&7));
        assert_ne!(of(&7), of(&8));
        assert!(Content::of::<Opaque>().is_opaque() && !Content::of::<()>().is_opaque());
        assert!(!Content::of::<&str>().is_opaque() && !Content::of::<Vec<u32>>().is_opaque());
    }
}
