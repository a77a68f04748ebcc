//! The claim of the project, in loom: the old design races on `i_count`, the old one with a plain spinlock deadlocks, the new one does
//! neither and is exhausted, and without its second look it races again.
//!
//! First the handshake that the new design stands on, in loom's own types and without any of ours: a leaser publishes its lease and
//! then looks at the open count, an opener raises the count and then looks for a lease. With a full barrier on both sides, at
//! least one of the two sees the other.
//!
//! The race on `i_count` is no data race: the counts are atomics. It is a lease granted beside an open that it excludes (LW030).
//! loom does not judge data races on plain memory here (LW010).

use std::sync::Arc;

use lockwright::check::Code;
use lockwright::explore::{Config, EngineKind, Verdict, explore};
use lockwright::scenario::{catalogue, subject};
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed, Ordering::SeqCst, fence};

/// Leaser and opener. True if in some execution neither saw the other.
fn both_can_miss(barriers: bool) -> bool {
    let missed = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = Arc::clone(&missed);
    loom::model(move || {
        let [i_flock, d_count] = [(), ()].map(|()| Arc::new(AtomicUsize::new(0)));
        let (opener_flock, opener_count) = (Arc::clone(&i_flock), Arc::clone(&d_count));
        let opener = loom::thread::spawn(move || {
            opener_count.store(1, Relaxed);
            if barriers {
                fence(SeqCst);
            }
            opener_flock.load(Relaxed) == 0
        });
        i_flock.store(1, Relaxed);
        if barriers {
            fence(SeqCst);
        }
        let leaser_missed = d_count.load(Relaxed) == 0;
        if opener.join().expect("the opener ends") && leaser_missed {
            seen.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    });
    missed.load(std::sync::atomic::Ordering::Relaxed)
}

#[test]
fn leaser_and_opener_cannot_both_miss_each_other_if_each_has_its_barrier() {
    assert!(!both_can_miss(true));
    assert!(both_can_miss(false));
}

/// A leaser asks for a write lease; an opener finds the inode through another hard link, which raises `i_count`.
fn under_loom(design: &str) -> Verdict {
    let design = lockwright::study::design(design).expect("the design exists");
    let scenario = catalogue::find("leaser-iget").expect("the scenario exists");
    explore(&subject(design, &scenario), &Config::with_engine(EngineKind::Loom))
}

#[test]
fn the_old_design_races_on_i_count() {
    assert!(under_loom("bkl").codes().contains(&Code::LW030));
}

#[test]
fn the_old_design_with_a_plain_spinlock_deadlocks() {
    assert!(under_loom("sed").codes().contains(&Code::LW001));
}

#[test]
fn the_new_design_neither_deadlocks_nor_races_on_i_count_in_any_execution() {
    let verdict = under_loom("spinlock");

    assert_eq!(verdict.codes(), [].into());
    assert!(verdict.complete());
    assert_eq!(verdict.executions, 1426);
}

#[test]
fn the_new_design_without_its_second_look_races_again() {
    assert!(under_loom("spinlock:no-recheck").codes().contains(&Code::LW030));
}
