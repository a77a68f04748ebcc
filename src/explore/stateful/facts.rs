//! What a search has seen of the locks that accesses are made under: facts about the program, each of which stays true.
//!
//! For each object and each way to touch it, the *tokens* that all tasks held that did so: locks, and themselves. Which tokens two
//! accesses have in common is what orders them. The sets only shrink (the locksets of Eraser, Savage and others, TOCS 1997).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::event::{ObjectId, Op, TaskId};
use crate::explore::dependence::{Touch, Way, touch};

/// In what way an operation touches an object, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Class {
    /// Reads it.
    Reads,
    /// Adds to it, and nobody learns what it held.
    Adds,
    /// Writes it, or anything else.
    Writes,
    /// Frees the slab object, and so writes each of its fields.
    Frees,
    /// Takes the lock if it is free, and learns whether it was.
    Tries,
}

const CLASSES: usize = 5;

impl Class {
    /// The object that the operation touches, and how; `None` if it touches none.
    pub fn of(op: Op) -> Option<(ObjectId, Class)> {
        match touch(op) {
            Touch::On(id, Way::Reads) => Some((id, Class::Reads)),
            Touch::On(id, Way::Adds) => Some((id, Class::Adds)),
            Touch::On(id, Way::Tries) => Some((id, Class::Tries)),
            Touch::On(id, Way::Writes | Way::Queues | Way::Wakes) => Some((id, Class::Writes)),
            Touch::Frees(block) => Some((block, Class::Frees)),
            Touch::Own | Touch::Sleeps | Touch::Interrupts(_) | Touch::MovesTime | Touch::Awaits => None,
        }
    }

    /// Does it count only what its task holds alone? Of two accesses that a lock keeps apart one holds it alone, so reads may share it.
    pub fn needs_it_alone(self) -> bool {
        self != Class::Reads
    }

    /// What of others does an access not commute with, on the object itself?
    fn against(self) -> &'static [Class] {
        match self {
            Class::Reads => &[Class::Adds, Class::Writes, Class::Tries],
            Class::Adds => &[Class::Reads, Class::Writes, Class::Tries],
            Class::Writes | Class::Frees | Class::Tries => {
                &[Class::Reads, Class::Adds, Class::Writes, Class::Frees, Class::Tries]
            }
        }
    }
}

/// What a task holds: a lock, by its name, or itself, which is no name of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub token: u32,
    /// Nobody else can hold it now, not even for reading.
    pub alone: bool,
}

impl Hold {
    /// Where there is none.
    pub const NOTHING: Hold = Hold { token: 0, alone: false };

    /// Every task holds itself.
    pub fn itself(task: TaskId) -> Hold {
        Hold { token: u32::from(task.0) << 24, alone: true }
    }

    /// A lock.
    pub fn lock(lock: ObjectId, alone: bool) -> Hold {
        Hold { token: lock.0, alone }
    }
}

/// Tokens that were held each time; `None` before the first.
type Tokens = Option<Vec<u32>>;

/// What was seen of an object, in each way.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Entry([Tokens; CLASSES]);

/// What was seen of all objects.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Facts {
    /// By their maker and its count.
    objects: Vec<Vec<Entry>>,
    /// Steps whose place among others a check remembers: the object and the place in the source.
    loud: BTreeSet<(u32, u64)>,
    /// A task moves time.
    moves_time: bool,
}

impl Facts {
    fn tokens(&self, id: ObjectId, class: Class) -> &Tokens {
        let entry = self.objects.get(usize::from(id.creator().0)).and_then(|made| made.get(id.count() as usize));
        entry.map_or(&None, |entry| &entry.0[class as usize])
    }

    /// Does an access under these tell nothing new?
    pub fn knows(&self, id: ObjectId, class: Class, held: &[Hold]) -> bool {
        let counts =
            |token: u32| held.iter().any(|hold| hold.token == token && (hold.alone || !class.needs_it_alone()));
        self.tokens(id, class).as_ref().is_some_and(|tokens| tokens.iter().all(|token| counts(*token)))
    }

    /// Takes in an access under these.
    pub fn add(&mut self, id: ObjectId, class: Class, held: &[Hold]) {
        let (maker, count) = (usize::from(id.creator().0), id.count() as usize);
        if self.objects.len() <= maker {
            self.objects.resize_with(maker + 1, Vec::new);
        }
        let made = &mut self.objects[maker];
        if made.len() <= count {
            made.resize_with(count + 1, Entry::default);
        }
        let counting = held.iter().filter(|hold| hold.alone || !class.needs_it_alone());
        match &mut made[count].0[class as usize] {
            Some(tokens) => tokens.retain(|token| counting.clone().any(|hold| hold.token == *token)),
            unseen => *unseen = Some(counting.map(|hold| hold.token).collect()),
        }
    }

    /// Leaves those of the tokens that all have held who touched the object in a way that this access does not commute with. With one
    /// of them the access is ordered with all those.
    pub fn order_access(&self, (id, class): (ObjectId, Class), tokens: &mut Vec<u32>) {
        class.against().iter().for_each(|against| self.narrow(id, *against, tokens));
    }

    /// Leaves those that all have held who freed the slab object.
    pub fn order_free(&self, block: ObjectId, tokens: &mut Vec<u32>) {
        self.narrow(block, Class::Frees, tokens);
    }

    fn narrow(&self, id: ObjectId, class: Class, tokens: &mut Vec<u32>) {
        if let Some(seen) = self.tokens(id, class) {
            tokens.retain(|token| seen.contains(token));
        }
    }

    /// Is it told by nothing but waiting for it whether the lock is free?
    pub fn is_never_tried(&self, lock: ObjectId) -> bool {
        [Class::Tries, Class::Reads].into_iter().all(|class| self.tokens(lock, class).is_none())
    }

    /// A check remembers where this step stands among others.
    pub fn add_loud(&mut self, step: (u32, u64)) {
        self.loud.insert(step);
    }

    /// Does one?
    pub fn is_loud(&self, step: (u32, u64)) -> bool {
        !self.loud.is_empty() && self.loud.contains(&step)
    }

    /// A task moves time.
    pub fn add_time(&mut self) {
        self.moves_time = true;
    }

    /// Does one?
    pub fn moves_time(&self) -> bool {
        self.moves_time
    }
}
