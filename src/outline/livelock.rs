//! LW009 of tasks that try for locks: rounds without end in which everybody moves who can, and each try fails.
//!
//! A run that never ends stays, from some state on, in a strongly connected component of the graph of states. It counts if it is
//! strongly fair: whoever can go on again and again does, and a choice that comes up again and again turns out every way
//! (Emerson, Lei, *Modalities for model checking*, 1987; components by Tarjan, 1972).
//!
//! Limit: a round counts only if everybody who moves in it fails in a try for a lock. A loop that nothing ends is what a kernel thread does.

use std::collections::HashMap;

/// A step from one state to another.
#[derive(Clone, Copy, Debug)]
struct Edge {
    from: u32,
    to: u32,
    task: usize,
    /// It tries for a lock, and does not get it.
    fails: bool,
    /// Of a choice that has another way out.
    barred: bool,
}

/// Tasks as bits; of those beyond, nothing is judged.
type Tasks = u128;

/// Tasks of one program whose rounds are judged.
pub(super) const TASKS_MAX: usize = 128;

/// The graph of states, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Graph {
    edges: Vec<Edge>,
    /// The tasks that can go on, of each state.
    enabled: Vec<Tasks>,
    /// The first edge of each state.
    starts: Vec<usize>,
    /// The part of the states that each belongs to.
    part: Vec<u32>,
    parts: u32,
    has_failed: bool,
}

impl Graph {
    /// A step.
    pub fn add(&mut self, from: u32, to: u32, task: usize, fails: bool) {
        self.has_failed |= fails;
        self.edges.push(Edge { from, to, task, fails, barred: false });
    }

    /// For each task of the nearest round without end the nearest state in which its try fails. `states` is the number of all.
    pub fn livelock(mut self, states: usize) -> Option<Vec<(usize, u32)>> {
        if !self.has_failed {
            return None;
        }
        self.edges.sort_by_key(|edge| edge.from);
        self.enabled = vec![0; states];
        self.starts = vec![0; states + 1];
        for edge in &self.edges {
            self.starts[edge.from as usize + 1] += 1;
            self.enabled[edge.from as usize] |= 1 << edge.task;
        }
        (0..states).for_each(|at| self.starts[at + 1] += self.starts[at]);
        self.part = vec![0; states];
        self.parts = 1;
        let mut sets: Vec<Vec<u32>> = vec![(0..states as u32).collect()];
        let mut found: Option<(u32, Vec<(usize, u32)>)> = None;
        while let Some(set) = sets.pop() {
            for component in self.components(&set) {
                if self.bar_choices(&component) {
                    sets.push(component);
                    continue;
                }
                let (moves, failing) = self.movers(&component);
                let able = component.iter().fold(0, |all, state| all | self.enabled[*state as usize]);
                let starved = able & !moves;
                if starved == 0 {
                    let first = component.iter().copied().min().unwrap_or(0);
                    if failing == moves && found.as_ref().is_none_or(|(known, _)| first < *known) {
                        found = Some((first, self.failing(&component)));
                    }
                    continue;
                }
                // A fair run does not stay where those can go on who never do here.
                let (out, rest): (Vec<u32>, Vec<u32>) =
                    component.into_iter().partition(|state| self.enabled[*state as usize] & starved != 0);
                out.into_iter().for_each(|state| self.part[state as usize] = u32::MAX);
                if !rest.is_empty() {
                    sets.push(rest);
                }
            }
        }
        found.map(|(_, failing)| failing)
    }

    fn edges_from(&self, state: u32) -> std::ops::Range<usize> {
        self.starts[state as usize]..self.starts[state as usize + 1]
    }

    fn inside(&self, state: u32) -> impl Iterator<Item = &Edge> {
        let part = self.part[state as usize];
        let edges = self.edges[self.edges_from(state)].iter();
        edges.filter(move |edge| !edge.barred && self.part[edge.to as usize] == part)
    }

    /// Tasks that move without leaving, and those of them that fail somewhere in a try.
    fn movers(&self, component: &[u32]) -> (Tasks, Tasks) {
        let edges = component.iter().flat_map(|state| self.inside(*state));
        edges.fold((0, 0), |(moves, failing), edge| {
            let bit: Tasks = 1 << edge.task;
            (moves | bit, if edge.fails { failing | bit } else { failing })
        })
    }

    /// Tasks that fail in a try, each with the nearest state in which that is.
    fn failing(&self, component: &[u32]) -> Vec<(usize, u32)> {
        let mut found: Vec<(usize, u32)> = Vec::new();
        let edges = component.iter().flat_map(|state| self.inside(*state));
        for edge in edges.filter(|edge| edge.fails) {
            match found.iter_mut().find(|(task, _)| *task == edge.task) {
                Some((_, known)) => *known = edge.from.min(*known),
                None => found.push((edge.task, edge.from)),
            }
        }
        found.sort_unstable();
        found
    }

    /// Bars choices of which not every way stays here; true if there are any.
    fn bar_choices(&mut self, component: &[u32]) -> bool {
        let mut barred = Vec::new();
        for &state in component {
            let part = self.part[state as usize];
            let edges = self.edges_from(state);
            let stays = |edge: &Edge| !edge.barred && self.part[edge.to as usize] == part;
            let leaves: Vec<usize> =
                self.edges[edges.clone()].iter().filter(|edge| !stays(edge)).map(|edge| edge.task).collect();
            barred.extend(edges.filter(|&at| stays(&self.edges[at]) && leaves.contains(&self.edges[at].task)));
        }
        barred.iter().for_each(|&at| self.edges[at].barred = true);
        !barred.is_empty()
    }

    /// The strongly connected components of a part in which something moves, each a part of its own now.
    fn components(&mut self, set: &[u32]) -> Vec<Vec<u32>> {
        let of_set = self.part[set[0] as usize];
        let mut found = Vec::new();
        let mut tarjan = Tarjan::default();
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
                    let edge = self.edges[*next];
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
                    component.iter().for_each(|&member| self.part[member as usize] = self.parts);
                    self.parts += 1;
                    if self.inside(component[0]).next().is_some() {
                        found.push(component);
                    }
                }
            }
        }
        found
    }
}

/// The state of the search for components.
#[derive(Default)]
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
