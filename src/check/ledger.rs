//! What several checks need to know of the past: who took which lock where, who is in which call, what was born and freed where.
//!
//! Owners and freed blocks are in the state itself. The preemption depth is remembered here alone, so it is part of the
//! fingerprint. Sections of RCU are the kernel's alone, whose tasks fold their number into their history.

use std::hash::Hasher;

use super::counts::Counts;
use super::finding::{Spot, spot};
use crate::event::{Event, Held, Masks, Note, ObjectId, Op, Symbol, TaskId, View, What};

#[derive(Clone, Default)]
pub(super) struct Ledger {
    /// Locks held now, in the order of their acquisition.
    pub held: Held<Spot>,
    /// Where each lock was last given back.
    pub released: Vec<(ObjectId, Spot)>,
    /// Where each slab object was allocated.
    pub born: Vec<(ObjectId, Spot)>,
    /// Where each slab object was freed.
    pub freed: Vec<(ObjectId, Spot)>,
    /// Per task, where its present call began.
    pub calls: Vec<(TaskId, Spot)>,
    /// What has to be at the end what it was at the start.
    pub counts: Counts,
    /// Per task, `preempt_disable` beyond what locks do, and where.
    pub preempt: Vec<(TaskId, i32, Spot)>,
    /// Per task, read-side sections of RCU on a real-time kernel, and where: they are preempted, and forbid all sleeping but that of its spinlocks.
    pub sections: Vec<(TaskId, i32, Spot)>,
    /// Per task, what else makes it atomic, and since where. The engine has what decides it, and the state.
    pub masked: Vec<(TaskId, Masks, Spot)>,
}

/// What makes a task atomic that keeps interrupts out or is one.
fn word(masks: Masks) -> Option<&'static str> {
    match masks {
        Masks { active: true, .. } => Some("the interrupt"),
        Masks { irqs_off: true, .. } => Some("local_irq_disable"),
        Masks { bh, .. } if bh > 0 => Some("local_bh_disable"),
        _ => None,
    }
}

fn set<K: PartialEq>(list: &mut Vec<(K, Spot)>, key: K, spot: Spot) {
    match list.iter_mut().find(|(known, _)| *known == key) {
        Some(entry) => entry.1 = spot,
        None => list.push((key, spot)),
    }
}

/// A depth goes up or down; where it last went up is remembered.
fn add_depth(depths: &mut Vec<(TaskId, i32, Spot)>, event: &Event, by: i8) {
    match depths.iter_mut().find(|entry| entry.0 == event.task) {
        Some(entry) => *entry = (event.task, entry.1 + i32::from(by), if by > 0 { spot(event) } else { entry.2 }),
        None => depths.push((event.task, i32::from(by), spot(event))),
    }
}

impl Ledger {
    pub fn update(&mut self, event: &Event, view: &dyn View) {
        match event.what {
            What::Op(op, result) if op.lock().is_some() => {
                self.held.follow(event.task, op, result, || spot(event));
                if let (Some(lock), 0) = (op.gives_back(), result) {
                    set(&mut self.released, lock, spot(event));
                }
            }
            What::Op(op @ (Op::Mask(_) | Op::Enter(_) | Op::Leave(_)), _) => self.follow_masks(event, op),
            What::Op(Op::Free(block), 0) => self.freed.push((block, spot(event))),
            What::Op(op, _) => self.counts.follow(event, op, view),
            What::Note(Note::Count { cell, bits, name }) => self.counts.begin(event, (cell, bits, name), view),
            What::Note(Note::Alloc(block)) => self.born.push((block, spot(event))),
            What::Note(Note::Call(_)) => set(&mut self.calls, event.task, spot(event)),
            What::Note(Note::Preempt(by)) => add_depth(&mut self.preempt, event, by),
            What::Note(Note::Section(by)) => add_depth(&mut self.sections, event, by),
            _ => {}
        }
        debug_assert!(self.held.iter().all(|(_, lock, _)| view.object(*lock).kind.is_lock()));
    }

    fn follow_masks(&mut self, event: &Event, op: Op) {
        let at = self.masked.iter().position(|(task, ..)| *task == event.task).unwrap_or_else(|| {
            self.masked.push((event.task, Masks::default(), spot(event)));
            self.masked.len() - 1
        });
        let (_, masks, since) = &mut self.masked[at];
        let before = *masks;
        masks.follow(op);
        if word(before).is_none() {
            *since = spot(event);
        }
    }

    /// Where the lock was taken by its present owner.
    pub fn acquired(&self, lock: ObjectId) -> Option<Spot> {
        self.held.last(lock).map(|(_, _, spot)| *spot)
    }

    /// What makes the task atomic: the first spinlock it holds, or disabled preemption.
    pub fn atomic_since(&self, task: TaskId, view: &dyn View) -> Option<(Symbol, Spot)> {
        let spins = self.held.iter().filter(|(holder, lock, _)| *holder == task && view.spins(*lock));
        let disabled = self.preempt.iter().filter(|(holder, depth, _)| *holder == task && *depth > 0);
        let spin = spins.map(|(_, lock, spot)| (view.object(*lock).name, *spot)).next();
        let disabled = || disabled.map(|(_, _, spot)| (Symbol::from("preempt_disable"), *spot)).next();
        let masked = || {
            let (_, masks, since) = self.masked.iter().find(|(holder, ..)| *holder == task)?;
            Some((Symbol::from(word(*masks)?), *since))
        };
        spin.or_else(disabled).or_else(masked)
    }

    /// The section of RCU that a task of a real-time kernel is in, and since where.
    pub fn section_since(&self, task: TaskId) -> Option<(Symbol, Spot)> {
        let (_, _, since) = self.sections.iter().find(|(reader, depth, _)| *reader == task && *depth > 0)?;
        Some((Symbol::from("rcu_read_lock"), *since))
    }

    /// What is remembered of one task.
    ///
    /// The kernel's tasks take their preemption count into their history when they fold it (`forget_past`, `again`), and the
    /// locks they hold, so for them this is a second account of the same. Either alone suffices. This one is for code
    /// that folds its history without the kernel.
    pub fn fingerprint_task(&self, task: TaskId, hasher: &mut dyn Hasher) {
        // Nothing at all where preemption is on everywhere, which is nearly always.
        if self.preempt.iter().all(|(_, depth, _)| *depth == 0) {
            return;
        }
        let depth = self.preempt.iter().find(|(known, ..)| *known == task).map_or(0, |(_, depth, _)| *depth);
        hasher.write_u32(depth as u32);
    }
}
