//! Objects that are made when they are first used: what a `const` gives, where nobody can make an object of the engine.
//!
//! Which thread comes first depends on the order, and so does the object. That it is there, and which it is, is therefore an observation: every
//! use begins with a look at the object that all lazy statics are behind, and the first use is a change of it. Where objects can be made when
//! their owner is, none of this happens.

use crate::engine;
use crate::event::{Access, Alu, AluOp, Op, Place, Rmw};
use crate::own::raw::Data;
use crate::own::{Shared, here, program};

/// Objects that belong to one owner.
pub trait Parts: Copy + Send {
    /// Makes them.
    fn make(place: Place) -> Self;

    /// One of them, which tells the execution in which they were made.
    fn first(&self) -> Shared;
}

/// The objects of an owner, made with it or when it is first used.
#[derive(Debug)]
pub struct Late<P: Parts> {
    parts: Data<Option<P>>,
    is_early: bool,
}

impl<P: Parts> Late<P> {
    /// Not made.
    pub const fn unmade() -> Late<P> {
        Late { parts: Data::new(None), is_early: false }
    }

    /// Made now.
    pub fn made(place: Place) -> Late<P> {
        Late { parts: Data::new(Some(P::make(place))), is_early: true }
    }

    fn known(&self) -> Option<P> {
        self.parts.shared().filter(|parts| self.is_early || parts.first().object().is_current())
    }

    /// The objects, which are made if they are not there.
    pub fn get(&self, place: Place) -> P {
        let _section = (!self.is_early).then(engine::section);
        if let (Some(parts), true) = (self.known(), self.is_early) {
            return parts;
        }
        let statics = program::statics(Shared::of(here::current().0));
        statics.perform(|id| Op::Load(id, Access::Acquire), place);
        if let Some(parts) = self.known() {
            return parts;
        }
        let one_more = Alu { what: AluOp::Add, bits: 64, signed: false };
        statics.perform(|id| Op::Rmw(id, Rmw::Alu(one_more, 1), Access::AcqRel), place);
        let parts = self.known().unwrap_or_else(|| P::make(place));
        *self.parts.exclusive() = Some(parts);
        statics.publish(None);
        parts
    }

    /// The objects, for a thread that has used them in this execution; `None` once that is over.
    pub fn used(&self) -> Option<P> {
        self.parts.shared().filter(|parts| parts.first().object().is_current())
    }
}
