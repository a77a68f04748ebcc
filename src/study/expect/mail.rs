//! What is known of the designs that the mail rules out or proposes, and of `bkl` in the cluster.
//!
//! `D`-numbers are for what no entry of the list of historical bugs names: a recall that comes before the lease is listed (D07),
//! and a break of a lease that is not in the way (D08).

use super::rows::*;
use crate::check::Code;
use crate::study::expect::Expected;

const fn row(code: Code, subject: &'static str, bug: &'static str, why: &'static str) -> Expected {
    Expected { code, subject, bug, why }
}

/// The server's lease outlives the node's.
pub(super) const KEPT: Expected = row(
    Code::LW032,
    "server lease",
    "M46",
    "the server grants a lease that the node then refuses, and nobody gives it back",
);

/// What goes without F_UNLCK the server does not hear of.
pub(super) const NOT_TOLD: Expected = row(
    Code::LW032,
    "server lease",
    "M49",
    "close and expiry do not pass through f_op->setlease: the server keeps its lease",
);

/// The same, when everything is closed.
pub(super) const CLOSED: Expected = row(
    Code::LW032,
    "server lease, all closed",
    "M49",
    "the last close does not pass through f_op->setlease: the server keeps its lease",
);

/// The same of what changes.
pub(super) const DOWNGRADE_NOT_TOLD: Expected = row(
    Code::LW032,
    "server lease",
    "M49",
    "a downgrade does not reach the server, which asks for the lease back that it still believes to be a write lease",
);

/// One for all.
pub(super) const SHARED: Expected = row(
    Code::LW032,
    "local lease",
    "M47",
    "F_UNLCK gives the node's lease back, and another local lessee still counts on it",
);

/// Beside it somebody may open.
pub(super) const SHARED_BESIDE: Expected = row(
    Code::LW030,
    "lease",
    "M47",
    "F_UNLCK gives the node's lease back, another local lessee still counts on it, and another node opens the file",
);

/// Nothing is listed, so nothing is broken.
pub(super) const RECALLED_BEFORE: Expected = row(
    Code::LW030,
    "lease",
    "D07",
    "the recall comes before the lease is listed and finds nothing; the server revokes it and lets the opener in",
);

/// The same, as the server sees it.
pub(super) const REVOKED_UNKNOWN: Expected = row(
    Code::LW032,
    "local lease",
    "D07",
    "the recall comes before the lease is listed and finds nothing: what the server has revoked is in force here",
);

/// The order of taking is wrong for giving up.
pub(super) const SERVER_FIRST: Expected = row(
    Code::LW030,
    "lease",
    "M48",
    "F_UNLCK tells the server first: another node opens while the lease is still listed",
);

/// What the check before the server's answer saw has changed.
const CHECKED_BEFORE: Expected =
    row(Code::LW030, "lease", "M50", "the open counts are looked at before the server is asked, and not after");

/// The check is not under the lock of the change any more.
const CHECKED_OUTSIDE: Expected = row(
    Code::LW030,
    "lease",
    "M24",
    "the check of the open counts has moved out of generic_setlease and its lock: an open comes between the two",
);

/// Both at once.
pub(super) const STALE_CALLBACK: Expected = row(
    Code::LW020,
    "fl_next",
    "M14",
    "nfsd's call-back sleeps in the middle of the walk over the list, and the lease goes meanwhile",
);

/// The same of the lease that the opener was going to wait for.
pub(super) const STALE_FIRST: Expected = row(
    Code::LW020,
    "fl_break_time",
    "M14",
    "nfsd's call-back sleeps in the middle of the walk, and the first lease goes meanwhile: the opener waits for it all the same",
);

const STALE_EXPORTED: Expected = row(
    Code::LW020,
    "fl_next",
    "R5",
    "the file system drops the exported lock while it asks its server, and the list position that its caller remembers goes",
);

pub(super) const SERVER_ATOMIC: Expected =
    row(Code::LW002, "rpc_call", "M13", "the file server is asked with the spinlock held");

const FASYNC_ATOMIC: Expected = row(
    Code::LW002,
    "kmalloc(GFP_KERNEL)",
    "M12",
    "\"... fasync ...\" stands inside the lock, and fasync_helper allocates its entry",
);

const UNLOCK_UNEXPLAINED: Expected =
    unexplained("result", "M03", "lease_alloc comes first, for F_UNLCK as well: it answers ENOMEM, and needed nothing");

const UNLOCK_ENOMEM: Expected =
    row(Code::LW033, "unlock", "M03", "lease_alloc comes first, for F_UNLCK as well: no memory, no unlock");

