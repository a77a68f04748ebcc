//! What a task's code says before it runs: which instructions are reached, and which locals still matter where.
//!
//! A local that no later instruction reads is cleared in the state: it could only tell equal states apart.

use super::layout::bits;
use crate::subject::form::{Code, Inst};

/// The instructions that may come next; one past the last is the end.
pub(super) fn successors(code: &Code, at: usize) -> Vec<usize> {
    match code.insts[at] {
        Inst::Jump(label) => vec![code.target(label)],
        Inst::Branch(_, _, label) => vec![at + 1, code.target(label)],
        _ => vec![at + 1],
    }
}

/// Which instructions are reached from the first.
pub(super) fn reached(code: &Code) -> Vec<bool> {
    let mut reached = vec![false; code.insts.len() + 1];
    let mut open = vec![0];
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut reached[at], true) && at < code.insts.len() {
            open.extend(successors(code, at));
        }
    }
    reached
}

/// Can an instruction be come back to?
pub(super) fn goes_round(code: &Code) -> bool {
    let reached = reached(code);
    (0..code.insts.len()).any(|at| reached[at] && successors(code, at).iter().any(|&next| next <= at))
}

/// Asserts that no loop lacks a step: it would never end.
///
/// # Panics
/// If one does.
pub(super) fn assert_loops_step(code: &Code) {
    // Quiet instructions that lead to quiet ones only, removed from the end on, must all be gone.
    let mut open: Vec<usize> = (0..code.insts.len()).filter(|&at| !code.insts[at].is_visible()).collect();
    loop {
        let before = open.len();
        let still = open.clone();
        open.retain(|&at| successors(code, at).iter().any(|next| still.binary_search(next).is_ok()));
        if open.len() == before {
            break;
        }
    }
    assert!(open.is_empty(), "a loop of a task makes no step");
}

/// For each instruction and the end, which locals are read from there on before they are set.
pub(super) fn live(code: &Code) -> Vec<Vec<bool>> {
    let told: Vec<bool> = code.locals.iter().map(|local| local.told).collect();
    let mut live = vec![told; code.insts.len() + 1];
    loop {
        let mut changed = false;
        for at in (0..code.insts.len()).rev() {
            let mut here = vec![false; code.locals.len()];
            for next in successors(code, at) {
                here.iter_mut().zip(&live[next]).for_each(|(here, later)| *here |= later);
            }
            for (local, here) in here.iter_mut().enumerate() {
                *here = reads(code, at, local) || code.locals[local].told || *here && !sets(code, at, local);
            }
            changed |= live[at] != here;
            live[at] = here;
        }
        if !changed {
            return live;
        }
    }
}

/// How a local is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Nobody sets it: it is what it was at first.
    Constant,
    /// Never from one step to the next: all tasks can keep such locals in one place.
    WithinAStep,
    /// As part of the state.
    State,
}

/// How each local is kept. What does not fit the word that all tasks share for a step is state.
pub(super) fn keeping(code: &Code, live: &[Vec<bool>]) -> Vec<Keeping> {
    let stops = || (0..=code.insts.len()).filter(|&at| code.insts.get(at).is_none_or(|inst| inst.is_visible()));
    let keeping = |local: usize| {
        let by_depth = |inst: &Inst| matches!(inst, Inst::Preempt(_));
        let set = (0..code.insts.len()).any(|at| sets(code, at, local));
        let counted =
            code.preempt.is_some_and(|depth| usize::from(depth.0) == local) && code.insts.iter().any(by_depth);
        if !set && !counted {
            Keeping::Constant
        } else if code.locals[local].told || live[0][local] || stops().any(|at| live[at][local]) {
            Keeping::State
        } else {
            Keeping::WithinAStep
        }
    };
    let mut width = 0;
    let fits = |local: usize| match keeping(local) {
        Keeping::WithinAStep => {
            let more = bits(&code.locals[local].range);
            let fits = width + more <= 64;
            width += if fits { more } else { 0 };
            if fits { Keeping::WithinAStep } else { Keeping::State }
        }
        other => other,
    };
    (0..code.locals.len()).map(fits).collect()
}

fn reads(code: &Code, at: usize, local: usize) -> bool {
    let inst = code.insts[at];
    let by_depth = matches!(inst, Inst::MightSleep(_) | Inst::Sleep(..) | Inst::Preempt(_));
    let is = |other: crate::subject::form::Local| usize::from(other.0) == local;
    inst.reads().into_iter().flatten().any(is) || by_depth && code.preempt.is_some_and(is)
}

fn sets(code: &Code, at: usize, local: usize) -> bool {
    code.insts[at].sets().is_some_and(|set| usize::from(set.0) == local)
}
