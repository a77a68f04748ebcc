//! Lease scripts: calls made one after the other, with what a real kernel answered.
//!
//! A script names processes, files and up to twelve calls. [`run()`] makes the calls on a design and compares with the
//! recording (Linux 6.18), call by call: result, signals, and who was let go. The designs are of 2007, so some
//! differences are right; each of those is a row of a closed table ([`era`]) or it counts as wrong.
//!
//! | module | what |
//! |---|---|
//! | [`mod@parse`] | one JSON object a line, strictly; all mistakes of a file at once |
//! | [`path`] | what the path walk refuses before any lease is looked at |
//! | [`mod@run`] | a script on a design: processes as tasks, and a conductor |
//! | [`rules`] | the same calls by rules alone: an executable specification with a switch per era difference |
//! | [`era`] | the table, and when a row may be cited |
//!
//! Limits: everybody is root; no fork, no `F_SETSIG`, no `O_PATH`, no fifo. A script that needs them is refused as a
//! whole. No interleaving is explored here: that is the scenarios' business.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::lease::designs::Entry;

pub mod era;
pub mod parse;
pub mod path;
pub mod rules;
pub mod run;

pub use parse::{Problem, parse};
use path::{Access, OpenFlag};

/// Most calls a script may have.
pub const OPS_MAX: usize = 12;

/// Most processes a script may start with.
pub const PROCS_MAX: usize = 16;

/// A script that has been read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// Its name.
    pub id: String,
    /// Line of its file, from 1.
    pub line: usize,
    /// `lease_break_time` in seconds; 0 is never.
    pub lbt: u64,
    /// Number of processes, P0 first.
    pub procs: usize,
    /// What there is at the start: name, and whether it is a directory.
    pub files: BTreeMap<String, bool>,
    /// The calls, in order.
    pub ops: Vec<Op>,
    /// What it needs and we don't have. Not empty: it is refused.
    pub unsupported: Vec<String>,
    /// What the kernel answered, a record per call.
    pub trace: Option<Vec<Record>>,
}

/// One call of a script.
#[derive(Clone, Debug, PartialEq)]
pub struct Op {
    /// The process that makes it; the first one where none does.
    pub process: usize,
    /// What is called.
    pub call: Call,
}

/// What a script can call.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Call {
    Open {
        handle: String,
        path: String,
        access: Access,
        flags: Vec<OpenFlag>,
    },
    Close {
        handle: String,
    },
    Dup {
        handle: String,
        to: String,
    },
    SetLease {
        handle: String,
        arg: i32,
    },
    GetLease {
        handle: String,
    },
    Truncate {
        path: String,
        len: i64,
    },
    Ftruncate {
        handle: String,
        len: i64,
    },
    Interrupt,
    Advance {
        units: f64,
    },
    Locks,
    /// A call of the format that is not supported here.
    Unsupported,
}

impl Call {
    /// The handle it needs to be open.
    pub fn handle(&self) -> Option<&str> {
        match self {
            Call::Close { handle }
            | Call::Dup { handle, .. }
            | Call::SetLease { handle, .. }
            | Call::GetLease { handle }
            | Call::Ftruncate { handle, .. } => Some(handle),
            _ => None,
        }
    }
}

/// A result: a word, or the lines of `locks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Ret {
    /// `ok`, `blocked`, an errno, a lease type.
    Word(String),
    /// What `/proc/locks` shows, sorted.
    Lines(Vec<String>),
}

impl Ret {
    /// A result of one word.
    pub fn word(word: &str) -> Ret {
        Ret::Word(word.to_owned())
    }
}

/// A signal that arrived: process, name, and the handle it names if `F_SETSIG` was in force.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Signal {
    /// Without a handle.
    Plain(usize, String),
    /// With one.
    WithHandle(usize, String, String),
}

impl Signal {
    /// SIGIO for a process.
    pub fn io(process: usize) -> Signal {
        Signal::Plain(process, "IO".to_owned())
    }
}

/// The complete consequence of one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Which call, from 0.
    pub i: usize,
    /// Its result, or `blocked`.
    pub ret: Ret,
    /// Signals that arrived, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sig: Vec<Signal>,
    /// Calls that were blocked and returned: index and result, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub res: Vec<(usize, String)>,
}

/// What came of a script on a design.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Report {
    /// The script's name.
    pub id: String,
    /// The design's name.
    pub design: String,
    /// What came of it.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// How a script's results compare with its recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(tag = "verdict", rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Verdict {
    /// Every record is the recorded one.
    Same,
    /// The first record that differs does so for reasons in the table; what follows is not compared.
    Era { op: usize, rows: Vec<&'static str>, expected: Record, got: Record },
    /// The first record that differs does so for no known reason.
    Differs { op: usize, expected: Record, got: Record },
    /// The design got stuck during a call, or broke a rule of the kernel.
    Stuck { op: usize, why: String },
    /// It needs what is not supported; nothing was run.
    Refused { ops: Vec<String> },
    /// There is no recording to compare with.
    Ran { records: Vec<Record> },
}