/// `bkl` where there is a file server, or an in-kernel owner who sleeps.
pub(super) fn of_bkl_remote(scenario: &str) -> &'static [Expected] {
    match scenario {
        "nfsd-break" => &[PEEK, STALE_CALLBACK],
        "remote-refused" | "remote-loser" => &[PEEK, BESIDE, UNTOLD, KEPT, CLOSED],
        "remote-delegation" => &[KEPT, CLOSED],
        "remote-held" => &[STALE_POSITION, SHARED, CLOSED],
        "remote-leaser" => &[PEEK, RECALLED_BEFORE, UNTOLD, REVOKED_UNKNOWN],
        "remote-upgrade" => &[RECALLED_BEFORE, REVOKED_UNKNOWN, CLOSED],
        "remote-unlock" => &[PEEK, SERVER_FIRST],
        "remote-close" => &[PEEK, NOT_TOLD, CLOSED],
        "remote-downgrade" => &[DOWNGRADE_NOT_TOLD, CLOSED],
        "remote-leasers" => &[PEEK, UNTOLD, CLOSED],
        "remote-two-leasers" => &[PEEK, UNTOLD, KEPT, CLOSED],
        "remote-enomem" => &[PEEK, UNTOLD, KEPT, CLOSED],
        "remote-holders" => &[PEEK, STALE_POSITION, SHARED_BESIDE, SHARED, KEPT, CLOSED],
        _ => &[],
    }
}

pub(super) fn of_held(scenario: &str) -> &'static [Expected] {
    match scenario {
        "remote-refused" | "remote-delegation" | "remote-loser" | "remote-two-leasers" => {
            &[SERVER_ATOMIC, KEPT, CLOSED]
        }
        "remote-close" => &[SERVER_ATOMIC, NOT_TOLD, CLOSED],
        "remote-leasers" | "remote-enomem" => &[SERVER_ATOMIC, CLOSED],
        "remote-held" => &[SERVER_ATOMIC, SHARED, CLOSED],
        "remote-leaser" => &[SERVER_ATOMIC, RECALLED_BEFORE, REVOKED_UNKNOWN],
        "remote-upgrade" => &[SERVER_ATOMIC, CLOSED],
        "remote-unlock" => &[SERVER_ATOMIC, SERVER_FIRST],
        "remote-downgrade" => &[SERVER_ATOMIC, DOWNGRADE_NOT_TOLD, CLOSED],
        "remote-holders" => &[SERVER_ATOMIC, SHARED_BESIDE, SHARED, CLOSED],
        _ => &[],
    }
}

pub(super) fn of_exported(scenario: &str) -> &'static [Expected] {
    match scenario {
        "remote-refused" => &[KEPT, CLOSED],
        "remote-close" | "remote-loser" => &[NOT_TOLD, CLOSED],
        "remote-delegation" | "remote-leasers" | "remote-two-leasers" | "remote-enomem" => &[CLOSED],
        "remote-held" => &[STALE_EXPORTED, SHARED, CLOSED],
        "remote-leaser" => &[RECALLED_BEFORE, REVOKED_UNKNOWN],
        "remote-upgrade" => &[RECALLED_BEFORE, REVOKED_UNKNOWN, CLOSED],
        "remote-unlock" => &[SERVER_FIRST],
        "remote-downgrade" => &[DOWNGRADE_NOT_TOLD, CLOSED],
        "remote-holders" => &[STALE_EXPORTED, SHARED_BESIDE, SHARED, CLOSED],
        _ => &[],
    }
}

pub(super) fn of_proposal_bkl(scenario: &str) -> &'static [Expected] {
    match scenario {
        "leaser-reader" | "leaser-writer" | "leaser-iget" | "nonblock-opener" | "setown-break" | "sharers-open" => {
            &[PEEK, BESIDE, UNTOLD]
        }
        "leaser-enomem" => &[PEEK, BESIDE, UNTOLD, REFUSED_BY_A_PHANTOM],
        "leaser-lsm" => &[PEEK, BESIDE, UNTOLD, REFUSED_AND_KEPT],
        "lister-lsm" => &[REFUSED_AND_KEPT, SEEN_AND_REFUSED],
        "leaser-two-openers" => &[PEEK, BESIDE, UNTOLD, GRANTED_TO_ONE_OPEN],
        "leaser-truncate" => &[PEEK, UNTOLD],
        "upgrade-opener" => &[CHECKED_OUTSIDE],
        "unlock-break" | "close-break" | "expiry" | "interrupted-opener" | "two-holders-break" => &[PEEK],
        "relock-break" => &[BREAK_CANCELLED],
        "relock-enomem" => &[PEEK, CHECKED_OUTSIDE, UNDONE_TOO_FAR, UNDONE_WHAT_WAS_THERE, REFUSED_BY_A_PHANTOM],
        "kernel-leaser-enomem" => &[PEEK, BESIDE, HANDED_OUT],
        "opener-enomem" => &[PEEK, UNLOCK_ENOMEM, UNLOCK_UNEXPLAINED],
        "unlock-enomem" => &[UNLOCK_ENOMEM, UNLOCK_UNEXPLAINED],
        "close-expiry" => CLOSED_DURING_EXPIRY,
        "leaser-writer-expiry" => &[PEEK, FASYNC_ON_FREED, BESIDE, UNTOLD, GRANTED_TO_ONE_OPEN],
        "holder-thread" => &[PEEK, FASYNC_ON_FREED, BESIDE, UNTOLD],
        "two-owners-break" => &[BROKEN_BESIDE],
        "two-owners-unlock" => &[STALE_CALLBACK, OWNER_WIPED],
        "nfsd-break" => &[PEEK, STALE_CALLBACK],
        "remote-refused" => &[PEEK, CHECKED_BEFORE, UNTOLD, CLOSED],
        "remote-loser" => &[PEEK, CHECKED_BEFORE, UNTOLD, NOT_TOLD, CLOSED],
        "remote-delegation" => &[CLOSED],
        "remote-held" => &[SHARED, CLOSED],
        "remote-leaser" => &[PEEK, RECALLED_BEFORE, UNTOLD, REVOKED_UNKNOWN],
        "remote-upgrade" => &[RECALLED_BEFORE, REVOKED_UNKNOWN, CLOSED],
        "remote-unlock" => &[PEEK, SERVER_FIRST],
        "remote-close" => &[PEEK, NOT_TOLD, CLOSED],
        "remote-downgrade" => &[DOWNGRADE_NOT_TOLD, CLOSED],
        "remote-leasers" | "remote-two-leasers" => &[PEEK, UNTOLD, CLOSED],
        "remote-enomem" => &[PEEK, UNTOLD, KEPT, CLOSED],
        "remote-holders" => &[PEEK, STALE_CALLBACK, SHARED_BESIDE, SHARED, KEPT, CLOSED],
        _ => &[],
    }
}

