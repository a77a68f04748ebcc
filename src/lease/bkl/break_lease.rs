//! Breaking leases under the BKL: mark and signal, then sleep on the first that is breaking, the BKL dropped by `schedule()`.

use crate::engine;
use crate::event::{Place, Woken};
use crate::kernel::bkl::{lock_kernel, may_schedule};
use crate::kernel::fasync::kill_fasync;
use crate::kernel::slab::{Ptr, kfree};
use crate::kernel::task::{Frame, Task};
use crate::kernel::wait::jiffies;
use crate::kernel::{Errno, HZ, Result};
use crate::lease::note::LeaseNote;

use super::Bkl;
use crate::lease::file_lock::{
    FileLock, FlType, first_breaking, lease_init_waiter, locks_alloc_lock, locks_delete_block, locks_insert_block,
};
use crate::lease::{F_RDLCK, F_UNLCK, F_WRLCK, Inode, OpenFlags};

impl Bkl {
    pub(super) fn __break_lease(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<()> {
        let frame = current.enter("__break_lease");
        // Failure is tolerated where nobody has to wait.
        let waiter = locks_alloc_lock(current).inspect(|&waiter| lease_init_waiter(current, waiter, flags));
        let lock = lock_kernel(current);
        self.time_out_leases(current, inode);
        let first = inode.i_flock.get();
        let result = match self.mark_leases(current, inode, first, flags, waiter.is_ok()) {
            Ok(true) => {
                let waiter = waiter.expect("mark_leases asks nobody to wait without a record");
                self.wait_for_leases(current, &frame, inode, first, waiter)
            }
            Ok(false) => Ok(()),
            Err(errno) => Err(errno),
        };
        drop(lock);
        if let Ok(waiter) = waiter {
            kfree(waiter);
        }
        result
    }

    /// Marks and signals each lease that conflicts. True if the caller has to wait for them.
    fn mark_leases(
        &self,
        current: &Task,
        inode: Inode,
        first: Option<Ptr<FileLock>>,
        flags: OpenFlags,
        can_wait: bool,
    ) -> Result<bool> {
        let Some(first) = first else { return Ok(false) };
        let mut i_have_this_lease = false;
        let mut at = Some(first);
        while let Some(fl) = at {
            i_have_this_lease |= fl.get().fl_pid.get() == current.pid;
            at = fl.get().fl_next.get();
        }
        let first_type = first.get().fl_type.get();
        let future = if flags.write {
            FlType::breaking(F_UNLCK)
        } else if first_type.in_progress() {
            first_type
        } else if first_type.target() == F_WRLCK {
            FlType::breaking(F_RDLCK)
        } else {
            return Ok(false);
        };
        if !can_wait && !i_have_this_lease && !flags.nonblock {
            return Err(Errno::ENOMEM);
        }
        let break_time = match inode.lease_break_time {
            0 => 0,
            seconds => jiffies() + seconds * HZ,
        };
        let mut at = Some(first);
        while let Some(fl) = at {
            let lease = fl.get();
            if lease.fl_type.get() != future {
                lease.fl_type.set(future);
                lease.fl_break_time.set(break_time);
                self.lease_break_callback(current, fl);
            }
            at = lease.fl_next.get();
        }
        if i_have_this_lease || flags.nonblock {
            return Err(Errno::EAGAIN);
        }
        Ok(true)
    }

    /// Waits for the lease that was the first before the walk, then for the first that is breaking, until none is.
    fn wait_for_leases(
        &self,
        current: &Task,
        frame: &Frame,
        inode: Inode,
        first: Option<Ptr<FileLock>>,
        waiter: Ptr<FileLock>,
    ) -> Result<()> {
        let mut flock = first;
        while let Some(blocker) = flock {
            current.again(frame, &(blocker, waiter));
            let break_time = blocker.get().fl_break_time.get();
            let timeout = (break_time != 0).then(|| break_time.saturating_sub(jiffies()).max(1));
            match self.locks_block_on_timeout(current, blocker, waiter, timeout) {
                Woken::Signal => return Err(Errno::EINTR),
                Woken::Timeout => self.time_out_leases(current, inode),
                Woken::Up => {}
            }
            flock = first_breaking(inode);
        }
        Ok(())
    }

    fn locks_block_on_timeout(
        &self,
        current: &Task,
        blocker: Ptr<FileLock>,
        waiter: Ptr<FileLock>,
        timeout: Option<u64>,
    ) -> Woken {
        let _frame = current.enter("locks_block_on_timeout");
        locks_insert_block(blocker, waiter);
        let woken = waiter.get().fl_wait.sleep_on_timeout(current, timeout);
        locks_delete_block(waiter);
        woken
    }

    /// nfsd's call-back starts a thread, and the BKL is dropped in the middle of the walk (M14).
    pub(super) fn lease_break_callback(&self, current: &Task, fl: Ptr<FileLock>) {
        let lease = fl.get();
        if !lease.fl_in_kernel.get() {
            kill_fasync(current, lease.fl_fasync);
        } else if let Some(file) = lease.fl_file.get() {
            current.might_sleep("kthread_run");
            may_schedule(current);
            engine::note(LeaseNote::Callback { file: file.id() }.into(), Place::caller());
        }
    }
}
