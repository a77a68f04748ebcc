//! Writes down what calls leave no trace of in the state: who was signalled about which open file, and who had to wait.
//!
//! It judges nothing. Two designs are compared by what anybody can observe, and without this a state would not tell a signal sent once
//! from one that was sent twice. What is noted is a part of the explored state, so that states which differ in it are not taken for
//! equal, and of the outcome. It is asked for by a comparison alone: otherwise no state would be met more than once for its sake.
//!
//! What it notes does not depend on the order of independent steps: counts of signals, and of each call how its waiting ended. Of the
//! order in which signals arrive it knows nothing, nor how often a waiter was woken in vain.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::check::Check;
use crate::check::finding::Docket;
use crate::event::outcome::{Remains, Value};
use crate::event::{Event, Note, ObjectId, Op, TaskId, View, Woken};
use crate::kernel::HZ;
use crate::lease::note::{LeaseCall, LeaseNote, Seen, seen};

/// What tasks and open files are called.
#[derive(Clone, Debug, Default)]
pub struct Called {
    /// The tasks; one whose number is its position and 1 is the process of the first task that it shares with.
    pub tasks: Vec<String>,
    /// The calls of each.
    pub calls: Vec<Vec<String>>,
    /// Per task the handles that it opens, in the order of its opens, those of the set-up first.
    pub opens: Vec<Vec<String>>,
}

/// An open file: the open by which it came about, as the task and its number among the opens of that task, from 1.
type Opened = (TaskId, u8);

/// A receiver and what it was told of: a process by a signal, or an in-kernel owner by its call-back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Told {
    Signal(u32, Opened),
    Callback(Opened),
}

/// How the waiting of a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Waited {
    UntilWoken,
    UntilSignal,
    /// It went on by itself, that many seconds after the tasks have started.
    ForSeconds(u64),
}

/// The record of an execution.
#[derive(Clone)]
pub(super) struct Recorder {
    called: Arc<Called>,
    /// When the tasks start, in jiffies.
    start: u64,
    /// Number of opens of each task so far.
    opens: Vec<u8>,
    /// The call that each task is in.
    calls: Vec<u16>,
    files: BTreeMap<ObjectId, Opened>,
    told: BTreeMap<Told, u32>,
    waited: BTreeMap<(TaskId, u16), Waited>,
}

impl Recorder {
    pub(super) fn new(called: Arc<Called>) -> Recorder {
        let tasks = called.tasks.len();
        Recorder {
            called,
            start: 0,
            opens: vec![0; tasks],
            calls: vec![0; tasks],
            files: BTreeMap::new(),
            told: BTreeMap::new(),
            waited: BTreeMap::new(),
        }
    }

    fn tell(&mut self, told: impl FnOnce(Opened) -> Told, file: ObjectId) {
        if let Some(opened) = self.files.get(&file) {
            *self.told.entry(told(*opened)).or_default() += 1;
        }
    }

    fn task(&self, pid: u32) -> String {
        let named = pid.checked_sub(1).and_then(|at| self.called.tasks.get(at as usize));
        named.map_or(if pid == 0 { "nobody".to_owned() } else { format!("pid {pid}") }, String::clone)
    }

    fn file(&self, (task, number): Opened) -> String {
        let handle = &self.called.opens[task.index()][usize::from(number) - 1];
        format!("{handle} of {}", self.called.tasks[task.index()])
    }

    fn told_text(&self, told: Told, times: u32) -> String {
        let text = match told {
            Told::Signal(pid, file) => format!("{} about {}", self.task(pid), self.file(file)),
            Told::Callback(file) => format!("call-back about {}", self.file(file)),
        };
        if times == 1 { text } else { format!("{times} times {text}") }
    }

    fn waited_text(&self, (task, call): (TaskId, u16), waited: Waited) -> String {
        let (task, calls) = (&self.called.tasks[task.index()], &self.called.calls[task.index()]);
        let call = calls.get(usize::from(call)).map_or("?", String::as_str);
        let until = match waited {
            Waited::UntilWoken => "until woken".to_owned(),
            Waited::UntilSignal => "until a signal".to_owned(),
            Waited::ForSeconds(seconds) => format!("for {seconds} s"),
        };
        format!("{task} in {call} {until}")
    }
}

impl Check for Recorder {
    fn begin(&mut self) {
        *self = Recorder::new(Arc::clone(&self.called));
    }

    fn event(&mut self, event: &Event, view: &dyn View, _docket: &mut Docket<'_>) {
        let task = event.set_up_of.unwrap_or(event.task);
        if seen(event) == Seen::Note(Note::SetUp(TaskId::BOOT)) {
            self.start = view.jiffies();
        }
        if task == TaskId::BOOT || task == TaskId::CLOCK {
            return;
        }
        let is_set_up = event.task == TaskId::BOOT;
        match seen(event) {
            Seen::Case(LeaseNote::Invoke(LeaseCall::Open { .. })) => self.opens[task.index()] += 1,
            Seen::Case(LeaseNote::Opened { file, .. }) => {
                self.files.insert(file, (task, self.opens[task.index()]));
            }
            // What the set-up has sent came before the question.
            _ if is_set_up => {}
            Seen::Note(Note::Call(at)) => self.calls[task.index()] = at,
            Seen::Note(Note::Signal { pid, file }) => self.tell(|opened| Told::Signal(pid, opened), file),
            Seen::Case(LeaseNote::Callback { file }) => self.tell(Told::Callback, file),
            Seen::Op(Op::Sleep(_), result) => {
                let waited = match Woken::from_result(result) {
                    Woken::Up => Waited::UntilWoken,
                    Woken::Signal => Waited::UntilSignal,
                    Woken::Timeout => Waited::ForSeconds((view.jiffies() - self.start) / HZ),
                };
                self.waited.insert((task, self.calls[task.index()]), waited);
            }
            _ => {}
        }
    }

    fn fingerprint(&self, mut hasher: &mut dyn Hasher) {
        self.opens.hash(&mut hasher);
        self.calls.hash(&mut hasher);
        self.files.hash(&mut hasher);
        self.told.hash(&mut hasher);
        self.waited.hash(&mut hasher);
    }

    /// Time is the one thing that others have a part in.
    fn heeds(&self, event: &Event) -> bool {
        matches!(seen(event), Seen::Op(Op::Sleep(_), result) if Woken::from_result(result) == Woken::Timeout)
    }

    fn marks_order(&self, _event: &Event) -> bool {
        false
    }

    fn sees_between(&self) -> bool {
        false
    }

    fn observed(&self) -> Vec<Remains> {
        let list = |name: &'static str, items| Remains { name: name.into(), on: None, value: Value::List(items) };
        let told = self.told.iter().map(|(told, times)| self.told_text(*told, *times));
        let waited = self.waited.iter().map(|(call, waited)| self.waited_text(*call, *waited));
        vec![list("signals", told.collect()), list("waited", waited.collect())]
    }

    fn copied(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}
