//! Locks of user-land code, each with code that uses it well and code that does not.

use lockwright::check::Code;
use lockwright::explore::{Bound, EngineKind};
use lockwright::model::Builder;
use lockwright::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use lockwright::sync::{Arc, Barrier, Condvar, Mutex, OnceLock, RwLock};
use lockwright::thread;

use super::{agreed, explore, explore_by, finds};

#[test]
fn two_locks_in_opposite_orders_are_a_deadlock_and_in_one_order_none() {
    let both = |turned: bool| {
        move || {
            let (a, b) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
            let (one, two) = (a.clone(), b.clone());
            let other = thread::spawn(move || {
                let (first, second) = if turned { (&two, &one) } else { (&one, &two) };
                let _first = first.lock().unwrap();
                let _second = second.lock().unwrap();
            });
            let _a = a.lock().unwrap();
            let _b = b.lock().unwrap();
            drop((_a, _b));
            other.join().unwrap();
        }
    };

    assert_eq!(finds(both(false)), []);
    assert_eq!(finds(both(true)), [Code::LW003, Code::LW008]);
}

#[test]
fn a_deadlock_of_some_is_found_while_another_thread_runs_on() {
    let codes = finds(|| {
        let (a, b) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
        let (c, d) = (a.clone(), b.clone());
        thread::spawn(move || {
            let _d = d.lock().unwrap();
            let _c = c.lock().unwrap();
        });
        thread::spawn(move || {
            let _a = a.lock().unwrap();
            let _b = b.lock().unwrap();
        });
        // The first thread joins nobody and ends.
    });

    assert!(codes.contains(&Code::LW008), "{codes:?}");
}

#[test]
fn a_lock_that_a_thread_takes_twice_is_one_that_it_waits_for_itself() {
    let codes = finds(|| {
        let lock = Mutex::new(0);
        let _first = lock.lock().unwrap();
        let _second = lock.lock().unwrap();
    });

    assert_eq!(codes, [Code::LW001]);
}

#[test]
fn a_trylock_fails_while_another_holds_the_lock_and_succeeds_otherwise() {
    let checked = explore(|| {
        let lock = Arc::new(Mutex::new(0));
        let other = lock.clone();
        let thread = thread::spawn(move || drop(other.lock().unwrap()));
        lockwright::outcome("taken", lock.try_lock().is_ok().into());
        thread.join().unwrap();
    });

    checked.assert_clean().assert_outcomes(["taken=0", "taken=1"]);
}

#[test]
fn readers_share_and_a_writer_is_alone() {
    let checked = explore(|| {
        let lock = Arc::new(RwLock::new(0));
        let reader = {
            let lock = lock.clone();
            thread::spawn(move || {
                let one = lock.read().unwrap();
                let two = lock.try_read().is_ok();
                lockwright::outcome("shared", two.into());
                *one
            })
        };
        lockwright::outcome("alone", lock.try_write().is_ok().into());
        *lock.write().unwrap() += 1;
        lockwright::outcome("read", reader.join().unwrap());
    });

    checked.assert_clean().assert_outcomes([
        "alone=0 read=0 shared=1",
        "alone=1 read=0 shared=1",
        "alone=1 read=1 shared=1",
    ]);
}

#[test]
fn a_wait_without_a_condition_can_miss_its_notification() {
    let wait = |checks: bool| {
        move || {
            let pair = Arc::new((Mutex::new(false), Condvar::new()));
            let other = pair.clone();
            let thread = thread::spawn(move || {
                *other.0.lock().unwrap() = true;
                other.1.notify_one();
            });
            let guard = pair.0.lock().unwrap();
            let guard = match checks {
                true => pair.1.wait_while(guard, |ready| !*ready).unwrap(),
                false => pair.1.wait(guard).unwrap(),
            };
            drop(guard);
            thread.join().unwrap();
        }
    };

    assert_eq!(finds(wait(true)), []);
    assert_eq!(finds(wait(false)), [Code::LW008]);
}

#[test]
fn one_notification_wakes_any_one_of_two_that_wait() {
    let checked = explore(|| {
        let shared = Arc::new((Mutex::new((0u8, 0u8)), Condvar::new()));
        for number in 1..=2u8 {
            let shared = shared.clone();
            thread::spawn(move || {
                let mut state = shared.0.lock().unwrap();
                state.0 += 1;
                state = shared.1.wait(state).unwrap();
                state.1 = number;
                lockwright::outcome("first", number.into());
            });
        }
        let state = shared.0.lock().unwrap();
        if state.0 == 2 {
            shared.1.notify_one();
        }
    });

    // Where both waited one of them stays behind, and which is not told by who came first.
    let deadlocks = checked.verdict.deadlocks.texts();
    assert!(deadlocks.contains("first=1") && deadlocks.contains("first=2"), "{deadlocks:?}");
}

