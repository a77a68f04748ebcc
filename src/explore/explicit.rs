//! Explicit states of interpreted programs: a packed state vector, and no execution is ever repeated.
//!
//! A task of real code hides its local state on a stack; the stateful search has to run it again to come back to a state. An
//! interpreted task is a position and its locals. A state is then a few machine words, its successors are computed from them, and
//! the search is an ordinary one over a table of states.
//!
//! | module | what |
//! |---|---|
//! | `flow`, `layout`, `room`, `compile` | from there to packed fields |
//! | `machine`, `step`, `judge` | the compiled program, the interpreter, and what the checks say of a step and of a state |
//! | `buffers` | what stores wait in, where memory has store buffers |
//! | `visited`, `trail`, `board`, `search`, `crew` | the table of states, where those on the stack came from, what workers share, what one does, and all of them |
//! | `footprint`, `reduce`, `follow` | what steps touch, which tasks need not be stepped in a state, and runs of steps that are made at once |
//! | `owner`, `shard`, `log` | one worker of a cluster: as the others see it, what it does, and what it keeps beside its table |
//! | `symmetry` | one state for all that differ by an exchange of equal tasks |
//!
//! A subject has two forms then: the program here, and the same on the kernel. They have the same steps, the same outcomes and the
//! same findings. The search here judges by conditions on packed states; when one is met for the first time, the schedule is replayed on
//! the controlled engine under all checks, and that writes the finding. A replay that does not show it is an internal error.
//!
//! The order of locks (LW003) is a graph of the exploration: the search notes the first transition that has each order, and the replays
//! of those under checks that share it say where it has a cycle.
//!
//! A livelock (LW009) is looked for as the stateful search does, on the kernel's form, where the code has a loop.
//!
//! There are no executions, so it counts none.

use super::config::{Config, EngineKind};
use super::error::Error;
use super::limits::{Bound, WORDS_MAX};
use super::schedule::Schedule;
use super::schedule::{Guide, replay, replay_under};
use super::stateful::livelock;
use super::verdict::{Found, Verdict};
use crate::check::{Code, Orders};
use crate::event::names::Names;
use crate::subject::Subject;

mod board;
mod bucket;
mod buffers;
mod compile;
mod crew;
mod flow;
mod follow;
mod footprint;
mod judge;
mod layout;
#[cfg(feature = "cluster")]
pub(super) mod log;
pub(super) mod machine;
#[cfg(feature = "cluster")]
pub(super) mod owner;
mod reduce;
mod room;
mod search;
#[cfg(feature = "cluster")]
pub(super) mod shard;
mod step;
mod symmetry;
mod trail;
mod visited;

pub(super) use board::Shown;
use crew::search;
use machine::Program;
use reduce::Reduction;

/// Visits every state of a subject that has an explicit form.
///
/// # Errors
/// [`Error::NoExplicitForm`] if it has none.
pub fn explore(subject: &dyn Subject, config: &Config) -> Result<Verdict, Error> {
    let form = subject.explicit().ok_or(Error::NoExplicitForm)?;
    let program = match compiled(subject, config)? {
        Ok(program) => program,
        Err(bound) => return Ok(Verdict { bound: Some(bound), ..Verdict::new(EngineKind::Explicit) }),
    };
    let reduction = config.reduce.then(|| Reduction::new(&form.builder, config.seeded));
    let (verdict, shown) = run(&program, config, reduction);
    judged(subject, &program, config, verdict, &shown)
}

/// The program in packed states, or what is too large in it.
///
/// # Errors
/// [`Error::NoExplicitForm`] if it has no such form.
pub(super) fn compiled(subject: &dyn Subject, config: &Config) -> Result<Result<Program, Bound>, Error> {
    let form = subject.explicit().ok_or(Error::NoExplicitForm)?;
    Ok(compile::program(&form, config.memory).map(|mut program| {
        program.exchange_only(&subject.alike());
        program
    }))
}

