//! What a schedule is made of for DPOR: who did what, and whether two such steps may change places.

use crate::engine::world::Transition;
use crate::event::{Access, ObjectId, Op, Rmw, TaskId};

/// Whose steps are in program order: a task, its store buffer, or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process(u16);

impl Process {
    /// Who makes the transition.
    pub fn of(transition: Transition) -> Process {
        match transition.task {
            TaskId::CLOCK => Process::CLOCK,
            task if transition.is_flush() => Process(u16::from(task.0) * 2 + 1),
            task => Process::task(task),
        }
    }

    /// Time.
    pub const CLOCK: Process = Process(0);

    /// A task.
    pub fn task(task: TaskId) -> Process {
        Process(u16::from(task.0) * 2)
    }

    /// Position in a vector clock.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A step as it was made, or as it would be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Action {
    /// Who, and which alternative of a choice.
    pub transition: Transition,
    /// What; a step of time is an [`Op::Advance`].
    pub op: Op,
    /// The result.
    pub result: u64,
    /// The slab object that the operation's object is a field of.
    pub block: Option<ObjectId>,
    /// The tasks that it woke.
    pub woken: Vec<TaskId>,
    /// Of a store or a release that goes to the task's store buffer, and of its flush: which of the task's it is, from 1.
    /// 0 where there are no store buffers.
    pub buffered: u32,
    /// Does a check look at its place among all others that say so? A remark on a lease follows it, or it may change
    /// what is listed. Of a step that is only supposed, true unless no step of the program ever says so.
    pub remarked: bool,
}

impl Action {
    /// Who makes it.
    pub fn process(&self) -> Process {
        Process::of(self.transition)
    }
}

/// May the order of these two matter, when one comes right behind the other?
///
/// Independent actions commute from every state in which both can happen: same results, same state, same judgement of
/// the checks. What is not known to be independent is dependent:
///
/// | first | second | dependent |
/// |---|---|---|
/// | of one process | | always: program order; alternatives of a choice exclude each other |
/// | a step of time, `Advance` | anything | always: reads of `jiffies` are no operations, so anybody may have read it |
/// | lease remark, or a store to what is listed | the same | always: the lease checks judge by their order |
/// | `Free` | `Free` of the block, or any operation on a field of it | always |
/// | load | load of the cell | no |
/// | `atomic_inc`, `atomic_dec` | the same of the cell | no: they add, and nobody gets a result |
/// | any other access | access to the cell | yes |
/// | trylock that fails | the same of the lock | no |
/// | any other lock operation | lock operation on the lock | yes, of two readers as well: a writer waits for all of them |
/// | `Enqueue`, `Dequeue` | the same of the queue, other task | no: each is about its own task |
/// | `Wake` that wakes nobody | the same of the queue | no |
/// | any other `Wake` | operation on the queue | yes |
/// | `Wake` | `Sleep` of a task that it wakes | yes |
/// | `Interrupt` | `Sleep` of that task | yes |
/// | buffered store, buffered release | its flush, `Free` of the block | yes, and with nothing else: it is the task's own |
/// | flush | operation on the object, as a store or a release | yes |
/// | flush | operation of its task that waits for an empty store buffer | yes |
/// | flush | any other operation of its task | no: a load sees the task's own store, buffered or not |
/// | everything else, fences and choices included | | no |
pub fn dependent(a: &Action, b: &Action) -> bool {
    if a.process() == b.process() {
        return true;
    }
    if a.transition.task == b.transition.task {
        return waits_for_flush(a, b) || waits_for_flush(b, a);
    }
    moves_time(a)
        || moves_time(b)
        || a.remarked && b.remarked
        || frees_under(a, b)
        || frees_under(b, a)
        || disturbs_sleep(a, b)
        || disturbs_sleep(b, a)
        || a.op.object().is_some() && a.op.object() == b.op.object() && conflict(a, b)
}

/// Of a task and its own store buffer: does one of them have to wait for the other?
fn waits_for_flush(flush: &Action, own: &Action) -> bool {
    flush.transition.is_flush() && (own.op.drains() || own.buffered == flush.buffered)
}

fn moves_time(a: &Action) -> bool {
    matches!(a.op, Op::Advance(_))
}

fn frees_under(a: &Action, b: &Action) -> bool {
    matches!(a.op, Op::Free(block) if b.block == Some(block))
}

fn disturbs_sleep(a: &Action, b: &Action) -> bool {
    let Op::Sleep(_) = b.op else { return false };
    let sleeper = b.transition.task;
    match a.op {
        Op::Wake(_) => a.woken.contains(&sleeper),
        Op::Interrupt(target) => target == sleeper,
        _ => false,
    }
}