#[test]
fn a_timed_wait_may_time_out_and_may_be_woken() {
    let checked = explore(|| {
        let pair = Arc::new((Mutex::new(()), Condvar::new()));
        let other = pair.clone();
        let thread = thread::spawn(move || {
            drop(other.0.lock().unwrap());
            other.1.notify_all();
        });
        let guard = pair.0.lock().unwrap();
        let (_guard, result) = pair.1.wait_timeout(guard, std::time::Duration::from_secs(1)).unwrap();
        lockwright::outcome("timed out", result.timed_out().into());
        drop(_guard);
        thread.join().unwrap();
    });

    checked.assert_clean().assert_outcomes(["timed out=0", "timed out=1"]);
}

#[test]
fn a_barrier_has_one_leader_and_lets_all_go_together() {
    let checked = explore(|| {
        let shared = Arc::new((Barrier::new(2), Mutex::new(0u8)));
        let other = shared.clone();
        let thread = thread::spawn(move || {
            *other.1.lock().unwrap() += 1;
            other.0.wait().is_leader()
        });
        *shared.1.lock().unwrap() += 1;
        let leads = shared.0.wait().is_leader();
        assert_eq!(*shared.1.lock().unwrap(), 2);
        assert!(leads != thread.join().unwrap());
    });

    checked.assert_clean();
    assert_eq!(finds(|| _ = Barrier::new(2).wait()), [Code::LW008]);
}

#[test]
fn what_is_made_once_is_the_same_for_all() {
    let checked = explore(|| {
        let cell = Arc::new(OnceLock::new());
        let other = cell.clone();
        let thread = thread::spawn(move || *other.get_or_init(|| 1));
        let own = *cell.get_or_init(|| 2);
        assert_eq!(own, thread.join().unwrap());
        assert_eq!(cell.set(3), Err(3));
        lockwright::outcome("made", own);
    });

    checked.assert_clean().assert_outcomes(["made=1", "made=2"]);
}

#[test]
fn a_panic_under_a_lock_poisons_it() {
    let checked = explore(|| {
        let lock = Arc::new(Mutex::new(0));
        let other = lock.clone();
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _guard = other.lock().unwrap();
            panic!("on purpose");
        }));
        assert!(caught.is_err() && lock.is_poisoned() && lock.lock().is_err());
    });

    checked.assert_clean();
}

/// A thread that panics with the lock held.
fn poisons(lock: &Arc<Mutex<u8>>) -> thread::JoinHandle<()> {
    let lock = lock.clone();
    thread::spawn(move || {
        _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _guard = lock.lock();
            panic!("on purpose");
        }));
    })
}

/// The data is the same with and without the panic; who takes the lock is told of it all the same.
#[test]
fn a_poisoned_lock_is_another_state_than_one_with_the_same_data() {
    let checked = explore(|| {
        let lock = Arc::new(Mutex::new(0u8));
        let thread = poisons(&lock);
        lockwright::outcome("poisoned", lock.lock().is_err().into());
        thread.join().unwrap();
    });

    checked.assert_outcomes(["poisoned=0", "poisoned=1"]);
    assert!(checked.verdict.findings.is_empty() && checked.verdict.bound == Some(Bound::Unwinding));
}

#[test]
fn where_a_thread_panics_under_a_lock_the_orders_in_which_it_does_not_are_still_seen() {
    let checked = explore(|| {
        let lock = Arc::new(Mutex::new(false));
        let other = lock.clone();
        let thread = thread::spawn(move || *other.lock().unwrap() = true);
        let is_set = lock.lock().unwrap();
        assert!(*is_set, "too early");
        drop(is_set);
        thread.join().unwrap();
    });

    assert_eq!(checked.verdict.codes().into_iter().collect::<Vec<_>>(), [Code::LW011]);
    checked.assert_outcomes([""]);
}

/// Reads again while a writer waits (dashmap#195, rust-lang/rust#82596): the platform decides, so the verdict says what it takes for granted.
#[test]
fn whether_a_reader_passes_a_writer_that_waits_is_asked_for_and_told() {
    let verdict = |fair: bool, reads: usize| {
        let mut builder = Builder::new();
        builder.fair_rwlocks = fair;
        let checked = builder.explore(move || {
            let lock = Arc::new(RwLock::new(0));
            let other = lock.clone();
            let writer = thread::spawn(move || *other.write().unwrap() += 1);
            let kept: Vec<_> = (0..reads).map(|_| lock.read().unwrap()).collect();
            drop(kept);
            writer.join().unwrap();
        });
        let codes: Vec<Code> = checked.verdict.codes().into_iter().collect();
        (codes, checked.verdict.assumed)
    };
    let assumed = "who holds a lock for reading and reads again does not wait for writers";

    assert!(verdict(true, 2).0.contains(&Code::LW008));
    assert_eq!(verdict(false, 2), (vec![], Some(assumed.to_owned())));
    assert_eq!([verdict(true, 1), verdict(false, 1)], [(vec![], None), (vec![], None)]);
}

