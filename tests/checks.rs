//! Each finding by the smallest program that has it, and beside it the program as it should be.
//!
//! A check counts for something only in both directions: the seeded program gives exactly its finding, at both of its
//! places, and the corrected one is clean, with every interleaving seen.

use std::collections::BTreeSet;

use lockwright::check::Code;
use lockwright::explore::{Config, EngineKind, Verdict, explore};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{LockKind, Small, Stmt};

mod locks;
mod memory;
mod sleep;

fn run(program: &Small) -> Verdict {
    let verdict = explore(&program.subject(), &Config::default());
    assert_eq!(verdict.bound, None, "{program:?}");
    verdict
}

/// The findings as text: code, subject, and both places with the task, the step and what happened there.
fn findings(verdict: &Verdict, program: &Small) -> Vec<String> {
    let names = program.names();
    let place = |(spot, label): &(lockwright::check::Spot, String)| {
        format!("{} step {}: {label}", names.task(spot.task), spot.step)
    };
    verdict
        .findings
        .iter()
        .map(|found| {
            let finding = &found.finding;
            format!(
                "{} {} | {} | {}",
                finding.code,
                finding.subject,
                place(&finding.at),
                finding.other.as_ref().map_or(String::new(), place)
            )
        })
        .collect()
}

#[track_caller]
fn assert_finds(program: &Small, expected: &[&str]) {
    assert_eq!(findings(&run(program), program), expected);
}

#[track_caller]
fn assert_clean(program: &Small) {
    assert_finds(program, &[]);
}

/// The codes, where which states they are met in is not the point.
fn codes(program: &Small) -> Vec<String> {
    run(program).codes().iter().map(Code::to_string).collect()
}

/// A program of spinlocks `a` and `b`, cells `x` and `y`, the atomic `n`, one queue and one slot.
fn spins<const N: usize>(tasks: [&[Stmt]; N]) -> Small {
    Small {
        tasks: tasks.iter().map(|task| task.to_vec()).collect(),
        locks: vec![LockKind::Spin, LockKind::Spin],
        cells: vec![0, 0],
        atomics: vec![0],
        queues: 1,
        slots: 1,
        ..Small::default()
    }
}

/// The same with mutexes.
fn mutexes<const N: usize>(tasks: [&[Stmt]; N]) -> Small {
    Small { locks: vec![LockKind::Mutex, LockKind::Mutex], ..spins(tasks) }
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| text.to_string()).collect()
}

#[test]
fn brute_force_finds_the_same_in_all_seeded_programs() {
    let programs = [
        spins([&[Lock(0), Lock(1), Unlock(1), Unlock(0)], &[Lock(1), Lock(0), Unlock(0), Unlock(1)]]),
        spins([&[Wait(0, 0, 1, None)], &[Wake(0), StoreOnce(0, 1)]]),
        spins([&[LockKernel, Alloc(0), Use(0), UnlockKernel], &[LockKernel, Free(0), UnlockKernel]]),
        spins([&[Inc(0), Unlock(0)], &[Inc(0), TryLock(0, 0)]]),
    ];
    for program in &programs {
        let explorer = run(program);
        let brute = explore(&program.subject(), &Config::with_engine(EngineKind::Brute));

        assert_eq!(explorer.outcomes, brute.outcomes, "{program:?}");
        assert_eq!(explorer.deadlocks, brute.deadlocks, "{program:?}");
        assert_eq!(explorer.codes(), brute.codes(), "{program:?}");
    }
}
