//! Where 2.6.23 and 6.18 legitimately differ: a closed table.
//!
//! A row is no pattern over results: it is a switch of the specification ([`super::rules`]). A difference cites rows if
//! the specification, call by call from the first,
//! - predicts the recording with no row in force, up to and including the call in question;
//! - predicts the design's answers with all rows of the design in force, as far;
//! - and predicts them with the cited rows alone, and with no smaller set.
//!
//! So neither a recording that 6.18 would not give nor an answer that the design's rules would not give is ever
//! excused, however close to a row it lies.

use super::rules::{self, Rule};
use super::{Record, Script};
use crate::lease::designs::Entry;

/// One difference between the eras.
#[derive(Clone, Copy, Debug)]
pub struct Era {
    /// Its name in reports.
    pub id: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// 2.6.23.
    pub then: &'static str,
    /// 6.18.
    pub now: &'static str,
    /// What changed it.
    pub source: &'static str,
    /// The switch of the specification.
    pub rule: Rule,
    /// Does `spinlock`, which mends some of 2.6.23, have it as well?
    pub survives_refactor: bool,
}

/// All rows.
pub const TABLE: &[Era] = &[
    Era {
        id: "E01",
        title: "F_UNLCK without a lease",
        then: "ok",
        now: "EAGAIN",
        source: "Linux commit c5b1f0d92c3 (2.6.37) dropped an assignment",
        rule: Rule::UnlockIsIdempotent,
        survives_refactor: true,
    },
    Era {
        id: "E02",
        title: "F_UNLCK beside an overdue lease",
        then: "every overdue lease of the file is timed out",
        now: "the own lease goes, nothing else is looked at",
        source: "generic_delete_lease was split off in 2011",
        rule: Rule::UnlockExpires,
        survives_refactor: true,
    },
    Era {
        id: "E03",
        title: "opening against a lease of one's own",
        then: "EAGAIN at once, the break being started",
        now: "waits like anybody else",
        source: "the exception for the same process went between 3.10 and 4.4",
        rule: Rule::NoWaitForOneself,
        survives_refactor: true,
    },
    Era {
        id: "E04",
        title: "F_SETLEASE r while an open for write waits",
        then: "the waiting open is not in i_writecount, so nothing forbids it",
        now: "EAGAIN: write access is raised before the break",
        source: "leases: fix write-open/read-lease race (3.2)",
        rule: Rule::WriterCountsLate,
        survives_refactor: false,
    },
    Era {
        id: "E05",
        title: "a reader meets a read lease that is being removed",
        then: "waits, or EAGAIN: the type was overwritten by the target of the break",
        now: "passes",
        source: "Linux commit 778fc546f749 (3.2)",
        rule: Rule::TypeForgotten,
        survives_refactor: true,
    },
    Era {
        id: "E06",
        title: "a writer breaks a lease that is being downgraded",
        then: "one deadline: the downgrade is forgotten, the reader waits for the removal",
        now: "two deadlines: the reader can go on at its own, once somebody looks",
        source: "Linux commit 778fc546f749 (3.2)",
        rule: Rule::OneDeadline,
        survives_refactor: true,
    },
    Era {
        id: "E07",
        title: "the holder sets its lease again during a break",
        then: "the break is overwritten and forgotten",
        now: "the break stays; F_RDLCK settles a downgrade only",
        source: "Linux commit 778fc546f749 (3.2)",
        rule: Rule::BreakOverwritten,
        survives_refactor: false,
    },
    Era {
        id: "E08",
        title: "a deadline whose downgrade was settled passes",
        then: "nothing happens",
        now: "a write lease taken since silently becomes a read lease",
        source: "the list conversion of 4.0 dropped the test for a break under way; unfixed in 6.18",
        rule: Rule::DeadlineDiesWithBreak,
        survives_refactor: true,
    },
];

/// The rows that hold for a design. Mutants are `spinlock`s.
pub fn rows(design: Entry) -> Vec<&'static Era> {
    TABLE.iter().filter(|row| row.survives_refactor || design.is_as_released()).collect()
}

/// The rows that explain why `got` differs from the script's recording at call `op`; none if nothing does.
pub fn cite(script: &Script, design: Entry, op: usize, got: &[Record]) -> Option<Vec<&'static str>> {
    let expected = script.trace.as_ref()?.get(..=op)?;
    let got = got.get(..=op)?;
    let rows = rows(design);
    let predicts = |rows: &[&Era], records: &[Record]| {
        let rules: Vec<Rule> = rows.iter().map(|row| row.rule).collect();
        rules::records(script, &rules)[..=op] == *records
    };
    if !predicts(&[], expected) || !predicts(&rows, got) {
        return None;
    }
    let mut subsets: Vec<u32> = (1..1 << rows.len()).collect();
    subsets.sort_by_key(|subset| (subset.count_ones(), subset.reverse_bits()));
    subsets.into_iter().find_map(|subset| {
        let chosen: Vec<&Era> =
            rows.iter().enumerate().filter(|(at, _)| subset >> at & 1 == 1).map(|(_, row)| *row).collect();
        predicts(&chosen, got).then(|| chosen.iter().map(|row| row.id).collect())
    })
}
