//! The seeded bugs of [`Spinlock`] that are more than a word in a line: none of this is part of the design.

use crate::kernel::Errno;
use crate::kernel::Result;
use crate::kernel::lock::SpinGuard;
use crate::kernel::slab::{Link, Ptr};
use crate::kernel::task::Task;

use super::{Prepared, Spinlock, check_open_counts};
use crate::lease::Filp;
use crate::lease::file_lock::FileLock;
use crate::lease::mutants::Mutant;

impl Spinlock {
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
