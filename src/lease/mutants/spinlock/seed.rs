//! How bugs are written into the twin, and what they do where that is more than a line.

use std::cell::Cell;

use crate::kernel::fasync::{f_setown_force, fasync_alloc, fasync_helper};
use crate::kernel::lock;
use crate::kernel::slab::{Link, Ptr, kfree};
use crate::kernel::task::Task;
use crate::kernel::{Errno, Result};
use crate::lease::note::LeaseType;
use crate::lease::table::Delegation;

use super::Prepared;
use crate::lease::file_lock::{FileLock, is_mine, locks_alloc_lock};
use crate::lease::inode::{File, check_open_counts};
use crate::lease::mutants::Mutant;
use crate::lease::nfsd::Nfsd;
use crate::lease::server::Client;
use crate::lease::{Design, F_UNLCK, Filp, Inode, LockLine, OpenFlags};

/// Statements that a bug adds: `seed!(self, Mutant::X => statement;)`.
macro_rules! seed {
    ($design:ident, $mutant:pat => let $name:ident = $bug:expr;) => {
        let $name = if matches!($design.mutant, Some($mutant)) { $bug } else { $name };
    };
    ($design:ident, $mutant:pat => $($bug:tt)*) => {
        if matches!($design.mutant, Some($mutant)) {
            $($bug)*
        }
    };
}

/// What the design has, and what it has with the bug: `alter!(self, Mutant::X, design => bug)`.
macro_rules! alter {
    ($design:ident, $mutant:pat, $right:expr => $wrong:expr) => {
        if matches!($design.mutant, Some($mutant)) { $wrong } else { $right }
    };
}

pub(super) use {alter, seed};

/// The design `spinlock` with one of its bugs.
pub struct Spinlock {
    pub(super) file_lock_lock: SpinLock,
    pub(super) nfsd: Nfsd,
    pub(super) mutant: Option<Mutant>,
}

/// The lock of the design. A bug may do without it.
#[derive(Clone, Copy)]
pub(super) struct SpinLock(lock::SpinLock);

/// Holds the lock, until dropped or released too early.
pub(super) struct SpinGuard<'a>(Cell<Option<lock::SpinGuard<'a>>>);

impl SpinLock {
    #[track_caller]
    pub(super) fn lock(self, current: &Task) -> SpinGuard<'_> {
        SpinGuard(Cell::new(Some(self.0.lock(current))))
    }
}

impl SpinGuard<'_> {
    /// A lock that was never taken.
    pub(super) fn none() -> Self {
        SpinGuard(Cell::new(None))
    }

    /// Unlocks too early.
    pub(super) fn release(&self) {
        drop(self.0.take());
    }

    /// Forgets to unlock.
    pub(super) fn leave_locked(&self) {
        if let Some(guard) = self.0.take() {
            guard.leave_locked();
        }
    }

    /// Was it never taken, or let go too early?
    pub(super) fn is_gone(&self) -> bool {
        let guard = self.0.take();
        let gone = guard.is_none();
        self.0.set(guard);
        gone
    }
}

impl Spinlock {
    /// Boots it with a bug.
    pub fn mutated(mutant: Mutant) -> Spinlock {
        let nfsd = if mutant == Mutant::CallbackSleeps { Nfsd::StartsThread } else { Nfsd::QueuesWork };
        let file_lock_lock = SpinLock(lock::SpinLock::new("file_lock_lock"));
        Spinlock { file_lock_lock, nfsd, mutant: Some(mutant) }
    }

    fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// M11, M12: what sleeps comes under the lock.
    pub(super) fn allocate_under_lock(&self, current: &Task) -> Result<()> {
        let _lock = self.file_lock_lock.lock(current);
        if self.has(Mutant::AllocUnderLock) {
            kfree(locks_alloc_lock(current)?);
        } else {
            kfree(fasync_alloc::<File>(current)?);
        }
        Ok(())
    }

    /// M24: looks at the counts again, but after the unlock.
    pub(super) fn look_unlocked(
        &self,
        current: &Task,
        filp: Filp,
        arg: i32,
        prepared: &Prepared,
        result: Result<Ptr<FileLock>>,
    ) -> Result<Ptr<FileLock>> {
        let refused = check_open_counts(current, filp.inode, arg).is_err();
        if refused && result == Ok(prepared.lease) {
            let _lock = self.file_lock_lock.lock(current);
            unlink(filp.inode.i_flock, prepared.lease);
            return Err(Errno::EAGAIN);
        }
        result
    }

    /// M01: the place in the list is known, and an allocation sleeps.
    pub(super) fn sleep_in_walk(&self, current: &Task) -> Result<()> {
        self.file_lock_lock.0.unlock(current);
        let slept = locks_alloc_lock(current);
        self.file_lock_lock.0.lock(current).leave_locked();
        kfree(slept?);
        Ok(())
    }

