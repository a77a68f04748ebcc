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
];
