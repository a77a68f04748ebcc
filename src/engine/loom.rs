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
//! | `kfree` | a store to every reader's marker of the slab object, so that uses and frees are tried in both orders |
//! | wait queues, sleeps, signals | one atomic for all, then `park`: coarse, and never a lost order |
//! | choices | fixed for one model ([`Choices`]); the explorer enumerates them |
//!
//! loom remembers only the last access of an atomic, so a task's own read hides another's earlier read from its next write
//! (tokio-rs/loom#166). Every cell (and every slab object, for all its fields) therefore has a *marker* per task beside it: a
//! read reads the reader's marker, a write writes the markers of all others. Nobody's read hides another's.
//!
//! Steps are as coarse as stays sound: objects become loom objects at their first access by a task, set-up and epilogue
//! run on the [`World`] alone.
//!
//! It may miss: what loom misses (trylocks that never fail); a timeout that fires later than at once
//! while others run; values before publication of a slab object. A deadlock is judged by our own wait-for graph before
//! loom would stop the model. An execution that ends early runs on unobserved, up to a bound, so that loom learns of all its
//! conflicts; then its tasks are unwound quietly.
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::panic::{self, AssertUnwindSafe, Location};
use std::rc::Rc;
use std::sync::Arc;

use ::loom::sync::atomic::{AtomicU64, Ordering, fence};
use ::loom::sync::{Mutex, MutexGuard};
use ::loom::thread::{self, Thread};

use super::quiet::panic_text;
use super::world::{Transition, World};
use super::{Body, CURRENT, Clock, Engine, Flow, Observer, Program, new_execution};
use crate::event::{Access, Event, Note, ObjectId, ObjectInfo, Op, Place, Rmw, Status, TaskId, View, What};

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
    pub outcome: Option<String>,
    /// loom gave up with this text; the model cannot go on.
    pub broken: Option<String>,
}

/// Operations that the tasks of an ended execution may still perform.
const DRAINED_MAX: u32 = 1_000;

/// What two or three tasks allocate and access in a scenario, about: fields, and slab objects.
const SPARE_CELLS: usize = 32;
const SPARE_BLOCKS: usize = 8;

fn new_markers(tasks: usize) -> Rc<[AtomicU64]> {
    (0..tasks).map(|_| AtomicU64::new(0)).collect()
}

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

struct Held {
    task: TaskId,
    lock: ObjectId,
    // Dropped before the lock it refers to: fields drop in order.
    guard: MutexGuard<'static, ()>,
    _lock: Arc<Mutex<()>>,
}

struct Execution {
    number: u32,
    world: RefCell<World>,
    observer: Rc<RefCell<dyn Observer>>,
    mode: Cell<Mode>,
    task: Cell<TaskId>,
    step: Cell<u32>,
    clock: Clock,
    choices: Choices,
    chosen: RefCell<HashMap<TaskId, u32>>,
    cells: RefCell<HashMap<ObjectId, Rc<AtomicU64>>>,
    /// Per cell outside the slab and per slab object: a marker of each task.
    markers: RefCell<HashMap<ObjectId, Rc<[AtomicU64]>>>,
    /// Cells and markers for slab objects to come. Made before the tasks, because to loom the making of an atomic is an
    /// access that everybody's first access must be ordered behind.
    spare_cells: RefCell<Vec<Rc<AtomicU64>>>,
    spare_markers: RefCell<Vec<Rc<[AtomicU64]>>>,
    locks: RefCell<HashMap<ObjectId, Arc<Mutex<()>>>>,
    held: RefCell<Vec<Held>>,
    waits: AtomicU64,
    drained: Cell<u32>,
    threads: RefCell<BTreeMap<TaskId, Thread>>,
    traversed: RefCell<Traversed>,
}

