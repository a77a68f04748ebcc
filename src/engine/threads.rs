//! The engine of real threads: each task is an OS thread, and waits where the kernel's would.
//!
//! | operation | on real threads |
//! |---|---|
//! | locks | those of parking_lot; the thread blocks there (`lock`) |
//! | semaphores | a parking_lot mutex and condition variable |
//! | memory, wait queues, signals, time | the [`World`], under one mutex, the *monitor* |
//! | choices, pauses | by chance, from a seed (`dice`) |
//!
//! A step is told under the monitor: what a thread does there, it does alone. So steps have an order, the [`World`] is exact, and
//! every check judges as it does elsewhere. The order is a schedule that replays under the controlled engine. It also makes memory
//! sequentially consistent: what weaker memory would show is left to loom.
//!
//! A deadlock ends by itself. Before a thread blocks it says for what, so the wait-for graph is exact, and no clock is asked. When
//! nobody can run, or a finding ends the execution, it is *over*: blocked threads look every few milliseconds, and unwind.
//!
//! It may miss any bug: which thread runs when is the operating system's choice. [`bare`] runs the same program without monitor and
//! checks, for its speed. User-land code, whose tasks start tasks, has a file of its own (`user`).

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::controlled::Settings;
use super::quiet::{panic_text, quietly};
use super::teller::Teller;
use super::world::{Transition, World};
use super::{
    Body, Booted, Clock, Ending, Engine, Exceeded, Flow, Installed, Observer, Program, TASKS_MAX, new_execution,
};
use crate::event::outcome::Outcome;
use crate::event::{Note, ObjectId, ObjectInfo, Op, Place, Status, Symbol, TaskId, View, What};

pub mod bare;
mod dice;
mod lock;
mod table;
mod user;
use dice::Dice;
use lock::Lock;
use table::Table;

/// What watches an execution, from any thread.
pub type Watcher = Arc<Mutex<dyn Observer + Send>>;

/// What one execution left.
#[derive(Clone, Debug)]
pub struct Ran {
    /// What happened, in order; a schedule for the controlled engine.
    pub transitions: Vec<Transition>,
    /// How it ended.
    pub ending: Ending,
}

/// What threads do one at a time.
struct Monitor {
    world: World,
    watcher: Watcher,
    teller: Teller,
    transitions: Vec<Transition>,
    /// Why it is over, if it is over before its end.
    ending: Option<Ending>,
}

/// One execution, as all its threads share it.
struct Shared {
    number: u32,
    objects: Table<Option<Lock>>,
    monitor: Mutex<Monitor>,
    /// Somebody was woken, or time moved, or it is over.
    woken: Condvar,
    is_over: AtomicBool,
    /// Steps made, for those who pause.
    steps: AtomicU32,
    steps_max: u32,
    clock: Clock,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The set-up or the epilogue, in the thread that called.
    Boot,
    /// A task in its thread.
    Task,
}

/// An execution as one of its threads sees it.
struct Seat {
    shared: Arc<Shared>,
    task: TaskId,
    mode: Mode,
    dice: Dice,
    /// It unwinds, so its guards are dropped, and they operate.
    leaving: Cell<bool>,
}

/// Payload of the unwinding that ends a task of an execution that is over.
struct Over;

/// Runs `program` once on real threads. The `execution`-th of a seed pauses elsewhere than the others.
pub fn run(program: &dyn Program, settings: Settings, seed: u64, execution: u64, watcher: &Watcher) -> Ran {
    if let Some(births) = program.births() {
        return user::run(program, births, settings, (seed, execution), watcher);
    }
    watcher.lock().begin();
    let shared = Arc::new(Shared::new(program, settings, watcher));
    let dice = Dice::new(seed, execution, TaskId::BOOT);
    let _installed = Installed::new(Rc::new(Seat::new(&shared, TaskId::BOOT, Mode::Boot, dice)));
    // Not quietly: a panic here is a mistake of the program's author, not a finding.
    let booted = match panic::catch_unwind(AssertUnwindSafe(|| program.boot())) {
        Ok(booted) if booted.tasks.len() > TASKS_MAX => {
            return shared.ran(Ending::Exceeded(Exceeded::Tasks(TASKS_MAX)));
        }
        Ok(booted) => booted,
        Err(payload) => match payload.downcast::<Exceeded>() {
            Ok(exceeded) => return shared.ran(Ending::Exceeded(*exceeded)),
            Err(payload) => panic::resume_unwind(payload),
        },
    };
    let Booted { tasks, outcome, listing, epilogue } = booted;
    shared.begin(tasks.len(), listing);
    let start = Barrier::new(tasks.len());
    thread::scope(|scope| {
        for (task, body) in (1..).map(TaskId).zip(tasks) {
            let (shared, start, dice) = (Arc::clone(&shared), &start, Dice::new(seed, execution, task));
            scope.spawn(move || {
                let seat = Rc::new(Seat::new(&shared, task, Mode::Task, dice));
                let _installed = Installed::new(Rc::clone(&seat) as Rc<dyn Engine>);
                start.wait();
                quietly(|| seat.run_body(body));
            });
        }
    });
    let ending = quietly(|| shared.end(outcome, epilogue));
    shared.ran(ending)
}

