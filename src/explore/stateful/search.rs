//! Depth-first search, one path after the other: the trunk that brute force and the search for short schedules share, and the
//! path that every worker of the explorer goes next. Most steps are made on copies of states (`replica.rs`).

use std::cell::RefCell;
use std::rc::Rc;

use super::movers::Movers;
use super::path::{Path, Pruning};
use super::replica::Replica;
use crate::check::Orders;
use crate::engine::controlled::Controlled;
use crate::engine::memo::Memo;
use crate::engine::{Ending, Observer};
use crate::explore::config::{Config, EngineKind, Progress};
use crate::explore::hidden::HiddenState;
use crate::explore::limits::Bound;
use crate::explore::repeats;
use crate::explore::schedule::Schedule;
use crate::explore::verdict::{Found, TooLong, Verdict};
use crate::explore::watch::Watch;
use crate::subject::Subject;

/// What to do with a finding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::explore) enum Answer {
    /// It goes into the verdict, once.
    Keep,
    /// It does not, and is reported again by later executions.
    Again,
}

/// One OS thread's engine and checks, and what it saw.
pub(in crate::explore) struct Runner<'s> {
    subject: &'s dyn Subject,
    config: &'s Config,
    watch: Rc<RefCell<Watch>>,
    observer: Rc<RefCell<dyn Observer>>,
    machine: Machine<'s>,
    pub verdict: Verdict,
    pub too_long: TooLong,
}

/// What makes the steps.
enum Machine<'s> {
    /// The program, from its beginning each time; an audit compares it with what it did before.
    Rerun(Box<Controlled>, Option<Rc<RefCell<Memo>>>),
    /// What is known of it, from copies of states.
    Replica(Box<Replica<'s>>),
}

impl<'s> Runner<'s> {
    pub fn new(subject: &'s dyn Subject, config: &'s Config, engine: EngineKind) -> Runner<'s> {
        let watch = Watch::shared(subject.checks());
        let observer: Rc<RefCell<dyn Observer>> = watch.clone();
        let machine = Machine::Rerun(Box::new(Controlled::new(config.settings())), None);
        Runner {
            subject,
            config,
            watch,
            observer,
            machine,
            verdict: Verdict::new(engine),
            too_long: TooLong::default(),
        }
    }

    /// One that compares what tasks do between their operations with what they did before.
    pub fn audit(subject: &'s dyn Subject, config: &'s Config, engine: EngineKind) -> Runner<'s> {
        let memo = Rc::new(RefCell::new(Memo::default()));
        let controlled = Controlled::learning(config.settings(), Rc::clone(&memo));
        Runner { machine: Machine::Rerun(Box::new(controlled), Some(memo)), ..Runner::new(subject, config, engine) }
    }

    /// One that runs the program only where it does something new.
    pub fn replica(
        subject: &'s dyn Subject,
        config: &'s Config,
        engine: EngineKind,
        movers: Option<Movers<'s>>,
    ) -> Runner<'s> {
        let runner = Runner::new(subject, config, engine);
        let replica = Replica::new(subject, config, Rc::clone(&runner.watch), movers);
        Runner { machine: Machine::Replica(Box::new(replica)), ..runner }
    }

    /// Where the program did something else than before in the execution along `path` that has just ended, if it did: it
    /// remembers something that the engine does not see.
    pub fn hidden<P: Pruning>(&self, path: &Path<P>) -> Option<HiddenState> {
        let stray = match &self.machine {
            Machine::Replica(replica) => replica.stray(path),
            Machine::Rerun(_, memo) => {
                memo.as_ref().and_then(|memo| memo.borrow().stray().cloned()).or_else(|| path.stray())
            }
        };
        stray.map(|stray| HiddenState::new(&stray, &self.watch.borrow().0.names()))
    }

    /// From which history a task can come to which; none if the program is run from its beginning each time.
    pub fn histories(&self) -> Vec<(u128, u128)> {
        if let Machine::Replica(replica) = &self.machine { replica.histories() } else { Vec::new() }
    }

    /// What is relied on of the locks that accesses are made under, if anything is.
    pub fn movers(&mut self) -> Option<&mut Movers<'s>> {
        if let Machine::Replica(replica) = &mut self.machine { replica.movers() } else { None }
    }

    /// Adds the lock orders that are seen to these.
    pub fn share_orders(&mut self, orders: &Orders) {
        self.watch.borrow_mut().0.share_orders(orders);
    }

    /// The next execution is on another path.
    pub fn enter(&mut self) {
        if let Machine::Replica(replica) = &mut self.machine {
            replica.enter();
        }
    }

    /// Runs the execution that the path stands for. `on_found` looks at each finding.
    ///
    /// # Errors
    /// If the program did something else than before. Then nothing that was seen counts.
    pub fn run<P: Pruning>(
        &mut self,
        path: &mut Path<P>,
        on_found: &mut dyn FnMut(&Found) -> Answer,
    ) -> Result<(), HiddenState> {
        path.restart();
        let program: &dyn crate::engine::Program = self.subject;
        let ending = match &mut self.machine {
            Machine::Replica(replica) => replica.run(path),
            Machine::Rerun(controlled, _) => controlled.run(program, path, &self.observer),
        };
        if let Some(hidden) = self.hidden(path) {
            return Err(hidden);
        }
        self.verdict.executions += 1;
        let mut again = false;
        for finding in self.watch.borrow_mut().0.take_found() {
            let transitions = path.transitions(finding.step as usize);
            let schedule = Schedule { transitions, memory: self.config.memory };
            let found = Found { finding, schedule, weak_memory: false };
            match on_found(&found) {
                Answer::Keep => self.verdict.findings.push(found),
                Answer::Again => again = true,
            }
        }
        if again {
            self.watch.borrow_mut().0.forget();
        }
        let schedule = || Schedule { transitions: path.transitions(path.len()), memory: self.config.memory };
        match ending {
            Ending::Finished(outcome) => self.verdict.outcomes.add(outcome, path.len(), schedule),
            Ending::Deadlocked(outcome) => self.verdict.deadlocks.add(outcome, path.len(), schedule),
            Ending::TooLong => {
                self.too_long.add(|| path.transitions(path.len()));
                self.verdict.bound = Some(Bound::Steps(self.config.limits.steps_max));
            }
            Ending::Exceeded(exceeded) => self.verdict.bound = Some(exceeded.into()),
            Ending::Stopped | Ending::Abandoned => {}
        }
        Ok(())
    }
}

