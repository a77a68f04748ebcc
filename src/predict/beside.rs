//! What the validator says of the runs that an exploration saw, whatever engine made them: how sure its orders are, and what else one run predicts.
//!
//! Each finding that is a rule of orders or of contexts (LW003, LW004, LW005) is graded by the run that shows it. One run more, each task as far as it can go, is
//! asked for what the exploration has no finding of: an event that is waited for under a lock that it needs. An engine that has seen every order knows what is
//! reached; for the others the explorer looks for it.

use std::sync::Arc;

use super::record::Record;
use super::{Fate, Foreseen, Predicted, Unpredicted, aim, page, predict};
use crate::check::Code;
use crate::event::Symbol;
use crate::event::names::Names;
use crate::explore::schedule::Guide;
use crate::explore::{Config, EngineKind, Found, Subject, Verdict};
use crate::lockdep::certainty::{Certainty, Graded};
use crate::lockdep::finding::Grade;

/// What is said beside the findings of a verdict.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// How sure each finding of orders is, and its cure.
    pub sure: Vec<Sure>,
    /// What one run predicts, and no interleaving of the program shows: no findings.
    pub notes: Vec<String>,
    /// What one run predicts, the engine has not met, and the explorer reaches.
    pub reached: Vec<Found>,
}

/// The grade of one finding.
#[derive(Clone, Debug)]
pub struct Sure {
    /// The code of the finding.
    pub code: Code,
    /// What it is about.
    pub subject: Symbol,
    /// How sure it is.
    pub graded: Graded,
}

/// The grade of a finding, among those of its verdict.
pub fn grade_of<'a>(sure: &'a [Sure], found: &Found) -> Option<&'a Graded> {
    let is_it = |sure: &&Sure| sure.code == found.finding.code && sure.subject == found.finding.subject;
    sure.iter().find(is_it).map(|sure| &sure.graded)
}

/// Judges the runs of a verdict.
///
/// # Errors
/// Those of the search for what is predicted.
pub fn beside(
    subject: &Arc<dyn Subject>,
    names: &Names,
    config: &Config,
    verdict: &Verdict,
) -> Result<Beside, Unpredicted> {
    let asked = Asked { subject, config, verdict };
    let mut beside = Beside { sure: graded(subject, names, config, verdict), ..Beside::default() };
    // A deadlock that was met is what is predicted of it, and what ends an execution hides the rest.
    if verdict.findings.iter().any(hangs) {
        return Ok(beside);
    }
    let predicted = predict(subject, names, &Guide::Sequential, None)?;
    let is_new = |foreseen: &&Foreseen| {
        let is_known = verdict.codes().iter().any(|code| code.to_string() == foreseen.code);
        !foreseen.finding.cycle.is_empty() && !is_known
    };
    let new: Vec<Foreseen> = predicted.reports().filter(is_new).cloned().collect();
    for mut foreseen in new {
        foreseen.fate = asked.fate(&foreseen, &predicted.record)?;
        match foreseen.fate {
            Fate::Reached(found) => beside.reached.push(*found),
            _ => beside.notes.push(page::one(&foreseen, &predicted.record, names)),
        }
    }
    Ok(beside)
}

/// How sure the findings of a verdict are that are about orders of locks, interrupts or contexts. The others are what they are: a schedule shows each.
///
/// Where the search for what a finding needs cannot be made, it is not confirmed, and says why.
pub fn graded(subject: &Arc<dyn Subject>, names: &Names, config: &Config, verdict: &Verdict) -> Vec<Sure> {
    if verdict.engine == EngineKind::Loom {
        return Vec::new();
    }
    let asked = Asked { subject, config, verdict };
    let is_graded = |found: &&Found| found.finding.code.is_of_orders() && !found.weak_memory;
    let one = |found: &Found| {
        let graded = asked.sure(found, names).unwrap_or_else(|error| {
            let text = format!("not confirmed: {error}");
            Graded { certainty: Certainty::Unconfirmed, text, cure: None }
        });
        Sure { code: found.finding.code, subject: found.finding.subject, graded }
    };
    verdict.findings.iter().filter(is_graded).map(one).collect()
}

