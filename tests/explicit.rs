//! The explicit engine: pinned numbers of states, its bounds by name, and what it refuses.
//!
//! That its answers are those of the other engines is the property of `proptests/explicit.rs`; here is what each count means.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use lockwright::check::{Checks, Code};
use lockwright::engine::{Booted, Memory, Program, Unsound};
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

/// The states of the stateful explorer with every access, of the explicit engine, and of that with symmetry.
fn states<const N: usize>(tasks: [&[Stmt]; N]) -> [u64; 3] {
    let program = program(tasks);
    let explorer = Config { every_access: true, ..Config::default() };
    [explorer, explicit(), Config { symmetry: true, ..explicit() }].map(|config| run(&program, &config).states)
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

// Workers, reduction, bits.

fn family(name: &str) -> Arc<dyn Subject> {
    name.parse::<lockwright::program::family::Family>().unwrap().subject()
}

#[test]
fn workers_change_nothing_that_is_said() {
    for (name, reduce) in
        [("L-fixed-3-3", false), ("L-mainline-3-3", false), ("L-unfenced-2-2", false), ("L-fixed-4-4", true)]
    {
        let by = |jobs| {
            let verdict = explore(&family(name), &Config { jobs, reduce, ..explicit() });
            assert_eq!(verdict.bound, None);
            (verdict.states, verdict.codes(), verdict.outcomes, verdict.deadlocks)
        };
        let one = by(1);

        for jobs in [2, 3, 7] {
            assert_eq!(by(jobs), one, "{name}, {jobs} workers");
        }
    }
}

#[test]
fn reduced_search_meets_far_fewer_states_and_says_the_same() {
    let by = |name: &str, reduce| {
        let verdict = explore(&family(name), &Config { reduce, ..explicit() });
        (verdict.states, (verdict.bound, verdict.codes(), verdict.outcomes, verdict.deadlocks))
    };
    // A critical section is passed at once, and what others do beside it sleeps meanwhile: left are states in which nobody holds the lock,
    // and those in which a step inside meets one outside.
    for (name, whole, left) in [("L-fixed-3-3", 26_389, 2_776), ("L-mainline-3-3", 69_199, 6_131)] {
        let (all, reduced) = (by(name, false), by(name, true));

        assert_eq!((all.0, reduced.0), (whole, left), "{name}");
        assert_eq!(reduced.1, all.1, "{name}");
    }
    let (all, reduced) = (by("L-unfenced-2-2", false), by("L-unfenced-2-2", true));
    assert_eq!(reduced.1, all.1);
    // Where they have nothing to do with each other, one order is left. Three tasks of four steps: 5^3 states, of which the last is an end; or
    // the first, from which all steps are made at once.
    let (left, middle, right): (&[Stmt], &[Stmt], &[Stmt]) =
        (&[Inc(0), Inc(0)], &[Inc(1), Inc(1)], &[AtomicInc(0), AtomicInc(0), AtomicInc(0), AtomicInc(0)]);
    let states = |reduce| explore(&program([left, middle, right]).subject(), &Config { reduce, ..explicit() }).states;
    assert_eq!((states(false), states(true)), (124, 1));
}

#[test]
fn sections_of_one_lock_that_touch_nothing_else_have_no_order_inside() {
    // Three tasks, each locks, adds twice and unlocks: the order of the three sections is all there is.
    let section: &[Stmt] = &[Lock(0), Inc(0), Inc(1), Unlock(0)];
    let states =
        |reduce| explore(&program([section, section, section]).subject(), &Config { reduce, ..explicit() }).states;

    // A section is passed at once, and so is the last that is left: the states with two sections or three before them, 1 + 3.
    assert_eq!(states(true), 1 + 3);
    // Without: an Inc is a load and a store, six steps a section, so five places inside. Whichever sections are done, 2^3 sets of them less the
    // last, which is an end, and for each of 3 x 2^2 choices of the one under way, its five places.
    assert_eq!(states(false), 7 + 12 * 5);
    let outside: &[Stmt] = &[AtomicInc(0), AtomicInc(0)];
    let with =
        |reduce| explore(&program([section, section, outside]).subject(), &Config { reduce, ..explicit() }).states;
    assert!(with(true) < with(false), "{} {}", with(true), with(false));
}

#[test]
fn parts_of_a_program_that_share_nothing_are_searched_one_after_the_other() {
    // Two pairs, each on an atomic of its own: what a pair does is 3 x 3 places, the last of which is where the other begins.
    let (left, right): (&[Stmt], &[Stmt]) = (&[AtomicInc(0), AtomicRead(0)], &[AtomicInc(1), AtomicRead(1)]);
    let states =
        |reduce| explore(&program([left, left, right, right]).subject(), &Config { reduce, ..explicit() }).states;

    assert!(states(true) * 4 < states(false), "{} {}", states(true), states(false));
}

#[test]
fn part_of_a_program_is_all_that_its_tasks_touch_and_not_what_they_touch_from_their_first_line_on() {
    // The first jumps over its first line, after which it would end: what it does touch is the cell of the other one.
    let jumps: &[Stmt] = &[IfLast(Is::Eq(0), 2), AtomicDec(0), Skip(1), Inc(0)];
    let program = program([jumps, &[Lock(0), Inc(0), Unlock(0)]]);
    let outcomes = |reduce| run(&program, &Config { reduce, ..explicit() }).outcomes;

    assert_eq!(outcomes(true), outcomes(false));
    assert_eq!(outcomes(true).len(), 2, "one of the increments can be lost");
}

#[test]
fn step_that_ends_the_execution_leaves_nothing_of_the_others_out() {
    // Both give a lock back that they do not hold, which ends the execution: neither comes before the other in all that is tried.
    let program = program([&[Unlock(0)], &[Unlock(1)]]);
    let found = |seeded| run(&program, &Config { reduce: true, seeded, ..explicit() }).findings.len();

    assert_eq!(found(None), 2);
    assert_eq!(found(Some(Unsound::EndsAreForgotten)), 1);
}

#[test]
fn race_in_a_state_that_is_passed_is_seen() {
    // The second comes to its store only by a step that the third has to do with. The store of the first was tried before, and sleeps: where both
    // stand at their store one task is left to step, so no such state is kept.
    let program = program([&[Store(0, 1)], &[AtomicInc(0), Store(0, 2)], &[AtomicRead(0)]]);
    let codes = |seeded| run(&program, &Config { reduce: true, seeded, ..explicit() }).codes();

    assert!(codes(None).contains(&Code::LW010));
    assert!(!codes(Some(Unsound::PassedUnjudged)).contains(&Code::LW010), "what is passed is not judged");
}

#[test]
fn loop_of_one_task_does_not_keep_the_others_from_their_mistakes() {
    // The first looks at a cell for ever that nobody writes; the second gives a lock back that it does not hold.
    let spin: &[Stmt] = &[IfCell(1, Is::Eq(1), 1), Skip(1), Back(2)];
    let wrong: &[Stmt] = &[Unlock(0)];
    let codes = |seeded| {
        let config = Config { reduce: true, seeded, ..explicit() };
        explore(&program([spin, wrong]).subject(), &config).codes()
    };

    assert!(codes(None).contains(&Code::LW006), "{:?}", codes(None));
    assert!(!codes(Some(Unsound::LoopsAreReduced)).contains(&Code::LW006), "the mistake goes round and round");
}

#[test]
fn search_by_bits_is_never_complete_and_says_what_it_expects_to_have_covered() {
    for engine in [EngineKind::Explorer, EngineKind::Explicit] {
        let whole = explore(&family("L-fixed-3-3"), &Config::with_engine(engine));
        let bits = explore(&family("L-fixed-3-3"), &Config { bitstate: Some(1), ..Config::with_engine(engine) });

        let Some(Bound::Bitstate { mib: 1, coverage }) = bits.bound else { panic!("{:?}", bits.bound) };
        assert!(coverage > 999_000_000, "{coverage}");
        assert!(
            bits.states * 1000 > whole.states * 999 && bits.states <= whole.states,
            "{} {}",
            bits.states,
            whole.states
        );
        assert!(bits.outcomes.is_subset(&whole.outcomes));
        assert_eq!((bits.collision_bound(), whole.bound), (None, None));
        assert!(bits.bound.is_some_and(|bound| bound.to_string().starts_with("bitstate in 1 MiB: about 99.9")));
    }
}

#[test]
fn chance_that_two_states_are_one_is_said_where_there_is_one() {
    let explorer = explore(&family("L-fixed-3-3"), &Config::default());
    let narrow = explore(&program([&[AtomicInc(0)], &[AtomicInc(0)]]).subject(), &explicit());

    // n^2 / 2^97.
    assert_eq!(explorer.collision_bound(), Some((explorer.states as f64).powi(2) / 97f64.exp2()));
    assert_eq!(narrow.collision_bound(), None, "a state of one word is known by itself");
}
