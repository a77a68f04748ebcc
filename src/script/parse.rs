//! Reads a file of scripts: one JSON object a line, strictly, all mistakes at once.
//!
//! Nothing is guessed and nothing ignored: an unknown field, call or flag is a mistake, and so is a field that a call does
//! not have. What JSON itself gets wrong has a column; what a script gets wrong names the call.
//!
//! A handle that cannot be open when its call comes is a mistake too, unless the recording says `EBADF`: then the
//! script asks for it. The same holds for a file that is never there, and `ENOENT`.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::Value;

use super::path::OpenFlag;
use super::{Call, OPS_MAX, Op, PROCS_MAX, Ret, Script};
use crate::lease::{F_RDLCK, F_UNLCK, F_WRLCK};

mod raw;

use raw::{Kind, RawOp, RawScript};

/// A mistake in a file of scripts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("line {line}{}: {cause}", column.map(|column| format!(", column {column}")).unwrap_or_default())]
pub struct Problem {
    /// Where, from 1.
    pub line: usize,
    /// Where in the line, from 1, if that is known.
    pub column: Option<usize>,
    /// What is wrong.
    pub cause: String,
}

/// Reads a file of scripts. Empty lines are skipped.
///
/// # Errors
/// Every mistake of the file, in order. Then nothing should be run.
pub fn parse(text: &str) -> Result<Vec<Script>, Vec<Problem>> {
    let (mut scripts, mut problems) = (Vec::new(), Vec::new());
    let mut lines_by_id = HashMap::new();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    for (at, line) in lines {
        let line_number = at + 1;
        match serde_json::from_str::<RawScript>(line) {
            Ok(raw) => match script(raw, line_number) {
                Ok(script) => {
                    if let Some(first) = lines_by_id.insert(script.id.clone(), line_number) {
                        let cause = format!("script `{}` is in line {first} already", script.id);
                        problems.push(Problem { line: line_number, column: None, cause });
                    }
                    scripts.push(script);
                }
                Err(causes) => {
                    problems.extend(causes.into_iter().map(|cause| Problem { line: line_number, column: None, cause }))
                }
            },
            Err(error) => problems.push(Problem {
                line: line_number,
                column: Some(error.column()),
                cause: bare_message(&error.to_string()),
            }),
        }
    }
    if problems.is_empty() { Ok(scripts) } else { Err(problems) }
}

/// Without the place: it is told in fields of its own, and every line is line 1 to the JSON reader.
fn bare_message(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(bare, _)| bare).to_owned()
}

/// The calls of the format and their fields (a `?` behind those that may be missing).
const CALLS: &[(&str, &str)] = &[
    ("open", "p h path acc flags?"),
    ("close", "p h"),
    ("dup", "p h nh"),
    ("setlease", "p h type"),
    ("getlease", "p h"),
    ("truncate", "p path len"),
    ("ftruncate", "p h len"),
    ("intr", "p"),
    ("advance", "lbt"),
    ("locks", ""),
    ("setsig", "p h sig"),
    ("getsig", "p h"),
    ("setown", "p h to"),
    ("getown", "p h"),
    ("async", "p h"),
    ("flock", "p h type"),
    ("unlink", "p path"),
    ("rename", "p path to"),
    ("link", "p path to"),
    ("chmod", "p path mode"),
    ("size", "p path"),
    ("setuid", "p uid"),
    ("fork", "p child"),
    ("exit", "p"),
    ("kill", "p"),
    ("enable", "val"),
];

