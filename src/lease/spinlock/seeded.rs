//! The seeded bugs of [`Spinlock`]: none of this is part of the design.
//!
//! Where no bug is seeded, what is called `seeded_...` does nothing, [`Spinlock::unless`] does what it is given, and
//! [`Spinlock::lock_unless`] takes the lock.

use crate::kernel::fasync::{f_setown_force, fasync_alloc, fasync_helper};
use crate::kernel::lock::SpinGuard;
use crate::kernel::slab::{Link, Ptr, kfree};
use crate::kernel::task::Task;
use crate::kernel::{Errno, Result};

use super::{Prepared, Spinlock, check_open_counts, f_setown};
use crate::lease::file_lock::{FileLock, locks_alloc_lock};
use crate::lease::inode::File;
use crate::lease::mutants::Mutant;
use crate::lease::{Design, Filp, Inode, OpenFlags};

impl Spinlock {
    /// Is this bug seeded?
    pub(super) fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// What the design does, and that bug leaves out.
    pub(super) fn unless(&self, mutant: Mutant, design: impl FnOnce()) {
        if !self.has(mutant) {
            design();
        }
    }

    /// The lock, which that bug does not take.
    #[track_caller]
    pub(super) fn lock_unless<'a>(&self, mutant: Mutant, current: &'a Task) -> Option<SpinGuard<'a>> {
        if self.has(mutant) { None } else { Some(self.file_lock_lock.lock(current)) }
    }

    /// Behind `generic_setlease`: forgets the lock, or gives it back too early. The design does nothing here.
    pub(super) fn seeded_unlock(
        &self,
        current: &Task,
        filp: Filp,
        arg: i32,
        prepared: &Prepared,
        flocks: &mut Option<SpinGuard<'_>>,
        result: Result<Option<Ptr<FileLock>>>,
    ) -> Result<Option<Ptr<FileLock>>> {
        match self.mutant {
            Some(Mutant::LockLeftOnEagain) if result.is_err() => {
                if let Some(forgotten) = flocks.take() {
                    forgotten.leave_locked();
                }
            }
            Some(Mutant::FasyncAfterUnlock) => *flocks = None,
            Some(Mutant::RecheckUnlocked) => {
                *flocks = None;
                let refused = check_open_counts(current, filp.inode, arg).is_err();
                if refused && result == Ok(Some(prepared.lease)) {
                    let _flocks = self.file_lock_lock.lock(current);
                    unlink(filp.inode.i_flock, prepared.lease);
                    return Err(Errno::EAGAIN);
                }
            }
            _ => {}
        }
        result
    }
}

impl Spinlock {
    /// M11, M12: what sleeps comes under the lock.
    pub(super) fn seeded_alloc_under_lock(&self, current: &Task) -> Result<()> {
        if self.has(Mutant::AllocUnderLock) {
            let _flocks = self.file_lock_lock.lock(current);
            kfree(locks_alloc_lock(current)?);
        }
        if self.has(Mutant::FasyncUnderLock) {
            let _flocks = self.file_lock_lock.lock(current);
            kfree(fasync_alloc::<File>(current)?);
        }
        Ok(())
    }

    /// M01: the place in the list is known, and an allocation sleeps.
    pub(super) fn seeded_sleep_in_walk(&self, current: &Task) -> Result<()> {
        if self.has(Mutant::SleepsInWalk) {
            self.file_lock_lock.unlock(current);
            let slept = locks_alloc_lock(current);
            self.file_lock_lock.lock(current).leave_locked();
            kfree(slept?);
        }
        Ok(())
    }

    /// M07: no memory for the fasync entry, and what the file had before is taken back as well.
    pub(super) fn seeded_undo(&self, current: &Task, filp: Filp) {
        if self.has(Mutant::UndoDestroys) {
            let _flocks = self.file_lock_lock.lock(current);
            self.remove_leases_of(current, filp);
        }
    }

    /// M08: the owner is refused when the lease is listed already.
    pub(super) fn seeded_refusal(&self, current: &Task) -> Result<()> {
        let refused = self.has(Mutant::OwnerRefusedLate) && current.lsm_refuses("file_set_fowner refuses");
        if refused { Err(Errno::EACCES) } else { Ok(()) }
    }

    /// M02: the variable still has the error of the allocation.
    pub(super) fn seeded_errno(&self, errno: Errno) -> Errno {
        if self.has(Mutant::EnomemForEagain) { Errno::ENOMEM } else { errno }
    }

