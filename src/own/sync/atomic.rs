//! Atomics of all widths.
//!
//! Memory is sequentially consistent: a load sees the newest value whatever its ordering. The orderings that the code declares decide
//! which accesses of cells are ordered, and so what is a data race.

use std::sync::atomic::Ordering as Std;

mod bool;
mod int;
mod ptr;

pub use self::bool::AtomicBool;
pub use int::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
};
pub use ptr::AtomicPtr;
#[doc(no_inline)]
pub use std::sync::atomic::Ordering;
#[doc(no_inline)]
pub use std::sync::atomic::compiler_fence;

use crate::check::happens::FENCE;
use crate::engine;
use crate::event::{Access, CaseNote, Note, ObjectKind, Op, Place, Rmw};
use crate::own::{Shared, here};

/// How a load of that ordering accesses memory.
fn loads(order: Ordering) -> Access {
    match order {
        Std::Relaxed => Access::Once,
        Std::Acquire => Access::Acquire,
        Std::SeqCst => Access::Full,
        _ => panic!("there is no such thing as a release load"),
    }
}

fn stores(order: Ordering) -> Access {
    match order {
        Std::Relaxed => Access::Once,
        Std::Release => Access::Release,
        Std::SeqCst => Access::Full,
        _ => panic!("there is no such thing as an acquire store"),
    }
}

fn changes(order: Ordering) -> Access {
    match order {
        Std::Relaxed => Access::Relaxed,
        Std::Acquire => Access::Acquire,
        Std::Release => Access::Release,
        Std::AcqRel => Access::AcqRel,
        _ => Access::Full,
    }
}

/// The ordering of a failure that goes with that of a success.
fn failure_of(order: Ordering) -> Ordering {
    match order {
        Std::AcqRel => Std::Acquire,
        Std::Release => Std::Relaxed,
        other => other,
    }
}

/// A word that the engine has.
#[derive(Debug)]
struct Word(Shared);

impl Word {
    #[track_caller]
    fn new(kind: ObjectKind, value: u64) -> Word {
        Word(Shared::new(kind, value, Place::caller()))
    }

    #[track_caller]
    fn load(&self, order: Ordering) -> u64 {
        self.0.perform(|id| Op::Load(id, loads(order)), Place::caller())
    }

    #[track_caller]
    fn store(&self, value: u64, order: Ordering) {
        self.0.perform(|id| Op::Store(id, value, stores(order)), Place::caller());
    }

    #[track_caller]
    fn change(&self, rmw: Rmw, order: Ordering) -> u64 {
        self.0.perform(|id| Op::Rmw(id, rmw, changes(order)), Place::caller())
    }

    #[track_caller]
    fn compare_exchange(&self, current: u64, new: u64, success: Ordering, failure: Ordering) -> Result<u64, u64> {
        let found = self.change(Rmw::Cas(current, new, loads(failure)), success);
        if found == current { Ok(found) } else { Err(found) }
    }
}

impl Word {
    /// May fail without a reason, if that is asked for.
    #[track_caller]
    fn compare_exchange_weak(&self, current: u64, new: u64, success: Ordering, failure: Ordering) -> Result<u64, u64> {
        match self.fails_weakly(failure) {
            Some(found) => Err(found),
            None => self.compare_exchange(current, new, success, failure),
        }
    }

    /// Does a weak exchange fail without a reason? Then what is there.
    #[track_caller]
    fn fails_weakly(&self, failure: Ordering) -> Option<u64> {
        let id = self.0.object().id;
        let may_fail = here::may_fail_weakly(id);
        if !may_fail || engine::perform(Op::Choose(2, "weak exchange".into()), Place::caller()) == 0 {
            return None;
        }
        here::fails_weakly(id);
        Some(self.load(failure))
    }
}

/// `std::sync::atomic::fence`.
///
/// # Panics
/// For `Relaxed`, as there.
#[track_caller]
pub fn fence(order: Ordering) {
    let place: Place = Place::caller();
    let how = match order {
        Std::Acquire => 1,
        Std::Release => 2,
        Std::Relaxed => panic!("there is no such thing as a relaxed fence"),
        _ => 3,
    };
    crate::engine::note(Note::Case(CaseNote { kind: FENCE, words: [how, 0, 0] }), place);
}

/// `std::sync::atomic::spin_loop_hint`.
#[track_caller]
pub fn spin_loop_hint() {
    crate::own::thread::yield_now();
}
