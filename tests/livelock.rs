//! LW009: tasks that go round for ever are found, with one round as the schedule; tasks that wait for somebody are not.

use std::collections::BTreeSet;
use std::sync::Arc;

use lockwright::check::{Checks, Code};
use lockwright::engine::{Body, Booted, Memory, Program};
use lockwright::event::names::Names;
use lockwright::event::outcome::Outcome;
use lockwright::explore::schedule::{Guide, replay};
use lockwright::explore::{Config, EngineKind, Subject, Verdict, explore};
use lockwright::kernel::lock::SpinLock;
use lockwright::kernel::plain::Plain;
use lockwright::kernel::task::Task;
use lockwright::kernel::wait::WaitQueue;
use lockwright::kernel::{Faults, Kernel};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{Is, LockKind, Small, Stmt};
use lockwright::report::counterexample::{self, Counterexample};
use lockwright::report::{columns, story};

/// What the tasks share.
#[derive(Clone, Copy)]
struct Shared {
    kernel: Kernel,
    a: SpinLock,
    b: SpinLock,
    flag: Plain<i64>,
    queue: WaitQueue,
}

type Role = fn(Shared, &Task);

struct Roles(Vec<(&'static str, Role)>);

impl Program for Roles {
    fn boot(&self) -> Booted {
        let shared = Shared {
            kernel: Kernel::boot(Faults::default()),
            a: SpinLock::new("a"),
            b: SpinLock::new("b"),
            flag: Plain::new("flag", 0),
            queue: WaitQueue::new("queue"),
        };
        let body = |role: Role| Box::new(move || role(shared, &Task::new(shared.kernel, 1))) as Body;
        Booted {
            tasks: self.0.iter().map(|&(_, role)| body(role)).collect(),
            outcome: Box::new(|_| Outcome::default()),
            listing: Box::new(|_| Vec::new()),
            epilogue: Box::new(|| ()),
        }
    }
}

impl Subject for Roles {
    fn checks(&self) -> Checks {
        Checks::new(self.names())
    }
}

impl Roles {
    fn names(&self) -> Names {
        Names {
            tasks: self.0.iter().map(|(name, _)| (*name).to_owned()).collect(),
            calls: Vec::new(),
            nodes: Vec::new(),
            born: None,
        }
    }
}

fn run_under(roles: &[(&'static str, Role)], config: &Config) -> Verdict {
    let subject: Arc<dyn Subject> = Arc::new(Roles(roles.to_vec()));
    let verdict = explore(&subject, config);
    assert!(verdict.complete());
    verdict
}

fn run(roles: &[(&'static str, Role)]) -> Verdict {
    run_under(roles, &Config::default())
}

/// The message, and the number of steps before and in the round.
fn livelock(roles: &[(&'static str, Role)]) -> (String, usize) {
    let verdict = run(roles);
    let found = verdict.findings.iter().find(|found| found.finding.code == Code::LW009).expect("a livelock");
    let subject = Roles(roles.to_vec());
    let replay = replay(&subject, &subject.names(), &Guide::Exact(&found.schedule)).expect("it fits");
    assert_eq!(replay.findings.last(), Some(&found.finding), "what is found replays");
    let story = story::folded(&replay, &subject.names(), &found.finding);
    let mut marks: Vec<u8> = story.rows.iter().filter_map(|row| row.mark).collect();
    marks.sort_unstable();
    let table = columns::table(&story, 0);
    let round = table.split_once("(2)").map_or("", |(_, round)| round);
    assert!(marks == [1, 2] && !round.contains("more steps"), "the whole round is shown: {table}");
    (found.finding.message.clone(), found.schedule.transitions.len())
}

fn is_clean(roles: &[(&'static str, Role)]) -> bool {
    run(roles).findings.is_empty()
}

fn until_set(shared: Shared, current: &Task) {
    let frame = current.enter("until_set");
    while shared.flag.read_once() == 0 {
        current.again(&frame, &());
    }
}

fn until_set_under_the_lock(shared: Shared, current: &Task) {
    let _guard = shared.a.lock(current);
    until_set(shared, current);
}

fn set(shared: Shared, _: &Task) {
    shared.flag.write_once(1);
}

fn set_under_the_lock(shared: Shared, current: &Task) {
    let _guard = shared.a.lock(current);
    shared.flag.write_once(1);
}

/// Takes one lock, tries the other, and gives way: "I back off, you back off".
fn polite(shared: Shared, current: &Task, first: SpinLock, second: SpinLock) {
    let frame = current.enter("polite");
    loop {
        let _first = first.lock(current);
        if second.try_lock(current).is_some() {
            shared.flag.write_once(1);
            return;
        }
        drop(_first);
        current.again(&frame, &());
    }
}

fn a_then_b(shared: Shared, current: &Task) {
    polite(shared, current, shared.a, shared.b);
}

fn b_then_a(shared: Shared, current: &Task) {
    polite(shared, current, shared.b, shared.a);
}

fn b_and_waits_for_a(shared: Shared, current: &Task) {
    let _first = shared.b.lock(current);
    let _second = shared.a.lock(current);
}

fn until_chosen(_: Shared, current: &Task) {
    let frame = current.enter("until_chosen");
    while current.choose(2, "go on") == 0 {
        current.again(&frame, &());
    }
}

fn whatever_is_chosen(_: Shared, current: &Task) {
    let frame = current.enter("whatever_is_chosen");
    loop {
        _ = current.choose(2, "go on");
        current.again(&frame, &());
    }
}

#[test]
fn who_spins_for_a_flag_and_holds_the_lock_of_who_sets_it_spins_for_ever() {
    let roles: [(&str, Role); 2] = [("spinner", until_set_under_the_lock), ("setter", set_under_the_lock)];

    // The lock, the first look at the flag (its past has the lock in it), and another one.
    let message =
        "spinner goes round for ever even under a fair scheduler, the same step; setter waits for a, held by spinner";
    assert_eq!(livelock(&roles), (message.to_owned(), 3));
}

#[test]
fn example_of_the_page_is_found_by_all_engines_that_know_states() {
    let tasks = vec![
        vec![Lock(0), IfCell(0, Is::Eq(1), 1), Skip(1), Back(2), Unlock(0)],
        vec![Lock(0), StoreOnce(0, 1), Unlock(0)],
    ];
    let program = |tasks| Small { tasks, locks: vec![LockKind::Spin], cells: vec![0], ..Small::default() };
    let codes = |program: &Small, engine| {
        let verdict = explore(&program.subject(), &Config::with_engine(engine));
        assert!(verdict.complete());
        verdict.codes().into_iter().collect::<Vec<_>>()
    };
    let without_lock = vec![tasks[0][1..4].to_vec(), tasks[1].clone()];

    for engine in [EngineKind::Explorer, EngineKind::Explicit] {
        assert_eq!(codes(&program(tasks.clone()), engine), [Code::LW009]);
        assert_eq!(codes(&program(without_lock.clone()), engine), []);
    }
    // The others run into their bound on steps, and say so.
    let brute =
        explore(&program(tasks).subject(), &Config { executions_max: 100, ..Config::with_engine(EngineKind::Brute) });
    assert!(!brute.complete());
}

#[test]
fn who_spins_for_a_flag_that_somebody_will_set_does_not() {
    assert!(is_clean(&[("spinner", until_set), ("setter", set_under_the_lock)]));
    assert!(is_clean(&[("one", until_set), ("other", until_set), ("setter", set)]));
    // With nobody to set it, it spins on: the first look, and another.
    assert_eq!(
        livelock(&[("spinner", until_set)]),
        ("spinner goes round for ever even under a fair scheduler, the same step".to_owned(), 2)
    );
}

#[test]
fn two_that_back_off_for_each_other_can_do_so_for_ever() {
    let (message, steps) = livelock(&[("one", a_then_b), ("other", b_then_a)]);

    // A round of each: lock, trylock that fails, unlock. Before that, with the fewest switches: the lock of one; a first round of the
    // other, and its next lock; the rest of a first round of one. 6 + 1 + 4 + 2.
    assert_eq!(
        (message.as_str(), steps),
        ("one and other go round for ever even under a fair scheduler, the same 6 steps", 13)
    );
}

/// The back-off as statements: takes one lock and tries the other; if that is held, unlocks and starts again.
fn polite_statements(first: usize, second: usize) -> Vec<Stmt> {
    vec![Lock(first), TryLock(second, 3), Unlock(second), Unlock(first), Skip(2), Unlock(first), Back(6)]
}

#[test]
fn statements_that_try_fail_and_retry_meet_themselves() {
    let program = |tasks| Small { tasks, locks: vec![LockKind::Spin; 2], ..Small::default() };
    let run = |program: &Small, config: &Config| {
        let verdict = explore(&program.subject(), config);
        assert!(verdict.complete(), "{:?}", verdict.bound);
        (verdict.codes().into_iter().collect::<Vec<_>>(), verdict.outcomes.texts())
    };
    let opposite = program(vec![polite_statements(0, 1), polite_statements(1, 0)]);
    let same_order = program(vec![polite_statements(0, 1), polite_statements(0, 1)]);
    let one_waits = program(vec![polite_statements(0, 1), vec![Lock(1), Lock(0), Unlock(0), Unlock(1)]]);
    // Each succeeded last; how often it failed before is not recorded.
    let both: BTreeSet<String> = ["1, 1; ".to_owned()].into();

    for memory in [Memory::Sc, Memory::Tso] {
        let config = Config { memory, ..Config::default() };
        assert_eq!(run(&opposite, &config), (vec![Code::LW009], both.clone()));
        assert_eq!(run(&same_order, &config), (vec![], both.clone()));
        // A lock does not pass over a task that waits for it for ever.
        assert_eq!(run(&one_waits, &config).0, []);
    }
    let found = &explore(&opposite.subject(), &Config::default()).findings[0];
    let message = "task 1 and task 2 go round for ever even under a fair scheduler, the same 6 steps";
    assert_eq!(found.finding.message, message);
    let replay = replay(&opposite, &opposite.names(), &Guide::Exact(&found.schedule)).expect("it fits");
    assert_eq!(replay.findings.last(), Some(&found.finding));
}

#[test]
fn one_that_backs_off_for_another_that_waits_gets_on() {
    // A lock does not pass over who waits for it for ever.
    assert!(is_clean(&[("one", a_then_b), ("other", b_and_waits_for_a)]));
}

#[test]
fn a_choice_turns_out_every_way() {
    assert!(is_clean(&[("chooser", until_chosen)]));
    assert_eq!(livelock(&[("chooser", whatever_is_chosen)]).1, 2);
    // He goes round whatever another one does.
    assert_eq!(
        livelock(&[("setter", set), ("chooser", whatever_is_chosen)]).0,
        "chooser goes round for ever even under a fair scheduler, the same step"
    );
}

#[test]
fn what_is_in_a_store_buffer_gets_to_memory() {
    let tso = Config { memory: Memory::Tso, ..Config::default() };
    assert!(run_under(&[("spinner", until_set), ("setter", set)], &tso).findings.is_empty());
}

/// A round that begins with the program: what comes before it is no step.
fn spin_after(quiet: Stmt) -> Vec<Stmt> {
    vec![quiet, IfCell(0, Is::Eq(0), 1), Back(1)]
}

#[test]
fn a_round_may_begin_with_the_first_step() {
    for quiet in [MaySleep, PreemptDisable, Skip(0)] {
        let alone = Small { tasks: vec![spin_after(quiet)], cells: vec![0], ..Small::default() };
        for engine in [EngineKind::Explorer, EngineKind::Explicit] {
            let verdict = explore(&alone.subject(), &Config::with_engine(engine));
            assert!(verdict.complete());
            let [found] = &verdict.findings[..] else { panic!("{engine:?} {quiet:?}: {:?}", verdict.findings) };
            assert_eq!((found.finding.code, found.schedule.transitions.len()), (Code::LW009, 1));
            let replay = replay(&alone, &alone.names(), &Guide::Exact(&found.schedule)).expect("it fits");
            assert_eq!(replay.findings, std::slice::from_ref(&found.finding));
        }
        // It ends where another task changes the cell, whichever of the two is first.
        let tasks = vec![spin_after(quiet), vec![StoreOnce(0, 1)]];
        let ends = Small { tasks, cells: vec![0], ..Small::default() };
        assert!(!explore(&ends.subject(), &Config::default()).codes().contains(&Code::LW009));
    }
}

#[test]
fn page_of_a_round_of_one_step_says_where_it_goes_on() {
    let alone = Small { tasks: vec![spin_after(MaySleep)], cells: vec![0], ..Small::default() };
    let found = &explore(&alone.subject(), &Config::default()).findings[0];
    let names = alone.names();
    let replay = replay(&alone, &names, &Guide::Exact(&found.schedule)).expect("it fits");
    let page = counterexample::page(&Counterexample {
        design: "small",
        scenario: "spin",
        names: &names,
        found,
        replay: Some(&replay),
        no_return: None,
        saved: None,
        expected: None,
        graded: None,
    });

    // The source lines are those of the small language.
    let without_source = |line: &str| line.split("   src/program/small/run.rs:").next().unwrap_or(line).to_owned();
    let lines: Vec<String> = page.lines().filter(|line| !line.is_empty()).skip(1).map(without_source).collect();
    assert_eq!(
        lines,
        [
            "       task 1 goes round for ever even under a fair scheduler, the same step",
            "  step    task 1",
            "     1    READ_ONCE(x) -> 0 (1)",
            "          next: READ_ONCE(x) (2)",
            "why",
            "  (1) task 1, step 1: task 1 goes round here               ",
            "  (2) task 1, step 2: and stands before the same step again",
            "replay: save it with --save DIR beside the same options",
        ]
    );
}

#[test]
fn who_sleeps_while_others_go_round_is_named() {
    let sleeps: Role =
        |shared, current| _ = shared.queue.wait_event_timeout(current, None, || shared.flag.read_once() == 1);
    let (message, _) = livelock(&[("sleeper", sleeps), ("chooser", whatever_is_chosen)]);

    assert_eq!(message, "chooser goes round for ever even under a fair scheduler, the same step; sleeper sleeps");
}

#[test]
fn workers_and_reruns_find_the_same_round() {
    let roles: [(&str, Role); 2] = [("one", a_then_b), ("other", b_then_a)];
    let found = |config: &Config| run_under(&roles, config).findings;

    let findings = found(&Config::default());
    assert_eq!(findings, found(&Config { jobs: 2, ..Config::default() }));
    assert_eq!(findings, found(&Config { audit: true, ..Config::default() }));
}
