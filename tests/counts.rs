//! Pinned numbers of executions and states: one lost or one too many fails, and the arithmetic says why.
//!
//! Brute force runs every schedule: n tasks of k steps each have (nk)! / (k!)^n. The explorer meets every state: as
//! many as there are different (position of each task, contents), where every access is a scheduling point; `movers.rs` has the others.

use lockwright::explore::{Config, EngineKind, Verdict, explore};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{LockKind, Small, Stmt};

fn program<const N: usize>(tasks: [&[Stmt]; N]) -> Small {
    Small {
        tasks: tasks.iter().map(|task| task.to_vec()).collect(),
        locks: vec![LockKind::Spin, LockKind::Spin],
        cells: vec![0],
        atomics: vec![0, 0, 0],
        queues: 1,
        ..Small::default()
    }
}

fn brute<const N: usize>(tasks: [&[Stmt]; N]) -> Verdict {
    let verdict = explore(&program(tasks).subject(), &Config::with_engine(EngineKind::Brute));
    assert!(verdict.complete());
    verdict
}

fn executions<const N: usize>(tasks: [&[Stmt]; N]) -> u64 {
    brute(tasks).executions
}

fn states<const N: usize>(tasks: [&[Stmt]; N]) -> u64 {
    let verdict = explore(&program(tasks).subject(), &Config { every_access: true, ..Config::default() });
    assert!(verdict.complete());
    verdict.states
}

const INC: Stmt = AtomicInc(0);
const SECTION: [Stmt; 3] = [Lock(0), INC, Unlock(0)];

#[test]
fn independent_steps_interleave_in_all_orders() {
    assert_eq!(executions([&[INC; 5]]), 1);
    // C(2, 1)
    assert_eq!(executions([&[INC], &[INC]]), 2);
    // C(4, 2)
    assert_eq!(executions([&[INC; 2], &[INC; 2]]), 6);
    // C(6, 3)
    assert_eq!(executions([&[INC; 3], &[INC; 3]]), 20);
    // C(12, 6)
    assert_eq!(executions([&[INC; 6], &[INC; 6]]), 924);
    // 3!
    assert_eq!(executions([&[INC], &[INC], &[INC]]), 6);
    // 6! / (2! 2! 2!)
    assert_eq!(executions([&[INC; 2], &[INC; 2], &[INC; 2]]), 90);
    // 9! / (3! 3! 3!)
    assert_eq!(executions([&[INC; 3], &[INC; 3], &[INC; 3]]), 1680);
    // 4!: brute force does not see that they touch different things
    assert_eq!(executions([&[AtomicInc(0)], &[AtomicInc(1)], &[AtomicInc(2)], &[Fence]]), 24);
    // C(5, 2)
    assert_eq!(executions([&[INC; 2], &[INC; 3]]), 10);
}

#[test]
fn critical_sections_of_one_lock_are_atomic() {
    // The holder of the lock runs alone: 2!, 3!, 4!.
    assert_eq!(executions([&SECTION, &SECTION]), 2);
    assert_eq!(executions([&SECTION, &SECTION, &SECTION]), 6);
    assert_eq!(executions([&SECTION, &SECTION, &SECTION, &SECTION]), 24);
    // Two sections each: 4! / (2! 2!) and 6! / (2! 2! 2!).
    let twice = [SECTION, SECTION].concat();
    assert_eq!(executions([&twice, &twice]), 6);
    assert_eq!(executions([&twice, &twice, &twice]), 90);
    // A step of another beside a section of 3 falls before, between or behind its steps: 4.
    assert_eq!(executions([&SECTION, &[INC]]), 4);
    // Sections of different locks interleave freely: C(6, 3).
    assert_eq!(executions([&SECTION, &[Lock(1), AtomicInc(1), Unlock(1)]]), 20);
}

