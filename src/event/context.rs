//! Where a task runs: on which CPU, at which level, and what it keeps out there.

use super::Op;

/// What runs on a CPU. What comes later interrupts what comes before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// A task.
    #[default]
    Task,
    /// A softirq handler: comes where bottom halves and interrupts are on.
    Soft,
    /// A handler of a hard interrupt: comes where interrupts are on, and runs with interrupts off.
    Hard,
    /// A handler of a non-maskable interrupt: comes anywhere.
    Nmi,
}

impl Level {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Level::Task => "task",
            Level::Soft => "softirq",
            Level::Hard => "hard interrupt",
            Level::Nmi => "NMI",
        }
    }
}

/// The CPU and the level of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seat {
    /// Number of the CPU, from 0.
    pub cpu: u8,
    /// A task, or a handler of which level.
    pub level: Level,
}

/// What a task does to what may interrupt it. It concerns its own CPU alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mask {
    /// `local_irq_disable`.
    IrqDisable,
    /// `local_irq_enable`: on, whatever was before.
    IrqEnable,
    /// `local_irq_save`; the result is 1 if interrupts were off already.
    IrqSave,
    /// `local_irq_restore`: off if true.
    IrqRestore(bool),
    /// `local_bh_disable`, which nests.
    BhDisable,
    /// `local_bh_enable`.
    BhEnable,
    /// `preempt_disable`, which nests.
    PreemptDisable,
    /// `preempt_enable`.
    PreemptEnable,
    /// `cond_resched`: another task may have the CPU.
    Resched,
}

impl Mask {
    /// As the kernel spells it.
    pub fn word(self) -> &'static str {
        match self {
            Mask::IrqDisable => "local_irq_disable()",
            Mask::IrqEnable => "local_irq_enable()",
            Mask::IrqSave => "local_irq_save()",
            Mask::IrqRestore(true) => "local_irq_restore(off)",
            Mask::IrqRestore(false) => "local_irq_restore(on)",
            Mask::BhDisable => "local_bh_disable()",
            Mask::BhEnable => "local_bh_enable()",
            Mask::PreemptDisable => "preempt_disable()",
            Mask::PreemptEnable => "preempt_enable()",
            Mask::Resched => "cond_resched()",
        }
    }

    /// A number for each.
    pub fn tag(self) -> u64 {
        match self {
            Mask::IrqDisable => 0,
            Mask::IrqEnable => 1,
            Mask::IrqSave => 2,
            Mask::IrqRestore(false) => 3,
            Mask::IrqRestore(true) => 4,
            Mask::BhDisable => 5,
            Mask::BhEnable => 6,
            Mask::PreemptDisable => 7,
            Mask::PreemptEnable => 8,
            Mask::Resched => 9,
        }
    }
}

/// What a task, or a handler, keeps from its CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Masks {
    /// Interrupts are off.
    pub irqs_off: bool,
    /// Depth of `local_bh_disable`.
    pub bh: u8,
    /// Depth of `preempt_disable`.
    pub preempt: u8,
    /// Of a handler: it has come, and has not returned.
    pub active: bool,
}

impl Masks {
    /// Takes in an operation of the task; the result is that of the operation.
    pub fn follow(&mut self, op: Op) -> u64 {
        match op {
            Op::Mask(mask) => return self.apply(mask),
            Op::Enter(level) => *self = Masks { active: true, irqs_off: level >= Level::Hard, ..Masks::default() },
            Op::Leave(_) => *self = Masks::default(),
            _ => {}
        }
        0
    }

    fn apply(&mut self, mask: Mask) -> u64 {
        let were_off = u64::from(self.irqs_off);
        match mask {
            Mask::IrqDisable | Mask::IrqSave => self.irqs_off = true,
            Mask::IrqEnable => self.irqs_off = false,
            Mask::IrqRestore(off) => self.irqs_off = off,
            Mask::BhDisable => self.bh = self.bh.saturating_add(1),
            Mask::BhEnable => self.bh = self.bh.saturating_sub(1),
            Mask::PreemptDisable => self.preempt = self.preempt.saturating_add(1),
            Mask::PreemptEnable => self.preempt = self.preempt.saturating_sub(1),
            Mask::Resched => {}
        }
        if mask == Mask::IrqSave { were_off } else { 0 }
    }

    /// All of it as one word.
    pub fn word(self) -> u64 {
        u64::from(self.irqs_off) | u64::from(self.active) << 1 | u64::from(self.bh) << 8 | u64::from(self.preempt) << 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saving_nests_and_disabling_does_not() {
        let mut masks = Masks::default();

        let saved: Vec<u64> = [Mask::IrqSave, Mask::IrqSave].map(|mask| masks.apply(mask)).to_vec();
        assert_eq!(saved, [0, 1]);
        masks.apply(Mask::IrqRestore(true));
        assert!(masks.irqs_off, "the inner restore leaves them off");
        masks.apply(Mask::IrqDisable);
        masks.apply(Mask::IrqEnable);
        assert!(!masks.irqs_off, "one enable undoes any number of disables");
    }

    #[test]
    fn a_hard_interrupt_runs_with_interrupts_off_and_a_softirq_with_them_on() {
        let mut masks = Masks::default();

        masks.follow(Op::Enter(Level::Soft));
        assert!(masks.active && !masks.irqs_off);
        masks.follow(Op::Enter(Level::Hard));
        assert!(masks.irqs_off);
        masks.follow(Op::Leave(Level::Hard));
        assert_eq!(masks, Masks::default());
    }
}
