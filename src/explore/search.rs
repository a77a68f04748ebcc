//! Depth-first search over schedules by running again: the trunk that brute force and the stateful search share.
//!
//! The path is a stack of branches. An execution follows the path, then goes on with the first transition
//! of every new state until it ends; then the deepest branch with something left is taken next.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Bound, Config, EngineKind, Found, Schedule, Subject, Verdict, Watch};
use crate::engine::controlled::Controlled;
use crate::engine::world::{Transition, World};
use crate::engine::{Decision, Ending, Observer, State, Strategy};
use crate::event::{Op, TaskId};

/// Decides what of a new state is worth going on with.
pub(super) trait Pruning {
    /// Is this state new? `last` is whose step led to it, `spent` what the steps so far have cost.
    fn is_new(&mut self, state: &State<'_>, last: TaskId, spent: u32) -> bool;
    /// What a transition costs; `None` if it is not to be taken.
    fn cost(&self, _state: &State<'_>, _last: TaskId, _spent: u32, _transition: Transition) -> Option<u8> {
        Some(0)
    }
    /// Number of states known.
    fn states(&self) -> u64;
}

/// A transition that a state of the path has.
#[derive(Clone, Copy)]
struct Choice {
    transition: Transition,
    cost: u8,
    /// The operation that it performs: it must be the same when the path leads there again.
    op: Option<Op>,
}

/// One state of the path: where its choices lie in the arena, and which is taken.
struct Branch {
    start: usize,
    taken: usize,
    end: usize,
}

/// The path through the tree of schedules.
struct Path<'p, P> {
    pruning: &'p mut P,
    branches: Vec<Branch>,
    arena: Vec<Choice>,
    depth: usize,
    last: TaskId,
    spent: u32,
    /// The step at which a known path no longer led to what it led to before.
    strayed: Option<usize>,
}

impl<P: Pruning> Path<'_, P> {
    fn restart(&mut self) {
        self.depth = 0;
        self.last = TaskId::BOOT;
        self.spent = 0;
    }

    /// Moves on to the next branch; false if there is none.
    fn advance(&mut self) -> bool {
        while let Some(branch) = self.branches.last_mut() {
            branch.taken += 1;
            if branch.taken < branch.end {
                return true;
            }
            self.arena.truncate(branch.start);
            self.branches.pop();
        }
        false
    }

    /// Asserts that the execution that has just ended went all the way that was known.
    ///
    /// # Panics
    /// If the program did something else than the last time: it remembers something that the engine does not see.
    fn assert_known(&self) {
        let strayed = self.strayed.or((self.depth < self.branches.len()).then_some(self.depth));
        if let Some(step) = strayed {
            panic!(
                "internal error: hidden state: the same {step} steps led somewhere else than before; \
                 the program keeps something in a static, a Cell or an Arc that is no object of the engine"
            );
        }
    }

    fn transitions(&self, count: usize) -> Vec<Transition> {
        self.branches.iter().take(count).map(|branch| self.arena[branch.taken].transition).collect()
    }

    /// Puts the new state's transitions on the path, those of the task that ran last first; false if there are none.
    fn push(&mut self, state: &State<'_>) -> bool {
        let start = self.arena.len();
        for of_last in [true, false] {
            let others = state.transitions.iter().filter(|transition| (transition.task == self.last) == of_last);
            for &transition in others {
                if let Some(cost) = self.pruning.cost(state, self.last, self.spent, transition) {
                    self.arena.push(Choice { transition, cost, op: operation(state.world, transition) });
                }
            }
        }
        let end = self.arena.len();
        if start < end {
            self.branches.push(Branch { start, taken: start, end });
        }
        start < end
    }

    /// Takes what the path says at this depth.
    fn take(&mut self) -> Decision {
        let choice = self.arena[self.branches[self.depth].taken];
        self.depth += 1;
        self.last = choice.transition.task;
        self.spent += u32::from(choice.cost);
        Decision::Take(choice.transition)
    }
}

/// What a transition is about to perform; time performs nothing.
fn operation(world: &World, transition: Transition) -> Option<Op> {
    if transition.task == TaskId::CLOCK { None } else { world.pending(transition.task) }
}

impl<P: Pruning> Strategy for Path<'_, P> {
    fn follow(&mut self, world: &World) -> Option<Decision> {
        let choice = self.arena[self.branches.get(self.depth)?.taken];
        if operation(world, choice.transition) != choice.op || !world.is_enabled(choice.transition) {
            self.strayed = Some(self.depth);
            return Some(Decision::Abandon);
        }
        Some(self.take())
    }

    fn decide(&mut self, state: &State<'_>) -> Decision {
        if self.pruning.is_new(state, self.last, self.spent) && self.push(state) {
            self.take()
        } else {
            Decision::Abandon
        }
    }
}

/// What to do with a finding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It goes into the verdict, once.
    Keep,
    /// It does not, and is reported again by later executions.
    Again,
}

/// Runs executions until the tree of schedules is exhausted or a bound is hit. `on_found` looks at each finding.
pub(super) fn search<P: Pruning>(
    subject: &dyn Subject,
    config: &Config,
    engine: EngineKind,
    pruning: &mut P,
    mut on_found: impl FnMut(&Found) -> Answer,
) -> Verdict {
    let mut verdict = Verdict::new(engine);
    let watch = Watch::shared(subject.checks());
    let observer: Rc<RefCell<dyn Observer>> = watch.clone();
    let mut controlled = Controlled::new(config.limits);
    let mut path = Path {
        pruning,
        branches: Vec::new(),
        arena: Vec::new(),
        depth: 0,
        last: TaskId::BOOT,
        spent: 0,
        strayed: None,
    };
    let program: &dyn crate::engine::Program = subject;
    loop {
        path.restart();
        let ending = controlled.run(program, &mut path, &observer);
        path.assert_known();
        verdict.executions += 1;
        verdict.states = path.pruning.states();
        let mut again = false;
        for finding in watch.borrow_mut().0.take_found() {
            let schedule = Schedule::new(path.transitions(finding.step as usize));
            let found = Found { finding, schedule, weak_memory: false };
            match on_found(&found) {
                Answer::Keep => verdict.findings.push(found),
                Answer::Again => again = true,
            }
        }
        if again {
            watch.borrow_mut().0.forget();
        }
        match ending {
            Ending::Finished(outcome) => _ = verdict.outcomes.insert(outcome),
            Ending::Deadlocked(outcome) => _ = verdict.deadlocks.insert(outcome),
            Ending::TooLong => verdict.bound = Some(Bound::Steps(config.limits.steps_max)),
            Ending::Stopped | Ending::Abandoned => {}
        }
        if !path.advance() {
            return verdict;
        }
        if let Some(bound) = config.tick(verdict.executions, verdict.states) {
            verdict.bound = Some(bound);
            return verdict;
        }
    }
}
