//! Store buffers, for memory that is not sequentially consistent: total store order, as on x86.
//!
//! A store, and the release of a lock, waits in its task's buffer; that the oldest one reaches memory is a transition of its own.
//! A task reads its own newest store first. Whatever [drains](crate::event::Op::drains) waits for an empty buffer.
//! The buffer is part of the task's part of the state, with room for as many stores as its code makes between two operations that
//! drain.

use super::machine::{Docket, Program, Store, Task};
use crate::subject::form::{Code, Inst};

/// Room of a buffer that code could fill without end, by a loop that never drains.
pub(super) const STORES_MAX: usize = 8;

impl Inst {
    /// Does it wait for an empty buffer? The end of a task does as well.
    pub(super) fn drains(self) -> bool {
        self.is_visible() && !self.is_stored() && !matches!(self, Inst::Load(..) | Inst::Choose(..) | Inst::Use(..))
    }

    /// Does it go through the buffer?
    fn is_stored(self) -> bool {
        matches!(self, Inst::Store(..) | Inst::Release(_) | Inst::ReleaseIn(_))
    }
}

/// As many stores as can be on their way at once.
pub(super) fn room(code: &Code) -> usize {
    let mut before = vec![None; code.insts.len() + 1];
    before[0] = Some(0);
    let mut most = 0;
    let mut open = vec![0];
    while let Some(at) = open.pop() {
        let Some(&inst) = code.insts.get(at) else { continue };
        let count: usize = before[at].expect("only what was reached is open");
        let after = if inst.drains() { 0 } else { (count + usize::from(inst.is_stored())).min(STORES_MAX) };
        most = most.max(after);
        for next in code.successors(at) {
            if before[next].is_none_or(|known| known < after) {
                before[next] = Some(after);
                open.push(next);
            }
        }
    }
    most
}

impl Task {
    /// Has every store reached memory?
    #[inline]
    pub(super) fn is_drained(&self, words: &[u64]) -> bool {
        self.buffer.first().is_none_or(|oldest| oldest.target.raw(words) == 0)
    }

    /// What the task's newest store to the target brings, as stored there.
    pub(super) fn newest(&self, words: &[u64], target: u16) -> Option<u64> {
        let to_it = |store: &&Store| store.target.raw(words) == u64::from(target);
        self.buffer.iter().rev().find(to_it).map(|store| store.value.raw(words))
    }
}

impl Program {
    /// Target of stores to a cell.
    pub(super) fn cell_target(cell: u16) -> u16 {
        cell + 1
    }

    /// Target of the release of a lock.
    pub(super) fn lock_target(&self, lock: usize) -> u16 {
        (self.cells.len() + lock) as u16 + 1
    }

    /// Target of the release of the lock inside a slab object.
    pub(super) fn block_target(&self, block: usize) -> u16 {
        (self.cells.len() + self.locks.len() + block) as u16 + 1
    }

    /// A store goes into the buffer, or to memory at once if there is none.
    pub(super) fn store(&self, words: &mut [u64], at: usize, target: u16, raw: u64, docket: &mut Docket) {
        let task = &self.tasks[at];
        let free = task.buffer.iter().find(|store| store.target.raw(words) == 0);
        let Some(free) = free else {
            docket.overflows = true;
            return;
        };
        free.target.set_raw(words, u64::from(target));
        free.value.set_raw(words, raw);
    }

    /// The task's oldest store reaches memory.
    pub(super) fn flush(&self, words: &mut [u64], at: usize, docket: &mut Docket) {
        let task = &self.tasks[at];
        let oldest = task.buffer[0];
        let (target, raw) = (oldest.target.raw(words) as usize - 1, oldest.value.raw(words));
        for (to, from) in task.buffer.iter().zip(&task.buffer[1..]) {
            to.target.set_raw(words, from.target.raw(words));
            to.value.set_raw(words, from.value.raw(words));
        }
        let last = task.buffer[task.buffer.len() - 1];
        last.target.set_raw(words, 0);
        last.value.set_raw(words, 0);
        let (cells, locks) = (self.cells.len(), self.locks.len());
        match target.checked_sub(cells) {
            None => self.cells[target].set_raw(words, raw),
            Some(lock) if lock < locks => self.locks[lock].owner.set_raw(words, raw),
            Some(block) => {
                let block = &self.blocks[block - locks];
                block.owner.set_raw(words, raw);
                if block.life.raw(words) == 2 {
                    docket.raise(block.used);
                }
            }
        }
    }

    /// Does the task (from 0) hold the lock, as far as it knows itself: it has not given it back?
    #[inline]
    pub(super) fn holds_lock(&self, words: &[u64], at: usize, lock: usize) -> bool {
        let is_owner = self.locks[lock].owner.raw(words) == at as u64 + 1;
        is_owner && self.tasks[at].newest(words, self.lock_target(lock)).is_none()
    }

    /// The same of the lock inside a slab object.
    pub(super) fn holds_inside(&self, words: &[u64], at: usize, block: usize) -> bool {
        let is_owner = self.blocks[block].owner.raw(words) == at as u64 + 1;
        is_owner && self.tasks[at].newest(words, self.block_target(block)).is_none()
    }
}
