//! The status quo of Linux 2.6.23: the Big Kernel Lock around everything.
//!
//! ```text
//! fcntl_setlease
//!    lock_kernel
//!    vfs_setlease
//!       lock_kernel                  taken again: legal for the BKL alone
//!       f_op->setlease               of the file system, if it has one: sleeps, and the BKL is given back
//!       generic_setlease
//!          time_out_leases
//!          locks_alloc_lock          kmalloc(GFP_KERNEL): the BKL is given back while it sleeps
//!       unlock_kernel
//!    fasync_helper                   kmalloc(GFP_KERNEL) again
//!    f_setown
//!    unlock_kernel
//!
//! open
//!    path walk                       raises d_count, or i_count under the inode_lock
//!    break_lease                     looks at i_flock, no lock held
//!       __break_lease
//!          locks_alloc_lock
//!          lock_kernel
//!          time_out_leases
//!          kill_fasync               for each lease
//!          interruptible_sleep_on    until none is breaking; schedule() gives the BKL back
//!          unlock_kernel
//!    get_write_access                raises i_writecount: too late (M24)
//! ```
//!
//! As released: the record is allocated *after* the walk over the list (M01, until Linux commit 85c59580b30). It looks
//! at the open counts, then inserts; an opener looks at the list, then raises its count. Neither looks again.
//!
//! nfsd's call-back starts a thread, which sleeps: the BKL is given back in the middle of the walk over the list (M14, until
//! Linux commits 63e4863fabc and b5a1a81e5c2).
//!
//! A file system with an `f_op->setlease` decides by itself, and calls `generic_setlease` when it has (GFS2; CIFS from 2.6.28);
//! here one that asks a file server does so. It is asked for F_UNLCK as well; of expiry and close it does not hear.
//!
//! Not modelled: flocks and POSIX locks on the same list (M04).

use crate::kernel::bkl::lock_kernel;
use crate::kernel::fasync::{f_setown, fasync_helper};
use crate::kernel::slab::{Link, Ptr};
use crate::kernel::task::Task;
use crate::kernel::wait::jiffies;
use crate::kernel::{Errno, Result};

use super::file_lock::{
    FileLock, FlType, is_lease_type, is_mine, lease_init, lease_of_file, lock_lines, locks_alloc_lock,
    locks_wake_up_blocks, security_file_lock,
};
use super::inode::{check_open_counts, refusal};
use super::{Design, F_RDLCK, F_UNLCK, F_WRLCK, FileSystem, Filp, Inode, LockLine, OpenFlags};

mod break_lease;
mod list;

/// The design `bkl`. Its one lock is the kernel's.
pub struct Bkl;

impl Bkl {
    /// The part that `fcntl_setlease` and the in-kernel callers share. Returns the lease as listed, for the caller to attach to.
    fn setlease(&self, current: &Task, filp: Filp, arg: i32, in_kernel: bool) -> Result<Option<Ptr<FileLock>>> {
        let _frame = current.enter("vfs_setlease");
        let _bkl = lock_kernel(current);
        match filp.inode.fs {
            FileSystem::Local => {}
            FileSystem::Refusing => return Err(refusal(current)),
            FileSystem::Network(client) => client.f_op_setlease(current, arg)?,
        }
        self.generic_setlease(current, filp, arg, in_kernel)
    }

    fn generic_setlease(&self, current: &Task, filp: Filp, arg: i32, in_kernel: bool) -> Result<Option<Ptr<FileLock>>> {
        let _frame = current.enter("generic_setlease");
        let inode = filp.inode;
        if !inode.is_regular {
            return Err(Errno::EINVAL);
        }
        security_file_lock(current, false)?;
        self.time_out_leases(current, inode);
        check_open_counts(current, inode, arg)?;

        // Remembers pointers to next fields, across an allocation that may sleep (M01).
        let mut before = inode.i_flock;
        let mut mine = None;
        let (mut readers, mut writers) = (0, 0);
        while let Some(fl) = before.get() {
            let lease = fl.get();
            if is_mine(fl.get(), filp, in_kernel) {
                mine = Some(before);
            } else if lease.fl_type.get() == FlType::breaking(F_UNLCK) {
                writers += 1;
            } else {
                readers += 1;
            }
            before = lease.fl_next;
        }
        if arg == F_RDLCK && writers > 0 || arg == F_WRLCK && readers + writers > 0 {
            return Err(Errno::EAGAIN);
        }
        if let Some(mine) = mine {
            let lease = mine.get();
            self.lease_modify(current, mine, arg);
            return Ok(lease.filter(|_| arg != F_UNLCK));
        }
        if arg == F_UNLCK {
            return Ok(None);
        }
        let fl = locks_alloc_lock(current)?;
        lease_init(current, fl, filp, arg, in_kernel);
        locks_insert_lock(before, fl);
        Ok(Some(fl))
    }

