//! PREEMPT_RT: what sleeps there and spins elsewhere, what is a thread there and an interrupt elsewhere; and LW005, which says so on every kernel.

use lockwright::explore::{Error, try_explore};
use lockwright::prelude::*;

use super::{agreed, codes};

/// What is found with full preemption, and on a real-time kernel.
fn both(setup: impl Fn(&mut Boot) + Copy + Send + Sync + 'static) -> (Vec<Code>, Vec<Code>) {
    let on = |preemption| {
        codes(&agreed(&Model::new(move |boot| {
            boot.preemption(preemption);
            setup(boot);
        })))
    };
    (on(Preemption::Preempt), on(Preemption::Rt))
}

#[test]
fn a_spinlock_sleeps_and_a_raw_one_does_not() {
    // Raw around, then inside, then both; and the order that is right on every kernel.
    let nested = |outer_raw: bool, inner_raw: bool| {
        both(move |boot| {
            let lock = |boot: &mut Boot, raw, name| if raw { boot.raw_spinlock(name) } else { boot.spinlock(name) };
            let (outer, inner) = (lock(boot, outer_raw, "outer"), lock(boot, inner_raw, "inner"));
            boot.task("task", move |current| {
                let _outer = outer.lock(current);
                drop(inner.lock(current));
            });
        })
    };
    assert_eq!(nested(true, false), (vec![Code::LW005], vec![Code::LW002]));
    assert_eq!(nested(false, true), (vec![], vec![]));
    assert_eq!(nested(true, true), (vec![], vec![]));
    assert_eq!(nested(false, false), (vec![], vec![]));
}

#[test]
fn a_reader_lock_under_a_raw_one_is_found_and_an_attempt_is_not() {
    let under = |how: usize| {
        both(move |boot| {
            let (raw, list) = (boot.raw_spinlock("raw"), boot.rwlock("list"));
            boot.task("task", move |current| {
                let _raw = raw.lock(current);
                match how {
                    0 => drop(list.read_lock(current)),
                    1 => drop(list.write_lock(current)),
                    _ => drop(list.write_trylock(current)),
                }
            });
        })
    };
    assert_eq!(under(0), (vec![Code::LW005], vec![Code::LW002]));
    assert_eq!(under(1), (vec![Code::LW005], vec![Code::LW002]));
    assert_eq!(under(2), (vec![], vec![]));
}

#[test]
fn what_a_raw_lock_of_the_interrupted_task_is_held_for_does_not_count_in_the_handler() {
    let (preempt, _) = both(|boot| {
        let (raw, lock) = (boot.raw_spinlock("raw"), boot.spinlock("lock"));
        boot.task("task", move |current| drop(raw.lock(current)));
        boot.irq(0, 1, "handler", move |current| drop(lock.lock(current)));
    });
    assert_eq!(preempt, []);
}

#[test]
fn sleeping_under_a_spinlock_is_right_on_a_real_time_kernel_alone() {
    let sleeps = |raw: bool| {
        both(move |boot| {
            let (lock, mutex) =
                (if raw { boot.raw_spinlock("lock") } else { boot.spinlock("lock") }, boot.mutex("mutex"));
            boot.task("task", move |current| {
                let _lock = lock.lock(current);
                drop(mutex.lock(current));
            });
        })
    };
    assert_eq!(sleeps(false), (vec![Code::LW002], vec![]));
    assert_eq!(sleeps(true), (vec![Code::LW002], vec![Code::LW002]));
}

