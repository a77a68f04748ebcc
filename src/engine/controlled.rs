//! The controlled engine: tasks are coroutines, a strategy decides every step.
//!
//! A task runs its own code up to its next operation, says which it is, and is suspended. With every
//! task suspended there is a *state*: the observer judges it, the strategy picks what happens next.
//!
//! An execution that ends early is *drained*: its tasks run on, unscheduled and unobserved, until they
//! return; what does not return within [`Limits::drain_max`] operations is unwound. Stacks are pooled.
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, Yielder};

use super::memo::{Effect, Memo, Next};
use super::quiet::quietly;
use super::teller::Teller;
use super::world::{Key, Transition, World};
use super::{
    Body, Decision, Ending, Engine, Exceeded, Flow, Followed, Installed, Observer, Preemption, Program, State,
    Strategy, TASKS_MAX, Tell, new_execution,
};
use crate::event::outcome::Outcome;
use crate::event::{Births, Note, ObjectId, ObjectInfo, Op, Place, Symbol, TaskId, View, What};

mod born;
mod segments;
mod settings;

pub use settings::{Limits, Settings};

type Task = Coroutine<(), (), (), DefaultStack>;

/// Stack of a task, in bytes; mapped lazily.
const STACK_BYTES: usize = 256 * 1024;
/// Of user-land code: what std gives a thread.
const USER_STACK_BYTES: usize = 2 << 20;

/// The engine: a pool of stacks, and the machinery of one execution at a time.
#[derive(Default)]
pub struct Controlled {
    stacks: Vec<DefaultStack>,
    settings: Settings,
    memo: Option<Rc<RefCell<Memo>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Sequential set-up or epilogue: operations happen at once, observed.
    Boot,
    /// Tasks stop before each operation.
    Run,
    /// The execution is over: operations happen at once, unobserved, waiting for nobody.
    Drain,
}

/// One execution, as the code under test sees it.
struct Execution {
    number: u32,
    world: RefCell<World>,
    observer: Rc<RefCell<dyn Observer>>,
    mode: Cell<Mode>,
    task: Cell<TaskId>,
    alternative: Cell<u8>,
    teller: RefCell<Teller>,
    /// It needs more than there is room for, so it ends here.
    exceeded: Cell<Option<Exceeded>>,
    drained: Cell<u32>,
    drain_max: u32,
    yielder: Cell<*const Yielder<(), ()>>,
    memo: Option<Rc<RefCell<Memo>>>,
    /// The segment that the running task is in the middle of.
    segment: RefCell<Option<(Key, Vec<Effect>)>>,
    /// Of user-land code: the table of its tasks.
    births: Option<Births>,
    /// Tasks that are about to be born: each is started by the step that bears it.
    unborn: RefCell<Vec<(TaskId, Body)>>,
    /// Tasks that have operated while they unwound, as bits.
    unwound: Cell<u64>,
    newborn: Cell<Option<TaskId>>,
    /// Nobody watches any more.
    muted: Cell<bool>,
}

impl Controlled {
    /// An engine for executions like this.
    pub fn new(settings: Settings) -> Controlled {
        Controlled { stacks: Vec::new(), settings, memo: None }
    }

    /// One that writes down what tasks do between their operations.
    pub fn learning(settings: Settings, memo: Rc<RefCell<Memo>>) -> Controlled {
        Controlled { memo: Some(memo), ..Controlled::new(settings) }
    }

    /// Stacks in the pool: all that were ever needed at once, when no execution is under way.
    pub fn stacks(&self) -> usize {
        self.stacks.len()
    }

