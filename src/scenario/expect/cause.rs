//! What a finding in a scenario of no table is known as: a rule that looks at the finding and at the scenario.
//!
//! The tables name a bug for each finding in each scenario of the catalogue. Generated scenarios are too many for that. So here a finding
//! is told by its code, its subject, the source file of its place, and by what the scenario has that the bug needs. A finding
//! that no line fits is unexplained, and a reader has to look at it.

use super::Expected;
use super::mail::{self, of_bkl_remote};
use super::rows::*;
use crate::check::{Code, Finding};
use crate::scenario::{Call, Scenario};

/// Is there a rule for the design? What the rule does not explain is new then.
pub fn has_rule(design: &str) -> bool {
    design == "bkl"
}

/// The bug that a finding of the design is.
pub fn cause(design: &str, scenario: &Scenario, finding: &Finding) -> Option<&'static Expected> {
    if !has_rule(design) {
        return None;
    }
    let found = of_bkl(scenario, finding)?;
    debug_assert_eq!((found.code, found.subject), (finding.code, finding.subject));
    Some(found)
}

fn of_bkl(scenario: &Scenario, finding: &Finding) -> Option<&'static Expected> {
    let _ = (of_bkl_remote, &mail::KEPT);
    let in_break = finding.at.0.place.file().ends_with("break_lease.rs");
    let again = asks_again(scenario);
    Some(match (finding.code, finding.subject) {
        (Code::LW010, "i_flock") => &PEEK,
        (Code::LW020, "fl_next") if !in_break => &STALE_POSITION,
        (Code::LW020, "fl_fasync") => &FASYNC_ON_FREED,
        (Code::LW030, "lease") if again => &BREAK_CANCELLED,
        (Code::LW030, "lease") => &BESIDE,
        (Code::LW031, "lease") if again && scenario.faults.memory => &UNDONE_TOO_FAR,
        (Code::LW031, "lease") => &UNTOLD,
        _ => return None,
    })
}

/// Does a task that has a lease ask for one once more?
fn asks_again(scenario: &Scenario) -> bool {
    let asks = |call: &&Call| matches!(call, Call::SetLease(_, arg) | Call::VfsSetLease(_, arg) if *arg != crate::lease::F_UNLCK);
    scenario.tasks.iter().any(|task| task.before.iter().chain(&task.calls).filter(asks).count() > 1)
}