    /// Changes the type of the lease that `before` points to, whatever break is under way (M40); `F_UNLCK` deletes it.
    pub(super) fn lease_modify(&self, current: &Task, before: Link<FileLock>, arg: i32) {
        let _frame = current.enter("lease_modify");
        let Some(fl) = before.get() else { return };
        fl.get().fl_type.set(FlType::granted(arg));
        locks_wake_up_blocks(fl);
        if arg == F_UNLCK {
            self.locks_delete_lock(current, before, fl);
        }
    }

    /// Takes a lease back whose fasync entry could not be made: by the expiry loop, which may stop before it (M07).
    pub(super) fn undo(&self, current: &Task, filp: Filp, fl: Ptr<FileLock>) {
        fl.get().fl_type.set(FlType::breaking(F_UNLCK));
        fl.get().fl_break_time.set(jiffies() - 10);
        self.time_out_leases(current, filp.inode);
    }
}

impl Design for Bkl {
    fn fcntl_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        let _frame = current.enter("fcntl_setlease");
        if !is_lease_type(arg) {
            return Err(Errno::EINVAL);
        }
        let _bkl = lock_kernel(current);
        let Some(fl) = self.setlease(current, filp, arg, false)? else { return Ok(()) };
        fasync_helper(current, filp.file, fl.get().fl_fasync).inspect_err(|_| self.undo(current, filp, fl))?;
        f_setown(current, filp.owner())
    }

    fn vfs_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        self.setlease(current, filp, arg, true).map(|_| ())
    }

    fn fcntl_getlease(&self, current: &Task, filp: Filp) -> i32 {
        let _frame = current.enter("fcntl_getlease");
        let _bkl = lock_kernel(current);
        self.time_out_leases(current, filp.inode);
        lease_of_file(filp)
    }

    fn open(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<Filp> {
        let _frame = current.enter("open");
        inode.path_get(current, flags.by_link);
        if let Err(errno) = self.break_lease(current, inode, flags) {
            inode.path_put(current, flags.by_link);
            return Err(errno);
        }
        if flags.trunc {
            inode.get_write_access(current);
            inode.put_write_access(current);
        }
        if flags.write {
            inode.get_write_access(current);
        }
        Ok(Filp::alloc(inode, flags))
    }

    fn truncate(&self, current: &Task, inode: Inode) -> Result<()> {
        let _frame = current.enter("do_sys_truncate");
        inode.path_get(current, false);
        inode.get_write_access(current);
        let result = self.break_lease(current, inode, OpenFlags { write: true, ..OpenFlags::default() });
        if result.is_ok() {
            inode.do_truncate(current);
        }
        inode.put_write_access(current);
        inode.path_put(current, false);
        result
    }

    fn fput(&self, current: &Task, filp: Filp) {
        let _frame = current.enter("__fput");
        self.locks_remove_flock(current, filp);
        if filp.flags.write {
            filp.inode.put_write_access(current);
        }
        filp.inode.path_put(current, filp.flags.by_link);
        filp.free();
    }

    fn break_lease(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<()> {
        let _frame = current.enter("break_lease");
        if inode.i_flock.get().is_none() {
            return Ok(());
        }
        self.__break_lease(current, inode, flags)
    }

    fn locks_remove_flock(&self, current: &Task, filp: Filp) {
        let _frame = current.enter("locks_remove_flock");
        if filp.inode.i_flock.get().is_none() {
            return;
        }
        let _bkl = lock_kernel(current);
        self.remove_leases(current, filp);
    }

    fn proc_locks(&self, current: &Task, inode: Inode) -> Vec<LockLine> {
        let _frame = current.enter("get_locks_status");
        let _bkl = lock_kernel(current);
        lock_lines(inode)
    }
}

pub(super) fn locks_insert_lock(before: Link<FileLock>, fl: Ptr<FileLock>) {
    fl.get().fl_next.set(before.get());
    before.set(Some(fl));
}
