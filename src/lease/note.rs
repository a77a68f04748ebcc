//! What the programs of this case say to its judges, and how it is written so that nobody else has to know of it.
//!
//! Below this case a remark is a kind and three words ([`CaseNote`]), and a lease on a list is an object and a word ([`ListEntry`]).

use std::fmt;

use crate::event::{CaseKind, CaseNote, Event, ListEntry, Note, ObjectId, Op, View, What};

/// A remark of this case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeaseNote {
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

impl fmt::Display for LeaseType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LeaseType::Read => "READ",
            LeaseType::Write => "WRITE",
        })
    }
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
    /// When the break is overdue, in jiffies; 0 is never. [`listed`] leaves it out: what is listed changes when leases do.
    pub due: u64,
}

impl Listed {
    /// For those who compare lists and do not know what is on them.
    pub fn entry(self) -> ListEntry {
        let target = match self.target {
            None => 0,
            Some(LeaseType::Read) => 1,
            Some(LeaseType::Write) => 2,
        };
        let word =
            target | u64::from(self.breaking) << 2 | u64::from(self.in_kernel) << 3 | u64::from(self.file.0) << 32;
        ListEntry { object: self.lease, word, due: self.due }
    }

    fn of(entry: ListEntry) -> Listed {
        let target = match entry.word & 3 {
            0 => None,
            1 => Some(LeaseType::Read),
            _ => Some(LeaseType::Write),
        };
        let (breaking, in_kernel) = (entry.word & 4 != 0, entry.word & 8 != 0);
        Listed { lease: entry.object, file: ObjectId((entry.word >> 32) as u32), target, breaking, in_kernel, due: 0 }
    }
}

/// The leases that are listed, by a walk without steps.
pub fn listed(view: &dyn View) -> Vec<Listed> {
    view.listed().into_iter().map(Listed::of).collect()
}

/// Is a lease listed whose break is overdue, as the design has written it down?
pub fn is_overdue(view: &dyn View) -> bool {
    let overdue = |entry: &ListEntry| Listed::of(*entry).breaking && (1..=view.jiffies()).contains(&entry.due);
    view.listed().iter().any(overdue)
}

/// An event, with what it says of leases read out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// An operation and its result.
    Op(Op, u64),
    /// A remark that has nothing to do with leases.
    Note(Note),
    /// A remark of this case.
    Case(LeaseNote),
}

/// What an event says.
pub fn seen(event: &Event) -> Seen {
    match event.what {
        What::Op(op, result) => Seen::Op(op, result),
        What::Note(Note::Case(note)) => Seen::Case(LeaseNote::read(note)),
        What::Note(note) => Seen::Note(note),
    }
}

const fn kind(tag: u8, name: &'static str, reads: Option<&'static str>) -> CaseKind {
    CaseKind { tag, name, reads }
}

/// By their tags.
const KINDS: &[CaseKind] = &[
    kind(0, "Callback", Some("fl_break callback for")),
    kind(1, "Opened", None),
    kind(2, "Closing", None),
    kind(3, "Granted", None),
    kind(4, "Refused", None),
    kind(5, "Invoke", None),
    kind(6, "Owned", None),
    kind(7, "Truncating", None),
    kind(8, "UnlockFailed", None),
    kind(9, "Mounted", None),
];

fn word(id: ObjectId) -> u64 {
    u64::from(id.0)
}

fn id(word: u64) -> ObjectId {
    ObjectId(word as u32)
}

fn lease_word(lease: Option<LeaseType>) -> u64 {
    match lease {
        None => 0,
        Some(LeaseType::Read) => 1,
        Some(LeaseType::Write) => 2,
    }
}

fn lease_of(word: u64) -> Option<LeaseType> {
    match word {
        0 => None,
        1 => Some(LeaseType::Read),
        _ => Some(LeaseType::Write),
    }
}

const SHARED: u64 = 1 << 32;
const SOME: u64 = 1 << 33;

