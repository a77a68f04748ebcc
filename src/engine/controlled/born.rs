//! Tasks that are born while a program runs, and executions that end early.
//!
//! An execution of kernel code that ends early is drained: what tasks share is all in the engine, which lets them run on as if every lock
//! were theirs. User-land code has data of its own behind its locks, so its executions go on by the rules, unwatched, and what is left
//! standing then never runs again.

use std::any::Any;
use std::rc::Rc;

use corosensei::CoroutineResult;

use super::{Controlled, Execution, Mode, Task};
use crate::engine::memo::Effect;
use crate::engine::quiet::{panic_place, panic_text};
use crate::engine::world::Transition;
use crate::engine::{Body, Engine, Exceeded, TASKS_MAX};
use crate::event::{
    Access, Act, Format, Note, ObjectId, ObjectInfo, ObjectKind, Op, Place, Rmw, Status, Symbol, TaskId, View, What,
    wakes_one,
};

/// Steps that an abandoned execution of user-land code still makes.
const RUN_ON_MAX: usize = 20_000;

impl Controlled {
    /// An execution is over: its tasks end somehow.
    pub(super) fn leave(&mut self, execution: &Rc<Execution>, mut tasks: Vec<Option<Task>>) {
        if execution.births.is_none() {
            return self.drain(execution, tasks);
        }
        self.run_on(execution, &mut tasks);
        self.abandon(tasks);
    }

    /// Makes a step, and starts the task that it bears.
    pub(super) fn take(&mut self, execution: &Rc<Execution>, tasks: &mut Vec<Option<Task>>, transition: Transition) {
        execution.take(tasks, transition);
        let Some(child) = execution.newborn.take() else { return };
        let mut unborn = execution.unborn.borrow_mut();
        let at = unborn.iter().position(|(task, _)| *task == child);
        let (_, body) = unborn.swap_remove(at.expect("internal error: a task that is born has a body"));
        drop(unborn);
        while tasks.len() <= child.index() {
            tasks.push(None);
        }
        tasks[child.index()] = Some(self.spawn(execution, body));
        execution.start(tasks, child);
    }

    fn drain(&mut self, execution: &Execution, tasks: Vec<Option<Task>>) {
        execution.mode.set(Mode::Drain);
        for (index, mut task) in tasks.into_iter().enumerate().filter_map(|(index, task)| Some((index, task?))) {
            execution.task.set(TaskId(index as u8 + 1));
            execution.drained.set(0);
            if !task.done() && task.resume(()).as_yield().is_some() {
                task.force_unwind();
            }
            self.stacks.push(task.into_stack());
        }
    }

    /// User-land code has data that only its locks protect, so a task of it cannot run on as if it held them all. An execution
    /// that ended early goes on by its rules, unwatched, one task after the other.
    fn run_on(&mut self, execution: &Rc<Execution>, tasks: &mut Vec<Option<Task>>) {
        execution.muted.set(true);
        let mut transitions = Vec::new();
        for step in 0..RUN_ON_MAX {
            execution.world.borrow().transitions(&mut transitions);
            if transitions.is_empty() || execution.exceeded.get().is_some() {
                return;
            }
            let transition = transitions[step % transitions.len()];
            self.take(execution, tasks, transition);
        }
    }
}

impl Execution {
    /// Runs a task up to its first operation.
    pub(super) fn start(&self, tasks: &mut [Option<Task>], task: TaskId) {
        if self.memo.is_some() {
            let key = self.world.borrow().key(task).first();
            *self.segment.borrow_mut() = Some((key, Vec::new()));
        }
        self.resume(tasks, task);
    }

    pub(super) fn resume(&self, tasks: &mut [Option<Task>], task: TaskId) {
        self.task.set(task);
        let coroutine = tasks[task.index()].as_mut().expect("internal error: a task that runs was born");
        let _inside = crate::engine::quarantine::Inside::new();
        match coroutine.resume(()) {
            CoroutineResult::Yield(()) | CoroutineResult::Return(()) => {}
        }
    }

