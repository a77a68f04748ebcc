//! What happens: objects, operations, events. Ground floor, plain data, no behaviour.
//!
//! A *task* performs *operations* on *objects*; each visible step is an [`Event`], and the events of
//! one execution are its trace. Engines write events, checks read them, reports show them: none of
//! the three knows the others.
//!
//! Names never depend on the schedule: an object is named by the task that made it and that task's
//! own count, so that two schedules that reach the same state call the same things by the same names.

use std::fmt;
use std::hash::{Hash, Hasher};

mod act;
mod births;
mod context;
mod held;
mod memory;
pub mod names;
mod note;
mod op;
pub mod outcome;
mod place;
mod symbol;

pub use act::{Act, wakes_one};
pub use births::{Births, BlindSpot};
pub use context::{Level, Mask, Masks, Seat};
pub use held::Held;
pub use memory::{Access, Alu, AluOp, Rmw, Slots};
pub(crate) use note::SPINLOCKS;
pub use note::{CaseKind, CaseNote, Note, Sequence};
pub use place::Place;
pub use symbol::Symbol;

/// A task, by number. Task 0 is the set-up and the epilogue ([`TaskId::BOOT`]); a scenario's tasks follow from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u8);

impl TaskId {
    /// The sequential code before the tasks start and after they end.
    pub const BOOT: TaskId = TaskId(0);
    /// Virtual time, which moves like a task when the scenario's clock lets it.
    pub const CLOCK: TaskId = TaskId(u8::MAX);

    /// Position among the scenario's tasks.
    ///
    /// # Panics
    /// For [`TaskId::BOOT`], which is none of them.
    pub fn index(self) -> usize {
        usize::from(self.0.checked_sub(1).expect("BOOT is not one of the scenario's tasks"))
    }
}

/// Name of an object: creator in the upper 8 bits, the creator's own count from 1 in the lower 24.
///
/// Names are never used twice in an execution, so a stale pointer never meets a new object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub u32);

impl ObjectId {
    /// The name of the `count`-th object (from 1) that `creator` made.
    pub fn new(creator: TaskId, count: u32) -> ObjectId {
        assert!(count > 0 && count < 1 << 24, "object count {count} is out of range");
        ObjectId(u32::from(creator.0) << 24 | count)
    }

    /// The task that made it.
    pub fn creator(self) -> TaskId {
        TaskId((self.0 >> 24) as u8)
    }

    /// Which of its creator's objects it is, from 1.
    pub fn count(self) -> u32 {
        self.0 & 0xff_ffff
    }
}

/// What an object is; decides how an operation on it reads in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// Plain memory: concurrent conflicting access is a data race unless both sides are marked.
    Plain,
    /// An `atomic_t`.
    Atomic,
    /// The Big Kernel Lock: recursion and release in `schedule()` are the kernel's business.
    Bkl,
    /// A spinlock: holding it forbids sleeping.
    Spin,
    /// A mutex: its holder may sleep.
    Mutex,
    /// An `rwlock_t`: readers share it, and holding it forbids sleeping.
    RwLock,
    /// A `struct rw_semaphore`: readers share it, and its holders may sleep.
    RwSem,
    /// The place of who is next to take a `struct rw_semaphore`: part of that lock, and none that lockdep knows.
    WaitList,
    /// A wait queue.
    Queue,
    /// A slab object; its fields are objects of their own that name it as their block.
    Block,
    /// A `struct semaphore`: a number of permits, which belong to no task.
    Semaphore,
    /// A thread of user-land code: its value is its task, plus one, until it ends.
    Thread,
    /// A token that is set and taken: `park` and `unpark`, `Notify`.
    Token,
    /// Memory without an order of its own, whose accesses have to be ordered by others: an `UnsafeCell`.
    Cell,
    /// An atomic pointer: its value is a name, and what it points to is as old as its last writer.
    Pointer,
    /// A number of handles, of an `Arc` or of memory that is tracked.
    Count,
    /// A channel.
    Channel,
    /// A `struct completion`: its permits are events that were brought and not waited for yet.
    Completion,
    /// A `raw_spinlock_t`: a spinlock on every kernel, where others sleep on a real-time kernel.
    RawSpin,
}

