//! The validator in the searches: LW004 where no execution hangs, how sure a finding of orders is, and what one run predicts beside what an engine met.

use lockwright::explore::{Checkpoint, explore};
use lockwright::prelude::*;

use super::{agreed, codes};

fn engines() -> Vec<Config> {
    let random = |engine| Config { runs: 50, ..Config::with_engine(engine) };
    vec![Config::default(), Config::with_engine(EngineKind::Brute), random(EngineKind::Random), random(EngineKind::Pct)]
}

/// The handler takes `done`, under which another task takes `stats`, which a third holds with interrupts on. `gate` is held around the two tasks' sections,
/// so that nothing hangs; `masked`: the third keeps interrupts out; `cpu`: where the handler comes.
fn inversion(gated: bool, masked: bool, cpu: u8) -> Model {
    Model::new(move |boot| {
        let (gate, done, stats) = (boot.mutex("gate"), boot.spinlock("done"), boot.spinlock("stats"));
        boot.task_on(0, "show", move |current| {
            let _gate = gated.then(|| gate.lock(current));
            drop(if masked { stats.lock_irqsave(current) } else { stats.lock(current) });
        });
        boot.task_on(1, "submit", move |current| {
            let _gate = gated.then(|| gate.lock(current));
            let _done = done.lock_irqsave(current);
            drop(stats.lock(current));
        });
        boot.irq(cpu, 1, "device", move |current| drop(done.lock(current)));
    })
}

#[test]
fn an_inversion_is_found_by_every_engine_that_runs_interrupts() {
    for config in engines() {
        let found = |gated, masked, cpu| {
            let verdict = explore(inversion(gated, masked, cpu).subject(), &config);
            verdict.codes().contains(&Code::LW004)
        };
        assert!(found(false, false, 0), "{:?}", config.engine);
        // The interrupt is kept out; it comes on the CPU of the other, who keeps it out; the gate excludes the two.
        assert!(!found(false, true, 0), "{:?}", config.engine);
        assert!(!found(false, false, 1), "{:?}", config.engine);
        assert!(!found(true, false, 0), "{:?}", config.engine);
    }
}

#[test]
fn correct_designs_have_no_finding_at_all() {
    for (gated, masked, cpu) in [(false, true, 0), (false, false, 1), (true, false, 0), (true, true, 1)] {
        assert_eq!(codes(&agreed(&inversion(gated, masked, cpu))), [], "{gated} {masked} {cpu}");
    }
}

/// The handler takes the lock only after the task has said so, and the task says so after its section: nothing hangs, and the rule is broken.
fn flagged() -> Model {
    Model::new(|boot| {
        let (lock, ready) = (boot.spinlock("lock"), boot.atomic("ready", 0));
        boot.task("probe", move |current| {
            drop(lock.lock(current));
            ready.set(1);
        });
        boot.irq(0, 1, "device", move |current| {
            if ready.read() == 1 {
                drop(lock.lock(current));
            }
        });
    })
}

#[test]
fn what_no_interleaving_reaches_is_found_and_said_to_be_so() {
    let verdict = agreed(&flagged());
    assert_eq!(codes(&verdict), [Code::LW004]);
    assert_eq!(
        verdict.findings[0].finding.message,
        "device takes lock in a hard interrupt, and probe holds it where that can come"
    );
    let page = flagged().check(&Config::default()).to_string();
    assert!(page.contains("no interleaving of this program leads there; a larger one may"), "{page}");
    assert!(page.contains("cure: Take lock in probe, online.rs:") && page.contains("with _irqsave."), "{page}");
}

#[test]
fn what_an_interleaving_reaches_is_graded_with_the_length_of_its_schedule() {
    let page = inversion(false, false, 0).check(&Config::default()).to_string();
    assert!(page.contains("needs an interleaving: the explorer found one, "), "{page}");
}

#[test]
fn two_readers_and_two_objects_of_one_name_are_no_finding() {
    let readers = agreed(&Model::new(|boot| {
        let list = boot.rwlock("list");
        boot.task("walk", move |current| drop(list.read_lock(current)));
        boot.irq(0, 1, "device", move |current| drop(list.read_lock(current)));
    }));
    assert_eq!(codes(&readers), []);
    let objects = agreed(&Model::new(|boot| {
        let (one, other) = (boot.spinlock("port"), boot.spinlock("port"));
        boot.task("open", move |current| drop(one.lock(current)));
        boot.irq(0, 1, "device", move |current| drop(other.lock(current)));
    }));
    assert_eq!(codes(&objects), []);
}

#[test]
fn an_outer_lock_is_named_in_the_grade_of_an_order() {
    let page = Model::new(|boot| {
        let (gate, a, b) = (boot.mutex("gate"), boot.mutex("a"), boot.mutex("b"));
        for (name, outer, inner) in [("there", a, b), ("back", b, a)] {
            boot.task(name, move |current| {
                let _gate = gate.lock(current);
                let _outer = outer.lock(current);
                let _inner = inner.lock(current);
            });
        }
    })
    .check(&Config::default())
    .to_string();
    assert!(page.contains("  serialised: gate is held around it"), "{page}");
}

