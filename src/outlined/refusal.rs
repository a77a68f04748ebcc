//! What the engines do not run: it is refused by name, before anything runs.

use std::collections::BTreeMap;
use std::fmt;

use crate::outline::machine::{Code, Inst, Op, Program, Start};
use crate::outline::vocabulary::{Kind, Mode};

/// What the engines do not run, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What.
    pub what: &'static str,
    /// The line; 0 if it is none.
    pub line: u32,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "the engines do not run {}", self.what),
            line => write!(f, "the engines do not run {} (line {line})", self.what),
        }
    }
}

pub(super) fn first_line(code: &Code) -> u32 {
    code.insts.first().map_or(0, |inst| inst.place.line)
}

/// Says what the engines do not run.
pub(super) fn refuse(program: &Program) -> Result<(), Refusal> {
    for code in &program.tasks {
        let what = match code.start {
            Start::Runs | Start::Pending => continue,
            Start::Queued if code.name.starts_with("rcu: ") => "a callback of RCU",
            Start::Queued => "a work or a timer",
            Start::Hard(_) | Start::Soft(_) => "a handler of interrupts",
        };
        return Err(Refusal { what, line: first_line(code) });
    }
    let shared = |lock: &usize| program.locks[*lock].1.is_shared();
    for inst in program.tasks.iter().flat_map(|code| &code.insts) {
        let what = match &inst.op {
            Op::SyncRcu | Op::RcuBarrier(_) => "a grace period",
            Op::Stop(_) | Op::ShouldStop(_) | Op::Join(_) => "a thread that is stopped",
            Op::Queue(_) | Op::Cancel(_) | Op::Flush(..) | Op::Allow(..) | Op::Spin(_) => {
                "a work, a timer or a handler that is waited for"
            }
            Op::Count(_, true) => "complete_all",
            Op::ResetCount(_) => "a completion that is set up anew",
            Op::Downgrade(_) => "downgrade_write",
            Op::Acquire(lock, mode, Some(_)) if shared(lock) && (*mode == Mode::Read || is_fair(program, *lock)) => {
                "a trylock of this kind of lock"
            }
            Op::Acquire(lock, _, Some(_)) if program.locks[*lock].1 == Kind::Bkl => "a trylock of the BKL",
            _ => continue,
        };
        return Err(Refusal { what, line: inst.place.line });
    }
    again(program)?;
    queues(program)
}

fn is_fair(program: &Program, lock: usize) -> bool {
    program.locks[lock].1.is_fair()
}

/// A wake-up without a name wakes every sleeper, and a sleeper without a name is woken by all: that is one queue, or it is not run.
fn queues(program: &Program) -> Result<(), Refusal> {
    let mut used = BTreeMap::new();
    for inst in program.tasks.iter().flat_map(|code| &code.insts) {
        if let Op::Prepare(queue) | Op::Wake(queue) = inst.op {
            used.insert(queue, inst.place.line);
        }
    }
    if used.contains_key(&0) && used.len() > 2 {
        return Err(Refusal { what: "wake-ups without a queue beside several queues", line: used[&0] });
    }
    Ok(())
}

/// A slab object of the engines is freed once and for all. One that is born anew after that, in the next round of a loop or at a second
/// place, would be a use after free there.
fn again(program: &Program) -> Result<(), Refusal> {
    let insts = || program.tasks.iter().flat_map(|code| &code.insts);
    for code in &program.tasks {
        for (at, inst) in code.insts.iter().enumerate() {
            let Op::Alloc(object) = inst.op else { continue };
            let comes_back = |(from, inst): (usize, &Inst)| match inst.op {
                Op::Jump(to) | Op::Unless(_, to) => to <= at && at <= from,
                _ => false,
            };
            let is_again = code.insts.iter().enumerate().any(comes_back)
                || insts().filter(|inst| matches!(inst.op, Op::Alloc(other) if other == object)).count() > 1;
            if is_again && insts().any(|inst| matches!(inst.op, Op::Free(other) if other == object)) {
                return Err(Refusal {
                    what: "an object that is freed and then allocated again",
                    line: inst.place.line,
                });
            }
        }
    }
    Ok(())
}
