//! RCU and sequence locks: what a grace period waits for, what it does not wait for, and what frees too early.

use lockwright::explore::Bound;
use lockwright::prelude::*;

use super::{agreed, codes};

struct Item(Plain<u64>);

impl Slab for Item {
    const NAME: &'static str = "item";

    fn lay(layout: &mut Layout) -> Item {
        Item(Plain::field(layout, "value"))
    }
}

/// How an item is freed that a reader may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frees {
    AtOnce,
    AfterAGracePeriod,
    ByCallback,
}

fn removal(frees: Frees, reads_in_a_section: bool) -> Model {
    Model::new(move |boot| {
        let (rcu, head) = (boot.rcu("rcu"), Link::<Item>::new("head"));
        let item = kmalloc::<Item>(&boot.current(), Gfp::Kernel).expect("it has memory");
        head.init(Some(item));
        let callback = boot.rcu_head("callback", rcu);
        boot.task("reader", move |current| {
            let section = reads_in_a_section.then(|| rcu.read_lock(current));
            head.load_acquire().map(|item| item.get().0.read_once());
            drop(section);
        });
        boot.task("remover", move |current| {
            let item = head.read_once();
            head.store_release(None);
            match frees {
                Frees::AtOnce => {}
                Frees::AfterAGracePeriod => rcu.synchronize(current),
                Frees::ByCallback => return callback.call(),
            }
            item.into_iter().for_each(kfree);
        });
        if frees == Frees::ByCallback {
            boot.task("callbacks", move |current| callback.run(current, || kfree(item)));
        }
    })
}

/// Engines without CPUs say the same.
fn agreed_by_all(model: &Model) -> Verdict {
    let verdict = agreed(model);
    for engine in [EngineKind::Dpor, EngineKind::SourceDpor] {
        let other = model.check(&Config::with_engine(engine)).verdict;
        assert!(other.complete(), "{engine:?}");
        assert_eq!((other.codes(), &other.outcomes), (verdict.codes(), &verdict.outcomes), "{engine:?}");
    }
    verdict
}

#[test]
fn what_is_freed_after_a_grace_period_is_used_by_no_section() {
    assert_eq!(codes(&agreed_by_all(&removal(Frees::AtOnce, true))), [Code::LW020]);
    assert_eq!(codes(&agreed_by_all(&removal(Frees::AfterAGracePeriod, true))), []);
    assert_eq!(codes(&agreed_by_all(&removal(Frees::ByCallback, true))), []);
    // Nobody waits for a reader that is in no section.
    assert_eq!(codes(&agreed_by_all(&removal(Frees::AfterAGracePeriod, false))), [Code::LW020]);
    assert_eq!(codes(&agreed_by_all(&removal(Frees::ByCallback, false))), [Code::LW020]);
}

/// What a section sees of the words that are set before a grace period and after it: the first, the second.
fn seen(waits: bool, handler: bool) -> Vec<String> {
    let model = Model::new(move |boot| {
        let rcu = boot.rcu("rcu");
        let (before, after) = (boot.atomic("before", 0), boot.atomic("after", 0));
        let saw = boot.atomic("saw", 0);
        let read = move |current: &Task| {
            let _section = rcu.read_lock(current);
            let first = before.read();
            saw.set(first * 10 + after.read());
        };
        if handler {
            boot.irq(0, 1, "reader", read)
        } else {
            boot.task("reader", read)
        }
        boot.task_on(0, "updater", move |current| {
            before.set(1);
            if waits {
                rcu.synchronize(current);
            }
            after.set(1);
        });
        boot.outcome("saw", move |view| saw.peek(view) as u64);
    });
    let verdict = agreed(&model);
    assert_eq!(codes(&verdict), []);
    verdict.outcomes.texts().into_iter().collect()
}

#[test]
fn a_grace_period_waits_for_the_sections_before_it_and_for_no_others() {
    // In one that had begun before nothing of afterwards is seen; one that begins meanwhile sees either.
    assert_eq!(seen(true, false), ["saw=0", "saw=10", "saw=11"]);
    assert_eq!(seen(false, false), ["saw=0", "saw=1", "saw=10", "saw=11"]);
    // A handler is over before what it has interrupted goes on.
    assert_eq!(seen(true, true), ["saw=0", "saw=10", "saw=11"]);
}

#[test]
fn a_section_does_not_sleep_and_does_not_wait_for_itself() {
    let sleeps = Model::new(|boot| {
        let (rcu, lock) = (boot.rcu("rcu"), boot.mutex("lock"));
        boot.task("reader", move |current| {
            let _section = rcu.read_lock(current);
            drop(lock.lock(current));
        });
    });
    assert_eq!(codes(&agreed(&sleeps)), [Code::LW002]);

    let waits = Model::new(|boot| {
        let rcu = boot.rcu("rcu");
        boot.task("reader", move |current| {
            let _section = rcu.read_lock(current);
            rcu.synchronize(current);
        });
    });
    assert_eq!(codes(&agreed(&waits)), [Code::LW002, Code::LW008]);
}

