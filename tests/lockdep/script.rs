//! Step sequences as short texts: `irq_disable; lock spin.A; H(; lock.r rw.X1; unlock.r rw.X1; H); ...`.
//!
//! A lock's kind is what stands before the dot, its class is its name without the number at the end. `H(`, `H)` and `S(`, `S)` are
//! interrupts, `Hn(` one whose handler is not a thread. What follows the lock are further fields, as `key=value`.

use lockwright::lockdep::answer::{Judged, judge};
use lockwright::lockdep::case::{Case, parse};
use lockwright::lockdep::validator::Rules;
use serde_json::{Map, Value, json};

fn kind(name: &str) -> &'static str {
    match name.split('.').next().unwrap() {
        "spin" => "spinlock",
        "raw" => "raw_spinlock",
        "rw" => "rwlock",
        "mutex" => "mutex",
        "rwsem" => "rwsem",
        "rtm" => "rtmutex",
        "ww" => "ww_mutex",
        "local" => "local_lock",
        "srcu" => "srcu",
        "work" => "work",
        "done" => "completion",
        "sem" => "semaphore",
        "pcpu" => "percpu_rwsem",
        other => panic!("{other} is no kind of lock"),
    }
}

fn step(text: &str, record: &mut Map<String, Value>) -> Value {
    let mut words = text.split_whitespace();
    let op = words.next().unwrap();
    let mut step = Map::new();
    let (op, read) = op.strip_suffix(".r").map_or((op, false), |op| (op, true));
    let op = match op {
        "H(" | "Hn(" => {
            step.insert("threaded".into(), (op == "H(").into());
            "hardirq_enter"
        }
        "H)" => "hardirq_exit",
        "S(" => "softirq_enter",
        "S)" => "softirq_exit",
        op => op,
    };
    step.insert("op".into(), op.into());
    step.insert("ctx".into(), "task".into());
    for word in words {
        match word.split_once('=') {
            Some((key, value)) => {
                if key == "ww" {
                    record["ww_ctxs"][value] = json!({"class": "ww.acquire"});
                }
                let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
                step.insert(key.into(), value);
            }
            None => {
                let class = if kind(word) == "ww_mutex" { "ww.mutex" } else { word.trim_end_matches(char::is_numeric) };
                record["locks"][word] = json!({"kind": kind(word), "class": class});
                step.insert("lock".into(), word.into());
                if ["lock", "unlock", "trylock"].contains(&op) {
                    step.insert("mode".into(), if read { "read" } else { "write" }.into());
                }
            }
        }
    }
    step.into()
}

/// The case that a text stands for.
pub fn case(read_lock: &str, text: &str) -> Case {
    let mut record = Map::new();
    record.insert("id".into(), "x".into());
    record.insert("env".into(), json!({"read_lock": read_lock}));
    record.insert("locks".into(), json!({}));
    record.insert("ww_ctxs".into(), json!({}));
    let steps = text.split(';').map(str::trim).filter(|text| !text.is_empty());
    let steps: Vec<Value> = steps.map(|text| step(text, &mut record)).collect();
    record.insert("steps".into(), steps.into());
    let line = Value::from(record).to_string();
    match parse(&line).pop().unwrap() {
        Ok(case) => case,
        Err(problem) => panic!("{problem}: {line}"),
    }
}

/// All that is said about a text, by our rules.
pub fn judged(read_lock: &str, text: &str) -> Judged {
    judge(&case(read_lock, text), Rules::Ours)
}

/// `clean`, or kind and step of the report.
pub fn ours(read_lock: &str, text: &str) -> String {
    said(&judged(read_lock, text))
}

/// The same from lockdep.
pub fn kernel(read_lock: &str, text: &str) -> String {
    said(&judge(&case(read_lock, text), Rules::Kernel))
}

fn said(judged: &Judged) -> String {
    match (judged.answer.kind, judged.answer.step) {
        (Some(kind), Some(step)) => format!("{kind} {step}"),
        _ => "clean".into(),
    }
}
