//! Outcomes are values, and each has a schedule that leads to it, whichever engine met it.

use std::sync::Arc;

use lockwright::engine::{Ending, Memory};
use lockwright::event::names::Names;
use lockwright::event::outcome::{Outcome, Value};
use lockwright::explore::schedule::{Guide, replay};
use lockwright::explore::{Config, EngineKind, Outcomes, Schedule, Subject, explore};
use lockwright::lease::designs;
use lockwright::program::small::{LockKind, Small, Stmt, Stmt::*};
use lockwright::scenario::{self, catalogue};

fn ending(subject: &Arc<dyn Subject>, schedule: &Schedule) -> Ending {
    replay(&**subject, &Names::default(), &Guide::Exact(schedule)).expect("a schedule by numbers fits").ending
}

/// Asserts that each schedule ends where it is said to, and returns how many steps all have together.
fn assert_led_to(subject: &Arc<dyn Subject>, outcomes: &Outcomes, wanted: fn(Outcome) -> Ending) -> usize {
    let steps = outcomes.with_schedules().map(|(outcome, schedule)| {
        let schedule = schedule.expect("there is a schedule");
        assert_eq!(ending(subject, schedule), wanted(outcome.clone()));
        schedule.transitions.len()
    });
    steps.sum()
}

fn two(first: &[Stmt], second: &[Stmt]) -> Small {
    Small {
        tasks: vec![first.to_vec(), second.to_vec()],
        cells: vec![0, 0],
        locks: vec![LockKind::Spin; 2],
        ..Small::default()
    }
}

#[test]
fn every_outcome_and_every_deadlock_has_a_schedule_that_leads_there() {
    let crossed = two(&[LoadOnce(0), Lock(0), Lock(1), Unlock(1), Unlock(0)], &[StoreOnce(0, 1), Lock(1), Lock(0)]);
    let dekker = two(&[StoreOnce(0, 1), LoadOnce(1)], &[StoreOnce(1, 1), LoadOnce(0)]);
    let engines = ["Explorer", "Brute", "Dpor", "SourceDpor", "Random", "Pct", "Explicit"].into_iter().zip([
        EngineKind::Explorer,
        EngineKind::Brute,
        EngineKind::Dpor,
        EngineKind::SourceDpor,
        EngineKind::Random,
        EngineKind::Pct,
        EngineKind::Explicit,
    ]);

    for (name, engine) in engines {
        let mut config = Config::with_engine(engine);
        if matches!(engine, EngineKind::Random | EngineKind::Pct) {
            config.runs = 1000;
        }
        let verdict = explore(&crossed.subject(), &config);
        assert_led_to(&crossed.subject(), &verdict.outcomes, Ending::Finished);
        assert_led_to(&crossed.subject(), &verdict.deadlocks, Ending::Deadlocked);
        assert_eq!(verdict.deadlocks.len(), 2, "{name}: the load before the store, or after it");

        let verdict = explore(&dekker.subject(), &Config { memory: Memory::Tso, ..config });
        assert_eq!(verdict.outcomes.len(), 4, "{name}");
        // Four steps and two flushes in each.
        assert_eq!(assert_led_to(&dekker.subject(), &verdict.outcomes, Ending::Finished), 4 * 6, "{name}");
    }
}

#[test]
fn workers_symmetry_and_loom_keep_schedules_too() {
    let scenario = Arc::new(catalogue::find("leaser-reader").expect("it is in the catalogue"));
    let subject = scenario::subject(designs::find("spinlock").expect("it is listed"), &scenario);
    let configs = [
        Config { jobs: 3, ..Config::default() },
        Config { symmetry: true, ..Config::default() },
        Config::with_engine(EngineKind::Loom),
    ];

    for config in configs {
        let verdict = explore(&subject, &config);

        assert!(!verdict.outcomes.is_empty());
        assert_led_to(&subject, &verdict.outcomes, Ending::Finished);
    }
}

/// Store buffering under loom: both read 0 in one outcome of four, and no order of the four steps shows that.
#[test]
fn an_outcome_that_only_a_weak_memory_shows_has_no_schedule() {
    let dekker = two(&[StoreOnce(0, 1), LoadOnce(1)], &[StoreOnce(1, 1), LoadOnce(0)]);

    let verdict = explore(&dekker.subject(), &Config::with_engine(EngineKind::Loom));

    let without: Vec<String> = verdict
        .outcomes
        .with_schedules()
        .filter(|(_, schedule)| schedule.is_none())
        .map(|(outcome, _)| outcome.to_string())
        .collect();
    assert_eq!((verdict.outcomes.len(), without), (4, vec!["0, 0; x=1 y=1".to_owned()]));
}

#[test]
fn the_values_of_an_outcome_can_be_read() {
    let scenario = Arc::new(catalogue::find("leaser-reader").expect("it is in the catalogue"));
    let subject = scenario::subject(designs::find("spinlock").expect("it is listed"), &scenario);

    let verdict = explore(&subject, &Config::default());

    let first = verdict.outcomes.iter().next().expect("it ends");
    let tasks: Vec<&str> = first.results.iter().map(|of| of.task.as_str()).collect();
    assert_eq!(tasks, ["leaser", "opener"]);
    let state: Vec<&str> = first.state.iter().map(|remains| remains.name.as_str()).collect();
    assert_eq!(state, ["leases", "opens", "writes"]);
    assert!(matches!((&first.state[0].value, &first.state[1].value), (Value::List(_), Value::Count(_))));
}
