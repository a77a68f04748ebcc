//! A schedule as one line, and the run of a model along it.
//!
//! A step is its thread's path in the tree of threads (`0` for the first, `2.1` for the first child of its second child), with a colon and
//! the result if it is a choice, or the path of the thread that it wakes after `>`. Steps in a row of one thread are counted: `0*3 1 2:1 1>2`.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::program::Own;
use crate::boot::Checked;
use crate::engine::controlled::{Controlled, Limits, Settings};
use crate::engine::world::Transition;
use crate::engine::{Blind, Decision, Observer, Program, State, Strategy};
use crate::event::{Place, wakes_one};
use crate::explore::schedule::{Guide, Schedule, replay};
use crate::explore::verdict::{Found, Verdict};
use crate::explore::{EngineKind, Subject};

/// Writes down what an execution along a schedule does.
struct Writer<'a> {
    own: &'a Own,
    transitions: &'a [Transition],
    at: usize,
    steps: Vec<String>,
}

impl Strategy for Writer<'_> {
    fn decide(&mut self, state: &State<'_>) -> Decision {
        let Some(&transition) = self.transitions.get(self.at).filter(|it| state.transitions.contains(it)) else {
            return Decision::Abandon;
        };
        self.at += 1;
        let births = self.own.table();
        let mut step = births.path(transition.task);
        let is_choice = state.transitions.iter().filter(|other| other.task == transition.task).count() > 1;
        match state.world.operation(transition).and_then(wakes_one) {
            Some(_) if transition.alternative > 0 => {
                let woken = births.path(crate::event::TaskId(transition.alternative));
                step = format!("{step}>{woken}");
            }
            _ if is_choice => step = format!("{step}:{}", transition.alternative),
            _ => {}
        }
        self.steps.push(step);
        Decision::Take(transition)
    }
}

fn run_along(own: &Own, strategy: &mut dyn Strategy) {
    let observer: Rc<RefCell<dyn Observer>> = Rc::new(RefCell::new(Blind { names_tasks: true }));
    let limits = Limits { steps_max: u32::MAX, ..Limits::default() };
    let program: &dyn Program = own;
    Controlled::new(Settings { limits, ..Settings::default() }).run(program, strategy, &observer);
}

/// The line of a schedule.
pub fn line(own: &Own, transitions: &[Transition]) -> String {
    let mut writer = Writer { own, transitions, at: 0, steps: Vec::new() };
    run_along(own, &mut writer);
    let mut line: Vec<(String, usize)> = Vec::new();
    for step in writer.steps {
        match line.last_mut() {
            Some((last, count)) if *last == step => *count += 1,
            _ => line.push((step, 1)),
        }
    }
    let texts = line.into_iter().map(|(step, count)| if count == 1 { step } else { format!("{step}*{count}") });
    texts.collect::<Vec<_>>().join(" ")
}

/// Follows a line.
struct Reader<'a> {
    own: &'a Own,
    steps: Vec<&'a str>,
    taken: Vec<Transition>,
    /// Why the line does not fit.
    stuck: Option<String>,
}

impl Strategy for Reader<'_> {
    fn decide(&mut self, state: &State<'_>) -> Decision {
        let Some(step) = self.steps.get(self.taken.len()) else {
            let number = self.taken.len();
            self.stuck = Some(format!("the line ends after step {number}, and threads could go on"));
            return Decision::Abandon;
        };
        let births = self.own.table();
        let (path, alternative) = match (step.split_once(':'), step.split_once('>')) {
            (Some((path, number)), _) => (path, number.parse().ok()),
            (None, Some((path, woken))) => (path, births.at_path(woken).map(|task| task.0)),
            (None, None) => (*step, Some(0)),
        };
        let task = births.at_path(path);
        let is_it = |it: &&Transition| Some(it.task) == task && Some(it.alternative) == alternative;
        match state.transitions.iter().find(is_it) {
            Some(&transition) => {
                self.taken.push(transition);
                Decision::Take(transition)
            }
            None => {
                self.stuck = Some(format!("step {}, `{step}`, cannot be made", self.taken.len() + 1));
                Decision::Abandon
            }
        }
    }
}

/// Most steps of a line.
const STEPS_MAX: usize = 1_000_000;

/// The steps of a line.
fn steps(line: &str) -> Vec<&str> {
    let mut steps = Vec::new();
    for word in line.split_whitespace() {
        let (step, count) = word.split_once('*').unwrap_or((word, "1"));
        let count: usize =
            count.parse().unwrap_or_else(|_| panic!("LOCKWRIGHT_REPLAY: `{word}` has no number after its *"));
        assert!(
            count <= STEPS_MAX - steps.len(),
            "LOCKWRIGHT_REPLAY: `{word}` is more than the {STEPS_MAX} steps of a line"
        );
        steps.extend(std::iter::repeat_n(step, count));
    }
    steps
}

/// Runs a closure along a line, and says what is wrong there.
///
/// # Panics
/// If something is, or if the line does not fit: one that leads to nothing leads to the end.
pub fn run(line: &str, own: Own, place: Place) {
    assert!(
        !line.trim().is_empty(),
        "LOCKWRIGHT_REPLAY is empty: it takes the schedule that the page of a finding prints"
    );
    let own = Arc::new(own);
    let mut reader = Reader { own: &own, steps: steps(line), taken: Vec::new(), stuck: None };
    run_along(&own, &mut reader);
    let Reader { taken, mut stuck, steps, .. } = reader;
    if stuck.is_none() && taken.len() < steps.len() {
        stuck = Some(format!("the execution ends after step {}, and the line has {}", taken.len(), steps.len()));
    }
    let schedule = Schedule::new(taken);
    let replayed = replay(&*own, &own.names(), &Guide::Exact(&schedule));
    let findings = replayed.map(|replay| replay.findings).unwrap_or_default();
    if let (Some(stuck), true) = (stuck, findings.is_empty()) {
        panic!("LOCKWRIGHT_REPLAY does not fit this model: {stuck}");
    }
    let names = own.names();
    let subject: Arc<dyn Subject> = own;
    let found = findings.into_iter().map(|finding| Found { finding, schedule: schedule.clone(), weak_memory: false });
    let mut verdict = Verdict::of_replay(EngineKind::Explorer);
    verdict.findings = found.collect();
    let wrong = verdict.findings.len();
    let page = Checked::of(verdict, 1, subject, names, place).to_string();
    assert!(wrong == 0, "LOCKWRIGHT_REPLAY\n\n{page}");
    println!("LOCKWRIGHT_REPLAY: nothing is wrong along this schedule");
}
