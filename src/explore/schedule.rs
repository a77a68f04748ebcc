//! Schedules: saved by task and operation names, so that they survive edits of the code they lead through.

use std::cell::RefCell;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::round::{self, Passed};
pub use super::trace::{Line, Stand};
use super::watch::flow;
use crate::check::{Checks, Finding};
use crate::engine::controlled::{Controlled, Settings};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::process::ProcessSet;
use crate::engine::world::Transition;
use crate::engine::{Decision, Ending, Flow, Memory, Observer, State, Strategy};
use crate::event::names::Names;
use crate::event::outcome::Remains;
use crate::event::{Event, Held, Op, Status, TaskId, View, What, wakes_one};
use crate::subject::Subject;

/// The choices of one execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// In order.
    pub transitions: Vec<Transition>,
    /// Under which memory.
    pub memory: Memory,
}

impl Schedule {
    /// A schedule of these choices, under sequential consistency.
    pub fn new(transitions: Vec<Transition>) -> Schedule {
        Schedule { transitions, memory: Memory::Sc }
    }
}

/// One step of a saved schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Name of the task, or `clock`.
    pub task: String,
    /// Its operation, as a trace shows it.
    pub op: String,
    /// Which result, for a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<u8>,
}

/// A replayed execution.
pub struct Replay {
    /// What happened.
    pub lines: Vec<Line>,
    /// How every task stands after as many steps as the index says. A step that ended the execution has no state.
    pub states: Vec<Vec<Stand>>,
    /// What the checks said, in order.
    pub findings: Vec<Finding>,
    /// How it ended.
    pub ending: Ending,
    /// The schedule as it can be saved.
    pub steps: Vec<Step>,
    /// The same, for this process.
    pub transitions: Vec<Transition>,
}

/// Why a saved schedule cannot be followed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("step {step}: the schedule says {expected}, but {actual}")]
pub struct Divergence {
    /// Number of the step, from 1.
    pub step: usize,
    /// Task and operation of the schedule.
    pub expected: String,
    /// What is there instead.
    pub actual: String,
}

struct Recorder {
    checks: Checks,
    names: Names,
    lines: Vec<Line>,
    frames: Vec<(TaskId, usize)>,
    held: Held<String>,
    states: Vec<Vec<Stand>>,
    findings: Vec<Finding>,
}

impl Recorder {
    fn depth(&mut self, task: TaskId) -> &mut usize {
        let at = self.frames.iter().position(|(known, _)| *known == task).unwrap_or_else(|| {
            self.frames.push((task, 0));
            self.frames.len() - 1
        });
        &mut self.frames[at].1
    }

    fn stand(&self, view: &dyn View, task: TaskId) -> Stand {
        match view.status(task).0 {
            Status::Ready(op) => Stand::Ready(self.names.op(view, op)),
            Status::WaitsFor(lock) => {
                Stand::Waits { lock: self.names.object(view, lock), holder: self.names.holders(view, lock) }
            }
            Status::Sleeps(_) => Stand::Sleeps,
            Status::Drains => Stand::Drains,
            Status::Spins(_) => Stand::Spins,
            Status::Stalled(by) => Stand::Stalled(self.names.task(by).to_owned()),
            Status::Masked => Stand::Finished,
            Status::Finished => Stand::Finished,
        }
    }

    fn record(&mut self, event: &Event, view: &dyn View) {
        use crate::event::Note;
        let depth = *self.depth(event.task);
        match event.what {
            What::Note(Note::Enter(_)) => *self.depth(event.task) += 1,
            What::Note(Note::Exit(_)) => *self.depth(event.task) = depth.saturating_sub(1),
            What::Op(op, result) => {
                let name = || op.lock().map_or_else(String::new, |lock| self.names.object(view, lock));
                self.held.follow(event.task, op, result, name);
            }
            _ => {}
        }
        let (text, op) = match event.what {
            What::Op(op, result) => (Some(self.names.op_and_result(view, op, result)), Some(self.names.op(view, op))),
            What::Note(note) => (self.names.note(view, event.task, note), None),
        };
        let object = match event.what {
            What::Op(op, _) => op.object().map(|id| view.object(id)),
            What::Note(_) => None,
        };
        let held = self.held.of(event.task).map(|(.., name)| name.clone()).collect();
        self.lines.push(Line { event: *event, text, depth, held, op, object });
    }
}

impl Observer for Recorder {
    fn begin(&mut self) {
        self.checks.begin();
    }

    fn event(&mut self, event: &Event, view: &dyn View) -> Flow {
        self.record(event, view);
        let stop = self.checks.event(event, view);
        self.findings.extend(self.checks.take_found());
        flow(stop)
    }

    fn state(&mut self, step: u32, view: &dyn View) -> Flow {
        debug_assert_eq!(self.states.len(), step as usize, "a state follows every step");
        self.states.push((1..=view.tasks()).map(|task| self.stand(view, TaskId(task as u8))).collect());
        let stop = self.checks.state(step, view);
        self.findings.extend(self.checks.take_found());
        flow(stop)
    }

    fn end(&mut self, step: u32, view: &dyn View) {
        self.checks.end(step, view);
        self.findings.extend(self.checks.take_found());
    }

    fn observed(&self) -> Vec<Remains> {
        self.checks.observed()
    }

    fn fingerprint(&self, fingerprint: &mut Fingerprint) {
        self.checks.fingerprint(fingerprint);
    }

    fn fingerprint_task(&self, task: TaskId, fingerprint: &mut Fingerprint) {
        self.checks.fingerprint_task(task, fingerprint);
    }
}

