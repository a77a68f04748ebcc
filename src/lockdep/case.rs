//! The file format: step sequences, one JSON object a line, as recorded from a real kernel.
//!
//! A record has locks, contexts of transactions and steps, and may carry what is expected of it. Every mistake is told with line,
//! column and cause; a line that is wrong is not run. Fields that this reader does not know are named, and ignored.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::lock::{Lock, LockKind, Locks, Op, ReadLock, Wait};
use super::near::near;
use super::step;

/// A step sequence, ready to run.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name.
    pub id: String,
    /// Its objects.
    pub locks: Locks,
    /// Its steps.
    pub steps: Vec<Op>,
    /// What each step says in the file, shortened.
    pub texts: Vec<String>,
    /// What is expected of it.
    pub expected: Expected,
    /// What was ignored.
    pub ignored: Vec<String>,
}

/// What a record says about the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Of the kernel's own self-test: is there a report?
    pub report: Option<bool>,
    /// What lockdep answered.
    pub lockdep: Option<bool>,
    /// What is right.
    pub ideal: Option<bool>,
    /// The kind of the report.
    pub kind: Option<String>,
    /// The step at which it is due.
    pub step: Option<usize>,
}

/// A mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its line, from 1.
    pub line: usize,
    /// Its column in characters, from 1, where it is known.
    pub column: Option<usize>,
    /// What is wrong.
    pub cause: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "line {}, column {column}: {}", self.line, self.cause),
            None => write!(f, "line {}: {}", self.line, self.cause),
        }
    }
}

