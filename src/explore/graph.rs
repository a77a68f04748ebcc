//! The graph of a program's states, seen from one finding: from which of them can it still end well?
//!
//! An execution *ends well* if all its tasks end, no finding of the wanted code comes on the way or at the end, and none that
//! ends the execution. [`no_return`] looks for the last step of a counterexample before which another choice led to such an end.
//! [`whole`] draws up all states of a small program.
//!
//! Both go depth first, run the program from its beginning each time, and stop at known states. What the checks remember is part of
//! a state, so a state that has no good end has none however it was reached. `no_return` starts at the end of the counterexample
//! and goes backwards: every state that it has met is known to be lost before it looks at an earlier step. So the answer is
//! exact, or the bound that was hit is named.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::limits::Bound;
use super::schedule::Schedule;
use super::watch::{Watch, flow};
use crate::check::Code;
use crate::engine::controlled::{Controlled, Limits, Settings};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::world::Transition;
use crate::engine::{Decision, Ending, Flow, Memory, Observer, State, Strategy};
use crate::event::outcome::Remains;
use crate::event::{Event, TaskId, View};
use crate::subject::Subject;

/// States that the search for a point of no return looks at, at most.
pub const STATES_MAX: u64 = 200_000;

/// Where a counterexample is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoReturn {
    /// At this step: it had a sibling choice that could end well, and no later step has.
    At {
        /// Its number, from 1.
        step: u32,
        /// An execution that ends well. It is the counterexample up to the step before, and differs in this one.
        instead: Schedule,
    },
    /// No execution ends well.
    Start,
    /// The search hit this bound first.
    Unknown(Bound),
}

/// The point of no return of a counterexample; `None` if it has a good end itself, because its finding is not about this execution
/// alone (lock orders of several).
pub fn no_return(subject: &dyn Subject, code: Code, schedule: &Schedule, states_max: u64) -> Option<NoReturn> {
    let mut walker = Walker::new(subject, code, schedule.memory);
    let mut walk = Walk { witness: schedule.transitions.clone(), ..Walk::default() };
    let mut bounded: Option<(usize, Bound)> = None;
    loop {
        match walker.run(&mut walk) {
            Run::Well => {
                let apart = walk.apart()?;
                // What was cut off is of no interest if it hangs on the same choice.
                if let Some((at, bound)) = bounded
                    && at != apart
                {
                    return Some(NoReturn::Unknown(bound));
                }
                let instead = Schedule { transitions: walk.transitions(), memory: schedule.memory };
                return Some(NoReturn::At { step: apart as u32 + 1, instead });
            }
            Run::Bounded(bound) => bounded = bounded.or(Some((walk.apart().unwrap_or(usize::MAX), bound))),
            Run::Badly | Run::Known => {}
        }
        if walk.known.len() as u64 >= states_max {
            return Some(NoReturn::Unknown(Bound::States(states_max)));
        }
        if !walk.advance() {
            return Some(bounded.map_or(NoReturn::Start, |(_, bound)| NoReturn::Unknown(bound)));
        }
    }
}

/// How an execution ended that a state stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// Well.
    Well,
    /// With a finding, or with tasks that nobody wakes.
    Badly,
}

/// A state of the graph.
#[derive(Clone, Debug)]
pub struct Node {
    /// How many steps each task has made on the way on which it was first met.
    pub steps: Vec<u32>,
    /// Is it the end of an execution?
    pub end: Option<End>,
    /// Can it end well from here?
    pub has_way_out: bool,
}

/// All states of a program.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// The first is the start.
    pub nodes: Vec<Node>,
    /// From a state, to a state, by this.
    pub edges: Vec<(u32, u32, Transition)>,
}

impl Graph {
    /// The states that a schedule goes through, the start included; fewer if it leads out of the graph.
    pub fn way(&self, schedule: &Schedule) -> Vec<u32> {
        let mut way = vec![0];
        for transition in &schedule.transitions {
            let at = way[way.len() - 1];
            let Some(edge) = self.edges.iter().find(|edge| edge.0 == at && edge.2 == *transition) else { break };
            way.push(edge.1);
        }
        way
    }

