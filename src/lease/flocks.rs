//! What Linux shipped in 2.6.37-rc1, on 27 October 2010: the caller allocates, one spinlock.
//!
//! ```text
//! fcntl_setlease
//!    lease_alloc                     kmalloc(GFP_KERNEL), no lock held: the mail's first idea, three years later (c5b1f0d92c3)
//!    fasync_alloc                    the same for the entry, which the mail had not thought of (f7347ce4ee7)
//!    lock_flocks                     a spinlock from here on (72f98e72551)
//!    __vfs_setlease
//!       f_op->setlease               of the file system, if it has one: those of 2010 refuse, or look at a local state
//!       generic_setlease             gets the lease passed in: lists it, or changes the one that the file has
//!    fasync_insert_entry
//!    f_setown                        may fail, and then the lease stays (M08)
//!    unlock_flocks
//! ```
//!
//! "First, have clients of vfs_setlease call lease_alloc() and pass it in", says the mail, and leaves open who frees it when the
//! lease is refused, merged with one that is there, or given up. So did the first version: five of the ten fixes of the
//! next weeks are about that. Each of them is a [`Bug`] here. A file system that asks a server was not thought of: its
//! `f_op->setlease` would sleep under the spinlock, so what this design would do with one nobody has said. [`SHIPPED`] are those of the first day; the others came with
//! a fix of the others, or a little later. Without any, this is 2.6.37.
//!
//! Everything else is [`Rest`]: no open is looked at twice (M24), no break survives a second F_SETLEASE (M40).

use crate::kernel::fasync::{f_delown, f_setown, f_setown_nofail, fasync_alloc, fasync_free, fasync_insert_entry};
use crate::kernel::slab::{Ptr, kfree};
use crate::kernel::task::Task;
use crate::kernel::{Errno, Result};

use super::file_lock::{FileLock, is_lease_type, is_mine, lease_init, locks_alloc_lock, security_file_lock};
use super::rest::{Place, Rest, f_op_setlease, rest_of_the_calls};
use super::{Design, F_UNLCK, FileSystem, Filp, Inode, LockLine, OpenFlags};

/// A bug of these weeks, by what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// M03: `F_UNLCK` allocates what it does not need, so it fails for want of memory (until 0ceaf6c700f).
    UnlockAllocates,
    /// M08: the error of setting the owner is returned, and the lease stays (until 2014).
    OwnerRefused,
    /// M16: the callee frees what was passed in on every late exit, also the lease that `F_UNLCK` has freed (until 0ceaf6c700f).
    FreedOnEveryExit,
    /// M17: the early exits, `EACCES` and `EINVAL`, free nothing (until 096657b65e1).
    LeakedOnEarlyExit,
    /// M18: a file system that refuses (nfs, gfs2, cifs) does not free what it was passed (until 05fa3135fdc).
    LeakedByFileSystem,
    /// M19: what was passed in is not freed when the file has a lease already (51ee4b84f5c until 3df057ac9af).
    LeakedOnMerge,
    /// M20: the fix of that frees the lease that is listed, and puts the entry on the other (until 8896b93f424).
    ListedFreedOnMerge,
    /// M21: freeing a lease that was never used forgets whom the file's signals go to (until 3.6).
    OwnerWiped,
    /// M22: nfsd got its pointer to the lease by a callback that nobody calls any more: it gives nothing back (until fcf744a96c6).
    PointerUnset,
    /// M23: whose lease it is, is told by the open file alone; several owners may share one (c45821d263a until acfdf5c383b).
    MatchedByFile,
}

/// The bugs of the first day. M22 is not among them: nfsd without its pointer never gets to M16.
pub const SHIPPED: &[Bug] = &[
    Bug::UnlockAllocates,
    Bug::OwnerRefused,
    Bug::FreedOnEveryExit,
    Bug::LeakedOnEarlyExit,
    Bug::LeakedByFileSystem,
    Bug::OwnerWiped,
];

/// The design `flocks`, or a version of these weeks.
pub struct Flocks {
    rest: Rest,
    bugs: &'static [Bug],
}

impl Flocks {
    /// Boots it.
    pub fn boot(bugs: &'static [Bug]) -> Flocks {
        Flocks { rest: Rest::boot("file_lock_lock"), bugs }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bugs.contains(&bug)
    }

    /// Whose lease is it? An in-kernel owner knows its own.
    fn is_mine(&self, lease: FileLock, filp: Filp, in_kernel: bool) -> bool {
        if self.has(Bug::MatchedByFile) {
            return lease.fl_file.get() == Some(filp.file);
        }
        is_mine(lease, filp, in_kernel)
    }

