//! The front door: a locking question as a closure.
//!
//! ```
//! use lockwright::prelude::*;
//!
//! lockwright::boot(|boot| {
//!     let (lock, n) = (boot.spinlock("lock"), boot.plain("n", 0u64));
//!     for name in ["a", "b"] {
//!         boot.task(name, move |current| {
//!             let _guard = lock.lock(current);
//!             n.set(n.get() + 1);
//!         });
//!     }
//!     boot.outcome("n", move |view| n.peek(view));
//! })
//! .assert_clean()
//! .assert_outcomes(["n=2"]);
//! ```
//!
//! The closure sets an execution up: it makes kernel objects, and tasks over them. It is called again and again, and every
//! interleaving of the tasks is explored. A finding is shown as the command line shows it, in columns, with both places.
//!
//! What tasks share has to be kernel objects. A task's closure is `Copy`, which leaves no room for anything else but a
//! `static`.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::check::{Checks, Code};
use crate::engine::{self, Booted, Clock, Contexts, Program};
use crate::event::names::Names;
use crate::event::outcome::{self, Notation, Outcome, Remains};
use crate::event::{Place, Symbol, View};
use crate::explore::schedule::{Guide, replay};
use crate::explore::{Bound, Config, EngineKind, Found, Subject, Verdict, explore_with_witnesses};
use crate::kernel::lock::SpinLock;
use crate::kernel::task::Task;
use crate::kernel::{Faults, Kernel};
use crate::predict::{Beside, Predicted, Unpredicted, beside, grade_of, predict};
use crate::report::columns::PAGE_COLUMNS;
use crate::report::counterexample;

pub mod compare;
mod cpus;
mod probe;
mod setup;

pub use compare::{Comparison, compare};
pub use setup::{Boot, Returned};
use setup::{Planned, Value};

/// Explores every interleaving of the tasks that `setup` makes, within the default bounds.
#[track_caller]
pub fn boot(setup: impl Fn(&mut Boot) + Send + Sync + 'static) -> Checked {
    Model::new(setup).check(&Config::default())
}

/// A closure that sets executions up.
pub struct Model {
    subject: Arc<dyn Subject>,
    names: Names,
    place: Place,
}

impl Model {
    /// Takes the closure, and calls it once to learn what its tasks are called.
    #[track_caller]
    pub fn new(setup: impl Fn(&mut Boot) + Send + Sync + 'static) -> Model {
        let setup: Arc<SetUp> = Arc::new(setup);
        let plan = probe::plan(&setup);
        let names = Names { tasks: plan.names.clone(), ..Names::default() };
        Model { subject: Arc::new(Closure { setup, plan }), names, place: Place::caller() }
    }

    /// Explores it.
    ///
    /// # Panics
    /// If the configuration cannot be explored: [`crate::explore::try_explore`] says so without a panic.
    pub fn check(&self, config: &Config) -> Checked {
        let verdict = match explore_with_witnesses(&self.subject, config) {
            Ok(verdict) => verdict,
            Err(error) => panic!("{error}"),
        };
        Checked::of(verdict, config.jobs, Arc::clone(&self.subject), self.names.clone(), self.place).predicted(config)
    }

