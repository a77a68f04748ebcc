//! LW040: a result that no sequential order of the calls explains (linearizability, Herlihy and Wing 1990).
//!
//! The search is Wing and Gong's (1993): every call takes effect at one moment between its beginning and its return, a
//! blocking open at two. It is made while the execution runs, breadth first: the check holds every *configuration* (a state
//! of the sequential lease, and how far each call under way has come) that explains the results so far. A return
//! throws away those that would have answered differently; when none is left, nothing explains it. Equal
//! configurations are one, which is Lowe's memo (2017).
//!
//! So what the check remembers is canonical: it depends on which states are possible, not on how the search got there, and two
//! histories that allow the same futures are one state of the exploration.
//!
//! A call begins with its first operation. When all tasks are done, the leases that are listed have to be those of
//! a configuration that is left: as if somebody read `/proc/locks`.
//!
//! It cannot see a wrong result that another order would have given rightly, nor what a call did before it failed as it may.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use crate::check::finding::{Docket, Spot, spot};
use crate::check::{Check, Code};

use super::sequential::{Around, Phase, State, of_design, steps};
use crate::event::names::Names;
use crate::event::{Choice, Event, Note, ObjectId, Op, Symbol, TaskId, View, Woken};
use crate::lease::note::{LeaseCall, LeaseNote, Seen, listed, seen};

/// A call under way: what is known of it whatever its place in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Pending {
    task: TaskId,
    call: LeaseCall,
    begun: bool,
    /// The name of the description that it made, once it is known.
    file: Option<ObjectId>,
    no_memory: bool,
    refused: bool,
    interrupted: bool,
    /// Does it work on a descriptor of a file open for write? Its close lowers `i_writecount` before it returns.
    on_writer: bool,
}

/// A state of the sequential lease, and how far each call under way has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Configuration {
    state: State,
    phases: Vec<(TaskId, Phase)>,
}

/// The memory of the check.
#[derive(Clone)]
pub struct History {
    configurations: BTreeSet<Configuration>,
    pending: Vec<Pending>,
    /// Time has moved, so leases may be overdue.
    time_moved: bool,
    finished: usize,
    /// The open of the set-up that has not returned yet.
    opening: Option<LeaseCall>,
    calls: Vec<(TaskId, Spot, u16)>,
}

impl History {
    pub(super) fn fresh() -> History {
        History {
            configurations: BTreeSet::from([Configuration::default()]),
            pending: Vec::new(),
            time_moved: false,
            finished: 0,
            opening: None,
            calls: Vec::new(),
        }
    }

    /// Calls of the set-up come one after the other, and all succeed but an open that breaks a lease and does not wait.
    fn set_up(&mut self, event: &Event) {
        let Some(mut only) = self.configurations.pop_first() else { return };
        match seen(event) {
            Seen::Op(Op::Advance(_), _) => {
                self.time_moved = true;
                only.state.time_is_over();
            }
            Seen::Case(LeaseNote::Opened { file, inode, write }) => {
                only.state.opened(file, inode, write);
                let call = self.opening.take();
                if let Some(call) = call.filter(|call| call.to().is_some()) {
                    only.state = alone(&only.state, call, Phase::Installs(file)).unwrap_or(only.state);
                }
            }
            Seen::Case(LeaseNote::Invoke(call @ LeaseCall::Open { nonblock, .. })) => {
                // One that does not wait may fail here, and leaves a break under way.
                let next =
                    if nonblock { steps(&only.state, call, Phase::Begun, Around::default()) } else { Vec::new() };
                if let [(state, Phase::Done(errno))] = &next[..]
                    && *errno != 0
                {
                    only.state = state.clone();
                }
                self.opening = Some(call);
            }
            Seen::Case(LeaseNote::Invoke(LeaseCall::Truncate { .. })) => {}
            Seen::Case(LeaseNote::Invoke(call)) => {
                only.state = alone(&only.state, call, Phase::Begun).unwrap_or(only.state);
            }
            _ => {}
        }
        self.configurations.insert(only);
    }

    fn operation(&mut self, task: TaskId, op: Op, result: u64) {
        if matches!(op, Op::Advance(_)) && !self.time_moved {
            self.time_moved = true;
            self.close();
        }
        let Some(at) = self.pending.iter().position(|pending| pending.task == task) else { return };
        if !self.pending[at].begun {
            self.begin(at);
        }
        let pending = &mut self.pending[at];
        match op {
            Op::Choose(_, Choice::Memory) if result != 0 => pending.no_memory = true,
            Op::Choose(_, Choice::Lsm(_) | Choice::Server) if result != 0 => pending.refused = true,
            Op::Sleep(_) if Woken::from_result(result) == Woken::Signal => pending.interrupted = true,
            _ => return,
        }
        self.close();
    }

