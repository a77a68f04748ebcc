//! Random engines, for programs too big to exhaust: they show bugs, and never that there is none.
//!
//! The *random walk* takes each transition with the same probability. *PCT* (probabilistic concurrency testing; Burckhardt,
//! Kothari, Musuvathi, Nagarakatte, *A randomized scheduler with probabilistic guarantees of finding bugs*, ASPLOS 2010)
//! gives each process a random priority and always runs the one with the highest that can run; at d - 1 random steps
//! the process that is about to run falls below all others. A bug of depth d (d orderings must hold for it to show: 1 for a lost
//! initialisation, 2 for an atomicity violation or an AB/BA deadlock) is found by each execution with a probability of
//! at least 1 / (n k^(d-1)), for n processes and k steps. Under store buffers a buffer is a process, and so is time;
//! a choice is made by chance, which multiplies the bound by the chances of the choices that the bug needs.
//!
//! k is the length of the longest execution so far; the first one, before those that were asked for, is run to have one.
//! The bound is that of the paper for a fixed k: where executions differ much in length it holds for the longest only.
//!
//! Nothing is taken for known here, so state that hides from the engine makes no verdict wrong; a program that has some is refused
//! all the same ([`super::examine`]), because its schedules cannot be replayed.
//!
//! The same seed gives the same executions. A verdict is never complete: its bound is [`Bound::Sampled`], if no other was met.

use std::cell::RefCell;
use std::rc::Rc;

use super::config::{Config, EngineKind, Progress};
use super::hidden::HiddenState;
use super::limits::Bound;
use super::schedule::Schedule;
use super::verdict::{Found, Verdict};
use super::watch::Watch;
use crate::engine::controlled::Controlled;
use crate::engine::memo::Memo;
use crate::engine::process::Process;
use crate::engine::world::Transition;
use crate::engine::{Decision, Ending, Observer, State, Strategy};
use crate::subject::Subject;

/// SplitMix64: Steele, Lea, Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014.
#[derive(Clone, Debug)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// The generator of this seed.
    pub fn new(seed: u64) -> SplitMix64 {
        SplitMix64(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `bound`, which is not 0. Off from uniform by less than `bound` in 2^64.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }
}

/// How the next transition is drawn.
enum Draw {
    /// Each with the same probability.
    Walk,
    /// By priority.
    Pct(Priorities),
}

/// Priorities of one execution; higher runs first.
struct Priorities {
    /// Of the processes seen so far. Those of the start are above `falls`.
    of: Vec<(Process, u64)>,
    /// Steps at which whoever is about to run falls, in order.
    changes: Vec<u64>,
    /// How many have fallen: each falls below those before.
    fallen: u64,
}

/// One execution.
struct Drawn<'r> {
    random: &'r mut SplitMix64,
    draw: Draw,
    taken: Vec<Transition>,
}

impl Priorities {
    /// `changes` random steps of the first `steps`.
    fn new(random: &mut SplitMix64, changes: u32, steps: u64) -> Priorities {
        let mut changes: Vec<u64> = (0..changes).map(|_| random.below(steps)).collect();
        changes.sort_unstable();
        Priorities { of: Vec::new(), changes, fallen: 0 }
    }

    fn priority(&mut self, random: &mut SplitMix64, process: Process) -> u64 {
        if let Some((_, priority)) = self.of.iter().find(|(known, _)| *known == process) {
            return *priority;
        }
        // Above all that have fallen, and different from others but for a chance of 2^-63.
        let priority = random.next_u64() | 1 << 63;
        self.of.push((process, priority));
        priority
    }

    fn highest(&mut self, random: &mut SplitMix64, transitions: &[Transition]) -> Process {
        let mut best: Option<(u64, Process)> = None;
        for &transition in transitions {
            let process = Process::of(transition);
            let priority = self.priority(random, process);
            if best.is_none_or(|(highest, _)| priority > highest) {
                best = Some((priority, process));
            }
        }
        best.expect("some transition can happen").1
    }

    /// The task that runs at this step.
    fn next(&mut self, random: &mut SplitMix64, step: u64, transitions: &[Transition]) -> Process {
        let mut next = self.highest(random, transitions);
        while self.changes.first() == Some(&step) {
            self.changes.remove(0);
            self.fallen += 1;
            let below_all = (1 << 62) - self.fallen;
            self.of.iter_mut().filter(|(known, _)| *known == next).for_each(|(_, priority)| *priority = below_all);
            next = self.highest(random, transitions);
        }
        next
    }
}

