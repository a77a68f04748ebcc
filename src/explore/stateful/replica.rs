//! Executions that need not be run: from copies of states, by what is known of the tasks.
//!
//! Each state of the path is kept, with what the checks remembered there. The next execution starts from a copy of the
//! last one, and each step of it is taken from the [`Memo`] of what tasks do between their operations. The program itself
//! is run only where a task does something for the first time, and once for each final state, since only the program
//! knows its outcome and closes what is left open.
//!
//! What is seen is the same as by running everything again, event by event; `tests/explorer.rs` and the properties hold
//! the two against each other.

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::rc::Rc;

use super::identity::Identity;
use super::path::{Path, Pruning};
use crate::check::CheckMemory;
use crate::engine::controlled::Controlled;
use crate::engine::memo::{Deed, Memo, Stray, Told, Unmade, of_world};
use crate::engine::world::{Transition, World};
use crate::engine::{Blind, Decision, Ending, Flow, Observer, Program, State, Strategy, fingerprint_of};
use crate::event::{TaskId, View};
use crate::explore::config::Config;
use crate::explore::watch::Watch;
use crate::subject::Subject;

/// Of as many executions that are run to a final state, a debug build compares one with the copies, state by state.
const COMPARED_EVERY: usize = 64;

/// A state of the path, before its choice is made.
struct Snapshot {
    world: World,
    memory: CheckMemory,
}

/// Runs what has to be run, and copies the rest.
pub(super) struct Replica<'s> {
    subject: &'s dyn Subject,
    config: &'s Config,
    watch: Rc<RefCell<Watch>>,
    controlled: Controlled,
    memo: Rc<RefCell<Memo>>,
    snapshots: Vec<Snapshot>,
    transitions: Vec<Transition>,
    /// Final states whose outcome is known.
    ended: HashSet<u128, BuildHasherDefault<Identity>>,
    strayed: bool,
}

