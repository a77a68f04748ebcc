//! A report in parts, and the whole that they are: what a job array prints, and what comes of it.
//!
//! A part is the report of one [`Slice`] of the explorations, in an envelope that says which slice of how many it is, of what input,
//! and what build made it. [`merge`] takes nothing on trust: every slice has to be there once, all of one input and one build, and each
//! with all of its explorations. The whole that it prints is the one that a single run would, but for the times.

use serde::{Deserialize, Serialize};

use super::ordered::Ordered;
use super::{VERSION, text};
use crate::report::count;
use crate::study::slice::Slice;

/// The command that a part says it is of.
pub const PART: &str = "part";

/// A part of a report.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part<T> {
    /// The command whose report it is part of.
    pub of: String,
    /// What made it: the version, and a fingerprint of the program file.
    pub build: String,
    /// A fingerprint of what was asked: the programs, and how to explore them.
    pub input: String,
    /// Which slice, from 1.
    pub slice: usize,
    /// Of how many.
    pub slices: usize,
    /// Explorations of the whole.
    pub explorations: usize,
    /// Which of them were made for this part. Where the report has cells, one for each, in their order.
    pub at: Vec<usize>,
    /// Where the report has kinds: the place of each among those of the whole, in their order.
    pub ranks: Vec<Rank>,
    /// The report of the slice.
    pub report: T,
}

/// The place of a kind of finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rank {
    /// Which design, of those that were asked for.
    pub design: usize,
    /// The code, the subject, the bug and the reason: what makes it a kind.
    pub kind: (String, String, Option<(String, String)>),
    /// How large the smallest scenario is that has it.
    pub size: (usize, usize, usize, usize, bool),
    /// Which exploration that was.
    pub at: usize,
}

/// The envelope, as it is read.
#[derive(Deserialize)]
struct Envelope {
    lockwright: u32,
    command: String,
}

/// A part, and the file that it is in.
struct Read {
    file: String,
    part: Part<Ordered>,
}

/// What parts come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// The whole report.
    pub text: String,
    /// Is anything wrong? As the command says it by its exit status.
    pub findings: bool,
    /// Is every exploration complete?
    pub complete: bool,
}

/// Why parts are no whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoWhole {
    /// There is nothing to merge.
    #[error("there is no part to merge")]
    Nothing,
    /// A file is no part of a report.
    #[error("{file}: {why}")]
    Unfit {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// Two parts are of different wholes.
    #[error("{file} is of another {what} than {first}: {this} and {that}")]
    Foreign {
        /// The file.
        file: String,
        /// The first one.
        first: String,
        /// What differs.
        what: &'static str,
        /// There.
        this: String,
        /// In the first one.
        that: String,
    },
    /// A slice is there twice.
    #[error("{slice} is there twice: {file} and {other}")]
    Twice {
        /// Which.
        slice: String,
        /// A file.
        file: String,
        /// Another.
        other: String,
    },
    /// Slices are not there.
    #[error("{} of {of} not there: {}", count(missing.len() as u64, "slice"), missing.join(" "))]
    Missing {
        /// Which.
        missing: Vec<String>,
        /// Of how many.
        of: usize,
    },
}

/// The whole of the parts in these files, by name and content.
///
/// # Errors
/// If they are not all the parts of one report.
pub fn merge(files: &[(String, String)]) -> Result<Merged, NoWhole> {
    let mut parts = files.iter().map(|(file, text)| read(file, text)).collect::<Result<Vec<_>, _>>()?;
    let first = parts.first().ok_or(NoWhole::Nothing)?;
    for other in &parts[1..] {
        belongs(first, other)?;
    }
    parts.sort_by_key(|read| read.part.slice);
    if let Some(pair) = parts.windows(2).find(|pair| pair[0].part.slice == pair[1].part.slice) {
        let slice = slice(&pair[0].part).to_string();
        return Err(NoWhole::Twice { slice, file: pair[0].file.clone(), other: pair[1].file.clone() });
    }
    let of = parts[0].part.slices;
    let is_missing = |number: &usize| parts.iter().all(|read| read.part.slice != *number);
    let missing = (1..=of).filter(is_missing).map(|number| Slice { number, of }.to_string());
    let missing: Vec<String> = missing.collect();
    if !missing.is_empty() {
        return Err(NoWhole::Missing { missing, of });
    }
    whole(&parts)
}