    /// Runs it once, each task as far as it can go, and predicts from that what other orders do; then looks for each predicted cycle in every interleaving.
    ///
    /// ```
    /// use lockwright::prelude::*;
    ///
    /// let model = Model::new(|boot| {
    ///     let (a, b) = (boot.mutex("a"), boot.mutex("b"));
    ///     for (name, outer, inner) in [("there", a, b), ("back", b, a)] {
    ///         boot.task(name, move |current| {
    ///             let _outer = outer.lock(current);
    ///             let _inner = inner.lock(current);
    ///         });
    ///     }
    /// });
    ///
    /// assert_eq!(model.predict().codes(), ["LW003"]);
    /// ```
    ///
    /// # Panics
    /// If the program cannot be explored.
    pub fn predict(&self) -> Predicted {
        self.try_predict(&Config::default()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same within bounds.
    ///
    /// # Errors
    /// If the program cannot be explored.
    pub fn try_predict(&self, config: &Config) -> Result<Predicted, Unpredicted> {
        predict(&self.subject, &self.names, &Guide::Sequential, Some(config))
    }

    /// The program, for what takes one: `explore`, `replay`.
    pub fn subject(&self) -> &Arc<dyn Subject> {
        &self.subject
    }
}

/// What the exploration of a model saw. Displayed, it is a page for each finding, and the verdict.
pub struct Checked {
    /// Findings, outcomes, counts.
    pub verdict: Verdict,
    /// Of user-land code: what could go wrong in a larger program, and does in no order of this one. No failure.
    pub notes: Vec<Found>,
    /// What the validator says of the runs: how sure a finding of orders is, and what else one run predicts.
    pub predicted: Beside,
    jobs: usize,
    subject: Arc<dyn Subject>,
    names: Names,
    place: Place,
}

impl Checked {
    /// What an exploration of `subject` saw, which begins in that place.
    pub(crate) fn of(verdict: Verdict, jobs: usize, subject: Arc<dyn Subject>, names: Names, place: Place) -> Checked {
        Checked { verdict, notes: Vec::new(), predicted: Beside::default(), jobs, subject, names, place }
    }

    /// With what is told and is no failure.
    pub(crate) fn with_notes(self, notes: Vec<Found>) -> Checked {
        Checked { notes, ..self }
    }

    /// With what the validator says of the runs. What it predicts and the explorer reaches is a finding. Where it cannot say anything the
    /// verdict stands as it is, with a note.
    pub(crate) fn predicted(mut self, config: &Config) -> Checked {
        if self.verdict.engine == EngineKind::Loom {
            return self;
        }
        let mut beside = beside(&self.subject, &self.names, config, &self.verdict).unwrap_or_else(|error| {
            let note = format!("nothing is predicted beside: {error}\n");
            Beside { notes: vec![note], ..Beside::default() }
        });
        self.verdict.findings.append(&mut beside.reached);
        self.predicted = beside;
        self
    }

    /// Nothing is wrong, and everything was seen.
    ///
    /// # Panics
    /// With every finding on a page and its schedule, or with the bound that was hit.
    #[track_caller]
    pub fn assert_clean(&self) -> &Checked {
        assert!(self.verdict.findings.is_empty() && self.verdict.complete(), "not clean\n\n{self}");
        self
    }

    /// This is among what is wrong.
    ///
    /// # Panics
    /// If it is not, with what was found instead.
    #[track_caller]
    pub fn assert_finds(&self, code: Code) -> &Checked {
        assert!(self.verdict.codes().contains(&code), "{code} ({}) is not found\n\n{self}", code.title());
        self
    }

    /// The executions that ended had these outcomes, all of them and no others.
    ///
    /// # Panics
    /// If they had not.
    #[track_caller]
    pub fn assert_outcomes<const N: usize>(&self, outcomes: [&str; N]) -> &Checked {
        let seen: Vec<String> = self.verdict.outcomes.texts().into_iter().collect();
        let mut wanted = outcomes.to_vec();
        wanted.sort_unstable();
        assert_eq!(seen, wanted, "outcomes\n\n{self}");
        self
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = crate::report::source(self.place);
        for found in &self.verdict.findings {
            let replayed = (!found.weak_memory)
                .then(|| replay(&*self.subject, &self.names, &Guide::Exact(&found.schedule)))
                .and_then(Result::ok);
            let example = counterexample::plain_page(&found.finding, &place, &self.names, replayed.as_ref());
            f.write_str(&example)?;
            if let Some(graded) = grade_of(&self.predicted.sure, found) {
                f.write_str(&counterexample::grade(graded, PAGE_COLUMNS))?;
            }
            writeln!(f)?;
        }
        for note in &self.predicted.notes {
            writeln!(f, "note: {note}")?;
        }
        for note in &self.notes {
            write_note(f, note, self.verdict.bound)?;
        }
        f.write_str(&counterexample::verdict_line(&place, self.names.tasks.len(), self.jobs, &self.verdict))
    }
}

/// A prediction that no order of the program confirms.
fn write_note(f: &mut fmt::Formatter<'_>, note: &Found, blind: Option<Bound>) -> fmt::Result {
    let finding = &note.finding;
    writeln!(f, "note: {} {}: {}", finding.code, finding.code.title(), finding.message)?;
    for (spot, text) in std::iter::once(&finding.at).chain(&finding.other) {
        writeln!(f, "  {text}   {}", crate::report::source(spot.place))?;
    }
    let explored = match blind {
        None => "Every order was explored, and nothing waits for ever.".to_owned(),
        Some(blind) => format!("Nothing waits for ever in what was explored, which is not all ({blind})."),
    };
    writeln!(f, "  {explored} LOCKWRIGHT_UNCONFIRMED=fail makes it a failure.\n")
}

type SetUp = dyn Fn(&mut Boot) + Send + Sync;

/// What is the same in each execution of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plan {
    names: Vec<String>,
    groups: Vec<u8>,
    clock: Clock,
    contexts: Contexts,
}

impl Plan {
    fn of(boot: &Boot) -> Plan {
        let names = boot.tasks.iter().map(|task| task.name.clone()).collect();
        let groups = boot.tasks.iter().map(|task| task.group).collect();
        Plan { names, groups, clock: boot.clock, contexts: cpus::contexts(&boot.tasks, boot.preemption) }
    }
}

struct Closure {
    setup: Arc<SetUp>,
    plan: Plan,
}

/// What each task has returned, written by the task itself alone and read at the end: nothing that they share.
type Results = Arc<Mutex<Vec<Option<i64>>>>;

fn body(at: usize, task: Planned, kernel: Kernel, softirq_lock: Option<SpinLock>, results: &Results) -> engine::Body {
    let results = Arc::clone(results);
    Box::new(move || {
        let current = Task::new(kernel, task.pid).on_real_time(softirq_lock);
        let result = (task.body)(&current);
        results.lock()[at] = result;
        current.forget_past(&result);
    })
}

fn outcome(names: &[String], results: &[Option<i64>], values: &[(String, Value)], view: &dyn View) -> Outcome {
    let results = names
        .iter()
        .zip(results)
        .filter_map(|(name, result)| Some(outcome::Results { task: Symbol::new(name), results: vec![(*result)?] }));
    let state = values.iter().map(|(name, value)| Remains::word(Symbol::new(name), value(view)));
    Outcome { results: results.collect(), state: state.collect(), notation: Notation::Names }
}

impl Program for Closure {
    fn boot(&self) -> Booted {
        let mut boot = Boot::new();
        (self.setup)(&mut boot);
        assert!(Plan::of(&boot) == self.plan, "the set-up of a model does the same each time: {:?}", self.plan);
        let Boot { kernel, tasks, values, at_end, .. } = boot;
        let results: Results = Arc::new(Mutex::new(vec![None; tasks.len()]));
        let names = self.plan.names.clone();
        let locks = cpus::softirq_locks(&self.plan.contexts);
        let lock = |at: usize| locks.get(at).copied().flatten();
        let tasks =
            tasks.into_iter().enumerate().map(|(at, task)| body(at, task, kernel, lock(at), &results)).collect();
        Booted {
            tasks,
            outcome: Box::new(move |view| outcome(&names, &results.lock(), &values, view)),
            listing: Box::new(|_| Vec::new()),
            epilogue: Box::new(move || {
                let current = Task::new(Kernel { faults: Faults::default(), ..kernel }, 0);
                at_end.into_iter().for_each(|clean_up| clean_up(&current));
            }),
        }
    }

    fn clock(&self) -> Clock {
        self.plan.clock
    }

    fn contexts(&self) -> Contexts {
        self.plan.contexts.clone()
    }

    fn alike(&self) -> Vec<u8> {
        self.plan.groups.clone()
    }
}

impl Subject for Closure {
    fn checks(&self) -> Checks {
        Checks::new(Names { tasks: self.plan.names.clone(), ..Names::default() })
    }
}
