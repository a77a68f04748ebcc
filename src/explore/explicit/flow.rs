//! What a task's code says before it runs: which instructions are reached, and which locals still matter where.
//!
//! A local that no later instruction reads is cleared in the state: it could only tell equal states apart.

use super::layout::bits;
use crate::subject::form::{Code, Inst};

/// Which instructions are reached from the first.
pub(super) fn reached(code: &Code) -> Vec<bool> {
    let mut reached = vec![false; code.insts.len() + 1];
    let mut open = vec![0];
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut reached[at], true) && at < code.insts.len() {
            open.extend(code.successors(at));
        }
    }
    reached
}

/// Can an instruction be come back to?
pub(super) fn goes_round(code: &Code) -> bool {
    let reached = reached(code);
    (0..code.insts.len()).any(|at| reached[at] && code.successors(at).iter().any(|&next| next <= at))
}

/// Asserts that no loop lacks a step: it would never end.
///
/// # Panics
/// If one does.
pub(super) fn assert_loops_step(code: &Code) {
    assert!(!code.has_quiet_loop(), "a loop of a task makes no step");
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
        let set = (0..code.insts.len()).any(|at| code.sets(at, local));
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
