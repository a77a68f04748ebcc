//! Dynamic partial order reduction: of all executions that differ only in the order of independent steps, one.
//!
//! For code whose state cannot be hashed. Each execution is analysed when it is over: two dependent steps that nothing
//! but their own conflict orders are a *race*, and for each race the schedule that reverses it is asked for. With
//! [`Reduction::Optimal`] such schedules are kept in wakeup trees, and exactly one execution is run for each
//! Mazurkiewicz trace (completed or deadlocked); with [`Reduction::Source`] only their first steps are kept, and a few
//! executions end because all that could go on is *spared* (a sleep set, see `explore/spared.rs`): it was explored from an earlier state and nothing that
//! depends on it has happened since.
//!
//! Abdulla, Aronis, Jonsson, Sagonas: *Optimal dynamic partial order reduction*, POPL 2014; *Source sets: a foundation for
//! optimal dynamic partial order reduction*, JACM 64 (2017).
//!
//! What depends on what is [`dependent`]. Beside it there is order that no schedule can reverse: a task's own steps; a
//! release before the acquisition that waited for it, a wake-up before the sleep that it ends, a step of time before
//! what it makes ready. An acquisition therefore races with the last one that *succeeded*, never with the
//! release between them; one that waits to the end of an execution races with that of the holder. A release or a
//! trylock races with the last access of any kind. There is no join of tasks in a program; the epilogue follows all.
//!
//! **Findings.** The checks run as elsewhere. A step that ends its execution is run once. After that it counts as
//! waiting: it cannot be made in that state or in later ones until something that it depends on is done. The other tasks go on
//! without it. So a trace ends where every task is done, waits, or stands before such a step. Executions that end there produce
//! no outcome. A data race (LW010) is judged by adjacency, and adjacent accesses may be in no schedule that
//! is run: each race on plain memory is replayed up to the state in which both are next, and judged there. (Such replays are
//! not counted as executions.)
//!
//! **Store buffers** are processes of their own: a buffered store is its task's affair, its flush is what others see.
//!
//! **Time** moves for everybody at once, and who has read it is not known: a step of time depends on everything. Where
//! the clock is free that costs as many executions as there are moments for it.
//!
//! **Lease checks** read remarks and what is listed. Steps that carry a lease remark, with which a call begins or ends, and
//! stores to structs or globals that ever changed what is listed, depend on each other. When a struct or a global
//! turns out to be of that kind, exploration starts over. A global that changes what is listed in no execution
//! that is run would be missed; no design has one.
//!
//! It cannot see what hides from the engine: state shared behind its back makes dependent steps look independent. So a program
//! that does not promise that there is none is examined first, by other means ([`super::examine`]).

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use super::config::{Config, EngineKind, Progress};
use super::hidden::HiddenState;
use super::limits::Bound;
use super::repeats;
use super::schedule::Schedule;
use super::verdict::TooLong;
use super::verdict::{Found, Verdict};
use crate::check::{Code, Finding};
use crate::engine::controlled::Controlled;
use crate::engine::world::Transition;
use crate::engine::{Decision, Ending, Observer, State, Strategy};
use crate::event::Symbol;
use crate::subject::Subject;

mod action;
mod gates;
mod trace;
mod wakeup;
mod walk;
mod watch;

pub use action::{Action, dependent};
pub use walk::Reduction;
use walk::Walk;
use watch::Watch;

/// One exploration.
struct Exploration<'a> {
    subject: &'a dyn Subject,
    config: &'a Config,
    controlled: Controlled,
    watch: Rc<RefCell<Watch>>,
    known: HashSet<(Code, Symbol)>,
    verdict: Verdict,
    too_long: TooLong,
}

/// Runs one execution per trace of the program, or a few more.
///
/// # Errors
/// If the program has hidden state, and an execution shows it.
pub fn explore(subject: &dyn Subject, config: &Config, reduction: Reduction) -> Result<Verdict, HiddenState> {
    let engine = match reduction {
        Reduction::Optimal => EngineKind::Dpor,
        Reduction::Source => EngineKind::SourceDpor,
    };
    let mut exploration = Exploration {
        subject,
        config,
        controlled: Controlled::new(config.settings()),
        watch: Rc::new(RefCell::new(Watch::new(subject.checks()))),
        known: HashSet::new(),
        verdict: Verdict::new(engine),
        too_long: TooLong::default(),
    };
    while exploration.explore_with_what_is_known(reduction)? {}
    let mut verdict = exploration.verdict;
    let long = exploration.too_long.first.filter(|_| verdict.bound.is_some());
    verdict.repeats = long.and_then(|schedule| repeats::find(subject, config, &schedule));
    Ok(verdict)
}

