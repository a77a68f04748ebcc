//! Memory: data races, assertions, and the heap.

use lockwright::kernel::Faults;
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{Small, Stmt};

use super::{assert_clean, assert_finds, codes, findings, run, set, spins};

// LW010: data race.

#[test]
fn unlocked_increments_race() {
    let program = spins([&[Inc(0)], &[Inc(0)]]);
    let verdict = run(&program);

    assert_eq!(
        findings(&verdict, &program),
        ["LW010 x | task 2 step 2: task 2 reads it here | task 1 step 2: task 1 writes it here"]
    );
    // It goes on after the race: the lost update is among the outcomes.
    assert_eq!(verdict.outcomes.texts(), set(&[", ; x=1 y=0 n=0", ", ; x=2 y=0 n=0"]));
}

#[test]
fn locked_increments_do_not_race() {
    let locked = [Lock(0), Inc(0), Unlock(0)];

    assert_clean(&spins([&locked, &locked, &locked]));
    assert_eq!(codes(&spins([&locked, &[Lock(1), Inc(0), Unlock(1)]])), ["LW010"]);
}

#[test]
fn marked_accesses_do_not_race_but_one_unmarked_does() {
    assert_clean(&spins([&[StoreOnce(0, 1)], &[LoadOnce(0), StoreOnce(0, 2)]]));
    assert_clean(&spins([&[Load(0)], &[Load(0)]]));
    assert_eq!(codes(&spins([&[Store(0, 1)], &[LoadOnce(0)]])), ["LW010"]);
    assert_eq!(codes(&spins([&[StoreOnce(0, 1)], &[Load(0)]])), ["LW010"]);
}

#[test]
fn atomics_do_not_race() {
    let program = spins([&[AtomicInc(0), Cmpxchg(0, 2, 7)], &[AtomicInc(0), AtomicRead(0)]]);

    assert_clean(&program);
}

#[test]
fn trylock_that_succeeds_protects_and_one_whose_failure_is_ignored_does_not() {
    let protects = [TryLock(0, 2), Inc(0), Unlock(0)];
    let program = spins([&protects, &protects]);
    let verdict = run(&program);

    assert_eq!(findings(&verdict, &program), [""; 0]);
    assert_eq!(
        verdict.outcomes.texts(),
        set(&["0, 1; x=1 y=0 n=0", "1, 0; x=1 y=0 n=0", "1, 1; x=2 y=0 n=0"]),
        "both results of the trylock are seen"
    );
    assert!(codes(&spins([&[TryLock(0, 0), Inc(0)], &[TryLock(0, 0), Inc(0)]])).contains(&"LW010".to_owned()));
}

#[test]
fn trylock_beside_lock_store_unlock_succeeds_and_fails() {
    let verdict = run(&spins([&[Lock(0), Store(0, 1), Unlock(0)], &[TryLock(0, 1), Unlock(0)]]));

    assert_eq!(verdict.outcomes.texts(), set(&[", 0; x=1 y=0 n=0", ", 1; x=1 y=0 n=0"]));
}

// LW011: assertion failed.

#[test]
fn failed_assertion_is_found_with_its_schedule() {
    assert_finds(
        &spins([&[StoreOnce(0, 1), StoreOnce(0, 0)], &[Assert(0, 0)]]),
        &["LW011 assertion failed | task 2 step 2: failed here | task 2 step 2: in the call that began here"],
    );
    assert_clean(&spins([
        &[Lock(0), StoreOnce(0, 1), StoreOnce(0, 0), Unlock(0)],
        &[Lock(0), Assert(0, 0), Unlock(0)],
    ]));
}

// LW020, LW021, LW022: the heap.

#[test]
fn pointer_read_before_the_free_goes_stale() {
    assert_finds(
        &spins([&[Alloc(0), StoreOnce(0, 1), Wake(0), Use(0)], &[Wait(0, 0, 1, None), Free(0)]]),
        &["LW020 value | task 1 step 10: used here | task 2 step 9: thing@task 1.1 freed here"],
    );
}

#[test]
fn pointer_kept_across_a_sleep_under_the_bkl_goes_stale() {
    // Both hold the BKL, but the sleep in between gives it back: the slot still points to what the other has freed.
    let program = |between| {
        spins([
            &[LockKernel, AllocAtomic(0), between, Use(0), Free(0), Clear(0), UnlockKernel],
            &[LockKernel, Free(0), UnlockKernel],
        ])
    };

    assert_eq!(codes(&program(MaySleep)), ["LW020"]);
    assert_eq!(codes(&program(Fence)), [""; 0]);
}

#[test]
fn object_freed_twice_is_found() {
    assert_finds(
        &spins([&[Alloc(0), Free(0), Free(0)]]),
        &["LW021 thing | task 1 step 5: freed again here | task 1 step 3: freed first here"],
    );
    assert_clean(&spins([&[Alloc(0), Free(0), Clear(0), Free(0)]]));
}

#[test]
fn two_who_free_the_same_object_are_found() {
    let frees = [Lock(0), Free(0), Clear(0), Unlock(0)];
    let unlocked = [Free(0), Clear(0)];
    let program = |body: &[Stmt]| {
        let first = [&[Alloc(0), StoreOnce(0, 1), Wake(0)], body].concat();
        spins([&first, &[&[Wait(0, 0, 1, None)], body].concat()])
    };

    assert_clean(&program(&frees));
    assert_eq!(codes(&program(&unlocked)), ["LW021"]);
}

#[test]
fn object_that_nobody_frees_is_a_leak() {
    assert_finds(
        &spins([&[Alloc(0), Clear(0)]]),
        &["LW022 thing | task 1 step 2: the last task ends, thing@task 1.1 is left | task 1 step 0: allocated here"],
    );
}

#[test]
fn allocation_that_fails_is_explored() {
    let program = Small { faults: Faults { memory: true, lsm: false }, ..spins([&[Alloc(0), Free(0)]]) };
    let verdict = run(&program);

    assert_eq!(findings(&verdict, &program), [""; 0]);
    assert_eq!(verdict.outcomes.texts(), set(&["-12; x=0 y=0 n=0", "0; x=0 y=0 n=0"]));
}
