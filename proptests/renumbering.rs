//! Which number a task has is nobody's business: tasks in another order, the same answer.
//!
//! A program and a renumbered one, on every engine: the same findings, outcomes and deadlocks, what each task recorded
//! standing at its new place; and as many states and traces.

use std::collections::BTreeSet;

use lockwright::check::Code;
use lockwright::engine::Memory;
use lockwright::explore::{Config, EngineKind, Subject, Verdict, explore};
use lockwright::program::small::{LockKind, Small, Stmt};
use proptest::prelude::*;

use crate::programs::{Said, program};
use crate::second_opinion;

/// Executions after which an engine that knows no states is left out of the comparison.
const EXECUTIONS_MAX: u64 = 3_000;

/// The same program, its tasks in the order `order`: task `at` is what task `order[at]` was.
fn renumbered(program: &Small, order: &[usize]) -> Small {
    let place_of = |task: usize| order.iter().position(|old| *old == task).unwrap_or(task);
    let renamed = |stmt: &Stmt| match *stmt {
        Stmt::Interrupt(task) => Stmt::Interrupt(place_of(task)),
        other => other,
    };
    let tasks = order.iter().map(|&old| program.tasks[old].iter().map(renamed).collect()).collect();
    Small { tasks, ..program.clone() }
}

/// An outcome of the program, as the renumbered one has it.
fn reordered(outcome: &str, order: &[usize]) -> String {
    let (tasks, values) = outcome.split_once("; ").expect("an outcome tells of tasks and cells");
    let recorded: Vec<&str> = tasks.split(", ").collect();
    let recorded: Vec<&str> = order.iter().map(|&old| recorded[old]).collect();
    format!("{}; {values}", recorded.join(", "))
}

/// Subjects name tasks by their numbers, if at all.
fn renamed(subject: &str, order: &[usize]) -> String {
    let new = (1..).zip(order).find(|(_, old)| subject.contains(&format!("task {}", *old + 1)));
    new.map_or(subject.to_owned(), |(new, old)| subject.replace(&format!("task {}", old + 1), &format!("task {new}")))
}

type Answer = (BTreeSet<String>, BTreeSet<String>, BTreeSet<(Code, String)>);

/// What the verdict on the program says of the renumbered one.
fn answer(verdict: &Verdict, order: &[usize]) -> Answer {
    let places = |outcomes: &BTreeSet<String>| outcomes.iter().map(|outcome| reordered(outcome, order)).collect();
    let findings = verdict.findings.iter().map(|found| &found.finding);
    let findings = findings.map(|finding| (finding.code, renamed(&finding.subject, order))).collect();
    (places(&verdict.outcomes.texts()), places(&verdict.deadlocks.texts()), findings)
}

/// An order of the tasks of a program with two or three.
fn shuffled() -> impl Strategy<Value = (Small, Vec<usize>)> {
    program().prop_flat_map(|program| {
        let order: Vec<usize> = (0..program.tasks.len()).collect();
        (Just(program), Just(order).prop_shuffle())
    })
}

/// Compares the two on one engine; nothing to compare if a bound ends the one.
fn compare(program: &Small, order: &[usize], config: &Config) -> Result<(), TestCaseError> {
    let verdict = explore(&program.subject(), config);
    if !verdict.complete() {
        return Ok(());
    }
    let other = renumbered(program, order);
    let again = explore(&other.subject(), config);
    let same: Vec<usize> = (0..order.len()).collect();
    let knows_states = matches!(config.engine, EngineKind::Explorer | EngineKind::Explicit);
    prop_assert_eq!(again.bound, None);
    if config.symmetry {
        let [one, other] =
            [(&verdict, program), (&again, &other)].map(|(verdict, program)| Said::by(verdict).up_to_exchange(program));
        let (one, other) = (one.renamed(|it| reordered(it, order)), other);
        // Which of equal tasks stands first may have changed.
        prop_assert_eq!(one.up_to_exchange(&renumbered(program, order)), other);
        prop_assert_eq!(again.symmetry, verdict.symmetry);
    } else {
        prop_assert_eq!(answer(&verdict, order), answer(&again, &same), "{:?}", config.engine);
    }
    let halts = verdict.codes().iter().any(|code| code.ends_execution());
    if knows_states {
        prop_assert_eq!(verdict.states, again.states, "{:?}", config.engine);
    } else if matches!(config.engine, EngineKind::Brute | EngineKind::Dpor) && !halts {
        // All schedules, or one for each trace. What ends executions ends traces as well.
        prop_assert_eq!(verdict.executions, again.executions, "{:?}", config.engine);
    }
    Ok(())
}

fn compare_all(program: &Small, order: &[usize], memory: Memory) -> Result<(), TestCaseError> {
    let bounded = |engine| Config { memory, executions_max: EXECUTIONS_MAX, ..Config::with_engine(engine) };
    compare(program, order, &Config { memory, ..Config::default() })?;
    compare(program, order, &Config { memory, symmetry: true, ..Config::default() })?;
    if program.explicit().is_some() {
        compare(program, order, &Config { memory, ..Config::with_engine(EngineKind::Explicit) })?;
    }
    for engine in [EngineKind::Brute, EngineKind::Dpor, EngineKind::SourceDpor] {
        compare(program, order, &bounded(engine))?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(crate::config(500))]

    #[test]
    fn numbers_of_tasks_change_no_answer((program, order) in shuffled()) {
        compare_all(&program, &order, Memory::Sc)?;
    }
}

proptest! {
    #![proptest_config(crate::config(250))]

    #[test]
    fn numbers_of_tasks_change_no_answer_with_store_buffers((program, order) in shuffled()) {
        compare_all(&program, &order, Memory::Tso)?;
    }
}

/// loom sees the interleavings of what shares something; programs of locks without races are what it ends on.
fn for_loom() -> impl Strategy<Value = (Small, Vec<usize>)> {
    second_opinion::program(second_opinion::phrase().boxed(), [LockKind::Spin, LockKind::Mutex]).prop_flat_map(
        |program| {
            let order: Vec<usize> = (0..program.tasks.len()).rev().collect();
            (Just(program), Just(order))
        },
    )
}

proptest! {
    #![proptest_config(crate::config(24))]

    #[test]
    fn numbers_of_tasks_change_no_answer_of_loom((program, order) in for_loom()) {
        compare(&program, &order, &Config { executions_max: 50_000, ..Config::with_engine(EngineKind::Loom) })?;
    }
}

#[test]
fn an_answer_that_depends_on_the_number_is_noticed() {
    let program =
        Small { tasks: vec![vec![Stmt::Choose(2)], vec![Stmt::StoreOnce(0, 1)]], cells: vec![0], ..Small::default() };
    let verdict = explore(&program.subject(), &Config::default());
    let other = explore(&renumbered(&program, &[1, 0]).subject(), &Config::default());

    assert_eq!(answer(&verdict, &[1, 0]), answer(&other, &[0, 1]));
    // The results of a task that stand at its old place are not what the renumbered program says.
    assert_ne!(answer(&verdict, &[0, 1]), answer(&other, &[0, 1]));
}
