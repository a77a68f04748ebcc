//! The whole product of short programs with two locks, held against the rules as they are written, worked out again without a graph.
//!
//! A program is up to three sections, one after the other. A section takes one lock, or two, each for reading or writing, in a task, with bottom halves
//! off, with interrupts off, in a softirq or in a hard interrupt.

use lockwright::lockdep::finding::Kind;
use lockwright::lockdep::lock::{Hold, Lock, LockKind, Locks, Op, ReadLock};
use lockwright::lockdep::validator::{Rules, Validator};

use super::script::ours;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Context {
    Task,
    BhOff,
    IrqOff,
    Soft,
    Hard,
}

const CONTEXTS: [Context; 5] = [Context::Task, Context::BhOff, Context::IrqOff, Context::Soft, Context::Hard];

/// What it takes, in order: lock, and whether for reading.
#[derive(Clone, Debug)]
struct Section {
    context: Context,
    takes: Vec<(usize, bool)>,
}

fn sections(reads: &[bool]) -> Vec<Section> {
    let mut takes: Vec<Vec<(usize, bool)>> = Vec::new();
    for first in reads {
        takes.extend([vec![(0, *first)], vec![(1, *first)]]);
        for second in reads {
            takes.extend([vec![(0, *first), (1, *second)], vec![(1, *first), (0, *second)]]);
        }
    }
    let in_context = |takes: &Vec<(usize, bool)>| CONTEXTS.map(|context| Section { context, takes: takes.clone() });
    takes.iter().flat_map(in_context).collect()
}

fn steps(section: &Section) -> Vec<Op> {
    let (before, after) = match section.context {
        Context::Task => (None, None),
        Context::BhOff => (Some(Op::BhDisable), Some(Op::BhEnable)),
        Context::IrqOff => (Some(Op::IrqDisable), Some(Op::IrqEnable)),
        Context::Soft => (Some(Op::SoftirqEnter), Some(Op::SoftirqExit)),
        Context::Hard => (Some(Op::HardirqEnter { threaded: true }), Some(Op::HardirqExit { keep_irqs_off: false })),
    };
    let down = section.takes.iter().map(|&(lock, read)| Op::Lock { lock, read, nest: None, subclass: 0 });
    let up = section.takes.iter().rev().map(|&(lock, read)| Op::Unlock { lock, read: Some(read) });
    before.into_iter().chain(down).chain(up).chain(after).collect()
}

/// A lock, and how it is taken.
type Taken = (usize, Hold);

/// The rules, read one by one.
struct Rule<'a> {
    program: &'a [&'a Section],
    fair: bool,
}

impl Rule<'_> {
    fn hold(&self, section: &Section, at: usize) -> (usize, Hold) {
        let (lock, read) = section.takes[at];
        let passes = !self.fair || matches!(section.context, Context::BhOff | Context::Soft | Context::Hard);
        (
            lock,
            if !read {
                Hold::Exclusive
            } else if passes {
                Hold::Recursive
            } else {
                Hold::Fair
            },
        )
    }

    /// The one that wants it waits for the one that holds it, or for a writer that waits for the holder.
    fn waits(wants: Hold, holds: Hold) -> bool {
        !(wants == Hold::Recursive && holds.is_read())
    }

    /// Held by one, wanted by the same: the two ends of each order.
    fn orders(&self) -> Vec<((usize, Hold), (usize, Hold))> {
        let two = self.program.iter().filter(|section| section.takes.len() == 2);
        two.map(|section| (self.hold(section, 0), self.hold(section, 1))).collect()
    }

    /// Every acquisition in some contexts, with what is held around it.
    fn uses(&self, contexts: &[Context]) -> Vec<(usize, Hold, Option<Taken>)> {
        let these = self.program.iter().filter(|section| contexts.contains(&section.context));
        let one = |section: &Section, at: usize| {
            let (lock, hold) = self.hold(section, at);
            (lock, hold, at.checked_sub(1).map(|before| self.hold(section, before)))
        };
        these.flat_map(|section| (0..section.takes.len()).map(|at| one(section, at)).collect::<Vec<_>>()).collect()
    }

    fn is_circular(&self) -> bool {
        let orders = self.orders();
        let meets = |(held, wanted): ((usize, Hold), (usize, Hold)), other: ((usize, Hold), (usize, Hold))| {
            wanted.0 == other.0.0
                && held.0 == other.1.0
                && Self::waits(wanted.1, other.0.1)
                && Self::waits(other.1.1, held.1)
        };
        orders.iter().any(|one| orders.iter().any(|other| meets(*one, *other)))
    }

    /// An interrupt wants a lock that is held where it can come, or whose holder wants such a lock.
    fn is_irq_unsafe(&self) -> bool {
        let levels = [(Context::Hard, &[Context::Task, Context::BhOff][..]), (Context::Soft, &[Context::Task][..])];
        levels.iter().any(|(interrupt, open)| {
            let (used, open) = (self.uses(&[*interrupt]), self.uses(open));
            used.iter().any(|(wanted, how, _)| {
                open.iter().any(|(held, held_how, around)| {
                    let directly = wanted == held && Self::waits(*how, *held_how);
                    let through = |((from, from_how), (to, to_how)): &((usize, Hold), (usize, Hold))| {
                        // What is interrupted has the first lock itself, so that the other cannot have it.
                        let excludes = |(lock, hold): &(usize, Hold)| {
                            lock == from && (*hold == Hold::Exclusive || *from_how == Hold::Exclusive)
                        };
                        from == wanted
                            && to == held
                            && Self::waits(*how, *from_how)
                            && Self::waits(*to_how, *held_how)
                            && !around.as_ref().is_some_and(excludes)
                    };
                    directly || self.orders().iter().any(through)
                })
            })
        })
    }
}

