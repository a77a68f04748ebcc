//! What could go wrong in a larger program and does not in this one: told, and no failure unless one asks for that.

use std::panic::catch_unwind;

use lockwright::check::Code;
use lockwright::model::{Builder, Unconfirmed};
use lockwright::sync::atomic::{AtomicPtr, Ordering::SeqCst};
use lockwright::sync::{Arc, Mutex};
use lockwright::thread;

use super::{explore, finds};

/// One thread alone takes the locks in both orders.
fn alone() {
    let (a, b) = (Mutex::new(0), Mutex::new(0));
    for (first, second) in [(&a, &b), (&b, &a)] {
        let _first = first.lock().unwrap();
        let _second = second.lock().unwrap();
    }
}

/// A third lock is held by both.
fn under_a_gate() {
    let locks = Arc::new([Mutex::new(0), Mutex::new(1), Mutex::new(2)]);
    let other = locks.clone();
    let thread = thread::spawn(move || {
        let _gate = other[2].lock().unwrap();
        let _b = other[1].lock().unwrap();
        let _a = other[0].lock().unwrap();
    });
    let gate = locks[2].lock().unwrap();
    let a = locks[0].lock().unwrap();
    drop((locks[1].lock().unwrap(), a, gate));
    thread.join().unwrap();
}

fn forgets() {
    let lock = Mutex::new(0);
    std::mem::forget(lock.lock().unwrap());
}

fn forgets_what_another_needs() {
    let lock = Arc::new(Mutex::new(0));
    let other = lock.clone();
    std::mem::forget(lock.lock().unwrap());
    thread::spawn(move || drop(other.lock().unwrap()));
}

#[test]
fn what_no_order_confirms_is_a_note() {
    for (model, code) in [(alone as fn(), Code::LW003), (under_a_gate, Code::LW003), (forgets, Code::LW007)] {
        let checked = explore(model);
        checked.assert_clean();
        let notes: Vec<Code> = checked.notes.iter().map(|note| note.finding.code).collect();
        assert_eq!(notes, [code]);
        assert!(checked.to_string().starts_with(&format!("note: {code} ")), "{checked}");
        lockwright::model(model);
    }
}

/// Where something was not looked at, nobody says that everything was.
#[test]
fn a_note_beside_a_blind_spot_does_not_say_that_every_order_was_explored() {
    let blind = || {
        alone();
        let pointer = AtomicPtr::new(std::ptr::null_mut::<u8>());
        _ = pointer.compare_exchange(std::ptr::null_mut(), std::ptr::null_mut(), SeqCst, SeqCst);
    };
    let texts = [explore(alone).to_string(), explore(blind).to_string()];

    assert_eq!(texts.each_ref().map(|text| text.contains("note: LW003")), [true, true]);
    assert_eq!(texts.map(|text| text.contains("Every order was explored")), [true, false]);
}

#[test]
fn what_an_order_confirms_is_a_finding() {
    assert_eq!(finds(forgets_what_another_needs), [Code::LW007, Code::LW008]);
}

#[test]
fn a_note_is_a_failure_for_those_who_ask_and_nothing_for_those_who_do_not_want_to_know() {
    let mut builder = Builder::new();
    builder.unconfirmed = Unconfirmed::Fail;
    assert!(builder.explore(alone).verdict.codes().contains(&Code::LW003));
    assert!(catch_unwind(|| builder.check(alone)).is_err());

    builder.unconfirmed = Unconfirmed::Ignore;
    let checked = builder.explore(alone);
    assert!(checked.verdict.findings.is_empty() && checked.notes.is_empty());
}

/// Nothing was confirmed, because not everything was looked at.
#[test]
fn within_a_bound_a_prediction_is_a_finding() {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(0);
    assert!(builder.explore(under_a_gate).verdict.codes().contains(&Code::LW003));
}
