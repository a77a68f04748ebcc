//! `atomic_t` and barriers, with the kernel's orderings.
//!
//! `read`, `set`, `inc` and `dec` are marked and order nothing; operations that return a value are full barriers
//! (Documentation/atomic_t.txt of Linux).

use super::layout::Layout;
use crate::engine::{self, Object};
use crate::event::{Access, ObjectId, ObjectInfo, ObjectKind, Op, Place, Rmw, Symbol, View};

/// An `atomic_t`.
#[derive(Clone, Copy, Debug)]
pub struct Atomic(Object);

impl Atomic {
    /// With its first value.
    pub fn new(name: impl Into<Symbol>, value: i32) -> Atomic {
        Atomic(Object::new(ObjectInfo::new(ObjectKind::Atomic, name), i64::from(value) as u64))
    }

    /// One in a slab object, at 0.
    pub fn field(layout: &mut Layout, name: impl Into<Symbol>) -> Atomic {
        Atomic(layout.field(ObjectInfo::new(ObjectKind::Atomic, name)))
    }

    /// Its name.
    pub fn id(self) -> ObjectId {
        self.0.id
    }

    /// Its newest value, without a step: for checks.
    pub fn peek(self, view: &dyn View) -> i32 {
        view.peek(self.0.id) as i32
    }

    /// Gives a field of a fresh slab object its first value, before anybody else can know the object. No step.
    pub fn init(self, value: i32) {
        self.0.init(i64::from(value) as u64);
    }

    /// `atomic_read`.
    #[track_caller]
    pub fn read(self) -> i32 {
        self.0.perform(Op::Load(self.0.id, Access::Once), Place::caller()) as i32
    }

    /// `atomic_set`.
    #[track_caller]
    pub fn set(self, value: i32) {
        self.0.perform(Op::Store(self.0.id, i64::from(value) as u64, Access::Once), Place::caller());
    }

    /// `atomic_inc`: orders nothing.
    #[track_caller]
    pub fn inc(self) {
        self.rmw(Rmw::Add(1), Access::Once);
    }

    /// `atomic_dec`: orders nothing.
    #[track_caller]
    pub fn dec(self) {
        self.rmw(Rmw::Add(u64::MAX), Access::Once);
    }

    /// `atomic_dec_and_test`: a full barrier; true if it is 0 now.
    #[track_caller]
    pub fn dec_and_test(self) -> bool {
        self.rmw(Rmw::Add(u64::MAX), Access::Full) as i32 == 1
    }

    /// `atomic_inc_not_zero`: a full barrier; false if it is 0, and stays so.
    #[track_caller]
    pub fn inc_not_zero(self) -> bool {
        self.rmw(Rmw::IncNotZero, Access::Full) != 0
    }

    /// `atomic_xchg`: a full barrier; the old value.
    #[track_caller]
    pub fn xchg(self, value: i32) -> i32 {
        self.rmw(Rmw::Xchg(i64::from(value) as u64), Access::Full) as i32
    }

    /// `atomic_cmpxchg`: a full barrier; the old value.
    #[track_caller]
    pub fn cmpxchg(self, old: i32, new: i32) -> i32 {
        self.rmw(Rmw::CmpXchg(i64::from(old) as u64, i64::from(new) as u64), Access::Full) as i32
    }

    #[track_caller]
    fn rmw(self, rmw: Rmw, access: Access) -> u64 {
        self.0.perform(Op::Rmw(self.0.id, rmw, access), Place::caller())
    }
}

/// `smp_mb`: a full memory barrier.
#[track_caller]
pub fn smp_mb() {
    engine::perform(Op::Fence, Place::caller());
}
