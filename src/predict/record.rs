//! The events of an engine as steps of the validator.
//!
//! Every task is a stream, and so is every handler. The class of a lock is its name, as for LW003.
//!
//! A wait queue on which tasks wait for ever is an event, if one task alone wakes it: that task owes the wake-up from its beginning, and anew after each. With
//! several that wake it, or one that waits itself, nothing is said: another may do what one cannot.

use std::collections::HashMap;
use std::hash::Hasher;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::check::finding::Docket;
use crate::check::{Check, Checks};
use crate::engine::{Booted, Clock, Contexts, Program};
use crate::event::names::Names;
use crate::event::{
    self, Births, Event, Level, Mask, Note, ObjectId, ObjectKind, Op, SPINLOCKS, Sequence, Status, TaskId, View, What,
};
use crate::explore::Subject;
use crate::lockdep::finding::Place;
use crate::lockdep::lock::{Lock, LockId, LockKind, Locks, Op as Step, ReadLock};
use crate::subject::form::Form;

/// One run, as the validator takes it.
#[derive(Clone)]
pub(super) struct Record {
    pub locks: Locks,
    /// The object behind each lock.
    pub objects: Vec<ObjectId>,
    /// Which stream makes which step.
    pub steps: Vec<(usize, Step)>,
    /// By stream and step: how it reads, and where it is in the source.
    pub texts: Vec<Vec<(String, event::Place)>>,
    /// By stream: its CPU, if it is a task.
    pub cpus: Vec<Option<usize>>,
    /// By stream: where it comes, if it is a handler.
    pub delivered: Vec<Vec<usize>>,
}

impl Record {
    /// The lock that a step takes, if it takes one.
    pub fn taken(&self, place: Place) -> Option<&Lock> {
        let mut of_task = self.steps.iter().filter(|(task, _)| *task == place.task);
        match of_task.nth(place.step)?.1 {
            Step::Lock { lock, .. } => Some(&self.locks.all[lock]),
            _ => None,
        }
    }
}

/// What is known while the run goes on.
#[derive(Default)]
struct Sink {
    locks: Vec<Lock>,
    objects: Vec<ObjectId>,
    ids: HashMap<ObjectId, LockId>,
    steps: Vec<(usize, Step)>,
    texts: Vec<Vec<(String, event::Place)>>,
    cpus: Vec<Option<usize>>,
    delivered: Vec<Vec<usize>>,
    /// Which task wakes which queue.
    wakes: Vec<(TaskId, LockId)>,
    /// Which task waits for which event.
    awaits: Vec<(TaskId, LockId)>,
    /// Tasks that wait, and for what: those that still do at the end have asked for it too.
    waiting: Vec<(TaskId, Op, event::Place)>,
}

/// What a lock is to the validator. What has no answer here is not seen by it.
fn kind(id: ObjectId, view: &dyn View) -> Option<LockKind> {
    Some(match view.object(id).kind {
        // On a real-time kernel.
        ObjectKind::Spin if !view.spins(id) => LockKind::Mutex,
        ObjectKind::RwLock if !view.spins(id) => LockKind::RwSem,
        ObjectKind::RawSpin => LockKind::RawSpin,
        ObjectKind::Spin => LockKind::Spin,
        ObjectKind::Mutex => LockKind::Mutex,
        ObjectKind::RwLock => LockKind::RwLock,
        ObjectKind::RwSem => LockKind::RwSem,
        ObjectKind::Semaphore => LockKind::Semaphore,
        ObjectKind::Completion | ObjectKind::Queue => LockKind::Completion,
        // Asked of those alone that are counts of sequences.
        ObjectKind::Atomic => LockKind::SeqCount,
        _ => return None,
    })
}

impl Sink {
    fn lock(&mut self, id: ObjectId, view: &dyn View, names: &Names) -> Option<LockId> {
        if let Some(known) = self.ids.get(&id) {
            return Some(*known);
        }
        let info = view.object(id);
        let lock = Lock { class: info.name.to_string(), ..Lock::new(&names.object(view, id), kind(id, view)?) };
        self.locks.push(lock);
        self.objects.push(id);
        self.ids.insert(id, self.locks.len() - 1);
        Some(self.locks.len() - 1)
    }