impl Shared {
    fn new(program: &dyn Program, settings: Settings, watcher: &Watcher) -> Shared {
        let monitor = Monitor {
            world: World::new(program.clock(), super::Memory::Sc, settings.limits.objects_max),
            watcher: Arc::clone(watcher),
            teller: Teller::default(),
            transitions: Vec::new(),
            ending: None,
        };
        Shared {
            number: new_execution(),
            objects: Table::new(),
            monitor: Mutex::new(monitor),
            woken: Condvar::new(),
            is_over: AtomicBool::new(false),
            steps: AtomicU32::new(0),
            steps_max: settings.limits.steps_max,
            clock: program.clock(),
        }
    }

    fn ran(&self, ending: Ending) -> Ran {
        Ran { transitions: std::mem::take(&mut self.monitor.lock().transitions), ending }
    }

    fn over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// The set-up is done: until it first operates, a task can run.
    fn begin(&self, tasks: usize, listing: super::Listing) {
        let mut monitor = self.monitor.lock();
        monitor.world.add_tasks(tasks, listing);
        for task in (1..=tasks).map(|task| TaskId(task as u8)) {
            monitor.world.set_pending(task, Op::Fence, Place::caller());
        }
        if monitor.teller.told.stopped || monitor.look() == Flow::Stop {
            self.end_early(&mut monitor, Ending::Stopped);
        }
    }

    fn end_early(&self, monitor: &mut Monitor, ending: Ending) {
        monitor.ending.get_or_insert(ending);
        self.is_over.store(true, Ordering::Release);
        self.woken.notify_all();
    }

    /// A task stands before its next operation, or is done: what are the waits now? Time moves if nothing else can.
    fn judge(&self, monitor: &mut Monitor) {
        if monitor.look() == Flow::Stop {
            self.end_early(monitor, Ending::Stopped);
            return;
        }
        let mut next = Vec::new();
        monitor.world.transitions(&mut next);
        if next[..] == [Transition::CLOCK] {
            self.tick(monitor);
        } else if next.is_empty() && !monitor.all_finished() {
            self.end_early(monitor, Ending::Deadlocked(Outcome::default()));
        }
    }

    fn tick(&self, monitor: &mut Monitor) {
        let by = monitor.world.tick();
        self.tell_step(monitor, Transition::CLOCK, What::Op(Op::Advance(by), 0), Place::caller());
        self.woken.notify_all();
    }

    fn tell_step(&self, monitor: &mut Monitor, transition: Transition, what: What, place: Place) {
        monitor.teller.next_step();
        monitor.transitions.push(transition);
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.tell(monitor, transition.task, what, place);
        if monitor.teller.step >= self.steps_max {
            self.end_early(monitor, Ending::TooLong);
        }
    }

    fn tell(&self, monitor: &mut Monitor, task: TaskId, what: What, place: Place) {
        let Monitor { world, watcher, teller, .. } = monitor;
        teller.tell(&mut *watcher.lock(), world, task, what, place);
        if teller.told.stopped && task != TaskId::BOOT {
            self.end_early(monitor, Ending::Stopped);
        }
    }

