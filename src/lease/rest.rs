//! Everything but F_SETLEASE on one spinlock: what the designs share that differ in F_SETLEASE alone.
//!
//! ```text
//! open
//!    path walk
//!    break_lease                     looks at i_flock, no lock held (M39)
//!       __break_lease
//!          locks_alloc_lock          before the lock
//!          spin_lock
//!          time_out_leases, mark, kill_fasync, queue
//!          spin_unlock
//!          wait_event
//!          spin_lock, dequeue, look again
//!    get_write_access                raises i_writecount: too late (M24)
//! ```
//!
//! It is 2.6.37-rc1: the wait is the one place that a spinlock forces to change (no `schedule()` gives it back), and all else is
//! as it was in 2.6.23. In particular an open looks first and raises its count afterwards, and nobody looks at
//! the counts twice. So every design that stands on this has M24 and M39, whatever its F_SETLEASE does.

use crate::kernel::fasync::{Owned, f_delown, fasync_remove};
use crate::kernel::lock::{SpinGuard, SpinLock};
use crate::kernel::slab::{Link, Ptr, kfree};
use crate::kernel::task::Task;
use crate::kernel::wait::jiffies;
use crate::kernel::{Errno, Result};

use super::file_lock::{FileLock, FlType, lease_init, lock_lines, locks_wake_up_blocks};
use super::inode::{check_open_counts, refusal};
use super::{F_RDLCK, F_UNLCK, F_WRLCK, FileSystem, Filp, Inode, LockLine, OpenFlags};

mod break_lease;

/// The lock, and what it guards: every inode's list of leases, and their waiters.
pub struct Rest {
    lock: SpinLock,
}

/// Where F_SETLEASE has to put a lease.
pub enum Place {
    /// The file has one already: what points to it.
    Mine(Link<FileLock>),
    /// At the end of the list.
    End(Link<FileLock>),
}

impl Rest {
    /// With a lock of that name.
    pub fn boot(name: &'static str) -> Rest {
        Rest { lock: SpinLock::new(name) }
    }

