//! The checks, watching, and what DPOR has to know of the steps beside what the engine says.

use std::collections::{BTreeMap, BTreeSet};

use super::gates::Gates;
use crate::check::Checks;
use crate::engine::fingerprint::Fingerprint;
use crate::engine::{Flow, Observer};
use crate::event::outcome::Remains;
use crate::event::{Event, ListEntry, Note, ObjectId, ObjectInfo, ObjectKind, Op, Status, Symbol, TaskId, View, What};

/// A step as it was seen.
#[derive(Clone, Debug)]
pub(super) struct Performed {
    pub op: Op,
    pub result: u64,
    pub block: Option<ObjectId>,
    pub remarked: bool,
    /// The name of the plain memory that it accesses.
    pub plain: Option<Symbol>,
}

/// How a task stands that has something to do, in the last state that was looked at.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub task: TaskId,
    pub op: Op,
    pub block: Option<ObjectId>,
    pub status: Status,
}

/// Watches executions for DPOR.
pub(super) struct Watch {
    pub checks: Checks,
    /// The steps of this execution.
    pub performed: Vec<Performed>,
    /// Tasks that are not done, and do not wait for their own stores, in the last state that was looked at.
    pub pending: Vec<Pending>,
    /// Structs and globals of which a store may change what is listed; grows.
    pub lists: BTreeSet<Symbol>,
    /// Has any step been remarked?
    pub remarks: bool,
    listed: Vec<ListEntry>,
    listed_first: Option<Vec<ListEntry>>,
    /// `jiffies` before the first step.
    pub jiffies_first: u64,
    /// The value that each lock had, as the engine has it, before this execution's first operation on it.
    pub first: BTreeMap<ObjectId, u64>,
}

impl Watch {
    pub fn new(checks: Checks) -> Watch {
        Watch {
            checks,
            performed: Vec::new(),
            pending: Vec::new(),
            lists: BTreeSet::new(),
            remarks: false,
            listed: Vec::new(),
            listed_first: None,
            jiffies_first: 0,
            first: BTreeMap::new(),
        }
    }

    fn remark(&mut self) {
        if let Some(last) = self.performed.last_mut() {
            last.remarked = true;
            self.remarks = true;
        }
    }

    /// Does the step change what is listed, or might it in another order?
    fn relist(&mut self, object: ObjectId, view: &dyn View) {
        let name = list_name(object, view);
        let listed = view.listed();
        if listed != self.listed {
            self.lists.insert(name);
            self.lists.extend(listed.iter().map(|entry| view.object(entry.object).name));
            self.listed = listed;
        }
        if self.lists.contains(&name) {
            self.remark();
        }
    }

    fn note_step(&mut self, op: Op, result: u64, view: &dyn View) {
        let info: Option<ObjectInfo> = op.object().map(|id| view.object(id));
        let block = info.and_then(|info| info.block);
        if let Some(gate) = op.gate() {
            self.first.entry(gate).or_insert_with(|| Gates::before(op, result, view.peek(gate)));
        }
        self.performed.push(Performed { op, result, block, remarked: false, plain: info.and_then(plain) });
        if let Op::Store(object, ..) | Op::Rmw(object, ..) | Op::Free(object) | Op::Flush(object, _) = op {
            self.relist(object, view);
        }
    }
}

/// A field is known by its struct.
fn list_name(object: ObjectId, view: &dyn View) -> Symbol {
    let info = view.object(object);
    info.block.map_or(info.name, |block| view.object(block).name)
}

/// Is it a remark for others than the checks that always hold, whichever other checks there are?
fn is_said_to_others(note: Note) -> bool {
    // Calls as well: tasks that share a process hand each other open files there.
    matches!(note, Note::Signal { .. } | Note::Call(_) | Note::Return(..))
}

impl Observer for Watch {
    fn begin(&mut self) {
        self.checks.begin();
        self.performed.clear();
        self.first.clear();
        self.listed = self.listed_first.clone().unwrap_or_default();
    }

    fn event(&mut self, event: &Event, view: &dyn View) -> Flow {
        // Set-up and epilogue are no steps.
        let is_step = event.task != TaskId::BOOT && event.step > 0;
        match event.what {
            // What a task does while it unwinds comes in the same step.
            What::Op(op, result) if is_step && self.performed.len() < event.step as usize => {
                self.note_step(op, result, view);
                if self.checks.marks_order(event) {
                    self.remark();
                }
            }
            What::Note(note) if is_step && (is_said_to_others(note) || self.checks.is_loud(event)) => self.remark(),
            _ => {}
        }
        if self.checks.event(event, view) { Flow::Stop } else { Flow::Continue }
    }

    fn state(&mut self, step: u32, view: &dyn View) -> Flow {
        if step == 0 && self.listed_first.is_none() {
            self.listed = view.listed();
            self.lists.extend(self.listed.iter().map(|entry| view.object(entry.object).name));
            self.listed_first = Some(self.listed.clone());
            self.jiffies_first = view.jiffies();
        }
        self.pending = (1..=view.tasks()).filter_map(|task| standing(TaskId(task as u8), view)).collect();
        for pending in &self.pending {
            // In this execution no operation on it has been performed, or it would be known.
            if let Some(gate) = pending.op.gate() {
                self.first.entry(gate).or_insert_with(|| view.peek(gate));
            }
        }
        let stops = self.checks.state(step, view);
        debug_assert!(!stops, "internal error: what is judged of a state ends no execution");
        Flow::Continue
    }

    fn end(&mut self, step: u32, view: &dyn View) {
        self.checks.end(step, view);
    }

    fn observed(&self) -> Vec<Remains> {
        self.checks.observed()
    }

    fn fingerprint(&self, fingerprint: &mut Fingerprint) {
        self.checks.fingerprint(fingerprint);
    }
}

fn standing(task: TaskId, view: &dyn View) -> Option<Pending> {
    let status = view.status(task).0;
    let op = match status {
        Status::Ready(op) => op,
        // No program with interrupts is explored here.
        Status::WaitsFor(_) | Status::Sleeps(_) | Status::Spins(_) | Status::Stalled(_) => view.pending(task)?,
        Status::Drains | Status::Finished | Status::Masked => return None,
    };
    let info = op.object().map(|id| view.object(id));
    Some(Pending { task, op, block: info.and_then(|info| info.block), status })
}

fn plain(info: ObjectInfo) -> Option<Symbol> {
    (info.kind == ObjectKind::Plain).then_some(info.name)
}