    fn find_ways_out(&mut self) {
        let mut before: Vec<Vec<u32>> = vec![Vec::new(); self.nodes.len()];
        self.edges.iter().for_each(|&(from, to, _)| before[to as usize].push(from));
        let ends = (0..self.nodes.len() as u32).filter(|&at| self.nodes[at as usize].end == Some(End::Well));
        let mut open: Vec<u32> = ends.collect();
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut self.nodes[at as usize].has_way_out, true) {
                open.extend(&before[at as usize]);
            }
        }
    }
}

/// Draws up the whole graph of a program that has fewer than `states_max` states.
///
/// # Errors
/// With the bound that was hit.
pub fn whole(subject: &dyn Subject, code: Code, memory: Memory, states_max: u64) -> Result<Graph, Bound> {
    let mut walker = Walker::new(subject, code, memory);
    let mut walk = Walk::default();
    loop {
        match walker.run(&mut walk) {
            Run::Well => walk.end(End::Well),
            Run::Badly => walk.end(End::Badly),
            Run::Bounded(bound) => return Err(bound),
            Run::Known => {}
        }
        if walk.known.len() as u64 >= states_max {
            return Err(Bound::States(states_max));
        }
        if !walk.advance() {
            break;
        }
    }
    let mut graph = walk.graph;
    graph.find_ways_out();
    Ok(graph)
}

/// How an execution ended.
enum Run {
    Well,
    Badly,
    /// In a state that was met before.
    Known,
    Bounded(Bound),
}

/// Runs executions under the checks.
struct Walker<'s> {
    subject: &'s dyn Subject,
    controlled: Controlled,
    hunt: Rc<RefCell<Hunt>>,
}

impl<'s> Walker<'s> {
    fn new(subject: &'s dyn Subject, code: Code, memory: Memory) -> Walker<'s> {
        let hunt = Rc::new(RefCell::new(Hunt { watch: Watch(subject.checks()), code, hit: false }));
        let controlled = Controlled::new(Settings { memory, ..Settings::default() });
        Walker { subject, controlled, hunt }
    }

    fn run(&mut self, walk: &mut Walk) -> Run {
        walk.restart();
        let observer: Rc<RefCell<dyn Observer>> = self.hunt.clone();
        let ending = self.controlled.run(self.subject as &dyn crate::engine::Program, walk, &observer);
        match ending {
            Ending::Finished(_) if !self.hunt.borrow().hit => Run::Well,
            Ending::Finished(_) | Ending::Deadlocked(_) | Ending::Stopped => Run::Badly,
            Ending::Abandoned => Run::Known,
            Ending::TooLong => Run::Bounded(Bound::Steps(Limits::default().steps_max)),
            Ending::Exceeded(exceeded) => Run::Bounded(exceeded.into()),
        }
    }
}

/// The checks, which end the execution at the first finding of the code.
struct Hunt {
    watch: Watch,
    code: Code,
    hit: bool,
}

impl Hunt {
    fn look(&mut self, stop: bool) -> Flow {
        self.hit |= self.watch.0.take_found().iter().any(|finding| finding.code == self.code);
        flow(stop || self.hit)
    }
}

impl Observer for Hunt {
    fn begin(&mut self) {
        self.hit = false;
        // What an earlier execution had is told again.
        self.watch.0.forget();
        self.watch.begin();
    }

    fn event(&mut self, event: &Event, view: &dyn View) -> Flow {
        let stop = self.watch.event(event, view) == Flow::Stop;
        self.look(stop)
    }

    fn state(&mut self, step: u32, view: &dyn View) -> Flow {
        let stop = self.watch.state(step, view) == Flow::Stop;
        self.look(stop)
    }

    fn end(&mut self, step: u32, view: &dyn View) {
        self.watch.end(step, view);
        self.look(false);
    }