impl Exploration<'_> {
    /// Explores; true if it turned out on the way that more depends on each other than was known.
    fn explore_with_what_is_known(&mut self, reduction: Reduction) -> Result<bool, HiddenState> {
        let mut walk = Walk::new(reduction, self.config, self.subject.clock(), Rc::clone(&self.watch));
        let known = self.dependencies();
        let mut first_new = 0;
        loop {
            walk.restart();
            let ending = self.run(&mut walk);
            if let Ending::Exceeded(exceeded) = ending {
                // The step that exceeds the limit was not made, so nothing can be reversed with it.
                self.verdict.executions += 1;
                self.verdict.bound = Some(exceeded.into());
                self.take_findings(&walk);
                return Ok(false);
            }
            if walk.is_vain() {
                if !walk.skip() || !self.goes_on() {
                    return Ok(false);
                }
                first_new = walk.trace.len();
                continue;
            }
            if let Some(stray) = walk.stray() {
                return Err(HiddenState::new(&stray, &self.subject.checks().names()));
            }
            walk.settle();
            self.verdict.executions += 1;
            self.take_findings(&walk);
            self.take_data_races(&walk, first_new);
            let is_stopped = ending == Ending::Stopped;
            self.take_ending(ending, &walk);
            if self.dependencies() != known {
                return Ok(self.goes_on());
            }
            if is_stopped && walk.trace.len() == 0 {
                return Ok(false);
            }
            let has_more = if is_stopped {
                walk.retreat()
            } else {
                walk.ask_for_reversals();
                walk.advance()
            };
            if !has_more || !self.goes_on() {
                return Ok(false);
            }
            first_new = walk.trace.len();
        }
    }

    fn dependencies(&self) -> (usize, bool) {
        let watch = self.watch.borrow();
        (watch.lists.len(), watch.remarks)
    }

    fn run(&mut self, walk: &mut Walk) -> Ending {
        let observer: Rc<RefCell<dyn Observer>> = self.watch.clone();
        let program: &dyn crate::engine::Program = self.subject;
        self.controlled.run(program, walk, &observer)
    }

    /// False if a bound ends the exploration here.
    fn goes_on(&mut self) -> bool {
        let bound = self.config.tick(self.verdict.executions, 0, Progress::default);
        self.verdict.bound = bound.or(self.verdict.bound);
        bound.is_none() && self.too_long.count < self.config.too_long_max
    }

    fn take_ending(&mut self, ending: Ending, walk: &Walk) {
        let memory = self.config.memory;
        let schedule = || Schedule { transitions: walk.transitions(), memory };
        match ending {
            Ending::Finished(outcome) => self.verdict.outcomes.add(outcome, walk.trace.len(), schedule),
            Ending::Deadlocked(outcome) => self.verdict.deadlocks.add(outcome, walk.trace.len(), schedule),
            Ending::TooLong => {
                self.too_long.add(|| walk.transitions());
                self.verdict.bound = Some(Bound::Steps(self.config.limits.steps_max));
            }
            Ending::Exceeded(_) | Ending::Stopped | Ending::Abandoned => {}
        }
    }

    fn take_findings(&mut self, walk: &Walk) {
        let found = self.watch.borrow_mut().checks.take_found();
        for finding in found {
            if !self.known.contains(&(finding.code, finding.subject)) {
                let steps = walk.transitions().into_iter().take(finding.step as usize).collect();
                self.keep(finding, steps);
            }
        }
    }

    fn keep(&mut self, finding: Finding, steps: Vec<Transition>) {
        self.known.insert((finding.code, finding.subject));
        let schedule = Schedule { transitions: steps, memory: self.config.memory };
        self.verdict.findings.push(Found { finding, schedule, weak_memory: false });
    }

    /// Runs a schedule to a state that has not been run through; keeps the data race if it is there.
    fn replay_for_race(&mut self, name: Symbol, steps: Vec<Transition>) {
        let watch = super::watch::Watch::shared(self.subject.checks());
        let observer: Rc<RefCell<dyn Observer>> = watch.clone();
        let program: &dyn crate::engine::Program = self.subject;
        self.controlled.run(program, &mut Script { steps: &steps, at: 0 }, &observer);
        let found = watch.borrow_mut().0.take_found();
        if let Some(finding) = found.into_iter().find(|it| (it.code, it.subject) == (Code::LW010, name)) {
            let steps = steps.into_iter().take(finding.step as usize).collect();
            self.keep(finding, steps);
        }
    }

    /// Data races of the actions from `first_new` on.
    fn take_data_races(&mut self, walk: &Walk, first_new: usize) {
        let mut races = Vec::new();
        for at in first_new..walk.trace.len() {
            let plain = self.watch.borrow().performed[at].plain;
            let Some(name) = plain.filter(|name| !self.known.contains(&(Code::LW010, *name))) else { continue };
            races.extend(walk.trace.data_races(at).map(|positions| (name, positions)));
            if walk.conflicts_with_stop(at) {
                races.push((name, (0..at).collect()));
            }
        }
        for (name, positions) in races {
            if !self.known.contains(&(Code::LW010, name)) {
                let steps = positions.into_iter().map(|at| walk.trace.action(at).transition).collect();
                self.replay_for_race(name, steps);
            }
        }
    }
}

/// Follows a schedule, and no further.
struct Script<'a> {
    steps: &'a [Transition],
    at: usize,
}

impl Strategy for Script<'_> {
    fn decide(&mut self, state: &State<'_>) -> Decision {
        let next = self.steps.get(self.at).filter(|step| state.transitions.contains(step));
        self.at += 1;
        next.map_or(Decision::Abandon, |&transition| Decision::Take(transition))
    }
}
