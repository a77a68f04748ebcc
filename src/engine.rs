//! The operations of tasks, and the engine that performs them.
//!
//! Code under test is written once. Its locks, cells and queues are [`Object`]s: names that the
//! *current engine* of the execution gives a meaning to. [`controlled`] runs tasks as coroutines
//! under a [`Strategy`] and knows every state exactly; [`loom`] hands the same operations to the
//! loom crate and its C11-like memory; [`threads`] runs tasks on OS threads. Which one it is, is chosen at run time.
//!
//! An object remembers the execution that made it; an engine refuses another's (one integer compare).
//!
//! The current engine is the thread-local of `current.rs`; `quiet.rs` has one more, for what a panic prints. The engine knows no kernel and no search: strategies
//! live in `explore` and see the world through [`State`].

use std::sync::atomic::{AtomicU32, Ordering};

use crate::event::outcome::Outcome;
use crate::event::{Births, ListEntry, Note, ObjectId, ObjectInfo, Op, Place, Symbol, TaskId, View};

mod contexts;
pub mod controlled;
mod current;
pub mod fingerprint;
mod limits;
#[cfg(feature = "loom")]
pub mod loom;
pub mod memo;
mod observer;
pub mod process;
#[allow(unsafe_code)]
pub mod quarantine;
mod quiet;
mod strategy;
mod teller;
pub mod threads;
pub mod world;

pub use contexts::{Contexts, Preemption};
#[cfg(feature = "loom")]
pub(crate) use current::uninstall;
use current::{Installed, look, with};
pub use limits::{Exceeded, OBJECTS_MAX, READERS_MAX, READS_MAX, TASKS_MAX};
pub use observer::{Blind, Flow, Observer};
#[cfg(any(feature = "loom", feature = "cluster"))]
pub(crate) use quiet::panic_text;
pub(crate) use quiet::quietly;
pub use strategy::{Decision, Followed, State, Strategy, fingerprint_of};

/// What an engine does for the code under test.
///
/// All methods are about the task that calls. [`threads`] gives each task an OS thread; the other engines run all tasks on one.
pub trait Engine {
    /// Number of the execution; objects bear it.
    fn execution(&self) -> u32;
    /// The calling task.
    fn task(&self) -> TaskId;
    /// Makes an object and names it. No scheduling point: nobody else knows it yet.
    fn create(&self, info: ObjectInfo, value: u64) -> ObjectId;
    /// Gives a cell of an object that nobody else can know yet a value. No scheduling point.
    fn init(&self, id: ObjectId, value: u64);
    /// In the set-up: what is made from here on is on that node of a cluster, or on none.
    fn set_node(&self, node: Option<u8>);
    /// Performs an operation; the scheduling point stands before it.
    fn perform(&self, op: Op, place: Place) -> u64;
    /// Writes a remark.
    fn note(&self, note: Note, place: Place);
    /// Virtual time, as the task observes it.
    fn jiffies(&self, place: Place) -> u64;
    /// If the program says anything of CPUs and interrupts: who gets a CPU that several tasks share.
    fn preemption(&self) -> Option<Preemption> {
        None
    }
    /// Where the task's observation history stands. Engines without one return 0.
    fn history(&self) -> u128 {
        0
    }
    /// Where the task's observation history began: the same for tasks that are alike.
    fn origin(&self) -> u128 {
        0
    }
    /// Replaces the task's observation history: what came before is told by `history` alone from now on.
    fn set_history(&self, history: u128) {
        let _ = history;
    }
    /// Starts a task; the result is the thread object that stands for it, and after it in its maker's count comes its token.
    fn spawn(&self, name: Option<&str>, body: Body, place: Place) -> (ObjectId, TaskId) {
        let _ = (name, body, place);
        unreachable!("internal error: only user-land code starts tasks, and only the controlled engine runs it")
    }
    /// Lets go of data in an object that only the task can reach: `content` stands for it, or what the task has observed does.
    fn publish(&self, id: ObjectId, content: Option<u64>) {
        let _ = (id, content);
    }
    /// There are more handles of an object. The task holds one, so nobody can tell when.
    fn adjust(&self, id: ObjectId, by: i64) {
        let _ = (id, by);
    }
    /// Writes down a value of the outcome.
    fn record(&self, name: Symbol, value: i64) {
        let _ = (name, value);
    }
    /// Until [`Engine::leave_section`] no other task comes in, unless this one waits. Where tasks take turns there is nothing to be done.
    fn enter_section(&self) {}
    /// The end of that.
    fn leave_section(&self) {}
    /// Do its tasks take turns on one OS thread, so that a task's stack changes only while the task runs?
    fn takes_turns(&self) -> bool {
        false
    }
}

static EXECUTIONS: AtomicU32 = AtomicU32::new(1);

