//! What a conversion changes: the findings that one verdict on a text has and another does not.

use std::collections::BTreeSet;

use super::check::{Report, Unit};

/// Findings of the second that the first does not have.
pub fn difference(before: &Report, after: &Report) -> Vec<(&'static str, String)> {
    let all = |report: &Report| -> BTreeSet<(&'static str, String)> { report.units.iter().flat_map(found).collect() };
    all(after).difference(&all(before)).cloned().collect()
}

/// The same of each outline and diagram, with the line where it begins.
pub fn differences(before: &Report, after: &Report) -> Vec<(u32, Vec<(&'static str, String)>)> {
    let of = |(before, after): (&Unit, &Unit)| {
        let (before, after): (BTreeSet<_>, BTreeSet<_>) = (found(before).collect(), found(after).collect());
        after.difference(&before).cloned().collect()
    };
    before.units.iter().zip(&after.units).map(|pair| (pair.1.line, of(pair))).collect()
}

fn found(unit: &Unit) -> impl Iterator<Item = (&'static str, String)> {
    unit.counted().map(|finding| (finding.code, finding.subject.clone()))
}
