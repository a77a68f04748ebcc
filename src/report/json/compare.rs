//! What `compare --json` prints.

use serde::Serialize;

use crate::explore::compare::{What, parts};
use crate::explore::{Bound, Config, EngineKind, Step, Verdict};
use crate::report::compare::Shown;
use crate::report::memory_model;
use crate::study::compare::{Compared, relation};

/// Of `compare`.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Comparison<'a> {
    /// The old design.
    pub old: String,
    /// The new design.
    pub new: String,
    /// The engine that explored.
    pub engine: EngineKind,
    /// Under which memory model.
    pub memory: &'static str,
    /// Is every exploration complete?
    pub complete: bool,
    /// How the new design stands to the old one; `None` if that is not known.
    pub relation: Option<&'static str>,
    /// Is every difference explained?
    pub explained: bool,
    /// Wall time.
    pub seconds: f64,
    /// A scenario each.
    pub scenarios: Vec<ComparedReport<'a>>,
}

impl<'a> Comparison<'a> {
    /// Of these scenarios.
    pub fn new(all: &[Compared], config: &Config, seconds: f64, scenarios: Vec<ComparedReport<'a>>) -> Comparison<'a> {
        let [old, new] = all.first().map_or_else(Default::default, |it| it.designs.map(|design| design.full_name()));
        Comparison {
            old,
            new,
            engine: config.engine,
            memory: memory_model(config.engine, config.memory),
            complete: all.iter().flat_map(|compared| &compared.sides).all(Verdict::complete),
            relation: relation(all).map(|relation| relation.text()),
            explained: all.iter().all(|compared| compared.unexplained().next().is_none()),
            seconds,
            scenarios,
        }
    }
}

/// A scenario on both designs.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct ComparedReport<'a> {
    /// The scenario.
    pub scenario: &'a str,
    /// How the new design stands to the old one; `None` if that is not known.
    pub relation: Option<&'static str>,
    /// What was seen of the old design.
    pub old: SideReport,
    /// What was seen of the new design.
    pub new: SideReport,
    /// What can happen in one of the two alone.
    pub differences: Vec<DifferenceReport<'a>>,
}

impl<'a> ComparedReport<'a> {
    /// Of a scenario.
    pub fn new(compared: &'a Compared, differences: Vec<DifferenceReport<'a>>) -> ComparedReport<'a> {
        let [old, new] = compared.sides.each_ref().map(SideReport::new);
        let relation = compared.relation().map(|relation| relation.text());
        ComparedReport { scenario: compared.scenario.name, relation, old, new, differences }
    }
}

/// One side: the proof that what it lacks does not happen there.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct SideReport {
    /// Number of outcomes.
    pub outcomes: usize,
    /// Distinct states met.
    pub states: u64,
    /// Executions run.
    pub executions: u64,
    /// Was everything seen?
    pub complete: bool,
    /// What ended the exploration early.
    pub bound: Option<Bound>,
}

impl SideReport {
    fn new(verdict: &Verdict) -> SideReport {
        SideReport {
            outcomes: verdict.outcomes.len() + verdict.deadlocks.len(),
            states: verdict.states,
            executions: verdict.executions,
            complete: verdict.complete(),
            bound: verdict.bound,
        }
    }
}

/// What can happen in one of the two alone.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct DifferenceReport<'a> {
    /// `LW050` or `LW051`.
    pub code: String,
    /// What it means.
    pub title: &'static str,
    /// `outcome`, `stuck` or `finding`.
    pub kind: &'static str,
    /// The outcome, or the finding.
    pub what: String,
    /// What differs from the outcome of the other design that is most like it.
    pub parts: Vec<PartReport>,
    /// The bug that it is known as.
    pub bug: Option<&'static str>,
    /// Why it is there; `None` if nothing explains it.
    pub why: Option<&'static str>,
    /// Which of the differences is the same change, seen from the other design; `None` if there is none.
    pub pair: Option<usize>,
    /// The schedule.
    pub steps: &'a [Step],
    /// The file that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved: Option<&'a str>,
}

/// A value that differs.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct PartReport {
    /// What it is.
    pub name: String,
    /// As it is here.
    pub here: String,
    /// As it is there.
    pub there: String,
}

impl<'a> DifferenceReport<'a> {
    /// Of a difference and its execution.
    pub fn new(shown: &'a Shown<'_>, pair: Option<usize>) -> DifferenceReport<'a> {
        let difference = shown.difference;
        let (kind, what, outcome) = match &difference.what {
            What::Outcome(outcome) => ("outcome", outcome.to_string(), Some(outcome)),
            What::Stuck(outcome) => ("stuck", outcome.to_string(), Some(outcome)),
            What::Finding(finding) => ("finding", format!("{} {}", finding.code, finding.subject), None),
        };
        let nearest = outcome.zip(difference.near.as_ref());
        let parts = nearest.into_iter().flat_map(|(outcome, near)| parts(outcome, near));
        DifferenceReport {
            code: difference.code.to_string(),
            title: difference.code.title(),
            kind,
            what,
            parts: parts.map(|(name, here, there)| PartReport { name, here, there }).collect(),
            bug: shown.why.and_then(|why| why.bug),
            why: shown.why.map(|why| why.why),
            pair,
            steps: shown.replay.as_ref().map_or(&[], |replay| &replay.steps),
            saved: shown.saved.as_deref(),
        }
    }
}
