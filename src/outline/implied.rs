//! Memory that no line declares, and that the text itself says is shared: `WRITE_ONCE(x, 1)` here and `READ_ONCE(x)` there.
//!
//! It is taken for a variable that is 0 at first and that nobody else sets, which is assumed, and listed. What is only written tells
//! nobody anything; what is only read is set by somebody who is not in the text, so its value stays unknown, and both ways are tried.
//!
//! Members are shared by their paths (`foo->state`), as locks are: what two functions are handed under one name is one object.
//! Where the text has objects of its own, what their pointers lead to is theirs.

use std::collections::BTreeMap;

use super::source::Place;
use super::statement::{Counted, Guard, Stmt};
use super::tree::{Function, Node};

/// What the accesses of one name do.
struct Seen {
    is_written: bool,
    is_read: bool,
    /// Something else than 0 is written.
    is_set: bool,
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

/// A name, or a member by its path: `foo->state`.
fn is_path(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.replace("->", ".").chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
}

/// The name that a path begins with.
fn root(path: &str) -> &str {
    path.split(['-', '.']).next().unwrap_or(path)
}

/// Memory that nobody declares.
pub(super) struct Implied<'a> {
    /// Its name.
    pub name: &'a str,
    /// At the beginning.
    pub first: i64,
    /// Its first access.
    pub place: Place,
}

/// The variables that nobody declares. `is_known` tells of which names something is declared.
pub(super) fn variables<'a>(
    functions: &'a [Function],
    bodies: &[&'a [Node]],
    is_known: &dyn Fn(&str) -> bool,
) -> Vec<Implied<'a>> {
    let mut seen: BTreeMap<&'a str, Seen> = BTreeMap::new();
    let whole = bodies.iter().map(|body| (None, *body));
    for (function, body) in functions.iter().map(|function| (Some(function), function.body.as_slice())).chain(whole) {
        let mut note = |name: &str, memory: &'a str, value: Option<&str>, place: Place| {
            let Some((is_read, is_written)) = access(name) else { return };
            let memory = memory.trim().trim_start_matches('&');
            let is_own = function.is_some_and(|function| function.params.iter().any(|param| param == memory));
            if is_own || !is_path(memory) || is_known(memory) || is_known(root(memory)) {
                return;
            }
            let known = seen.entry(memory).or_insert(Seen { is_written: false, is_read: false, is_set: false, place });
            known.is_written |= is_written;
            known.is_read |= is_read;
            known.is_set |= is_written && !value.is_some_and(is_nothing);
        };
        body.iter().for_each(|node| node.each(&mut |node| calls(node, &mut note)));
    }
    let both = seen.into_iter().filter(|(_, seen)| seen.is_read && seen.is_written);
    // What is only ever cleared was set before.
    both.map(|(name, seen)| Implied { name, first: i64::from(!seen.is_set), place: seen.place }).collect()
}

/// Which argument is written.
fn value_at(name: &str) -> usize {
    if name.starts_with("cmpxchg") { 2 } else { 1 }
}

/// Is it 0 under one of its names?
fn is_nothing(value: &str) -> bool {
    matches!(value.trim(), "0" | "NULL" | "false" | "FALSE")
}

/// All calls of a statement, each with its first argument.
fn calls<'a>(node: &'a Node, note: &mut impl FnMut(&'a str, &'a str, Option<&str>, Place)) {
    use super::expr::{Expr, text};
    let place = node.place;
    let mut of_expr = |expr: &'a Expr| {
        expr.calls(&mut |name, args| {
            let value = args.get(value_at(name)).map(text);
            match args.first() {
                Some(Expr::Name(memory)) => note(name, memory, value.as_deref(), place),
                Some(Expr::Unary(_, inner)) => {
                    if let Expr::Name(memory) = &**inner {
                        note(name, memory, value.as_deref(), place);
                    }
                }
                _ => {}
            }
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
                note(name, memory, args.get(value_at(name)).map(String::as_str), place);
            }
            args.iter().for_each(|arg| inner(arg, &mut |name, memory| note(name, memory, None, place)));
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

/// Queues that are waited on, and for what.
pub(super) fn waits(body: &[Node]) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for node in body {
        node.each(&mut |node| {
            if let Stmt::Call { name, args, .. } = &node.stmt
                && name.starts_with("wait_event")
                && let [queue, cond, ..] = args.as_slice()
            {
                found.push((queue.as_str(), cond.as_str()));
            }
        });
    }
    found
}

/// What functions share without a mark: one waits until another has set it.
pub(super) fn awaited<'a>(functions: &'a [Function], is_known: &dyn Fn(&str) -> bool) -> Vec<Implied<'a>> {
    let mut waits: BTreeMap<&'a str, Place> = BTreeMap::new();
    let mut written: BTreeMap<&'a str, bool> = BTreeMap::new();
    for function in functions {
        let mut column = Column::default();
        function.body.iter().for_each(|node| node.each(&mut |node| column.see(node)));
        function.body.iter().for_each(|node| {
            node.each(&mut |node| {
                if let Stmt::Call { name, args, .. } = &node.stmt
                    && name.starts_with("wait_event")
                    && let Some(cond) = args.get(1)
                {
                    paths(cond, &mut |name| _ = waits.entry(name).or_insert(node.place));
                }
            });
        });
        let own = |name: &str| function.params.iter().any(|param| param == name);
        for (name, is_set) in column.written {
            if !own(name) {
                *written.entry(name).or_default() |= is_set;
            }
        }
    }
    let found = waits.into_iter().filter(|(name, _)| !is_known(name) && !is_known(root(name)));
    let both = found.filter_map(|(name, place)| Some((name, place, *written.get(name)?)));
    both.map(|(name, place, is_set)| Implied { name, first: i64::from(!is_set), place }).collect()
}

