//! Data races of cells, by the orderings that the code declares; counted values.

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks, reason = "accesses of cells are what is tested")]

use lockwright::cell::UnsafeCell;
use lockwright::check::Code;
use lockwright::explore::Bound;
use lockwright::sync::atomic::{AtomicBool, AtomicPtr, Ordering, fence};
use lockwright::sync::{Arc, Weak};
use lockwright::thread;

use super::{explore, finds};

struct Shared {
    cell: UnsafeCell<u32>,
    flag: AtomicBool,
}

// A discipline, which the checks look after.
unsafe impl Sync for Shared {}

/// A value that is written, then announced; another thread that reads it if it was announced.
fn publish(store: Ordering, load: Ordering, fences: bool) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Arc::new(Shared { cell: UnsafeCell::new(0), flag: AtomicBool::new(false) });
        let other = shared.clone();
        let thread = thread::spawn(move || {
            other.cell.with_mut(|value| unsafe { *value = 1 });
            if fences {
                fence(Ordering::Release);
            }
            other.flag.store(true, store);
        });
        if shared.flag.load(load) {
            if fences {
                fence(Ordering::Acquire);
            }
            assert_eq!(shared.cell.with(|value| unsafe { *value }), 1);
        }
        thread.join().unwrap();
        shared.cell.with(|value| unsafe { assert_eq!(*value, 1) });
    }
}

#[test]
fn a_release_store_and_an_acquire_load_order_and_relaxed_ones_do_not() {
    use Ordering::{Acquire, Relaxed, Release, SeqCst};

    assert_eq!(finds(publish(Release, Acquire, false)), []);
    assert_eq!(finds(publish(SeqCst, SeqCst, false)), []);
    assert_eq!(finds(publish(Relaxed, Acquire, false)), [Code::LW010]);
    assert_eq!(finds(publish(Release, Relaxed, false)), [Code::LW010]);
    assert_eq!(finds(publish(Relaxed, Relaxed, true)), []);
}

#[test]
fn two_writes_that_nothing_orders_race_and_a_join_orders() {
    let write = |joins_first: bool| {
        move || {
            let shared = Arc::new(Shared { cell: UnsafeCell::new(0), flag: AtomicBool::new(false) });
            let other = shared.clone();
            let thread = thread::spawn(move || other.cell.with_mut(|value| unsafe { *value += 1 }));
            if joins_first {
                thread.join().unwrap();
                shared.cell.with_mut(|value| unsafe { *value += 1 });
            } else {
                shared.cell.with_mut(|value| unsafe { *value += 1 });
                thread.join().unwrap();
            }
        }
    };

    assert_eq!(finds(write(true)), []);
    assert_eq!(finds(write(false)), [Code::LW010]);
}

#[test]
fn an_access_lasts_as_long_as_its_pointer() {
    let codes = finds(|| {
        let shared = Arc::new(Shared { cell: UnsafeCell::new(0), flag: AtomicBool::new(false) });
        let other = shared.clone();
        let pointer = shared.cell.get_mut();
        shared.flag.store(true, Ordering::Release);
        let thread = thread::spawn(move || {
            if other.flag.load(Ordering::Acquire) {
                other.cell.with(|value| unsafe { *value });
            }
        });
        drop(pointer);
        thread.join().unwrap();
    });

    assert_eq!(codes, [Code::LW010]);
}

#[test]
fn a_pointer_publishes_what_it_points_to() {
    let checked = explore(|| {
        let slot = Arc::new(AtomicPtr::new(std::ptr::null_mut::<u32>()));
        let other = slot.clone();
        let thread = thread::spawn(move || {
            let value = if lockwright::choose_bool() { 7 } else { 8 };
            other.store(Box::into_raw(Box::new(value)), Ordering::Release);
        });
        let found = slot.swap(std::ptr::null_mut(), Ordering::AcqRel);
        thread.join().unwrap();
        let left = slot.load(Ordering::Acquire);
        let (at, pointer) = if found.is_null() { (0, left) } else { (1, found) };
        // SAFETY: one of the two is the box, which nobody else has.
        let value = unsafe { *Box::from_raw(pointer) };
        lockwright::outcome("found", at);
        lockwright::outcome("value", value.into());
    });

    checked.assert_clean().assert_outcomes([
        "found=0 value=7",
        "found=0 value=8",
        "found=1 value=7",
        "found=1 value=8",
    ]);
}

