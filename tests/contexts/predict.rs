//! Prediction: grades, what the search says to it, and what is not predicted.

use lockwright::lockdep::finding::Grade;
use lockwright::predict::{Fate, Predicted};
use lockwright::prelude::*;

/// Two tasks take two locks in two orders; `gated`: under a third; `apart`: the second begins when the first is done.
fn crossed(gated: bool, apart: bool) -> Predicted {
    Model::new(move |boot| {
        let (gate, a, b) = (boot.mutex("gate"), boot.mutex("a"), boot.mutex("b"));
        let over = boot.semaphore("over", 0);
        for (name, outer, inner) in [("there", a, b), ("back", b, a)] {
            boot.task(name, move |current| {
                if apart && name == "back" {
                    over.down(current);
                }
                {
                    let _gate = gated.then(|| gate.lock(current));
                    let _outer = outer.lock(current);
                    let _inner = inner.lock(current);
                }
                over.up();
            });
        }
    })
    .predict()
}

#[test]
fn crossed_locks_are_predicted_and_reached() {
    let predicted = crossed(false, false);

    assert_eq!(predicted.codes(), ["LW003"], "{}", predicted.text());
    assert!(matches!(predicted.foreseen[0].fate, Fate::Reached(_)));
    let text = predicted.text();
    for part in ["needs an interleaving", "holds a, since   there: mutex_lock(a)", "wants b, at   there", "cure: "] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("at step"), "places, not numbers\n{text}");
}

#[test]
fn what_an_outer_lock_excludes_is_told_with_its_name_and_does_not_count() {
    let predicted = crossed(true, false);

    assert_eq!(predicted.codes(), [""; 0]);
    assert!(matches!(predicted.foreseen[0].finding.grade, Grade::Serialised(_)));
    assert!(matches!(predicted.foreseen[0].fate, Fate::NotReached));
    assert!(predicted.text().contains("serialised: gate is held around it"), "{}", predicted.text());
}

#[test]
fn what_this_program_does_not_reach_is_said_to_be_so() {
    let predicted = crossed(false, true);

    assert_eq!(predicted.codes(), ["LW003"]);
    assert!(matches!(predicted.foreseen[0].fate, Fate::NotReached), "{}", predicted.text());
    assert!(predicted.text().contains("no interleaving of this program"), "{}", predicted.text());
}

#[test]
fn the_cure_of_an_interrupt_names_the_place() {
    let predicted = Model::new(|boot| {
        let lock = boot.spinlock("lock");
        boot.task("reader", move |current| drop(lock.lock(current)));
        boot.irq(0, 1, "timer", move |current| drop(lock.lock(current)));
    })
    .predict();

    let text = predicted.text();
    assert!(text.contains("Take lock in reader, predict.rs:") && text.contains("with _irqsave"), "{text}");
}

#[test]
fn a_handler_on_another_cpu_is_no_danger() {
    let predicted = Model::new(|boot| {
        let lock = boot.spinlock("lock");
        boot.task("reader", move |current| drop(lock.lock(current)));
        boot.irq(1, 1, "timer", move |current| drop(lock.lock(current)));
    })
    .predict();

    // The rule is broken all the same: another machine may send the interrupt elsewhere. This one does not.
    assert!(
        predicted.foreseen.iter().all(|foreseen| !matches!(foreseen.fate, Fate::Reached(_))),
        "{}",
        predicted.text()
    );
    let grades: Vec<Grade> = predicted.foreseen.iter().map(|foreseen| foreseen.finding.grade).collect();
    assert!(grades.iter().all(|grade| *grade > Grade::Interleaving), "{grades:?}");
}

#[test]
fn lease_designs_are_predicted_from_one_run_of_each_scenario() {
    use lockwright::explore::schedule::Guide;
    use lockwright::lease::designs;
    use lockwright::predict::predict;
    use lockwright::scenario::{catalogue, subject};

    let codes = |design: &str, scenario: &str| {
        let scenario = catalogue::find(scenario).expect("a scenario of the catalogue");
        let subject = subject(designs::find(design).expect("a design"), &scenario);
        predict(&subject, &scenario.names(), &Guide::Sequential, None).expect("it follows nothing").codes()
    };

    // Its spinlock is taken again by the function that it calls; the completed one sleeps under no lock.
    assert_eq!(codes("sed", "leaser-reader"), ["LW001"]);
    assert_eq!(codes("proposal", "leaser-reader"), ["LW002"]);
    for scenario in ["leaser-reader", "leaser-unlock", "two-owners"] {
        assert_eq!(codes("spinlock", scenario), [""; 0], "{scenario}");
        assert_eq!(codes("bkl", scenario), [""; 0], "{scenario}");
    }
}
