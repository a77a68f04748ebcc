//! crossbeam's shapes, each with code that uses them well and code that does not.

use std::time::Duration;

use lockwright::check::Code;
use lockwright::crossbeam::atomic::AtomicCell;
use lockwright::crossbeam::channel::{after, bounded, never, unbounded};
use lockwright::crossbeam::queue::{ArrayQueue, SegQueue};
use lockwright::crossbeam::utils::{Backoff, Parker, WaitGroup};
use lockwright::crossbeam::{scope, select};
use lockwright::sync::Arc;
use lockwright::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use lockwright::{outcome, thread};

use super::{agreed, explore, finds};

#[test]
fn threads_of_a_scope_borrow_and_have_ended_when_it_returns() {
    let count = |gap: bool| {
        move || {
            let n = AtomicUsize::new(0);
            let add = |n: &AtomicUsize| match gap {
                true => n.store(n.load(SeqCst) + 1, SeqCst),
                false => _ = n.fetch_add(1, SeqCst),
            };
            scope(|scope| {
                scope.spawn(|_| add(&n));
                scope.spawn(|scope| scope.spawn(|_| add(&n)).join().unwrap());
            })
            .unwrap();
            assert_eq!(n.load(SeqCst), 2);
        }
    };

    assert_eq!(finds(count(false)), []);
    assert_eq!(finds(count(true)), [Code::LW011]);
}

#[test]
fn each_message_goes_to_one_of_the_receivers() {
    let said = agreed(|| {
        let (sender, receiver) = unbounded();
        let other = {
            let receiver = receiver.clone();
            thread::spawn(move || receiver.try_recv().is_ok())
        };
        sender.send(7).unwrap();
        let own = receiver.try_recv().is_ok();
        outcome("received", i64::from(own) + 2 * i64::from(other.join().unwrap()));
    });

    assert_eq!(said, (vec![], vec!["received=1".to_owned(), "received=2".to_owned()]));
}

#[test]
fn a_full_channel_makes_the_sender_wait_and_one_that_nobody_reads_for_ever() {
    let send = |reads: bool| {
        move || {
            let (sender, receiver) = bounded(1);
            let other = thread::spawn(move || (sender.send(1), sender.send(2)));
            if reads {
                assert_eq!((receiver.recv(), receiver.recv()), (Ok(1), Ok(2)));
            }
            assert!(other.join().unwrap().0.is_ok());
        }
    };

    explore(send(true)).assert_clean();
    assert_eq!(finds(send(false)), [Code::LW008]);
}

#[test]
fn a_channel_without_room_hands_over_and_both_ends_have_come_then() {
    let said = agreed(|| {
        let (sender, receiver) = bounded(0);
        let flag = Arc::new(AtomicBool::new(false));
        let other = {
            let flag = flag.clone();
            thread::spawn(move || {
                flag.store(true, SeqCst);
                receiver.recv().unwrap()
            })
        };
        sender.send(7).unwrap();
        assert!(flag.load(SeqCst), "a send returns when the message is taken");
        assert_eq!(other.join().unwrap(), 7);
    });

    assert_eq!(said.0, []);
}

#[test]
fn receivers_learn_that_all_senders_are_gone_and_messages_before_that_arrive() {
    let said = agreed(|| {
        let (sender, receiver) = unbounded();
        thread::spawn(move || sender.send(1).unwrap());
        let got: Vec<i64> = receiver.into_iter().collect();
        outcome("got", got.iter().sum::<i64>() * 10 + got.len() as i64);
    });

    assert_eq!(said, (vec![], vec!["got=11".to_owned()]));
}