#[derive(Deserialize)]
struct RawCase {
    id: String,
    #[serde(default)]
    env: RawEnv,
    #[serde(default)]
    requires: Vec<String>,
    #[serde(default)]
    locks: BTreeMap<String, RawLock>,
    #[serde(default)]
    ww_ctxs: BTreeMap<String, Value>,
    steps: Vec<step::Raw>,
    expect: Option<String>,
    lockdep: Option<String>,
    ideal: Option<String>,
    kind: Option<String>,
    report_step: Option<usize>,
    /// Whatever else there is.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// The keys of a case.
const KEYS: [&str; 11] =
    ["id", "env", "requires", "locks", "ww_ctxs", "steps", "expect", "lockdep", "ideal", "kind", "report_step"];

/// Keys that say where a case comes from. They are for the reader of the file.
const ABOUT: [&str; 12] = [
    "seq",
    "family",
    "title",
    "column",
    "variant",
    "kernel_fn",
    "kernel_headline",
    "kernel_detail",
    "notes",
    "note",
    "source",
    "comment",
];

/// The keys of a lock.
const LOCK_KEYS: [&str; 4] = ["kind", "class", "wait", "percpu"];

/// Kinds of locks.
const KINDS: [&str; 13] = [
    "spinlock",
    "raw_spinlock",
    "rwlock",
    "mutex",
    "rwsem",
    "percpu_rwsem",
    "rtmutex",
    "ww_mutex",
    "local_lock",
    "srcu",
    "semaphore",
    "completion",
    "work",
];

#[derive(Deserialize, Default)]
struct RawEnv {
    read_lock: Option<String>,
    /// Whatever else there is.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct RawLock {
    kind: String,
    class: Option<String>,
    wait: Option<String>,
    #[serde(default)]
    percpu: bool,
    /// Whatever else there is.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// What a record may require. Each of them holds of the kernel that is modelled here.
const REQUIREMENTS: [&str; 4] = ["not-rt", "queued-rwlock", "raw-lock-nesting", "newer-than-6.12"];

/// Reads a file: a case or a mistake for each line that is not empty, in order.
pub fn parse(text: &str) -> Vec<Result<Case, Problem>> {
    let mut cases: Vec<Result<Case, Problem>> = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let case = parse_line(line, index + 1).and_then(|case| match seen.insert(case.id.clone(), index + 1) {
            Some(first) => Err(problem(index + 1, None, format!("the id `{}` is that of line {first} too", case.id))),
            None => Ok(case),
        });
        cases.push(case);
    }
    cases
}

fn problem(line: usize, column: Option<usize>, cause: String) -> Problem {
    Problem { line, column, cause }
}

/// What of these keys nobody reads; or the one that is another's slip.
fn unread<'a>(rest: &'a BTreeMap<String, Value>, known: &[&'static str]) -> Result<Vec<&'a str>, String> {
    let keys: Vec<&str> = rest.keys().map(String::as_str).filter(|key| !ABOUT.contains(key)).collect();
    let slip = keys.iter().find_map(|key| Some((key, near(key, known.iter().copied())?)));
    match slip {
        Some((key, near)) => Err(format!("the key `{key}` is not known: did you mean {near}?")),
        None => Ok(keys),
    }
}

/// A case is an object. An array would be read as one, field by field.
fn check_object(text: &str, line: usize) -> Result<(), Problem> {
    let column = text.chars().take_while(|c| c.is_whitespace()).count() + 1;
    let what = match text.trim_start().chars().next() {
        Some('{') | None => return Ok(()),
        Some('[') => "an array",
        Some('"') => "a string",
        _ => "no JSON object",
    };
    let cause = format!(
        "a case is a JSON object on a line of its own, {{\"id\": ..., \"locks\": ..., \"steps\": ...}}; this is {what}"
    );
    Err(problem(line, Some(column), cause))
}

/// One line.
fn parse_line(text: &str, line: usize) -> Result<Case, Problem> {
    check_object(text, line)?;
    let raw: RawCase = serde_json::from_str(text).map_err(|error| {
        let told = error.to_string();
        let cause = told.rsplit_once(" at line ").map_or(told.as_str(), |(cause, _)| cause).to_owned();
        // serde counts bytes.
        let column =
            text.get(..error.column().saturating_sub(1)).map_or(error.column(), |head| head.chars().count() + 1);
        problem(line, Some(column.max(1)), cause)
    })?;
    let of_case = |cause: String| problem(line, column_of(text, &cause), cause);
    let mut ignored: Vec<String> = Vec::new();
    let all = [(&raw.rest, &KEYS[..]), (&raw.env.rest, &["read_lock"][..])];
    for (rest, known) in all.into_iter().chain(raw.locks.values().map(|lock| (&lock.rest, &LOCK_KEYS[..]))) {
        let unread = unread(rest, known).map_err(&of_case)?;
        ignored.extend(unread.iter().map(|key| format!("`{key}` is not known and was ignored")));
    }
    let read_lock = match raw.env.read_lock.as_deref() {
        Some("recursive") => ReadLock::Recursive,
        None | Some("queued") => ReadLock::Queued,
        Some(other) => return Err(of_case(format!("env.read_lock is `{other}`: `recursive` or `queued`"))),
    };
    if let Some(other) = raw.requires.iter().find(|name| !REQUIREMENTS.contains(&name.as_str())) {
        return Err(of_case(format!("requires `{other}`: known are {}", REQUIREMENTS.join(", "))));
    }
    let mut table: Vec<Lock> = Vec::new();
    for (name, lock) in &raw.locks {
        table.push(one_lock(name, lock).map_err(&of_case)?);
    }
    for (name, context) in &raw.ww_ctxs {
        let class = context.get("class").and_then(Value::as_str).unwrap_or("ww.acquire");
        table.push(Lock { class: class.into(), ..Lock::new(&format!("ctx:{name}"), LockKind::WwContext) });
    }
    let locks = Locks::new(table, read_lock);
    let mut case = Case {
        id: raw.id,
        locks,
        steps: Vec::new(),
        texts: Vec::new(),
        expected: Expected {
            report: verdict(raw.expect.as_deref()).map_err(&of_case)?,
            lockdep: verdict(raw.lockdep.as_deref()).map_err(&of_case)?,
            ideal: verdict(raw.ideal.as_deref()).map_err(&of_case)?,
            kind: raw.kind,
            step: raw.report_step,
        },
        ignored,
    };
    for (index, raw) in raw.steps.iter().enumerate() {
        let op = step::resolve(raw, &case.locks)
            .map_err(|cause| problem(line, column_of_step(text, index), format!("step {index}: {cause}")))?;
        case.steps.push(op);
        case.texts.push(step::text(raw));
        let keys = unread(&raw.rest, &step::FIELDS)
            .map_err(|cause| problem(line, column_of_step(text, index), format!("step {index}: {cause}")))?;
        case.ignored.extend(keys.iter().map(|key| format!("step {index}: `{key}` is not known and was ignored")));
    }
    check_levels(&case.steps)
        .and_then(|()| check_depth(&case.steps))
        .map_err(|(index, cause)| problem(line, column_of_step(text, index), format!("step {index}: {cause}")))?;
    Ok(case)
}

fn verdict(word: Option<&str>) -> Result<Option<bool>, String> {
    match word {
        None => Ok(None),
        Some("report") => Ok(Some(true)),
        Some("clean") => Ok(Some(false)),
        Some(other) => Err(format!("an expected verdict is `{other}`: `report` or `clean`")),
    }
}

fn one_lock(name: &str, raw: &RawLock) -> Result<Lock, String> {
    let kind = match raw.kind.as_str() {
        "spinlock" => LockKind::Spin,
        "raw_spinlock" => LockKind::RawSpin,
        "rwlock" => LockKind::RwLock,
        "mutex" => LockKind::Mutex,
        "rwsem" | "percpu_rwsem" | "percpu_rw_semaphore" => LockKind::RwSem,
        "rtmutex" | "rt_mutex" => LockKind::RtMutex,
        "ww_mutex" => LockKind::WwMutex,
        "local_lock" => LockKind::Local,
        "srcu" | "srcu_struct" => LockKind::Srcu,
        "completion" => LockKind::Completion,
        "work" => LockKind::Work,
        "semaphore" => LockKind::Semaphore,
        other => {
            let known = || format!("known are {}", KINDS.join(", "));
            let told = near(other, KINDS).map_or_else(known, |near| format!("did you mean {near}?"));
            return Err(format!("lock `{name}` is of kind `{other}`: {told}"));
        }
    };
    let mut lock = Lock::new(name, kind);
    if let Some(wait) = raw.wait.as_deref() {
        let level = match wait {
            "none" | "inv" | "invalid" | "unchecked" => Wait::Unchecked,
            "free" => Wait::Free,
            "spin" => Wait::Spin,
            "config" => Wait::Config,
            "sleep" => Wait::Sleep,
            other => {
                return Err(format!(
                    "lock `{name}` has the wait level `{other}`: known are none, free, spin, config, sleep"
                ));
            }
        };
        (lock.inner, lock.outer) = (level, level);
    }
    lock.class = raw.class.clone().unwrap_or_else(|| name.to_owned());
    lock.per_cpu |= raw.percpu;
    Ok(lock)
}

/// Interrupt levels that are left in another order than they were entered: no program does that.
fn check_levels(steps: &[Op]) -> Result<(), (usize, String)> {
    let mut levels = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let left = match step {
            Op::HardirqEnter { .. } => {
                levels.push("hardirq");
                continue;
            }
            Op::SoftirqEnter => {
                levels.push("softirq");
                continue;
            }
            Op::HardirqExit { .. } => "hardirq",
            Op::SoftirqExit => "softirq",
            _ => continue,
        };
        match levels.pop() {
            Some(inner) if inner == left => {}
            Some(inner) => return Err((index, format!("leaves a {left}, but is in a {inner}"))),
            None => return Err((index, format!("leaves a {left}, but is in none"))),
        }
    }
    Ok(())
}

/// Locks that a case holds at once at most. lockdep has 48; each order is held against each other one, so a case of hundreds does not end.
const HELD_MAX: usize = 96;

fn check_depth(steps: &[Op]) -> Result<(), (usize, String)> {
    let mut held = 0usize;
    for (index, step) in steps.iter().enumerate() {
        match step {
            Op::Lock { .. } => held += 1,
            Op::Unlock { .. } => held = held.saturating_sub(1),
            _ => {}
        }
        if held > HELD_MAX {
            return Err((index, format!("more than {HELD_MAX} locks are held at once: a case has {HELD_MAX} at most")));
        }
    }
    Ok(())
}

/// The column of the word in backquotes.
fn column_of(text: &str, cause: &str) -> Option<usize> {
    let word = cause.rsplit('`').nth(1)?;
    let at = text.find(&format!("\"{word}\""))?;
    Some(text[..at].chars().count() + 1)
}

/// The column at which a step of a line begins. The line is known to be JSON.
fn column_of_step(text: &str, index: usize) -> Option<usize> {
    let mut count = 0;
    let (mut depth, mut inside, mut escaped) = (0_usize, false, false);
    let (mut word, mut key, mut in_steps) = (String::new(), String::new(), false);
    for (column, c) in text.chars().enumerate() {
        if inside {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => inside = false,
                _ => word.push(c),
            }
            continue;
        }
        match c {
            '"' => {
                inside = true;
                word.clear();
            }
            ':' if depth == 1 => key.clone_from(&word),
            '{' | '[' => {
                if in_steps && depth == 2 {
                    if count == index {
                        return Some(column + 1);
                    }
                    count += 1;
                }
                in_steps |= depth == 1 && key == "steps";
                depth += 1;
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                in_steps &= depth > 1;
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn cause(line: &str) -> String {
        match &parse(line)[..] {
            [Err(problem)] => problem.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let locks = r#""locks": {"a": {"kind": "mutex"}}"#;
        let with = |steps: &str| cause(&format!(r#"{{"id": "x", {locks}, "steps": [{steps}]}}"#));

        assert_eq!(
            with(r#"{"op": "lock", "lock": "a"}, {"op": "lock", "lock": "b"}"#),
            "line 1, column 87: step 1: `b` is no lock of this case: a"
        );
        assert_eq!(with(r#"{"op": "lok"}"#), "line 1, column 58: step 0: `lok` is no operation: did you mean `lock`?");
        assert_eq!(
            with(r#"{"op": "acquire_it"}"#).split(": known").next(),
            Some("line 1, column 58: step 0: `acquire_it` is no operation")
        );
        assert_eq!(with(r#"{"op": "softirq_exit"}"#), "line 1, column 58: step 0: leaves a softirq, but is in none");
        assert_eq!(cause("{"), "line 1, column 1: EOF while parsing an object");
        assert!(
            cause(r#"{"id": "x", "locks": {"a": {"kind": "futex"}}, "steps": []}"#)
                .starts_with("line 1, column 37: lock")
        );
        assert!(
            cause(r#"{"id": "x", "requires": ["rt"], "steps": []}"#).starts_with("line 1, column 26: requires `rt`")
        );
    }

    #[test]
    fn slips_are_told_with_what_was_meant() {
        let about = |text: &str| cause(text);

        assert!(
            about("[]").starts_with("line 1, column 1: a case is a JSON object")
                && about("[]").ends_with("this is an array")
        );
        assert_eq!(
            about(r#"{"id": "x", "lokcs": {}, "steps": []}"#),
            "line 1, column 13: the key `lokcs` is not known: did you mean locks?"
        );
        assert_eq!(
            about(r#"{"id": "x", "locks": {"a": {"kind": "mutex", "clas": "m"}}, "steps": []}"#),
            "line 1, column 46: the key `clas` is not known: did you mean class?"
        );
        assert!(
            about(r#"{"id": "x", "locks": {"a": {"kind": "mutx"}}, "steps": []}"#).ends_with("did you mean mutex?")
        );
        assert!(
            about(r#"{"id": "x", "locks": {"a": {"kind": "mutex"}}, "steps": [{"op": "lock", "lock": "a", "moed": "read"}]}"#)
                .ends_with("step 0: the key `moed` is not known: did you mean mode?")
        );
        // What is near to nothing is told, and the case is read; what says where it comes from is not even told.
        match &parse(r#"{"id": "x", "title": "t", "author": "somebody", "steps": []}"#)[..] {
            [Ok(case)] => assert_eq!(case.ignored, ["`author` is not known and was ignored"]),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_id_is_used_once() {
        let line = r#"{"id": "x", "steps": []}"#;
        let parsed = parse(&format!("{line}\n\n{line}\n"));

        assert!(parsed[0].is_ok());
        assert_eq!(parsed[1].as_ref().unwrap_err().to_string(), "line 3: the id `x` is that of line 1 too");
    }
}
