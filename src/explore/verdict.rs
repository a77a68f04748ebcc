//! What an exploration saw: findings with their schedules, outcomes, and whether that is all.

use std::collections::BTreeSet;
use std::time::Duration;

use super::config::EngineKind;
use super::limits::Bound;
use super::outcomes::Outcomes;
use super::repeats::Repeats;
use super::schedule::Schedule;
use crate::check::{Code, Finding};
use crate::engine::Memory;
use crate::engine::world::Transition;

/// A finding and the schedule that leads to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What is wrong.
    pub finding: Finding,
    /// How to get there.
    pub schedule: Schedule,
    /// True if no sequentially consistent replay of the schedule shows it (only loom finds such).
    pub weak_memory: bool,
}

/// What an exploration saw.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The engine that explored.
    pub engine: EngineKind,
    /// Executions gone through, abandoned ones included. The explorer steps most of them on copies of states.
    pub executions: u64,
    /// Distinct states met; 0 if the engine does not know states.
    pub states: u64,
    /// What memory could do; loom has its own.
    pub memory: Memory,
    /// Were tasks that are alike exchanged? `None` if nobody asked, `Some(false)` if something named one of them.
    pub symmetry: Option<bool>,
    /// Times that the audit went on past a known state, and found the same as before.
    pub audited: Option<u64>,
    /// What the verdict rests on, of CPUs and interrupts: how often each comes, who gets a CPU that tasks share.
    pub assumed: Option<String>,
    /// Everything seen? Then `bound` is `None`.
    pub bound: Option<Bound>,
    /// Bits that a state was known by, of a hash; `None` if states were known by themselves, or not at all.
    pub key_bits: Option<u32>,
    /// Outcomes of the executions that ended.
    pub outcomes: Outcomes,
    /// Outcomes as they stood where no task could run.
    pub deadlocks: Outcomes,
    /// What is wrong, one per code and subject, in the order of codes.
    pub findings: Vec<Found>,
    /// Where a task goes round without meeting itself, if that may be why a bound was hit. Not for loom, the random engines and
    /// the explicit one.
    pub repeats: Option<Repeats>,
    /// Wall time.
    pub elapsed: Duration,
}

impl Verdict {
    pub(super) fn new(engine: EngineKind) -> Verdict {
        Verdict {
            engine,
            executions: 0,
            states: 0,
            memory: Memory::Sc,
            symmetry: None,
            audited: None,
            assumed: None,
            bound: None,
            key_bits: None,
            outcomes: Outcomes::default(),
            deadlocks: Outcomes::default(),
            findings: Vec::new(),
            repeats: None,
            elapsed: Duration::ZERO,
        }
    }

    /// Of a single execution, which was asked for.
    pub(crate) fn of_replay(engine: EngineKind) -> Verdict {
        Verdict { executions: 1, bound: Some(Bound::Executions(1)), ..Verdict::new(engine) }
    }

    /// Was everything seen, within the memory model of the engine?
    ///
    /// It was if all that tasks share is an object of the engine. A program that does not promise that is examined, and one that is
    /// seen to have [hidden state](super::HiddenState) gets no verdict; for a large program that is a sample ([`examine`](super::examine)).
    pub fn complete(&self) -> bool {
        self.bound.is_none()
    }

    /// The chance that two states of the search were taken for one, at most, if hashes behave as if drawn by lot: n²/2^(bits + 1). `None` if
    /// states were known by themselves, or by bits that they share (then it is [`Bound::Bitstate`]).
    pub fn collision_bound(&self) -> Option<f64> {
        let bits = self.key_bits?;
        Some(self.states as f64 * self.states as f64 * (-f64::from(bits) - 1.0).exp2())
    }

    /// The codes found, each once, in order.
    pub fn codes(&self) -> BTreeSet<Code> {
        self.findings.iter().map(|found| found.finding.code).collect()
    }
}

/// Executions that were longer than the bound on steps.
#[derive(Clone, Debug, Default)]
pub(super) struct TooLong {
    pub count: u64,
    /// The first of them.
    pub first: Option<Vec<Transition>>,
}

impl TooLong {
    pub fn add(&mut self, schedule: impl FnOnce() -> Vec<Transition>) {
        self.count += 1;
        self.first.get_or_insert_with(schedule);
    }
}
