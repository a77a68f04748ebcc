//! What a finding in a scenario of no table is known as: a rule that looks at the finding and at the scenario.
//!
//! The tables name a bug for each finding in each scenario of the catalogue. Generated scenarios are too many for that. So here a finding
//! is told by its code, its subject, the source file of its place, and by what the scenario has that the bug needs. A finding
//! that no line fits is unexplained, and a reader has to look at it.
//!
//! It is coarse: two bugs that show in one scenario by the same code and subject it cannot tell apart.

use super::mail::*;
use super::rows::*;
use crate::check::{Code, Finding};
use crate::lease::{F_RDLCK, F_UNLCK, F_WRLCK};
use crate::scenario::{Call, Scenario};
use crate::study::expect::Expected;

/// The bug of `bkl` that a finding is.
pub(super) fn of_bkl(scenario: &Scenario, finding: &Finding) -> Option<&'static Expected> {
    let (memory, lsm) = (scenario.faults.memory, scenario.faults.lsm);
    Some(match (finding.code, finding.subject.as_str()) {
        (Code::LW007, "f_owner.lock") => &CLOSED_DURING_EXPIRY[0],
        (Code::LW010, "i_flock") => &PEEK,
        (Code::LW020, "f_owner.lock") => &CLOSED_DURING_EXPIRY[2],
        (Code::LW020, "f_owner.pid") => &CLOSED_DURING_EXPIRY[3],
        (Code::LW020, "fl_fasync") => &FASYNC_ON_FREED,
        (Code::LW020, "fl_next") if !in_break(finding) => &STALE_POSITION,
        (Code::LW020, "fl_next") if any(scenario, |call| matches!(call, Call::VfsSetLease(..))) => &STALE_CALLBACK,
        (Code::LW020, "fl_break_time") => &STALE_FIRST,
        (Code::LW020, "fl_type") if memory => &UNDONE_WHEN_GONE,
        (Code::LW030, "truncate") => &TRUNCATED_BESIDE,
        (Code::LW030, "lease") => beside(scenario),
        (Code::LW031, "lease") if memory && asks_again(scenario) => &UNDONE_TOO_FAR,
        (Code::LW031, "lease") => &UNTOLD,
        (Code::LW032, "server lease, all closed") => &CLOSED,
        (Code::LW032, "local lease") if gives_up(scenario) => &SHARED,
        (Code::LW032, "local lease") => &REVOKED_UNKNOWN,
        (Code::LW032, "server lease") => kept(scenario),
        (Code::LW034, "delegation") => &HANDED_OUT,
        (Code::LW035, "lease") if memory => &NOT_REMOVED,
        (Code::LW035, "lease") if asks_again(scenario) => &CANCELLED_IN_FRONT,
        (Code::LW035, "lease") => &LISTED_IN_FRONT,
        (Code::LW040, "leases") => return left(scenario, finding),
        (Code::LW040, "result") if memory && enters(finding) => &REFUSED_BY_A_PHANTOM,
        (Code::LW040, "result") if lsm && !enters(finding) => &SEEN_AND_REFUSED,
        (Code::LW040, "result") if scenario.tasks.len() > 2 => &GRANTED_TO_ONE_OPEN,
        (Code::LW040, "result") if is_granted(finding) => &GRANTED_TOO_LATE,
        (Code::LW040, "result") if opens_for_read(finding) && asks_for_both(scenario) => &HIDDEN_BEHIND,
        (Code::LW040, "result") if opens_for_write(finding) && asks_again(scenario) => &CANCELLED_AND_OPENED,
        (Code::LW040, "result") if finding.message.ends_with("truncate(file) returned 0") => &TRUNCATED_AFTER_THE_BREAK,
        (Code::LW040, "result") if tells_the_owner(finding) && looks_for_leases(scenario) => &OWNER_BEHIND_THE_LIST,
        (Code::LW040, "result") if is_look(finding) && asks_beside_a_break(scenario) => &SEEN_AFTER_THE_BREAK,
        _ => return None,
    })
}

/// Does it happen while a lease is broken?
fn in_break(finding: &Finding) -> bool {
    finding.at.0.place.file().ends_with("break_lease.rs")
}

/// Is it the answer of an open or a truncation?
fn enters(finding: &Finding) -> bool {
    finding.message.contains("open(") || finding.message.contains("truncate(")
}

/// Is it an open for read that did not have to wait?
fn opens_for_read(finding: &Finding) -> bool {
    finding.message.ends_with("open(file, O_RDONLY) returned 0")
}

/// Is it an open for write that did not have to wait, or not to the end?
fn opens_for_write(finding: &Finding) -> bool {
    finding.message.ends_with("open(file, O_RDWR) returned 0")
}

/// Are both kinds of lease asked for?
fn asks_for_both(scenario: &Scenario) -> bool {
    [F_RDLCK, F_WRLCK].iter().all(|&lease| any(scenario, |call| asks_for(call, lease)))
}