/// `dqbuf` waits for the event with the lock held that the one who brings it takes; `late`: it waits for `over` before, so that it never has to.
fn event(late: bool) -> Model {
    Model::new(move |boot| {
        let (lock, done) = (boot.mutex("lock"), boot.completion("done"));
        let over = boot.semaphore("over", 0);
        boot.task("qbuf", move |current| {
            done.owed();
            drop(lock.lock(current));
            done.complete();
            over.up();
        });
        boot.task("dqbuf", move |current| {
            if late {
                over.down(current);
            }
            let _guard = lock.lock(current);
            done.wait(current);
        });
    })
}

#[test]
fn a_wait_for_an_event_is_predicted_from_a_run_of_any_engine() {
    for engine in [EngineKind::Random, EngineKind::Pct, EngineKind::Dpor, EngineKind::Threads] {
        let draws = matches!(engine, EngineKind::Random | EngineKind::Pct | EngineKind::Threads);
        let plain = Config::with_engine(engine);
        let config = if draws { Config { runs: 1, seed: 1, ..plain } } else { plain };
        // The one run of a random engine may be the one that hangs, or not: it is found either way.
        assert!(event(false).check(&config).verdict.codes().contains(&Code::LW008), "{engine:?}");
        let late = event(true).check(&config);
        assert_eq!(codes(&late.verdict), [], "{engine:?}\n{late}");
        let note = late.predicted.notes.join("\n");
        assert!(note.contains("LW003") && note.contains("no interleaving of this program"), "{engine:?}: {note}");
    }
}

#[test]
fn states_are_those_without_the_validator() {
    let verdict = explore(
        Model::new(|boot| {
            let (a, b) = (boot.spinlock("a"), boot.spinlock("b"));
            boot.task_on(0, "one", move |current| drop(a.lock_irqsave(current)));
            boot.task_on(1, "two", move |current| drop(b.lock_irqsave(current)));
        })
        .subject(),
        &Config::default(),
    );
    // Each task: before, masked, held, released, restored. All of one beside all of the other, but for the end.
    assert_eq!((codes(&verdict), verdict.states), (vec![], 5 * 5 - 1));
}

/// Three facts that make LW004, each in executions of its own: the environment picks the part that runs. `order` says which part is which pick, and `work` how
/// much else each part does.
fn parts(order: [usize; 3], work: usize) -> Model {
    Model::new(move |boot| {
        let (done, stats) = (boot.spinlock("done"), boot.spinlock("stats"));
        let (go, n) = (boot.atomic("go", 0), boot.atomic("n", 0));
        boot.task_on(0, "driver", move |current| {
            let part = order[usize::from(current.choose(3, "part"))];
            (0..work).for_each(|_| n.inc());
            match part {
                0 => drop(stats.lock(current)),
                1 => {
                    let _done = done.lock_irqsave(current);
                    drop(stats.lock(current));
                }
                _ => go.set(1),
            }
        });
        boot.irq(0, 1, "device", move |current| {
            if go.read() == 1 {
                drop(done.lock(current));
            }
        });
        if work > 0 {
            boot.task_on(1, "other", move |_| (0..work).for_each(|_| n.inc()));
        }
    })
}

#[test]
fn facts_of_three_executions_make_one_finding_in_whatever_order_they_come() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for config in &engines()[..2] {
            let verdict = explore(parts(order, 0).subject(), config);
            assert_eq!(codes(&verdict), [Code::LW004], "{order:?} {:?}", config.engine);
            let finding = &verdict.findings[0].finding;
            assert_eq!(
                finding.message,
                "device takes done in a hard interrupt; driver takes stats while it holds done; and driver holds stats where that can come"
            );
            let labels = [Some(&finding.at), finding.other.as_ref()].map(|spot| spot.map_or("", |(_, text)| text));
            assert!(labels.iter().any(|label| label.ends_with("in another execution")), "{order:?}: {labels:?}");
        }
        let page = parts(order, 0).check(&Config::default()).to_string();
        assert!(page.contains("no interleaving of this program leads there; a larger one may"), "{page}");
    }
}

#[test]
fn workers_know_the_facts_of_each_other() {
    for _ in 0..4 {
        let verdict = explore(parts([0, 1, 2], 3).subject(), &Config { jobs: 4, ..Config::default() });
        assert_eq!(codes(&verdict), [Code::LW004]);
    }
}

#[test]
fn a_killed_search_still_knows_the_facts_of_before() {
    let folder = std::env::temp_dir().join(format!("lockwright-online-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("facts");
    let model = parts([0, 1, 2], 1);
    let whole = explore(model.subject(), &Config::default());
    let (mut executions, mut found) = (0, Vec::new());
    let resumed = loop {
        executions += 1;
        assert!(executions < 10_000, "it does not come to an end");
        let interval = std::time::Duration::ZERO;
        let checkpoint = Checkpoint { file: file.clone(), about: "inversion".to_owned(), interval };
        let config = Config { checkpoint: Some(checkpoint), executions_max: executions, ..Config::default() };
        let verdict = explore(model.subject(), &config);
        found.push(verdict.codes().len());
        if verdict.complete() {
            break verdict;
        }
    };
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!((codes(&whole), codes(&resumed)), (vec![Code::LW004], vec![Code::LW004]));
    // It was killed before it had all the facts, more than once.
    assert!(found.iter().filter(|found| **found == 0).count() > 1, "{found:?}");
}
