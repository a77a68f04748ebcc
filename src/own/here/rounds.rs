//! Loops: what a task has looked at in vain, and whether its rounds have an end.
//!
//! All of it is a function of what the task has observed, and of its own memory.

use std::cell::Cell;

use super::with;
use crate::engine;
use crate::event::{Act, Op, Place};

/// What a task has looked at in vain since it last did anything else: each look once, and how many there were in all.
#[derive(Default)]
pub(super) struct Round {
    looks: Vec<(Op, u64, Place)>,
    count: usize,
}

/// Rounds that a task has gone in a row while nothing was new and nobody else could go on.
#[derive(Default)]
pub(super) struct Idle {
    rounds: u32,
    /// Its own memory at the last of them, and for how many it has been that.
    memory: u64,
    same: u32,
    /// What it does in the present round, if that is looked at.
    cycle: Option<Vec<(Op, u64, Place)>>,
    trial: Option<Trial>,
}

/// A loop that is tried: how often it went round so, and how many operations of the round it has come to.
struct Trial {
    rounds: u32,
    at: usize,
}

/// What a trial says when its task comes round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// There is none.
    Not,
    /// It goes on.
    GoesOn,
    /// The loop has done something else.
    Ends,
    /// It never will.
    Endless,
}

std::thread_local! {
    /// Somebody's rounds are looked at on this OS thread.
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// Each time that it has gone this many rounds it is asked whether the loop is one without an end.
const IDLE_ROUNDS: u32 = 512;

/// It is if the task's own memory was the same in that many rounds before.
const SAME_ROUNDS: u32 = 64;

/// And if it then goes round so often without doing anything else: a counter on the heap is not seen otherwise.
const TRIAL_ROUNDS: u32 = 2_000;

/// Operations that a round may have, to be compared with others.
const CYCLE_MAX: usize = 64;

/// Looks that a loop may have, to be taken for one.
const LOOKS_MAX: usize = 16;

/// Rounds of a loop that a task makes before it lets others go first.
pub const ROUNDS_MAX: usize = 5;

/// Has the operation changed nothing? Then nobody but its task can tell that it was made.
fn is_look(op: Op, result: u64) -> bool {
    match op {
        Op::Load(..) => true,
        Op::Rmw(_, rmw, _) => rmw.apply(result) == result,
        Op::TryAcquire(_) | Op::TryDown(_) | Op::Act(_, Act::TryRead) => result == 0,
        Op::Act(_, Act::TryRecv) => result != 0,
        _ => false,
    }
}

/// The calling task lets others go first by itself.
pub fn yields() {
    let task = engine::task();
    with(|here| here.rounds.remove(&task));
}

/// Takes in what the calling task has done. Has it now come round again, having looked at the same and found the same each time?
///
/// Then it lets others go first, as if the loop yielded. A function of what the task has observed, so it is the same in every execution.
pub fn goes_round(op: Op, result: u64, place: Place) -> bool {
    if std::thread::panicking() {
        return false;
    }
    let task = engine::task();
    with(|here| {
        if !is_look(op, result) {
            here.rounds.remove(&task);
            return false;
        }
        let round = here.rounds.entry(task).or_default();
        let look = (op, result, place);
        if !round.looks.contains(&look) {
            // Something new: whatever was before it is no part of a loop.
            let is_full = round.looks.len() == LOOKS_MAX;
            round.looks.drain(..if is_full { LOOKS_MAX } else { 0 });
            round.looks.push(look);
            round.count = 0;
            return false;
        }
        round.count += 1;
        round.looks.first() == Some(&look) && round.count >= ROUNDS_MAX * round.looks.len()
    })
}

/// An execution begins: nobody has gone round.
pub fn nobody_goes_round() {
    IS_WATCHED.set(false);
}

/// Runs the code of the calling task, and remembers where its stack begins.
#[inline(never)]
pub fn on_its_stack(code: &mut dyn FnMut()) {
    let top = 0u64;
    let task = engine::task();
    with(|here| here.tops.insert(task, (&raw const top).expose_provenance()));
    code();
    std::hint::black_box(&top);
}

/// Is the calling task about to be asked whether its loop has no end? Then where its stack begins.
#[inline(never)]
pub fn is_watched() -> Option<usize> {
    let task = engine::task();
    with(|here| {
        let rounds = here.idle.get(&task)?.rounds;
        here.tops.get(&task).copied().filter(|_| is_near(rounds))
    })
}

/// The calling task has that memory of its own as it comes round. True if it goes round for ever, unless something changes.
#[inline(never)]
pub fn comes_round(memory: u64) -> bool {
    let task = engine::task();
    with(|here| {
        let idle = here.idle.entry(task).or_default();
        idle.same = if idle.memory == memory { idle.same + 1 } else { 0 };
        idle.memory = memory;
        idle.rounds % IDLE_ROUNDS == 0 && idle.same >= SAME_ROUNDS
    })
}

/// The calling task has gone round, and has found something new or not.
#[inline(never)]
pub fn went_round(news: bool) {
    let task = engine::task();
    with(|here| {
        match news {
            true => _ = here.idle.remove(&task),
            false => {
                let idle = here.idle.entry(task).or_default();
                idle.rounds += 1;
                // What it does in the round that begins now is what it does in each, if it has no end.
                idle.cycle = is_last(idle.rounds).then(Vec::new);
            }
        }
        IS_WATCHED.set(here.idle.values().any(|idle| is_last(idle.rounds)));
    });
}

/// The stack and the registers tell nothing about a counter on the heap. So the calling task goes round as before, with the results that it had,
/// and nobody else is asked: nobody else can go on. A loop that counts ends some time, and the round in which it does something else is real.
pub fn begins_trial() -> bool {
    let task = engine::task();
    with(|here| {
        let idle = here.idle.entry(task).or_default();
        let is_known = idle.cycle.as_ref().is_some_and(|cycle| !cycle.is_empty());
        idle.trial = is_known.then_some(Trial { rounds: 0, at: 0 });
        is_known
    })
}

/// The calling task comes round while it is tried.
pub fn comes_round_in_trial() -> Tried {
    if !IS_WATCHED.get() {
        return Tried::Not;
    }
    let task = engine::task();
    let tried = with(|here| {
        let Some(Idle { trial: Some(trial), cycle: Some(cycle), .. }) = here.idle.get_mut(&task) else {
            return Tried::Not;
        };
        if trial.at != cycle.len() {
            return Tried::Ends;
        }
        *trial = Trial { rounds: trial.rounds + 1, at: 0 };
        if trial.rounds < TRIAL_ROUNDS { Tried::GoesOn } else { Tried::Endless }
    });
    match tried {
        Tried::Ends => ends_trial(),
        Tried::Endless => with(|here| _ = here.idle.get_mut(&task).map(|idle| idle.trial = None)),
        _ => {}
    }
    tried
}

/// The result of an operation of a task that is tried, if it is what it did at this place of each round.
#[inline(never)]
pub fn tries(op: Op, place: Place) -> Option<u64> {
    if !IS_WATCHED.get() {
        return None;
    }
    let task = engine::task();
    let known = with(|here| {
        let Idle { trial: Some(trial), cycle: Some(cycle), .. } = here.idle.get_mut(&task)? else { return None };
        let result = cycle.get(trial.at).filter(|known| (known.0, known.2) == (op, place)).map(|known| known.1);
        trial.at += usize::from(result.is_some());
        Some(result)
    });
    if let Some(None) = known {
        ends_trial();
    }
    known.flatten()
}

/// Takes down what the task does in a round that may be one of many. Not inlined, as `tries`: whether rounds are taken down must not be seen in the
/// frames that are compared.
#[inline(never)]
pub fn takes_down(op: Op, result: u64, place: Place) {
    if !IS_WATCHED.get() {
        return;
    }
    let task = engine::task();
    with(|here| {
        let Some(Idle { cycle, trial: None, .. }) = here.idle.get_mut(&task) else { return };
        if let Some(known) = cycle.as_mut().filter(|known| known.len() < CYCLE_MAX) {
            known.push((op, result, place));
        } else {
            *cycle = None;
        }
    });
}

/// The calling task does something else than in the rounds before, or what no round can be compared by. It makes the operations of this round that it
/// was only said to have made.
pub fn ends_trial() {
    if !IS_WATCHED.get() {
        return;
    }
    let task = engine::task();
    let made = with(|here| {
        let Some(idle) = here.idle.get_mut(&task) else { return Vec::new() };
        idle.same = 0;
        let cycle = idle.cycle.take().unwrap_or_default();
        idle.trial.take().map_or_else(Vec::new, |trial| cycle[..trial.at].to_vec())
    });
    for (op, _, place) in made {
        engine::perform(op, place);
    }
}

/// Is it soon asked whether a loop of that many rounds has no end?
fn is_near(rounds: u32) -> bool {
    rounds > 0 && (rounds + SAME_ROUNDS) % IDLE_ROUNDS <= SAME_ROUNDS
}

/// Is it asked after the round that begins now?
fn is_last(rounds: u32) -> bool {
    rounds > 0 && rounds.is_multiple_of(IDLE_ROUNDS)
}
