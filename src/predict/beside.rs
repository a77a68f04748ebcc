//! What the validator says of the runs that an exploration saw, whatever engine made them: how sure its orders are, and what else one run predicts.
//!
//! Each finding that is a rule of orders (LW003, LW004) is graded by the run that shows it. One run more, each task as far as it can go, is asked for what the
//! exploration has no finding of: an event that is waited for under a lock that it needs. An engine that has seen every order knows what is reached; for the
//! others the explorer looks for it.

use std::sync::Arc;

use super::record::Record;
use super::{Fate, Foreseen, Predicted, Unpredicted, aim, page, predict};
use crate::check::Code;
use crate::event::names::Names;
use crate::explore::schedule::Guide;
use crate::explore::{Config, EngineKind, Found, Subject, Verdict};
use crate::lockdep::finding::Grade;

/// What is said beside the findings of a verdict.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// By finding: its code and subject; how sure it is, and its cure, a line each.
    pub sure: Vec<(Code, String, Vec<String>)>,
    /// What one run predicts, and no interleaving of the program shows: no findings.
    pub notes: Vec<String>,
    /// What one run predicts, the engine has not met, and the explorer reaches.
    pub reached: Vec<Found>,
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
    let mut beside = Beside::default();
    for found in verdict.findings.iter().filter(|found| is_of_orders(found.finding.code) && !found.weak_memory) {
        if let Some(lines) = asked.sure(found, names)? {
            beside.sure.push((found.finding.code, found.finding.subject.to_string(), lines));
        }
    }
    // A deadlock that was met is what is predicted of it, and what ends an execution hides the rest.
    let is_met =
        |found: &Found| matches!(found.finding.code, Code::LW001 | Code::LW008) || found.finding.code.ends_execution();
    if verdict.findings.iter().any(is_met) {
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

fn is_of_orders(code: Code) -> bool {
    matches!(code, Code::LW003 | Code::LW004)
}

struct Asked<'a> {
    subject: &'a Arc<dyn Subject>,
    config: &'a Config,
    verdict: &'a Verdict,
}

impl Asked<'_> {
    /// How sure a finding is, and its cure. Nothing if its facts are of several runs, or the validator does not know it: the BKL, what no interrupt masks.
    fn sure(&self, found: &Found, names: &Names) -> Result<Option<Vec<String>>, Unpredicted> {
        let code = found.finding.code.to_string();
        let subject = found.finding.subject.as_str();
        // Where its facts are of several executions, the schedule shows one of them; the run of one task after the other often has them all.
        for guide in [Guide::Exact(&found.schedule), Guide::Sequential] {
            let predicted = predict(self.subject, names, &guide, None)?;
            let is_it = |foreseen: &&Foreseen| foreseen.code == code && is_about(foreseen, &predicted, subject);
            if let Some(foreseen) = predicted.foreseen.iter().filter(is_it).min_by_key(|it| it.finding.grade) {
                return self.lines(foreseen.clone(), &predicted, names).map(Some);
            }
        }
        Ok(None)
    }

    fn lines(&self, mut foreseen: Foreseen, predicted: &Predicted, names: &Names) -> Result<Vec<String>, Unpredicted> {
        foreseen.fate = self.fate(&foreseen, &predicted.record)?;
        let mut lines = vec![page::fate(&foreseen, &predicted.record)];
        if !foreseen.finding.cure.is_empty() {
            lines.push(format!("cure: {}", page::cure(&foreseen, &predicted.record, names)));
        }
        Ok(lines)
    }

    /// What became of a prediction: known where every order was seen, and looked for elsewhere.
    fn fate(&self, foreseen: &Foreseen, record: &Record) -> Result<Fate, Unpredicted> {
        if foreseen.finding.cycle.is_empty() || foreseen.finding.grade == Grade::ClassMerging {
            return Ok(Fate::NotAsked);
        }
        let ends = |found: &Found| {
            matches!(found.finding.code, Code::LW001 | Code::LW008) || found.finding.code.ends_execution()
        };
        let sees_all = !matches!(self.verdict.engine, EngineKind::Loom);
        if self.verdict.complete() && sees_all && !self.verdict.findings.iter().any(ends) {
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

/// Is a lock of that name part of the cycle?
fn is_about(foreseen: &Foreseen, predicted: &Predicted, name: &str) -> bool {
    let locks = &predicted.record.locks.all;
    foreseen.finding.cycle.iter().any(|edge| locks[edge.from.lock].class == name)
}
