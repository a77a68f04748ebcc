//! The path through the tree of schedules: what all depth-first searches have in common.
//!
//! The path is a stack of branches. An execution follows the path, then goes on with the first transition of every new
//! state until it ends; then the deepest branch with something left is taken next. What is left on a path can be
//! taken off it as [`Item`]s: plain data, which another worker, or another process, goes on with.

use std::hash::{Hash, Hasher};

use crate::engine::fingerprint::Fingerprint;
use crate::engine::memo::{Deed, Stray};
use crate::engine::world::{Transition, World};
use crate::engine::{Decision, Followed, Memory, State, Strategy, Unsound};
use crate::event::{Op, TaskId, View};
use crate::explore::dependence::independent;
use crate::explore::spared::Spared;

/// How a search came to a state.
pub(in crate::explore) struct Arrival {
    /// Whose step it was that led here last; flushes and time are nobody's.
    pub last: TaskId,
    /// What the steps so far have cost.
    pub spent: u32,
    /// Whose steps are spared here.
    pub spared: Spared,
    /// The tag of the state before, and what was taken there.
    pub from: Option<(u128, Transition)>,
}

/// What is to be done in a state.
pub(in crate::explore) enum Answer {
    /// Take all that are not spared; of `only` these, if it is given. The tag is kept with the state.
    Go { only: Option<Spared>, spared: Spared, tag: u128 },
    /// It is known, but look at what follows from this, and stop there.
    Audit { transition: Transition, tag: u128 },
    /// Nothing new can come of it.
    Stop,
}

/// Decides what of a new state is worth going on with.
pub(in crate::explore) trait Pruning {
    /// What is to be done in this state?
    fn visit(&mut self, state: &State<'_>, arrival: &Arrival) -> Answer;
    /// Called for a state that an audit reached. Returns the next transition to take and the tag of the state, or `None` when the
    /// audit ends here.
    fn audited(&mut self, _state: &State<'_>, _from: (u128, Transition)) -> Option<(Transition, u128)> {
        None
    }
    /// Would a visit find nothing new in this state? It may say no without looking.
    fn knows(&self, _state: u128, _spared: Spared) -> bool {
        false
    }
    /// What a transition costs; `None` if it is not to be taken.
    fn cost(&mut self, _state: &State<'_>, _arrival: &Arrival, _transition: Transition) -> Option<u8> {
        Some(0)
    }
    /// Are steps spared?
    fn spares(&self) -> bool {
        false
    }
    /// Number of states known.
    fn states(&self) -> u64;
    /// Is there no room for more?
    fn is_full(&self) -> bool {
        false
    }
}

/// What a transition did the last time, and must do again.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    Op(Option<Op>),
    /// Of a path that was read from a file.
    Hash(u64),
}

impl Expected {
    fn is(self, op: Option<Op>) -> bool {
        match self {
            Expected::Op(expected) => expected == op,
            Expected::Hash(expected) => expected == hash(op),
        }
    }

    fn deed(self) -> Deed {
        match self {
            Expected::Op(Some(op)) => Deed::Performed(op),
            Expected::Op(None) | Expected::Hash(_) => Deed::Unknown,
        }
    }

    fn hash(self) -> u64 {
        match self {
            Expected::Op(op) => hash(op),
            Expected::Hash(hash) => hash,
        }
    }
}

fn hash(op: Option<Op>) -> u64 {
    let mut fingerprint = Fingerprint::default();
    op.hash(&mut fingerprint);
    fingerprint.finish()
}

/// A transition that a state of the path has.
#[derive(Clone, Copy, Debug)]
pub(in crate::explore) struct Choice {
    pub transition: Transition,
    cost: u8,
    /// What it performs.
    expected: Expected,
    /// Its step told the observer nothing that the steps of others have a part in; known when it was taken.
    quiet: bool,
}

impl Choice {
    /// As it was written down.
    pub fn restored(transition: Transition, hash: u64) -> Choice {
        Choice { transition, cost: 0, expected: Expected::Hash(hash), quiet: false }
    }

    /// What it performs, as it can be written down.
    pub fn hash(&self) -> u64 {
        self.expected.hash()
    }
}