/// What the columns of a figure share without a mark: one reads it before it has written it, and another writes it.
pub(super) fn drawn<'a>(bodies: &[&'a [Node]], is_known: &dyn Fn(&str) -> bool) -> Vec<Implied<'a>> {
    let mut columns: Vec<Column<'a>> = Vec::new();
    for body in bodies {
        let mut column = Column::default();
        body.iter().for_each(|node| node.each(&mut |node| column.see(node)));
        columns.push(column);
    }
    let mut found: Vec<Implied> = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        for (&name, &(place, is_exposed)) in &column.read {
            let others = || columns.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, other)| other);
            // What another writes and never looks at is no local of its own.
            let is_meant = |other: &Column| is_exposed || !other.read.contains_key(name) && !is_local(name);
            let writes: Vec<bool> =
                others().filter(|other| is_meant(other)).filter_map(|other| other.written.get(name).copied()).collect();
            let is_new = found.iter().all(|known| known.name != name);
            if !writes.is_empty() && is_new && !is_known(name) {
                let is_set = writes.contains(&true) || column.written.get(name) == Some(&true);
                found.push(Implied { name, first: i64::from(!is_set), place });
            }
        }
    }
    found
}

/// Is it a name that people give to what a call returns?
fn is_local(name: &str) -> bool {
    let is_register = name.strip_prefix('r').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    is_register || matches!(name, "ret" | "rc" | "res" | "err" | "error" | "retval" | "status" | "tmp" | "flags")
}

/// What one column reads and writes.
#[derive(Default)]
struct Column<'a> {
    /// Where each is read first, and is that before it is written here?
    read: BTreeMap<&'a str, (Place, bool)>,
    /// Is it ever something else than 0?
    written: BTreeMap<&'a str, bool>,
}

impl<'a> Column<'a> {
    fn see(&mut self, node: &'a Node) {
        match &node.stmt {
            Stmt::If(cond) | Stmt::ElseIf(cond) | Stmt::While(cond) | Stmt::Switch(cond) => {
                cond.expr.iter().for_each(|expr| expr.names(&mut |name| self.see_read(name, node.place)));
            }
            Stmt::Assign(target, value) => {
                value.names(&mut |name| self.see_read(name, node.place));
                let is_set = !matches!(value, super::expr::Expr::Int(0))
                    && !matches!(value, super::expr::Expr::Name(name) if is_nothing(name));
                *self.written.entry(target).or_default() |= is_set;
            }
            Stmt::Call { name, args, .. } => {
                let at = match name.as_str() {
                    "BUG_ON" | "WARN_ON" | "WARN_ON_ONCE" | "assert" => 0,
                    name if name.starts_with("wait_event") => 1,
                    _ => return,
                };
                args.get(at).iter().for_each(|arg| paths(arg, &mut |name| self.see_read(name, node.place)));
            }
            _ => {}
        }
    }

    fn see_read(&mut self, name: &'a str, place: Place) {
        let is_constant = !name.contains(|c: char| c.is_ascii_lowercase());
        if !is_constant {
            let is_exposed = !self.written.contains_key(name);
            self.read.entry(name).or_insert((place, is_exposed));
        }
    }
}

/// The names and paths in a text that are no calls.
fn paths<'a>(text: &'a str, note: &mut impl FnMut(&'a str)) {
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let Some(from) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '_') else { return };
        let bytes = &rest.as_bytes()[from..];
        let mut to = 0;
        while to < bytes.len() {
            match bytes[to] {
                b'_' | b'.' => to += 1,
                byte if byte.is_ascii_alphanumeric() => to += 1,
                b'-' if bytes.get(to + 1) == Some(&b'>') => to += 2,
                _ => break,
            }
        }
        if bytes.get(to) != Some(&b'(') {
            note(&rest[from..from + to]);
        }
        at += from + to.max(1);
    }
}
