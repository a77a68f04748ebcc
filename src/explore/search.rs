//! Depth-first search by running again: the trunk that brute force and the search for short schedules share, and the
//! execution that every worker of the explorer repeats.

use std::cell::RefCell;
use std::rc::Rc;

use super::path::{Path, Pruning};
use super::replica::Replica;
use super::{Bound, Config, EngineKind, Found, Progress, Schedule, Subject, Verdict, Watch};
use crate::check::Orders;
use crate::engine::controlled::Controlled;
use crate::engine::{Ending, Observer};

/// What to do with a finding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It goes into the verdict, once.
    Keep,
    /// It does not, and is reported again by later executions.
    Again,
}

/// One OS thread's engine and checks, and what it saw.
pub(super) struct Runner<'s> {
    subject: &'s dyn Subject,
    config: &'s Config,
    watch: Rc<RefCell<Watch>>,
    observer: Rc<RefCell<dyn Observer>>,
    machine: Machine<'s>,
    pub verdict: Verdict,
}

/// Who makes the steps.
enum Machine<'s> {
    /// The program, from its beginning each time.
    Rerun(Box<Controlled>),
    /// What is known of it, from copies of states.
    Replica(Box<Replica<'s>>),
}

impl<'s> Runner<'s> {
    pub fn new(subject: &'s dyn Subject, config: &'s Config, engine: EngineKind) -> Runner<'s> {
        let watch = Watch::shared(subject.checks());
        let observer: Rc<RefCell<dyn Observer>> = watch.clone();
        let machine = Machine::Rerun(Box::new(Controlled::new(config.settings())));
        Runner { subject, config, watch, observer, machine, verdict: Verdict::new(engine) }
    }

    /// One that runs the program only where it does something new.
    pub fn replica(subject: &'s dyn Subject, config: &'s Config, engine: EngineKind) -> Runner<'s> {
        let runner = Runner::new(subject, config, engine);
        let replica = Replica::new(subject, config, Rc::clone(&runner.watch));
        Runner { machine: Machine::Replica(Box::new(replica)), ..runner }
    }

    /// Did the program do something else than it did before?
    pub fn strayed(&self) -> bool {
        matches!(&self.machine, Machine::Replica(replica) if replica.strayed())
    }

    /// From which history a task can come to which; none if the program is run from its beginning each time.
    pub fn histories(&self) -> Vec<(u128, u128)> {
        if let Machine::Replica(replica) = &self.machine { replica.histories() } else { Vec::new() }
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
    /// # Panics
    /// If the program did something else than the last time: it remembers something that the engine does not see.
    pub fn run<P: Pruning>(&mut self, path: &mut Path<P>, on_found: &mut dyn FnMut(&Found) -> Answer) {
        if let Some(step) = self.try_run(path, on_found) {
            panic!(
                "internal error: hidden state: the same {step} steps led somewhere else than before; \
                 the program keeps something in a static, a Cell or an Arc that is no object of the engine"
            );
        }
    }

    /// As [`Runner::run`]; returns the step at which the program left the path.
    pub fn try_run<P: Pruning>(
        &mut self,
        path: &mut Path<P>,
        on_found: &mut dyn FnMut(&Found) -> Answer,
    ) -> Option<usize> {
        path.restart();
        let program: &dyn crate::engine::Program = self.subject;
        let ending = match &mut self.machine {
            Machine::Replica(replica) => replica.run(path),
            Machine::Rerun(controlled) => {
                let ending = controlled.run(program, path, &self.observer);
                if let Some(step) = path.strayed() {
                    return Some(step);
                }
                ending
            }
        };
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
        match ending {
            Ending::Finished(outcome) => _ = self.verdict.outcomes.insert(outcome),
            Ending::Deadlocked(outcome) => _ = self.verdict.deadlocks.insert(outcome),
            Ending::TooLong => self.verdict.bound = Some(Bound::Steps(self.config.limits.steps_max)),
            Ending::Exceeded(exceeded) => self.verdict.bound = Some(exceeded.into()),
            Ending::Stopped | Ending::Abandoned => {}
        }
        None
    }
}

/// Runs executions until the tree of schedules is exhausted or a bound is hit. `on_found` looks at each finding.
pub(super) fn search<P: Pruning>(
    subject: &dyn Subject,
    config: &Config,
    engine: EngineKind,
    pruning: P,
    on_found: impl FnMut(&Found) -> Answer,
) -> (Verdict, P) {
    search_by(Runner::new(subject, config, engine), pruning, on_found)
}

/// The same by a runner of any kind.
pub(super) fn search_by<P: Pruning>(
    mut runner: Runner<'_>,
    pruning: P,
    mut on_found: impl FnMut(&Found) -> Answer,
) -> (Verdict, P) {
    let config = runner.config;
    let mut path = Path::new(pruning, config.memory, config.seeded);
    loop {
        runner.run(&mut path, &mut on_found);
        runner.verdict.states = path.pruning.states();
        if !path.advance() {
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
    (runner.verdict, path.pruning)
}
