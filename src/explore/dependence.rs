//! Which operations of two tasks commute: made in either order they lead to the same state.
//!
//! One table ([`touch`]) says what each operation is about. Two answers derive from it. The coarse one ([`independent`]) is of
//! operations that are still pending, and knows neither their results nor the slab objects that they lie in: sleep sets stand
//! on it. The fine one ([`dependent`](super::dpor::dependent)) is of steps with their results: DPOR stands on that. Both err on the side
//! of dependence, and what is independent for the coarse one is so for the fine one.
//!
//! Two steps that are enabled in one state and independent neither disable nor change each other, and nothing that the
//! observer remembers tells their order (steps of which it would are *loud*, [`crate::engine::State::loud`], and are never spared).

use crate::engine::Memory;
use crate::event::{Access, Act, ObjectId, Op, Rmw, TaskId};

/// What an operation is about, as far as the order with others goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touch {
    /// Its task alone.
    Own,
    /// An object, in this way.
    On(ObjectId, Way),
    /// Ends when its task was woken.
    Sleeps,
    /// Frees a slab object, with all that lies in it.
    Frees(ObjectId),
    /// Wakes the task, wherever it sleeps.
    Interrupts(TaskId),
    /// Moves time, which any task may have read: reads of `jiffies` are no operations.
    MovesTime,
    /// Waits for something that its operation does not tell.
    Awaits,
}

/// What an operation does to its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Reads it.
    Reads,
    /// Adds to it, and nobody learns what it held.
    Adds,
    /// Writes it, locks it or unlocks it.
    Writes,
    /// Locks it if it is free; learns whether it was.
    Tries,
    /// Puts its own task on the queue, or takes it off.
    Queues,
    /// Wakes whatever waits on the queue.
    Wakes,
}

/// The table. A new operation needs its line here, and no other room of the searches asks what it commutes with.
pub(super) fn touch(op: Op) -> Touch {
    match op {
        // What these do to others of their CPU is asked apart: steps of one CPU are never independent (`World::related`).
        Op::Mask(_) | Op::Enter(_) | Op::Leave(_) => Touch::Own,
        // A task's first step comes after its birth, and whoever waits for its end waits for its last. No order of those can be turned.
        Op::Fence | Op::Choose(..) | Op::Spawn(..) | Op::Join(..) => Touch::Own,
        Op::Act(id, act) => touch_of_act(id, act),
        Op::Load(id, _) => Touch::On(id, Way::Reads),
        Op::Rmw(id, Rmw::Add(_), Access::Once) => Touch::On(id, Way::Adds),
        Op::Store(id, ..) | Op::Rmw(id, ..) | Op::Flush(id, _) => Touch::On(id, Way::Writes),
        Op::TryAcquire(id) | Op::TryDown(id) => Touch::On(id, Way::Tries),
        // The last permit goes to one of two; that one more is there, nobody learns from adding it.
        Op::Down(id) => Touch::On(id, Way::Writes),
        Op::Up(id) => Touch::On(id, Way::Adds),
        // Readers of a lock as well: a writer waits for all of them.
        Op::Acquire(id) | Op::Release(id) | Op::AcquireRead(id) | Op::ReleaseRead(id) => Touch::On(id, Way::Writes),
        Op::Enqueue(id) | Op::Dequeue(id) => Touch::On(id, Way::Queues),
        Op::Wake(id) => Touch::On(id, Way::Wakes),
        Op::Sleep(_) => Touch::Sleeps,
        Op::Free(block) => Touch::Frees(block),
        Op::Interrupt(task) => Touch::Interrupts(task),
        Op::Advance(_) => Touch::MovesTime,
    }
}

fn touch_of_act(id: ObjectId, act: Act) -> Touch {
    match act {
        Act::Spin(_) => Touch::Awaits,
        Act::TryRead => Touch::On(id, Way::Tries),
        // Nobody learns how many there were.
        Act::Post | Act::Drop(false) => Touch::On(id, Way::Adds),
        Act::Drop(true) | Act::Send(_) | Act::TrySend(_) | Act::Recv | Act::TryRecv | Act::HangUp | Act::Close => {
            Touch::On(id, Way::Writes)
        }
        Act::WakeOne => Touch::On(id, Way::Wakes),
        Act::Wait | Act::Doze => Touch::On(id, Way::Queues),
    }
}

