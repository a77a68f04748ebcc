//! The explicit engine: pinned numbers of states, its bounds by name, and what it refuses.
//!
//! That its answers are those of the other engines is the property of `proptests/explicit.rs`; here is what each count means.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use lockwright::check::{Checks, Code};
use lockwright::engine::{Booted, Memory, Program};
use lockwright::event::names::Names;
use lockwright::explore::{Bound, Config, EngineKind, Error, Subject, Verdict, explore, try_explore};
use lockwright::program::family::Family;
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{Is, LockKind, Small, Stmt};

fn program<const N: usize>(tasks: [&[Stmt]; N]) -> Small {
    Small {
        tasks: tasks.iter().map(|task| task.to_vec()).collect(),
        locks: vec![LockKind::Spin, LockKind::Spin],
        cells: vec![0, 0],
        atomics: vec![0, 0],
        queues: 1,
        slots: 1,
        ..Small::default()
    }
}

fn explicit() -> Config {
    Config::with_engine(EngineKind::Explicit)
}

fn run(program: &Small, config: &Config) -> Verdict {
    let verdict = explore(&program.subject(), config);
    assert_eq!(verdict.bound, None);
    verdict
}

/// The states of the stateful explorer, of the explicit engine, and of that with symmetry.
fn states<const N: usize>(tasks: [&[Stmt]; N]) -> [u64; 3] {
    let program = program(tasks);
    [Config::default(), explicit(), Config { symmetry: true, ..explicit() }].map(|config| run(&program, &config).states)
}

const INC: Stmt = AtomicInc(0);
const SECTION: [Stmt; 3] = [Lock(0), INC, Unlock(0)];

#[test]
fn states_of_counting_tasks_are_the_points_of_a_grid() {
    // Each task stands at one of k + 1 positions, and the counter is their sum. The last state is none to go on from. With
    // symmetry the positions have no order: C(n + k, n) ways to choose n of k + 1 with repetition.
    assert_eq!(states([&[INC; 3], &[INC; 3]]), [4 * 4 - 1, 4 * 4 - 1, 10 - 1]);
    assert_eq!(states([&[INC; 3], &[INC; 3], &[INC; 3]]), [64 - 1, 64 - 1, 20 - 1]);
    // Tasks of different code are exchanged with nobody.
    assert_eq!(states([&[INC; 3], &[INC; 2]]), [4 * 3 - 1; 3]);
}

#[test]
fn states_of_critical_sections_have_one_task_inside() {
    // Outside is before or behind, inside is 2 positions, for one task at a time. Nobody inside: 2^n; one inside: n * 2 * 2^(n-1).
    // With symmetry: 0 to n tasks are behind; one inside, at 2 positions, and 0 to n - 1 of the others are behind.
    assert_eq!(states([&SECTION, &SECTION]), [4 + 8 - 1, 4 + 8 - 1, 3 + 2 * 2 - 1]);
    assert_eq!(states([&SECTION, &SECTION, &SECTION]), [8 + 24 - 1, 8 + 24 - 1, 4 + 2 * 3 - 1]);
}

#[test]
fn states_tell_what_was_read() {
    // One writer of a step, one reader of two that records both: see `counts.rs`.
    assert_eq!(states([&[AtomicSet(0, 1)], &[AtomicRead(0), AtomicRead(0)]]), [6; 3]);
}

#[test]
fn a_dead_value_tells_no_states_apart() {
    // A read that decides nothing more: the writer's 2 positions times the reader's 3, less the end.
    let reader = [IfCell(0, Is::Eq(1), 0), INC];
    assert_eq!(states([&[StoreOnce(0, 1)], &reader])[1], 2 * 3 - 1);
}

#[test]
fn symmetry_keeps_findings_and_the_schedule_is_one_of_the_real_tasks() {
    // The last of three tasks with an unlocked increment beside two with a locked one.
    let program = program([&[Lock(0), Inc(0), Unlock(0)], &[Lock(0), Inc(0), Unlock(0)], &[Inc(0)]]);
    let [plain, symmetric] =
        [explicit(), Config { symmetry: true, ..explicit() }].map(|config| run(&program, &config).findings);

    for findings in [&plain, &symmetric] {
        let found: Vec<_> = findings.iter().map(|found| (found.finding.code, found.finding.subject.as_str())).collect();
        assert_eq!(found, [(Code::LW010, "x")]);
        assert!(findings[0].finding.message.contains("nothing orders these accesses to x"));
    }
}

