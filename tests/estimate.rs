//! Estimates of how much there is to explore, held against what there is.

use std::sync::Arc;

use lockwright::explore::{Config, EngineKind, Subject, estimate, explore};
use lockwright::program::family::Family;
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{LockKind, Small, Stmt};

fn family(name: &str) -> Arc<dyn Subject> {
    name.parse::<Family>().expect("a family").subject()
}

fn sections(tasks: usize, sections: usize) -> Arc<dyn Subject> {
    let section: [Stmt; 3] = [Lock(0), AtomicInc(0), Unlock(0)];
    let tasks = vec![vec![section; sections].concat(); tasks];
    Small { tasks, locks: vec![LockKind::Spin], atomics: vec![0], ..Small::default() }.subject()
}

/// Is the estimate off by half of the number at most, or by three standard errors? The few probes of much weight are often missing, and then the
/// error is taken for too small.
fn is_near(mean: lockwright::explore::estimate::Mean, is: u64) -> bool {
    (mean.value - is as f64).abs() <= (is as f64 / 2.0).max(3.0 * mean.error * mean.value)
}

#[test]
fn schedules_and_traces_are_of_the_size_that_is_said() {
    for subject in [sections(3, 2), family("L-fixed-2-1"), family("L-mainline-1-1"), family("L-fixed-3-1")] {
        let by = |engine| {
            let verdict = explore(&subject, &Config::with_engine(engine));
            assert!(verdict.complete());
            verdict.executions
        };
        let estimate = estimate(&*subject, &Config::default());

        assert!(is_near(estimate.schedules, by(EngineKind::Brute)), "{estimate}");
        assert!(is_near(estimate.traces, by(EngineKind::Dpor)), "{estimate}");
    }
    // Four tasks of a section each: every probe has 4, 3, 2 ways and 1, whatever it takes.
    let exact = estimate(&*sections(4, 1), &Config::default());
    assert_eq!((exact.schedules.value, exact.traces.value), (24.0, 24.0));
    // Where some steps are independent of others there are far fewer traces.
    let estimate = estimate(&*family("L-fixed-3-1"), &Config::default());
    assert!(estimate.traces.value * 2.0 < estimate.schedules.value, "{estimate}");
}

#[test]
fn states_are_estimated_from_below_and_all_are_met_where_there_are_few() {
    let every_access = Config { every_access: true, ..Config::default() };
    let states = |subject: &Arc<dyn Subject>| explore(subject, &every_access).states;
    let few = sections(3, 1);
    let many = family("L-fixed-3-3");

    assert_eq!(estimate(&*few, &Config::default()).states_met, states(&few));
    let many_estimate = estimate(&*many, &Config::default());
    assert!(many_estimate.states > many_estimate.states_met as f64);
    assert!(many_estimate.states < 1.5 * states(&many) as f64, "{many_estimate} {}", states(&many));
}

#[test]
fn same_program_gives_the_same_estimate() {
    let once = || estimate(&*family("L-fixed-2-2"), &Config::default());
    assert_eq!(once(), once());
}
