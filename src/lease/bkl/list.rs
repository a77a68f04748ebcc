//! What is done with the list of leases, under the BKL.

use super::Bkl;
use crate::kernel::fasync::{Owned, f_delown, fasync_remove};
use crate::kernel::slab::{Link, Ptr, kfree};
use crate::kernel::task::Task;
use crate::kernel::wait::jiffies;
use crate::lease::file_lock::{FileLock, locks_wake_up_blocks};
use crate::lease::{F_UNLCK, Filp, Inode};

impl Bkl {
    /// Removes every lease on the file, whoever owns it.
    pub(in crate::lease) fn remove_leases(&self, current: &Task, filp: Filp) {
        let mut before = filp.inode.i_flock;
        while let Some(fl) = before.get() {
            if fl.get().fl_file.get() == Some(filp.file) {
                self.lease_modify(current, before, F_UNLCK);
            } else {
                before = fl.get().fl_next;
            }
        }
    }

    /// Unlinks the record, then lets its file go.
    pub(in crate::lease) fn locks_delete_lock(&self, current: &Task, before: Link<FileLock>, fl: Ptr<FileLock>) {
        let lease = fl.get();
        before.set(lease.fl_next.get());
        lease.fl_next.set(None);
        if let Some(file) = lease.fl_file.get() {
            fasync_remove(current, file, lease.fl_fasync);
            f_delown(current, file.get().owner());
        }
        locks_wake_up_blocks(fl);
        kfree(fl);
    }

    /// Leases whose break is overdue become what the break asked for. Stops at the first that is not breaking.
    pub(in crate::lease) fn time_out_leases(&self, current: &Task, inode: Inode) {
        let _frame = current.enter("time_out_leases");
        let mut before = inode.i_flock;
        while let Some(fl) = before.get() {
            let lease = fl.get();
            let fl_type = lease.fl_type.get();
            if !fl_type.in_progress() {
                break;
            }
            let break_time = lease.fl_break_time.get();
            if break_time == 0 || jiffies() < break_time {
                before = lease.fl_next;
                continue;
            }
            self.lease_modify(current, before, fl_type.target());
            if before.get() == Some(fl) {
                before = lease.fl_next;
            }
        }
    }
}
