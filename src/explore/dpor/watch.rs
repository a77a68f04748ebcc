//! The checks, watching an execution that does not end where they would end it.
//!
//! After a finding that ends executions ([`Code::ends_execution`](crate::check::Code::ends_execution)) the task that made it halts, and so
//! does whoever would do something that depends on it; the others go on. So every execution runs through a whole trace,
//! and what happens in it does not depend on which of its linearisations is run.

use std::collections::BTreeSet;

use crate::check::Checks;
use crate::engine::fingerprint::Fingerprint;
use crate::engine::{Flow, Observer};
use crate::event::{Event, Listed, Note, ObjectId, ObjectInfo, ObjectKind, Op, Place, Status, TaskId, View, What};

/// A step as it was seen.
#[derive(Clone, Debug)]
pub(super) struct Performed {
    pub op: Op,
    pub result: u64,
    pub block: Option<ObjectId>,
    pub remarked: bool,
    /// The name of the plain memory that it accesses.
    pub plain: Option<&'static str>,
    /// The checks would end the execution here.
    pub stops: bool,
}

/// How a task stands that has something to do, in the last state that was looked at.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub task: TaskId,
    pub op: Op,
    pub block: Option<ObjectId>,
    pub plain: Option<&'static str>,
    pub status: Status,
}

/// Watches executions for DPOR.
pub(super) struct Watch {
    pub checks: Checks,
    /// The steps of this execution.
    pub performed: Vec<Performed>,
    /// Tasks that are not done, and do not wait for their own stores, in the last state that was looked at.
    pub pending: Vec<Pending>,
    /// Tasks that made a step that the checks would have ended the execution for.
    halted: Vec<TaskId>,
    /// Structs and globals of which a store may change what is listed; grows.
    pub lists: BTreeSet<&'static str>,
    /// Has any step been remarked?
    pub remarks: bool,
    listed: Vec<Listed>,
    listed_first: Option<Vec<Listed>>,
    /// `jiffies`, and locks that the set-up has left locked, by those who came to them.
    pub jiffies_first: u64,
    pub held_by_boot: BTreeSet<ObjectId>,
}

impl Watch {
    pub fn new(checks: Checks) -> Watch {
        Watch {
            checks,
            performed: Vec::new(),
            pending: Vec::new(),
            halted: Vec::new(),
            lists: BTreeSet::new(),
            remarks: false,
            listed: Vec::new(),
            listed_first: None,
            jiffies_first: 0,
            held_by_boot: BTreeSet::new(),
        }
    }

    /// Has the task made its last step?
    pub fn is_halted(&self, task: TaskId) -> bool {
        self.halted.contains(&task)
    }

    /// Would the checks have ended the execution before it was over?
    pub fn is_stopped(&self) -> bool {
        !self.halted.is_empty()
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
            self.lists.extend(listed.iter().map(|lease| view.object(lease.lease).name));
            self.listed = listed;
        }
        if self.lists.contains(name) {
            self.remark();
        }
    }

    fn note_step(&mut self, op: Op, result: u64, view: &dyn View) {
        let info: Option<ObjectInfo> = op.object().map(|id| view.object(id));
        let block = info.and_then(|info| info.block);
        self.performed.push(Performed {
            op,
            result,
            block,
            remarked: false,
            plain: info.and_then(plain),
            stops: false,
        });
        if let Op::Store(object, ..) | Op::Rmw(object, ..) | Op::Free(object) | Op::Flush(object, _) = op {
            self.relist(object, view);
        }
    }
}

/// A field is known by its struct.
fn list_name(object: ObjectId, view: &dyn View) -> &'static str {
    let info = view.object(object);
    info.block.map_or(info.name, |block| view.object(block).name)
}

fn is_lease_remark(note: Note) -> bool {
    // Calls as well: tasks that share a process hand each other open files there.
    matches!(
        note,
        Note::Signal { .. }
            | Note::Callback { .. }
            | Note::Opened { .. }
            | Note::Closing { .. }
            | Note::Granted { .. }
            | Note::Refused { .. }
            | Note::UnlockFailed { .. }
            | Note::Truncating { .. }
            | Note::Call(_)
            | Note::Return(..)
    )
}

