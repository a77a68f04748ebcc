//! CPUs: who is on one, and whom it lets in.
//!
//! A CPU runs the handler of the highest level that has come and has not returned, and beside handlers one task. A handler comes only if its
//! level is above what runs there, and nothing there masks it; it blocks what it has interrupted until it returns. A task keeps other tasks
//! off its CPU while preemption is off (a spinlock, `preempt_disable`, masked interrupts or bottom halves), and, where the kernel does not
//! preempt, from its first step until it sleeps.
//!
//! All that decides here concerns one CPU, except that a kernel that does not preempt takes a task off its CPU when it comes to wait for what a task
//! of another CPU holds. So steps of one CPU are never independent; and where tasks share a CPU of a kernel that does not preempt, no two steps
//! are (`related`).
//!
//! A real-time kernel shares its CPUs as one that preempts does; its spinlocks sleep, so that holding one keeps nobody off.
//!
//! Not modelled: a task that spins for a lock can be preempted while it does; store buffers, which belong to a CPU (refused by name).

use std::sync::Arc;

use super::super::contexts::{Contexts, Preemption};
use super::World;
use crate::event::{Level, Mask, Masks, ObjectId, Op, Seat, Status, TaskId, View};

/// The seats of all tasks, and what each keeps from its CPU.
#[derive(Clone, Default)]
pub(super) struct Cpus {
    /// `None`: every task has a CPU of its own, and no interrupt comes.
    contexts: Option<Arc<Contexts>>,
    shared: bool,
    of: Vec<OnCpu>,
}

/// What a task keeps from its CPU.
#[derive(Clone, Copy, Default)]
struct OnCpu {
    masks: Masks,
    /// Locks it holds that spin.
    spins: u8,
    /// It has the CPU, and gives it up only where it sleeps.
    running: bool,
}

impl Cpus {
    pub(super) fn new(tasks: usize, contexts: Contexts) -> Cpus {
        let shared = contexts.shares_cpus();
        let contexts = (!contexts.is_empty()).then(|| Arc::new(contexts));
        Cpus { contexts, shared, of: vec![OnCpu::default(); tasks] }
    }

    /// Tasks are born: there is one record for each.
    pub(super) fn grow(&mut self, tasks: usize) {
        self.of.resize(tasks.max(self.of.len()), OnCpu::default());
    }

    pub(super) fn seat(&self, task: TaskId) -> Option<Seat> {
        self.contexts.as_ref()?.seats.get(task.index()).copied()
    }

    pub(super) fn masks(&self, task: TaskId) -> Masks {
        self.of.get(usize::from(task.0).wrapping_sub(1)).map(|on| on.masks).unwrap_or_default()
    }

    /// Is nothing known of CPUs?
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.contexts.is_none()
    }

    /// Does a task keep its CPU until it sleeps?
    fn keeps(&self) -> bool {
        let preemption = self.contexts.as_ref().map(|contexts| contexts.preemption);
        self.shared && matches!(preemption, Some(Preemption::Voluntary | Preemption::None))
    }

    /// All that is known of a task, as one word.
    pub(super) fn word(&self, task: TaskId) -> u64 {
        let on = self.of[task.index()];
        on.masks.word() | u64::from(on.spins) << 24 | u64::from(on.running) << 32
    }
}

impl World {
    /// What the program says of its CPUs.
    pub(in crate::engine) fn set_contexts(&mut self, contexts: Contexts) {
        self.cpus = Cpus::new(self.tasks.len(), contexts);
    }

    /// Does the program say anything of CPUs and interrupts?
    pub fn has_contexts(&self) -> bool {
        !self.cpus.is_plain()
    }

    /// Do waiters of this lock spin? On a real-time kernel those of a raw spinlock alone.
    pub(super) fn lock_spins(&self, lock: ObjectId) -> bool {
        let kind = self.object(lock).kind;
        kind.spins() && !(kind.sleeps_in_real_time() && self.preemption() == Preemption::Rt)
    }

    /// The rule by which tasks share a CPU.
    pub(in crate::engine) fn preemption(&self) -> Preemption {
        self.cpus.contexts.as_ref().map(|contexts| contexts.preemption).unwrap_or_default()
    }

    /// May what one task does decide whether the other can go on, or what it meets, beside the objects that they share?
    pub fn related(&self, one: TaskId, other: TaskId) -> bool {
        match (self.cpus.seat(one), self.cpus.seat(other)) {
            (Some(one), Some(other)) => one.cpu == other.cpu || self.cpus.keeps(),
            _ => false,
        }
    }

