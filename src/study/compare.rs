//! What changes from one design to another: both are explored in each scenario, and everything that can be observed is compared.
//!
//! A finding says that something is wrong with a design. Two designs can both be right and still differ, and this says in what: the
//! result of every call, signals and whom they are for, who had to wait, what `/proc/locks` shows, leases at the file server, the final
//! state ([`scenario::observed`]); and findings, since an execution that one of them ends comes to nothing else.
//!
//! It cannot see what is in no outcome: how long a call takes that does not wait, the order in which signals arrive, which lock is
//! contended. And like everything here it says nothing of calls that are in no scenario.

use std::sync::Arc;

use crate::check::Code;
use crate::explore::compare::{self, Difference, Relation};
use crate::explore::{self, Config, Error, Verdict};
use crate::lease::designs::Entry;
use crate::scenario::{self, Scenario};
use crate::study::cells;

pub mod explain;
pub mod table;

use explain::Explanation;
use table::Row;

/// A scenario on the old design and on the new.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The old design and the new.
    pub designs: [Entry; 2],
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// What was seen of each, with all that can be observed in the outcomes.
    pub sides: [Verdict; 2],
    /// What can happen in one of the two alone, as far as that is proved, each with the reason, if one is known.
    pub differences: Vec<(Difference, Option<Explanation>)>,
}

impl Compared {
    /// Compares what was seen, and explains it by these rows.
    pub fn new(designs: [Entry; 2], scenario: &Arc<Scenario>, sides: [Verdict; 2], rows: &[Row]) -> Compared {
        let differences = compare::differences(&sides[0], &sides[1]);
        let explained = |difference: Difference| {
            let why = explain::explain(designs, scenario, &difference, rows);
            (difference, why)
        };
        let differences = differences.into_iter().map(explained).collect();
        Compared { designs, scenario: Arc::clone(scenario), sides, differences }
    }

    /// How the new design stands to the old one; `None` if one of the two was not explored to the end.
    pub fn relation(&self) -> Option<Relation> {
        compare::relation(&self.sides[0], &self.sides[1])
    }

    /// The differences that nothing explains.
    pub fn unexplained(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|(_, why)| why.is_none()).map(|(difference, _)| difference)
    }

    /// The side that a difference happens on: 0 is the old design.
    pub fn side_of(difference: &Difference) -> usize {
        usize::from(difference.code == Code::LW050)
    }
}

/// Scenarios that say something about both designs.
pub fn scenarios(designs: [Entry; 2], scenarios: &[Arc<Scenario>]) -> Vec<Arc<Scenario>> {
    let applies = |scenario: &&Arc<Scenario>| designs.iter().all(|design| cells::applies(*design, scenario));
    scenarios.iter().filter(applies).cloned().collect()
}

/// Explores one side.
///
/// # Errors
/// Those of [`explore::try_explore`].
pub fn side(design: Entry, scenario: &Arc<Scenario>, config: &Config) -> Result<Verdict, Error> {
    explore::try_explore(&scenario::observed(design, scenario), config)
}

/// How the new design stands to the old one in all of these scenarios together; `None` if one of them is not explored to the end.
pub fn relation(all: &[Compared]) -> Option<Relation> {
    let complete = all.iter().all(|compared| compared.relation().is_some());
    let has = |code: Code| all.iter().flat_map(|compared| &compared.differences).any(|(it, _)| it.code == code);
    complete.then(|| Relation::of(has(Code::LW051), has(Code::LW050)))
}