/// A number for a new execution, unique in the process.
fn new_execution() -> u32 {
    EXECUTIONS.fetch_add(1, Ordering::Relaxed)
}

/// An object of the execution that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    /// Its name.
    pub id: ObjectId,
    execution: u32,
}

impl Object {
    /// Makes an object with its first value.
    pub fn new(info: ObjectInfo, value: u64) -> Object {
        with(|engine| Object { id: engine.create(info, value), execution: engine.execution() })
    }

    /// Another object of the same execution, by its name.
    pub fn named(self, id: ObjectId) -> Object {
        Object { id, execution: self.execution }
    }

    /// Performs an operation on it.
    ///
    /// # Panics
    /// If the current execution is not the one that made the object.
    pub fn perform(self, op: Op, place: Place) -> u64 {
        with(|engine| {
            self.check(engine);
            engine.perform(op, place)
        })
    }

    /// Gives a cell its value before its object is published. No step.
    pub fn init(self, value: u64) {
        with(|engine| {
            self.check(engine);
            assert!(
                self.id.creator() == engine.task(),
                "only its maker initialises an object, and before others know it"
            );
            engine.init(self.id, value);
        });
    }

    /// Writes a remark about it.
    pub fn note(self, note: Note, place: Place) {
        with(|engine| {
            self.check(engine);
            engine.note(note, place);
        });
    }

    /// Lets go of data in it: see [`Engine::publish`].
    pub fn publish(self, content: Option<u64>) {
        with(|engine| {
            self.check(engine);
            engine.publish(self.id, content);
        });
    }

    /// Counts handles of it: see [`Engine::adjust`].
    pub fn adjust(self, by: i64) {
        with(|engine| {
            self.check(engine);
            engine.adjust(self.id, by);
        });
    }

    /// Is the execution that made it the current one? What outlives its execution is dropped without steps.
    pub fn is_current(self) -> bool {
        look(|current| current.is_some_and(|engine| engine.execution() == self.execution))
    }

    fn check(self, engine: &dyn Engine) {
        assert!(
            self.execution == engine.execution(),
            "object {:?} belongs to execution {}, not to the current execution {}: make locks, cells and queues inside the program that uses them",
            self.id,
            self.execution,
            engine.execution(),
        );
    }
}

/// Makes objects on a node of a cluster; they bear its number. In the set-up alone.
pub fn on_node<R>(node: usize, make: impl FnOnce() -> R) -> R {
    let number = u8::try_from(node).expect("a file server's table has room for fewer nodes");
    with(|engine| engine.set_node(Some(number)));
    let made = make();
    with(|engine| engine.set_node(None));
    made
}

/// The calling task.
pub fn task() -> TaskId {
    with(|engine| engine.task())
}

/// Do tasks take turns on one OS thread?
pub fn takes_turns() -> bool {
    with(|engine| engine.takes_turns())
}

/// Performs an operation that is about no object.
pub fn perform(op: Op, place: Place) -> u64 {
    with(|engine| engine.perform(op, place))
}

/// Writes a remark.
pub fn note(note: Note, place: Place) {
    with(|engine| engine.note(note, place));
}

/// If the program says anything of CPUs and interrupts: who gets a CPU that several tasks share.
pub fn preemption() -> Option<Preemption> {
    with(|engine| engine.preemption())
}

/// Virtual time.
pub fn jiffies(place: Place) -> u64 {
    with(|engine| engine.jiffies(place))
}

/// Where the calling task's observation history stands.
pub fn history() -> u128 {
    with(|engine| engine.history())
}

/// Where the calling task's observation history began.
pub fn origin() -> u128 {
    with(|engine| engine.origin())
}

/// Replaces the calling task's observation history.
///
/// Sound if all that the task will do is a function of `history`, of the objects and of what it observes from now on.
pub fn set_history(history: u128) {
    with(|engine| engine.set_history(history));
}

/// Number of the current execution; `None` outside of one.
pub fn execution() -> Option<u32> {
    look(|current| current.map(|engine| engine.execution()))
}

/// Starts a task of user-land code: the thread object that stands for it, and its number.
pub fn spawn(name: Option<&str>, body: Body, place: Place) -> (Object, TaskId) {
    with(|engine| {
        let (id, task) = engine.spawn(name, body, place);
        (Object { id, execution: engine.execution() }, task)
    })
}

/// A section of the calling task: what it does with ordinary memory belongs to its operations there. Ends when it is dropped.
pub(crate) struct Section(bool);

/// Begins one. After the execution, when what is left of it is dropped, it is nothing.
pub(crate) fn section() -> Section {
    let engine = look(|current| current.cloned());
    engine.iter().for_each(|engine| engine.enter_section());
    Section(engine.is_some())
}

impl Drop for Section {
    fn drop(&mut self) {
        if self.0 {
            with(|engine| engine.leave_section());
        }
    }
}

