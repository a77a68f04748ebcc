//! Executions that need not be run: from copies of states, by what is known of the tasks.
//!
//! Each state of the path that has choices left is kept, with what the checks remembered there. The next execution starts from a
//! copy of the last one, or from the state itself if that was its last choice, and each step of it is taken from the
//! [`Memo`] of what tasks do between their operations. The program itself is run only where a task does something for the first time, and once for each final state, since only the program
//! knows its outcome and closes what is left open.
//!
//! What is seen is the same as by running everything again, event by event; `tests/explorer.rs` and the properties hold
//! the two against each other.

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::rc::Rc;

use super::identity::Identity;
use super::movers::Movers;
use super::path::{Path, Pruning};
use crate::check::CheckMemory;
use crate::engine::controlled::Controlled;
use crate::engine::memo::{Deed, Memo, Stray, Told, Unmade, of_world};
use crate::engine::world::{Transition, World};
use crate::engine::{Blind, Decision, Ending, Flow, Observer, Program, State, Strategy, fingerprint_of};
use crate::event::{Status, TaskId, View};
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
    /// By their depth, where more than one choice is left: what is on the path between is made again if need be.
    snapshots: Vec<Option<Snapshot>>,
    transitions: Vec<Transition>,
    /// How the tasks stand in the state that is looked at.
    stands: Vec<Status>,
    /// Final states whose outcome is known.
    ended: HashSet<u128, BuildHasherDefault<Identity>>,
    strayed: bool,
    /// What need be no scheduling point, if anything is known not to be.
    movers: Option<Movers<'s>>,
}