/// Of two operations on one object.
fn conflict(a: &Action, b: &Action) -> bool {
    let both = |kind: fn(&Action) -> bool| kind(a) && kind(b);
    let commute = both(|a| matches!(a.op, Op::Load(..)))
        || both(|a| matches!(a.op, Op::Rmw(_, Rmw::Add(_), Access::Once)))
        || both(|a| matches!(a.op, Op::TryAcquire(_)) && a.result == 0)
        || both(|a| matches!(a.op, Op::Enqueue(_) | Op::Dequeue(_)))
        || both(|a| matches!(a.op, Op::Wake(_)) && a.result == 0);
    let is_own = |a: &Action| a.buffered > 0 && !a.transition.is_flush();
    !commute && !is_own(a) && !is_own(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: ObjectId = ObjectId(1);
    const Y: ObjectId = ObjectId(2);

    fn by(task: u8, op: Op, result: u64) -> Action {
        let transition = Transition::step(TaskId(task));
        Action { transition, op, result, block: None, woken: Vec::new(), buffered: 0, remarked: false }
    }

    /// Of two tasks, in either order.
    fn depend(a: Op, b: Op) -> bool {
        both_ways(&by(1, a, 0), &by(2, b, 0))
    }

    fn both_ways(a: &Action, b: &Action) -> bool {
        assert_eq!(dependent(a, b), dependent(b, a), "{a:?} {b:?}");
        dependent(a, b)
    }

    #[test]
    fn steps_of_one_task_depend_and_fences_and_choices_of_two_do_not() {
        assert!(both_ways(&by(1, Op::Fence, 0), &by(1, Op::Fence, 0)));
        assert!(!depend(Op::Fence, Op::Store(X, 1, Access::Plain)));
        assert!(!depend(Op::Choose(2, "a".into()), Op::Choose(2, "b".into())));
    }

    #[test]
    fn accesses_depend_unless_both_read_or_both_add_unseen() {
        let (load, store) = (Op::Load(X, Access::Once), Op::Store(X, 1, Access::Once));
        let add = |access| Op::Rmw(X, Rmw::Add(1), access);

        assert!(!depend(load, load) && !depend(add(Access::Once), add(Access::Once)));
        assert!(depend(load, store) && depend(store, store) && depend(load, add(Access::Once)));
        assert!(depend(add(Access::Once), add(Access::Full)) && depend(add(Access::Full), add(Access::Full)));
        assert!(!depend(store, Op::Store(Y, 1, Access::Once)));
    }

    #[test]
    fn lock_operations_depend_unless_both_are_trylocks_that_fail() {
        let tried = |task, result| by(task, Op::TryAcquire(X), result);

        assert!(!both_ways(&tried(1, 0), &tried(2, 0)));
        assert!(both_ways(&tried(1, 1), &tried(2, 0)) && both_ways(&tried(1, 0), &by(2, Op::Release(X), 0)));
        assert!(both_ways(&tried(1, 0), &by(2, Op::Acquire(X), 0)) && depend(Op::Acquire(X), Op::Acquire(X)));
        assert!(!depend(Op::Acquire(X), Op::Acquire(Y)));
    }

    #[test]
    fn wake_ups_depend_on_who_queues_and_on_the_sleep_of_whom_they_wake() {
        let wake = |woken: &[TaskId]| Action { woken: woken.to_vec(), ..by(1, Op::Wake(X), woken.len() as u64) };

        assert!(!depend(Op::Enqueue(X), Op::Dequeue(X)) && depend(Op::Enqueue(X), Op::Wake(X)));
        assert!(both_ways(&wake(&[TaskId(2)]), &by(2, Op::Sleep(None), 0)));
        assert!(!both_ways(&wake(&[TaskId(3)]), &by(2, Op::Sleep(None), 0)));
        assert!(
            !both_ways(&wake(&[]), &by(2, Op::Wake(X), 0)) && both_ways(&wake(&[TaskId(3)]), &by(2, Op::Wake(X), 0))
        );
        assert!(
            depend(Op::Interrupt(TaskId(2)), Op::Sleep(None))
                && !both_ways(&by(1, Op::Interrupt(TaskId(3)), 0), &by(2, Op::Sleep(None), 0))
        );
    }

    #[test]
    fn time_frees_and_remarks_depend_on_what_they_may_change() {
        let inside = Action { block: Some(Y), ..by(2, Op::Load(X, Access::Once), 0) };
        let remarked = |task| Action { remarked: true, ..by(task, Op::Fence, 0) };

        assert!(depend(Op::Advance(1), Op::Fence));
        assert!(
            both_ways(&by(1, Op::Free(Y), 0), &inside)
                && !both_ways(&by(1, Op::Free(X), 0), &by(2, Op::Load(Y, Access::Once), 0))
        );
        assert!(depend(Op::Free(X), Op::Free(X)) && !depend(Op::Free(X), Op::Free(Y)));
        assert!(both_ways(&remarked(1), &remarked(2)) && !both_ways(&remarked(1), &by(2, Op::Fence, 0)));
    }

    #[test]
    fn a_buffered_store_depends_on_its_flush_and_the_flush_on_everybody() {
        let store = Action { buffered: 1, ..by(1, Op::Store(X, 1, Access::Once), 0) };
        let flush =
            |number| Action { transition: Transition::flush(TaskId(1)), buffered: number, ..by(1, Op::Flush(X, 1), 0) };
        let load = |task| by(task, Op::Load(X, Access::Once), 0);

        assert!(!both_ways(&store, &load(2)) && both_ways(&flush(1), &load(2)) && !both_ways(&flush(1), &load(1)));
        assert!(both_ways(&store, &flush(1)) && !both_ways(&store, &flush(2)));
        assert!(both_ways(&flush(1), &by(1, Op::Fence, 0)) && !both_ways(&flush(1), &by(2, Op::Fence, 0)));
        assert!(both_ways(&flush(1), &by(2, Op::Acquire(X), 0)));
    }
}
