//! Interrupts and bottom halves, off and on; handlers; `cond_resched`.
//!
//! `local_irq_disable` and `local_irq_enable` do not nest: one enable undoes any number of disables. Saving and restoring nests, and so do
//! bottom halves. A handler of a hard interrupt runs with interrupts off on its CPU, a softirq with interrupts on and bottom halves as they are.
//!
//! On a real-time kernel handlers are threads, and bottom halves are off by a lock of the CPU (`softirq_ctrl`): what has them off excludes each other, may sleep
//! and may be preempted. `local_irq_disable` is what it is everywhere.
//!
//! Source: `include/linux/irqflags.h`, `kernel/softirq.c` of Linux 6.12.

use super::task::Task;
use crate::engine::{self, Preemption};
use crate::event::{Level, Mask, Note, Op, Place};

/// What `local_irq_save` has saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "interrupts stay off until they are restored"]
pub struct IrqFlags {
    off: bool,
}

fn perform(mask: Mask, place: Place) -> u64 {
    engine::perform(Op::Mask(mask), place)
}

impl Task {
    /// `local_irq_disable`: no interrupt comes on this CPU from here.
    #[track_caller]
    pub fn local_irq_disable(&self) {
        perform(Mask::IrqDisable, Place::caller());
        self.set_irqs_off(true);
    }

    /// `local_irq_enable`: interrupts are on from here, whatever was before.
    #[track_caller]
    pub fn local_irq_enable(&self) {
        self.irq_enable_at(Place::caller());
    }

    pub(super) fn irq_enable_at(&self, place: Place) {
        perform(Mask::IrqEnable, place);
        self.set_irqs_off(false);
    }

    /// `local_irq_save`: as `local_irq_disable`, and says what was before.
    #[track_caller]
    pub fn local_irq_save(&self) -> IrqFlags {
        let off = perform(Mask::IrqSave, Place::caller()) == 1;
        self.set_irqs_off(true);
        IrqFlags { off }
    }

    /// `local_irq_restore`.
    #[track_caller]
    pub fn local_irq_restore(&self, flags: IrqFlags) {
        self.irq_restore_at(flags, Place::caller());
    }

    pub(super) fn irq_restore_at(&self, flags: IrqFlags, place: Place) {
        perform(Mask::IrqRestore(flags.off), place);
        self.set_irqs_off(flags.off);
    }

    /// `local_bh_disable`: no softirq comes on this CPU from here. Nests. On a real-time kernel it takes a lock of the CPU that sleeps, which handlers take too.
    #[track_caller]
    pub fn local_bh_disable(&self) {
        self.bh_disable_at(Place::caller());
    }

    fn bh_disable_at(&self, place: Place) {
        if let Some(lock) = self.softirq_lock() {
            if self.add_bh(1) == 1 {
                engine::note(Note::MightSleep("local_bh_disable"), place);
                lock.perform(Op::Acquire(lock.id), place);
                self.push_held(lock.id);
            }
            return;
        }
        perform(Mask::BhDisable, place);
        self.add_preempt(1);
    }

    /// `local_bh_enable`: softirqs that were raised meanwhile may run here, with interrupts on. So interrupts are on from here, also if
    /// `local_irq_save` had them off: the kernel warns of such a call. In a hard interrupt they stay off.
    #[track_caller]
    pub fn local_bh_enable(&self) {
        self.bh_enable_at(Place::caller());
    }

    pub(super) fn bh_enable_at(&self, place: Place) {
        if let Some(lock) = self.softirq_lock() {
            if self.add_bh(-1) == 0 {
                lock.perform(Op::Release(lock.id), place);
                self.pop_held(lock.id);
            }
            return;
        }
        let off = perform(Mask::BhEnable, place) == 1;
        self.set_irqs_off(off);
        self.add_preempt(-1);
    }

    /// `cond_resched`: another task may have this CPU now.
    #[track_caller]
    pub fn cond_resched(&self) {
        self.might_sleep("cond_resched");
        if engine::preemption() == Some(Preemption::None) {
            perform(Mask::Resched, Place::caller());
        }
    }

    /// Runs a handler each time that its interrupt comes, as the thread that it is on a real-time kernel: with bottom halves off, and interrupts on.
    pub(crate) fn handle_in_thread(&self, times: u32, handler: impl Fn(&Task), place: Place) {
        for _ in 0..times {
            self.bh_disable_at(place);
            handler(self);
            self.bh_enable_at(place);
        }
    }

    /// Runs a handler each time that its interrupt comes.
    pub(crate) fn handle(&self, level: Level, times: u32, handler: impl Fn(&Task), place: Place) {
        for _ in 0..times {
            engine::perform(Op::Enter(level), place);
            self.add_preempt(1);
            self.set_irqs_off(level >= Level::Hard);
            handler(self);
            self.set_irqs_off(false);
            self.add_preempt(-1);
            engine::perform(Op::Leave(level), place);
        }
    }
}
