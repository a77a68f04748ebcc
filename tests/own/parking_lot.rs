//! Locks in parking_lot's shape, each with code that uses it well and code that does not.

use std::time::Duration;

use lockwright::check::Code;
use lockwright::parking_lot::{
    Condvar, Mutex, MutexGuard, Once, RawMutex, ReentrantMutex, RwLock, RwLockUpgradableReadGuard, RwLockWriteGuard,
    const_mutex, lock_api,
};
use lockwright::sync::Arc;
use lockwright::{outcome, thread};

use super::{agreed, explore, finds};

#[test]
fn an_increment_under_the_mutex_is_not_lost_and_one_in_two_sections_is() {
    let count = |at_once: bool| {
        move || {
            let n = Arc::new(Mutex::new(0));
            let add = move |n: &Mutex<i32>| match at_once {
                true => *n.lock() += 1,
                false => {
                    let before = *n.lock();
                    *n.lock() = before + 1;
                }
            };
            let other = {
                let n = n.clone();
                thread::spawn(move || add(&n))
            };
            add(&n);
            other.join().unwrap();
            outcome("n", (*n.lock()).into());
        }
    };

    assert_eq!(agreed(count(true)), (vec![], vec!["n=2".to_owned()]));
    assert_eq!(agreed(count(false)).1, ["n=1", "n=2"]);
}

#[test]
fn opposite_orders_of_its_mutexes_are_a_deadlock_and_one_order_is_none() {
    let both = |turned: bool| {
        move || {
            let (a, b) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
            let (one, two) = (a.clone(), b.clone());
            let other = thread::spawn(move || {
                let (first, second) = if turned { (&two, &one) } else { (&one, &two) };
                let _first = first.lock();
                let _second = second.lock();
            });
            {
                let _a = a.lock();
                let _b = b.lock();
            }
            other.join().unwrap();
        }
    };

    assert_eq!(finds(both(false)), []);
    assert_eq!(finds(both(true)), [Code::LW003, Code::LW008]);
}

/// A reader that reads again while a writer may wait (parking_lot#212, dashmap#195).
fn reads_twice(recursively: bool) -> impl Fn() + Send + Sync {
    move || {
        let lock = Arc::new(RwLock::new(0));
        let writer = {
            let lock = lock.clone();
            thread::spawn(move || *lock.write() += 1)
        };
        {
            let one = lock.read();
            let two = if recursively { lock.read_recursive() } else { lock.read() };
            assert_eq!(*one, *two);
        }
        writer.join().unwrap();
    }
}

#[test]
fn a_reader_that_reads_again_waits_for_a_writer_that_waits_for_it() {
    assert!(finds(reads_twice(false)).contains(&Code::LW008));
    assert_eq!(finds(reads_twice(true)), []);
}

#[test]
fn the_lock_of_the_standard_library_lets_it_in() {
    let codes = finds(|| {
        let lock = Arc::new(lockwright::sync::RwLock::new(0));
        let writer = {
            let lock = lock.clone();
            thread::spawn(move || *lock.write().unwrap() += 1)
        };
        {
            let one = lock.read().unwrap();
            assert_eq!(*one, *lock.read().unwrap());
        }
        writer.join().unwrap();
    });

    assert!(!codes.contains(&Code::LW008), "{codes:?}");
}

#[test]
fn readers_share_it_and_what_tries_to_read_beside_a_reader_gets_in() {
    let said = agreed(|| {
        let lock = Arc::new(RwLock::new(7));
        let reader = {
            let lock = lock.clone();
            thread::spawn(move || *lock.read())
        };
        assert!(lock.try_read().is_some(), "only a writer keeps it out");
        assert_eq!(reader.join().unwrap(), 7);
    });

    assert_eq!(said.0, []);
}

#[test]
fn what_tries_to_read_fails_while_a_writer_holds_the_lock_or_waits_for_it() {
    let said = agreed(|| {
        let lock = Arc::new(RwLock::new(0));
        let guard = lock.read();
        let writer = {
            let lock = lock.clone();
            thread::spawn(move || *lock.write() = 1)
        };
        let seen = lock.try_read().map_or(-1, |guard| *guard);
        drop(guard);
        writer.join().unwrap();
        outcome("seen", seen);
    });

    assert_eq!(said, (vec![], vec!["seen=-1".to_owned(), "seen=0".to_owned()]));
}

#[test]
fn two_that_try_to_write_see_nothing_of_each_other_but_the_lock() {
    let said = agreed(|| {
        let lock = Arc::new(RwLock::new(0));
        let other = {
            let lock = lock.clone();
            thread::spawn(move || lock.try_write().is_some())
        };
        let own = lock.try_write().is_some();
        outcome("got it", i64::from(own) + i64::from(other.join().unwrap()));
    });

    // The first gets it; the other comes while it is held, or after.
    assert_eq!(said, (vec![], vec!["got it=1".to_owned(), "got it=2".to_owned()]));
}

#[test]
fn nobody_writes_between_an_upgradable_read_and_its_upgrade_nor_between_a_write_and_its_downgrade() {
    let said = agreed(|| {
        let lock = Arc::new(RwLock::new(0));
        let other = {
            let lock = lock.clone();
            thread::spawn(move || {
                let mut guard = lock.write();
                *guard += 10;
                let guard = RwLockWriteGuard::downgrade(guard);
                assert!(*guard >= 10);
            })
        };
        let guard = lock.upgradable_read();
        let before = *guard;
        let mut guard = RwLockUpgradableReadGuard::upgrade(guard);
        assert_eq!(*guard, before);
        *guard += 1;
        drop(guard);
        other.join().unwrap();
        outcome("n", *lock.read());
    });

    assert_eq!(said, (vec![], vec!["n=11".to_owned()]));
}

