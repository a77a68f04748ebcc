//! What `rules --json` prints.

use serde::Serialize;

use crate::event::Symbol;
use crate::report::source;
use crate::study::rules::{Access, Contract, Rule, Rules, changes};

/// Of `rules`.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct RulesReport {
    /// Is every exploration complete?
    pub complete: bool,
    /// Wall time.
    pub seconds: f64,
    /// A design each.
    pub designs: Vec<DesignRules>,
    /// Of two designs: the rules that differ.
    pub changes: Vec<ChangeReport>,
}

/// The rules of a design.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct DesignRules {
    /// The design.
    pub design: String,
    /// Of each field.
    pub rules: Vec<RuleReport>,
    /// Of each function that finds or leaves a lock held.
    pub functions: Vec<ContractReport>,
}

/// What guards the reads or the writes of a field.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct RuleReport {
    /// The field: `struct->name`, or a name.
    pub field: String,
    /// Of its writes? Else of its reads.
    pub writes: bool,
    /// The locks that guard it; none if no lock does.
    pub locks: Vec<&'static str>,
    /// Steps with these locks held.
    pub with: u64,
    /// All steps.
    pub steps: u64,
    /// Steps without them, by place.
    pub minority: Vec<AccessReport>,
    /// Marked steps without them: the code says itself that it needs no lock there.
    pub marked: Vec<AccessReport>,
}

/// Steps at a place.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct AccessReport {
    /// The source, as `file:line`.
    pub source: String,
    /// The locks held there.
    pub locks: Vec<&'static str>,
    /// How many steps.
    pub steps: u64,
}

/// What a function finds and leaves.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct ContractReport {
    /// Its name.
    pub function: &'static str,
    /// Locks held at every entry.
    pub must_hold: Vec<&'static str>,
    /// Locks that it is entered without and returns with.
    pub acquires: Vec<&'static str>,
    /// Locks that it is entered with and returns without.
    pub releases: Vec<&'static str>,
}

/// A rule that differs.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct ChangeReport {
    /// The field.
    pub field: String,
    /// Of its writes?
    pub writes: bool,
    /// The locks in the old design; `null` if it does not do that there.
    pub old: Option<Vec<&'static str>>,
    /// The locks in the new design.
    pub new: Option<Vec<&'static str>>,
}

fn names(locks: &[Symbol]) -> Vec<&'static str> {
    locks.iter().map(|lock| lock.as_str()).collect()
}

impl RulesReport {
    /// Of one design, or of two.
    pub fn new(all: &[Rules], seconds: f64) -> RulesReport {
        let changed = if let [old, new] = all { changes(old, new) } else { Vec::new() };
        let locks = |rule: Option<&Rule>| rule.map(|rule| names(&rule.locks));
        let change = |it: &crate::study::rules::Change<'_>| ChangeReport {
            field: it.field.to_string(),
            writes: it.writes,
            old: locks(it.old),
            new: locks(it.new),
        };
        RulesReport {
            complete: all.iter().all(Rules::complete),
            seconds,
            designs: all.iter().map(DesignRules::new).collect(),
            changes: changed.iter().map(change).collect(),
        }
    }
}

impl DesignRules {
    fn new(rules: &Rules) -> DesignRules {
        let access = |it: &Access| AccessReport { source: source(it.place), locks: names(&it.locks), steps: it.steps };
        let rule = |it: &Rule| RuleReport {
            field: it.field.to_string(),
            writes: it.writes,
            locks: names(&it.locks),
            with: it.with,
            steps: it.steps,
            minority: it.minority.iter().map(access).collect(),
            marked: it.marked.iter().map(access).collect(),
        };
        let says = |it: &&Contract| !(it.must_hold.is_empty() && it.acquires.is_empty() && it.releases.is_empty());
        let contract = |it: &Contract| ContractReport {
            function: it.function.as_str(),
            must_hold: names(&it.must_hold),
            acquires: names(&it.acquires),
            releases: names(&it.releases),
        };
        DesignRules {
            design: rules.design.full_name(),
            rules: rules.rules.iter().map(rule).collect(),
            functions: rules.contracts.iter().filter(says).map(contract).collect(),
        }
    }
}
