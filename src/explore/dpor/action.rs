//! What a schedule is made of for DPOR: who did what, and whether two such steps may change places.

use crate::engine::process::Process;
use crate::engine::world::Transition;
use crate::event::{ObjectId, Op, TaskId};
use crate::explore::dependence::{Touch, Way, touch};

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
    /// The task that makes it.
    pub fn process(&self) -> Process {
        Process::of(self.transition)
    }

    /// What it is about: while a store is in its task's buffer, that task alone.
    pub(super) fn touch(&self) -> Touch {
        if self.buffered > 0 && !self.transition.is_flush() { Touch::Own } else { touch(self.op) }
    }
}

/// May the order of these two matter, when one comes right after the other?
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
/// | `Up` | `Up` of the semaphore | no: both add, and nobody learns what there was |
/// | `TryDown` that fails | the same of the semaphore | no |
/// | any other operation on a semaphore | operation on the semaphore | yes |
/// | `Enqueue`, `Dequeue` | the same of the queue, other task | no: each is about its own task |
/// | `Wake` that wakes nobody | the same of the queue | no |
/// | any other `Wake` | operation on the queue | yes |
/// | `Wake` | `Sleep` of a task that it wakes | yes |
/// | `Interrupt` | `Sleep` of that task | yes |
/// | buffered store, buffered release | its flush, `Free` of the block | yes, and with nothing else: it is the task's own |
/// | flush | operation on the object, as a store or a release | yes |
/// | flush | operation of its task that waits for an empty store buffer | yes |
/// | flush | any other operation of its task | no: a load sees the task's own store, buffered or not |
/// | `Spawn` | any step of the task that it starts | yes |
/// | any step of a task | `Join` of that task | yes |
/// | `Spin` | anything | always: what it waits for is not told |
/// | `Wait`, `Doze` | the same of the queue, other task | no |
/// | handle dropped, unseen | the same of the object | no |
/// | any other operation on a channel, a token or a count | operation on it | yes |
/// | everything else, fences and choices included | | no |
pub fn dependent(a: &Action, b: &Action) -> bool {
    dependent_as((a, a.touch()), (b, b.touch()))
}

/// The same, with what each action is about: a caller with many pairs looks it up once per action.
pub(super) fn dependent_as((a, one): (&Action, Touch), (b, other): (&Action, Touch)) -> bool {
    if a.process() == b.process() {
        return true;
    }
    if a.transition.task == b.transition.task {
        return waits_for_flush(a, b) || waits_for_flush(b, a);
    }
    let disturbed = disturbs((a, one), (b, other)) || disturbs((b, other), (a, one));
    disturbed || a.remarked && b.remarked || is_bound_to(a, b) || is_bound_to(b, a)
}

/// Does the first start or await the task of the second? That order no schedule turns.
pub(super) fn is_bound_to(a: &Action, b: &Action) -> bool {
    matches!(a.op, Op::Spawn(_, task) | Op::Join(_, task) if task == b.transition.task)
}

/// Of a task and its own store buffer: does one of them have to wait for the other?
fn waits_for_flush(flush: &Action, own: &Action) -> bool {
    flush.transition.is_flush() && (own.op.drains() || own.buffered == flush.buffered)
}

/// Of two tasks: does what the first is about change the second?
fn disturbs((a, one): (&Action, Touch), (b, other): (&Action, Touch)) -> bool {
    match (one, other) {
        (Touch::MovesTime | Touch::Awaits, _) => true,
        (Touch::Frees(block), other) => b.block == Some(block) || other == Touch::Frees(block),
        (Touch::Interrupts(task), Touch::Sleeps) => task == b.transition.task,
        (Touch::On(_, Way::Wakes), Touch::Sleeps) => a.woken.contains(&b.transition.task),
        (Touch::On(one, way), Touch::On(other, with)) => one == other && !commute((a, way), (b, with)),
        _ => false,
    }
}