fn script(raw: RawScript, line: usize) -> Result<Script, Vec<String>> {
    let mut causes = Vec::new();
    if raw.procs == 0 || raw.procs > PROCS_MAX {
        causes.push(format!("procs is {}, not 1 to {PROCS_MAX}", raw.procs));
    }
    if raw.lbt > LBT_MAX {
        causes.push(format!("lbt is {}, more than {LBT_MAX} seconds", raw.lbt));
    }
    if raw.ops.len() > OPS_MAX {
        causes.push(format!("{} ops, at most {OPS_MAX} are allowed", raw.ops.len()));
    }
    let children =
        raw.ops.iter().filter_map(|op| op.child).filter(|child| *child < PROCS_MAX).max().map_or(0, |child| child + 1);
    let mut script = Script {
        id: raw.id,
        line,
        lbt: raw.lbt,
        procs: raw.procs,
        files: raw.files.iter().map(|(name, file)| (name.clone(), file.kind == Kind::Dir)).collect(),
        ops: Vec::new(),
        unsupported: Vec::new(),
        trace: raw.trace,
    };
    if raw.files.values().any(|file| file.kind == Kind::Fifo) {
        script.unsupported.push("fifo".to_owned());
    }
    for (at, raw) in raw.ops.iter().enumerate() {
        match op(raw, script.procs.max(children), &mut script.unsupported) {
            Ok(op) => script.ops.push(op),
            Err(cause) => causes.push(format!("op {at}: {cause}")),
        }
    }
    causes.extend(trace_mistakes(&script, raw.ops.len()));
    if causes.is_empty() && script.unsupported.is_empty() {
        causes.extend(handle_mistakes(&script));
        causes.extend(path_mistakes(&script));
    }
    if causes.is_empty() { Ok(script) } else { Err(causes) }
}

/// Longest `lease_break_time` in seconds.
const LBT_MAX: u64 = 1_000_000;

/// Most units of time that one `advance` passes.
const ADVANCE_MAX: f64 = 1_000_000.0;

fn op(raw: &RawOp, procs: usize, unsupported: &mut Vec<String>) -> Result<Op, String> {
    let name = raw.op.as_deref().ok_or("field `op` is missing")?;
    let (name, wanted) = CALLS.iter().find(|(known, _)| *known == name).ok_or(format!("unknown op `{name}`"))?;
    let there = raw.fields();
    let known = |field: &str| wanted.split(' ').any(|want| want.trim_end_matches('?') == field);
    if let Some(field) = there.iter().find(|field| !known(field)) {
        return Err(format!("{name} has no field `{field}`"));
    }
    let required = |want: &&str| !want.is_empty() && !want.ends_with('?');
    if let Some(missing) = wanted.split(' ').filter(required).find(|want| !there.contains(want)) {
        return Err(format!("field `{missing}` is missing"));
    }
    let process = raw.p.unwrap_or(0);
    if process >= procs {
        return Err(format!("process {process} does not exist, there are {procs}"));
    }
    if [&raw.h, &raw.nh].into_iter().flatten().any(String::is_empty) {
        return Err("a handle without a name".to_owned());
    }
    let call = call(name, raw)?;
    let flags = raw.flags.iter().flatten();
    let needs = match call {
        Call::Unsupported => Some(*name),
        _ => flags.into_iter().any(|flag| *flag == OpenFlag::Path).then_some("PATH"),
    };
    if let Some(needs) = needs.filter(|needs| !unsupported.iter().any(|known| known == needs)) {
        unsupported.push(needs.to_owned());
    }
    Ok(Op { process, call })
}

/// The call of this name; its fields are known to be there.
fn call(name: &str, raw: &RawOp) -> Result<Call, String> {
    let handle = raw.h.clone().unwrap_or_default();
    let path = raw.path.clone().unwrap_or_default();
    let len = raw.len.unwrap_or_default();
    Ok(match name {
        "open" => {
            let access = raw.acc.expect("a required field");
            Call::Open { handle, path, access, flags: raw.flags.clone().unwrap_or_default() }
        }
        "close" => Call::Close { handle },
        "dup" => Call::Dup { handle, to: raw.nh.clone().unwrap_or_default() },
        "setlease" => Call::SetLease { handle, arg: lease_arg(raw.lease_type.as_ref())? },
        "getlease" => Call::GetLease { handle },
        "truncate" => Call::Truncate { path, len },
        "ftruncate" => Call::Ftruncate { handle, len },
        "intr" => Call::Interrupt,
        "locks" => Call::Locks,
        "advance" => {
            let units = raw.lbt.unwrap_or_default();
            if !(0.0..=ADVANCE_MAX).contains(&units) {
                return Err(format!("time cannot advance by {units}"));
            }
            Call::Advance { units }
        }
        _ => {
            unsupported_fields(name, raw)?;
            Call::Unsupported
        }
    })
}

