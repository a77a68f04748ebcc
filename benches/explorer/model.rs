//! L(s, o) once more, as a model written by hand for stateright: what its user would write, with small arrays in place of vectors.
//!
//! It has the steps of the small program, so both have the same states.

use std::time::Instant;

use stateright::{Checker, Model, Property};

use super::table::Run;
use lockwright::program::family::{Family, Variant};
use lockwright::program::small::{Small, Stmt};

const TASKS_MAX: usize = 12;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// Where each task stands, and the number of leases that it has read.
    tasks: [(At, i8); TASKS_MAX],
    /// 0, or a task from 1.
    owner: u8,
    opens: i8,
    leases: i8,
}

/// What a task does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    Lock,
    ReadOpens,
    UnlockBusy,
    ReadLeases,
    AddLease,
    Fence,
    ReadOpensAgain,
    ReadLeasesToUndo,
    Undo,
    UnlockUndone,
    Unlock,
    LockAgain,
    ReadLeasesToRemove,
    Remove,
    UnlockLast,
    OpenLock,
    Raise,
    OpenUnlock,
    OpenFence,
    Look,
    Drain,
    DrainUnlock,
    Drop,
    Done,
}

struct Hand(Family);

impl Hand {
    fn step(&self, state: &mut State, task: usize) {
        let fixed = self.0.variant == Variant::Fixed;
        let me = task as u8 + 1;
        let (at, seen) = state.tasks[task];
        let to = match at {
            At::Lock | At::LockAgain | At::OpenLock | At::Drain => {
                state.owner = me;
                match at {
                    At::Lock => At::ReadOpens,
                    At::LockAgain => At::ReadLeasesToRemove,
                    At::OpenLock => At::Raise,
                    _ => At::DrainUnlock,
                }
            }
            At::UnlockBusy | At::UnlockUndone | At::Unlock | At::UnlockLast | At::OpenUnlock | At::DrainUnlock => {
                state.owner = 0;
                match at {
                    At::Unlock => At::LockAgain,
                    At::OpenUnlock => At::Look,
                    At::DrainUnlock => At::Drop,
                    _ => At::Done,
                }
            }
            At::ReadOpens if state.opens > 0 => At::UnlockBusy,
            At::ReadOpens => At::ReadLeases,
            At::ReadLeases | At::ReadLeasesToUndo | At::ReadLeasesToRemove => {
                let to = match at {
                    At::ReadLeases => At::AddLease,
                    At::ReadLeasesToUndo => At::Undo,
                    _ => At::Remove,
                };
                state.tasks[task] = (to, state.leases);
                return;
            }
            At::AddLease => {
                state.leases = seen + 1;
                if fixed { At::Unlock } else { At::Fence }
            }
            At::Fence => At::ReadOpensAgain,
            At::ReadOpensAgain if state.opens > 0 => At::ReadLeasesToUndo,
            At::ReadOpensAgain => At::Unlock,
            At::Undo | At::Remove => {
                state.leases = seen - 1;
                if at == At::Undo { At::UnlockUndone } else { At::UnlockLast }
            }
            At::Raise => {
                state.opens += 1;
                if fixed { At::OpenUnlock } else { At::OpenFence }
            }
            At::OpenFence => At::Look,
            At::Look if state.leases > 0 => At::Drain,
            At::Look => At::Drop,
            At::Drop => {
                state.opens -= 1;
                At::Done
            }
            At::Done => unreachable!("a task that is done makes no step"),
        };
        state.tasks[task] = (to, 0);
    }
}

impl Model for Hand {
    type State = State;
    type Action = u8;

    fn init_states(&self) -> Vec<State> {
        let mut tasks = [(At::Done, 0); TASKS_MAX];
        let open = if self.0.variant == Variant::Fixed { At::OpenLock } else { At::Raise };
        tasks[..self.0.leasers].fill((At::Lock, 0));
        tasks[self.0.leasers..self.0.leasers + self.0.openers].fill((open, 0));
        vec![State { tasks, owner: 0, opens: 0, leases: 0 }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<u8>) {
        for task in 0..self.0.leasers + self.0.openers {
            let is_ready = match state.tasks[task].0 {
                At::Lock | At::LockAgain | At::OpenLock | At::Drain => state.owner == 0,
                At::Done => false,
                _ => true,
            };
            if is_ready {
                actions.push(task as u8);
            }
        }
    }

    fn next_state(&self, state: &State, task: u8) -> Option<State> {
        let mut state = state.clone();
        self.step(&mut state, usize::from(task));
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Hand>> {
        vec![Property::always("no lease is given up twice", |_, state: &State| state.leases >= 0)]
    }
}

/// stateright's depth-first checker on that many threads.
pub fn on_stateright(family: Family, threads: usize) -> Run {
    let started = Instant::now();
    let checker = Hand(family).checker().threads(threads).spawn_dfs().join();
    checker.assert_properties();
    // The one end is a state there.
    Run::met(started.elapsed(), checker.unique_state_count() as u64 - 1)
}

/// A small program of locks, cells and atomics as a model: the same steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Standing {
    /// For each task: its next statement, what it has recorded, and what an `x++` under way has read.
    tasks: Vec<(usize, Vec<i64>, Option<i64>)>,
    held: Vec<bool>,
    cells: Vec<i64>,
    atomics: Vec<i64>,
}

struct Interpreted(Small);

impl Model for Interpreted {
    type State = Standing;
    type Action = usize;

    fn init_states(&self) -> Vec<Standing> {
        let atomics = self.0.atomics.iter().map(|&value| value.into()).collect();
        let (tasks, held) = (vec![(0, Vec::new(), None); self.0.tasks.len()], vec![false; self.0.locks.len()]);
        vec![Standing { tasks, held, cells: self.0.cells.clone(), atomics }]
    }

    fn actions(&self, state: &Standing, actions: &mut Vec<usize>) {
        let is_ready = |task: &usize| match self.0.tasks[*task].get(state.tasks[*task].0) {
            Some(Stmt::Lock(lock)) => !state.held[*lock],
            next => next.is_some(),
        };
        actions.extend((0..state.tasks.len()).filter(is_ready));
    }

    fn next_state(&self, state: &Standing, task: usize) -> Option<Standing> {
        let mut state = state.clone();
        let (at, recorded, read) = &mut state.tasks[task];
        match self.0.tasks[task][*at] {
            Stmt::Lock(lock) => state.held[lock] = true,
            Stmt::Unlock(lock) => state.held[lock] = false,
            Stmt::LoadOnce(cell) => recorded.push(state.cells[cell]),
            Stmt::StoreOnce(cell, value) => state.cells[cell] = value,
            Stmt::AtomicRead(atomic) => recorded.push(state.atomics[atomic]),
            Stmt::AtomicSet(atomic, value) => state.atomics[atomic] = value.into(),
            Stmt::Inc(cell) => match read.take() {
                Some(value) => state.cells[cell] = value + 1,
                None => {
                    *read = Some(state.cells[cell]);
                    return Some(state);
                }
            },
            other => unreachable!("no synthetic workload has {other:?}"),
        }
        *at += 1;
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Interpreted>> {
        vec![Property::always("no cell is negative", |_, state: &Standing| state.cells.iter().all(|it| *it >= 0))]
    }
}

/// The same for a synthetic workload. Final states count there, and a deadlock is one here as well.
pub fn small_on_stateright(program: &Small) -> Run {
    let started = Instant::now();
    let checker = Interpreted(program.clone()).checker().threads(1).spawn_dfs().join();
    checker.assert_properties();
    Run::met(started.elapsed(), checker.unique_state_count() as u64)
}
