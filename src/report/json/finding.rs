//! A finding, its places, and where it became certain.

use serde::Serialize;

use crate::check::{Code, Finding, Spot};
use crate::event::names::Names;
use crate::explore::Step;
use crate::explore::graph::NoReturn;
use crate::explore::schedule::Schedule;
use crate::lockdep::certainty::Graded;
use crate::report::counterexample::{Counterexample, no_return_text};
use crate::report::source;

/// A finding.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct FindingReport<'a> {
    /// Its code.
    pub code: Code,
    /// What the code means.
    pub title: &'static str,
    /// What it is about.
    pub subject: &'static str,
    /// One sentence.
    pub message: &'a str,
    /// The bug it is known as.
    pub bug: Option<&'static str>,
    /// Does no sequentially consistent execution show it?
    pub weak_memory: bool,
    /// Where it went wrong.
    pub at: SpotReport<'a>,
    /// Where that was prepared, if anything else has a part in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<SpotReport<'a>>,
    /// From where on it could not be avoided any more; absent where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_return: Option<NoReturnReport>,
    /// How sure it is, and its cure: of a rule about orders or contexts (LW003, LW004, LW005), where nothing has to go wrong. Absent of others, and where nobody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grade: Option<GradeReport<'a>>,
    /// The schedule that leads there; absent if it was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<&'a [Step]>,
    /// The file the schedule was saved in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved: Option<&'a str>,
}

impl<'a> FindingReport<'a> {
    /// Of a finding that stands alone.
    pub fn new(finding: &'a Finding, names: &Names, bug: Option<&'static str>) -> FindingReport<'a> {
        FindingReport {
            code: finding.code,
            title: finding.code.title(),
            subject: finding.subject.as_str(),
            message: &finding.message,
            bug,
            weak_memory: false,
            at: SpotReport::new(&finding.at, names),
            other: finding.other.as_ref().map(|other| SpotReport::new(other, names)),
            no_return: None,
            grade: None,
            steps: None,
            saved: None,
        }
    }

    /// Of a counterexample, with its schedule.
    pub fn with_schedule(example: &Counterexample<'a>) -> FindingReport<'a> {
        FindingReport {
            weak_memory: example.found.weak_memory,
            no_return: example
                .no_return
                .map(|it| NoReturnReport::new(it, &example.found.schedule, example.names, example.found.finding.code)),
            grade: example.graded.map(GradeReport::new),
            steps: example.replay.map(|replay| replay.steps.as_slice()),
            saved: example.saved,
            ..FindingReport::new(&example.found.finding, example.names, example.expected.map(|known| known.bug))
        }
    }
}

/// How sure a finding is.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct GradeReport<'a> {
    /// `certain`, `interleaving`, `not-reached`, `unconfirmed`, `class-merging` or `serialised`.
    pub word: &'static str,
    /// The same in one line, with the length of the schedule, the lock around it or the bound.
    pub text: &'a str,
    /// What that means for the reader.
    pub means: &'static str,
    /// The smallest change that would cure it; `null` if none is known.
    pub cure: Option<&'a str>,
}

impl<'a> GradeReport<'a> {
    /// Of a finding's grade.
    pub fn new(graded: &'a Graded) -> GradeReport<'a> {
        GradeReport {
            word: graded.certainty.word(),
            text: &graded.text,
            means: graded.certainty.means(),
            cure: graded.cure.as_deref(),
        }
    }
}

/// A place of a finding.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct SpotReport<'a> {
    /// Whose step; `boot` is the set-up.
    pub task: String,
    /// Its number.
    pub step: u32,
    /// What happened there.
    pub label: &'a str,
    /// The source, as `file:line`.
    pub source: String,
}

impl<'a> SpotReport<'a> {
    pub(super) fn new((spot, label): &'a (Spot, String), names: &Names) -> SpotReport<'a> {
        SpotReport { task: names.task(spot.task).to_owned(), step: spot.step, label, source: source(spot.place) }
    }
}

/// The point of no return: the last step before which the execution could still have ended well.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct NoReturnReport {
    /// Its number; 0 if every order ends so, `null` if a bound on states was reached before it was known.
    pub step: Option<u32>,
    /// Whose step there, instead of the one that was taken, would still have led to a good end.
    pub instead: Option<String>,
    /// The same as a sentence.
    pub text: String,
}

impl NoReturnReport {
    /// Of a finding with that code in the execution of a schedule.
    pub fn new(no_return: &NoReturn, schedule: &Schedule, names: &Names, code: Code) -> NoReturnReport {
        let (step, instead) = match no_return {
            NoReturn::At { step, instead } => {
                let task = instead.transitions[*step as usize - 1].task;
                (Some(*step), Some(names.task(task).to_owned()))
            }
            NoReturn::Start => (Some(0), None),
            NoReturn::Unknown(_) => (None, None),
        };
        NoReturnReport { step, instead, text: no_return_text(no_return, schedule, names, code) }
    }
}
