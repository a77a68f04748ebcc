//! Waits for events: completions, works that are flushed or cancelled, threads that are stopped.
//!
//! An event has no holder, but somebody owes it: between the start of the context that will bring it and the event itself, whatever that
//! context waits for, the event waits for too. So each acquisition in between is a dependency of the event, even of a lock that was
//! released again before; and a task that waits for the event with a lock held makes one on it. DEPT calls the three places start, wait
//! and event. lockdep knows works, as locks that are held while they run, and no completions.
//!
//! It is assumed that nobody else brings the event. Without a start nothing is known of its context, and no dependency is made.

use super::finding::{Edge, End, Place};
use super::lock::{Hold, LockId, LockKind};
use super::memory::{Request, Validator};
use super::state::{Act, Held};

impl Validator<'_> {
    fn event(&self, lock: LockId, place: Place) -> End {
        End { lock, class: (self.locks.class(lock), 0), hold: Hold::Exclusive, place }
    }

    fn is_work(&self, lock: LockId) -> bool {
        self.locks.all[lock].kind == LockKind::Work
    }

    /// The context that will bring the event begins.
    pub(super) fn event_start(&mut self, task: usize, lock: LockId) {
        if self.is_kernel() {
            if self.is_work(lock) {
                self.acquire(task, Request::plain(lock, Hold::Exclusive));
            }
            return;
        }
        let place = self.place(task);
        self.tasks[task].act(place, Act::Own);
        self.tasks[task].owed.push((lock, place));
    }

    /// Waits for the event.
    pub(super) fn event_wait(&mut self, task: usize, lock: LockId) {
        if self.is_kernel() {
            if self.is_work(lock) {
                self.acquire(task, Request::plain(lock, Hold::Exclusive));
                self.release(task, lock, None);
            }
            return;
        }
        self.may_sleep(task, &format!("waiting for {}", self.name(lock)));
        let place = self.place(task);
        self.tasks[task].act(place, Act::Own);
        let to = self.event(lock, place);
        let held: Vec<End> = self.tasks[task].own().filter(|held| held.check).map(Held::end).collect();
        for from in held.into_iter().rev() {
            let edge = self.edge(task, from, to);
            let cycles = self.graph.add_order(edge, self.locks);
            self.tell(place, cycles);
        }
        self.delays_events(task, to);
    }

    /// The event.
    pub(super) fn event_bring(&mut self, task: usize, lock: LockId) {
        if self.is_kernel() {
            if self.is_work(lock) {
                self.release(task, lock, None);
            }
            return;
        }
        if let Some(at) = self.tasks[task].owed.iter().rposition(|(owed, _)| *owed == lock) {
            self.tasks[task].owed.remove(at);
        }
    }

    /// Whatever a context waits for, each event that it owes waits for too.
    pub(super) fn delays_events(&mut self, task: usize, to: End) {
        for (lock, place) in self.tasks[task].owed.clone() {
            let edge: Edge = self.edge(task, self.event(lock, place), to);
            let cycles = self.graph.add_order(edge, self.locks);
            self.tell(to.place, cycles);
        }
    }
}
