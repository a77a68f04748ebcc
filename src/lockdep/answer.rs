//! A case, its answer, and how the answer compares with what the file expects.

use serde::Serialize;

use super::case::Case;
use super::finding::{Finding, Kind};
use super::validator::{Rules, Validator};

/// What is said about a case, on one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Answer {
    /// Which case.
    pub id: String,
    /// `report` or `clean`.
    pub verdict: &'static str,
    /// The kind of the first report.
    pub kind: Option<&'static str>,
    /// The step at which it came out, from 0.
    pub step: Option<usize>,
}

/// The answer, and all that was found up to the first report.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The line.
    pub answer: Answer,
    /// The report.
    pub report: Option<Finding>,
    /// What was found before it and is no report: see [`super::finding::Grade::is_report`].
    pub doubtful: Vec<Finding>,
}

/// Runs a case up to its first report.
pub fn judge(case: &Case, rules: Rules) -> Judged {
    let mut validator = Validator::new(&case.locks, rules);
    for step in &case.steps {
        validator.step(0, step);
        if validator.first_report().is_some() {
            break;
        }
    }
    let report = validator.first_report().cloned();
    let answer = Answer {
        id: case.id.clone(),
        verdict: if report.is_some() { "report" } else { "clean" },
        kind: report.as_ref().map(|finding| finding.kind.word()),
        step: report.as_ref().map(|finding| finding.place.step),
    };
    let doubtful = validator.findings().iter().filter(|finding| !finding.grade.is_report()).cloned().collect();
    Judged { answer, report, doubtful }
}

/// How the answers of a file compare with what it expects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Cases with an expected verdict, and those of them that are right.
    pub verdicts: (usize, usize),
    /// Reports whose kind is expected, likewise. The three kinds of interrupt findings count as one.
    pub kinds: (usize, usize),
    /// Reports whose step is expected, likewise.
    pub steps: (usize, usize),
    /// What differs.
    pub differences: Vec<String>,
}

impl Score {
    /// Adds a case. `ideal` is what counts, where there is one; asked as the kernel it is what lockdep answered.
    pub fn add(&mut self, case: &Case, answer: &Answer, rules: Rules) {
        let expected = &case.expected;
        let wanted = match rules {
            Rules::Ours => expected.ideal.or(expected.report),
            Rules::Kernel => expected.lockdep.or(expected.report),
        };
        let Some(wanted) = wanted else { return };
        let is_report = answer.verdict == "report";
        let word = |report| if report { "report" } else { "clean" };
        count(&mut self.verdicts, wanted == is_report);
        if wanted != is_report {
            self.differences.push(format!("{}: {}, expected {}", case.id, answer.verdict, word(wanted)));
            return;
        }
        if !is_report || expected.report != Some(true) {
            return;
        }
        if let Some(kind) = &expected.kind {
            let ours = answer.kind.unwrap_or_default();
            let is_right = Kind::unified(ours) == Kind::unified(kind);
            count(&mut self.kinds, is_right);
            if !is_right {
                self.differences.push(format!("{}: {ours}, expected {kind}", case.id));
            }
        }
        if let (Some(step), Some(ours)) = (expected.step, answer.step) {
            count(&mut self.steps, step == ours);
            if step != ours {
                self.differences.push(format!("{}: at step {ours}, expected at step {step}", case.id));
            }
        }
    }
}

fn count(of: &mut (usize, usize), is_right: bool) {
    of.0 += 1;
    of.1 += usize::from(is_right);
}