/// `r`, `w`, `u`, or a number that the kernel sees as it is (the low 32 bits of it).
fn lease_arg(value: Option<&Value>) -> Result<i32, String> {
    match value {
        Some(Value::String(name)) => match name.as_str() {
            "r" => Ok(F_RDLCK),
            "w" => Ok(F_WRLCK),
            "u" => Ok(F_UNLCK),
            other => Err(format!("unknown lease type `{other}`, known are r, w, u and numbers")),
        },
        Some(Value::Number(number)) => {
            number.as_i64().map(|arg| arg as i32).ok_or(format!("lease type {number} is no integer"))
        }
        _ => Err("a lease type is r, w, u or a number".to_owned()),
    }
}

/// Types of fields that only unsupported calls have.
fn unsupported_fields(name: &str, raw: &RawOp) -> Result<(), String> {
    let is_process_or_null = |value: &Value| value.is_null() || value.is_u64();
    let right = match name {
        "setsig" => raw.sig.as_ref().is_some_and(|sig| sig.is_string() || sig.is_u64()),
        "setown" => raw.to.as_ref().is_some_and(is_process_or_null),
        "rename" | "link" => raw.to.as_ref().is_some_and(Value::is_string),
        "flock" => raw.lease_type.as_ref().and_then(Value::as_str).is_some_and(|t| ["sh", "ex", "un"].contains(&t)),
        _ => true,
    };
    if right { Ok(()) } else { Err(format!("{name} has a field of the wrong type")) }
}

fn trace_mistakes(script: &Script, ops: usize) -> Option<String> {
    let trace = script.trace.as_ref()?;
    if trace.len() != ops {
        return Some(format!("trace has {} records for {ops} ops", trace.len()));
    }
    let at = trace.iter().enumerate().position(|(at, record)| record.i != at)?;
    Some(format!("trace record {at} says it is about op {}", trace[at].i))
}

fn is_recorded(script: &Script, op: usize, result: &str) -> bool {
    script.trace.as_ref().is_some_and(|trace| trace[op].ret == Ret::word(result))
}

/// Is the call known to fail for want of what it names, or not to happen because its process is blocked?
fn is_asked_for(script: &Script, op: usize, errno: &str) -> bool {
    is_recorded(script, op, errno) || is_recorded(script, op, "busy")
}

/// Handles that cannot be open when their call comes. A call that has failed may leave one unbound: that is a result.
fn handle_mistakes(script: &Script) -> Vec<String> {
    let mut open: HashSet<(usize, &str)> = HashSet::new();
    let mut causes = Vec::new();
    for (at, op) in script.ops.iter().enumerate() {
        let known = op.call.handle().is_none_or(|handle| open.contains(&(op.process, handle)));
        if !known && !is_asked_for(script, at, "EBADF") {
            let handle = op.call.handle().unwrap_or_default();
            causes.push(format!("op {at}: handle `{handle}` of process {} is not open", op.process));
        }
        match &op.call {
            Call::Open { handle, .. } => {
                open.insert((op.process, handle));
            }
            Call::Dup { to, .. } if known => {
                open.insert((op.process, to));
            }
            Call::Close { handle } if script.trace.is_none() || is_recorded(script, at, "ok") => {
                open.remove(&(op.process, handle));
            }
            _ => {}
        }
    }
    causes
}

/// Files that are not there and that nobody makes.
fn path_mistakes(script: &Script) -> Vec<String> {
    let mut there: HashSet<&str> = script.files.keys().map(String::as_str).collect();
    let mut causes = Vec::new();
    for (at, op) in script.ops.iter().enumerate() {
        let path = match &op.call {
            Call::Open { path, flags, .. } if flags.contains(&OpenFlag::Creat) => {
                there.insert(path);
                continue;
            }
            Call::Open { path, .. } | Call::Truncate { path, .. } => path,
            _ => continue,
        };
        if !there.contains(path.as_str()) && !is_asked_for(script, at, "ENOENT") {
            causes.push(format!("op {at}: file `{path}` is neither in `files` nor made by an open with CREAT"));
        }
    }
    causes
}
