//! Sleeping: where it is forbidden, who is woken, when time is up, and what becomes of the BKL meanwhile.

use std::collections::BTreeSet;

use lockwright::check::Code;
use lockwright::engine::Clock;
use lockwright::explore::{Config, EngineKind, explore};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{LockKind, Small};

use super::{assert_clean, assert_finds, codes, findings, run, set, spins};

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

// LW008: nobody wakes whoever sleeps.

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
    assert_eq!((verdict.outcomes.texts(), verdict.deadlocks.texts()), (set(&["0, ; x=1 y=0 n=0"]), set(&[])));
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

/// What the explorer sees, and DPOR as well.
fn outcomes(program: &Small) -> BTreeSet<String> {
    let engines = [EngineKind::Dpor, EngineKind::SourceDpor];
    let seen = run(program).outcomes.texts();
    for engine in engines {
        assert_eq!(explore(&program.subject(), &Config::with_engine(engine)).outcomes.texts(), seen, "{engine:?}");
    }
    seen
}

#[test]
fn who_is_woken_together_runs_on_in_any_order() {
    // Under the BKL each says that it is there, and holds it until it is queued. So the wake-up finds both.
    let sleeper = |number| {
        let sleeps = [LockKernel, AddOnce(0, 1), Wake(1), SleepOn(0), UnlockKernel];
        [&sleeps[..], &[Cmpxchg(0, 0, number)]].concat()
    };
    let waker = [Wait(1, 0, 2, None), LockKernel, Wake(0), UnlockKernel];
    let program = Small { queues: 2, ..spins([&sleeper(1), &sleeper(2), &waker]) };

    assert_clean(&program);
    assert_eq!(outcomes(&program), set(&["0, 1, 0; x=2 y=0 n=1", "2, 0, 0; x=2 y=0 n=2"]));
}

#[test]
fn a_wake_up_for_nothing_ends_a_sleep_and_sends_a_wait_round_again() {
    let sleeper = [LockKernel, StoreOnce(1, 1), Wake(1), SleepOn(0), LoadOnce(0), UnlockKernel];
    let waker = [Wait(1, 1, 1, None), LockKernel, Wake(0), UnlockKernel, StoreOnce(0, 1)];
    let program = Small { queues: 2, ..spins([&sleeper, &waker]) };
    assert_eq!(outcomes(&program), set(&["0, 0; x=1 y=1 n=0", "1, 0; x=1 y=1 n=0"]));

    let program = spins([&[Wait(0, 0, 1, None), LoadOnce(0)], &[Wake(0), StoreOnce(0, 1), Wake(0)]]);
    assert_clean(&program);
    assert_eq!(outcomes(&program), set(&["0 1, ; x=1 y=0 n=0"]));
}

#[test]
fn signal_ends_a_wait() {
    let verdict = run(&spins([&[Wait(0, 0, 1, None)], &[Interrupt(0)]]));

    assert_eq!(verdict.outcomes.texts(), set(&["1, ; x=0 y=0 n=0"]));
    assert_eq!(verdict.codes(), BTreeSet::new());
}

// Time.

#[test]
fn free_clock_lets_a_timeout_come_before_the_wake_up_or_after() {
    let program = spins([&[Wait(0, 0, 1, Some(10))], &[StoreOnce(0, 1), Wake(0)]]);
    let outcomes = |clock| run(&Small { clock, ..program.clone() }).outcomes.texts();

    assert_eq!(outcomes(Clock::Free), set(&["0, ; x=1 y=0 n=0", "2, ; x=1 y=0 n=0"]));
    assert_eq!(outcomes(Clock::Quiescent), set(&["0, ; x=1 y=0 n=0"]));
    assert_eq!(outcomes(Clock::Stopped), set(&["0, ; x=1 y=0 n=0"]));
}

#[test]
fn timeout_without_a_waker_fires_unless_the_clock_is_stopped() {
    let verdict = |clock| run(&Small { clock, ..spins([&[Wait(0, 0, 1, Some(10))]]) });

    assert_eq!(verdict(Clock::Free).outcomes.texts(), set(&["2; x=0 y=0 n=0"]));
    assert_eq!(verdict(Clock::Quiescent).outcomes.texts(), set(&["2; x=0 y=0 n=0"]));
    let stopped = verdict(Clock::Stopped);
    assert_eq!(stopped.codes(), BTreeSet::from([Code::LW008]));
    assert_eq!((stopped.outcomes.len(), stopped.deadlocks.texts()), (0, set(&["; x=0 y=0 n=0"])));
}

#[test]
fn time_moved_on_by_a_task_fires_a_timeout_under_a_stopped_clock() {
    let program =
        Small { clock: Clock::Stopped, ..spins([&[StoreOnce(1, 1), Wait(0, 0, 1, Some(10))], &[Advance(10)]]) };
    let verdict = run(&program);

    // Moved on before the deadline was set, it comes too early for it.
    assert_eq!(verdict.outcomes.texts(), set(&["2, ; x=0 y=1 n=0"]));
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
    assert_eq!(verdict.outcomes.texts(), set(&["1, 1; x=2 y=0 n=0", "2, 0; x=2 y=0 n=0", "2, 1; x=2 y=0 n=0"]));
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