fn fd_word(fd: Fd) -> u64 {
    match fd {
        Fd::Own(file) => word(file),
        Fd::Shared(slot) => word(slot) | SHARED,
    }
}

fn fd_of(word: u64) -> Fd {
    if word & SHARED == 0 { Fd::Own(id(word)) } else { Fd::Shared(id(word)) }
}

fn to_word(to: Option<Fd>) -> u64 {
    to.map_or(0, |to| fd_word(to) | SOME)
}

fn to_of(word: u64) -> Option<Fd> {
    (word & SOME != 0).then(|| fd_of(word))
}

impl LeaseCall {
    /// Which call, four flags, a process; an object; another.
    fn words(self) -> [u64; 3] {
        let head = |call: u64, flags: [bool; 3], pid: u32| {
            let flags = flags.iter().enumerate().fold(0, |all, (at, flag)| all | u64::from(*flag) << at);
            call | flags << 8 | u64::from(pid) << 32
        };
        let plain = |call| head(call, [false; 3], 0);
        match self {
            LeaseCall::Open { inode, write, nonblock, trunc, pid, to } => {
                [head(0, [write, nonblock, trunc], pid), word(inode), to_word(to)]
            }
            LeaseCall::Truncate { inode, pid } => [head(1, [false; 3], pid), word(inode), 0],
            LeaseCall::Close { fd } => [plain(2), fd_word(fd), 0],
            LeaseCall::Dup { fd, to } => [plain(3), fd_word(fd), to_word(to)],
            LeaseCall::SetLease { fd, lease, pid, in_kernel } => {
                [head(4, [in_kernel, false, false], pid), fd_word(fd), lease_word(lease)]
            }
            LeaseCall::SetNoLease { fd } => [plain(5), fd_word(fd), 0],
            LeaseCall::GetLease { fd } => [plain(6), fd_word(fd), 0],
            LeaseCall::SetOwn { fd, pid } => [head(7, [false; 3], pid), fd_word(fd), 0],
            LeaseCall::GetOwn { fd } => [plain(8), fd_word(fd), 0],
            LeaseCall::Locks { inode } => [plain(9), word(inode), 0],
        }
    }

    fn read([head, about, more]: [u64; 3]) -> LeaseCall {
        let (flag, pid) = (|at: u32| head >> (8 + at) & 1 != 0, (head >> 32) as u32);
        let (inode, fd) = (id(about), fd_of(about));
        match head & 0xff {
            0 => LeaseCall::Open { inode, write: flag(0), nonblock: flag(1), trunc: flag(2), pid, to: to_of(more) },
            1 => LeaseCall::Truncate { inode, pid },
            2 => LeaseCall::Close { fd },
            3 => LeaseCall::Dup { fd, to: to_of(more) },
            4 => LeaseCall::SetLease { fd, lease: lease_of(more), pid, in_kernel: flag(0) },
            5 => LeaseCall::SetNoLease { fd },
            6 => LeaseCall::GetLease { fd },
            7 => LeaseCall::SetOwn { fd, pid },
            8 => LeaseCall::GetOwn { fd },
            _ => LeaseCall::Locks { inode },
        }
    }
}

impl From<LeaseNote> for Note {
    fn from(note: LeaseNote) -> Note {
        let (tag, words) = match note {
            LeaseNote::Callback { file } => (0, [word(file), 0, 0]),
            LeaseNote::Opened { file, inode, write } => (1, [word(file), word(inode), u64::from(write)]),
            LeaseNote::Closing { file } => (2, [word(file), 0, 0]),
            LeaseNote::Granted { file, lease, pid } => (3, [word(file), lease_word(lease), u64::from(pid)]),
            LeaseNote::Refused { file } => (4, [word(file), 0, 0]),
            LeaseNote::Invoke(call) => (5, call.words()),
            LeaseNote::Owned { file, pid } => (6, [word(file), u64::from(pid), 0]),
            LeaseNote::Truncating { inode } => (7, [word(inode), 0, 0]),
            LeaseNote::UnlockFailed { file, errno } => (8, [word(file), errno as u64, 0]),
            LeaseNote::Mounted { inode, table, node } => (9, [word(inode), word(table), u64::from(node)]),
        };
        Note::Case(CaseNote { kind: &KINDS[tag], words })
    }
}

