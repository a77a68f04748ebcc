//! What a checkpoint keeps beside the states: who sleeps in them, and the lock orders seen so far.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lockwright::check::Code;
use lockwright::explore::{Bound, Checkpoint, Config, Verdict, try_explore};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{Is, LockKind, Small, Stmt};

use crate::cli::directory;

fn file_in(name: &str) -> PathBuf {
    let directory = directory(name);
    std::fs::create_dir_all(&directory).unwrap();
    directory.join("file.checkpoint")
}

fn program(tasks: &[&[Stmt]]) -> Small {
    Small {
        tasks: tasks.iter().map(|task| task.to_vec()).collect(),
        locks: vec![LockKind::Spin; 2],
        cells: vec![0, 0],
        atomics: vec![0],
        ..Small::default()
    }
}

/// Explores until there were `executions_max` executions in all. Written down at the end only.
fn explored(program: &Small, file: &Path, executions_max: u64) -> Verdict {
    let interval = Duration::from_secs(3600);
    let checkpoint = Some(Checkpoint { file: file.to_owned(), about: "resume".to_owned(), interval });
    try_explore(&program.subject(), &Config { executions_max, checkpoint, ..Config::default() }).unwrap()
}

#[test]
fn lock_orders_seen_before_a_stop_count_after_it() {
    // The environment decides which of the two orders an execution has, or none.
    let first =
        [Choose(3), IfLast(Is::Eq(0), 5), Lock(0), Lock(1), Unlock(1), Unlock(0), Skip(5), IfLast(Is::Eq(1), 4)];
    let chosen = |second: [Stmt; 4]| program(&[&[&first[..], &second].concat()]);
    let opposite = chosen([Lock(1), Lock(0), Unlock(0), Unlock(1)]);
    let same = chosen([Lock(0), Lock(1), Unlock(1), Unlock(0)]);
    let file = file_in("orders");

    // Stopped between the two orders; and behind both, when the cycle is known, though no execution alone has it.
    for (program, stop, before, after) in [
        (&opposite, 1, vec![], vec![Code::LW003]),
        (&opposite, 2, vec![Code::LW003], vec![Code::LW003]),
        (&same, 1, vec![], vec![]),
        (&same, 2, vec![], vec![]),
    ] {
        let stopped = explored(program, &file, stop);
        assert_eq!(stopped.bound, Some(Bound::Executions(stop)));
        assert_eq!(stopped.codes().into_iter().collect::<Vec<_>>(), before);

        let rest = explored(program, &file, u64::MAX);
        assert!(rest.complete());
        assert_eq!(rest.codes().into_iter().collect::<Vec<_>>(), after);
    }
}

/// Who sleeps in each state of a checkpoint, by the state's fingerprint.
fn sleepers(file: &Path) -> BTreeMap<u128, u32> {
    let bytes = std::fs::read(file).unwrap();
    let table = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let entry = |entry: &[u8]| {
        (u128::from_le_bytes(entry[..16].try_into().unwrap()), u32::from_le_bytes(entry[16..].try_into().unwrap()))
    };
    bytes[table..].chunks_exact(20).map(entry).collect()
}

#[test]
fn what_sleeps_before_a_stop_sleeps_after_it() {
    // A step that sleeps in a known state was never tried there. If it counted as tried, it would never be.
    let own = |cell: usize| [StoreOnce(cell, 1), StoreOnce(cell, 2), AtomicInc(0)];
    let program = program(&[&own(0), &own(1), &[LoadOnce(0), LoadOnce(1), AtomicInc(0)]]);
    let file = file_in("sleepers");
    let stopped_at = |executions| {
        assert_eq!(explored(&program, &file, executions).bound, Some(Bound::Executions(executions)));
        sleepers(&file)
    };

    let before = stopped_at(20);
    let after = stopped_at(21);

    let sleeping = before.iter().filter(|(_, asleep)| **asleep != 0);
    assert!(sleeping.clone().count() > 10);
    // One execution more wakes those in the states that it comes through, nine at most.
    let changed = sleeping.filter(|(fingerprint, asleep)| after[*fingerprint] != **asleep).count();
    assert!(changed <= 9, "{changed}");
    assert!(before.iter().all(|(fingerprint, asleep)| after[fingerprint] & !asleep == 0), "nobody falls asleep");
}
