//! Statements that are no blocks: what is returned, calls, assignments, and prose.

use super::{Expr, Parsed, RETURNED, Stmt, done, expr, words};
use crate::outline::{verbs, vocabulary};

pub(super) fn returned(text: &str, rest: &str) -> (Vec<Parsed>, usize) {
    let end = words::statement_end(rest);
    let value = rest[..end].trim().trim_end_matches(['}', ' ']);
    let mut found = Vec::new();
    let whole = text.len() - rest.len() + end;
    if let Some(Expr::Call(..)) = expr::parse(value) {
        let at = text.find(value).unwrap_or(0);
        let (mut call, _) = simple(value);
        call.from += at;
        call.to += at;
        if let Stmt::Call { result, .. } = &mut call.stmt {
            *result = Some(RETURNED.to_owned());
        }
        found.push(call);
    }
    let value = Some(value.to_owned()).filter(|value| !value.is_empty());
    found.push(done(Stmt::Return(value), whole));
    (found, whole)
}

/// Assignments, calls, bare names and prose.
pub(super) fn simple(text: &str) -> (Parsed, usize) {
    let end = words::statement_end(text);
    let code = text[..end].trim_end();
    if let Some(assigned) = assignment(code) {
        return (assigned, end);
    }
    let Some(name) = words::called_name(code) else {
        return verbs_or_prose(text);
    };
    let behind = &code[name.end..];
    let trimmed = behind.trim_start();
    if trimmed.starts_with('(') && !words::is_fact(&trimmed[..words::matching(trimmed).unwrap_or(0)]) {
        let open = code.len() - trimmed.len();
        let Some(close) = words::matching(trimmed) else {
            return (done(Stmt::Broken("`)` to close the arguments"), code.len()), text.len());
        };
        let args = words::arguments(&trimmed[1..close]);
        let rest = &code[open + close + 1..];
        // `f(x)->g()` and `f(x)(y)` call what cannot be known.
        let note = rest.trim().trim_matches(['{', '}', ' ', ';', ':', ',']).to_owned();
        // `LOCK(A)`, as figures have it.
        let lower = name.text.to_ascii_lowercase();
        let name = if vocabulary::is_verb(&lower) { lower } else { name.text };
        let call = Stmt::Call { name, args, result: None };
        return (Parsed { note, ..done(call, open + close + 1) }, end);
    }
    let note = behind.trim().trim_matches(['{', '}', ' ', ';', ':']).to_owned();
    let call = |args| Stmt::Call { name: name.text.clone(), args, result: None };
    if note.is_empty()
        || words::is_fact(&note) && !verbs::is_verb(&name.text) && (name.text.contains('_') || note.starts_with('('))
    {
        return (Parsed { note, ..done(call(Vec::new()), name.end) }, end);
    }
    // `mutex_lock a`, as people write it in prose.
    if vocabulary::is_known(&name.text) && (words::is_name(note.trim_start_matches('&')) || note.starts_with('&')) {
        return (done(call(vec![note.clone()]), code.len()), end);
    }
    verbs_or_prose(text)
}

fn verbs_or_prose(text: &str) -> (Parsed, usize) {
    let phrase = |text: &str| verb(&text.split_whitespace().collect::<Vec<_>>());
    // "Lock chain as seen:" is a caption.
    let Some(stmt) = phrase(text).filter(|_| !text.trim_end().ends_with(':')) else {
        return (done(Stmt::Prose(text.to_owned()), text.len()), text.len());
    };
    match verbs::joint(text).and_then(|end| Some((phrase(&text[..end])?, end))) {
        Some((first, end)) => (done(first, end), end),
        None => (done(stmt, text.len()), text.len()),
    }
}

/// "can't acquire write lock anymore" is `acquire(write_lock)`.
pub fn verb(words: &[&str]) -> Option<Stmt> {
    let (name, lock) = verbs::verb_phrase(words)?;
    Some(Stmt::Call { name: name.to_owned(), args: vec![lock], result: None })
}

/// `x = e`, `x += e`, `x++`, `r = f(..)`.
pub(super) fn assignment(code: &str) -> Option<Parsed> {
    let bare = code.trim_end_matches(['{', ' ', ';']);
    for (op, sign) in [("++", "+"), ("--", "-")] {
        let target = bare.strip_suffix(op).or_else(|| bare.strip_prefix(op));
        if let Some(target) = target.map(str::trim).filter(|target| words::is_path(target)) {
            let target = words::plain(target);
            let value = Expr::Binary(sign, Box::new(Expr::Name(target.clone())), Box::new(Expr::Int(1)));
            return Some(done(Stmt::Assign(target, value), code.len()));
        }
    }
    let at = words::assign_at(bare)?;
    let (left, right) = (&bare[..at.0], bare[at.1..].trim());
    let left = left.trim();
    if !words::is_path(left) {
        return None;
    }
    let target = words::plain(left);
    let value = expr::parse(right);
    let stmt = match (at.2, value) {
        (Some(op), Some(value)) => {
            Stmt::Assign(target.clone(), Expr::Binary(op, Box::new(Expr::Name(target)), Box::new(value)))
        }
        (Some(_), None) => Stmt::Assign(target, Expr::Call("unknown".to_owned(), Vec::new())),
        (None, Some(Expr::Call(name, _))) => {
            let args = words::matching_call(right).map(words::arguments).unwrap_or_default();
            Stmt::Call { name, args, result: Some(target) }
        }
        (None, Some(value)) => Stmt::Assign(target, value),
        // Something that is called in a way that no expression has: a free choice.
        (None, None) => match words::called_name(right) {
            Some(name) if right[name.end..].trim_start().starts_with('(') => {
                let args = words::matching_call(right).map(words::arguments).unwrap_or_default();
                Stmt::Call { name: name.text, args, result: Some(target) }
            }
            _ if right.is_empty() => Stmt::Broken("a value"),
            _ => Stmt::Assign(target, Expr::Call("unknown".to_owned(), Vec::new())),
        },
    };
    Some(done(stmt, code.len()))
}