impl ObjectKind {
    /// Is it a lock of any kind?
    pub fn is_lock(self) -> bool {
        matches!(self, ObjectKind::Bkl | ObjectKind::Mutex | ObjectKind::WaitList) || self.spins() || self.is_shared()
    }

    /// Is it a lock that readers share?
    pub fn is_shared(self) -> bool {
        matches!(self, ObjectKind::RwLock | ObjectKind::RwSem)
    }

    /// Does the order matter in which locks of these kinds are taken? A place in the queue of a semaphore is no lock of its own. A task
    /// that waits for a lock that sleeps does not keep the BKL.
    pub fn is_ordered_with(self, other: ObjectKind) -> bool {
        let kinds = [self, other];
        !kinds.contains(&ObjectKind::WaitList)
            && (!kinds.contains(&ObjectKind::Bkl) || kinds.iter().any(|kind| kind.spins()))
    }

    /// Is it a lock whose waiters spin, and whose holder must not sleep? On a real-time kernel some do not: [`View::spins`] knows.
    pub fn spins(self) -> bool {
        matches!(self, ObjectKind::Spin | ObjectKind::RwLock | ObjectKind::RawSpin)
    }

    /// Does it spin, but on a real-time kernel, where its waiters sleep?
    pub fn sleeps_in_real_time(self) -> bool {
        self.spins() && self != ObjectKind::RawSpin
    }
}

/// How the values of a cell read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// A signed number.
    Number,
    /// The name of a slab object, 0 for none.
    Pointer,
    /// A number. The object is one of user-land code: operations on it read as Rust and not as C.
    Rust,
    /// As the case reads it.
    Case(&'static Reading),
}

/// How values read that only a case understands.
#[derive(Debug)]
pub struct Reading {
    /// What they are. It stands for the whole.
    pub name: &'static str,
    /// How one reads.
    pub text: fn(&names::Names, u64) -> String,
    /// Are they worth showing wherever they change?
    pub is_state: bool,
    /// Are they compared and replaced as a whole?
    pub is_whole: bool,
}

impl PartialEq for Reading {
    fn eq(&self, other: &Reading) -> bool {
        self.name == other.name
    }
}

impl Eq for Reading {}

impl Hash for Reading {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// What a step begins or ends, of two spans of time that must not overlap: a promise on one node, and a use on another that breaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    /// A promise holds from here.
    PromiseBegins,
    /// It does not any more, or another does.
    PromiseEnds,
    /// A use begins.
    UseBegins,
    /// It is over.
    UseEnds,
}

/// Something on a list that the code under test keeps, for those who compare lists. When it is due is no part of what is compared: a list
/// changes when entries come, go or change their word.
#[derive(Clone, Copy, Debug, Eq)]
pub struct ListEntry {
    /// The slab object that records it.
    pub object: ObjectId,
    /// What is on record, as the case writes it.
    pub word: u64,
    /// When its time is over, in jiffies; 0 is never.
    pub due: u64,
}

impl PartialEq for ListEntry {
    fn eq(&self, other: &ListEntry) -> bool {
        (self.object, self.word) == (other.object, other.word)
    }
}

/// What is fixed about an object. The name of a lock is its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectInfo {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name in the kernel: a field, a lock, a struct.
    pub name: Symbol,
    /// The slab object it is a field of.
    pub block: Option<ObjectId>,
    /// The node of a cluster that the set-up was booting when it made it.
    pub node: Option<u8>,
    /// How its values read.
    pub format: Format,
}

impl ObjectInfo {
    /// An object of its own, whose values are numbers. The engine says on which node it is.
    pub fn new(kind: ObjectKind, name: impl Into<Symbol>) -> ObjectInfo {
        ObjectInfo { kind, name: name.into(), block: None, node: None, format: Format::Number }
    }
}

