//! Memory that no line declares, and that the text itself says is shared: `WRITE_ONCE(x, 1)` here and `READ_ONCE(x)` there.
//!
//! It is taken for a variable that is 0 at first and that nobody else sets, which is assumed, and listed. What is only written tells
//! nobody anything; what is only read is set by somebody who is not in the text, so its value stays unknown, and both ways are tried.
//!
//! Limit: plain names. Members (`READ_ONCE(p->x)`) have no known object, and stay unknown.

use std::collections::BTreeMap;

use super::source::Place;
use super::statement::{Counted, Guard, Stmt};
use super::tree::{Function, Node};

/// What the accesses of one name do.
struct Seen {
    is_written: bool,
    is_read: bool,
    place: Place,
}

/// What a marked access does: is memory read, and is it written?
fn access(name: &str) -> Option<(bool, bool)> {
    let stem =
        ["_relaxed", "_acquire", "_release"].iter().fold(name, |name, end| name.strip_suffix(end).unwrap_or(name));
    match (name, stem) {
        ("READ_ONCE" | "ACCESS_ONCE" | "smp_load_acquire", _) => Some((true, false)),
        ("WRITE_ONCE" | "smp_store_release" | "smp_store_mb", _) => Some((false, true)),
        (_, "xchg" | "cmpxchg") => Some((true, true)),
        _ => None,
    }
}

fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The variables that nobody declares, each with its first access. `is_known` tells of which names something is declared.
pub(super) fn variables<'a>(
    functions: &'a [Function],
    bodies: &[&'a [Node]],
    is_known: &dyn Fn(&str) -> bool,
) -> Vec<(&'a str, Place)> {
    let mut seen: BTreeMap<&'a str, Seen> = BTreeMap::new();
    let whole = bodies.iter().map(|body| (None, *body));
    for (function, body) in functions.iter().map(|function| (Some(function), function.body.as_slice())).chain(whole) {
        let mut note = |name: &str, memory: &'a str, place: Place| {
            let Some((is_read, is_written)) = access(name) else { return };
            let memory = memory.trim().trim_start_matches('&');
            let is_own = function.is_some_and(|function| function.params.iter().any(|param| param == memory));
            if is_own || !is_plain(memory) || is_known(memory) {
                return;
            }
            let known = seen.entry(memory).or_insert(Seen { is_written: false, is_read: false, place });
            known.is_written |= is_written;
            known.is_read |= is_read;
        };
        body.iter().for_each(|node| node.each(&mut |node| calls(node, &mut note)));
    }
    let both = seen.into_iter().filter(|(_, seen)| seen.is_read && seen.is_written);
    both.map(|(name, seen)| (name, seen.place)).collect()
}

/// All calls of a statement, each with its first argument.
fn calls<'a>(node: &'a Node, note: &mut impl FnMut(&'a str, &'a str, Place)) {
    use super::expr::Expr;
    let place = node.place;
    let mut of_expr = |expr: &'a Expr| {
        expr.calls(&mut |name, args| match args.first() {
            Some(Expr::Name(memory)) => note(name, memory, place),
            Some(Expr::Unary(_, inner)) => {
                if let Expr::Name(memory) = &**inner {
                    note(name, memory, place);
                }
            }
            _ => {}
        });
    };
    match &node.stmt {
        Stmt::If(cond) | Stmt::ElseIf(cond) | Stmt::While(cond) | Stmt::Switch(cond) => {
            cond.expr.iter().for_each(&mut of_expr);
        }
        Stmt::For(Counted { cond: Some(cond), .. }) => cond.expr.iter().for_each(&mut of_expr),
        Stmt::Assign(_, value) => of_expr(value),
        Stmt::Call { name, args, .. } | Stmt::Guard(Guard { take: name, args, .. }) => {
            if let Some(memory) = args.first() {
                note(name, memory, place);
            }
            args.iter().for_each(|arg| inner(arg, &mut |name, memory| note(name, memory, place)));
        }
        _ => {}
    }
}

/// Calls in the text of an argument: `BUG_ON(READ_ONCE(x))`.
fn inner<'a>(text: &'a str, note: &mut impl FnMut(&'a str, &'a str)) {
    for (at, _) in text.match_indices('(') {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = text[..at].rsplit(|c| !is_name(c)).next().unwrap_or_default();
        let memory = text[at + 1..].split([',', ')']).next().unwrap_or_default();
        note(name, memory);
    }
}