impl<'s> Replica<'s> {
    pub fn new(subject: &'s dyn Subject, config: &'s Config, watch: Rc<RefCell<Watch>>) -> Replica<'s> {
        let memo = Rc::new(RefCell::new(Memo::default()));
        Replica {
            subject,
            config,
            watch,
            controlled: Controlled::learning(config.settings(), Rc::clone(&memo)),
            memo,
            snapshots: Vec::new(),
            transitions: Vec::new(),
            ended: HashSet::default(),
            strayed: false,
        }
    }

    /// Follows the path, and goes on from there.
    pub fn run<P: Pruning>(&mut self, path: &mut Path<P>) -> Ending {
        if self.snapshots.is_empty()
            && let Some(ending) = self.boot()
        {
            return ending;
        }
        self.go_on(path)
    }

    /// Where the program did something else than before, if it did. Then nothing that was seen counts.
    pub fn stray<P: Pruning>(&self, path: &Path<P>) -> Option<Stray> {
        let left = || {
            let (step, before, now) = (path.steps(), Deed::Unknown, Deed::Ended);
            self.strayed.then_some(Stray { task: TaskId::BOOT, step, before, now, world: None })
        };
        self.memo.borrow().stray().cloned().or_else(left)
    }

    /// From which history a task can come to which, as far as it is known.
    pub fn histories(&self) -> Vec<(u128, u128)> {
        self.memo.borrow().histories().collect()
    }

    /// Another path begins: only the root of the last one is of use.
    pub fn enter(&mut self) {
        self.snapshots.truncate(1);
    }

    /// The set-up, run for real. The ending of the whole, if there is nothing to explore.
    fn boot(&mut self) -> Option<Ending> {
        let mut root = TakeRoot { watch: Rc::clone(&self.watch), root: None };
        let observer: Rc<RefCell<dyn Observer>> = self.watch.clone();
        let program: &dyn Program = self.subject;
        let ending = self.controlled.run(program, &mut root, &observer);
        match root.root {
            Some(root) => self.snapshots.push(root),
            None => return Some(ending),
        }
        None
    }

    fn go_on<P: Pruning>(&mut self, path: &mut Path<P>) -> Ending {
        let known = path.len();
        self.snapshots.truncate(known.max(1));
        while self.snapshots.len() < known {
            let at = self.snapshots.len() - 1;
            let world = self.copy(at);
            match self.step(path, at, world, true) {
                Ok((world, _)) => self.keep(world),
                Err(ending) => return ending,
            }
        }
        path.stand_at(known);
        let mut loud = false;
        let mut world = self.copy(known.saturating_sub(1));
        if known > 0 {
            match self.step(path, known - 1, world, false) {
                Ok((_, told)) if told.stopped => return Ending::Stopped,
                Ok((next, told)) => (world, loud) = (next, told.loud),
                Err(ending) => return ending,
            }
        }
        loop {
            if self.watch.borrow_mut().state(path.steps(), &world) == Flow::Stop {
                return Ending::Stopped;
            }
            match self.decide(path, &world, loud) {
                Ok(Decision::Take(_)) => {}
                Ok(Decision::Abandon) => return Ending::Abandoned,
                Err(ending) => return ending,
            }
            // The root is kept already.
            if path.len() > 1 {
                self.keep(world.clone());
            }
            match self.step(path, path.len() - 1, world, false) {
                Ok((_, told)) if told.stopped => return Ending::Stopped,
                Ok((next, told)) => (world, loud) = (next, told.loud),
                Err(ending) => return ending,
            }
        }
    }

    /// Keeps the state in which the world and the checks are now.
    fn keep(&mut self, world: World) {
        let memory = self.watch.borrow().0.memory();
        self.snapshots.push(Snapshot { world, memory });
    }

    /// A copy of a kept state; the checks remember what they did there.
    fn copy(&self, at: usize) -> World {
        let Snapshot { world, memory } = &self.snapshots[at];
        self.watch.borrow_mut().0.set_memory(memory.clone());
        world.clone()
    }

    /// What happens next in a state, or how it ends there.
    fn decide<P: Pruning>(&mut self, path: &mut Path<P>, world: &World, loud: bool) -> Result<Decision, Ending> {
        let mut transitions = std::mem::take(&mut self.transitions);
        world.transitions(&mut transitions);
        let decided = if transitions.is_empty() {
            Err(self.end(path, world))
        } else if path.steps() >= self.config.limits.steps_max {
            Err(Ending::TooLong)
        } else {
            let watch = self.watch.borrow();
            Ok(path.decide(&State::new(world, &transitions, path.steps(), loud, &*watch)))
        };
        self.transitions = transitions;
        decided
    }

    /// Makes the path's choice in the state that is kept at `at`, and of which `world` is a copy.
    ///
    /// # Errors
    /// With how the execution ends there: a limit is exceeded, or the program strayed.
    fn step<P: Pruning>(
        &mut self,
        path: &Path<P>,
        at: usize,
        mut world: World,
        judged: bool,
    ) -> Result<(World, Told), Ending> {
        let (transition, step) = (path.choice(at), at as u32 + 1);
        let told = self.memo.borrow().step(&mut world, &mut *self.watch.borrow_mut(), transition, step, judged);
        match told {
            Ok(told) => return Ok((world, told)),
            Err(Unmade::Exceeded(exceeded)) => return Err(Ending::Exceeded(exceeded)),
            Err(Unmade::Unknown) => {}
        }
        let learned = self.learn(path.transitions(at + 1));
        let mut world = self.copy(at);
        let told = self.memo.borrow().step(&mut world, &mut *self.watch.borrow_mut(), transition, step, judged);
        match (told, learned) {
            (Ok(told), _) => Ok((world, told)),
            // The task did not come to its next operation.
            (Err(_), Ending::Exceeded(exceeded)) => Err(Ending::Exceeded(exceeded)),
            // A step that was just run is known, unless the program did not come so far this time.
            (Err(_), _) => {
                self.strayed = true;
                Err(Ending::Abandoned)
            }
        }
    }

    /// Runs the program along these choices and on to its end, unobserved.
    fn learn(&mut self, transitions: Vec<Transition>) -> Ending {
        let names_tasks = self.watch.borrow().names_tasks();
        let observer: Rc<RefCell<dyn Observer>> = Rc::new(RefCell::new(Blind { names_tasks }));
        let mut along =
            Along { transitions, at: 0, last: TaskId::BOOT, goes_on: true, copies: Vec::new(), apart: None };
        self.controlled.run(self.subject as &dyn Program, &mut along, &observer)
    }

    /// The states of the path, for one of many executions of a debug build: the program comes through the same.
    fn sampled(&self) -> Vec<u128> {
        if !cfg!(debug_assertions) || self.ended.len() % COMPARED_EVERY != 1 {
            return Vec::new();
        }
        self.snapshots.iter().map(|snapshot| of_world(&snapshot.world)).collect()
    }

    /// A final state: the program is run to it, unless one like it is known.
    fn end<P: Pruning>(&mut self, path: &Path<P>, world: &World) -> Ending {
        let fingerprint = fingerprint_of(world, &*self.watch.borrow());
        if !self.ended.insert(fingerprint) {
            return Ending::Abandoned;
        }
        let stuck = world.task_ids().any(|task| !world.status(task).0.is_over());
        let observer: Rc<RefCell<dyn Observer>> = self.watch.clone();
        let transitions = path.transitions(path.len());
        let mut along =
            Along { transitions, at: 0, last: TaskId::BOOT, goes_on: false, copies: self.sampled(), apart: None };
        let ending = self.controlled.run(self.subject as &dyn Program, &mut along, &observer);
        debug_assert!(
            along.apart.is_none() || self.memo.borrow().strayed(),
            "internal error: after {:?} steps the copy is another state than the program is in",
            along.apart
        );
        let is_as_before = match ending {
            Ending::Finished(_) => !stuck,
            Ending::Deadlocked(_) => stuck,
            // By the epilogue.
            Ending::Exceeded(_) => true,
            _ => false,
        };
        self.strayed |= !is_as_before;
        ending
    }
}

