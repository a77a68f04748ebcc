//! Breaking leases under a spinlock (2.6.37-rc1): queue, unlock, sleep with a condition, lock, dequeue.

use crate::engine;
use crate::event::{Place, Woken};
use crate::kernel::fasync::kill_fasync;
use crate::kernel::lock::SpinGuard;
use crate::kernel::slab::{Ptr, kfree};
use crate::kernel::task::{Frame, Task};
use crate::kernel::wait::jiffies;
use crate::kernel::{Errno, HZ, Result};
use crate::lease::note::LeaseNote;

use super::Rest;
use crate::lease::file_lock::{
    FileLock, FlType, first_breaking, lease_init_waiter, locks_alloc_lock, locks_delete_block, locks_insert_block,
};
use crate::lease::{F_RDLCK, F_UNLCK, F_WRLCK, Inode, OpenFlags};

impl Rest {
    pub(super) fn __break_lease(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<()> {
        let frame = current.enter("__break_lease");
        // Failure is tolerated where nobody has to wait.
        let waiter = locks_alloc_lock(current).inspect(|&waiter| lease_init_waiter(current, waiter, flags));
        let flocks = self.lock(current);
        let result = match self.mark_leases(current, inode, flags, waiter.is_ok()) {
            Ok(true) => {
                let waiter = waiter.expect("mark_leases asks nobody to wait without a record");
                self.wait_for_leases(current, &frame, inode, waiter, flocks)
            }
            Ok(false) => Ok(()),
            Err(errno) => Err(errno),
        };
        if let Ok(waiter) = waiter {
            kfree(waiter);
        }
        result
    }

    /// Marks and signals each lease that conflicts. True if the caller has to wait for them.
    fn mark_leases(&self, current: &Task, inode: Inode, flags: OpenFlags, can_wait: bool) -> Result<bool> {
        self.time_out_leases(current, inode);
        let Some(first) = inode.i_flock.get() else { return Ok(false) };
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
                lease_break_callback(current, fl);
            }
            at = lease.fl_next.get();
        }
        if i_have_this_lease || flags.nonblock {
            return Err(Errno::EAGAIN);
        }
        Ok(true)
    }

    /// Waits for the first lease that is breaking until none is: queues, unlocks, sleeps, locks, dequeues.
    fn wait_for_leases<'a>(
        &self,
        current: &'a Task,
        frame: &Frame,
        inode: Inode,
        waiter: Ptr<FileLock>,
        mut flocks: SpinGuard<'a>,
    ) -> Result<()> {
        while let Some(blocker) = first_breaking(inode) {
            current.again(frame, &(blocker, waiter));
            let break_time = blocker.get().fl_break_time.get();
            let timeout = (break_time != 0).then(|| break_time.saturating_sub(jiffies()).max(1));
            locks_insert_block(blocker, waiter);
            drop(flocks);
            let unblocked = || waiter.get().fl_next.read_once().is_none();
            let woken = waiter.get().fl_wait.wait_event_timeout(current, timeout, unblocked);
            flocks = self.lock(current);
            locks_delete_block(waiter);
            match woken {
                Woken::Signal => return Err(Errno::EINTR),
                Woken::Timeout => self.time_out_leases(current, inode),
                Woken::Up => {}
            }
        }
        drop(flocks);
        Ok(())
    }
}

fn lease_break_callback(current: &Task, fl: Ptr<FileLock>) {
    let lease = fl.get();
    if !lease.fl_in_kernel.get() {
        kill_fasync(current, lease.fl_fasync);
    } else if let Some(file) = lease.fl_file.get() {
        engine::note(LeaseNote::Callback { file: file.id() }.into(), Place::caller());
    }
}
