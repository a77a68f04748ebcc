//! The twin of `lease/spinlock/remote.rs`, with its bugs.

use crate::kernel::Result;
use crate::kernel::task::Task;
use crate::lease::note::LeaseType;
use crate::lease::table::Delegation;

use super::{Mutant, SpinGuard, Spinlock, alter, seed};
use crate::lease::inode::check_open_counts;
use crate::lease::server::{Asking, Client, lease_of};
use crate::lease::{Inode, OpenFlags};

/// What `ask_server` has: nothing for a local file; the server's answer, if the node had no such lease yet.
pub(super) struct Answer {
    granted: Option<Delegation>,
    /// Is the call among those that `i_asking` counts?
    counted: bool,
}

impl Spinlock {
    /// Makes sure that the node has a lease from the server that covers `arg`. No lock is held while it is asked.
    pub(super) fn ask_server(&self, current: &Task, inode: Inode, arg: i32) -> Result<Answer> {
        let Some((client, want)) = inode.client().zip(lease_of(arg)) else {
            return Ok(Answer { granted: None, counted: false });
        };
        let _frame = current.enter("ask_server");
        alter!(self, Mutant::NoCommonCheck, check_open_counts(current, inode, arg)? => ());
        let has_it = {
            let _lock = self.file_lock_lock.lock(current);
            let has_it = client.i_delegation.get().lease >= Some(want);
            seed!(self, Mutant::HeldLeaseBelieved => if has_it {
                return Ok(Answer { granted: None, counted: false });
            });
            let asking = client.i_asking.get();
            client.i_asking.set(Asking { calls: asking.calls + 1, ..asking });
            has_it
        };
        if has_it {
            return Ok(Answer { granted: None, counted: true });
        }
        match alter!(self, Mutant::ServerUnderLock, client.setlease(current, want) => self.ask_under_lock(current, client, want))
        {
            Ok(delegation) => Ok(Answer { granted: Some(delegation), counted: true }),
            Err(errno) => {
                let lock = self.file_lock_lock.lock(current);
                alter!(self, Mutant::AskingKept, self.record(inode, &Answer { granted: None, counted: true }) => false);
                self.unlock(current, inode, lock);
                Err(errno)
            }
        }
    }

    /// Records the answer, under the lock. True if a recall has overtaken it.
    pub(super) fn record(&self, inode: Inode, answer: &Answer) -> bool {
        let Some(client) = inode.client().filter(|_| answer.counted) else { return false };
        let asking = client.i_asking.get();
        client.i_asking.set(Asking { calls: asking.calls - 1, ..asking });
        if let Some(granted) = answer.granted
            // Answers to two calls may be recorded in the other order.
            && granted.grant > client.i_delegation.get().grant
        {
            client.i_delegation.set(granted);
        }
        asking.recalled
    }

    /// The node's lease is recalled, until what is to go has gone. Under the lock, with the marks on the leases that are listed.
    pub(super) fn note_recall(&self, inode: Inode, flags: OpenFlags) {
        seed!(self, Mutant::RecallForgotten => return;);
        let Some(client) = inode.client() else { return };
        let conflicts = |lease| flags.write || lease == LeaseType::Write;
        let asking = client.i_asking.get();
        if asking.calls > 0 || client.i_delegation.get().lease.is_some_and(conflicts) {
            client.i_asking.set(Asking { recalled: true, ..asking });
        }
    }

    /// Unlocks, and then returns to the server what no lease here needs any more.
    pub(super) fn unlock(&self, current: &Task, inode: Inode, lock: SpinGuard<'_>) {
        seed!(self, Mutant::UnlockUnlocked | Mutant::CloseUnlocked | Mutant::ListWalkedUnlocked | Mutant::FasyncAfterUnlock
            | Mutant::LockLeftOnEagain | Mutant::RecheckUnlocked | Mutant::OwnerAfterUnlock => if lock.is_gone() { return });
        let surplus = inode.client().and_then(|client| self.surplus(inode, client));
        drop(lock);
        if let (Some(client), Some(kept)) = (inode.client(), surplus) {
            client.give_back(current, kept.lease, kept.grant);
        }
    }

    /// What is left of the node's lease if it is more than is needed: by the leases that are listed, as strong as they are, and
    /// by the calls that count on it. A lease that is breaking may have been anything, so nothing goes before it does.
    fn surplus(&self, inode: Inode, client: Client) -> Option<Delegation> {
        let asking = client.i_asking.get();
        if asking.calls > 0 {
            return None;
        }
        let needed = strongest(inode)?;
        if asking.recalled {
            client.i_asking.set(Asking::default());
        }
        let held = client.i_delegation.get();
        if needed >= held.lease {
            return None;
        }
        let kept = Delegation { lease: needed, ..held };
        client.i_delegation.set(kept);
        Some(kept)
    }
}

/// The strongest lease listed, none if there is none; `None` if one is breaking.
fn strongest(inode: Inode) -> Option<Option<LeaseType>> {
    let mut needed = None;
    let mut at = inode.i_flock.get();
    while let Some(fl) = at {
        let fl_type = fl.get().fl_type.get();
        if fl_type.in_progress() {
            return None;
        }
        needed = needed.max(lease_of(fl_type.target()));
        at = fl.get().fl_next.get();
    }
    Some(needed)
}
