//! The table: what is varied, what catches it where, and which commit took it out of Linux.

use super::{Mutant, Row, Seed};
use crate::lease::flocks::Bug;

const fn spinlock(
    number: &'static str,
    mutant: Mutant,
    name: &'static str,
    about: &'static str,
    fixed: &'static str,
    caught: (&'static str, &'static str),
) -> Row {
    Row {
        number,
        of: "spinlock",
        name,
        about,
        fixed,
        seed: Seed::Spinlock(mutant),
        code: caught.0,
        also: &[],
        scenario: caught.1,
        sound: "spinlock",
        weak_memory: false,
    }
}

const fn flocks(
    number: &'static str,
    bugs: &'static [Bug],
    name: &'static str,
    about: &'static str,
    fixed: &'static str,
    caught: (&'static str, &'static str),
) -> Row {
    let (of, sound) = ("flocks", "flocks:fixed");
    Row { of, sound, seed: Seed::Flocks(bugs), ..spinlock(number, Mutant::NoRecheck, name, about, fixed, caught) }
}

const fn as_it_stands(
    number: &'static str,
    of: &'static str,
    about: &'static str,
    fixed: &'static str,
    caught: (&'static str, &'static str),
    sound: &'static str,
) -> Row {
    Row { of, sound, seed: Seed::AsItStands, ..spinlock(number, Mutant::NoRecheck, "", about, fixed, caught) }
}

const fn ours(mutant: Mutant, name: &'static str, about: &'static str, caught: (&'static str, &'static str)) -> Row {
    spinlock("", mutant, name, about, "", caught)
}

const fn with(also: &'static [&'static str], row: Row) -> Row {
    Row { also, ..row }
}

