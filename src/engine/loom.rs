//! The loom engine: the same operations, handed to the loom crate.
//!
//! loom decides the order and which of several stores a load sees; a [`World`] beside it keeps the newest value of
//! everything, who holds what and who sleeps, so that the checks see the same events and views as under the controlled engine.
//!
//! | operation | in loom |
//! |---|---|
//! | plain and marked accesses | a relaxed `AtomicU64`, not an `UnsafeCell`: loom panics at the first race of one, before anything interesting |
//! | acquire, release, full | the same `AtomicU64` with that ordering; full ones between two `fence(SeqCst)` |
//! | `smp_mb` | `fence(SeqCst)`: loom treats SeqCst accesses as AcqRel (tokio-rs/loom#180), fences rightly |
//! | locks | a `Mutex`; its unlock is no branch point |
//! | locks that are tried, or that readers share | a word, taken and given back by read-modify-writes: see `words` |
//! | `kfree` | a store to every reader's marker of the slab object, so that uses and frees are tried in both orders |
//! | wait queues, sleeps, signals | one atomic for all, then `park`: coarse, and never a lost order |
//! | steps of two nodes that a check holds against each other | stores to markers that nobody reads: see [`Span`](crate::event::Span) |
//! | choices | fixed for one model ([`Choices`]); the explorer enumerates them |
//!
//! Steps are as coarse as stays sound: locks and fields become loom objects at their first use by a task, set-up and epilogue
//! run on the [`World`] alone.
//!
//! It may miss: what loom misses (orders of steps that touch nothing in common, where no [`Span`](crate::event::Span) asks for them); a timeout that fires later than at once while others run. A deadlock is judged by our own wait-for graph before
//! loom would stop the model. An execution that ends early runs on unobserved, up to a bound, so that loom learns of all its
//! conflicts; then its tasks are unwound quietly.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;

use ::loom::thread::{self, Thread};

use super::quiet::panic_text;
use super::teller::Teller;
use super::world::{Transition, World};
use super::{Body, Clock, Engine, Exceeded, Observer, Program, new_execution};
use crate::event::outcome::Outcome;
use crate::event::{Note, ObjectId, ObjectInfo, Op, Place, Status, Symbol, TaskId, View, What, waits_for_itself};

mod memory;
mod tells;
mod waits;
mod words;
use memory::{Memory, Spot};
use tells::Marks;
pub use tells::Telling;
pub use words::Tried;

/// The results of choices, by task and by the task's count of choices. What is not here is 0.
pub type Choices = BTreeMap<(TaskId, u32), u8>;

/// What one execution left.
#[derive(Clone, Debug, Default)]
pub struct Traversed {
    /// What happened, in order; a schedule for the controlled engine.
    pub transitions: Vec<Transition>,
    /// Number of alternatives of each choice that was made.
    pub arities: BTreeMap<(TaskId, u32), u8>,
    /// The outcome, if all tasks ended.
    pub outcome: Option<Outcome>,
    /// It was cut off after its finding, so loom may not have learned of all conflicts ahead.
    pub cut_off: bool,
}

/// Why a model is given up: by us, with this for a payload, or by loom, told from how its panics begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivesUp {
    /// An execution has more branches than it was allowed.
    Branches,
    /// Tasks allocated more than was made for them beforehand.
    Objects,
    /// No task can run, and our own wait-for graph did not notice.
    Deadlock,
    /// A task tries or reads this lock, which is no word yet.
    NeedsWord(ObjectId),
    /// The program exceeds a limit.
    Exceeded(Exceeded),
}

const GIVES_UP: [(&str, GivesUp); 3] = [
    ("Model exceeded maximum number of branches", GivesUp::Branches),
    // The only atomics that are made while tasks run are those beyond the spare ones.
    ("Causality violation", GivesUp::Objects),
    ("deadlock; threads", GivesUp::Deadlock),
];

/// Why a model was given up, if that is what the panic says.
pub fn gives_up(payload: &(dyn std::any::Any + Send)) -> Option<GivesUp> {
    let said =
        || GIVES_UP.iter().find(|(beginning, _)| panic_text(payload).starts_with(beginning)).map(|(_, why)| *why);
    payload.downcast_ref().copied().or_else(said)
}

fn give_up(why: GivesUp) -> ! {
    panic::resume_unwind(Box::new(why))
}

/// loom's bound on branches of one execution; its default of 1000 is for smaller programs.
pub const BRANCHES_MAX: usize = 20_000;

/// loom's bound on its threads, its main one included, which runs the last task.
pub const THREADS_MAX: usize = 5;

/// Operations that the tasks of an ended execution may still perform.
pub const DRAINED_MAX: u32 = 1_000;

