//! Programs of locks that readers share: the explorer and DPOR against brute force.

use lockwright::engine::Memory;
use lockwright::explore::{Config, EngineKind, explore};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{LockKind, Small, Stmt};
use proptest::prelude::*;

use crate::programs::{Said, fitted};

/// Schedules that brute force may need.
const EXECUTIONS_MAX: u64 = 20_000;

fn phrase() -> impl Strategy<Value = Vec<Stmt>> {
    let lock = 0..2usize;
    let body = prop_oneof![
        (0..2usize).prop_map(|cell| vec![Inc(cell)]),
        (0..2usize).prop_map(|cell| vec![Load(cell)]),
        ((0..2usize), 1..3i64).prop_map(|(cell, value)| vec![StoreOnce(cell, value)]),
        Just(vec![]),
    ];
    let reads = (lock.clone(), body.clone())
        .prop_map(|(lock, body)| [vec![ReadLock(lock)], body, vec![ReadUnlock(lock)]].concat());
    let writes =
        (lock.clone(), body.clone()).prop_map(|(lock, body)| [vec![Lock(lock)], body, vec![Unlock(lock)]].concat());
    let nested = (lock.clone(), any::<bool>(), body.clone()).prop_map(|(outer, again, body)| {
        let inner = if again { outer } else { 1 - outer };
        [vec![ReadLock(outer), ReadLock(inner)], body, vec![ReadUnlock(inner), ReadUnlock(outer)]].concat()
    });
    let tried = (lock.clone(), body.clone())
        .prop_map(|(lock, body)| [vec![TryLock(lock, body.len() + 1)], body, vec![Unlock(lock)]].concat());
    let loose = (lock, 0..4u8).prop_map(|(lock, which)| match which {
        0 => vec![ReadLock(lock)],
        1 => vec![ReadUnlock(lock)],
        2 => vec![Lock(lock)],
        _ => vec![Unlock(lock)],
    });
    prop_oneof![4 => reads, 4 => writes, 3 => nested, 2 => tried, 2 => body, 1 => loose]
}

fn program(semaphore: bool) -> impl Strategy<Value = Small> {
    let task = prop::collection::vec(phrase(), 1..3).prop_map(|phrases| phrases.concat());
    prop::collection::vec(task, 2..4).prop_map(move |mut tasks| {
        // A semaphore takes three steps and is not tried.
        let step = |stmt: &Stmt| if semaphore && matches!(stmt, Lock(_) | ReadLock(_)) { 3 } else { 1 };
        if semaphore {
            tasks.iter_mut().flatten().filter(|stmt| matches!(stmt, TryLock(..))).for_each(|stmt| *stmt = Fence);
        }
        while tasks.iter().flatten().map(step).sum::<usize>() > 13 {
            let longest = tasks.iter().map(Vec::len).max().expect("there are tasks");
            tasks.iter_mut().filter(|task| task.len() == longest).for_each(|task| _ = task.pop());
        }
        let first = if semaphore { LockKind::RwSem } else { LockKind::Rw };
        Small { tasks: fitted(tasks), locks: vec![first, LockKind::Rw], cells: vec![0, 0], ..Small::default() }
    })
}

fn compare(program: &Small, memory: Memory) -> Result<(), TestCaseError> {
    let run = |engine| {
        let config = Config { memory, executions_max: EXECUTIONS_MAX, ..Config::with_engine(engine) };
        explore(&program.subject(), &config)
    };
    let brute = run(EngineKind::Brute);
    if brute.complete() {
        for engine in [EngineKind::Explorer, EngineKind::Dpor, EngineKind::SourceDpor] {
            let verdict = run(engine);
            prop_assert_eq!(verdict.bound, None);
            prop_assert_eq!(Said::by(&verdict), Said::by(&brute), "{:?}", engine);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(crate::config(2_000))]

    #[test]
    fn engines_and_brute_force_agree_on_read_write_locks(program in program(false)) {
        compare(&program, Memory::Sc)?;
    }
}

proptest! {
    #![proptest_config(crate::config(500))]

    #[test]
    fn engines_and_brute_force_agree_on_semaphores(program in program(true)) {
        compare(&program, Memory::Sc)?;
    }

    #[test]
    fn engines_and_brute_force_agree_on_read_write_locks_with_store_buffers(program in program(false)) {
        compare(&program, Memory::Tso)?;
    }
}
