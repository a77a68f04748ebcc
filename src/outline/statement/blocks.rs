//! `switch` with its cases, `for`, locks that are given back at the end of a block, and declarations of C.

use super::{Cond, Counted, Guard, Parsed, Stmt, after_word, assignment, conditional, done, simple};
use crate::outline::words;

/// A statement that begins with one of these words, and how much of the text it is.
pub(super) fn keyword(text: &str) -> Option<(Vec<Parsed>, usize)> {
    if let Some(rest) = after_word(text, "switch").filter(|rest| rest.contains('(') || rest.trim_end().ends_with('{')) {
        return conditional(text, rest, Stmt::Switch);
    }
    case(text).or_else(|| counted(text)).or_else(|| guard(text))
}

/// `case A:` and `default:`, with a body behind it or not.
fn case(text: &str) -> Option<(Vec<Parsed>, usize)> {
    if let Some(rest) = after_word(text, "default") {
        let rest = rest.trim_start().strip_prefix(':')?;
        let used = text.len() - rest.len();
        return Some((vec![done(Stmt::Default, used)], used));
    }
    let rest = after_word(text, "case")?;
    let bytes = rest.as_bytes();
    let is_colon = |at: &usize| {
        let before = at.checked_sub(1).map(|at| bytes[at]);
        bytes[*at] == b':' && before != Some(b':') && bytes.get(at + 1) != Some(&b':')
    };
    let colon = (0..rest.len()).find(is_colon)?;
    let value = &rest[..colon];
    if value.trim().is_empty() {
        return None;
    }
    let used = text.len() - rest.len() + colon + 1;
    Some((vec![done(Stmt::Case(Cond::new(value)), used)], used))
}

/// `for (i = 0; i < n; i++)`; what goes over a list is something else.
fn counted(text: &str) -> Option<(Vec<Parsed>, usize)> {
    let rest = after_word(text, "for")?;
    let open = rest.trim_start();
    let close = words::matching(open).filter(|_| open.starts_with('('))?;
    let parts: Vec<&str> = open[1..close].split(';').map(str::trim).collect();
    let [init, cond, step] = parts[..] else { return None };
    let cond = if cond.is_empty() { None } else { Some(Cond::new(cond)) };
    let behind = &open[close + 1..];
    let body = behind.trim_start_matches([':', ' ', '{', '}']);
    let head = text.len() - behind.len();
    let counted =
        Counted { text: text[..head].trim_end().to_owned(), init: expressions(init)?, cond, step: expressions(step)? };
    let used = if body.starts_with(';') { head } else { text.len() - body.len() };
    Some((vec![done(Stmt::For(counted), head)], used))
}

/// `list_for_each_entry(p, &list, node)`, with a body behind it or not; `for x in y {` is all of its line.
pub(super) fn each(text: &str) -> (Vec<Parsed>, usize) {
    let head = text.find('(').and_then(|open| Some(open + words::matching(&text[open..])? + 1)).unwrap_or(text.len());
    let behind = &text[head..];
    let body = behind.trim_start_matches([':', ' ', '{', '}', ';']);
    let is_code = body.ends_with([';', '}']) && !behind.trim_start().starts_with(';');
    let head = if is_code { head } else { text.len() };
    let what = text[..head].trim_end_matches(['{', ' ', ':']).to_owned();
    (vec![done(Stmt::Each(what), head)], text.len() - if is_code { body.len() } else { 0 })
}

/// Assignments and calls, parted by commas.
fn expressions(text: &str) -> Option<Vec<Stmt>> {
    let one = |part: &String| {
        let part = &part[words::type_prefix(part)..];
        let stmt = assignment(part).map_or_else(|| simple(part).0.stmt, |parsed| parsed.stmt);
        matches!(stmt, Stmt::Assign(..) | Stmt::Call { .. }).then_some(stmt)
    };
    words::arguments(text).iter().map(one).collect()
}

