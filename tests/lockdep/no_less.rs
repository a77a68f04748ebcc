//! Random sequences of one stream, with interrupts on top of interrupts: whatever lockdep reports of them is found here, no later.
//!
//! Both sides are ours: the kernel's rules are those that agree with the recorded runs of a booted 6.12. A finding of any grade will do. One that an outer
//! lock excludes, or that only a class makes, is told here, and is a report there.

use lockwright::lockdep::lock::{Lock, LockId, LockKind, Locks, Op, ReadLock};
use lockwright::lockdep::validator::{Rules, Validator};

use super::property::Numbers;

/// Two objects of one class come last.
const KINDS: [LockKind; 12] = [
    LockKind::Spin,
    LockKind::Spin,
    LockKind::RawSpin,
    LockKind::RwLock,
    LockKind::RwLock,
    LockKind::Mutex,
    LockKind::RwSem,
    LockKind::Srcu,
    LockKind::Local,
    LockKind::RtMutex,
    LockKind::Spin,
    LockKind::Spin,
];

fn locks(read_lock: ReadLock) -> Locks {
    let lock = |(at, kind): (usize, &LockKind)| {
        let class = format!("l{}", at.min(KINDS.len() - 2));
        Lock { class, ..Lock::new(&format!("l{at}"), *kind) }
    };
    Locks::new(KINDS.iter().enumerate().map(lock).collect(), read_lock)
}

/// What is held, in which mode, and how many interrupts were on top of each other then.
type Held = Vec<(LockId, bool, usize)>;

struct Program {
    ops: Vec<Op>,
    held: Held,
    /// Hard or soft, the innermost last.
    levels: Vec<bool>,
    irqs_on: bool,
    bh_off: u32,
}

impl Program {
    fn random(numbers: &mut Numbers) -> Vec<Op> {
        let mut program = Program { ops: Vec::new(), held: Vec::new(), levels: Vec::new(), irqs_on: true, bh_off: 0 };
        let some: Vec<LockId> = (0..2 + numbers.below(3)).map(|_| numbers.below(KINDS.len())).collect();
        for _ in 0..6 + numbers.below(16) {
            match numbers.below(12) {
                0..=4 if program.held.len() < 4 => program.take(some[numbers.below(some.len())], numbers),
                5..=8 => program.release(numbers),
                9 => program.enter(numbers.one_in(2)),
                10 => program.leave(),
                _ if program.levels.is_empty() => program.mask(numbers.one_in(2)),
                _ => {}
            }
        }
        program.ops
    }

    fn take(&mut self, lock: LockId, numbers: &mut Numbers) {
        let shared = matches!(KINDS[lock], LockKind::RwLock | LockKind::RwSem | LockKind::Srcu);
        let read = shared && !numbers.one_in(3);
        let subclass = u8::from(KINDS.len() - lock <= 2 && numbers.one_in(2));
        // A handler whose attempt succeeded did not find the lock held by what it has interrupted: then what it does next is no danger, and lockdep does not know that.
        let tries = KINDS[lock] != LockKind::Srcu && self.levels.is_empty() && numbers.one_in(8);
        self.ops.push(match tries {
            true => Op::Trylock { lock, read, nest: None, subclass: 0, ok: true },
            false => Op::Lock { lock, read, nest: None, subclass },
        });
        self.held.push((lock, read, self.levels.len()));
    }

    /// Mostly the last, and only what the same interrupt has taken.
    fn release(&mut self, numbers: &mut Numbers) {
        let own = |held: &(LockId, bool, usize)| held.2 == self.levels.len();
        let first = self.held.iter().position(own);
        let Some(first) = first else { return };
        let count = self.held.len() - first;
        let at = if numbers.one_in(4) { first + numbers.below(count) } else { self.held.len() - 1 };
        let (lock, read, _) = self.held.remove(at);
        self.ops.push(Op::Unlock { lock, read: Some(read) });
    }

    fn enter(&mut self, hard: bool) {
        match &self.levels[..] {
            [] if hard => self.ops.push(Op::HardirqEnter { threaded: true }),
            [false] => self.ops.push(Op::HardirqEnter { threaded: true }),
            [] => self.ops.push(Op::SoftirqEnter),
            _ => return,
        }
        self.levels.push(hard || !self.levels.is_empty());
    }

    fn leave(&mut self) {
        let holds = self.held.iter().any(|held| held.2 == self.levels.len());
        if holds {
            return;
        }
        self.ops.extend(self.levels.pop().map(|hard| match hard {
            true => Op::HardirqExit { keep_irqs_off: false },
            false => Op::SoftirqExit,
        }));
    }

    fn mask(&mut self, irqs: bool) {
        if irqs {
            self.ops.push(if self.irqs_on { Op::IrqDisable } else { Op::IrqEnable });
            self.irqs_on = !self.irqs_on;
        } else if self.irqs_on {
            self.ops.push(if self.bh_off == 0 { Op::BhDisable } else { Op::BhEnable });
            self.bh_off = 1 - self.bh_off;
        }
    }
}

/// At which step the first finding comes, and what it is called.
fn first(ops: &[Op], locks: &Locks, rules: Rules) -> Option<(usize, &'static str)> {
    let mut validator = Validator::new(locks, rules);
    for op in ops {
        validator.step(0, op);
        if let Some(finding) = validator.findings().first() {
            return Some((finding.place.step, finding.kind.word()));
        }
    }
    None
}

#[test]
fn whatever_lockdep_reports_is_found_no_later() {
    let programs = if crate::matrix::is_long() { 300_000 } else { 10_000 };
    let all = [locks(ReadLock::Queued), locks(ReadLock::Recursive)];
    let (mut reported, mut in_interrupts) = (0, 0);
    for seed in 0..programs {
        let ops = Program::random(&mut Numbers(seed));
        let locks = &all[seed as usize % 2];
        let Some((step, kind)) = first(&ops, locks, Rules::Kernel) else { continue };
        let ours = first(&ops, locks, Rules::Ours);
        assert!(ours.is_some_and(|(found, _)| found <= step), "seed {seed}: {kind} at {step}, here {ours:?}\n{ops:?}");
        reported += 1;
        in_interrupts += usize::from(matches!(kind, "inconsistent-state" | "irq-inversion" | "irq-order"));
    }
    // A third of them have a report, and a twentieth one through an interrupt: they are worth something.
    assert!(reported * 3 > programs as usize && in_interrupts * 20 > reported, "{reported} and {in_interrupts}");
}