    /// No memory for the fasync entry: the record leaks, or (M07) what the file had before is taken back as well.
    pub(super) fn unprepared(&self, current: &Task, filp: Filp, lease: Ptr<FileLock>) {
        if self.has(Mutant::LeaseLeakedOnEnomem) {
            return;
        }
        kfree(lease);
        let _lock = self.file_lock_lock.lock(current);
        self.remove_leases(current, filp, |lease| lease.fl_file.get() == Some(filp.file));
    }

    /// M05: after the unlock the entry is put on the lease that is gone.
    pub(super) fn delete_and_reattach(&self, current: &Task, filp: Filp) -> Result<()> {
        let mut gone = None;
        {
            let _lock = self.file_lock_lock.lock(current);
            let mut at = filp.inode.i_flock.get();
            while let Some(fl) = at {
                gone = gone.or((fl.get().fl_file.get() == Some(filp.file)).then_some(fl));
                at = fl.get().fl_next.get();
            }
            self.remove_leases(current, filp, |lease| lease.fl_file.get() == Some(filp.file));
        }
        match gone {
            Some(fl) => fasync_helper(current, filp.file, fl.get().fl_fasync),
            None => Ok(()),
        }
    }

    /// M24, M30: `open` with one of its counts raised after the break.
    pub(super) fn open_counting_late(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<Filp> {
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
    pub(super) fn truncate_breaking_first(&self, current: &Task, inode: Inode) -> Result<()> {
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

    /// Unlocks after F_SETLEASE without telling the server what it should hear. M46: nothing, of a lease that was not listed.
    /// M47: then whatever it granted goes back, whoever needs it. M49: nothing, of a lease that was listed.
    pub(super) fn unlock_untold(&self, current: &Task, inode: Inode, lock: SpinGuard<'_>, listed: bool) {
        if listed != self.has(Mutant::ServerNotTold) {
            return self.unlock(current, inode, lock);
        }
        drop(lock);
        if self.has(Mutant::LoserGivesBack) {
            tell_server(current, inode);
        }
    }

    /// M42: has the owner a lease on the file?
    pub(super) fn has_lease(&self, filp: Filp, in_kernel: bool) -> bool {
        leases(filp.inode).any(|fl| is_mine(fl.get(), filp, in_kernel))
    }

    /// Tells the owner of each lease on this open file.
    pub(super) fn signal_own(&self, current: &Task, filp: Filp) {
        let own = leases(filp.inode).filter(|fl| fl.get().fl_file.get() == Some(filp.file));
        own.for_each(|fl| self.lease_break_callback(current, fl));
    }

    /// Tells the owner of each lease on the list.
    pub(super) fn signal_all(&self, current: &Task, first: Ptr<FileLock>) {
        std::iter::successors(Some(first), |fl| fl.get().fl_next.get())
            .for_each(|fl| self.lease_break_callback(current, fl));
    }

    /// `/proc/locks` without what it leaves out.
    pub(super) fn hidden(&self, mut lines: Vec<LockLine>) -> Vec<LockLine> {
        for line in &mut lines {
            if self.has(Mutant::WaitersHidden) {
                line.waiters.clear();
            } else {
                line.breaking = false;
            }
        }
        lines
    }

    /// M13: the server is asked under the spinlock.
    pub(super) fn ask_under_lock(&self, current: &Task, client: Client, want: LeaseType) -> Result<Delegation> {
        let _lock = self.file_lock_lock.lock(current);
        client.setlease(current, want)
    }
}

/// The leases of a file.
fn leases(inode: Inode) -> impl Iterator<Item = Ptr<FileLock>> {
    std::iter::successors(inode.i_flock.get(), |fl| fl.get().fl_next.get())
}

/// M08: the owner is refused when the lease is listed already.
pub(super) fn owner_refused(current: &Task) -> Result<()> {
    if current.lsm_refuses("file_set_fowner refuses") { Err(Errno::EACCES) } else { Ok(()) }
}

/// M45: the owner is set whoever F_SETOWN has named. The design sets one where there is none.
pub(super) fn f_setown_forced(current: &Task, filp: Filp) {
    let _frame = current.enter("f_setown");
    f_setown_force(current, filp.owner(), current.pid);
}

/// M50: a network file's open counts are not looked at.
pub(super) fn check_locally(current: &Task, inode: Inode, arg: i32) -> Result<()> {
    if inode.client().is_some() { Ok(()) } else { check_open_counts(current, inode, arg) }
}

/// F_UNLCK to the server, whatever it answers.
pub(super) fn tell_server(current: &Task, inode: Inode) {
    if let Some(client) = inode.client() {
        _ = client.f_op_setlease(current, F_UNLCK);
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
