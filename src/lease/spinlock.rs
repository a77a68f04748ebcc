//! The refactor, completed: one spinlock, and whatever may sleep happens before it is taken.
//!
//! ```text
//! fcntl_setlease
//!    security_file_lock              the security module's verdicts, no lock held
//!    locks_alloc_lock                kmalloc(GFP_KERNEL), no lock held
//!    fasync_alloc                    kmalloc(GFP_KERNEL), no lock held
//!    ask_server                      f_op->setlease of a network file system, no lock held
//!    spin_lock(file_lock_lock)
//!    generic_setlease
//!       time_out_leases
//!       link the lease, smp_mb       then look at the open counts again
//!    fasync_insert_entry             cannot fail
//!    f_setown                        cannot fail
//!    spin_unlock(file_lock_lock)
//!    give_back                       to the server, what no lease here needs (any more)
//!
//! open
//!    path walk                       raises d_count, or i_count under the inode_lock
//!    get_write_access                raises i_writecount
//!    break_lease
//!       smp_mb                       raised before, looks after
//!       i_flock                      READ_ONCE, no lock held
//!       __break_lease
//!          locks_alloc_lock
//!          spin_lock(file_lock_lock)
//!          time_out_leases, mark, kill_fasync, queue
//!          spin_unlock(file_lock_lock)
//!          wait_event                until it is off the lease's list of waiters
//!          spin_lock, dequeue, look again
//! ```
//!
//! **Why no open slips past.** The leaser stores `i_flock` (or the new type), then loads the counts; the opener stores
//! a count, then loads `i_flock`. This is store buffering: with a full barrier between store and load on *both* sides at
//! least one of the two sees the other (Linux commit 24cbe7845ea5 has the same pair). A lock that only the
//! leaser takes orders nothing for the opener, who looks without one. In particular the `inode_lock`: holding
//! it while the counts are read keeps `__iget` out for that moment, but the opener raises `d_count` without it and looks at
//! `i_flock` without it; and an `__iget` just after the lock is dropped is as bad as one just before. So it is neither
//! enough nor needed, and is not taken here.
//!
//! **Why no close frees a file in use.** The last close looks at `i_flock` without the lock, and frees the file if the list
//! is empty. So whoever deletes a lease is done with its file *before* it unlinks the record: the unlink is a release, the
//! look of the close an acquire. (The first version unlinked first; random casts of tasks found the use after free.)
//!
//! **Is the file open here?** That is asked by `generic_setlease`, for every file system (the mail's second point): a server
//! counts the opens of other nodes only. What else a cluster asks for is told in `spinlock/remote.rs`.
//!
//! **Where results differ from `bkl`** in sequential use (closed table; everything else is equal):
//!
//! | row | `bkl` | here |
//! |---|---|---|
//! | M07 | no memory for the fasync entry: the lease is taken back by the expiry loop, an existing lease is destroyed | nothing has happened yet, nothing changes |
//! | M08 | the security module refuses the owner: error, but the lease stays | asked before the lock, nothing changes |
//! | M40 | F_SETLEASE by the holder overwrites a break under way | an asked-for removal stays; a downgrade is settled by `F_RDLCK` alone; EAGAIN while the breaking writer waits, whose count is raised already |
//! | D08 | a reader that breaks a user's write lease breaks the read lease of an in-kernel owner on the same open file as well | only what is in its way |
//! | D09 | an in-kernel owner that unlocks takes the owner of a user's signals on the same open file along | only a lease with a fasync entry does |
//! | ENOMEM | the conflict is found first, and a change of type needs one allocation only | both allocations come first |

use crate::kernel::atomic::smp_mb;
use crate::kernel::fasync::{FasyncStruct, f_setown_accepted, fasync_alloc, fasync_free, fasync_insert_entry};
use crate::kernel::lock::SpinLock;
use crate::kernel::slab::{Ptr, kfree};
use crate::kernel::task::Task;
use crate::kernel::{Errno, Result};

