//! Small programs whose outcomes under C11 are known from the literature, and the differences from the explorer, pinned.

use lockwright::check::Code;
use lockwright::explore::{Bound, Config, EngineKind, Verdict, explore};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{LockKind, Small, Stmt};

fn run(program: &Small, engine: EngineKind) -> Verdict {
    let verdict = explore(&program.subject(), &Config::with_engine(engine));
    assert_eq!(verdict.bound, None);
    verdict
}

/// Outcomes of (explorer, loom).
fn outcomes(tasks: &[&[Stmt]]) -> (usize, usize) {
    let program = Small {
        tasks: tasks.iter().map(|task| task.to_vec()).collect(),
        locks: vec![LockKind::Spin],
        cells: vec![0, 0],
        ..Small::default()
    };
    let (explorer, loom) = (run(&program, EngineKind::Explorer), run(&program, EngineKind::Loom));
    if loom.outcomes.len() >= explorer.outcomes.len() {
        assert!(explorer.outcomes.is_subset(&loom.outcomes), "a weaker memory loses no outcome");
    } else {
        assert!(loom.outcomes.is_subset(&explorer.outcomes));
    }
    (explorer.outcomes.len(), loom.outcomes.len())
}

/// Dekker's entry: each stores its own flag, then reads the other's. (0,1), (1,0) and (1,1) by interleaving; both 0 only
/// if both stores wait in a buffer.
#[test]
fn store_buffering_has_a_fourth_outcome_that_full_barriers_forbid() {
    assert_eq!(outcomes(&[&[StoreOnce(0, 1), LoadOnce(1)], &[StoreOnce(1, 1), LoadOnce(0)]]), (3, 4));
    assert_eq!(outcomes(&[&[StoreOnce(0, 1), Fence, LoadOnce(1)], &[StoreOnce(1, 1), Fence, LoadOnce(0)]]), (3, 3));
    assert_eq!(outcomes(&[&[StoreOnce(0, 1), Fence, LoadOnce(1)], &[StoreOnce(1, 1), LoadOnce(0)]]), (3, 4));
}

/// Data, then flag; the reader reads flag, then data. Flag seen without data needs a reordering.
#[test]
fn message_passing_by_relaxed_flags_shows_stale_data_to_loom_alone() {
    assert_eq!(outcomes(&[&[StoreOnce(0, 1), StoreOnce(1, 1)], &[LoadOnce(1), LoadOnce(0)]]), (3, 4));
    assert_eq!(outcomes(&[&[StoreOnce(0, 1), Fence, StoreOnce(1, 1)], &[LoadOnce(1), Fence, LoadOnce(0)]]), (3, 3));
}

/// Two writes, two reads of one cell: (0,0), (0,1), (0,2), (1,1), (1,2), (2,2); never backwards.
#[test]
fn reads_of_one_cell_are_coherent() {
    assert_eq!(outcomes(&[&[StoreOnce(0, 1), StoreOnce(0, 2)], &[LoadOnce(0), LoadOnce(0)]]), (6, 6));
}

/// loom itself forgets the first task's read when the second reads before it writes (tokio-rs/loom#166).
#[test]
fn a_redundant_read_loses_no_outcome() {
    assert_eq!(outcomes(&[&[LoadOnce(0)], &[StoreOnce(0, 1)]]), (2, 2));
    assert_eq!(outcomes(&[&[LoadOnce(0)], &[LoadOnce(0), StoreOnce(0, 1)]]), (2, 2));
    assert_eq!(outcomes(&[&[LoadOnce(0)], &[LoadOnce(0), LoadOnce(0), StoreOnce(0, 1), LoadOnce(0)]]), (2, 2));
}

/// loom's own `try_lock` waits for a holder; a lock that is tried is a word to it instead.
#[test]
fn a_trylock_beside_a_holder_fails_as_well_as_succeeds() {
    assert_eq!(outcomes(&[&[Lock(0), Store(0, 1), Unlock(0)], &[TryLock(0, 1), Unlock(0)]]), (2, 2));
}

/// A lock that is a word orders memory as one that is none: data, then the lock given back; the lock taken, then data. The trylock
/// that fails orders nothing.
#[test]
fn a_lock_that_is_tried_publishes_what_was_written_under_it() {
    let writer: &[Stmt] = &[Lock(0), StoreOnce(0, 1), StoreOnce(1, 1), Unlock(0)];
    // Both 0 if the trylock comes first, both 1 if it comes last, nothing read if it fails.
    assert_eq!(outcomes(&[writer, &[TryLock(0, 3), LoadOnce(1), LoadOnce(0), Unlock(0)]]), (3, 3));
    // Read without the lock, behind a trylock that failed or was given back: the flag without the data, for loom alone.
    let (explorer, loom) = outcomes(&[writer, &[TryLock(0, 1), Unlock(0), LoadOnce(1), LoadOnce(0)]]);
    assert!(loom > explorer, "{loom} {explorer}");
}