/// Runs executions until the tree of schedules is exhausted or a bound is hit. `on_found` looks at each finding.
///
/// # Errors
/// If the program has hidden state.
pub(in crate::explore) fn search<P: Pruning>(
    subject: &dyn Subject,
    config: &Config,
    engine: EngineKind,
    pruning: P,
    on_found: impl FnMut(&Found) -> Answer,
) -> Result<(Verdict, P), HiddenState> {
    search_by(Runner::new(subject, config, engine), pruning, on_found)
}

/// The same by a runner of any kind.
pub(in crate::explore) fn search_by<P: Pruning>(
    mut runner: Runner<'_>,
    pruning: P,
    mut on_found: impl FnMut(&Found) -> Answer,
) -> Result<(Verdict, P), HiddenState> {
    let config = runner.config;
    let mut path = Path::new(pruning, config.memory, config.seeded);
    loop {
        runner.run(&mut path, &mut on_found)?;
        runner.verdict.states = path.pruning.states();
        if !path.advance() {
            break;
        }
        if runner.too_long.count >= config.too_long_max {
            break;
        }
        if path.pruning.is_full() {
            runner.verdict.bound = Some(Bound::Bytes(config.bytes_max));
            break;
        }
        let progress =
            || Progress { frontier: path.frontier(), fraction: Some(path.fraction()), ..Progress::default() };
        if let Some(bound) = config.tick(runner.verdict.executions, runner.verdict.states, progress) {
            runner.verdict.bound = Some(bound);
            break;
        }
    }
    if runner.verdict.bound.is_some() {
        let long = runner.too_long.first.unwrap_or_else(|| path.transitions(path.len()));
        runner.verdict.repeats = repeats::find(runner.subject, config, &long);
    }
    Ok((runner.verdict, path.pruning))
}
