//! Goes through the executions of a program and says what it saw.
//!
//! | engine | what it explores |
//! |---|---|
//! | [`EngineKind::Explorer`] | every state, by depth-first search that stops at known states ([`stateful`]) |
//! | [`EngineKind::Brute`] | every schedule: slow, obviously right, the oracle for small programs ([`brute`]) |
//! | [`EngineKind::Loom`] | loom's own search, under its C11-like memory; the second opinion |
//!
//! All are deterministic. A bound that is hit makes the verdict incomplete and is named in it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::check::{Checks, Code, Finding};
use crate::engine::controlled::Limits;
use crate::engine::fingerprint::Fingerprint;
use crate::engine::{Flow, Observer, Program};
use crate::event::{Event, View};

pub mod brute;
pub mod loom;
pub mod saved;
pub mod schedule;
mod search;
pub mod stateful;
pub mod witness;

pub use schedule::{Schedule, Step};

/// Who explores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// The stateful search.
    #[default]
    Explorer,
    /// Every schedule.
    Brute,
    /// The loom crate.
    Loom,
}

/// What bounds an exploration, and who hears of it.
#[derive(Clone)]
pub struct Config {
    /// Who explores.
    pub engine: EngineKind,
    /// Executions after which to give up.
    pub executions_max: u64,
    /// States after which to give up (16 bytes each, and a half more for the table).
    pub states_max: u64,
    /// Bounds of one execution.
    pub limits: Limits,
    /// Set from outside to end the exploration with what it has.
    pub interrupt: Option<Arc<AtomicBool>>,
    /// Told of executions and states now and then.
    pub progress: Option<Arc<dyn Fn(u64, u64) + Send + Sync>>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            engine: EngineKind::Explorer,
            executions_max: 200_000_000,
            states_max: 100_000_000,
            limits: Limits::default(),
            interrupt: None,
            progress: None,
        }
    }
}

impl Config {
    /// The default bounds with another engine.
    pub fn with_engine(engine: EngineKind) -> Config {
        Config { engine, ..Config::default() }
    }

    /// Reports progress; the bound that ends the exploration now, if one does.
    fn tick(&self, executions: u64, states: u64) -> Option<Bound> {
        if executions.is_multiple_of(1024)
            && let Some(progress) = &self.progress
        {
            progress(executions, states);
        }
        if self.interrupt.as_ref().is_some_and(|interrupt| interrupt.load(Ordering::Relaxed)) {
            return Some(Bound::Interrupted);
        }
        if executions >= self.executions_max {
            return Some(Bound::Executions(self.executions_max));
        }
        (states >= self.states_max).then_some(Bound::States(self.states_max))
    }
}

/// What ended an exploration before it was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// `executions_max`.
    Executions(u64),
    /// `states_max`.
    States(u64),
    /// An execution was longer than `steps_max`.
    Steps(u32),
    /// loom's own bound on the branches of an execution.
    Branches(usize),
    /// An execution did not end within so many operations after its finding: loom may not know all of it.
    Drained(u32),
    /// Tasks allocate more slab objects or fields than the loom engine makes beforehand.
    Objects,
    /// Stopped from outside.
    Interrupted,
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Bound::Executions(max) => write!(f, "stopped after {max} executions"),
            Bound::States(max) => write!(f, "stopped after {max} states"),
            Bound::Steps(max) => write!(f, "an execution runs on after {max} steps"),
            Bound::Branches(max) => write!(f, "an execution has more than loom's {max} branches"),
            Bound::Drained(max) => write!(f, "an execution runs on {max} operations after its finding"),
            Bound::Objects => write!(f, "tasks allocate more than the loom engine has room for"),
            Bound::Interrupted => write!(f, "interrupted"),
        }
    }
}

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
    /// Who explored.
    pub engine: EngineKind,
    /// Executions run, abandoned ones included.
    pub executions: u64,
    /// Distinct states met; 0 if the engine does not know states.
    pub states: u64,
    /// Everything seen? Then `bound` is `None`.
    pub bound: Option<Bound>,
    /// Outcomes of the executions that ended.
    pub outcomes: BTreeSet<String>,
    /// Outcomes as they stood where no task could run.
    pub deadlocks: BTreeSet<String>,
    /// What is wrong, one per code and subject, in the order of codes.
    pub findings: Vec<Found>,
    /// Wall time.
    pub elapsed: Duration,
}

impl Verdict {
    fn new(engine: EngineKind) -> Verdict {
        Verdict {
            engine,
            executions: 0,
            states: 0,
            bound: None,
            outcomes: BTreeSet::new(),
            deadlocks: BTreeSet::new(),
            findings: Vec::new(),
            elapsed: Duration::ZERO,
        }
    }

    /// Was everything seen, within the memory model of the engine?
    pub fn complete(&self) -> bool {
        self.bound.is_none()
    }

    /// The codes found, each once, in order.
    pub fn codes(&self) -> BTreeSet<Code> {
        self.findings.iter().map(|found| found.finding.code).collect()
    }
}

/// A program and who judges it.
pub trait Subject: Program {
    /// Fresh checks. The program's executions tell them what they need to know (their list of leases, say).
    fn checks(&self) -> Checks;
}

/// Explores a program within the bounds of `config`.
pub fn explore(subject: &Arc<dyn Subject>, config: &Config) -> Verdict {
    let started = Instant::now();
    let mut verdict = match config.engine {
        EngineKind::Explorer => stateful::explore(&**subject, config),
        EngineKind::Brute => brute::explore(&**subject, config),
        EngineKind::Loom => loom::explore(subject, config),
    };
    verdict.findings.sort_by_key(|found| (found.finding.code, found.finding.subject));
    verdict.elapsed = started.elapsed();
    verdict
}

/// The checks, watching executions.
struct Watch(Checks);

impl Watch {
    fn shared(checks: Checks) -> Rc<RefCell<Watch>> {
        Rc::new(RefCell::new(Watch(checks)))
    }
}

fn flow(stop: bool) -> Flow {
    if stop { Flow::Stop } else { Flow::Continue }
}

impl Observer for Watch {
    fn begin(&mut self) {
        self.0.begin();
    }

    fn event(&mut self, event: &Event, view: &dyn View) -> Flow {
        flow(self.0.event(event, view))
    }

    fn state(&mut self, step: u32, view: &dyn View) -> Flow {
        flow(self.0.state(step, view))
    }

    fn end(&mut self, step: u32, view: &dyn View) {
        self.0.end(step, view);
    }

    fn fingerprint(&self, fingerprint: &mut Fingerprint) {
        self.0.fingerprint(fingerprint);
    }
}
