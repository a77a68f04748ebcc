//! Explores with the loom crate: the second opinion, with its own search and a C11-like memory.
//!
//! loom knows no nondeterministic choice, so choices are enumerated outside: one model per assignment of results to
//! the choices of each task, assignments grown as executions report what they consumed. Its own limits pass
//! silently, so executions are counted here.
//!
//! What steps of several nodes tell the checks is found out on the way ([`listener`]). Then it starts over; executions before
//! that count.
//!
//! A finding's schedule is replayed on the controlled engine; if that does not show it, no sequentially consistent
//! execution of these steps does, and it is marked as weak-memory.
//!
//! State that tasks share behind the engine's back is nothing that loom sees either: a program that does not promise that
//! there is none is examined on the controlled engine ([`super::examine`]).
//!
//! Complete means: loom has no more executions. It may still have missed some: see [`crate::engine::loom`].

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::Arc;

use parking_lot::Mutex;

mod listener;
use listener::Listener;

use super::config::{Config, EngineKind, Progress};
use super::error::Error;
use super::limits::Bound;
use super::schedule::Schedule;
use super::schedule::{Guide, replay};
use super::stateful;
use super::verdict::{Found, Verdict};
use super::watch::flow;
use crate::check::Checks;
use crate::engine::fingerprint::Fingerprint;
use crate::engine::loom::{
    BRANCHES_MAX, Choices, DRAINED_MAX, GivesUp, Known, THREADS_MAX, Traversed, Tried, gives_up, run,
};
use crate::engine::{Ending, Flow, Observer};
use crate::event::names::Names;
use crate::event::outcome::Remains;
use crate::event::{Event, TaskId, View};
use crate::subject::Subject;

/// What the executions of all models share. loom wants it `Send`, though it runs on one OS thread.
struct Shared {
    checks: Checks,
    verdict: Verdict,
    arities: BTreeMap<(TaskId, u32), u8>,
    /// Was an execution cut off before loom knew all of it?
    cut_off: bool,
    listener: Listener,
    tried: Tried,
}

/// Payload of the panic that ends a model at a bound, or to start over.
struct Enough;

#[derive(Clone)]
struct Watch(Arc<Mutex<Shared>>);

impl Observer for Watch {
    fn begin(&mut self) {
        let mut shared = self.0.lock();
        shared.checks.begin();
        shared.listener.begin();
    }

    fn event(&mut self, event: &Event, view: &dyn View) -> Flow {
        let mut shared = self.0.lock();
        let Shared { checks, listener, .. } = &mut *shared;
        listener.event(event, view, checks);
        flow(checks.event(event, view))
    }

    /// Told once, when the set-up is done: loom's executions are judged by events and waits.
    fn state(&mut self, _step: u32, view: &dyn View) -> Flow {
        self.0.lock().listener.booted(view);
        Flow::Continue
    }

    fn blocked(&mut self, step: u32, view: &dyn View) -> Flow {
        flow(self.0.lock().checks.blocked(step, view))
    }

    fn end(&mut self, step: u32, view: &dyn View) {
        self.0.lock().checks.end(step, view);
    }

    fn observed(&self) -> Vec<Remains> {
        self.0.lock().checks.observed()
    }

    fn fingerprint(&self, fingerprint: &mut Fingerprint) {
        self.0.lock().checks.fingerprint(fingerprint);
    }
}

impl Shared {
    fn known(&self, config: &Config) -> Known {
        let (telling, tried) = (self.listener.telling.clone(), self.tried.clone());
        Known { telling, tried, objects_max: config.limits.objects_max }
    }

    fn take(&mut self, traversed: Traversed) {
        self.verdict.executions += 1;
        self.arities.extend(&traversed.arities);
        self.cut_off |= traversed.cut_off;
        if let Some(outcome) = traversed.outcome {
            let schedule = || Schedule::new(traversed.transitions.clone());
            self.verdict.outcomes.add(outcome, traversed.transitions.len(), schedule);
        }
        for finding in self.checks.take_found() {
            let steps = traversed.transitions.iter().take(finding.step as usize);
            let schedule = Schedule::new(steps.copied().collect());
            self.verdict.findings.push(Found { finding, schedule, weak_memory: false });
        }
    }
}

/// Explores with loom within the bounds of `config`.
///
/// # Errors
/// If the program has hidden state.
pub fn explore(subject: &Arc<dyn Subject>, config: &Config) -> Result<Verdict, Error> {
    let shared = Arc::new(Mutex::new(Shared {
        checks: subject.checks(),
        verdict: Verdict::new(EngineKind::Loom),
        arities: BTreeMap::new(),
        cut_off: false,
        listener: Listener::new(&subject.homes()),
        tried: Tried::new(),
    }));
    let mut assignments = vec![Choices::new()];
    while let Some(choices) = assignments.pop() {
        shared.lock().arities.clear();
        let gave_up = check_model(subject, config, &shared, &choices);
        let mut shared = shared.lock();
        let learned = match gave_up {
            Some(GivesUp::NeedsWord(lock)) => shared.tried.insert(lock),
            Some(gave_up) => {
                shared.verdict.bound = Some(bound(gave_up));
                false
            }
            None => false,
        };
        if shared.verdict.bound.is_some() {
            break;
        }
        if shared.listener.starts_over() || learned {
            assignments = vec![Choices::new()];
            continue;
        }
        assignments.extend(refined(&choices, &std::mem::take(&mut shared.arities)));
    }
    let shared = shared.lock();
    let mut verdict = shared.verdict.clone();
    if shared.cut_off {
        verdict.bound = verdict.bound.or(Some(Bound::Drained(DRAINED_MAX)));
    }
    hold_schedules(&**subject, config, &mut verdict)?;
    Ok(verdict)
}

