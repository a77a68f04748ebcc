//! How much there is to explore, before it is explored: an estimate from random probes (`--estimate`).
//!
//! **Schedules**, which is what brute force runs: Knuth, *Estimating the efficiency of backtrack programs*, Math. Comp. 29 (1975). A probe goes
//! down the tree of schedules by chance; the product of the numbers of ways that it had is, in the mean, the number of leaves.
//!
//! **Traces**, which is what DPOR runs: the same in the tree that sleep sets leave. It has one leaf for each trace, and leaves at which
//! all that could go on sleeps; those count as nothing.
//!
//! **States**, which is what the explorer keeps with every access: states are met by many ways, so there is no such tree. The probes say which states they met, and how
//! many of them once and twice. Chao, *Nonparametric estimation of the number of classes in a population*, Scand. J. Statist. 11
//! (1984): at least the number met, and half the square of those met once by those met twice. It is a lower bound in the mean, and far below
//! where the probes met nearly nothing twice.
//!
//! None of it is part of a verdict. The first two are right in the mean and can be far off, mostly below, where few ways lead
//! to most of the tree: the standard error says how much the probes differ among themselves. What the checks remember makes a few
//! more steps depend on each other for DPOR than are taken for dependent here. The same program gives the same estimate.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use super::config::Config;
use super::dependence::independent;
use super::random::SplitMix64;
use super::watch::Watch;
use crate::engine::controlled::Controlled;
use crate::engine::world::{Transition, World};
use crate::engine::{Decision, Ending, Memory, Observer, State, Strategy};
use crate::subject::Subject;

/// Probes of each kind.
pub const PROBES: u64 = 2_000;

/// A number that probes gave in the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// The mean.
    pub value: f64,
    /// Its standard error, as a part of it.
    pub error: f64,
}

/// How much there is to explore, by random probes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Probes of each kind that were made.
    pub probes: u64,
    /// Executions of brute force.
    pub schedules: Mean,
    /// Executions of DPOR.
    pub traces: Mean,
    /// States of the explorer, from below.
    pub states: f64,
    /// Different states that the probes met.
    pub states_met: u64,
}

impl Mean {
    fn of(weights: &[f64]) -> Mean {
        let count = weights.len().max(1) as f64;
        let value = weights.iter().sum::<f64>() / count;
        let variance = weights.iter().map(|weight| (weight - value).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
        let error = if value > 0.0 { (variance / count).sqrt() / value } else { 0.0 };
        Mean { value, error }
    }
}

/// A number that may be large, in as many digits as make sense.
fn rounded(value: f64) -> String {
    if value < 10_000.0 { format!("{value:.0}") } else { format!("{value:.1e}") }
}

impl fmt::Display for Mean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "about {} (+- {:.0} %)", rounded(self.value), self.error * 100.0)
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Estimate { probes, schedules, traces, states, states_met } = self;
        writeln!(f, "  schedules  {schedules:<28} what --engine brute runs")?;
        writeln!(f, "  traces     {traces:<28} what --engine dpor runs")?;
        let states = format!("{} or more", rounded(*states));
        writeln!(f, "  states     {states:<28} what the explorer keeps at most; the probes met {states_met}")?;
        write!(f, "{probes} random probes of each kind; +- is a standard error")
    }
}

/// Estimates how much there is to explore.
pub fn estimate(subject: &dyn Subject, config: &Config) -> Estimate {
    let observer: Rc<RefCell<dyn Observer>> = Watch::shared(subject.checks());
    let mut controlled = Controlled::new(config.settings());
    let mut random = SplitMix64::new(config.seed);
    let mut met: HashMap<u128, u64> = HashMap::new();
    let (mut schedules, mut traces) = (Vec::new(), Vec::new());
    while (traces.len() as u64) < PROBES && !config.interrupted() {
        for sleeps in [false, true] {
            let mut probe = Probe {
                random: &mut random,
                memory: config.memory,
                weight: 1.0,
                sleeps,
                asleep: Vec::new(),
                met: if sleeps { None } else { Some(&mut met) },
            };
            let ending = controlled.run(subject, &mut probe, &observer);
            let weight = if matches!(ending, Ending::Abandoned) { 0.0 } else { probe.weight };
            if sleeps { &mut traces } else { &mut schedules }.push(weight);
        }
    }
    let times = |wanted: u64| met.values().filter(|times| **times == wanted).count() as f64;
    let (once, twice, states_met) = (times(1), times(2), met.len() as u64);
    Estimate {
        probes: traces.len() as u64,
        schedules: Mean::of(&schedules),
        traces: Mean::of(&traces),
        states: states_met as f64 + once * (once - 1.0).max(0.0) / (2.0 * (twice + 1.0)),
        states_met,
    }
}

/// One probe.
struct Probe<'a> {
    random: &'a mut SplitMix64,
    memory: Memory,
    /// The product of the numbers of ways.
    weight: f64,
    /// Does it go through the tree that sleep sets leave?
    sleeps: bool,
    asleep: Vec<Transition>,
    /// How often each state was met.
    met: Option<&'a mut HashMap<u128, u64>>,
}

impl Probe<'_> {
    /// Do the two lead to the same state in either order?
    fn commute(&self, world: &World, one: Transition, other: Transition) -> bool {
        let (Some(op), Some(with)) = (world.operation(one), world.operation(other)) else { return false };
        one.task != other.task && independent(op, with, self.memory) && !world.related(one.task, other.task)
    }
}

impl Strategy for Probe<'_> {
    fn decide(&mut self, state: &State<'_>) -> Decision {
        if let Some(met) = &mut self.met {
            *met.entry(state.fingerprint()).or_default() += 1;
        }
        let is_awake = |transition: &&Transition| !self.asleep.contains(transition);
        let awake: Vec<Transition> = state.transitions.iter().filter(is_awake).copied().collect();
        if awake.is_empty() {
            return Decision::Abandon;
        }
        self.weight *= awake.len() as f64;
        let at = self.random.below(awake.len() as u64) as usize;
        if self.sleeps {
            let before = std::mem::take(&mut self.asleep).into_iter().chain(awake[..at].iter().copied());
            self.asleep = before.filter(|&other| self.commute(state.world, awake[at], other)).collect();
        }
        Decision::Take(awake[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_has_the_error_of_its_probes() {
        // Deviations 1 and 1, variance 2 / 1, error sqrt(2 / 2) of 3.
        assert_eq!(Mean::of(&[2.0, 4.0]), Mean { value: 3.0, error: 1.0 / 3.0 });
        assert_eq!(Mean::of(&[5.0; 7]), Mean { value: 5.0, error: 0.0 });
        assert_eq!(Mean { value: 123_456.0, error: 0.051 }.to_string(), "about 1.2e5 (+- 5 %)");
    }
}
