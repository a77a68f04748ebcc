//! User-land Rust under the explorer: what `thread`, `sync`, `cell`, `future` and `model` stand on.
//!
//! The crate's root has loom's paths, names and signatures, so that code written for loom compiles with
//! `loom = { package = "lockwright" }`. Those modules are thin. What they are made of lies here: objects of the engine that are named by
//! the place in the source where they were made ([`Shared`]), data whose version the engine knows ([`raw::Data`], [`content`]),
//! what belongs to a thread ([`here`]), the program that a closure is ([`program`]) and its verdict ([`report`]).
//!
//! Memory is sequentially consistent. Orderings that the code declares decide what is a data race, and nothing else.

use crate::engine::{self, Object};
use crate::event::{Act, Format, ObjectInfo, ObjectKind, Op, Place, Symbol};

pub mod alloc;
pub mod cell;
pub mod content;
pub mod crossbeam;
pub mod future;
pub mod here;
pub mod hint;
pub mod late;
pub mod lazy_static;
pub mod model;
pub mod parking_lot;
pub mod program;
pub mod rand;
#[allow(unsafe_code)]
pub mod raw;
pub mod replay;
pub mod report;
pub mod shuttle;
pub mod sync;
pub mod thread;

/// An object of the engine that user-land code knows nothing of.
#[derive(Clone, Copy, Debug)]
pub struct Shared(Object);

/// The place in the source, as a name.
pub fn name_of(place: Place) -> Symbol {
    Symbol::from(format!("{}:{}", place.file(), place.line()))
}

impl Shared {
    /// Makes one, which is named after the place; the second that a task makes there is `src/queue.rs:31#2`.
    pub fn new(kind: ObjectKind, value: u64, place: Place) -> Shared {
        Shared::numbered(kind, value, name_of(place))
    }

    /// Makes one of that name, with a number if it is not the task's first.
    pub fn numbered(kind: ObjectKind, value: u64, name: Symbol) -> Shared {
        let name = match here::number(name) {
            1 => name,
            number => Symbol::from(format!("{name}#{number}")),
        };
        Shared::named(kind, value, name)
    }

    /// Makes one of that name.
    pub fn named(kind: ObjectKind, value: u64, name: Symbol) -> Shared {
        let info = ObjectInfo { format: Format::Rust, ..ObjectInfo::new(kind, name) };
        Shared(Object::new(info, value))
    }

    /// The object.
    pub fn object(self) -> Object {
        self.0
    }

    /// An object that is there already.
    pub fn of(object: Object) -> Shared {
        Shared(object)
    }

    /// Performs an operation on it.
    pub fn perform(self, op: impl FnOnce(crate::event::ObjectId) -> Op, place: Place) -> u64 {
        let op = op(self.0.id);
        let result = self.0.perform(op, place);
        if !matches!(op, Op::Act(_, Act::Spin(_))) && here::goes_round(op, result, place) {
            thread::let_others_go(place);
        }
        result
    }

    /// Performs an operation of user-land code on it.
    pub fn act(self, act: Act, place: Place) -> u64 {
        self.perform(|id| Op::Act(id, act), place)
    }

    /// The same for what is dropped: after its execution there is nothing to be done.
    pub fn act_at_last(self, act: Act, place: Place) -> Option<u64> {
        self.0.is_current().then(|| self.act(act, place))
    }

    /// Data in it is let go of.
    pub fn publish(self, content: Option<u64>) {
        self.0.publish(content);
    }
}

/// Most results of one step that chooses.
const CHOICES_MAX: usize = 100;

/// A number from `0..n`: the exploration tries them all.
///
/// ```
/// use lockwright::model::Builder;
///
/// let checked = Builder::new().explore(|| lockwright::outcome("n", lockwright::choose(3) as i64));
/// checked.assert_clean().assert_outcomes(["n=0", "n=1", "n=2"]);
/// ```
///
/// # Panics
/// If there is nothing to choose from: `n` is 0.
#[track_caller]
pub fn choose(n: usize) -> usize {
    assert!(n > 0, "choose(0) has nothing to choose from");
    choose_at(n, Place::caller())
}

/// One step chooses among few: of more, first the hundred, then the number in it.
fn choose_at(n: usize, place: Place) -> usize {
    if let Some(few) = u8::try_from(n).ok().filter(|few| usize::from(*few) <= CHOICES_MAX) {
        return engine::perform(Op::Choose(few, "choose".into()), place) as usize;
    }
    let first = choose_at(n.div_ceil(CHOICES_MAX), place) * CHOICES_MAX;
    first + choose_at((n - first).min(CHOICES_MAX), place)
}

/// A truth value: the exploration tries both.
#[track_caller]
pub fn choose_bool() -> bool {
    choose(2) == 1
}

/// Writes down a value that belongs to the outcome of an execution: what can happen is the set of outcomes.
pub fn outcome(name: &str, value: i64) {
    engine::record(Symbol::new(name), value);
}
