//! A recall is remembered until what it wants back has gone, also when no call has asked for a lease. Two scenarios that two changed lines
//! of `note_recall` do not survive (LW030 and LW032 in each): time passes in the middle of a call, which expires the lease
//! that was broken, and takes a new one below the recall.

use std::sync::Arc;

use lockwright::explore::{Config, explore};
use lockwright::lease::designs;
use lockwright::scenario::{self, file};

fn clean(holder: serde_json::Value, opener: &str) {
    let nodes = serde_json::json!([{ "name": "left", "fs": "network" }, { "name": "right", "fs": "network" }]);
    let other = serde_json::json!({ "name": "opener", "node": "right", "calls": [opener] });
    let text = serde_json::json!({ "name": "recall", "clock": "free", "nodes": nodes, "tasks": [holder, other] });
    let scenario = Arc::new(file::parse(&text.to_string()).expect("the scenario is well-formed"));
    let spinlock = designs::find("spinlock").expect("it is listed");
    let verdict = explore(&scenario::subject(spinlock, &scenario), &Config::default());
    assert!(verdict.complete());
    assert!(verdict.findings.is_empty(), "{:?}", verdict.findings[0].finding.message);
}

#[test]
fn new_read_lease_is_not_listed_under_the_recall_of_the_old_one() {
    clean(
        serde_json::json!({
            "name": "holder",
            "node": "left",
            "before": ["a = open(file, O_RDONLY)", "b = open(file, O_RDONLY)", "fcntl(a, F_SETLEASE, F_RDLCK)"],
            "calls": ["fcntl(b, F_SETLEASE, F_RDLCK)"],
        }),
        "a = open(file, O_RDWR)",
    );
}

#[test]
fn lease_that_a_reader_has_broken_down_is_not_raised_again_under_its_recall() {
    clean(
        serde_json::json!({
            "name": "holder",
            "node": "left",
            "before": ["a = open(file, O_RDONLY)", "fcntl(a, F_SETLEASE, F_WRLCK)"],
            "calls": ["fcntl(a, F_SETLEASE, F_WRLCK)"],
        }),
        "a = open(file, O_RDONLY)",
    );
}