    /// Starts a task: the thread object that stands for it, after which comes its token.
    pub(super) fn bear(&self, name: Option<&str>, body: Body, place: Place) -> (ObjectId, TaskId) {
        let births = self.births.as_ref().expect("internal error: only user-land code starts tasks");
        let parent = self.task.get();
        let ordinal = self.world.borrow().children(parent) + 1;
        let child = loop {
            match births.task(parent, ordinal, name, TASKS_MAX) {
                Some(child) => break child,
                None => self.give_up(Exceeded::Tasks(TASKS_MAX)),
            }
        };
        let title = births.name(child).unwrap_or_default();
        let info = |kind, name| ObjectInfo { format: Format::Rust, ..ObjectInfo::new(kind, name) };
        let thread = self.create(info(ObjectKind::Thread, title), 0);
        self.create(info(ObjectKind::Token, title), 0);
        self.unborn.borrow_mut().push((child, body));
        self.perform(Op::Spawn(thread, child), place);
        (thread, child)
    }

    /// Remarks a panic. User-land code panics in many places, so it says where; kernel code says `BUG_ON` in `outermost`.
    pub(super) fn tell_panic(&self, payload: &(dyn Any + Send), outermost: Place) {
        let text = panic_text(payload);
        match panic_place().filter(|_| self.births.is_some()) {
            Some(place) => {
                let text = Symbol::from(format!("{text} ({}:{})", place.file(), place.line()));
                self.note(Note::Bug(text.as_str()), place);
            }
            None => self.note(Note::Bug(Symbol::new(text).as_str()), outermost),
        }
    }

    fn is(&self, id: ObjectId, kind: ObjectKind) -> bool {
        self.world.borrow().object(id).kind == kind
    }

    /// A handle was cloned.
    pub(super) fn follow_clone(&self) {
        if let (Some(births), true) = (&self.births, View::tasks(&*self.world.borrow()) > 1) {
            births.clone_beside();
        }
    }

    /// An operation was made that starts a task, or lets others go first.
    pub(super) fn follow_births(&self, op: Op) {
        match (op, &self.births) {
            (Op::Spawn(_, child), _) => self.newborn.set(Some(child)),
            (Op::Act(_, Act::Spin(_)), Some(births)) => births.spin(),
            (Op::Rmw(id, Rmw::Cas(..) | Rmw::CmpXchg(..), _), Some(births)) if self.is(id, ObjectKind::Pointer) => {
                births.compare();
            }
            (Op::Load(id, Access::Once), Some(births)) if self.is(id, ObjectKind::Count) => births.count(),
            _ => {}
        }
    }

    /// Does the task unwind from a panic, so that it cannot be suspended here? Others would take the panic for theirs. What it has to
    /// wait for it waits for all the same.
    pub(super) fn unwinds(&self, task: TaskId, op: Op) -> bool {
        if self.births.is_none() || !std::thread::panicking() {
            self.follow_catch(task);
            return false;
        }
        let mut world = self.world.borrow_mut();
        world.set_pending(task, op, Place::caller());
        matches!(world.status(task).0, Status::Ready(_)) && !matches!(op, Op::Spawn(..))
    }

    /// The task goes on. If it unwound before, it has caught its panic, and others could have come in between what it did then.
    fn follow_catch(&self, task: TaskId) {
        let Some(births) = self.births.as_ref().filter(|_| self.unwound.get() >> task.0 & 1 != 0) else { return };
        if !std::thread::panicking() && View::tasks(&*self.world.borrow()) > 1 {
            births.catch();
        }
    }

    /// The task has returned.
    pub(super) fn tell_end(&self, place: Place) {
        self.follow_catch(self.task.get());
        self.note(Note::Finished, place);
    }

    /// Performs an operation where the task stands, as a part of the step before.
    pub(super) fn perform_unwinding(&self, task: TaskId, op: Op, place: Place) -> u64 {
        let waiting = wakes_one(op).map_or(0, |queue| self.world.borrow().peek(queue));
        let alternative = if waiting == 0 { 0 } else { waiting.trailing_zeros() as u8 };
        let result = self.world.borrow_mut().apply(task, op, alternative);
        self.world.borrow_mut().goes_wild();
        self.unwound.set(self.unwound.get() | 1 << task.0);
        self.effect(Effect::Unwinds(op, alternative, place, op.observed(result)));
        self.tell(task, What::Op(op, result), place);
        result
    }

    /// An operation of a task that is drained: it waits for nobody.
    pub(super) fn drain_one(&self, task: TaskId, op: Op) -> u64 {
        self.drained.set(self.drained.get() + 1);
        // Once: the unwinding that follows runs drops, and those operate as well.
        if self.drained.get() == self.drain_max + 1 {
            self.suspend();
        }
        match op {
            Op::Sleep(_) => 0,
            op => self.world.borrow_mut().apply_drained(task, op),
        }
    }
}
