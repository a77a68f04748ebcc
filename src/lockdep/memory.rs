//! What the validator remembers, and what every rule needs of it: where a task is, what a lock is called, how a finding is told.
//!
//! The rules themselves are in the files that use this one.

use std::collections::HashMap;

use super::finding::{Edge, Finding, Kind, Level, Place};
use super::graph::Graph;
use super::kernel::Kernel;
use super::lock::{Class, Hold, LockId, Locks};
use super::state::Task;
use super::transactions::Transactions;

/// Whose rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rules {
    /// Ours: what is right.
    #[default]
    Ours,
    /// Those of lockdep in Linux 6.12, gaps and false alarms included.
    Kernel,
}

/// Which CPU each stream is on, and where each handler may come. Without it, every participant has a CPU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// By stream: its CPU, if it is a task.
    pub cpu: Vec<Option<usize>>,
    /// By stream: the CPUs on which it may come, if it is a handler.
    pub delivered: Vec<Vec<usize>>,
}

/// What is acquired, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub lock: LockId,
    pub hold: Hold,
    pub subclass: u8,
    pub nest: Option<LockId>,
    pub trylock: bool,
    /// By a transaction, whose rules say who waits for whom.
    pub in_transaction: bool,
}

impl Request {
    /// A blocking acquisition without annotations.
    pub fn plain(lock: LockId, hold: Hold) -> Request {
        Request { lock, hold, subclass: 0, nest: None, trylock: false, in_transaction: false }
    }
}

/// What makes two cycles one.
pub(super) type Key = Vec<(Class, Hold, Class, Hold, Option<Level>)>;

/// All findings, in the order in which they came out.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub all: Vec<Finding>,
    /// Cycles of fair readers that another writer may make reachable.
    pub waiting: Vec<(Kind, Vec<Edge>, Place)>,
    pub keys: HashMap<Key, usize>,
}

/// The validator.
#[derive(Clone, Debug)]
pub struct Validator<'a> {
    pub(super) locks: &'a Locks,
    pub(super) rules: Rules,
    pub(super) tasks: Vec<Task>,
    pub(super) graph: Graph,
    pub(super) kernel: Kernel,
    pub(super) subclasses: Vec<u8>,
    pub(super) ww: Transactions,
    /// By lock: acquisitions for writing, of which some may be the one who waits.
    pub(super) writers: Vec<Vec<Edge>>,
    pub(super) placement: Option<Placement>,
    pub(super) found: Found,
}

impl<'a> Validator<'a> {
    /// One that has seen nothing.
    pub fn new(locks: &'a Locks, rules: Rules) -> Validator<'a> {
        Validator {
            locks,
            rules,
            tasks: Vec::new(),
            graph: Graph::default(),
            kernel: Kernel::default(),
            subclasses: vec![0; locks.all.len()],
            ww: Transactions::new(locks.all.len()),
            writers: vec![Vec::new(); locks.all.len()],
            placement: None,
            found: Found::default(),
        }
    }

    /// The same, told which CPUs there are.
    #[must_use]
    pub fn placed(mut self, placement: Placement) -> Validator<'a> {
        self.placement = Some(placement);
        self
    }

    /// All that was found so far, each cycle once.
    pub fn findings(&self) -> &[Finding] {
        &self.found.all
    }

    /// The first finding that makes a verdict.
    pub fn first_report(&self) -> Option<&Finding> {
        self.found.all.iter().find(|finding| finding.grade.is_report())
    }

    /// Where a task is.
    pub(super) fn place(&self, task: usize) -> Place {
        Place { task, step: self.tasks[task].steps }
    }

    pub(super) fn name(&self, lock: LockId) -> &str {
        &self.locks.all[lock].name
    }

    pub(super) fn is_kernel(&self) -> bool {
        self.rules == Rules::Kernel
    }

    /// Adds a finding about one step.
    pub(super) fn report(&mut self, finding: Finding) {
        self.found.all.push(finding);
    }

    /// Adds a finding at this step.
    pub(super) fn wrong(&mut self, task: usize, kind: Kind, message: String, cure: &str) {
        let place = self.place(task);
        self.report(Finding::at(kind, place, message, cure));
    }
}
