//! The explorer: remembers states while it runs real code.
//!
//! A task's stack cannot be hashed, but it is a function of what the task has observed. So a state is, for every task,
//! the hash of its operations' results since its history was last folded, and the contents of
//! all shared objects, and what the checks remember. Two executions that reach equal states have equal futures: the
//! second is abandoned there. Of two orders of independent steps only one is run, by sleep sets; every state is still met.
//!
//! `docs/explorer.md` has the argument. It cannot see state that is hidden from the engine: a `static`, or a `Cell` that
//! tasks share behind its back; [`super::hidden`] looks for it, and an audit samples for it. Fingerprints have 128 bits; see
//! [`crate::engine::fingerprint`] for the chance that two states share one.

use std::time::Instant;

use super::audit::{self, Audit};
use super::checkpoint::{Checkpoint, Restored};
use super::path::{Answer, Arrival, Item, Pruning};
use super::visited::{Visit, Visited};
use super::workers::{Crew, Round, Totals, Void};
use super::{Bound, Config, Error, HiddenState, Subject, Verdict, livelock, repeats, witness};
use crate::engine::world::Transition;
use crate::engine::{State, Unsound};

/// Exploring takes at least so many times as long as writing checkpoints.
const WRITING_SHARE: u32 = 20;

/// What a worker knows of states: the table that all share.
pub(super) struct Known<'a> {
    pub visited: &'a Visited,
    pub audit: Option<&'a Audit>,
    /// Steps that the audit has gone on past a known state.
    pub audited_steps: u32,
    /// Tasks are exchanged. What is spared is told by their numbers, so nothing is.
    pub symmetry: bool,
    /// Something named one of the tasks that were exchanged.
    pub broken: bool,
    /// There is no room for another state.
    pub full: bool,
    /// A step led to two states.
    pub hidden: Option<HiddenState>,
}

impl<'a> Known<'a> {
    /// What a worker knows that has met nothing itself.
    pub fn new(visited: &'a Visited, audit: Option<&'a Audit>, symmetry: bool) -> Known<'a> {
        Known { visited, audit, audited_steps: 0, symmetry, broken: false, full: false, hidden: None }
    }

    /// Did the step lead to where it led before? Otherwise the search is over.
    fn follows(&mut self, audit: &Audit, from: (u128, Transition), state: &State<'_>, to: u128) -> bool {
        let follows = audit.follow(from, to);
        if !follows {
            self.hidden = Some(HiddenState::states(state.step, from.1));
        }
        follows
    }
}

impl Pruning for Known<'_> {
    fn visit(&mut self, state: &State<'_>, arrival: &Arrival) -> Answer {
        if self.symmetry && state.world.symmetry() != Some(true) {
            self.broken = true;
            return Answer::Stop;
        }
        let fingerprint = state.fingerprint();
        if let (Some(audit), Some(from)) = (self.audit, arrival.from)
            && !self.follows(audit, from, state, fingerprint)
        {
            return Answer::Stop;
        }
        match self.visited.visit(fingerprint, arrival.spared) {
            Visit::New => {
                if let Some(audit) = self.audit {
                    audit.sample(fingerprint, self.visited.states());
                }
                Answer::Go { only: None, spared: arrival.spared, tag: fingerprint }
            }
            Visit::Due { now, spared } => Answer::Go { only: Some(now), spared, tag: fingerprint },
            Visit::Known => match self.audit.and_then(|audit| audit.next(fingerprint, state.transitions)) {
                Some(transition) => {
                    self.audited_steps = 0;
                    Answer::Audit { transition, tag: fingerprint }
                }
                None => Answer::Stop,
            },
            Visit::Full => {
                self.full = true;
                Answer::Stop
            }
        }
    }

    fn audited(&mut self, state: &State<'_>, from: (u128, Transition)) -> Option<(Transition, u128)> {
        let audit = self.audit?;
        let fingerprint = state.fingerprint();
        if !self.follows(audit, from, state, fingerprint) {
            return None;
        }
        self.audited_steps += 1;
        let goes_on = self.audited_steps < audit::STEPS_MAX;
        audit.next(fingerprint, state.transitions).filter(|_| goes_on).map(|transition| (transition, fingerprint))
    }

    fn spares(&self) -> bool {
        // An audit looks at states that are met again, which is what sleep sets avoid.
        !self.symmetry && self.audit.is_none()
    }

    fn states(&self) -> u64 {
        self.visited.states()
    }
}

