//! What calls answer, pinned: the properties say what must not happen, these say what has to.
//!
//! One task alone, so there is one order; only the security module may choose. Each row is there because a changed line of the new
//! design answers something else in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use lockwright::explore::{Config, EngineKind, explore};
use lockwright::lease::designs;
use lockwright::scenario::{self, file};

const EAGAIN: i64 = -11;
const EACCES: i64 = -13;
const RDLCK: i64 = 0;
const UNLCK: i64 = 2;

/// Results of the one task in each of its executions, and how many executions there are.
fn answers(calls: &[&str], faults: &[&str]) -> (BTreeSet<Vec<i64>>, u64) {
    let tasks = serde_json::json!([{ "name": "user", "calls": calls }]);
    let text = serde_json::json!({ "name": "alone", "tasks": tasks, "faults": faults }).to_string();
    let scenario = Arc::new(file::parse(&text).expect("the scenario is well-formed"));
    let spinlock = designs::find("spinlock").expect("it is listed");
    let verdict = explore(&scenario::subject(spinlock, &scenario), &Config::with_engine(EngineKind::Brute));
    assert!(verdict.complete() && verdict.findings.is_empty());
    let results = verdict.outcomes.iter().map(|outcome| outcome.results[0].results.clone()).collect();
    (results, verdict.executions)
}

fn one(calls: &[&str], expected: &[i64]) {
    assert_eq!(answers(calls, &[]), (BTreeSet::from([expected.to_vec()]), 1), "{calls:?}");
}

#[test]
fn read_lease_waits_until_a_lease_that_has_to_go_is_gone() {
    one(
        &[
            "a = open(file, O_RDONLY)",
            "b = open(file, O_RDONLY)",
            "fcntl(a, F_SETLEASE, F_RDLCK)",
            "c = open(file, O_RDWR|O_NONBLOCK)",
            "fcntl(b, F_SETLEASE, F_RDLCK)",
            "fcntl(a, F_SETLEASE, F_UNLCK)",
            "fcntl(b, F_SETLEASE, F_RDLCK)",
        ],
        &[0, 0, 0, EAGAIN, EAGAIN, 0, 0],
    );
}

#[test]
fn write_lease_conflicts_with_the_in_kernel_owners_on_the_same_open_file() {
    one(&["a = open(file, O_RDONLY)", "vfs_setlease(a, F_RDLCK)", "fcntl(a, F_SETLEASE, F_WRLCK)"], &[0, 0, EAGAIN]);
    // It conflicts for as long as it is listed: also when it is being broken.
    one(
        &[
            "a = open(file, O_RDONLY)",
            "vfs_setlease(a, F_RDLCK)",
            "c = open(file, O_RDWR|O_NONBLOCK)",
            "fcntl(a, F_SETLEASE, F_WRLCK)",
        ],
        &[0, 0, EAGAIN, EAGAIN],
    );
}

#[test]
fn removal_that_was_asked_for_is_not_cancelled_by_a_read_lease() {
    one(
        &[
            "a = open(file, O_RDONLY)",
            "fcntl(a, F_SETLEASE, F_RDLCK)",
            "c = open(file, O_RDWR|O_NONBLOCK)",
            "fcntl(a, F_SETLEASE, F_RDLCK)",
            "fcntl(a, F_GETLEASE)",
        ],
        &[0, 0, EAGAIN, 0, UNLCK],
    );
    // A downgrade is what the read lease settles.
    one(
        &[
            "a = open(file, O_RDONLY)",
            "fcntl(a, F_SETLEASE, F_WRLCK)",
            "c = open(file, O_RDONLY|O_NONBLOCK)",
            "fcntl(a, F_SETLEASE, F_RDLCK)",
            "fcntl(a, F_GETLEASE)",
            "c = open(file, O_RDONLY|O_NONBLOCK)",
        ],
        &[0, 0, EAGAIN, 0, RDLCK, 0],
    );
}

#[test]
fn security_module_is_asked_about_the_lease_and_about_the_owner_of_its_signals() {
    let open = "a = open(file, O_RDONLY)";
    let results = |answers: &[i64]| answers.iter().map(|&answer| vec![0, answer]).collect::<BTreeSet<_>>();
    // The lease, then the owner: refused, accepted and refused, accepted twice.
    assert_eq!(answers(&[open, "fcntl(a, F_SETLEASE, F_RDLCK)"], &["lsm"]), (results(&[0, EACCES]), 3));
    // An unlock and an in-kernel lease have no owner of signals: refused, accepted.
    assert_eq!(answers(&[open, "fcntl(a, F_SETLEASE, F_UNLCK)"], &["lsm"]), (results(&[0, EACCES]), 2));
    assert_eq!(answers(&[open, "vfs_setlease(a, F_RDLCK)"], &["lsm"]), (results(&[0, EACCES]), 2));
}
