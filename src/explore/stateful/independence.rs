//! Which pending operations of two tasks commute: made in either order they lead to the same state.
//!
//! This is what sleep sets stand on, so it errs on the side of dependence. Two steps that are enabled in one state and
//! independent neither disable nor change each other, and nothing that the observer remembers tells their order
//! (steps of which it would are *loud*, [`crate::engine::State::loud`], and never sleep).

use super::visited::Sleepers;
use crate::engine::Memory;
use crate::engine::world::Transition;
use crate::event::{Access, ObjectId, Op, Rmw, TaskId};

/// Tasks that can sleep; with more there are no sleep sets.
const TASKS_MAX: usize = 16;

/// The process of a transition as a bit; none for time, and for tasks beyond the sixteenth.
pub(in crate::explore) fn process(transition: Transition) -> Sleepers {
    if matches!(transition.task, TaskId::CLOCK | TaskId::BOOT) || transition.task.index() >= TASKS_MAX {
        return 0;
    }
    1 << (transition.task.index() + if transition.is_flush() { TASKS_MAX } else { 0 })
}

/// The transitions that stand for the processes of a set.
pub(in crate::explore) fn processes(sleepers: Sleepers) -> impl Iterator<Item = Transition> {
    let task = |at: u32| TaskId((at % TASKS_MAX as u32) as u8 + 1);
    let of =
        move |at: u32| if at < TASKS_MAX as u32 { Transition::step(task(at)) } else { Transition::flush(task(at)) };
    (0..32).filter(move |at| sleepers >> at & 1 != 0).map(of)
}

/// What an operation is about, as far as the order with others goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Touch {
    /// Its task alone.
    Own,
    /// Reads a cell.
    Reads(ObjectId),
    /// Adds to a cell, and nobody learns what it held.
    Adds(ObjectId),
    /// Writes a cell, takes or gives back a lock, queues.
    Writes(ObjectId),
    /// Wakes who waits there, whoever sleeps.
    Wakes(ObjectId),
    /// Goes on when it was woken.
    Sleeps,
    /// Anything.
    All,
}

fn touch(op: Op, memory: Memory) -> Touch {
    match op {
        // It goes to the task's own buffer.
        Op::Store(..) | Op::Release(_) if memory == Memory::Tso => Touch::Own,
        Op::Load(id, _) => Touch::Reads(id),
        Op::Rmw(id, Rmw::Add(_), Access::Once) => Touch::Adds(id),
        Op::Store(id, ..) | Op::Rmw(id, ..) | Op::Flush(id, _) => Touch::Writes(id),
        Op::Acquire(id) | Op::TryAcquire(id) | Op::Release(id) => Touch::Writes(id),
        Op::AcquireRead(id) | Op::ReleaseRead(id) => Touch::Writes(id),
        Op::Enqueue(id) | Op::Dequeue(id) => Touch::Writes(id),
        Op::Wake(id) => Touch::Wakes(id),
        Op::Sleep(_) => Touch::Sleeps,
        Op::Fence | Op::Choose(..) => Touch::Own,
        Op::Free(_) | Op::Interrupt(_) | Op::Advance(_) => Touch::All,
    }
}

/// Do these operations of two different tasks commute?
pub(in crate::explore) fn independent(one: Op, other: Op, memory: Memory) -> bool {
    let object = |touch| match touch {
        Touch::Reads(id) | Touch::Adds(id) | Touch::Writes(id) | Touch::Wakes(id) => Some(id),
        Touch::Own | Touch::Sleeps | Touch::All => None,
    };
    match (touch(one, memory), touch(other, memory)) {
        (Touch::All, _) | (_, Touch::All) => false,
        (Touch::Own, _) | (_, Touch::Own) => true,
        (Touch::Wakes(_), Touch::Sleeps) | (Touch::Sleeps, Touch::Wakes(_)) => false,
        (Touch::Reads(_), Touch::Reads(_)) | (Touch::Adds(_), Touch::Adds(_)) => true,
        (one, other) => object(one).is_none() || object(one) != object(other),
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

    #[test]
    fn processes_of_a_set_are_those_it_was_made_of() {
        let all = [Transition::step(TaskId(1)), Transition::step(TaskId(16)), Transition::flush(TaskId(3))];

        let set = all.iter().fold(0, |set, transition| set | process(*transition));

        assert_eq!(processes(set).collect::<Vec<_>>(), all);
        assert_eq!((process(Transition::CLOCK), process(Transition::step(TaskId(17)))), (0, 0));
    }
}
