//! The mail's proposal with a spinlock, exactly as written: "let us convert from lock_kernel() to spin_lock() later".
//!
//! ```text
//! vfs_setlease
//!    check_open_counts               looked at here, with no lock held, and nowhere again (M24, M50)
//!    f_op->setlease                  asks the server, no lock held
//!       if (res) return res
//!    spin_lock(file_lock_lock)
//!    generic_setlease                if it says EAGAIN now, the server's lease stays (M46)
//!    spin_unlock(file_lock_lock)
//!
//! fcntl_setlease
//!    lease_alloc                     F_UNLCK as well: it may fail for want of memory (M03)
//!    check_open_counts
//!    f_op->setlease                  F_UNLCK as well: the server is told first (M48)
//!       if (res) return res
//!    spin_lock(file_lock_lock)
//!    generic_setlease
//!    ... fasync ...                  kmalloc(GFP_KERNEL) under the spinlock (M12)
//!    spin_unlock(file_lock_lock)
//! ```
//!
//! Read it beside [`proposal_bkl`](super::proposal_bkl), of which it is the conversion, and [`spinlock`](super::spinlock), which is what
//! it lacks. Expiry, close and downgrade do not pass through `f_op->setlease` (M49), and a recall that comes before the
//! lease is listed finds nothing.
//!
//! What the mail says nothing of is as in 2.6.23: opens look at the list with no lock held and raise `i_writecount` after the
//! break, and nfsd's call-back starts a thread, under the spinlock now (M14). The exception is waiting
//! for a lease: holding the spinlock would keep anyone from giving one up. A waiter queues, unlocks, and sleeps.

use super::as_in::as_in;
use super::bkl::locks_insert_lock;
use super::file_lock::{FileLock, FlType, is_mine, locks_wake_up_blocks};
use super::nfsd::Nfsd;
use super::proposal_bkl::{f_op_setlease, free_unlisted, lease_alloc, may_setlease};
use super::spinlock::Spinlock;
use super::{Design, F_RDLCK, F_UNLCK, F_WRLCK, Filp, Inode, LockLine, OpenFlags};
use crate::kernel::fasync::{f_setown, fasync_helper};
use crate::kernel::slab::{Link, Ptr};
use crate::kernel::task::Task;
use crate::kernel::wait::jiffies;
use crate::kernel::{Errno, Result};

/// The design `proposal`.
pub struct Proposal {
    /// The lock, and what is done under it where the mail says nothing.
    base: Spinlock,
}

impl Proposal {
    /// Boots it. nfsd's call-back is that of 2.6.23.
    pub fn boot() -> Proposal {
        Proposal { base: Spinlock { nfsd: Nfsd::StartsThread, ..Spinlock::boot() } }
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
        self.base.time_out_leases(current, filp.inode);

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
            self.lease_modify(current, my_before, arg);
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

    /// Changes the type of the lease that `before` points to, whatever break is under way (M40); `F_UNLCK` deletes it.
    fn lease_modify(&self, current: &Task, before: Link<FileLock>, arg: i32) {
        let _frame = current.enter("lease_modify");
        let Some(fl) = before.get() else { return };
        fl.get().fl_type.set(FlType::granted(arg));
        locks_wake_up_blocks(fl);
        if arg == F_UNLCK {
            self.base.locks_delete_lock(current, before, fl);
        }
    }

    /// `fcntl_setlease` with its lease.
    fn setlease(&self, current: &Task, filp: Filp, arg: i32, new: &mut Option<Ptr<FileLock>>) -> Result<()> {
        may_setlease(current, filp, arg)?;
        f_op_setlease(current, filp, arg)?;
        let _lock = self.base.file_lock_lock.lock(current);
        let Some(fl) = self.generic_setlease(current, filp, arg, false, new)? else { return Ok(()) };
        if let Err(errno) = fasync_helper(current, filp.file, fl.get().fl_fasync) {
            self.undo(current, filp, fl);
            return Err(errno);
        }
        f_setown(current, filp.owner())
    }

    /// As in 2.6.23: the expiry loop takes the lease back.
    fn undo(&self, current: &Task, filp: Filp, fl: Ptr<FileLock>) {
        fl.get().fl_type.set(FlType::breaking(F_UNLCK));
        fl.get().fl_break_time.set(jiffies() - 10);
        self.base.time_out_leases(current, filp.inode);
    }
}

impl Design for Proposal {
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
                let _lock = self.base.file_lock_lock.lock(current);
                self.generic_setlease(current, filp, arg, true, &mut new)
            })
        };
        free_unlisted(new);
        result.map(|_| ())
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

    fn break_lease(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<()> {
        let _frame = current.enter("break_lease");
        if inode.i_flock.get().is_none() {
            return Ok(());
        }
        self.base.__break_lease(current, inode, flags, false)
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

    fn locks_remove_flock(&self, current: &Task, filp: Filp) {
        let _frame = current.enter("locks_remove_flock");
        if filp.inode.i_flock.get().is_none() {
            return;
        }
        let _lock = self.base.file_lock_lock.lock(current);
        self.base.remove_leases(current, filp, |lease| lease.fl_file.get() == Some(filp.file));
    }

    as_in!(base: truncate fcntl_getlease proc_locks);
}
