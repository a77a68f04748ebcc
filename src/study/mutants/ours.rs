//! The rows that never were in Linux: mistakes that somebody could make in `spinlock`, and what catches each.

use crate::check::Code::*;
use crate::lease::mutants::Mutant;
use crate::study::mutants::Row;
use crate::study::mutants::row::{ours, with};

pub(super) const OURS: &[Row] = &[
    with(
        &[LW031],
        ours(
            Mutant::RecheckUnlocked,
            "recheck-unlocked",
            "the open counts are looked at again after the unlock",
            (LW020, "leaser-reader"),
        ),
    ),
    Row {
        weak_memory: true,
        ..ours(Mutant::NoBarrier, "no-barrier", "no full barrier between raising and looking", (LW030, "leaser-writer"))
    },
    ours(
        Mutant::EntryLeakedOnEagain,
        "entry-leaked",
        "the fasync entry is not freed on EAGAIN",
        (LW022, "two-leasers"),
    ),
    ours(Mutant::LeaseLeakedOnEnomem, "lease-leaked", "the record is not freed on ENOMEM", (LW022, "leaser-enomem")),
    with(
        &[LW010],
        ours(
            Mutant::ListWalkedUnlocked,
            "walk-unlocked",
            "F_GETLEASE walks the list without the lock",
            (LW020, "getlease-unlock"),
        ),
    ),
    with(
        &[LW010, LW031],
        ours(
            Mutant::CloseUnlocked,
            "close-unlocked",
            "the last close removes leases without the lock",
            (LW020, "close-break"),
        ),
    ),
    with(
        &[LW008],
        ours(
            Mutant::WaitsUnderLock,
            "waits-under-lock",
            "the opener waits with the lock held",
            (LW002, "unlock-break"),
        ),
    ),
    with(
        &[LW001, LW002],
        ours(Mutant::LockLeftOnEagain, "lock-left", "the lock is not given back on EAGAIN", (LW007, "two-leasers")),
    ),
    ours(
        Mutant::WaitersForgotten,
        "waiters-forgotten",
        "waiters are not woken when the lease goes",
        (LW008, "unlock-break"),
    ),
    ours(Mutant::FreedTwiceOnExpiry, "freed-twice", "an expired lease is freed twice", (LW021, "expiry")),
    with(
        &[LW010, LW022, LW040],
        ours(
            Mutant::UnlockUnlocked,
            "unlock-unlocked",
            "F_UNLCK removes the lease without the lock",
            (LW020, "leaser-unlock"),
        ),
    ),
    ours(
        Mutant::InterruptedStaysQueued,
        "interrupted-queued",
        "an interrupted opener stays on the list of waiters",
        (LW020, "interrupted-opener"),
    ),
    with(
        &[LW040],
        ours(
            Mutant::EnomemLetsIn,
            "enomem-lets-in",
            "an opener that has no memory to wait with is let in",
            (LW030, "opener-enomem"),
        ),
    ),
    with(
        &[LW007],
        ours(
            Mutant::UnlinkedFirst,
            "unlinked-first",
            "the record is unlinked before its file is let go",
            (LW020, "close-expiry"),
        ),
    ),
    with(
        &[LW030],
        ours(
            Mutant::NoCommonCheck,
            "no-common-check",
            "the open counts of a network file are not looked at: the server's answer counts",
            (LW034, "remote-delegation"),
        ),
    ),
    with(
        &[LW032],
        ours(
            Mutant::RecallForgotten,
            "recall-forgotten",
            "a recall that comes before the lease is listed is forgotten",
            (LW030, "remote-leaser"),
        ),
    ),
    ours(
        Mutant::HeldLeaseBelieved,
        "held-lease-believed",
        "the node's lease is believed, and nothing keeps it until the insertion",
        (LW032, "remote-held"),
    ),
    ours(
        Mutant::PathKept,
        "path-kept",
        "an open that fails keeps the path's reference: nobody will get a write lease again",
        (LW022, "nonblock-opener"),
    ),
    ours(
        Mutant::WriteAccessKept,
        "write-access-kept",
        "the last close keeps the write access: nobody will get a read lease again",
        (LW022, "leaser-writer"),
    ),
    ours(
        Mutant::AskingKept,
        "asking-kept",
        "a call that the server refuses is counted for ever: the node gives no lease back any more",
        (LW022, "remote-leasers"),
    ),
    with(
        &[LW032],
        ours(
            Mutant::OvertakenUpgrade,
            "overtaken-upgrade",
            "a recall that overtakes an upgrade is forgotten",
            (LW030, "remote-upgrade"),
        ),
    ),
    ours(
        Mutant::TruncatesAnyway,
        "truncates-anyway",
        "a truncation goes on although the break has failed",
        (LW030, "truncate-enomem"),
    ),
    ours(
        Mutant::WaitsForItself,
        "waits-for-itself",
        "an open that breaks a lease of its own process waits for it",
        (LW008, "own-open"),
    ),
    ours(Mutant::OverdueKept, "overdue-kept", "F_SETLEASE does not look whose time is over", (LW040, "overdue-leaser")),
    ours(
        Mutant::ReadLeasesBroken,
        "read-leases-broken",
        "a reader breaks the read leases beside the write lease that is in its way",
        (LW040, "two-owners-break"),
    ),
    ours(
        Mutant::OwnerWiped,
        "owner-wiped",
        "an in-kernel lease that goes takes the owner of the file's signals along: a user's lease there is mute",
        (LW031, "two-owners-unlock"),
    ),
    ours(
        Mutant::SignalsAgain,
        "signals-again",
        "a break that is under way already is signalled again",
        (LW050, "remote-holders"),
    ),
    ours(
        Mutant::BystandersSignalled,
        "bystanders-signalled",
        "an open for read signals the holders of read leases, which it does not break",
        (LW050, "upgrade-opener"),
    ),
    ours(
        Mutant::ExpirySignals,
        "expiry-signals",
        "the holder is signalled once more when its lease expires",
        (LW050, "expiry"),
    ),
    ours(
        Mutant::CloseSignals,
        "close-signals",
        "a process that closes a file with a lease is signalled",
        (LW050, "close-break"),
    ),
    ours(
        Mutant::UnlockSignals,
        "unlock-signals",
        "a process that gives a lease up is signalled",
        (LW050, "unlock-break"),
    ),
    ours(Mutant::GrantSignals, "grant-signals", "a process that takes a lease is signalled", (LW050, "leaser-reader")),
    ours(Mutant::CallbackTwice, "callback-twice", "an in-kernel owner is called back twice", (LW050, "nfsd-break")),
    ours(
        Mutant::WaitersHidden,
        "waiters-hidden",
        "/proc/locks does not show who waits",
        (LW050, "leaser-writer-expiry"),
    ),
    ours(
        Mutant::BreakHidden,
        "break-hidden",
        "/proc/locks does not show that a lease is being broken",
        (LW050, "leaser-writer-expiry"),
    ),
    ours(
        Mutant::WakeupIgnored,
        "wakeup-ignored",
        "an opener that waits with a time limit does not look when it is woken",
        (LW050, "close-break"),
    ),
    ours(
        Mutant::TwiceTheTime,
        "twice-the-time",
        "a holder has twice the time to give its lease up",
        (LW040, "overdue-leaser"),
    ),
];
