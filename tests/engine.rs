//! The controlled engine and its bounds: what may stop an exploration, and what a program must not do.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use lockwright::check::{Checks, Code};
use lockwright::engine::controlled::{Controlled, Limits, Settings};
use lockwright::engine::{Blind, Body, Booted, Decision, Ending, Observer, Program, State, Strategy};
use lockwright::event::names::Names;
use lockwright::event::outcome::Outcome;
use lockwright::explore::{Bound, Config, EngineKind, Error, Subject, Verdict, explore, try_explore};
use lockwright::kernel::atomic::Atomic;
use lockwright::kernel::lock::SpinLock;
use lockwright::kernel::task::Task;
use lockwright::kernel::{Faults, Kernel};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{LockKind, Small, Stmt};

/// A program from a function that makes its tasks.
struct Tasks<F>(F);

impl<F: Fn() -> Vec<Body> + Send + Sync> Program for Tasks<F> {
    fn boot(&self) -> Booted {
        Booted {
            tasks: (self.0)(),
            listing: Box::new(|_| Vec::new()),
            outcome: Box::new(|_| Outcome::default()),
            epilogue: Box::new(|| ()),
        }
    }
}

impl<F: Fn() -> Vec<Body> + Send + Sync> Subject for Tasks<F> {
    fn checks(&self) -> Checks {
        Checks::new(Names::default())
    }
}

fn program(tasks: impl Fn() -> Vec<Body> + Send + Sync + 'static) -> Arc<dyn Subject> {
    Arc::new(Tasks(tasks))
}

fn for_ever() -> Arc<dyn Subject> {
    program(|| {
        let (n, m) = (Atomic::new("n", 0), Atomic::new("m", 0));
        let body = move || {
            loop {
                n.inc();
            }
        };
        vec![Box::new(body), Box::new(move || m.inc())]
    })
}

fn small<const N: usize>(tasks: [&[Stmt]; N]) -> Small {
    Small {
        tasks: tasks.iter().map(|task| task.to_vec()).collect(),
        locks: vec![LockKind::Spin, LockKind::Spin],
        atomics: vec![0],
        ..Small::default()
    }
}

/// Everything of a verdict but the time it took.
fn told(verdict: &Verdict) -> String {
    format!(
        "{:?} {} {} {:?} {:?} {:?} {:?}",
        verdict.engine,
        verdict.executions,
        verdict.states,
        verdict.bound,
        verdict.outcomes.texts(),
        verdict.deadlocks.texts(),
        verdict.findings
    )
}

fn panic_of(run: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(run)).expect_err("it panics");
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|text| text.to_string())).expect("a panic has a text")
}

/// Execution numbers go up: what is compared is the text around them.
fn without_numbers(text: &str) -> String {
    let words = text.split_inclusive(|c: char| !c.is_ascii_digit());
    words.map(|word| word.trim_start_matches(|c: char| c.is_ascii_digit())).collect()
}

const FOREIGN: &str = "object ObjectId() belongs to execution , not to the current execution : \
                       make locks, cells and queues inside the program that uses them";

#[test]
fn object_of_another_execution_is_refused() {
    static KEPT: StdMutex<Option<Atomic>> = StdMutex::new(None);
    let subject = program(|| {
        let kept = *KEPT.lock().unwrap().get_or_insert_with(|| Atomic::new("kept", 0));
        kept.inc();
        vec![]
    });

    // The first execution makes it; the second is set up with what belongs to the first.
    let text = panic_of(|| _ = explore(&subject, &Config::default()));

    assert_eq!(without_numbers(&text), FOREIGN);
}

#[test]
fn object_of_another_execution_used_by_a_task_is_hidden_state() {
    static KEPT: StdMutex<Option<Atomic>> = StdMutex::new(None);
    let subject = program(|| {
        let kept = *KEPT.lock().unwrap().get_or_insert_with(|| Atomic::new("kept", 0));
        vec![Box::new(move || kept.inc())]
    });

    // The first execution made it; the others of the same exploration are refused.
    let Err(Error::HiddenState(hidden)) = try_explore(&subject, &Config::default()) else { panic!("it is noticed") };

    assert_eq!(without_numbers(&hidden.now), format!("it panicked with `{FOREIGN}`"));
}

#[test]
fn object_outside_of_any_execution_is_refused() {
    let text = panic_of(|| _ = SpinLock::new("nowhere"));

    assert_eq!(
        text,
        "locks, cells, threads and what else tasks share exist only inside an execution: of lockwright::model, lockwright::boot or explore::explore"
    );
}

#[test]
fn panic_in_the_code_under_test_is_a_finding_with_its_text() {
    let subject = program(|| {
        let n = Atomic::new("n", 0);
        let body = move || {
            if n.read() == 1 {
                panic!("n was {}", 1);
            }
        };
        vec![Box::new(body), Box::new(move || n.inc())]
    });
    let verdict = explore(&subject, &Config::default());

    let found: Vec<_> =
        verdict.findings.iter().map(|found| (found.finding.code, found.finding.subject.as_str())).collect();
    assert_eq!(found, [(Code::LW011, "n was 1")]);
    assert!(verdict.complete());
}

