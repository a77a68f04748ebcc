//! Small programs whose answer is worked out by hand, on every engine that runs them.
//!
//! Each has something that a search or a state could leave out and that random programs seldom tell: a signal between two
//! sleeps, a mutex under the BKL, a BKL taken twice on one branch only.

use std::collections::BTreeSet;

use lockwright::check::Code;
use lockwright::engine::{Clock, Memory};
use lockwright::explore::{Config, EngineKind, Verdict, explore};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{Is, LockKind, Small, Stmt};

const ENGINES: [EngineKind; 5] =
    [EngineKind::Explorer, EngineKind::Explicit, EngineKind::Brute, EngineKind::Dpor, EngineKind::SourceDpor];

fn program<const N: usize>(tasks: [&[Stmt]; N], cells: &[i64]) -> Small {
    Small {
        tasks: tasks.iter().map(|task| task.to_vec()).collect(),
        locks: vec![LockKind::Spin, LockKind::Mutex],
        cells: cells.to_vec(),
        queues: 1,
        ..Small::default()
    }
}

fn verdicts(program: &Small, memory: Memory) -> Vec<(EngineKind, Verdict)> {
    let verdict = |engine| explore(&program.subject(), &Config { memory, ..Config::with_engine(engine) });
    ENGINES.map(|engine| (engine, verdict(engine))).into()
}

fn set(outcomes: &[&str]) -> BTreeSet<String> {
    outcomes.iter().map(|outcome| (*outcome).to_owned()).collect()
}

/// Asserts that every engine sees these outcomes, deadlocks and codes, with and without store buffers.
fn assert_known(program: &Small, outcomes: &[&str], deadlocks: &[&str], codes: &[Code]) {
    for memory in [Memory::Sc, Memory::Tso] {
        for (engine, verdict) in verdicts(program, memory) {
            assert!(verdict.complete(), "{engine:?} {memory}: {:?}", verdict.bound);
            assert_eq!(verdict.outcomes.texts(), set(outcomes), "{engine:?} {memory}");
            assert_eq!(verdict.deadlocks.texts(), set(deadlocks), "{engine:?} {memory}");
            assert_eq!(verdict.codes().into_iter().collect::<Vec<_>>(), codes, "{engine:?} {memory}");
        }
    }
}

// Signals.

#[test]
fn a_signal_ends_one_sleep_and_not_the_next() {
    // Only the signal ends the first sleep, and then nothing ends the second.
    let sleeper: &[Stmt] = &[SleepOn(0), Wait(0, 1, 1, None)];
    let once = program([sleeper, &[Interrupt(0)]], &[1, 0]);
    assert_known(&once, &[], &[", ; x=1 y=0"], &[Code::LW008]);

    // Two signals end both if the second comes after the first sleep; otherwise they are one.
    let twice = program([sleeper, &[Interrupt(0), Interrupt(0)]], &[1, 0]);
    assert_known(&twice, &["1, ; x=1 y=0"], &[", ; x=1 y=0"], &[Code::LW008]);
}

#[test]
fn a_signal_that_was_not_needed_is_still_there_for_the_next_sleep() {
    // Woken up, then interrupted: the signal ends the second sleep. If it ends the first, or if the wake-up is too early,
    // nothing does.
    let program = program([&[SleepOn(0), Wait(0, 1, 1, None)], &[Wake(0), Interrupt(0)]], &[1, 0]);

    assert_known(&program, &["1, ; x=1 y=0"], &[", ; x=1 y=0"], &[Code::LW008]);
}

// The BKL.

#[test]
fn a_mutex_that_is_free_is_taken_without_dropping_the_bkl() {
    let taker: &[Stmt] = &[LockKernel, StoreOnce(0, 1), Lock(1), LoadOnce(0), Unlock(1), UnlockKernel];
    let other: &[Stmt] = &[LockKernel, StoreOnce(0, 2), UnlockKernel];
    assert_known(&program([taker, other], &[0]), &["1, ; x=1", "1, ; x=2"], &[], &[]);

    // Where somebody holds the mutex, the taker sleeps, and the BKL is dropped meanwhile.
    let holder: &[Stmt] = &[Lock(1), Fence, Unlock(1)];
    let contended = program([taker, other, holder], &[0]);
    let outcomes = ["1, , ; x=1", "1, , ; x=2", "2, , ; x=2"];
    assert_known(&contended, &outcomes, &[], &[]);

    // The BKL, the mutex tried, and that is all: two steps, so three states with the first, of which the last is an outcome.
    let alone = program([&[LockKernel, Lock(1)]], &[0]);
    assert_eq!(explore(&alone.subject(), &Config::default()).states, 2);
}

#[test]
fn how_often_the_bkl_is_held_is_part_of_the_state() {
    // One branch takes the BKL again. Behind it the two differ in the depth alone: one unlock drops the BKL, or it does not.
    let brancher: &[Stmt] = &[LockKernel, IfCell(0, Is::Eq(1), 1), LockKernel, Fence, UnlockKernel, Fence];
    let program = program([brancher, &[StoreOnce(0, 1), LockKernel, UnlockKernel]], &[0]);

    for memory in [Memory::Sc, Memory::Tso] {
        for (engine, verdict) in verdicts(&program, memory) {
            assert_eq!(verdict.outcomes.texts(), set(&[", ; x=1"]), "{engine:?} {memory}");
            assert_eq!(verdict.deadlocks.texts(), set(&[", ; x=1"]), "{engine:?} {memory}");
        }
    }
}

#[test]
fn locks_nest_under_a_bkl_that_is_taken_twice() {
    let nested: &[Stmt] = &[LockKernel, Lock(0), LockKernel, Inc(0), UnlockKernel, Unlock(0), UnlockKernel];

    assert_known(&program([nested, nested], &[0]), &[", ; x=2"], &[], &[]);
    // The other way round the spinlock is taken first: a cycle, and a deadlock.
    let turned: &[Stmt] = &[Lock(0), LockKernel, UnlockKernel, Unlock(0)];
    let verdict = explore(&program([nested, turned], &[0]).subject(), &Config::default());
    assert!(verdict.codes().contains(&Code::LW003) && verdict.codes().contains(&Code::LW008));
}

// Time and store buffers.

#[test]
fn a_task_sleeps_only_when_its_stores_have_reached_memory() {
    // The release of the BKL is still in the store buffer when the task comes to its sleep: time does not move for it yet.
    let sleeper: &[Stmt] = &[LockKernel, Wait(0, 0, 2, Some(5))];
    for clock in [Clock::Free, Clock::Quiescent] {
        let alone = Small { clock, ..program([sleeper], &[1]) };
        assert_known(&alone, &["2; x=1"], &[], &[Code::LW007]);
        for (engine, verdict) in verdicts(&alone, Memory::Tso) {
            assert!(verdict.executions <= 1, "{engine:?}: nothing can come in another order");
        }
        // With somebody who changes the cell: in time, or too late.
        let waking =
            Small { clock, ..program([&[sleeper, &[UnlockKernel]].concat(), &[StoreOnce(0, 2), Wake(0)]], &[1]) };
        let outcomes: &[&str] = if clock == Clock::Free { &["0, ; x=2", "2, ; x=2"] } else { &["0, ; x=2"] };
        assert_known(&waking, outcomes, &[], &[]);
    }
}
