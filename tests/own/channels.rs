//! Channels, notifications, futures.

use std::future::poll_fn;
use std::task::Poll;

use lockwright::check::Code;
use lockwright::future::{AtomicWaker, block_on};
use lockwright::sync::atomic::{AtomicBool, Ordering::SeqCst};
use lockwright::sync::mpsc::{self, TryRecvError, TrySendError};
use lockwright::sync::{Arc, Notify};
use lockwright::thread;

use super::{explore, finds};

#[test]
fn messages_of_one_sender_keep_their_order_and_of_two_have_any() {
    let checked = explore(|| {
        let (sender, receiver) = mpsc::channel();
        for first in [1, 3] {
            let sender = sender.clone();
            thread::spawn(move || [first, first + 1].into_iter().for_each(|number| sender.send(number).unwrap()));
        }
        drop(sender);
        let got: Vec<i64> = receiver.iter().collect();
        lockwright::outcome("got", got.into_iter().fold(0, |all, number| all * 10 + number));
    });

    checked.assert_clean().assert_outcomes(["got=1234", "got=1324", "got=1342", "got=3124", "got=3142", "got=3412"]);
}

#[test]
fn a_receiver_waits_for_senders_that_are_left_and_no_longer() {
    let receive = |keeps: bool| {
        move || {
            let (sender, receiver) = mpsc::channel::<u8>();
            let other = sender.clone();
            thread::spawn(move || drop(other));
            let kept = keeps.then_some(sender);
            assert!(receiver.recv().is_err());
            drop(kept);
        }
    };

    assert_eq!(finds(receive(false)), []);
    assert_eq!(finds(receive(true)), [Code::LW008]);
}

#[test]
fn a_channel_with_room_for_one_makes_the_second_wait() {
    let checked = explore(|| {
        let (sender, receiver) = mpsc::sync_channel(1);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        sender.send(Box::new(1)).unwrap();
        assert!(matches!(sender.try_send(Box::new(2)), Err(TrySendError::Full(_))));
        let thread = thread::spawn(move || sender.send(Box::new(3)).is_ok());
        assert_eq!(*receiver.recv().unwrap(), 1);
        drop(receiver);
        lockwright::outcome("sent", thread.join().unwrap().into());
    });

    checked.assert_clean().assert_outcomes(["sent=0", "sent=1"]);
    let codes = finds(|| {
        let (sender, _receiver) = mpsc::sync_channel(1);
        sender.send(1).unwrap();
        sender.send(2).unwrap();
    });
    assert_eq!(codes, [Code::LW008]);
}

#[test]
fn notifications_before_the_wait_are_one() {
    let notify = |waits: usize| {
        move || {
            let notify = Arc::new(Notify::new());
            let other = notify.clone();
            thread::spawn(move || {
                other.notify();
                other.notify();
            });
            (0..waits).for_each(|_| notify.wait());
        }
    };

    assert_eq!(finds(notify(1)), []);
    // Both may come before the first wait.
    assert_eq!(finds(notify(2)), [Code::LW008]);
}

#[test]
fn a_future_is_woken_by_who_makes_it_ready() {
    let wait = |registers_first: bool| {
        move || {
            let shared = Arc::new((AtomicBool::new(false), AtomicWaker::new()));
            let other = shared.clone();
            thread::spawn(move || {
                other.0.store(true, SeqCst);
                other.1.wake();
            });
            block_on(poll_fn(|context| {
                if registers_first {
                    shared.1.register_by_ref(context.waker());
                }
                if shared.0.load(SeqCst) {
                    return Poll::Ready(());
                }
                shared.1.register_by_ref(context.waker());
                Poll::Pending
            }));
        }
    };

    assert_eq!(finds(wait(true)), []);
    // What is ready between the look and the registration wakes nobody.
    assert_eq!(finds(wait(false)), [Code::LW008]);
}