/// Payload of the unwinding that ends a task of an execution that is over.
struct Over;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Set-up or epilogue, on the world alone.
    Boot,
    /// Tasks run under loom.
    Run,
    /// A finding ended it. Tasks run on unobserved, so that loom learns of the conflicts ahead: it would never try their orders otherwise.
    Drain,
    /// Nobody can run on: tasks unwind at their next operation.
    Over,
    /// loom itself gave up: its objects must not be touched any more.
    Broken,
}

struct Execution {
    number: u32,
    world: RefCell<World>,
    observer: Rc<RefCell<dyn Observer>>,
    mode: Cell<Mode>,
    teller: RefCell<Teller>,
    task: Cell<TaskId>,
    clock: Clock,
    choices: Choices,
    chosen: RefCell<HashMap<TaskId, u32>>,
    /// Made when the set-up is done.
    memory: OnceCell<Memory>,
    marks: Option<Marks>,
    drained: Cell<u32>,
    threads: RefCell<BTreeMap<TaskId, Thread>>,
    traversed: RefCell<Traversed>,
}

/// What is known of a program before it is run.
#[derive(Clone, Debug)]
pub struct Known {
    /// The steps that loom is to try in both orders.
    pub telling: Telling,
    /// The locks that are words to it.
    pub tried: Tried,
    /// Objects that a task may make.
    pub objects_max: u32,
}

/// Runs one execution of `program`, inside a loom model. `report` gets what it left, in the last task that ends.
pub fn run(
    program: &dyn Program,
    choices: Choices,
    known: Known,
    observer: Rc<RefCell<dyn Observer>>,
    report: impl Fn(Traversed) + 'static,
) {
    observer.borrow_mut().begin();
    let execution = Rc::new(Execution {
        number: new_execution(),
        world: RefCell::new(World::new(program.clock(), super::Memory::Sc, known.objects_max)),
        observer,
        mode: Cell::new(Mode::Boot),
        teller: RefCell::default(),
        task: Cell::new(TaskId::BOOT),
        clock: program.clock(),
        choices,
        chosen: RefCell::default(),
        memory: OnceCell::new(),
        marks: Marks::new(known.telling, program.homes()),
        drained: Cell::new(0),
        threads: RefCell::default(),
        traversed: RefCell::default(),
    });
    super::current::install(Rc::clone(&execution) as Rc<dyn Engine>);
    let booted = program.boot();
    if booted.tasks.len() > THREADS_MAX {
        give_up(GivesUp::Exceeded(Exceeded::Tasks(THREADS_MAX)));
    }
    execution.world.borrow_mut().add_tasks(booted.tasks.len(), booted.listing);
    execution.stand_before_start(booted.tasks.len(), &known.tried);
    _ = execution.observer.borrow_mut().state(0, &*execution.world.borrow());
    execution.mode.set(if execution.has_stopped() { Mode::Drain } else { Mode::Run });
    let running = Rc::new(Cell::new(booted.tasks.len()));
    let finish = Rc::new(RefCell::new(Some((booted.outcome, booted.epilogue))));
    let report = Rc::new(report);
    let mut bodies: Vec<(TaskId, Box<dyn FnOnce()>)> = Vec::new();
    for (index, body) in booted.tasks.into_iter().enumerate() {
        let task = TaskId(index as u8 + 1);
        let (execution, running, finish, report) =
            (Rc::clone(&execution), Rc::clone(&running), Rc::clone(&finish), Rc::clone(&report));
        let whole = move || {
            execution.run_body(task, body);
            running.set(running.get() - 1);
            if running.get() == 0 {
                if execution.mode.get() == Mode::Run {
                    let (tell, epilogue) = finish.borrow_mut().take().expect("one task is the last");
                    execution.finish(tell, epilogue);
                }
                report(execution.traversed.take());
            }
        };
        bodies.push((task, Box::new(whole)));
    }
    // The model's own thread is the first task; one thread less is a branch less everywhere.
    let (first, first_body) = bodies.remove(0);
    for (task, body) in bodies {
        let handle = thread::spawn(body);
        execution.threads.borrow_mut().insert(task, handle.thread().clone());
    }
    execution.threads.borrow_mut().insert(first, thread::current());
    first_body();
}

impl Execution {
    /// Until it first operates, a task can run.
    fn stand_before_start(&self, tasks: usize, tried: &Tried) {
        let mut world = self.world.borrow_mut();
        for task in 1..=tasks {
            world.set_pending(TaskId(task as u8), Op::Fence, Place::caller());
        }
        let cells = world.cells().into_iter().map(|id| (spot(&world, id), world.peek(id)));
        _ = self.memory.set(Memory::new(tasks, cells, tried));
    }