    fn fingerprint(&self, fingerprint: &mut Fingerprint) {
        self.watch.fingerprint(fingerprint);
    }

    fn fingerprint_task(&self, task: TaskId, fingerprint: &mut Fingerprint) {
        self.watch.fingerprint_task(task, fingerprint);
    }

    fn observed(&self) -> Vec<Remains> {
        self.watch.observed()
    }
}

/// A state of the present path and what can be done there.
struct Branch {
    state: u32,
    choices: Vec<Transition>,
    /// Which of them is taken.
    taken: usize,
}

/// The path through the graph, and what is known of the graph.
#[derive(Default)]
struct Walk {
    /// Where the first path goes: its states are not known by that, so what comes after can lead through them.
    witness: Vec<Transition>,
    branches: Vec<Branch>,
    depth: usize,
    known: HashMap<u128, u32>,
    ends: HashMap<(Vec<u32>, End), u32>,
    graph: Graph,
    tasks: usize,
    /// The witness has been followed.
    is_laid: bool,
}

impl Walk {
    fn restart(&mut self) {
        self.depth = 0;
    }

    fn transitions(&self) -> Vec<Transition> {
        self.branches.iter().map(|branch| branch.choices[branch.taken]).collect()
    }

    /// The first step of the path that is not that of the witness; `None` if it only goes on where the witness ends.
    fn apart(&self) -> Option<usize> {
        let path = self.branches.iter().map(|branch| branch.choices[branch.taken]);
        path.zip(&self.witness).position(|(taken, witness)| taken != *witness)
    }

    /// Moves on to the next branch; false if there is none.
    fn advance(&mut self) -> bool {
        self.is_laid = true;
        while let Some(branch) = self.branches.last_mut() {
            branch.taken += 1;
            if branch.taken < branch.choices.len() {
                return true;
            }
            self.branches.pop();
        }
        false
    }

    /// How many steps each task has made on the path.
    fn steps(&self) -> Vec<u32> {
        let mut steps = vec![0; self.tasks];
        for transition in self.transitions() {
            if transition.task != TaskId::CLOCK && !transition.is_flush() {
                steps[transition.task.index()] += 1;
            }
        }
        steps
    }

    fn add(&mut self, end: Option<End>) -> u32 {
        let steps = self.steps();
        self.graph.nodes.push(Node { steps, end, has_way_out: false });
        self.graph.nodes.len() as u32 - 1
    }

    fn arrive(&mut self, state: u32) {
        if let Some(branch) = self.branches.last() {
            self.graph.edges.push((branch.state, state, branch.choices[branch.taken]));
        }
    }

    /// The execution along the path has ended.
    fn end(&mut self, end: End) {
        let key = (self.steps(), end);
        let state = match self.ends.get(&key) {
            Some(state) => *state,
            None => {
                let state = self.add(Some(end));
                self.ends.insert(key, state);
                state
            }
        };
        self.arrive(state);
    }
}

impl Strategy for Walk {
    fn decide(&mut self, state: &State<'_>) -> Decision {
        if let Some(branch) = self.branches.get(self.depth) {
            self.depth += 1;
            return Decision::Take(branch.choices[branch.taken]);
        }
        self.tasks = state.world.task_ids().count();
        let mut choices = state.transitions.to_vec();
        let next = self.witness.get(self.depth).filter(|_| !self.is_laid);
        let first = next.and_then(|next| choices.iter().position(|choice| choice == next));
        self.is_laid = first.is_none();
        let number = match first {
            Some(first) => {
                choices.swap(0, first);
                self.add(None)
            }
            None => {
                let fingerprint = state.fingerprint();
                if let Some(known) = self.known.get(&fingerprint).copied() {
                    self.arrive(known);
                    return Decision::Abandon;
                }
                let number = self.add(None);
                self.known.insert(fingerprint, number);
                number
            }
        };
        self.arrive(number);
        let next = choices[0];
        self.branches.push(Branch { state: number, choices, taken: 0 });
        self.depth += 1;
        Decision::Take(next)
    }
}
