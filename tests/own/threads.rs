//! Threads that are born.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use lockwright::check::Code;
use lockwright::engine::controlled::{Controlled, Settings};
use lockwright::engine::{Blind, Decision, Ending, Observer, State, Strategy};
use lockwright::own::program::Own;
use lockwright::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use lockwright::sync::{Arc, Mutex};
use lockwright::thread;

use super::{explore, finds};

#[test]
fn a_thread_that_a_thread_starts_is_the_same_in_every_order() {
    let checked = explore(|| {
        let n = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let n = n.clone();
                thread::spawn(move || {
                    let own = n.clone();
                    let child = thread::spawn(move || own.fetch_add(1, SeqCst));
                    n.fetch_add(1, SeqCst);
                    child.join().unwrap();
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        lockwright::outcome("n", n.load(SeqCst) as i64);
    });

    checked.assert_clean().assert_outcomes(["n=4"]);
}

#[test]
fn a_join_returns_what_the_thread_has_seen() {
    let checked = explore(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let other = flag.clone();
        let thread = thread::spawn(move || other.load(SeqCst));
        flag.store(true, SeqCst);
        lockwright::outcome("seen", thread.join().unwrap().into());
    });

    checked.assert_clean().assert_outcomes(["seen=0", "seen=1"]);
}

#[test]
fn a_scope_waits_for_its_threads_and_they_borrow() {
    let checked = explore(|| {
        let n = Mutex::new(0);
        thread::scope(|scope| {
            scope.spawn(|| *n.lock().unwrap() += 1);
            let named = scope.spawn(|| *n.lock().unwrap() += 1);
            named.join().unwrap();
        });
        assert_eq!(n.into_inner().unwrap(), 2);
    });

    checked.assert_clean();
}

#[test]
fn park_takes_what_unpark_left() {
    let park = |unparks: bool| {
        move || {
            let main = thread::current();
            let thread = thread::spawn(move || {
                if unparks {
                    main.unpark()
                }
            });
            thread::park();
            thread.join().unwrap();
        }
    };

    assert_eq!(finds(park(true)), []);
    assert_eq!(finds(park(false)), [Code::LW008]);
}

#[test]
fn a_loop_that_yields_waits_for_what_it_reads_and_not_for_a_bound() {
    let checked = explore(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let other = flag.clone();
        let thread = thread::spawn(move || other.store(true, SeqCst));
        while !flag.load(SeqCst) {
            lockwright::hint::spin_loop();
        }
        thread.join().unwrap();
    });

    checked.assert_clean();
    assert!(checked.verdict.states < 60, "{}", checked.verdict.states);
}

#[test]
fn a_loop_that_nobody_ends_is_a_livelock() {
    let codes = finds(|| {
        let flag = AtomicBool::new(false);
        while !flag.load(SeqCst) {
            thread::yield_now();
        }
    });

    assert_eq!(codes, [Code::LW009]);
}

#[test]
fn a_yield_that_is_no_loop_holds_nothing_back() {
    let checked = explore(|| {
        let (a, b) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (c, d) = (a.clone(), b.clone());
        let thread = thread::spawn(move || (d.load(SeqCst), c.load(SeqCst)));
        a.store(true, SeqCst);
        thread::yield_now();
        b.store(true, SeqCst);
        let (b, a) = thread.join().unwrap();
        lockwright::outcome("a", a.into());
        lockwright::outcome("b", b.into());
    });

    checked.assert_clean().assert_outcomes(["a=0 b=0", "a=1 b=0", "a=1 b=1"]);
}

#[test]
fn a_panic_is_a_finding_with_its_text() {
    let checked = explore(|| {
        let n = Arc::new(AtomicUsize::new(0));
        let other = n.clone();
        let thread = thread::spawn(move || other.store(other.load(SeqCst) + 1, SeqCst));
        n.store(n.load(SeqCst) + 1, SeqCst);
        thread.join().unwrap();
        assert_eq!(n.load(SeqCst), 2, "an increment is lost");
    });

    checked.assert_finds(Code::LW011);
    assert!(checked.to_string().contains("an increment is lost"), "{checked}");
}

