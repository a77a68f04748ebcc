//! LW003: orders of locks that no execution of the program dies of, and orders that are none.

use std::sync::Arc;

use lockwright::check::{Checks, Code, Finding, Spot};
use lockwright::engine::{Booted, Program};
use lockwright::event::names::Names;
use lockwright::event::outcome::Outcome;
use lockwright::explore::witness::shortest;
use lockwright::explore::{Config, EngineKind, Subject, Verdict, explore};
use lockwright::kernel::lock::SpinLock;
use lockwright::kernel::task::Task;
use lockwright::kernel::{Faults, Kernel};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{LockKind, Small, Stmt};

use crate::matrix;

fn program<const N: usize>(kinds: [LockKind; 3], tasks: [&[Stmt]; N]) -> Small {
    Small {
        tasks: tasks.iter().map(|task| task.to_vec()).collect(),
        locks: kinds.to_vec(),
        cells: vec![0],
        queues: 1,
        slots: 2,
        ..Small::default()
    }
}

fn run(program: &Small) -> Verdict {
    let verdict = explore(&program.subject(), &Config::default());
    assert!(verdict.complete(), "{program:?}");
    verdict
}

/// Codes and messages.
/// The place where the other order was seen.
fn other(finding: &Finding) -> &(Spot, String) {
    finding.other.as_ref().expect("a cycle has two places")
}

fn findings(program: &Small) -> Vec<String> {
    run(program).findings.iter().map(|found| format!("{} {}", found.finding.code, found.finding.message)).collect()
}

const SPINS: [LockKind; 3] = [LockKind::Spin; 3];
const MUTEXES: [LockKind; 3] = [LockKind::Mutex; 3];
const AB: [Stmt; 4] = [Lock(0), Lock(1), Unlock(1), Unlock(0)];
const BA: [Stmt; 4] = [Lock(1), Lock(0), Unlock(0), Unlock(1)];

#[test]
fn opposite_orders_behind_a_gate_are_found_though_nothing_deadlocks() {
    let gated = |inner: [Stmt; 4]| [&[Lock(2)][..], &inner, &[Unlock(2)]].concat();
    let cycle = "LW003 task 2 takes a under b, and elsewhere a comes before b";

    for kinds in [SPINS, MUTEXES] {
        let program = program(kinds, [&gated(AB), &gated(BA)]);
        let verdict = run(&program);

        assert_eq!(findings(&program), [cycle]);
        assert!(verdict.deadlocks.is_empty());
        let finding = &verdict.findings[0].finding;
        // Task 1: gate, a, b, and three unlocks. Task 2: gate, b, a is step 9; task 1 took b in step 3.
        assert_eq!((finding.at.0.step, other(finding).0.step), (9, 3));
        assert_eq!(finding.at.1, "a taken under b here");
        assert_eq!(other(finding).1, "b taken under a here");
    }
}

#[test]
fn opposite_orders_one_after_the_other_are_found() {
    let one_task = [AB, BA].concat();
    let second = [&[Wait(0, 0, 1, None)][..], &BA].concat();
    let first = [&AB[..], &[StoreOnce(0, 1), Wake(0)]].concat();

    assert_eq!(
        findings(&program(SPINS, [&one_task])),
        ["LW003 task 1 takes a under b, and elsewhere a comes before b"]
    );
    assert_eq!(
        findings(&program(SPINS, [&first, &second])),
        ["LW003 task 2 takes a under b, and elsewhere a comes before b"]
    );
}

#[test]
fn one_order_is_clean_whoever_takes_it() {
    assert_eq!(findings(&program(SPINS, [&AB, &AB, &[Lock(1), Unlock(1)]])), [""; 0]);
    let abc = [Lock(0), Lock(1), Lock(2), Unlock(2), Unlock(1), Unlock(0)];
    assert_eq!(findings(&program(MUTEXES, [&abc, &[Lock(0), Lock(2), Unlock(2), Unlock(0)]])), [""; 0]);
}

#[test]
fn a_cycle_of_three_is_found() {
    let pair = |first, second| [Lock(first), Lock(second), Unlock(second), Unlock(first)];
    let around = [pair(0, 1), pair(1, 2), pair(2, 0)].concat();

    assert_eq!(
        findings(&program(SPINS, [&around])),
        ["LW003 task 1 takes a under c, and elsewhere a comes before b, then c"]
    );
}

