//! Waiting under loom, and what ends it: wake-ups, time, or the end of the execution.
//!
//! loom stops the whole model when no task can run. So every wait is judged by our own graph before a task blocks for good,
//! and a task that nobody will let go is parked until the execution is over, then unwound.

use ::loom::thread;

use super::{Execution, Mode};
use crate::engine::world::Transition;
use crate::engine::{Clock, Flow};
use crate::event::{ObjectId, Op, Place, Status, TaskId, View};

impl Execution {
    /// Nobody can run on: whoever sleeps or waits wakes up to unwind.
    pub(super) fn over(&self) {
        self.mode.set(Mode::Over);
        for thread in self.threads.borrow().values() {
            thread.unpark();
        }
    }

    /// Somebody is about to block or has ended: is there a wait that nobody can end? Moves time if only time can move.
    pub(super) fn judge_waits(&self) {
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
            let flow = self.observer.borrow_mut().blocked(self.step(), &*self.world.borrow());
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
    pub(super) fn wait_for_the_end(&self, task: TaskId, lock: ObjectId) {
        self.memory().attempt(lock);
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
        self.tell_step(TaskId::CLOCK, Op::Advance(by), 0, Place::caller());
        self.unpark_the_woken();
    }

    pub(super) fn unpark_the_woken(&self) {
        let world = self.world.borrow();
        for (&task, thread) in &*self.threads.borrow() {
            if matches!(world.status(task).0, Status::Ready(Op::Sleep(_))) {
                thread.unpark();
            }
        }
    }

    pub(super) fn sleep(&self, task: TaskId, deadline: Option<u64>) {
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
        self.tell_step(TaskId::CLOCK, Op::Advance(by), 0, Place::caller());
        self.unpark_the_woken();
    }

    fn sleeps(&self, task: TaskId) -> bool {
        matches!(self.world.borrow().status(task).0, Status::Sleeps(_))
    }
}
