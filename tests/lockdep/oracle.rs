//! A brute-force model of CPUs, tasks, interrupt handlers and spinning locks, written apart from the validator: it executes programs in
//! every interleaving, and says which deadlocks there are.
//!
//! Each task has a CPU of its own. A handler comes at most once, on one of its CPUs, wherever its level is allowed there; it runs with
//! interrupts off until it is done. A spinlock is taken by whoever finds it free. Fair rwlocks have a queue; readers in interrupts, and
//! all readers of recursive ones, pass it.

use std::collections::HashSet;

/// What a program does, a step each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ins {
    Take(usize, bool),
    Drop(usize, bool),
    /// What is held for writing is held for reading from here on.
    Downgrade(usize),
    IrqOff,
    IrqOn,
    BhOff,
    BhOn,
}

/// A handler: where it may come, and whether as a softirq.
#[derive(Clone, Debug)]
pub struct Handler {
    pub cpus: Vec<usize>,
    pub soft: bool,
    pub code: Vec<Ins>,
}

/// A program.
#[derive(Clone, Debug)]
pub struct Program {
    pub locks: usize,
    /// Which locks are rwlocks; the others are spinlocks.
    pub rw: Vec<bool>,
    /// Do rwlocks have a queue?
    pub fair: bool,
    pub tasks: Vec<Vec<Ins>>,
    pub handlers: Vec<Handler>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    at: Vec<usize>,
    /// The handler on each CPU, and where it is.
    running: Vec<Option<(usize, usize)>>,
    fired: Vec<bool>,
    /// The queue of each lock: tasks by number, then handlers.
    queues: Vec<Vec<usize>>,
}

/// What a CPU holds, and what it waits for in vain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    pub held: Vec<usize>,
    pub waits: Option<usize>,
}

/// States that are looked at before a program counts as too large.
const STATES_MAX: usize = 200_000;

