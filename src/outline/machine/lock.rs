//! Locks of a state: who can have one, who waits for one.
//!
//! A fair lock (rwsem, qrwlock) has a queue: who finds it taken, or somebody in the queue, stands in the queue; its head has the lock
//! next, and readers behind readers with it. On the others anybody who finds it free may have it.

use super::*;

impl Machine<'_> {
    /// May the task have the lock, its queue left out?
    fn is_free(&self, state: &State, task: usize, lock: usize, mode: Mode) -> bool {
        let at = self.lock(lock);
        let readers = || (0..self.program.tasks.len()).any(|other| state[at + READERS + other] > 0);
        let is_bkl = self.program.locks[lock].1 == Kind::Bkl && state[at + OWNER] == task as i32 + 1;
        is_bkl || state[at + OWNER] == 0 && (mode == Mode::Read || !readers())
    }

    fn queue(&self, state: &State, lock: usize) -> Vec<i32> {
        let at = self.lock(lock) + READERS + self.program.tasks.len();
        state[at..at + self.program.tasks.len()].iter().copied().take_while(|entry| *entry != 0).collect()
    }

    fn put_queue(&self, state: &mut State, lock: usize, queue: &[i32]) {
        let at = self.lock(lock) + READERS + self.program.tasks.len();
        for (slot, word) in state[at..at + self.program.tasks.len()].iter_mut().enumerate() {
            *word = queue.get(slot).copied().unwrap_or(0);
        }
    }

    /// The mode in which the task of an entry waits.
    fn wanted(&self, state: &State, entry: i32, lock: usize) -> Mode {
        match self.inst(state, entry as usize - 1).map(|inst| &inst.op) {
            Some(Op::Acquire(other, mode, _)) if *other == lock => *mode,
            _ => Mode::Write,
        }
    }

    /// Can it be acquired now?
    pub(super) fn can_acquire(&self, state: &State, task: usize, lock: usize, mode: Mode) -> bool {
        let kind = self.program.locks[lock].1;
        if !self.is_free(state, task, lock, mode) {
            return false;
        }
        let passes = kind == Kind::Qrwlock
            && mode == Mode::Read
            && matches!(self.program.tasks[task].start, Start::Hard(_) | Start::Soft(_));
        if !kind.is_fair() || passes {
            return true;
        }
        let queue = self.queue(state, lock);
        let before = queue.iter().take_while(|entry| **entry != task as i32 + 1);
        let mut ahead = before.map(|entry| self.wanted(state, *entry, lock));
        ahead.all(|ahead| ahead == Mode::Read && mode == Mode::Read)
    }

    /// Can the task only stand in the queue?
    pub(super) fn can_queue(&self, state: &State, task: usize, lock: usize) -> bool {
        self.program.locks[lock].1.is_fair() && !self.queue(state, lock).contains(&(task as i32 + 1))
    }

    pub(super) fn stand_in_queue(&self, state: &mut State, task: usize, lock: usize) {
        let mut queue = self.queue(state, lock);
        queue.push(task as i32 + 1);
        self.put_queue(state, lock, &queue);
    }

    pub(super) fn acquire(&self, state: &mut State, task: usize, lock: usize, mode: Mode) {
        let mut queue = self.queue(state, lock);
        queue.retain(|entry| *entry != task as i32 + 1);
        self.put_queue(state, lock, &queue);
        let at = self.lock(lock);
        match mode {
            Mode::Read => state[at + READERS + task] += 1,
            Mode::Write => {
                state[at + OWNER] = task as i32 + 1;
                state[at + DEPTH] += 1;
                if self.program.locks[lock].1 == Kind::Seqlock {
                    // Odd while it is written, which its holder says here.
                    state[at + SEQUENCE] = (state[at + SEQUENCE] + 2) % 32;
                }
            }
        }
    }

    /// False if the task does not hold it; a semaphore has no owner.
    pub(super) fn release(&self, state: &mut State, task: usize, lock: usize) -> bool {
        let at = self.lock(lock);
        let is_semaphore = self.program.locks[lock].1 == Kind::Semaphore;
        if state[at + OWNER] == task as i32 + 1 || is_semaphore && state[at + OWNER] != 0 {
            state[at + DEPTH] -= 1;
            if state[at + DEPTH] <= 0 {
                state[at + DEPTH] = 0;
                state[at + OWNER] = 0;
            }
            return true;
        }
        if state[at + READERS + task] > 0 {
            state[at + READERS + task] -= 1;
            return true;
        }
        is_semaphore
    }

    pub(super) fn downgrade(&self, state: &mut State, task: usize, lock: usize) {
        if self.release(state, task, lock) {
            state[self.lock(lock) + READERS + task] += 1;
        }
    }

    /// Gives the BKL up, whatever its depth.
    pub(super) fn park(&self, state: &mut State, task: usize) {
        if let Some(bkl) = self.bkl.filter(|_| self.holds_bkl(state, task)) {
            let at = self.lock(bkl);
            let depth = state[at + DEPTH];
            self.set(state, task, PARKED, depth);
            state[at + OWNER] = 0;
            state[at + DEPTH] = 0;
        }
    }

    pub(super) fn unpark(&self, state: &mut State, task: usize) {
        let bkl = self.bkl.expect("only the BKL is given up");
        let at = self.lock(bkl);
        state[at + OWNER] = task as i32 + 1;
        state[at + DEPTH] = self.get(state, task, PARKED);
        self.set(state, task, PARKED, 0);
    }

    /// Tasks that keep the task from the lock: its holders, and who stands before it.
    pub fn holders(&self, state: &State, task: usize, lock: usize) -> Vec<usize> {
        let at = self.lock(lock);
        let mut found: Vec<usize> = Vec::new();
        found.extend((state[at + OWNER] > 0).then(|| state[at + OWNER] as usize - 1));
        found.extend((0..self.program.tasks.len()).filter(|other| state[at + READERS + other] > 0));
        let queue = self.queue(state, lock);
        let before = queue.iter().take_while(|entry| **entry != task as i32 + 1).map(|entry| *entry as usize - 1);
        found.extend(before);
        found.dedup();
        found
    }
}
