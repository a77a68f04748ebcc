//! What was found: each cycle once, with the best grade that any of its witnesses has.

use super::finding::{Edge, Finding, Grade, Kind, Place};
use super::graph::Cycle;
use super::lock::{Hold, LockId};
use super::memory::{Key, Validator};
use super::state::Held;
use super::{cure, grade};

/// Cycles that are kept to be graded again when a writer comes.
const WAITING_MAX: usize = 1_000;

impl Validator<'_> {
    pub(super) fn report_recursion(&mut self, task: usize, held: &Held, next: &Held) {
        if self.is_kernel() {
            let message = format!("{} is taken while one of its class is held", self.name(next.lock));
            self.wrong(task, Kind::Recursion, message, "");
            return;
        }
        let waits_for_itself = next.hold == Hold::Exclusive || held.hold == Hold::Exclusive;
        if held.lock == next.lock && waits_for_itself {
            let state = &mut self.tasks[task];
            state.stuck = state.stuck.or(Some(state.trace.len()));
        }
        let edge = self.edge(task, held.end(), next.end());
        let cycle = grade::recursion(&edge, self);
        self.insert(next.place, Kind::Recursion, vec![edge], cycle);
    }

    /// Grades cycles and adds them, each once. What an interleaving is known for is not looked at again.
    pub(super) fn tell(&mut self, at: Place, cycles: Vec<Cycle>) {
        let mut confirmed = 0;
        let mut is_told = false;
        for cycle in cycles {
            let edges: Vec<Edge> = cycle.edges.iter().map(|edge| self.graph.edges[*edge].clone()).collect();
            let known = self.found.keys.get(&key(&edges)).map(|known| self.found.all[*known].grade);
            is_told |= known.is_some_and(Grade::is_report);
            if cycle.is_cut {
                // Of what was not looked at, something may be reachable: the graph alone is believed.
                if !is_told {
                    self.insert(at, cycle.kind, edges, grade::graph());
                }
                continue;
            }
            if known.is_some_and(|grade| grade <= Grade::Interleaving) {
                continue;
            }
            confirmed += 1;
            is_told |= self.tell_one(at, cycle.kind, edges, confirmed <= grade::CONFIRMED_MAX);
        }
    }

    /// Says whether it is a report.
    pub(super) fn tell_one(&mut self, at: Place, kind: Kind, edges: Vec<Edge>, is_confirmed: bool) -> bool {
        let graded = grade::cycle(&edges, self, is_confirmed);
        let may_improve = matches!(graded.grade, Grade::Writer | Grade::Phases);
        if may_improve && edges.iter().any(|edge| edge.to.hold == Hold::Fair) && self.found.waiting.len() < WAITING_MAX
        {
            self.found.waiting.push((kind, edges.clone(), at));
        }
        let is_report = graded.grade.is_report();
        self.insert(at, kind, edges, graded);
        is_report
    }

    /// A writer has come: cycles that lacked one, or had one that was in the way, may have it now.
    pub(super) fn grade_again(&mut self, lock: LockId) {
        for at in 0..self.found.all.len() {
            let finding = &self.found.all[at];
            if finding.kind == Kind::Recursion && finding.grade == Grade::Writer && finding.cycle[0].to.lock == lock {
                let graded = grade::recursion(&finding.cycle[0], self);
                (self.found.all[at].grade, self.found.all[at].schedule) = (graded.grade, graded.schedule);
            }
        }
        let waiting = std::mem::take(&mut self.found.waiting);
        let (these, others): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|(_, edges, _)| edges.iter().any(|edge| edge.to.lock == lock && edge.to.hold == Hold::Fair));
        self.found.waiting = others;
        for (kind, edges, at) in these {
            self.tell_one(at, kind, edges, true);
        }
    }

    pub(super) fn insert(&mut self, at: Place, kind: Kind, cycle: Vec<Edge>, graded: grade::Graded) {
        let finding = Finding {
            kind,
            grade: graded.grade,
            place: at,
            message: cure::sentence(kind, &cycle, self.locks),
            notes: Vec::new(),
            schedule: graded.schedule,
            cure: cure::of_cycle(kind, graded.grade, &cycle, self.locks),
            cycle,
        };
        match self.found.keys.get(&key(&finding.cycle)) {
            Some(known) if self.found.all[*known].grade <= finding.grade => {}
            Some(known) => self.found.all[*known] = finding,
            None => {
                self.found.keys.insert(key(&finding.cycle), self.found.all.len());
                self.found.all.push(finding);
            }
        }
    }
}

/// What makes two cycles one: their dependencies, from whichever they are told.
fn key(cycle: &[Edge]) -> Key {
    let part = |edge: &Edge| (edge.from.class, edge.from.hold, edge.to.class, edge.to.hold, edge.irq.map(|irq| irq.0));
    let parts: Key = cycle.iter().map(part).collect();
    let rotated = (0..parts.len()).map(|by| [&parts[by..], &parts[..by]].concat());
    rotated.min().unwrap_or_default()
}
