//! Loops that wait: with timeouts, with yields, or by looking again and again.

use std::time::Duration;

use lockwright::boot::Checked;
use lockwright::check::Code;
use lockwright::explore::EngineKind;
use lockwright::model::Builder;
use lockwright::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use lockwright::sync::mpsc::{self, RecvTimeoutError};
use lockwright::sync::{Arc, Condvar, Mutex};
use lockwright::thread;

use super::{explore, explore_by, finds};

const SOON: Duration = Duration::from_millis(1);

/// Everything is seen, and in few states: the loop does not go round to the bound.
fn assert_ends(checked: &Checked) {
    checked.assert_clean();
    assert!(checked.verdict.states < 400, "{} states", checked.verdict.states);
}

#[test]
fn a_loop_over_timed_receives_waits_for_the_message() {
    let checked = explore(|| {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::spawn(move || sender.send(7).unwrap());
        let got = loop {
            match receiver.recv_timeout(SOON) {
                Ok(got) => break got,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => unreachable!("the message comes first"),
            }
        };
        assert_eq!(got, 7);
        thread.join().unwrap();
    });

    assert_ends(&checked);
}

#[test]
fn a_loop_over_timed_waits_waits_for_the_condition() {
    let wait = |sets: bool| {
        move || {
            let pair = Arc::new((Mutex::new(false), Condvar::new()));
            let other = pair.clone();
            let thread = thread::spawn(move || *other.0.lock().unwrap() = sets);
            let mut is_set = pair.0.lock().unwrap();
            while !*is_set {
                is_set = pair.1.wait_timeout(is_set, SOON).unwrap().0;
            }
            drop(is_set);
            thread.join().unwrap();
        }
    };

    assert_ends(&explore(wait(true)));
    assert_eq!(finds(wait(false)), [Code::LW009]);
}

#[test]
fn loops_over_timed_parks_and_sleeps_wait_for_what_they_read() {
    for sleep in [|| thread::park_timeout(SOON), || thread::sleep(SOON)] {
        let checked = explore(move || {
            let flag = Arc::new(AtomicBool::new(false));
            let other = flag.clone();
            let thread = thread::spawn(move || other.store(true, SeqCst));
            while !flag.load(SeqCst) {
                sleep();
            }
            thread.join().unwrap();
        });
        assert_ends(&checked);
    }
}

#[test]
fn what_has_a_timeout_waits_for_nobody_for_ever() {
    let received = explore(|| {
        let (sender, receiver) = mpsc::channel::<u8>();
        assert_eq!(receiver.recv_timeout(SOON), Err(RecvTimeoutError::Timeout));
        drop(sender);
        assert_eq!(receiver.recv_timeout(SOON), Err(RecvTimeoutError::Disconnected));
    });
    let parked = explore(|| thread::park_timeout(SOON));

    received.assert_clean();
    parked.assert_clean();
}

/// Neither yields: it is the same looks again and again that tell the loop.
#[test]
fn a_loop_that_never_yields_waits_for_what_it_reads() {
    let on_a_flag = |sets: bool| {
        move || {
            let flag = Arc::new(AtomicBool::new(false));
            let other = flag.clone();
            let thread = thread::spawn(move || other.store(sets, SeqCst));
            while !flag.load(SeqCst) {}
            thread.join().unwrap();
        }
    };
    let on_a_lock = explore(|| {
        let n = Arc::new((AtomicBool::new(false), AtomicUsize::new(0)));
        let add = |n: &(AtomicBool, AtomicUsize)| {
            while n.0.compare_exchange(false, true, SeqCst, SeqCst).is_err() {}
            n.1.store(n.1.load(SeqCst) + 1, SeqCst);
            n.0.store(false, SeqCst);
        };
        let other = n.clone();
        let thread = thread::spawn(move || add(&other));
        add(&n);
        thread.join().unwrap();
        assert_eq!(n.1.load(SeqCst), 2);
    });

    assert_ends(&explore(on_a_flag(true)));
    assert_ends(&on_a_lock);
    assert_eq!(finds(on_a_flag(false)), [Code::LW009]);
}

/// Fewer rounds than make a loop are all explored; more, while others could go on, are taken for granted.
#[test]
fn a_loop_that_gives_up_has_the_same_outcomes_by_every_search() {
    for (rounds, yields) in [(2, true), (3, true), (6, true), (2, false), (4, false), (8, false)] {
        let give_up = move || {
            let flag = Arc::new(AtomicBool::new(false));
            let other = flag.clone();
            let thread = thread::spawn(move || {
                other.load(SeqCst);
                other.store(true, SeqCst);
            });
            let round = (0..rounds).find(|_| {
                let is_set = flag.load(SeqCst);
                if !is_set && yields {
                    thread::yield_now();
                }
                is_set
            });
            thread.join().unwrap();
            lockwright::outcome("round", round.unwrap_or(rounds));
        };
        let brute = explore_by(EngineKind::Brute, give_up);
        for search in [EngineKind::Explorer, EngineKind::Dpor, EngineKind::SourceDpor] {
            let seen = explore_by(search, give_up).verdict.outcomes.texts();
            assert_eq!(seen, brute.verdict.outcomes.texts(), "{search:?}, {rounds} rounds, yields: {yields}");
        }
    }
}

#[test]
fn spurious_wake_ups_are_explored_where_one_asks_for_them() {
    let wait = |tests_again: bool| {
        move || {
            let pair = Arc::new((Mutex::new(false), Condvar::new()));
            let other = pair.clone();
            let thread = thread::spawn(move || {
                *other.0.lock().unwrap() = true;
                other.1.notify_one();
            });
            let mut is_set = pair.0.lock().unwrap();
            while !*is_set {
                is_set = pair.1.wait(is_set).unwrap();
                assert!(tests_again || *is_set, "nobody has set it");
            }
            drop(is_set);
            thread.join().unwrap();
        }
    };
    let codes = |spurious: bool, tests_again: bool| {
        let mut builder = Builder::new();
        builder.spurious_wakeups = spurious;
        builder.explore(wait(tests_again)).verdict.codes().into_iter().collect::<Vec<_>>()
    };

    assert_eq!(codes(false, false), []);
    assert_eq!(codes(true, false), [Code::LW011]);
    assert_eq!(codes(true, true), []);
}

#[test]
fn a_thread_that_nobody_joins_is_a_finding_where_one_asks_for_it() {
    let start = |joins: bool| {
        move || {
            let thread = thread::spawn(|| 1);
            if joins {
                thread.join().unwrap();
            }
            thread::scope(|scope| _ = scope.spawn(|| 2));
        }
    };
    let codes = |asks: bool, joins: bool| {
        let mut builder = Builder::new();
        builder.joins_all = asks;
        builder.explore(start(joins)).verdict.codes().into_iter().collect::<Vec<_>>()
    };

    assert_eq!(codes(true, false), [Code::LW011]);
    assert_eq!(codes(true, true), []);
    assert_eq!(codes(false, false), []);
}
