//! The explorer against loom: two engines that share nothing but the operations see the same outcomes and findings.
//!
//! For programs of locks, plain data and choices, without trylocks and without races: there C11 and sequential consistency
//! agree. Where they do not, and what loom does not do, is pinned by example in `loom-tests/small.rs`.

use lockwright::explore::{Config, EngineKind, explore};
use lockwright::scenario::small::{LockKind, Small, Stmt, Stmt::*};
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
fn phrase() -> impl Strategy<Value = Vec<Stmt>> {
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

/// Two or three tasks that share data under locks only.
pub fn program() -> impl Strategy<Value = Small> {
    let task = |phrases| prop::collection::vec(phrase(), 1..=phrases).prop_map(|phrases| phrases.concat());
    let two = prop::collection::vec(task(3), 2);
    let three = prop::collection::vec(task(1), 3);
    prop_oneof![3 => two, 1 => three].prop_map(|tasks| Small {
        tasks,
        locks: vec![LockKind::Spin, LockKind::Mutex],
        cells: vec![0; 3],
        ..Small::default()
    })
}

#[test]
fn the_explorer_and_loom_see_the_same_outcomes_without_races() {
    proptest!(crate::config(96), |(program in program())| {
        let subject = program.subject();
        let explorer = explore(&subject, &Config::default());
        let loom = explore(&subject, &Config { executions_max: 50_000, ..Config::with_engine(EngineKind::Loom) });

        prop_assert!(explorer.complete() && loom.complete(), "{:?} {:?}", explorer.bound, loom.bound);
        prop_assert_eq!(&explorer.outcomes, &loom.outcomes);
        prop_assert_eq!(explorer.codes(), loom.codes());
    });
}
