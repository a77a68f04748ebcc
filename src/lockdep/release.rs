//! Releasing, downgrading, initialising: what happens to a lock that is held.

use super::finding::{Finding, Kind};
use super::lock::{Hold, LockId};
use super::memory::Validator;
use super::state::{Act, Held};

impl Validator<'_> {
    /// Releases a lock, in whatever order.
    pub(super) fn release(&mut self, task: usize, lock: LockId, read: Option<bool>) {
        let Some(at) = self.find(task, lock) else {
            if self.locks.all[lock].kind.is_owned() {
                let message = format!("{} is released here, and is not held", self.name(lock));
                self.wrong(task, Kind::BadUnlock, message, "Release it once, where it was taken.");
            } else {
                self.up_of_another(lock);
            }
            return;
        };
        let held = self.tasks[task].held[at];
        self.check_mode(task, &held, read);
        if held.check {
            let place = self.place(task);
            self.tasks[task].act(place, Act::Drop(lock));
        }
        if held.references > 1 {
            self.tasks[task].held[at].references -= 1;
            return;
        }
        let above = self.tasks[task].held.split_off(at);
        for held in &above[1..] {
            self.enter(task, *held, false, true);
        }
    }

    /// Where on the stack a lock is. Locks of what was interrupted are not looked at; lockdep looks at the topmost entry even so.
    fn find(&self, task: usize, lock: LockId) -> Option<usize> {
        let held = &self.tasks[task].held;
        let context = if self.is_kernel() { held.last()?.irq_context } else { self.tasks[task].irq_context() };
        let own = held.iter().enumerate().rev().take_while(|(_, held)| held.irq_context == context);
        own.into_iter().find(|(_, held)| self.matches(held, lock)).map(|(at, _)| at)
    }

    fn check_mode(&mut self, task: usize, held: &Held, read: Option<bool>) {
        let Some(read) = read else { return };
        if self.is_kernel() || !self.locks.all[held.lock].kind.has_modes() || read == held.hold.is_read() {
            return;
        }
        let word = |read| if read { "for reading" } else { "for writing" };
        let name = self.name(held.lock);
        let message = format!("{name} is released {}, and is held {}", word(read), word(held.hold.is_read()));
        let cure = "Release it in the mode in which it was taken.";
        let finding = Finding::at(Kind::ReleaseMode, self.place(task), message, cure);
        self.report(finding.note(held.place, "taken here"));
    }

    /// A semaphore has no owner: the task that took it has it no longer.
    fn up_of_another(&mut self, lock: LockId) {
        for task in &mut self.tasks {
            if let Some(at) = task.held.iter().position(|held| held.lock == lock) {
                task.held.remove(at);
                return;
            }
        }
    }

    pub(super) fn downgrade(&mut self, task: usize, lock: LockId) {
        let Some(at) = self.find(task, lock) else {
            let message = format!("{} is downgraded here, and is not held", self.name(lock));
            return self.wrong(task, Kind::BadUnlock, message, "Downgrade what is held for writing.");
        };
        if self.tasks[task].held[at].hold.is_read() {
            let message = format!("{} is downgraded here, and is held for reading", self.name(lock));
            return self.wrong(task, Kind::ReleaseMode, message, "Downgrade what is held for writing.");
        }
        let place = self.place(task);
        self.tasks[task].act(place, Act::Downgrade(lock));
        self.tasks[task].held[at].hold = Hold::Fair;
        if self.is_kernel() {
            for held in self.tasks[task].held.split_off(at) {
                self.enter(task, held, false, true);
            }
        }
    }

    pub(super) fn set_subclass(&mut self, task: usize, lock: LockId, subclass: u8) {
        self.subclasses[lock] = subclass;
        let class = (self.locks.class(lock), subclass);
        self.tasks[task].held.iter_mut().filter(|held| held.lock == lock).for_each(|held| held.class = class);
    }

    /// Initialises a lock again. lockdep looks at what this task holds; here everybody's is looked at.
    pub(super) fn init(&mut self, task: usize, lock: LockId) {
        let is_seen = |of: usize| !self.is_kernel() || of == task;
        let all = self.tasks.iter().enumerate().filter(|(of, _)| is_seen(*of)).flat_map(|(_, task)| &task.held);
        if let Some(held) = all.into_iter().find(|held| held.lock == lock).copied() {
            let message = format!("{} is initialised here, and is held", self.name(lock));
            let finding = Finding::at(Kind::HeldLockReinit, self.place(task), message, "Release it before.");
            self.report(finding.note(held.place, "taken here"));
        }
        self.subclasses[lock] = 0;
    }
}
