//! Writes down which locks a task holds at each access and at each function: a judge that never finds anything.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hasher;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Contract, Field};
use crate::check::finding::Docket;
use crate::check::{Check, Checks};
use crate::engine::{Booted, Clock, Contexts, Program};
use crate::event::{
    Access, Births, Event, Format, Held, Note, ObjectId, ObjectKind, Op, Place, Symbol, TaskId, View, What,
};
use crate::explore::Subject;

/// Locks, in the order of their names.
type Locks = Vec<Symbol>;

/// An access, as far as it is told from others.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Seen {
    pub field: Field,
    pub writes: bool,
    pub locks: Locks,
    pub place: Place,
    /// `READ_ONCE`, an atomic: anything but an ordinary access.
    pub is_marked: bool,
}

/// What was held when a function was entered and left.
#[derive(Clone, Default)]
pub(super) struct Function {
    entered: BTreeSet<Locks>,
    left: BTreeSet<Locks>,
}

#[derive(Default)]
pub(super) struct Record {
    pub accesses: HashMap<Seen, u64>,
    pub functions: BTreeMap<Symbol, Function>,
}

/// What all executions of a design have written down.
#[derive(Clone, Default)]
pub(super) struct Recorded(Arc<Mutex<Record>>);

impl Recorded {
    pub fn take(&self) -> Record {
        std::mem::take(&mut self.0.lock())
    }
}

impl Function {
    pub fn contract(&self, function: Symbol) -> Contract {
        let always = |sets: &BTreeSet<Locks>| -> Locks {
            let mut sets = sets.iter();
            let first = sets.next().cloned().unwrap_or_default();
            sets.fold(first, |all, set| all.into_iter().filter(|lock| set.contains(lock)).collect())
        };
        let ever = |sets: &BTreeSet<Locks>, lock: &Symbol| sets.iter().any(|set| set.contains(lock));
        let (must_hold, returned) = (always(&self.entered), always(&self.left));
        let acquires = returned.into_iter().filter(|lock| !ever(&self.entered, lock)).collect();
        let is_left = !self.left.is_empty();
        let releases = must_hold.iter().filter(|lock| is_left && !ever(&self.left, lock)).copied().collect();
        Contract { function, must_hold, acquires, releases }
    }
}

/// A subject whose executions are written down.
pub(super) struct Recording {
    subject: Arc<dyn Subject>,
    recorded: Recorded,
}

impl Recording {
    pub fn of(subject: Arc<dyn Subject>, recorded: &Recorded) -> Arc<dyn Subject> {
        Arc::new(Recording { subject, recorded: recorded.clone() })
    }
}

impl Program for Recording {
    fn boot(&self) -> Booted {
        self.subject.boot()
    }

    fn clock(&self) -> Clock {
        self.subject.clock()
    }

    fn homes(&self) -> Vec<usize> {
        self.subject.homes()
    }

    fn births(&self) -> Option<Births> {
        self.subject.births()
    }

    fn alike(&self) -> Vec<u8> {
        self.subject.alike()
    }

    fn contexts(&self) -> Contexts {
        self.subject.contexts()
    }
}

impl Subject for Recording {
    fn checks(&self) -> Checks {
        let recorder = Recorder { held: Held::default(), published: Vec::new(), recorded: self.recorded.clone() };
        self.subject.checks().with(Box::new(recorder))
    }

    fn hides_nothing(&self) -> bool {
        self.subject.hides_nothing()
    }
}

/// Follows one execution. What it remembers is a function of the state, but for what was published and is not reachable any more:
/// that decides whether a step is counted, and nothing else.
#[derive(Clone)]
struct Recorder {
    held: Held<()>,
    /// Slab objects that tasks other than their makers can know.
    published: Vec<ObjectId>,
    recorded: Recorded,
}

impl Recorder {
    fn locks(&self, task: TaskId, view: &dyn View) -> Locks {
        let name = |lock: ObjectId| {
            let info = view.object(lock);
            let of = info.block.map(|block| view.object(block).name);
            of.map_or(info.name, |of| Symbol::new(&format!("{of}->{}", info.name)))
        };
        let mut locks: Locks = self.held.of(task).map(|(_, lock, ())| name(*lock)).collect();
        locks.sort_unstable();
        locks.dedup();
        locks
    }

    /// A pointer that is stored where others look makes what it points to theirs.
    fn publish(&mut self, op: Op, view: &dyn View) {
        let Op::Store(cell, value, _) = op else { return };
        let info = view.object(cell);
        let is_shared = info.block.is_none_or(|block| self.published.contains(&block));
        if value != 0 && is_shared && info.format == Format::Pointer {
            self.add(ObjectId(value as u32));
        }
    }

    fn add(&mut self, block: ObjectId) {
        if !self.published.contains(&block) {
            self.published.push(block);
        }
    }

    fn access(&mut self, event: &Event, op: Op, view: &dyn View) {
        let (Some((writes, how)), Some(cell)) = (op.access(), op.object()) else { return };
        let info = view.object(cell);
        if let Some(block) = info.block {
            // What another than its maker uses was published, however that came about.
            if event.task != block.creator() && event.task != TaskId::BOOT {
                self.add(block);
            }
            if !self.published.contains(&block) {
                return;
            }
        }
        if event.task == TaskId::BOOT {
            return;
        }
        let of = info.block.map(|block| view.object(block).name);
        let field = Field { of, name: info.name, is_atomic: info.kind == ObjectKind::Atomic };
        let is_marked = how != Access::Plain;
        let seen = Seen { field, writes, locks: self.locks(event.task, view), place: event.place, is_marked };
        *self.recorded.0.lock().accesses.entry(seen).or_default() += 1;
    }

    fn function(&self, event: &Event, note: Note, view: &dyn View) {
        let (name, enters) = match note {
            Note::Enter(name) => (name, true),
            Note::Exit(name) => (name, false),
            _ => return,
        };
        if event.task == TaskId::BOOT {
            return;
        }
        let locks = self.locks(event.task, view);
        let mut record = self.recorded.0.lock();
        let function = record.functions.entry(name.into()).or_default();
        if enters {
            function.entered.insert(locks)
        } else {
            function.left.insert(locks)
        };
    }
}

impl Check for Recorder {
    fn begin(&mut self) {
        self.held = Held::default();
        self.published.clear();
    }

    fn event(&mut self, event: &Event, view: &dyn View, docket: &mut Docket<'_>) {
        match event.what {
            What::Op(op, result) => {
                // A step that leads to a known state once more was counted when it was new.
                if !docket.is_again() {
                    self.access(event, op, view);
                }
                self.held.follow(event.task, op, result, || ());
                self.publish(op, view);
            }
            What::Note(note) => self.function(event, note, view),
        }
    }

    fn fingerprint(&self, _hasher: &mut dyn Hasher) {}

    fn heeds(&self, _event: &Event) -> bool {
        false
    }

    fn marks_order(&self, _event: &Event) -> bool {
        false
    }

    fn names_tasks(&self) -> bool {
        false
    }

    fn copied(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}
