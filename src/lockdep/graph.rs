//! The dependency graph, and the search for cycles.
//!
//! An edge says: somebody held `from` and waited for `to`. There is one for *every* lock that was held, past readers and attempts. An
//! interrupt makes edges too: a task that holds a lock with the interrupt on may be interrupted there, and then the handler waits for each
//! lock that it takes. So a deadlock through an interrupt is a cycle with an interrupt edge, whichever of its facts came last.
//!
//! A path is strong if no recursive reader waits for a lock that is held for reading: those block nobody. The search is over edges,
//! so that what was reached weakly does not hide what can be reached strongly; lockdep marks classes, and misses cycles by it.
//!
//! Cycles are found by class. The report then asks whether it holds for the objects alone, and whether two participants can be
//! where it wants them at the same time at all: not if both hold one lock.

use std::collections::{HashMap, HashSet, VecDeque};

use super::finding::{Edge, End, Kind, Level, Place, Run};
use super::lock::{Class, Hold, LockId, Locks};
use super::state::merge;

/// Extensions of paths that one search for cycles looks at. Beyond it, what was found so far is told.
pub(super) const PATHS_MAX: usize = 20_000;

/// Dependencies of all cycles that one search keeps. Beyond it the same holds.
pub(super) const KEPT_MAX: usize = 32_768;

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
    known: HashSet<Witness>,
    from: Index,
    to: Index,
    used: Vec<Use>,
    open: Vec<Use>,
}

/// Numbers of edges by the lock, and by the class, at one of their ends.
#[derive(Clone, Debug, Default)]
struct Index {
    locks: HashMap<LockId, Vec<usize>>,
    classes: HashMap<Class, Vec<usize>>,
}

impl Index {
    fn add(&mut self, end: &End, edge: usize) {
        self.locks.entry(end.lock).or_default().push(edge);
        self.classes.entry(end.class).or_default().push(edge);
    }

    /// Edges of the same lock or class; some may come twice.
    fn meeting(&self, end: &End) -> impl Iterator<Item = usize> {
        let lists = [self.classes.get(&end.class), self.locks.get(&end.lock)];
        lists.into_iter().flatten().flatten().copied()
    }
}

/// A cycle, as numbers of edges, and what it is.
pub(super) struct Cycle {
    pub edges: Vec<usize>,
    pub kind: Kind,
    /// Stands for those that were not looked at, because there are more than [`PATHS_MAX`] or [`KEPT_MAX`].
    pub is_cut: bool,
}

/// What makes two witnesses the same: all but where exactly.
type Witness =
    ((LockId, Class, Hold), (LockId, Class, Hold), Option<Level>, [Option<usize>; 2], bool, Vec<(LockId, bool)>);

fn witness(edge: &Edge) -> Witness {
    let end = |end: &End| (end.lock, end.class, end.hold);
    let tasks = [Some(edge.run.task), edge.handler.map(|run| run.task)];
    let level = edge.irq.map(|irq| irq.0);
    (end(&edge.from), end(&edge.to), level, tasks, edge.run.in_irq, edge.held.clone())
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
        if !self.known.insert(witness(&edge)) {
            return Vec::new();
        }
        let new = self.edges.len();
        self.from.add(&edge.from, new);
        self.to.add(&edge.to, new);
        self.edges.push(edge);
        let back = self.back(new);
        let Some(shown) = self.closes(new, &back) else { return Vec::new() };
        let mut found = Vec::new();
        let mut steps = 0;
        self.extend(&mut vec![new], &back, &mut steps, &mut found);
        let judged = |edges, is_cut| self.judge(edges, locks, with_irq, is_cut);
        let mut cycles: Vec<Cycle> = found.into_iter().filter_map(|edges| judged(edges, false)).collect();
        // A closed path that meets a lock twice splits there, and one part is a strong cycle that was found before. So nothing is
        // missed, unless the search has hit its bound.
        if steps > PATHS_MAX {
            cycles.extend(judged(shown, true));
        }
        cycles
    }

    /// The edges from which a strong path leads to this one, each with the next on such a path.
    fn back(&self, new: usize) -> HashMap<usize, usize> {
        let mut next: HashMap<usize, usize> = HashMap::new();
        let mut seen = HashSet::new();
        let mut queue = VecDeque::from([new]);
        while let Some(edge) = queue.pop_front() {
            let from = &self.edges[edge].from;
            // Other edges that leave this lock in this way have the same before them.
            if !seen.insert((from.lock, from.class, from.hold.is_read())) {
                continue;
            }
            for before in self.to.meeting(from) {
                let is_new = before != new && !next.contains_key(&before);
                if is_new && follows(&self.edges[before], &self.edges[edge]) {
                    next.insert(before, edge);
                    queue.push_back(before);
                }
            }
        }
        next
    }

    /// A strong closed path through the edge, if there is one.
    fn closes(&self, new: usize, back: &HashMap<usize, usize>) -> Option<Vec<usize>> {
        let last = &self.edges[new];
        if follows(last, last) {
            return Some(vec![new]);
        }
        let mut after = self.from.meeting(&last.to);
        let first = after.find(|next| back.contains_key(next) && follows(last, &self.edges[*next]))?;
        let rest = std::iter::successors(Some(first), |at| back.get(at).copied()).take_while(|at| *at != new);
        Some([new].into_iter().chain(rest).collect())
    }

    /// All cycles through the first edge of the path that meet no lock twice under one class, and have one interrupt at most: where two interrupts are
    /// in a cycle, the first of them may come where the second did, and that cycle is shorter.
    fn extend(
        &self,
        path: &mut Vec<usize>,
        back: &HashMap<usize, usize>,
        steps: &mut usize,
        found: &mut Vec<Vec<usize>>,
    ) {
        let (first, last) = (&self.edges[path[0]], &self.edges[path[path.len() - 1]]);
        if follows(last, first) {
            found.push(path.clone());
            return;
        }
        let mut after: Vec<usize> = self.from.meeting(&last.to).filter(|next| back.contains_key(next)).collect();
        after.sort_unstable();
        after.dedup();
        for next in after {
            let edge = &self.edges[next];
            let has_irq = edge.irq.is_some() && path.iter().any(|at| self.edges[*at].irq.is_some());
            // One lock taken under two subclasses is two places of the cycle.
            let place = |edge: &Edge| (edge.from.lock, edge.from.class);
            let is_met = path.iter().any(|at| place(&self.edges[*at]) == place(edge));
            if has_irq || is_met || !follows(last, edge) {
                continue;
            }
            *steps += 1;
            if found.iter().map(Vec::len).sum::<usize>() >= KEPT_MAX {
                *steps = PATHS_MAX + 1;
            }
            if *steps > PATHS_MAX {
                return;
            }
            path.push(next);
            self.extend(path, back, steps, found);
            path.pop();
        }
    }

    /// What a cycle is; nothing if a lock that each CPU has for itself is part of one with an interrupt.
    fn judge(&self, edges: Vec<usize>, locks: &Locks, with_irq: Kind, is_cut: bool) -> Option<Cycle> {
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
        Some(Cycle { edges, kind, is_cut })
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
