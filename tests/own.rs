//! User-land code under the explorer: loom's names, std's behaviour.

mod agreement;
mod bugs;
mod cells;
mod channels;
mod counter;
mod crossbeam;
#[path = "../examples/first_model.rs"]
mod first_model;
mod locks;
mod loom_says;
mod notes;
mod parking_lot;
mod real_threads;
mod shuttle;
mod threads;
mod verdicts;
mod waits;

use lockwright::boot::Checked;
use lockwright::check::Code;
use lockwright::explore::EngineKind;
use lockwright::model::Builder;

/// Explores a model with the explorer.
#[track_caller]
pub fn explore(f: impl Fn() + Send + Sync + 'static) -> Checked {
    explore_by(EngineKind::Explorer, f)
}

/// Explores it with some search.
#[track_caller]
pub fn explore_by(search: EngineKind, f: impl Fn() + Send + Sync + 'static) -> Checked {
    let mut builder = Builder::new();
    builder.search = search;
    builder.explore(f)
}

/// The codes that an exploration found.
#[track_caller]
pub fn finds(f: impl Fn() + Send + Sync + 'static) -> Vec<Code> {
    explore(f).verdict.codes().into_iter().collect()
}

/// What can happen, by the explorer; DPOR and brute force say the same, finding for finding.
#[track_caller]
pub fn agreed(f: impl Fn() + Send + Sync + 'static) -> (Vec<Code>, Vec<String>) {
    let f = std::sync::Arc::new(f);
    let said = [EngineKind::Explorer, EngineKind::Dpor, EngineKind::Brute].map(|search| {
        let f = f.clone();
        let verdict = explore_by(search, move || f()).verdict;
        assert!(verdict.complete() || !verdict.findings.is_empty(), "{search:?}: {:?}", verdict.bound);
        let codes: Vec<Code> = verdict.codes().into_iter().collect();
        let outcomes: Vec<String> = verdict.outcomes.iter().map(ToString::to_string).collect();
        (codes, outcomes)
    });
    assert_eq!(said[0], said[1], "explorer and DPOR");
    assert_eq!(said[0], said[2], "explorer and brute force");
    said.into_iter().next().expect("three searches")
}

#[test]
fn a_newcomer_s_first_model_is_complete() {
    first_model::main();
}