#[test]
fn trylock_has_a_schedule_for_each_moment() {
    // Lock and unlock by 1, a trylock by 2 that unlocks if it succeeded.
    // Trylock first: it succeeds; then its unlock must come before 1's lock, so 1 order.
    // Trylock between: it fails and is done, 1 order. Trylock last, then unlock: 1 order.
    assert_eq!(executions([&[Lock(0), Unlock(0)], &[TryLock(0, 1), Unlock(0)]]), 3);
}

#[test]
fn opposite_orders_have_one_deadlock_in_two_schedules() {
    let verdict = brute([&[Lock(0), Lock(1), Unlock(1), Unlock(0)], &[Lock(1), Lock(0), Unlock(0), Unlock(1)]]);
    // The first lock of each comes first in either order: 2 schedules end there, in the same outcome.
    // Otherwise 1 takes both before 2 takes b. Then 2's first lock falls behind 1's unlock of b: before or after 1's unlock
    // of a, 2 orders. The same with the roles changed: 2 + 2 + 2.
    assert_eq!((verdict.executions, verdict.deadlocks.len(), verdict.outcomes.len()), (6, 1, 1));
}

#[test]
fn choices_multiply_schedules() {
    // 3 * 4
    assert_eq!(executions([&[Choose(3), Choose(4)]]), 12);
    // C(2, 1) * 2 * 3
    assert_eq!(executions([&[Choose(2)], &[Choose(3)]]), 12);
    // C(3, 1) * 2: one step of 2 among the two of 1
    assert_eq!(executions([&[INC, Choose(2)], &[INC]]), 6);
}

#[test]
fn trylock_that_fails_leaves_statements_out() {
    // Held by the task itself: lock, trylock, unlock. One schedule.
    assert_eq!(executions([&[Lock(0), TryLock(0, 2), INC, Unlock(0), Unlock(0)]]), 1);
}

#[test]
fn waits_have_a_schedule_for_each_place_of_the_wake_up() {
    // The waiter W: enqueue, look, then dequeue (seen) or sleep, enqueue, look, dequeue. The other: store S, wake K.
    //
    // S before the look: W makes 3 steps. Orders of W's 3 and {S, K} with S before the look: S falls before the enqueue
    //   (K then in any of the 4 gaps behind S: 4) or between enqueue and look (K in 3): 7.
    // S behind the look: W stands before its sleep, which only K enables. S, K are next: 1 order, then W alone.
    assert_eq!(executions([&[Wait(0, 0, 1, None)], &[StoreOnce(0, 1), Wake(0)]]), 8);
}

#[test]
fn states_of_counting_tasks_are_the_points_of_a_grid() {
    // Each task stands at one of k + 1 positions, and the counter is their sum. The last state is no state to go on from.
    assert_eq!(states([&[INC; 3], &[INC; 3]]), 4 * 4 - 1);
    assert_eq!(states([&[INC; 3], &[INC; 3], &[INC; 3]]), 4 * 4 * 4 - 1);
    assert_eq!(states([&[INC; 6], &[INC; 6]]), 7 * 7 - 1);
}

#[test]
fn states_of_critical_sections_have_one_task_inside() {
    // Outside is before or behind (2 positions), inside is 2 positions, for at most one task at a time.
    // Nobody inside: 2^n. One inside: n * 2 * 2^(n-1). Less the last state.
    assert_eq!(states([&SECTION, &SECTION]), 4 + 2 * 2 * 2 - 1);
    assert_eq!(states([&SECTION, &SECTION, &SECTION]), 8 + 3 * 2 * 4 - 1);
}

#[test]
fn states_tell_what_was_read() {
    // One writer of 1 step, one reader of 2 steps that records both. (Writer's position, what the reader has read):
    // the reader at 0: 2. At 1: 0 before the write (1), or behind it 0 or 1 (2): 3. At 2, less the last states (both done):
    // the writer not done, so 00: 1. 6 in all.
    assert_eq!(states([&[AtomicSet(0, 1)], &[AtomicRead(0), AtomicRead(0)]]), 6);
}