#[test]
fn locals_belong_to_their_thread_and_go_with_it() {
    lockwright::thread_local! {
        static N: Cell<usize> = Cell::new(1);
    }
    let checked = explore(|| {
        N.set(2);
        let thread = thread::spawn(|| {
            N.set(N.get() + 2);
            N.get()
        });
        assert_eq!((thread.join().unwrap(), N.get()), (3, 2));
    });

    checked.assert_clean();
}

#[test]
fn a_lazy_static_is_made_once_in_each_execution() {
    lockwright::lazy_static! {
        static ref N: AtomicUsize = AtomicUsize::new(5);
    }
    let checked = explore(|| {
        let thread = thread::spawn(|| N.fetch_add(1, SeqCst));
        N.fetch_add(1, SeqCst);
        thread.join().unwrap();
        assert_eq!(N.load(SeqCst), 7);
    });

    checked.assert_clean();
}

#[test]
fn choices_are_explored() {
    let checked = explore(|| {
        let (number, truth) = (lockwright::choose(3), lockwright::choose_bool());
        lockwright::outcome("n", number as i64 * 2 + i64::from(truth));
    });

    checked.assert_clean().assert_outcomes(["n=0", "n=1", "n=2", "n=3", "n=4", "n=5"]);
}

#[test]
fn a_choice_among_many_tries_them_all() {
    let checked = explore(|| lockwright::outcome("n", lockwright::choose(250) as i64));
    let seen = checked.verdict.outcomes.texts();

    checked.assert_clean();
    assert!(seen.len() == 250 && seen.contains("n=0") && seen.contains("n=249"), "{seen:?}");
    assert_eq!(finds(|| _ = lockwright::choose(0)), [Code::LW011]);
}

#[test]
fn state_outside_of_the_model_is_an_error_and_no_verdict() {
    use std::sync::atomic::AtomicUsize as Hidden;
    let explored = std::panic::catch_unwind(|| {
        explore(|| {
            static HIDDEN: Hidden = Hidden::new(0);
            let n = AtomicUsize::new(0);
            n.store(HIDDEN.fetch_add(1, SeqCst), SeqCst);
        })
    });

    let payload = explored.err().expect("there is no verdict");
    let text = payload.downcast_ref::<String>().expect("an error has a text");
    assert!(text.contains("hidden state") && text.contains(": before it came to"), "{text}");
    assert!(text.contains("store(0") || text.contains("with another value"), "the two differ: {text}");
}

#[test]
fn what_a_scoped_thread_writes_where_it_borrowed_is_part_of_the_state() {
    let checked = explore(|| {
        let n = AtomicUsize::new(0);
        let mut seen = 0;
        thread::scope(|scope| {
            scope.spawn(|| seen = n.load(SeqCst));
            n.store(1, SeqCst);
        });
        lockwright::outcome("seen", seen as i64);
    });
    checked.assert_clean().assert_outcomes(["seen=0", "seen=1"]);
}

/// Takes what is first.
struct First;

impl Strategy for First {
    fn decide(&mut self, state: &State<'_>) -> Decision {
        Decision::Take(state.transitions[0])
    }
}

#[test]
fn an_execution_whose_threads_never_end_is_not_kept() {
    let own = Own::new(std::sync::Arc::new(|| {
        let lock = Mutex::new(0);
        let held = lock.lock();
        drop(lock.lock());
        drop(held);
    }));
    let observer: Rc<RefCell<dyn Observer>> = Rc::new(RefCell::new(Blind { names_tasks: true }));

    let ending = Controlled::new(Settings::default()).run(&own, &mut First, &observer);

    assert!(matches!(ending, Ending::Deadlocked(_)), "{ending:?}");
    // The execution had one more.
    assert_eq!(Rc::strong_count(&observer), 1);
}
