//! User-land code on real threads: its tasks start tasks, and share data behind their locks.
//!
//! Every operation is made under the monitor, in an order that is a schedule of the controlled engine. What a thread does between two
//! operations runs beside the others: that is what a stress test is for. A thread that has to wait, waits for the monitor's word.
//!
//! Nothing is unwound. An execution that ends early runs on unwatched, as far as it gets; what is left then waits for good, because what it
//! has on its stack others may use. So the search ends with the first execution that does not end by itself.
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::dice::Dice;
use super::{Ran, Watcher};
use crate::engine::controlled::Settings;
use crate::engine::quiet::{panic_place, panic_text, quietly};
use crate::engine::teller::Teller;
use crate::engine::world::{Transition, World};
use crate::engine::{
    Body, Booted, Ending, Engine, Exceeded, Flow, Installed, Memory, Program, TASKS_MAX, Tell, new_execution,
};
use crate::event::outcome::Outcome;
use crate::event::{
    Births, Format, Note, ObjectId, ObjectInfo, ObjectKind, Op, Place, Status, Symbol, TaskId, View, What,
};

/// What std gives a thread.
const STACK_BYTES: usize = 2 << 20;

/// Steps that an execution still makes after its finding.
const RUN_ON_MAX: u32 = 20_000;

/// What threads do one at a time.
struct Monitor {
    world: World,
    watcher: Watcher,
    teller: Teller,
    transitions: Vec<Transition>,
    /// Threads that are between two operations.
    running: usize,
    /// How it ended, from then on unwatched.
    ending: Option<Ending>,
    ran_on: u32,
    /// Nobody makes a step any more.
    is_over: bool,
}

/// One execution, as all its threads share it.
struct Common {
    number: u32,
    monitor: Mutex<Monitor>,
    changed: Condvar,
    steps_max: u32,
    births: Births,
    seed: u64,
    execution: u64,
}

/// An execution as one of its threads sees it.
struct Seat {
    common: Arc<Common>,
    task: TaskId,
    dice: Dice,
    /// Sections that the thread is in, one inside the other: it keeps the monitor.
    depth: Cell<u32>,
    /// Threads that this one has born. They start when it comes to its next operation.
    unborn: RefCell<Vec<(TaskId, Body)>>,
}

/// The monitor, which no other thread has meanwhile.
struct Held<'a> {
    guard: ManuallyDrop<MutexGuard<'a, Monitor>>,
    seat: &'a Seat,
}

impl Deref for Held<'_> {
    type Target = Monitor;

    fn deref(&self) -> &Monitor {
        &self.guard
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Monitor {
        &mut self.guard
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.seat.depth.get() == 0 {
            // SAFETY: it is dropped here alone.
            unsafe { ManuallyDrop::drop(&mut self.guard) };
        }
    }
}

/// Runs `program` once on real threads.
pub(super) fn run(
    program: &dyn Program,
    births: Births,
    settings: Settings,
    (seed, execution): (u64, u64),
    watcher: &Watcher,
) -> Ran {
    watcher.lock().begin();
    let common = Arc::new(Common::new(program, births, settings, (seed, execution), watcher));
    let seat = Rc::new(Seat::new(&common, TaskId::BOOT));
    let _installed = Installed::new(Rc::clone(&seat) as Rc<dyn Engine>);
    let Booted { tasks, outcome, listing, .. } = match panic::catch_unwind(AssertUnwindSafe(|| program.boot())) {
        Ok(booted) => booted,
        Err(payload) => match payload.downcast::<Exceeded>() {
            Ok(exceeded) => return common.ran(Ending::Exceeded(*exceeded)),
            Err(payload) => panic::resume_unwind(payload),
        },
    };
    {
        let mut monitor = common.monitor.lock();
        monitor.world.add_tasks(tasks.len(), listing);
        monitor.running = tasks.len();
    }
    if let Err(exceeded) = (1..).map(TaskId).zip(tasks).try_for_each(|(task, body)| common.start(task, body)) {
        return common.ran(Ending::Exceeded(exceeded));
    }
    let mut monitor = common.monitor.lock();
    while !monitor.is_over {
        common.changed.wait(&mut monitor);
    }
    drop(monitor);
    let ending = common.end(outcome);
    common.ran(ending)
}