    /// Lists `passed`, or changes the lease that the file has. Returns the one that is listed. The caller holds the lock.
    fn __vfs_setlease(
        &self,
        current: &Task,
        filp: Filp,
        arg: i32,
        passed: Option<Ptr<FileLock>>,
        in_kernel: bool,
    ) -> Result<Option<Ptr<FileLock>>> {
        let _frame = current.enter("__vfs_setlease");
        f_op_setlease(current, filp)?;
        let _generic = current.enter("generic_setlease");
        if !filp.inode.is_regular {
            return Err(Errno::EINVAL);
        }
        security_file_lock(current, false)?;
        match self.rest.find_place(current, filp, arg, |lease| self.is_mine(lease, filp, in_kernel))? {
            Place::Mine(my_before) => {
                let listed = my_before.get();
                self.rest.lease_modify(current, my_before, arg);
                if let Some(real) = listed.filter(|_| arg == F_UNLCK && in_kernel && self.has(Bug::FreedOnEveryExit)) {
                    kfree(real);
                }
                Ok(listed)
            }
            // The error was 0 until c5b1f0d92c3 took a line out (M42).
            Place::End(_) if arg == F_UNLCK => Err(Errno::EAGAIN),
            Place::End(before) => {
                before.set(passed);
                Ok(passed)
            }
        }
    }

    /// What becomes of the lease that was passed in.
    fn dispose(&self, current: &Task, filp: Filp, passed: Ptr<FileLock>, listed: Result<Option<Ptr<FileLock>>>) {
        // Then nobody but the file system has said anything.
        let by_file_system = matches!(filp.inode.fs, FileSystem::Refusing);
        match listed {
            Ok(listed) if listed == Some(passed) => {}
            Ok(_) if self.has(Bug::LeakedOnMerge) => {}
            Ok(Some(listed)) if self.has(Bug::ListedFreedOnMerge) => kfree(listed),
            Err(_) if by_file_system && self.has(Bug::LeakedByFileSystem) => {}
            Err(Errno::EACCES | Errno::EINVAL) if !by_file_system && self.has(Bug::LeakedOnEarlyExit) => {}
            _ => self.free_unused(current, filp, passed),
        }
    }

    fn free_unused(&self, current: &Task, filp: Filp, fl: Ptr<FileLock>) {
        if self.has(Bug::OwnerWiped) {
            f_delown(current, filp.owner());
        }
        kfree(fl);
    }

    fn f_setown(&self, current: &Task, filp: Filp) -> Result<()> {
        if self.has(Bug::OwnerRefused) {
            return f_setown(current, filp.owner());
        }
        f_setown_nofail(current, filp.owner());
        Ok(())
    }

    /// `do_fcntl_add_lease`.
    fn add_lease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        let passed = lease_alloc(current, filp, arg, false)?;
        let new = match fasync_alloc(current) {
            Ok(new) => new,
            Err(errno) => {
                self.free_unused(current, filp, passed);
                return Err(errno);
            }
        };
        let result = {
            let _flocks = self.rest.lock(current);
            let listed = self.__vfs_setlease(current, filp, arg, Some(passed), false);
            let attached = if self.has(Bug::ListedFreedOnMerge) { listed.map(|_| Some(passed)) } else { listed };
            match attached {
                Ok(Some(fl)) if arg != F_UNLCK => {
                    fasync_free(fasync_insert_entry(current, filp.file, fl.get().fl_fasync, new));
                    self.dispose(current, filp, passed, listed);
                    return self.f_setown(current, filp);
                }
                _ => listed,
            }
        };
        self.dispose(current, filp, passed, result);
        kfree(new);
        result.map(|_| ())
    }

    /// `do_fcntl_delete_lease`, since 0ceaf6c700f: needs no memory.
    fn delete_lease(&self, current: &Task, filp: Filp, in_kernel: bool) -> Result<()> {
        let _flocks = self.rest.lock(current);
        self.__vfs_setlease(current, filp, F_UNLCK, None, in_kernel).map(|_| ())
    }
}

impl Design for Flocks {
    fn fcntl_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        let _frame = current.enter("fcntl_setlease");
        if !is_lease_type(arg) {
            return Err(Errno::EINVAL);
        }
        if arg == F_UNLCK && !self.has(Bug::UnlockAllocates) {
            return self.delete_lease(current, filp, false);
        }
        self.add_lease(current, filp, arg)
    }

    fn vfs_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        let _frame = current.enter("vfs_setlease");
        if arg == F_UNLCK {
            return if self.has(Bug::PointerUnset) { Ok(()) } else { self.delete_lease(current, filp, true) };
        }
        let passed = lease_alloc(current, filp, arg, true)?;
        let listed = {
            let _flocks = self.rest.lock(current);
            self.__vfs_setlease(current, filp, arg, Some(passed), true)
        };
        self.dispose(current, filp, passed, listed);
        listed.map(|_| ())
    }

    rest_of_the_calls!();
}

/// `lease_alloc`: a record, filled in, **may sleep**.
fn lease_alloc(current: &Task, filp: Filp, arg: i32, in_kernel: bool) -> Result<Ptr<FileLock>> {
    let _frame = current.enter("lease_alloc");
    let fl = locks_alloc_lock(current)?;
    lease_init(current, fl, filp, arg, in_kernel);
    Ok(fl)
}
