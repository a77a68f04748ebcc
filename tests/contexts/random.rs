//! Random programs with locks and interrupts on one CPU and on two: brute force and the explorer agree, and no name of a task, CPU or handler
//! changes anything.

use lockwright::explore::Verdict;
use lockwright::lockdep::finding::Grade;
use lockwright::predict::Fate;
use lockwright::prelude::*;

/// What a random program is made of.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Takes a lock, and makes the next steps with it: how it is taken, and how many.
    Section(usize, How, usize),
    /// Keeps interrupts or bottom halves out for the next steps.
    Masked(bool, usize),
    Add(usize),
    Look(usize),
}

#[derive(Clone, Copy, Debug)]
enum How {
    Plain,
    Irqsave,
    Irq,
    Bh,
}

/// Of one task or handler. The steps are leaked: a task's code is `Copy`.
#[derive(Clone, Copy, Debug)]
struct Part {
    name: &'static str,
    cpu: u8,
    /// 0: a task; 1: a softirq; 2: a hard interrupt.
    level: u8,
    steps: &'static [Step],
}

struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) % n
    }

    fn steps(&mut self, level: u8, count: usize) -> &'static [Step] {
        let mut steps = Vec::new();
        while steps.len() < count {
            let lock = self.below(2) as usize;
            let inside = 1 + self.below(2) as usize;
            let how = match (level, self.below(5)) {
                (0, 0) => How::Irqsave,
                (0, 1) => How::Irq,
                (0 | 1, 2) => How::Bh,
                _ => How::Plain,
            };
            steps.push(match self.below(6) {
                0..=2 => Step::Section(lock, how, inside),
                3 => Step::Masked(self.below(2) == 0, inside),
                4 => Step::Look(lock),
                _ => Step::Add(lock),
            });
        }
        Box::leak(steps.into_boxed_slice())
    }

    fn program(&mut self) -> (Vec<Part>, Preemption) {
        const NAMES: [&str; 4] = ["a", "b", "c", "d"];
        let cpus = 1 + self.below(2);
        let tasks = 1 + self.below(2) as usize;
        let handlers = 1 + self.below(2) as usize;
        let kernels = [Preemption::Preempt, Preemption::Voluntary, Preemption::None, Preemption::Rt];
        let preemption = kernels[self.below(4) as usize];
        let part = |(at, draw): (usize, &mut Draw)| {
            let level = if at < tasks { 0 } else { 1 + draw.below(2) as u8 };
            let cpu = draw.below(cpus) as u8;
            let count = if tasks + handlers > 3 { 1 } else { 2 };
            Part { name: NAMES[at], cpu, level, steps: draw.steps(level, count) }
        };
        let parts = (0..tasks + handlers).map(|at| part((at, self))).collect();
        (parts, preemption)
    }
}

fn run(steps: &[Step], current: &Task, locks: [SpinLock; 2], cells: [Atomic; 2]) -> i64 {
    let mut sum = 0;
    let Some((first, rest)) = steps.split_first() else { return 0 };
    let (inside, after) = match first {
        Step::Section(_, _, count) | Step::Masked(_, count) => rest.split_at((*count).min(rest.len())),
        _ => (&[][..], rest),
    };
    match first {
        Step::Section(lock, how, _) => {
            let lock = locks[*lock];
            let guard = match how {
                How::Plain => lock.lock(current),
                How::Irqsave => lock.lock_irqsave(current),
                How::Irq => lock.lock_irq(current),
                How::Bh => lock.lock_bh(current),
            };
            sum += run(inside, current, locks, cells);
            drop(guard);
        }
        Step::Masked(true, _) => {
            let flags = current.local_irq_save();
            sum += run(inside, current, locks, cells);
            current.local_irq_restore(flags);
        }
        Step::Masked(false, _) => {
            current.local_bh_disable();
            sum += run(inside, current, locks, cells);
            current.local_bh_enable();
        }
        Step::Add(cell) => cells[*cell].inc(),
        Step::Look(cell) => sum += i64::from(cells[*cell].read()),
    }
    sum * 3 + run(after, current, locks, cells)
}

fn model(parts: &[Part], preemption: Preemption) -> Model {
    let parts: &'static [Part] = Box::leak(parts.to_vec().into_boxed_slice());
    Model::new(move |boot| {
        boot.preemption(preemption);
        let locks = [boot.spinlock("x"), boot.spinlock("y")];
        let cells = [boot.atomic("n", 0), boot.atomic("m", 0)];
        for part in parts {
            let steps = part.steps;
            match part.level {
                0 => boot.task_on(part.cpu, part.name, move |current| run(steps, current, locks, cells)),
                1 => boot.softirq(part.cpu, 1, part.name, move |current| _ = run(steps, current, locks, cells)),
                _ => boot.irq(part.cpu, 1, part.name, move |current| _ = run(steps, current, locks, cells)),
            }
        }
        for (name, cell) in ["n", "m"].into_iter().zip(cells) {
            boot.outcome(name, move |view| cell.peek(view) as u64);
        }
    })
}