/// Of two operations on one object, with what came of them.
fn commute((a, way): (&Action, Way), (b, with): (&Action, Way)) -> bool {
    match (way, with) {
        (Way::Tries, Way::Tries) | (Way::Wakes, Way::Wakes) => a.result == 0 && b.result == 0,
        // Each is about its own task.
        (Way::Queues, Way::Queues) => true,
        _ => way.commutes_with(with),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Memory;
    use crate::event::{Access, Act, Alu, AluOp, Level, Mask, Rmw, Slots};
    use crate::explore::dependence::apart;

    const ADD: Alu = Alu { what: AluOp::Add, bits: 8, signed: false };

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

    /// An operation of the next kind. A new kind does not compile until it has its place in the chain.
    fn after(op: Op) -> Option<Op> {
        let next = match op {
            Op::Load(..) => Op::Store(X, 1, Access::Once),
            Op::Store(..) => Op::Rmw(X, Rmw::Add(1), Access::Once),
            Op::Rmw(_, Rmw::Add(_), Access::Once) => Op::Rmw(X, Rmw::Add(1), Access::Full),
            Op::Rmw(_, Rmw::Add(_), _) => Op::Rmw(X, Rmw::Xchg(1), Access::Full),
            Op::Rmw(_, Rmw::Xchg(_), _) => Op::Rmw(X, Rmw::CmpXchg(0, 1), Access::Full),
            Op::Rmw(_, Rmw::CmpXchg(..), _) => Op::Rmw(X, Rmw::IncNotZero, Access::Full),
            Op::Rmw(_, Rmw::IncNotZero, _) => Op::Rmw(X, Rmw::Claim(Slots::Any), Access::Full),
            Op::Rmw(_, Rmw::Claim(_), _) => Op::Rmw(X, Rmw::Vacate(0), Access::Full),
            Op::Rmw(_, Rmw::Vacate(_), _) => Op::Rmw(X, Rmw::Cas(0, 1, Access::Relaxed), Access::AcqRel),
            Op::Rmw(_, Rmw::Cas(..), _) => Op::Rmw(X, Rmw::Alu(ADD, 1), Access::Relaxed),
            Op::Rmw(_, Rmw::Alu(..), _) => Op::Fence,
            Op::Fence => Op::Acquire(X),
            Op::Acquire(_) => Op::TryAcquire(X),
            Op::TryAcquire(_) => Op::Release(X),
            Op::Release(_) => Op::AcquireRead(X),
            Op::AcquireRead(_) => Op::ReleaseRead(X),
            Op::ReleaseRead(_) => Op::Down(X),
            Op::Down(_) => Op::TryDown(X),
            Op::TryDown(_) => Op::Up(X),
            Op::Up(_) => Op::Enqueue(X),
            Op::Enqueue(_) => Op::Dequeue(X),
            Op::Dequeue(_) => Op::Wake(X),
            Op::Wake(_) => Op::Sleep(None),
            Op::Sleep(_) => Op::Free(Y),
            Op::Free(_) => Op::Choose(2, crate::event::Choice::Memory),
            Op::Choose(..) => Op::Interrupt(TaskId(2)),
            Op::Interrupt(_) => Op::Advance(1),
            Op::Advance(_) => Op::Flush(X, 1),
            Op::Flush(..) => Op::Mask(Mask::IrqSave),
            Op::Mask(_) => Op::Enter(Level::Hard),
            Op::Enter(_) => Op::Leave(Level::Hard),
            Op::Leave(_) => Op::Spawn(X, TaskId(3)),
            Op::Spawn(..) => Op::Join(X, TaskId(3)),
            Op::Join(..) => Op::Act(X, Act::TryRead),
            Op::Act(_, act) => Op::Act(X, act_after(act)?),
        };
        Some(next)
    }

    fn act_after(act: Act) -> Option<Act> {
        Some(match act {
            Act::TryRead => Act::Post,
            Act::Post => Act::Send(0),
            Act::Send(_) => Act::TrySend(0),
            Act::TrySend(_) => Act::Recv,
            Act::Recv => Act::TryRecv,
            Act::TryRecv => Act::HangUp,
            Act::HangUp => Act::Close,
            Act::Close => Act::Drop(false),
            Act::Drop(false) => Act::Drop(true),
            Act::Drop(true) => Act::WakeOne,
            Act::WakeOne => Act::Wait,
            Act::Wait => Act::Doze,
            Act::Doze => Act::Spin(false),
            Act::Spin(false) => Act::Spin(true),
            Act::Spin(true) => return None,
        })
    }

    /// What may come of the operation of a task, on an object in the slab object Y or in none.
    fn all_that_may_come(task: u8, op: Op, memory: Memory) -> Vec<Action> {
        let mut actions = Vec::new();
        for (result, block) in [(0, None), (0, Some(Y)), (1, None), (1, Some(Y))] {
            let is_buffered = memory == Memory::Tso && op.is_buffered();
            // A lock that the task does not hold is not released, and that can change only by its own steps. DPOR takes it for
            // dependent all the same, because the message of the finding says which task holds the lock.
            if is_buffered && result == 1 {
                continue;
            }
            let flush = Transition::flush(TaskId(task));
            let transition = if let Op::Flush(..) = op { flush } else { Transition::step(TaskId(task)) };
            let buffered = u32::from(is_buffered || transition.is_flush());
            let woken = if let (Op::Wake(_), 1) = (op, result) { vec![TaskId(3 - task)] } else { Vec::new() };
            actions.push(Action { transition, op, result, block, woken, buffered, remarked: false });
        }
        actions
    }

    /// The pairs that a coarse table takes for independent, and that are dependent with some results.
    fn contradictions(coarse: impl Fn(Op) -> Touch) -> Vec<(Op, Op)> {
        let ops: Vec<Op> = std::iter::successors(Some(Op::Load(X, Access::Once)), |op| after(*op)).collect();
        let mut wrong = Vec::new();
        for memory in [Memory::Sc, Memory::Tso] {
            let touch = |op: Op| if memory == Memory::Tso && op.is_buffered() { Touch::Own } else { coarse(op) };
            for (&one, &other) in ops.iter().flat_map(|one| ops.iter().map(move |other| (one, other))) {
                let made = (all_that_may_come(1, one, memory), all_that_may_come(2, other, memory));
                let depend = made.0.iter().any(|a| made.1.iter().any(|b| both_ways(a, b)));
                if apart(touch(one), touch(other)) && depend {
                    wrong.push((one, other));
                }
            }
        }
        wrong
    }

    #[test]
    fn what_is_independent_as_a_pending_operation_is_not_dependent_as_a_step() {
        assert_eq!(contradictions(touch), []);
    }

    #[test]
    fn a_footprint_that_is_too_small_would_be_seen() {
        // A trylock that touches nothing; readers that pass a writer; a wake-up that touches its queue alone.
        let mistakes: [fn(Op) -> Option<Touch>; 3] = [
            |op| matches!(op, Op::TryAcquire(_)).then_some(Touch::Own),
            |op| matches!(op, Op::AcquireRead(_)).then_some(Touch::On(X, Way::Reads)),
            |op| matches!(op, Op::Wake(_)).then_some(Touch::On(X, Way::Writes)),
        ];

        for mistake in mistakes {
            assert_ne!(contradictions(|op| mistake(op).unwrap_or_else(|| touch(op))), []);
        }
    }
}
