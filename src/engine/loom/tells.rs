//! Steps that tell a check something which it holds against what another task's step tells, though both touch nothing in common.
//!
//! loom tries both orders of two steps if they touch the same object. On one machine what contradicts each other lies under
//! the same lock or in the same field. On two nodes a lease is listed here and an open returns there (LW030), and whether
//! both were so at one time is a matter of an order that no object shows.
//!
//! Two spans of time overlap if each begins before the other ends. So two orders matter and no others:
//!
//! | of a step with which | and one on another node with which |
//! |---|---|
//! | a lease ends ([`Tell::LeaseEnds`]) | an open begins ([`Tell::OpenBegins`]) |
//! | a lease begins ([`Tell::LeaseBegins`]) | an open ends ([`Tell::OpenEnds`]) |
//!
//! They get objects to touch: for each of the two a marker of each task. Before a step that tells of a lease the task stores to its own
//! marker, before one that tells of an open to those of the tasks on other nodes. The stores are relaxed and nobody reads
//! them, so they make nothing visible that would be late without them; read-modify-writes between two fences would.
//!
//! A step is known by its place in the code, because it must be known before it is made.

use std::collections::{BTreeMap, BTreeSet};

use ::loom::sync::atomic::Ordering;

use super::memory::{Markers, new_markers};
use crate::event::{Place, TaskId};

/// What a step tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tell {
    /// A lease is listed, or its call has granted it.
    LeaseBegins,
    /// A lease is listed no more, or as another than before: it is being broken, say.
    LeaseEnds,
    /// A file is open from here, or its data go.
    OpenBegins,
    /// A file is about to be closed, or its data have gone.
    OpenEnds,
}

/// The steps that tell something, as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct Telling(BTreeMap<Place, BTreeSet<Tell>>);

impl Telling {
    /// True if that was not known.
    pub fn add(&mut self, place: Place, tell: Tell) -> bool {
        self.0.entry(place).or_default().insert(tell)
    }

    fn at(&self, place: Place) -> impl Iterator<Item = Tell> {
        self.0.get(place).into_iter().flatten().copied()
    }
}

/// Markers of each task.
pub(super) struct Marks {
    telling: Telling,
    lease_ends: Markers,
    open_ends: Markers,
    homes: Vec<usize>,
}

impl Marks {
    /// For the tasks that run on these nodes. None if no step is known to tell anything.
    pub fn new(telling: Telling, homes: Vec<usize>) -> Option<Marks> {
        if telling.0.is_empty() {
            return None;
        }
        let (lease_ends, open_ends) = (new_markers(homes.len()), new_markers(homes.len()));
        Some(Marks { telling, lease_ends, open_ends, homes })
    }

    /// Before the task's step at that place. True if loom may have run others meanwhile.
    pub fn mark(&self, task: TaskId, place: Place) -> bool {
        let (mut marked, own) = (false, task.index());
        for tell in self.telling.at(place) {
            let (markers, of_lease) = match tell {
                Tell::LeaseEnds => (&self.lease_ends, true),
                Tell::OpenBegins => (&self.lease_ends, false),
                Tell::LeaseBegins => (&self.open_ends, true),
                Tell::OpenEnds => (&self.open_ends, false),
            };
            for (index, marker) in markers.iter().enumerate() {
                if if of_lease { index == own } else { self.homes[index] != self.homes[own] } {
                    marker.store(0, Ordering::Relaxed);
                    marked = true;
                }
            }
        }
        marked
    }
}