    fn begin(&mut self, at: usize) {
        self.pending[at].begun = true;
        let task = self.pending[at].task;
        self.configurations = std::mem::take(&mut self.configurations)
            .into_iter()
            .map(|mut configuration| {
                configuration.phases.push((task, Phase::Begun));
                configuration.phases.sort_unstable();
                configuration
            })
            .collect();
        self.close();
    }

    /// The description that a task's open has made is called `file`.
    fn name(&mut self, task: TaskId, file: ObjectId) {
        let Some(pending) = self.pending.iter_mut().find(|pending| pending.task == task) else { return };
        pending.file = Some(file);
        let unnamed = unnamed(task);
        self.configurations = std::mem::take(&mut self.configurations)
            .into_iter()
            .map(|mut configuration| {
                configuration.state.rename(unnamed, file);
                configuration.phases.iter_mut().for_each(|(_, phase)| *phase = phase.renamed(unnamed, file));
                configuration
            })
            .collect();
    }

    /// Adds every configuration that steps of calls under way lead to.
    fn close(&mut self) {
        let mut open: Vec<Configuration> = self.configurations.iter().cloned().collect();
        while let Some(configuration) = open.pop() {
            for next in self.successors(&configuration) {
                if !self.configurations.contains(&next) {
                    self.configurations.insert(next.clone());
                    open.push(next);
                }
            }
        }
    }

    fn successors(&self, configuration: &Configuration) -> Vec<Configuration> {
        let mut found = Vec::new();
        for (at, &(task, phase)) in configuration.phases.iter().enumerate() {
            let pending =
                self.pending.iter().find(|pending| pending.task == task).expect("a phase is of a call under way");
            for (state, phase) in steps(&configuration.state, pending.call, phase, self.around(pending)) {
                let mut next = Configuration { state, phases: configuration.phases.clone() };
                next.phases[at].1 = phase;
                found.push(next);
            }
        }
        if self.time_moved {
            let expired = configuration.state.expiries().into_iter();
            found.extend(expired.map(|state| Configuration { state, phases: configuration.phases.clone() }));
        }
        found
    }

    fn around(&self, pending: &Pending) -> Around {
        let mut others = self.pending.iter().filter(|other| other.task != pending.task && other.begun);
        let writes = |other: &Pending| match other.call {
            LeaseCall::Open { write, trunc, .. } => write || trunc,
            LeaseCall::Truncate { .. } => true,
            // The call that drops the last reference closes the file.
            LeaseCall::Close { .. } => other.on_writer,
            call => other.on_writer && call.is_on_shared(),
        };
        Around {
            file: pending.file.unwrap_or(unnamed(pending.task)),
            writer: others.clone().any(writes),
            call: others.next().is_some(),
            no_memory: pending.no_memory,
            refused: pending.refused,
            interrupted: pending.interrupted,
        }
    }

    fn finish(&mut self, event: &Event, result: i64, docket: &mut Docket<'_>) {
        let Some(at) = self.pending.iter().position(|pending| pending.task == event.task) else { return };
        if !self.pending[at].begun {
            self.begin(at);
        }
        self.pending.remove(at);
        let before = std::mem::take(&mut self.configurations);
        if before.is_empty() {
            return;
        }
        for mut configuration in before {
            let Some(at) = configuration.phases.iter().position(|(task, _)| *task == event.task) else { continue };
            if configuration.phases.remove(at).1 == Phase::Done(result) {
                self.configurations.insert(configuration);
            }
        }
        if self.configurations.is_empty() {
            self.report(event, "result", docket, |names, call| {
                format!(
                    "no order of the calls explains that {}'s {call} returned {}",
                    names.task(event.task),
                    result_text(result)
                )
            });
        }
    }

    /// Nobody calls any more: is what is listed what should be?
    fn judge_listed(&mut self, event: &Event, view: &dyn View, docket: &mut Docket<'_>) {
        let listed = of_design(&listed(view));
        let explained = |configuration: &Configuration| configuration.state.listed() == listed;
        if self.configurations.is_empty() || self.configurations.iter().any(explained) {
            return;
        }
        let expected: BTreeSet<usize> = self.configurations.iter().map(|it| it.state.listed().len()).collect();
        let expected: Vec<String> = expected.iter().map(usize::to_string).collect();
        self.report(event, "leases", docket, |_, _| {
            format!(
                "no order of the calls explains the leases that are left: {} listed, {} expected",
                listed.len(),
                expected.join(" or ")
            )
        });
    }

