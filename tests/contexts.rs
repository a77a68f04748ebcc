//! Interrupts, softirqs and CPUs that tasks share: what comes when, what it blocks, and which finding that is.

use lockwright::explore::{Error, Verdict, try_explore};
use lockwright::prelude::*;

mod gallery;
mod online;
mod predict;
mod random;
mod rcu;
mod real_time;

fn codes(verdict: &Verdict) -> Vec<Code> {
    verdict.codes().into_iter().collect()
}

/// What the explorer says, after making sure that brute force says it as well.
fn agreed(model: &Model) -> Verdict {
    let run = |engine| {
        let verdict = model.check(&Config::with_engine(engine)).verdict;
        assert!(verdict.complete(), "{engine:?}: {:?}", verdict.bound);
        verdict
    };
    let (explorer, brute) = (run(EngineKind::Explorer), run(EngineKind::Brute));
    let said = |verdict: &Verdict| (verdict.codes(), verdict.outcomes.clone(), verdict.deadlocks.clone());
    assert_eq!(said(&explorer), said(&brute));
    explorer
}

#[derive(Clone, Copy)]
enum How {
    Plain,
    Bh,
    Irqsave,
}

fn with(lock: SpinLock, how: How, current: &Task, section: impl FnOnce()) {
    let _guard = match how {
        How::Plain => lock.lock(current),
        How::Bh => lock.lock_bh(current),
        How::Irqsave => lock.lock_irqsave(current),
    };
    section();
}

/// A task and a handler of its CPU, or of the next, add to a word under one lock.
fn counter(how: How, soft: bool, cpu: u8) -> Model {
    Model::new(move |boot| {
        let (lock, n) = (boot.spinlock("lock"), boot.plain("n", 0u64));
        boot.task("task", move |current| with(lock, how, current, || n.set(n.get() + 1)));
        let handler = move |current: &Task| with(lock, How::Plain, current, || n.set(n.get() + 1));
        if soft {
            boot.softirq(cpu, 1, "handler", handler)
        } else {
            boot.irq(cpu, 1, "handler", handler)
        }
        boot.outcome("n", move |view| n.peek(view));
    })
}

#[test]
fn a_handler_that_takes_the_lock_of_what_it_interrupted_waits_for_ever() {
    let model = counter(How::Plain, false, 0);
    let verdict = agreed(&model);

    assert_eq!(codes(&verdict), [Code::LW004, Code::LW008]);
    let rule = &verdict.findings[0].finding.message;
    assert_eq!(rule, "handler takes lock in a hard interrupt, and task holds it where that can come");
    let message = &verdict.findings[1].finding.message;
    assert!(message.contains("handler waits for lock held by task"), "{message}");
    assert!(message.contains("task is interrupted by handler"), "{message}");
    assert_eq!(verdict.assumed.as_deref(), Some("handler comes once on CPU 0"));
    // Before the section or after it, and never in it but to wait there.
    assert_eq!(verdict.outcomes.texts().into_iter().collect::<Vec<_>>(), ["n=2"]);
}

#[test]
fn the_section_keeps_out_what_takes_its_lock() {
    // (how the task takes it, whether a softirq comes, its CPU, is it a deadlock)
    let cases = [
        (How::Irqsave, false, 0, false),
        (How::Bh, false, 0, true),
        (How::Plain, true, 0, true),
        (How::Bh, true, 0, false),
        (How::Irqsave, true, 0, false),
        // On another CPU the handler spins until the task has unlocked.
        (How::Plain, false, 1, false),
    ];
    for (at, (how, soft, cpu, waits)) in cases.into_iter().enumerate() {
        let verdict = agreed(&counter(how, soft, cpu));
        assert_eq!(codes(&verdict), if waits { vec![Code::LW004, Code::LW008] } else { vec![] }, "case {at}");
    }
}

#[test]
fn a_handler_blocks_what_it_has_interrupted_until_it_returns() {
    // Two plain steps of the handler lie between two of the task, or before, or after: never one of them.
    let verdict = agreed(&Model::new(|boot| {
        let (seen, n) = (boot.atomic("seen", 0), boot.atomic("n", 0));
        boot.task("task", move |_| {
            if n.read() == 1 {
                seen.set(1);
            }
        });
        boot.irq(0, 1, "handler", move |_| {
            n.set(1);
            n.set(2);
        });
        boot.outcome("seen", move |view| seen.peek(view) as u64);
    }));

    assert_eq!(codes(&verdict), []);
    assert_eq!(verdict.outcomes.texts().into_iter().collect::<Vec<_>>(), ["seen=0"]);
}

