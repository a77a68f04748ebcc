//! What an operation does to the packed state, and what the checks have to say of it.
//!
//! Each event that a check would judge on the controlled engine is judged here by the same condition, on the packed
//! state alone.

use super::layout::Field;
use super::machine::{BlockAt, Docket, Id, Op, Program, Quiet, Target};
use crate::event::Woken;
use crate::subject::form::Kind;

impl Program {
    /// The task performs the operation before which it stands, with this result of a choice, and runs on to the next.
    #[inline]
    pub(super) fn step<const W: usize>(&self, words: &mut [u64; W], at: usize, choice: u8, docket: &mut Docket) {
        let task = &self.tasks[at];
        let stop = &task.stops[task.position.raw(words) as usize];
        match stop.op {
            Op::Load(from, to) => docket.put(from.get(words), to, words),
            Op::Store(cell, value) => docket.put(value.get(words), cell, words),
            Op::Add(cell, by, to) => {
                let old = cell.get(words);
                docket.put(old.wrapping_add(by), cell, words);
                docket.put(old, to, words);
            }
            Op::Acquire(owner, lock) => {
                let lock = &self.locks[usize::from(lock)];
                if lock.is_ordered {
                    self.judge_order(words, at, (lock.kind, lock.class, false), docket);
                }
                owner.set_raw(words, at as u64 + 1);
            }
            Op::Release(owner, not_held) => {
                if owner.raw(words) == at as u64 + 1 {
                    owner.set_raw(words, 0);
                } else {
                    docket.raise(not_held);
                }
            }
            Op::TryAcquire(owner, to) => {
                let is_free = owner.raw(words) == 0;
                if is_free {
                    owner.set_raw(words, at as u64 + 1);
                }
                docket.put(i64::from(is_free), to, words);
            }
            Op::Fence => {}
            Op::Choose(to) => docket.put(i64::from(choice), to, words),
            _ => self.step_rarely(words, at, stop.op, docket),
        }
        self.run_on(words, at, stop.next, docket);
    }

    #[inline(never)]
    fn step_rarely<const W: usize>(&self, words: &mut [u64; W], at: usize, op: Op, docket: &mut Docket) {
        let task = &self.tasks[at];
        match op {
            Op::Xchg(cell, value, to) => {
                let old = cell.get(words);
                docket.put(value.get(words), cell, words);
                docket.put(old, to, words);
            }
            Op::CmpXchg(cell, expected, new, to) => {
                let old = cell.get(words);
                if old == expected.get(words) {
                    docket.put(new.get(words), cell, words);
                }
                docket.put(old, to, words);
            }
            Op::Sum(cell, by, to) => {
                let old = cell.get(words);
                docket.put(old.wrapping_add(by.get(words)), cell, words);
                docket.put(old, to, words);
            }
            Op::IncNotZero(cell, to) => {
                let old = cell.get(words);
                docket.put(old.wrapping_add(i64::from(old != 0)), cell, words);
                docket.put(old, to, words);
            }
            Op::TryAcquireShared(..) | Op::AcquireRead(_) | Op::ReleaseRead(..) => {
                self.step_shared(words, at, op, docket)
            }
            Op::Down(permits) => {
                let count = permits.raw(words);
                permits.set_raw(words, count - 1);
            }
            Op::TryDown(permits, to) => {
                let count = permits.raw(words);
                let has_one = count != 0;
                permits.set_raw(words, count - u64::from(has_one));
                docket.put(i64::from(has_one), to, words);
            }
            Op::Up(permits) => docket.put(permits.get(words) + 1, permits, words),
            Op::Enqueue(queue) => {
                task.on_queue[usize::from(queue)].set_raw(words, 1);
                task.sleeping.set_raw(words, 1);
            }
            Op::Dequeue(queue) => {
                task.on_queue[usize::from(queue)].set_raw(words, 0);
                task.sleeping.set_raw(words, 0);
            }
            Op::Wake(queue) => {
                for other in self.tasks.iter().filter(|other| other.on_queue[usize::from(queue)].is_somewhere()) {
                    if other.on_queue[usize::from(queue)].raw(words) == 1 {
                        other.on_queue[usize::from(queue)].set_raw(words, 0);
                        other.sleeping.set_raw(words, 0);
                    }
                }
            }
            Op::Sleep(to, in_atomic) => {
                let woken = match (task.sleeping.raw(words) == 1, task.interrupted.raw(words) == 1) {
                    (false, _) => Woken::Up,
                    (true, true) => Woken::Signal,
                    (true, false) => Woken::Timeout,
                };
                task.sleeping.set_raw(words, 0);
                if woken == Woken::Signal {
                    task.interrupted.set_raw(words, 0);
                }
                docket.put(woken as i64, to, words);
                if self.is_atomic(words, at) {
                    docket.raise(in_atomic);
                }
            }
            Op::Interrupt(target) => self.tasks[usize::from(target)].interrupted.set_raw(words, 1),
            Op::Advance(by) => docket.put(self.jiffies.get(words).wrapping_add_unsigned(by), self.jiffies, words),
            Op::Use(..) | Op::Free(_) | Op::AcquireIn(_) | Op::ReleaseIn(_) => self.step_slab(words, at, op, docket),
            Op::LoadBuffered(target, cell, to) => {
                let raw = task.newest(words, target).unwrap_or(cell.raw(words));
                docket.put(cell.value(raw), to, words);
            }
            Op::StoreBuffered(target, cell, value) => match cell.raw_of(value.get(words)) {
                Some(raw) => self.store(words, at, target, raw, docket),
                None => docket.out_of_range = true,
            },
            Op::ReleaseBuffered(lock, not_held) => {
                if self.holds_lock(words, at, usize::from(lock)) {
                    self.store(words, at, self.lock_target(usize::from(lock)), 0, docket);
                } else {
                    docket.raise(not_held);
                }
            }
            Op::Load(..) | Op::Store(..) | Op::Add(..) | Op::Fence | Op::Acquire(..) | Op::TryAcquire(..) => {
                unreachable!("internal error: {op:?} is performed by the caller")
            }
            Op::Release(..) | Op::Choose(_) | Op::End => {
                unreachable!("internal error: {op:?} is performed by the caller")
            }
        }
    }

