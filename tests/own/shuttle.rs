//! shuttle's entry points: what they find, what they pass, and futures that run beside each other.

use std::panic::catch_unwind;

use lockwright::check::Code;
use lockwright::future::{block_on, spawn, yield_now};
use lockwright::rand::{Rng, thread_rng};
use lockwright::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use lockwright::sync::{Arc, Mutex};
use lockwright::{outcome, thread};

use super::{agreed, explore, finds};

/// Two threads that add; one by one, or with a gap between load and store.
fn adds(gap: bool) -> impl Fn() + Send + Sync + Copy + 'static {
    move || {
        let n = Arc::new(AtomicUsize::new(0));
        let add = move |n: &AtomicUsize| match gap {
            true => n.store(n.load(SeqCst) + 1, SeqCst),
            false => _ = n.fetch_add(1, SeqCst),
        };
        let other = {
            let n = n.clone();
            thread::spawn(move || add(&n))
        };
        add(&n);
        other.join().unwrap();
        assert_eq!(n.load(SeqCst), 2, "an increment is lost");
    }
}

/// The text of the panic, if there is one.
fn panics(f: impl FnOnce() + std::panic::UnwindSafe) -> Option<String> {
    catch_unwind(f).err().map(|payload| payload.downcast_ref::<String>().cloned().unwrap_or_default())
}

#[test]
fn every_way_of_checking_finds_the_lost_increment_and_passes_the_correct_program() {
    type Way = fn(bool);
    let ways: [(&str, Way); 6] = [
        ("check", |gap| lockwright::check(adds(gap))),
        ("dfs", |gap| lockwright::check_dfs(adds(gap), None)),
        ("random", |gap| lockwright::check_random(adds(gap), 100)),
        ("seed", |gap| lockwright::check_random_with_seed(adds(gap), 7, 100)),
        ("urw", |gap| lockwright::check_urw(adds(gap), 100)),
        ("pct", |gap| lockwright::check_pct(adds(gap), 100, 2)),
    ];

    for (name, way) in ways {
        assert_eq!(panics(move || way(false)), None, "{name}");
        let page = panics(move || way(true)).unwrap_or_else(|| panic!("{name} finds nothing"));
        assert!(page.contains("LW011") && page.contains("an increment is lost"), "{name}: {page}");
    }
}

#[test]
fn the_schedule_of_a_finding_replays_and_only_where_it_fits() {
    let page = panics(|| lockwright::check_dfs(adds(true), None)).expect("it is found");
    let line = page.split("LOCKWRIGHT_REPLAY='").nth(1).and_then(|rest| rest.split('\'').next()).expect("a schedule");
    let (one, two) = (line.to_owned(), line.to_owned());

    assert!(panics(move || lockwright::replay(adds(true), &one)).is_some_and(|page| page.contains("LW011")));
    let file = std::env::temp_dir().join(format!("lockwright-schedule-{}", std::process::id()));
    std::fs::write(&file, two).expect("a file can be written");
    let again = {
        let file = file.clone();
        panics(move || lockwright::replay_from_file(adds(true), file))
    };
    std::fs::remove_file(file).expect("it is there");
    assert!(again.is_some_and(|page| page.contains("LW011")));
    assert!(panics(|| lockwright::replay(adds(true), "5*9")).is_some_and(|page| page.contains("does not fit")));
}

#[test]
fn a_number_of_executions_that_was_asked_for_is_no_proof() {
    let mut builder = lockwright::model::Builder::new();
    builder.search = lockwright::explore::EngineKind::Random;
    builder.runs = Some(3);
    let checked = builder.explore(adds(false));

    assert_eq!(checked.verdict.executions, 3);
    assert!(!checked.verdict.complete());
}

#[test]
fn numbers_that_are_drawn_are_all_explored() {
    let said = agreed(|| {
        let (number, side) = (thread_rng().gen_range(3..6), thread_rng().gen_bool(0.5));
        outcome("n", number * 10 + i64::from(side));
    });

    assert_eq!(said, (vec![], ["n=30", "n=31", "n=40", "n=41", "n=50", "n=51"].map(str::to_owned).to_vec()));
}

#[test]
fn futures_run_beside_each_other_and_an_increment_across_a_yield_is_lost() {
    let count = |across: bool| {
        move || {
            let n = Arc::new(Mutex::new(0));
            let add = move |n: Arc<Mutex<i64>>| async move {
                if across {
                    let before = *n.lock().unwrap();
                    yield_now().await;
                    *n.lock().unwrap() = before + 1;
                } else {
                    *n.lock().unwrap() += 1;
                }
            };
            let other = spawn(add(n.clone()));
            block_on(add(n.clone()));
            block_on(other).unwrap();
            assert_eq!(*n.lock().unwrap(), 2);
        }
    };

    explore(count(false)).assert_clean();
    assert_eq!(finds(count(true)), [Code::LW011]);
}

#[test]
fn a_future_that_is_aborted_has_a_result_or_none() {
    let checked = explore(|| {
        let task = spawn(async { yield_now().await });
        task.abort();
        outcome("cancelled", block_on(task).is_err().into());
    });

    let outcomes: Vec<String> = checked.verdict.outcomes.iter().map(ToString::to_string).collect();
    assert_eq!(outcomes, ["cancelled=0", "cancelled=1"]);
    checked.assert_clean();
}
