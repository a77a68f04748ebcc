//! What tasks share behind the engine's back: no verdict and no finding, but an error that says where two runs part.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use lockwright::check::{Checks, Code};
use lockwright::engine::{Body, Booted, Memory, Program};
use lockwright::event::names::Names;
use lockwright::event::outcome::{Outcome, Remains, Value};
use lockwright::explore::{Config, EngineKind, Error, HiddenState, Subject, explore, try_explore};
use lockwright::kernel::atomic::Atomic;
use lockwright::scenario::catalogue;
use lockwright::study::cells;

use crate::matrix::sample;

/// A program of these tasks that promises nothing.
struct Foreign<F>(F);

impl<F: Fn() -> Vec<Body> + Send + Sync> Program for Foreign<F> {
    fn boot(&self) -> Booted {
        Booted {
            tasks: (self.0)(),
            listing: Box::new(|_| Vec::new()),
            outcome: Box::new(|_| Outcome::default()),
            epilogue: Box::new(|| ()),
        }
    }
}

impl<F: Fn() -> Vec<Body> + Send + Sync> Subject for Foreign<F> {
    fn checks(&self) -> Checks {
        Checks::new(Names { tasks: vec!["writer".into(), "reader".into()], ..Names::default() })
    }
}

fn foreign(tasks: impl Fn() -> Vec<Body> + Send + Sync + 'static) -> Arc<dyn Subject> {
    Arc::new(Foreign(tasks))
}

/// Engines that run the program's code under the engine's own scheduler.
const ENGINES: [EngineKind; 6] = [
    EngineKind::Explorer,
    EngineKind::Brute,
    EngineKind::Dpor,
    EngineKind::SourceDpor,
    EngineKind::Random,
    EngineKind::Pct,
];

/// What every engine says of it, the same for all of them.
fn hidden(subject: &Arc<dyn Subject>) -> HiddenState {
    let said = |config: Config| match try_explore(subject, &config) {
        Err(Error::HiddenState(hidden)) => hidden,
        other => panic!("{:?}: {other:?}", config.engine),
    };
    let first = said(Config::default());
    ENGINES.into_iter().for_each(|engine| assert_eq!(said(Config::with_engine(engine)), first, "{engine:?}"));
    assert_eq!(said(Config { memory: Memory::Tso, ..Config::default() }), first);
    assert_eq!(said(Config { audit: true, ..Config::default() }), first);
    first
}

/// The line of this file that has the text.
fn line(text: &str) -> usize {
    include_str!("hidden.rs").lines().position(|line| line.contains(text)).expect("the text is in this file") + 1
}

/// Two tasks share a word of the host beside three cells of the engine; the reader takes a 0 for a bug.
fn reader_of_a_mutex() -> Arc<dyn Subject> {
    foreign(|| {
        let [a, b, c] = ["a", "b", "c"].map(|name| Atomic::new(name, 0));
        let shared = Arc::new(Mutex::new(0));
        let written = Arc::clone(&shared);
        vec![
            Box::new(move || {
                a.inc();
                *written.lock().unwrap() = 1;
                b.inc();
            }),
            Box::new(move || {
                c.inc();
                assert_ne!(*shared.lock().unwrap(), 0, "the writer was here");
                c.inc();
            }),
        ]
    })
}

#[test]
fn panic_that_depends_on_a_mutex_of_the_host_is_hidden_state_and_no_finding() {
    let HiddenState { task, step, before, now } = hidden(&reader_of_a_mutex());

    assert_eq!(task, "task `reader`");
    assert!((1..=3).contains(&step), "{step}");
    let texts = [before, now];
    let went_on = format!("it came to `atomic_inc(c)` (tests/hidden.rs:{})", line("c.inc();") + 2);
    assert!(texts.contains(&went_on), "{texts:?}");
    assert!(
        texts.iter().any(|text| text.contains("it panicked with `assertion") && text.contains("the writer was here"))
    );
}

