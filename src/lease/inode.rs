//! Inodes and open files: what no design changes.
//!
//! The counts are those of 2.6.23. They count references, not opens: a path walk raises `d_count` before the
//! open knows whether it will succeed, and so does whoever waits for a lease to go.
//!
//! | count | raised by |
//! |---|---|
//! | `d_count` | an open (or a path walk) through the name the inode is known by |
//! | `i_count` | 1 by that name; one more by each `iget`: an open through another hard link, nfsd |
//! | `i_writecount` | an open for write, a running truncate |

use crate::engine;
use crate::event::{Note, ObjectId, Place};
use crate::kernel::atomic::Atomic;
use crate::kernel::fasync::{Owned, Owner};
use crate::kernel::files::{Counted, Opened};
use crate::kernel::lock::SpinLock;
use crate::kernel::slab::{Layout, Link, Ptr, Slab, kfree, kmalloc_nofail};
use crate::kernel::task::Task;
use crate::kernel::{Errno, Result};

use super::file_lock::FileLock;
use super::note::LeaseNote;
use super::server::Client;
use super::{F_RDLCK, F_WRLCK, OpenFlags};

/// `struct inode` with the dentry of its name. Copied freely: it holds names only.
#[derive(Clone, Copy, Debug)]
pub struct Inode {
    /// References to the inode.
    pub i_count: Atomic,
    /// Opens for write.
    pub i_writecount: Atomic,
    /// References to its name.
    pub d_count: Atomic,
    /// Its leases, a list.
    pub i_flock: Link<FileLock>,
    /// Guards `i_count` against `__iget` (global in 2.6.23).
    pub inode_lock: SpinLock,
    /// Leases are for regular files.
    pub is_regular: bool,
    /// `/proc/sys/fs/lease-break-time` of its node, in seconds; 0 is never.
    pub lease_break_time: u64,
    /// Whose file it is.
    pub fs: FileSystem,
}

/// What the inode's file system has to say about leases.
#[derive(Clone, Copy, Debug)]
pub enum FileSystem {
    /// Nothing: it has no `f_op->setlease`.
    Local,
    /// Never: NFS since 2007 (Linux commit 370f6599e8b).
    Refusing,
    /// Whatever the file server says.
    Network(Client),
}

/// `f_op->setlease` of [`FileSystem::Refusing`]: `EINVAL`, whatever is asked for.
pub fn refusal(current: &Task) -> Errno {
    let _frame = current.enter("f_op->setlease");
    Errno::EINVAL
}

impl Inode {
    /// A file nobody has open.
    pub fn new(inode_lock: SpinLock, is_regular: bool) -> Inode {
        Inode {
            i_count: Atomic::new("i_count", 1),
            i_writecount: Atomic::new("i_writecount", 0),
            d_count: Atomic::new("d_count", 0),
            i_flock: Link::new("i_flock"),
            inode_lock,
            is_regular,
            lease_break_time: 0,
            fs: FileSystem::Local,
        }
    }

    /// The same on a node where a holder has this number of seconds to give its lease up; 0 is never, and the default.
    pub fn with_break_time(self, lease_break_time: u64) -> Inode {
        Inode { lease_break_time, ..self }
    }

    /// The same on another file system.
    pub fn on(self, fs: FileSystem) -> Inode {
        Inode { fs, ..self }
    }

    /// The node's side of a file that a server keeps.
    pub fn client(self) -> Option<Client> {
        match self.fs {
            FileSystem::Network(client) => Some(client),
            FileSystem::Local | FileSystem::Refusing => None,
        }
    }

    /// Tells the checks what of it has to be at the end what it is now.
    #[track_caller]
    pub fn counted(self) {
        for (count, name) in [(self.i_count, "i_count"), (self.i_writecount, "i_writecount"), (self.d_count, "d_count")]
        {
            engine::note(Note::Count { cell: count.id(), bits: u64::MAX, name }, Place::caller());
        }
        if let FileSystem::Network(client) = self.fs {
            client.counted();
        }
    }

    /// Its name among the objects of the execution.
    pub fn id(self) -> ObjectId {
        self.i_count.id()
    }

    /// A reference by inode number: `__iget` under the `inode_lock`.
    pub fn iget(self, current: &Task) {
        let _frame = current.enter("iget");
        let _guard = self.inode_lock.lock(current);
        self.i_count.inc();
    }

