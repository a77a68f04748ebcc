//! Seeded bugs: one-line mutants of [`spinlock`](super::spinlock), each caught by its finding (`scenario/seeded.rs`).
//!
//! A scenario's clean verdict counts for something only if the scenario can kill: every one of
//! the scenarios of the catalogue kills at least one of these, and every one of these is killed.
//!
//! Not among them: a holder's F_SETLEASE that overwrites a break under way (M40). `bkl` does that, and an opener gets in
//! beside the lease; here the opener has raised its count before it asks for the break, so the holder is refused first.

/// One line of `spinlock` changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// The open counts are not looked at again behind the insertion.
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
    /// Who waits for a lease is not woken when it goes.
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
}

/// All mutants: which, the name behind `spinlock:` on the command line, and what the line does wrong.
pub const MUTANTS: &[(Mutant, &str, &str)] = &[
    (Mutant::NoRecheck, "no-recheck", "the open counts are not looked at again behind the insertion"),
    (Mutant::RecheckUnlocked, "recheck-unlocked", "the open counts are looked at again after the unlock"),
    (Mutant::NoBarrier, "no-barrier", "no full barrier between raising and looking"),
    (Mutant::OwnerAfterUnlock, "owner-after-unlock", "the owner of the signals is set after the unlock"),
    (Mutant::FasyncAfterUnlock, "fasync-after-unlock", "the fasync entry is inserted after the unlock"),
    (Mutant::EntryLeakedOnEagain, "entry-leaked", "the fasync entry is not freed on EAGAIN"),
    (Mutant::LeaseLeakedOnEnomem, "lease-leaked", "the record is not freed on ENOMEM"),
    (Mutant::ListWalkedUnlocked, "walk-unlocked", "F_GETLEASE walks the list without the lock"),
    (Mutant::CloseUnlocked, "close-unlocked", "the last close removes leases without the lock"),
    (Mutant::AllocUnderLock, "alloc-under-lock", "the record is allocated under the lock"),
    (Mutant::WaitsUnderLock, "waits-under-lock", "the opener waits with the lock held"),
    (Mutant::LockLeftOnEagain, "lock-left", "the lock is not given back on EAGAIN"),
    (Mutant::WaitersForgotten, "waiters-forgotten", "waiters are not woken when the lease goes"),
    (Mutant::FreedTwiceOnExpiry, "freed-twice", "an expired lease is freed twice"),
    (Mutant::UnlockUnlocked, "unlock-unlocked", "F_UNLCK removes the lease without the lock"),
    (Mutant::InterruptedStaysQueued, "interrupted-queued", "an interrupted opener stays on the list of waiters"),
    (Mutant::EnomemLetsIn, "enomem-lets-in", "an opener that has no memory to wait with is let in"),
    (Mutant::UnlinkedFirst, "unlinked-first", "the record is unlinked before its file is let go"),
    (Mutant::ServerUnderLock, "server-under-lock", "M13: the file server is asked under the spinlock"),
    (Mutant::CallbackSleeps, "callback-sleeps", "M14: an in-kernel owner's call-back sleeps under the lock"),
    (Mutant::AnswerKept, "answer-kept", "M46: what the server granted and the node refused is not given back"),
    (Mutant::LoserGivesBack, "loser-gives-back", "M47: it is given back although another local lease needs it"),
    (Mutant::ServerToldFirst, "server-told-first", "M48: F_UNLCK tells the server before it removes the lease"),
    (Mutant::ServerNotTold, "server-not-told", "M49: expiry, close and downgrade do not tell the server"),
    (
        Mutant::CheckedBeforeOnly,
        "checked-before",
        "M50: the open counts are looked at before the server is asked, not after",
    ),
    (
        Mutant::NoCommonCheck,
        "no-common-check",
        "the open counts of a network file are not looked at: the server's answer counts",
    ),
    (Mutant::RecallForgotten, "recall-forgotten", "a recall that comes before the lease is listed is forgotten"),
    (
        Mutant::HeldLeaseBelieved,
        "held-lease-believed",
        "the node's lease is believed, and nothing keeps it until the insertion",
    ),
];