/// Schedules of a program at most; what has more is drawn again.
const SCHEDULES_MAX: u64 = 6_000;

fn explored(model: &Model, engine: EngineKind) -> Option<Verdict> {
    let config = Config { executions_max: SCHEDULES_MAX, ..Config::with_engine(engine) };
    // No pages: the schedules of findings are not looked for.
    let verdict = lockwright::explore::explore(model.subject(), &config);
    verdict.complete().then_some(verdict)
}

fn said(verdict: &Verdict) -> (Vec<Code>, Vec<String>, usize) {
    let codes = verdict.codes().into_iter().filter(|code| *code != Code::LW003).collect();
    (codes, sorted(verdict), verdict.deadlocks.len())
}

/// Outcomes, whatever the order of tasks.
fn sorted(verdict: &Verdict) -> Vec<String> {
    // `a: 0, b: 3; n=1 m=0`: what each task returned, then the state.
    let sort = |text: &String| {
        let (results, state) = text.split_once("; ").unwrap_or(("", text));
        let mut results: Vec<&str> = results.split(", ").collect();
        results.sort_unstable();
        format!("{}; {state}", results.join(", "))
    };
    let mut all: Vec<String> = verdict.outcomes.texts().iter().map(sort).collect();
    all.sort();
    all
}

/// How many programs; `LOCKWRIGHT_CONTEXTS=N` takes N. 10 000 were run.
fn programs() -> usize {
    std::env::var("LOCKWRIGHT_CONTEXTS").ok().and_then(|number| number.parse().ok()).unwrap_or(100)
}

#[test]
fn brute_force_and_the_explorer_agree_on_programs_with_interrupts() {
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    let (mut seen, mut deadlocks) = (0, 0);
    while seen < programs() {
        let (parts, preemption) = draw.program();
        let model = model(&parts, preemption);
        let Some(brute) = explored(&model, EngineKind::Brute) else { continue };
        let explorer = explored(&model, EngineKind::Explorer).expect("it has fewer executions");
        assert_eq!(said(&explorer), said(&brute), "{parts:?} {preemption:?}");
        seen += 1;
        deadlocks += usize::from(!brute.deadlocks.is_empty());
    }
    // Neither all of them nor none: the programs are worth something.
    assert!(deadlocks * 10 > seen && deadlocks * 10 < 9 * seen, "{deadlocks} of {seen}");
}

#[test]
fn whatever_deadlock_brute_force_reaches_the_validator_predicted_and_what_it_is_sure_of_is_reached() {
    let mut draw = Draw(0xd1b5_4a32_d192_ed03);
    let (mut seen, mut deadlocks, mut sure) = (0, 0, 0);
    let mut wrong = Vec::new();
    while seen < programs() {
        let (parts, preemption) = draw.program();
        let model = model(&parts, preemption);
        let Some(brute) = explored(&model, EngineKind::Brute) else { continue };
        seen += 1;
        let predicted = model.predict();
        let hangs = brute.codes().contains(&Code::LW001) || brute.codes().contains(&Code::LW008);
        // A real-time kernel whose task sleeps with its CPU in hand: that is what is wrong, and what comes of it is no order of locks.
        if hangs && !brute.codes().contains(&Code::LW002) {
            deadlocks += 1;
            if !predicted.reports().any(|foreseen| !foreseen.finding.cycle.is_empty()) {
                wrong.push(format!("program {seen}, not predicted: {parts:?} {preemption:?}\n{}", predicted.text()));
            }
        }
        for foreseen in predicted.reports().filter(|foreseen| foreseen.finding.grade <= Grade::Interleaving) {
            if preemption == Preemption::Preempt && !foreseen.finding.cycle.is_empty() {
                sure += 1;
                if !matches!(foreseen.fate, Fate::Reached(_)) {
                    wrong.push(format!("program {seen}, not reached: {parts:?} {preemption:?}\n{}", predicted.text()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {seen}\n{}", wrong.len(), wrong[..wrong.len().min(6)].join("\n"));
    assert!(deadlocks * 10 > seen && sure * 10 > deadlocks, "{deadlocks} and {sure} of {seen}");
}

#[test]
fn the_order_of_tasks_and_the_numbers_of_cpus_change_nothing() {
    let mut draw = Draw(0x2545_f491_4f6c_dd1d);
    for _ in 0..programs() / 2 {
        let (mut parts, preemption) = draw.program();
        let Some(first) = explored(&model(&parts, preemption), EngineKind::Explorer) else { continue };
        for _ in 1..parts.len() {
            parts.rotate_left(1);
            parts.iter_mut().for_each(|part| part.cpu = 1 - part.cpu);
            let turned = explored(&model(&parts, preemption), EngineKind::Explorer).expect("it is as large");
            assert_eq!(said(&turned), said(&first), "{parts:?} {preemption:?}");
        }
    }
}
