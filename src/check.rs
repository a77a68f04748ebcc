//! The judges: each reads events or states and says what is wrong with them.
//!
//! A check never steers. What its future judgements depend on is part of the explored state
//! ([`Checks::fingerprint`]), because the search stops at known states and most paths have no end
//! that could be judged afterwards. Where things happened is kept beside, for the reader only.
//!
//! Four findings end the execution ([`Code::ends_execution`]); after the others it goes on, so that one
//! design can show several.

use std::collections::HashSet;
use std::hash::Hasher;

use crate::event::names::Names;
use crate::event::{Event, Status, TaskId, View};

mod bug;
pub mod code;
mod counts;
mod deadlock;
mod finding;
mod history;
pub mod lease;
mod ledger;
mod lockdep;
mod race;
mod remote;
mod sequential;
mod slab;
mod sleep;
mod unlock;

pub use code::Code;
use finding::Docket;
pub use finding::{Finding, Spot};
use ledger::Ledger;
pub use lockdep::{Order, Orders};

/// What the checks remember of an execution: a search that goes on from a copy of a state takes a copy of this as well.
#[derive(Clone, Default)]
pub struct CheckMemory {
    ledger: Ledger,
    order: lockdep::LockOrder,
    lease: Option<lease::LeaseCheck>,
    history: Option<history::History>,
}

/// All checks of a program.
pub struct Checks {
    names: Names,
    ledger: Ledger,
    order: lockdep::LockOrder,
    orders: Orders,
    lease: Option<lease::LeaseCheck>,
    history: Option<history::History>,
    seen: HashSet<(Code, &'static str)>,
    found: Vec<Finding>,
    /// How the tasks stand in the state that is judged: looked up once for all judges.
    stands: Vec<Status>,
}

/// How each task stands.
fn look(view: &dyn View, stands: &mut Vec<Status>) {
    stands.clear();
    stands.extend((1..=view.tasks()).map(|task| view.status(TaskId(task as u8)).0));
}

impl Checks {
    /// The checks that hold for any program.
    pub fn new(names: Names) -> Checks {
        Checks {
            names,
            ledger: Ledger::default(),
            order: lockdep::LockOrder::default(),
            orders: Orders::default(),
            lease: None,
            history: None,
            seen: HashSet::new(),
            found: Vec::new(),
            stands: Vec::new(),
        }
    }

    /// With the lease properties on top.
    pub fn with_leases(names: Names) -> Checks {
        Checks { lease: Some(lease::LeaseCheck::new()), history: Some(history::History::new()), ..Checks::new(names) }
    }

    /// Without the question for a sequential order (LW040): the sequential lease of one machine knows no other file system.
    pub fn without_history(self) -> Checks {
        Checks { history: None, ..self }
    }

    /// Forgets which findings were reported, so that the next execution reports them again.
    pub fn forget(&mut self) {
        self.seen.clear();
        self.found.clear();
        self.orders = Orders::default();
    }

    /// Takes out what was found since the last time.
    pub fn take_found(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.found)
    }

    /// What is remembered of the execution so far.
    pub fn memory(&self) -> CheckMemory {
        CheckMemory {
            ledger: self.ledger.clone(),
            order: self.order.clone(),
            lease: self.lease.clone(),
            history: self.history.clone(),
        }
    }

    /// Goes on from what was remembered.
    pub fn set_memory(&mut self, memory: CheckMemory) {
        self.ledger = memory.ledger;
        self.order = memory.order;
        self.lease = memory.lease;
        self.history = memory.history;
    }

    /// Adds the lock orders of its executions to these.
    pub fn share_orders(&mut self, orders: &Orders) {
        self.orders = orders.clone();
    }

    /// An execution begins.
    pub fn begin(&mut self) {
        self.ledger = Ledger::default();
        self.order = lockdep::LockOrder::default();
        if let Some(lease) = &mut self.lease {
            lease.begin();
        }
        if let Some(history) = &mut self.history {
            *history = history::History::new();
        }
    }