    /// All threads are gone. The outcome, and the epilogue if all went to its end.
    fn end(&self, outcome: super::Tell, epilogue: Box<dyn FnOnce()>) -> Ending {
        let told = {
            let monitor = self.monitor.lock();
            let mut told = outcome(&monitor.world);
            told.state.extend(monitor.watcher.lock().observed());
            told
        };
        let early = self.monitor.lock().ending.take();
        match early {
            Some(Ending::Deadlocked(_)) => return Ending::Deadlocked(told),
            Some(other) => return other,
            None => {}
        }
        let mut exceeded = None;
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(epilogue)) {
            exceeded = payload.downcast_ref::<Exceeded>().copied();
            if exceeded.is_none() {
                let bug = What::Note(Note::Bug("the epilogue panicked"));
                self.tell(&mut self.monitor.lock(), TaskId::BOOT, bug, Place::caller());
            }
        }
        let monitor = self.monitor.lock();
        monitor.watcher.lock().end(monitor.teller.step, &monitor.world);
        exceeded.map_or(Ending::Finished(told), Ending::Exceeded)
    }
}

impl Monitor {
    /// The checks look at the state.
    fn look(&mut self) -> Flow {
        self.watcher.lock().state(self.teller.step, &self.world)
    }

    fn all_finished(&self) -> bool {
        self.world.task_ids().all(|task| self.world.status(task).0 == Status::Finished)
    }
}

impl Seat {
    fn new(shared: &Arc<Shared>, task: TaskId, mode: Mode, dice: Dice) -> Seat {
        Seat { shared: Arc::clone(shared), task, mode, dice, leaving: Cell::new(false) }
    }

    fn run_body(&self, body: Body) {
        let place = Place::caller();
        let result = panic::catch_unwind(AssertUnwindSafe(body));
        let mut monitor = self.shared.monitor.lock();
        if self.shared.over() {
            return;
        }
        let note = match &result {
            Ok(()) => Note::Finished,
            Err(payload) => Note::Bug(Symbol::new(panic_text(&**payload)).as_str()),
        };
        self.shared.tell(&mut monitor, self.task, What::Note(note), place);
        if !self.shared.over() {
            monitor.world.finish(self.task);
            self.shared.judge(&mut monitor);
        }
    }

    /// Leaves an execution that is over. True if the task leaves already: what its guards do then is nobody's business.
    fn leaves(&self) -> bool {
        if !self.shared.over() {
            return false;
        }
        if !self.leaving.replace(true) && !thread::panicking() {
            panic::resume_unwind(Box::new(Over));
        }
        true
    }

    /// The execution needs more than there is room for.
    fn give_up(&self, mut monitor: MutexGuard<'_, Monitor>, exceeded: Exceeded) {
        if self.mode == Mode::Boot {
            drop(monitor);
            // Nobody schedules the set-up and the epilogue: `run` and `end` look for this payload.
            panic::resume_unwind(Box::new(exceeded));
        }
        self.shared.end_early(&mut monitor, Ending::Exceeded(exceeded));
        drop(monitor);
        self.leaves();
    }

    /// Says what comes next, before anything is done about it.
    fn stand(&self, op: Op, place: Place) {
        let mut monitor = self.shared.monitor.lock();
        if self.shared.over() {
            return;
        }
        if let Some(exceeded) = monitor.world.exceeds(self.task, op) {
            self.give_up(monitor, exceeded);
            return;
        }
        monitor.world.set_pending(self.task, op, place);
        self.shared.judge(&mut monitor);
        // Time may move although others run.
        if self.shared.clock == Clock::Free && monitor.world.is_enabled(Transition::CLOCK) && self.dice.below(8) == 0 {
            self.shared.tick(&mut monitor);
        }
    }

    /// Waits for what the operation waits for. False if the execution is over first.
    fn wait(&self, op: Op) -> bool {
        match op.waits_for() {
            Some(id) => self.lock(id).take(self.task, op, &|| self.shared.over()),
            None => true,
        }
    }

    fn lock(&self, id: ObjectId) -> &Lock {
        self.shared.objects.get(id).as_ref().expect("internal error: only what is waited for is taken")
    }

