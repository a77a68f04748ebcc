//! Remarks: what tasks say of the calls that they make.

use std::fmt;

use super::{ObjectId, TaskId};

/// What [`Note::MightSleep`] says of locks that sleep on a real-time kernel and spin elsewhere.
pub(crate) const SPINLOCKS: [&str; 4] = ["spin_lock", "read_lock", "write_lock", "local_bh_disable"];

/// Something worth telling that is no step of its own: it belongs to the step before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Note {
    /// A function is entered.
    Enter(&'static str),
    /// It is left.
    Exit(&'static str),
    /// The BKL is taken or given back by a task that keeps it: only the depth changes.
    Nested(ObjectId, bool),
    /// A call that may sleep, by what.
    MightSleep(&'static str),
    /// `preempt_disable` (1) or `preempt_enable` (-1).
    Preempt(i8),
    /// A read-side section of RCU begins (1) or ends (-1) on a real-time kernel: nothing but a spinlock may sleep in it.
    Section(i8),
    /// A slab object is born; nobody else can know it yet.
    Alloc(ObjectId),
    /// `BUG_ON`, a failed assertion or a panic, with its text.
    Bug(&'static str),
    /// A call of the scenario starts.
    Call(u16),
    /// A call of the scenario returns, with its result as the kernel returns it.
    Return(u16, i64),
    /// A signal is sent to the process `pid` about the open file `file` (0 as pid: nobody is there).
    Signal {
        /// Receiver.
        pid: u32,
        /// The open file description it is about.
        file: ObjectId,
    },
    /// What the programs of a case say to the judges that the case brings: nobody else knows what it means.
    Case(CaseNote),
    /// A count: when everything is closed, these bits of `cell` have to be what they are now.
    Count {
        /// The cell.
        cell: ObjectId,
        /// Which of its bits, in a row.
        bits: u64,
        /// What it counts, for who reads of it.
        name: &'static str,
    },
    /// The set-up makes from here on the calls that this task has made before the start; [`TaskId::BOOT`]: nobody's.
    SetUp(TaskId),
    /// From here on the task is in the context that will bring this event.
    Owes(ObjectId),
    /// The task waits for this event if it is not there: a remark of a call that may do without.
    Awaits(ObjectId),
    /// A sequence count: a writer begins or ends, or a reader looks and spins while one writes.
    Sequence(ObjectId, Sequence),
    /// The task has no more calls.
    Finished,
}

/// What is done with a sequence count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sequence {
    /// A writer has made it odd.
    Begins,
    /// The writer makes it even.
    Ends,
    /// A reader looks.
    Reads,
}

/// A remark that only the judges of a case understand.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CaseNote {
    /// What kind of remark it is.
    pub kind: &'static CaseKind,
    /// What it says, as the case writes it. The first is the name of an object, if the kind reads as a line of a trace.
    pub words: [u64; 3],
}

/// A kind of remark of a case.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct CaseKind {
    /// Its number among those of the case.
    pub tag: u8,
    /// Its name.
    pub name: &'static str,
    /// How it reads in a trace, before the name of its object; `None` if it is no line of one.
    pub reads: Option<&'static str>,
}

impl fmt::Debug for CaseNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:x?}", self.kind.name, self.words)
    }
}
