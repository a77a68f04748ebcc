//! The table of expectations: what is known to be wrong with each design, and where it shows.
//!
//! The matrix is held against it, cell by cell: a finding more or less is a change of behaviour that somebody has to look at.
//! Each row was read off the schedule of the finding; `M`-numbers are those of the bugs of `fs/locks.c` that the
//! designs are documented with.

use std::collections::BTreeSet;

use crate::check::{Code, Finding};
use crate::explore::Verdict;
use crate::scenario::Scenario;

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

/// What is known of a design. A test holds the list against that of the designs, name by name.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// The design's name.
    pub design: &'static str,
    /// What is expected in a scenario of the catalogue.
    of: fn(&str) -> &'static [Expected],
    /// What a finding in any other scenario is known as, if there is a rule for the design.
    rule: Option<Rule>,
}

type Rule = fn(&Scenario, &Finding) -> Option<&'static Expected>;

const fn table(design: &'static str, of: fn(&str) -> &'static [Expected]) -> Table {
    Table { design, of, rule: None }
}

/// The designs of which something is known, in the order of [`designs::DESIGNS`](crate::lease::designs::DESIGNS).
pub const TABLES: [Table; 10] = [
    Table { rule: Some(cause::of_bkl), ..table("bkl", bkl::of) },
    table("sed", sed::of),
    table("split", split::of),
    table("inner", inner::of),
    table("held", mail::of_held),
    table("exported", mail::of_exported),
    table("proposal_bkl", mail::of_proposal_bkl),
    table("proposal", mail::of_proposal),
    table("spinlock", |_| &[]),
    table("flocks", flocks::of),
];

fn table_of(design: &str) -> Option<Table> {
    TABLES.into_iter().find(|table| table.design == design)
}

/// What is expected of a design in a scenario, in the order of codes; empty is clean. `None` for a design without a
/// table, and for a scenario of a file.
pub fn expected(design: &str, scenario: &str) -> Option<&'static [Expected]> {
    crate::scenario::catalogue::find(scenario)?;
    Some((table_of(design)?.of)(scenario))
}

/// What a finding of a design is known as.
pub fn known(design: &str, scenario: &str, code: Code, subject: &str) -> Option<&'static Expected> {
    expected(design, scenario)?.iter().find(|row| (row.code, row.subject) == (code, subject))
}

/// Is there a rule for the design? What the rule does not explain is new then.
pub fn has_rule(design: &str) -> bool {
    table_of(design).is_some_and(|table| table.rule.is_some())
}

/// The bug that a finding of the design is, in whatever scenario.
pub fn cause(design: &str, scenario: &Scenario, finding: &Finding) -> Option<&'static Expected> {
    let found = table_of(design)?.rule?(scenario, finding)?;
    debug_assert_eq!((found.code, found.subject), (finding.code, finding.subject.as_str()));
    Some(found)
}

/// Does the verdict say what the table says? An incomplete one may miss findings, but must not have others.
pub fn agrees(design: &str, scenario: &str, verdict: &Verdict) -> bool {
    let Some(rows) = expected(design, scenario) else { return true };
    let wanted: BTreeSet<(Code, &str)> = rows.iter().map(|row| (row.code, row.subject)).collect();
    let got: BTreeSet<(Code, &str)> =
        verdict.findings.iter().map(|found| (found.finding.code, found.finding.subject.as_str())).collect();
    if verdict.complete() { got == wanted } else { got.is_subset(&wanted) }
}
