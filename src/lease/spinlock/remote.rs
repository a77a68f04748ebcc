//! The file server's half of a lease: asked with no lock held, and given back by whoever is last to need it.
//!
//! ```text
//! ask_server
//!    check_open_counts               in vain to ask if somebody has it open here
//!    spin_lock(file_lock_lock)
//!    i_asking += 1                   from here on nobody gives the node's lease back, and a recall leaves a mark
//!    spin_unlock(file_lock_lock)
//!    f_op->setlease                  if the node has no such lease yet
//! spin_lock(file_lock_lock)
//!    i_asking -= 1, i_delegation     the answer is recorded; has a recall overtaken it?
//!    generic_setlease                looks at the open counts again
//!    surplus                         is the node's lease more than its leases here need?
//! spin_unlock(file_lock_lock)
//!    give_back                       then it is given back, with the number of its grant
//! ```
//!
//! | bug | without | cured by |
//! |---|---|---|
//! | M13 | the server is asked under the spinlock | [`Spinlock::ask_server`] takes the lock only to count itself |
//! | M46 | the local grant fails, and the server's lease stays | every unlock ends in [`Spinlock::surplus`], that of a refusal as well |
//! | M47 | the loser of two gives back what the winner needs | what is needed is counted: the list of leases, and `i_asking` |
//! | M48 | F_UNLCK tells the server first | the lease goes off the list, then the lock, then the server is told |
//! | M49 | expiry, close and downgrade tell nobody | they unlock as F_UNLCK does: the message waits until the lock is gone |
//! | M50 | the open counts are looked at before the answer alone | `generic_setlease` looks again, and behind the insertion |
//!
//! **The recall that comes first.** A recall finds what is listed and marks it. What is granted and not yet listed it cannot
//! mark; so it marks `i_asking`, and nothing new or stronger is listed below that mark.
//!
//! **The lease that one has already.** Then the server is not asked. That stays true until the insertion: while `i_asking`
//! counts the call, no surplus is given back. The mark of a recall stays until what it marked in the list has gone: a lease
//! that expires under the lock must not be followed, under the same lock, by a new one. (The first version forgot it when
//! nobody was asking; random casts of tasks found the lease that nobody recalled.)

use crate::kernel::Result;
use crate::kernel::lock::SpinGuard;
use crate::kernel::task::Task;
use crate::lease::note::LeaseType;
use crate::lease::table::Delegation;

use super::Spinlock;
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
        check_open_counts(current, inode, arg)?;
        let has_it = {
            let _lock = self.file_lock_lock.lock(current);
            let has_it = client.i_delegation.get().lease >= Some(want);
            let asking = client.i_asking.get();
            client.i_asking.set(Asking { calls: asking.calls + 1, ..asking });
            has_it
        };
        if has_it {
            return Ok(Answer { granted: None, counted: true });
        }
        match client.setlease(current, want) {
            Ok(delegation) => Ok(Answer { granted: Some(delegation), counted: true }),
            Err(errno) => {
                let lock = self.file_lock_lock.lock(current);
                self.record(inode, &Answer { granted: None, counted: true });
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
        let Some(client) = inode.client() else { return };
        let conflicts = |lease| flags.write || lease == LeaseType::Write;
        let asking = client.i_asking.get();
        if asking.calls > 0 || client.i_delegation.get().lease.is_some_and(conflicts) {
            client.i_asking.set(Asking { recalled: true, ..asking });
        }
    }

    /// Unlocks, and then returns to the server what no lease here needs any more.
    pub(super) fn unlock(&self, current: &Task, inode: Inode, lock: SpinGuard<'_>) {
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