#[test]
fn a_spinlock_where_the_task_is_atomic_is_wrong_on_a_real_time_kernel_alone() {
    let atomic = |how: usize, raw: bool| {
        both(move |boot| {
            let lock = if raw { boot.raw_spinlock("lock") } else { boot.spinlock("lock") };
            boot.task("task", move |current| match how {
                0 => {
                    current.preempt_disable();
                    drop(lock.lock(current));
                    current.preempt_enable();
                }
                1 => {
                    let flags = current.local_irq_save();
                    drop(lock.lock(current));
                    current.local_irq_restore(flags);
                }
                _ => {
                    current.preempt_disable();
                    current.local_bh_disable();
                    current.local_bh_enable();
                    current.preempt_enable();
                }
            });
        })
    };
    for how in 0..2 {
        assert_eq!(atomic(how, false), (vec![], vec![Code::LW002]), "{how}");
        assert_eq!(atomic(how, true), (vec![], vec![]), "{how}");
    }
    assert_eq!(atomic(2, false), (vec![], vec![Code::LW002]));
}

/// A task and a handler of its CPU take one lock; how the task does, whether the lock is raw, whether the handler stays a hard interrupt.
fn handler(irqsave: bool, raw: bool, hard: bool) -> (Vec<Code>, Vec<Code>) {
    both(move |boot| {
        let lock = if raw { boot.raw_spinlock("lock") } else { boot.spinlock("lock") };
        boot.task("task", move |current| drop(if irqsave { lock.lock_irqsave(current) } else { lock.lock(current) }));
        let take = move |current: &Task| drop(lock.lock(current));
        if hard { boot.irq_no_thread(0, 1, "timer", take) } else { boot.irq(0, 1, "timer", take) }
    })
}

#[test]
fn a_handler_is_a_thread_unless_it_says_otherwise() {
    let hangs = || vec![Code::LW004, Code::LW008];
    // The thread waits until the task has unlocked.
    assert_eq!(handler(false, false, false), (hangs(), vec![]));
    assert_eq!(handler(true, false, false), (vec![], vec![]));
    // A raw lock in a thread: the task that holds it cannot be preempted.
    assert_eq!(handler(false, true, false), (hangs(), vec![]));
    // A hard interrupt may take raw locks alone.
    assert_eq!(handler(false, true, true), (hangs(), hangs()));
    assert_eq!(handler(true, true, true), (vec![], vec![]));
    assert!(handler(true, false, true).1.contains(&Code::LW002));
    assert_eq!(handler(true, false, true).0, []);
}

#[test]
fn irqsave_of_a_spinlock_keeps_no_interrupt_out() {
    let shared = |raw: bool| {
        both(move |boot| {
            let lock = if raw { boot.raw_spinlock("lock") } else { boot.spinlock("lock") };
            let n = boot.plain("n", 0u64);
            boot.task("task", move |current| {
                let _lock = lock.lock_irqsave(current);
                n.set(n.get() + 1);
            });
            boot.irq_no_thread(0, 1, "timer", move |_| n.set(n.get() + 1));
        })
    };
    assert_eq!(shared(false), (vec![], vec![Code::LW010]));
    assert_eq!(shared(true), (vec![], vec![]));
}

#[test]
fn a_spinlock_does_not_keep_the_cpu() {
    // What is of the CPU, under a lock that is not its own: preemption was taken to be off.
    let per_cpu = |raw: bool| {
        both(move |boot| {
            let n = boot.plain("n", 0u64);
            for name in ["a", "b"] {
                let lock = if raw { boot.raw_spinlock(name) } else { boot.spinlock(name) };
                boot.task_on(0, name, move |current| {
                    let _lock = lock.lock(current);
                    n.set(n.get() + 1);
                });
            }
        })
    };
    assert_eq!(per_cpu(false), (vec![], vec![Code::LW010]));
    assert_eq!(per_cpu(true), (vec![], vec![]));
}

