//! RCU: read-side sections, grace periods, callbacks.
//!
//! A section never waits for anybody. `synchronize_rcu` waits until each section that had begun before it has ended; those that begin later it
//! does not wait for. `call_rcu` has a function run after that, in a task that the model gives to it.
//!
//! The sections are a word with a bit for each that is open, and no task has a bit of its own: a section takes one that is free. So a grace period is
//! that of the whole kernel, as with preemptible RCU, and a section may be preempted, where the kernel preempts; but it may not sleep.
//!
//! Limits: at most 64 sections are open at once, nested ones counted. Where the model has interrupts or tasks that share a CPU, an execution has
//! 32 sections at most, each with a bit of its own: a grace period whose task did not get its CPU in time must not take a later section for an
//! earlier one. What goes beyond is a bound in the verdict.
//!
//! Source: `kernel/rcu/tree.c`, `Documentation/RCU/whatisRCU.rst` of Linux 6.12.

use super::bkl;
use super::completion::Completion;
use super::task::Task;
use super::wait::WaitQueue;
use crate::engine::{self, Object, Preemption};
use crate::event::{Access, Note, ObjectInfo, ObjectKind, Op, Place, Rmw, Slots, Symbol};

/// The RCU of a kernel, or a domain of its own, as SRCU has them.
#[derive(Clone, Copy, Debug)]
pub struct Rcu {
    /// A bit for each open section.
    readers: Object,
    /// Where grace periods wait for the end of sections.
    left: WaitQueue,
}

/// A read-side section; ends when dropped.
#[must_use = "the section ends as soon as the guard is dropped"]
pub struct RcuReadGuard<'a> {
    rcu: Rcu,
    current: &'a Task,
    slot: u32,
    place: Place,
}

impl Rcu {
    /// One with no section open.
    pub fn new(name: impl Into<Symbol>) -> Rcu {
        let name = name.into();
        Rcu { readers: Object::new(ObjectInfo::new(ObjectKind::Atomic, name), 0), left: WaitQueue::new(name) }
    }

    /// `rcu_read_lock`: what is read here is not freed after a grace period before the section ends. It must not sleep.
    #[track_caller]
    pub fn read_lock(self, current: &Task) -> RcuReadGuard<'_> {
        let place = Place::caller();
        let slots = if engine::preemption().is_some() { Slots::Fresh } else { Slots::Any };
        turn_preemption(current, false, place);
        let old = self.readers.perform(Op::Rmw(self.readers.id, Rmw::Claim(slots), Access::Full), place);
        // What ends a grace period waits for what the section waits for.
        self.left.owed(place);
        RcuReadGuard { rcu: self, current, slot: Rmw::claimed(slots, old), place }
    }

    /// `synchronize_rcu`: sleeps until each section that is open now has ended.
    #[track_caller]
    pub fn synchronize(self, current: &Task) {
        let place = Place::caller();
        let frame = current.enter("synchronize_rcu");
        current.might_sleep("synchronize_rcu");
        self.left.awaited(place);
        let mut rest = self.look(place);
        while rest != 0 {
            current.again(&frame, &rest);
            self.left.prepare();
            rest &= self.look(place);
            if rest != 0 {
                bkl::schedule(current, None);
            }
            self.left.finish();
        }
        current.again(&frame, &rest);
    }

    /// The sections that are open, a bit each.
    fn look(self, place: Place) -> u64 {
        let word = self.readers.perform(Op::Load(self.readers.id, Access::Acquire), place);
        if engine::preemption().is_some() { u64::from(word as u32) } else { word }
    }
}

/// A section is atomic; where the kernel does not preempt, it keeps its CPU as well. On a real-time kernel it is not atomic, but its spinlocks alone may sleep.
fn turn_preemption(current: &Task, on: bool, place: Place) {
    let by: i8 = if on { -1 } else { 1 };
    if engine::preemption() == Some(Preemption::Rt) {
        engine::note(Note::Section(by), place);
        return current.add_sections(by.into());
    }
    let keeps = !matches!(engine::preemption(), None | Some(Preemption::Preempt));
    match (keeps, on) {
        (true, true) => current.preempt_enable(),
        (true, false) => current.preempt_disable(),
        (false, _) => {
            current.add_preempt(by.into());
            engine::note(Note::Preempt(by), place);
        }
    }
}

impl Drop for RcuReadGuard<'_> {
    fn drop(&mut self) {
        let Rcu { readers, left } = self.rcu;
        readers.perform(Op::Rmw(readers.id, Rmw::Vacate(self.slot), Access::Full), self.place);
        left.wake_up_at(self.place);
        turn_preemption(self.current, true, self.place);
    }
}

/// A function that is to run after a grace period (`struct rcu_head`).
///
/// One task of the model runs it: [`RcuHead::run`]. If nobody calls [`RcuHead::call`], that task waits for ever, which is a deadlock (LW008).
#[derive(Clone, Copy, Debug)]
pub struct RcuHead {
    rcu: Rcu,
    queued: Completion,
    done: Completion,
}

impl RcuHead {
    /// One that is not queued.
    pub fn new(name: impl Into<Symbol>, rcu: Rcu) -> RcuHead {
        let name = name.into();
        RcuHead { rcu, queued: Completion::new(name), done: Completion::new(name) }
    }

    /// `call_rcu`: the function may run once each section that is open now has ended. Does not sleep.
    #[track_caller]
    pub fn call(self) {
        self.queued.complete();
    }

    /// The task that runs callbacks: waits until it is queued, then for a grace period, and runs the function.
    #[track_caller]
    pub fn run(self, current: &Task, function: impl FnOnce()) {
        self.queued.wait(current);
        self.rcu.synchronize(current);
        self.done.owed();
        function();
        self.done.complete();
    }

    /// `rcu_barrier`: sleeps until the function has run.
    #[track_caller]
    pub fn barrier(self, current: &Task) {
        self.done.wait(current);
    }
}
