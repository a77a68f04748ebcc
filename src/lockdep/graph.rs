//! The dependency graph, and the search for cycles.
//!
//! An edge says: somebody held `from` and waited for `to`. There is one for *every* lock that was held, past readers and attempts. An
//! interrupt makes edges too: whoever holds a lock with the interrupt on may be interrupted there, and then the handler waits for each
//! lock that it takes. So a deadlock through an interrupt is a cycle with an interrupt edge, whichever of its facts came last.
//!
//! A path is strong if no recursive reader waits for a lock that is held for reading: those block nobody. The search is over edges,
//! so that what was reached weakly does not hide what can be reached strongly; lockdep marks classes, and misses cycles by it.
//!
//! Cycles are found by class. The report then asks whether it holds for the objects alone, and whether two participants can be
//! where it wants them at the same time at all: not if both hold one lock.

use std::collections::{HashMap, VecDeque};

use super::finding::{Edge, End, Kind, Level, Place, Run};
use super::lock::{Hold, LockId, Locks};
use super::state::merge;

/// Extensions of paths that one search for cycles looks at. Beyond it, what was found so far is told.
pub(super) const PATHS_MAX: usize = 20_000;

/// A lock that was taken in an interrupt, or held while one could come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub level: Level,
    pub end: End,
    /// Where it became true.
    pub at: Place,
    pub run: Run,
    pub held: Vec<(LockId, bool)>,
}

/// All dependencies seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    pub edges: Vec<Edge>,
    used: Vec<Use>,
    open: Vec<Use>,
}

/// A cycle, as numbers of edges, and what it is.
pub(super) struct Cycle {
    pub edges: Vec<usize>,
    pub kind: Kind,
}

/// What makes two witnesses the same: all but where exactly.
fn same(a: &Edge, b: &Edge) -> bool {
    let ends = |e: &Edge| (e.from.lock, e.from.class, e.from.hold, e.to.lock, e.to.class, e.to.hold);
    ends(a) == ends(b)
        && a.irq.map(|irq| irq.0) == b.irq.map(|irq| irq.0)
        && (a.run.task, a.run.in_irq) == (b.run.task, b.run.in_irq)
        && a.handler.map(|run| run.task) == b.handler.map(|run| run.task)
        && a.held == b.held
}

fn same_use(a: &Use, b: &Use) -> bool {
    let key = |u: &Use| (u.level, u.end.lock, u.end.class, u.end.hold, u.run.task, u.run.in_irq);
    key(a) == key(b) && a.held == b.held
}

impl Graph {
    /// Adds an order; gives the cycles that it closes.
    pub fn add_order(&mut self, edge: Edge, locks: &Locks) -> Vec<Cycle> {
        self.add(edge, locks, Kind::IrqOrder)
    }

    /// Adds that a lock was taken in an interrupt.
    pub fn add_used(&mut self, used: Use, locks: &Locks) -> Vec<Cycle> {
        if self.used.iter().any(|known| same_use(known, &used)) {
            return Vec::new();
        }
        self.used.push(used.clone());
        let edges: Vec<Edge> = self.open.iter().filter_map(|open| interrupt(open, &used)).collect();
        self.add_all(edges, locks)
    }

    /// Adds that a lock was held while an interrupt could come.
    pub fn add_open(&mut self, open: Use, locks: &Locks) -> Vec<Cycle> {
        if self.open.iter().any(|known| same_use(known, &open)) {
            return Vec::new();
        }
        self.open.push(open.clone());
        let edges: Vec<Edge> = self.used.iter().filter_map(|used| interrupt(&open, used)).collect();
        self.add_all(edges, locks)
    }

    /// Adds what an interrupt may do; the shortest cycles come first.
    fn add_all(&mut self, edges: Vec<Edge>, locks: &Locks) -> Vec<Cycle> {
        let mut cycles: Vec<Cycle> =
            edges.into_iter().flat_map(|edge| self.add(edge, locks, Kind::IrqInversion)).collect();
        cycles.sort_by_key(|cycle| cycle.edges.len());
        cycles
    }

