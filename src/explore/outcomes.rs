//! The outcomes that an exploration met, each with one schedule that leads to it.

use std::collections::{BTreeMap, BTreeSet};

use super::schedule::Schedule;
use crate::engine::world::Transition;
use crate::event::outcome::Outcome;

/// Outcomes, each once. Two sets are equal if they have the same outcomes, by whichever schedules these were met.
///
/// The schedule is the shortest of those that a search ended with, of two as long the one that was met first. It is one that was met,
/// not the shortest that there is; with several workers or from a checkpoint it may be another each time. Where tasks that are alike
/// were exchanged by the explicit engine, it leads to the outcome up to such an exchange. `None`: only loom's memory shows it.
///
/// So what is kept grows with the number of outcomes: two bytes a step beside each.
#[derive(Clone, Debug, Default)]
pub struct Outcomes(BTreeMap<Outcome, Option<Schedule>>);

impl Outcomes {
    /// Adds an execution of so many steps that ended with `outcome`.
    pub(super) fn add(&mut self, outcome: Outcome, steps: usize, schedule: impl FnOnce() -> Schedule) {
        match self.0.get_mut(&outcome) {
            Some(Some(known)) if known.transitions.len() <= steps => {}
            Some(known) => *known = Some(schedule()),
            None => _ = self.0.insert(outcome, Some(schedule())),
        }
    }

    /// Adds what another search has met; of two schedules as long the first in the order of tasks is kept.
    pub(super) fn merge(&mut self, other: Outcomes) {
        fn size(schedule: &Option<Schedule>) -> (bool, usize, Option<&[Transition]>) {
            let transitions = schedule.as_ref().map(|schedule| &schedule.transitions[..]);
            (transitions.is_none(), transitions.map_or(0, <[_]>::len), transitions)
        }
        for (outcome, schedule) in other.0 {
            match self.0.get_mut(&outcome) {
                Some(known) if size(known) <= size(&schedule) => {}
                Some(known) => *known = schedule,
                None => _ = self.0.insert(outcome, schedule),
            }
        }
    }

    /// Changes the schedules; `None` for an outcome to which none leads.
    pub(super) fn rewrite(&mut self, mut rewritten: impl FnMut(&Outcome, Schedule) -> Option<Schedule>) {
        for (outcome, schedule) in &mut self.0 {
            *schedule = schedule.take().and_then(|schedule| rewritten(outcome, schedule));
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Outcome> {
        self.0.keys()
    }

    /// In order, each with its schedule.
    pub fn with_schedules(&self) -> impl Iterator<Item = (&Outcome, Option<&Schedule>)> {
        self.0.iter().map(|(outcome, schedule)| (outcome, schedule.as_ref()))
    }

    /// The schedule that leads to an outcome.
    pub fn schedule(&self, outcome: &Outcome) -> Option<&Schedule> {
        self.0.get(outcome)?.as_ref()
    }

    /// Is it one of them?
    pub fn contains(&self, outcome: &Outcome) -> bool {
        self.0.contains_key(outcome)
    }

    /// Are all of them among `other`?
    pub fn is_subset(&self, other: &Outcomes) -> bool {
        self.iter().all(|outcome| other.contains(outcome))
    }

    /// Those that are not among `other`.
    pub fn difference<'a>(&'a self, other: &'a Outcomes) -> impl Iterator<Item = &'a Outcome> {
        self.iter().filter(|outcome| !other.contains(outcome))
    }

    /// How they read, in the order of texts.
    pub fn texts(&self) -> BTreeSet<String> {
        self.iter().map(Outcome::to_string).collect()
    }
}

impl PartialEq for Outcomes {
    fn eq(&self, other: &Outcomes) -> bool {
        self.0.keys().eq(other.0.keys())
    }
}

impl Eq for Outcomes {}