/// One operation: what a scheduling point stands before. (ARCHITECTURE.md: "What a new operation needs".)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Reads a cell.
    Load(ObjectId, Access),
    /// Writes a cell.
    Store(ObjectId, u64, Access),
    /// Reads and writes a cell in one step.
    Rmw(ObjectId, Rmw, Access),
    /// `smp_mb`.
    Fence,
    /// Takes a lock; enabled while nobody holds it.
    Acquire(ObjectId),
    /// Takes a lock if nobody holds it; the result is 1 if so.
    TryAcquire(ObjectId),
    /// Gives a lock back; the result is 1 if the task did not hold it, and then nothing changes.
    Release(ObjectId),
    /// Takes a lock for reading; enabled while nobody holds it for writing.
    AcquireRead(ObjectId),
    /// Gives a lock back that was taken for reading; the result is 1 if the task did not hold it so, and then nothing changes.
    ReleaseRead(ObjectId),
    /// Takes a permit of a semaphore; enabled while there is one. The result is 1 if there was none: the set-up does not wait.
    Down(ObjectId),
    /// Takes a permit of a semaphore if there is one; the result is 1 if so.
    TryDown(ObjectId),
    /// Adds a permit to a semaphore.
    Up(ObjectId),
    /// Puts the task on a wait queue and marks it as going to sleep (`prepare_to_wait`).
    Enqueue(ObjectId),
    /// Takes the task off a wait queue and marks it as running (`finish_wait`).
    Dequeue(ObjectId),
    /// Wakes all tasks on a wait queue and takes them off it; the result is their number.
    Wake(ObjectId),
    /// Sleeps until woken, interrupted, or the deadline (in jiffies) has come. The result is a [`Woken`].
    Sleep(Option<u64>),
    /// Frees a slab object; the result is 1 if it was free already.
    Free(ObjectId),
    /// Picks one of `0..n`: the environment's doing, explored like an interleaving.
    Choose(u8, Choice),
    /// Sends a signal that interrupts the task's sleep.
    Interrupt(TaskId),
    /// Moves `jiffies` forward; sleepers whose deadline has come can run.
    Advance(u64),
    /// The oldest store in the task's store buffer reaches memory. Nobody calls it: it happens, at any time.
    Flush(ObjectId, u64),
    /// Starts a task, which this thread object stands for.
    Spawn(ObjectId, TaskId),
    /// Waits until the task of a thread object has ended.
    Join(ObjectId, TaskId),
    /// An operation of user-land code.
    Act(ObjectId, Act),
    /// Changes what may interrupt the task on its CPU.
    Mask(Mask),
    /// An interrupt comes: its handler begins. Enabled while the CPU lets it in.
    Enter(Level),
    /// The handler returns, and what it has interrupted goes on.
    Leave(Level),
}

/// What an [`Op::Choose`] decides. Where there are two results, the second is that it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Choice {
    /// There is no memory for an allocation.
    Memory,
    /// A security hook refuses, and which.
    Lsm(Symbol),
    /// A file server refuses.
    Server,
    /// Something that no check knows of.
    Named(Symbol),
}

impl From<&'static str> for Choice {
    fn from(name: &'static str) -> Choice {
        Choice::Named(name.into())
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Choice::Memory => "kmalloc fails",
            Choice::Server => "server refuses",
            Choice::Lsm(name) | Choice::Named(name) => name,
        })
    }
}

/// Why a [`Op::Sleep`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Woken {
    /// By `wake_up`.
    Up = 0,
    /// By a signal.
    Signal = 1,
    /// By the clock.
    Timeout = 2,
}

impl Woken {
    /// Back from the result of a [`Op::Sleep`].
    pub fn from_result(result: u64) -> Woken {
        match result {
            0 => Woken::Up,
            1 => Woken::Signal,
            _ => Woken::Timeout,
        }
    }
}

/// What an event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// An operation and its result.
    Op(Op, u64),
    /// A remark.
    Note(Note),
}

/// One visible step, or a remark on it.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Number of the step in its execution, from 1; remarks bear the number of the step they follow.
    pub step: u32,
    /// Whose.
    pub task: TaskId,
    /// What.
    pub what: What,
    /// Where in the source.
    pub place: Place,
    /// In the set-up: the task whose calls are made there.
    pub set_up_of: Option<TaskId>,
}