#[test]
fn two_readers_that_both_want_to_write_wait_for_each_other_and_upgradable_ones_do_not() {
    let upgrade = |upgradable: bool| {
        move || {
            let lock = Arc::new(RwLock::new(0));
            let work = move |lock: &RwLock<i32>| {
                if upgradable {
                    let guard = lock.upgradable_read();
                    *RwLockUpgradableReadGuard::upgrade(guard) += 1;
                } else {
                    let guard = lock.read();
                    *lock.write() += 1;
                    drop(guard);
                }
            };
            let other = {
                let lock = lock.clone();
                thread::spawn(move || work(&lock))
            };
            work(&lock);
            other.join().unwrap();
        }
    };

    assert_eq!(finds(upgrade(true)), []);
    assert!(finds(upgrade(false)).iter().any(|code| matches!(code, Code::LW001 | Code::LW008)));
}

#[test]
fn the_holder_of_a_reentrant_mutex_takes_it_again_and_others_wait() {
    let said = agreed(|| {
        let n = Arc::new(ReentrantMutex::new(std::cell::Cell::new(0)));
        let add = |n: &ReentrantMutex<std::cell::Cell<i64>>| {
            let outer = n.lock();
            let before = outer.get();
            n.lock().set(before + 1);
        };
        let other = {
            let n = n.clone();
            thread::spawn(move || add(&n))
        };
        add(&n);
        other.join().unwrap();
        outcome("n", n.lock().get());
    });

    assert_eq!(said, (vec![], vec!["n=2".to_owned()]));
}

#[test]
fn a_notification_before_the_wait_is_lost_unless_the_condition_is_looked_at() {
    let wait = |looks: bool| {
        move || {
            let pair = Arc::new((Mutex::new(false), Condvar::new()));
            let other = pair.clone();
            let thread = thread::spawn(move || {
                *other.0.lock() = true;
                other.1.notify_one();
            });
            let mut ready = pair.0.lock();
            match looks {
                true => pair.1.wait_while(&mut ready, |ready| !*ready),
                false => pair.1.wait(&mut ready),
            }
            drop(ready);
            thread.join().unwrap();
        }
    };

    assert_eq!(finds(wait(true)), []);
    assert_eq!(finds(wait(false)), [Code::LW008]);
}

#[test]
fn a_timeout_comes_or_does_not() {
    let said = agreed(|| {
        let lock = Arc::new(Mutex::new(0));
        let other = {
            let lock = lock.clone();
            thread::spawn(move || *lock.lock() += 1)
        };
        let got = lock.try_lock_for(Duration::from_millis(1)).is_some();
        other.join().unwrap();
        outcome("got it", got.into());
    });

    assert_eq!(said, (vec![], vec!["got it=0".to_owned(), "got it=1".to_owned()]));
}

#[test]
fn a_lock_whose_object_is_made_by_whoever_comes_first_is_one_lock() {
    let by_lock_api = agreed(|| {
        let late = Arc::new(lock_api::Mutex::<RawMutex, i64>::new(0));
        let other = {
            let late = late.clone();
            thread::spawn(move || *late.lock() += 1)
        };
        *late.lock() += 1;
        other.join().unwrap();
        outcome("n", *late.lock());
    });
    let by_const = agreed(|| {
        let late = Arc::new(const_mutex(0));
        let other = {
            let late = late.clone();
            thread::spawn(move || MutexGuard::map(late.lock(), |n| n).add(1))
        };
        *late.lock() += 1;
        other.join().unwrap();
        outcome("n", *late.lock());
    });

    assert_eq!(by_lock_api, (vec![], vec!["n=2".to_owned()]));
    assert_eq!(by_const, by_lock_api);
}

/// A method on what a guard guards.
trait Add {
    fn add(self, n: i64);
}

impl<G: std::ops::DerefMut<Target = i64>> Add for G {
    fn add(mut self, n: i64) {
        *self += n;
    }
}

#[test]
fn what_is_done_once_is_done_once() {
    let checked = explore(|| {
        let once = Arc::new((Once::new(), Mutex::new(0)));
        let other = {
            let once = once.clone();
            thread::spawn(move || once.0.call_once(|| *once.1.lock() += 1))
        };
        once.0.call_once(|| *once.1.lock() += 1);
        other.join().unwrap();
        assert_eq!(*once.1.lock(), 1);
    });

    checked.assert_clean();
}

#[test]
fn a_condition_variable_belongs_to_one_mutex() {
    let waits = |with_two: bool| {
        let checked = explore(move || {
            let (first, second, queue) = (Mutex::new(0), Mutex::new(0), Condvar::new());
            queue.wait_for(&mut first.lock(), Duration::ZERO);
            queue.wait_for(&mut if with_two { &second } else { &first }.lock(), Duration::ZERO);
        });
        checked.verdict.findings.iter().map(|found| found.finding.code).collect::<Vec<_>>()
    };

    assert_eq!((waits(false), waits(true)), (vec![], vec![Code::LW011]));
}
