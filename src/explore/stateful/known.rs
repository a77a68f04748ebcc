//! What a worker of the explorer knows of states: where it has been, and what an audit of that says.

use super::audit::{self, Audit};
use super::path::{Answer, Arrival, Pruning};
use super::visited::{Visit, Visited};
use crate::engine::State;
use crate::engine::world::Transition;
use crate::explore::hidden::HiddenState;
use crate::explore::spared::Spared;

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

    fn knows(&self, state: u128, spared: Spared) -> bool {
        self.audit.is_none() && !self.symmetry && self.visited.knows(state, spared)
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
        // Bits do not say what was spared at a state.
        !self.symmetry && self.audit.is_none() && self.visited.bits().is_none()
    }

    fn states(&self) -> u64 {
        self.visited.states()
    }
}
