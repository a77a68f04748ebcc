//! Why two designs differ: a bug that one of them has, or a change that is meant.
//!
//! A difference is explained in one of two ways. The execution that shows it has a finding, and the table of expectations knows the
//! bug: then it is that bug's doing. Or a row of the [table](super::table) says that it is meant, and why. What neither explains is
//! a difference that somebody has to look at.
//!
//! The first is as strong as its evidence, which is one execution: the shortest with that outcome. A data race is no evidence, since
//! nearly all executions of the old designs have one.

use std::sync::Arc;

use crate::check::Code;
use crate::explore::compare::{Difference, What};
use crate::explore::schedule::{Guide, replay};
use crate::lease::designs::Entry;
use crate::scenario::{self, Scenario};
use crate::study::compare::Compared;
use crate::study::compare::table::Row;
use crate::study::expect;

/// Why there is a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Explanation {
    /// The number of the bug; `None` if the change is meant.
    pub bug: Option<&'static str>,
    /// In half a sentence.
    pub why: &'static str,
}

/// Why the difference is there, by these rows and by what is expected of the design that shows it.
pub fn explain(
    designs: [Entry; 2],
    scenario: &Arc<Scenario>,
    difference: &Difference,
    rows: &[Row],
) -> Option<Explanation> {
    known_bug(designs[Compared::side_of(difference)], scenario, difference).or_else(|| {
        let row = rows.iter().find(|row| row.fits(designs, scenario, difference))?;
        Some(Explanation { bug: row.bug, why: row.why })
    })
}

/// The known bug that shows in the execution.
fn known_bug(design: Entry, scenario: &Arc<Scenario>, difference: &Difference) -> Option<Explanation> {
    let known = |code, subject: &str| {
        let row = expect::known(&design.full_name(), scenario.name, code, subject)?;
        Some(Explanation { bug: Some(row.bug), why: row.why })
    };
    if let What::Finding(finding) = &difference.what {
        return known(finding.code, &finding.subject);
    }
    let (subject, schedule) = (scenario::observed(design, scenario), difference.schedule.as_ref()?);
    let replay = replay(&*subject, &scenario.names(), &Guide::Exact(schedule)).ok()?;
    let mut findings = replay.findings.iter().filter(|finding| finding.code != Code::LW010);
    findings.find_map(|finding| known(finding.code, &finding.subject))
}
