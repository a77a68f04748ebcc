//! What `Small` says of a program that is none: all mistakes, each with its place; nothing becomes a finding.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lockwright::check::Code;
use lockwright::explore::{Config, EngineKind, explore};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{Is, LockKind, NAMES_MAX, Small, Stmt};

/// A spinlock, a semaphore, a cell.
fn program(tasks: &[&[Stmt]]) -> Small {
    Small {
        tasks: tasks.iter().map(|task| task.to_vec()).collect(),
        locks: vec![LockKind::Spin, LockKind::RwSem],
        cells: vec![0],
        ..Small::default()
    }
}

/// What is wrong, a line each.
fn problems(program: &Small) -> Vec<String> {
    let problems = program.try_subject().map(|_| ()).expect_err("it is refused").0;
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn every_mistake_is_listed_with_its_place() {
    let program = program(&[
        &[Lock(0), Lock(2), Unlock(0)],
        &[Fence, ReadLock(0), TryLock(1, 0), ReadUnlock(1), Load(1), AtomicInc(0)],
        &[Wait(0, 3, 1, None), SleepOn(1), Alloc(0), Interrupt(3), Interrupt(2), Choose(0)],
    ]);

    assert_eq!(
        problems(&program),
        [
            "tasks[0][1]: there is no lock 2: the program has 2, numbered from 0",
            "tasks[1][1]: readers do not share a spinlock: use an rwlock_t or an rw_semaphore",
            "tasks[1][2]: no trylock for a lock of this kind: rw_semaphore",
            "tasks[1][4]: there is no cell 1: the program has 1, numbered from 0",
            "tasks[1][5]: there is no atomic 0: the program has none",
            "tasks[2][0]: there is no queue 0: the program has none",
            "tasks[2][0]: there is no cell 3: the program has 1, numbered from 0",
            "tasks[2][1]: there is no queue 1: the program has none",
            "tasks[2][2]: there is no slot 0: the program has none",
            "tasks[2][3]: there is no task 3: the program has 3, numbered from 0",
            "tasks[2][5]: a choice needs one alternative at least",
        ],
    );
}

#[test]
fn jumps_stay_in_their_task() {
    let beyond = program(&[
        &[Skip(1)],
        &[Fence, Back(2)],
        &[Repeat(2, 2), Fence],
        &[IfCell(0, Is::Eq(0), 2), Fence],
        &[TryLock(0, 1)],
        &[IfLast(Is::Eq(0), usize::MAX)],
    ]);
    let places = ["tasks[0][0]", "tasks[1][1]", "tasks[2][0]", "tasks[3][0]", "tasks[4][0]", "tasks[5][0]"];
    assert_eq!(problems(&beyond), places.map(|place| format!("{place}: leads out of the task")));

    // To the end, and to the beginning, is inside.
    let within = program(&[&[Skip(0)], &[Fence, Back(1)], &[Repeat(2, 1), Fence], &[IfCell(0, Is::Eq(0), 1), Fence]]);
    assert!(within.try_subject().is_ok());
}

#[test]
fn loops_make_a_step_and_have_a_length() {
    let stuck = program(&[&[Fence, PreemptDisable, PreemptEnable, Back(2)]]);
    assert_eq!(problems(&stuck), ["tasks[0][1]: a loop without a step would never end"]);

    let long = program(&[&[Fence], &[Repeat(u32::MAX, 1), Fence]]);
    let text = "tasks[1]: the task has more than 100000 statements, its loops written out";
    assert_eq!(problems(&long), [text]);
}

/// A task for each object of every kind, and the codes and outcomes that come of it.
#[test]
fn objects_have_names_up_to_a_limit() {
    let of = |count: usize| Small {
        tasks: vec![vec![
            Lock(count - 1),
            Store(count - 1, 1),
            AtomicInc(count - 1),
            Wake(count - 1),
            Alloc(count - 1),
            Free(count - 1),
        ]],
        locks: vec![LockKind::Mutex; count],
        cells: vec![0; count],
        atomics: vec![0; count],
        queues: count,
        slots: count,
        ..Small::default()
    };
    for count in [1, 4, 5, NAMES_MAX] {
        for engine in [EngineKind::Explorer, EngineKind::Explicit, EngineKind::Loom] {
            let verdict = explore(&of(count).subject(), &Config::with_engine(engine));
            let subjects: Vec<_> =
                verdict.findings.iter().map(|found| (found.finding.code, found.finding.subject.as_str())).collect();

            // The mutex is still held at the end; the fifth one as well.
            let name = match count {
                1 => "a".to_owned(),
                4 => "d".to_owned(),
                count => format!("lock{count}"),
            };
            assert_eq!(verdict.bound, None, "{engine:?}");
            assert_eq!(subjects, [(Code::LW007, name.as_str())], "{engine:?}");
            let outcomes = verdict.outcomes.iter().next().map(|outcome| outcome.state.len());
            assert_eq!(outcomes, Some(2 * count), "{engine:?}: all cells and atomics are told");
        }
    }
    assert_eq!(
        problems(&of(NAMES_MAX + 1)),
        ["lock", "cell", "atomic", "queue", "slot"]
            .map(|part| format!("{part}s: 65 {part}s: a program has at most 64")),
    );
}

#[test]
fn subject_panics_where_it_is_called_with_all_that_is_wrong() {
    let wrong = program(&[&[Lock(4)], &[Lock(5)]]);
    let payload = catch_unwind(AssertUnwindSafe(|| wrong.subject())).err().expect("it panics");
    let text = payload.downcast_ref::<String>().expect("a panic has a text");

    assert_eq!(
        text,
        "not a program:\n\
         tasks[0][0]: there is no lock 4: the program has 2, numbered from 0\n\
         tasks[1][0]: there is no lock 5: the program has 2, numbered from 0",
    );
}

/// Numbers that the machine cannot add up are no bugs of the program.
#[test]
fn arithmetic_that_overflows_is_no_finding() {
    let times = Small {
        tasks: vec![vec![Inc(0), AddOnce(0, i64::MAX), Advance(u64::MAX), Wait(0, 0, 1, Some(u64::MAX))]],
        cells: vec![i64::MAX],
        queues: 1,
        ..Small::default()
    };
    let verdict = explore(&times.subject(), &Config::default());

    assert_eq!((verdict.bound, verdict.codes().len()), (None, 0), "{:?}", verdict.findings);
}