#[test]
fn panic_with_a_lock_held_gives_the_lock_back_and_is_one_finding() {
    let subject = program(|| {
        let kernel = Kernel::boot(Faults::default());
        let lock = SpinLock::new("lock");
        let body = move || {
            let current = Task::new(kernel, 1);
            let _guard = lock.lock(&current);
            panic!("with the lock held");
        };
        let other = move || drop(lock.lock(&Task::new(kernel, 2)));
        vec![Box::new(body), Box::new(other)]
    });

    for engine in [EngineKind::Explorer, EngineKind::Brute] {
        let verdict = explore(&subject, &Config::with_engine(engine));
        let found: Vec<_> = verdict.findings.iter().map(|found| found.finding.subject).collect();
        assert_eq!(found, ["with the lock held"]);
    }
}

#[test]
fn endless_program_hits_the_bound_on_steps_and_says_so() {
    let limits = Limits { steps_max: 500, ..Limits::default() };

    for engine in [EngineKind::Explorer, EngineKind::Brute] {
        let config = Config { limits, ..Config::with_engine(engine) };
        let verdict = explore(&for_ever(), &config);
        assert_eq!((verdict.bound, verdict.complete()), (Some(Bound::Steps(500)), false));

        // A bound that ends the whole exploration is named before one that ended a single execution.
        let verdict = explore(&for_ever(), &Config { executions_max: 2, ..config });
        assert_eq!(verdict.bound, Some(Bound::Executions(2)));
    }
    assert_eq!(Bound::Steps(500).to_string(), "an execution runs on after 500 steps");
}

#[test]
fn bounds_on_executions_and_states_are_verdicts() {
    let subject = small([&[AtomicInc(0); 4], &[AtomicInc(0); 4]]).subject();
    let executions = Config { executions_max: 3, ..Config::with_engine(EngineKind::Brute) };
    let states = Config { states_max: 5, every_access: true, ..Config::default() };

    let (by_executions, by_states) = (explore(&subject, &executions), explore(&subject, &states));

    assert_eq!((by_executions.bound, by_executions.executions), (Some(Bound::Executions(3)), 3));
    assert_eq!(by_states.bound, Some(Bound::States(5)));
    assert!(!by_executions.complete() && !by_states.complete());
}

#[test]
fn bound_that_is_just_enough_is_complete() {
    let subject = small([&[AtomicInc(0)], &[AtomicInc(0)]]).subject();
    let config = Config { executions_max: 2, ..Config::with_engine(EngineKind::Brute) };

    assert_eq!(explore(&subject, &config).bound, None);
}

#[test]
fn more_tasks_than_loom_runs_are_a_bound_by_name() {
    let config = Config { executions_max: 20, ..Config::with_engine(EngineKind::Loom) };
    let loom = |tasks: Small| explore(&tasks.subject(), &config);
    let step: &[Stmt] = &[AtomicInc(0)];

    let (five, six) = (loom(small([step; 5])), loom(small([step; 6])));

    assert_eq!((five.bound, five.codes().len()), (Some(Bound::Executions(20)), 0));
    assert_eq!((six.bound, six.codes().len()), (Some(Bound::Tasks(5)), 0));
    // It goes on working.
    assert_eq!(loom(small([step; 2])).bound, None);
}

/// Outcomes, codes and executions of loom, which the explorer has as well.
fn under_loom(tasks: [&[Stmt]; 2]) -> (usize, usize, u64) {
    let locks = vec![LockKind::Mutex];
    let subject = Small { locks, cells: vec![0], ..small(tasks) }.subject();
    let [explorer, loom] =
        [EngineKind::Explorer, EngineKind::Loom].map(|engine| explore(&subject, &Config::with_engine(engine)));

    assert_eq!((explorer.bound, loom.bound), (None, None));
    assert_eq!((&explorer.outcomes, explorer.codes()), (&loom.outcomes, loom.codes()));
    (loom.outcomes.len(), loom.codes().len(), loom.executions)
}

#[test]
fn loom_waits_for_a_mutex_without_the_bkl() {
    let bkl_inside: &[Stmt] = &[Lock(0), LockKernel, Inc(0), UnlockKernel, Unlock(0)];
    let bkl_around: &[Stmt] = &[LockKernel, Lock(0), Inc(0), Unlock(0), UnlockKernel];

    // No deadlock, and x=2 at the end of each execution.
    let (outcomes, codes, executions) = under_loom([bkl_inside, bkl_around]);
    assert_eq!((outcomes, codes), (1, 0));
    assert!(executions > 1, "{executions}");
}

#[test]
fn a_trylock_beside_a_holder_fails_and_succeeds_under_loom() {
    let (outcomes, codes, _) = under_loom([&[Lock(0), Inc(0), Unlock(0)], &[TryLock(0, 1), Unlock(0)]]);
    assert_eq!((outcomes, codes), (2, 0));
}