#[test]
fn a_selection_takes_any_arm_that_is_ready_and_waits_if_none_is() {
    let takes = explore(|| {
        let ((one, first), (two, second)) = (bounded(1), bounded(1));
        let other = thread::spawn(move || one.send(1).is_ok());
        two.send(2).unwrap();
        let got = select! {
            recv(first) -> number => number.unwrap(),
            recv(second) -> number => number.unwrap(),
        };
        assert!(other.join().unwrap());
        outcome("got", got);
    });
    let waits = finds(|| {
        let (sender, receiver) = unbounded();
        thread::spawn(move || sender.send(1).unwrap());
        select! {
            recv(receiver) -> number => assert_eq!(number, Ok(1)),
            recv(never::<i32>()) -> _ => unreachable!("nothing comes there"),
        }
    });
    let hangs = finds(|| {
        select! { recv(never::<i32>()) -> _ => {} }
    });

    let outcomes: Vec<String> = takes.verdict.outcomes.iter().map(ToString::to_string).collect();
    assert_eq!(outcomes, ["got=1", "got=2"]);
    takes.assert_clean();
    assert_eq!(waits, []);
    assert_eq!(hangs, [Code::LW008]);
}

#[test]
fn a_selection_sends_goes_on_by_default_and_times_out() {
    let checked = explore(|| {
        let (sender, receiver) = bounded(1);
        for expected in [true, false] {
            let has_sent = select! {
                send(sender, 1) -> result => { result.unwrap(); true }
                default => false,
            };
            assert_eq!(has_sent, expected);
        }
        let (late, timer) = (never::<i64>(), after(Duration::ZERO));
        let way = select! {
            recv(late) -> _ => 0,
            recv(timer) -> _ => 1,
            default(Duration::from_millis(1)) => 2,
        };
        assert_eq!(receiver.recv(), Ok(1));
        outcome("way", way);
    });

    let outcomes: Vec<String> = checked.verdict.outcomes.iter().map(ToString::to_string).collect();
    assert_eq!(outcomes, ["way=1", "way=2"]);
    checked.assert_clean();
}

#[test]
fn a_token_that_is_brought_before_is_not_lost_and_a_flag_without_one_is_waited_for_by_snoozing() {
    explore(|| {
        let parker = Parker::new();
        let unparker = parker.unparker().clone();
        thread::spawn(move || unparker.unpark());
        parker.park();
    })
    .assert_clean();
    let snooze = |sets: bool| {
        move || {
            let flag = Arc::new(AtomicBool::new(false));
            let other = {
                let flag = flag.clone();
                thread::spawn(move || flag.store(sets, SeqCst))
            };
            let backoff = Backoff::new();
            while !flag.load(SeqCst) {
                backoff.snooze();
            }
            other.join().unwrap();
        }
    };

    assert_eq!(finds(snooze(true)), []);
    assert_eq!(finds(snooze(false)), [Code::LW009]);
}

#[test]
fn a_group_is_waited_for_until_all_have_left() {
    let wait = |leaves: bool| {
        move || {
            let (group, n) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
            let (member, other) = (group.clone(), n.clone());
            let kept = (!leaves).then(|| group.clone());
            thread::spawn(move || {
                other.fetch_add(1, SeqCst);
                drop(member);
            });
            group.wait();
            assert_eq!(n.load(SeqCst), 1);
            drop(kept);
        }
    };

    assert_eq!(finds(wait(true)), []);
    assert_eq!(finds(wait(false)), [Code::LW008]);
}

#[test]
fn cells_and_queues_lose_nothing() {
    let said = agreed(|| {
        let all = Arc::new((AtomicCell::new(0), ArrayQueue::new(1), SegQueue::new()));
        let work = |all: &(AtomicCell<i64>, ArrayQueue<i64>, SegQueue<i64>)| {
            all.0.fetch_add(1);
            all.1.force_push(1);
        };
        let other = {
            let all = all.clone();
            thread::spawn(move || work(&all))
        };
        work(&all);
        all.2.push(5);
        other.join().unwrap();
        outcome("cell", all.0.load());
        outcome("queues", all.1.len() as i64 * 10 + all.2.pop().unwrap());
    });

    assert_eq!(said, (vec![], vec!["cell=2 queues=15".to_owned()]));
}
