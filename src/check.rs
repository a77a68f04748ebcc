//! The judges: each reads events or states and says what is wrong with them.
//!
//! A check never steers. What its future judgements depend on is part of the explored state
//! ([`Checks::fingerprint`]), because the search stops at known states and most paths have no end
//! that could be judged afterwards. Where things happened is kept beside, for the reader only.
//!
//! Five findings end the execution ([`Code::ends_execution`]); after the others it goes on, so that one
//! design can show several.

use std::collections::HashSet;
use std::hash::Hasher;

use crate::event::names::Names;
use crate::event::outcome::Remains;
use crate::event::{Event, ObjectId, Span, Status, Symbol, TaskId, View};

mod bug;
pub mod code;
mod counts;
mod deadlock;
mod extra;
pub mod finding;
pub mod happens;
mod interrupt;
mod ledger;
mod lockdep;
pub mod partners;
mod race;
mod raw;
mod slab;
mod sleep;
mod unlock;

pub use code::Code;
pub use extra::Check;
use finding::Docket;
pub use finding::{Finding, Spot};
pub use interrupt::{Interrupts, Known};
use ledger::Ledger;
pub use lockdep::{Order, Orders};

/// What the checks remember of an execution: a search that continues from a copy of a state copies this as well.
#[derive(Clone, Default)]
pub struct CheckMemory {
    ledger: Ledger,
    order: lockdep::LockOrder,
    uses: interrupt::InterruptUse,
    extra: Vec<Box<dyn Check>>,
}

/// All checks of a program.
pub struct Checks {
    names: Names,
    ledger: Ledger,
    order: lockdep::LockOrder,
    orders: Orders,
    uses: interrupt::InterruptUse,
    extra: Vec<Box<dyn Check>>,
    seen: HashSet<(Code, Symbol)>,
    found: Vec<Finding>,
    /// How the tasks stand in the state that is judged: looked up once for all judges.
    stands: Vec<Status>,
}

impl Checks {
    /// The checks that hold for any program.
    pub fn new(names: Names) -> Checks {
        Checks {
            names,
            ledger: Ledger::default(),
            order: lockdep::LockOrder::default(),
            orders: Orders::default(),
            uses: interrupt::InterruptUse::default(),
            extra: Vec::new(),
            seen: HashSet::new(),
            found: Vec::new(),
            stands: Vec::new(),
        }
    }