impl Way {
    /// Do two operations on one object commute, whatever their results are?
    pub fn commutes_with(self, other: Way) -> bool {
        matches!((self, other), (Way::Reads, Way::Reads) | (Way::Adds, Way::Adds))
    }
}

/// Do these pending operations of two different tasks commute, whatever comes of them?
pub(super) fn independent(one: Op, other: Op, memory: Memory) -> bool {
    // A store that goes to a buffer is its task's own until it is flushed.
    let touch = |op: Op| if memory == Memory::Tso && op.is_buffered() { Touch::Own } else { touch(op) };
    apart(touch(one), touch(other))
}

/// The coarse answer. A free, a signal, a step of time and a spin are taken for dependent on everything.
pub(super) fn apart(one: Touch, other: Touch) -> bool {
    let reaches_far =
        |touch| matches!(touch, Touch::Frees(_) | Touch::Interrupts(_) | Touch::MovesTime | Touch::Awaits);
    match (one, other) {
        (one, other) if reaches_far(one) || reaches_far(other) => false,
        (Touch::On(one, way), Touch::On(other, with)) => one != other || way.commutes_with(with),
        (Touch::On(_, Way::Wakes), Touch::Sleeps) | (Touch::Sleeps, Touch::On(_, Way::Wakes)) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: ObjectId = ObjectId(1);
    const Y: ObjectId = ObjectId(2);

    fn sc(one: Op, other: Op) -> bool {
        assert_eq!(independent(one, other, Memory::Sc), independent(other, one, Memory::Sc), "{one:?} {other:?}");
        independent(one, other, Memory::Sc)
    }

    #[test]
    fn accesses_of_one_object_depend_unless_both_read_or_both_add() {
        let (load, store) = (Op::Load(X, Access::Once), Op::Store(X, 1, Access::Plain));
        let add = |access| Op::Rmw(X, Rmw::Add(1), access);

        assert!(sc(load, load) && sc(add(Access::Once), add(Access::Once)));
        assert!(!sc(load, store) && !sc(store, store) && !sc(load, add(Access::Once)));
        assert!(!sc(add(Access::Once), add(Access::Full)), "the one that returns the old value learns of the other");
        assert!(sc(load, Op::Store(Y, 1, Access::Plain)));
    }

    #[test]
    fn locks_and_queues_depend_on_their_own_kind_alone() {
        assert!(!sc(Op::Acquire(X), Op::Acquire(X)) && !sc(Op::TryAcquire(X), Op::Release(X)));
        assert!(sc(Op::Acquire(X), Op::Acquire(Y)));
        assert!(!sc(Op::Enqueue(X), Op::Wake(X)) && sc(Op::Enqueue(X), Op::Wake(Y)));
        assert!(!sc(Op::Sleep(None), Op::Wake(Y)), "whom a wake-up reaches is not told by its operation");
        assert!(sc(Op::Sleep(None), Op::Sleep(None)));
    }

    #[test]
    fn frees_signals_and_time_depend_on_everything() {
        for op in [Op::Free(X), Op::Interrupt(TaskId(1)), Op::Advance(1)] {
            assert!(!sc(op, Op::Fence) && !sc(op, Op::Load(Y, Access::Once)), "{op:?}");
        }
    }

    #[test]
    fn buffered_stores_are_their_task_s_own_until_they_are_flushed() {
        let (store, load) = (Op::Store(X, 1, Access::Plain), Op::Load(X, Access::Once));

        assert!(independent(store, load, Memory::Tso) && independent(Op::Release(X), Op::Acquire(X), Memory::Tso));
        assert!(!independent(Op::Flush(X, 1), load, Memory::Tso));
        assert!(!independent(Op::Flush(X, 0), Op::Acquire(X), Memory::Tso));
    }
}