    fn memory(&self) -> &Memory {
        self.memory.get().expect("tasks run after the set-up")
    }

    fn run_body(&self, task: TaskId, body: Body) {
        self.task.set(task);
        let result = panic::catch_unwind(AssertUnwindSafe(body));
        self.task.set(task);
        if let Err(payload) = result {
            self.end_by_panic(payload);
        }
        if self.mode.get() == Mode::Run {
            self.note(Note::Finished, Place::caller());
        }
        self.world.borrow_mut().finish(task);
        self.judge_waits();
        // Guards that unwinding left; nobody can be blocked on a task that is gone.
        self.memory().unlock_all(task);
    }

    /// A task unwound: because the execution is over, because loom gave up, or by a panic of its own.
    fn end_by_panic(&self, payload: Box<dyn std::any::Any + Send>) {
        if payload.is::<Over>() {
            return;
        }
        if gives_up(&*payload).is_some() || self.mode.get() == Mode::Broken {
            self.mode.set(Mode::Broken);
            self.memory().abandon();
            panic::resume_unwind(payload);
        }
        if self.mode.get() == Mode::Run {
            self.note(Note::Bug(Symbol::new(panic_text(&*payload)).as_str()), Place::caller());
        }
    }

    fn finish(&self, tell: super::Tell, epilogue: Box<dyn FnOnce()>) {
        self.mode.set(Mode::Boot);
        self.task.set(TaskId::BOOT);
        let mut outcome = tell(&*self.world.borrow());
        outcome.state.extend(self.observer.borrow().observed());
        self.traversed.borrow_mut().outcome = Some(outcome);
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(epilogue)) {
            if gives_up(&*payload).is_some() {
                panic::resume_unwind(payload);
            }
            self.note(Note::Bug("the epilogue panicked"), Place::caller());
        }
        self.observer.borrow_mut().end(self.step(), &*self.world.borrow());
    }

    /// Unwinds the task if the execution is over.
    fn check_over(&self) {
        if self.mode.get() == Mode::Over && !std::thread::panicking() {
            panic::resume_unwind(Box::new(Over));
        }
    }

    /// Has a finding that was told ended it?
    fn has_stopped(&self) -> bool {
        self.teller.borrow().told.stopped
    }

    fn step(&self) -> u32 {
        self.teller.borrow().step
    }

    fn tell(&self, task: TaskId, what: What, place: Place) {
        let mut observer = self.observer.borrow_mut();
        self.teller.borrow_mut().tell(&mut *observer, &*self.world.borrow(), task, what, place);
        if self.has_stopped() && self.mode.get() == Mode::Run {
            self.mode.set(Mode::Drain);
        }
    }

    fn tell_step(&self, task: TaskId, op: Op, result: u64, place: Place) {
        if self.mode.get() != Mode::Run {
            return;
        }
        self.teller.borrow_mut().next_step();
        let alternative = if let Op::Choose(..) = op { result as u8 } else { 0 };
        self.traversed.borrow_mut().transitions.push(Transition { task, alternative });
        self.tell(task, What::Op(op, result), place);
    }

    /// A choice of the task: fixed for this model.
    fn choose(&self, task: TaskId, n: u8) -> u8 {
        let count = {
            let mut chosen = self.chosen.borrow_mut();
            let count = chosen.entry(task).or_default();
            *count += 1;
            *count
        };
        self.traversed.borrow_mut().arities.insert((task, count), n);
        self.choices.get(&(task, count)).copied().unwrap_or(0)
    }

    /// The part of an operation that loom has to know of; the value that memory let the task see.
    fn tell_loom(&self, task: TaskId, op: Op) -> Option<u64> {
        let memory = self.memory();
        if op.object().is_some_and(|id| memory.words.has(id)) {
            self.tell_word(task, op);
            return None;
        }
        if let Some(lock) = words::needs_word(op) {
            give_up(GivesUp::NeedsWord(lock));
        }
        let at = |id| spot(&self.world.borrow(), id);
        match op {
            Op::Load(id, access) => return Some(memory.load(task, at(id), access)),
            Op::Rmw(id, rmw, access) => return Some(memory.rmw(task, at(id), rmw, access)),
            Op::Store(id, value, access) => memory.store(task, at(id), value, access),
            Op::Fence => memory.fence(),
            Op::Acquire(id) => memory.lock(task, id),
            Op::Enqueue(_) | Op::Dequeue(_) | Op::Wake(_) | Op::Interrupt(_) | Op::Sleep(_) | Op::Advance(_) => {
                memory.wait();
            }
            Op::Free(block) => memory.free(block),
            Op::Release(_) | Op::Choose(..) | Op::Flush(..) => {}
            // Of its task alone: a program with interrupts is not explored here.
            Op::Mask(_) | Op::Enter(_) | Op::Leave(_) => {}
            _ => unreachable!("internal error: the lock of {op:?} is a word"),
        }
        None
    }

    /// Performs an operation of a running task.
    fn perform_in_task(&self, task: TaskId, op: Op, place: Place) -> u64 {
        self.check_over();
        self.world.borrow_mut().set_pending(task, op, place);
        self.check_limits(task, op);
        let waits_for = match self.world.borrow().status(task).0 {
            Status::WaitsFor(lock) => Some(lock),
            _ => None,
        };
        if let Some(lock) = waits_for {
            self.judge_waits();
            let is_for_ever = {
                let world = self.world.borrow();
                waits_for_itself(&*world, |task| world.status(task).0, task)
            };
            if is_for_ever {
                self.wait_for_the_end(task, lock);
            } else if self.mode.get() == Mode::Over {
                // Nobody runs who could give it back. In another order it may be free.
                self.memory().attempt(lock);
                self.task.set(task);
            }
            self.check_over();
        }
        if self.marks.as_ref().is_some_and(|marks| marks.mark(task, place)) {
            self.task.set(task);
            self.check_over();
        }
        let seen = self.tell_loom(task, op);
        self.task.set(task);
        if let Op::Sleep(deadline) = op {
            self.sleep(task, deadline);
        }
        self.check_over();
        if !matches!(self.mode.get(), Mode::Run | Mode::Drain) {
            return 0;
        }
        self.count_drained();
        let alternative = if let Op::Choose(n, _) = op { self.choose(task, n) } else { 0 };
        let result = self.world.borrow_mut().apply_seen(task, op, alternative, seen);
        match op.gives_back().filter(|id| self.memory().words.has(*id)) {
            Some(id) => self.unpark_waiters(id),
            None => self.unlock_or_wake(task, op, result),
        }
        self.tell_step(task, op, result, place);
        if let Op::Free(block) = op {
            self.memory().freed(block);
            self.task.set(task);
        }
        self.check_over();
        result
    }

    /// What others learn of an operation on no word.
    fn unlock_or_wake(&self, task: TaskId, op: Op, result: u64) {
        match op {
            Op::Release(id) if result == 0 => self.memory().unlock(task, id),
            Op::Wake(_) | Op::Interrupt(_) | Op::Advance(_) => self.unpark_the_woken(),
            _ => {}
        }
    }

    /// The model ends if the operation needs more than there is room for.
    fn check_limits(&self, task: TaskId, op: Op) {
        let exceeded = self.world.borrow().exceeds(task, op);
        if let Some(exceeded) = exceeded {
            give_up(GivesUp::Exceeded(exceeded));
        }
    }

    fn count_drained(&self) {
        if self.mode.get() == Mode::Drain {
            self.drained.set(self.drained.get() + 1);
            if self.drained.get() > DRAINED_MAX {
                self.traversed.borrow_mut().cut_off = true;
                self.over();
                self.check_over();
            }
        }
    }
}

