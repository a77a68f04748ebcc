//! What two programs can do, held against each other: what happens in executions of the one and in none of the other.
//!
//! That something never happens is proved by a complete exploration, and by nothing else. So a difference counts only if the side
//! that lacks it is complete, and two programs are said to be equal only if both are.
//!
//! What happens is an outcome, an outcome as it stands where nobody can run any more, or a finding. An execution that a finding ends
//! has no outcome, so the finding stands for it. Outcomes are compared as they are: what a program does not put into them is not seen.

use super::outcomes::Outcomes;
use super::schedule::Schedule;
use super::verdict::Verdict;
use crate::check::{Code, Finding};
use crate::event::outcome::Outcome;

/// Something that can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// All tasks end, and this is what it comes to.
    Outcome(Outcome),
    /// Nobody can run any more, and it stands like this.
    Stuck(Outcome),
    /// A check says so.
    Finding(Box<Finding>),
}

/// Something that can happen in one of two programs alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `LW050`: in the new one; `LW051`: in the old one.
    pub code: Code,
    /// What happens.
    pub what: What,
    /// How; `None`: only loom's memory shows it.
    pub schedule: Option<Schedule>,
    /// The outcome of the other program that is most like it.
    pub near: Option<Outcome>,
}

/// How what the new program can do stands to what the old one can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// They can do the same.
    Equal,
    /// The new one can do less.
    Narrower,
    /// It can do more.
    Wider,
    /// Each can do what the other cannot.
    Incomparable,
}

impl Relation {
    /// What follows from there being something in the old one alone, and in the new one alone.
    pub fn of(only_old: bool, only_new: bool) -> Relation {
        match (only_old, only_new) {
            (false, false) => Relation::Equal,
            (true, false) => Relation::Narrower,
            (false, true) => Relation::Wider,
            (true, true) => Relation::Incomparable,
        }
    }

    /// How it reads.
    pub fn text(self) -> &'static str {
        match self {
            Relation::Equal => "equal",
            Relation::Narrower => "narrower",
            Relation::Wider => "wider",
            Relation::Incomparable => "incomparable",
        }
    }
}

/// All differences, those of the new program first. What one side lacks counts only if that side is complete.
pub fn differences(old: &Verdict, new: &Verdict) -> Vec<Difference> {
    let mut all = Vec::new();
    for (code, has, lacks) in [(Code::LW050, new, old), (Code::LW051, old, new)] {
        if lacks.complete() {
            all.extend(only_in(code, has, lacks));
        }
    }
    all
}

/// Differences that are one change, seen from both sides: for each, the place of the other in the list, if there is one.
///
/// An outcome that the new program alone has and one that the old one alone has go together if each is, of all that the other program
/// can come to, the one that is most like the other.
pub fn pairs(differences: &[&Difference]) -> Vec<Option<usize>> {
    let outcome = |it: &Difference| match &it.what {
        What::Outcome(outcome) => Some((false, outcome.clone())),
        What::Stuck(outcome) => Some((true, outcome.clone())),
        What::Finding(_) => None,
    };
    let is_of = |one: &Difference, other: &Difference| {
        let stuck = matches!(one.what, What::Stuck(_));
        one.code != other.code && one.near.clone().map(|near| (stuck, near)) == outcome(other) && one.near.is_some()
    };
    let other = |one: &&Difference| differences.iter().position(|it| is_of(one, it) && is_of(it, one));
    differences.iter().map(other).collect()
}

/// How the new program stands to the old one; `None` if one of the two was not explored to the end.
pub fn relation(old: &Verdict, new: &Verdict) -> Option<Relation> {
    if !old.complete() || !new.complete() {
        return None;
    }
    let differences = differences(old, new);
    let has = |code| differences.iter().any(|difference| difference.code == code);
    Some(Relation::of(has(Code::LW051), has(Code::LW050)))
}

fn only_in(code: Code, has: &Verdict, lacks: &Verdict) -> Vec<Difference> {
    let is_known = |finding: &Finding| {
        lacks.findings.iter().any(|it| (it.finding.code, it.finding.subject) == (finding.code, finding.subject))
    };
    let findings = has.findings.iter().filter(|found| !is_known(&found.finding)).map(|found| Difference {
        code,
        what: What::Finding(Box::new(found.finding.clone())),
        schedule: (!found.weak_memory).then(|| found.schedule.clone()),
        near: None,
    });
    let of = |has: &Outcomes, lacks: &Outcomes, what: fn(Outcome) -> What| -> Vec<Difference> {
        let only = has.difference(lacks).map(|outcome| Difference {
            code,
            what: what(outcome.clone()),
            schedule: has.schedule(outcome).cloned(),
            near: nearest(outcome, lacks),
        });
        only.collect()
    };
    let mut all: Vec<Difference> = findings.collect();
    all.extend(of(&has.outcomes, &lacks.outcomes, What::Outcome));
    all.extend(of(&has.deadlocks, &lacks.deadlocks, What::Stuck));
    all
}

/// The outcome that differs in the fewest values; of several the first.
fn nearest(outcome: &Outcome, among: &Outcomes) -> Option<Outcome> {
    among.iter().min_by_key(|other| parts(outcome, other).count()).cloned()
}

/// Where two outcomes differ: what it is, how it is in the first and in the second.
pub fn parts<'a>(one: &'a Outcome, other: &'a Outcome) -> impl Iterator<Item = (String, String, String)> + 'a {
    let results = one.results.iter().flat_map(move |task| {
        let theirs = other.results.iter().find(|it| it.task == task.task).map_or(&[][..], |it| &it.results);
        (0..task.results.len().max(theirs.len())).filter_map(move |at| {
            let text = |results: &[i64]| results.get(at).map_or("-".to_owned(), i64::to_string);
            let number = if task.results.len() > 1 { format!(", call {}", at + 1) } else { String::new() };
            (task.results.get(at) != theirs.get(at))
                .then(|| (format!("{}{number}", task.task), text(&task.results), text(theirs)))
        })
    });
    let state = one.state.iter().filter_map(move |remains| {
        let theirs = other.state.iter().find(|it| (it.name, it.on) == (remains.name, remains.on));
        let on = remains.on.map_or(String::new(), |node| format!(" on {node}"));
        let text = theirs.map_or("-".to_owned(), |it| it.value.to_string());
        theirs.is_none_or(|it| it.value != remains.value).then(|| {
            let name = format!("{}{on}", remains.name);
            (name, remains.value.to_string(), text)
        })
    });
    results.chain(state)
}
