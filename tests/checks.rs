//! Each finding by the smallest program that has it, and beside it the program as it should be.
//!
//! A check counts for something only in both directions: the seeded program gives exactly its finding, at both of its
//! places, and the corrected one is clean, with every interleaving seen.

use std::collections::BTreeSet;

use lockwright::check::Code;
use lockwright::engine::Clock;
use lockwright::explore::{Config, EngineKind, Verdict, explore};
use lockwright::kernel::Faults;
use lockwright::scenario::small::{LockKind, Small, Stmt, Stmt::*};

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
            format!("{} {} | {} | {}", finding.code, finding.subject, place(&finding.at), place(&finding.other))
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
    assert_eq!(verdict.outcomes, set(&["0; x=0 y=0 n=0"]));
}

// LW002: may sleep in atomic context.

#[test]
fn mutex_under_a_spinlock_may_sleep_in_atomic_context() {
    let program =
        Small { locks: vec![LockKind::Spin, LockKind::Mutex], ..spins([&[Lock(0), Lock(1), Unlock(1), Unlock(0)]]) };

    assert_finds(&program, &["LW002 mutex_lock | task 1 step 1: mutex_lock here | task 1 step 1: atomic since a here"]);
}

#[test]
fn spinlock_under_a_mutex_is_fine() {
    let program = Small {
        locks: vec![LockKind::Spin, LockKind::Mutex],
        ..spins([&[Lock(1), Lock(0), Unlock(0), Unlock(1)], &[Lock(1), Lock(0), Unlock(0), Unlock(1)]])
    };

    assert_clean(&program);
}

#[test]
fn allocation_that_may_sleep_under_a_spinlock_is_found_and_an_atomic_one_is_fine() {
    let program = |alloc| spins([&[Lock(0), alloc, Unlock(0), Free(0)]]);

    assert_finds(
        &program(Alloc(0)),
        &["LW002 kmalloc(GFP_KERNEL) | task 1 step 1: kmalloc(GFP_KERNEL) here | task 1 step 1: atomic since a here"],
    );
    assert_clean(&program(AllocAtomic(0)));
}

#[test]
fn sleeping_with_preemption_off_is_found_whatever_the_depth() {
    assert_finds(
        &spins([&[PreemptDisable, PreemptDisable, PreemptEnable, MaySleep, PreemptEnable, MaySleep]]),
        &["LW002 might_sleep | task 1 step 0: might_sleep here | task 1 step 0: atomic since preempt_disable here"],
    );
}

#[test]
fn sleeping_under_the_bkl_is_legal() {
    assert_clean(&spins([
        &[LockKernel, MaySleep, Alloc(0), Free(0), UnlockKernel],
        &[LockKernel, LockKernel, MaySleep, UnlockKernel, UnlockKernel],
    ]));
}

#[test]
fn sleeping_under_the_bkl_and_a_spinlock_is_found() {
    // Retaking the BKL with the spinlock still held is the opposite order on top.
    assert_finds(
        &spins([&[LockKernel, Lock(0), MaySleep, Unlock(0), UnlockKernel]]),
        &[
            "LW002 might_sleep | task 1 step 2: might_sleep here | task 1 step 2: atomic since a here",
            "LW003 a | task 1 step 4: kernel_flag taken under a here | task 1 step 2: a taken under kernel_flag here",
        ],
    );
}