use super::file_lock::{
    FileLock, FlType, is_lease_type, is_mine, lease_init, lease_of_file, lock_lines, locks_alloc_lock,
    locks_wake_up_blocks, security_file_lock,
};
use super::inode::{File, check_open_counts, refusal};
use super::nfsd::Nfsd;
use super::{Design, F_RDLCK, F_UNLCK, F_WRLCK, FileSystem, Filp, Inode, LockLine, OpenFlags};

mod break_lease;
mod list;
mod remote;

/// The design `spinlock`.
pub struct Spinlock {
    /// Guards every inode's list of leases, and their waiters.
    pub(super) file_lock_lock: SpinLock,
    /// The in-kernel owner of leases.
    pub(super) nfsd: Nfsd,
}

impl Spinlock {
    /// Boots it beside an nfsd whose call-back does not sleep.
    pub fn boot() -> Spinlock {
        Spinlock { file_lock_lock: SpinLock::new("file_lock_lock"), nfsd: Nfsd::QueuesWork }
    }
}

/// What F_SETLEASE prepares before it takes the lock.
pub(super) struct Prepared {
    pub(super) lease: Ptr<FileLock>,
    pub(super) fasync: Option<Ptr<FasyncStruct<File>>>,
}

impl Spinlock {
    /// F_SETLEASE of either owner: `in_kernel` has no fasync entry.
    fn setlease(&self, current: &Task, filp: Filp, arg: i32, in_kernel: bool) -> Result<()> {
        if !filp.inode.is_regular {
            return Err(Errno::EINVAL);
        }
        if matches!(filp.inode.fs, FileSystem::Refusing) {
            return Err(refusal(current));
        }
        security_file_lock(current, arg != F_UNLCK && !in_kernel)?;
        if arg == F_UNLCK {
            return self.delete_lease(current, filp, in_kernel);
        }
        let prepared = self.prepare(current, filp, arg, in_kernel)?;
        let answer = self.ask_server(current, filp.inode, arg).inspect_err(|_| {
            fasync_free(prepared.fasync);
            kfree(prepared.lease);
        })?;

        // The part under the lock neither sleeps nor fails half-way.
        let lock = self.file_lock_lock.lock(current);
        let overtaken = self.record(filp.inode, &answer);
        let result = self.generic_setlease(current, filp, arg, &prepared, overtaken);
        match (result, prepared.fasync) {
            (Ok(fl), Some(entry)) => {
                fasync_free(fasync_insert_entry(current, filp.file, fl.get().fl_fasync, entry));
                f_setown_accepted(current, filp.owner());
            }
            (_, unused) => fasync_free(unused),
        }
        self.unlock(current, filp.inode, lock);
        if result != Ok(prepared.lease) {
            kfree(prepared.lease);
        }
        result.map(|_| ())
    }

    /// Everything that may sleep or fail.
    pub(super) fn prepare(&self, current: &Task, filp: Filp, arg: i32, in_kernel: bool) -> Result<Prepared> {
        let lease = locks_alloc_lock(current)?;
        lease_init(current, lease, filp, arg, in_kernel);
        let fasync = (!in_kernel).then(|| fasync_alloc(current)).transpose();
        let fasync = fasync.inspect_err(|_| kfree(lease))?;
        Ok(Prepared { lease, fasync })
    }

    /// Lists the lease, or changes the type of the one that the file has, if nothing conflicts.
    pub(super) fn generic_setlease(
        &self,
        current: &Task,
        filp: Filp,
        arg: i32,
        prepared: &Prepared,
        overtaken: bool,
    ) -> Result<Ptr<FileLock>> {
        let _frame = current.enter("generic_setlease");
        let (inode, new, in_kernel) = (filp.inode, prepared.lease, prepared.fasync.is_none());
        self.time_out_leases(current, inode);
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
        // What is listed the recall has marked: only what is new, or stronger, it cannot have seen.
        if overtaken && (mine.is_none() || arg == F_WRLCK) {
            return Err(Errno::EAGAIN);
        }
        if let Some(mine) = mine {
            self.lease_modify(current, inode, mine, arg)?;
            return Ok(mine);
        }
        before.write_once(Some(new));
        self.recheck(current, inode, arg).inspect_err(|_| before.write_once(None))?;
        Ok(new)
    }