    /// Gives such a reference back.
    pub fn iput(self, current: &Task) {
        let _frame = current.enter("iput");
        let last = self.i_count.dec_and_test();
        current.bug_on(last, "iput: the name still refers to the inode");
    }

    /// The reference a path walk takes: by name, or by inode through another hard link.
    pub fn path_get(self, current: &Task, by_link: bool) {
        let _frame = current.enter("path_lookup");
        if by_link { self.iget(current) } else { self.d_count.inc() }
    }

    /// Gives it back.
    pub fn path_put(self, current: &Task, by_link: bool) {
        let _frame = current.enter("path_put");
        if by_link { self.iput(current) } else { self.d_count.dec() }
    }

    /// `get_write_access`. (Nobody executes files here, so it cannot fail.)
    pub fn get_write_access(self, current: &Task) {
        let _frame = current.enter("get_write_access");
        self.i_writecount.inc();
    }

    /// `do_truncate`: the moment in which the data go. What conflicts has been broken, and `i_writecount` is raised.
    #[track_caller]
    pub fn do_truncate(self, current: &Task) {
        let _frame = current.enter("do_truncate");
        engine::note(LeaseNote::Truncating { inode: self.id() }.into(), Place::caller());
    }

    /// `put_write_access`.
    pub fn put_write_access(self, current: &Task) {
        let _frame = current.enter("put_write_access");
        self.i_writecount.dec();
    }
}

/// Does an open forbid the lease?
///
/// # Errors
/// `EAGAIN`, if one does.
pub fn check_open_counts(current: &Task, inode: Inode, arg: i32) -> Result<()> {
    let _frame = current.enter("check_open_counts");
    let forbidden = match arg {
        F_RDLCK => inode.i_writecount.read() > 0,
        F_WRLCK => inode.d_count.read() > 1 || inode.i_count.read() > 1,
        _ => false,
    };
    if forbidden { Err(Errno::EAGAIN) } else { Ok(()) }
}

/// `struct file`: an open file description.
pub struct File {
    /// Descriptors that refer to it, and calls under way on descriptors that tasks share.
    f_count: Atomic,
    /// Whom its signals go to.
    f_owner: Owner,
}

impl Slab for File {
    const NAME: &'static str = "file";

    fn lay(layout: &mut Layout) -> File {
        File { f_count: Atomic::field(layout, "f_count"), f_owner: Owner::field(layout) }
    }
}

impl Counted for File {
    fn f_count(&self) -> Atomic {
        self.f_count
    }
}

impl Owned for File {
    fn owner(&self) -> Owner {
        self.f_owner
    }
}

/// An open file with what is fixed about it. Copied freely.
#[derive(Clone, Copy, Debug)]
pub struct Filp {
    /// The description.
    pub file: Ptr<File>,
    /// The inode it is open on.
    pub inode: Inode,
    /// How it was opened.
    pub flags: OpenFlags,
}

impl Filp {
    /// A new description with one descriptor.
    #[track_caller]
    pub fn alloc(inode: Inode, flags: OpenFlags) -> Filp {
        let filp = Filp { file: kmalloc_nofail(Place::caller()), inode, flags };
        filp.file.get().f_count.init(1);
        filp
    }

    /// The file of a descriptor, whose files are all on one inode.
    pub fn of(opened: Opened<File>, inode: Inode) -> Filp {
        Filp { file: opened.file, inode, flags: OpenFlags::from_bits(opened.fixed) }
    }

    /// As a descriptor keeps it.
    pub fn opened(self) -> Opened<File> {
        Opened { file: self.file, fixed: self.flags.bits() }
    }

    /// One more descriptor.
    pub fn get_file(self) -> Filp {
        self.file.get().f_count.inc();
        self
    }

    /// One reference less; true if it was the last.
    pub fn put(self, current: &Task) -> bool {
        let last = self.file.get().f_count.dec_and_test();
        if last {
            engine::note(LeaseNote::Closing { file: self.file.id() }.into(), Place::caller());
        }
        let _ = current;
        last
    }

    /// Frees the description.
    pub fn free(self) {
        kfree(self.file);
    }

    /// Whom its signals go to.
    pub fn owner(self) -> Owner {
        self.file.get().f_owner
    }
}