fn slice(part: &Part<Ordered>) -> Slice {
    Slice { number: part.slice, of: part.slices }
}

/// The part in a file, if it is one.
fn read(file: &str, text: &str) -> Result<Read, NoWhole> {
    let unfit = |why: String| NoWhole::Unfit { file: file.to_owned(), why };
    let envelope: Envelope = serde_json::from_str(text).map_err(|error| unfit(format!("is no report: {error}")))?;
    if envelope.command != PART {
        return Err(unfit(format!("is a whole report of `{}`, not a part of one", envelope.command)));
    }
    if envelope.lockwright != VERSION {
        return Err(unfit(format!("is of version {} of the schema, not {VERSION}", envelope.lockwright)));
    }
    let fields: Ordered = serde_json::from_str(text).map_err(|error| unfit(format!("is damaged: {error}")))?;
    let Ordered::Object(mut fields) = fields else { return Err(unfit("is damaged: it is no object".to_owned())) };
    fields.retain(|(name, _)| name != "lockwright" && name != "command");
    let part: Part<Ordered> = again(&Ordered::Object(fields)).map_err(|error| unfit(format!("is damaged: {error}")))?;
    intact(&part).map_err(|why| unfit(format!("is damaged: {why}")))?;
    Ok(Read { file: file.to_owned(), part })
}

/// A value that was read, as something else.
fn again<T: for<'de> Deserialize<'de>>(value: &Ordered) -> serde_json::Result<T> {
    serde_json::from_str(&serde_json::to_string(value)?)
}

/// Does it have all explorations of its slice, and a place for everything in its lists?
fn intact(part: &Part<Ordered>) -> Result<(), String> {
    slice(part).to_string().parse::<Slice>().map_err(|error| error.to_string())?;
    let mut at = part.at.clone();
    at.dedup();
    let due = (0..part.explorations).filter(|at| slice(part).has(*at));
    if !due.eq(at.iter().copied()) {
        return Err("it does not have the explorations of its slice".to_owned());
    }
    let length = |name: &str| part.report.field(name).and_then(Ordered::list).map(<[Ordered]>::len);
    for (name, places) in [("cells", part.at.len()), ("kinds", part.ranks.len())] {
        if length(name).is_some_and(|length| length != places) {
            return Err(format!("not every element of `{name}` has its place"));
        }
    }
    Ok(())
}

/// Is the other one a part of the same whole?
fn belongs(first: &Read, other: &Read) -> Result<(), NoWhole> {
    let facts = |part: &Part<Ordered>| {
        let slices = (part.slices.to_string(), part.explorations.to_string());
        [
            ("build", part.build.clone()),
            ("command", part.of.clone()),
            ("input", part.input.clone()),
            ("number of slices", slices.0),
            ("number of explorations", slices.1),
        ]
    };
    let mut pairs = facts(&other.part).into_iter().zip(facts(&first.part));
    pairs.find(|(this, that)| this.1 != that.1).map_or(Ok(()), |((what, this), (_, that))| {
        Err(NoWhole::Foreign { file: other.file.clone(), first: first.file.clone(), what, this, that })
    })
}

/// The fields of the whole, in the order of the first part's.
#[derive(Serialize)]
#[serde(transparent)]
struct Whole(Ordered);

fn whole(parts: &[Read]) -> Result<Merged, NoWhole> {
    let Ordered::Object(fields) = &parts[0].part.report else {
        return Err(NoWhole::Unfit {
            file: parts[0].file.clone(),
            why: "is damaged: its report is no object".to_owned(),
        });
    };
    let mut merged = Vec::with_capacity(fields.len());
    for (name, _) in fields {
        merged.push((name.clone(), field(parts, name)?));
    }
    let whole = Ordered::Object(merged);
    let said = |name: &str| whole.field(name) == Some(&Ordered::Bool(true));
    let has =
        |value: &Ordered, name: &str| value.field(name).and_then(Ordered::list).is_some_and(|list| !list.is_empty());
    let of = parts[0].part.of.as_str();
    let cells = whole.field("cells").and_then(Ordered::list).unwrap_or_default();
    let findings = match of {
        "matrix" => !said("expected"),
        _ => has(&whole, "kinds") || cells.iter().any(|cell| has(cell, "findings")),
    };
    let complete = said("complete");
    Ok(Merged { text: text(of, Whole(whole)), findings, complete })
}

