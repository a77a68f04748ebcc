//! Remarks: what tasks say of the calls that they make, and the leases that these are about.

use std::fmt;

use super::{ObjectId, TaskId};

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
    /// An in-kernel lease owner is called back about the open file `file`.
    Callback {
        /// The open file description it is about.
        file: ObjectId,
    },
    /// A scenario's call has made `file` usable for the task: an open returned.
    Opened {
        /// The open file description.
        file: ObjectId,
        /// What it is open on.
        inode: ObjectId,
        /// Is it open for write?
        write: bool,
    },
    /// The last reference to `file` is gone, it is about to be closed.
    Closing {
        /// The open file description.
        file: ObjectId,
    },
    /// A lease call on `file` returned 0: it now has a lease of the type, or none.
    Granted {
        /// The open file description.
        file: ObjectId,
        /// What was granted; `None` after an unlock.
        lease: Option<LeaseType>,
        /// The process to be told when the lease is broken (0: an in-kernel owner).
        pid: u32,
    },
    /// A lease call on `file` failed: what it may have listed in between was never granted.
    Refused {
        /// The open file description.
        file: ObjectId,
    },
    /// A call on the lease interface, of a task or of the set-up, as its caller means it: what the sequential
    /// specification is asked about. The call of a task begins with its next operation.
    Invoke(LeaseCall),
    /// F_SETOWN names who gets the signals about the open file `file`.
    Owned {
        /// The open file description.
        file: ObjectId,
        /// The process.
        pid: u32,
    },
    /// The task truncates `inode` now: what conflicts has been broken.
    Truncating {
        /// The file.
        inode: ObjectId,
    },
    /// An F_UNLCK on `file` failed.
    UnlockFailed {
        /// The open file description.
        file: ObjectId,
        /// The error, as a positive number.
        errno: i64,
    },
    /// `inode` is a node's view of a file that a file server keeps: many inodes, one file.
    Mounted {
        /// The node's inode.
        inode: ObjectId,
        /// The server's table for the file.
        table: ObjectId,
        /// Which node, from 0.
        node: u8,
    },
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
    /// The task has no more calls.
    Finished,
}

/// A call on the lease interface: open files and inodes by name, processes by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the fields are the arguments of the calls, by the kernel's names")]
pub enum LeaseCall {
    /// `open(2)`; [`to`](LeaseCall::to) is the descriptor that gets the file.
    Open { inode: ObjectId, write: bool, nonblock: bool, trunc: bool, pid: u32, to: Option<Fd> },
    /// `truncate(2)`.
    Truncate { inode: ObjectId, pid: u32 },
    /// `close(2)` of one descriptor.
    Close { fd: Fd },
    /// `dup(2)`.
    Dup { fd: Fd, to: Option<Fd> },
    /// `F_SETLEASE`, or `vfs_setlease` of an in-kernel owner; `lease` is what is asked for, `None` to unlock.
    SetLease { fd: Fd, lease: Option<LeaseType>, pid: u32, in_kernel: bool },
    /// The same, and what is asked for is no lease: it fails, when it has looked the descriptor up.
    SetNoLease { fd: Fd },
    /// `F_GETLEASE`.
    GetLease { fd: Fd },
    /// `F_SETOWN`: who gets the signals about the file.
    SetOwn { fd: Fd, pid: u32 },
    /// `F_GETOWN`.
    GetOwn { fd: Fd },
    /// Number of leases in `/proc/locks`.
    Locks { inode: ObjectId },
}

impl LeaseCall {
    /// The descriptor that it is called on.
    pub fn fd(self) -> Option<Fd> {
        match self {
            LeaseCall::Close { fd } | LeaseCall::Dup { fd, .. } | LeaseCall::SetLease { fd, .. } => Some(fd),
            LeaseCall::SetNoLease { fd } | LeaseCall::GetLease { fd } => Some(fd),
            LeaseCall::SetOwn { fd, .. } | LeaseCall::GetOwn { fd } => Some(fd),
            LeaseCall::Open { .. } | LeaseCall::Truncate { .. } | LeaseCall::Locks { .. } => None,
        }
    }

    /// Is it called on a descriptor that other tasks may close meanwhile?
    pub fn is_on_shared(self) -> bool {
        matches!(self.fd(), Some(Fd::Shared(_)))
    }

    /// Where an open or a dup puts the file, if that is of interest: `None` is a descriptor of the task's own that is free.
    pub fn to(self) -> Option<Fd> {
        match self {
            LeaseCall::Open { to, .. } | LeaseCall::Dup { to, .. } => to,
            _ => None,
        }
    }
}

/// A descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fd {
    /// One that no other task can close, by the file that it has.
    Own(ObjectId),
    /// One that other tasks may close, by its own name: it has whatever file is there at the moment in which somebody looks.
    Shared(ObjectId),
}

/// The type of a lease, in the order of strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaseType {
    /// `F_RDLCK`: nobody writes.
    Read,
    /// `F_WRLCK`: nobody else has the file open.
    Write,
}

/// A lease as a design lists it: an unscheduled view for the checks, which do not believe what the design says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Listed {
    /// The slab object that records it.
    pub lease: ObjectId,
    /// The open file description it belongs to.
    pub file: ObjectId,
    /// What it is now, or what a break will leave: `None` if it is to go.
    pub target: Option<LeaseType>,
    /// Is it being broken?
    pub breaking: bool,
    /// Is it an in-kernel owner's? A user and such an owner may each have a lease on one open file.
    pub in_kernel: bool,
}

impl fmt::Display for LeaseType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LeaseType::Read => "READ",
            LeaseType::Write => "WRITE",
        })
    }
}