/// An attempt waits for nobody, but what it has taken is held: reading again beside it passes the writer as well.
#[test]
fn a_lock_that_an_attempt_has_taken_for_reading_is_held() {
    let assumed = |reads_again: bool, drops_first: bool| {
        let checked = explore(move || {
            let lock = Arc::new(RwLock::new(0));
            let first = (!drops_first).then(|| lock.try_read());
            let second = drops_first.then(|| (lock.read(), drop(lock.try_read())));
            drop(reads_again.then(|| lock.read()));
            drop((first, second));
        });
        checked.assert_clean();
        checked.verdict.assumed.is_some()
    };

    assert!(assumed(true, false) && !assumed(false, false));
    // The attempt has given back what it took; the read before it is still there.
    assert!(assumed(true, true) && !assumed(false, true));
}

/// Asks, or clears, without the lock: when it does is a step like any other.
#[test]
fn whether_a_lock_is_poisoned_is_asked_at_any_time() {
    let asks = |clears: bool| {
        move || {
            let lock = Arc::new(Mutex::new(0u8));
            let thread = poisons(&lock);
            if clears {
                lock.clear_poison();
            } else {
                lockwright::outcome("asked", lock.is_poisoned().into());
            }
            thread.join().unwrap();
            let left = lock.lock().is_err();
            lockwright::outcome("left", left.into());
            // A thread that has it alone finds the same.
            assert_eq!(Arc::try_unwrap(lock).unwrap().into_inner().is_err(), left);
        }
    };

    for search in [EngineKind::Explorer, EngineKind::Brute] {
        explore_by(search, asks(false)).assert_outcomes(["asked=0 left=1", "asked=1 left=1"]);
        explore_by(search, asks(true)).assert_outcomes(["left=0", "left=1"]);
    }
}

#[test]
fn who_clears_a_poisoned_lock_under_it_leaves_it_well() {
    let cleared = |clears: bool| {
        explore(move || {
            let lock = RwLock::new(1);
            _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let _guard = lock.write();
                panic!("on purpose");
            }));
            let mut guard = lock.write().unwrap_err().into_inner();
            *guard = 0;
            if clears {
                lock.clear_poison();
            }
            drop(guard);
            assert_eq!(lock.read().is_ok(), clears);
            assert_eq!(lock.into_inner().is_ok(), clears);
        })
    };

    cleared(true).assert_clean();
    cleared(false).assert_clean();
}

#[test]
fn a_condition_variable_belongs_to_one_mutex() {
    let waits = |with_two: bool| {
        move || {
            let all = Arc::new((Mutex::new(false), Mutex::new(false), Condvar::new()));
            let other = all.clone();
            let thread = thread::spawn(move || {
                let lock = if with_two { &other.1 } else { &other.0 };
                drop(other.2.wait_while(lock.lock().unwrap(), |is_set| !*is_set).unwrap());
            });
            for lock in [&all.0, &all.1] {
                *lock.lock().unwrap() = true;
                all.2.notify_all();
            }
            drop(all.2.wait_while(all.0.lock().unwrap(), |is_set| !*is_set).unwrap());
            drop(all.2.wait_timeout(all.0.lock().unwrap(), std::time::Duration::ZERO).unwrap());
            thread.join().unwrap();
        }
    };

    assert_eq!(agreed(waits(false)).0, []);
    assert_eq!(agreed(waits(true)).0, [Code::LW011]);
}

/// A guard that stores as it is dropped, by a panic: nobody comes in between, and the verdict says so.
#[test]
fn what_is_done_while_a_task_unwinds_is_seen_and_the_verdict_is_open_by_name() {
    struct Sets(Arc<AtomicUsize>);
    impl Drop for Sets {
        fn drop(&mut self) {
            self.0.store(1, SeqCst);
        }
    }
    let catches = |panics: bool| {
        move || {
            let [x, y] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
            let (other, read) = (x.clone(), y.clone());
            let thread = thread::spawn(move || {
                _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    let _sets = Sets(other);
                    read.load(SeqCst);
                    assert!(!panics, "on purpose");
                }));
            });
            lockwright::outcome("x", x.load(SeqCst) as i64);
            thread.join().unwrap();
        }
    };

    for search in [EngineKind::Explorer, EngineKind::Brute] {
        let (caught, well) = (explore_by(search, catches(true)), explore_by(search, catches(false)));
        caught.assert_outcomes(["x=0", "x=1"]);
        well.assert_outcomes(["x=0", "x=1"]);
        assert_eq!((caught.verdict.bound, well.verdict.bound), (Some(Bound::Unwinding), None), "{search:?}");
    }
    assert_eq!(explore_by(EngineKind::Dpor, catches(true)).verdict.bound, Some(Bound::Unwinding));
}
