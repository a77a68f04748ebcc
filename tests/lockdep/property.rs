//! Random lock programs, on the validator and on brute force: nothing that deadlocks is missed, and what is graded as reachable is reached.

use lockwright::lockdep::finding::{Finding, Grade, Kind, Level};
use lockwright::lockdep::lock::{Lock, LockKind, Locks, Op, ReadLock};
use lockwright::lockdep::validator::{Placement, Rules, Validator};

use super::oracle::{Cpu, Handler, Ins, Program, explore};

/// Numbers that depend on the seed alone (splitmix64).
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(super) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}

/// Code that releases all it takes. In a task it may turn interrupts and bottom halves off.
fn code(numbers: &mut Numbers, rw: &[bool], steps: usize, is_task: bool) -> Vec<Ins> {
    let (mut code, mut held) = (Vec::new(), Vec::new());
    let (mut irqs_on, mut bh_on) = (true, true);
    for _ in 0..steps {
        match numbers.below(if is_task { 10 } else { 6 }) {
            0..=3 if held.len() < 3 => {
                let lock = numbers.below(rw.len());
                if held.iter().any(|(held, _)| *held == lock) && !numbers.one_in(6) {
                    continue;
                }
                let read = rw[lock] && !numbers.one_in(3);
                held.push((lock, read));
                code.push(Ins::Take(lock, read));
            }
            4 | 5 if !held.is_empty() => {
                let at = if numbers.one_in(4) { numbers.below(held.len()) } else { held.len() - 1 };
                let (lock, _) = held[at];
                let at = held.iter().rposition(|(held, _)| *held == lock).unwrap();
                let (lock, read) = held.remove(at);
                code.push(Ins::Drop(lock, read));
            }
            6 | 7 => {
                code.push(if irqs_on { Ins::IrqOff } else { Ins::IrqOn });
                irqs_on = !irqs_on;
            }
            8 if irqs_on => {
                code.push(if bh_on { Ins::BhOff } else { Ins::BhOn });
                bh_on = !bh_on;
            }
            9 if held.iter().any(|(lock, read)| rw[*lock] && !read) => {
                let at = held.iter().position(|(lock, read)| rw[*lock] && !read).unwrap();
                let lock = held[at].0;
                // Of a lock that it holds twice, it waits for itself before.
                if held.iter().filter(|(held, _)| *held == lock).count() == 1 {
                    held[at].1 = true;
                    code.push(Ins::Downgrade(lock));
                }
            }
            _ => {}
        }
    }
    code.extend(held.iter().rev().map(|(lock, read)| Ins::Drop(*lock, *read)));
    code.extend((!irqs_on).then_some(Ins::IrqOn));
    code.extend((!bh_on).then_some(Ins::BhOn));
    code
}

fn program(seed: u64) -> Program {
    let mut numbers = Numbers(seed);
    let locks = 2 + numbers.below(3);
    let rw: Vec<bool> = (0..locks).map(|_| numbers.one_in(2)).collect();
    let fair = numbers.one_in(2);
    let tasks = 1 + numbers.below(3);
    let steps = if tasks == 3 { 8 } else { 11 };
    let handlers = numbers.below(3).min(4 - tasks);
    let tasks: Vec<Vec<Ins>> = (0..tasks).map(|_| code(&mut numbers, &rw, steps, true)).collect();
    let handlers = (0..handlers)
        .map(|_| Handler {
            cpus: (0..tasks.len().min(2)).filter(|cpu| *cpu == 0 || numbers.one_in(2)).collect(),
            soft: numbers.one_in(3),
            code: code(&mut numbers, &rw, 5, false),
        })
        .collect();
    Program { locks, rw, fair, tasks, handlers }
}

fn locks(program: &Program) -> Locks {
    let kind = |rw: &bool| if *rw { LockKind::RwLock } else { LockKind::Spin };
    let all = program.rw.iter().enumerate().map(|(id, rw)| Lock::new(&format!("l{id}"), kind(rw))).collect();
    Locks::new(all, if program.fair { ReadLock::Queued } else { ReadLock::Recursive })
}

fn op(ins: Ins) -> Op {
    match ins {
        Ins::Take(lock, read) => Op::Lock { lock, read, nest: None, subclass: 0 },
        Ins::Drop(lock, read) => Op::Unlock { lock, read: Some(read) },
        Ins::Downgrade(lock) => Op::Downgrade { lock },
        Ins::IrqOff => Op::IrqDisable,
        Ins::IrqOn => Op::IrqEnable,
        Ins::BhOff => Op::BhDisable,
        Ins::BhOn => Op::BhEnable,
    }
}

