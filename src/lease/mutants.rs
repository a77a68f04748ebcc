//! Seeded bugs: one-line mutants of [`spinlock`](super::spinlock), each caught by its finding.
//!
//! A scenario's clean verdict counts for something only if the scenario can kill: every one of
//! [`crate::scenario::catalogue`] kills at least one of these, and every one of these is killed.
//!
//! Not among them: a holder's F_SETLEASE that overwrites a break under way (M40). `bkl` does that, and an opener gets in
//! beside the lease; here the opener has raised its count before it asks for the break, so the holder is refused first.

use crate::check::Code;

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

/// A mutant, its name on the command line and what catches it.
#[derive(Clone, Copy, Debug)]
pub struct Seeded {
    /// Which.
    pub mutant: Mutant,
    /// `spinlock` with this behind it is the design's name.
    pub name: &'static str,
    /// The finding that must catch it.
    pub code: Code,
    /// The scenario in which it does.
    pub scenario: &'static str,
    /// Does it need loom's memory model?
    pub weak_memory: bool,
    /// What the line does wrong.
    pub about: &'static str,
}

const fn sc(mutant: Mutant, name: &'static str, code: Code, scenario: &'static str, about: &'static str) -> Seeded {
    Seeded { mutant, name, code, scenario, weak_memory: false, about }
}

/// All mutants.
pub const SEEDED: &[Seeded] = &[
    sc(
        Mutant::NoRecheck,
        "no-recheck",
        Code::LW030,
        "leaser-reader",
        "the open counts are not looked at again behind the insertion",
    ),
    sc(
        Mutant::RecheckUnlocked,
        "recheck-unlocked",
        Code::LW020,
        "leaser-writer-expiry",
        "the open counts are looked at again after the unlock",
    ),
    Seeded {
        mutant: Mutant::NoBarrier,
        name: "no-barrier",
        code: Code::LW030,
        scenario: "leaser-writer",
        weak_memory: true,
        about: "no full barrier between raising and looking",
    },
    sc(
        Mutant::OwnerAfterUnlock,
        "owner-after-unlock",
        Code::LW031,
        "leaser-reader",
        "the owner of the signals is set after the unlock",
    ),
    sc(
        Mutant::FasyncAfterUnlock,
        "fasync-after-unlock",
        Code::LW031,
        "leaser-writer",
        "the fasync entry is inserted after the unlock",
    ),
    sc(
        Mutant::EntryLeakedOnEagain,
        "entry-leaked",
        Code::LW022,
        "two-leasers",
        "the fasync entry is not freed on EAGAIN",
    ),
    sc(Mutant::LeaseLeakedOnEnomem, "lease-leaked", Code::LW022, "leaser-enomem", "the record is not freed on ENOMEM"),
    sc(
        Mutant::ListWalkedUnlocked,
        "walk-unlocked",
        Code::LW020,
        "getlease-unlock",
        "F_GETLEASE walks the list without the lock",
    ),
    sc(
        Mutant::CloseUnlocked,
        "close-unlocked",
        Code::LW020,
        "close-break",
        "the last close removes leases without the lock",
    ),
    sc(
        Mutant::AllocUnderLock,
        "alloc-under-lock",
        Code::LW002,
        "two-leasers",
        "the record is allocated under the lock",
    ),
    sc(Mutant::WaitsUnderLock, "waits-under-lock", Code::LW002, "unlock-break", "the opener waits with the lock held"),
    sc(Mutant::LockLeftOnEagain, "lock-left", Code::LW007, "two-leasers", "the lock is not given back on EAGAIN"),
    sc(
        Mutant::WaitersForgotten,
        "waiters-forgotten",
        Code::LW008,
        "unlock-break",
        "waiters are not woken when the lease goes",
    ),
    sc(Mutant::FreedTwiceOnExpiry, "freed-twice", Code::LW021, "expiry", "an expired lease is freed twice"),
    sc(
        Mutant::UnlockUnlocked,
        "unlock-unlocked",
        Code::LW020,
        "leaser-unlock",
        "F_UNLCK removes the lease without the lock",
    ),
    sc(
        Mutant::InterruptedStaysQueued,
        "interrupted-queued",
        Code::LW020,
        "interrupted-opener",
        "an interrupted opener stays on the list of waiters",
    ),
    sc(
        Mutant::EnomemLetsIn,
        "enomem-lets-in",
        Code::LW030,
        "opener-enomem",
        "an opener that has no memory to wait with is let in",
    ),
    sc(
        Mutant::UnlinkedFirst,
        "unlinked-first",
        Code::LW020,
        "close-expiry",
        "the record is unlinked before its file is let go",
    ),
];