    /// Runs `program` once, in the order that `strategy` decides, watched by `observer`.
    pub fn run(
        &mut self,
        program: &dyn Program,
        strategy: &mut dyn Strategy,
        observer: &Rc<RefCell<dyn Observer>>,
    ) -> Ending {
        observer.borrow_mut().begin();
        let execution = Rc::new(Execution {
            number: new_execution(),
            world: RefCell::new(World::new(program.clock(), self.settings.memory, self.settings.limits.objects_max)),
            observer: Rc::clone(observer),
            mode: Cell::new(Mode::Boot),
            task: Cell::new(TaskId::BOOT),
            alternative: Cell::new(0),
            teller: RefCell::default(),
            exceeded: Cell::new(None),
            drained: Cell::new(0),
            drain_max: self.settings.limits.drain_max,
            yielder: Cell::new(std::ptr::null()),
            memo: self.memo.clone(),
            segment: RefCell::new(None),
            births: program.births(),
            unborn: RefCell::default(),
            unwound: Cell::new(0),
            newborn: Cell::new(None),
            muted: Cell::new(false),
        });
        if execution.births.is_some() {
            execution.world.borrow_mut().set_own();
        }
        // SAFETY: this function owns the execution until it returns or unwinds. Before that `leave` ends or abandons all tasks, or
        // unwinding drops them, which unwinds their stacks: both are further in than `execution`.
        let _installed = unsafe { Installed::without_counts(Rc::clone(&execution) as Rc<dyn Engine>) };
        // Not quietly: a panic here is a mistake of who set the program up, not a finding.
        let booted = match panic::catch_unwind(AssertUnwindSafe(|| program.boot())) {
            Ok(booted) if booted.tasks.len() > TASKS_MAX => return Ending::Exceeded(Exceeded::Tasks(TASKS_MAX)),
            Ok(booted) => booted,
            Err(payload) => return Ending::Exceeded(exceeded(payload)),
        };
        let ending = quietly(|| {
            execution.begin(booted.tasks.len(), booted.listing, self.settings, program);
            let mut tasks: Vec<Option<Task>> =
                booted.tasks.into_iter().map(|body| Some(self.spawn(&execution, body))).collect();
            execution.mode.set(Mode::Run);
            let ending = match self.schedule(&execution, &mut tasks, strategy) {
                Ending::Finished(_) => {
                    let outcome = execution.outcome(booted.outcome);
                    execution.finish(booted.epilogue);
                    execution.exceeded.get().map_or(Ending::Finished(outcome), Ending::Exceeded)
                }
                Ending::Deadlocked(_) => Ending::Deadlocked(execution.outcome(booted.outcome)),
                other => other,
            };
            self.leave(&execution, tasks);
            ending
        });
        super::quarantine::release();
        ending
    }

    fn spawn(&mut self, execution: &Rc<Execution>, body: Body) -> Task {
        let bytes = if execution.births.is_some() { USER_STACK_BYTES } else { STACK_BYTES };
        let stack =
            self.stacks.pop().unwrap_or_else(|| DefaultStack::new(bytes).expect("a task's stack can be mapped"));
        // No count of it: a task that never ends is abandoned as it is, and would keep its execution for good.
        let execution = Rc::as_ptr(execution);
        Coroutine::with_stack(stack, move |yielder: &Yielder<(), ()>, ()| {
            // SAFETY: `run` holds the execution until its last task has ended or was abandoned.
            let execution = unsafe { &*execution };
            execution.yielder.set(yielder);
            execution.run_body(body);
        })
    }

    fn schedule(
        &mut self,
        execution: &Rc<Execution>,
        tasks: &mut Vec<Option<Task>>,
        strategy: &mut dyn Strategy,
    ) -> Ending {
        let ids: Vec<TaskId> = execution.world.borrow().task_ids().collect();
        ids.into_iter().for_each(|task| execution.start(tasks, task));
        if let Some(memo) = &self.memo {
            memo.borrow_mut().set_up(&execution.world.borrow());
        }
        let (mut stands, mut transitions) = (Vec::with_capacity(8), Vec::with_capacity(8));
        loop {
            if let Some(exceeded) = execution.exceeded.get() {
                return Ending::Exceeded(exceeded);
            }
            let Teller { step, told, .. } = *execution.teller.borrow();
            if told.stopped {
                return Ending::Stopped;
            }
            let world = execution.world.borrow();
            match strategy.follow(&world) {
                Some(Followed { decision: Decision::Abandon, .. }) => return Ending::Abandoned,
                Some(Followed { decision: Decision::Take(transition), judged }) => {
                    drop(world);
                    execution.teller.borrow_mut().judged = judged;
                    self.take(execution, tasks, transition);
                    execution.teller.borrow_mut().judged = false;
                    continue;
                }
                None => {}
            }
            world.look(&mut stands);
            if execution.observer.borrow_mut().state_of(step, &*world, &stands) == Flow::Stop {
                return Ending::Stopped;
            }
            world.transitions_of(&stands, &mut transitions);
            if transitions.is_empty() {
                let is_done = |task: TaskId| world.pending(task).is_none() || stands[task.index()].is_over();
                let done = world.task_ids().all(is_done);
                return if done {
                    Ending::Finished(Outcome::default())
                } else {
                    Ending::Deadlocked(Outcome::default())
                };
            }
            if step >= self.settings.limits.steps_max {
                return Ending::TooLong;
            }
            let observer = execution.observer.borrow();
            let state = State::new(&world, &transitions, step, told.loud, &*observer);
            let decision = strategy.decide(&state);
            drop((world, observer));
            match decision {
                Decision::Abandon => return Ending::Abandoned,
                Decision::Take(transition) => {
                    debug_assert!(transitions.contains(&transition), "{transition:?} is not enabled");
                    self.take(execution, tasks, transition);
                }
            }
        }
    }

