//! Bugs that crates had, before and after they were mended: what each lost, in a few lines.

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks, reason = "accesses of cells are what is tested")]

use std::collections::VecDeque;
use std::ptr::{null_mut, without_provenance_mut};

use lockwright::cell::UnsafeCell;
use lockwright::check::Code;
use lockwright::hint::spin_loop;
use lockwright::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use lockwright::sync::{Arc, Condvar, Mutex, RwLock};
use lockwright::thread;

use super::finds;

use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

/// dashmap: each of two threads keeps a reference into one shard and inserts into the other.
#[test]
fn a_reference_into_a_shard_is_dropped_before_another_shard_is_changed() {
    let insert = |drops_first: bool| {
        move || {
            let shards = Arc::new([RwLock::new(0), RwLock::new(0)]);
            let threads: Vec<_> = [(0, 1), (1, 0)]
                .map(|(read, write)| {
                    let shards = shards.clone();
                    thread::spawn(move || {
                        let mut kept = Some(shards[read].read().unwrap());
                        if drops_first {
                            kept.take();
                        }
                        *shards[write].write().unwrap() += 1;
                    })
                })
                .into();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        }
    };

    assert_eq!(finds(insert(false)), [Code::LW003, Code::LW008]);
    assert_eq!(finds(insert(true)), []);
}

/// dashmap: the same shard twice in one thread.
#[test]
fn a_shard_is_not_read_while_its_own_thread_changes_it() {
    let codes = finds(|| {
        let shard = RwLock::new(0);
        let _kept = shard.write().unwrap();
        drop(shard.read());
    });

    assert_eq!(codes, [Code::LW001]);
}

/// crossbeam's list channel: the first sender links the block at the tail, then at the head; the receiver that is dropped in between follows
/// a head that is not there, because a second sender has counted its message at the tail.
#[test]
fn a_receiver_that_is_dropped_waits_until_the_first_block_is_linked() {
    let channel = |waits: bool| {
        move || {
            struct List {
                head: AtomicPtr<u8>,
                tail: AtomicPtr<u8>,
                sent: AtomicUsize,
            }
            let [head, tail] = [(); 2].map(|()| AtomicPtr::new(null_mut()));
            let list = Arc::new(List { head, tail, sent: AtomicUsize::new(0) });
            let block = without_provenance_mut(64);
            for _ in 0..2 {
                let list = list.clone();
                thread::spawn(move || {
                    if list.tail.load(Acquire).is_null()
                        && list.tail.compare_exchange(null_mut(), block, Release, Relaxed).is_ok()
                    {
                        list.head.store(block, Release);
                    }
                    list.sent.fetch_add(1, SeqCst);
                });
            }
            if list.sent.load(SeqCst) > 0 {
                while waits && list.head.load(Acquire).is_null() {
                    spin_loop();
                }
                assert!(!list.head.load(Acquire).is_null(), "a null block is followed");
            }
        }
    };

    assert_eq!(finds(channel(false)), [Code::LW011]);
    assert_eq!(finds(channel(true)), []);
}

/// tokio's broadcast channel: the receiver makes room and notifies between the sender's test and its wait.
#[test]
fn a_notification_between_a_test_and_its_wait_takes_the_mutex() {
    let send = |takes_mutex: bool| {
        move || {
            let shared = Arc::new((Mutex::new(()), Condvar::new(), AtomicBool::new(false)));
            let receiver = shared.clone();
            let thread = thread::spawn(move || {
                receiver.2.store(true, SeqCst);
                if takes_mutex {
                    drop(receiver.0.lock().unwrap());
                }
                receiver.1.notify_one();
            });
            let mut guard = shared.0.lock().unwrap();
            while !shared.2.load(SeqCst) {
                guard = shared.1.wait(guard).unwrap();
            }
            drop(guard);
            thread.join().unwrap();
        }
    };

    assert_eq!(finds(send(false)), [Code::LW008]);
    assert_eq!(finds(send(true)), []);
}

/// parking_lot: who notifies after it has unlocked wakes somebody for nothing, and that is all.
#[test]
fn a_notification_after_the_mutex_is_open_is_no_bug() {
    let codes = finds(|| {
        let pair = Arc::new((Mutex::new(false), Condvar::new()));
        let other = pair.clone();
        let thread = thread::spawn(move || {
            *other.0.lock().unwrap() = true;
            other.1.notify_one();
        });
        drop(pair.1.wait_while(pair.0.lock().unwrap(), |ready| !*ready).unwrap());
        thread.join().unwrap();
    });

    assert_eq!(codes, []);
}