impl LeaseNote {
    /// What the remark says. There is one case in a program, so it is one of these.
    fn read(note: CaseNote) -> LeaseNote {
        let [first, second, third] = note.words;
        let file = id(first);
        match note.kind.tag {
            0 => LeaseNote::Callback { file },
            1 => LeaseNote::Opened { file, inode: id(second), write: third != 0 },
            2 => LeaseNote::Closing { file },
            3 => LeaseNote::Granted { file, lease: lease_of(second), pid: third as u32 },
            4 => LeaseNote::Refused { file },
            5 => LeaseNote::Invoke(LeaseCall::read(note.words)),
            6 => LeaseNote::Owned { file, pid: second as u32 },
            7 => LeaseNote::Truncating { inode: id(first) },
            8 => LeaseNote::UnlockFailed { file, errno: second as i64 },
            _ => LeaseNote::Mounted { inode: id(first), table: id(second), node: third as u8 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let (file, inode) = (ObjectId(0xff00_0001), ObjectId(0x0100_0002));
        let fds = [Fd::Own(file), Fd::Shared(inode)];
        let leases = [None, Some(LeaseType::Read), Some(LeaseType::Write)];
        let mut notes = vec![
            LeaseNote::Callback { file },
            LeaseNote::Closing { file },
            LeaseNote::Refused { file },
            LeaseNote::Owned { file, pid: u32::MAX },
            LeaseNote::Truncating { inode },
            LeaseNote::UnlockFailed { file, errno: -11 },
            LeaseNote::Mounted { inode, table: file, node: 3 },
            LeaseNote::Invoke(LeaseCall::Truncate { inode, pid: 7 }),
            LeaseNote::Invoke(LeaseCall::Locks { inode }),
        ];
        let opens = (0..8).flat_map(|flags: u8| {
            [None, Some(fds[0]), Some(fds[1])].map(|to| {
                let flag = |at: u8| flags >> at & 1 != 0;
                LeaseCall::Open { inode, write: flag(0), nonblock: flag(1), trunc: flag(2), pid: u32::MAX, to }
            })
        });
        notes.extend(opens.map(LeaseNote::Invoke));
        for fd in fds {
            let set = |lease, in_kernel| LeaseCall::SetLease { fd, lease, pid: 9, in_kernel };
            let calls = leases.into_iter().flat_map(|lease| [set(lease, false), set(lease, true)]);
            let others = [
                LeaseCall::Close { fd },
                LeaseCall::Dup { fd, to: None },
                LeaseCall::Dup { fd, to: Some(fds[1]) },
                LeaseCall::SetNoLease { fd },
                LeaseCall::GetLease { fd },
                LeaseCall::SetOwn { fd, pid: 5 },
                LeaseCall::GetOwn { fd },
            ];
            notes.extend(calls.chain(others).map(LeaseNote::Invoke));
        }
        notes.extend(leases.map(|lease| LeaseNote::Granted { file, lease, pid: 12 }));
        notes.extend([false, true].map(|write| LeaseNote::Opened { file, inode, write }));

        for note in notes {
            let Note::Case(written) = Note::from(note) else { panic!("a remark of the case") };
            assert_eq!(LeaseNote::read(written), note);
        }
    }

    #[test]
    fn a_lease_on_a_list_is_read_back() {
        for target in [None, Some(LeaseType::Read), Some(LeaseType::Write)] {
            for (breaking, in_kernel) in [(false, false), (true, false), (false, true), (true, true)] {
                let (lease, file) = (ObjectId(0x0100_0003), ObjectId(0xff00_0001));
                let listed = Listed { lease, file, target, breaking, in_kernel, due: 0 };

                assert_eq!(Listed::of(listed.entry()), listed);
            }
        }
    }
}