    /// Does anybody hold the lock for reading?
    pub(super) fn readers(&self, words: &[u64], lock: usize) -> u64 {
        let reads = |task: usize| u64::from(self.tasks[task].reads[lock].raw(words) != 0) << task;
        (0..self.tasks.len()).map(reads).sum()
    }

    fn step_shared<const W: usize>(&self, words: &mut [u64; W], at: usize, op: Op, docket: &mut Docket) {
        match op {
            Op::TryAcquireShared(lock, to) => {
                let lock = usize::from(lock);
                let owner = self.locks[lock].owner;
                let is_free = owner.raw(words) == 0 && self.readers(words, lock) == 0;
                if is_free {
                    owner.set_raw(words, at as u64 + 1);
                }
                docket.put(i64::from(is_free), to, words);
            }
            Op::AcquireRead(number) => {
                let lock = &self.locks[usize::from(number)];
                if lock.is_ordered {
                    self.judge_order(words, at, (lock.kind, lock.class, lock.kind == Kind::Rw), docket);
                }
                let reads = self.tasks[at].reads[usize::from(number)];
                docket.put(reads.get(words) + 1, reads, words);
            }
            Op::ReleaseRead(lock, not_held) => {
                let reads = self.tasks[at].reads[usize::from(lock)];
                match reads.raw(words) {
                    0 => docket.raise(not_held),
                    held => reads.set_raw(words, held - 1),
                }
            }
            other => unreachable!("internal error: {other:?} is not about a lock that readers share"),
        }
    }

    /// The slab object that the pointer names.
    ///
    /// # Panics
    /// If it names none: code looks before it uses a pointer.
    fn block_at(&self, pointer: Field, words: &[u64]) -> usize {
        let at = pointer.get(words).checked_sub(1).and_then(|at| usize::try_from(at).ok());
        at.filter(|at| *at < self.blocks.len()).expect("internal error: a null pointer is used")
    }

    pub(super) fn block(&self, pointer: Field, words: &[u64]) -> &BlockAt {
        &self.blocks[self.block_at(pointer, words)]
    }

    fn step_slab<const W: usize>(&self, words: &mut [u64; W], at: usize, op: Op, docket: &mut Docket) {
        let me = at as u64 + 1;
        match op {
            Op::Use(pointer, used) => {
                if self.block(pointer, words).life.raw(words) == 2 {
                    docket.raise(used);
                }
            }
            Op::Free(pointer) => {
                let number = self.block_at(pointer, words);
                let block = &self.blocks[number];
                if (0..self.tasks.len()).any(|task| self.holds_inside(words, task, number)) {
                    docket.raise(block.left);
                }
                if block.life.raw(words) == 2 {
                    docket.raise(block.freed_twice);
                }
                block.life.set_raw(words, 2);
            }
            Op::AcquireIn(pointer) => {
                let block = self.block(pointer, words);
                self.judge_order(words, at, (Kind::Spin, block.class, false), docket);
                block.owner.set_raw(words, me);
                if block.life.raw(words) == 2 {
                    docket.raise(block.used);
                }
            }
            Op::ReleaseIn(pointer) => {
                let number = self.block_at(pointer, words);
                let block = &self.blocks[number];
                if self.holds_inside(words, at, number) {
                    if self.is_buffered {
                        self.store(words, at, self.block_target(number), 0, docket);
                    } else {
                        block.owner.set_raw(words, 0);
                    }
                } else {
                    docket.raise(block.not_held);
                }
                if block.life.raw(words) == 2 {
                    docket.raise(block.used);
                }
            }
            other => unreachable!("internal error: {other:?} is not about a slab object"),
        }
    }