/// Is it a deadlock, or the end of an execution?
fn hangs(found: &Found) -> bool {
    matches!(found.finding.code, Code::LW001 | Code::LW008) || found.finding.code.ends_execution()
}

struct Asked<'a> {
    subject: &'a Arc<dyn Subject>,
    config: &'a Config,
    verdict: &'a Verdict,
}

impl Asked<'_> {
    /// How sure a finding is, and its cure.
    fn sure(&self, found: &Found, names: &Names) -> Result<Graded, Unpredicted> {
        let code = found.finding.code.to_string();
        let subject = found.finding.subject.as_str();
        // Where its facts are of several executions, the schedule shows one of them; the run of one task after the other often has them all.
        for guide in [Guide::Exact(&found.schedule), Guide::Sequential] {
            let predicted = predict(self.subject, names, &guide, None)?;
            let is_it = |foreseen: &&Foreseen| foreseen.code == code && is_about(foreseen, &predicted, subject);
            if let Some(foreseen) = predicted.foreseen.iter().filter(is_it).min_by_key(|it| it.finding.grade) {
                return self.seen(foreseen.clone(), &predicted, names);
            }
        }
        Ok(self.unseen(found.finding.code))
    }

    fn seen(&self, mut foreseen: Foreseen, predicted: &Predicted, names: &Names) -> Result<Graded, Unpredicted> {
        foreseen.fate = self.fate(&foreseen, &predicted.record)?;
        let (certainty, text) = page::fate(&foreseen, &predicted.record);
        let cure = page::cure(&foreseen, &predicted.record, names);
        Ok(Graded { certainty, text, cure: Some(cure).filter(|cure| !cure.is_empty()) })
    }

    /// Of a finding that no single run shows whole, or that the validator does not know: the Big Kernel Lock, what no interrupt masks.
    fn unseen(&self, code: Code) -> Graded {
        let (certainty, text) = match self.is_all_seen() {
            _ if code == Code::LW005 => (Certainty::Certain, "certain on this path"),
            true => (Certainty::NotReached, page::NOT_REACHED),
            false => (Certainty::Unconfirmed, "not confirmed: no single run shows all of it"),
        };
        let cure = match code {
            Code::LW003 => "Take the locks in one order everywhere.",
            Code::LW005 => "Take the inner lock outside, or make it raw as well.",
            _ => {
                "Keep that interrupt out while the lock is held. Where nothing masks it (an NMI), do not take the lock there."
            }
        };
        Graded { certainty, text: text.to_owned(), cure: Some(cure.to_owned()) }
    }

    /// Has the engine seen every order, and nothing that hangs?
    fn is_all_seen(&self) -> bool {
        let sees_all = self.verdict.engine != EngineKind::Loom;
        self.verdict.complete() && sees_all && !self.verdict.findings.iter().any(hangs)
    }

    /// What became of a prediction: known where every order was seen, and looked for elsewhere.
    fn fate(&self, foreseen: &Foreseen, record: &Record) -> Result<Fate, Unpredicted> {
        if foreseen.finding.cycle.is_empty() || foreseen.finding.grade == Grade::ClassMerging {
            return Ok(Fate::NotAsked);
        }
        if self.is_all_seen() {
            return Ok(Fate::NotReached);
        }
        // What user-land code hides, a second search would have to be held against again.
        if self.subject.births().is_some() {
            return Ok(Fate::NotAsked);
        }
        let Config { executions_max, states_max, bytes_max, .. } = *self.config;
        let interrupt = self.config.interrupt.clone();
        let config = Config { executions_max, states_max, bytes_max, interrupt, ..Config::default() };
        Ok(aim::look_for(self.subject, record, &foreseen.finding, &config)?)
    }
}

/// Is a lock of that name part of it?
fn is_about(foreseen: &Foreseen, predicted: &Predicted, name: &str) -> bool {
    let record = &predicted.record;
    let class = |lock: usize| record.locks.all[lock].class == name;
    let is_taken = || record.taken(foreseen.finding.place).is_some_and(|lock| lock.class == name);
    foreseen.finding.cycle.iter().any(|edge| class(edge.from.lock)) || foreseen.finding.cycle.is_empty() && is_taken()
}