#[test]
fn branch_on_a_static_is_hidden_state() {
    static SHARED: AtomicU32 = AtomicU32::new(0);
    let subject = foreign(|| {
        let [a, x, y] = ["a", "x", "y"].map(|name| Atomic::new(name, 0));
        SHARED.store(0, Ordering::Relaxed);
        vec![
            Box::new(move || {
                a.inc();
                SHARED.store(1, Ordering::Relaxed);
            }),
            Box::new(move || {
                a.inc();
                if SHARED.load(Ordering::Relaxed) == 1 { x.inc() } else { y.inc() }
            }),
        ]
    });
    // Explored on several OS threads at once a static would be shared by these as well: the examination uses one.
    let HiddenState { task, before, now, .. } = hidden(&subject);

    assert_eq!(task, "task `reader`");
    assert!([&before, &now].iter().any(|text| text.starts_with("it came to `atomic_inc(x)` (tests/hidden.rs:")));
    assert!([&before, &now].iter().any(|text| text.starts_with("it came to `atomic_inc(y)` (tests/hidden.rs:")));
}

#[test]
fn note_in_a_thread_local_is_noticed_where_it_is_acted_on() {
    thread_local! {
        static NOTE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    for later in [0, 1, 30] {
        let subject = foreign(move || {
            let [a, b, c, x, y] = ["a", "b", "c", "x", "y"].map(|name| Atomic::new(name, 0));
            NOTE.set(false);
            vec![
                Box::new(move || {
                    a.inc();
                    NOTE.set(true);
                }),
                Box::new(move || {
                    b.inc();
                    let copied = NOTE.get();
                    (0..later).for_each(|_| c.inc());
                    if copied { x.inc() } else { y.inc() }
                }),
            ]
        });

        let HiddenState { before, now, .. } = hidden(&subject);

        assert!([&before, &now].iter().any(|text| text.starts_with("it came to `atomic_inc(x)`")), "{later}");
    }
}

#[test]
fn program_that_counts_its_executions_is_hidden_state() {
    let executions = AtomicU32::new(0);
    let subject = foreign(move || {
        let n = Atomic::new("n", executions.fetch_add(1, Ordering::Relaxed) as i32);
        vec![Box::new(move || n.inc()), Box::new(move || n.inc())]
    });

    let HiddenState { task, step, before, .. } = hidden(&subject);

    assert_eq!((task.as_str(), step), ("the program", 0));
    assert_eq!(before, "its set-up made other objects or other values");
}

/// No step shows it: the tasks do the same whatever they read, and only the outcome tells.
struct Queued;

impl Program for Queued {
    fn boot(&self) -> Booted {
        let n = Atomic::new("n", 0);
        let order = Arc::new(Mutex::new(Vec::new()));
        let task = |number: u8| -> Body {
            let order = Arc::clone(&order);
            Box::new(move || {
                n.inc();
                order.lock().unwrap().push(number);
            })
        };
        Booted {
            tasks: vec![task(1), task(2)],
            listing: Box::new(|_| Vec::new()),
            outcome: Box::new(move |_| {
                let order = order.lock().unwrap().iter().map(u8::to_string).collect();
                let state = vec![Remains { name: "order".into(), on: None, value: Value::List(order) }];
                Outcome { state, ..Outcome::default() }
            }),
            epilogue: Box::new(|| ()),
        }
    }
}

impl Subject for Queued {
    fn checks(&self) -> Checks {
        Checks::new(Names::default())
    }
}

#[test]
fn outcome_that_depends_on_what_the_engine_does_not_see_is_hidden_state() {
    let subject: Arc<dyn Subject> = Arc::new(Queued);

    let HiddenState { before, now, .. } = hidden(&subject);

    let mut outcomes = [before, now];
    outcomes.sort();
    assert_eq!(outcomes, ["its outcome was `order [1, 2]`", "its outcome was `order [2, 1]`"]);
}

#[test]
fn message_says_what_to_look_for() {
    let hidden = HiddenState {
        task: "task `reader`".to_owned(),
        step: 3,
        before: "it returned".to_owned(),
        now: "it came to `atomic_inc(n)` (src/mine.rs:7)".to_owned(),
    };

    assert_eq!(
        hidden.to_string(),
        "hidden state: task `reader` did not do the same in two runs, though it had observed the same up to step 3: before it \
         returned, now it came to `atomic_inc(n)` (src/mine.rs:7); the program keeps something in a static, a thread-local or \
         an Arc that is no object of the engine"
    );
}

// No false alarm.

#[test]
fn program_that_hides_nothing_is_explored_whatever_the_engine() {
    // Each task keeps what is its own where it likes; what they share is the engine's.
    let subject = foreign(|| {
        let [n, m] = ["n", "m"].map(|name| Atomic::new(name, 0));
        let task = move |times: u32| -> Body {
            Box::new(move || {
                let own = Mutex::new(0);
                (0..times).for_each(|_| {
                    *own.lock().unwrap() += 1;
                    n.inc();
                });
                if *own.lock().unwrap() == 2 {
                    m.inc()
                }
            })
        };
        vec![task(2), task(3)]
    });

    for engine in ENGINES {
        let verdict = try_explore(&subject, &Config::with_engine(engine)).unwrap();
        assert_eq!(verdict.findings.len(), 0, "{engine:?}");
    }
    // 4 places of the first task, 4 of the second, less the last state.
    assert_eq!(explore(&subject, &Config { every_access: true, ..Config::default() }).states, 4 * 4 - 1);
}

#[test]
fn finding_of_a_program_that_hides_nothing_is_a_finding() {
    let subject = foreign(|| {
        let n = Atomic::new("n", 0);
        let last: Body = Box::new(move || assert_ne!(n.read(), 0, "the other was first"));
        vec![Box::new(move || n.inc()), last]
    });

    for engine in [EngineKind::Explorer, EngineKind::Brute, EngineKind::Dpor] {
        assert_eq!(explore(&subject, &Config::with_engine(engine)).codes(), [Code::LW011].into(), "{engine:?}");
    }
}

/// The same program with a promise that it does not keep.
struct Promising(Arc<dyn Subject>);

impl Program for Promising {
    fn boot(&self) -> Booted {
        self.0.boot()
    }
}

impl Subject for Promising {
    fn checks(&self) -> Checks {
        self.0.checks()
    }

    fn hides_nothing(&self) -> bool {
        true
    }
}

#[test]
fn program_that_promises_to_hide_nothing_is_believed() {
    // DPOR runs one order of steps that look independent: without the examination nothing would tell.
    let subject: Arc<dyn Subject> = Arc::new(Promising(reader_of_a_mutex()));

    assert!(try_explore(&subject, &Config::with_engine(EngineKind::Dpor)).is_ok());
}

/// The catalogue promises that it hides nothing, so nothing looks there by default. Here something does: in the designs that the
/// product is about, as far as an audit comes with a thousand states.
#[test]
fn designs_of_the_catalogue_keep_their_promise() {
    let designs =
        ["bkl", "proposal", "spinlock", "flocks"].map(|name| lockwright::study::design(name).expect("a design"));
    let cells = sample(cells::cells(&designs, &catalogue::all()), 6);

    let audited: Vec<(bool, u64)> = cells::for_each(&cells, 2, |_, cell| {
        let states_max = 1_000;
        let audited = try_explore(&cell.subject(), &Config { audit: true, states_max, ..Config::default() }).unwrap();
        (audited.complete(), audited.audited.unwrap_or(0))
    });

    assert!(
        audited.iter().filter(|(complete, _)| *complete).count() > cells.len() / 3,
        "most have fewer states than that"
    );
    assert!(audited.iter().map(|(_, compared)| compared).sum::<u64>() > 100 * cells.len() as u64);
}