/// Something left to do: after these choices, any of those.
#[derive(Clone, Debug, Default)]
pub(in crate::explore) struct Item {
    /// How to get there.
    pub prefix: Vec<Choice>,
    /// What is left there; empty for the root, which is not known yet.
    pub rest: Vec<Choice>,
    /// Whose steps are spared there.
    pub spared: Spared,
    /// The tag of the state.
    pub tag: u128,
}

/// One state of the path: where its choices lie in the arena, and which is taken.
struct Branch {
    start: usize,
    taken: usize,
    end: usize,
    spared: Spared,
    tag: u128,
    /// Only there to look at what follows.
    audit: bool,
}

/// The path through the tree of schedules.
pub(in crate::explore) struct Path<P> {
    pub pruning: P,
    memory: Memory,
    seeded: Option<Unsound>,
    branches: Vec<Branch>,
    arena: Vec<Choice>,
    depth: usize,
    last: TaskId,
    spent: u32,
    /// Whose steps are spared in the state that was reached last, if that is worked out already.
    spared_here: Option<Spared>,
    /// Where a known path no longer led to what it led to before.
    stray: Option<Box<Stray>>,
}

impl<P: Pruning> Path<P> {
    pub fn new(pruning: P, memory: Memory, seeded: Option<Unsound>) -> Path<P> {
        Path {
            pruning,
            memory,
            seeded,
            branches: Vec::new(),
            arena: Vec::new(),
            depth: 0,
            last: TaskId::BOOT,
            spent: 0,
            spared_here: None,
            stray: None,
        }
    }

    /// Goes to where something is left to do.
    pub fn enter(&mut self, item: &Item) {
        self.branches.clear();
        self.arena.clear();
        for choice in &item.prefix {
            let start = self.arena.len();
            self.arena.push(*choice);
            self.branches.push(Branch {
                start,
                taken: start,
                end: start + 1,
                spared: Spared::NONE,
                tag: 0,
                audit: false,
            });
        }
        if !item.rest.is_empty() {
            let start = self.arena.len();
            self.arena.extend(&item.rest);
            let end = self.arena.len();
            self.branches.push(Branch { start, taken: start, end, spared: item.spared, tag: item.tag, audit: false });
        }
    }

    /// A new execution begins.
    pub fn restart(&mut self) {
        self.depth = 0;
        self.last = TaskId::BOOT;
        self.spent = 0;
        self.spared_here = None;
    }

    /// Stands where the first choices of the path lead.
    pub fn stand_at(&mut self, depth: usize) {
        self.restart();
        (0..depth).for_each(|_| _ = self.take());
    }

    /// Number of states on the path.
    pub fn len(&self) -> usize {
        self.branches.len()
    }

    /// Number of steps made.
    pub fn steps(&self) -> u32 {
        self.depth as u32
    }

    /// What the path takes at a state.
    pub fn choice(&self, at: usize) -> Transition {
        self.arena[self.branches[at].taken].transition
    }

    /// Is nothing left to do at a state of the path, after what it takes there?
    pub fn is_at_last(&self, at: usize) -> bool {
        let branch = &self.branches[at];
        branch.taken + 1 >= branch.end
    }

    /// Moves on to the next branch; false if there is none.
    pub fn advance(&mut self) -> bool {
        while let Some(branch) = self.branches.last_mut() {
            branch.taken += 1;
            if branch.taken < branch.end {
                debug_assert!(branch.end <= self.arena.len(), "internal error: choices go with their branch");
                return true;
            }
            self.arena.truncate(branch.start);
            self.branches.pop();
        }
        false
    }

    /// Where the execution that has just ended left what was known of it, if it did.
    pub fn stray(&self) -> Option<Stray> {
        let ended = || {
            let branch = self.branches.get(self.depth)?;
            let choice = self.arena[branch.taken];
            Some(Stray {
                task: choice.transition.task,
                step: self.depth as u32,
                before: choice.expected.deed(),
                now: Deed::Ended,
                world: None,
            })
        };
        self.stray.as_deref().cloned().or_else(ended)
    }

    /// The choices of the first steps.
    pub fn transitions(&self, count: usize) -> Vec<Transition> {
        self.branches.iter().take(count).map(|branch| self.arena[branch.taken].transition).collect()
    }