    fn add(&mut self, task: TaskId, step: Step, text: String, place: event::Place) {
        let stream = task.index();
        while self.texts.len() <= stream {
            self.texts.push(Vec::new());
        }
        self.texts[stream].push((text, place));
        self.steps.push((stream, step));
    }

    fn operation(&mut self, op: Op, result: u64, view: &dyn View, names: &Names) -> Option<Step> {
        if let Op::Mask(mask) = op {
            return masked(mask);
        }
        match op {
            Op::Enter(Level::Hard) => return Some(Step::HardirqEnter { threaded: true }),
            Op::Leave(Level::Hard) => return Some(Step::HardirqExit { keep_irqs_off: false }),
            Op::Leave(Level::Soft) => return Some(Step::SoftirqExit),
            _ => {}
        }
        let object = op.gate()?;
        let lock = self.lock(object, view, names)?;
        let is_event = self.locks[lock].kind.is_event();
        let (nest, subclass) = (None, 0);
        Some(match op {
            Op::Acquire(_) => Step::Lock { lock, read: false, nest, subclass },
            Op::AcquireRead(_) => Step::Lock { lock, read: true, nest, subclass },
            Op::TryAcquire(_) => Step::Trylock { lock, read: false, nest, subclass, ok: result == 1 },
            Op::Release(_) => Step::Unlock { lock, read: Some(false) },
            Op::ReleaseRead(_) => Step::Unlock { lock, read: Some(true) },
            Op::Down(_) if is_event => Step::Wait { lock },
            Op::Up(_) if is_event => Step::Complete { lock },
            Op::Down(_) => Step::Lock { lock, read: false, nest, subclass },
            Op::TryDown(_) => Step::Trylock { lock, read: false, nest, subclass, ok: result == 1 },
            Op::Up(_) => Step::Unlock { lock, read: None },
            _ => return None,
        })
    }

    fn event(&mut self, event: &Event, view: &dyn View, names: &Names) {
        if event.task == TaskId::BOOT || event.task == TaskId::CLOCK || is_unmaskable(view, event.task) {
            return;
        }
        let (step, text) = match event.what {
            What::Op(op, result) => {
                self.waiting.retain(|(task, ..)| *task != event.task);
                let step = match op {
                    Op::Wake(queue) => self.lock(queue, view, names).map(|lock| {
                        self.wakes.push((event.task, lock));
                        Step::Complete { lock }
                    }),
                    _ => self.operation(op, result, view, names),
                };
                (step, names.op(view, op))
            }
            What::Note(Note::Sequence(id, turn)) => {
                self.sequence(event, id, turn, view, names);
                return;
            }
            What::Note(Note::Preempt(1)) => (Some(Step::PreemptDisable), "preempt_disable()".to_owned()),
            What::Note(Note::Preempt(_)) => (Some(Step::PreemptEnable), "preempt_enable()".to_owned()),
            What::Note(Note::Owes(id)) => {
                let lock = self.lock(id, view, names);
                (lock.map(|lock| Step::EventStart { lock }), format!("owes {}", names.object(view, id)))
            }
            What::Note(Note::Awaits(id)) => {
                let lock = self.lock(id, view, names);
                self.awaits.extend(lock.map(|lock| (event.task, lock)));
                (lock.map(|lock| Step::Wait { lock }), format!("waits for {} if it has to", names.object(view, id)))
            }
            // A lock that sleeps says so itself.
            What::Note(Note::MightSleep(
                "mutex_lock" | "down_read" | "down_write" | "down" | "wait_for_completion",
            )) => return,
            What::Note(Note::MightSleep(what)) if SPINLOCKS.contains(&what) => return,
            What::Note(Note::MightSleep(what)) => (Some(Step::MightSleep), what.to_owned()),
            What::Note(_) => return,
        };
        if let What::Op(Op::Enter(Level::Soft), _) = event.what {
            // The validator's softirqs begin with interrupts off, as the kernel's own tests have them; these run with them on.
            self.add(event.task, Step::SoftirqEnter, text.clone(), event.place);
            self.add(event.task, Step::IrqEnable, text, event.place);
            return;
        }
        if let Some(step) = step {
            self.add(event.task, step, text, event.place);
        }
    }

