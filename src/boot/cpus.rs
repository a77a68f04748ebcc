//! CPUs of a model: tasks that are on one, and handlers of interrupts that come on one.

use crate::event::Place;

use super::setup::{Boot, Planned, Returned};
use crate::engine::{Contexts, Object, Preemption};
use crate::event::{Level, ObjectInfo, ObjectKind, Seat};
use crate::kernel::lock::is_real_time;
use crate::kernel::task::Task;

impl Boot {
    /// A task on that CPU (numbered from 0). A task that is not told where it runs has a CPU of its own, in the order of tasks: the first
    /// has CPU 0.
    pub fn task_on<R: Returned>(
        &mut self,
        cpu: u8,
        name: impl Into<String>,
        body: impl FnOnce(&Task) -> R + Copy + Send + 'static,
    ) {
        self.task(name, body);
        if let Some(task) = self.tasks.last_mut() {
            task.cpu = Some(cpu);
        }
    }

    /// The handler of a hard interrupt on that CPU, which comes `times` times, at any moment at which interrupts are on there. It runs with
    /// interrupts off, and blocks what it has interrupted until it returns. It must not sleep.
    ///
    /// ```
    /// use lockwright::prelude::*;
    ///
    /// // The task does not keep the interrupt out while it holds the lock that the handler takes.
    /// lockwright::boot(|boot| {
    ///     let lock = boot.spinlock("lock");
    ///     boot.task("reader", move |current| drop(lock.lock(current)));
    ///     boot.irq(0, 1, "timer", move |current| drop(lock.lock(current)));
    /// })
    /// .assert_finds(Code::LW008);
    /// ```
    #[track_caller]
    pub fn irq(
        &mut self,
        cpu: u8,
        times: u32,
        name: impl Into<String>,
        handler: impl Fn(&Task) + Copy + Send + 'static,
    ) {
        self.handler((Level::Hard, true), cpu, times, name.into(), handler);
    }

    /// A hard interrupt that is no thread on a real-time kernel either (`IRQF_NO_THREAD`): only raw spinlocks may be taken in it there.
    #[track_caller]
    pub fn irq_no_thread(
        &mut self,
        cpu: u8,
        times: u32,
        name: impl Into<String>,
        handler: impl Fn(&Task) + Copy + Send + 'static,
    ) {
        self.handler((Level::Hard, false), cpu, times, name.into(), handler);
    }

    /// A softirq handler on that CPU: comes where interrupts and bottom halves are on, since any interrupt may have raised it. Hard interrupts may
    /// come on top of it.
    #[track_caller]
    pub fn softirq(
        &mut self,
        cpu: u8,
        times: u32,
        name: impl Into<String>,
        handler: impl Fn(&Task) + Copy + Send + 'static,
    ) {
        self.handler((Level::Soft, true), cpu, times, name.into(), handler);
    }

    /// The handler of a non-maskable interrupt on that CPU: comes at any moment.
    #[track_caller]
    pub fn nmi(
        &mut self,
        cpu: u8,
        times: u32,
        name: impl Into<String>,
        handler: impl Fn(&Task) + Copy + Send + 'static,
    ) {
        self.handler((Level::Nmi, false), cpu, times, name.into(), handler);
    }

    #[track_caller]
    fn handler(
        &mut self,
        (level, threaded): (Level, bool),
        cpu: u8,
        times: u32,
        name: String,
        handler: impl Fn(&Task) + Copy + Send + 'static,
    ) {
        let place = Place::caller();
        self.task(name, move |current| match threaded && is_real_time() {
            true => current.handle_in_thread(times, handler, place),
            false => current.handle(level, times, handler, place),
        });
        if let Some(task) = self.tasks.last_mut() {
            (task.cpu, task.level, task.times, task.threaded) = (Some(cpu), level, times, threaded);
        }
    }

    /// How the kernel shares a CPU between tasks. By default it preempts.
    pub fn preemption(&mut self, preemption: Preemption) {
        self.preemption = preemption;
    }
}

/// Of each task, what keeps bottom halves off on its CPU, if the kernel is a real-time kernel: a lock that tasks and handlers of the CPU share.
pub(super) fn softirq_locks(contexts: &Contexts) -> Vec<Option<Object>> {
    if contexts.preemption != Preemption::Rt {
        return vec![None; contexts.seats.len()];
    }
    let mut known: Vec<(u8, Object)> = Vec::new();
    let mut lock = |cpu: u8| match known.iter().find(|(other, _)| *other == cpu) {
        Some((_, lock)) => *lock,
        None => {
            let lock = Object::new(ObjectInfo::new(ObjectKind::Spin, format!("softirq_ctrl of CPU {cpu}")), 0);
            known.push((cpu, lock));
            lock
        }
    };
    contexts.seats.iter().map(|seat| Some(lock(seat.cpu))).collect()
}

/// What the tasks say of CPUs; nothing if none of them does.
pub(super) fn contexts(tasks: &[Planned], preemption: Preemption) -> Contexts {
    let is_rt = preemption == Preemption::Rt;
    // On a real-time kernel locks behave differently even if no task names a CPU, so its contexts are never empty.
    if tasks.iter().all(|task| task.cpu.is_none()) && !is_rt {
        return Contexts::default();
    }
    let is_thread = |task: &Planned| is_rt && task.threaded;
    let mut own = 0..u8::MAX;
    let seat = |task: &Planned| {
        // A task without a CPU takes the number of its place among the tasks, whoever else is there.
        let next = if task.level == Level::Task { own.next() } else { None };
        let level = if is_thread(task) { Level::Task } else { task.level };
        Seat { cpu: task.cpu.or(next).unwrap_or_default(), level }
    };
    let seats = tasks.iter().map(seat).collect();
    let times = tasks.iter().map(|task| task.times).collect();
    Contexts { seats, times, threads: tasks.iter().map(is_thread).collect(), preemption }
}