    /// Number of transitions that are known and not taken yet.
    pub fn frontier(&self) -> u64 {
        self.branches.iter().map(|branch| (branch.end - branch.taken - 1) as u64).sum()
    }

    /// How much of the tree is done, if all subtrees of a branch are equally large.
    pub fn fraction(&self) -> f64 {
        let (mut behind, mut width) = (0.0, 1.0);
        for branch in &self.branches {
            width /= (branch.end - branch.start) as f64;
            behind += width * (branch.taken - branch.start) as f64;
        }
        behind
    }

    /// Takes what is left of the shallowest branch that has something left off the path.
    pub fn donate(&mut self) -> Option<Item> {
        let at = self.branches.iter().position(|branch| branch.taken + 1 < branch.end)?;
        let item = self.left_at(at);
        let branch = &mut self.branches[at];
        // The choices stay in the arena, out of reach; they go with the branch.
        branch.end = branch.taken + 1;
        Some(item)
    }

    /// All that is left, the shallowest first. The choice that would be taken next is among it.
    pub fn leave(mut self) -> (P, Vec<Item>) {
        let mut items = Vec::new();
        if let Some(deepest) = self.branches.pop() {
            items.push(self.item(self.branches.len(), deepest.taken..deepest.end, &deepest));
        }
        let open = (0..self.branches.len()).filter(|at| self.branches[*at].taken + 1 < self.branches[*at].end);
        let mut shallower: Vec<Item> = open.map(|at| self.left_at(at)).collect();
        shallower.append(&mut items);
        (self.pruning, shallower)
    }

    fn left_at(&self, at: usize) -> Item {
        let branch = &self.branches[at];
        self.item(at, branch.taken + 1..branch.end, branch)
    }

    fn item(&self, depth: usize, rest: std::ops::Range<usize>, branch: &Branch) -> Item {
        let prefix = self.branches[..depth].iter().map(|branch| self.arena[branch.taken]).collect();
        // Whether the rest counts makes no difference: what was not taken yet is not known to be quiet.
        let spared = branch.spared.union(self.done(branch, rest.start));
        Item { prefix, rest: self.arena[rest].to_vec(), spared, tag: branch.tag }
    }

    /// The processes whose quiet steps were taken at a branch before the choice at `next`.
    fn done(&self, branch: &Branch, next: usize) -> Spared {
        let quiet = self.arena[branch.start..next].iter().filter(|choice| choice.quiet);
        quiet.fold(Spared::NONE, |done, choice| done.union(Spared::of(choice.transition)))
    }

    /// Whose steps are spared in the state to which the last choice of the path led.
    fn spared(&self, world: &World) -> Spared {
        let spares = self.pruning.spares() && !world.is_wild();
        let Some(branch) = self.branches.last().filter(|_| spares) else { return Spared::NONE };
        let taken = self.arena[branch.taken].transition;
        let Expected::Op(Some(op)) = self.arena[branch.taken].expected else { return Spared::NONE };
        let before = branch.spared.union(self.done(branch, branch.taken));
        let still_spared = |other: &Transition| {
            let still = world.operation(*other).is_some_and(|other| independent(op, other, self.memory));
            let still = still && !world.related(taken.task, other.task);
            other.task != taken.task && (still || self.seeded == Some(Unsound::SleepSetNotFiltered))
        };
        before.transitions().filter(still_spared).fold(Spared::NONE, |spared, other| spared.union(Spared::of(other)))
    }

    /// A state is reached. Is there nothing to do in it, since it is known? It was judged then where it was met first.
    pub fn is_known(&mut self, world: &World, loud: bool, fingerprint: u128) -> bool {
        let spared = self.arrive(world, loud);
        self.spared_here = Some(spared);
        !self.branches.last().is_some_and(|branch| branch.audit) && self.pruning.knows(fingerprint, spared)
    }

    /// Notes what the last choice was, and says whose steps are spared where it led.
    fn arrive(&mut self, world: &World, loud: bool) -> Spared {
        if let Some(branch) = self.branches.last() {
            self.arena[branch.taken].quiet = !loud && !world.is_wild();
        }
        self.spared(world)
    }

