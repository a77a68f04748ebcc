//! What is done with the list of leases, under the lock.

use super::Spinlock;
use crate::kernel::fasync::{Owned, f_delown, fasync_remove};
use crate::kernel::slab::{Link, Ptr, kfree};
use crate::kernel::task::Task;
use crate::kernel::wait::jiffies;
use crate::lease::file_lock::{FileLock, FlType, locks_wake_up_blocks};
use crate::lease::{F_UNLCK, Filp, Inode};

impl Spinlock {
    /// Removes those that are to go from the leases on the file.
    pub(in crate::lease) fn remove_leases(&self, current: &Task, filp: Filp, gone: impl Fn(FileLock) -> bool) {
        let mut before = filp.inode.i_flock;
        while let Some(fl) = before.get() {
            if gone(fl.get()) {
                self.locks_delete_lock(current, before, fl);
            } else {
                before = fl.get().fl_next;
            }
        }
    }

    /// Lets the file go, then unlinks the record: a close that finds an empty list takes no lock, and frees the file.
    pub(in crate::lease) fn locks_delete_lock(&self, current: &Task, before: Link<FileLock>, fl: Ptr<FileLock>) {
        let _frame = current.enter("locks_delete_lock");
        let lease = fl.get();
        // An in-kernel owner has no entry, and the signals of a user's lease on the same file stay the user's (D09).
        if let Some(file) = lease.fl_file.get()
            && fasync_remove(current, file, lease.fl_fasync)
        {
            f_delown(current, file.get().owner());
        }
        before.store_release(lease.fl_next.get());
        locks_wake_up_blocks(fl);
        kfree(fl);
    }

    /// Leases whose break is overdue become what the break asked for.
    pub(in crate::lease) fn time_out_leases(&self, current: &Task, inode: Inode) {
        let _frame = current.enter("time_out_leases");
        let mut before = inode.i_flock;
        while let Some(fl) = before.get() {
            let lease = fl.get();
            let fl_type = lease.fl_type.get();
            if !fl_type.in_progress() {
                before = lease.fl_next;
                continue;
            }
            let break_time = lease.fl_break_time.get();
            if break_time == 0 || jiffies() < break_time {
                before = lease.fl_next;
                continue;
            }
            if fl_type.target() == F_UNLCK {
                self.locks_delete_lock(current, before, fl);
                continue;
            }
            lease.fl_type.set(FlType::granted(fl_type.target()));
            locks_wake_up_blocks(fl);
            before = lease.fl_next;
        }
    }
}