/// One order ends, the other waits for ever. loom is to try both, whichever comes first.
#[test]
fn a_lock_that_is_left_locked_hides_no_order_from_loom() {
    for tasks in [[&[Lock(0)][..], &[Lock(0), Unlock(0)]], [&[Lock(0), Unlock(0)], &[Lock(0)]]] {
        let (outcomes, codes, _) = under_loom(tasks);
        // LW007 where it ends, LW008 where the other task waits.
        assert_eq!((outcomes, codes), (1, 2));
    }
}

#[test]
fn interrupt_ends_an_exploration_with_what_it_has() {
    let subject = small([&[AtomicInc(0); 4], &[AtomicInc(0); 4]]).subject();
    let interrupt = Some(Arc::new(AtomicBool::new(true)));
    let verdict = explore(&subject, &Config { interrupt, ..Config::with_engine(EngineKind::Brute) });

    assert_eq!((verdict.bound, verdict.executions), (Some(Bound::Interrupted), 1));
    assert_eq!(verdict.outcomes.len(), 1);
}

/// Takes that many steps in turn, then abandons the execution.
struct AbandonAfter(u32);

impl Strategy for AbandonAfter {
    fn decide(&mut self, state: &State<'_>) -> Decision {
        if state.step == self.0 {
            return Decision::Abandon;
        }
        Decision::Take(state.transitions[state.step as usize % state.transitions.len()])
    }
}

/// Runs executions that are abandoned after 0 to 9 steps; the stacks there are afterwards.
fn stacks_after_abandoning(subject: &Arc<dyn Subject>) -> usize {
    let observer: Rc<RefCell<dyn Observer>> = Rc::new(RefCell::new(Blind { names_tasks: true }));
    let mut controlled = Controlled::new(Settings::default());
    for round in 0..200 {
        let program: &dyn Program = &**subject;
        assert_eq!(controlled.run(program, &mut AbandonAfter(round % 10), &observer), Ending::Abandoned);
    }
    controlled.stacks()
}

/// Counts how many of it are alive.
struct Counted;

static COUNTED: AtomicU32 = AtomicU32::new(0);

impl Counted {
    fn new() -> Counted {
        COUNTED.fetch_add(1, Ordering::Relaxed);
        Counted
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        COUNTED.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn abandoned_executions_give_their_stacks_and_what_lies_on_them_back() {
    let ends = program(|| {
        let n = Atomic::new("n", 0);
        let body = move || {
            let _counted = Counted::new();
            (0..20).for_each(|_| n.inc());
        };
        vec![Box::new(body), Box::new(body), Box::new(body)]
    });
    let never_ends = program(|| {
        let kernel = Kernel::boot(Faults::default());
        let (n, lock) = (Atomic::new("n", 0), SpinLock::new("lock"));
        let body = move || {
            let _counted = Counted::new();
            let current = Task::new(kernel, 1);
            loop {
                let _guard = lock.lock(&current);
                n.inc();
            }
        };
        let other = move || loop {
            n.inc();
        };
        vec![Box::new(body), Box::new(other)]
    });

    assert_eq!(stacks_after_abandoning(&ends), 3);
    assert_eq!(stacks_after_abandoning(&never_ends), 2);
    assert_eq!(COUNTED.load(Ordering::Relaxed), 0);
}

#[test]
fn exploration_is_deterministic() {
    let program = small([
        &[Lock(0), Lock(1), AtomicInc(0), Unlock(1), Unlock(0)],
        &[Lock(1), TryLock(0, 2), Choose(3), Unlock(0), Unlock(1)],
        &[Cmpxchg(0, 1, 5), AtomicRead(0)],
    ]);

    for engine in [EngineKind::Explorer, EngineKind::Brute] {
        let config = Config::with_engine(engine);
        assert_eq!(told(&explore(&program.subject(), &config)), told(&explore(&program.subject(), &config)));
    }
}

#[test]
fn what_a_finished_task_saw_tells_states_apart() {
    // The first is done with 0 or 1, and the memory is the same: the second must go on from both.
    let program = small([&[AtomicRead(0)], &[AtomicSet(0, 1), Fence, Fence]]);
    let verdict = explore(&program.subject(), &Config::default());

    assert_eq!(verdict.outcomes.texts().into_iter().collect::<Vec<_>>(), ["0, ; n=1", "1, ; n=1"]);
}

#[test]
fn choices_are_explored_to_the_last() {
    let verdict = explore(&small([&[Choose(3), Choose(4)]]).subject(), &Config::with_engine(EngineKind::Brute));

    assert_eq!((verdict.executions, verdict.outcomes.len()), (12, 12));
    for (first, second) in (0..3).flat_map(|first| (0..4).map(move |second| (first, second))) {
        assert!(verdict.outcomes.texts().contains(&format!("{first} {second}; n=0")));
    }
}
