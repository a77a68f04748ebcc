//! What loom 0.7 documents and tests, in our words and our code: the behaviour holds here, or `docs/loom-users.md` says how it differs.

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks, reason = "accesses of cells are what is tested")]

use std::rc::Rc;

use lockwright::cell::{Cell, UnsafeCell};
use lockwright::check::Code;
use lockwright::sync::atomic::{AtomicBool, AtomicI8, AtomicU8, AtomicUsize, Ordering};
use lockwright::sync::{Arc, Mutex, RwLock, mpsc};
use lockwright::thread;

use super::{explore, finds};

use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

#[test]
fn a_lost_increment_is_found_and_an_atomic_one_is_not_lost() {
    let count = |atomic: bool| {
        move || {
            let n = Arc::new(AtomicUsize::new(0));
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let n = n.clone();
                    thread::spawn(move || match atomic {
                        true => _ = n.fetch_add(1, Relaxed),
                        false => n.store(n.load(Relaxed) + 1, Relaxed),
                    })
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!(n.load(Relaxed), 2);
        }
    };

    assert_eq!(finds(count(true)), []);
    assert_eq!(finds(count(false)), [Code::LW011]);
}

#[test]
fn the_drop_of_a_counted_value_synchronises_with_all_that_was_done_before() {
    struct Flagged(Arc<AtomicBool>);
    impl Drop for Flagged {
        fn drop(&mut self) {
            assert!(self.0.load(Relaxed));
        }
    }
    let codes = finds(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let value = Arc::new(Flagged(flag.clone()));
        let other = value.clone();
        thread::spawn(move || {
            flag.store(true, Relaxed);
            // Either drop may be the last, and both come after the store or wait for this one.
            drop(other);
        });
        drop(value);
    });

    assert_eq!(codes, []);
}

#[test]
fn a_counted_value_comes_out_where_it_has_one_handle() {
    assert_eq!(
        finds(|| {
            let one = Arc::new(0);
            let other = one.clone();
            let one = Arc::try_unwrap(one).unwrap_err();
            drop(other);
            assert_eq!(Arc::try_unwrap(one).unwrap(), 0);
        }),
        []
    );
    let raw = || {
        let pointer = Arc::into_raw(Arc::new(5));
        // SAFETY: the pointer comes from `into_raw`, and there are two handles after the first of these.
        unsafe {
            Arc::increment_strong_count(pointer);
            Arc::decrement_strong_count(pointer);
            assert_eq!(*Arc::from_raw(pointer), 5);
        }
    };
    assert_eq!(finds(raw), []);
}

#[test]
fn numbers_wrap_at_their_width_and_compare_with_their_sign() {
    let codes = finds(|| {
        let n = AtomicU8::new(250);
        assert_eq!((n.fetch_add(10, SeqCst), n.load(SeqCst)), (250, 4));
        assert_eq!((n.fetch_sub(5, SeqCst), n.load(SeqCst)), (4, 255));
        assert_eq!((n.fetch_nand(0x0f, SeqCst), n.load(SeqCst)), (255, 0xf0));
        let n = AtomicI8::new(-3);
        assert_eq!((n.fetch_max(2, AcqRel), n.fetch_min(-100, AcqRel), n.load(Acquire)), (-3, 2, -100));
        assert_eq!(n.fetch_update(SeqCst, Relaxed, |value| value.checked_sub(100)), Err(-100));
        assert_eq!(n.compare_exchange(-100, 7, AcqRel, Acquire), Ok(-100));
        assert_eq!(n.compare_exchange_weak(-100, 8, AcqRel, Acquire), Err(7));
        assert_eq!((n.swap(-1, SeqCst), n.into_inner()), (7, -1));
        let flag = AtomicBool::new(true);
        assert!(flag.fetch_nand(true, SeqCst) && !flag.fetch_xor(true, SeqCst) && flag.load(SeqCst));
    });

    assert_eq!(codes, []);
}

#[test]
fn an_ordering_that_an_access_cannot_have_panics() {
    for code in [
        finds(|| _ = AtomicU8::new(0).load(Release)),
        finds(|| AtomicU8::new(0).store(1, Acquire)),
        finds(|| lockwright::sync::atomic::fence(Relaxed)),
    ] {
        assert_eq!(code, [Code::LW011]);
    }
}

#[test]
fn writers_take_turns_and_readers_see_none_of_them_half() {
    let codes = finds(|| {
        let lock = Arc::new(RwLock::new((0, 0)));
        for _ in 0..2 {
            let lock = lock.clone();
            thread::spawn(move || {
                let mut pair = lock.write().unwrap();
                pair.0 += 1;
                pair.1 += 1;
            });
        }
        let pair = lock.read().unwrap();
        assert_eq!(pair.0, pair.1);
        assert!(lock.try_write().is_err() && lock.try_read().is_ok());
    });

    assert_eq!(codes, []);
}