    /// M28: the lease on which the fasync entry is put is the one passed in, whichever is listed.
    pub(super) fn seeded_passed_in(&self, prepared: &Prepared, listed: Ptr<FileLock>) -> Ptr<FileLock> {
        if self.has(Mutant::EntryOnPassedIn) { prepared.lease } else { listed }
    }

    /// M06: the lock goes before the owner is set.
    pub(super) fn seeded_early_unlock(&self, flocks: &mut Option<SpinGuard<'_>>) {
        if self.has(Mutant::OwnerAfterUnlock) {
            *flocks = None;
        }
    }

    /// M45: the owner is set whoever F_SETOWN has named. The design sets one where there is none.
    pub(super) fn f_setown(&self, current: &Task, filp: Filp) {
        if self.has(Mutant::OwnerForced) {
            let _frame = current.enter("f_setown");
            return f_setown_force(current, filp.owner(), current.pid);
        }
        f_setown(current, filp);
    }

    /// M24: no second look at the counts under the lock.
    pub(super) fn seeded_no_recheck(&self, inode: Inode) -> bool {
        self.has(Mutant::NoRecheck) || self.has(Mutant::RecheckUnlocked) || self.seeded_no_check(inode)
    }

    /// M05: after the unlock the entry is put on the lease that is gone.
    pub(super) fn seeded_reattach(&self, current: &Task, filp: Filp) -> Option<Result<()>> {
        self.has(Mutant::EntryReattached).then(|| self.delete_and_reattach(current, filp))
    }

    fn delete_and_reattach(&self, current: &Task, filp: Filp) -> Result<()> {
        let mut gone = None;
        {
            let _flocks = self.file_lock_lock.lock(current);
            let mut at = filp.inode.i_flock.get();
            while let Some(fl) = at {
                gone = gone.or((fl.get().fl_file.get() == Some(filp.file)).then_some(fl));
                at = fl.get().fl_next.get();
            }
            self.remove_leases_of(current, filp);
        }
        match gone {
            Some(fl) => fasync_helper(current, filp.file, fl.get().fl_fasync),
            None => Ok(()),
        }
    }

    /// M24, M30: `open` with one of its counts raised after the break.
    pub(super) fn seeded_late_open(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Option<Result<Filp>> {
        let late = self.has(Mutant::WriterCountsLate) || self.has(Mutant::ReaderCountsLate);
        late.then(|| self.open_counting_late(current, inode, flags))
    }

    fn open_counting_late(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<Filp> {
        let reader_late = self.has(Mutant::ReaderCountsLate);
        if !reader_late {
            inode.path_get(current, flags.by_link);
        }
        if let Err(errno) = self.break_lease(current, inode, flags) {
            if !reader_late {
                inode.path_put(current, flags.by_link);
            }
            return Err(errno);
        }
        if reader_late {
            inode.path_get(current, flags.by_link);
        }
        if flags.write {
            inode.get_write_access(current);
        }
        Ok(Filp::alloc(inode, flags))
    }

    /// M25: `truncate` that breaks before it takes write access.
    pub(super) fn seeded_late_truncate(&self, current: &Task, inode: Inode) -> Option<Result<()>> {
        self.has(Mutant::TruncateBreaksFirst).then(|| self.truncate_breaking_first(current, inode))
    }

    fn truncate_breaking_first(&self, current: &Task, inode: Inode) -> Result<()> {
        inode.path_get(current, false);
        let result = self.break_lease(current, inode, OpenFlags { write: true, ..OpenFlags::default() });
        inode.get_write_access(current);
        if result.is_ok() {
            inode.do_truncate(current);
        }
        inode.put_write_access(current);
        inode.path_put(current, false);
        result
    }

    /// M27: whose lease it is, nobody asks.
    pub(super) fn seeded_remove_all(&self, current: &Task, filp: Filp) {
        if !self.has(Mutant::CloseRemovesAll) {
            return;
        }
        while let Some(fl) = filp.inode.i_flock.get() {
            self.locks_delete_lock(current, filp.inode.i_flock, fl);
        }
    }
}

/// Takes a record off the list, if it is still there.
fn unlink(mut before: Link<FileLock>, gone: Ptr<FileLock>) {
    while let Some(fl) = before.get() {
        if fl == gone {
            before.write_once(fl.get().fl_next.get());
            return;
        }
        before = fl.get().fl_next;
    }
}