impl Common {
    fn new(
        program: &dyn Program,
        births: Births,
        settings: Settings,
        (seed, execution): (u64, u64),
        watcher: &Watcher,
    ) -> Common {
        let mut world = World::new(program.clock(), Memory::Sc, settings.limits.objects_max);
        world.set_own();
        let monitor = Monitor {
            world,
            watcher: Arc::clone(watcher),
            teller: Teller::default(),
            transitions: Vec::new(),
            running: 0,
            ending: None,
            ran_on: 0,
            is_over: false,
        };
        Common {
            number: new_execution(),
            monitor: Mutex::new(monitor),
            changed: Condvar::new(),
            steps_max: settings.limits.steps_max,
            births,
            seed,
            execution,
        }
    }

    fn ran(&self, ending: Ending) -> Ran {
        Ran { transitions: std::mem::take(&mut self.monitor.lock().transitions), ending }
    }

    /// Starts the thread of a task.
    ///
    /// # Errors
    /// With how many there are, if the operating system starts no more.
    fn start(self: &Arc<Common>, task: TaskId, body: Body) -> Result<(), Exceeded> {
        let common = Arc::clone(self);
        let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
            let seat = Rc::new(Seat::new(&common, task));
            let _installed = Installed::new(Rc::clone(&seat) as Rc<dyn Engine>);
            quietly(|| seat.run_body(body));
        });
        thread.map(drop).map_err(|_| Exceeded::Tasks(usize::from(task.0) - 1))
    }

    /// A thread came to its next operation, or to its end. If none runs, the state is judged, and it may be the last.
    fn settle(&self, monitor: &mut Monitor) {
        if monitor.running > 0 || monitor.is_over {
            return;
        }
        if monitor.ending.is_none() && monitor.look() == Flow::Stop {
            monitor.ending = Some(Ending::Stopped);
        }
        let mut next = Vec::new();
        monitor.world.transitions(&mut next);
        if next.is_empty() {
            let is_done = monitor.world.task_ids().all(|task| monitor.world.status(task).0 == Status::Finished);
            let nothing = Outcome::default;
            let ending = if is_done { Ending::Finished(nothing()) } else { Ending::Deadlocked(nothing()) };
            monitor.ending.get_or_insert(ending);
            monitor.is_over = true;
        }
        self.changed.notify_all();
    }

    fn end_early(&self, monitor: &mut Monitor, ending: Ending) {
        monitor.ending.get_or_insert(ending);
    }

    fn tell(&self, monitor: &mut Monitor, task: TaskId, what: What, place: Place) {
        if monitor.ending.is_some() {
            return;
        }
        let Monitor { world, watcher, teller, .. } = monitor;
        teller.tell(&mut *watcher.lock(), world, task, what, place);
        if teller.told.stopped && task != TaskId::BOOT {
            self.end_early(monitor, Ending::Stopped);
        }
    }

    fn tell_step(&self, monitor: &mut Monitor, transition: Transition, what: What, place: Place) {
        if monitor.ending.is_some() {
            monitor.ran_on += 1;
            monitor.is_over |= monitor.ran_on >= RUN_ON_MAX;
            return;
        }
        monitor.teller.next_step();
        monitor.transitions.push(transition);
        self.tell(monitor, transition.task, what, place);
        if monitor.teller.step >= self.steps_max {
            self.end_early(monitor, Ending::TooLong);
        }
    }

    /// No thread makes a step any more: the outcome.
    fn end(&self, outcome: Tell) -> Ending {
        let monitor = self.monitor.lock();
        let ending = monitor.ending.clone().expect("internal error: what is over has ended somehow");
        if !matches!(ending, Ending::Finished(_) | Ending::Deadlocked(_)) {
            return ending;
        }
        let mut told = outcome(&monitor.world);
        let mut watcher = monitor.watcher.lock();
        told.state.extend(watcher.observed());
        if let Ending::Deadlocked(_) = ending {
            return Ending::Deadlocked(told);
        }
        watcher.end(monitor.teller.step, &monitor.world);
        Ending::Finished(told)
    }
}