    /// Tasks that never end are left as they are: what they own is leaked, and no code of theirs runs.
    fn abandon(&mut self, tasks: Vec<Option<Task>>) {
        for mut task in tasks.into_iter().flatten() {
            if !task.done() {
                // SAFETY: nothing on the stack is dropped, and nobody comes back to it. What other tasks borrow from it (a scope's
                // threads do) they do not use any more: none of them runs again, because the execution is over.
                unsafe { task.force_reset() };
            }
            self.stacks.push(task.into_stack());
        }
    }
}

impl Execution {
    /// The set-up is done: tasks are about to start.
    fn begin(&self, tasks: usize, listing: super::Listing, settings: Settings, program: &dyn Program) {
        let mut world = self.world.borrow_mut();
        world.add_tasks(tasks, listing);
        world.seed(settings.seeded);
        world.set_contexts(program.contexts());
        // Tasks of one CPU, or of different ones, are not alike.
        if settings.symmetry && !self.observer.borrow().names_tasks() && !world.has_contexts() {
            world.set_symmetry(program.alike());
        }
    }

    /// The outermost frame of a task.
    fn run_body(&self, body: Body) {
        let place = Place::caller();
        let result = panic::catch_unwind(AssertUnwindSafe(body));
        match result {
            Ok(()) => self.tell_end(place),
            // The coroutine library's own unwinding must go on; a panic of an abandoned execution is nobody's business.
            Err(payload) if self.mode.get() == Mode::Drain => {
                if self.drained.get() > self.drain_max {
                    panic::resume_unwind(payload);
                }
            }
            Err(payload) => self.tell_panic(&*payload, place),
        }
        if self.mode.get() == Mode::Run {
            self.learn(Next::Finished);
            self.world.borrow_mut().finish(self.task.get());
        }
    }

    fn take(&self, tasks: &mut [Option<Task>], transition: Transition) {
        self.teller.borrow_mut().next_step();
        if transition.task == TaskId::CLOCK {
            let by = self.world.borrow_mut().tick();
            self.tell(TaskId::CLOCK, What::Op(Op::Advance(by), 0), Place::caller());
            return;
        }
        if transition.is_flush() {
            let op = self.world.borrow_mut().flush(transition.task);
            self.tell(transition.task, What::Op(op, 0), Place::caller());
            return;
        }
        self.alternative.set(transition.alternative);
        self.resume(tasks, transition.task);
    }

    fn outcome(&self, tell: Tell) -> Outcome {
        let world = self.world.borrow();
        let mut outcome = tell(&*world);
        // Where tasks are exchanged, final states are equal whose outcomes name different tasks.
        let tells_all = world.symmetry() != Some(true) && !world.is_seeded();
        if let Some(memo) = self.memo.as_ref().filter(|_| tells_all) {
            memo.borrow_mut().outcome(self.step(), &world, &outcome);
        }
        outcome.state.extend(self.observer.borrow().observed());
        outcome
    }

    fn finish(&self, epilogue: Box<dyn FnOnce()>) {
        self.mode.set(Mode::Boot);
        self.task.set(TaskId::BOOT);
        self.alternative.set(0);
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(epilogue)) {
            match payload.downcast_ref() {
                Some(&exceeded) => self.exceeded.set(Some(exceeded)),
                None => self.note(Note::Bug("the epilogue panicked"), Place::caller()),
            }
        }
        self.observer.borrow_mut().end(self.step(), &*self.world.borrow());
    }

    /// The code that runs needs more than there is room for. In a task, the schedule ends, and the task is drained.
    fn give_up(&self, exceeded: Exceeded) {
        if self.mode.get() == Mode::Run {
            self.exceeded.set(Some(exceeded));
            self.suspend();
        } else {
            // Nobody schedules the set-up and the epilogue: `run` and `finish` look for this payload.
            panic::resume_unwind(Box::new(exceeded));
        }
    }

    fn suspend(&self) {
        let yielder = self.yielder.get();
        // SAFETY: `yielder` belongs to the coroutine that is running: `spawn` stores it before the body starts,
        // and the lines below restore it whenever the coroutine is resumed. It lives as long as the coroutine's stack.
        unsafe { &*yielder }.suspend(());
        self.yielder.set(yielder);
    }

    fn step(&self) -> u32 {
        self.teller.borrow().step
    }

    fn tell(&self, task: TaskId, what: What, place: Place) {
        if self.muted.get() {
            return;
        }
        let mut observer = self.observer.borrow_mut();
        self.teller.borrow_mut().tell(&mut *observer, &*self.world.borrow(), task, what, place);
    }
}