impl Observer for Watch {
    fn begin(&mut self) {
        self.checks.begin();
        self.performed.clear();
        self.halted.clear();
        self.listed = self.listed_first.clone().unwrap_or_default();
    }

    fn event(&mut self, event: &Event, view: &dyn View) -> Flow {
        // What is in its store buffer goes on.
        if self.is_halted(event.task) && !matches!(event.what, What::Op(Op::Flush(..), _)) {
            return Flow::Continue;
        }
        // Set-up and epilogue are no steps.
        let is_step = event.task != TaskId::BOOT && event.step > 0;
        match event.what {
            What::Op(op, result) if is_step => self.note_step(op, result, view),
            What::Note(note) if is_step && is_lease_remark(note) => self.remark(),
            _ => {}
        }
        if event.task == TaskId::BOOT && self.is_stopped() {
            return Flow::Continue;
        }
        if !self.checks.event(event, view) {
            return Flow::Continue;
        }
        let Some(last) = self.performed.last_mut().filter(|_| is_step) else { return Flow::Stop };
        last.stops = true;
        self.halted.push(event.task);
        Flow::Continue
    }

    fn state(&mut self, step: u32, view: &dyn View) -> Flow {
        if step == 0 && self.listed_first.is_none() {
            self.listed = view.listed();
            self.lists.extend(self.listed.iter().map(|lease| view.object(lease.lease).name));
            self.listed_first = Some(self.listed.clone());
            self.jiffies_first = view.jiffies();
        }
        self.pending = (1..=view.tasks()).filter_map(|task| standing(TaskId(task as u8), view)).collect();
        for pending in &self.pending {
            if let Op::Acquire(lock) | Op::TryAcquire(lock) | Op::Release(lock) = pending.op
                && view.owner(lock) == Some(TaskId::BOOT)
            {
                self.held_by_boot.insert(lock);
            }
        }
        let stops = match self.halted.is_empty() {
            true => self.checks.state(step, view),
            false => self.checks.state(step, &Halted { view, tasks: &self.halted }),
        };
        debug_assert!(!stops, "internal error: what is judged of a state ends no execution");
        Flow::Continue
    }

    fn end(&mut self, step: u32, view: &dyn View) {
        if !self.is_stopped() {
            self.checks.end(step, view);
        }
    }

    fn fingerprint(&self, fingerprint: &mut Fingerprint) {
        self.checks.fingerprint(fingerprint);
    }
}

fn standing(task: TaskId, view: &dyn View) -> Option<Pending> {
    let status = view.status(task).0;
    let op = match status {
        Status::Ready(op) => op,
        Status::WaitsFor(lock) => Op::Acquire(lock),
        Status::Sleeps(deadline) => Op::Sleep(deadline),
        Status::Drains | Status::Finished => return None,
    };
    let info = op.object().map(|id| view.object(id));
    Some(Pending { task, op, block: info.and_then(|info| info.block), plain: info.and_then(plain), status })
}

fn plain(info: ObjectInfo) -> Option<&'static str> {
    (info.kind == ObjectKind::Plain).then_some(info.name)
}

/// A state in which some tasks wait for nothing: they stand where their execution would have ended.
struct Halted<'a> {
    view: &'a dyn View,
    tasks: &'a [TaskId],
}

impl View for Halted<'_> {
    fn object(&self, id: ObjectId) -> ObjectInfo {
        self.view.object(id)
    }

    fn peek(&self, id: ObjectId) -> u64 {
        self.view.peek(id)
    }

    fn owner(&self, lock: ObjectId) -> Option<TaskId> {
        self.view.owner(lock)
    }

    fn is_freed(&self, block: ObjectId) -> bool {
        self.view.is_freed(block)
    }

    fn live_blocks(&self) -> Vec<ObjectId> {
        self.view.live_blocks()
    }

    fn tasks(&self) -> usize {
        self.view.tasks()
    }

    fn status(&self, task: TaskId) -> (Status, Place) {
        let (status, place) = self.view.status(task);
        if self.tasks.contains(&task) { (Status::Ready(Op::Fence), place) } else { (status, place) }
    }

    fn clock_runs(&self) -> bool {
        self.view.clock_runs()
    }

    fn jiffies(&self) -> u64 {
        self.view.jiffies()
    }

    fn listed(&self) -> Vec<Listed> {
        self.view.listed()
    }
}
