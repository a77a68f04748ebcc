//! The judgement of one execution: does it end where it had been before, and could it go on like that for ever?

use super::trace::{Line, Stand};
use crate::check::{Code, Finding, Spot};
use crate::engine::process::{Process, ProcessSet};
use crate::engine::world::Transition;
use crate::event::names::Names;
use crate::event::{Event, TaskId, What};

/// A state that an execution went through.
pub(super) struct Passed {
    pub fingerprint: u128,
    /// What could go on.
    pub enabled: ProcessSet,
    /// What was done; nothing in the last one.
    pub taken: Option<Transition>,
}

/// The finding, if the last state is one of those before, and everybody moved in between who could.
pub(super) fn judge(passed: &[Passed], lines: &[Line], stands: &[Stand], names: &Names) -> Option<Finding> {
    let (last, before) = passed.split_last()?;
    let first = before.iter().position(|state| state.fingerprint == last.fingerprint)?;
    let round = &before[first..];
    let able = round.iter().fold(ProcessSet::default(), |able, state| able.union(state.enabled));
    let moves: ProcessSet = round.iter().filter_map(|state| state.taken).map(Process::of).collect();
    if !able.without(moves).is_empty() {
        return None;
    }
    // Steps are counted from 1.
    let is_op = |event: &&Event| matches!(event.what, What::Op(..));
    let made: Vec<&Event> = lines.iter().map(|line| &line.event).filter(is_op).collect();
    let events: Vec<&Event> = made.iter().copied().filter(|event| event.step as usize > first).collect();
    let mut movers: Vec<TaskId> = events.iter().map(|event| event.task).filter(|task| *task != TaskId::CLOCK).collect();
    movers.sort_unstable();
    movers.dedup();
    let spot = |event: &Event| Spot { step: event.step, task: event.task, place: event.place, set_up_of: None };
    let of = |task: TaskId| events.iter().filter(move |event| event.task == task);
    let one = *movers.first()?;
    let begins = of(one).next()?;
    let end = of(one).next_back().filter(|end| end.step != begins.step);
    let other = match (movers.get(1), end) {
        (Some(&two), _) => (spot(of(two).next()?), format!("and so does {}, here", names.task(two))),
        (None, Some(end)) => (spot(end), "and begins again after this".to_owned()),
        (None, None) => match made.iter().rfind(|event| event.task == one && event.step < begins.step) {
            // It came from a first round with another past.
            Some(earlier) => (spot(earlier), "it came from here".to_owned()),
            // Nothing comes before the round. After it the task has the same step before it.
            None => {
                let next = Spot { step: before.len() as u32 + 1, ..spot(begins) };
                (next, "and stands before the same step again".to_owned())
            }
        },
    };
    let who: Vec<&str> = movers.iter().map(|task| names.task(*task)).collect();
    let waiting = (1..).map(TaskId).zip(stands).filter_map(|(task, stand)| match stand {
        Stand::Waits { lock, holder } => Some(format!("{} waits for {lock}, held by {holder}", names.task(task))),
        Stand::Sleeps => Some(format!("{} sleeps", names.task(task))),
        _ => None,
    });
    let waiting: String = waiting.map(|text| format!("; {text}")).collect();
    let verb = if who.len() == 1 { "goes" } else { "go" };
    let steps = if round.len() == 1 { "step".to_owned() } else { format!("{} steps", round.len()) };
    Some(Finding {
        code: Code::LW009,
        subject: "round".into(),
        message: format!(
            "{} {verb} round for ever even under a fair scheduler, the same {steps}{waiting}",
            who.join(" and ")
        ),
        at: (spot(begins), format!("{} goes round here", names.task(one))),
        other: Some(other),
        step: before.len() as u32,
    })
}