    /// An attempt on a lock, of which world and lock say the same. Between a thread's taking a lock and its saying so they do not: the
    /// attempt comes before or after that, never in between.
    fn attempt(&self, op: Op, id: ObjectId) -> Option<MutexGuard<'_, Monitor>> {
        loop {
            let monitor = self.shared.monitor.lock();
            let value = monitor.world.peek(id);
            let is_open = if let Op::TryDown(_) = op { value != 0 } else { value == 0 };
            if self.shared.over() {
                return None;
            }
            if !is_open || self.lock(id).try_take(self.task, op) {
                return Some(monitor);
            }
            drop(monitor);
            thread::yield_now();
        }
    }

    /// Until the task is woken, interrupted, or its deadline has come.
    fn sleep(&self) -> Option<MutexGuard<'_, Monitor>> {
        let mut monitor = self.shared.monitor.lock();
        while !self.shared.over() && matches!(monitor.world.status(self.task).0, Status::Sleeps(_)) {
            self.shared.woken.wait(&mut monitor);
        }
        (!self.shared.over()).then_some(monitor)
    }

    fn perform_in_task(&self, op: Op, place: Place) -> u64 {
        if self.leaves() {
            return 0;
        }
        self.stand(op, place);
        self.dice.pause(&self.shared.steps);
        let monitor = match op {
            Op::TryAcquire(id) | Op::TryDown(id) => self.attempt(op, id),
            Op::Sleep(_) => self.sleep(),
            _ if self.wait(op) => Some(self.shared.monitor.lock()).filter(|_| !self.shared.over()),
            _ => None,
        };
        let Some(mut monitor) = monitor else {
            self.leaves();
            return 0;
        };
        let alternative = if let Op::Choose(n, _) = op { self.dice.below(u32::from(n)) as u8 } else { 0 };
        let result = monitor.world.apply(self.task, op, alternative);
        // It runs on: whatever it does next, it waits for nothing now.
        monitor.world.set_pending(self.task, Op::Fence, place);
        self.after(op, result);
        self.shared.tell_step(&mut monitor, Transition { task: self.task, alternative }, What::Op(op, result), place);
        drop(monitor);
        self.leaves();
        result
    }

    /// What others notice of a step, while they cannot look.
    fn after(&self, op: Op, result: u64) {
        match op {
            Op::Release(id) | Op::ReleaseRead(id) if result == 0 => {
                let held = self.lock(id).give_back(self.task, op);
                assert!(held || self.task == TaskId::BOOT, "internal error: a lock is not what the world says of it");
            }
            Op::Up(id) => _ = self.lock(id).give_back(self.task, op),
            Op::Wake(_) | Op::Interrupt(_) | Op::Advance(_) => _ = self.shared.woken.notify_all(),
            _ => {}
        }
    }

    /// The set-up and the epilogue wait for nobody: what is taken twice there is judged when it is.
    fn perform_in_boot(&self, op: Op, place: Place) -> u64 {
        let mut monitor = self.shared.monitor.lock();
        if let Some(exceeded) = monitor.world.exceeds(self.task, op) {
            self.give_up(monitor, exceeded);
            return 0;
        }
        let result = monitor.world.apply(self.task, op, 0);
        match op {
            Op::Acquire(id) | Op::AcquireRead(id) | Op::TryAcquire(id) | Op::Down(id) | Op::TryDown(id) => {
                self.lock(id).try_take(self.task, op);
            }
            _ => self.after(op, result),
        }
        self.shared.tell(&mut monitor, self.task, What::Op(op, result), place);
        result
    }
}

impl Engine for Seat {
    fn execution(&self) -> u32 {
        self.shared.number
    }

    fn task(&self) -> TaskId {
        self.task
    }

    fn create(&self, info: ObjectInfo, value: u64) -> ObjectId {
        let mut monitor = self.shared.monitor.lock();
        match monitor.world.create(self.task, info, value) {
            Ok(id) => {
                self.shared.objects.add(id, Lock::new(info.kind, value));
                id
            }
            Err(exceeded) => {
                self.give_up(monitor, exceeded);
                // It unwinds already, and a guard that is dropped made an object: any will do.
                ObjectId::new(self.task, 1)
            }
        }
    }

    fn set_node(&self, node: Option<u8>) {
        self.shared.monitor.lock().world.set_node(node);
    }

    fn init(&self, id: ObjectId, value: u64) {
        self.shared.monitor.lock().world.init(id, value);
    }

    fn perform(&self, op: Op, place: Place) -> u64 {
        match self.mode {
            Mode::Boot => self.perform_in_boot(op, place),
            Mode::Task => self.perform_in_task(op, place),
        }
    }

    fn note(&self, note: Note, place: Place) {
        let mut monitor = self.shared.monitor.lock();
        if !self.shared.over() || self.mode == Mode::Boot {
            self.shared.tell(&mut monitor, self.task, What::Note(note), place);
        }
    }

    fn jiffies(&self, _place: Place) -> u64 {
        self.shared.monitor.lock().world.jiffies()
    }
}