impl<'s> Replica<'s> {
    pub fn new(
        subject: &'s dyn Subject,
        config: &'s Config,
        watch: Rc<RefCell<Watch>>,
        movers: Option<Movers<'s>>,
    ) -> Replica<'s> {
        let memo = Rc::new(RefCell::new(Memo::default()));
        Replica {
            subject,
            config,
            watch,
            controlled: Controlled::learning(config.settings(), Rc::clone(&memo)),
            memo,
            snapshots: Vec::new(),
            transitions: Vec::new(),
            stands: Vec::new(),
            ended: HashSet::default(),
            strayed: false,
            movers,
        }
    }

    /// What was relied on of the locks that accesses are made under.
    pub fn movers(&mut self) -> Option<&mut Movers<'s>> {
        self.movers.as_mut()
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
            Some(root) => self.snapshots.push(Some(root)),
            None => return Some(ending),
        }
        None
    }

    fn go_on<P: Pruning>(&mut self, path: &mut Path<P>) -> Ending {
        let known = path.len();
        self.snapshots.truncate(known.max(1));
        self.movers.iter_mut().for_each(Movers::stop);
        let mut loud = false;
        let mut world = match self.reach(path, known.saturating_sub(1)) {
            Ok(world) => world,
            Err(ending) => return ending,
        };
        path.stand_at(known);
        if known > 0 {
            match self.make(path, &mut world) {
                Ok(told) if told.stopped => return Ending::Stopped,
                Ok(told) => loud = told.loud,
                Err(ending) => return ending,
            }
        }
        loop {
            if self.goes_on(path, &world) {
                let last = path.choice(path.len() - 1).task;
                path.go_on(&world, loud, Transition::step(last));
                self.keep(path, path.len() - 1, &world);
                match self.make(path, &mut world) {
                    Ok(told) if told.stopped => return Ending::Stopped,
                    Ok(told) => loud = told.loud,
                    Err(ending) => return ending,
                }
                continue;
            }
            let fingerprint = fingerprint_of(&world, &*self.watch.borrow());
            // At the bound of steps it is too long, known or not.
            if path.steps() < self.config.limits.steps_max && path.is_known(&world, loud, fingerprint) {
                return Ending::Abandoned;
            }
            world.look(&mut self.stands);
            if self.watch.borrow_mut().state_of(path.steps(), &world, &self.stands) == Flow::Stop {
                return Ending::Stopped;
            }
            match self.decide(path, &world, (loud, fingerprint)) {
                Ok(Decision::Take(_)) => {}
                Ok(Decision::Abandon) => return Ending::Abandoned,
                Err(ending) => return ending,
            }
            self.keep(path, path.len() - 1, &world);
            match self.make(path, &mut world) {
                Ok(told) if told.stopped => return Ending::Stopped,
                Ok(told) => loud = told.loud,
                Err(ending) => return ending,
            }
        }
    }

    /// May the task that has made the last step make another one before anybody looks?
    fn goes_on<P: Pruning>(&mut self, path: &Path<P>, world: &World) -> bool {
        let Some(movers) = &mut self.movers else { return false };
        let within = path.len() > 0 && path.steps() < self.config.limits.steps_max;
        let last = if within { path.choice(path.len() - 1).task } else { TaskId::CLOCK };
        let goes_on = movers.moves(world, last, self.watch.borrow().0.held_by(last));
        if !goes_on {
            movers.stop();
        }
        goes_on
    }

    /// Makes the last choice of the path, for the first time.
    fn make<P: Pruning>(&mut self, path: &Path<P>, world: &mut World) -> Result<Told, Ending> {
        let at = path.len() - 1;
        if let Some(movers) = &mut self.movers {
            let choice = path.choice(at);
            movers.watch(world, choice, self.watch.borrow().0.held_by(choice.task));
        }
        let told = self.step(path, at, world, false)?;
        if let Some(movers) = &mut self.movers {
            // What ends the execution comes before nobody's step.
            movers.made(told.loud || told.stopped || world.is_wild());
        }
        Ok(told)
    }

    /// Keeps the state in which the world and the checks are now, where the path has more than its present choice.
    fn keep<P: Pruning>(&mut self, path: &Path<P>, at: usize, world: &World) {
        // The root is kept already.
        if at < self.snapshots.len() {
            return;
        }
        debug_assert_eq!(at, self.snapshots.len(), "internal error: a state has no place for its copy");
        let memory = || self.watch.borrow().0.memory();
        let kept = (!path.is_at_last(at)).then(|| Snapshot { world: world.clone(), memory: memory() });
        self.snapshots.push(kept);
    }

    /// The deepest kept state that is no deeper than this.
    fn nearest(&self, at: usize) -> usize {
        let kept = (0..=at.min(self.snapshots.len() - 1)).rev().find(|at| self.snapshots[*at].is_some());
        kept.expect("internal error: the root is kept")
    }

    /// A copy of a kept state; the checks remember what they did there.
    fn copy(&self, at: usize) -> World {
        let Snapshot { world, memory } = self.snapshots[at].as_ref().expect("internal error: this state is kept");
        self.watch.borrow_mut().0.set_memory(memory.clone());
        world.clone()
    }

    /// A kept state itself, if nobody will come back to it.
    fn take<P: Pruning>(&mut self, path: &Path<P>, at: usize) -> World {
        // The root is where other paths begin.
        if at == 0 || !path.is_at_last(at) {
            return self.copy(at);
        }
        let Snapshot { world, memory } = self.snapshots[at].take().expect("internal error: this state is kept");
        self.watch.borrow_mut().0.set_memory(memory);
        world
    }

    /// The state before the choice at `at`; the checks remember what they did there.
    fn reach<P: Pruning>(&mut self, path: &Path<P>, at: usize) -> Result<World, Ending> {
        let nearest = self.nearest(at);
        if nearest == at {
            return Ok(self.take(path, at));
        }
        let mut world = self.copy(nearest);
        for step in nearest..at {
            self.step(path, step, &mut world, true)?;
            self.keep(path, step + 1, &world);
        }
        Ok(world)
    }

    /// What happens next in a state, or how it ends there.
    fn decide<P: Pruning>(
        &mut self,
        path: &mut Path<P>,
        world: &World,
        (loud, fingerprint): (bool, u128),
    ) -> Result<Decision, Ending> {
        let mut transitions = std::mem::take(&mut self.transitions);
        world.transitions_of(&self.stands, &mut transitions);
        let decided = if transitions.is_empty() {
            Err(self.end(path, fingerprint))
        } else if path.steps() >= self.config.limits.steps_max {
            Err(Ending::TooLong)
        } else {
            let watch = self.watch.borrow();
            let state = State::new(world, &transitions, path.steps(), loud, &*watch);
            Ok(path.decide(&state.known_as(fingerprint)))
        };
        self.transitions = transitions;
        decided
    }

    /// Makes the path's choice in `world`, which is the state before the choice at `at`.
    ///
    /// # Errors
    /// With how the execution ends there: a limit is exceeded, or the program strayed.
    fn step<P: Pruning>(&mut self, path: &Path<P>, at: usize, world: &mut World, judged: bool) -> Result<Told, Ending> {
        match self.follow(path, at, world, judged) {
            Ok(told) => return Ok(told),
            Err(Unmade::Exceeded(exceeded)) => return Err(Ending::Exceeded(exceeded)),
            Err(Unmade::Unknown) => {}
        }
        let learned = self.learn(path.transitions(at + 1));
        match (self.retrace(path, at, judged), learned) {
            (Ok((made, told)), _) => {
                *world = made;
                Ok(told)
            }
            // The task did not come to its next operation.
            (Err(_), Ending::Exceeded(exceeded)) => Err(Ending::Exceeded(exceeded)),
            // A step that was just run is known, unless the program did not come so far this time.
            (Err(_), _) => {
                self.strayed = true;
                Err(Ending::Abandoned)
            }
        }
    }

    /// Makes the path's choice by what is known.
    fn follow<P: Pruning>(&self, path: &Path<P>, at: usize, world: &mut World, judged: bool) -> Result<Told, Unmade> {
        self.memo.borrow().step(world, &mut *self.watch.borrow_mut(), path.choice(at), at as u32 + 1, judged)
    }

    /// Makes the path's choice at `at` from the nearest kept state, by what is known.
    fn retrace<P: Pruning>(&self, path: &Path<P>, at: usize, judged: bool) -> Result<(World, Told), Unmade> {
        let nearest = self.nearest(at);
        let mut world = self.copy(nearest);
        for step in nearest..at {
            self.follow(path, step, &mut world, true)?;
        }
        let told = self.follow(path, at, &mut world, judged)?;
        Ok((world, told))
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
    fn sampled(&self) -> Vec<Option<u128>> {
        if !cfg!(debug_assertions) || self.ended.len() % COMPARED_EVERY != 1 {
            return Vec::new();
        }
        let kept = self.snapshots.iter().map(Option::as_ref);
        kept.map(|snapshot| snapshot.map(|snapshot| of_world(&snapshot.world))).collect()
    }

    /// A final state: the program is run to it, unless one like it is known.
    fn end<P: Pruning>(&mut self, path: &Path<P>, fingerprint: u128) -> Ending {
        if !self.ended.insert(fingerprint) {
            return Ending::Abandoned;
        }
        let stuck = self.stands.iter().any(|stands| !stands.is_over());
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
    copies: Vec<Option<u128>>,
    /// The first state that differs from its copy.
    apart: Option<usize>,
}

impl Strategy for Along {
    fn decide(&mut self, state: &State<'_>) -> Decision {
        let next = self.transitions.get(self.at).copied();
        if self.copies.get(self.at).is_some_and(|copy| copy.is_some_and(|copy| copy != of_world(state.world))) {
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
