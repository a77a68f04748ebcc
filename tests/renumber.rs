//! The order in which tasks are declared changes nothing: not the findings, not the outcomes, on no engine.
//!
//! State that tasks share and no engine object knows would show here: who runs first to its first step sees it first.

use std::sync::Arc;

use lockwright::explore::{Bound, Config, EngineKind, Verdict, explore};
use lockwright::scenario::{Scenario, TaskSpec, catalogue, file, subject};
use lockwright::study::cells;

use crate::matrix::{is_long, sample};
use crate::order::{Told, Turned, orders, turned};

fn read(text: &str) -> Scenario {
    file::parse(text).expect("the file is right")
}

fn run(design: &str, scenario: &Turned, config: &Config) -> Verdict {
    let design = lockwright::study::design(design).expect("the design is listed");
    explore(&subject(design, &Arc::new(scenario.scenario.clone())), config)
}

/// What every order says, which is one thing. `None` if the engine does not end one of them within its bound.
fn one_verdict(design: &str, scenario: &Scenario, config: &Config) -> Option<Told> {
    one_verdict_of(&turned(scenario), design, scenario, config)
}

fn one_verdict_of(orders: &[Turned], design: &str, scenario: &Scenario, config: &Config) -> Option<Told> {
    let mut told: Option<Told> = None;
    for order in orders {
        let verdict = run(design, order, config);
        match verdict.bound {
            Some(Bound::Executions(_)) => return None,
            bound => assert_eq!(bound, None, "{design} {}", scenario.name),
        }
        let this = order.told(&verdict);
        let names: Vec<&str> = order.scenario.tasks.iter().map(|task| task.name).collect();
        let first = told.get_or_insert_with(|| this.clone());
        assert_eq!(*first, this, "{design} {}, {:?}, in the order {names:?}", scenario.name, config.engine);
    }
    told
}

fn engine(engine: EngineKind, executions_max: u64) -> Config {
    Config { executions_max, ..Config::with_engine(engine) }
}

#[test]
fn orders_are_all_there_are() {
    assert_eq!(orders(3).len(), 6);
    assert_eq!((orders(3)[0].as_slice(), orders(4).len()), ([0, 1, 2].as_slice(), 24));
}

#[test]
fn what_is_numbered_by_position_goes_with_its_task() {
    let scenario = read(
        r#"{"name": "turned", "nodes": [{"name": "n"}, {"name": "m"}], "tasks": [
            {"name": "one", "node": "n", "before": ["a = open(file, O_RDONLY)"], "calls": ["fcntl(a, F_SETOWN, 3)"]},
            {"name": "two", "shares": "one", "calls": ["kill(three)"]},
            {"name": "three", "node": "m", "calls": ["kill(one)"]}]}"#,
    );

    let turned = Turned::new(&scenario, &[2, 1, 0]).expect("one task has a set-up").scenario;

    let task = |at: usize| {
        let TaskSpec { name, before, calls, shares } = turned.tasks[at].clone();
        let calls = before.iter().chain(&calls).map(ToString::to_string).collect::<Vec<_>>().join("; ");
        (name, shares, turned.cluster.home(at), calls)
    };
    assert_eq!(task(0), ("three", None, 1, "kill(task 2)".to_owned()));
    assert_eq!(task(1), ("two", None, 0, "kill(task 0)".to_owned()));
    assert_eq!(task(2), ("one", Some(1), 0, "a = open(file, O_RDONLY); fcntl(a, F_SETOWN, 1)".to_owned()));
    assert!(Turned::new(&turned, &[2, 1, 0]).is_some_and(|back| back.scenario == scenario));
}

#[test]
fn tasks_of_the_catalogue_may_be_declared_in_any_order() {
    let (mut compared, mut by_dpor) = (0, 0);
    for scenario in sample(catalogue::all(), 5) {
        // With a file server the scenarios of three tasks take minutes.
        if turned(&scenario).len() == 1 || scenario.cluster.needs_server() && scenario.tasks.len() > 2 {
            continue;
        }
        for design in ["bkl", "spinlock"].map(|name| lockwright::study::design(name).expect("the design is listed")) {
            if cells::applies(design, &scenario) {
                let told = one_verdict(design.name, &scenario, &Config::default()).expect("the explorer ends");
                compared += 1;
                let dpor = one_verdict(design.name, &scenario, &engine(EngineKind::Dpor, 1_000));
                by_dpor += usize::from(dpor.is_some());
                assert!(dpor.is_none_or(|dpor| dpor == told), "{} {}", design.name, scenario.name);
            }
        }
    }

    let enough = if is_long() { (40, 20) } else { (15, 8) };
    assert!(compared > enough.0 && by_dpor > enough.1, "{compared} compared, {by_dpor} of them by dpor");
}

#[test]
fn shared_descriptors_have_one_verdict_in_every_order_and_on_every_engine() {
    let engines = [EngineKind::Dpor, EngineKind::SourceDpor, EngineKind::Loom];
    let files = [include_str!("data/shared-close.json"), include_str!("data/shared-close-turned.json")];
    for design in ["bkl", "spinlock"] {
        for scenario in files.map(read) {
            let told = one_verdict(design, &scenario, &Config::default()).expect("the explorer ends");
            assert!(told.findings.is_empty(), "{design} {}: {:?}", scenario.name, told.findings);
            for kind in engines {
                let by_engine = one_verdict(design, &scenario, &engine(kind, 10_000)).expect("two tasks, a call each");
                assert_eq!(by_engine, told, "{design} {} on {kind:?}", scenario.name);
            }
        }
    }
}

#[test]
fn four_sharers_have_one_verdict_in_all_orders() {
    let scenario = read(include_str!("data/four-sharers.json"));
    assert_eq!(turned(&scenario).len(), 24);

    // A short run takes two of the orders.
    let orders: Vec<Turned> = sample(turned(&scenario), 12);
    let told = one_verdict_of(&orders, "spinlock", &scenario, &Config::default()).expect("the explorer ends");

    assert!(told.findings.is_empty());
    // One close at least succeeds. Whether the other, the dup and the look are too late, and whether b is left, is open.
    let is_late = |name: &str| told.outcomes.iter().any(|outcome| outcome.contains(&format!("{name}: -9")));
    assert!(["first", "second", "copier", "asker"].into_iter().all(is_late), "{:?}", told.outcomes);
    assert!(told.outcomes.iter().all(|outcome| !(outcome.contains("first: -9") && outcome.contains("second: -9"))));
    for config in [Config { jobs: 2, ..Config::default() }, engine(EngineKind::Dpor, 50_000)] {
        assert_eq!(
            one_verdict_of(&orders, "spinlock", &scenario, &config).as_ref(),
            Some(&told),
            "{:?}",
            config.engine
        );
    }
}