#[test]
fn a_mutex_orders_what_is_done_without_it_before_and_after() {
    let codes = finds(|| {
        struct Shared(Mutex<bool>, UnsafeCell<u8>);
        // SAFETY: the cell is read only after the flag was seen under the lock.
        unsafe impl Sync for Shared {}
        let shared = Arc::new(Shared(Mutex::new(false), UnsafeCell::new(0)));
        let other = shared.clone();
        thread::spawn(move || {
            other.1.with_mut(|value| unsafe { *value = 1 });
            *other.0.lock().unwrap() = true;
        });
        if *shared.0.lock().unwrap() {
            shared.1.with(|value| assert_eq!(unsafe { *value }, 1));
        }
    });

    assert_eq!(codes, []);
}

#[test]
fn a_cell_of_two_threads_races_and_values_of_one_do_not() {
    let two = || {
        let cell = Rc::new(Cell::new(1));
        let other = cell.clone();
        let thread = thread::spawn(move || other.set(2));
        cell.set(3);
        thread.join().unwrap();
    };
    let one = || {
        let (cell, other) = (Cell::new(1), Cell::new(2));
        cell.swap(&other);
        assert_eq!((cell.replace(5), cell.take(), other.into_inner()), (2, 5, 1));
    };

    assert_eq!(finds(two), [Code::LW010]);
    assert_eq!(finds(one), []);
}

#[test]
fn an_access_after_the_order_has_ended_races() {
    let codes = finds(|| {
        struct Shared(AtomicUsize, UnsafeCell<u8>);
        // SAFETY: none: the second write comes after the store that announces the first.
        unsafe impl Sync for Shared {}
        let shared = Arc::new(Shared(AtomicUsize::new(0), UnsafeCell::new(0)));
        let other = shared.clone();
        thread::spawn(move || {
            other.1.with_mut(|value| unsafe { *value = 1 });
            other.0.store(1, Release);
            other.1.with_mut(|value| unsafe { *value = 2 });
        });
        if shared.0.load(Acquire) == 1 {
            shared.1.with(|value| unsafe { *value });
        }
    });

    assert_eq!(codes, [Code::LW010]);
}

#[test]
fn senders_commute_where_nobody_looks_and_not_where_somebody_does() {
    let first = |looks: bool| {
        move || {
            let (sender, receiver) = mpsc::channel();
            for number in [5, 6] {
                let sender = sender.clone();
                thread::spawn(move || sender.send(number));
            }
            let got = receiver.recv().unwrap() + if looks { 0 } else { receiver.recv().unwrap() };
            lockwright::outcome("got", got);
        }
    };

    explore(first(false)).assert_clean().assert_outcomes(["got=11"]);
    explore(first(true)).assert_clean().assert_outcomes(["got=5", "got=6"]);
}

#[test]
fn threads_have_identities_and_the_names_that_they_were_given() {
    let checked = explore(|| {
        let main = thread::current().id();
        let thread = thread::Builder::new().name("worker".to_owned()).spawn(thread::current).unwrap();
        let known = thread.thread().id();
        let own = thread.join().unwrap();
        assert!(own.id() == known && known != main && own.name() == Some("worker"));
    });

    checked.assert_clean();
}

#[test]
fn what_stays_in_a_lazy_static_is_dropped_with_the_execution() {
    lockwright::lazy_static! {
        static ref KEPT: Mutex<Option<Arc<u8>>> = Mutex::new(None);
    }
    assert_eq!(finds(|| *KEPT.lock().unwrap() = Some(Arc::new(1))), []);
}

#[test]
fn loops_of_two_that_wait_for_each_other_s_stores_end() {
    // Every order of two loads and two stores, but for the one in which both are early: that takes weaker memory.
    let checked = explore(|| {
        let flags = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
        let count = Arc::new(AtomicUsize::new(0));
        let wait = |own: usize| {
            let (flags, count) = (flags.clone(), count.clone());
            thread::spawn(move || {
                while !flags[own].load(Acquire) {
                    thread::yield_now();
                }
                if flags[1 - own].load(Acquire) {
                    count.fetch_add(1, Relaxed);
                }
            })
        };
        let threads = [wait(0), wait(1)];
        let other = flags.clone();
        let third = thread::spawn(move || other[1].store(true, Release));
        flags[0].store(true, Release);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        third.join().unwrap();
        lockwright::outcome("both", count.load(SeqCst) as i64);
    });

    checked.assert_clean().assert_outcomes(["both=1", "both=2"]);
}