/// Is it a lease call that returned 0?
fn is_granted(finding: &Finding) -> bool {
    let message = finding.message.to_ascii_lowercase();
    message.contains("setlease") && message.ends_with("returned 0")
}

/// Is it the answer of a call that looks at the leases, or of an open that found one and did not wait?
fn is_look(finding: &Finding) -> bool {
    let message = &finding.message;
    message.contains("read(/proc/locks)") || message.contains("F_GETLEASE") || message.ends_with("returned EAGAIN")
}

/// Is it the answer of a call that tells whom the signals of the file go to?
fn tells_the_owner(finding: &Finding) -> bool {
    finding.message.contains("F_GETOWN")
}

/// Does a task open or truncate the file after the set-up?
fn looks_for_leases(scenario: &Scenario) -> bool {
    scenario.tasks.iter().flat_map(|task| &task.calls).any(|call| matches!(call, Call::Open(..) | Call::Truncate))
}

/// Does a task ask for a lease, and one break leases, after the set-up?
fn asks_beside_a_break(scenario: &Scenario) -> bool {
    let breaks = |call: &Call| match call {
        Call::Truncate => true,
        Call::Open(_, flags) => flags.write || any(scenario, |call| asks_for(call, F_WRLCK)),
        _ => false,
    };
    let calls = || scenario.tasks.iter().flat_map(|task| &task.calls);
    calls().any(asks) && calls().any(breaks)
}

fn asks_for(call: &Call, lease: i32) -> bool {
    matches!(call, Call::SetLease(_, arg) | Call::VfsSetLease(_, arg) if *arg == lease)
}

fn any(scenario: &Scenario, is_it: impl Fn(&Call) -> bool) -> bool {
    scenario.tasks.iter().any(|task| task.before.iter().chain(&task.calls).any(&is_it))
}

fn asks(call: &Call) -> bool {
    matches!(call, Call::SetLease(_, arg) | Call::VfsSetLease(_, arg) if *arg != F_UNLCK)
}

/// Does a task that has a lease ask for one once more?
fn asks_again(scenario: &Scenario) -> bool {
    let of_task =
        |task: &crate::scenario::TaskSpec| task.before.iter().chain(&task.calls).filter(|it| asks(it)).count();
    scenario.tasks.iter().any(|task| of_task(task) > 1)
}

fn gives_up(scenario: &Scenario) -> bool {
    any(scenario, |call| matches!(call, Call::SetLease(_, F_UNLCK) | Call::VfsSetLease(_, F_UNLCK)))
}

/// A lease beside an opener.
fn beside(scenario: &Scenario) -> &'static Expected {
    match scenario.cluster.nodes.len() {
        2.. if gives_up(scenario) => &SERVER_FIRST,
        2.. => &RECALLED_BEFORE,
        _ if asks_again(scenario) => &BREAK_CANCELLED,
        _ => &BESIDE,
    }
}

/// A lease that the server has granted, and nobody holds.
fn kept(scenario: &Scenario) -> &'static Expected {
    let asks_now = scenario.tasks.iter().any(|task| task.calls.iter().any(asks));
    let had = any(scenario, |call| *call == Call::SetLease("a", F_WRLCK));
    let downgrades = had && scenario.tasks.iter().any(|task| task.calls.contains(&Call::SetLease("a", F_RDLCK)));
    match (asks_now, downgrades) {
        (_, true) => &DOWNGRADE_NOT_TOLD,
        (true, false) => &KEPT,
        (false, false) => &NOT_TOLD,
    }
}

/// Leases that are left at the end: more than there should be, fewer, or others.
fn left(scenario: &Scenario, finding: &Finding) -> Option<&'static Expected> {
    // "... are left: 1 listed, 0 or 1 expected"
    let (listed, expected) = finding.message.split_once(" listed, ")?;
    let listed: usize = listed.rsplit(' ').next()?.parse().ok()?;
    let expected =
        expected.split_once(" expected")?.0.split(" or ").filter_map(|number| number.parse::<usize>().ok()).min()?;
    let in_kernel = any(scenario, |call| matches!(call, Call::VfsSetLease(..)));
    let reads = any(scenario, |call| matches!(call, Call::Open(_, flags) if !flags.write));
    match listed.cmp(&expected) {
        std::cmp::Ordering::Greater if scenario.faults.lsm => Some(&REFUSED_AND_KEPT),
        std::cmp::Ordering::Less if scenario.faults.memory => Some(&UNDONE_WHAT_WAS_THERE),
        std::cmp::Ordering::Equal if in_kernel && reads => Some(&BROKEN_BESIDE),
        // The lease was there, and its type has changed.
        std::cmp::Ordering::Equal if scenario.faults.lsm && asks_again(scenario) => Some(&REFUSED_AND_KEPT),
        std::cmp::Ordering::Greater | std::cmp::Ordering::Equal if asks_beside_a_break(scenario) => {
            Some(&INSERTED_AFTER_THE_BREAK)
        }
        _ => None,
    }
}
