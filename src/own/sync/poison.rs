//! Whether a holder of a lock has panicked.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::event::{Access, ObjectKind, Op, Place, Symbol};
use crate::own::{Shared, name_of};

/// The mark of one lock: a word of its own, as std has it. It is set under the lock, and may be asked for and cleared without.
///
/// Where no holder has ever panicked, a task that takes the lock need not ask. Taking the lock already tells it that, since the panic
/// is part of the version of what the lock guards.
#[derive(Debug)]
pub(super) struct Poison {
    word: Shared,
    /// A holder has panicked at some time. It is set under the lock and never cleared.
    ever: AtomicBool,
}

impl Poison {
    /// Nobody has panicked.
    pub fn new(place: Place) -> Poison {
        let name = Symbol::from(format!("{}, poisoned", name_of(place)));
        let word = Shared::numbered(ObjectKind::Atomic, 0, name);
        Poison { word, ever: AtomicBool::new(false) }
    }

    /// The holder panics.
    pub fn set(&self, place: Place) {
        self.store(true, place);
        self.ever.store(true, Ordering::Relaxed);
    }

    /// Somebody says that all is well.
    pub fn clear(&self, place: Place) {
        self.store(false, place);
    }

    fn store(&self, value: bool, place: Place) {
        self.word.perform(|id| Op::Store(id, value.into(), Access::Once), place);
    }

    /// Asks for it, at any time.
    pub fn load(&self, place: Place) -> bool {
        self.word.perform(|id| Op::Load(id, Access::Once), place) != 0
    }

    /// The same for one that has just taken the lock, or has it alone: a step only where a holder has panicked.
    pub fn is_found(&self, place: Place) -> bool {
        self.was_ever_there() && self.load(place)
    }

    /// Has any holder panicked?
    pub fn was_ever_there(&self) -> bool {
        self.ever.load(Ordering::Relaxed)
    }
}