#[test]
fn an_access_that_a_handler_can_come_before_or_after_is_a_data_race() {
    let unlocked = |masked: bool| {
        Model::new(move |boot| {
            let n = boot.plain("n", 0u64);
            boot.task("task", move |current| {
                let flags = masked.then(|| current.local_irq_save());
                n.set(n.get() + 1);
                flags.into_iter().for_each(|flags| current.local_irq_restore(flags));
            });
            boot.irq(0, 1, "handler", move |_| n.set(n.get() + 1));
            boot.outcome("n", move |view| n.peek(view));
        })
    };

    let open = agreed(&unlocked(false));
    assert_eq!(codes(&open), [Code::LW010]);
    assert_eq!(open.outcomes.texts().into_iter().collect::<Vec<_>>(), ["n=1", "n=2"]);
    let masked = agreed(&unlocked(true));
    assert_eq!(codes(&masked), []);
    assert_eq!(masked.outcomes.texts().into_iter().collect::<Vec<_>>(), ["n=2"]);
}

#[test]
fn what_may_sleep_must_not_where_an_interrupt_is_or_is_kept_out() {
    let sleeps = |how: usize| {
        let verdict = agreed(&Model::new(move |boot| {
            let mutex = boot.mutex("mutex");
            let lock = move |current: &Task| drop(mutex.lock(current));
            boot.task("task", move |current| match how {
                1 => {
                    current.local_irq_disable();
                    lock(current);
                    current.local_irq_enable();
                }
                2 => {
                    current.local_bh_disable();
                    lock(current);
                    current.local_bh_enable();
                }
                _ => {}
            });
            boot.irq(0, 1, "handler", move |current| {
                if how == 0 {
                    lock(current);
                }
            });
        }));
        let at = verdict.findings.first().map(|found| found.finding.message.clone());
        (codes(&verdict), at.unwrap_or_default())
    };

    for (how, why) in ["the interrupt", "local_irq_disable", "local_bh_disable"].into_iter().enumerate() {
        let (codes, message) = sleeps(how);
        assert_eq!(codes, [Code::LW002], "{how}");
        assert!(message.contains(why), "{message}");
    }
    assert_eq!(sleeps(3).0, []);
}

#[test]
fn one_enable_turns_on_what_was_disabled_around_it() {
    let nested = |inner_saves: bool| {
        agreed(&Model::new(move |boot| {
            let (outer, inner) = (boot.spinlock("outer"), boot.spinlock("inner"));
            boot.task("task", move |current| {
                let _outer = outer.lock_irqsave(current);
                if inner_saves {
                    drop(inner.lock_irqsave(current));
                } else {
                    drop(inner.lock_irq(current));
                }
            });
            boot.irq(0, 1, "handler", move |current| drop(outer.lock(current)));
        }))
    };

    assert_eq!(codes(&nested(true)), []);
    assert_eq!(codes(&nested(false)), [Code::LW004, Code::LW008]);
}

#[test]
fn a_hard_interrupt_comes_on_top_of_a_softirq_and_not_the_other_way_round() {
    let nests = |low: fn(&mut Boot, u8, SpinLock), high: fn(&mut Boot, u8, SpinLock)| {
        agreed(&Model::new(move |boot| {
            let lock = boot.spinlock("lock");
            low(boot, 0, lock);
            high(boot, 0, lock);
        }))
    };
    let soft =
        |boot: &mut Boot, cpu, lock: SpinLock| boot.softirq(cpu, 1, "soft", move |current| drop(lock.lock(current)));
    let hard = |boot: &mut Boot, cpu, lock: SpinLock| boot.irq(cpu, 1, "hard", move |current| drop(lock.lock(current)));
    let nmi = |boot: &mut Boot, cpu, lock: SpinLock| boot.nmi(cpu, 1, "nmi", move |current| drop(lock.lock(current)));

    assert_eq!(codes(&nests(soft, hard)), [Code::LW004, Code::LW008]);
    assert_eq!(codes(&nests(hard, nmi)), [Code::LW004, Code::LW008]);
    // Neither of one level comes on top of the other.
    assert_eq!(codes(&nests(soft, soft)), []);
    assert_eq!(codes(&nests(hard, hard)), []);
}

#[test]
fn an_interrupt_comes_as_often_as_it_is_said_and_at_the_latest_when_all_is_done() {
    let verdict = agreed(&Model::new(|boot| {
        let n = boot.atomic("n", 0);
        boot.task("task", move |current| {
            current.local_irq_disable();
            n.inc();
            current.local_irq_enable();
        });
        boot.irq(0, 3, "tick", move |_| n.inc());
        boot.outcome("n", move |view| n.peek(view) as u64);
    }));

    assert_eq!(verdict.outcomes.texts().into_iter().collect::<Vec<_>>(), ["n=4"]);
    assert_eq!(verdict.assumed.as_deref(), Some("tick comes 3 times on CPU 0"));
}

#[test]
fn an_interrupt_that_is_never_let_in_does_not_come_and_nobody_waits_for_it() {
    let verdict = agreed(&Model::new(|boot| {
        let n = boot.atomic("n", 0);
        boot.task("task", move |current| current.local_irq_disable());
        boot.irq(0, 1, "tick", move |_| n.inc());
        boot.outcome("n", move |view| n.peek(view) as u64);
    }));

    assert_eq!(codes(&verdict), []);
    assert_eq!(verdict.outcomes.texts().into_iter().collect::<Vec<_>>(), ["n=0", "n=1"]);
}