#[test]
fn a_grace_period_under_a_lock_that_a_section_needs_is_predicted_and_reached() {
    let model = |outside: bool| {
        Model::new(move |boot| {
            let (rcu, lock) = (boot.rcu("rcu"), boot.mutex("lock"));
            boot.task("reader", move |current| {
                let _section = rcu.read_lock(current);
                // Atomic it must not: that is told as well.
                drop(lock.lock(current));
            });
            boot.task("updater", move |current| {
                let guard = lock.lock(current);
                let guard = Some(guard).filter(|_| !outside);
                rcu.synchronize(current);
                drop(guard);
            });
        })
    };

    assert_eq!(codes(&agreed(&model(false))), [Code::LW002, Code::LW008]);
    let predicted = model(false).predict();
    assert_eq!(predicted.codes(), ["LW002", "LW003"], "{}", predicted.text());
    assert_eq!(codes(&agreed(&model(true))), [Code::LW002]);
    assert_eq!(model(true).predict().codes(), ["LW002"]);
}

/// A writer that writes two words, and a reader of both.
fn pair(looks_again: bool) -> Model {
    Model::new(move |boot| {
        let lock = boot.seqlock("time");
        let (high, low) = (boot.plain("high", 0u64), boot.plain("low", 0u64));
        boot.task("writer", move |current| {
            let _guard = lock.write(current);
            high.write_once(1);
            low.write_once(1);
        });
        boot.task("reader", move |_| {
            let read = || high.read_once() * 10 + low.read_once();
            if looks_again { lock.read(read) } else { read() }
        });
    })
}

#[test]
fn a_reader_that_looks_again_sees_no_half_of_a_write() {
    let outcomes = |model: &Model| {
        let verdict = model.check(&Config::default()).verdict;
        assert!(verdict.complete(), "{:?}", verdict.bound);
        assert_eq!(codes(&verdict), []);
        verdict.outcomes.texts().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(outcomes(&pair(true)), ["reader: 0", "reader: 11"]);
    assert_eq!(outcomes(&pair(false)), ["reader: 0", "reader: 1", "reader: 10", "reader: 11"]);
}

#[test]
fn a_reader_in_an_interrupt_spins_for_ever_above_its_writer() {
    let model = |irqsave: bool, cpu: u8| {
        Model::new(move |boot| {
            let (lock, n) = (boot.seqlock("time"), boot.plain("n", 0u64));
            boot.task("writer", move |current| {
                let _guard = if irqsave { lock.write_irqsave(current) } else { lock.write(current) };
                n.write_once(1);
            });
            boot.irq(cpu, 1, "tick", move |_| _ = lock.read(|| n.read_once()));
        })
    };
    let found = |model: &Model| {
        let verdict = model.check(&Config::default()).verdict;
        assert!(verdict.complete(), "{:?}", verdict.bound);
        codes(&verdict)
    };
    assert_eq!(found(&model(false, 0)), [Code::LW009]);
    assert_eq!(found(&model(true, 0)), []);
    // On another CPU it spins until the writer is done.
    assert_eq!(found(&model(false, 1)), []);
}

#[test]
fn a_writer_that_reads_its_own_lock_spins_for_ever_and_the_run_that_predicts_ends() {
    let model = Model::new(|boot| {
        let (lock, n) = (boot.seqlock("time"), boot.plain("n", 0u64));
        boot.task("printk", move |current| {
            let _guard = lock.write(current);
            lock.read(|| n.read_once());
        });
    });
    let verdict = model.check(&Config::default()).verdict;
    assert_eq!((codes(&verdict), verdict.complete()), (vec![Code::LW009], true));
    // The run that predicts ends all the same.
    assert_eq!(model.predict().codes(), ["LW001"]);
}

/// A reader with that many sections, one after the other on a CPU that another task shares, or all open at once on its own.
fn sections(count: usize, shares: bool) -> Option<Bound> {
    let model = Model::new(move |boot| {
        let rcu = boot.rcu("rcu");
        let flag = boot.atomic("flag", 0);
        if shares {
            boot.task_on(0, "reader", move |current| (0..count).for_each(|_| drop(rcu.read_lock(current))));
            boot.task_on(0, "other", move |_| flag.set(1));
        } else {
            boot.task("reader", move |current| drop((0..count).map(|_| rcu.read_lock(current)).collect::<Vec<_>>()));
        }
    });
    let verdict = model.check(&Config::default()).verdict;
    assert_eq!(codes(&verdict), []);
    verdict.bound
}

#[test]
fn a_section_more_than_are_told_apart_is_a_bound_by_name() {
    assert_eq!((sections(32, true), sections(33, true)), (None, Some(Bound::Sections(32))));
    assert_eq!((sections(64, false), sections(65, false)), (None, Some(Bound::Sections(64))));
    assert_eq!(Bound::Sections(32).to_string(), "RCU tells only 32 read-side sections apart");
}
