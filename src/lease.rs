//! The lease case: `fs/locks.c` of Linux, in designs that differ in how they lock.
//!
//! A [`Design`] is what somebody refactors. What no design changes is shared: inode and open files
//! ([`inode`]), the record of a lease ([`file_lock`]). Read [`bkl`] and [`spinlock`] side by side: same
//! functions in the same order, and the lines that differ are the refactor.
//!
//! The other designs are short, and differ where their idea differs: [`split`] and [`inner`] are attempts that the mail rules
//! out, [`flocks`] is what Linux shipped in 2010; apart from F_SETLEASE these three are [`rest`]. [`held`] and [`exported`], which
//! the mail warns of, and [`proposal`], its own, have the other calls of [`spinlock`]; [`proposal_bkl`] has those of [`bkl`].
//! `sed` is [`bkl`] on a kernel whose BKL is a spinlock. Seeded bugs: [`mutants`].
//!
//! A lease on an open file says: tell me before somebody opens this file in a way that conflicts (fcntl(2), F_SETLEASE).
//! An opener *breaks* the lease: its holder gets SIGIO and has `lease_break_time` seconds to give it up.

use crate::event::View;
use crate::kernel::task::Task;
use crate::kernel::{Kernel, Result};

mod as_in;
pub mod bkl;
pub mod cluster;
pub mod designs;
pub mod exported;
pub mod file_lock;
pub mod flocks;
pub mod held;
pub mod inner;
pub mod inode;
pub mod judge;
pub mod mutants;
pub mod nfsd;
pub mod note;
pub mod proposal;
pub mod proposal_bkl;
pub mod rest;
pub mod server;
pub mod sources;
pub mod spinlock;
pub mod split;

pub mod table;

pub use inode::{File, FileSystem, Filp, Inode};
pub use note::{LeaseType, Listed};

/// `F_RDLCK`, as user space passes it.
pub const F_RDLCK: i32 = 0;
/// `F_WRLCK`.
pub const F_WRLCK: i32 = 1;
/// `F_UNLCK`.
pub const F_UNLCK: i32 = 2;

/// How a file is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OpenFlags {
    /// For write (`O_WRONLY` or `O_RDWR`).
    pub write: bool,
    /// `O_NONBLOCK`: do not wait for a lease to go.
    pub nonblock: bool,
    /// `O_TRUNC`.
    pub trunc: bool,
    /// Through another hard link: the inode is found by `iget`.
    pub by_link: bool,
}

impl OpenFlags {
    /// As a descriptor keeps them with its file.
    pub(crate) fn bits(self) -> u32 {
        let OpenFlags { write, nonblock, trunc, by_link } = self;
        [write, nonblock, trunc, by_link].into_iter().enumerate().map(|(at, flag)| u32::from(flag) << at).sum()
    }

    pub(crate) fn from_bits(bits: u32) -> OpenFlags {
        let flag = |at: u32| bits >> at & 1 != 0;
        OpenFlags { write: flag(0), nonblock: flag(1), trunc: flag(2), by_link: flag(3) }
    }
}

/// One line of `/proc/locks`: a lease and who waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LockLine {
    /// Is it being broken?
    pub breaking: bool,
    /// `F_RDLCK`, `F_WRLCK` or `F_UNLCK`: what it is, or what a break will leave.
    pub target: i32,
    /// The process that took it first.
    pub pid: u32,
    /// Blocked openers: do they want to write, and their process.
    pub waiters: Vec<(bool, u32)>,
}

/// How the lease code locks: the thing that is refactored.
///
/// `arg` is what user space passes (`F_RDLCK`, ...), valid or not. Errors are those of the system call.
pub trait Design: Send + Sync {
    /// `open(2)` on an inode that the path walk has found: its reference, the lease break, write access, in the design's order.
    fn open(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<Filp>;

    /// `__fput`, after the last reference: removes leases, gives write access and the path's reference back.
    fn fput(&self, current: &Task, filp: Filp);

    /// `truncate(2)`, by path.
    fn truncate(&self, current: &Task, inode: Inode) -> Result<()>;

    /// `fcntl(fd, F_SETLEASE, arg)`.
    fn fcntl_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()>;

    /// The same for an in-kernel owner, who is called back instead of signalled.
    fn vfs_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()>;

    /// `fcntl(fd, F_GETLEASE)`: the type, or what a break will leave.
    fn fcntl_getlease(&self, current: &Task, filp: Filp) -> i32;

    /// Asks for leases that conflict with an open to go. Waits for that unless `O_NONBLOCK`.
    fn break_lease(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<()>;

    /// Removes what the file holds, at its last close.
    fn locks_remove_flock(&self, current: &Task, filp: Filp);

    /// What `/proc/locks` shows of an inode.
    fn proc_locks(&self, current: &Task, inode: Inode) -> Vec<LockLine>;

    /// The leases of an inode as they are listed, without a step. The same walk for all: the list is data, not discipline.
    fn leases(&self, view: &dyn View, inode: Inode) -> Vec<Listed> {
        file_lock::listed(view, inode)
    }

    /// The file server wants back what conflicts with such an open elsewhere. Runs on this node, as its call-back, and like an
    /// open here waits until it is gone unless `O_NONBLOCK`.
    fn recall(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<()> {
        let _frame = current.enter("recall");
        self.break_lease(current, inode, flags)
    }

    /// `close(2)` of one descriptor; true if it was the last.
    fn close(&self, current: &Task, filp: Filp) -> bool {
        let _frame = current.enter("filp_close");
        self.put(current, filp)
    }

    /// Drops a reference to an open file: a descriptor's, or that of a call on a descriptor that tasks share. True if it was the
    /// last: then the file is closed, by whichever task this is.
    fn put(&self, current: &Task, filp: Filp) -> bool {
        let last = filp.put(current);
        if last {
            self.fput(current, filp);
        }
        last
    }

    /// `dup(2)`: the same description through one more descriptor.
    fn dup(&self, _current: &Task, filp: Filp) -> Filp {
        filp.get_file()
    }
}

/// Boots a design in a kernel: makes its locks.
pub type Boot = fn(Kernel) -> std::sync::Arc<dyn Design>;
