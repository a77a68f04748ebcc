//! `lazy_static`: values that each execution makes for itself.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

#[doc(no_inline)]
pub use std::thread::panicking;

pub use crate::own::thread::{AccessError, yield_now};

use crate::engine;
use crate::event::{Access, Alu, AluOp, Op, Place, Rmw};
use crate::own::{here, program, raw};

/// The value of a `lazy_static!`.
pub struct Lazy<T> {
    #[doc(hidden)]
    pub init: fn() -> T,
    #[doc(hidden)]
    pub _p: PhantomData<fn(T)>,
}

impl<T: 'static> Lazy<T> {
    /// The value, which is made if nobody has. Two threads may both make one; the first that is done counts.
    #[track_caller]
    pub fn get(&'static self) -> &'static T {
        let place = Place::caller();
        let key = std::ptr::from_ref(self).addr();
        let statics = program::statics(crate::own::Shared::of(here::current().0));
        statics.perform(|id| Op::Load(id, Access::Acquire), place);
        if here::lazy(key).is_none() {
            let value: here::Kept = Arc::new((self.init)());
            let _section = engine::section();
            let one_more = Alu { what: AluOp::Add, bits: 64, signed: false };
            statics.perform(|id| Op::Rmw(id, Rmw::Alu(one_more, 1), Access::AcqRel), place);
            if here::lazy(key).is_none() {
                here::set_lazy(key, value);
            }
            // Whose value it is depends on who was here before: what this task has found belongs to what others see.
            statics.publish(None);
        }
        let kept = here::lazy(key).expect("it is set");
        raw::for_the_execution(kept.downcast_ref().expect("internal error: a key has values of one type"))
    }
}

impl<T: 'static> fmt::Debug for Lazy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Lazy { .. }")
    }
}