    /// Puts the new state's transitions on the path, those of the task that ran last first; false if there are none.
    fn push(&mut self, state: &State<'_>, arrival: &Arrival, only: Option<Spared>, spared: Spared, tag: u128) -> bool {
        let start = self.arena.len();
        for of_last in [true, false] {
            for &transition in state.transitions.iter().filter(|it| (it.task == self.last) == of_last) {
                let process = Spared::of(transition);
                if process.meets(spared) || only.is_some_and(|only| !process.meets(only)) {
                    continue;
                }
                if let Some(cost) = self.pruning.cost(state, arrival, transition) {
                    self.arena.push(choice(state.world, transition, cost));
                }
            }
        }
        let end = self.arena.len();
        if start < end {
            self.branches.push(Branch { start, taken: start, end, spared, tag, audit: false });
        }
        start < end
    }

    /// A state is reached that need not be looked up: this happens in it, and what else could is tried where it leads.
    pub fn go_on(&mut self, world: &World, loud: bool, transition: Transition) {
        let spared = self.arrive(world, loud);
        let start = self.arena.len();
        self.arena.push(choice(world, transition, 0));
        self.branches.push(Branch { start, taken: start, end: start + 1, spared, tag: 0, audit: false });
        self.take();
    }

    /// Takes one transition of a known state, to look at what follows.
    fn look_at(&mut self, state: &State<'_>, transition: Transition, tag: u128) -> Decision {
        let start = self.arena.len();
        self.arena.push(choice(state.world, transition, 0));
        self.branches.push(Branch { start, taken: start, end: start + 1, spared: Spared::NONE, tag, audit: true });
        self.take()
    }

    /// Takes what the path says at this depth.
    fn take(&mut self) -> Decision {
        let branch = &self.branches[self.depth];
        debug_assert!((branch.start..branch.end).contains(&branch.taken), "internal error: a choice of another state");
        let choice = self.arena[branch.taken];
        self.depth += 1;
        debug_assert!(self.depth <= self.branches.len());
        if choice.transition.task != TaskId::CLOCK && !choice.transition.is_flush() {
            self.last = choice.transition.task;
        }
        self.spent += u32::from(choice.cost);
        Decision::Take(choice.transition)
    }
}

fn choice(world: &World, transition: Transition, cost: u8) -> Choice {
    Choice { transition, cost, expected: Expected::Op(world.operation(transition)), quiet: false }
}

impl<P: Pruning> Strategy for Path<P> {
    fn follow(&mut self, world: &World) -> Option<Followed> {
        let at = self.branches.get(self.depth)?.taken;
        // The choice of the deepest branch is the next of it, not made yet.
        let judged = self.depth + 1 < self.branches.len();
        let choice = &mut self.arena[at];
        let op = world.operation(choice.transition);
        if !choice.expected.is(op) || !world.is_enabled(choice.transition) {
            let (task, step) = (choice.transition.task, self.depth as u32);
            let before = choice.expected.deed();
            let now = op.map_or(Deed::Unknown, |op| Deed::CameTo(op, world.status(task).1));
            self.stray = Some(Box::new(Stray { task, step, before, now, world: Some(world.clone()) }));
            return Some(Followed { decision: Decision::Abandon, judged });
        }
        choice.expected = Expected::Op(op);
        Some(Followed { decision: self.take(), judged })
    }

    fn decide(&mut self, state: &State<'_>) -> Decision {
        let arrived = self.spared_here.take();
        let spared = arrived.unwrap_or_else(|| self.arrive(state.world, state.loud));
        let from = self.branches.last().map(|branch| (branch.tag, self.arena[branch.taken].transition));
        if let (Some(from), true) = (from, self.branches.last().is_some_and(|branch| branch.audit)) {
            let next = self.pruning.audited(state, from);
            return next.map_or(Decision::Abandon, |(transition, tag)| self.look_at(state, transition, tag));
        }
        let arrival = Arrival { last: self.last, spent: self.spent, spared, from };
        match self.pruning.visit(state, &arrival) {
            Answer::Stop => Decision::Abandon,
            Answer::Audit { transition, tag } => self.look_at(state, transition, tag),
            Answer::Go { only, spared, tag } if self.push(state, &arrival, only, spared, tag) => self.take(),
            Answer::Go { .. } => Decision::Abandon,
        }
    }
}