/// Critical sections: 3! orders, one outcome each as each task records what it reads.
/// loom counts more than the 6: it tells apart who was blocked when.
#[test]
fn three_critical_sections_have_six_orders() {
    let task = vec![Lock(0), Inc(0), Load(0), Unlock(0)];
    let program = Small { tasks: vec![task; 3], locks: vec![LockKind::Spin], cells: vec![0], ..Small::default() };

    let (explorer, loom) = (run(&program, EngineKind::Explorer), run(&program, EngineKind::Loom));

    assert_eq!(explorer.outcomes.len(), 6);
    assert_eq!(loom.outcomes, explorer.outcomes);
    assert_eq!(loom.executions, 120);
}

/// The same with nothing inside: what loom counts for the lock alone.
#[test]
fn three_empty_critical_sections_are_twenty_six_executions_to_loom() {
    let task = vec![Lock(0), Unlock(0)];
    let program = Small { tasks: vec![task; 3], locks: vec![LockKind::Spin], ..Small::default() };

    assert_eq!(run(&program, EngineKind::Loom).executions, 26);
}

/// Choices are enumerated outside loom: 2 x 3 assignments, and for each the two orders of the sections.
#[test]
fn choices_are_exhausted_under_loom() {
    let task = |n| vec![Choose(n), Lock(0), Inc(0), Load(0), Unlock(0)];
    let program =
        Small { tasks: vec![task(2), task(3)], locks: vec![LockKind::Spin], cells: vec![0], ..Small::default() };

    let (explorer, loom) = (run(&program, EngineKind::Explorer), run(&program, EngineKind::Loom));

    assert_eq!(explorer.outcomes.len(), 2 * 3 * 2);
    assert_eq!(loom.outcomes, explorer.outcomes);
}

/// A task allocates far more than any scenario: loom has no room for it, which is a bound and no finding.
#[test]
fn too_many_slab_objects_for_loom_are_a_bound_by_name() {
    let task: Vec<Stmt> = (0..60).flat_map(|_| [Alloc(0), Use(0)]).collect();
    let program = |count: usize| Small { tasks: vec![task[..count].to_vec(); 2], slots: 1, ..Small::default() };

    let many =
        explore(&program(120).subject(), &Config { executions_max: 2_000, ..Config::with_engine(EngineKind::Loom) });
    let few = explore(&program(2).subject(), &Config::with_engine(EngineKind::Loom));

    assert_eq!(many.bound, Some(Bound::Spares));
    assert!(many.findings.iter().all(|found| found.finding.code != Code::LW011), "no fault of the program");
    assert_eq!(few.bound, None);
}

/// After its finding the execution has so much left to do that it is cut off: loom cannot have seen all, and says so.
#[test]
fn an_execution_cut_off_after_its_finding_is_incomplete() {
    let rest = |count: usize| [vec![Assert(0, 1)], vec![LoadOnce(0); count]].concat();
    let program = |count: usize| Small {
        tasks: vec![rest(count), vec![AtomicInc(0)]],
        cells: vec![0],
        atomics: vec![0],
        ..Small::default()
    };

    let long = explore(&program(1_500).subject(), &Config::with_engine(EngineKind::Loom));
    let short = explore(&program(15).subject(), &Config::with_engine(EngineKind::Loom));

    assert_eq!(long.bound, Some(Bound::Drained(1_000)));
    assert_eq!(short.bound, None);
    assert_eq!((long.codes(), short.codes()), ([Code::LW011].into(), [Code::LW011].into()));
}

/// Two readers at once, and a writer before or after each.
#[test]
fn locks_that_readers_share_are_run_by_loom() {
    let program = Small {
        tasks: vec![vec![ReadLock(0), Load(0), ReadUnlock(0)]; 2],
        locks: vec![LockKind::Rw],
        cells: vec![0],
        ..Small::default()
    };
    let program = Small { tasks: [program.tasks, vec![vec![Lock(0), Inc(0), Unlock(0)]]].concat(), ..program };
    let (explorer, loom) = (run(&program, EngineKind::Explorer), run(&program, EngineKind::Loom));

    assert_eq!(explorer.outcomes.len(), 4);
    assert_eq!((&loom.outcomes, loom.codes()), (&explorer.outcomes, explorer.codes()));
}
