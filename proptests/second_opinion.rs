//! The explorer against loom: two engines that share nothing but the operations see the same outcomes and findings.
//!
//! For programs of locks, plain data and choices, without races: there C11 and sequential consistency agree. Where they do not, and
//! what loom does not do, is pinned by example in `loom-tests/small.rs`.

use lockwright::explore::{Config, EngineKind, explore};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{LockKind, Small, Stmt};
use proptest::prelude::*;

/// What a task does while it holds the lock of a cell.
fn body(cell: usize) -> impl Strategy<Value = Vec<Stmt>> {
    prop_oneof![
        3 => Just(vec![Inc(cell)]),
        2 => Just(vec![Load(cell)]),
        2 => (0..3i64).prop_map(move |value| vec![Store(cell, value)]),
        1 => Just(vec![Load(cell), Inc(cell)]),
    ]
}

/// Every cell is accessed under the lock of its number only; two locks are taken in either order.
pub fn phrase() -> impl Strategy<Value = Vec<Stmt>> {
    let section = (0..2usize)
        .prop_flat_map(|lock| body(lock).prop_map(move |body| [vec![Lock(lock)], body, vec![Unlock(lock)]].concat()));
    let nested = (0..2usize).prop_flat_map(|outer| {
        (body(outer), body(1 - outer)).prop_map(move |(first, second)| {
            let inner = [vec![Lock(1 - outer)], second, vec![Unlock(1 - outer)]].concat();
            [vec![Lock(outer)], first, inner, vec![Unlock(outer)]].concat()
        })
    });
    let bkl = body(2).prop_map(|body| [vec![LockKernel], body, vec![UnlockKernel]].concat());
    let slept = body(2)
        .prop_map(|body| [vec![LockKernel, LockKernel], body, vec![MaySleep, UnlockKernel, UnlockKernel]].concat());
    prop_oneof![
        4 => section,
        2 => nested,
        2 => bkl,
        1 => slept,
        2 => (2..4u8).prop_map(|n| vec![Choose(n)]),
    ]
}

/// What loom's own locks cannot do: a mutex under the BKL, which is tried first and then waited for without the BKL; the BKL under a
/// mutex; a trylock. And a lock that its task leaves locked. Locks 0 and 1 are a spinlock and a mutex.
fn tried() -> impl Strategy<Value = Vec<Stmt>> {
    let mutex_under_the_bkl = (body(1), body(2)).prop_map(|(inside, around)| {
        [vec![LockKernel], around, vec![Lock(1)], inside, vec![Unlock(1), UnlockKernel]].concat()
    });
    let bkl_under_a_mutex = (body(1), body(2)).prop_map(|(around, inside)| {
        [vec![Lock(1)], around, vec![LockKernel], inside, vec![UnlockKernel, Unlock(1)]].concat()
    });
    let trylock = (0..2usize).prop_flat_map(|lock| {
        body(lock).prop_map(move |body| [vec![TryLock(lock, body.len() + 1)], body, vec![Unlock(lock)]].concat())
    });
    let left_locked = (0..2usize).prop_map(|lock| vec![Lock(lock)]);
    prop_oneof![6 => mutex_under_the_bkl, 4 => bkl_under_a_mutex, 6 => trylock, 4 => phrase(), 1 => left_locked]
}

/// Readers and writers of two locks; a reader may take its lock again.
fn shared() -> impl Strategy<Value = Vec<Stmt>> {
    let read = (0..2usize).prop_map(|lock| vec![ReadLock(lock), Load(lock), ReadUnlock(lock)]);
    let write = (0..2usize)
        .prop_flat_map(|lock| body(lock).prop_map(move |body| [vec![Lock(lock)], body, vec![Unlock(lock)]].concat()));
    let nested = (0..2usize, any::<bool>()).prop_map(|(outer, again)| {
        let inner = if again { outer } else { 1 - outer };
        vec![ReadLock(outer), ReadLock(inner), Load(inner), ReadUnlock(inner), ReadUnlock(outer)]
    });
    prop_oneof![3 => read, 3 => write, 2 => nested]
}

pub fn program(phrase: impl Strategy<Value = Vec<Stmt>> + Clone, locks: [LockKind; 2]) -> impl Strategy<Value = Small> {
    let task = |phrases| prop::collection::vec(phrase.clone(), 1..=phrases).prop_map(|phrases| phrases.concat());
    let two = prop::collection::vec(task(3), 2);
    let three = prop::collection::vec(task(1), 3);
    prop_oneof![3 => two, 1 => three].prop_map(move |tasks| Small {
        tasks,
        locks: locks.to_vec(),
        cells: vec![0; 3],
        ..Small::default()
    })
}

/// A task of the readers' and writers' phrases. To loom two readers are two orders, so there is room for a few steps only; a
/// semaphore takes three.
fn small_enough(mut program: Small) -> Small {
    let steps = |task: &Vec<Stmt>| -> usize {
        let of = |stmt: &Stmt| if matches!(stmt, Lock(1) | ReadLock(1)) { 3 } else { 1 };
        task.iter().map(of).sum()
    };
    while program.tasks.iter().map(steps).sum::<usize>() > 14 {
        let longest = program.tasks.iter_mut().max_by_key(|task| steps(task)).expect("there are tasks");
        longest.pop();
    }
    program
}

fn compare(program: &Small) -> Result<(), TestCaseError> {
    let subject = program.subject();
    let explorer = explore(&subject, &Config::default());
    let loom = explore(&subject, &Config { executions_max: 50_000, ..Config::with_engine(EngineKind::Loom) });

    prop_assert!(explorer.complete() && loom.complete(), "{:?} {:?}", explorer.bound, loom.bound);
    prop_assert_eq!(&explorer.outcomes, &loom.outcomes);
    prop_assert_eq!(explorer.codes(), loom.codes());
    Ok(())
}

proptest! {
    #![proptest_config(crate::config(96))]

    #[test]
    fn the_explorer_and_loom_see_the_same_outcomes_without_races(
        program in program(phrase().boxed(), [LockKind::Spin, LockKind::Mutex]),
    ) {
        compare(&program)?;
    }

    #[test]
    fn the_explorer_and_loom_see_the_same_of_mutexes_under_the_bkl_and_of_trylocks(
        program in program(tried().boxed(), [LockKind::Spin, LockKind::Mutex]),
    ) {
        compare(&program)?;
    }

    #[test]
    fn the_explorer_and_loom_see_the_same_of_locks_that_readers_share(
        program in program(shared().boxed(), [LockKind::Rw, LockKind::RwSem]).prop_map(small_enough),
    ) {
        compare(&program)?;
    }
}
