//! What a state is for the search: 128 bits from all tasks and objects, the same for states with the same future.
//!
//! A task is told by its history (what it has observed since that was last folded), its pending operation, its flags and
//! its store buffer; an object by its contents. Fields of a freed slab object are left out: touching them ends the execution
//! with LW020, whatever they hold.
//!
//! **Symmetry.** Tasks that the program declares alike run the same code on the same objects, so exchanging two of them
//! changes nothing. Their parts of the state are taken in as a multiset: each part tells also which locks the task owns and
//! where it waits, and an owned lock says no more than that one of the group owns it. This is exact as long as
//! nothing else in the state names one of them. Whatever does (an object that one of them makes, a signal to one of them,
//! checks that remember tasks) turns the reduction off: [`World::symmetry`] says so, and the search begins anew without it.

use std::hash::Hasher;

use super::super::Unsound;
use super::super::fingerprint::Fingerprint;
use super::{Slot, WRITER, World};
use crate::event::{ObjectId, ObjectKind, Op, TaskId, View};

/// Which tasks may be exchanged.
#[derive(Clone, Default)]
pub(super) struct Symmetry {
    /// Per task the number of its group; empty if no two are alike, or nobody asked.
    groups: Vec<u8>,
    /// One of a group was named.
    broken: bool,
}

impl Symmetry {
    fn group(&self, task: TaskId) -> Option<u8> {
        self.groups.get(usize::from(task.0).wrapping_sub(1)).copied().filter(|group| *group != 0)
    }

    /// Where the task's history began: with its number, or that of its group.
    pub(super) fn origin(&self, task: TaskId) -> u128 {
        self.group(task).map_or(u128::from(task.0), |group| u128::from(group) << 64)
    }

    /// Something that cannot be renamed names the task.
    pub(super) fn named_by(&mut self, task: TaskId) {
        self.broken |= self.group(task).is_some();
    }
}

/// What the observer remembers of one task.
pub trait OfTask: Fn(TaskId, &mut Fingerprint) {}

impl<F: Fn(TaskId, &mut Fingerprint)> OfTask for F {}

impl World {
    /// Tasks with the same number, other than 0, are alike from now on.
    pub(in crate::engine) fn set_symmetry(&mut self, mut groups: Vec<u8>) {
        let members: Vec<usize> =
            groups.iter().map(|group| groups.iter().filter(|other| *other == group).count()).collect();
        groups.iter_mut().zip(members).filter(|(_, members)| *members < 2).for_each(|(group, _)| *group = 0);
        if groups.iter().all(|group| *group == 0) {
            return;
        }
        self.symmetry = Symmetry { groups, broken: false };
        for task in self.task_ids() {
            self.tasks[task.index()].history = self.symmetry.origin(task);
        }
    }

    /// May tasks still be exchanged? `None` if nobody asked.
    pub fn symmetry(&self) -> Option<bool> {
        (!self.symmetry.groups.is_empty()).then_some(!self.symmetry.broken)
    }

    /// Takes in the whole state, and what `of_task` tells of each task.
    pub fn fingerprint(&self, fingerprint: &mut Fingerprint, of_task: impl OfTask) {
        let mut roles: Vec<(TaskId, ObjectId)> = Vec::new();
        for (creator, slots) in self.objects.iter().enumerate() {
            fingerprint.write_usize(slots.len());
            for (at, slot) in slots.iter().enumerate() {
                if slot.info.block.is_some_and(|block| self.is_freed(block)) {
                    continue;
                }
                let id = || ObjectId::new(TaskId(creator as u8), at as u32 + 1);
                self.hash_slot(slot, id, &mut roles, fingerprint);
            }
        }
        fingerprint.write_u64(self.jiffies);
        let mut groups = [0u128; 8];
        for task in self.task_ids() {
            match self.symmetry.group(task) {
                None => self.hash_task(task, &of_task, fingerprint),
                Some(group) => {
                    let mut part = Fingerprint::default();
                    self.hash_task(task, &of_task, &mut part);
                    for (_, id) in roles.iter().filter(|(holder, _)| *holder == task) {
                        part.write_u32(id.0);
                    }
                    let sum = &mut groups[usize::from(group) % 8];
                    *sum = sum.wrapping_add(part.finish_128());
                }
            }
        }
        if !self.symmetry.groups.is_empty() {
            groups.iter().for_each(|group| fingerprint.write_history(*group));
        }
    }

    fn hash_task(&self, task: TaskId, of_task: &impl OfTask, fingerprint: &mut Fingerprint) {
        let record = &self.tasks[task.index()];
        if self.seeded != Some(Unsound::HistoryNotHashed) {
            fingerprint.write_history(record.history);
        }
        let flags = u8::from(record.sleeping) | u8::from(record.interrupted) << 1 | u8::from(record.finished) << 2;
        // Of a choice its text is left out: the history tells which it is.
        let [first, second, third] = record.pending.map_or([u64::MAX; 3], Op::words);
        fingerprint.write_u64(first ^ u64::from(flags) << 56);
        fingerprint.write_u64(second);
        if third != 0 {
            fingerprint.write_u64(third);
        }
        for &(id, value) in &record.buffer {
            fingerprint.write_u64(u64::from(id.0) << 32 | 1);
            fingerprint.write_u64(value);
        }
        let on_cpu = self.cpus.word(task);
        if on_cpu != 0 {
            fingerprint.write_u64(on_cpu << 1 | 1);
        }
        of_task(task, fingerprint);
    }

    /// An object; who of a group owns it or waits there goes to `roles`.
    fn hash_slot(
        &self,
        slot: &Slot,
        id: impl Fn() -> ObjectId,
        roles: &mut Vec<(TaskId, ObjectId)>,
        fingerprint: &mut Fingerprint,
    ) {
        match slot.info.kind {
            ObjectKind::Queue => {
                // A second account of what tasks tell: one that sleeps waits on the queue that its history names. One that was
                // woken by time or a signal still waits here until it leaves, or not; that is in the state although no step can
                // tell, since nobody observes how many a wake-up finds.
                let waiting = self.task_ids().filter(|task| slot.value >> task.0 & 1 != 0);
                let mut others = slot.value;
                for task in waiting.filter(|task| self.symmetry.group(*task).is_some()) {
                    others &= !(1 << task.0);
                    roles.push((task, id()));
                }
                fingerprint.write_u64(others);
                fingerprint.write_u32(slot.value.count_ones());
            }
            kind if kind.is_lock() => {
                // Readers turn the reduction off.
                let owner = slot.value.checked_sub(1).filter(|owner| *owner < WRITER).map(|owner| TaskId(owner as u8));
                match owner.and_then(|owner| self.symmetry.group(owner).map(|group| (owner, group))) {
                    Some((owner, group)) => {
                        // A second account too: who takes and releases the lock knows from its history that it owns it, and code
                        // that folds its history takes the locks it holds in (`forget_past`). Nobody else can release it.
                        roles.push((owner, id()));
                        fingerprint.write_u64(1 << 32 | u64::from(group));
                    }
                    None => fingerprint.write_u64(slot.value),
                }
            }
            kind => {
                fingerprint.write_u64(slot.value ^ (kind as u64) << 60);
            }
        }
    }
}
