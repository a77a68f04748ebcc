//! Plain memory: a field that belongs to no lock.
//!
//! Which lock protects it is the discipline of the code under test, and that is what is checked: an access that no
//! lock covers is a data race, unless both sides are marked (`READ_ONCE`, `WRITE_ONCE`), as KCSAN sees it.

use std::marker::PhantomData;

use super::layout::Layout;
use crate::engine::Object;
use crate::event::{Access, Format, ObjectId, ObjectInfo, ObjectKind, Op, Place, Symbol, View};

/// A value that fits a machine word.
pub trait Word: Copy {
    /// How it reads in a trace.
    const FORMAT: Format = Format::Number;
    /// As stored.
    fn to_word(self) -> u64;
    /// From what was stored.
    fn from_word(word: u64) -> Self;
}

macro_rules! number_words {
    ($($number:ty),*) => {
        $(impl Word for $number {
            fn to_word(self) -> u64 {
                self as u64
            }

            fn from_word(word: u64) -> Self {
                word as $number
            }
        })*
    };
}

number_words!(u8, u32, u64, i32, i64);

impl Word for bool {
    fn to_word(self) -> u64 {
        u64::from(self)
    }

    fn from_word(word: u64) -> bool {
        word != 0
    }
}

impl Word for Option<ObjectId> {
    const FORMAT: Format = Format::Pointer;

    fn to_word(self) -> u64 {
        self.map_or(0, |id| u64::from(id.0))
    }

    fn from_word(word: u64) -> Option<ObjectId> {
        (word != 0).then_some(ObjectId(word as u32))
    }
}

/// A plain memory cell.
#[derive(Debug)]
pub struct Plain<T> {
    object: Object,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Plain<T> {
    fn clone(&self) -> Plain<T> {
        *self
    }
}

impl<T> Copy for Plain<T> {}

impl<T> PartialEq for Plain<T> {
    fn eq(&self, other: &Plain<T>) -> bool {
        self.object == other.object
    }
}

impl<T: Word> Plain<T> {
    fn info(name: impl Into<Symbol>) -> ObjectInfo {
        ObjectInfo { format: T::FORMAT, ..ObjectInfo::new(ObjectKind::Plain, name) }
    }

    /// With its first value.
    pub fn new(name: impl Into<Symbol>, value: T) -> Plain<T> {
        Plain { object: Object::new(Self::info(name), value.to_word()), value: PhantomData }
    }

    /// One in a slab object, zeroed.
    pub fn field(layout: &mut Layout, name: impl Into<Symbol>) -> Plain<T> {
        Plain { object: layout.field(Self::info(name)), value: PhantomData }
    }

    /// Its name, which a history may remember.
    pub fn id(self) -> ObjectId {
        self.object.id
    }

    pub(super) fn object(self) -> Object {
        self.object
    }

    /// Its newest value, without a step: for checks.
    pub fn peek(self, view: &dyn View) -> T {
        T::from_word(view.peek(self.object.id))
    }

    /// Gives a field of a fresh slab object its first value, before anybody else can know the object. No step.
    pub fn init(self, value: T) {
        self.object.init(value.to_word());
    }

    /// An ordinary read.
    #[track_caller]
    pub fn get(self) -> T {
        self.load(Access::Plain)
    }

    /// An ordinary write.
    #[track_caller]
    pub fn set(self, value: T) {
        self.store(value, Access::Plain);
    }

    /// `READ_ONCE`.
    #[track_caller]
    pub fn read_once(self) -> T {
        self.load(Access::Once)
    }

    /// `WRITE_ONCE`.
    #[track_caller]
    pub fn write_once(self, value: T) {
        self.store(value, Access::Once);
    }

    /// `smp_load_acquire`.
    #[track_caller]
    pub fn load_acquire(self) -> T {
        self.load(Access::Acquire)
    }

    /// `smp_store_release`.
    #[track_caller]
    pub fn store_release(self, value: T) {
        self.store(value, Access::Release);
    }

    #[track_caller]
    fn load(self, access: Access) -> T {
        T::from_word(self.object.perform(Op::Load(self.object.id, access), Place::caller()))
    }

    #[track_caller]
    fn store(self, value: T, access: Access) {
        self.object.perform(Op::Store(self.object.id, value.to_word(), access), Place::caller());
    }
}