/// One task holds a lock and the other tries it in a loop, on one CPU.
fn retries(preemption: Preemption, cpu: u8, resched: bool) -> Model {
    Model::new(move |boot| {
        boot.preemption(preemption);
        let (busy, done) = (boot.atomic("busy", 1), boot.atomic("done", 0));
        boot.task_on(0, "owner", move |_| {
            done.read();
            busy.set(0);
        });
        boot.task_on(cpu, "canceller", move |current| {
            let frame = current.enter("cancel");
            while busy.read() == 1 {
                if resched {
                    current.cond_resched();
                }
                current.again(&frame, &());
            }
        });
    })
}

#[test]
fn a_retry_loop_on_the_cpu_that_the_owner_needs_never_ends_where_the_kernel_does_not_preempt() {
    let run = |model: &Model| {
        let verdict = model.check(&Config::default()).verdict;
        assert!(verdict.complete(), "{:?}", verdict.bound);
        (codes(&verdict), verdict.assumed)
    };

    let assumed = |text: &str| Some(text.to_owned());
    assert_eq!(run(&retries(Preemption::None, 0, false)), (vec![Code::LW009], assumed("preempt=none")));
    assert_eq!(run(&retries(Preemption::Preempt, 0, false)), (vec![], assumed("preempt=full")));
    assert_eq!(run(&retries(Preemption::Voluntary, 0, true)), (vec![], assumed("preempt=voluntary")));
    assert_eq!(run(&retries(Preemption::None, 0, true)), (vec![], assumed("preempt=none")));
    assert_eq!(run(&retries(Preemption::None, 1, false)), (vec![], None));
}

#[test]
fn without_preemption_two_tasks_of_one_cpu_change_places_only_where_one_sleeps() {
    let counts = |preemption, sleeps: bool| {
        let verdict = agreed(&Model::new(move |boot| {
            boot.preemption(preemption);
            let (n, mutex) = (boot.atomic("n", 0), boot.mutex("mutex"));
            for name in ["a", "b"] {
                boot.task_on(0, name, move |current| {
                    let seen = n.read();
                    let _guard = sleeps.then(|| mutex.lock(current));
                    n.set(seen + 1);
                });
            }
            boot.outcome("n", move |view| n.peek(view) as u64);
        }));
        verdict.outcomes.texts().into_iter().collect::<Vec<_>>()
    };

    assert_eq!(counts(Preemption::Preempt, false), ["n=1", "n=2"]);
    assert_eq!(counts(Preemption::None, false), ["n=2"]);
    // The mutex is free, so nobody sleeps; a voluntary kernel looks whether somebody else wants the CPU there.
    assert_eq!(counts(Preemption::None, true), ["n=2"]);
    assert_eq!(counts(Preemption::Voluntary, true), ["n=1", "n=2"]);
}

#[test]
fn preempt_disable_keeps_the_other_task_of_the_cpu_away_and_no_interrupt() {
    let per_cpu = |with_irq: bool| {
        agreed(&Model::new(move |boot| {
            let n = boot.plain("n", 0u64);
            let add = move |current: &Task| {
                current.preempt_disable();
                n.set(n.get() + 1);
                current.preempt_enable();
            };
            boot.task_on(0, "a", add);
            if with_irq {
                boot.irq(0, 1, "irq", move |_| n.set(n.get() + 1));
            } else {
                boot.task_on(0, "b", add);
            }
        }))
    };

    assert_eq!(codes(&per_cpu(false)), []);
    assert_eq!(codes(&per_cpu(true)), [Code::LW010]);
}

#[test]
fn engines_that_know_no_cpus_refuse_by_name() {
    let model = counter(How::Plain, false, 0);
    for engine in
        [EngineKind::Dpor, EngineKind::SourceDpor, EngineKind::Explicit, EngineKind::Loom, EngineKind::Threads]
    {
        let error = try_explore(model.subject(), &Config::with_engine(engine)).expect_err("it has interrupts");
        assert!(matches!(error, Error::Contexts { .. }), "{engine:?}: {error}");
    }
    let tso = Config { memory: Memory::Tso, ..Config::default() };
    let error = try_explore(model.subject(), &tso).expect_err("it has interrupts").to_string();
    assert!(error.contains("store buffers"), "{error}");
    let pct = try_explore(model.subject(), &Config { runs: 200, ..Config::with_engine(EngineKind::Pct) });
    assert_eq!(codes(&pct.expect("a random engine can")), [Code::LW004, Code::LW008]);
}

#[test]
fn the_page_shows_the_interrupt_as_a_column_of_its_own() {
    let checked = counter(How::Plain, false, 0).check(&Config::default());
    let page = checked.to_string();

    assert!(page.contains("hard interrupt comes") && page.contains("waits for lock, held by task (2)"), "{page}");
    assert!(page.contains("; handler comes once on CPU 0"), "{page}");
}
