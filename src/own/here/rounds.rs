//! Loops: what a task has looked at in vain, and whether its rounds have an end.
//!
//! All of it is a function of what the task has observed, and of its own memory.

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
}

/// Each time that it has gone this many rounds it is asked whether the loop is one without an end.
const IDLE_ROUNDS: u32 = 512;

/// It is if the task's own memory was the same in that many rounds before.
const SAME_ROUNDS: u32 = 64;

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
    with(|here| match news {
        true => _ = here.idle.remove(&task),
        false => here.idle.entry(task).or_default().rounds += 1,
    });
}

/// Is it soon asked whether a loop of that many rounds has no end?
fn is_near(rounds: u32) -> bool {
    rounds > 0 && (rounds + SAME_ROUNDS) % IDLE_ROUNDS <= SAME_ROUNDS
}
