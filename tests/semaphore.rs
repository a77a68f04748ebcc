//! Counting semaphores on every engine: what permits let in, what a lost one leaves waiting, and that all engines say the same.

use lockwright::event::View;
use lockwright::event::names::Names;
use lockwright::explore::Verdict;
use lockwright::explore::schedule::{Guide, replay};
use lockwright::prelude::*;

/// They enumerate the same program, each in its own way.
const ENGINES: [EngineKind; 4] = [EngineKind::Explorer, EngineKind::Brute, EngineKind::Dpor, EngineKind::SourceDpor];

fn run(model: &Model, engine: EngineKind) -> Verdict {
    let verdict = model.check(&Config::with_engine(engine)).verdict;
    assert!(verdict.complete(), "{engine:?}: {:?}", verdict.bound);
    verdict
}

/// What the explorer says, after making sure that the others say it as well.
fn agreed(model: &Model, what: &str) -> Verdict {
    let [explorer, others @ ..] = ENGINES.map(|engine| run(model, engine));
    for other in others {
        let said = |verdict: &Verdict| (verdict.codes(), verdict.outcomes.clone(), verdict.deadlocks.clone());
        assert_eq!(said(&other), said(&explorer), "{what}: {:?}", other.engine);
    }
    explorer
}

fn codes(verdict: &Verdict) -> Vec<Code> {
    verdict.codes().into_iter().collect()
}

/// Two tasks add 1 to plain memory between `down` and `up`.
fn counter(permits: u32) -> Model {
    Model::new(move |boot| {
        let (slots, n) = (boot.semaphore("slots", permits), boot.plain("n", 0u64));
        boot.tasks(2, "adder", move |current| {
            slots.down(current);
            n.set(n.get() + 1);
            slots.up();
        });
        boot.outcome("n", move |view: &dyn View| n.peek(view));
    })
}

#[test]
fn one_permit_lets_one_task_in_at_a_time() {
    let verdict = agreed(&counter(1), "one permit");

    assert_eq!((codes(&verdict), verdict.outcomes.len()), (vec![], 1));
    assert!(verdict.outcomes.texts().contains("n=2"), "{:?}", verdict.outcomes);
}

#[test]
fn two_permits_let_two_tasks_in_and_they_race() {
    let verdict = agreed(&counter(2), "two permits");

    assert_eq!(codes(&verdict), [Code::LW010]);
    assert_eq!(verdict.outcomes.texts().into_iter().collect::<Vec<_>>(), ["n=1", "n=2"]);
}

/// Two tasks take the only permit; the first of them may lose it.
fn hand_over(loses_it: bool) -> Model {
    Model::new(move |boot| {
        let slot = boot.semaphore("slot", 1);
        boot.task("first", move |current| {
            slot.down(current);
            if !loses_it {
                slot.up();
            }
        });
        boot.task("second", move |current| {
            slot.down(current);
            slot.up();
        });
    })
}

#[test]
fn a_lost_up_leaves_the_next_task_waiting_for_ever() {
    let verdict = agreed(&hand_over(true), "lost");

    let [found] = &verdict.findings[..] else { panic!("{:?}", verdict.findings) };
    assert_eq!((found.finding.code, found.finding.subject.as_str()), (Code::LW008, "standstill"));
    assert_eq!(found.finding.message, "no task can run: second waits for slot held by nobody");
    assert_eq!(codes(&agreed(&hand_over(false), "given")), []);
}

#[test]
fn loom_says_so_as_well() {
    let loom = |model: &Model| run(model, EngineKind::Loom);

    assert_eq!(codes(&loom(&hand_over(true))), [Code::LW008]);
    assert_eq!(codes(&loom(&hand_over(false))), []);
    // loom judges no data race; what it leads to is in the outcomes.
    assert_eq!(loom(&counter(1)).outcomes, run(&counter(1), EngineKind::Explorer).outcomes);
    assert_eq!(loom(&counter(2)).outcomes, run(&counter(2), EngineKind::Explorer).outcomes);
}

#[test]
fn the_schedule_of_a_lost_permit_replays_by_names() {
    let model = hand_over(true);
    let verdict = run(&model, EngineKind::Explorer);
    let names = Names { tasks: vec!["first".into(), "second".into()], ..Names::default() };
    let exact = Guide::Exact(&verdict.findings[0].schedule);
    let steps = replay(&**model.subject(), &names, &exact).expect("a schedule found here fits").steps;

    assert_eq!(steps.iter().map(|step| step.op.as_str()).collect::<Vec<_>>(), ["down(slot)"]);
    let again = replay(&**model.subject(), &names, &Guide::Saved(&steps, Memory::Sc)).expect("a saved one as well");
    assert_eq!(again.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::LW008]);
}

#[test]
fn a_permit_that_comes_from_another_task_orders_what_it_did_before() {
    let publish = |waits: bool| {
        Model::new(move |boot| {
            let (done, data) = (boot.semaphore("done", 0), boot.plain("data", 0u64));
            boot.task("writer", move |_| {
                data.set(7);
                done.up();
            });
            boot.task("reader", move |current| {
                if waits {
                    done.down(current);
                }
                data.get()
            });
        })
    };

    let waits = agreed(&publish(true), "waits");
    assert_eq!(
        (codes(&waits), waits.outcomes.texts().into_iter().collect::<Vec<_>>()),
        (vec![], vec!["reader: 7".to_owned()])
    );
    assert_eq!(codes(&agreed(&publish(false), "does not wait")), [Code::LW010]);
}