    /// Raised and looked at from both sides: see the module's page.
    fn recheck(&self, current: &Task, inode: Inode, arg: i32) -> Result<()> {
        smp_mb();
        check_open_counts(current, inode, arg)
    }

    /// A break under way is not overwritten: a removal stays asked for, a downgrade is settled by `F_RDLCK` alone (M40).
    pub(super) fn lease_modify(&self, current: &Task, inode: Inode, fl: Ptr<FileLock>, arg: i32) -> Result<()> {
        let _frame = current.enter("lease_modify");
        let fl_type = fl.get().fl_type;
        let old = fl_type.get();
        if old.in_progress() {
            if old.target() == F_RDLCK && arg == F_RDLCK {
                fl_type.set(FlType::granted(F_RDLCK));
                locks_wake_up_blocks(fl);
            }
            return Ok(());
        }
        fl_type.set(FlType::granted(arg));
        self.recheck(current, inode, arg).inspect_err(|_| fl_type.set(old))?;
        locks_wake_up_blocks(fl);
        Ok(())
    }

    /// F_UNLCK: needs no memory, so it cannot fail for want of it.
    fn delete_lease(&self, current: &Task, filp: Filp, in_kernel: bool) -> Result<()> {
        let _frame = current.enter("delete_lease");
        let lock = self.file_lock_lock.lock(current);
        self.time_out_leases(current, filp.inode);
        self.remove_leases(current, filp, |lease| is_mine(lease, filp, in_kernel));
        self.unlock(current, filp.inode, lock);
        Ok(())
    }
}

impl Design for Spinlock {
    fn fcntl_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        let _frame = current.enter("fcntl_setlease");
        if !is_lease_type(arg) {
            return Err(Errno::EINVAL);
        }
        self.setlease(current, filp, arg, false)
    }

    fn vfs_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        let _frame = current.enter("vfs_setlease");
        self.setlease(current, filp, arg, true)
    }

    fn fcntl_getlease(&self, current: &Task, filp: Filp) -> i32 {
        let _frame = current.enter("fcntl_getlease");
        let lock = self.file_lock_lock.lock(current);
        self.time_out_leases(current, filp.inode);
        let lease = lease_of_file(filp);
        self.unlock(current, filp.inode, lock);
        lease
    }

    fn open(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<Filp> {
        let _frame = current.enter("open");
        inode.path_get(current, flags.by_link);
        if flags.write {
            inode.get_write_access(current);
        }
        if let Err(errno) = self.break_lease(current, inode, flags) {
            if flags.write {
                inode.put_write_access(current);
            }
            inode.path_put(current, flags.by_link);
            return Err(errno);
        }
        if flags.trunc {
            inode.get_write_access(current);
            inode.put_write_access(current);
        }
        Ok(Filp::alloc(inode, flags))
    }

    fn truncate(&self, current: &Task, inode: Inode) -> Result<()> {
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

    fn fput(&self, current: &Task, filp: Filp) {
        let _frame = current.enter("__fput");
        self.locks_remove_flock(current, filp);
        if filp.flags.write {
            filp.inode.put_write_access(current);
        }
        filp.inode.path_put(current, filp.flags.by_link);
        filp.free();
    }

    fn break_lease(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<()> {
        let _frame = current.enter("break_lease");
        smp_mb();
        if inode.i_flock.read_once().is_none() {
            return Ok(());
        }
        self.__break_lease(current, inode, flags, false)
    }

    fn locks_remove_flock(&self, current: &Task, filp: Filp) {
        let _frame = current.enter("locks_remove_flock");
        if filp.inode.i_flock.load_acquire().is_none() {
            return;
        }
        let lock = self.file_lock_lock.lock(current);
        self.remove_leases(current, filp, |lease| lease.fl_file.get() == Some(filp.file));
        self.unlock(current, filp.inode, lock);
    }

    fn recall(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<()> {
        let _frame = current.enter("recall");
        self.__break_lease(current, inode, flags, true)
    }

    fn proc_locks(&self, current: &Task, inode: Inode) -> Vec<LockLine> {
        let _frame = current.enter("get_locks_status");
        let _lock = self.file_lock_lock.lock(current);
        lock_lines(inode)
    }
}