/// Each stores its own cell and looks at the other's: Dekker's first lines.
fn dekker(between: &[Stmt]) -> Small {
    let side = |own, other| [&[StoreOnce(own, 1)], between, &[LoadOnce(other)]].concat();
    program([&side(0, 1), &side(1, 0)])
}

#[test]
fn store_buffers_let_both_sides_read_the_old_value_and_a_barrier_does_not() {
    let outcomes = |between: &[Stmt], memory| run(&dekker(between), &Config { memory, ..explicit() }).outcomes.len();

    assert_eq!((outcomes(&[], Memory::Sc), outcomes(&[], Memory::Tso)), (3, 4));
    assert_eq!((outcomes(&[Fence], Memory::Sc), outcomes(&[Fence], Memory::Tso)), (3, 3));
    // A lock is no barrier when it is given back, only when it is taken.
    assert_eq!(outcomes(&[Lock(0), Unlock(0)], Memory::Tso), 3);
    assert_eq!(outcomes(&[AtomicInc(0)], Memory::Tso), 3);
}

#[test]
fn states_of_a_buffered_store_are_its_three_places() {
    // Not yet made, in the buffer, in memory, for each of two tasks; all nine less the end. Without buffers: two each.
    let program = program([&[StoreOnce(0, 1)], &[StoreOnce(1, 1)]]);
    let states = |memory| run(&program, &Config { memory, ..explicit() }).states;

    assert_eq!((states(Memory::Tso), states(Memory::Sc)), (9 - 1, 4 - 1));
}

#[test]
fn a_loop_that_never_drains_its_stores_ends_the_exploration_by_name() {
    let program = program([&[StoreOnce(0, 1), IfCell(1, Is::Eq(1), 1), Skip(1), Back(3)], &[StoreOnce(1, 1)]]);
    let verdict = explore(&program.subject(), &Config { memory: Memory::Tso, ..explicit() });

    assert_eq!(verdict.bound, Some(Bound::Stores(8)));
    assert_eq!(Bound::Stores(8).to_string(), "a task has more than 8 stores on their way to memory");
    // Sequentially consistent memory has no such bound.
    assert_eq!(run(&program, &explicit()).bound, None);
}

#[test]
fn families_say_the_same_interpreted_and_run() {
    for (name, memory) in [
        ("L-fixed-2-1", Memory::Sc),
        ("L-mainline-1-2", Memory::Sc),
        ("L-mainline-1-1", Memory::Tso),
        ("L-unfenced-1-1", Memory::Tso),
    ] {
        let subject = name.parse::<Family>().expect("a family").subject();
        let [explicit, explorer] =
            [explicit(), Config::default()].map(|config| explore(&subject, &Config { memory, ..config }));

        assert_eq!((explicit.bound, explorer.bound), (None, None), "{name}");
        assert_eq!(explicit.outcomes, explorer.outcomes, "{name}");
        assert_eq!(explicit.codes(), explorer.codes(), "{name}");
    }
}

#[test]
fn lock_orders_of_different_executions_make_one_graph() {
    // Which order it is, is a choice: no execution has both.
    let either: &[Stmt] = &[
        Choose(2),
        IfLast(Is::Eq(1), 5),
        Lock(0),
        Lock(1),
        Unlock(1),
        Unlock(0),
        Skip(4),
        Lock(1),
        Lock(0),
        Unlock(0),
        Unlock(1),
    ];
    let found = run(&program([either]), &explicit()).findings;

    assert_eq!(found.len(), 1);
    assert_eq!((found[0].finding.code, found[0].finding.subject.as_str()), (Code::LW003, "a"));
    let other = found[0].finding.other.as_ref().expect("a cycle has two places");
    assert!(other.1.ends_with("in another execution"), "{other:?}");
    let one_order: &[Stmt] = &[Lock(0), Lock(1), Unlock(1), Unlock(0)];
    assert_eq!(run(&program([one_order, one_order]), &explicit()).findings, []);
}