/// Each task and each handler alone, in this order.
fn predict(program: &Program, order: &[usize]) -> Vec<Finding> {
    let locks = locks(program);
    let tasks = program.tasks.len();
    let mut placement = Placement::default();
    for task in 0..tasks {
        placement.cpu.push(Some(task));
        placement.delivered.push(Vec::new());
    }
    for handler in &program.handlers {
        placement.cpu.push(None);
        placement.delivered.push(handler.cpus.clone());
    }
    let mut validator = Validator::new(&locks, Rules::Ours).placed(placement);
    for stream in order {
        match program.tasks.get(*stream) {
            Some(code) => code.iter().for_each(|ins| validator.step(*stream, &op(*ins))),
            None => {
                let handler = &program.handlers[*stream - tasks];
                let (enter, leave) = if handler.soft {
                    (Op::SoftirqEnter, Op::SoftirqExit)
                } else {
                    (Op::HardirqEnter { threaded: true }, Op::HardirqExit { keep_irqs_off: false })
                };
                validator.step(*stream, &enter);
                handler.code.iter().for_each(|ins| validator.step(*stream, &op(*ins)));
                validator.step(*stream, &leave);
            }
        }
    }
    validator.findings().iter().filter(|finding| !finding.cycle.is_empty()).cloned().collect()
}

/// Is this cycle closed in a state: each participant on a CPU of its own, with one lock and waiting for the next?
fn is_closed(cycle: &[(usize, usize)], cpus: &[Cpu], used: &mut Vec<usize>) -> bool {
    let Some(((from, to), rest)) = cycle.split_first() else { return true };
    for (number, cpu) in cpus.iter().enumerate() {
        if used.contains(&number) || cpu.waits != Some(*to) || !cpu.held.contains(from) {
            continue;
        }
        used.push(number);
        if is_closed(rest, cpus, used) {
            return true;
        }
        used.pop();
    }
    false
}

/// What was found, without what depends on the order of arrival.
type Told = Vec<(String, Vec<(usize, usize, Option<Level>)>, &'static str)>;

fn told(findings: &[Finding]) -> Told {
    let of = |finding: &Finding| {
        let mut edges: Vec<_> =
            finding.cycle.iter().map(|edge| (edge.from.lock, edge.to.lock, edge.irq.map(|irq| irq.0))).collect();
        edges.sort_unstable();
        (Kind::unified(finding.kind.word()).to_owned(), edges, finding.grade.word())
    };
    let mut all: Told = findings.iter().map(of).collect();
    all.sort();
    all
}

/// What the programs were like, so that the test is known to have tested something.
#[derive(Debug, Default)]
struct Seen {
    programs: usize,
    too_large: usize,
    deadlocks: usize,
    through_interrupts: usize,
    reached: usize,
    doubtful: usize,
}

fn check(seed: u64, seen: &mut Seen) {
    let program = program(seed);
    let streams: Vec<usize> = (0..program.tasks.len() + program.handlers.len()).collect();
    let findings = predict(&program, &streams);
    let is_sure = |finding: &&Finding| matches!(finding.grade, Grade::Certain | Grade::Interleaving);
    let cycles: Vec<Vec<(usize, usize)>> = findings
        .iter()
        .filter(is_sure)
        .map(|finding| finding.cycle.iter().map(|edge| (edge.from.lock, edge.to.lock)).collect())
        .collect();
    let mut is_reached = vec![false; cycles.len()];
    let mut dead: Vec<Vec<Cpu>> = Vec::new();
    let explored = explore(&program, &mut |cpus, is_dead| {
        for (cycle, reached) in cycles.iter().zip(&mut is_reached) {
            *reached = *reached || is_closed(cycle, cpus, &mut Vec::new());
        }
        if is_dead {
            dead.push(cpus.to_vec());
        }
    });
    if explored.is_none() {
        seen.too_large += 1;
        return;
    }

    assert!(is_reached.iter().all(|reached| *reached), "seed {seed}: not reached {is_reached:?}\n{program:?}");
    for cpus in &dead {
        let locks: Vec<usize> = cpus.iter().flat_map(|cpu| cpu.held.iter().copied().chain(cpu.waits)).collect();
        let explains = |finding: &Finding| {
            finding.grade.is_report()
                && finding.cycle.iter().all(|edge| locks.contains(&edge.from.lock) && locks.contains(&edge.to.lock))
        };
        assert!(findings.iter().any(explains), "seed {seed}: missed {cpus:?}\n{program:?}");
    }
    let mut turned = streams.clone();
    turned.reverse();
    assert_eq!(
        told(&predict(&program, &turned)),
        told(&findings),
        "seed {seed}: the order of recording changes the findings"
    );
    seen.programs += 1;
    seen.deadlocks += usize::from(!dead.is_empty());
    seen.through_interrupts +=
        usize::from(findings.iter().any(|finding| finding.cycle.iter().any(|edge| edge.irq.is_some())));
    seen.reached += cycles.len();
    seen.doubtful += findings.len() - cycles.len();
}

#[test]
fn no_deadlock_of_brute_force_is_missed_and_what_is_sure_is_reached() {
    let programs = if crate::matrix::is_long() { 10_000 } else { 500 };
    let mut seen = Seen::default();
    for seed in 0..programs {
        check(seed, &mut seen);
    }

    // Half of the programs deadlock at least, or nothing was tested.
    assert_eq!(seen.programs + seen.too_large, programs as usize);
    assert!(seen.too_large * 20 < seen.programs, "{seen:?}");
    assert!(seen.deadlocks * 4 > seen.programs && seen.through_interrupts * 10 > seen.programs, "{seen:?}");
    assert!(seen.reached > seen.deadlocks && seen.doubtful > 0, "{seen:?}");
}
