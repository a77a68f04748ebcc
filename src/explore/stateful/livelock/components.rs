//! The graph of states, and the components in which a fair run can stay.
//!
//! Components by Tarjan, *Depth-first search and linear graph algorithms*, SIAM J. Comput. 1 (1972). Fairness as in model
//! checking: Emerson, Lei, *Modalities for model checking*, Sci. Comput. Program. 8 (1987).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use crate::engine::process::{Process, ProcessSet};
use crate::engine::world::Transition;
use crate::event::TaskId;
use crate::explore::stateful::witness::is_switch;

struct Edge {
    from: u32,
    to: u32,
    transition: Transition,
    /// Of a choice that has another way out: it does not turn out this way for ever.
    barred: bool,
}

/// The part of states in which no fair run stays.
const NOWHERE: u32 = u32::MAX;

/// States by number, in the order in which they were met. Those in which nothing can happen are not among them.
#[derive(Default)]
pub(super) struct Graph {
    enabled: Vec<ProcessSet>,
    edges: Vec<Edge>,
    /// Where a task makes a choice, and how many ways it has. In order.
    choices: Vec<(u32, TaskId, u8)>,
    /// Where the edges of each state begin.
    starts: Vec<usize>,
    /// The set of states, or the component, that each state is part of.
    part: Vec<u32>,
}

impl Graph {
    /// Adds the next state, with the choices that tasks stand before there.
    pub fn add_state(&mut self, enabled: ProcessSet, choices: impl Iterator<Item = (TaskId, u8)>) {
        let at = self.enabled.len() as u32;
        self.enabled.push(enabled);
        for (task, ways) in choices {
            if self.choices.last() != Some(&(at, task, ways)) {
                self.choices.push((at, task, ways));
            }
        }
    }

    pub fn add(&mut self, from: u32, transition: Transition, to: u32) {
        self.edges.push(Edge { from, to, transition, barred: false });
    }

    /// What it takes in memory.
    pub fn bytes(&self) -> u64 {
        (self.enabled.len() * size_of::<ProcessSet>() + self.edges.len() * size_of::<Edge>()) as u64
    }

    /// The schedule into the nearest livelock and once around in it.
    pub fn livelock(mut self) -> Option<Vec<Transition>> {
        if self.enabled.is_empty() {
            return None;
        }
        self.edges.sort_by_key(|edge| edge.from);
        self.starts = vec![0; self.enabled.len() + 1];
        self.edges.iter().for_each(|edge| self.starts[edge.from as usize + 1] += 1);
        (0..self.enabled.len()).for_each(|at| self.starts[at + 1] += self.starts[at]);
        let fair = self.fair_components();
        if fair.is_empty() {
            return None;
        }
        let (way, first) = self.way_to(&fair);
        let round = self.round(first);
        Some(way.into_iter().chain(round).map(|edge| self.edges[edge].transition).collect())
    }

    fn edges_from(&self, state: u32) -> std::ops::Range<usize> {
        self.starts[state as usize]..self.starts[state as usize + 1]
    }

    /// The edges from a state that stay in its part.
    fn inside(&self, state: u32) -> impl Iterator<Item = usize> {
        let part = self.part[state as usize];
        self.edges_from(state).filter(move |&at| {
            let edge = &self.edges[at];
            !edge.barred && self.part[edge.to as usize] == part
        })
    }