#[test]
fn waiting_for_an_event_with_a_spinlock_held_is_found_even_if_it_need_not_wait() {
    let program = |first, second| spins([&[first, Wait(0, 0, 0, None), second]]);

    assert_finds(
        &program(Lock(0), Unlock(0)),
        &["LW002 wait_event | task 1 step 1: wait_event here | task 1 step 1: atomic since a here"],
    );
    assert_clean(&program(Fence, Fence));
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

#[test]
fn task_that_nobody_wakes_is_a_standstill() {
    assert_finds(
        &spins([&[Wait(0, 0, 1, None)], &[AtomicInc(0)]]),
        &[
            "LW008 standstill | task 1 step 4: task 1 waits here | task 1 step 4: the call of task 1 that waits began here",
        ],
    );
}

#[test]
fn wake_up_between_the_look_and_the_sleep_is_not_lost() {
    let program = spins([&[Wait(0, 0, 1, None)], &[StoreOnce(0, 1), Wake(0)]]);
    let verdict = run(&program);

    assert_eq!(findings(&verdict, &program), [""; 0]);
    assert_eq!((verdict.outcomes, verdict.deadlocks), (set(&["0, ; x=1 y=0 n=0"]), set(&[])));
}

#[test]
fn wake_up_before_the_store_is_lost() {
    assert_eq!(codes(&spins([&[Wait(0, 0, 1, None)], &[Wake(0), StoreOnce(0, 1)]])), ["LW008"]);
}

#[test]
fn sleep_on_misses_a_wake_up_that_came_before_it_unless_the_bkl_is_held() {
    assert_eq!(codes(&spins([&[SleepOn(0)], &[Wake(0)]])), ["LW008"]);

    // Under the BKL the sleeper says that it is there, and holds it until it is queued: the waker comes after.
    let sleeper = [LockKernel, StoreOnce(0, 1), Wake(1), SleepOn(0), UnlockKernel];
    let waker = [Wait(1, 0, 1, None), LockKernel, Wake(0), UnlockKernel];
    let program = |sleeper, waker| Small { queues: 2, ..spins([sleeper, waker]) };
    assert_clean(&program(&sleeper, &waker));
    assert_eq!(codes(&program(&sleeper[1..4], &waker)), ["LW008"]);
}

#[test]
fn signal_ends_a_wait() {
    let verdict = run(&spins([&[Wait(0, 0, 1, None)], &[Interrupt(0)]]));

    assert_eq!(verdict.outcomes, set(&["1, ; x=0 y=0 n=0"]));
    assert_eq!(verdict.codes(), BTreeSet::new());
}

// Time.

#[test]
fn free_clock_lets_a_timeout_come_before_the_wake_up_or_after() {
    let program = spins([&[Wait(0, 0, 1, Some(10))], &[StoreOnce(0, 1), Wake(0)]]);
    let outcomes = |clock| run(&Small { clock, ..program.clone() }).outcomes;

    assert_eq!(outcomes(Clock::Free), set(&["0, ; x=1 y=0 n=0", "2, ; x=1 y=0 n=0"]));
    assert_eq!(outcomes(Clock::Quiescent), set(&["0, ; x=1 y=0 n=0"]));
    assert_eq!(outcomes(Clock::Stopped), set(&["0, ; x=1 y=0 n=0"]));
}

#[test]
fn timeout_without_a_waker_fires_unless_the_clock_is_stopped() {
    let verdict = |clock| run(&Small { clock, ..spins([&[Wait(0, 0, 1, Some(10))]]) });

    assert_eq!(verdict(Clock::Free).outcomes, set(&["2; x=0 y=0 n=0"]));
    assert_eq!(verdict(Clock::Quiescent).outcomes, set(&["2; x=0 y=0 n=0"]));
    let stopped = verdict(Clock::Stopped);
    assert_eq!(stopped.codes(), BTreeSet::from([Code::LW008]));
    assert_eq!((stopped.outcomes.len(), stopped.deadlocks), (0, set(&["; x=0 y=0 n=0"])));
}

#[test]
fn time_moved_on_by_a_task_fires_a_timeout_under_a_stopped_clock() {
    let program =
        Small { clock: Clock::Stopped, ..spins([&[StoreOnce(1, 1), Wait(0, 0, 1, Some(10))], &[Advance(10)]]) };
    let verdict = run(&program);

    // Moved on before the deadline was set, it comes too early for it.
    assert_eq!(verdict.outcomes, set(&["2, ; x=0 y=1 n=0"]));
    assert_eq!(verdict.codes(), BTreeSet::from([Code::LW008]));
}

// The BKL is what it was.

#[test]
fn bkl_is_given_back_in_schedule_whatever_the_depth() {
    // The second task gets in while the first sleeps three levels deep, and nowhere else.
    let program = spins([
        &[LockKernel, LockKernel, LockKernel, Inc(0), MaySleep, Load(0), UnlockKernel, UnlockKernel, UnlockKernel],
        &[LockKernel, Load(0), Inc(0), UnlockKernel],
    ]);
    let verdict = run(&program);

    assert_eq!(findings(&verdict, &program), [""; 0]);
    // It reads 0 before, 1 in the middle (and the first then reads 2) or 1 after.
    assert_eq!(verdict.outcomes, set(&["1, 1; x=2 y=0 n=0", "2, 0; x=2 y=0 n=0", "2, 1; x=2 y=0 n=0"]));
}

#[test]
fn bkl_is_retaken_at_its_depth_before_schedule_returns() {
    // Were it not retaken, the accesses behind the sleep would race; were the depth lost, the unlocks would be a BUG.
    let nested = [LockKernel, LockKernel, MaySleep, Inc(0), UnlockKernel, Inc(0), UnlockKernel];

    assert_clean(&spins([&nested, &nested]));
}

#[test]
fn unlock_kernel_when_not_held_is_a_bug() {
    assert_finds(
        &spins([&[LockKernel, UnlockKernel, UnlockKernel]]),
        &[
            "LW011 unlock_kernel: the BKL is not held | task 1 step 2: failed here | task 1 step 2: in the call that began here",
        ],
    );
}

#[test]
fn bkl_held_at_the_end_is_found() {
    assert_eq!(codes(&spins([&[LockKernel]])), ["LW007"]);
}

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
    assert_eq!(verdict.outcomes, set(&[", ; x=1 y=0 n=0", ", ; x=2 y=0 n=0"]));
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
        verdict.outcomes,
        set(&["0, 1; x=1 y=0 n=0", "1, 0; x=1 y=0 n=0", "1, 1; x=2 y=0 n=0"]),
        "both results of the trylock are seen"
    );
    assert!(codes(&spins([&[TryLock(0, 0), Inc(0)], &[TryLock(0, 0), Inc(0)]])).contains(&"LW010".to_owned()));
}

#[test]
fn trylock_beside_lock_store_unlock_succeeds_and_fails() {
    let verdict = run(&spins([&[Lock(0), Store(0, 1), Unlock(0)], &[TryLock(0, 1), Unlock(0)]]));

    assert_eq!(verdict.outcomes, set(&[", 0; x=1 y=0 n=0", ", 1; x=1 y=0 n=0"]));
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
    assert_eq!(verdict.outcomes, set(&["-12; x=0 y=0 n=0", "0; x=0 y=0 n=0"]));
}

// Whoever explores, it is the same.

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