/// The limit that the set-up has exceeded. A panic of its own goes on.
fn exceeded(payload: Box<dyn std::any::Any + Send>) -> Exceeded {
    *payload.downcast().unwrap_or_else(|payload| panic::resume_unwind(payload))
}

impl Engine for Execution {
    fn execution(&self) -> u32 {
        self.number
    }

    fn takes_turns(&self) -> bool {
        true
    }

    fn task(&self) -> TaskId {
        self.task.get()
    }

    fn create(&self, info: ObjectInfo, value: u64) -> ObjectId {
        self.effect(Effect::Create(info, value));
        loop {
            let created = self.world.borrow_mut().create(self.task.get(), info, value);
            match created {
                Ok(id) => return id,
                // A drained task comes back here, and is unwound.
                Err(exceeded) => self.give_up(exceeded),
            }
        }
    }

    fn set_node(&self, node: Option<u8>) {
        self.world.borrow_mut().set_node(node);
    }

    fn init(&self, id: ObjectId, value: u64) {
        self.effect(Effect::Init(id, value));
        self.world.borrow_mut().init(id, value);
    }

    fn perform(&self, op: Op, place: Place) -> u64 {
        let task = self.task.get();
        match self.mode.get() {
            Mode::Drain => return self.drain_one(task, op),
            Mode::Boot => {}
            Mode::Run if self.unwinds(task, op) => return self.perform_unwinding(task, op, place),
            Mode::Run => {
                self.learn(Next::Op(op, place));
                self.world.borrow_mut().set_pending(task, op, place);
                self.suspend();
                if self.mode.get() == Mode::Drain {
                    return self.drain_one(task, op);
                }
                let exceeded = self.world.borrow().exceeds(task, op);
                if let Some(exceeded) = exceeded {
                    self.give_up(exceeded);
                    return self.drain_one(task, op);
                }
                let key = self.world.borrow().key_after(task, op);
                let result = self.world.borrow_mut().apply(task, op, self.alternative.get());
                self.begin_segment(key, op, result);
                self.follow_births(op);
                self.tell(task, What::Op(op, result), place);
                return result;
            }
        }
        let exceeded = self.world.borrow().exceeds(task, op);
        if let Some(exceeded) = exceeded {
            self.give_up(exceeded);
        }
        let result = self.world.borrow_mut().apply(task, op, self.alternative.get());
        self.tell(task, What::Op(op, result), place);
        result
    }

    fn note(&self, note: Note, place: Place) {
        if self.mode.get() != Mode::Drain {
            self.effect(Effect::Note(note, place));
            self.tell(self.task.get(), What::Note(note), place);
        }
    }

    fn jiffies(&self, _place: Place) -> u64 {
        let now = self.world.borrow().jiffies();
        if self.task.get() != TaskId::BOOT && self.mode.get() == Mode::Run {
            let mut fold = super::fingerprint::Fingerprint::default();
            let mut world = self.world.borrow_mut();
            fold.write_history(*world.history(self.task.get()));
            fold.write_history(u128::from(now));
            *world.history(self.task.get()) = fold.finish_128();
        }
        now
    }

    fn preemption(&self) -> Option<Preemption> {
        let world = self.world.borrow();
        world.has_contexts().then(|| world.preemption())
    }

    fn origin(&self) -> u128 {
        match self.mode.get() {
            Mode::Run => self.world.borrow().origin(self.task.get()),
            _ => 0,
        }
    }

    fn history(&self) -> u128 {
        match self.mode.get() {
            Mode::Run => *self.world.borrow_mut().history(self.task.get()),
            _ => 0,
        }
    }

    fn set_history(&self, history: u128) {
        if self.mode.get() == Mode::Run {
            *self.world.borrow_mut().history(self.task.get()) = history;
        }
    }

    fn spawn(&self, name: Option<&str>, body: Body, place: Place) -> (ObjectId, TaskId) {
        self.bear(name, body, place)
    }

    fn publish(&self, id: ObjectId, content: Option<u64>) {
        self.effect(Effect::Publish(id, content));
        self.world.borrow_mut().publish(self.task.get(), id, content);
    }

    fn adjust(&self, id: ObjectId, by: i64) {
        self.follow_clone();
        self.effect(Effect::Adjust(id, by));
        self.world.borrow_mut().adjust(id, by);
    }

    fn record(&self, name: Symbol, value: i64) {
        self.effect(Effect::Record(name, value));
        self.world.borrow_mut().record(name, value);
    }
}