impl Monitor {
    /// The checks look at the state.
    fn look(&mut self) -> Flow {
        self.watcher.lock().state(self.teller.step, &self.world)
    }

    /// What the task can do now.
    fn transitions_of(&self, task: TaskId) -> Vec<Transition> {
        // A task that goes round in vain lets all others go first, and those that run have not said what they will do.
        if self.running > 0 && !matches!(self.world.status(task).0, Status::Ready(_)) {
            return Vec::new();
        }
        let mut next = Vec::new();
        self.world.transitions(&mut next);
        next.retain(|transition| transition.task == task);
        next
    }
}

impl Seat {
    fn new(common: &Arc<Common>, task: TaskId) -> Seat {
        let dice = Dice::new(common.seed, common.execution, task);
        Seat { common: Arc::clone(common), task, dice, depth: Cell::new(0), unborn: RefCell::default() }
    }

    fn monitor(&self) -> Held<'_> {
        let mutex = &self.common.monitor;
        let guard = match self.depth.get() {
            0 => mutex.lock(),
            // SAFETY: the thread is in a section, which has the mutex, and `Held` leaves it so.
            _ => unsafe { mutex.make_guard_unchecked() },
        };
        Held { guard: ManuallyDrop::new(guard), seat: self }
    }

    fn run_body(&self, body: Body) {
        let place = Place::caller();
        let result = panic::catch_unwind(AssertUnwindSafe(body));
        self.start_born();
        let mut monitor = self.monitor();
        if monitor.is_over {
            return;
        }
        let note = match &result {
            Ok(()) => Note::Finished,
            Err(payload) => {
                let text = panic_text(&**payload);
                let place = panic_place().map_or_else(String::new, |at| format!(" ({}:{})", at.file(), at.line()));
                Note::Bug(Symbol::from(format!("{text}{place}")).as_str())
            }
        };
        self.common.tell(
            &mut monitor,
            self.task,
            What::Note(note),
            panic_place().filter(|_| result.is_err()).unwrap_or(place),
        );
        monitor.world.finish(self.task);
        monitor.running -= 1;
        // A task that joins it can go on.
        self.common.changed.notify_all();
        self.common.settle(&mut monitor);
    }

    /// Threads that this one has born start.
    fn start_born(&self) {
        for (task, body) in self.unborn.take() {
            if let Err(exceeded) = self.common.start(task, body) {
                self.give_up(self.monitor(), exceeded);
            }
        }
    }

    /// The execution is over, and what the thread has others may use: it stays as it is.
    fn stay(&self, mut monitor: Held<'_>) -> ! {
        loop {
            self.common.changed.wait(&mut monitor.guard);
        }
    }

    /// The execution needs more than there is room for.
    fn give_up(&self, mut monitor: Held<'_>, exceeded: Exceeded) -> ! {
        if self.task == TaskId::BOOT {
            drop(monitor);
            // Nobody schedules the set-up: `run` looks for this payload.
            panic::resume_unwind(Box::new(exceeded));
        }
        self.common.end_early(&mut monitor, Ending::Exceeded(exceeded));
        monitor.is_over = true;
        self.common.changed.notify_all();
        self.stay(monitor)
    }

    fn perform_in_task(&self, op: Op, place: Place) -> u64 {
        self.start_born();
        let mut monitor = self.monitor();
        if monitor.is_over {
            self.stay(monitor);
        }
        monitor.world.set_pending(self.task, op, place);
        monitor.running -= 1;
        self.common.settle(&mut monitor);
        if self.depth.get() == 0 {
            drop(monitor);
            self.dice.pause_shortly();
            monitor = self.monitor();
        }
        let transition = loop {
            if monitor.is_over {
                self.stay(monitor);
            }
            match &monitor.transitions_of(self.task)[..] {
                [] => self.common.changed.wait(&mut monitor.guard),
                next => break next[self.dice.below(next.len() as u32) as usize],
            }
        };
        if let Some(exceeded) = monitor.world.exceeds(self.task, op) {
            self.give_up(monitor, exceeded);
        }
        let result = monitor.world.apply(self.task, op, transition.alternative);
        monitor.running += if let Op::Spawn(..) = op { 2 } else { 1 };
        self.common.tell_step(&mut monitor, transition, What::Op(op, result), place);
        self.common.changed.notify_all();
        result
    }
}