/// Runs a script on a design and compares with its recording.
pub fn run(script: &Script, design: Entry) -> Report {
    let verdict = if script.unsupported.is_empty() {
        judge(script, design, run::records(script, design))
    } else {
        Verdict::Refused { ops: script.unsupported.clone() }
    };
    Report { id: script.id.clone(), design: design.full_name(), verdict }
}

/// Compares what a design answered with the recording.
pub fn judge(script: &Script, design: Entry, played: run::Played) -> Verdict {
    let records = played.records;
    let pairs = script.trace.iter().flatten().zip(&records);
    if let Some((expected, got)) = pairs.clone().find(|(expected, got)| expected != got) {
        let (op, expected, got) = (got.i, expected.clone(), got.clone());
        return match era::cite(script, design, op, &records) {
            Some(rows) => Verdict::Era { op, rows, expected, got },
            None => Verdict::Differs { op, expected, got },
        };
    }
    match (played.stuck, &script.trace) {
        (Some(why), _) => Verdict::Stuck { op: records.len(), why },
        (None, Some(_)) => Verdict::Same,
        (None, None) => Verdict::Ran { records },
    }
}

fn scripts(number: usize) -> String {
    if number == 1 { "1 script".to_owned() } else { format!("{number} scripts") }
}

/// How many scripts had which verdict, and what the cited rows say.
pub fn summary(reports: &[Report]) -> String {
    let count = |is: fn(&Verdict) -> bool| reports.iter().filter(|report| is(&report.verdict)).count();
    let mut text = format!(
        "{}: {} same, {} of another era, {} refused, {} without a recording, {} differ, {} stuck\n",
        scripts(reports.len()),
        count(|verdict| matches!(verdict, Verdict::Same)),
        count(|verdict| matches!(verdict, Verdict::Era { .. })),
        count(|verdict| matches!(verdict, Verdict::Refused { .. })),
        count(|verdict| matches!(verdict, Verdict::Ran { .. })),
        count(|verdict| matches!(verdict, Verdict::Differs { .. })),
        count(|verdict| matches!(verdict, Verdict::Stuck { .. })),
    );
    let cited = |id: &str| {
        reports
            .iter()
            .filter(|report| matches!(&report.verdict, Verdict::Era { rows, .. } if rows.contains(&id)))
            .count()
    };
    for row in era::TABLE.iter().filter(|row| cited(row.id) > 0) {
        text += &format!("{}, cited in {}: {}\n", row.id, scripts(cited(row.id)), row.title);
        text += &format!("     then: {}\n     now:  {} ({})\n", row.then, row.now, row.source);
    }
    text
}

/// Status of the command line: 1 if a difference is not in the table or a design got stuck, else 0.
pub fn exit_code(reports: &[Report]) -> u8 {
    let wrong = |report: &Report| matches!(report.verdict, Verdict::Differs { .. } | Verdict::Stuck { .. });
    u8::from(reports.iter().any(wrong))
}

impl fmt::Display for Ret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ret::Word(word) => f.write_str(word),
            Ret::Lines(lines) => write!(f, "[{}]", lines.join("; ")),
        }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.ret)?;
        for signal in &self.sig {
            match signal {
                Signal::Plain(process, name) => write!(f, ", {name} to P{process}")?,
                Signal::WithHandle(process, name, handle) => write!(f, ", {name} to P{process} about {handle}")?,
            }
        }
        self.res.iter().try_for_each(|(op, result)| write!(f, ", op {op} returns {result}"))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.id)?;
        match &self.verdict {
            Verdict::Same => write!(f, "same"),
            Verdict::Era { op, rows, expected, got } => {
                write!(f, "era {}: op {op}: recorded {expected}; {} says {got}", rows.join("+"), self.design)
            }
            Verdict::Differs { op, expected, got } => {
                write!(f, "DIFFERS: op {op}: recorded {expected}; {} says {got}", self.design)
            }
            Verdict::Stuck { op, why } => write!(f, "STUCK: op {op}: {why}"),
            Verdict::Refused { ops } => {
                let are = if ops.len() == 1 { "is" } else { "are" };
                write!(f, "refused: {} {are} not supported", ops.join(", "))
            }
            Verdict::Ran { records } => {
                write!(f, "ran")?;
                records.iter().try_for_each(|record| write!(f, "\n  op {}: {record}", record.i))
            }
        }
    }
}