fn spot(world: &World, id: ObjectId) -> Spot {
    Spot { id, block: world.object(id).block.unwrap_or(id) }
}

impl Engine for Execution {
    fn execution(&self) -> u32 {
        self.number
    }

    fn task(&self) -> TaskId {
        self.task.get()
    }

    fn create(&self, info: ObjectInfo, value: u64) -> ObjectId {
        let created = self.world.borrow_mut().create(self.task.get(), info, value);
        created.unwrap_or_else(|exceeded| give_up(GivesUp::Exceeded(exceeded)))
    }

    fn set_node(&self, node: Option<u8>) {
        self.world.borrow_mut().set_node(node);
    }

    fn init(&self, id: ObjectId, value: u64) {
        self.world.borrow_mut().init(id, value);
        if matches!(self.mode.get(), Mode::Run | Mode::Drain) {
            let task = self.task.get();
            self.memory().init(id, value);
            self.task.set(task);
        }
    }

    fn perform(&self, op: Op, place: Place) -> u64 {
        let task = self.task.get();
        match self.mode.get() {
            Mode::Run | Mode::Drain => self.perform_in_task(task, op, place),
            Mode::Boot => {
                self.check_limits(task, op);
                let result = self.world.borrow_mut().apply(task, op, 0);
                self.tell(task, What::Op(op, result), place);
                result
            }
            Mode::Over | Mode::Broken => {
                self.check_over();
                0
            }
        }
    }

    fn note(&self, note: Note, place: Place) {
        if matches!(self.mode.get(), Mode::Run | Mode::Boot) {
            self.tell(self.task.get(), What::Note(note), place);
        }
    }

    fn jiffies(&self, _place: Place) -> u64 {
        self.world.borrow().jiffies()
    }
}