/// flume: the queue is found empty, then the sender sends and leaves, then the receiver finds that nobody is left.
#[test]
fn a_receiver_asks_who_is_left_before_it_looks_for_a_message() {
    let receive = |asks_first: bool| {
        move || {
            let shared = Arc::new((Mutex::new(VecDeque::<u8>::new()), AtomicUsize::new(1)));
            let sender = shared.clone();
            let thread = thread::spawn(move || {
                sender.0.lock().unwrap().push_back(7);
                sender.1.fetch_sub(1, SeqCst);
            });
            let is_left = || shared.1.load(SeqCst) > 0;
            let message = || shared.0.lock().unwrap().pop_front();
            let got = loop {
                let (message, is_left) = match asks_first {
                    true => {
                        let is_left = is_left();
                        (message(), is_left)
                    }
                    false => (message(), is_left()),
                };
                if message.is_some() || !is_left {
                    break message;
                }
                thread::yield_now();
            };
            assert_eq!(got, Some(7), "the last message is lost");
            thread.join().unwrap();
        }
    };

    assert_eq!(finds(receive(false)), [Code::LW011]);
    assert_eq!(finds(receive(true)), []);
}

/// litebox: a lock on futexes whose wake does not say whether it woke anybody.
#[test]
fn readers_are_woken_whatever_the_wake_of_a_writer_says() {
    #[derive(Default, Hash)]
    struct Word {
        is_locked: bool,
        readers_wait: bool,
        writers_wait: bool,
    }
    struct Lock {
        word: Mutex<Word>,
        readers: Condvar,
        writers: Condvar,
        trusts: bool,
    }
    impl Lock {
        fn write(&self) {
            let mut word = self.word.lock().unwrap();
            let mut has_slept = false;
            while word.is_locked {
                word.writers_wait = true;
                word = self.writers.wait(word).unwrap();
                has_slept = true;
            }
            word.is_locked = true;
            // Another may still sleep.
            word.writers_wait |= has_slept;
        }

        fn unlock(&self) {
            let mut word = self.word.lock().unwrap();
            word.is_locked = false;
            if std::mem::take(&mut word.writers_wait) {
                self.writers.notify_one();
                let says_it_woke = lockwright::choose_bool();
                if self.trusts && says_it_woke {
                    return;
                }
            }
            if std::mem::take(&mut word.readers_wait) {
                self.readers.notify_all();
            }
        }

        fn read(&self) {
            let mut word = self.word.lock().unwrap();
            while word.is_locked {
                word.readers_wait = true;
                word = self.readers.wait(word).unwrap();
            }
        }
    }
    let lock = |trusts: bool| {
        move || {
            let word = Mutex::hashed(Word::default());
            let lock = Arc::new(Lock { word, readers: Condvar::new(), writers: Condvar::new(), trusts });
            let (reader, writer) = (lock.clone(), lock.clone());
            lock.write();
            thread::spawn(move || reader.read());
            thread::spawn(move || {
                writer.write();
                writer.unlock();
            });
            lock.unlock();
        }
    };

    assert_eq!(finds(lock(true)), [Code::LW008]);
    assert_eq!(finds(lock(false)), []);
}

/// spin: a lock that is given back by a relaxed store orders nothing.
#[test]
fn a_lock_is_given_back_with_release() {
    let lock = |gives_back: Ordering| {
        move || {
            struct Spin(AtomicUsize, UnsafeCell<u32>);
            unsafe impl Sync for Spin {}
            let spin = Arc::new(Spin(AtomicUsize::new(0), UnsafeCell::new(0)));
            let add = move |spin: &Spin| {
                while spin.0.compare_exchange(0, 1, AcqRel, Relaxed).is_err() {
                    spin_loop();
                }
                spin.1.with_mut(|n| unsafe { *n += 1 });
                spin.0.store(0, gives_back);
            };
            let other = spin.clone();
            let thread = thread::spawn(move || add(&other));
            add(&spin);
            thread.join().unwrap();
        }
    };

    assert_eq!(finds(lock(Relaxed)), [Code::LW010]);
    assert_eq!(finds(lock(Release)), []);
}

/// esbmc: who counts tasks that wait, and does not take back those that are let go, sees a deadlock here.
#[test]
fn one_that_waits_for_what_another_gives_back_goes_on() {
    let codes = finds(|| {
        let (m, n) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
        let (own_m, own_n) = (m.clone(), n.clone());
        thread::spawn(move || {
            let _n = own_n.lock().unwrap();
            drop(own_m.lock().unwrap());
        });
        drop(m.lock().unwrap());
        drop(n.lock().unwrap());
    });

    assert_eq!(codes, []);
}
