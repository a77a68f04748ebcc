//! Operations of user-land objects: channels, counts of handles, condition variables, loops that spin.

use super::{ObjectId, Op};

/// What [`Op::Act`] does to its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Takes a lock for reading unless a task holds it for writing; the result is 1 if so.
    TryRead,
    /// Sets a token, which the next [`Op::Down`] takes. Setting it twice is setting it once.
    Post,
    /// Adds a message at the end of a channel; waits while there is no room. The result is 1 if nobody can receive it. The word stands
    /// for its content; 0 if that is opaque.
    Send(u64),
    /// As `Send`, but does not wait: the result is 2 if there is no room.
    TrySend(u64),
    /// Takes the first message of a channel; waits while there is none and a sender is left. The result is 1 if none is left.
    Recv,
    /// Takes the first message of a channel; the result is 1 if there is none, 2 if no sender is left either.
    TryRecv,
    /// One sender of a channel is gone.
    HangUp,
    /// The receiver of a channel is gone, with all messages under way; the result is their number.
    Close,
    /// One of several handles of an object is gone; the result is 1 if it was the last. Whether the code learns that.
    Drop(bool),
    /// Wakes one task on a wait queue, any of them, and takes it off; the result is its number, or 0.
    WakeOne,
    /// Waits until the task is off the wait queue.
    Wait,
    /// Waits until the task is off the wait queue, or a timeout, which may come at any time. The result is 1 if it came.
    Doze,
    /// The task goes round, or lets others go first. If it goes round without finding anything new it waits until something changes that
    /// it has read. The result is 0 if nothing has changed, and nobody else could go on. `Spin(true)`: its own memory is as it was in the
    /// rounds before, so that it goes round for ever unless something changes.
    Spin(bool),
}

impl Act {
    /// All that tells it from others, in a word and another.
    pub(super) fn words(self) -> [u64; 2] {
        match self {
            Act::TryRead => [0, 0],
            Act::Post => [1, 0],
            Act::Send(content) => [2, content],
            Act::TrySend(content) => [3, content],
            Act::Recv => [4, 0],
            Act::TryRecv => [5, 0],
            Act::HangUp => [6, 0],
            Act::Close => [7, 0],
            Act::Drop(seen) => [8, u64::from(seen)],
            Act::WakeOne => [9, 0],
            Act::Wait => [10, 0],
            Act::Doze => [11, 0],
            Act::Spin(for_ever) => [12, u64::from(for_ever)],
        }
    }

    /// What the task learns from a result.
    pub(super) fn observed(self, result: u64) -> u64 {
        match self {
            Act::Post | Act::HangUp | Act::Drop(false) | Act::WakeOne => 0,
            _ => result,
        }
    }

    /// May the task have to wait for others, on the object?
    pub(super) fn waits(self) -> bool {
        matches!(self, Act::Send(_) | Act::Recv)
    }
}

/// A choice among the tasks that wait there.
pub fn wakes_one(op: Op) -> Option<ObjectId> {
    match op {
        Op::Act(queue, Act::WakeOne) => Some(queue),
        _ => None,
    }
}