/// Goes through all states; `None` if there are too many. `each` sees the CPUs of every state, and whether it is a dead end in which
/// somebody waits.
pub fn explore(program: &Program, each: &mut dyn FnMut(&[Cpu], bool)) -> Option<usize> {
    let start = State {
        at: vec![0; program.tasks.len()],
        running: vec![None; program.tasks.len()],
        fired: vec![false; program.handlers.len()],
        queues: vec![Vec::new(); program.locks],
    };
    let mut seen = HashSet::from([start.clone()]);
    let mut open = vec![start];
    while let Some(state) = open.pop() {
        if seen.len() > STATES_MAX {
            return None;
        }
        let cpus: Vec<Cpu> = (0..program.tasks.len()).map(|cpu| view(program, &state, cpu)).collect();
        let steps: Vec<State> = (0..program.tasks.len()).filter_map(|cpu| step(program, &state, cpu)).collect();
        let is_dead = steps.is_empty() && cpus.iter().any(|cpu| cpu.waits.is_some());
        each(&cpus, is_dead);
        for next in steps.into_iter().chain(interrupts(program, &state)) {
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    Some(seen.len())
}

/// What code holds after its first steps: lock, and whether for reading.
fn holds(code: &[Ins], at: usize) -> Vec<(usize, bool)> {
    let mut held = Vec::new();
    for ins in &code[..at] {
        match ins {
            Ins::Take(lock, read) => held.push((*lock, *read)),
            Ins::Drop(lock, _) => {
                let at = held.iter().rposition(|(held, _)| held == lock).expect("programs release what they hold");
                held.remove(at);
            }
            Ins::Downgrade(lock) => {
                let entry = held.iter_mut().rfind(|(held, _)| held == lock).expect("programs downgrade what they hold");
                entry.1 = true;
            }
            _ => {}
        }
    }
    held
}

/// Are interrupts, and bottom halves, on?
fn flags(code: &[Ins], at: usize) -> (bool, bool) {
    let mut flags = (true, true);
    for ins in &code[..at] {
        match ins {
            Ins::IrqOff => flags.0 = false,
            Ins::IrqOn => flags.0 = true,
            Ins::BhOff => flags.1 = false,
            Ins::BhOn => flags.1 = true,
            _ => {}
        }
    }
    flags
}

/// Whose turn it is on a CPU: its number in the queues, its code, and where it is.
fn active<'a>(program: &'a Program, state: &State, cpu: usize) -> (usize, &'a [Ins], usize) {
    match state.running[cpu] {
        Some((handler, at)) => (program.tasks.len() + handler, &program.handlers[handler].code, at),
        None => (cpu, &program.tasks[cpu], state.at[cpu]),
    }
}

fn all_held(program: &Program, state: &State) -> Vec<(usize, bool)> {
    let mut held = Vec::new();
    for cpu in 0..program.tasks.len() {
        held.extend(holds(&program.tasks[cpu], state.at[cpu]));
        if let Some((handler, at)) = state.running[cpu] {
            held.extend(holds(&program.handlers[handler].code, at));
        }
    }
    held
}

/// What an attempt to take a lock does now.
enum Attempt {
    Takes,
    Queues,
    Spins,
}

fn attempt(program: &Program, state: &State, cpu: usize, lock: usize, read: bool) -> Attempt {
    let (id, _, _) = active(program, state, cpu);
    let held = all_held(program, state);
    let blocked = held.iter().any(|(held, as_reader)| *held == lock && !(read && *as_reader));
    let in_interrupt = id >= program.tasks.len() || !flags(&program.tasks[cpu], state.at[cpu]).1;
    let queues = program.rw[lock] && program.fair && !(read && in_interrupt);
    if !queues {
        return if blocked { Attempt::Spins } else { Attempt::Takes };
    }
    match state.queues[lock].iter().position(|waiter| *waiter == id) {
        Some(0) if !blocked => Attempt::Takes,
        Some(_) => Attempt::Spins,
        None if !blocked && state.queues[lock].is_empty() => Attempt::Takes,
        None => Attempt::Queues,
    }
}

fn step(program: &Program, state: &State, cpu: usize) -> Option<State> {
    let (id, code, at) = active(program, state, cpu);
    let mut next = state.clone();
    let Some(ins) = code.get(at) else {
        // A handler that is done returns; a task that is done stays.
        state.running[cpu]?;
        next.running[cpu] = None;
        return Some(next);
    };
    if let Ins::Take(lock, read) = *ins {
        match attempt(program, state, cpu, lock, read) {
            Attempt::Spins => return None,
            Attempt::Queues => {
                next.queues[lock].push(id);
                return Some(next);
            }
            Attempt::Takes => next.queues[lock].retain(|waiter| *waiter != id),
        }
    }
    match &mut next.running[cpu] {
        Some((_, at)) => *at += 1,
        None => next.at[cpu] += 1,
    }
    Some(next)
}

fn interrupts(program: &Program, state: &State) -> Vec<State> {
    let mut all = Vec::new();
    for (number, handler) in program.handlers.iter().enumerate() {
        for cpu in &handler.cpus {
            let (irqs_on, bh_on) = flags(&program.tasks[*cpu], state.at[*cpu]);
            let comes = !state.fired[number] && state.running[*cpu].is_none() && irqs_on && (bh_on || !handler.soft);
            if comes {
                let mut next = state.clone();
                next.fired[number] = true;
                next.running[*cpu] = Some((number, 0));
                all.push(next);
            }
        }
    }
    all
}

fn view(program: &Program, state: &State, cpu: usize) -> Cpu {
    let mut held: Vec<usize> = holds(&program.tasks[cpu], state.at[cpu]).iter().map(|(lock, _)| *lock).collect();
    if let Some((handler, at)) = state.running[cpu] {
        held.extend(holds(&program.handlers[handler].code, at).iter().map(|(lock, _)| *lock));
    }
    let (_, code, at) = active(program, state, cpu);
    let waits = match code.get(at) {
        Some(Ins::Take(lock, _)) if step(program, state, cpu).is_none() => Some(*lock),
        _ => None,
    };
    Cpu { held, waits }
}
