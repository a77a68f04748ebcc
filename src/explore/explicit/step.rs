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
                    self.judge_order(words, at, (lock.kind, lock.class), docket);
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
                if old == expected {
                    docket.put(new, cell, words);
                }
                docket.put(old, to, words);
            }
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
                self.judge_order(words, at, (Kind::Spin, block.class), docket);
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
        if matches!(stop.op, Op::End) && !docket.stopped {
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
        let spins = (0..self.locks.len()).filter(|&lock| self.locks[lock].kind == Kind::Spin);
        spins.into_iter().any(|lock| self.holds_lock(words, at, lock))
            || (0..self.blocks.len()).any(|block| self.holds_inside(words, at, block))
            || self.tasks[at].preempt.get(words) > 0
    }

    /// A lock of the kind and class is taken: what the task holds comes before it.
    fn judge_order(&self, words: &[u64], at: usize, (kind, class): (Kind, u16), docket: &mut Docket) {
        let locks = self.locks.iter().enumerate().filter(|(held, _)| self.holds_lock(words, at, *held));
        let inside = self.blocks.iter().enumerate().filter(|(held, _)| self.holds_inside(words, at, *held));
        let held =
            locks.map(|(_, lock)| (lock.kind, lock.class)).chain(inside.map(|(_, block)| (Kind::Spin, block.class)));
        for (held_kind, held) in held {
            if held != class && held_kind.is_ordered_with(kind) {
                let order = usize::from(held) * self.lock_classes.len() + usize::from(class);
                docket.raise((self.findings.len() + order) as Id);
            }
        }
    }

    /// A task ends: does it still hold something?
    fn judge_return(&self, words: &[u64], at: usize, docket: &mut Docket) {
        for (lock, known) in self.locks.iter().enumerate() {
            if self.holds_lock(words, at, lock) {
                docket.raise(known.left);
            }
        }
        for (block, known) in self.blocks.iter().enumerate() {
            if self.holds_inside(words, at, block) {
                docket.raise(known.left);
            }
        }
    }

    /// Everything is done: is something left?
    pub(super) fn judge_end(&self, words: &[u64], docket: &mut Docket) {
        for block in &self.blocks {
            if block.life.raw(words) == 1 {
                docket.raise(block.leaked);
            }
        }
    }
}
