//! The smallest scenario that still shows a finding.

use std::sync::Arc;

use lockwright::check::Code;
use lockwright::explore::Config;
use lockwright::lease::designs;
use lockwright::scenario::{Scenario, catalogue};
use lockwright::study::shrink::smallest;

fn shrunk(design: &str, name: &str, code: Code, subject: &'static str) -> Arc<Scenario> {
    let design = designs::find(design).expect("a design");
    let scenario = catalogue::find(name).expect("a scenario");
    smallest(design, &scenario, (code, subject.into()), &Config::default())
}

#[test]
fn third_task_goes_where_two_show_the_finding() {
    let lease = shrunk("bkl", "leaser-two-openers", Code::LW030, "lease");

    assert_eq!(lease.tasks.iter().map(|task| task.name).collect::<Vec<_>>(), ["leaser", "writer"]);
    assert!(lease.tasks.iter().all(|task| task.calls.len() == 1));
}

#[test]
fn what_the_finding_needs_stays() {
    let scenario = catalogue::find("leaser-unlock").expect("a scenario");

    let shrunk = shrunk("bkl", "leaser-unlock", Code::LW020, "fl_next");

    assert_eq!(*shrunk, *scenario);
}