fn check(locks: &Locks, fair: bool, program: &[&Section], seen: &mut [usize; 2]) {
    let rule = Rule { program, fair };
    let wrong = rule.is_circular() || rule.is_irq_unsafe();
    let mut validator = Validator::new(locks, Rules::Ours);
    for step in program.iter().flat_map(|section| steps(section)) {
        validator.step(0, &step);
    }
    let report = validator.first_report();
    assert_eq!(report.is_some(), wrong, "{program:?}, fair: {fair}: {report:?}");
    let is_cycle = |kind: Kind| matches!(Kind::unified(kind.word()), "irq" | "circular");
    assert!(report.is_none_or(|finding| is_cycle(finding.kind)), "{program:?}: {report:?}");
    seen[usize::from(wrong)] += 1;
}

#[test]
fn every_program_of_three_sections_with_spinlocks_is_judged_as_the_rules_say() {
    let locks = Locks::new(vec![Lock::new("a", LockKind::Spin), Lock::new("b", LockKind::Spin)], ReadLock::Queued);
    let all = sections(&[false]);
    let mut seen = [0; 2];
    for one in &all {
        for two in &all {
            for three in &all {
                check(&locks, true, &[one, two, three], &mut seen);
            }
        }
    }
    // 4 ways to take two locks in 5 contexts, three times.
    assert_eq!(seen[0] + seen[1], 20 * 20 * 20);
    assert!(seen[0] > 1000 && seen[1] > 1000, "{seen:?}");
}

#[test]
fn every_program_of_two_sections_with_rwlocks_and_a_sample_of_three_are_judged_as_the_rules_say() {
    for read_lock in [ReadLock::Queued, ReadLock::Recursive] {
        let fair = read_lock == ReadLock::Queued;
        let locks = Locks::new(vec![Lock::new("a", LockKind::RwLock), Lock::new("b", LockKind::RwLock)], read_lock);
        let all = sections(&[false, true]);
        let mut seen = [0; 2];
        for (first, one) in all.iter().enumerate() {
            for (second, two) in all.iter().enumerate() {
                check(&locks, fair, &[one, two], &mut seen);
                // The third section runs through all of them, from another one for each pair.
                for third in ((first * 7 + second) % 19..all.len()).step_by(19) {
                    check(&locks, fair, &[one, two, &all[third]], &mut seen);
                }
            }
        }
        // 12 ways in 5 contexts.
        assert!(seen[0] + seen[1] > 60 * 60 * 4 && seen[0] > 3000 && seen[1] > 3000, "{seen:?}");
    }
}

/// Every kind of lock inside each context and each other kind: what the inner one needs against what the outer one allows.
#[test]
fn every_kind_of_lock_inside_every_other_is_judged_by_how_long_it_waits() {
    // (name, taken, released, what it needs, what it allows): 1 nothing, 2 raw spinlocks, 3 spinlocks, 4 what sleeps
    let kinds = [
        ("raw", "", 2),
        ("spin", "", 3),
        ("rw", "", 3),
        ("rw", ".r", 3),
        ("local", "", 3),
        ("mutex", "", 4),
        ("rwsem", "", 4),
        ("rwsem", ".r", 4),
        ("rtm", "", 4),
    ];
    let around = [("H(;", 3), ("Hn(;", 2), ("S(;", 3)];
    let rcu = [("rcu", 3), ("rcu_bh", 3), ("rcu_sched", 2)];
    let judge = |outer: &str, allows: u32, inner: &str, read: &str, needs: u32| {
        let text = format!("{outer} lock{read} {inner}.B; unlock{read} {inner}.B");
        let said = ours("queued", &text);
        let expected = if needs > allows { "wait-context 1" } else { "clean" };
        assert_eq!(said, expected, "{text}");
    };
    for (inner, read, needs) in kinds {
        around.iter().for_each(|(outer, allows)| judge(outer, *allows, inner, read, needs));
        for (flavour, allows) in rcu {
            judge(&format!("rcu_lock flavour={flavour};"), allows, inner, read, needs);
        }
        for (outer, outer_read, allows) in kinds {
            judge(&format!("lock{outer_read} {outer}.A;"), allows, inner, read, needs);
        }
        // A section of RCU fits everywhere.
        for (flavour, _) in rcu {
            let text = format!("lock{read} {inner}.A; rcu_lock flavour={flavour}; rcu_unlock flavour={flavour}");
            assert_eq!(ours("queued", &text), "clean", "{text}");
        }
    }
}
