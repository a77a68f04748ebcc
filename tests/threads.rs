//! Real threads: what a stress test finds and what it must not, and that every execution comes to an end.

use std::collections::BTreeSet;
use std::sync::Arc;

use lockwright::check::Code;
use lockwright::engine::Clock;
use lockwright::engine::controlled::Limits;
use lockwright::event::names::Names;
use lockwright::explore::schedule::{Guide, replay};
use lockwright::explore::{Bound, Config, EngineKind, Subject, Verdict, explore};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{LockKind, Small, Stmt};
use lockwright::scenario::{catalogue, subject};

fn config(runs: u64) -> Config {
    Config { runs, ..Config::with_engine(EngineKind::Threads) }
}

/// Runs it on real threads, and holds what came of it against the explorer: threads do nothing that no interleaving does, and what
/// they found replays.
fn stress(subject: &Arc<dyn Subject>, runs: u64) -> Verdict {
    let verdict = explore(subject, &config(runs));
    let all = explore(subject, &Config::default());
    assert!(all.complete() && !verdict.complete());
    assert_eq!(verdict.executions, runs);
    assert!(verdict.codes().is_subset(&all.codes()), "{:?}, and explored {:?}", verdict.codes(), all.codes());
    assert_eq!(verdict.outcomes.difference(&all.outcomes).count(), 0);
    assert_eq!(verdict.deadlocks.difference(&all.deadlocks).count(), 0);
    for found in &verdict.findings {
        let replayed = replay(&**subject, &Names::default(), &Guide::Exact(&found.schedule)).expect("it replays");
        let told = |at: &lockwright::check::Finding| (at.code, at.subject);
        assert!(replayed.findings.iter().any(|again| told(again) == told(&found.finding)), "{:?}", found.finding);
    }
    verdict
}

fn program<'a>(kind: LockKind, tasks: impl IntoIterator<Item = &'a [Stmt]>) -> Arc<dyn Subject> {
    let tasks = tasks.into_iter().map(<[Stmt]>::to_vec).collect();
    let small = Small {
        tasks,
        locks: vec![kind; 2],
        cells: vec![0; 2],
        atomics: vec![0],
        queues: 1,
        slots: 1,
        ..Small::default()
    };
    small.subject()
}

fn spins<const N: usize>(tasks: [&[Stmt]; N]) -> Arc<dyn Subject> {
    program(LockKind::Spin, tasks)
}

fn codes(subject: &Arc<dyn Subject>, runs: u64) -> Vec<String> {
    stress(subject, runs).codes().iter().map(Code::to_string).collect()
}

#[test]
fn a_deadlock_of_real_threads_ends_with_its_report() {
    let crossed = spins([&[Lock(0), Lock(1), Unlock(1), Unlock(0)], &[Lock(1), Lock(0), Unlock(0), Unlock(1)]]);
    let ordered = spins([&[Lock(0), Lock(1), Unlock(1), Unlock(0)]; 2]);

    // The order is a finding of any execution, the deadlock of those in which the two really meet.
    assert_eq!(codes(&crossed, 300), ["LW003", "LW008"]);
    assert_eq!(codes(&ordered, 300), [""; 0]);
}

#[test]
fn part_of_the_threads_in_a_deadlock_is_found_while_another_runs_on() {
    let rounds = [AtomicInc(0); 40];
    let crossed: [&[Stmt]; 3] =
        [&[Lock(0), Lock(1), Unlock(1), Unlock(0)], &[Lock(1), Lock(0), Unlock(0), Unlock(1)], &rounds];

    assert!(codes(&program(LockKind::Mutex, crossed), 200).contains(&"LW008".to_owned()));
}

#[test]
fn what_needs_no_order_is_found_in_any_execution() {
    let taken_twice = spins([&[Lock(0), Lock(0), Unlock(0), Unlock(0)]]);
    let sleeps = spins([&[Lock(0), MaySleep, Unlock(0)]]);
    let of_another = spins([&[Unlock(0)]]);
    let left_locked = spins([&[Lock(0)]]);
    let clean = spins([&[Lock(0), Inc(0), Unlock(0), MaySleep]; 2]);

    assert_eq!(codes(&taken_twice, 2), ["LW001"]);
    assert_eq!(codes(&sleeps, 2), ["LW002"]);
    assert_eq!(codes(&of_another, 2), ["LW006"]);
    assert_eq!(codes(&left_locked, 2), ["LW007"]);
    assert_eq!(codes(&clean, 100), [""; 0]);
}

#[test]
fn a_lock_that_a_thread_left_locked_stops_those_who_wait_for_it() {
    let left = spins([&[Lock(0)], &[Lock(0), Unlock(0)]]);

    // Only where the first thread comes first, which on a busy machine may take a while.
    assert!(codes(&left, 500).contains(&"LW008".to_owned()));
}

#[test]
fn races_and_stale_pointers_are_found_and_their_fixes_are_clean() {
    let raced = spins([&[Inc(0)]; 2]);
    let freed = spins([&[Alloc(0), Lock(0), Free(0), Unlock(0)], &[Use(0)]]);
    let guarded = spins([&[Lock(0), Inc(0), Unlock(0)]; 2]);

    assert!(codes(&raced, 300).contains(&"LW010".to_owned()));
    assert!(codes(&freed, 600).contains(&"LW020".to_owned()));
    assert_eq!(codes(&guarded, 100), [""; 0]);
    // Both orders of two increments come to two.
    assert_eq!(stress(&guarded, 100).outcomes.texts().len(), 1);
}