#[test]
fn loops_meet_themselves() {
    // A spin on a flag: before the read, or behind the last; the writer before or behind its store. The reader is done only after
    // the write, and who has read 0 is back where it was: (before, before), (before, behind), (done, behind).
    let spin: &[Stmt] = &[IfCell(0, Is::Eq(1), 1), Skip(1), Back(2)];
    assert_eq!(states([spin, &[StoreOnce(0, 1)]])[1], 3 - 1);
    // With nobody to write, that is a livelock; the explicit search says so as the explorer does.
    for config in [explicit(), Config::default()] {
        assert_eq!(explore(&program([spin]).subject(), &config).codes().into_iter().collect::<Vec<_>>(), [Code::LW009]);
    }
    // Twice (a lock, an increment, an unlock) is as when it is written twice.
    let twice = [&[Repeat(2, 3)], &SECTION[..]].concat();
    assert_eq!(states([&twice, &twice]), states([&[SECTION, SECTION].concat(), &[SECTION, SECTION].concat()]));
}

#[test]
fn a_value_without_a_bound_ends_the_exploration_by_name() {
    let verdict = explore(&program([&[INC, Back(1)]]).subject(), &explicit());
    assert_eq!(verdict.bound, Some(Bound::Steps(2_000)));

    let deep = lockwright::engine::controlled::Limits { steps_max: 3_000_000, ..Default::default() };
    let verdict = explore(&program([&[INC, Back(1)]]).subject(), &Config { limits: deep, ..explicit() });
    assert_eq!(verdict.bound, Some(Bound::Range));
    assert_eq!(Bound::Range.to_string(), "a value leaves the range that is declared for it");
    // 2^20 increments, each from a state of its own; the next one leaves the range.
    assert_eq!(verdict.states, (1 << 20) + 1);
}

#[test]
fn bounds_and_interrupts_are_verdicts() {
    let subject = program([&[INC; 4], &[INC; 4]]).subject();
    let bounded = explore(&subject, &Config { states_max: 5, ..explicit() });
    let interrupted = explore(&subject, &Config { interrupt: Some(Arc::new(AtomicBool::new(true))), ..explicit() });

    assert_eq!((bounded.bound, bounded.states), (Some(Bound::States(5)), 5));
    assert_eq!(interrupted.bound, Some(Bound::Interrupted));
    // Just enough is enough: 5 * 5 - 1 states.
    assert_eq!(explore(&subject, &Config { states_max: 24, ..explicit() }).bound, None);
}

#[test]
fn wide_states_are_explored_as_narrow_ones() {
    // Eight tasks record a value of 20 bits each: three machine words and more.
    let wide: [&[Stmt]; 8] = [&[LoadOnce(0)]; 8];
    let program = Small { cells: vec![1_000_000, 0], ..program(wide) };
    let program = Small { tasks: [program.tasks.clone(), vec![vec![StoreOnce(0, 0)]]].concat(), ..program };
    let verdict = run(&program, &explicit());

    // Before the write each reader has read or not: 2^8. Behind it, each has not read, or has read the one value or the other: 3^8.
    // In 2^8 of these all have read: ends, and no states to go on from.
    assert_eq!(verdict.states, 256 + 6561 - 256);
    assert_eq!(verdict.outcomes.len(), 256);
}

struct Real;

impl Program for Real {
    fn boot(&self) -> Booted {
        program([&[INC]]).boot()
    }
}

impl Subject for Real {
    fn checks(&self) -> Checks {
        Checks::new(Names::default())
    }
}

fn panic_of(run: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(run)).expect_err("it panics");
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|text| text.to_string())).expect("a panic has a text")
}

#[test]
fn a_program_without_an_explicit_form_is_an_error_not_a_panic() {
    let text =
        "the explicit engine runs interpreted programs, and this program has no interpreted form: use the explorer";
    let real: Arc<dyn Subject> = Arc::new(Real);
    let shared = Small { locks: vec![LockKind::Rw], ..program([&[ReadLock(0), ReadUnlock(0)]]) };
    for subject in [&real, &shared.subject()] {
        let error = try_explore(subject, &explicit()).expect_err("it has no such form");

        assert!(matches!(error, Error::NoExplicitForm));
        assert_eq!(error.to_string(), text);
        assert!(explore(subject, &Config::default()).complete());
    }
    // The form of `explore` that cannot fail says the same.
    assert_eq!(panic_of(|| _ = explore(&real, &explicit())), format!("explore: {text}"));
}

#[test]
fn a_loop_without_a_bound_that_records_has_no_explicit_form() {
    assert!(program([&[AtomicRead(0), IfLast(Is::Eq(0), 1), Back(2)]]).explicit().is_none());
    assert!(program([&[IfAtomic(0, Is::Eq(0), 1), Back(1)]]).explicit().is_some());
}
