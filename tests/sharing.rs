//! Descriptors that tasks share: what a call finds there, and what of it is a mistake.

use std::collections::BTreeSet;
use std::sync::Arc;

use lockwright::check::{Checks, Code};
use lockwright::engine::{self, Body, Booted, Program};
use lockwright::event::names::Names;
use lockwright::event::{Note, ObjectId, Place};
use lockwright::explore::{Config, EngineKind, Subject, Verdict, explore};
use lockwright::kernel::atomic::Atomic;
use lockwright::kernel::slab::{Layout, Link, Ptr, Slab, kfree, kmalloc_nofail};
use lockwright::lease::note::{Fd, LeaseCall, LeaseNote};
use lockwright::scenario::{file, subject};

fn check(design: &str, tasks: &str) -> Verdict {
    let text = format!(r#"{{"name": "sharing", "tasks": [{tasks}]}}"#);
    let scenario = file::parse(&text).unwrap_or_else(|problems| panic!("{problems:?}"));
    explore(
        &subject(lockwright::study::design(design).expect("the design is listed"), &Arc::new(scenario)),
        &Config::default(),
    )
}

fn mistakes(tasks: &str) -> Vec<String> {
    let text = format!(r#"{{"name": "sharing", "tasks": [{tasks}]}}"#);
    file::parse(&text).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

/// The results of the calls, without what is left of the file.
fn results(verdict: &Verdict) -> Vec<String> {
    assert_eq!((verdict.bound, verdict.findings.len()), (None, 0), "{:?}", verdict.codes());
    let texts = verdict.outcomes.texts();
    let results: BTreeSet<&str> = texts.iter().filter_map(|outcome| outcome.split(';').next()).collect();
    results.into_iter().map(str::to_owned).collect()
}

const OPEN: &str = r#""before": ["a = open(file, O_RDONLY)"]"#;

#[test]
fn the_second_of_two_closes_finds_nothing() {
    let tasks = format!(
        r#"{{"name": "x", {OPEN}, "calls": ["close(a)"]}}, {{"name": "y", "shares": "x", "calls": ["close(a)"]}}"#
    );

    assert_eq!(results(&check("spinlock", &tasks)), ["x: -9, y: 0", "x: 0, y: -9"]);
}

#[test]
fn a_call_beside_a_close_has_its_file_or_finds_none() {
    let user = r#"{"name": "y", "shares": "x", "calls": ["fcntl(a, F_SETLEASE, F_RDLCK)"]}"#;
    let tasks = format!(r#"{{"name": "x", {OPEN}, "calls": ["close(a)"]}}, {user}"#);

    for design in ["bkl", "spinlock"] {
        let verdict = check(design, &tasks);
        assert_eq!(results(&verdict), ["x: 0, y: -9", "x: 0, y: 0"], "{design}");
        // The last one removes the lease: with a reference left over the file would be open at the end.
        assert!(
            verdict.outcomes.texts().iter().all(|it| it.ends_with("leases []; opens 0 writes 0")),
            "{:?}",
            verdict.outcomes
        );
    }
}

#[test]
fn a_descriptor_that_is_replaced_is_never_closed() {
    let before = r#""before": ["a = open(file, O_RDONLY)", "b = open(file, O_RDONLY)"]"#;
    let user = r#"{"name": "y", "shares": "x", "calls": ["fcntl(a, F_GETOWN)"]}"#;

    let dup = check("spinlock", &format!(r#"{{"name": "x", {before}, "calls": ["a = dup(b)"]}}, {user}"#));
    let open = check("spinlock", &format!(r#"{{"name": "x", {before}, "calls": ["a = open(file, O_RDWR)"]}}, {user}"#));
    let reopen = format!(r#"{{"name": "x", {before}, "calls": ["close(a)", "a = dup(b)"]}}, {user}"#);

    assert_eq!((results(&dup), results(&open)), (vec!["x: 0, y: 0".to_owned()], vec!["x: 0, y: 0".to_owned()]));
    assert_eq!(results(&check("spinlock", &reopen)), ["x: 0 0, y: -9", "x: 0 0, y: 0"]);
}

#[test]
fn a_call_that_can_only_find_a_closed_descriptor_is_a_mistake_of_the_file() {
    let alone = |calls: &str| mistakes(&format!(r#"{{"name": "x", {OPEN}, "calls": [{calls}]}}"#));
    let beside = |calls: &str, others: &str| {
        let other = format!(r#"{{"name": "y", "shares": "x", "calls": [{others}]}}"#);
        mistakes(&format!(r#"{{"name": "x", {OPEN}, "calls": [{calls}]}}, {other}"#))
    };

    assert_eq!(
        alone(r#""close(a)", "close(a)""#),
        ["tasks[0].calls[1]: handle `a` is closed: `close(a)` comes after that, and nobody opens it again before"]
    );
    assert!(alone(r#""close(a)", "a = open(file, O_RDONLY)", "close(a)""#).is_empty());
    assert!(beside(r#""close(a)""#, r#""close(a)""#).is_empty(), "one of the two closes it");
    assert_eq!(beside(r#""close(a)", "b = dup(a)""#, r#""close(a)""#).len(), 1, "the other closes it at most");
    assert!(beside(r#""close(a)", "b = dup(a)""#, r#""a = open(file, O_RDONLY)""#).is_empty());
    assert_eq!(
        mistakes(r#"{"name": "x", "before": ["a = open(file, O_RDONLY)", "close(a)", "fcntl(a, F_GETLEASE)"]}"#),
        [
            "tasks[0].before[2]: handle `a` is closed: `fcntl(a, F_GETLEASE)` comes after that, and nobody opens it again before"
        ]
    );
}

// The lookup itself, made wrong.

struct Counted {
    f_count: Atomic,
}

impl Slab for Counted {
    const NAME: &'static str = "file";

    fn lay(layout: &mut Layout) -> Counted {
        Counted { f_count: Atomic::field(layout, "f_count") }
    }
}

/// How a task gets at the file of a descriptor.
#[derive(Clone, Copy)]
enum Lookup {
    /// As Linux does since 4.2.
    LooksAgain,
    /// As 2.6.23 did: a file that is gone is a descriptor that is closed.
    GivesUp,
    /// Reads the count before it raises it, which is an ordinary use of the file.
    ReadsFirst,
}

/// One task puts a file in the place of another, one asks for the owner of whichever is there.
struct Replaced(Lookup);

fn say(note: impl Into<Note>) {
    engine::note(note.into(), Place::caller());
}

fn called(call: LeaseCall, run: impl FnOnce() -> i64) {
    say(Note::Call(0));
    say(LeaseNote::Invoke(call));
    let result = run();
    say(Note::Return(0, result));
}

fn put(file: Ptr<Counted>) {
    if file.get().f_count.dec_and_test() {
        kfree(file);
    }
}

fn look_up(slot: Link<Counted>, lookup: Lookup) -> Option<Ptr<Counted>> {
    loop {
        let file = slot.load_acquire()?;
        if matches!(lookup, Lookup::ReadsFirst) {
            file.get().f_count.read();
        }
        if file.get().f_count.inc_not_zero() {
            return Some(file);
        }
        if matches!(lookup, Lookup::GivesUp) {
            return None;
        }
    }
}

impl Program for Replaced {
    fn boot(&self) -> Booted {
        let lookup = self.0;
        let inode = Atomic::new("i_count", 1).id();
        let slot: Link<Counted> = Link::new("fd[a]");
        let open = |to: Option<ObjectId>| {
            say(LeaseNote::Invoke(LeaseCall::Open {
                inode,
                write: false,
                nonblock: false,
                trunc: false,
                pid: 1,
                to: to.map(Fd::Shared),
            }));
            let file: Ptr<Counted> = kmalloc_nofail(Place::caller());
            file.get().f_count.init(1);
            say(LeaseNote::Opened { file: file.id(), inode, write: false });
            file
        };
        let (old, new) = (open(Some(slot.id())), open(None));
        slot.init(Some(old));
        let dup2 = move || {
            called(LeaseCall::Dup { fd: Fd::Own(new.id()), to: Some(Fd::Shared(slot.id())) }, || {
                new.get().f_count.inc();
                slot.store_release(Some(new));
                put(old);
                0
            });
        };
        let asks = move || {
            called(LeaseCall::GetOwn { fd: Fd::Shared(slot.id()) }, || {
                look_up(slot, lookup).map_or(-9, |file| {
                    put(file);
                    0
                })
            });
        };
        let tasks: Vec<Body> = vec![Box::new(dup2), Box::new(asks)];
        let (listing, outcome) = (
            Box::new(|_: &dyn lockwright::event::View| Vec::new()),
            Box::new(|_: &dyn lockwright::event::View| lockwright::event::outcome::Outcome::default()),
        );
        Booted { tasks, listing, outcome, epilogue: Box::new(move || kfree(new)) }
    }
}

impl Subject for Replaced {
    fn checks(&self) -> Checks {
        let calls = [["a = dup(b)"], ["fcntl(a, F_GETOWN)"]].map(|calls| calls.map(str::to_owned).to_vec());
        lockwright::lease::judge::checks(Names {
            tasks: vec!["x".into(), "y".into()],
            calls: calls.to_vec(),
            ..Names::default()
        })
    }
}

#[test]
fn a_lookup_that_gives_up_beside_dup2_is_found_and_one_that_looks_again_is_clean() {
    for engine in [EngineKind::Explorer, EngineKind::Dpor, EngineKind::Brute, EngineKind::Loom] {
        let found = |lookup| {
            let subject: Arc<dyn Subject> = Arc::new(Replaced(lookup));
            let verdict = explore(&subject, &Config::with_engine(engine));
            assert_eq!(verdict.bound, None, "{engine:?}");
            verdict.codes().into_iter().collect::<Vec<Code>>()
        };

        assert_eq!(found(Lookup::LooksAgain), [], "{engine:?}");
        assert_eq!(found(Lookup::GivesUp), [Code::LW040], "{engine:?}");
        // RCU keeps the memory for the one operation that takes the reference, and for no other.
        assert_eq!(found(Lookup::ReadsFirst), [Code::LW020], "{engine:?}");
    }
}
