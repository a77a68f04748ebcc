//! The spinlock exported: the file system drops it while it asks its server, and takes it again.
//!
//! ```text
//! fcntl_setlease
//!    locks_alloc_lock, fasync_alloc
//!    spin_lock(file_lock_lock)
//!    vfs_setlease
//!       time_out_leases
//!       check_open_counts
//!       walk over the list           conflicts here first: a server is not asked in vain; the position is remembered
//!       f_op->setlease
//!          spin_unlock(file_lock_lock)
//!          rpc_call                  the server is asked with no lock held
//!          spin_lock(file_lock_lock)
//!       insert at the position       which may have gone meanwhile
//!    fasync_insert_entry, f_setown
//!    spin_unlock(file_lock_lock)
//! ```
//!
//! The mail: "I'm not keen on the idea of EXPORT_SYMBOL_GPL() a spinlock -- verifying locking is quite hard enough
//! without worrying what a filesystem might be doing with it". A caller under a lock may believe that what it
//! saw stays as it was; here it does not, and nothing in the caller says so. It is M01 again, with another sleep.
//!
//! On a local file system nothing drops the lock. Other calls are those of [`spinlock`](super::spinlock); the server hears of F_UNLCK
//! alone (M49).

use super::as_in::as_in;
use super::file_lock::{FileLock, FlType, is_lease_type, is_mine, security_file_lock};
use super::inode::{check_open_counts, refusal};
use super::spinlock::{Prepared, Spinlock};
use super::{Design, F_RDLCK, F_UNLCK, F_WRLCK, FileSystem, Filp, Inode, LockLine, OpenFlags};
use crate::kernel::atomic::smp_mb;
use crate::kernel::fasync::{f_setown_accepted, fasync_free, fasync_insert_entry};
use crate::kernel::slab::{Ptr, kfree};
use crate::kernel::task::Task;
use crate::kernel::{Errno, Result};

/// The design `exported`.
pub struct Exported {
    base: Spinlock,
}

impl Exported {
    /// Boots it.
    pub fn boot() -> Exported {
        Exported { base: Spinlock::boot() }
    }

    fn setlease(&self, current: &Task, filp: Filp, arg: i32, in_kernel: bool) -> Result<()> {
        security_file_lock(current, arg != F_UNLCK && !in_kernel)?;
        if arg == F_UNLCK {
            let lock = self.base.file_lock_lock;
            lock.lock(current).leave_locked();
            self.f_op_setlease(current, filp, arg).inspect_err(|_| lock.unlock(current))?;
            self.base.time_out_leases(current, filp.inode);
            self.base.remove_leases(current, filp, |lease| is_mine(lease, filp, in_kernel));
            lock.unlock(current);
            return Ok(());
        }
        let prepared = self.base.prepare(current, filp, arg, in_kernel)?;
        self.base.file_lock_lock.lock(current).leave_locked();
        let result = self.vfs_setlease_locked(current, filp, arg, &prepared);
        match (result, prepared.fasync) {
            (Ok(lease), Some(entry)) => {
                fasync_free(fasync_insert_entry(current, filp.file, lease.get().fl_fasync, entry));
                f_setown_accepted(current, filp.owner());
            }
            (_, unused) => fasync_free(unused),
        }
        self.base.file_lock_lock.unlock(current);
        if result != Ok(prepared.lease) {
            kfree(prepared.lease);
        }
        result.map(|_| ())
    }

    /// Under the lock, says its contract.
    fn vfs_setlease_locked(&self, current: &Task, filp: Filp, arg: i32, prepared: &Prepared) -> Result<Ptr<FileLock>> {
        let (inode, new, in_kernel) = (filp.inode, prepared.lease, prepared.fasync.is_none());
        self.base.time_out_leases(current, inode);
        check_open_counts(current, inode, arg)?;

        let mut before = inode.i_flock;
        let mut mine = None;
        let (mut readers, mut writers) = (0, 0);
        while let Some(fl) = before.get() {
            let lease = fl.get();
            if is_mine(fl.get(), filp, in_kernel) {
                mine = Some(fl);
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
        self.f_op_setlease(current, filp, arg)?;
        if let Some(mine) = mine {
            self.base.lease_modify(current, inode, mine, arg)?;
            return Ok(mine);
        }
        new.get().fl_next.set(before.get());
        before.write_once(Some(new));
        smp_mb();
        if check_open_counts(current, inode, arg).is_err() {
            before.write_once(new.get().fl_next.get());
            return Err(Errno::EAGAIN);
        }
        Ok(new)
    }

    /// A network file system knows that it must not sleep here, and how to get around that.
    fn f_op_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        match filp.inode.fs {
            FileSystem::Local => Ok(()),
            FileSystem::Refusing => Err(refusal(current)),
            FileSystem::Network(client) => {
                self.base.file_lock_lock.unlock(current);
                let answer = client.f_op_setlease(current, arg);
                self.base.file_lock_lock.lock(current).leave_locked();
                answer
            }
        }
    }
}

impl Design for Exported {
    fn fcntl_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        let _frame = current.enter("fcntl_setlease");
        if !is_lease_type(arg) || !filp.inode.is_regular {
            return Err(Errno::EINVAL);
        }
        self.setlease(current, filp, arg, false)
    }

    fn vfs_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        let _frame = current.enter("vfs_setlease");
        self.setlease(current, filp, arg, true)
    }

    as_in!(base: open fput truncate fcntl_getlease break_lease locks_remove_flock proc_locks);
}
