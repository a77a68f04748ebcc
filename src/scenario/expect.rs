//! The table of expectations: what is known to be wrong with each design, and where it shows.
//!
//! The matrix is held against it, cell by cell: a finding more or less is a change of behaviour that somebody has to look at.
//! Each row was read off the schedule of the finding; `M`-numbers are those of the bugs of `fs/locks.c` that the
//! designs are documented with.

use std::collections::BTreeSet;

use crate::check::Code;
use crate::explore::Verdict;

mod mail;

/// A finding that is known, and which bug it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The code.
    pub code: Code,
    /// What it is about; with the code, it identifies the finding in its cell.
    pub subject: &'static str,
    /// The bug.
    pub bug: &'static str,
    /// The bug in half a sentence.
    pub why: &'static str,
}

/// An opener or a close looks at the list without the lock.
const PEEK: Expected = Expected {
    code: Code::LW010,
    subject: "i_flock",
    bug: "M39",
    why: "unlocked peek: break_lease and locks_remove_flock look at i_flock with no lock held",
};

/// Each side looks before it does.
const BESIDE: Expected = Expected {
    code: Code::LW030,
    subject: "lease",
    bug: "M24",
    why: "the opener looks at the list before it raises its count, the leaser at the counts before it inserts; neither looks again",
};

/// The same, at the moment in which nfsd is told that it has the lease.
const HANDED_OUT: Expected = Expected {
    code: Code::LW034,
    subject: "delegation",
    bug: "M24",
    why: "the writer opens between the look at the open counts and the insertion, and the delegation is handed out all the same",
};

/// The lease is listed before anybody can be signalled.
const UNTOLD: Expected = Expected {
    code: Code::LW031,
    subject: "lease",
    bug: "M06",
    why: "the lease is listed before its fasync entry and owner: the entry's allocation gives the BKL back",
};

/// The same window, with the lease gone when the allocation returns.
const FASYNC_ON_FREED: Expected = Expected {
    code: Code::LW020,
    subject: "fl_fasync",
    bug: "M06",
    why: "the lease goes while the allocation of its fasync entry sleeps: the entry is put on a freed lease",
};

/// The list position goes stale.
const STALE_POSITION: Expected = Expected {
    code: Code::LW020,
    subject: "fl_next",
    bug: "M01",
    why: "the lease is allocated between the walk that remembers the list position and the insertion there",
};

/// The break is forgotten.
const BREAK_CANCELLED: Expected = Expected {
    code: Code::LW030,
    subject: "lease",
    bug: "M40",
    why: "F_SETLEASE by the holder overwrites the type and with it the break that is under way",
};

/// The undo destroys a lease that was there before.
const UNDONE_TOO_FAR: Expected = Expected {
    code: Code::LW031,
    subject: "lease",
    bug: "M07",
    why: "no memory for the fasync entry of a changed lease: the undo breaks and removes the lease that was held before, and tells nobody",
};

/// The file goes while its lease is still being taken apart.
const fn closed_under(code: Code, subject: &'static str) -> Expected {
    Expected {
        code,
        subject,
        bug: "M39",
        why: "the last close sees the list empty, without the lock, while the expiry is still in the owner of the file",
    }
}

const CLOSED_DURING_EXPIRY: &[Expected] = &[
    closed_under(Code::LW007, "f_owner.lock"),
    PEEK,
    closed_under(Code::LW020, "f_owner.lock"),
    closed_under(Code::LW020, "f_owner.pid"),
];

/// What is expected of a design in a scenario, in the order of codes; empty is clean. `None` for a design without a
/// table, and for a scenario of a file.
pub fn expected(design: &str, scenario: &str) -> Option<&'static [Expected]> {
    super::catalogue::find(scenario)?;
    match design {
        "bkl" => Some(of_bkl(scenario)),
        "held" => Some(mail::of_held(scenario)),
        "exported" => Some(mail::of_exported(scenario)),
        "proposal_bkl" => Some(mail::of_proposal_bkl(scenario)),
        "proposal" => Some(mail::of_proposal(scenario)),
        "spinlock" => Some(&[]),
        _ => None,
    }
}

fn of_bkl(scenario: &str) -> &'static [Expected] {
    match scenario {
        "leaser-reader" | "leaser-writer" | "leaser-iget" | "nonblock-opener" | "leaser-enomem" | "leaser-lsm"
        | "leaser-two-openers" => &[PEEK, BESIDE, UNTOLD],
        "leaser-unlock" | "kernel-leaser" => &[STALE_POSITION],
        "unlock-break" | "close-break" | "opener-enomem" | "expiry" | "interrupted-opener" => &[PEEK],
        "relock-break" => &[BREAK_CANCELLED],
        "relock-enomem" => &[PEEK, UNDONE_TOO_FAR],
        "kernel-leaser-enomem" => &[PEEK, BESIDE, HANDED_OUT],
        "close-expiry" => CLOSED_DURING_EXPIRY,
        "leaser-writer-expiry" | "holder-thread" => &[PEEK, FASYNC_ON_FREED, BESIDE, UNTOLD],
        _ => mail::of_bkl_remote(scenario),
    }
}

/// What a finding of a design is known as.
pub fn known(design: &str, scenario: &str, code: Code, subject: &str) -> Option<&'static Expected> {
    expected(design, scenario)?.iter().find(|row| (row.code, row.subject) == (code, subject))
}

/// Does the verdict say what the table says? An incomplete one may miss findings, but must not have others.
pub fn agrees(design: &str, scenario: &str, verdict: &Verdict) -> bool {
    let Some(rows) = expected(design, scenario) else { return true };
    let wanted: BTreeSet<(Code, &str)> = rows.iter().map(|row| (row.code, row.subject)).collect();
    let got: BTreeSet<(Code, &str)> =
        verdict.findings.iter().map(|found| (found.finding.code, found.finding.subject)).collect();
    if verdict.complete() { got == wanted } else { got.is_subset(&wanted) }
}
