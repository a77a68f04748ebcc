//! `current`: the task as kernel code sees it.

use std::cell::{Cell, RefCell};
use std::hash::{Hash, Hasher};

use super::Kernel;
use super::lock::SpinLock;
use crate::engine::fingerprint::Fingerprint;
use crate::engine::{self, Preemption};
use crate::event::{Choice, Mask, Note, ObjectId, Op, Place, TaskId};

/// A task of the simulated kernel. Passed as `current` wherever the kernel's is ambient.
///
/// Nothing in it is shared: other tasks never look here.
pub struct Task {
    /// The kernel it runs in.
    pub kernel: Kernel,
    /// The engine's name for it.
    pub id: TaskId,
    /// Its process. Leases and signals belong to processes.
    pub pid: u32,
    /// Depth of the BKL, -1 when not held.
    pub(super) lock_depth: Cell<i32>,
    preempt_count: Cell<u32>,
    irqs_off: Cell<bool>,
    /// On a real-time kernel: what bottom halves are off by on its CPU, how deep they are off, and how many sections of RCU it is in.
    softirq_lock: Option<SpinLock>,
    bh_depth: Cell<u32>,
    sections: Cell<u32>,
    held_locks: RefCell<Vec<ObjectId>>,
}

/// A function of the kernel on the call stack; left when dropped.
pub struct Frame {
    name: &'static str,
    entry: u128,
    place: Place,
}

impl Task {
    /// The task that the engine runs now, as process `pid`.
    pub fn new(kernel: Kernel, pid: u32) -> Task {
        Task {
            kernel,
            id: engine::task(),
            pid,
            lock_depth: Cell::new(-1),
            preempt_count: Cell::new(0),
            irqs_off: Cell::new(false),
            softirq_lock: None,
            bh_depth: Cell::new(0),
            sections: Cell::new(0),
            held_locks: RefCell::default(),
        }
    }

    /// The same on a CPU of a real-time kernel, which has that lock for its bottom halves.
    pub(crate) fn on_real_time(self, softirq_lock: Option<SpinLock>) -> Task {
        Task { softirq_lock, ..self }
    }

    /// Enters a function: the outline as executed is made of these.
    #[track_caller]
    pub fn enter(&self, name: &'static str) -> Frame {
        let place = Place::caller();
        engine::note(Note::Enter(name), place);
        Frame { name, entry: engine::history(), place }
    }

    /// A call that may sleep (`might_sleep`), by what.
    #[track_caller]
    pub fn might_sleep(&self, what: &'static str) {
        engine::note(Note::MightSleep(what), Place::caller());
        if engine::preemption() == Some(Preemption::Voluntary) {
            engine::perform(Op::Mask(Mask::Resched), Place::caller());
        }
    }

    /// `preempt_disable`: atomic from here.
    #[track_caller]
    pub fn preempt_disable(&self) {
        self.preempt_count.set(self.preempt_count.get() + 1);
        if engine::preemption().is_some() {
            engine::perform(Op::Mask(Mask::PreemptDisable), Place::caller());
        }
        engine::note(Note::Preempt(1), Place::caller());
    }

    /// `preempt_enable`.
    #[track_caller]
    pub fn preempt_enable(&self) {
        let depth = self.preempt_count.get();
        self.bug_on(depth == 0, "preempt_enable without preempt_disable");
        self.preempt_count.set(depth.saturating_sub(1));
        if engine::preemption().is_some() {
            engine::perform(Op::Mask(Mask::PreemptEnable), Place::caller());
        }
        engine::note(Note::Preempt(-1), Place::caller());
    }

    pub(super) fn push_held(&self, lock: ObjectId) {
        self.held_locks.borrow_mut().push(lock);
    }

    pub(super) fn pop_held(&self, lock: ObjectId) {
        let mut held = self.held_locks.borrow_mut();
        if let Some(at) = held.iter().rposition(|known| *known == lock) {
            held.remove(at);
        }
    }

    /// The locks it holds, in the order they were taken; the BKL also while `schedule()` has given it back.
    pub fn held_locks(&self) -> Vec<ObjectId> {
        self.held_locks.borrow().clone()
    }