    /// Others on the CPU of a task.
    fn beside(&self, task: TaskId, cpu: u8) -> impl Iterator<Item = (TaskId, Seat, OnCpu)> + '_ {
        let all = self.task_ids().filter(move |other| *other != task);
        all.filter_map(move |other| {
            let seat = self.cpus.seat(other).filter(|seat| seat.cpu == cpu)?;
            Some((other, seat, self.cpus.of[other.index()]))
        })
    }

    /// How a task stands that could perform its operation if it had its CPU.
    pub(super) fn on_cpu(&self, task: TaskId, op: Op) -> Status {
        let Some(seat) = self.cpus.seat(task) else { return Status::Ready(op) };
        let on = self.cpus.of[task.index()];
        if seat.level > Level::Task && !on.masks.active {
            return if self.lets_in(task, seat) { Status::Ready(op) } else { Status::Masked };
        }
        let above = self.beside(task, seat.cpu).filter(|(_, other, on)| on.masks.active && other.level > seat.level);
        if let Some((by, ..)) = above.max_by_key(|(_, other, _)| other.level) {
            return Status::Stalled(by);
        }
        let mut others = self.beside(task, seat.cpu).filter(|(_, other, _)| other.level == Level::Task);
        let keeper = others.find(|(other, _, on)| seat.level == Level::Task && self.keeps_cpu(*other, *on));
        keeper.map_or(Status::Ready(op), |(by, ..)| Status::Stalled(by))
    }

    /// Does the CPU let a handler in? Interrupts that are off on it keep hard interrupts and softirqs out, and bottom halves softirqs.
    fn lets_in(&self, task: TaskId, seat: Seat) -> bool {
        self.beside(task, seat.cpu).all(|(_, other, on)| {
            let is_above = on.masks.active && other.level >= seat.level;
            let masks = match seat.level {
                Level::Task | Level::Nmi => false,
                Level::Hard => on.masks.irqs_off,
                Level::Soft => on.masks.irqs_off || on.masks.bh > 0,
            };
            !is_above && !masks
        })
    }

    fn keeps_cpu(&self, task: TaskId, on: OnCpu) -> bool {
        let is_masked = on.masks.preempt > 0 || on.masks.irqs_off || on.masks.bh > 0 || on.spins > 0;
        (is_masked || on.running) && self.pending(task).is_some()
    }

    /// Takes in what an operation does to the task's CPU.
    pub(super) fn perform_on_cpu(&mut self, task: TaskId, op: Op) -> u64 {
        let level = self.cpus.seat(task).map_or(Level::Task, |seat| seat.level);
        let Some(on) = self.cpus.of.get_mut(usize::from(task.0).wrapping_sub(1)) else { return 0 };
        let result = on.masks.follow(op);
        if op != Op::Mask(Mask::BhEnable) {
            return result;
        }
        // Softirqs that have been raised meanwhile run with interrupts on: they come on here, also under an outer `_irqsave`.
        on.masks.irqs_off &= level >= Level::Hard;
        u64::from(on.masks.irqs_off)
    }

    /// After an operation: does the task keep its CPU?
    pub(super) fn stepped(&mut self, task: TaskId, op: Op, result: u64) {
        let Some(seat) = self.cpus.seat(task) else { return };
        let spins = op.lock().is_some_and(|lock| self.lock_spins(lock));
        let by = match op {
            Op::Acquire(_) | Op::AcquireRead(_) => 1,
            Op::TryAcquire(_) if result == 1 => 1,
            Op::Release(_) | Op::ReleaseRead(_) if result == 0 => -1,
            _ => 0,
        };
        let on = &mut self.cpus.of[task.index()];
        on.spins = on.spins.saturating_add_signed(if spins { by } else { 0 });
        if self.cpus.keeps() && seat.level == Level::Task {
            let beside: Vec<TaskId> = self.beside(task, seat.cpu).map(|(other, ..)| other).collect();
            beside.into_iter().for_each(|other| self.cpus.of[other.index()].running = false);
            self.cpus.of[task.index()].running = op != Op::Mask(Mask::Resched);
        }
    }

    /// Takes tasks off their CPUs that have come to wait, where the kernel does not do so before.
    pub(super) fn settle(&mut self) {
        if !self.cpus.keeps() {
            return;
        }
        for task in self.task_ids() {
            let waits = match self.status(task).0 {
                Status::WaitsFor(lock) => !self.lock_spins(lock),
                Status::Sleeps(_) | Status::Finished => true,
                _ => false,
            };
            self.cpus.of[task.index()].running &= !waits;
        }
    }
}