/// Visits every state of the program.
///
/// # Errors
/// If a checkpoint cannot be read or written, or is of another exploration.
pub fn explore(subject: &dyn Subject, config: &Config) -> Result<Verdict, Error> {
    if let Some(max) = config.preemptions_max {
        return Ok(witness::preemption_bounded(subject, config, max)?);
    }
    let _locked = config.checkpoint.as_ref().map(Checkpoint::take).transpose()?;
    // An audit is after what the program does and the engine does not see, so it is run each time.
    let rerun = config.audit || config.seeded == Some(Unsound::NamesReused);
    let mut symmetry = config.symmetry;
    loop {
        match visit_all(subject, &Config { symmetry, ..config.clone() }, rerun)? {
            Ok(verdict) => {
                let symmetry = config.symmetry.then_some(symmetry);
                return Ok(Verdict { symmetry, ..verdict });
            }
            Err(Void::Named) => symmetry = false,
            Err(Void::Hidden(hidden)) => return Err(hidden.into()),
        }
    }
}

/// Goes through states as an audit does, within the bounds of `config`, and says only whether something is hidden.
///
/// # Errors
/// If something is.
pub(super) fn audit(subject: &dyn Subject, config: &Config) -> Result<(), HiddenState> {
    let (visited, audit) = (Visited::new(config.bytes_max), Audit::default());
    let crew = Crew { subject, config, visited: &visited, audit: Some(&audit), rerun: true };
    match crew.round(vec![Item::default()], &mut Totals::default(), None).void {
        Some(Void::Hidden(hidden)) => Err(hidden),
        Some(Void::Named) => unreachable!("internal error: an audit without symmetry exchanges no tasks"),
        None => Ok(()),
    }
}

/// Visits every state this way; or says why that is impossible.
fn visit_all(subject: &dyn Subject, config: &Config, rerun: bool) -> Result<Result<Verdict, Void>, Error> {
    let visited = Visited::new(config.bytes_max);
    let audit = config.audit.then(Audit::default);
    let Restored { mut items, mut totals } = match &config.checkpoint {
        Some(checkpoint) => checkpoint.restore(subject, config, &visited)?,
        None => Restored::default(),
    };
    if items.is_empty() {
        items.push(Item::default());
    }
    let crew = Crew { subject, config, visited: &visited, audit: audit.as_ref(), rerun };
    let mut pause = config.checkpoint.as_ref().map(|checkpoint| checkpoint.interval);
    let bound = loop {
        let deadline = pause.map(|pause| Instant::now() + pause);
        let Round { left, bound, void } = crew.round(items, &mut totals, deadline);
        if let Some(void) = void {
            return Ok(Err(void));
        }
        if left.is_empty() {
            if let Some(checkpoint) = &config.checkpoint {
                checkpoint.remove()?;
            }
            break None;
        }
        if let Some(checkpoint) = &config.checkpoint {
            let begun = Instant::now();
            checkpoint.save(config, &visited, &left, &totals)?;
            pause = Some(checkpoint.interval.max(begun.elapsed() * WRITING_SHARE));
        }
        if bound.is_some() {
            break bound;
        }
        items = left;
    };
    let goes_round = rerun || livelock::goes_round(&totals.histories);
    let mut verdict = verdict(subject, config, totals, bound);
    verdict.states = visited.states();
    verdict.audited = audit.as_ref().map(Audit::count);
    if goes_round && verdict.bound.is_none() && config.seeded.is_none() {
        livelock::find(subject, config, rerun, &mut verdict)?;
    }
    Ok(Ok(verdict))
}

fn verdict(subject: &dyn Subject, config: &Config, totals: Totals, bound: Option<Bound>) -> Verdict {
    let long = totals.too_long.first.clone().or(totals.ended_on.clone());
    let mut verdict = totals.into_verdict(config.limits.steps_max);
    // What ends the whole exploration is named before what ended a single execution.
    verdict.bound = bound.or(verdict.bound);
    if verdict.bound.is_some() {
        verdict.repeats = long.and_then(|schedule| repeats::find(subject, config, &schedule));
    }
    verdict
}