/// Kinds of guards whose functions are called otherwise than the guard.
const GUARDS: [(&str, &str, &str); 18] = [
    ("mutex", "mutex_lock", "mutex_unlock"),
    ("spinlock", "spin_lock", "spin_unlock"),
    ("spinlock_irq", "spin_lock_irq", "spin_unlock_irq"),
    ("spinlock_irqsave", "spin_lock_irqsave", "spin_unlock_irqrestore"),
    ("spinlock_bh", "spin_lock_bh", "spin_unlock_bh"),
    ("raw_spinlock", "raw_spin_lock", "raw_spin_unlock"),
    ("raw_spinlock_nested", "raw_spin_lock", "raw_spin_unlock"),
    ("raw_spinlock_irq", "raw_spin_lock_irq", "raw_spin_unlock_irq"),
    ("raw_spinlock_irqsave", "raw_spin_lock_irqsave", "raw_spin_unlock_irqrestore"),
    ("read_lock", "read_lock", "read_unlock"),
    ("write_lock", "write_lock", "write_unlock"),
    ("rwsem_read", "down_read", "up_read"),
    ("rwsem_write", "down_write", "up_write"),
    ("device", "device_lock", "device_unlock"),
    ("rcu", "rcu_read_lock", "rcu_read_unlock"),
    ("preempt", "preempt_disable", "preempt_enable"),
    ("irq", "local_irq_disable", "local_irq_enable"),
    ("irqsave", "local_irq_save", "local_irq_restore"),
];

/// The functions that a kind of guard calls.
fn functions(kind: &str) -> Option<(String, String)> {
    if let Some((_, take, give)) = GUARDS.iter().find(|(known, ..)| *known == kind) {
        return Some(((*take).to_owned(), (*give).to_owned()));
    }
    let (take, give) = (format!("{kind}_lock"), format!("{kind}_unlock"));
    let is_known = crate::outline::vocabulary::is_known(&take) && crate::outline::vocabulary::is_known(&give);
    is_known.then_some((take, give))
}

fn guard(text: &str) -> Option<(Vec<Parsed>, usize)> {
    let (rest, is_scoped) =
        match (after_word(text, "guard").or(after_word(text, "CLASS")), after_word(text, "scoped_guard")) {
            (Some(rest), _) => (rest, false),
            (None, Some(rest)) => (rest, true),
            (None, None) => return None,
        };
    let open = rest.trim_start();
    let close = words::matching(open).filter(|_| open.starts_with('('))?;
    let first = words::arguments(&open[1..close]);
    let (take, give) = functions(first.first()?)?;
    let behind = &open[close + 1..];
    let (args, behind) = if is_scoped {
        (first[1..].to_vec(), behind)
    } else {
        let second = behind.trim_start();
        let close = words::matching(second).filter(|_| second.starts_with('('))?;
        (words::arguments(&second[1..close]), &second[close + 1..])
    };
    let head = text.len() - behind.len();
    let body = behind.trim_start_matches([':', ' ', '{', '}', ';']);
    let used = if body.is_empty() { text.len() } else { text.len() - body.len() };
    let guard = Guard { text: text[..head].to_owned(), take, give, args, is_scoped };
    Some((vec![done(Stmt::Guard(guard), head)], used))
}

/// What stands behind a type: variables, of which those that are set are assignments; nothing if it is no declaration.
pub(super) fn declared(text: &str, start: usize) -> Option<Vec<Parsed>> {
    let whole = text[start..].trim_end();
    // Two words may be prose.
    if !whole.ends_with(';') && !whole.contains('=') {
        return None;
    }
    let rest = whole.trim_end_matches(';');
    let parts = words::arguments(rest);
    let is_call = |part: &str| words::assign_at(part).is_none() && part.contains('(');
    if parts.iter().any(|part| is_call(part)) {
        return None;
    }
    let mut found = Vec::new();
    for part in parts {
        let bare = part.trim_start_matches(['*', ' ']);
        match assignment(bare) {
            Some(parsed) => found.push(Parsed { from: 0, to: text.trim_end().len(), ..parsed }),
            None if words::is_path(bare) => {}
            None => return None,
        }
    }
    Some(found)
}
