//! The table of expectations: what is known to be wrong with each design, and where it shows.
//!
//! The matrix is held against it, cell by cell: a finding more or less is a change of behaviour that somebody has to look at.
//! Each row was read off the schedule of the finding; `M`-numbers are those of the bugs of `fs/locks.c` that the
//! designs are documented with.

use std::collections::BTreeSet;

use crate::check::Code;
use crate::explore::Verdict;

mod bkl;
mod cause;
mod flocks;
mod inner;
mod mail;
mod rows;
mod sed;
mod split;

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

/// What is expected of a design in a scenario, in the order of codes; empty is clean. `None` for a design without a
/// table, and for a scenario of a file.
pub fn expected(design: &str, scenario: &str) -> Option<&'static [Expected]> {
    crate::scenario::catalogue::find(scenario)?;
    match design {
        "bkl" => Some(bkl::of(scenario)),
        "sed" => Some(sed::of(scenario)),
        "split" => Some(split::of(scenario)),
        "inner" => Some(inner::of(scenario)),
        "held" => Some(mail::of_held(scenario)),
        "exported" => Some(mail::of_exported(scenario)),
        "proposal_bkl" => Some(mail::of_proposal_bkl(scenario)),
        "proposal" => Some(mail::of_proposal(scenario)),
        "spinlock" => Some(&[]),
        "flocks" => Some(flocks::of(scenario)),
        _ => None,
    }
}

/// What a finding of a design is known as.
pub fn known(design: &str, scenario: &str, code: Code, subject: &str) -> Option<&'static Expected> {
    expected(design, scenario)?.iter().find(|row| (row.code, row.subject) == (code, subject))
}

pub use cause::{cause, has_rule};

/// Does the verdict say what the table says? An incomplete one may miss findings, but must not have others.
pub fn agrees(design: &str, scenario: &str, verdict: &Verdict) -> bool {
    let Some(rows) = expected(design, scenario) else { return true };
    let wanted: BTreeSet<(Code, &str)> = rows.iter().map(|row| (row.code, row.subject)).collect();
    let got: BTreeSet<(Code, &str)> =
        verdict.findings.iter().map(|found| (found.finding.code, found.finding.subject.as_str())).collect();
    if verdict.complete() { got == wanted } else { got.is_subset(&wanted) }
}
