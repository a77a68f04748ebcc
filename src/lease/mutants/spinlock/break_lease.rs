//! The twin of `lease/spinlock/break_lease.rs`, with its bugs.

use crate::event::Woken;
use crate::kernel::fasync::kill_fasync;
use crate::kernel::slab::{Ptr, kfree};
use crate::kernel::task::{Frame, Task};
use crate::kernel::wait::jiffies;
use crate::kernel::{Errno, HZ, Result};

use super::{Mutant, SpinGuard, Spinlock, alter, seed};
use crate::lease::file_lock::{
    FileLock, FlType, first_breaking, lease_init_waiter, locks_alloc_lock, locks_delete_block, locks_insert_block,
};
use crate::lease::{F_RDLCK, F_UNLCK, F_WRLCK, Inode, OpenFlags};

impl Spinlock {
    /// For an open here, or for one elsewhere on whose behalf the server recalls.
    pub(crate) fn __break_lease(&self, current: &Task, inode: Inode, flags: OpenFlags, recall: bool) -> Result<()> {
        let frame = current.enter("__break_lease");
        // Failure is tolerated where nobody has to wait.
        let waiter = locks_alloc_lock(current).inspect(|&waiter| lease_init_waiter(current, waiter, flags));
        let lock = self.file_lock_lock.lock(current);
        if recall {
            self.note_recall(inode, flags);
        }
        self.time_out_leases(current, inode);
        let first = inode.i_flock.get();
        let result = match self.mark_leases(current, inode, first, flags, waiter.is_ok()) {
            Ok(true) => {
                let waiter = waiter.expect("mark_leases asks nobody to wait without a record");
                let result = self.wait_for_leases(current, &frame, inode, waiter, lock);
                kfree(waiter);
                return result;
            }
            Ok(false) => Ok(()),
            Err(errno) => Err(errno),
        };
        if let Ok(waiter) = waiter {
            seed!(self, Mutant::BreakerForgotten => if result.is_ok() {
                self.unlock(current, inode, lock);
                return Ok(());
            });
            kfree(waiter);
        }
        alter!(self, Mutant::ServerNotTold, self.unlock(current, inode, lock) => drop(lock));
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
        seed!(self, Mutant::WaitsForItself => i_have_this_lease = false;);
        let first_type = first.get().fl_type.get();
        let future = if flags.write {
            FlType::breaking(F_UNLCK)
        } else if first_type.in_progress() {
            first_type
        } else if first_type.target() == F_WRLCK {
            FlType::breaking(F_RDLCK)
        } else {
            seed!(self, Mutant::BystandersSignalled => self.signal_all(current, first););
            return Ok(false);
        };
        if !can_wait && !i_have_this_lease && !flags.nonblock {
            return alter!(self, Mutant::EnomemLetsIn, Err(Errno::ENOMEM) => Ok(false));
        }
        let break_time = match inode.lease_break_time {
            0 => 0,
            seconds => jiffies() + alter!(self, Mutant::TwiceTheTime, seconds * HZ => 2 * seconds * HZ),
        };
        let mut at = Some(first);
        while let Some(fl) = at {
            let lease = fl.get();
            let known = alter!(self, Mutant::HeadAsked, lease.fl_type.get() => first.get().fl_type.get());
            if known != future
                && (alter!(self, Mutant::ReadLeasesBroken, flags.write => true) || known != FlType::granted(F_RDLCK))
            {
                lease.fl_type.set(future);
                lease.fl_break_time.set(break_time);
                alter!(self, Mutant::FirstToldAlone, self.lease_break_callback(current, fl) => if fl == first {
                    self.lease_break_callback(current, fl);
                });
            }
            seed!(self, Mutant::SignalsAgain => if known == future { self.lease_break_callback(current, fl) });
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
        mut lock: SpinGuard<'a>,
    ) -> Result<()> {
        let mut flock = first_breaking(inode);
        while let Some(blocker) = flock {
            current.again(frame, &(blocker, waiter));
            let break_time = blocker.get().fl_break_time.get();
            let timeout = (break_time != 0).then(|| break_time.saturating_sub(jiffies()).max(1));
            locks_insert_block(blocker, waiter);
            seed!(self, Mutant::WaitsUnderLock => {
                let unblocked = || waiter.get().fl_next.read_once().is_none();
                waiter.get().fl_wait.wait_event_timeout(current, timeout, unblocked);
            });
            drop(lock);
            let unblocked = || alter!(self, Mutant::WakeupIgnored, waiter.get().fl_next.read_once().is_none() => timeout.is_none() && waiter.get().fl_next.read_once().is_none());
            let woken = waiter.get().fl_wait.wait_event_timeout(current, timeout, unblocked);
            seed!(self, Mutant::DequeuesUnlocked => if woken == Woken::Signal && unblocked() {
                return Err(Errno::EINTR);
            });
            lock = self.file_lock_lock.lock(current);
            alter!(self, Mutant::InterruptedStaysQueued, locks_delete_block(waiter) => if woken != Woken::Signal {
                locks_delete_block(waiter);
            });
            match woken {
                Woken::Signal => {
                    alter!(self, Mutant::ServerNotTold, self.unlock(current, inode, lock) => drop(lock));
                    return Err(Errno::EINTR);
                }
                Woken::Timeout => self.time_out_leases(current, inode),
                Woken::Up => {}
            }
            flock = first_breaking(inode);
        }
        alter!(self, Mutant::ServerNotTold, self.unlock(current, inode, lock) => drop(lock));
        Ok(())
    }

    /// The in-kernel owner is called under the lock, so its call-back must not sleep (M14).
    pub(super) fn lease_break_callback(&self, current: &Task, fl: Ptr<FileLock>) {
        let lease = fl.get();
        if !lease.fl_in_kernel.get() {
            kill_fasync(current, lease.fl_fasync);
        } else if let Some(file) = lease.fl_file.get() {
            self.nfsd.fl_break(current, file);
            seed!(self, Mutant::CallbackTwice => self.nfsd.fl_break(current, file););
        }
    }
}
