//! Depth-first search over schedules by running again: the trunk that brute force and the stateful search share.
//!
//! The path is a stack of branches. An execution follows the path, then goes on with the first transition
//! of every new state until it ends; then the deepest branch with something left is taken next.

use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use super::{Bound, Config, EngineKind, Found, Schedule, Subject, Verdict, Watch};
use crate::engine::controlled::Controlled;
use crate::engine::fingerprint::Fingerprint;
use crate::engine::world::Transition;
use crate::engine::{Decision, Ending, Observer, State, Strategy};
use crate::event::TaskId;

/// Decides whether a new state is worth going on from.
pub(super) trait Pruning {
    /// Is this state new? `last` is whose step led to it.
    fn is_new(&mut self, state: &State<'_>, last: TaskId) -> bool;
    /// May this transition be taken from a state that `last` led to?
    fn allows(&self, _state: &State<'_>, _last: TaskId, _transition: Transition) -> bool {
        true
    }
    /// An execution begins again from the start.
    fn restart(&mut self) {}
    /// A transition is taken (along the known path as well).
    fn take(&mut self, _state: &State<'_>, _last: TaskId, _transition: Transition) {}
    /// Number of states known.
    fn states(&self) -> u64;
}

/// One state of the path: where its transitions lie in the arena, and which is taken.
struct Branch {
    start: usize,
    taken: usize,
    end: usize,
    /// What the state looked like when it was new.
    look: u64,
}

/// What must be the same when the path leads to a state again: what can happen next, and before what each task stands.
///
/// The histories would tell more, and cost more than running the step.
fn look(state: &State<'_>) -> u64 {
    let mut fingerprint = Fingerprint::default();
    state.transitions.hash(&mut fingerprint);
    for task in state.world.task_ids() {
        state.world.pending(task).hash(&mut fingerprint);
    }
    fingerprint.finish()
}

/// The path through the tree of schedules.
struct Path<'p, P> {
    pruning: &'p mut P,
    branches: Vec<Branch>,
    arena: Vec<Transition>,
    depth: usize,
    last: TaskId,
    /// The step at which a known path no longer led to what it led to before.
    strayed: Option<usize>,
}

impl<P: Pruning> Path<'_, P> {
    fn restart(&mut self) {
        self.depth = 0;
        self.last = TaskId::BOOT;
        self.pruning.restart();
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
        self.branches.iter().take(count).map(|branch| self.arena[branch.taken]).collect()
    }

    /// Puts the new state's transitions on the path, those of the task that ran last first.
    fn push(&mut self, state: &State<'_>) -> Option<Transition> {
        let start = self.arena.len();
        let last = self.last;
        let allowed = |transition: &&Transition| self.pruning.allows(state, last, **transition);
        let (same, others): (Vec<Transition>, Vec<Transition>) =
            state.transitions.iter().filter(allowed).copied().partition(|t| t.task == last);
        self.arena.extend(same.into_iter().chain(others));
        let end = self.arena.len();
        self.branches.push(Branch { start, taken: start, end, look: look(state) });
        if start == end {
            self.branches.pop();
            return None;
        }
        Some(self.arena[start])
    }
}

impl<P: Pruning> Strategy for Path<'_, P> {
    fn decide(&mut self, state: &State<'_>) -> Decision {
        let transition = if let Some(branch) = self.branches.get(self.depth) {
            if branch.look != look(state) {
                self.strayed = Some(self.depth);
                return Decision::Abandon;
            }
            Some(self.arena[branch.taken])
        } else if self.pruning.is_new(state, self.last) {
            self.push(state)
        } else {
            None
        };
        let Some(transition) = transition else { return Decision::Abandon };
        self.pruning.take(state, self.last, transition);
        self.depth += 1;
        self.last = transition.task;
        Decision::Take(transition)
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
    let mut path =
        Path { pruning, branches: Vec::new(), arena: Vec::new(), depth: 0, last: TaskId::BOOT, strayed: None };
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
