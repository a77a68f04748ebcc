//! The schedule one would like to read: fewest context switches first, then fewest steps, then the first in the order of tasks.
//!
//! The search is run again with a rising bound on switches. A state is known only together with who ran last and what
//! was spent, so each bound is exhausted exactly. What is searched for exists, so one of the bounds finds it.
//!
//! The same search with preemptions (switches away from a task that could go on) for its cost is the preemption-bounded
//! order of CHESS (Musuvathi, Qadeer, PLDI 2007): findings that need few come first, free switches cost nothing.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::rc::Rc;

use super::identity::Identity;
use super::path::{Answer, Arrival, Pruning};
use super::search::{self, search};
use crate::check::Code;
use crate::engine::State;
use crate::engine::world::Transition;
use crate::event::TaskId;
use crate::explore::config::{Config, EngineKind};
use crate::explore::hidden::HiddenState;
use crate::explore::limits::Bound;
use crate::explore::spared::Spared;
use crate::explore::verdict::{Found, Verdict};
use crate::subject::Subject;

/// Is it a step of somebody else than who ran last?
pub(in crate::explore) fn is_switch(last: TaskId, transition: Transition) -> bool {
    let is_step = transition.task != TaskId::CLOCK && !transition.is_flush();
    is_step && transition.task != last && last != TaskId::BOOT
}

/// Is it such a step, while who ran last could go on?
pub(in crate::explore) fn is_preemption(state: &State<'_>, last: TaskId, transition: Transition) -> bool {
    let could_go_on = || state.transitions.iter().any(|other| other.task == last && !other.is_flush());
    is_switch(last, transition) && could_go_on()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cost {
    Switches,
    Preemptions,
}

struct Bounded {
    cost: Cost,
    cost_max: u32,
    /// Steps of the best schedule so far: longer ones are not looked for.
    steps_max: Rc<Cell<u32>>,
    /// What was spent and the steps with which a state was reached, those that no other visit equals in both.
    known: HashMap<u128, Vec<(u32, u32)>, BuildHasherDefault<Identity>>,
    /// States, whoever ran last.
    states: HashSet<u128, BuildHasherDefault<Identity>>,
    /// Something was left out for its cost.
    cut: bool,
}

impl Bounded {
    fn new(cost: Cost, cost_max: u32, steps_max: Rc<Cell<u32>>) -> Bounded {
        Bounded { cost, cost_max, steps_max, known: HashMap::default(), states: HashSet::default(), cut: false }
    }
}

impl Pruning for Bounded {
    fn visit(&mut self, state: &State<'_>, arrival: &Arrival) -> Answer {
        if state.step >= self.steps_max.get() {
            return Answer::Stop;
        }
        let last = u128::from(arrival.last.0);
        let fingerprint = state.fingerprint();
        self.states.insert(fingerprint);
        let key = fingerprint ^ (last << 64 | last).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let cost = (arrival.spent, state.step);
        let known = self.known.entry(key).or_default();
        if known.iter().any(|visit| visit.0 <= cost.0 && visit.1 <= cost.1) {
            return Answer::Stop;
        }
        known.retain(|visit| visit.0 < cost.0 || visit.1 < cost.1);
        known.push(cost);
        Answer::Go { only: None, spared: Spared::NONE, tag: 0 }
    }

    fn cost(&mut self, state: &State<'_>, arrival: &Arrival, transition: Transition) -> Option<u8> {
        let costs = match self.cost {
            Cost::Switches => is_switch(arrival.last, transition),
            Cost::Preemptions => is_preemption(state, arrival.last, transition),
        };
        let within = arrival.spent + u32::from(costs) <= self.cost_max;
        self.cut |= !within;
        within.then_some(u8::from(costs))
    }

    fn states(&self) -> u64 {
        self.states.len() as u64
    }
}

/// The easiest schedule that leads to the same finding; the one it has if `config` is interrupted first.
///
/// # Errors
/// If the program has hidden state.
pub fn shortest(subject: &dyn Subject, found: Found, config: &Config) -> Result<Found, HiddenState> {
    // A round does not belong to one execution. It has an easy schedule already.
    if found.finding.code == Code::LW009 {
        return Ok(found);
    }
    let wanted = (found.finding.code, found.finding.subject);
    let config = Config { symmetry: false, memory: found.schedule.memory, ..config.clone() };
    for switches_max in 0.. {
        let steps_max = Rc::new(Cell::new(u32::MAX));
        let pruning = Bounded::new(Cost::Switches, switches_max, Rc::clone(&steps_max));
        let mut best: Option<Found> = None;
        let (verdict, pruning) = search(subject, &config, EngineKind::Explorer, pruning, |other| {
            if (other.finding.code, other.finding.subject) == wanted && other.finding.step < steps_max.get() {
                steps_max.set(other.finding.step);
                best = Some(other.clone());
            }
            search::Answer::Again
        })?;
        if let Some(best) = best {
            return Ok(best);
        }
        if verdict.bound.is_some() || !pruning.cut {
            break;
        }
    }
    Ok(found)
}

/// All executions with at most this number of preemptions, those with fewer first. Incomplete if that left something out.
pub(in crate::explore) fn preemption_bounded(
    subject: &dyn Subject,
    config: &Config,
    preemptions_max: u32,
) -> Result<Verdict, HiddenState> {
    let mut sum = Verdict::new(EngineKind::Explorer);
    for max in 0..=preemptions_max {
        let mut found: Vec<Found> = std::mem::take(&mut sum.findings);
        let no_limit = Rc::new(Cell::new(u32::MAX));
        let pruning = Bounded::new(Cost::Preemptions, max, no_limit);
        let (verdict, pruning) = search(subject, config, EngineKind::Explorer, pruning, |new| {
            let key = |found: &Found| (found.finding.code, found.finding.subject);
            if found.iter().all(|known| key(known) != key(new)) {
                found.push(new.clone());
            }
            search::Answer::Again
        })?;
        let executions = sum.executions + verdict.executions;
        sum = Verdict { executions, findings: found, ..verdict };
        if sum.bound.is_some() || !pruning.cut {
            return Ok(sum);
        }
    }
    sum.bound = Some(Bound::Preemptions(preemptions_max));
    Ok(sum)
}