    fn add(&mut self, edge: Edge, locks: &Locks, with_irq: Kind) -> Vec<Cycle> {
        if self.edges.iter().any(|known| same(known, &edge)) {
            return Vec::new();
        }
        self.edges.push(edge);
        let new = self.edges.len() - 1;
        let Some(shown) = self.closes(new) else { return Vec::new() };
        let mut found = Vec::new();
        let mut steps = 0;
        self.extend(&mut vec![new], &mut steps, &mut found);
        // A closed path that meets a lock twice splits there, and one part is a strong cycle that was found before. Unless the
        // search hit its bound.
        if found.is_empty() && steps > PATHS_MAX {
            found.push(shown);
        }
        let kinds = found.into_iter().filter_map(|edges| self.judge(edges, locks, with_irq));
        kinds.collect()
    }

    /// A strong closed path through the edge, if there is one. Each edge is looked at once.
    fn closes(&self, new: usize) -> Option<Vec<usize>> {
        let mut before: HashMap<usize, usize> = HashMap::new();
        let mut queue = VecDeque::from([new]);
        while let Some(last) = queue.pop_front() {
            if follows(&self.edges[last], &self.edges[new]) {
                let mut path: Vec<usize> = std::iter::successors(Some(last), |at| before.get(at).copied()).collect();
                path.reverse();
                return Some(path);
            }
            for next in (0..self.edges.len()).filter(|next| *next != new) {
                if follows(&self.edges[last], &self.edges[next]) && !before.contains_key(&next) {
                    before.insert(next, last);
                    queue.push_back(next);
                }
            }
        }
        None
    }

    /// All cycles through the first edge of the path that meet no lock twice, and have one interrupt at most: where two interrupts are
    /// in a cycle, the first of them may come where the second did, and that cycle is shorter.
    fn extend(&self, path: &mut Vec<usize>, steps: &mut usize, found: &mut Vec<Vec<usize>>) {
        let (first, last) = (path[0], path[path.len() - 1]);
        if follows(&self.edges[last], &self.edges[first]) {
            found.push(path.clone());
            return;
        }
        for next in 0..self.edges.len() {
            let from = self.edges[next].from.lock;
            let has_irq = self.edges[next].irq.is_some() && path.iter().any(|at| self.edges[*at].irq.is_some());
            let is_met = path.iter().any(|at| self.edges[*at].from.lock == from);
            if has_irq || is_met || !follows(&self.edges[last], &self.edges[next]) {
                continue;
            }
            *steps += 1;
            if *steps > PATHS_MAX {
                return;
            }
            path.push(next);
            self.extend(path, steps, found);
            path.pop();
        }
    }

    /// What a cycle is; nothing if a lock that each CPU has for itself is part of one with an interrupt.
    fn judge(&self, edges: Vec<usize>, locks: &Locks, with_irq: Kind) -> Option<Cycle> {
        let has_irq = edges.iter().any(|edge| self.edges[*edge].irq.is_some());
        let per_cpu = |edge: &usize| locks.all[self.edges[*edge].from.lock].per_cpu;
        if has_irq && edges.len() > 1 && edges.iter().any(per_cpu) {
            return None;
        }
        let kind = match (has_irq, edges.len()) {
            (true, 1) => Kind::InconsistentState,
            (true, _) => with_irq,
            (false, 1) => Kind::Recursion,
            (false, _) => Kind::Circular,
        };
        Some(Cycle { edges, kind })
    }
}

/// May the second participant be what the first waits for? By class, or because the object is the same.
fn follows(first: &Edge, second: &Edge) -> bool {
    let meets = first.to.class == second.from.class || first.to.lock == second.from.lock;
    meets && !(first.to.hold == Hold::Recursive && second.from.hold.is_read())
}

/// The edge of an interrupt that comes where a lock is held, and takes another.
fn interrupt(open: &Use, used: &Use) -> Option<Edge> {
    if open.level != used.level || open.run.in_irq && open.run.task == used.run.task && open.run.start == used.run.start
    {
        return None;
    }
    let mut held = open.held.clone();
    for (lock, exclusive) in &used.held {
        match held.iter().find(|(other, _)| other == lock) {
            // The handler does not get that far: it waits for the task that it has interrupted, which is a cycle of its own.
            Some((_, other)) if *exclusive || *other => return None,
            Some(_) => {}
            None => held.push((*lock, *exclusive)),
        }
    }
    merge(&mut held);
    Some(Edge {
        from: open.end,
        to: used.end,
        irq: Some((used.level, open.at)),
        run: open.run,
        handler: Some(used.run),
        held,
    })
}