/// One task, and the environment decides in which order it takes its two locks: no schedule has both orders.
struct Chosen {
    /// The order of the second alternative.
    opposite: bool,
}

impl Program for Chosen {
    fn boot(&self) -> Booted {
        let kernel = Kernel::boot(Faults::default());
        let (a, b, opposite) = (SpinLock::new("a"), SpinLock::new("b"), self.opposite);
        let body = Box::new(move || {
            let current = Task::new(kernel, 1);
            let turned = current.choose(2, "turned") == 1 && opposite;
            let (first, second) = if turned { (b, a) } else { (a, b) };
            let _first = first.lock(&current);
            let _second = second.lock(&current);
        });
        Booted {
            tasks: vec![body],
            listing: Box::new(|_| Vec::new()),
            outcome: Box::new(|_| Outcome::default()),
            epilogue: Box::new(|| ()),
        }
    }
}

impl Subject for Chosen {
    fn checks(&self) -> Checks {
        Checks::new(Names { tasks: vec!["task 1".to_owned()], calls: vec![Vec::new()], nodes: Vec::new(), born: None })
    }
}

#[test]
fn orders_that_no_execution_has_together_are_found_by_what_earlier_executions_left() {
    let run = |opposite| explore(&(Arc::new(Chosen { opposite }) as Arc<dyn Subject>), &Config::default());

    let [found] = &run(true).findings[..] else { panic!("one finding") };
    assert_eq!(found.finding.code, Code::LW003);
    assert_eq!(found.finding.at.1, "a taken under b here");
    assert_eq!(other(&found.finding).1, "b taken under a here, in another execution");
    // The choice, then b, then a.
    assert_eq!((found.finding.at.0.step, other(&found.finding).0.step), (3, 0));
    assert_eq!(run(false).codes().len(), 0);
}

#[test]
fn workers_share_the_orders_that_they_have_seen() {
    let subject = Arc::new(Chosen { opposite: true }) as Arc<dyn Subject>;
    let witness = |jobs| {
        let config = Config { jobs, ..Config::default() };
        let mut findings = explore(&subject, &config).findings;
        assert_eq!(findings.len(), 1);
        shortest(&*subject, findings.remove(0), &config).unwrap()
    };

    // Whichever of two workers was first, and wherever the cycle closed: the same schedule is shown.
    let alone = witness(1);
    for _ in 0..100 {
        assert_eq!(witness(2), alone);
    }
}

#[test]
fn trylock_waits_for_nothing_and_adds_no_order_before_it() {
    let tried = [Lock(1), TryLock(0, 1), Unlock(0), Unlock(1)];
    assert_eq!(findings(&program(SPINS, [&AB, &tried])), [""; 0]);

    // What it took comes before what is taken next.
    let held = [TryLock(1, 3), Lock(0), Unlock(0), Unlock(1)];
    assert_eq!(
        findings(&program(SPINS, [&[&AB[..], &held].concat()])),
        ["LW003 task 1 takes a under b, and elsewhere a comes before b"]
    );
}

#[test]
fn bkl_has_an_order_with_spinlocks_and_none_with_locks_that_sleep() {
    let bkl_first = [LockKernel, Lock(0), Unlock(0), UnlockKernel];
    let lock_first = [Lock(0), LockKernel, UnlockKernel, Unlock(0)];
    let one_task = [bkl_first, lock_first].concat();

    assert_eq!(
        findings(&program(SPINS, [&one_task])),
        ["LW003 task 1 takes kernel_flag under a, and elsewhere kernel_flag comes before a"]
    );
    assert_eq!(findings(&program(MUTEXES, [&one_task])), [""; 0]);
}

#[test]
fn brute_force_finds_the_same() {
    for program in [program(SPINS, [&AB, &AB]), program(SPINS, [&[AB, BA].concat(), &[Lock(0), Unlock(0)]])] {
        let brute = explore(&program.subject(), &Config::with_engine(EngineKind::Brute));

        assert_eq!(brute.codes(), run(&program).codes());
    }
}

#[test]
fn locks_of_the_lease_case_have_one_order() {
    // file_lock_lock (or the BKL), then fasync_lock, then f_owner.lock: see the expectations for the other designs.
    for name in ["bkl", "spinlock"] {
        for (cell, verdict) in matrix::of(name) {
            assert!(!verdict.codes().contains(&Code::LW003), "{name} {}", cell.scenario.name);
        }
    }
}