    /// Quiet instructions up to the next stop.
    #[inline(always)]
    pub(super) fn run_on<const W: usize>(&self, words: &mut [u64; W], at: usize, target: Target, docket: &mut Docket) {
        let task = &self.tasks[at];
        let mut target = target;
        let stop = loop {
            match target {
                Target::Stop(stop) => break &task.stops[usize::from(stop)],
                Target::Quiet(quiet) => target = self.perform(words, at, &task.quiet[usize::from(quiet)], docket),
            }
        };
        let word = &mut words[task.position.word as usize];
        *word = *word & stop.keep | stop.position;
        for &(word, keep) in &stop.keep_more {
            words[word as usize] &= keep;
        }
        if matches!(stop.op, Op::End) && !docket.stopped && self.may_hold(words, at) {
            self.judge_return(words, at, docket);
        }
    }

    #[inline(always)]
    fn perform<const W: usize>(
        &self,
        words: &mut [u64; W],
        at: usize,
        &(quiet, next): &(Quiet, Target),
        docket: &mut Docket,
    ) -> Target {
        match quiet {
            Quiet::Branch(local, is, target) => {
                if is.of(local.get(words)) {
                    return target;
                }
            }
            Quiet::Set(to, value) => docket.put(value.get(words), to, words),
            Quiet::Binary(to, operator, left, right) => {
                docket.put(operator.apply(left.get(words), right.get(words)), to, words);
            }
            Quiet::Deadline(to, ticks) => {
                docket.put(self.jiffies.get(words).wrapping_add_unsigned(ticks), to, words);
            }
            Quiet::MightSleep(id) => {
                if !docket.stopped && self.is_atomic(words, at) {
                    docket.raise(id);
                }
            }
            Quiet::Bug(id) => {
                if !docket.stopped {
                    docket.raise(id);
                }
            }
            Quiet::Alloc(block) => self.blocks[usize::from(block)].life.set_raw(words, 1),
        }
        next
    }

    /// Does the task hold a spinlock, or has it disabled preemption?
    fn is_atomic(&self, words: &[u64], at: usize) -> bool {
        let spins = (0..self.locks.len()).filter(|&lock| matches!(self.locks[lock].kind, Kind::Spin | Kind::Rw));
        spins.into_iter().any(|lock| self.holds_lock(words, at, lock) || self.reads(words, at, lock))
            || (0..self.blocks.len()).any(|block| self.holds_inside(words, at, block))
            || self.tasks[at].preempt.get(words) > 0
    }

    /// Does the task hold the lock for reading?
    pub(super) fn reads(&self, words: &[u64], at: usize, lock: usize) -> bool {
        self.tasks[at].reads[lock].raw(words) != 0
    }

    /// A lock of the kind and class is taken, in a way in which readers pass each other or not: what the task holds comes before it.
    fn judge_order(&self, words: &[u64], at: usize, (kind, class, passes): (Kind, u16, bool), docket: &mut Docket) {
        for (held, lock) in self.locks.iter().enumerate() {
            let reads = self.reads(words, at, held);
            if reads || self.holds_lock(words, at, held) {
                let before = (lock.kind, lock.class, reads && lock.kind == Kind::Rw);
                self.note_order(before, (kind, class, passes), docket);
            }
        }
        for (held, block) in self.blocks.iter().enumerate() {
            if self.holds_inside(words, at, held) {
                self.note_order((Kind::Spin, block.class, false), (kind, class, passes), docket);
            }
        }
    }

    fn note_order(&self, held: (Kind, u16, bool), taken: (Kind, u16, bool), docket: &mut Docket) {
        if held.1 != taken.1 && held.0.is_ordered_with(taken.0) {
            let classes = usize::from(held.1) * self.lock_classes.len() + usize::from(taken.1);
            let order = 4 * classes + 2 * usize::from(held.2) + usize::from(taken.2);
            docket.raise((self.findings.len() + order) as Id);
        }
    }

    /// Is anything to be seen that the task may hold? Mostly not, and then no closer look is needed.
    #[inline(always)]
    fn may_hold(&self, words: &[u64], at: usize) -> bool {
        let is_owner = self.locks.iter().any(|lock| lock.owner.raw(words) == at as u64 + 1);
        is_owner || self.has_readers || !self.blocks.is_empty()
    }

    /// A task ends: does it still hold something?
    #[inline(never)]
    fn judge_return(&self, words: &[u64], at: usize, docket: &mut Docket) {
        for (lock, known) in self.locks.iter().enumerate() {
            if self.holds_lock(words, at, lock) || self.reads(words, at, lock) {
                docket.raise(known.left);
            }
        }
        for (block, known) in self.blocks.iter().enumerate() {
            if self.holds_inside(words, at, block) {
                docket.raise(known.left);
            }
        }
    }

    /// Everything is done: is something left, or not as it has to be?
    pub(super) fn judge_end(&self, words: &[u64], docket: &mut Docket) {
        for ((_, holds), id) in &self.asserts {
            if !holds(&|cell| self.cells[usize::from(cell.0)].get(words)) {
                docket.raise(*id);
            }
        }
        for block in &self.blocks {
            if block.life.raw(words) == 1 {
                docket.raise(block.leaked);
            }
        }
    }
}