    /// With another judge, which a case brings.
    pub fn with(mut self, check: Box<dyn Check>) -> Checks {
        self.extra.push(check);
        self
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
            uses: self.uses.clone(),
            extra: self.extra.clone(),
        }
    }

    /// Goes on from what was remembered.
    pub fn set_memory(&mut self, memory: CheckMemory) {
        self.ledger = memory.ledger;
        self.order = memory.order;
        self.uses = memory.uses;
        self.extra = memory.extra;
    }

    /// Adds the lock orders of its executions to these.
    pub fn share_orders(&mut self, orders: &Orders) {
        self.orders = orders.clone();
    }

    /// An execution begins.
    pub fn begin(&mut self) {
        self.ledger = Ledger::default();
        self.order = lockdep::LockOrder::default();
        self.uses = interrupt::InterruptUse::default();
        self.extra.iter_mut().for_each(|check| check.begin());
    }

    /// Judges an event; true if the execution ends here.
    pub fn event(&mut self, event: &Event, view: &dyn View) -> bool {
        self.judge(event, view, false)
    }

    fn judge(&mut self, event: &Event, view: &dyn View, again: bool) -> bool {
        let Checks { names, ledger, order, orders, uses, extra, seen, found, .. } = self;
        let mut docket = Docket::new(names, seen, found, event.step).again(again);
        unlock::judge(event, view, ledger, &mut docket);
        sleep::judge(event, view, ledger, &mut docket);
        raw::judge(event, view, ledger, &mut docket);
        slab::judge(event, view, ledger, &mut docket);
        bug::judge(event, ledger, &mut docket);
        deadlock::judge_setup(event, view, ledger, &mut docket);
        order.judge(event, view, ledger, orders, &mut docket);
        ledger.update(event, view);
        uses.judge(event, view, ledger, &orders.interrupts, &mut docket);
        extra.iter_mut().for_each(|check| check.event(event, view, &mut docket));
        docket.stop()
    }

    /// Judges a state; true if the execution ends here.
    pub fn state(&mut self, step: u32, view: &dyn View) -> bool {
        let mut stands = std::mem::take(&mut self.stands);
        view.look(&mut stands);
        let stop = self.state_of(step, view, &stands);
        self.stands = stands;
        stop
    }

    /// The same, where how each task stands was looked up already, in their order.
    pub fn state_of(&mut self, step: u32, view: &dyn View, stands: &[Status]) -> bool {
        let Checks { names, ledger, extra, seen, found, .. } = self;
        let mut docket = Docket::new(names, seen, found, step);
        _ = deadlock::judge(step, view, stands, ledger, &mut docket);
        race::judge(step, view, stands, &mut docket);
        extra.iter_mut().for_each(|check| check.state(view, &mut docket));
        docket.stop()
    }

    /// Judges a state for waits alone: loom's tasks do not say what they are about to access, and it ends where one is for ever.
    pub fn blocked(&mut self, step: u32, view: &dyn View) -> bool {
        let Checks { names, ledger, seen, found, stands, .. } = self;
        let mut docket = Docket::new(names, seen, found, step);
        view.look(stands);
        deadlock::judge(step, view, stands, ledger, &mut docket)
    }

    /// Judges the end: all tasks done, everything closed.
    pub fn end(&mut self, step: u32, view: &dyn View) {
        let Checks { names, ledger, extra, seen, found, .. } = self;
        let mut docket = Docket::new(names, seen, found, step);
        slab::judge_end(view, ledger, &mut docket);
        ledger.counts.judge_end(view, &mut docket);
        extra.iter_mut().for_each(|check| check.end(view, &mut docket));
    }

    /// Takes in what future judgements of one task depend on.
    pub fn fingerprint_task(&self, task: TaskId, hasher: &mut dyn Hasher) {
        self.ledger.fingerprint_task(task, hasher);
    }

    /// Is anything remembered that names tasks?
    pub fn names_tasks(&self) -> bool {
        self.extra.iter().any(|check| check.names_tasks())
    }

    /// Is this event order-sensitive for a check, even among independent steps of others?
    pub fn is_loud(&self, event: &Event) -> bool {
        self.extra.iter().any(|check| check.heeds(event))
    }

    /// Does a check compare this step with the borders of others' calls? Then two such steps do not commute, whatever they touch.
    pub fn marks_order(&self, event: &Event) -> bool {
        self.extra.iter().any(|check| check.marks_order(event))
    }

    /// Is there a judge that a case brings?
    pub fn has_more(&self) -> bool {
        !self.extra.is_empty()
    }

    /// Does one of those look at what others have done so far of what they do under a lock?
    pub fn sees_between(&self) -> bool {
        self.extra.iter().any(|check| check.sees_between())
    }

    /// The locks that the task holds.
    pub fn held_by(&self, task: TaskId) -> impl Iterator<Item = ObjectId> {
        self.ledger.held.of(task).map(|(_, lock, _)| *lock)
    }

    /// What the step before this remark begins or ends, of what must not overlap on two nodes.
    pub fn spans(&self, event: &Event) -> &'static [Span] {
        self.extra.iter().map(|check| check.spans(event)).find(|spans| !spans.is_empty()).unwrap_or(&[])
    }

    /// What the judges of a case have seen that belongs to the outcome of the execution.
    pub fn observed(&self) -> Vec<Remains> {
        self.extra.iter().flat_map(|check| check.observed()).collect()
    }

    /// The names it speaks in.
    pub fn names(&self) -> Names {
        self.names.clone()
    }

    /// Follows an event that was judged before.
    pub fn again(&mut self, event: &Event, view: &dyn View) {
        if !self.extra.is_empty() {
            self.judge(event, view, true);
        } else {
            let Checks { names, ledger, order, orders, uses, seen, found, .. } = self;
            let mut docket = Docket::new(names, seen, found, event.step);
            order.judge(event, view, ledger, orders, &mut docket);
            ledger.update(event, view);
            uses.judge(event, view, ledger, &orders.interrupts, &mut docket);
        }
    }

    /// Takes in what future judgements depend on, beside that.
    pub fn fingerprint(&self, hasher: &mut dyn Hasher) {
        self.extra.iter().for_each(|check| check.fingerprint(hasher));
    }
}