/// Writes down a value of the outcome, by name.
pub fn record(name: Symbol, value: i64) {
    with(|engine| engine.record(name, value));
}

/// A task's code.
///
/// `Send`, although tasks take turns on one OS thread: what tasks share has to be objects of the engine, which are names that
/// may be copied anywhere. A `Cell`, `RefCell` or `Rc` that two tasks reach is state that no search sees, and does not compile
/// here. (A `static` or a lock of the standard library still does: see [`Program`].)
///
/// ```compile_fail
/// let shared = std::rc::Rc::new(std::cell::Cell::new(0));
/// let body: lockwright::engine::Body = Box::new(move || shared.set(1));
/// ```
pub type Body = Box<dyn FnOnce() + Send>;

/// An execution set up and ready to run.
pub struct Booted {
    /// The code of each task.
    pub tasks: Vec<Body>,
    /// The outcome, a function of the final state and of what the calls returned. Asked before the epilogue.
    pub outcome: Tell,
    /// What the code under test lists, for the checks of its case; no steps.
    pub listing: Listing,
    /// Closes what is open, so that what is left is a leak.
    pub epilogue: Box<dyn FnOnce()>,
}

/// Tells the outcome of a final state.
pub type Tell = Box<dyn FnOnce(&dyn View) -> Outcome>;

/// A look at the lists of the design under test.
pub type Listing = Box<Lister>;

/// Looks at the lists of the design under test.
pub type Lister = dyn Fn(&dyn View) -> Vec<ListEntry> + Send + Sync;

/// What is executed, again and again: it builds its objects and says what the tasks do.
///
/// It must do the same each time: whatever varies is a choice ([`Op::Choose`]) or the schedule. **Everything that two tasks
/// share must be an object of the engine**: a lock, cell, atomic, wait queue or slab object of [`crate::kernel`]. What they share
/// otherwise the search does not see, and a clean verdict would mean nothing.
pub trait Program: Send + Sync {
    /// Sets an execution up.
    fn boot(&self) -> Booted;
    /// When time moves.
    fn clock(&self) -> Clock {
        Clock::Quiescent
    }
    /// On which CPU each task runs, and which of them are handlers of interrupts. Empty: each task has a CPU of its own.
    fn contexts(&self) -> Contexts {
        Contexts::default()
    }
    /// On which node each task runs. Empty: all on one.
    fn homes(&self) -> Vec<usize> {
        Vec::new()
    }
    /// Which tasks are alike: those with the same number, other than 0. Empty: no two are.
    ///
    /// Alike are tasks that run the same code with the same arguments and that nothing tells apart: exchanging two of them
    /// in any state changes nothing but who is who. No process number, no handle of their own.
    fn alike(&self) -> Vec<u8> {
        Vec::new()
    }
    /// Of user-land code, whose tasks start tasks: the table of them. `None`: all tasks are there when the program boots.
    fn births(&self) -> Option<Births> {
        None
    }
}

/// When virtual time moves, while somebody sleeps with a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// At any step.
    Free,
    /// When no task can run.
    #[default]
    Quiescent,
    /// Only by [`Op::Advance`].
    Stopped,
}

/// What a machine's memory may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Memory {
    /// Sequentially consistent: a store is seen by all at once.
    #[default]
    Sc,
    /// Total store order (x86, SPARC): a store waits in its task's buffer, first in, first out (Owens, Sarkar, Sewell,
    /// TPHOLs 2009).
    Tso,
}

impl std::fmt::Display for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Memory::Sc => "SC",
            Memory::Tso => "TSO",
        })
    }
}

/// A mistake built into the search on purpose: the tests that hold engines against each other have to notice it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsound {
    /// What a task has read is no part of the state.
    HistoryNotHashed,
    /// An object is named by its place among the living ones, as an allocator's address would be.
    NamesReused,
    /// Tasks are exchanged, and what a lock says of its owner is not.
    SymmetryForgetsOwner,
    /// What sleeps stays asleep when something dependent happens.
    SleepSetNotFiltered,
    /// A reduced search goes round in a loop of one task and never tries the others.
    LoopsAreReduced,
    /// A search that relies on the locks that accesses are made under does not notice that it was wrong.
    LocksNotWatched,
    /// A reduced search takes a read and a write of one cell for independent.
    ReadsAreIndependent,
    /// A reduced search does not judge the states that it passes without keeping them.
    PassedUnjudged,
    /// A reduced search leaves steps out because an earlier one of the same state ended the execution.
    EndsAreForgotten,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every task is done; with the outcome.
    Finished(Outcome),
    /// The observer stopped it.
    Stopped,
    /// No task can run. With the outcome as it stands.
    Deadlocked(Outcome),
    /// The strategy abandoned it.
    Abandoned,
    /// It is longer than the bound on steps.
    TooLong,
    /// It needs more than the engine has room for.
    Exceeded(Exceeded),
}
