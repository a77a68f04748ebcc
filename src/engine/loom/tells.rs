//! Steps that tell a check something which it holds against what another task's step tells, though both touch nothing in common.
//!
//! loom tries both orders of two steps if they touch the same object. On one machine what contradicts each other lies under
//! the same lock or in the same field. On two nodes a promise holds here and is broken there, and whether
//! both were so at one time is a matter of an order that no object shows. Which steps begin or end the one or the other, the checks
//! say ([`Span`]).
//!
//! Two spans of time overlap if each begins before the other ends. So two orders matter and no others:
//!
//! | of a step with which | and one on another node with which |
//! |---|---|
//! | a promise ends ([`Span::PromiseEnds`]) | a use begins ([`Span::UseBegins`]) |
//! | a promise begins ([`Span::PromiseBegins`]) | a use ends ([`Span::UseEnds`]) |
//!
//! They get objects to touch: for each of the two a marker of each task. Before a step that tells of a promise the task stores to its own
//! marker, before one that tells of a use to those of the tasks on other nodes. The stores are relaxed and nobody reads
//! them, so they make nothing visible that would be late without them; read-modify-writes between two fences would.
//!
//! A step is known by its place in the code, because it must be known before it is made.

use std::collections::{BTreeMap, BTreeSet};

use ::loom::sync::atomic::Ordering;

use super::memory::{Markers, new_markers};
use crate::event::{Place, Span, TaskId};

/// The steps that tell something, as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct Telling(BTreeMap<Place, BTreeSet<Span>>);

impl Telling {
    /// True if that was not known.
    pub fn add(&mut self, place: Place, tell: Span) -> bool {
        self.0.entry(place).or_default().insert(tell)
    }

    fn at(&self, place: Place) -> impl Iterator<Item = Span> {
        self.0.get(&place).into_iter().flatten().copied()
    }
}

/// Markers of each task.
pub(super) struct Marks {
    telling: Telling,
    promise_ends: Markers,
    use_ends: Markers,
    homes: Vec<usize>,
}

impl Marks {
    /// For the tasks that run on these nodes. None if no step is known to tell anything.
    pub fn new(telling: Telling, homes: Vec<usize>) -> Option<Marks> {
        if telling.0.is_empty() {
            return None;
        }
        let (promise_ends, use_ends) = (new_markers(homes.len()), new_markers(homes.len()));
        Some(Marks { telling, promise_ends, use_ends, homes })
    }

    /// Before the task's step at that place. True if loom may have run others meanwhile.
    pub fn mark(&self, task: TaskId, place: Place) -> bool {
        let (mut marked, own) = (false, task.index());
        for tell in self.telling.at(place) {
            let (markers, of_promise) = match tell {
                Span::PromiseEnds => (&self.promise_ends, true),
                Span::UseBegins => (&self.promise_ends, false),
                Span::PromiseBegins => (&self.use_ends, true),
                Span::UseEnds => (&self.use_ends, false),
            };
            for (index, marker) in markers.iter().enumerate() {
                if if of_promise { index == own } else { self.homes[index] != self.homes[own] } {
                    marker.store(0, Ordering::Relaxed);
                    marked = true;
                }
            }
        }
        marked
    }
}