    fn report(
        &self,
        event: &Event,
        subject: impl Into<Symbol>,
        docket: &mut Docket<'_>,
        message: impl FnOnce(&Names, &str) -> String,
    ) {
        let begun = self.calls.iter().find(|(task, ..)| *task == event.task);
        docket.report(Code::LW040, subject, |names| {
            let (other, call) = match begun {
                Some(&(task, spot, at)) => (spot, names.calls[task.index()][usize::from(at)].clone()),
                None => (spot(event), "call".to_owned()),
            };
            (message(names, &call), (spot(event), format!("{call} has returned")), (other, format!("{call} began")))
        });
    }
}

impl Check for History {
    fn begin(&mut self) {
        *self = History::fresh();
    }

    fn copied(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }

    fn marks_order(&self, event: &Event) -> bool {
        self.heeds(event)
    }

    fn names_tasks(&self) -> bool {
        true
    }

    fn sees_between(&self) -> bool {
        false
    }

    /// Is it an event whose place among the steps of others matters: the beginning or the end of a call, or what may change its
    /// answer?
    fn heeds(&self, event: &Event) -> bool {
        let under_way = self.pending.iter().find(|pending| pending.task == event.task);
        match seen(event) {
            Seen::Op(Op::Advance(_), _) | Seen::Case(LeaseNote::Opened { .. }) | Seen::Note(Note::Finished) => true,
            Seen::Op(Op::Choose(..) | Op::Sleep(_), result) if result != 0 => under_way.is_some(),
            Seen::Op(..) => under_way.is_some_and(|pending| !pending.begun),
            Seen::Note(Note::Return(..)) => under_way.is_some(),
            Seen::Note(_) | Seen::Case(_) => false,
        }
    }

    fn event(&mut self, event: &Event, view: &dyn View, docket: &mut Docket<'_>) {
        if event.task == TaskId::BOOT {
            return self.set_up(event);
        }
        match seen(event) {
            Seen::Note(Note::Call(at)) => {
                self.calls.retain(|(task, ..)| *task != event.task);
                self.calls.push((event.task, spot(event), at));
            }
            Seen::Case(LeaseNote::Invoke(call)) => self.pending.push(Pending {
                task: event.task,
                call,
                begun: false,
                file: None,
                no_memory: false,
                refused: false,
                interrupted: false,
                on_writer: self.configurations.iter().any(|it| it.state.writes(call)),
            }),
            Seen::Case(LeaseNote::Opened { file, .. }) => self.name(event.task, file),
            Seen::Note(Note::Return(_, result)) => self.finish(event, result, docket),
            Seen::Note(Note::Finished) => {
                self.finished += 1;
                if self.finished == view.tasks() {
                    self.judge_listed(event, view, docket);
                }
            }
            Seen::Op(op, result) => self.operation(event.task, op, result),
            Seen::Note(_) | Seen::Case(_) => {}
        }
    }

    fn fingerprint(&self, mut hasher: &mut dyn Hasher) {
        self.configurations.hash(&mut hasher);
        // In the order of the tasks, whoever began first.
        let mut pending = self.pending.clone();
        pending.sort_unstable_by_key(|pending| pending.task);
        pending.hash(&mut hasher);
        self.time_moved.hash(&mut hasher);
    }
}

/// What a call leaves that succeeds while nobody else calls.
fn alone(state: &State, call: LeaseCall, phase: Phase) -> Option<State> {
    let next = steps(state, call, phase, Around::default());
    next.into_iter().find_map(|(state, phase)| match phase {
        Phase::Done(0) => Some(state),
        Phase::Done(_) => None,
        phase => alone(&state, call, phase),
    })
}

/// Errors of the calls of a lease, by name.
fn result_text(result: i64) -> String {
    let errors = [(4i64, "EINTR"), (9, "EBADF"), (11, "EAGAIN"), (12, "ENOMEM"), (13, "EACCES"), (22, "EINVAL")];
    errors.iter().find(|(number, _)| -number == result).map_or(result.to_string(), |(_, name)| (*name).to_owned())
}

/// What an open file is called before its name is known.
fn unnamed(task: TaskId) -> ObjectId {
    ObjectId(u32::MAX - u32::from(task.0))
}