    /// Takes the lock.
    #[track_caller]
    pub fn lock<'a>(&self, current: &'a Task) -> SpinGuard<'a> {
        self.lock.lock(current)
    }

    /// The first half of `generic_setlease`: may the lease be had, and where does it go? The caller holds the lock.
    ///
    /// # Errors
    /// `EAGAIN` for a conflict.
    pub fn find_place(&self, current: &Task, filp: Filp, arg: i32, mine: impl Fn(FileLock) -> bool) -> Result<Place> {
        self.time_out_leases(current, filp.inode);
        check_open_counts(current, filp.inode, arg)?;
        let mut before = filp.inode.i_flock;
        let mut my_before = None;
        let (mut readers, mut writers) = (0, 0);
        while let Some(fl) = before.get() {
            let fl_next = fl.get().fl_next;
            if mine(fl.get()) {
                my_before = Some(before);
            } else if fl.get().fl_type.get() == FlType::breaking(F_UNLCK) {
                writers += 1;
            } else {
                readers += 1;
            }
            before = fl_next;
        }
        if arg == F_RDLCK && writers > 0 || arg == F_WRLCK && readers + writers > 0 {
            return Err(Errno::EAGAIN);
        }
        Ok(my_before.map_or(Place::End(before), Place::Mine))
    }

    /// Changes the type of the lease that `before` points to, whatever break is under way (M40); `F_UNLCK` deletes it.
    pub fn lease_modify(&self, current: &Task, before: Link<FileLock>, arg: i32) {
        let _frame = current.enter("lease_modify");
        let Some(fl) = before.get() else { return };
        fl.get().fl_type.set(FlType::granted(arg));
        locks_wake_up_blocks(fl);
        if arg == F_UNLCK {
            before.set(fl.get().fl_next.get());
            if let Some(file) = fl.get().fl_file.get() {
                fasync_remove(current, file, fl.get().fl_fasync);
                f_delown(current, file.get().owner());
            }
            kfree(fl);
        }
    }

    /// Leases whose break is overdue become what the break asked for. Stops at the first that is not breaking.
    pub fn time_out_leases(&self, current: &Task, inode: Inode) {
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

    /// Takes a lease back whose fasync entry could not be made: by the expiry loop, which may stop before it (M07). The caller
    /// holds the lock.
    pub fn take_back(&self, current: &Task, filp: Filp, fl: Ptr<FileLock>) {
        fl.get().fl_type.set(FlType::breaking(F_UNLCK));
        fl.get().fl_break_time.set(jiffies() - 10);
        self.time_out_leases(current, filp.inode);
    }

    /// As [`Design::fcntl_getlease`](super::Design::fcntl_getlease).
    pub fn fcntl_getlease(&self, current: &Task, filp: Filp) -> i32 {
        let _frame = current.enter("fcntl_getlease");
        let _flocks = self.lock(current);
        self.time_out_leases(current, filp.inode);
        let mut at = filp.inode.i_flock.get();
        while let Some(fl) = at {
            if fl.get().fl_file.get() == Some(filp.file) {
                return fl.get().fl_type.get().target();
            }
            at = fl.get().fl_next.get();
        }
        F_UNLCK
    }

    /// As [`Design::open`](super::Design::open), in the order of 2.6.23.
    pub fn open(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<Filp> {
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

    /// As [`Design::truncate`](super::Design::truncate).
    pub fn truncate(&self, current: &Task, inode: Inode) -> Result<()> {
        let _frame = current.enter("do_sys_truncate");
        inode.path_get(current, false);
        inode.get_write_access(current);
        let result = self.break_lease(current, inode, OpenFlags { write: true, ..OpenFlags::default() });
        if result.is_ok() {
            inode.do_truncate(current);
        }
        inode.put_write_access(current);
        inode.path_put(current, false);
        result
    }

    /// As [`Design::fput`](super::Design::fput).
    pub fn fput(&self, current: &Task, filp: Filp) {
        let _frame = current.enter("__fput");
        self.locks_remove_flock(current, filp);
        if filp.flags.write {
            filp.inode.put_write_access(current);
        }
        filp.inode.path_put(current, filp.flags.by_link);
        filp.free();
    }

    /// As [`Design::break_lease`](super::Design::break_lease).
    pub fn break_lease(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<()> {
        let _frame = current.enter("break_lease");
        if inode.i_flock.get().is_none() {
            return Ok(());
        }
        self.__break_lease(current, inode, flags)
    }

    /// As [`Design::locks_remove_flock`](super::Design::locks_remove_flock).
    pub fn locks_remove_flock(&self, current: &Task, filp: Filp) {
        let _frame = current.enter("locks_remove_flock");
        if filp.inode.i_flock.get().is_none() {
            return;
        }
        let _flocks = self.lock(current);
        let mut before = filp.inode.i_flock;
        while let Some(fl) = before.get() {
            if fl.get().fl_file.get() == Some(filp.file) {
                self.lease_modify(current, before, F_UNLCK);
            } else {
                before = fl.get().fl_next;
            }
        }
    }

    /// As [`Design::proc_locks`](super::Design::proc_locks).
    pub fn proc_locks(&self, current: &Task, inode: Inode) -> Vec<LockLine> {
        let _frame = current.enter("get_locks_status");
        let _flocks = self.lock(current);
        lock_lines(inode)
    }
}

/// The file system's say, as 2.6.23 has it: one that refuses does so before `generic_setlease` is called. None of the designs that
/// stand on this has a file system that asks a server.
///
/// # Errors
/// `EINVAL`.
pub fn f_op_setlease(current: &Task, filp: Filp) -> Result<()> {
    if matches!(filp.inode.fs, FileSystem::Refusing) { Err(refusal(current)) } else { Ok(()) }
}

/// Fills a record and lists it at the place that was found.
pub fn locks_insert_lock(
    current: &Task,
    before: Link<FileLock>,
    fl: Ptr<FileLock>,
    filp: Filp,
    arg: i32,
    in_kernel: bool,
) {
    lease_init(current, fl, filp, arg, in_kernel);
    before.set(Some(fl));
}

/// The calls of a design that stands on [`Rest`], F_SETLEASE aside.
macro_rules! rest_of_the_calls {
    () => {
        fn open(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<Filp> {
            self.rest.open(current, inode, flags)
        }

        fn fput(&self, current: &Task, filp: Filp) {
            self.rest.fput(current, filp);
        }

        fn truncate(&self, current: &Task, inode: Inode) -> Result<()> {
            self.rest.truncate(current, inode)
        }

        fn fcntl_getlease(&self, current: &Task, filp: Filp) -> i32 {
            self.rest.fcntl_getlease(current, filp)
        }

        fn break_lease(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<()> {
            self.rest.break_lease(current, inode, flags)
        }

        fn locks_remove_flock(&self, current: &Task, filp: Filp) {
            self.rest.locks_remove_flock(current, filp);
        }

        fn proc_locks(&self, current: &Task, inode: Inode) -> Vec<LockLine> {
            self.rest.proc_locks(current, inode)
        }
    };
}
pub(super) use rest_of_the_calls;
