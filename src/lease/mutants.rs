//! Seeded bugs: variations of a design that the checks have to catch.
//!
//! What can be varied is here; which variation is caught by what in which scenario is the table of the mutants of `study`.

use super::flocks::Bug;

pub mod spinlock;

/// What is varied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seed {
    /// A line of `spinlock`, or a function.
    Spinlock(Mutant),
    /// A commit of the weeks after 2.6.37-rc1 is missing.
    Flocks(&'static [Bug]),
    /// Nothing: the design has the bug as it stands.
    AsItStands,
}

impl Seed {
    /// The name on the command line of a variation of `of` that is called `name`.
    pub fn full_name(self, of: &str, name: &str) -> String {
        if self == Seed::AsItStands { of.to_owned() } else { format!("{of}:{name}") }
    }
}

/// A variation of `spinlock`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// The open counts are not looked at again after the insertion.
    NoRecheck,
    /// They are looked at again, but after the unlock.
    RecheckUnlocked,
    /// The full barriers are gone. Invisible under sequential consistency: loom catches it.
    NoBarrier,
    /// The owner of the signals is set after the unlock.
    OwnerAfterUnlock,
    /// The fasync entry is inserted after the unlock.
    FasyncAfterUnlock,
    /// The prepared fasync entry is not freed when the lease is refused.
    EntryLeakedOnEagain,
    /// The prepared lease is not freed when there is no memory for the fasync entry.
    LeaseLeakedOnEnomem,
    /// F_GETLEASE walks the list without the lock.
    ListWalkedUnlocked,
    /// The last close removes leases without the lock.
    CloseUnlocked,
    /// The record is allocated under the lock.
    AllocUnderLock,
    /// The opener waits with the lock held.
    WaitsUnderLock,
    /// The lock is not given back when the lease is refused.
    LockLeftOnEagain,
    /// A waiter for a lease is not woken when it goes.
    WaitersForgotten,
    /// An expired lease is freed twice.
    FreedTwiceOnExpiry,
    /// F_UNLCK removes the lease without the lock.
    UnlockUnlocked,
    /// An opener whose wait a signal ends stays on the lease's list of waiters.
    InterruptedStaysQueued,
    /// An opener that has no memory to wait with is let in.
    EnomemLetsIn,
    /// The record is unlinked before its file is let go.
    UnlinkedFirst,
    /// An allocation sleeps between the walk and the insertion.
    SleepsInWalk,
    /// A conflict answers ENOMEM.
    EnomemForEagain,
    /// The fasync entry is put on the lease that F_UNLCK has freed.
    EntryReattached,
    /// The undo destroys the lease that was there before.
    UndoDestroys,
    /// The owner is refused when the lease is listed.
    OwnerRefusedLate,
    /// The fasync entry is allocated under the lock.
    FasyncUnderLock,
    /// An open raises i_writecount after the break.
    WriterCountsLate,
    /// An open raises d_count after the break.
    ReaderCountsLate,
    /// truncate takes write access after the break.
    TruncateBreaksFirst,
    /// The undo of a refused lease leaves it on the list.
    UndoUnlinksElsewhere,
    /// A close removes everybody's leases.
    CloseRemovesAll,
    /// The fasync entry is put on the record that is not listed.
    EntryOnPassedIn,
    /// An opener that need not wait forgets its record.
    BreakerForgotten,
    /// An interrupted opener that seems off the list does not take the lock.
    DequeuesUnlocked,
    /// Whether a lease is breaking is asked of the first.
    HeadAsked,
    /// The first holder alone is signalled.
    FirstToldAlone,
    /// F_SETLEASE takes the signals from whom F_SETOWN has named.
    OwnerForced,
    /// The file server is asked under the spinlock (M13).
    ServerUnderLock,
    /// An in-kernel owner's call-back sleeps, under the lock (M14).
    CallbackSleeps,
    /// A lease that the server granted and the node refused is kept (M46).
    AnswerKept,
    /// It is given back, whoever else on the node needs it (M47).
    LoserGivesBack,
    /// F_UNLCK tells the server before it removes the lease (M48).
    ServerToldFirst,
    /// Only F_UNLCK and a refusal tell the server: expiry, close and downgrade do not (M49).
    ServerNotTold,
    /// The open counts of a network file are looked at before the server is asked, and not again (M50).
    CheckedBeforeOnly,
    /// They are not looked at at all: the server's answer counts (the mail's second point).
    NoCommonCheck,
    /// A recall that finds nothing listed is forgotten.
    RecallForgotten,
    /// The node has such a lease already, and nothing keeps it until the insertion.
    HeldLeaseBelieved,
    /// An open that fails keeps the path's reference.
    PathKept,
    /// The last close of a file open for write keeps the write access.
    WriteAccessKept,
    /// A call that the server refuses is counted for ever.
    AskingKept,
    /// A recall that overtakes an upgrade is forgotten.
    OvertakenUpgrade,
    /// truncate goes on although the break has failed.
    TruncatesAnyway,
    /// An open that breaks a lease of its own process waits for it.
    WaitsForItself,
    /// F_SETLEASE does not look whose time is over.
    OverdueKept,
    /// An in-kernel lease that goes takes the owner of the file's signals along (D09).
    OwnerWiped,
    /// An open for read breaks read leases beside a write lease.
    ReadLeasesBroken,
    /// F_UNLCK without a lease answers EAGAIN (M42).
    UnlockNeedsLease,
    /// A break that is under way already is signalled again.
    SignalsAgain,
    /// An open for read signals the holders of read leases, which it does not break.
    BystandersSignalled,
    /// The holder is signalled once more when its lease expires.
    ExpirySignals,
    /// A process that closes a file with a lease is signalled.
    CloseSignals,
    /// A process that gives a lease up is signalled.
    UnlockSignals,
    /// A process that takes a lease is signalled.
    GrantSignals,
    /// An in-kernel owner is called back twice.
    CallbackTwice,
    /// `/proc/locks` does not show who waits.
    WaitersHidden,
    /// `/proc/locks` does not show that a lease is being broken.
    BreakHidden,
    /// An opener that waits with a time limit does not look when it is woken.
    WakeupIgnored,
    /// A holder has twice the time.
    TwiceTheTime,
}