    /// A sequence count. Its writer waits for nobody, and is waited for. Its reader has nothing that anybody waits for, so that no interrupt counts that comes
    /// while it reads.
    fn sequence(&mut self, event: &Event, id: ObjectId, turn: Sequence, view: &dyn View, names: &Names) {
        let Some(lock) = self.lock(id, view, names) else { return };
        let name = self.locks[lock].name.clone();
        let (nest, subclass) = (None, 0);
        let (text, steps) = match turn {
            Sequence::Begins => ("writes", vec![Step::Trylock { lock, read: false, nest, subclass, ok: true }]),
            Sequence::Ends => ("has written", vec![Step::Unlock { lock, read: Some(false) }]),
            Sequence::Reads => {
                let read = Step::Lock { lock, read: true, nest, subclass };
                ("reads", vec![Step::IrqSave, read, Step::Unlock { lock, read: Some(true) }, Step::IrqRestore])
            }
        };
        for step in steps {
            self.add(event.task, step, format!("{text} {name}"), event.place);
        }
    }

    /// The wake-ups that one task alone brings: it owes each from its beginning, and after the one before.
    fn owe_wakes(&mut self) {
        let mut queues: Vec<LockId> = self.wakes.iter().map(|(_, queue)| *queue).collect();
        queues.sort_unstable();
        queues.dedup();
        let starts = |(_, step): &(usize, Step)| match step {
            Step::EventStart { lock } => Some(*lock),
            _ => None,
        };
        let said: Vec<LockId> = self.steps.iter().filter_map(starts).collect();
        for queue in queues {
            let mut of = self.wakes.iter().filter(|(_, woken)| *woken == queue).map(|(task, _)| *task);
            let Some(waker) = of.next() else { continue };
            // Those who owe it have said so.
            if said.contains(&queue) || of.any(|task| task != waker) || self.awaits.contains(&(waker, queue)) {
                continue;
            }
            let stream = waker.index();
            let Some((_, place)) = self.texts[stream].first().cloned() else { continue };
            let text = format!("has to wake {}", self.locks[queue].name);
            let mut steps = vec![(stream, Step::EventStart { lock: queue })];
            let mut texts = vec![(text.clone(), place)];
            let mut old = std::mem::take(&mut self.texts[stream]).into_iter();
            for (task, step) in std::mem::take(&mut self.steps) {
                steps.push((task, step));
                if task != stream {
                    continue;
                }
                let of_step = old.next().unwrap_or((String::new(), place));
                let again = (step == Step::Complete { lock: queue }).then(|| (text.clone(), of_step.1));
                texts.push(of_step);
                if let Some(again) = again {
                    steps.push((stream, Step::EventStart { lock: queue }));
                    texts.push(again);
                }
            }
            self.steps = steps;
            self.texts[stream] = texts;
        }
    }

    fn finish(mut self, asked: Vec<(TaskId, Step, String, event::Place)>) -> Record {
        for (task, step, text, place) in asked {
            self.add(task, step, text, place);
        }
        self.owe_wakes();
        let streams = self.texts.len().max(self.cpus.len());
        self.texts.resize_with(streams, Vec::new);
        Record {
            // A reader of 2.6.23 passes a writer that waits.
            locks: Locks::new(self.locks, ReadLock::Recursive),
            objects: self.objects,
            steps: self.steps,
            texts: self.texts,
            cpus: self.cpus,
            delivered: self.delivered,
        }
    }
}

fn is_unmaskable(view: &dyn View, task: TaskId) -> bool {
    view.seat(task).is_some_and(|seat| seat.level == Level::Nmi)
}

