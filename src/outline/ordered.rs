//! Plain accesses that a lock orders with all that conflict with them, on every path.
//!
//! For each instruction the locks that are surely held there: those that are held on every way to it. A try counts for nothing, since it may fail.

use std::collections::BTreeSet;

use super::machine::{Code, Op, Program};
use super::vocabulary::{Kind, Mode};

/// A lock, and whether it is held alone.
type Held = BTreeSet<(usize, bool)>;

/// An access of memory.
struct Access {
    task: usize,
    variable: usize,
    writes: bool,
    plain: bool,
    held: Held,
}

/// Is there a plain access that meets a conflicting one of another task without a lock that keeps them apart?
pub(super) fn leaves_open(program: &Program) -> bool {
    let all: Vec<Access> = (0..program.tasks.len()).flat_map(|task| accesses(program, task)).collect();
    all.iter().enumerate().any(|(at, one)| all[at + 1..].iter().any(|other| meet(one, other) && !apart(one, other)))
}

fn meet(one: &Access, other: &Access) -> bool {
    one.task != other.task
        && one.variable == other.variable
        && (one.plain || other.plain)
        && (one.writes || other.writes)
}

fn apart(one: &Access, other: &Access) -> bool {
    one.held
        .iter()
        .any(|(lock, alone)| other.held.contains(&(*lock, true)) || *alone && other.held.contains(&(*lock, false)))
}

fn accesses(program: &Program, task: usize) -> Vec<Access> {
    let code = &program.tasks[task];
    let held = held(program, code);
    let access = |(inst, held): (&super::machine::Inst, Option<Held>)| {
        let (variable, writes, marked) = match &inst.op {
            Op::Load(variable, _, order) => (*variable, false, order.is_marked()),
            Op::Store(variable, _, order) => (*variable, true, order.is_marked()),
            Op::Modify(variable, ..) => (*variable, true, true),
            _ => return None,
        };
        let plain = !marked && !program.variables[variable].is_atomic;
        // What no way leads to is not made.
        Some(Access { task, variable, writes, plain, held: held? })
    };
    code.insts.iter().zip(held).filter_map(access).collect()
}

/// The locks that are surely held before each instruction; nothing where no way leads.
fn held(program: &Program, code: &Code) -> Vec<Option<Held>> {
    let mut before: Vec<Option<Held>> = vec![None; code.insts.len()];
    let mut open = vec![(0, Held::new())];
    while let Some((at, held)) = open.pop() {
        let Some(known) = before.get_mut(at) else { continue };
        let both = known.as_ref().map_or_else(|| held.clone(), |known| known.intersection(&held).copied().collect());
        if known.as_ref() == Some(&both) {
            continue;
        }
        *known = Some(both.clone());
        let op = &code.insts[at].op;
        let after = behind(program, op, both);
        match op {
            Op::Jump(to) => open.push((*to, after)),
            Op::Unless(_, to) => open.extend([(*to, after.clone()), (at + 1, after)]),
            _ => open.push((at + 1, after)),
        }
    }
    before
}

fn behind(program: &Program, op: &Op, mut held: Held) -> Held {
    match op {
        // Another task may release a semaphore, so it excludes nobody.
        Op::Acquire(lock, mode, None) if program.locks[*lock].1 != Kind::Semaphore => {
            held.insert((*lock, *mode == Mode::Write));
        }
        Op::Release(lock, _) | Op::ReleaseAtEnd(lock) => held.retain(|(other, _)| other != lock),
        Op::Downgrade(lock) => {
            held.remove(&(*lock, true));
            held.insert((*lock, false));
        }
        _ => {}
    }
    held
}
