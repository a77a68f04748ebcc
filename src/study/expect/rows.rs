//! What several designs are known for.

use crate::check::Code;
use crate::study::expect::Expected;

/// An opener or a close looks at the list without the lock.
pub(super) const PEEK: Expected = Expected {
    code: Code::LW010,
    subject: "i_flock",
    bug: "M39",
    why: "unlocked peek: break_lease and locks_remove_flock look at i_flock with no lock held",
};

/// Each side looks before it does.
pub(super) const BESIDE: Expected = Expected {
    code: Code::LW030,
    subject: "lease",
    bug: "M24",
    why: "the opener looks at the list before it raises its count, the leaser at the counts before it inserts; neither looks again",
};

/// The lease is listed before anybody can be signalled.
pub(super) const UNTOLD: Expected = Expected {
    code: Code::LW031,
    subject: "lease",
    bug: "M06",
    why: "the lease is listed before its fasync entry and owner: the entry's allocation gives the BKL back",
};

/// What could not be finished is left to the timeout of leases, which starts at the head of the list and may not come that far.
pub(super) const NOT_REMOVED: Expected = Expected {
    code: Code::LW035,
    subject: "lease",
    bug: "M07",
    why: "no memory for the fasync entry: the new lease is to time out at once, behind one that is not being broken. There \
          time_out_leases stops, and openers wait for a lease that nobody has",
};

/// The same, behind a lease that was listed meanwhile.
pub(super) const LISTED_IN_FRONT: Expected = Expected {
    bug: "M01",
    why: "the lease is allocated between the walk over the list and the insertion: it is listed in front of one that is being \
          broken. There time_out_leases stops, and openers wait for the one behind",
    ..NOT_REMOVED
};

/// The same, behind a lease whose own break its holder has cancelled.
pub(super) const CANCELLED_IN_FRONT: Expected = Expected {
    bug: "M40",
    why: "the holder asks for its lease again, and the break is cancelled. There time_out_leases stops, and openers wait for \
          the one behind",
    ..NOT_REMOVED
};

/// An open looks at the head of the list for what is in its way.
pub(super) const HIDDEN_BEHIND: Expected = unexplained(
    "result",
    "M01",
    "the read lease is allocated between the walk over the list and the insertion: it is listed in front of a write lease, \
     which an open for read does not see then",
);

/// The same window, with the lease gone when the allocation returns.
pub(super) const FASYNC_ON_FREED: Expected = Expected {
    code: Code::LW020,
    subject: "fl_fasync",
    bug: "M06",
    why: "the lease goes while the allocation of its fasync entry sleeps: the entry is put on a freed lease",
};

/// The list position goes stale.
pub(super) const STALE_POSITION: Expected = Expected {
    code: Code::LW020,
    subject: "fl_next",
    bug: "M01",
    why: "the lease is allocated between the walk that remembers the list position and the insertion there",
};

/// The break is forgotten.
pub(super) const BREAK_CANCELLED: Expected = Expected {
    code: Code::LW030,
    subject: "lease",
    bug: "M40",
    why: "F_SETLEASE by the holder overwrites the type and with it the break that is under way",
};

/// The undo destroys a lease that was there before.
pub(super) const UNDONE_TOO_FAR: Expected = Expected {
    code: Code::LW031,
    subject: "lease",
    bug: "M07",
    why: "no memory for the fasync entry of a changed lease: the undo breaks and removes the lease that was held before, and tells nobody",
};

/// What nothing explains.
pub(super) const fn unexplained(subject: &'static str, bug: &'static str, why: &'static str) -> Expected {
    Expected { code: Code::LW040, subject, bug, why }
}

/// The same race as [`BESIDE`], told by the answers alone.
pub(super) const GRANTED_TO_ONE_OPEN: Expected = unexplained(
    "result",
    "M24",
    "the lease is granted although an open that conflicts had returned before, which a third process saw as well",
);

/// The same with one opener that has gone on to something else since.
pub(super) const GRANTED_TOO_LATE: Expected = unexplained(
    "result",
    "M24",
    "the lease is granted although an open that conflicts has returned meanwhile: the counts were looked at before, and not again",
);

/// A break comes between the look at the list and the insertion, and finds the others only.
pub(super) const INSERTED_AFTER_THE_BREAK: Expected = unexplained(
    "leases",
    "M01",
    "the lease is allocated between the walk over the list and the insertion: a break comes in between, and misses it",
);

/// The same, with the break of a truncation that returns beside it.
pub(super) const TRUNCATED_AFTER_THE_BREAK: Expected = unexplained(
    "result",
    "M01",
    "the lease is allocated between the walk over the list and the insertion: a truncation breaks in between, and returns beside it",
);

