//! Contexts: interrupts, bottom halves, preemption, RCU, allocation scopes; and where sleeping is not allowed.

use super::cure;
use super::finding::{Finding, Kind, Level};
use super::lock::{Flavour, Gfp, Hold, LockId, LockKind, Op, Wait};
use super::memory::{Request, Validator};

impl Validator<'_> {
    pub(super) fn context(&mut self, task: usize, op: &Op) {
        match *op {
            Op::IrqDisable => self.irq_off(task),
            Op::IrqEnable => self.irq_on(task),
            Op::IrqSave => {
                let state = &mut self.tasks[task];
                state.saved.push((state.irqs_on, state.off_by_hand));
                self.irq_off(task);
            }
            Op::IrqRestore => match self.tasks[task].saved.pop() {
                Some((true, _)) => self.irq_on(task),
                Some((false, by_hand)) => self.tasks[task].off_by_hand = by_hand,
                None => self.unbalanced(task, "irq_restore"),
            },
            Op::BhDisable => self.tasks[task].bh += 1,
            Op::BhEnable => self.bh_on(task),
            Op::PreemptDisable => self.tasks[task].preempt += 1,
            Op::PreemptEnable => match self.tasks[task].preempt.checked_sub(1) {
                Some(depth) => self.tasks[task].preempt = depth,
                None => self.unbalanced(task, "preempt_enable"),
            },
            Op::HardirqEnter { threaded } => {
                self.enter_level(task, Level::Hard, threaded);
                self.tasks[task].irqs_on = false;
            }
            Op::HardirqExit { keep_irqs_off } => self.leave_level(task, keep_irqs_off),
            Op::SoftirqEnter => {
                self.tasks[task].bh += 1;
                self.enter_level(task, Level::Soft, false);
                self.tasks[task].irqs_on = false;
            }
            Op::SoftirqExit => {
                self.leave_level(task, false);
                self.tasks[task].bh = self.tasks[task].bh.saturating_sub(1);
                self.mark_held(task);
            }
            _ => {}
        }
    }

    fn unbalanced(&mut self, task: usize, what: &str) {
        let message = format!("{what} without its counterpart before it");
        self.wrong(task, Kind::ContextMisuse, message, "Pair the calls.");
    }

    fn irq_off(&mut self, task: usize) {
        self.tasks[task].irqs_on = false;
        self.tasks[task].off_by_hand = true;
    }

    fn irq_on(&mut self, task: usize) {
        if self.tasks[task].in_level(Level::Hard) {
            let message = "interrupts are turned on in a hard interrupt".to_owned();
            self.wrong(task, Kind::ContextMisuse, message, "Save and restore them instead (_irqsave).");
            return;
        }
        self.tasks[task].irqs_on = true;
        self.tasks[task].off_by_hand = false;
        self.mark_held(task);
    }

    /// Bottom halves on: interrupts go off and on for it, so it must not be where they have to stay off.
    fn bh_on(&mut self, task: usize) {
        let state = &self.tasks[task];
        if state.bh == 0 {
            return self.unbalanced(task, "bh_enable");
        }
        let wrong = if state.in_level(Level::Hard) {
            Some("in a hard interrupt")
        } else if !state.irqs_on && state.off_by_hand {
            Some("with interrupts off, and turns them on")
        } else {
            None
        };
        if let Some(wrong) = wrong.filter(|_| !self.is_kernel()) {
            let message = format!("bottom halves are turned on {wrong}");
            self.wrong(task, Kind::ContextMisuse, message, "Turn bottom halves on after interrupts.");
        }
        self.tasks[task].bh -= 1;
        if !self.tasks[task].in_level(Level::Hard) {
            self.tasks[task].irqs_on = true;
            self.tasks[task].off_by_hand = false;
            self.mark_held(task);
        }
    }

    fn leave_level(&mut self, task: usize, keep_irqs_off: bool) {
        let state = &mut self.tasks[task];
        let Some(left) = state.levels.pop() else { return };
        state.off_by_hand = left.off_by_hand;
        if !keep_irqs_off {
            state.irqs_on = true;
            state.off_by_hand = false;
            self.mark_held(task);
        }
    }

    pub(super) fn rcu_enter(&mut self, task: usize, flavour: Flavour) {
        match flavour {
            Flavour::Rcu => {}
            Flavour::Bh => self.tasks[task].bh += 1,
            Flavour::Sched => self.tasks[task].preempt += 1,
        }
        let lock = self.locks.rcu(flavour);
        self.acquire(task, Request::plain(lock, Hold::Recursive));
    }

    pub(super) fn rcu_exit(&mut self, task: usize, flavour: Flavour) {
        self.release(task, self.locks.rcu(flavour), None);
        match flavour {
            Flavour::Rcu => {}
            Flavour::Bh if self.tasks[task].bh > 0 => self.bh_on(task),
            Flavour::Bh => {}
            Flavour::Sched => self.tasks[task].preempt = self.tasks[task].preempt.saturating_sub(1),
        }
    }

    /// Memory reclaim is a lock that is taken for the time of an allocation that may reclaim and enter a file system.
    pub(super) fn reclaim(&mut self, task: usize, op: &Op, gfp: Gfp) {
        let state = &self.tasks[task];
        let fs = gfp.fs && state.nofs == 0 && state.noio == 0;
        let tracked = gfp.reclaims && fs && !gfp.untracked;
        let lock = self.locks.fs_reclaim();
        if tracked && !matches!(op, Op::ReclaimExit(_)) {
            self.acquire(task, Request::plain(lock, Hold::Exclusive));
        }
        if tracked && !matches!(op, Op::ReclaimEnter(_)) {
            self.release(task, lock, None);
        }
        if gfp.reclaims && matches!(op, Op::Alloc(_)) {
            self.may_sleep(task, "an allocation that may reclaim memory");
        }
    }

    /// Something that may sleep, whether it does or not.
    pub(super) fn may_sleep(&mut self, task: usize, what: &str) {
        if self.is_kernel() {
            return;
        }
        if let Some((why, since)) = self.tasks[task].atomic(self.locks) {
            let message = format!("{what} may sleep, {why}");
            let mut finding = Finding::at(Kind::SleepInAtomic, self.place(task), message, cure::SLEEP);
            if let Some(since) = since {
                finding = finding.note(since, "atomic since here");
            }
            self.report(finding);
        }
    }

    /// The same for a lock; the check of wait types says it first, where it sees it.
    pub(super) fn may_sleep_for(&mut self, task: usize, lock: LockId, read: bool) {
        let lock = &self.locks.all[lock];
        // Taken alone, a domain of SRCU is `synchronize_srcu`.
        let synchronizes = lock.kind == LockKind::Srcu && !read;
        let (allowed, _) = self.tasks[task].allowed(self.locks);
        let is_told = lock.inner != Wait::Unchecked && lock.outer > allowed;
        if (lock.kind.sleeps() || synchronizes) && !is_told {
            let name = lock.name.clone();
            self.may_sleep(task, &format!("taking {name}"));
        }
    }

    /// A mutex belongs to a task, so that an interrupt must not even try.
    pub(super) fn attempt_in_irq(&mut self, task: usize, lock: LockId) {
        let lock = &self.locks.all[lock];
        let has_owner = matches!(lock.kind, LockKind::Mutex | LockKind::RtMutex | LockKind::WwMutex);
        if has_owner && !self.is_kernel() && !self.tasks[task].levels.is_empty() {
            let message = format!("{} is tried in an interrupt, and its owner is a task", lock.name);
            self.wrong(task, Kind::ContextMisuse, message, cure::SLEEP);
        }
    }
}