pub(super) fn of_proposal(scenario: &str) -> &'static [Expected] {
    match scenario {
        "leaser-reader" | "leaser-writer" | "leaser-iget" | "nonblock-opener" | "leaser-enomem" | "holder-thread"
        | "setown-break" | "sharers-open" => &[FASYNC_ATOMIC, PEEK, BESIDE],
        "leaser-lsm" => &[FASYNC_ATOMIC, PEEK, BESIDE, REFUSED_AND_KEPT],
        "lister-lsm" => &[FASYNC_ATOMIC, REFUSED_AND_KEPT, SEEN_AND_REFUSED],
        "leaser-writer-expiry" | "leaser-two-openers" => &[FASYNC_ATOMIC, PEEK, BESIDE, GRANTED_TO_ONE_OPEN],
        "two-leasers" | "leaser-unlock" | "kernel-leaser" | "getlease-unlock" | "relock" | "relock-lsm"
        | "newcomer-breaking" | "close-beside" | "two-owners" | "own-open" | "overdue-leaser" | "truncate-enomem"
        | "two-owners-break" | "sharers-close" | "sharers-dup" => &[FASYNC_ATOMIC],
        "two-owners-unlock" => &[FASYNC_ATOMIC, CALLBACK_ATOMIC],
        "upgrade-opener" => &[FASYNC_ATOMIC, CHECKED_OUTSIDE],
        "unlock-break" | "close-break" | "expiry" | "close-expiry" | "interrupted-opener" | "leaser-truncate"
        | "two-holders-break" => &[FASYNC_ATOMIC, PEEK],
        "relock-break" => &[FASYNC_ATOMIC, BREAK_CANCELLED],
        "relock-enomem" => &[FASYNC_ATOMIC, PEEK, CHECKED_OUTSIDE, UNDONE_TOO_FAR, UNDONE_WHAT_WAS_THERE],
        "kernel-leaser-enomem" => &[CALLBACK_ATOMIC, PEEK, BESIDE, HANDED_OUT],
        "opener-enomem" => &[FASYNC_ATOMIC, PEEK, UNLOCK_ENOMEM, UNLOCK_UNEXPLAINED],
        "unlock-enomem" => &[FASYNC_ATOMIC, UNLOCK_ENOMEM, UNLOCK_UNEXPLAINED],
        "nfsd-break" => &[CALLBACK_ATOMIC, PEEK],
        "remote-refused" => &[FASYNC_ATOMIC, PEEK, CHECKED_BEFORE, CLOSED],
        "remote-loser" => &[FASYNC_ATOMIC, PEEK, CHECKED_BEFORE, NOT_TOLD, CLOSED],
        "remote-delegation" => &[CLOSED],
        "remote-held" => &[FASYNC_ATOMIC, SHARED, CLOSED],
        "remote-leaser" => &[FASYNC_ATOMIC, PEEK, RECALLED_BEFORE, REVOKED_UNKNOWN],
        "remote-upgrade" => &[FASYNC_ATOMIC, RECALLED_BEFORE, REVOKED_UNKNOWN, CLOSED],
        "remote-unlock" => &[FASYNC_ATOMIC, PEEK, SERVER_FIRST],
        "remote-close" => &[FASYNC_ATOMIC, PEEK, NOT_TOLD, CLOSED],
        "remote-leasers" | "remote-two-leasers" => &[FASYNC_ATOMIC, PEEK, CLOSED],
        "remote-downgrade" => &[FASYNC_ATOMIC, DOWNGRADE_NOT_TOLD, CLOSED],
        "remote-enomem" => &[FASYNC_ATOMIC, PEEK, KEPT, CLOSED],
        "remote-holders" => &[CALLBACK_ATOMIC, PEEK, SHARED_BESIDE, SHARED, KEPT, CLOSED],
        _ => &[],
    }
}