/// The same, seen by a task that looks at the leases.
pub(super) const SEEN_AFTER_THE_BREAK: Expected = unexplained(
    "result",
    "M01",
    "the lease is allocated between the walk over the list and the insertion: a break comes in between, and the lease is seen after it",
);

/// The same unlocked look at the list as [`PEEK`], told by the answers: the owner goes after the lease.
pub(super) const OWNER_BEHIND_THE_LIST: Expected = unexplained(
    "result",
    "M39",
    "an open or a truncation sees the list empty, without the lock, while the removal is still in the owner: F_GETOWN tells it afterwards",
);

/// The same as [`BREAK_CANCELLED`], told by the answers alone: of two leases on one open file one is asked for again.
pub(super) const CANCELLED_AND_OPENED: Expected = unexplained(
    "result",
    "M40",
    "the holder asks for its lease again while an open waits for it: the break is cancelled, and the open returns beside the lease",
);

/// An opener meets a lease that nobody will have had.
pub(super) const REFUSED_BY_A_PHANTOM: Expected = unexplained(
    "result",
    "M07",
    "no memory for the fasync entry: an opener was refused for a lease whose F_SETLEASE then failed",
);

/// An existing lease is destroyed.
pub(super) const UNDONE_WHAT_WAS_THERE: Expected = unexplained(
    "leases",
    "M07",
    "no memory for the fasync entry of a changed lease: F_SETLEASE fails, and the lease that was held before is gone",
);

/// The lease stays.
pub(super) const REFUSED_AND_KEPT: Expected = unexplained(
    "leases",
    "M08",
    "the security module refuses the owner of the signals: F_SETLEASE fails, the lease stays",
);

/// The file goes while its lease is still being taken apart.
pub(super) const fn closed_under(code: Code, subject: &'static str) -> Expected {
    Expected {
        code,
        subject,
        bug: "M39",
        why: "the last close sees the list empty, without the lock, while the expiry is still in the owner of the file",
    }
}

/// In the order of codes.
pub(super) const CLOSED_DURING_EXPIRY: &[Expected] = &[
    closed_under(Code::LW007, "f_owner.lock"),
    PEEK,
    closed_under(Code::LW020, "f_owner.lock"),
    closed_under(Code::LW020, "f_owner.pid"),
];

/// [`BESIDE`] with a truncation, after a lease that it breaks and waits for.
pub(super) const TRUNCATED_BESIDE: Expected = Expected {
    code: Code::LW030,
    subject: "truncate",
    bug: "M24",
    why: "a second lease is listed after the truncation has broken the first one: the counts were looked at before, and not again",
};

/// The undo comes when the lease is gone.
pub(super) const UNDONE_WHEN_GONE: Expected = Expected {
    code: Code::LW020,
    subject: "fl_type",
    bug: "M07",
    why: "no memory for the fasync entry: the undo marks the lease, which has gone while the allocation slept",
};

/// An in-kernel lease goes, and takes along what is not its own.
pub(super) const OWNER_WIPED: Expected = Expected {
    code: Code::LW031,
    subject: "lease",
    bug: "D09",
    why: "nfsd gives its lease up, and the owner of the file's signals goes with it: the user's lease on the same open file is mute",
};

/// What is not in the way is broken as well.
pub(super) const BROKEN_BESIDE: Expected = unexplained(
    "leases",
    "D08",
    "a reader breaks the write lease of a user, and with it the read lease that nfsd has on the same open file",
);

/// The same, seen by who reads `/proc/locks`.
pub(super) const SEEN_AND_REFUSED: Expected = unexplained(
    "result",
    "M08",
    "the security module refuses the owner of the signals: F_SETLEASE fails, and others see the lease",
);

/// What may sleep, under a spinlock.
pub(super) const ALLOCATES_UNDER_LOCK: Expected = Expected {
    code: Code::LW002,
    subject: "kmalloc(GFP_KERNEL)",
    bug: "M11",
    why: "the mail: \"generic_setlease allocates memory (GFP_KERNEL) under the lock\"; fasync_helper does as well (M12)",
};

/// [`BESIDE`] at the moment in which nfsd is told that it has the lease.
pub(super) const HANDED_OUT: Expected = Expected {
    code: Code::LW034,
    subject: "delegation",
    bug: "M24",
    why: "the writer opens between the look at the open counts and the insertion, and the delegation is handed out all the same",
};

/// nfsd's call-back under a spinlock: what the BKL allowed.
pub(super) const CALLBACK_ATOMIC: Expected = Expected {
    code: Code::LW002,
    subject: "kthread_run",
    bug: "M14",
    why: "nfsd's call-back starts a thread, and sleeps for that, with the spinlock held",
};