/// What a replay follows.
pub enum Guide<'a> {
    /// The choices of a schedule found in this process, then nothing.
    Exact(&'a Schedule),
    /// A saved schedule, by names, then nothing.
    Saved(&'a [Step], Memory),
    /// The lowest task that can run, always: the sequential execution.
    Sequential,
}

struct Follow<'a> {
    guide: &'a Guide<'a>,
    names: &'a Names,
    at: usize,
    passed: Vec<Passed>,
    divergence: Option<Divergence>,
}

impl Strategy for Follow<'_> {
    fn decide(&mut self, state: &State<'_>) -> Decision {
        let transition = match self.guide {
            Guide::Exact(schedule) => schedule.transitions.get(self.at).copied(),
            Guide::Sequential => Some(state.transitions[0]),
            Guide::Saved(steps, _) => steps.get(self.at).and_then(|step| self.find(state, step)),
        };
        self.at += 1;
        let taken = transition.filter(|transition| state.transitions.contains(transition));
        let enabled = ProcessSet::of(state.transitions);
        self.passed.push(Passed { fingerprint: state.fingerprint(), enabled, taken });
        taken.map_or(Decision::Abandon, Decision::Take)
    }
}

impl Follow<'_> {
    /// A saved schedule that goes on behind the end of the execution does not fit either.
    fn check_end(&self, ending: &Ending) -> Result<(), Divergence> {
        let (Guide::Saved(steps, _), Ending::Finished(_) | Ending::Deadlocked(_)) = (self.guide, ending) else {
            return Ok(());
        };
        let Some(step) = steps.get(self.at) else { return Ok(()) };
        let expected = format!("{}: {}", step.task, step.op);
        Err(Divergence { step: self.at + 1, expected, actual: "the execution has ended".to_owned() })
    }

    fn find(&mut self, state: &State<'_>, step: &Step) -> Option<Transition> {
        let texts = |transition: &Transition| match state.world.operation(*transition) {
            Some(op) => self.names.op(state.world, op),
            None => String::new(),
        };
        let is_clock = |transition: &Transition| transition.task == TaskId::CLOCK && step.task == "clock";
        let matches = |transition: &&Transition| {
            is_clock(transition)
                || transition.task != TaskId::CLOCK
                    && self.names.task(transition.task) == step.task
                    && (transition.is_flush() || transition.alternative == step.choice.unwrap_or(0))
                    && texts(transition) == step.op
        };
        let found = state.transitions.iter().find(matches).copied();
        if found.is_none() {
            let actual: Vec<String> = state
                .transitions
                .iter()
                .map(|t| match t.task {
                    TaskId::CLOCK => "the clock can move".to_owned(),
                    task if t.is_flush() => format!("{} can {}", self.names.task(task), texts(t)),
                    task => format!("{} stands before {}", self.names.task(task), texts(t)),
                })
                .collect();
            let expected = format!("{}: {}", step.task, step.op);
            self.divergence = Some(Divergence { step: self.at + 1, expected, actual: actual.join(", ") });
        }
        found
    }
}

/// Runs one execution again, with a trace.
///
/// # Errors
/// If a saved schedule does not fit the code any more.
pub fn replay(subject: &dyn Subject, names: &Names, guide: &Guide<'_>) -> Result<Replay, Divergence> {
    replay_under(subject.checks(), subject, names, guide)
}

/// The same under checks that may know other executions.
pub(super) fn replay_under(
    checks: Checks,
    subject: &dyn Subject,
    names: &Names,
    guide: &Guide<'_>,
) -> Result<Replay, Divergence> {
    let recorder = Rc::new(RefCell::new(Recorder {
        checks,
        names: names.clone(),
        lines: Vec::new(),
        frames: Vec::new(),
        held: Held::default(),
        states: Vec::new(),
        findings: Vec::new(),
    }));
    let observer: Rc<RefCell<dyn Observer>> = recorder.clone();
    let mut follow = Follow { guide, names, at: 0, passed: Vec::new(), divergence: None };
    let program: &dyn crate::engine::Program = subject;
    let memory = match guide {
        Guide::Exact(schedule) => schedule.memory,
        Guide::Saved(_, memory) => *memory,
        Guide::Sequential => Memory::Sc,
    };
    let settings = Settings { memory, ..Settings::default() };
    let ending = Controlled::new(settings).run(program, &mut follow, &observer);
    if let Some(divergence) = follow.divergence {
        return Err(divergence);
    }
    follow.check_end(&ending)?;
    let mut recorder = recorder.borrow_mut();
    let states = std::mem::take(&mut recorder.states);
    let lines = std::mem::take(&mut recorder.lines);
    let steps = lines
        .iter()
        .filter(|line| line.event.task != TaskId::BOOT)
        .filter_map(|line| saved_step(names, line))
        .collect();
    let mut findings = std::mem::take(&mut recorder.findings);
    if ending == Ending::Abandoned {
        let stands = states.last().map_or(&[][..], Vec::as_slice);
        findings.extend(round::judge(&follow.passed, &lines, stands, names));
    }
    let transitions = follow.passed.iter().filter_map(|passed| passed.taken).collect();
    Ok(Replay { steps, findings, ending, lines, states, transitions })
}

fn saved_step(names: &Names, line: &Line) -> Option<Step> {
    let What::Op(op, result) = line.event.what else { return None };
    let wakes_some = wakes_one(op).is_some() && result != 0;
    let choice = (matches!(op, Op::Choose(..)) || wakes_some).then_some(result as u8);
    Some(Step { task: names.task(line.event.task).to_owned(), op: line.op.clone()?, choice })
}