#[test]
fn a_lost_wake_up_stops_all_and_is_reported() {
    let lost = spins([&[SleepOn(0)], &[Wake(0)]]);
    let waits = spins([&[Wait(0, 0, 1, None)], &[StoreOnce(0, 1), Wake(0)]]);
    let in_time = spins([&[Wait(0, 0, 1, Some(5))], &[LoadOnce(0)]]);

    assert!(codes(&lost, 200).contains(&"LW008".to_owned()));
    assert_eq!(codes(&waits, 200), [""; 0]);
    // Nobody sets the cell: virtual time moves when nothing else can, and no second passes.
    assert_eq!(codes(&in_time, 50), [""; 0]);
}

#[test]
fn time_that_runs_freely_may_pass_before_a_wake_up() {
    let late = Small {
        tasks: vec![vec![Wait(0, 0, 1, Some(5))], vec![StoreOnce(0, 1), Wake(0)]],
        cells: vec![0],
        queues: 1,
        clock: Clock::Free,
        ..Small::default()
    };

    assert_eq!(codes(&late.subject(), 200), [""; 0]);
}

#[test]
fn every_kind_of_lock_keeps_its_promise() {
    let readers: [&[Stmt]; 3] =
        [&[ReadLock(0), Load(0), ReadUnlock(0)], &[ReadLock(0), Load(0), ReadUnlock(0)], &[Lock(0), Inc(0), Unlock(0)]];
    let bkl = [LockKernel, LockKernel, Inc(0), UnlockKernel, MaySleep, UnlockKernel];
    let tried = [TryLock(0, 2), Inc(0), Unlock(0)];

    for kind in [LockKind::Rw, LockKind::RwSem] {
        assert_eq!(codes(&program(kind, readers), 100), [""; 0], "{kind:?}");
    }
    assert_eq!(codes(&spins([&bkl, &bkl]), 100), [""; 0]);
    assert_eq!(codes(&spins([&tried, &tried]), 200), [""; 0]);
}

#[test]
fn permits_let_in_as_many_as_there_are() {
    let of = |permits| {
        lockwright::boot::Model::new(move |boot| {
            let (slots, n) = (boot.semaphore("slots", permits), boot.plain("n", 0u64));
            boot.tasks(2, "adder", move |current| {
                slots.down(current);
                n.set(n.get() + 1);
                slots.up();
            });
        })
    };

    assert_eq!(codes(of(1).subject(), 200), [""; 0]);
    assert!(codes(of(2).subject(), 400).contains(&"LW010".to_owned()));
}

#[test]
fn an_execution_that_goes_round_and_one_that_needs_too_much_end_by_name() {
    let spinning = spins([&[TryLock(0, 1), Unlock(0), Back(2)]]);
    let config = Config { limits: Limits { steps_max: 100, ..Limits::default() }, ..config(3) };
    let verdict = explore(&spinning, &config);
    assert_eq!((verdict.executions, verdict.findings.len()), (3, 0));
    assert_eq!(verdict.bound, Some(Bound::Threads { runs: 3, seed: 0 }));

    let crowd = spins([[AtomicInc(0)].as_slice(); 64]);
    assert_eq!(explore(&crowd, &config).bound, Some(Bound::Tasks(63)));
    let nested = program(LockKind::Rw, [[ReadLock(0); 8].as_slice()]);
    assert_eq!(explore(&nested, &config).bound, Some(Bound::Nesting(7)));
    let objects = Config { limits: Limits { objects_max: 12, ..Limits::default() }, ..config.clone() };
    assert_eq!(explore(&spins([&[Alloc(0); 13]]), &objects).bound, Some(Bound::Objects(12)));
}

#[test]
fn a_panic_of_a_task_is_a_finding_and_one_that_holds_a_lock_ends_as_well() {
    let panics = lockwright::boot::Model::new(|boot| {
        let lock = boot.spinlock("lock");
        for name in ["a", "b"] {
            boot.task(name, move |current| {
                let _guard = lock.lock(current);
                assert!(name == "a", "b is not to come here");
            });
        }
    });

    assert_eq!(codes(panics.subject(), 20), ["LW011"]);
}

#[test]
fn the_designs_run_on_threads_and_only_the_old_one_has_findings() {
    let scenario = |name: &str| catalogue::find(name).expect("the scenario is listed");
    let design = |name: &str| lockwright::study::design(name).expect("the design is listed");
    let of = |name: &str, place: &str, runs| explore(&subject(design(name), &scenario(place)), &config(runs)).codes();

    assert!(of("bkl", "leaser-reader", 200).contains(&Code::LW010));
    assert!(of("sed", "leaser-reader", 5).contains(&Code::LW001));
    // No order needed: the fasync entry is allocated with the spinlock held.
    assert!(of("held", "remote-unlock", 20).contains(&Code::LW002));
    for place in ["leaser-reader", "leaser-writer", "two-owners", "leaser-unlock"] {
        assert_eq!(of("spinlock", place, 60), BTreeSet::new(), "{place}");
    }
}
