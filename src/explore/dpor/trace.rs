//! An execution as a partial order: actions, what happened before what, and the races among them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::action::{Action, dependent_as, is_bound_to};
use super::gates::Gates;
use crate::engine::process::Process;
use crate::event::{Access, Act, ObjectId, Op, TaskId};
use crate::explore::dependence::Touch;

/// How many actions of each process happened before a point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct VectorClock(Vec<u32>);

impl VectorClock {
    fn get(&self, process: Process) -> u32 {
        self.0.get(process.index()).copied().unwrap_or(0)
    }

    fn set(&mut self, process: Process, count: u32) {
        if self.0.len() <= process.index() {
            self.0.resize(process.index() + 1, 0);
        }
        self.0[process.index()] = count;
    }

    fn join(&mut self, other: &VectorClock) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
    }
}

/// An action and where it stands.
struct Entry {
    action: Action,
    touch: Touch,
    /// Which of its process' actions it is, from 1.
    ordinal: u32,
    clock: VectorClock,
    /// Earlier actions that race with it.
    races: Vec<usize>,
    /// What could be performed before it.
    before: Gates,
}

/// The actions of an execution so far.
#[derive(Default)]
pub(super) struct Trace {
    entries: Vec<Entry>,
    /// What could be performed before the first action.
    start: Gates,
    /// The values that locks and semaphores had then, as far as executions have met them.
    first: BTreeMap<ObjectId, u64>,
    /// May time move while somebody can run?
    clock_is_free: bool,
}

impl Trace {
    pub fn new(clock_is_free: bool) -> Trace {
        Trace { clock_is_free, ..Trace::default() }
    }

