//! Is a predicted cycle reached? A search through every interleaving, aimed at it.
//!
//! It is reached in a state in which, for each of its dependencies, some task holds the one lock (or owes the event) and waits for the other; or, where an
//! interrupt is part of it, the holder is stalled and the handler waits. Whichever tasks that are: the program says who can do what.

use std::hash::Hasher;
use std::sync::Arc;

use super::record::Record;
use super::{Fate, REACHED};
use crate::check::finding::Docket;
use crate::check::{Check, Checks, Spot};
use crate::engine::{Booted, Clock, Contexts, Program};
use crate::event::{Event, Level, ObjectId, ObjectKind, Op, Status, TaskId, View};
use crate::explore::{Config, EngineKind, Error, Found, Subject, try_explore, witness};
use crate::lockdep::finding::{Edge, Finding};

/// What a search reports when it is there.
const SUBJECT: &str = "the predicted cycle";

/// A dependency, by its objects.
#[derive(Clone, Copy)]
struct Wanted {
    from: ObjectId,
    from_is_event: bool,
    to: ObjectId,
    by_interrupt: bool,
    /// The task that held the first lock when it was predicted.
    holder: TaskId,
}

/// Looks for the cycle in every interleaving.
///
/// # Errors
/// Those of [`try_explore`].
pub(super) fn look_for(
    subject: &Arc<dyn Subject>,
    record: &Record,
    finding: &Finding,
    config: &Config,
) -> Result<Fate, Error> {
    let wanted = |edge: &Edge| Wanted {
        from: record.objects[edge.from.lock],
        from_is_event: record.locks.all[edge.from.lock].kind.is_event(),
        to: record.objects[edge.to.lock],
        by_interrupt: edge.irq.is_some(),
        holder: TaskId(edge.from.place.task as u8 + 1),
    };
    let cycle: Vec<Wanted> = finding.cycle.iter().map(wanted).collect();
    let aimed: Arc<dyn Subject> = Arc::new(Aimed { subject: Arc::clone(subject), cycle: Arc::new(cycle) });
    let config = Config { engine: EngineKind::Explorer, ..config.clone() };
    let mut verdict = try_explore(&aimed, &config)?;
    let is_it = |found: &Found| found.finding.code == REACHED && &*found.finding.subject == SUBJECT;
    Ok(match (verdict.findings.iter().position(is_it), verdict.bound) {
        (Some(at), _) => {
            let found = verdict.findings.swap_remove(at);
            Fate::Reached(Box::new(witness::shortest(&*aimed, found, &config)?))
        }
        (None, None) => Fate::NotReached,
        (None, Some(bound)) => Fate::Open(bound),
    })
}

/// Judges states alone.
#[derive(Clone)]
struct Target {
    cycle: Arc<Vec<Wanted>>,
}

fn tasks(view: &dyn View) -> impl Iterator<Item = TaskId> {
    (1..=view.tasks()).map(|task| TaskId(task as u8))
}

/// Does the task sleep on that wait queue, for ever? Its value has a bit for each task on it.
fn sleeps_on(view: &dyn View, task: TaskId, queue: ObjectId) -> bool {
    let is_queue = view.object(queue).kind == ObjectKind::Queue;
    is_queue && view.status(task).0 == Status::Sleeps(None) && view.peek(queue) >> task.0 & 1 != 0
}

/// Is a writer of that sequence count at work?
fn is_odd(view: &dyn View, id: ObjectId) -> bool {
    view.object(id).kind == ObjectKind::Atomic && view.peek(id) % 2 == 1
}

/// Does the task look at that sequence count while somebody writes?
fn spins_on(view: &dyn View, task: TaskId, count: ObjectId) -> bool {
    matches!(view.pending(task), Some(Op::Load(looked_at, _)) if looked_at == count) && is_odd(view, count)
}

