//! The mail's proposal, still with the Big Kernel Lock: its last two outlines.
//!
//! ```text
//! vfs_setlease
//!    check_open_counts               "should be common to all filesystems", so it is here
//!    f_op->setlease                  now means "Try to get a lease from the fileserver"
//!       if (res) return res
//!    lock_kernel
//!    generic_setlease                allocates nothing
//!    unlock_kernel
//!
//! fcntl_setlease
//!    lease_alloc                     the caller's, whatever is asked for: F_UNLCK as well
//!    check_open_counts
//!    f_op->setlease
//!       if (res) return res
//!    lock_kernel
//!    generic_setlease
//!    ... fasync ...                  kmalloc(GFP_KERNEL): the BKL is given back while it sleeps
//!    unlock_kernel
//! ```
//!
//! The outline of `fcntl_setlease` has no check of the open counts, and it does not call `vfs_setlease`, where the check is now.
//! Taken by the letter, every lease would be granted; it is made here in both. What becomes of the passed-in lease when
//! it is merged, refused or removed the mail leaves open: here the caller frees what is not listed.
//!
//! Whatever the outlines do not show is as in [`bkl`](super::bkl): opens look at the list before they raise their counts,
//! and break leases as they did.

use super::as_in::as_in;
use super::bkl::{Bkl, locks_insert_lock};
use super::file_lock::{FileLock, FlType, is_lease_type, is_mine, lease_init, locks_alloc_lock, security_file_lock};
use super::inode::{check_open_counts, refusal};
use super::{Design, F_RDLCK, F_UNLCK, F_WRLCK, FileSystem, Filp, Inode, LockLine, OpenFlags};
use crate::kernel::bkl::lock_kernel;
use crate::kernel::fasync::{f_setown, fasync_helper};
use crate::kernel::slab::{Ptr, kfree};
use crate::kernel::task::Task;
use crate::kernel::{Errno, Result};

/// The design `proposal_bkl`. Its one lock is the kernel's.
pub struct ProposalBkl {
    bkl: Bkl,
}

/// The first point: the caller's record, allocated before anything else.
pub(super) fn lease_alloc(current: &Task, filp: Filp, arg: i32, in_kernel: bool) -> Result<Ptr<FileLock>> {
    let _frame = current.enter("lease_alloc");
    if !is_lease_type(arg) {
        return Err(Errno::EINVAL);
    }
    let lease = locks_alloc_lock(current)?;
    lease_init(current, lease, filp, arg, in_kernel);
    Ok(lease)
}

/// What the list did not take is the caller's.
pub(super) fn free_unlisted(lease: Option<Ptr<FileLock>>) {
    if let Some(lease) = lease {
        kfree(lease);
    }
}

/// The second point: what is common to all file systems. No lock is held.
pub(super) fn may_setlease(current: &Task, filp: Filp, arg: i32) -> Result<()> {
    if !filp.inode.is_regular {
        return Err(Errno::EINVAL);
    }
    security_file_lock(current, false)?;
    check_open_counts(current, filp.inode, arg)
}

/// The third point: the file system asks its server, if it has one.
pub(super) fn f_op_setlease(current: &Task, filp: Filp, arg: i32) -> Result<()> {
    match filp.inode.fs {
        FileSystem::Local => Ok(()),
        FileSystem::Refusing => Err(refusal(current)),
        FileSystem::Network(client) => client.f_op_setlease(current, arg),
    }
}

impl ProposalBkl {
    /// Boots it.
    pub fn boot() -> ProposalBkl {
        ProposalBkl { bkl: Bkl }
    }

    /// Returns the lease that is listed now, if one is; takes the caller's record if it is that.
    fn generic_setlease(
        &self,
        current: &Task,
        filp: Filp,
        arg: i32,
        in_kernel: bool,
        new: &mut Option<Ptr<FileLock>>,
    ) -> Result<Option<Ptr<FileLock>>> {
        let _frame = current.enter("generic_setlease");
        self.bkl.time_out_leases(current, filp.inode);

        let mut before = filp.inode.i_flock;
        let mut my_before = None;
        let (mut readers, mut writers) = (0, 0);
        while let Some(fl) = before.get() {
            let lease = fl.get();
            if is_mine(fl.get(), filp, in_kernel) {
                my_before = Some(before);
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
        if let Some(my_before) = my_before {
            let lease = my_before.get();
            self.bkl.lease_modify(current, my_before, arg);
            return Ok(lease.filter(|_| arg != F_UNLCK));
        }
        if arg == F_UNLCK {
            return Ok(None);
        }
        let listed = new.take();
        if let Some(fl) = listed {
            locks_insert_lock(before, fl);
        }
        Ok(listed)
    }

    /// `fcntl_setlease` with its lease.
    fn setlease(&self, current: &Task, filp: Filp, arg: i32, new: &mut Option<Ptr<FileLock>>) -> Result<()> {
        may_setlease(current, filp, arg)?;
        f_op_setlease(current, filp, arg)?;
        let _bkl = lock_kernel(current);
        let Some(fl) = self.generic_setlease(current, filp, arg, false, new)? else { return Ok(()) };
        if let Err(errno) = fasync_helper(current, filp.file, fl.get().fl_fasync) {
            self.bkl.undo(current, filp, fl);
            return Err(errno);
        }
        f_setown(current, filp.owner())
    }
}

impl Design for ProposalBkl {
    fn fcntl_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        let _frame = current.enter("fcntl_setlease");
        let mut new = Some(lease_alloc(current, filp, arg, false)?);
        let result = self.setlease(current, filp, arg, &mut new);
        free_unlisted(new);
        result
    }

    fn vfs_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        let mut new = Some(lease_alloc(current, filp, arg, true)?);
        let result = {
            let _frame = current.enter("vfs_setlease");
            may_setlease(current, filp, arg).and_then(|()| f_op_setlease(current, filp, arg)).and_then(|()| {
                let _bkl = lock_kernel(current);
                self.generic_setlease(current, filp, arg, true, &mut new)
            })
        };
        free_unlisted(new);
        result.map(|_| ())
    }

    as_in!(bkl: open fput truncate fcntl_getlease break_lease locks_remove_flock proc_locks);
}