    /// The state before the first action is known to be this.
    pub fn begin(&mut self, jiffies: u64, first: &BTreeMap<ObjectId, u64>) {
        let mut is_new = self.entries.is_empty();
        for (&id, &value) in first {
            is_new |= self.first.insert(id, value) != Some(value);
        }
        if !is_new {
            return;
        }
        self.start = Gates::new(jiffies, &self.first);
        let mut gates = self.start.clone();
        for entry in &mut self.entries {
            entry.before.clone_from(&gates);
            gates.apply(&entry.action);
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn action(&self, at: usize) -> &Action {
        &self.entries[at].action
    }

    pub fn truncate(&mut self, len: usize) {
        self.entries.truncate(len);
    }

    /// Adds an action. `sleepers` are the tasks that stood before a sleep with a deadline when it was made.
    pub fn push(&mut self, action: Action, sleepers: &[(TaskId, u64)]) {
        let ordered = self.order(&action, self.len());
        let ordinal = ordered.get(action.process()) + 1;
        let races = self.races_beyond(&ordered, &action, sleepers);
        let mut clock = self.past_beyond(ordered, &action, usize::MAX, self.len());
        clock.set(action.process(), ordinal);
        let (touch, before) = (action.touch(), self.gates());
        self.entries.push(Entry { action, touch, ordinal, clock, races, before });
    }

    /// What could be performed before the action at a position.
    pub fn gates_before(&self, at: usize) -> &Gates {
        &self.entries[at].before
    }

    /// What can be performed now.
    pub fn gates(&self) -> Gates {
        let Some(last) = self.entries.last() else { return self.start.clone() };
        let mut gates = last.before.clone();
        gates.apply(&last.action);
        gates
    }

    /// Did `first` happen before `second`, or is it the same?
    pub fn happens_before(&self, first: usize, second: usize) -> bool {
        self.is_in(first, &self.entries[second].clock)
    }

    /// Is the action part of what the clock tells?
    pub fn is_in(&self, at: usize, clock: &VectorClock) -> bool {
        self.entries[at].ordinal <= clock.get(self.entries[at].action.process())
    }

    /// What happened before the action, made after the first `len`, in an order that nothing can reverse: the actions of
    /// its process, a store before its flush, flushes before what waits for an empty store buffer, its birth, all of a task before
    /// what awaits its end.
    fn order(&self, action: &Action, len: usize) -> VectorClock {
        let mut clock = VectorClock::default();
        let touch = action.touch();
        for at in (0..len).rev().filter(|&at| self.is_fixed(at, action)) {
            if !self.is_in(at, &clock) && self.depends(at, action, touch) {
                clock.join(&self.entries[at].clock);
            }
        }
        clock
    }

    /// If the action depends on the one at a position, is that in an order that nothing can reverse?
    fn is_fixed(&self, at: usize, action: &Action) -> bool {
        let other = self.action(at);
        other.transition.task == action.transition.task || is_bound_to(other, action) || is_bound_to(action, other)
    }

    fn depends(&self, at: usize, action: &Action, touch: Touch) -> bool {
        let entry = &self.entries[at];
        dependent_as((&entry.action, entry.touch), (action, touch))
    }

    /// All that happens before the action, if it is made after the first `len`, where action `without` is no reason.
    fn past_without(&self, action: &Action, without: usize, len: usize) -> VectorClock {
        self.past_beyond(self.order(action, len), action, without, len)
    }

    /// The same, when it is known what no order can reverse.
    fn past_beyond(&self, ordered: VectorClock, action: &Action, without: usize, len: usize) -> VectorClock {
        let (mut clock, touch) = (ordered, action.touch());
        for at in (0..len).rev() {
            if at != without && !self.is_in(at, &clock) && self.depends(at, action, touch) {
                clock.join(&self.entries[at].clock);
            }
        }
        clock
    }

    /// The actions that race with the one at a position.
    pub fn races(&self, at: usize) -> &[usize] {
        &self.entries[at].races
    }

    /// The actions that race with this one, if it is made now: it could come before them, and nothing else orders the two.
    ///
    /// What enabled it is passed over: a release and the acquisition that waits for it cannot change places, so the
    /// acquisition races with the one before the release.
    pub fn races_with(&self, action: &Action, sleepers: &[(TaskId, u64)]) -> Vec<usize> {
        self.races_beyond(&self.order(action, self.len()), action, sleepers)
    }

    /// The same, when it is known what no order can reverse.
    fn races_beyond(&self, ordered: &VectorClock, action: &Action, sleepers: &[(TaskId, u64)]) -> Vec<usize> {
        let touch = action.touch();
        let mut races: Vec<usize> = Vec::new();
        for at in (0..self.len()).rev() {
            if self.is_in(at, ordered)
                || !self.depends(at, action, touch)
                || races.iter().any(|&race| self.happens_before(at, race))
            {
                continue;
            }
            let blocks = action.op.waits_for().is_some()
                || matches!(action.op, Op::Sleep(_) | Op::Act(_, Act::Wait))
                || action.process() == Process::CLOCK;
            if !blocks || self.is_enabled_without(at, action, sleepers) {
                races.push(at);
            }
        }
        races
    }

    /// Could the action be made if action `without` and all that depends on it had not been?
    fn is_enabled_without(&self, without: usize, action: &Action, sleepers: &[(TaskId, u64)]) -> bool {
        let mut gates = Cow::Borrowed(self.gates_before(without));
        let others = (without + 1..self.len()).filter(|&at| !self.happens_before(without, at));
        others.for_each(|at| gates.to_mut().apply(self.action(at)));
        if action.process() == Process::CLOCK {
            return self.clock_is_free && self.somebody_sleeps_without(without, &gates, sleepers);
        }
        gates.can(action.transition.task, action.op)
    }

    /// Does a task sleep with a deadline where action `without` and all that depends on it have not happened?
    fn somebody_sleeps_without(&self, without: usize, gates: &Gates, sleepers: &[(TaskId, u64)]) -> bool {
        let mut moved: Vec<Process> = Vec::new();
        for at in (without..self.len()).filter(|&at| self.happens_before(without, at)) {
            let action = self.action(at);
            if moved.contains(&action.process()) {
                continue;
            }
            moved.push(action.process());
            if matches!(action.op, Op::Sleep(deadline @ Some(_)) if gates.sleeps(action.transition.task, deadline)) {
                return true;
            }
        }
        let still = sleepers.iter().filter(|(task, _)| !moved.contains(&Process::task(*task)));
        still.into_iter().any(|&(task, deadline)| gates.sleeps(task, Some(deadline)))
    }

    /// The schedule that reverses a race, from the state before its first action: what of the first `len` actions does
    /// not depend on that one, then `second`.
    pub fn reversed(&self, first: usize, second: &Action, len: usize) -> Vec<Action> {
        let mut gates = self.gates_before(first).clone();
        let mut sequence = Vec::new();
        for at in (first + 1..len).filter(|&at| !self.happens_before(first, at)) {
            gates.apply(self.action(at));
            sequence.push(self.action(at).clone());
        }
        sequence.push(gates.performed(second));
        sequence
    }

    /// The data races of the access at a position with earlier ones: conflicts, one side unmarked, ordered by nothing but
    /// themselves. Each as the positions of a schedule to the state in which both accesses are next.
    pub fn data_races(&self, len: usize) -> impl Iterator<Item = Vec<usize>> {
        let action = self.action(len);
        (0..len).filter_map(move |at| {
            let first = self.action(at);
            if !data_race(first, action) {
                return None;
            }
            let mut cut = self.past_without(action, at, len);
            if self.is_in(at, &cut) {
                return None;
            }
            let mut before = self.entries[at].clock.clone();
            before.set(first.process(), self.entries[at].ordinal - 1);
            cut.join(&before);
            Some((0..len).filter(|&other| self.is_in(other, &cut)).collect())
        })
    }
}

/// Are these accesses of two tasks to one cell, one of them a write, one of them unmarked?
pub(super) fn data_race(a: &Action, b: &Action) -> bool {
    let (Some((a_writes, a_access)), Some((b_writes, b_access))) = (a.op.access(), b.op.access()) else { return false };
    a.transition.task != b.transition.task
        && a.op.object() == b.op.object()
        && (a_writes || b_writes)
        && (a_access == Access::Plain || b_access == Access::Plain)
}
