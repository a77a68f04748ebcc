//! The counter under a lock: how much is explored.

use lockwright::explore::EngineKind;
use lockwright::sync::{Arc, Mutex};
use lockwright::thread;

use super::{explore, explore_by};

/// Data that nobody can hash.
#[derive(Debug)]
struct Opaque(u64);

fn opaque(tasks: usize, sections: usize) -> impl Fn() + Send + Sync + 'static {
    move || {
        let n = Arc::new(Mutex::new(Opaque(0)));
        let threads: Vec<_> = (0..tasks)
            .map(|_| {
                let n = n.clone();
                thread::spawn(move || (0..sections).for_each(|_| n.lock().unwrap().0 += 1))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let sum = n.lock().unwrap().0;
        assert_eq!(sum, (tasks * sections) as u64);
        lockwright::outcome("n", sum as i64);
    }
}

fn hashed(tasks: usize, sections: usize) -> impl Fn() + Send + Sync + 'static {
    move || {
        let n = Arc::new(Mutex::new(0u64));
        let threads: Vec<_> = (0..tasks)
            .map(|_| {
                let n = n.clone();
                thread::spawn(move || (0..sections).for_each(|_| *n.lock().unwrap() += 1))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        lockwright::outcome("n", *n.lock().unwrap() as i64);
    }
}

#[test]
fn dpor_runs_one_execution_for_each_order_of_the_sections() {
    // 3 tasks with 2 sections each: 6! / (2! 2! 2!) orders.
    let checked = explore_by(EngineKind::Dpor, opaque(3, 2));

    checked.assert_clean().assert_outcomes(["n=6"]);
    assert_eq!(checked.verdict.executions, 90);
}

#[test]
fn states_of_opaque_data_are_not_many_more_than_those_of_data_that_can_be_hashed() {
    let (opaque, hashed) = (explore(opaque(3, 2)), explore(hashed(3, 2)));

    opaque.assert_clean().assert_outcomes(["n=6"]);
    hashed.assert_clean().assert_outcomes(["n=6"]);
    let (of_opaque, of_hashed) = (opaque.verdict.states, hashed.verdict.states);
    assert!(of_opaque <= 4 * of_hashed, "{of_opaque} against {of_hashed}");
}