/// How a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It can perform its pending operation.
    Ready(Op),
    /// It waits for a lock.
    WaitsFor(ObjectId),
    /// It sleeps; with a deadline the clock can wake it.
    Sleeps(Option<u64>),
    /// It waits until its own store buffer is empty, which happens by itself.
    Drains,
    /// It spins: it goes on when something changes that it has read, or when nobody else can go on. `true`: it has done so for long
    /// enough to know that it never will.
    Spins(bool),
    /// It could go on, and its CPU runs that one.
    Stalled(TaskId),
    /// A handler that its CPU does not let in now; or never, and then it does not come.
    Masked,
    /// It is done.
    Finished,
}

impl Status {
    /// May everything end here? A handler that does not come any more has nothing left to do.
    pub fn is_over(self) -> bool {
        matches!(self, Status::Finished | Status::Masked)
    }
}

/// A state, looked at without disturbing it.
pub trait View {
    /// What is fixed about an object.
    fn object(&self, id: ObjectId) -> ObjectInfo;
    /// The value of a cell: the newest, whatever a weak memory may show to a task.
    fn peek(&self, id: ObjectId) -> u64;
    /// The task that holds a lock alone.
    fn owner(&self, lock: ObjectId) -> Option<TaskId>;
    /// The tasks that hold a lock for reading, as bits by number.
    fn readers(&self, lock: ObjectId) -> u64;
    /// The operation before which a task stands, if it is not done.
    fn pending(&self, task: TaskId) -> Option<Op>;
    /// Has a slab object been freed?
    fn is_freed(&self, block: ObjectId) -> bool;
    /// Slab objects that are not freed, by name.
    fn live_blocks(&self) -> Vec<ObjectId>;
    /// Number of tasks.
    fn tasks(&self) -> usize;
    /// How a task stands; where its pending operation is in the source.
    fn status(&self, task: TaskId) -> (Status, Place);
    /// May the clock still move a sleeper on? (Its clock is not stopped.)
    fn clock_runs(&self) -> bool;
    /// On which CPU the task runs, and at which level. `None` if nothing says so: then each task has a CPU of its own.
    fn seat(&self, _task: TaskId) -> Option<Seat> {
        None
    }
    /// What the task keeps out of its CPU.
    fn masks(&self, _task: TaskId) -> Masks {
        Masks::default()
    }
    /// Do waiters of this lock spin, so that its holder must not sleep? On a real-time kernel those of a raw spinlock alone.
    fn spins(&self, lock: ObjectId) -> bool {
        self.object(lock).kind.spins()
    }
    /// Virtual time.
    fn jiffies(&self) -> u64;
    /// What the code under test lists, by a walk without steps.
    fn listed(&self) -> Vec<ListEntry>;
    /// What user-land code has recorded for the outcome, by name.
    fn recorded(&self) -> Vec<(Symbol, i64)> {
        Vec::new()
    }

    /// Fills `stands` with how each task stands, in their order.
    fn look(&self, stands: &mut Vec<Status>) {
        stands.clear();
        stands.extend((1..=self.tasks()).map(|task| self.status(TaskId(task as u8)).0));
    }

    /// The tasks that hold a lock, either way, as bits by number.
    fn holders(&self, lock: ObjectId) -> u64 {
        self.readers(lock) | self.owner(lock).map_or(0, |owner| 1 << owner.0)
    }
}

/// Does the task wait for a lock that is given back only after it has run on? A task that waits for a lock waits for all that hold it,
/// and one that is interrupted for the handler. `stands` is how a task stands.
pub(crate) fn waits_for_itself<V: View + ?Sized>(view: &V, stands: impl Fn(TaskId) -> Status, task: TaskId) -> bool {
    let (mut reached, mut open) = (0u64, 1u64 << task.0);
    while open != 0 {
        let at = TaskId(open.trailing_zeros() as u8);
        open &= open - 1;
        reached |= 1 << at.0;
        // The set-up is over: what it has left locked stays so.
        if at == TaskId::BOOT {
            continue;
        }
        let waited_for = match stands(at) {
            Status::WaitsFor(lock) => view.holders(lock),
            Status::Stalled(by) => 1 << by.0,
            _ => 0,
        };
        if waited_for >> task.0 & 1 != 0 {
            return true;
        }
        open |= waited_for & !reached;
    }
    false
}
