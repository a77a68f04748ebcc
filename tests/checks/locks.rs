//! Locks: taken twice, given back by the wrong task, never given back, taken in opposite orders.

use lockwright::check::Code;
use lockwright::program::small::Stmt;
use lockwright::program::small::Stmt::*;

use super::{assert_clean, assert_finds, findings, mutexes, run, set, spins};

// LW001: a task waits for a lock it holds.

#[test]
fn recursion_on_a_spinlock_is_found() {
    assert_finds(
        &spins([&[Lock(0), Lock(0), Unlock(0), Unlock(0)]]),
        &["LW001 a | task 1 step 2: waits for a here | task 1 step 1: took a here"],
    );
}

#[test]
fn recursion_is_found_at_once_though_another_task_runs_on() {
    let program = spins([&[Lock(0), Lock(0)], &[AtomicInc(0), AtomicInc(0), AtomicInc(0)]]);
    let verdict = run(&program);

    assert_eq!(
        findings(&verdict, &program),
        ["LW001 a | task 1 step 2: waits for a here | task 1 step 1: took a here"]
    );
    assert_eq!(verdict.findings[0].schedule.transitions.len(), 1);
}

#[test]
fn recursion_on_a_mutex_is_found() {
    assert_finds(
        &mutexes([&[Lock(0), Lock(0)]]),
        &["LW001 a | task 1 step 2: waits for a here | task 1 step 1: took a here"],
    );
}

#[test]
fn one_lock_after_the_other_is_no_recursion() {
    assert_clean(&spins([&[Lock(0), Unlock(0), Lock(0), Unlock(0)], &[Lock(0), Unlock(0)]]));
}

#[test]
fn recursion_on_the_bkl_is_legal() {
    assert_clean(&spins([
        &[LockKernel, LockKernel, LockKernel, Inc(0), UnlockKernel, Inc(0), UnlockKernel, Inc(0), UnlockKernel],
        &[LockKernel, Inc(0), UnlockKernel],
    ]));
}

#[test]
fn trylock_of_a_lock_one_holds_fails_and_is_no_recursion() {
    let program = spins([&[Lock(0), TryLock(0, 1), Unlock(0), Unlock(0)]]);
    let verdict = run(&program);

    assert_eq!(findings(&verdict, &program), [""; 0]);
    assert_eq!(verdict.outcomes.texts(), set(&["0; x=0 y=0 n=0"]));
}

// LW006: unlock of a lock not held.

#[test]
fn unlock_of_a_lock_nobody_holds_is_found() {
    assert_finds(
        &spins([&[Lock(0), Unlock(0), Unlock(0)]]),
        &["LW006 a | task 1 step 3: a given back here | task 1 step 2: last given back here"],
    );
    assert_clean(&spins([&[Lock(0), Unlock(0)]]));
}

#[test]
fn unlock_of_anothers_lock_is_found() {
    assert_finds(
        &mutexes([
            &[Lock(0), StoreOnce(0, 1), Wake(0), Wait(0, 1, 1, None), Unlock(0)],
            &[Wait(0, 0, 1, None), Unlock(0)],
        ]),
        &["LW006 a | task 2 step 9: a given back here | task 1 step 1: taken here"],
    );
}

// LW007: held lock freed, or still held at return.

#[test]
fn lock_held_at_the_end_is_found() {
    assert_finds(
        &spins([&[Lock(0), AtomicInc(0)]]),
        &["LW007 a | task 1 step 2: a still held at return here | task 1 step 1: a taken here"],
    );
}

#[test]
fn freeing_an_object_whose_lock_is_held_is_found() {
    assert_finds(
        &spins([&[Alloc(0), LockInside(0), Free(0)]]),
        &[
            "LW007 thing.lock | task 1 step 5: thing@task 1.1->thing.lock freed here | task 1 step 3: thing@task 1.1->thing.lock taken here",
        ],
    );
    assert_clean(&spins([&[Alloc(0), LockInside(0), UnlockInside(0), Free(0)]]));
}

// LW008: deadlock.

#[test]
fn opposite_orders_deadlock_and_equal_orders_do_not() {
    let (ab, ba): ([Stmt; 4], [Stmt; 4]) =
        ([Lock(0), Lock(1), Unlock(1), Unlock(0)], [Lock(1), Lock(0), Unlock(0), Unlock(1)]);

    assert_finds(
        &spins([&ab, &ba]),
        &[
            "LW003 a | task 2 step 6: a taken under b here | task 1 step 2: b taken under a here",
            "LW008 cycle | task 1 step 3: waits for b here | task 2 step 2: b was taken here",
        ],
    );
    assert_clean(&spins([&ab, &ab]));
}

#[test]
fn deadlock_of_two_is_found_while_a_third_runs_on() {
    let program =
        spins([&[Lock(0), Lock(1)], &[Lock(1), Lock(0)], &[AtomicInc(0), AtomicInc(0), AtomicInc(0), AtomicInc(0)]]);
    let verdict = run(&program);

    let cycle = verdict.findings.iter().find(|found| found.finding.code == Code::LW008).expect("the cycle is found");
    assert_eq!(cycle.finding.subject, "cycle");
    assert!(cycle.schedule.transitions.len() < 6, "{:?}", cycle.schedule);
}

#[test]
fn bkl_before_mutex_and_mutex_before_bkl_do_not_deadlock() {
    let bkl_first = [LockKernel, Lock(0), Inc(0), Unlock(0), UnlockKernel];
    let mutex_first = [Lock(0), LockKernel, Inc(0), UnlockKernel, Unlock(0)];

    assert_clean(&mutexes([&bkl_first, &mutex_first]));
}

#[test]
fn spinlock_in_place_of_the_bkl_deadlocks_with_another_lock() {
    let (bkl_first, lock_first) =
        ([LockKernel, Lock(0), Unlock(0), UnlockKernel], [Lock(0), LockKernel, UnlockKernel, Unlock(0)]);
    let (first, second) = ([Lock(1), Lock(0), Unlock(0), Unlock(1)], [Lock(0), Lock(1), Unlock(1), Unlock(0)]);

    assert_clean(&mutexes([&bkl_first, &lock_first]));
    assert_finds(
        &mutexes([&first, &second]),
        &[
            "LW003 a | task 2 step 6: b taken under a here | task 1 step 2: a taken under b here",
            "LW008 cycle | task 1 step 3: waits for a here | task 2 step 2: a was taken here",
        ],
    );
    assert_finds(
        &spins([&bkl_first, &lock_first]),
        &[
            "LW003 a | task 2 step 6: kernel_flag taken under a here | task 1 step 2: a taken under kernel_flag here",
            "LW008 cycle | task 1 step 3: waits for a here | task 2 step 2: a was taken here",
        ],
    );
}
