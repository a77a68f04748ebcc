//! Finds out which steps tell a check something that loom has to try in both orders ([`Span`]).
//!
//! Only where tasks run on several nodes: those of one meet at the inode, so loom needs no help, and would pay for it. What a step tells is seen
//! when it has been made. So whenever a place in the code turns out to tell something, the exploration starts over.

use std::collections::BTreeMap;

use crate::check::Checks;
use crate::engine::loom::Telling;
use crate::event::{Event, ListEntry, Op, Place, Span, TaskId, View, What};

/// Listens to executions.
pub(super) struct Listener {
    /// What is known; grows.
    pub telling: Telling,
    grown: bool,
    /// Do tasks run on several nodes?
    apart: bool,
    listed: Vec<ListEntry>,
    /// Where each task's last step was.
    last: BTreeMap<TaskId, Place>,
}

impl Listener {
    /// To the executions of a program whose tasks run on these nodes.
    pub fn new(homes: &[usize]) -> Listener {
        Listener {
            telling: Telling::default(),
            grown: false,
            apart: homes.windows(2).any(|pair| pair[0] != pair[1]),
            listed: Vec::new(),
            last: BTreeMap::new(),
        }
    }

    /// An execution begins.
    pub fn begin(&mut self) {
        self.last.clear();
    }

    /// The set-up is done.
    pub fn booted(&mut self, view: &dyn View) {
        self.listed = view.listed();
    }

    /// Has a step turned out to tell something since the exploration started?
    pub fn has_grown(&self) -> bool {
        self.grown
    }

    /// True if the exploration has to start over, which it does then.
    pub fn starts_over(&mut self) -> bool {
        std::mem::take(&mut self.grown)
    }

    /// Something happens.
    pub fn event(&mut self, event: &Event, view: &dyn View, checks: &Checks) {
        if event.task == TaskId::BOOT || !self.apart {
            return;
        }
        match event.what {
            What::Op(op, _) => self.step(event, op, view),
            What::Note(_) => self.remark(event.task, checks.spans(event)),
        }
    }

    fn step(&mut self, event: &Event, op: Op, view: &dyn View) {
        self.last.insert(event.task, event.place);
        if let Op::Store(..) | Op::Rmw(..) | Op::Free(_) = op {
            let listed = view.listed();
            if listed.iter().any(|entry| !self.listed.contains(entry)) {
                self.learn(event.place, Span::PromiseBegins);
            }
            if self.listed.iter().any(|entry| !listed.contains(entry)) {
                self.learn(event.place, Span::PromiseEnds);
            }
            self.listed = listed;
        }
    }

    /// A remark is made right behind the task's last step, so that step tells it.
    fn remark(&mut self, task: TaskId, tells: &[Span]) {
        if let Some(&place) = self.last.get(&task) {
            tells.iter().for_each(|tell| self.learn(place, *tell));
        }
    }

    fn learn(&mut self, place: Place, tell: Span) {
        self.grown |= self.telling.add(place, tell);
    }
}
