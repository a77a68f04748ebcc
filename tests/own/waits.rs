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

/// Nobody else can go on, so the loop goes round alone. What it counts on its stack tells that it is not where it was.
#[test]
fn a_loop_that_gives_up_after_many_rounds_alone_is_none_without_an_end() {
    let gives_up = |rounds: usize| {
        move || {
            let flag = Arc::new(AtomicBool::new(false));
            let mut round = 0;
            while !flag.load(SeqCst) && round < rounds {
                round += 1;
                thread::yield_now();
            }
            lockwright::outcome("rounds", round as i64);
        }
    };

    explore(gives_up(600)).assert_clean().assert_outcomes(["rounds=600"]);
}

/// The same by every search: its findings are in what it reads, not in how often it has read it.
#[test]
fn a_loop_without_an_end_is_found_by_every_search() {
    for search in [EngineKind::Explorer, EngineKind::Dpor, EngineKind::Brute] {
        let checked = explore_by(search, || {
            let flag = Arc::new(AtomicBool::new(false));
            while !flag.load(SeqCst) {
                lockwright::hint::spin_loop();
            }
        });
        assert_eq!(checked.verdict.codes().into_iter().collect::<Vec<_>>(), [Code::LW009], "{search:?}");
    }
}

#[test]
fn a_weak_exchange_fails_without_a_reason_where_one_asks_for_it() {
    let take = |again: bool| {
        move || {
            let taken = Arc::new(AtomicUsize::new(0));
            let mut is_taken = taken.compare_exchange_weak(0, 1, SeqCst, SeqCst);
            while again && is_taken == Err(0) {
                is_taken = taken.compare_exchange_weak(0, 1, SeqCst, SeqCst);
            }
            assert!(is_taken.is_ok(), "nobody else takes it");
        }
    };
    let verdict = |spurious: bool, again: bool| {
        let mut builder = Builder::new();
        builder.spurious_wakeups = spurious;
        builder.explore(take(again)).verdict
    };

    let unasked = verdict(false, false);
    assert!(unasked.findings.is_empty());
    assert_eq!(unasked.assumed.as_deref(), Some("a weak exchange does not fail where a strong one succeeds"));
    assert_eq!(verdict(true, false).codes().into_iter().collect::<Vec<_>>(), [Code::LW011]);
    assert!(verdict(true, true).findings.is_empty());
}

#[test]
fn a_park_returns_by_itself_where_one_asks_for_it() {
    let parks = |spurious: bool| {
        let mut builder = Builder::new();
        builder.spurious_wakeups = spurious;
        let checked = builder.explore(|| {
            let flag = Arc::new(AtomicBool::new(false));
            let (main, other) = (thread::current(), flag.clone());
            let thread = thread::spawn(move || {
                other.store(true, SeqCst);
                main.unpark();
            });
            thread::park();
            assert!(flag.load(SeqCst), "nobody has set it");
            thread.join().unwrap();
        });
        checked.verdict.codes().into_iter().collect::<Vec<_>>()
    };

    assert_eq!(parks(false), []);
    assert_eq!(parks(true), [Code::LW011]);
}