/// Runs one execution of `program`, inside a loom model. `report` gets what it left, in the last task that ends.
pub fn run(
    program: &dyn Program,
    choices: Choices,
    observer: Rc<RefCell<dyn Observer>>,
    report: impl Fn(Traversed) + 'static,
) {
    observer.borrow_mut().begin();
    let execution = Rc::new(Execution {
        number: new_execution(),
        world: RefCell::new(World::new(program.clock())),
        observer,
        mode: Cell::new(Mode::Boot),
        task: Cell::new(TaskId::BOOT),
        step: Cell::new(0),
        clock: program.clock(),
        choices,
        chosen: RefCell::default(),
        cells: RefCell::default(),
        markers: RefCell::default(),
        spare_cells: RefCell::default(),
        spare_markers: RefCell::default(),
        locks: RefCell::default(),
        held: RefCell::default(),
        waits: AtomicU64::new(0),
        drained: Cell::new(0),
        threads: RefCell::default(),
        traversed: RefCell::default(),
    });
    CURRENT.set(Some(Rc::clone(&execution) as Rc<dyn Engine>));
    let booted = program.boot();
    execution.world.borrow_mut().add_tasks(booted.tasks.len(), booted.listing);
    execution.stand_before_start(booted.tasks.len());
    execution.mode.set(Mode::Run);
    let running = Rc::new(Cell::new(booted.tasks.len()));
    let finish = Rc::new(RefCell::new(Some((booted.outcome, booted.epilogue))));
    let report = Rc::new(report);
    let mut bodies: Vec<(TaskId, Body)> = Vec::new();
    for (index, (_, body)) in booted.tasks.into_iter().enumerate() {
        let task = TaskId(index as u8 + 1);
        let (execution, running, finish, report) =
            (Rc::clone(&execution), Rc::clone(&running), Rc::clone(&finish), Rc::clone(&report));
        let whole = move || {
            execution.run_body(task, body);
            running.set(running.get() - 1);
            if running.get() == 0 {
                if execution.mode.get() == Mode::Run {
                    let (outcome, epilogue) = finish.borrow_mut().take().expect("one task is the last");
                    execution.finish(outcome, epilogue);
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
    fn stand_before_start(&self, tasks: usize) {
        let mut world = self.world.borrow_mut();
        for task in 1..=tasks {
            world.set_pending(TaskId(task as u8), Op::Fence, Location::caller());
        }
        let mut cells = self.cells.borrow_mut();
        let mut markers = self.markers.borrow_mut();
        for id in world.cells() {
            cells.insert(id, Rc::new(AtomicU64::new(world.peek(id))));
            markers.entry(world.object(id).block.unwrap_or(id)).or_insert_with(|| new_markers(tasks));
        }
        self.spare_cells.borrow_mut().extend((0..SPARE_CELLS).map(|_| Rc::new(AtomicU64::new(0))));
        self.spare_markers.borrow_mut().extend((0..SPARE_BLOCKS).map(|_| new_markers(tasks)));
    }

    fn run_body(&self, task: TaskId, body: Body) {
        self.task.set(task);
        let result = panic::catch_unwind(AssertUnwindSafe(body));
        self.task.set(task);
        if let Err(payload) = result {
            self.end_by_panic(payload);
        }
        if self.mode.get() == Mode::Run {
            self.note(Note::Finished, Location::caller());
        }
        self.world.borrow_mut().finish(task);
        self.judge_waits();
        // Guards that unwinding left; nobody can be blocked on a task that is gone.
        self.drop_guards(task);
    }

    /// A task unwound: because the execution is over, because loom gave up, or by a panic of its own.
    fn end_by_panic(&self, payload: Box<dyn std::any::Any + Send>) {
        if payload.is::<Over>() {
            return;
        }
        let text = panic_text(&*payload).to_owned();
        let is_loom =
            text.starts_with("Model exceeded maximum number of branches") || text.starts_with("deadlock; threads");
        if is_loom || self.mode.get() == Mode::Broken {
            self.mode.set(Mode::Broken);
            self.held.borrow_mut().drain(..).for_each(|held| std::mem::forget(held.guard));
            self.traversed.borrow_mut().broken = Some(text);
            panic::resume_unwind(payload);
        }
        if self.mode.get() == Mode::Run {
            self.note(Note::Bug(super::quiet::leaked(&text)), Location::caller());
        }
        // It may have left anything behind.
        self.over();
    }

    fn drop_guards(&self, task: TaskId) {
        loop {
            let mut held = self.held.borrow_mut();
            let Some(at) = held.iter().position(|held| held.task == task) else { return };
            let gone = held.remove(at);
            drop(held);
            drop(gone);
        }
    }

    fn finish(&self, outcome: super::Outcome, epilogue: Body) {
        self.mode.set(Mode::Boot);
        self.task.set(TaskId::BOOT);
        let outcome = outcome(&*self.world.borrow());
        self.traversed.borrow_mut().outcome = Some(outcome);
        if panic::catch_unwind(AssertUnwindSafe(epilogue)).is_err() {
            self.note(Note::Bug("the epilogue panicked"), Location::caller());
        }
        self.observer.borrow_mut().end(self.step.get(), &*self.world.borrow());
    }

    /// Nobody can run on: whoever sleeps or waits wakes up to unwind.
    fn over(&self) {
        self.mode.set(Mode::Over);
        for thread in self.threads.borrow().values() {
            thread.unpark();
        }
    }

    /// Unwinds the task if the execution is over.
    fn check_over(&self) {
        if self.mode.get() == Mode::Over && !std::thread::panicking() {
            panic::resume_unwind(Box::new(Over));
        }
    }

    fn tell(&self, task: TaskId, what: What, place: Place) {
        let event = Event { step: self.step.get(), task, what, place };
        let flow = self.observer.borrow_mut().event(&event, &*self.world.borrow());
        if flow == Flow::Stop && self.mode.get() == Mode::Run {
            self.mode.set(Mode::Drain);
        }
    }

    fn tell_step(&self, task: TaskId, op: Op, result: u64, place: Place) {
        if self.mode.get() != Mode::Run {
            return;
        }
        self.step.set(self.step.get() + 1);
        let alternative = if let Op::Choose(..) = op { result as u8 } else { 0 };
        self.traversed.borrow_mut().transitions.push(Transition { task, alternative });
        self.tell(task, What::Op(op, result), place);
    }

    /// Somebody is about to block or has ended: is there a wait that nobody can end? Moves time if only time can move.
    fn judge_waits(&self) {
        if !matches!(self.mode.get(), Mode::Run | Mode::Drain) {
            return;
        }
        let mut transitions = Vec::new();
        self.world.borrow().transitions(&mut transitions);
        if let [Transition { task: TaskId::CLOCK, .. }] = transitions[..] {
            self.tick();
            return;
        }
        if self.mode.get() == Mode::Run {
            let flow = self.observer.borrow_mut().blocked(self.step.get(), &*self.world.borrow());
            if flow == Flow::Stop {
                self.mode.set(Mode::Drain);
            }
        }
        let all_finished =
            self.world.borrow().task_ids().all(|task| self.world.borrow().status(task).0 == Status::Finished);
        if transitions.is_empty() && !all_finished {
            self.over();
        }
    }

    /// The lock will never be free: loom is told of the attempt, for the orders in which it succeeds, and the task waits for the end.
    fn wait_for_the_end(&self, task: TaskId, lock: ObjectId) {
        _ = self.lock(lock).try_lock().is_ok();
        self.task.set(task);
        while matches!(self.mode.get(), Mode::Run | Mode::Drain) {
            self.judge_waits();
            if self.mode.get() != Mode::Drain {
                break;
            }
            thread::park();
            self.task.set(task);
        }
    }

    fn tick(&self) {
        let by = self.world.borrow_mut().tick();
        self.tell_step(TaskId::CLOCK, Op::Advance(by), 0, Location::caller());
        self.unpark_the_woken();
    }

    fn unpark_the_woken(&self) {
        let world = self.world.borrow();
        for (&task, thread) in &*self.threads.borrow() {
            if matches!(world.status(task).0, Status::Ready(Op::Sleep(_))) {
                thread.unpark();
            }
        }
    }

    fn cell(&self, id: ObjectId) -> Rc<AtomicU64> {
        if let Some(cell) = self.cells.borrow().get(&id) {
            return Rc::clone(cell);
        }
        let first = self.world.borrow().peek(id);
        let cell = match self.spare_cells.borrow_mut().pop() {
            Some(spare) => {
                if first != 0 {
                    spare.store(first, Ordering::Relaxed);
                }
                spare
            }
            None => Rc::new(AtomicU64::new(first)),
        };
        self.cells.borrow_mut().insert(id, Rc::clone(&cell));
        cell
    }

    fn markers(&self, id: ObjectId) -> Rc<[AtomicU64]> {
        let world = self.world.borrow();
        let key = world.object(id).block.unwrap_or(id);
        let mut markers = self.markers.borrow_mut();
        let spare = || self.spare_markers.borrow_mut().pop().unwrap_or_else(|| new_markers(world.tasks()));
        Rc::clone(markers.entry(key).or_insert_with(spare))
    }

    /// Behind a write come the reads of others.
    fn mark_write(&self, task: TaskId, id: ObjectId) {
        for (index, marker) in self.markers(id).iter().enumerate() {
            if index != task.index() {
                marker.store(0, Ordering::Relaxed);
            }
        }
    }

    fn lock(&self, id: ObjectId) -> Arc<Mutex<()>> {
        Arc::clone(self.locks.borrow_mut().entry(id).or_insert_with(|| Arc::new(Mutex::new(()))))
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

    /// The part of an operation that loom has to know of. Branch points are in here and nowhere else.
    fn tell_loom(&self, task: TaskId, op: Op) -> Option<u64> {
        match op {
            Op::Load(id, access) => {
                self.markers(id)[task.index()].load(Ordering::Relaxed);
                Some(self.cell(id).load(load_ordering(access)))
            }
            Op::Store(id, value, access) => {
                self.mark_write(task, id);
                self.cell(id).store(value, store_ordering(access));
                None
            }
            Op::Rmw(id, rmw, access) => {
                self.mark_write(task, id);
                Some(rmw_on(&self.cell(id), rmw, access))
            }
            Op::Fence => {
                fence(Ordering::SeqCst);
                None
            }
            Op::Acquire(id) => {
                let lock = self.lock(id);
                let guard = lock.lock().expect("loom's locks are never poisoned: guards outlive unwinding");
                self.keep(task, id, &lock, guard);
                None
            }
            Op::TryAcquire(id) => {
                let lock = self.lock(id);
                if let Ok(guard) = lock.try_lock() {
                    self.keep(task, id, &lock, guard);
                }
                None
            }
            Op::Enqueue(_) | Op::Dequeue(_) | Op::Wake(_) | Op::Interrupt(_) | Op::Sleep(_) | Op::Advance(_) => {
                self.waits.fetch_add(1, Ordering::AcqRel);
                None
            }
            Op::Free(block) => {
                self.markers(block)[0].store(0, Ordering::Relaxed);
                None
            }
            Op::Release(_) | Op::Choose(..) => None,
        }
    }

    fn keep(&self, task: TaskId, id: ObjectId, lock: &Arc<Mutex<()>>, guard: MutexGuard<'_, ()>) {
        // SAFETY: the guard borrows from the `Mutex` that the `Arc` beside it in `Held` keeps alive, and `Held` drops the
        // guard first. Nobody else gets at the guard.
        let guard = unsafe { std::mem::transmute::<MutexGuard<'_, ()>, MutexGuard<'static, ()>>(guard) };
        if self.mode.get() == Mode::Broken {
            std::mem::forget(guard);
            return;
        }
        self.held.borrow_mut().push(Held { task, lock: id, guard, _lock: Arc::clone(lock) });
    }

    fn sleep(&self, task: TaskId, deadline: Option<u64>) {
        let timed = deadline.is_some_and(|deadline| deadline > self.world.borrow().jiffies());
        if timed && self.clock == Clock::Free && self.sleeps(task) && self.choose(task, 2) == 1 {
            self.tick_to(deadline);
        }
        let goes_on = || matches!(self.mode.get(), Mode::Run | Mode::Drain);
        while self.sleeps(task) && goes_on() {
            self.judge_waits();
            if self.sleeps(task) && goes_on() {
                thread::park();
                self.task.set(task);
            }
        }
    }

    /// The timeout fires here and now.
    fn tick_to(&self, deadline: Option<u64>) {
        let now = self.world.borrow().jiffies();
        let by = deadline.expect("only a timed sleep can time out").saturating_sub(now);
        self.world.borrow_mut().advance(by);
        self.tell_step(TaskId::CLOCK, Op::Advance(by), 0, Location::caller());
        self.unpark_the_woken();
    }

    fn sleeps(&self, task: TaskId) -> bool {
        matches!(self.world.borrow().status(task).0, Status::Sleeps(_))
    }

    /// Performs an operation of a running task.
    fn perform_in_task(&self, task: TaskId, op: Op, place: Place) -> u64 {
        self.check_over();
        self.world.borrow_mut().set_pending(task, op, place);
        let waits_for = match self.world.borrow().status(task).0 {
            Status::WaitsFor(lock) => Some(lock),
            _ => None,
        };
        if let Some(lock) = waits_for {
            self.judge_waits();
            if self.world.borrow().waits_for_itself(task) {
                self.wait_for_the_end(task, lock);
            }
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
        match op {
            Op::Release(id) if result == 0 => self.let_go(task, id),
            Op::Wake(_) | Op::Interrupt(_) | Op::Advance(_) => self.unpark_the_woken(),
            _ => {}
        }
        self.tell_step(task, op, result, place);
        if let Op::Free(block) = op {
            // Behind the free: every other task's uses are tried in both orders.
            self.markers(block).iter().skip(1).for_each(|marker| marker.store(0, Ordering::Relaxed));
            self.task.set(task);
        }
        self.check_over();
        result
    }

    fn count_drained(&self) {
        if self.mode.get() == Mode::Drain {
            self.drained.set(self.drained.get() + 1);
            if self.drained.get() > DRAINED_MAX {
                self.over();
                self.check_over();
            }
        }
    }

    fn let_go(&self, task: TaskId, lock: ObjectId) {
        let mut held = self.held.borrow_mut();
        let at = held
            .iter()
            .position(|held| (held.task, held.lock) == (task, lock))
            .expect("the world says the task holds it");
        let gone = held.remove(at);
        drop(held);
        drop(gone);
    }
}

fn load_ordering(access: Access) -> Ordering {
    match access {
        Access::Acquire | Access::Full => Ordering::Acquire,
        Access::Plain | Access::Once | Access::Release => Ordering::Relaxed,
    }
}

fn store_ordering(access: Access) -> Ordering {
    match access {
        Access::Release | Access::Full => Ordering::Release,
        Access::Plain | Access::Once | Access::Acquire => Ordering::Relaxed,
    }
}

fn rmw_on(cell: &AtomicU64, rmw: Rmw, access: Access) -> u64 {
    let full = access == Access::Full;
    let ordering = if full { Ordering::AcqRel } else { Ordering::Relaxed };
    if full {
        fence(Ordering::SeqCst);
    }
    let old = match rmw {
        Rmw::Add(n) => cell.fetch_add(n, ordering),
        Rmw::Xchg(new) => cell.swap(new, ordering),
        Rmw::CmpXchg(expected, new) => {
            let failure = if full { Ordering::Acquire } else { Ordering::Relaxed };
            cell.compare_exchange(expected, new, ordering, failure).unwrap_or_else(|old| old)
        }
    };
    if full {
        fence(Ordering::SeqCst);
    }
    old
}

impl Engine for Execution {
    fn execution(&self) -> u32 {
        self.number
    }

    fn task(&self) -> TaskId {
        self.task.get()
    }

    fn create(&self, info: ObjectInfo, value: u64) -> ObjectId {
        self.world.borrow_mut().create(self.task.get(), info, value)
    }

    fn init(&self, id: ObjectId, value: u64) {
        self.world.borrow_mut().init(id, value);
    }

    fn perform(&self, op: Op, place: Place) -> u64 {
        let task = self.task.get();
        match self.mode.get() {
            Mode::Run | Mode::Drain => self.perform_in_task(task, op, place),
            Mode::Boot => {
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
