//! The lock inside `generic_setlease`, the fasync entry after it.
//!
//! ```text
//! fcntl_setlease
//!    vfs_setlease
//!       generic_setlease
//!          locks_alloc_lock          no lock held
//!          spin_lock
//!          time_out_leases, link the lease
//!          spin_unlock
//!    fasync_helper                   no lock held, and the lease is listed: it may be broken, or gone
//!    f_setown
//! ```
//!
//! The mail: "Then I thought I'd move the spinlock acquisition into generic_setlease(). But I can't do that either as
//! fcntl_setlease() needs to hold the spinlock around the call to generic_setlease() and fasync_helper()." Nothing
//! sleeps under the lock any more, and nobody takes it twice. Between the unlock and `fasync_helper` an opener finds
//! a lease whose owner nobody can tell; and the lease itself may be given up, by the last close or by another thread,
//! before its entry is put on it.

use crate::kernel::fasync::{f_setown, fasync_helper};
use crate::kernel::slab::{Ptr, kfree};
use crate::kernel::task::Task;
use crate::kernel::{Errno, Result};

use super::file_lock::{FileLock, is_lease_type, is_mine, locks_alloc_lock, security_file_lock};
use super::rest::{Place, Rest, f_op_setlease, locks_insert_lock, rest_of_the_calls};
use super::{Design, F_UNLCK, Filp, Inode, LockLine, OpenFlags};

/// The design `inner`.
pub struct Inner {
    rest: Rest,
}

impl Inner {
    /// Boots it.
    pub fn boot() -> Inner {
        Inner { rest: Rest::boot("file_lock_lock") }
    }

    fn generic_setlease(&self, current: &Task, filp: Filp, arg: i32, in_kernel: bool) -> Result<Option<Ptr<FileLock>>> {
        let _frame = current.enter("generic_setlease");
        if !filp.inode.is_regular {
            return Err(Errno::EINVAL);
        }
        security_file_lock(current, false)?;
        let new = if arg == F_UNLCK { None } else { Some(locks_alloc_lock(current)?) };
        let listed = self.list(current, filp, arg, in_kernel, new);
        if let Some(unused) = new.filter(|_| listed != Ok(new)) {
            kfree(unused);
        }
        listed
    }

    /// The part under the lock.
    fn list(
        &self,
        current: &Task,
        filp: Filp,
        arg: i32,
        in_kernel: bool,
        new: Option<Ptr<FileLock>>,
    ) -> Result<Option<Ptr<FileLock>>> {
        let _flocks = self.rest.lock(current);
        match self.rest.find_place(current, filp, arg, |lease| is_mine(lease, filp, in_kernel))? {
            Place::Mine(my_before) => {
                let lease = my_before.get();
                self.rest.lease_modify(current, my_before, arg);
                Ok(lease.filter(|_| arg != F_UNLCK))
            }
            Place::End(before) => {
                if let Some(fl) = new {
                    locks_insert_lock(current, before, fl, filp, arg, in_kernel);
                }
                Ok(new)
            }
        }
    }
}

impl Design for Inner {
    fn fcntl_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        let _frame = current.enter("fcntl_setlease");
        if !is_lease_type(arg) {
            return Err(Errno::EINVAL);
        }
        f_op_setlease(current, filp)?;
        let Some(fl) = self.generic_setlease(current, filp, arg, false)? else { return Ok(()) };
        if let Err(errno) = fasync_helper(current, filp.file, fl.get().fl_fasync) {
            let _flocks = self.rest.lock(current);
            self.rest.take_back(current, filp, fl);
            return Err(errno);
        }
        f_setown(current, filp.owner())
    }

    fn vfs_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        let _frame = current.enter("vfs_setlease");
        f_op_setlease(current, filp)?;
        self.generic_setlease(current, filp, arg, true).map(|_| ())
    }

    rest_of_the_calls!();
}
