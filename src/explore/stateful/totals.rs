//! What the rounds of the explorer come to: what was seen in all of them, and how one ended.

use std::collections::{BTreeMap, HashSet};

use super::path::Item;
use crate::check::{Code, Orders};
use crate::engine::world::Transition;
use crate::event::Symbol;
use crate::explore::config::EngineKind;
use crate::explore::hidden::HiddenState;
use crate::explore::limits::Bound;
use crate::explore::outcomes::Outcomes;
use crate::explore::verdict::{Found, TooLong, Verdict};

/// What was seen in all rounds so far.
#[derive(Default)]
pub(super) struct Totals {
    pub executions: u64,
    pub outcomes: Outcomes,
    pub deadlocks: Outcomes,
    /// One per code and subject: the one with the smallest schedule.
    pub findings: BTreeMap<(Code, Symbol), Found>,
    /// What ended an execution before it was seen to its end.
    pub cut: Option<Bound>,
    pub too_long: TooLong,
    /// The path on which a bound ended the search.
    pub ended_on: Option<Vec<Transition>>,
    pub orders: Orders,
    /// From which history a task can come to which.
    pub histories: HashSet<(u128, u128)>,
}

impl Totals {
    pub fn keep(&mut self, found: Found) {
        fn size(found: &Found) -> (usize, &[Transition]) {
            (found.schedule.transitions.len(), &found.schedule.transitions)
        }
        let key = (found.finding.code, found.finding.subject);
        match self.findings.get_mut(&key) {
            Some(known) if size(known) <= size(&found) => {}
            Some(known) => *known = found,
            None => _ = self.findings.insert(key, found),
        }
    }

    pub fn take(&mut self, (verdict, too_long): (Verdict, TooLong)) {
        self.too_long.count += too_long.count;
        self.too_long.first = self.too_long.first.take().or(too_long.first);
        self.executions += verdict.executions;
        self.cut = self.cut.or(verdict.bound);
        self.outcomes.merge(verdict.outcomes);
        self.deadlocks.merge(verdict.deadlocks);
        verdict.findings.into_iter().for_each(|found| self.keep(found));
    }

    /// The search begins again. What was seen was there; which executions were too long hangs on where states were looked up.
    pub fn begin_again(mut self) -> Totals {
        self.cut = self.cut.filter(|bound| !matches!(bound, Bound::Steps(_)));
        Totals { too_long: TooLong::default(), ended_on: None, ..self }
    }

    pub fn into_verdict(self, steps_max: u32) -> Verdict {
        Verdict {
            executions: self.executions,
            outcomes: self.outcomes,
            deadlocks: self.deadlocks,
            findings: self.findings.into_values().collect(),
            bound: self.cut.or((self.too_long.count > 0).then_some(Bound::Steps(steps_max))),
            ..Verdict::new(EngineKind::Explorer)
        }
    }
}

/// How a round ended.
pub(super) struct Round {
    /// What is left to do.
    pub left: Vec<Item>,
    /// What ended it, other than the end or a checkpoint.
    pub bound: Option<Bound>,
    /// Why all that was seen counts for nothing, if so.
    pub void: Option<Void>,
}

/// Why what was seen counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Void {
    /// Tasks cannot be exchanged: something names one of them. The search has to begin anew without that.
    Named,
    /// An access was taken for ordered with all others, and is not. The search has to begin anew and knows better.
    Unordered,
    /// A task did something else than before from the same history: no search can tell.
    Hidden(HiddenState),
}