#[test]
fn counts_are_seen_where_they_are_asked_for_and_a_value_that_stays_is_a_leak() {
    let checked = explore(|| {
        let one = Arc::new(Vec::<u8>::new());
        let other = one.clone();
        let thread = thread::spawn(move || drop(other));
        lockwright::outcome("count", Arc::strong_count(&one) as i64);
        let weak: Weak<_> = Arc::downgrade(&one);
        drop(one);
        thread.join().unwrap();
        assert!(weak.upgrade().is_none());
    });
    checked.assert_clean().assert_outcomes(["count=1", "count=2"]);

    assert_eq!(finds(|| std::mem::forget(Arc::new(1))), [Code::LW022]);
    assert_eq!(finds(|| std::mem::forget(lockwright::alloc::Track::new(1))), [Code::LW022]);
    assert_eq!(finds(|| drop(lockwright::alloc::Track::new(1))), []);
}

#[test]
fn only_one_of_two_gets_the_value_out_of_a_counted_one() {
    let checked = explore(|| {
        let one = Arc::new(String::from("x"));
        let other = one.clone();
        let thread = thread::spawn(move || Arc::into_inner(other).is_some());
        let own = Arc::into_inner(one).is_some();
        assert!(own != thread.join().unwrap());
        lockwright::outcome("own", own.into());
    });

    checked.assert_clean().assert_outcomes(["own=0", "own=1"]);
}

/// Each thread has made the pointer by itself, so each knows it by a name of its own.
#[test]
fn a_comparison_succeeds_where_another_thread_has_stored_the_same_address() {
    let compare = |address: usize| {
        move || {
            let x = std::ptr::without_provenance_mut::<u8>(8);
            let [a, b] = [(); 2].map(|()| Arc::new(AtomicPtr::new(std::ptr::null_mut())));
            let other = a.clone();
            let thread = thread::spawn(move || other.store(x, Ordering::SeqCst));
            b.store(x, Ordering::SeqCst);
            thread.join().unwrap();
            let y = std::ptr::without_provenance_mut(address);
            assert!(a.compare_exchange(y, std::ptr::null_mut(), Ordering::SeqCst, Ordering::SeqCst).is_ok());
            assert!(a.load(Ordering::SeqCst).is_null() && b.load(Ordering::SeqCst) == x);
        }
    };

    assert_eq!(finds(compare(8)), []);
    assert_eq!(finds(compare(16)), [Code::LW011]);
}

/// Whether an allocator gives out an address again, and a comparison finds the same one, is not explored.
#[test]
fn pointers_that_are_compared_leave_the_verdict_open_by_name() {
    let checked = explore(|| {
        let x = std::ptr::without_provenance_mut::<u8>(8);
        let head = Arc::new(AtomicPtr::new(x));
        let other = head.clone();
        let thread = thread::spawn(move || other.store(std::ptr::null_mut(), Ordering::SeqCst));
        _ = head.compare_exchange(x, std::ptr::null_mut(), Ordering::SeqCst, Ordering::SeqCst);
        thread.join().unwrap();
    });

    assert_eq!(checked.verdict.bound, Some(Bound::Pointers));
}

/// A clone is a part of the step before it, so the count between the two is never seen.
#[test]
fn handles_that_are_counted_beside_clones_leave_the_verdict_open_by_name() {
    let counted = |clones: bool| {
        explore(move || {
            let one = Arc::new(0);
            let other = one.clone();
            let thread = thread::spawn(move || if clones { drop(other.clone()) } else { drop(other) });
            assert!(Arc::strong_count(&one) > 0);
            thread.join().unwrap();
        })
    };

    assert_eq!(counted(true).verdict.bound, Some(Bound::Counts));
    assert_eq!(counted(false).verdict.bound, None);
}

lockwright::thread_local! {
    static MARK: std::cell::Cell<i64> = std::cell::Cell::new(0);
}

lockwright::lazy_static! {
    static ref MADE_BY: i64 = MARK.get();
}

#[test]
fn whose_value_a_lazy_static_has_is_seen_by_whoever_looks_later() {
    // Three threads may have made a value before one is taken: who came last does not say who came first.
    let checked = explore(|| {
        let threads: Vec<_> = (1..4)
            .map(|mark| {
                lockwright::thread::spawn(move || {
                    MARK.set(mark);
                    assert!((0..4).contains(&*MADE_BY));
                })
            })
            .collect();
        lockwright::outcome("made by", *MADE_BY);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });

    let outcomes: Vec<String> = checked.verdict.outcomes.iter().map(ToString::to_string).collect();
    assert_eq!(outcomes, ["made by=0", "made by=1", "made by=2", "made by=3"]);
    checked.assert_clean();
}