#[test]
fn bottom_halves_are_off_by_a_lock_of_the_cpu() {
    let counted = |cpu: u8| {
        both(move |boot| {
            let n = boot.plain("n", 0u64);
            boot.task_on(0, "task", move |current| {
                current.local_bh_disable();
                current.local_bh_disable();
                n.set(n.get() + 1);
                current.local_bh_enable();
                n.set(n.get() + 1);
                current.local_bh_enable();
            });
            boot.softirq(cpu, 1, "timer", move |_| n.set(n.get() + 1));
        })
    };
    assert_eq!(counted(0), (vec![], vec![]));
    assert_eq!(counted(1), (vec![Code::LW010], vec![Code::LW010]));
    // And it has an order with others: a task is preempted between the two.
    let crossed = |same: bool| {
        both(move |boot| {
            let a = boot.spinlock("a");
            boot.task_on(0, "one", move |current| {
                let _a = a.lock(current);
                current.local_bh_disable();
                current.local_bh_enable();
            });
            boot.task_on(u8::from(!same), "two", move |current| drop(a.lock_bh(current)));
        })
    };
    assert_eq!(crossed(true), (vec![], vec![Code::LW003, Code::LW008]));
    assert_eq!(crossed(false), (vec![], vec![]));
}

#[test]
fn a_section_of_rcu_may_wait_for_a_spinlock_and_for_nothing_else() {
    let inside = |how: usize| {
        both(move |boot| {
            let (rcu, lock, mutex) = (boot.rcu("rcu"), boot.spinlock("lock"), boot.mutex("mutex"));
            boot.task("reader", move |current| {
                let section = rcu.read_lock(current);
                if how == 0 {
                    drop(lock.lock(current));
                }
                if how == 1 {
                    drop(mutex.lock(current));
                }
                drop(section);
                drop(mutex.lock(current));
            });
        })
    };
    assert_eq!(inside(0), (vec![], vec![]));
    assert_eq!(inside(1), (vec![Code::LW002], vec![Code::LW002]));
}

#[test]
fn sequence_locks_have_readers_that_look_again() {
    // A reader that spins has schedules without an end, so the explorer alone is asked.
    let verdict = Model::new(|boot| {
        boot.preemption(Preemption::Rt);
        let (lock, n) = (boot.seqlock("lock"), boot.plain("n", 0u64));
        boot.task_on(0, "writer", move |current| {
            let _lock = lock.write(current);
            n.write_once(1);
        });
        boot.task_on(0, "reader", move |_| lock.read(|| n.read_once()));
    })
    .check(&Config::default())
    .verdict;
    assert!(verdict.complete() && codes(&verdict).is_empty(), "{:?} {:?}", verdict.bound, codes(&verdict));
}

#[test]
fn the_verdict_names_the_kernel_and_its_threads() {
    let model = |engine| {
        let model = Model::new(|boot| {
            boot.preemption(Preemption::Rt);
            let lock = boot.spinlock("lock");
            boot.task("task", move |current| drop(lock.lock(current)));
            boot.irq(0, 2, "timer", move |current| drop(lock.lock(current)));
        });
        try_explore(model.subject(), &Config::with_engine(engine))
    };
    let verdict = model(EngineKind::Explorer).expect("it is modelled");
    assert_eq!(verdict.assumed.as_deref(), Some("timer runs twice as a thread of CPU 0, preempt=rt"));
    for engine in [EngineKind::Dpor, EngineKind::Explicit, EngineKind::Loom, EngineKind::Threads] {
        assert!(matches!(model(engine), Err(Error::Contexts { .. })), "{engine:?}");
    }
}

#[test]
fn what_is_predicted_of_a_real_time_kernel_is_what_is_reached_there() {
    let predicted = |preemption, raw: bool| {
        let model = Model::new(move |boot| {
            boot.preemption(preemption);
            let (outer, inner) =
                (if raw { boot.raw_spinlock("outer") } else { boot.spinlock("outer") }, boot.spinlock("inner"));
            boot.task("task", move |current| {
                let _outer = outer.lock(current);
                drop(inner.lock(current));
            });
        });
        model.predict().codes()
    };
    assert_eq!(predicted(Preemption::Preempt, true), ["LW005"]);
    assert_eq!(predicted(Preemption::Rt, true), ["LW002"]);
    assert_eq!(predicted(Preemption::Rt, false), [""; 0]);
}