/// What the task waits for: of one that stands in line for a semaphore, the semaphore.
fn waits_for(view: &dyn View, task: TaskId) -> Option<ObjectId> {
    let Status::WaitsFor(lock) = view.status(task).0 else { return None };
    let is_line = view.object(lock).kind == ObjectKind::WaitList;
    // The line is made right after its semaphore.
    Some(if is_line { ObjectId(lock.0 - 1) } else { lock })
}

impl Wanted {
    /// The task that waits, if there is one.
    fn met(&self, view: &dyn View) -> Option<TaskId> {
        let waits = |task: &TaskId| {
            let task = *task;
            waits_for(view, task) == Some(self.to) || sleeps_on(view, task, self.to) || spins_on(view, task, self.to)
        };
        let waiters = tasks(view).filter(waits);
        let is_count = view.object(self.from).kind == ObjectKind::Atomic;
        let holds = |task: TaskId| match is_count {
            true => task == self.holder && is_odd(view, self.from),
            false => self.from_is_event || view.holders(self.from) >> task.0 & 1 != 0,
        };
        let is_handler = |task: TaskId| view.seat(task).is_some_and(|seat| seat.level > Level::Task);
        let stalls = |waiter: TaskId| {
            let cpu = view.seat(waiter).map(|seat| seat.cpu);
            tasks(view).any(|task| {
                task != waiter && holds(task) && cpu.is_some() && view.seat(task).map(|seat| seat.cpu) == cpu
            })
        };
        let mut waiters = waiters.filter(|waiter| match self.by_interrupt {
            true => is_handler(*waiter) && stalls(*waiter),
            false => holds(*waiter),
        });
        waiters.next()
    }
}

impl Check for Target {
    fn begin(&mut self) {}

    fn event(&mut self, _event: &Event, _view: &dyn View, _docket: &mut Docket<'_>) {}

    fn state(&mut self, view: &dyn View, docket: &mut Docket<'_>) {
        let met: Option<Vec<TaskId>> = self.cycle.iter().map(|wanted| wanted.met(view)).collect();
        let Some(met) = met.filter(|met| !met.is_empty()) else { return };
        let step = docket.step();
        let spot = |task: TaskId| Spot { step: step + 1, task, place: view.status(task).1, set_up_of: None };
        docket.report(REACHED, SUBJECT, |names| {
            let waits = |task: &TaskId| {
                let lock = waits_for(view, *task).map(|lock| format!("waits for {}", names.object(view, lock)));
                format!("{} {}", names.task(*task), lock.as_deref().unwrap_or("sleeps"))
            };
            let text: Vec<String> = met.iter().map(waits).collect();
            let (first, last) = (met[0], met[met.len() - 1]);
            let here = |task: TaskId| (spot(task), format!("{} here", waits(&task)));
            (format!("as predicted: {}", text.join("; ")), here(last), here(first))
        });
    }

    fn fingerprint(&self, _hasher: &mut dyn Hasher) {}

    fn heeds(&self, _event: &Event) -> bool {
        false
    }

    fn marks_order(&self, _event: &Event) -> bool {
        false
    }

    fn names_tasks(&self) -> bool {
        false
    }

    fn copied(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}

/// The program, watched for the cycle.
struct Aimed {
    subject: Arc<dyn Subject>,
    cycle: Arc<Vec<Wanted>>,
}

impl Program for Aimed {
    fn boot(&self) -> Booted {
        self.subject.boot()
    }

    fn clock(&self) -> Clock {
        self.subject.clock()
    }

    fn contexts(&self) -> Contexts {
        self.subject.contexts()
    }

    fn homes(&self) -> Vec<usize> {
        self.subject.homes()
    }

    fn alike(&self) -> Vec<u8> {
        self.subject.alike()
    }
}

impl Subject for Aimed {
    fn checks(&self) -> Checks {
        self.subject.checks().with(Box::new(Target { cycle: Arc::clone(&self.cycle) }))
    }

    // The program itself was examined, or is when it is explored.
    fn hides_nothing(&self) -> bool {
        true
    }
}