/// A field of the whole, from that of each part.
fn field(parts: &[Read], name: &str) -> Result<Ordered, NoWhole> {
    let unfit =
        |read: &Read, why: String| NoWhole::Unfit { file: read.file.clone(), why: format!("is damaged: {why}") };
    let of = |read: &Read| -> Result<Ordered, NoWhole> {
        let value = read.part.report.field(name);
        value.cloned().ok_or_else(|| unfit(read, format!("its report has no `{name}`")))
    };
    let values = parts.iter().map(of).collect::<Result<Vec<_>, _>>()?;
    let numbers = |read: &Read, value: &Ordered| match value {
        Ordered::Number(number) => Ok(number.clone()),
        _ => Err(unfit(read, format!("`{name}` is no number"))),
    };
    match name {
        "complete" | "expected" => Ok(Ordered::Bool(values.iter().all(|value| *value == Ordered::Bool(true)))),
        "seconds" | "states" | "scenarios" => {
            let all = parts.iter().zip(&values).map(|(read, value)| numbers(read, value));
            let all = all.collect::<Result<Vec<_>, _>>()?;
            let whole: Option<u64> = all.iter().map(serde_json::Number::as_u64).sum();
            let seconds = || serde_json::Number::from_f64(all.iter().filter_map(serde_json::Number::as_f64).sum());
            let sum = whole.filter(|_| name != "seconds").map(Into::into).or_else(seconds);
            Ok(sum.map_or(Ordered::Null, Ordered::Number))
        }
        "cells" => Ok(Ordered::List(cells(parts, &values))),
        "kinds" => kinds(parts, &values).map_err(|(read, why)| unfit(read, why)),
        _ => match parts.iter().zip(&values).find(|(_, value)| **value != values[0]) {
            Some((read, _)) => Err(unfit(read, format!("its `{name}` is not that of {}", parts[0].file))),
            None => Ok(values[0].clone()),
        },
    }
}

/// The elements of a list, if it is one.
fn elements(value: &Ordered) -> &[Ordered] {
    value.list().unwrap_or_default()
}

/// The cells of all parts in their order.
fn cells(parts: &[Read], values: &[Ordered]) -> Vec<Ordered> {
    let of = |(read, value): (&Read, &Ordered)| -> Vec<(usize, Ordered)> {
        read.part.at.iter().copied().zip(elements(value).iter().cloned()).collect()
    };
    let mut all: Vec<(usize, Ordered)> = parts.iter().zip(values).flat_map(of).collect();
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, cell)| cell).collect()
}

/// Kinds of findings: those of one kind are one, shown by the smallest scenario of all parts.
fn kinds<'a>(parts: &'a [Read], values: &[Ordered]) -> Result<Ordered, (&'a Read, String)> {
    let mut all: Vec<(&Rank, u64, Ordered)> = Vec::new();
    for (read, value) in parts.iter().zip(values) {
        for (rank, kind) in read.part.ranks.iter().zip(elements(value)) {
            let Some(Ordered::Number(scenarios)) = kind.field("scenarios") else {
                return Err((read, "a kind has no number of scenarios".to_owned()));
            };
            all.push((rank, scenarios.as_u64().unwrap_or(0), kind.clone()));
        }
    }
    all.sort_by(|left, right| left.0.cmp(right.0));
    let mut merged: Vec<(&Rank, u64, Ordered)> = Vec::new();
    for (rank, scenarios, kind) in all {
        match merged.last_mut() {
            Some(last) if (last.0.design, &last.0.kind) == (rank.design, &rank.kind) => last.1 += scenarios,
            _ => merged.push((rank, scenarios, kind)),
        }
    }
    let with = |(_, scenarios, kind): (&Rank, u64, Ordered)| {
        let Ordered::Object(mut fields) = kind else { return kind };
        let counted = fields.iter_mut().filter(|(name, _)| name == "scenarios");
        counted.for_each(|(_, value)| *value = Ordered::Number(scenarios.into()));
        Ordered::Object(fields)
    };
    Ok(Ordered::List(merged.into_iter().map(with).collect()))
}