impl Engine for Seat {
    fn execution(&self) -> u32 {
        self.common.number
    }

    fn task(&self) -> TaskId {
        self.task
    }

    fn create(&self, info: ObjectInfo, value: u64) -> ObjectId {
        let mut monitor = self.monitor();
        match monitor.world.create(self.task, info, value) {
            Ok(id) => id,
            Err(exceeded) => self.give_up(monitor, exceeded),
        }
    }

    fn set_node(&self, node: Option<u8>) {
        self.monitor().world.set_node(node);
    }

    fn init(&self, id: ObjectId, value: u64) {
        self.monitor().world.init(id, value);
    }

    fn perform(&self, op: Op, place: Place) -> u64 {
        if self.task != TaskId::BOOT {
            return self.perform_in_task(op, place);
        }
        let mut monitor = self.monitor();
        let result = monitor.world.apply(self.task, op, 0);
        self.common.tell(&mut monitor, self.task, What::Op(op, result), place);
        result
    }

    fn note(&self, note: Note, place: Place) {
        self.common.tell(&mut self.monitor(), self.task, What::Note(note), place);
    }

    fn jiffies(&self, _place: Place) -> u64 {
        self.monitor().world.jiffies()
    }

    fn history(&self) -> u128 {
        if self.task == TaskId::BOOT { 0 } else { *self.monitor().world.history(self.task) }
    }

    fn set_history(&self, history: u128) {
        if self.task != TaskId::BOOT {
            *self.monitor().world.history(self.task) = history;
        }
    }

    fn spawn(&self, name: Option<&str>, body: Body, place: Place) -> (ObjectId, TaskId) {
        let births = &self.common.births;
        let ordinal = self.monitor().world.children(self.task) + 1;
        let Some(child) = births.task(self.task, ordinal, name, TASKS_MAX) else {
            self.give_up(self.monitor(), Exceeded::Tasks(TASKS_MAX))
        };
        let title = births.name(child).unwrap_or_default();
        let info = |kind| ObjectInfo { format: Format::Rust, ..ObjectInfo::new(kind, title) };
        let thread = self.create(info(ObjectKind::Thread), 0);
        self.create(info(ObjectKind::Token), 0);
        self.perform(Op::Spawn(thread, child), place);
        self.unborn.borrow_mut().push((child, body));
        (thread, child)
    }

    fn publish(&self, id: ObjectId, content: Option<u64>) {
        self.monitor().world.publish(self.task, id, content);
    }

    fn adjust(&self, id: ObjectId, by: i64) {
        self.monitor().world.adjust(id, by);
    }

    fn record(&self, name: Symbol, value: i64) {
        self.monitor().world.record(name, value);
    }

    fn enter_section(&self) {
        if self.depth.get() == 0 {
            std::mem::forget(self.common.monitor.lock());
        }
        self.depth.set(self.depth.get() + 1);
    }

    fn leave_section(&self) {
        self.depth.set(self.depth.get() - 1);
        if self.depth.get() == 0 {
            // SAFETY: the outermost section has locked it, on this thread, and everything in between has left it locked.
            unsafe { self.common.monitor.force_unlock() };
        }
    }
}