    pub(super) fn add_preempt(&self, by: i32) {
        self.preempt_count.set(self.preempt_count.get().saturating_add_signed(by));
    }

    /// What keeps bottom halves off on its CPU, if the kernel is a real-time kernel.
    pub(super) fn softirq_lock(&self) -> Option<SpinLock> {
        self.softirq_lock
    }

    /// Bottom halves are off once more, or once less: how deep, then.
    pub(super) fn add_bh(&self, by: i32) -> u32 {
        self.bh_depth.set(self.bh_depth.get().saturating_add_signed(by));
        self.bh_depth.get()
    }

    pub(super) fn add_sections(&self, by: i32) {
        self.sections.set(self.sections.get().saturating_add_signed(by));
    }

    pub(super) fn set_irqs_off(&self, off: bool) {
        self.irqs_off.set(off);
    }

    /// `irqs_disabled`: no interrupt comes here.
    pub fn irqs_disabled(&self) -> bool {
        self.irqs_off.get()
    }

    /// `in_atomic`: preemption is off, by a spinlock or otherwise. The BKL does not count.
    pub fn in_atomic(&self) -> bool {
        self.preempt_count.get() > 0
    }

    /// `BUG_ON`: a finding if the condition holds, and the execution ends.
    #[track_caller]
    pub fn bug_on(&self, condition: bool, text: &'static str) {
        if condition {
            engine::note(Note::Bug(text), Place::caller());
        }
    }

    /// The environment picks one of `0..n`.
    #[track_caller]
    pub fn choose(&self, n: u8, what: impl Into<Choice>) -> u8 {
        engine::perform(Op::Choose(n, what.into()), Place::caller()) as u8
    }

    /// Something may happen or not, as the environment picks.
    #[track_caller]
    pub fn happens(&self, what: Choice) -> bool {
        self.choose(2, what) == 1
    }

    /// A security hook's verdict: it may refuse where the scenario lets it.
    #[track_caller]
    pub fn lsm_refuses(&self, hook: &'static str) -> bool {
        self.kernel.faults.lsm && self.happens(Choice::Lsm(hook.into()))
    }

    /// A loop of the innermost frame begins again, and all that it carries over is `locals`.
    ///
    /// Lets a loop meet itself: without it every round is a new state, because the history has grown.
    #[track_caller]
    pub fn again(&self, frame: &Frame, locals: &impl Hash) {
        let mut fold = Fingerprint::default();
        fold.write_history(frame.entry);
        self.hash_context(Place::caller(), &mut fold);
        locals.hash(&mut fold);
        engine::set_history(fold.finish_128());
    }

    /// From this line on, all that the task will do is a function of `locals`, and of what it observes from now on.
    ///
    /// Lets states meet again whose tasks came here in different ways: between two calls, or after a critical section whose
    /// values do not matter any more. It is a promise of the code under test; `--audit` samples whether it is kept.
    #[track_caller]
    pub fn forget_past(&self, locals: &impl Hash) {
        let mut fold = Fingerprint::default();
        fold.write_history(engine::origin());
        self.hash_context(Place::caller(), &mut fold);
        locals.hash(&mut fold);
        engine::set_history(fold.finish_128());
    }

    /// Where the code stands, and what it holds.
    fn hash_context(&self, place: Place, fold: &mut Fingerprint) {
        place.file().hash(fold);
        fold.write_u64(u64::from(place.line()) << 32 | u64::from(place.column()));
        fold.write_u32(self.lock_depth.get() as u32);
        // The checks remember it too, and what comes from spinlocks is told by the locks held: one of the two suffices.
        fold.write_u32(self.preempt_count.get() | u32::from(self.irqs_off.get()) << 31);
        if self.softirq_lock.is_some() {
            fold.write_u64(u64::from(self.bh_depth.get()) << 32 | u64::from(self.sections.get()));
        }
        self.held_locks.borrow().hash(fold);
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        engine::note(Note::Exit(self.name), self.place);
    }
}
