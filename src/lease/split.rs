//! `__vfs_setlease`, called by both: nobody takes the lock twice.
//!
//! ```text
//! fcntl_setlease                     vfs_setlease
//!    spin_lock                          spin_lock
//!    __vfs_setlease                     __vfs_setlease
//!       generic_setlease                   generic_setlease
//!          locks_alloc_lock                   locks_alloc_lock
//!    fasync_helper                      spin_unlock
//!    f_setown
//!    spin_unlock
//! ```
//!
//! The mail: "At first I thought I'd just push the call to generic_setlease into __vfs_setlease and have two ways of calling
//! it". And at once: "But generic_setlease allocates memory (GFP_KERNEL) under the lock, so that's bad for converting
//! to spnlocks later." What it does not say: `fasync_helper` under the same lock allocates as well.

use crate::kernel::fasync::{f_setown, fasync_helper};
use crate::kernel::slab::Ptr;
use crate::kernel::task::Task;
use crate::kernel::{Errno, Result};

use super::file_lock::{FileLock, is_lease_type, is_mine, locks_alloc_lock, security_file_lock};
use super::rest::{Place, Rest, f_op_setlease, locks_insert_lock, rest_of_the_calls};
use super::{Design, F_UNLCK, Filp, Inode, LockLine, OpenFlags};

/// The design `split`.
pub struct Split {
    rest: Rest,
}

impl Split {
    /// Boots it.
    pub fn boot() -> Split {
        Split { rest: Rest::boot("file_lock_lock") }
    }

    /// What both callers share. The caller holds the lock.
    fn __vfs_setlease(&self, current: &Task, filp: Filp, arg: i32, in_kernel: bool) -> Result<Option<Ptr<FileLock>>> {
        let _frame = current.enter("__vfs_setlease");
        f_op_setlease(current, filp)?;
        self.generic_setlease(current, filp, arg, in_kernel)
    }

    fn generic_setlease(&self, current: &Task, filp: Filp, arg: i32, in_kernel: bool) -> Result<Option<Ptr<FileLock>>> {
        let _frame = current.enter("generic_setlease");
        if !filp.inode.is_regular {
            return Err(Errno::EINVAL);
        }
        security_file_lock(current, false)?;
        match self.rest.find_place(current, filp, arg, |lease| is_mine(lease, filp, in_kernel))? {
            Place::Mine(my_before) => {
                let lease = my_before.get();
                self.rest.lease_modify(current, my_before, arg);
                Ok(lease.filter(|_| arg != F_UNLCK))
            }
            Place::End(_) if arg == F_UNLCK => Ok(None),
            Place::End(before) => {
                let fl = locks_alloc_lock(current)?;
                locks_insert_lock(current, before, fl, filp, arg, in_kernel);
                Ok(Some(fl))
            }
        }
    }
}

impl Design for Split {
    fn fcntl_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        let _frame = current.enter("fcntl_setlease");
        if !is_lease_type(arg) {
            return Err(Errno::EINVAL);
        }
        let _flocks = self.rest.lock(current);
        let Some(fl) = self.__vfs_setlease(current, filp, arg, false)? else { return Ok(()) };
        if let Err(errno) = fasync_helper(current, filp.file, fl.get().fl_fasync) {
            self.rest.take_back(current, filp, fl);
            return Err(errno);
        }
        f_setown(current, filp.owner())
    }

    fn vfs_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        let _frame = current.enter("vfs_setlease");
        let _flocks = self.rest.lock(current);
        self.__vfs_setlease(current, filp, arg, true).map(|_| ())
    }

    rest_of_the_calls!();
}