    /// The numbers of the parts in which a fair run can stay.
    fn fair_components(&mut self) -> Vec<u32> {
        self.part = vec![0; self.enabled.len()];
        let mut parts = 1;
        let mut sets: Vec<Vec<u32>> = vec![(0..self.enabled.len() as u32).collect()];
        let mut fair = Vec::new();
        while let Some(set) = sets.pop() {
            for component in self.components(&set, &mut parts) {
                if self.bar_choices(&component) {
                    sets.push(component);
                    continue;
                }
                let starved = self.starved(&component);
                if starved.is_empty() {
                    fair.push(self.part[component[0] as usize]);
                    continue;
                }
                // A fair run does not stay where those can go on who never do here.
                let is_let_down = |state: &u32| {
                    let enabled = self.enabled[*state as usize];
                    enabled.without(starved) != enabled
                };
                let (out, rest): (Vec<u32>, Vec<u32>) = component.into_iter().partition(is_let_down);
                out.into_iter().for_each(|state| self.part[state as usize] = NOWHERE);
                if !rest.is_empty() {
                    sets.push(rest);
                }
            }
        }
        fair
    }

    /// The strongly connected components of a part, each a part of its own now. Only those in which something can go on.
    fn components(&mut self, set: &[u32], parts: &mut u32) -> Vec<Vec<u32>> {
        let of_set = self.part[set[0] as usize];
        let mut found = Vec::new();
        let mut tarjan = Tarjan { numbers: HashMap::new(), stack: Vec::new() };
        for &root in set {
            if self.part[root as usize] != of_set {
                continue;
            }
            // The call stack of the recursive algorithm: a state, and which of its edges is next.
            let mut calls = vec![(root, self.edges_from(root).start)];
            tarjan.enter(root);
            while let Some((state, next)) = calls.last_mut() {
                let state = *state;
                if *next < self.edges_from(state).end {
                    let edge = &self.edges[*next];
                    *next += 1;
                    if edge.barred || self.part[edge.to as usize] != of_set {
                        continue;
                    }
                    match tarjan.numbers.get(&edge.to) {
                        Some(&(number, _)) => tarjan.lower(state, number),
                        None => {
                            tarjan.enter(edge.to);
                            calls.push((edge.to, self.edges_from(edge.to).start));
                        }
                    }
                    continue;
                }
                calls.pop();
                let (number, low) = tarjan.numbers[&state];
                if let Some((caller, _)) = calls.last() {
                    tarjan.lower(*caller, low);
                }
                if number == low {
                    let component = tarjan.leave(state);
                    component.iter().for_each(|&member| self.part[member as usize] = *parts);
                    *parts += 1;
                    if self.inside(component[0]).next().is_some() {
                        found.push(component);
                    }
                }
            }
        }
        found
    }

    /// Bars the choices that have a way out of the component; true if there were any.
    fn bar_choices(&mut self, component: &[u32]) -> bool {
        let mut barred = Vec::new();
        for &state in component {
            let begin = self.choices.partition_point(|(at, ..)| *at < state);
            for &(_, task, ways) in self.choices[begin..].iter().take_while(|(at, ..)| *at == state) {
                let is_of_task = |at: &usize| {
                    let transition = self.edges[*at].transition;
                    transition.task == task && !transition.is_flush()
                };
                let inside: Vec<usize> = self.inside(state).filter(is_of_task).collect();
                if inside.len() < usize::from(ways) {
                    barred.extend(inside);
                }
            }
        }
        barred.iter().for_each(|&at| self.edges[at].barred = true);
        !barred.is_empty()
    }

    /// Processes that can go on somewhere in the component, and nowhere do without leaving it.
    fn starved(&self, component: &[u32]) -> ProcessSet {
        let enabled = component.iter().map(|&state| self.enabled[state as usize]);
        let edges = component.iter().flat_map(|&state| self.inside(state));
        let moves = edges.map(|at| Process::of(self.edges[at].transition)).collect();
        enabled.fold(ProcessSet::default(), ProcessSet::union).without(moves)
    }

