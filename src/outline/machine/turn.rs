//! Works and timers: on their list, running, and on it again.
//!
//! A work that is queued while it waits to run runs once; one that is queued while it runs, runs once more. One that queues itself in
//! each of its turns would go on for ever: it gets one turn more.

use super::*;

impl Machine<'_> {
    /// Is it on its list, and has not begun?
    pub(super) fn is_pending(&self, state: &State, other: usize) -> bool {
        self.get(state, other, STATUS) == STARTED && self.get(state, other, TURN) & PENDING != 0
    }

    /// Has it put itself on its list again? A flush waits for the turn before, and not for this one.
    pub(super) fn is_again(&self, state: &State, other: usize) -> bool {
        self.is_pending(state, other) && self.get(state, other, TURN) & LAST != 0
    }

    /// A task puts a work or a timer on its list.
    pub(super) fn enlist(&self, state: &mut State, task: usize, other: usize, shown: &mut Vec<Shown>) {
        let turn = self.get(state, other, TURN);
        if self.get(state, other, STATUS) != STARTED {
            self.begin(state, other, PENDING);
            self.run_on(state, other, shown);
        } else if turn & PENDING == 0 && other != task {
            self.set(state, other, TURN, turn & LAST | AGAIN);
        } else if turn & (PENDING | LAST | AGAIN) == 0 {
            self.set(state, other, TURN, AGAIN | BY_ITSELF);
        }
    }

    fn begin(&self, state: &mut State, other: usize, turn: i32) {
        self.set(state, other, STATUS, STARTED);
        self.set(state, other, PC, 0);
        self.set(state, other, TURN, turn);
    }

    /// At the end of a turn: is there another?
    pub(super) fn takes_turn(&self, state: &mut State, task: usize) -> bool {
        let turn = self.get(state, task, TURN);
        self.set(state, task, TURN, 0);
        if turn & AGAIN == 0 {
            return false;
        }
        // What it was handed it is handed again.
        for local in 1..self.program.tasks[task].locals.len() {
            self.set(state, task, LOCALS + local, 0);
        }
        self.begin(state, task, PENDING | if turn & BY_ITSELF == 0 { 0 } else { LAST });
        true
    }

    /// It comes off its list; what runs of it runs on.
    pub(super) fn take_off(&self, state: &mut State, other: usize) {
        let turn = self.get(state, other, TURN);
        let is_armed = self.get(state, other, STATUS) == NOT_STARTED
            && matches!(self.program.tasks[other].start, Start::Hard(_) | Start::Soft(_));
        if is_armed || self.is_pending(state, other) {
            self.set(state, other, STATUS, ENDED);
            self.set(state, other, TURN, 0);
        } else {
            self.set(state, other, TURN, turn & LAST);
        }
    }

    /// It may start, if it was stopped no more often than allowed.
    pub(super) fn allow(&self, state: &mut State, other: usize, is_on: bool) {
        let depth = self.get(state, other, STOPPED) + if is_on { -1 } else { 1 };
        self.set(state, other, STOPPED, depth.clamp(0, 8));
    }
}