/// All variations: those of history by number, then ours.
pub const MUTANTS: &[Row] = &[
    spinlock(
        "M01",
        Mutant::SleepsInWalk,
        "sleeps-in-walk",
        "an allocation sleeps between the walk that remembers the place in the list and the insertion there",
        "2000 to 85c59580b30, 2007",
        ("LW020", "leaser-unlock"),
    ),
    spinlock(
        "M02",
        Mutant::EnomemForEagain,
        "enomem-for-eagain",
        "a conflict answers ENOMEM: the variable still has the error of the allocation",
        "85c59580b30, 2007, to 5fcc60c3a05, 2008",
        ("LW040", "newcomer-breaking"),
    ),
    flocks(
        "M03",
        &[Bug::UnlockAllocates],
        "unlock-allocates",
        "F_UNLCK allocates what it does not need, so it fails for want of memory and the lease stays",
        "85c59580b30, 2007, to 288b2fd8251, 2008; c5b1f0d92c3 to 0ceaf6c700f, 2010",
        ("LW040", "unlock-enomem"),
    ),
    spinlock(
        "M05",
        Mutant::EntryReattached,
        "entry-reattached",
        "F_UNLCK puts the fasync entry back on the lease that it has just freed",
        "to dc15ae14e97, 2005",
        ("LW020", "getlease-unlock"),
    ),
    spinlock(
        "M06",
        Mutant::FasyncAfterUnlock,
        "fasync-after-unlock",
        "the fasync entry is inserted after the unlock: a break in between tells nobody",
        "2.6.23 as released, to f7347ce4ee7, 2010",
        ("LW031", "leaser-writer"),
    ),
    spinlock(
        "M06",
        Mutant::OwnerAfterUnlock,
        "owner-after-unlock",
        "the owner of the signals is set after the unlock: a break in between tells nobody",
        "2.6.23 as released, to f7347ce4ee7, 2010",
        ("LW031", "leaser-reader"),
    ),
    as_it_stands(
        "M06",
        "inner",
        "the lock is given back in generic_setlease, before the fasync entry and the owner",
        "ruled out by the mail",
        ("LW031", "leaser-reader"),
        "spinlock",
    ),
    spinlock(
        "M07",
        Mutant::UndoDestroys,
        "undo-destroys",
        "no memory for the fasync entry: the undo takes back the lease that the file had before, too",
        "2.6.23 as released, to f7347ce4ee7, 2010",
        ("LW040", "relock-enomem"),
    ),
    spinlock(
        "M08",
        Mutant::OwnerRefusedLate,
        "owner-refused-late",
        "the security module refuses the owner when the lease is listed: the error is returned, the lease stays",
        "2.6.23 as released, to 2014",
        ("LW040", "lister-lsm"),
    ),
    as_it_stands(
        "M10",
        "sed",
        "fcntl_setlease and vfs_setlease take the same spinlock",
        "ruled out by the mail: \"other spinlocks can't be acquired recursively\"",
        ("LW001", "two-leasers"),
        "bkl",
    ),
    spinlock(
        "M11",
        Mutant::AllocUnderLock,
        "alloc-under-lock",
        "the record is allocated under the lock",
        "ruled out by the mail, avoided by c5b1f0d92c3, 2010",
        ("LW002", "two-leasers"),
    ),
    as_it_stands(
        "M11",
        "split",
        "generic_setlease allocates under the lock that both callers take",
        "ruled out by the mail: \"that's bad for converting to spnlocks later\"",
        ("LW002", "two-leasers"),
        "bkl",
    ),
    spinlock(
        "M12",
        Mutant::FasyncUnderLock,
        "fasync-under-lock",
        "the fasync entry is allocated under the lock",
        "the mail has it; avoided by f7347ce4ee7, 2010",
        ("LW002", "two-leasers"),
    ),
    flocks(
        "M16",
        &[Bug::FreedOnEveryExit],
        "freed-on-every-exit",
        "the callee frees the lease passed in on every exit, also the one that F_UNLCK has freed",
        "c5b1f0d92c3 to 0ceaf6c700f, 2010",
        ("LW021", "kernel-leaser"),
    ),
    flocks(
        "M17",
        &[Bug::LeakedOnEarlyExit],
        "leaked-on-early-exit",
        "the early exits do not free the lease passed in",
        "c5b1f0d92c3 to 096657b65e1, 2010",
        ("LW022", "relock-lsm"),
    ),
    flocks(
        "M19",
        &[Bug::LeakedOnMerge],
        "leaked-on-merge",
        "the lease passed in is not freed when the file has one already",
        "51ee4b84f5c to 3df057ac9af, 2010",
        ("LW022", "relock"),
    ),
    with(
        &["LW022", "LW040"],
        flocks(
            "M20",
            &[Bug::ListedFreedOnMerge],
            "listed-freed-on-merge",
            "the fix of M19 frees the lease that is listed, and puts the fasync entry on the other",
            "3df057ac9af to 8896b93f424, 2010",
            ("LW020", "relock"),
        ),
    ),
    flocks(
        "M21",
        &[Bug::OwnerWiped],
        "owner-wiped",
        "freeing a lease that was never used forgets whom F_SETOWN has named",
        "2.6.37 to 3.6",
        ("LW040", "relock"),
    ),
    flocks(
        "M22",
        &[Bug::PointerUnset],
        "pointer-unset",
        "nfsd's pointer to its lease was set by a callback that nobody calls any more: it gives nothing back",
        "c5b1f0d92c3 to fcf744a96c6, 2010",
        ("LW040", "kernel-leaser"),
    ),
    flocks(
        "M23",
        &[Bug::MatchedByFile],
        "matched-by-file",
        "whose lease it is, is told by the open file alone, which several owners share",
        "c45821d263a to acfdf5c383b, 2011",
        ("LW040", "two-owners"),
    ),
    spinlock(
        "M24",
        Mutant::NoRecheck,
        "no-recheck",
        "the open counts are not looked at again behind the insertion",
        "2000 to 24cbe7845ea5, 2013",
        ("LW030", "leaser-reader"),
    ),
    spinlock(
        "M24",
        Mutant::WriterCountsLate,
        "writer-counts-late",
        "an open raises i_writecount after it has looked for leases",
        "2000 to 3.2",
        ("LW030", "leaser-writer"),
    ),
    spinlock(
        "M25",
        Mutant::TruncateBreaksFirst,
        "truncate-breaks-first",
        "truncate takes write access after it has broken the leases",
        "to 9700382c3c9, 2007",
        ("LW030", "leaser-truncate"),
    ),
    spinlock(
        "M26",
        Mutant::UndoUnlinksElsewhere,
        "undo-unlinks-elsewhere",
        "the undo of a refused lease follows the wrong pointer: the record is freed and still listed",
        "3.13 to 3.17",
        ("LW020", "leaser-writer"),
    ),
    spinlock(
        "M27",
        Mutant::CloseRemovesAll,
        "close-removes-all",
        "the last close of any file removes everybody's leases",
        "4.0-rc to 4.0",
        ("LW040", "close-beside"),
    ),
    spinlock(
        "M28",
        Mutant::EntryOnPassedIn,
        "entry-on-passed-in",
        "a change of type puts the fasync entry on the record passed in, not on the one that is listed",
        "4.0-rc to 4.0",
        ("LW022", "upgrade-opener"),
    ),
    spinlock(
        "M30",
        Mutant::ReaderCountsLate,
        "reader-counts-late",
        "an open for read is counted after it has looked for leases",
        "387e3746d01c, 2019, to d6da19c9cace, 2022",
        ("LW030", "leaser-reader"),
    ),
    spinlock(
        "M31",
        Mutant::BreakerForgotten,
        "breaker-forgotten",
        "an opener that finds nothing to wait for does not free its record",
        "to cfddf9f4c9f0, 2019",
        ("LW022", "unlock-break"),
    ),
    spinlock(
        "M32",
        Mutant::DequeuesUnlocked,
        "dequeues-unlocked",
        "an interrupted opener that seems off the list does not take the lock: who takes it off still touches its record",
        "to 6d390e4b5d48, 2020",
        ("LW020", "interrupted-opener"),
    ),
    with(
        &["LW040"],
        spinlock(
            "M38",
            Mutant::HeadAsked,
            "head-asked",
            "whether a lease is breaking is asked of the first on the list: the others are neither marked nor signalled",
            "3.2 to 4.0",
            ("LW030", "two-holders-break"),
        ),
    ),
    as_it_stands(
        "M40",
        "bkl",
        "F_SETLEASE by the holder overwrites the break that is under way",
        "2.6.23 as released, to 778fc546f749, 2011",
        ("LW030", "relock-break"),
        "spinlock",
    ),
    spinlock(
        "M44",
        Mutant::FirstToldAlone,
        "first-told-alone",
        "the first holder alone is signalled",
        "to 23b9a9a362, 2002",
        ("LW031", "two-holders-break"),
    ),
    spinlock(
        "M45",
        Mutant::OwnerForced,
        "owner-forced",
        "F_SETLEASE takes the signals away from whom F_SETOWN has named",
        "to c69f289480, 2003",
        ("LW031", "setown-break"),
    ),
    with(
        &["LW031"],
        ours(
            Mutant::RecheckUnlocked,
            "recheck-unlocked",
            "the open counts are looked at again after the unlock",
            ("LW020", "leaser-reader"),
        ),
    ),
    Row {
        weak_memory: true,
        ..ours(
            Mutant::NoBarrier,
            "no-barrier",
            "no full barrier between raising and looking",
            ("LW030", "leaser-writer"),
        )
    },
    ours(
        Mutant::EntryLeakedOnEagain,
        "entry-leaked",
        "the fasync entry is not freed on EAGAIN",
        ("LW022", "two-leasers"),
    ),
    ours(Mutant::LeaseLeakedOnEnomem, "lease-leaked", "the record is not freed on ENOMEM", ("LW022", "leaser-enomem")),
    with(
        &["LW010"],
        ours(
            Mutant::ListWalkedUnlocked,
            "walk-unlocked",
            "F_GETLEASE walks the list without the lock",
            ("LW020", "getlease-unlock"),
        ),
    ),
    with(
        &["LW010", "LW031"],
        ours(
            Mutant::CloseUnlocked,
            "close-unlocked",
            "the last close removes leases without the lock",
            ("LW020", "close-break"),
        ),
    ),
    with(
        &["LW008"],
        ours(
            Mutant::WaitsUnderLock,
            "waits-under-lock",
            "the opener waits with the lock held",
            ("LW002", "unlock-break"),
        ),
    ),
    with(
        &["LW001", "LW002"],
        ours(Mutant::LockLeftOnEagain, "lock-left", "the lock is not given back on EAGAIN", ("LW007", "two-leasers")),
    ),
    ours(
        Mutant::WaitersForgotten,
        "waiters-forgotten",
        "waiters are not woken when the lease goes",
        ("LW008", "unlock-break"),
    ),
    ours(Mutant::FreedTwiceOnExpiry, "freed-twice", "an expired lease is freed twice", ("LW021", "expiry")),
    with(
        &["LW010", "LW022", "LW040"],
        ours(
            Mutant::UnlockUnlocked,
            "unlock-unlocked",
            "F_UNLCK removes the lease without the lock",
            ("LW020", "leaser-unlock"),
        ),
    ),
    ours(
        Mutant::InterruptedStaysQueued,
        "interrupted-queued",
        "an interrupted opener stays on the list of waiters",
        ("LW020", "interrupted-opener"),
    ),
    with(
        &["LW040"],
        ours(
            Mutant::EnomemLetsIn,
            "enomem-lets-in",
            "an opener that has no memory to wait with is let in",
            ("LW030", "opener-enomem"),
        ),
    ),
    with(
        &["LW007"],
        ours(
            Mutant::UnlinkedFirst,
            "unlinked-first",
            "the record is unlinked before its file is let go",
            ("LW020", "close-expiry"),
        ),
    ),
];
