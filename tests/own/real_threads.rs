//! The same types on real threads: a stress test, of which each finding replays.

use std::panic::catch_unwind;

use lockwright::cell::UnsafeCell;
use lockwright::check::Code;
use lockwright::explore::{Bound, EngineKind};
use lockwright::model::Builder;
use lockwright::own::report::search_named;
use lockwright::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};
use lockwright::sync::{Arc, Barrier, Condvar, Mutex, OnceLock, RwLock, mpsc};
use lockwright::thread;

fn stress(runs: u64) -> Builder {
    let mut builder = Builder::new();
    builder.search = EngineKind::Threads;
    builder.runs = Some(runs);
    builder
}

#[test]
fn the_variable_knows_real_threads_and_says_why_it_does_not_know_loom() {
    assert_eq!(search_named("threads"), EngineKind::Threads);

    let error = catch_unwind(|| search_named("loom")).expect_err("these types do not stand on loom");
    let text =
        error.downcast_ref::<String>().cloned().unwrap_or_else(|| (*error.downcast_ref::<&str>().unwrap()).to_owned());
    assert!(text.starts_with("LOCKWRIGHT_SEARCH=loom: these types do not stand on loom."), "{text}");
}

fn lost() {
    let n = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let n = n.clone();
            thread::spawn(move || (0..3).for_each(|_| n.store(n.load(SeqCst) + 1, SeqCst)))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(n.load(SeqCst), 6, "an increment is lost");
}

#[test]
fn a_correct_program_is_clean_on_real_threads_and_that_is_not_called_complete() {
    let checked = stress(20).explore(|| {
        let n = Arc::new(Mutex::new(0));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let n = n.clone();
                thread::spawn(move || (0..2).for_each(|_| *n.lock().unwrap() += 1))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        lockwright::outcome("n", *n.lock().unwrap());
    });

    assert_eq!(checked.verdict.findings, []);
    checked.assert_outcomes(["n=6"]);
    assert!(matches!(checked.verdict.bound, Some(Bound::Threads { runs: 20, .. })), "{:?}", checked.verdict.bound);
}

#[test]
fn what_is_found_on_real_threads_runs_again_without_them() {
    let failed = catch_unwind(|| stress(20_000).check(lost)).expect_err("an increment is lost some time");
    let page = failed.downcast::<String>().expect("a verdict has a text");
    let line = page.split("LOCKWRIGHT_REPLAY='").nth(1).and_then(|rest| rest.split('\'').next());

    let mut builder = Builder::new();
    builder.replay = Some(line.unwrap_or_else(|| panic!("{page}")).to_owned());
    let again = catch_unwind(|| builder.check(lost)).expect_err("it is lost along the schedule");
    assert!(again.downcast::<String>().unwrap().contains("an increment is lost"), "{page}");
}

#[test]
fn a_deadlock_ends_the_stress_test() {
    let checked = stress(20_000).explore(|| {
        let (a, b) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
        let (c, d) = (a.clone(), b.clone());
        let other = thread::spawn(move || {
            let one = d.lock().unwrap();
            *c.lock().unwrap() += *one;
        });
        {
            let one = a.lock().unwrap();
            *b.lock().unwrap() += *one;
        }
        other.join().unwrap();
    });

    let codes = checked.verdict.codes();
    assert!(codes.iter().all(|code| [Code::LW003, Code::LW008].contains(code)) && !codes.is_empty(), "{checked}");
}

#[test]
fn a_loop_without_an_end_ends_on_real_threads() {
    let checked = stress(10).explore(|| {
        let flag = Arc::new(AtomicUsize::new(0));
        let other = flag.clone();
        thread::spawn(move || while other.load(SeqCst) == 0 {});
    });

    assert!(checked.verdict.findings.is_empty(), "{checked}");
    assert!(matches!(checked.verdict.bound, Some(Bound::Steps(_))), "{checked}");
}

struct Cell(UnsafeCell<u64>);

#[allow(unsafe_code)]
// SAFETY: its users hold a lock, or it is a finding.
unsafe impl Sync for Cell {}

#[test]
fn a_data_race_is_found_on_real_threads() {
    let checked = stress(2_000).explore(|| {
        let cell = Arc::new(Cell(UnsafeCell::new(0)));
        let other = cell.clone();
        let thread = thread::spawn(move || other.0.with(|_| ()));
        cell.0.with_mut(|_| ());
        thread.join().unwrap();
    });

    assert!(checked.verdict.codes().contains(&Code::LW010), "{checked}");
}

lockwright::thread_local! {
    static LOCAL: std::cell::Cell<u64> = std::cell::Cell::new(0);
}

lockwright::lazy_static! {
    static ref LAZY: Mutex<u64> = Mutex::new(0);
}

/// All kinds of objects at once.
fn everything() {
    let (sender, receiver) = mpsc::channel();
    let pair = Arc::new((Mutex::new(0), Condvar::new()));
    let once = Arc::new(OnceLock::new());
    let shared = Arc::new(RwLock::new(Vec::new()));
    let pointer = Arc::new(AtomicPtr::new(std::ptr::null_mut::<u64>()));
    let barrier = Arc::new(Barrier::new(2));
    let threads: Vec<_> = (1..=2)
        .map(|number: u64| {
            let (sender, pair, once) = (sender.clone(), pair.clone(), once.clone());
            let (shared, pointer, barrier) = (shared.clone(), pointer.clone(), barrier.clone());
            thread::spawn(move || {
                barrier.wait();
                LOCAL.with(|local| local.set(local.get() + number));
                *LAZY.lock().unwrap() += LOCAL.with(std::cell::Cell::get);
                sender.send(Box::new(*once.get_or_init(|| Box::new(number)).as_ref())).unwrap();
                shared.write().unwrap().push(number);
                let old = pointer.swap(Box::into_raw(Box::new(number)), SeqCst);
                drop_box(old);
                *pair.0.lock().unwrap() += 1;
                pair.1.notify_one();
            })
        })
        .collect();
    drop(sender);
    let guard = pair.0.lock().unwrap();
    drop(pair.1.wait_while(guard, |n| *n < 2).unwrap());
    let got: Vec<u64> = receiver.iter().map(|number| *number).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    drop_box(pointer.swap(std::ptr::null_mut(), SeqCst));
    assert_eq!((got.len(), got[0], shared.read().unwrap().len()), (2, got[1], 2));
    assert_eq!(*LAZY.lock().unwrap(), 3);
}

#[allow(unsafe_code)]
fn drop_box(pointer: *mut u64) {
    if !pointer.is_null() {
        // SAFETY: it was swapped out, so nobody else has it.
        drop(unsafe { Box::from_raw(pointer) });
    }
}

#[test]
fn every_kind_of_object_works_on_real_threads() {
    let checked = stress(30).explore(everything);

    assert_eq!(checked.verdict.codes().into_iter().collect::<Vec<_>>(), [], "{checked}");
    assert_eq!(checked.verdict.executions, 30);
}