/// Takes the first state there is.
struct TakeRoot {
    watch: Rc<RefCell<Watch>>,
    root: Option<Snapshot>,
}

impl Strategy for TakeRoot {
    fn decide(&mut self, state: &State<'_>) -> Decision {
        self.root = Some(Snapshot { world: state.world.clone(), memory: self.watch.borrow().0.memory() });
        Decision::Abandon
    }
}

/// Follows choices; then ends, or goes on with whoever ran last.
struct Along {
    transitions: Vec<Transition>,
    at: usize,
    last: TaskId,
    goes_on: bool,
    /// What is to be compared with the states on the way, if anything is.
    copies: Vec<u128>,
    /// The first state that differs from its copy.
    apart: Option<usize>,
}

impl Strategy for Along {
    fn decide(&mut self, state: &State<'_>) -> Decision {
        let next = self.transitions.get(self.at).copied();
        if self.copies.get(self.at).is_some_and(|copy| *copy != of_world(state.world)) {
            self.apart = self.apart.or(Some(self.at));
        }
        self.at += 1;
        match next {
            Some(transition) if state.transitions.contains(&transition) => {
                self.last = transition.task;
                Decision::Take(transition)
            }
            None if self.goes_on => {
                let of_last = state.transitions.iter().find(|it| it.task == self.last);
                let next = *of_last.unwrap_or(&state.transitions[0]);
                self.last = next.task;
                Decision::Take(next)
            }
            // The program left the path: its segments tell, or the ending does.
            _ => Decision::Abandon,
        }
    }
}
