//! Where a task goes round and no round meets another: what to change when a search hits its bounds.
//!
//! A loop that counts up, or waits for one more jiffy each time, leaves a new state with every round. A search that remembers
//! states never meets one again, and ends at a bound. Nothing is wrong with the verdict, but it is of no use to whoever does
//! not know where the loop is. So an execution that ran too long is run once more, and the task and the place are looked for that come
//! up most often.

use std::cell::RefCell;
use std::rc::Rc;

use super::config::Config;
use crate::engine::controlled::{Controlled, Limits};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::world::Transition;
use crate::engine::{Decision, Flow, Observer, Program, State, Strategy};
use crate::event::{Event, Note, Place, TaskId, View, What};
use crate::subject::Subject;

/// Fewer rounds than that are not taken for a loop without an end.
const ROUNDS_MIN: u32 = 16;

/// A task that repeats itself, as it stood when a bound was hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// The task.
    pub task: TaskId,
    /// How often it has come to the place.
    pub rounds: u32,
    /// An operation of the loop.
    pub place: Place,
    /// The function that has the loop, where the code names its functions.
    pub frame: Option<&'static str>,
}

/// An operation of a task, and the calls it was in: names with a number for each call.
struct Made {
    task: TaskId,
    place: Place,
    frames: Vec<(&'static str, u32)>,
}

#[derive(Default)]
struct Tracer {
    frames: Vec<Vec<(&'static str, u32)>>,
    entered: u32,
    made: Vec<Made>,
}

impl Observer for Tracer {
    fn begin(&mut self) {}

    fn event(&mut self, event: &Event, _view: &dyn View) -> Flow {
        if event.task == TaskId::CLOCK {
            return Flow::Continue;
        }
        let at = usize::from(event.task.0);
        if self.frames.len() <= at {
            self.frames.resize_with(at + 1, Vec::new);
        }
        let frames = &mut self.frames[at];
        match event.what {
            What::Note(Note::Enter(name)) => {
                self.entered += 1;
                frames.push((name, self.entered));
            }
            What::Note(Note::Exit(_)) => _ = frames.pop(),
            What::Op(..) if event.task != TaskId::BOOT => {
                self.made.push(Made { task: event.task, place: event.place, frames: frames.clone() });
            }
            _ => {}
        }
        Flow::Continue
    }

    fn state(&mut self, _step: u32, _view: &dyn View) -> Flow {
        Flow::Continue
    }

    fn end(&mut self, _step: u32, _view: &dyn View) {}

    fn fingerprint(&self, _fingerprint: &mut Fingerprint) {}
}

/// Follows a schedule to its end.
struct Script<'a>(std::slice::Iter<'a, Transition>);

impl Strategy for Script<'_> {
    fn decide(&mut self, state: &State<'_>) -> Decision {
        let next = self.0.next().filter(|next| state.transitions.contains(next));
        next.map_or(Decision::Abandon, |next| Decision::Take(*next))
    }
}

/// The task that goes round most often along a schedule, if one does.
pub(super) fn find(subject: &dyn Subject, config: &Config, schedule: &[Transition]) -> Option<Repeats> {
    let tracer = Rc::new(RefCell::new(Tracer::default()));
    let observer: Rc<RefCell<dyn Observer>> = tracer.clone();
    let program: &dyn Program = subject;
    // Its own bound would end the run one step too early to see the last.
    let limits = Limits { steps_max: u32::MAX, ..config.limits };
    let settings = Config { symmetry: false, limits, ..config.clone() }.settings();
    Controlled::new(settings).run(program, &mut Script(schedule.iter()), &observer);
    let made = std::mem::take(&mut tracer.borrow_mut().made);
    most_often(&made)
}

fn most_often(made: &[Made]) -> Option<Repeats> {
    let mut counts: Vec<(TaskId, Place, u32)> = Vec::new();
    for Made { task, place, .. } in made {
        match counts.iter_mut().find(|(of, at, _)| (of, at) == (task, place)) {
            Some((_, _, count)) => *count += 1,
            None => counts.push((*task, *place, 1)),
        }
    }
    let most = counts.iter().map(|(.., count)| *count).max().filter(|count| *count >= ROUNDS_MIN)?;
    let &(task, place, rounds) = counts.iter().find(|(.., count)| *count == most)?;
    let mut last = made.iter().rev().filter(|made| (made.task, made.place) == (task, place));
    let (now, before) = (last.next()?, last.next()?);
    // The calls that both rounds are in: the innermost of them has the loop.
    let depth = now.frames.iter().zip(&before.frames).take_while(|(now, before)| now == before).count();
    let frame = depth.checked_sub(1).map(|at| now.frames[at].0);
    // Shown is a line of that function, if one makes an operation in each round.
    let own = |of: &&Made| of.task == task && of.frames.len() == depth && of.frames == now.frames[..depth];
    let is_repeated =
        |at: Place| counts.iter().any(|&(of, place, count)| of == task && place == at && count + 1 >= most);
    let shown = made.iter().filter(own).map(|made| made.place).find(|place| is_repeated(*place));
    Some(Repeats { task, rounds, place: shown.unwrap_or(place), frame })
}
