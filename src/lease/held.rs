//! The spinlock held over the file system's `f_op->setlease`.
//!
//! ```text
//! fcntl_setlease
//!    locks_alloc_lock                the mail's first point: memory before the lock
//!    fasync_alloc
//!    spin_lock(file_lock_lock)
//!    vfs_setlease
//!       f_op->setlease               a network file system asks its server, and sleeps: with the lock held
//!       generic_setlease
//!    fasync_insert_entry, f_setown
//!    spin_unlock(file_lock_lock)
//! ```
//!
//! The mail: "a network filesystem is going to have to sleep waiting for a response from the fileserver, so that
//! precludes the use of a spinlock held over the call to f_op->setlease". On a local file system it is as good as
//! [`spinlock`](super::spinlock), whose other calls it has; the server hears of F_UNLCK alone (M49).

use super::as_in::as_in;
use super::file_lock::{is_lease_type, is_mine, security_file_lock};
use super::inode::refusal;
use super::spinlock::Spinlock;
use super::{Design, F_UNLCK, FileSystem, Filp, Inode, LockLine, OpenFlags};
use crate::kernel::fasync::{f_setown_accepted, fasync_free, fasync_insert_entry};
use crate::kernel::slab::kfree;
use crate::kernel::task::Task;
use crate::kernel::{Errno, Result};

/// The design `held`.
pub struct Held {
    base: Spinlock,
}

impl Held {
    /// Boots it.
    pub fn boot() -> Held {
        Held { base: Spinlock::boot() }
    }

    fn setlease(&self, current: &Task, filp: Filp, arg: i32, in_kernel: bool) -> Result<()> {
        security_file_lock(current, arg != F_UNLCK && !in_kernel)?;
        if arg == F_UNLCK {
            let _lock = self.base.file_lock_lock.lock(current);
            f_op_setlease(current, filp, arg)?;
            self.base.time_out_leases(current, filp.inode);
            self.base.remove_leases(current, filp, |lease| is_mine(lease, filp, in_kernel));
            return Ok(());
        }
        let prepared = self.base.prepare(current, filp, arg, in_kernel)?;
        let lock = self.base.file_lock_lock.lock(current);
        let result = f_op_setlease(current, filp, arg)
            .and_then(|()| self.base.generic_setlease(current, filp, arg, &prepared, false));
        match (result, prepared.fasync) {
            (Ok(lease), Some(entry)) => {
                fasync_free(fasync_insert_entry(current, filp.file, lease.get().fl_fasync, entry));
                f_setown_accepted(current, filp.owner());
            }
            (_, unused) => fasync_free(unused),
        }
        drop(lock);
        if result != Ok(prepared.lease) {
            kfree(prepared.lease);
        }
        result.map(|_| ())
    }
}

/// The file system decides, the lock held. A local one has nothing to say.
fn f_op_setlease(current: &Task, filp: Filp, arg: i32) -> Result<()> {
    match filp.inode.fs {
        FileSystem::Local => Ok(()),
        FileSystem::Refusing => Err(refusal(current)),
        FileSystem::Network(client) => client.f_op_setlease(current, arg),
    }
}

impl Design for Held {
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