/// The verdict with what was shown, as the checks tell it.
///
/// # Errors
/// If a search on the kernel's form fails.
pub(super) fn judged(
    subject: &dyn Subject,
    program: &Program,
    config: &Config,
    mut verdict: Verdict,
    shown: &[Shown],
) -> Result<Verdict, Error> {
    let is_order = |shown: &&Shown| usize::from(shown.id) >= program.findings.len();
    let (orders, shown): (Vec<&Shown>, Vec<&Shown>) = shown.iter().partition(is_order);
    verdict.findings = shown.iter().map(|shown| found(subject, program, config, shown)).collect();
    verdict.findings.extend(lock_order_cycles(subject, config, &orders));
    if program.goes_round && verdict.bound.is_none() && config.seeded.is_none() {
        livelock::find(subject, config, false, &mut verdict)?;
    }
    verdict.symmetry = config.symmetry.then_some(!program.classes.is_empty());
    Ok(verdict)
}

/// Machine words of the search that the program's states go into.
fn width(program: &Program) -> usize {
    match program.words() {
        0..=1 => 1,
        words @ 2..=4 => words,
        5..=6 => 6,
        7..=8 => 8,
        9..=12 => 12,
        13..=16 => 16,
        17..=32 => 32,
        _ => WORDS_MAX,
    }
}

/// Bits of a hash that a state is known by; `None` if it is known by itself.
#[cfg(feature = "cluster")]
pub(super) fn key_bits(program: &Program) -> Option<u32> {
    if width(program) == 1 { <[u64; 1] as visited::Packed>::KEY_BITS } else { <[u64; 2] as visited::Packed>::KEY_BITS }
}

fn run(program: &Program, config: &Config, reduction: Option<Reduction>) -> (Verdict, Vec<Shown>) {
    macro_rules! of {
        ($($words:literal)*) => {
            match width(program) {
                $($words => search::<$words>(program, config, reduction),)*
                words => unreachable!("internal error: no search is of {words} words"),
            }
        };
    }
    of!(1 2 3 4 6 8 12 16 32 64)
}

/// The finding as the checks tell it when the schedule is run.
fn found(subject: &dyn Subject, program: &Program, config: &Config, shown: &Shown) -> Found {
    let wanted = program.findings[usize::from(shown.id)];
    let schedule = Schedule { transitions: shown.path.clone(), memory: config.memory };
    let replayed = replay(subject, &Names::default(), &Guide::Exact(&schedule));
    let replayed = replayed.expect("internal error: a schedule by numbers has no names to differ in");
    let finding = replayed.findings.into_iter().find(|finding| (finding.code, finding.subject) == wanted);
    let Some(finding) = finding else {
        panic!("internal error: the explicit search shows {} {}, a replay of its schedule does not", wanted.0, wanted.1)
    };
    Found { finding, schedule, weak_memory: false }
}

/// LW003 is about orders of locks that may come from different executions: those that first had each order are replayed in the
/// sequence in which they were met, under checks that share what they saw.
fn lock_order_cycles(subject: &dyn Subject, config: &Config, shown: &[&Shown]) -> Vec<Found> {
    let orders = Orders::default();
    let mut cycles: Vec<Found> = Vec::new();
    for shown in shown {
        let mut checks = subject.checks();
        checks.share_orders(&orders);
        let mut schedule = Schedule { transitions: shown.path.clone(), memory: config.memory };
        let replayed = replay_under(checks, subject, &Names::default(), &Guide::Exact(&schedule));
        let replayed = replayed.expect("internal error: a schedule by numbers has no names to differ in");
        for finding in replayed.findings.into_iter().filter(|finding| finding.code == Code::LW003) {
            if cycles.iter().all(|known| known.finding.subject != finding.subject) {
                schedule.transitions.truncate(finding.step as usize);
                cycles.push(Found { finding, schedule: schedule.clone(), weak_memory: false });
            }
        }
    }
    cycles
}