fn masked(mask: Mask) -> Option<Step> {
    Some(match mask {
        Mask::IrqDisable => Step::IrqDisable,
        Mask::IrqEnable => Step::IrqEnable,
        Mask::IrqSave => Step::IrqSave,
        Mask::IrqRestore(_) => Step::IrqRestore,
        Mask::BhDisable => Step::BhDisable,
        Mask::BhEnable => Step::BhEnable,
        // Remarked as well, in every program.
        Mask::PreemptDisable | Mask::PreemptEnable | Mask::Resched => return None,
    })
}

/// Writes events down as steps. Judges nothing.
///
/// It follows one execution from its beginning, so it is for a replay; a search that goes on from copies of states has no such thing.
#[derive(Clone)]
struct Recorder {
    names: Names,
    sink: Arc<Mutex<Sink>>,
}

impl Check for Recorder {
    fn begin(&mut self) {
        *self.sink.lock() = Sink::default();
    }

    fn event(&mut self, event: &Event, view: &dyn View, _docket: &mut Docket<'_>) {
        self.sink.lock().event(event, view, &self.names);
    }

    fn state(&mut self, view: &dyn View, _docket: &mut Docket<'_>) {
        let mut sink = self.sink.lock();
        let tasks = || (1..=view.tasks()).map(|task| TaskId(task as u8));
        if sink.cpus.is_empty() {
            let cpu = |task: TaskId| view.seat(task).map_or(task.index(), |seat| usize::from(seat.cpu));
            let is_task = |task: TaskId| view.seat(task).is_none_or(|seat| seat.level == Level::Task);
            sink.cpus = tasks().map(|task| is_task(task).then(|| cpu(task))).collect();
            sink.delivered = tasks().map(|task| if is_task(task) { Vec::new() } else { vec![cpu(task)] }).collect();
        }
        let waits = |task: TaskId| matches!(view.status(task).0, Status::WaitsFor(_));
        let asked = tasks().filter(|task| waits(*task));
        sink.waiting = asked.filter_map(|task| Some((task, view.pending(task)?, view.status(task).1))).collect();
        // What is asked for is known by now, if it is a lock.
        for (_, op, _) in sink.waiting.clone() {
            if let Some(object) = op.gate() {
                sink.lock(object, view, &self.names);
            }
        }
    }

    fn fingerprint(&self, _hasher: &mut dyn Hasher) {}

    fn copied(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}

/// A program whose executions are written down.
pub(super) struct Recorded {
    subject: Arc<dyn Subject>,
    names: Names,
    sink: Arc<Mutex<Sink>>,
}

impl Recorded {
    pub fn of(subject: Arc<dyn Subject>, names: Names) -> Recorded {
        Recorded { subject, names, sink: Arc::default() }
    }

    /// The execution that was run, with what tasks still wait for at its end.
    pub fn take(&self) -> Record {
        let sink = std::mem::take(&mut *self.sink.lock());
        let asked = sink.waiting.iter().filter_map(|&(task, op, place)| {
            let lock = *sink.ids.get(&op.gate()?)?;
            let (name, is_event) = (&sink.locks[lock].name, sink.locks[lock].kind.is_event());
            let step = match op {
                Op::Down(_) if is_event => Step::Wait { lock },
                Op::AcquireRead(_) => Step::Lock { lock, read: true, nest: None, subclass: 0 },
                _ => Step::Lock { lock, read: false, nest: None, subclass: 0 },
            };
            Some((task, step, format!("waits for {name}"), place))
        });
        let asked: Vec<_> = asked.collect();
        sink.finish(asked)
    }
}

impl Program for Recorded {
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

    fn births(&self) -> Option<Births> {
        self.subject.births()
    }
}

impl Subject for Recorded {
    fn checks(&self) -> Checks {
        self.subject.checks().with(Box::new(Recorder { names: self.names.clone(), sink: Arc::clone(&self.sink) }))
    }

    fn hides_nothing(&self) -> bool {
        self.subject.hides_nothing()
    }

    fn explicit(&self) -> Option<Form> {
        None
    }
}
