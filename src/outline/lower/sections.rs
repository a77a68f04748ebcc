//! Seqlocks: what is read between `read_seqbegin` and `read_seqretry` may be written meanwhile by who holds the lock.
//!
//! The reader looks again, so the two do not race: both accesses are taken for marked ones. An access on a path that is not in such a
//! section stays what it is, and so does a variable that is read under two seqlocks.

use std::collections::BTreeSet;

use crate::outline::machine::{Code, Op, Order, Program};
use crate::outline::vocabulary::{Kind, Mode};

/// Seqlocks of which a task is a reader, and of which it is the writer, on every path to an instruction.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Inside {
    reads: u64,
    writes: u64,
}

/// Marks such accesses.
pub(super) fn mark(program: &mut Program) {
    let is_seqlock: Vec<bool> = program.locks.iter().map(|(_, kind)| *kind == Kind::Seqlock).collect();
    if !is_seqlock.contains(&true) {
        return;
    }
    let inside: Vec<Vec<Inside>> = program.tasks.iter().map(|code| sections(code, &is_seqlock)).collect();
    for variable in 0..program.variables.len() {
        let mut read_under = BTreeSet::new();
        for (code, inside) in program.tasks.iter().zip(&inside) {
            for (inst, inside) in code.insts.iter().zip(inside) {
                if matches!(inst.op, Op::Load(at, ..) if at == variable) && inside.reads != 0 {
                    read_under.insert(inside.reads);
                }
            }
        }
        let [lock] = read_under.into_iter().collect::<Vec<_>>()[..] else { continue };
        for (code, inside) in program.tasks.iter_mut().zip(&inside) {
            for (inst, inside) in code.insts.iter_mut().zip(inside) {
                match &mut inst.op {
                    Op::Load(at, _, order) if *at == variable && inside.reads == lock => weakest(order),
                    Op::Store(at, _, order) if *at == variable && inside.writes & lock != 0 => weakest(order),
                    _ => {}
                }
            }
        }
    }
}

fn weakest(order: &mut Order) {
    if *order == Order::Plain {
        *order = Order::Once;
    }
}

/// For each instruction, what is open before it.
fn sections(code: &Code, is_seqlock: &[bool]) -> Vec<Inside> {
    let bit = |lock: usize| if lock < 64 && is_seqlock[lock] { 1u64 << lock } else { 0 };
    let mut before = vec![Inside { reads: u64::MAX, writes: u64::MAX }; code.insts.len() + 1];
    before[0] = Inside { reads: 0, writes: 0 };
    let mut open = vec![0];
    while let Some(at) = open.pop() {
        let Some(inst) = code.insts.get(at) else { continue };
        let mut after = before[at];
        let mut targets = vec![at + 1];
        match &inst.op {
            Op::SeqBegin(lock, _) => after.reads |= bit(*lock),
            Op::SeqRetry(lock, ..) => after.reads &= !bit(*lock),
            Op::Acquire(lock, Mode::Write, None) => after.writes |= bit(*lock),
            Op::Release(lock, _) | Op::ReleaseAtEnd(lock) => after.writes &= !bit(*lock),
            Op::Jump(target) => targets = vec![*target],
            Op::Unless(_, target) => targets.push(*target),
            _ => {}
        }
        for target in targets {
            let known = before[target];
            let met = Inside { reads: known.reads & after.reads, writes: known.writes & after.writes };
            if met != known {
                before[target] = met;
                open.push(target);
            }
        }
    }
    before.pop();
    // What is never reached is inside nothing.
    let unreached = Inside { reads: u64::MAX, writes: u64::MAX };
    before
        .iter_mut()
        .filter(|inside| **inside == unreached)
        .for_each(|inside| *inside = Inside { reads: 0, writes: 0 });
    before
}
