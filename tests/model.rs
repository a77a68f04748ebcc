//! The front door: models as closures, and the examples made of them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lockwright::prelude::*;

#[path = "../examples/ab_ba.rs"]
mod ab_ba;
#[path = "../examples/half_converted.rs"]
mod half_converted;
#[path = "../examples/lock_split.rs"]
pub mod lock_split;
#[path = "../examples/lost_wakeup.rs"]
mod lost_wakeup;

/// Two tasks increment plain memory, with a lock or without.
fn counter(locked: bool) -> Model {
    Model::new(move |boot| {
        let (lock, n) = (boot.spinlock("lock"), boot.plain("n", 0u64));
        boot.tasks(2, "adder", move |current| {
            let _guard = locked.then(|| lock.lock(current));
            n.set(n.get() + 1);
        });
        boot.outcome("n", move |view| n.peek(view));
    })
}

/// The text with which a failing assertion ends.
fn failure<R>(assertion: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(|| _ = assertion())).expect_err("it fails");
    payload.downcast_ref::<String>().expect("a formatted text").clone()
}

#[test]
fn model_of_a_locked_counter_is_clean_and_has_one_outcome() {
    counter(true).check(&Config::default()).assert_clean().assert_outcomes(["n=2"]);
}

#[test]
fn model_of_an_unlocked_counter_races_on_every_engine_that_judges_it() {
    for engine in [EngineKind::Explorer, EngineKind::Brute, EngineKind::Dpor] {
        let checked = counter(false).check(&Config::with_engine(engine));

        checked.assert_finds(Code::LW010).assert_outcomes(["n=1", "n=2"]);
    }
}

#[test]
fn equal_tasks_of_a_model_are_exchanged() {
    let plain = counter(true).check(&Config::default()).verdict;
    let symmetric = counter(true).check(&Config { symmetry: true, ..Config::default() }).verdict;

    assert_eq!(symmetric.symmetry, Some(true));
    assert!(symmetric.states < plain.states);
    assert_eq!(symmetric.outcomes, plain.outcomes);
}

#[test]
fn a_failing_assertion_shows_the_page_with_the_schedule() {
    let checked = counter(false).check(&Config::default());
    let text = failure(|| _ = checked.assert_clean());

    assert!(text.starts_with("not clean\n\nLW010  data race on plain memory"), "{text}");
    for part in ["adder 1", "adder 2", "reads n (2)", "\nwhy\n", "tests/model.rs:", "\nCOMPLETE tests/model.rs:"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(failure(|| _ = checked.assert_finds(Code::LW008)).starts_with("LW008 (deadlock"));
    assert!(failure(|| _ = checked.assert_outcomes(["n=2"])).contains("outcomes"));
}

#[test]
fn an_incomplete_exploration_is_not_clean() {
    let checked = counter(true).check(&Config { executions_max: 1, ..Config::default() });
    let text = failure(|| _ = checked.assert_clean());

    assert!(text.contains("INCOMPLETE (stopped after 1 execution)"), "{text}");
}

#[test]
fn what_tasks_return_is_part_of_the_outcome() {
    let checked = lockwright::boot(|boot| {
        let n = boot.atomic("n", 0);
        boot.task("setter", move |_| n.set(7));
        boot.task("reader", move |_| n.read());
        boot.task("failing", |_| -> Result<(), Errno> { Err(Errno::EAGAIN) });
    });

    checked.assert_clean().assert_outcomes(["reader: 0, failing: -11", "reader: 7, failing: -11"]);
}

#[test]
fn a_model_may_run_out_of_memory_and_has_to_clean_up() {
    struct Node;
    impl Slab for Node {
        const NAME: &'static str = "node";
        fn lay(_: &mut Layout) -> Node {
            Node
        }
    }
    let keeper = |frees: bool| {
        lockwright::boot(move |boot| {
            boot.allocations_may_fail();
            let kept = Link::<Node>::new("kept");
            boot.task("keeper", move |current| {
                let node = kmalloc::<Node>(current, Gfp::Kernel)?;
                kept.set(Some(node));
                Ok(())
            });
            if frees {
                boot.at_end(move |_| _ = kept.get().map(kfree));
            }
        })
    };

    keeper(true).assert_clean().assert_outcomes(["keeper: -12", "keeper: 0"]);
    keeper(false).assert_finds(Code::LW022);
}

#[test]
fn a_set_up_that_differs_from_time_to_time_is_told() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let times = AtomicUsize::new(1);
    let fickle = Model::new(move |boot| {
        for name in ["a", "b", "c"].iter().take(times.fetch_add(1, Ordering::Relaxed)) {
            boot.task(*name, |_| ());
        }
    });

    let text = failure(|| fickle.check(&Config::default()));
    assert!(text.contains("the set-up of a model does the same each time"), "{text}");
}

#[test]
fn examples_find_their_bugs_and_their_cures_are_clean() {
    ab_ba::transfer(true).assert_finds(Code::LW008).assert_finds(Code::LW003);
    ab_ba::transfer(false).assert_clean();

    lost_wakeup::hand_over(false).assert_finds(Code::LW008);
    lost_wakeup::hand_over(true).assert_clean().assert_outcomes(["items=0"]);

    half_converted::remove_beside_count(false).assert_finds(Code::LW010).assert_finds(Code::LW020);
    half_converted::remove_beside_count(true).assert_clean().assert_outcomes(["counter: 0", "counter: 1"]);

    // 6 + 7 = 13 before, between and after the transfers; 13 - 5 = 8 and 13 + 12 = 25 in the middle of one.
    lock_split::audited::<lock_split::OneLock>().assert_clean().assert_outcomes(["total: 13"]);
    lock_split::audited::<lock_split::TwoLocks>().assert_clean().assert_outcomes([
        "total: 13",
        "total: 25",
        "total: 8",
    ]);
}