impl Strategy for Drawn<'_> {
    fn decide(&mut self, state: &State<'_>) -> Decision {
        let candidates: Vec<Transition> = match &mut self.draw {
            Draw::Walk => state.transitions.to_vec(),
            Draw::Pct(priorities) => {
                let next = priorities.next(self.random, u64::from(state.step), state.transitions);
                state.transitions.iter().copied().filter(|transition| Process::of(*transition) == next).collect()
            }
        };
        let transition = candidates[self.random.below(candidates.len() as u64) as usize];
        self.taken.push(transition);
        Decision::Take(transition)
    }
}

/// Runs `config.runs` random executions: a walk, or PCT with `config.depth`.
pub fn explore(subject: &dyn Subject, config: &Config, engine: EngineKind) -> Verdict {
    run(subject, config, engine, None).unwrap_or_else(|_| unreachable!("internal error: nothing was compared"))
}

/// The same; with a memo each execution is compared with those before.
///
/// # Errors
/// If one of them does something else from the same history.
pub(super) fn run(
    subject: &dyn Subject,
    config: &Config,
    engine: EngineKind,
    memo: Option<Rc<RefCell<Memo>>>,
) -> Result<Verdict, HiddenState> {
    let mut verdict = Verdict::new(engine);
    let watch = Watch::shared(subject.checks());
    let observer: Rc<RefCell<dyn Observer>> = watch.clone();
    let mut controlled = match &memo {
        Some(memo) => Controlled::learning(config.settings(), Rc::clone(memo)),
        None => Controlled::new(config.settings()),
    };
    let mut random = SplitMix64::new(config.seed);
    let program: &dyn crate::engine::Program = subject;
    let is_pct = engine == EngineKind::Pct;
    // PCT has to know how long executions are.
    let runs = config.runs + u64::from(is_pct);
    let mut steps_max = 1;
    let mut exceeded = None;
    for _ in 0..runs {
        if let Some(bound) = config.tick(verdict.executions, 0, Progress::default) {
            verdict.bound = Some(bound);
            return Ok(verdict);
        }
        let draw = if is_pct {
            Draw::Pct(Priorities::new(&mut random, config.depth.saturating_sub(1), steps_max))
        } else {
            Draw::Walk
        };
        let mut drawn = Drawn { random: &mut random, draw, taken: Vec::new() };
        let ending = controlled.run(program, &mut drawn, &observer);
        if let Some(stray) = memo.as_ref().and_then(|memo| memo.borrow().stray().cloned()) {
            return Err(HiddenState::new(&stray, &watch.borrow().0.names()));
        }
        let taken = drawn.taken;
        verdict.executions += 1;
        steps_max = steps_max.max(taken.len() as u64);
        for finding in watch.borrow_mut().0.take_found() {
            let transitions = taken.iter().take(finding.step as usize).copied().collect();
            let schedule = Schedule { transitions, memory: config.memory };
            verdict.findings.push(Found { finding, schedule, weak_memory: false });
        }
        let schedule = || Schedule { transitions: taken.clone(), memory: config.memory };
        match ending {
            Ending::Finished(outcome) => verdict.outcomes.add(outcome, taken.len(), schedule),
            Ending::Deadlocked(outcome) => verdict.deadlocks.add(outcome, taken.len(), schedule),
            // More executions would not get further than that.
            Ending::Exceeded(limit) => exceeded = Some(limit),
            // One of many that were not seen to the end, and not the reason for incompleteness.
            Ending::TooLong | Ending::Stopped | Ending::Abandoned => {}
        }
    }
    let sampled = Bound::Sampled { runs: config.runs, seed: config.seed };
    verdict.bound = Some(exceeded.map_or(sampled, Bound::from));
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::TaskId;

    #[test]
    fn splitmix64_gives_the_published_sequence() {
        // The first words of seed 1234567, as in the tests of other implementations of it.
        let mut random = SplitMix64::new(1_234_567);

        let words: Vec<u64> = (0..3).map(|_| random.next_u64()).collect();

        assert_eq!(words, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn numbers_below_a_bound_are_all_of_them() {
        let mut random = SplitMix64::new(1);
        let mut seen = [0; 5];

        (0..1000).for_each(|_| seen[random.below(5) as usize] += 1);

        assert!(seen.iter().all(|count| (150..250).contains(count)), "{seen:?}");
    }

    #[test]
    fn who_falls_is_below_all_others_and_below_who_fell_before() {
        let transitions: Vec<Transition> = (1..=3).map(|task| Transition::step(TaskId(task))).collect();
        let mut random = SplitMix64::new(3);
        let mut priorities = Priorities { of: Vec::new(), changes: vec![0, 1, 2], fallen: 0 };

        let order: Vec<Process> = (0..3).map(|step| priorities.next(&mut random, step, &transitions)).collect();

        // After three falls the first that fell is the highest again.
        assert_ne!(order[0], order[1]);
        assert_ne!(order[1], order[2]);
        assert_ne!(priorities.next(&mut random, 3, &transitions), order[1]);
    }
}