    /// Judges an event; true if the execution ends here.
    pub fn event(&mut self, event: &Event, view: &dyn View) -> bool {
        let Checks { names, ledger, order, orders, lease, history, seen, found, .. } = self;
        let mut docket = Docket::new(names, seen, found, event.step);
        unlock::judge(event, view, ledger, &mut docket);
        sleep::judge(event, view, ledger, &mut docket);
        slab::judge(event, view, ledger, &mut docket);
        bug::judge(event, ledger, &mut docket);
        deadlock::judge_setup(event, view, ledger, &mut docket);
        order.judge(event, view, ledger, orders, &mut docket);
        ledger.update(event, view);
        if let Some(lease) = lease {
            lease.event(event, view, &mut docket);
        }
        if let Some(history) = history {
            history.event(event, view, &mut docket);
        }
        docket.stop()
    }

    /// Judges a state; true if the execution ends here.
    pub fn state(&mut self, step: u32, view: &dyn View) -> bool {
        let Checks { names, ledger, seen, found, stands, .. } = self;
        let mut docket = Docket::new(names, seen, found, step);
        look(view, stands);
        _ = deadlock::judge(step, view, stands, ledger, &mut docket);
        race::judge(step, view, stands, &mut docket);
        docket.stop()
    }

    /// Judges a state for waits alone: loom's tasks do not say what they are about to access, and it ends where one is for ever.
    pub fn blocked(&mut self, step: u32, view: &dyn View) -> bool {
        let Checks { names, ledger, seen, found, stands, .. } = self;
        let mut docket = Docket::new(names, seen, found, step);
        look(view, stands);
        deadlock::judge(step, view, stands, ledger, &mut docket)
    }

    /// Judges the end: all tasks done, everything closed.
    pub fn end(&mut self, step: u32, view: &dyn View) {
        let Checks { names, ledger, lease, seen, found, .. } = self;
        let mut docket = Docket::new(names, seen, found, step);
        slab::judge_end(view, ledger, &mut docket);
        ledger.counts.judge_end(view, &mut docket);
        if let Some(lease) = lease {
            lease.end(view, &mut docket);
        }
    }

    /// Takes in what future judgements of one task depend on.
    pub fn fingerprint_task(&self, task: TaskId, hasher: &mut dyn Hasher) {
        self.ledger.fingerprint_task(task, hasher);
    }

    /// Is anything remembered that names tasks?
    pub fn names_tasks(&self) -> bool {
        self.lease.is_some()
    }

    /// Does what is remembered or said of this event depend on when, among independent steps of others, it happens?
    pub fn is_loud(&self, event: &Event) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.heeds(event))
            || self.history.as_ref().is_some_and(|history| history.heeds(event))
    }

    /// Does a check compare this step with the borders of others' calls? Then two such steps do not commute, whatever they touch.
    pub fn marks_order(&self, event: &Event) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.marks_order(event))
            || self.history.as_ref().is_some_and(|history| history.heeds(event))
    }

    /// The names it speaks in.
    pub fn names(&self) -> Names {
        self.names.clone()
    }

    /// Follows an event that was judged before.
    pub fn again(&mut self, event: &Event, view: &dyn View) {
        if self.lease.is_some() {
            self.event(event, view);
        } else {
            let Checks { names, ledger, order, orders, seen, found, .. } = self;
            let mut docket = Docket::new(names, seen, found, event.step);
            order.judge(event, view, ledger, orders, &mut docket);
            ledger.update(event, view);
        }
    }

    /// Takes in what future judgements depend on, beside that.
    pub fn fingerprint(&self, hasher: &mut dyn Hasher) {
        if let Some(lease) = &self.lease {
            lease.fingerprint(hasher);
        }
        if let Some(history) = &self.history {
            history.fingerprint(hasher);
        }
    }
}
