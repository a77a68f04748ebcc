//! `spinlock` with its bugs: the twin of `lease/spinlock.rs`, the same but for what is written in `seed!` and `alter!`.
//!
//! A test takes both away and compares what is left with the design, token for token. So the design is free of all this, and
//! each bug is what it would be there: a line more, a line less, a line that differs.

use crate::kernel::atomic::smp_mb;
use crate::kernel::fasync::{FasyncStruct, f_setown_accepted, fasync_alloc, fasync_free, fasync_insert_entry};
use crate::kernel::slab::{Ptr, kfree};
use crate::kernel::task::Task;
use crate::kernel::{Errno, Result};

use super::Mutant;
use crate::lease::file_lock::{
    FileLock, FlType, is_lease_type, is_mine, lease_init, lease_of_file, lock_lines, locks_alloc_lock,
    locks_wake_up_blocks, security_file_lock,
};
use crate::lease::inode::{File, check_open_counts, refusal};
use crate::lease::{Design, F_RDLCK, F_UNLCK, F_WRLCK, FileSystem, Filp, Inode, LockLine, OpenFlags};
pub use seed::Spinlock;
use seed::{SpinGuard, alter, check_locally, f_setown_forced, owner_refused, seed, tell_server};

mod break_lease;
mod list;
mod remote;
mod seed;

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
        seed!(self, Mutant::AllocUnderLock | Mutant::FasyncUnderLock => self.allocate_under_lock(current)?;);
        let prepared = self.prepare(current, filp, arg, in_kernel)?;
        let answer = self.ask_server(current, filp.inode, arg).inspect_err(|_| {
            fasync_free(prepared.fasync);
            kfree(prepared.lease);
        })?;

        let lock = self.file_lock_lock.lock(current);
        let overtaken = self.record(filp.inode, &answer);
        let result = self.generic_setlease(current, filp, arg, &prepared, overtaken);
        seed!(self, Mutant::LockLeftOnEagain => if result.is_err() { lock.leave_locked() });
        seed!(self, Mutant::FasyncAfterUnlock | Mutant::RecheckUnlocked => lock.release(););
        seed!(self, Mutant::RecheckUnlocked => let result = self.look_unlocked(current, filp, arg, &prepared, result););
        match (result, prepared.fasync) {
            (Ok(fl), Some(entry)) => {
                seed!(self, Mutant::EntryOnPassedIn => let fl = prepared.lease;);
                fasync_free(fasync_insert_entry(current, filp.file, fl.get().fl_fasync, entry));
                seed!(self, Mutant::OwnerAfterUnlock => lock.release(););
                alter!(self, Mutant::OwnerForced, f_setown_accepted(current, filp.owner()) => f_setown_forced(current, filp));
                seed!(self, Mutant::GrantSignals => self.signal_own(current, filp););
            }
            (_, unused) => alter!(self, Mutant::EntryLeakedOnEagain, fasync_free(unused) => ()),
        }
        alter!(self, Mutant::AnswerKept | Mutant::LoserGivesBack | Mutant::ServerNotTold, self.unlock(current, filp.inode, lock) => self.unlock_untold(current, filp.inode, lock, result.is_ok()));
        if result != Ok(prepared.lease) {
            kfree(prepared.lease);
        }
        seed!(self, Mutant::OwnerRefusedLate => if result.is_ok() { owner_refused(current)?; });
        result.map(|_| ())
    }

    /// Everything that may sleep or fail.
    pub(super) fn prepare(&self, current: &Task, filp: Filp, arg: i32, in_kernel: bool) -> Result<Prepared> {
        let lease = locks_alloc_lock(current)?;
        lease_init(current, lease, filp, arg, in_kernel);
        let fasync = (!in_kernel).then(|| fasync_alloc(current)).transpose();
        let fasync = fasync.inspect_err(|_| alter!(self, Mutant::LeaseLeakedOnEnomem | Mutant::UndoDestroys, kfree(lease) => self.unprepared(current, filp, lease)))?;
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
        alter!(self, Mutant::OverdueKept, self.time_out_leases(current, inode) => ());
        alter!(self, Mutant::NoCommonCheck | Mutant::CheckedBeforeOnly, check_open_counts(current, inode, arg)? => check_locally(current, inode, arg)?);

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
            return Err(alter!(self, Mutant::EnomemForEagain, Errno::EAGAIN => Errno::ENOMEM));
        }
        // What is listed the recall has marked: only what is new, or stronger, it cannot have seen.
        if overtaken && (mine.is_none() || alter!(self, Mutant::OvertakenUpgrade, arg == F_WRLCK => false)) {
            return Err(Errno::EAGAIN);
        }
        if let Some(mine) = mine {
            self.lease_modify(current, inode, mine, arg)?;
            return Ok(mine);
        }
        seed!(self, Mutant::SleepsInWalk => self.sleep_in_walk(current)?;);
        before.write_once(Some(new));
        self.recheck(current, inode, arg)
            .inspect_err(|_| alter!(self, Mutant::UndoUnlinksElsewhere, before.write_once(None) => ()))?;
        Ok(new)
    }

    /// Raised and looked at from both sides: see the module's page.
    fn recheck(&self, current: &Task, inode: Inode, arg: i32) -> Result<()> {
        seed!(self, Mutant::NoRecheck | Mutant::RecheckUnlocked => return Ok(()););
        seed!(self, Mutant::NoCommonCheck | Mutant::CheckedBeforeOnly => if inode.client().is_some() { return Ok(()) });
        alter!(self, Mutant::NoBarrier, smp_mb() => ());
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
        seed!(self, Mutant::EntryReattached => return self.delete_and_reattach(current, filp););
        seed!(self, Mutant::ServerToldFirst => tell_server(current, filp.inode););
        let lock = alter!(self, Mutant::UnlockUnlocked, self.file_lock_lock.lock(current) => SpinGuard::none());
        self.time_out_leases(current, filp.inode);
        seed!(self, Mutant::UnlockSignals => self.signal_own(current, filp););
        seed!(self, Mutant::UnlockNeedsLease => if !self.has_lease(filp, in_kernel) {
            self.unlock(current, filp.inode, lock);
            return Err(Errno::EAGAIN);
        });
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
        let lock = alter!(self, Mutant::ListWalkedUnlocked, self.file_lock_lock.lock(current) => SpinGuard::none());
        self.time_out_leases(current, filp.inode);
        let lease = lease_of_file(filp);
        alter!(self, Mutant::ServerNotTold, self.unlock(current, filp.inode, lock) => drop(lock));
        lease
    }

    fn open(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<Filp> {
        let _frame = current.enter("open");
        seed!(self, Mutant::WriterCountsLate | Mutant::ReaderCountsLate => return self.open_counting_late(current, inode, flags););
        inode.path_get(current, flags.by_link);
        if flags.write {
            inode.get_write_access(current);
        }
        if let Err(errno) = self.break_lease(current, inode, flags) {
            if flags.write {
                inode.put_write_access(current);
            }
            alter!(self, Mutant::PathKept, inode.path_put(current, flags.by_link) => ());
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
        seed!(self, Mutant::TruncateBreaksFirst => return self.truncate_breaking_first(current, inode););
        inode.path_get(current, false);
        inode.get_write_access(current);
        let result = self.break_lease(current, inode, OpenFlags { write: true, ..OpenFlags::default() });
        if alter!(self, Mutant::TruncatesAnyway, result.is_ok() => true) {
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
            alter!(self, Mutant::WriteAccessKept, filp.inode.put_write_access(current) => ());
        }
        filp.inode.path_put(current, filp.flags.by_link);
        filp.free();
    }

    fn break_lease(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<()> {
        let _frame = current.enter("break_lease");
        alter!(self, Mutant::NoBarrier, smp_mb() => ());
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
        let lock = alter!(self, Mutant::CloseUnlocked, self.file_lock_lock.lock(current) => SpinGuard::none());
        seed!(self, Mutant::CloseSignals => self.signal_own(current, filp););
        self.remove_leases(current, filp, |lease| lease.fl_file.get() == Some(filp.file));
        seed!(self, Mutant::CloseRemovesAll => self.remove_leases(current, filp, |_| true););
        alter!(self, Mutant::ServerNotTold, self.unlock(current, filp.inode, lock) => drop(lock));
    }

    fn recall(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<()> {
        let _frame = current.enter("recall");
        self.__break_lease(current, inode, flags, true)
    }

    fn proc_locks(&self, current: &Task, inode: Inode) -> Vec<LockLine> {
        let _frame = current.enter("get_locks_status");
        let _lock = self.file_lock_lock.lock(current);
        alter!(self, Mutant::WaitersHidden | Mutant::BreakHidden, lock_lines(inode) => self.hidden(lock_lines(inode)))
    }
}
