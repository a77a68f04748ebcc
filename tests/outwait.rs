//! LW035: an open that goes on waiting when lease-break-time is over. Three ways in which the old design comes to it, each of which all
//! small scenarios together found; and the new design, which does not. With two leases on one open file a break that is cancelled
//! shows the other way round: the open does not wait to the end.

use std::sync::Arc;

use lockwright::check::Code;
use lockwright::explore::{Config, EngineKind, Verdict, explore};
use lockwright::lease::designs;
use lockwright::scenario::{self, Scenario, file};
use lockwright::study::expect;

const OPEN: &str = "a = open(file, O_RDONLY)";
const READ_LEASE: &str = "fcntl(a, F_SETLEASE, F_RDLCK)";

fn scenario(clock: &str, faults: &[&str], tasks: serde_json::Value) -> Arc<Scenario> {
    let text = serde_json::json!({ "name": "outwait", "clock": clock, "faults": faults, "tasks": tasks }).to_string();
    Arc::new(file::parse(&text).expect("the scenario is well-formed"))
}

fn run(design: &str, scenario: &Arc<Scenario>, engine: EngineKind) -> Verdict {
    let design = designs::find(design).expect("it is listed");
    explore(&scenario::subject(design, scenario), &Config::with_engine(engine))
}

/// The old design has the finding for that reason, and the new one has none; both are searched to the end.
fn outwaits(scenario: &Arc<Scenario>, bug: &str) {
    has(scenario, Code::LW035, bug);
}

fn has(scenario: &Arc<Scenario>, code: Code, bug: &str) {
    for engine in [EngineKind::Explorer, EngineKind::Dpor] {
        let old = run("bkl", scenario, engine);
        let found = old.findings.iter().find(|found| found.finding.code == code);
        let found = &found.unwrap_or_else(|| panic!("{engine:?} finds it")).finding;
        assert!(old.complete(), "no execution goes round until the bound: {engine:?}");
        assert!(found.at.0.step > found.other.as_ref().expect("it has two places").0.step);
        assert_eq!(expect::cause("bkl", scenario, found).map(|known| known.bug), Some(bug));

        let new = run("spinlock", scenario, engine);
        assert!(new.complete() && new.findings.is_empty(), "{engine:?}");
    }
}

#[test]
fn lease_that_is_undone_behind_another_never_goes() {
    let tasks = serde_json::json!([
        { "name": "holder", "before": [OPEN, "vfs_setlease(a, F_WRLCK)"], "calls": [READ_LEASE] },
        { "name": "opener", "calls": [OPEN] },
    ]);
    outwaits(&scenario("free", &["memory"], tasks), "M07");
}

#[test]
fn lease_that_is_listed_in_front_of_a_break_stops_the_timeout() {
    let holder = |name: &str| serde_json::json!({ "name": name, "before": [OPEN], "calls": [READ_LEASE] });
    let opener = serde_json::json!({ "name": "opener", "calls": ["a = open(file, O_RDWR)"] });
    outwaits(&scenario("quiescent", &[], serde_json::json!([holder("first"), holder("second"), opener])), "M01");
}

#[test]
fn holder_that_cancels_its_break_stops_the_timeout_of_the_lease_behind() {
    let tasks = serde_json::json!([
        { "name": "holder", "before": [OPEN, "fcntl(a, F_SETLEASE, F_WRLCK)"], "calls": ["vfs_setlease(a, F_RDLCK)", READ_LEASE] },
        { "name": "opener", "calls": [OPEN] },
    ]);
    outwaits(&scenario("quiescent", &[], tasks), "M40");
}

#[test]
fn open_returns_beside_a_lease_whose_break_its_holder_has_cancelled() {
    let tasks = serde_json::json!([
        { "name": "holder", "before": [OPEN, READ_LEASE], "calls": ["vfs_setlease(a, F_RDLCK)", READ_LEASE] },
        { "name": "opener", "calls": ["a = open(file, O_RDWR)"] },
    ]);
    has(&scenario("quiescent", &[], tasks), Code::LW040, "M40");
}

#[test]
fn owner_is_told_after_a_call_that_saw_no_lease_left() {
    for call in ["b = open(file, O_RDONLY)", "truncate(file)"] {
        let tasks = serde_json::json!([
            { "name": "holder", "before": [OPEN, READ_LEASE], "calls": [call, "fcntl(a, F_GETOWN)"] },
            { "name": "truncater", "before": ["x = open(file, O_RDWR|O_NONBLOCK)", "sleep(lease_break_time)"], "calls": ["truncate(file)"] },
        ]);
        has(&scenario("quiescent", &[], tasks), Code::LW040, "M39");
    }
}