#[test]
fn under_store_buffers_down_and_up_wait_for_them() {
    let tso = Config { memory: Memory::Tso, ..Config::default() };
    let engines = [EngineKind::Explorer, EngineKind::Brute, EngineKind::Dpor];
    for engine in engines {
        let checked = counter(1).check(&Config { engine, ..tso.clone() });

        checked.assert_clean().assert_outcomes(["n=2"]);
    }
}

#[test]
fn numbers_of_executions_are_those_of_the_permits() {
    let sections = |permits: u32| {
        Model::new(move |boot| {
            let slots = boot.semaphore("slots", permits);
            for name in ["a", "b"] {
                boot.task(name, move |current| {
                    slots.down(current);
                    slots.up();
                });
            }
        })
    };
    let executions = |permits, engine| run(&sections(permits), engine).executions;

    // One permit: a's section before b's, or behind it. Two: 4! / (2! 2!) ways to put two steps among two.
    assert_eq!((executions(1, EngineKind::Brute), executions(2, EngineKind::Brute)), (2, 6));
    // Of those 6 the order of the two ups makes no difference where both downs come before: 2 pairs of schedules are one trace each.
    assert_eq!((executions(1, EngineKind::Dpor), executions(2, EngineKind::Dpor)), (2, 4));
}

#[test]
fn a_trylock_takes_the_last_permit_and_fails_behind_it() {
    let verdict = agreed(
        &Model::new(|boot| {
            let slot = boot.semaphore("slot", 1);
            boot.task("a", move |_| slot.down_trylock());
            boot.task("b", move |_| slot.down_trylock());
        }),
        "trylocks",
    );

    assert_eq!(verdict.outcomes.texts().into_iter().collect::<Vec<_>>(), ["a: 0, b: 1", "a: 1, b: 0"]);
}

#[test]
fn down_under_a_spinlock_may_sleep_and_up_may_not() {
    let under_lock = |downs: bool| {
        lockwright::boot(move |boot| {
            let (lock, slot) = (boot.spinlock("lock"), boot.semaphore("slot", 1));
            boot.task("a", move |current| {
                let _guard = lock.lock(current);
                match downs {
                    true => slot.down(current),
                    false => slot.up(),
                }
            });
        })
    };

    under_lock(true).assert_finds(Code::LW002);
    under_lock(false).assert_clean();
}

#[test]
fn down_drops_the_big_kernel_lock_while_it_sleeps() {
    // The task that has the BKL waits for a permit that only the other can give, under the BKL.
    lockwright::boot(|boot| {
        let slot = boot.semaphore("slot", 0);
        boot.task("waiter", move |current| {
            let _bkl = lock_kernel(current);
            slot.down(current);
        });
        boot.task("giver", move |current| {
            let _bkl = lock_kernel(current);
            slot.up();
        });
    })
    .assert_clean();
}

#[test]
fn the_set_up_takes_permits_and_is_told_if_there_is_none() {
    let taken_before = |permits| {
        lockwright::boot(move |boot| {
            let slot = boot.semaphore("slot", permits);
            slot.down(&boot.current());
            boot.task("a", move |current| slot.down(current));
        })
    };

    taken_before(2).assert_clean();
    taken_before(1).assert_finds(Code::LW008);
    taken_before(0).assert_finds(Code::LW011);
}

/// A step of a task of the family.
#[derive(Clone, Copy, Debug)]
enum Step {
    Down,
    Try,
    Up,
}

/// All tasks of one or two steps.
fn all_tasks() -> Vec<Vec<Step>> {
    let steps = [Step::Down, Step::Try, Step::Up];
    let one = steps.map(|step| vec![step]);
    let two = steps.into_iter().flat_map(|first| steps.map(|second| vec![first, second]));
    one.into_iter().chain(two).collect()
}

fn of_family(permits: u32, tasks: [&[Step]; 2]) -> Model {
    // What a task does is Copy: which of all it is.
    let number = |task: &[Step]| task.iter().fold(0u32, |number, step| number * 4 + 1 + *step as u32);
    let numbers = tasks.map(number);
    Model::new(move |boot| {
        let slots = boot.semaphore("slots", permits);
        for (name, number) in ["a", "b"].into_iter().zip(numbers) {
            boot.task(name, move |current| {
                let mut taken = 0u64;
                for digit in [number / 4, number % 4] {
                    match digit {
                        0 => {}
                        1 => slots.down(current),
                        2 => taken = taken * 2 + u64::from(slots.down_trylock()),
                        _ => slots.up(),
                    }
                }
                taken
            });
        }
    })
}

#[test]
fn all_engines_agree_on_all_small_programs_of_two_tasks() {
    let tasks = all_tasks();
    assert_eq!(tasks.len(), 3 + 9);
    let (mut programs, mut deadlocks) = (0, 0);
    for (at, one) in tasks.iter().enumerate() {
        for other in &tasks[at..] {
            for permits in 0..2 {
                let verdict = agreed(&of_family(permits, [one, other]), &format!("{permits} {one:?} {other:?}"));
                programs += 1;
                deadlocks += u32::from(!verdict.deadlocks.is_empty());
            }
        }
    }

    // 12 * 13 / 2 pairs, each with no permit and with one.
    assert_eq!(programs, 156);
    assert!(deadlocks > 40 && deadlocks < programs, "{deadlocks}");
}
