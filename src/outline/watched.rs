//! Plain memory that one function accesses under a lock, and another writes without that lock: `q->hits++` here and `q->hits = 0` there.
//!
//! Whether that is a race the engine decides, which knows what callers hold. Only who touches the memory is looked at, not its value: that
//! stays unknown as before. Reads without a lock are left alone, since many are meant, and so is what functions do that set something up
//! or take it down, which nobody runs beside them.

use std::collections::{BTreeMap, BTreeSet};

use super::expr::Expr;
use super::statement::Stmt;
use super::tree::{File, Function, Node};
use super::vocabulary::{self, Word};
use super::words::{is_name, plain};

/// What the functions do with one path.
#[derive(Default)]
struct Seen {
    /// Locks that an access is made under, and whether it writes.
    accesses: BTreeSet<(BTreeSet<String>, bool)>,
    /// Every function is handed what the path begins with.
    is_handed: bool,
}

/// Parts of names of functions that set something up or take it down.
const ALONE: [&str; 22] = [
    "probe",
    "init",
    "setup",
    "create",
    "alloc",
    "new",
    "register",
    "start",
    "remove",
    "exit",
    "destroy",
    "free",
    "release",
    "teardown",
    "fini",
    "disconnect",
    "unregister",
    "shutdown",
    "cleanup",
    "delete",
    "suspend",
    "resume",
];

/// Does nobody run beside the function? Its name says so, or that it initialises a lock.
pub(super) fn is_alone(function: &Function) -> bool {
    let mut found = function.name.split('_').any(|part| ALONE.contains(&part));
    let is_init = |name: &str| name.ends_with("_lock_init") || name == "mutex_init" || name == "init_rwsem";
    each_call(&function.body, &mut |name| found |= is_init(name) || super::follow::allocates(name));
    found
}

fn each_call(body: &[Node], visit: &mut impl FnMut(&str)) {
    for node in body {
        node.each(&mut |node| {
            if let Stmt::Call { name, .. } = &node.stmt {
                visit(name);
            }
        });
    }
}

/// The paths that are watched: globals that C declares, and members of what functions are handed.
pub(super) fn paths(file: &File, functions: &[Function]) -> Vec<String> {
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    for function in functions.iter().filter(|function| !is_alone(function)) {
        let mut reader = Reader { file, function, seen: &mut seen, held: Vec::new() };
        reader.list(&function.body);
    }
    let is_open = |seen: &Seen| {
        let writes = || seen.accesses.iter().filter(|(_, writes)| *writes);
        let locked = seen.accesses.iter().filter(|(held, _)| !held.is_empty());
        locked.into_iter().any(|(held, _)| writes().any(|(other, _)| held.is_disjoint(other)))
    };
    let is_watched = |(_, seen): &(String, Seen)| seen.is_handed && is_open(seen);
    seen.into_iter().filter(is_watched).map(|(path, _)| path).collect()
}

struct Reader<'s, 'a> {
    file: &'a File,
    function: &'a Function,
    seen: &'s mut BTreeMap<String, Seen>,
    /// Locks that are taken, in the order of the text.
    held: Vec<String>,
}

impl Reader<'_, '_> {
    fn list(&mut self, nodes: &[Node]) {
        for node in nodes {
            match &node.stmt {
                Stmt::Call { name, args, .. } => {
                    let lock = || args.first().map(|arg| plain(arg)).unwrap_or_default();
                    match vocabulary::word(name) {
                        Some(Word::Lock(..)) => self.held.push(lock()),
                        Some(Word::Unlock(..)) => self.held.retain(|held| *held != lock()),
                        _ => {}
                    }
                }
                Stmt::Assign(target, value) => {
                    value.names(&mut |name| self.access(name, false));
                    self.access(target, true);
                }
                Stmt::If(cond) | Stmt::ElseIf(cond) | Stmt::While(cond) | Stmt::Switch(cond) => {
                    cond.expr.iter().for_each(|expr: &Expr| expr.names(&mut |name| self.access(name, false)));
                }
                Stmt::Return(Some(text)) => {
                    let expr = super::expr::parse(text);
                    expr.iter().for_each(|expr| expr.names(&mut |name| self.access(name, false)));
                }
                _ => {}
            }
            let guard = if let Stmt::Guard(guard) = &node.stmt { Some(&guard.text) } else { None };
            self.held.extend(guard.cloned());
            self.list(&node.children);
            self.held.retain(|held| Some(held) != guard);
        }
    }

    fn access(&mut self, path: &str, writes: bool) {
        let is_shared = match path.split_once("->") {
            Some((root, member)) => {
                is_name(root) && is_name(member) && self.function.params.iter().any(|param| param == root)
            }
            None => self.file.scalars.contains(path),
        };
        let known = self.seen.entry(path.to_owned()).or_insert(Seen { is_handed: true, ..Seen::default() });
        known.is_handed &= is_shared;
        known.accesses.insert((self.held.iter().cloned().collect(), writes));
    }
}