/// One model: all executions in which the choices are these. Returns why it was given up, if it was.
fn check_model(
    subject: &Arc<dyn Subject>,
    config: &Config,
    shared: &Arc<Mutex<Shared>>,
    choices: &Choices,
) -> Option<GivesUp> {
    let model = {
        let (subject, config, shared, choices) =
            (Arc::clone(subject), config.clone(), Arc::clone(shared), choices.clone());
        move || {
            if shared.lock().listener.has_grown() {
                panic::resume_unwind(Box::new(Enough));
            }
            let executions = shared.lock().verdict.executions;
            if let Some(bound) = config.tick(executions, 0, Progress::default) {
                shared.lock().verdict.bound = Some(bound);
                panic::resume_unwind(Box::new(Enough));
            }
            let observer: Rc<RefCell<dyn Observer>> = Rc::new(RefCell::new(Watch(Arc::clone(&shared))));
            let shared = Arc::clone(&shared);
            let known = shared.lock().known(&config);
            run(&*subject, choices.clone(), known, observer, move |traversed| shared.lock().take(traversed));
        }
    };
    let mut builder = ::loom::model::Builder::new();
    builder.max_branches = BRANCHES_MAX;
    builder.max_threads = THREADS_MAX;
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.preemption_bound = None;
    builder.checkpoint_file = None;
    let ended = crate::engine::quietly(|| panic::catch_unwind(AssertUnwindSafe(|| builder.check(model))));
    crate::engine::uninstall();
    let payload = ended.err()?;
    if payload.is::<Enough>() {
        return None;
    }
    let gave_up = gives_up(&*payload);
    // Anything else that loom says is about our use of it.
    Some(gave_up.unwrap_or_else(|| panic!("internal error: loom ended with: {}", crate::engine::panic_text(&*payload))))
}

fn bound(gave_up: GivesUp) -> Bound {
    match gave_up {
        GivesUp::Branches => Bound::Branches(BRANCHES_MAX),
        GivesUp::Objects => Bound::Spares,
        GivesUp::Deadlock => Bound::Stuck,
        GivesUp::Exceeded(exceeded) => exceeded.into(),
        GivesUp::NeedsWord(lock) => unreachable!("internal error: {lock:?} is a word, so nobody asks for one"),
    }
}

/// Assignments that differ from `known` in one choice that was made beyond it, each exactly once.
fn refined(known: &Choices, arities: &BTreeMap<(TaskId, u32), u8>) -> Vec<Choices> {
    let mut refined = Vec::new();
    let mut fixed = known.clone();
    for (&choice, &arity) in arities.iter().filter(|(choice, _)| !known.contains_key(choice)) {
        for result in 1..arity {
            let mut child = fixed.clone();
            child.insert(choice, result);
            refined.push(child);
        }
        fixed.insert(choice, 0);
    }
    refined
}

/// Holds schedules against the controlled engine. An order of steps under loom's memory may come to something else there: then what is
/// wrong, or the outcome, gets a schedule of sequential consistency if that shows it as well. If not, only a weak memory does.
fn hold_schedules(subject: &dyn Subject, config: &Config, verdict: &mut Verdict) -> Result<(), Error> {
    let config = Config { engine: EngineKind::Explorer, progress: None, ..config.clone() };
    let consistent = OnceCell::new();
    let explored = || consistent.get_or_init(|| stateful::explore(subject, &config)).as_ref().ok();
    let replayed = |schedule: &Schedule| replay(subject, &Names::default(), &Guide::Exact(schedule)).ok();
    verdict.outcomes.rewrite(|outcome, schedule| {
        let is_it = |ending: &Ending| matches!(ending, Ending::Finished(replayed) if replayed == outcome);
        match replayed(&schedule) {
            Some(replay) if is_it(&replay.ending) => Some(schedule),
            _ => explored()?.outcomes.schedule(outcome).cloned(),
        }
    });
    let key = |found: &Found| (found.finding.code, found.finding.subject);
    for found in &mut verdict.findings {
        let same = |other: &crate::check::Finding| (other.code, other.subject) == key(found);
        if replayed(&found.schedule).is_some_and(|replay| replay.findings.iter().any(same)) {
            continue;
        }
        match explored().and_then(|verdict| verdict.findings.iter().find(|other| key(other) == key(found))) {
            Some(consistent) => *found = consistent.clone(),
            None => found.weak_memory = true,
        }
    }
    match consistent.into_inner() {
        Some(Err(error)) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two choices of two results each, both always made: {}, {a=1}, {b=1 with a=0 fixed}, {a=1,b=1}.
    #[test]
    fn every_assignment_of_two_choices_is_enumerated_once() {
        let arities: BTreeMap<_, _> = [((TaskId(1), 1), 2), ((TaskId(2), 1), 2)].into();
        let mut open = vec![Choices::new()];
        let mut seen = Vec::new();
        while let Some(choices) = open.pop() {
            let value = |task| choices.get(&(TaskId(task), 1)).copied().unwrap_or(0);
            seen.push((value(1), value(2)));
            open.extend(refined(&choices, &arities));
        }
        seen.sort_unstable();

        assert_eq!(seen, [(0, 0), (0, 1), (1, 0), (1, 1)]);
    }
}