    /// The way from the first state into one of the parts with the fewest context switches, then steps; and where it ends.
    fn way_to(&self, parts: &[u32]) -> (Vec<usize>, u32) {
        let mut heap = BinaryHeap::from([Reverse((0, 0, 0, TaskId::BOOT.0))]);
        let mut came: HashMap<(u32, u8), Option<(usize, u8)>> = HashMap::from([((0, TaskId::BOOT.0), None)]);
        let mut done = std::collections::HashSet::new();
        let mut best: HashMap<(u32, u8), (u32, u32)> = HashMap::new();
        while let Some(Reverse((switches, steps, state, last))) = heap.pop() {
            if !done.insert((state, last)) {
                continue;
            }
            if parts.contains(&self.part[state as usize]) {
                let mut way = Vec::new();
                let mut at = (state, last);
                while let Some((edge, before)) = came[&at] {
                    way.push(edge);
                    at = (self.edges[edge].from, before);
                }
                way.reverse();
                return (way, state);
            }
            for at in self.edges_from(state) {
                let Edge { to, transition, .. } = self.edges[at];
                let cost = (switches + u32::from(is_switch(TaskId(last), transition)), steps + 1);
                let is_step = transition.task != TaskId::CLOCK && !transition.is_flush();
                let key = (to, if is_step { transition.task.0 } else { last });
                if !done.contains(&key) && best.get(&key).is_none_or(|known| cost < *known) {
                    best.insert(key, cost);
                    came.insert(key, Some((at, last)));
                    heap.push(Reverse((cost.0, cost.1, key.0, key.1)));
                }
            }
        }
        unreachable!("internal error: every state was reached from the first")
    }

    /// From a state through its component and back, so that everybody moves who can go on somewhere on the way.
    fn round(&self, first: u32) -> Vec<usize> {
        let mut round: Vec<usize> = Vec::new();
        let (mut at, mut able, mut moved) = (first, self.enabled[first as usize], ProcessSet::default());
        loop {
            let owed = able.without(moved);
            if owed.is_empty() && at == first {
                return round;
            }
            let way = self.way_inside(at, |edge| match owed.is_empty() {
                true => edge.to == first,
                false => owed.contains(Process::of(edge.transition)),
            });
            for &edge in &way {
                at = self.edges[edge].to;
                able = able.union(self.enabled[at as usize]);
            }
            moved = moved.union(ProcessSet::of(way.iter().map(|&edge| &self.edges[edge].transition)));
            round.extend(way);
        }
    }

    /// The fewest steps in its component from a state to an edge that is wanted, which is the last of them.
    fn way_inside(&self, from: u32, is_wanted: impl Fn(&Edge) -> bool) -> Vec<usize> {
        let mut came: HashMap<u32, Option<usize>> = HashMap::from([(from, None)]);
        let mut queue = VecDeque::from([from]);
        while let Some(state) = queue.pop_front() {
            for at in self.inside(state) {
                let edge = &self.edges[at];
                if is_wanted(edge) {
                    let mut way = vec![at];
                    while let Some(Some(before)) = came.get(&self.edges[way[way.len() - 1]].from) {
                        way.push(*before);
                    }
                    way.reverse();
                    return way;
                }
                came.entry(edge.to).or_insert_with(|| {
                    queue.push_back(edge.to);
                    Some(at)
                });
            }
        }
        unreachable!("internal error: a component is connected, and somebody in it moves")
    }
}

/// The state of the search for components.
struct Tarjan {
    /// When a state was entered, and the earliest of the stack that it leads back to.
    numbers: HashMap<u32, (u32, u32)>,
    stack: Vec<u32>,
}

impl Tarjan {
    fn enter(&mut self, state: u32) {
        let number = self.numbers.len() as u32;
        self.numbers.insert(state, (number, number));
        self.stack.push(state);
    }

    fn lower(&mut self, state: u32, number: u32) {
        if let Some((_, low)) = self.numbers.get_mut(&state) {
            *low = number.min(*low);
        }
    }

    /// The component whose first state this is.
    fn leave(&mut self, state: u32) -> Vec<u32> {
        let at = self.stack.iter().rposition(|member| *member == state).unwrap_or(0);
        self.stack.split_off(at)
    }
}
