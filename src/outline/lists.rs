//! Lists that somebody walks, and from which somebody takes an entry and frees it: what is on them at the beginning?
//!
//! In C nobody says. One entry is there, which is enough for a reader to stand on it while it is freed; the empty list is tried beside it.
//! A function that takes off and frees the entry that it is handed (`list_del(&s->node); kfree(s)`) is handed that one.

use std::collections::{BTreeMap, BTreeSet};

use super::follow::{each, frees, is_first};
use super::statement::Stmt;
use super::tree::Function;
use super::words::plain;

/// A list with one entry on it.
#[derive(Clone, Debug)]
pub(super) struct Filled {
    /// Its path.
    pub list: String,
    /// The entry.
    pub object: String,
    /// Functions that are handed the entry, and under which name.
    pub handed: Vec<(String, String)>,
}

/// What one function does with lists and entries.
#[derive(Default)]
struct Seen {
    /// Names of entries, and their lists.
    from: BTreeMap<String, String>,
    removed: BTreeSet<String>,
    freed: BTreeSet<String>,
    /// Lists that are moved as a whole.
    moved: BTreeSet<String>,
}

impl Seen {
    fn of(function: &Function) -> Seen {
        let mut seen = Seen::default();
        for node in &function.body {
            node.each(&mut |node| match &node.stmt {
                Stmt::Each(text) => seen.from.extend(each(text).map(|each| (each.name, each.list))),
                Stmt::Call { name, args, result } => seen.call(name, args, result.as_deref()),
                _ => {}
            });
        }
        seen
    }

    fn call(&mut self, name: &str, args: &[String], result: Option<&str>) {
        let first = args.first().map(|arg| plain(arg)).unwrap_or_default();
        let root = || first.split_once("->").map_or(first.clone(), |(root, _)| root.to_owned());
        if is_first(name)
            && let Some(result) = result
        {
            self.from.insert(result.to_owned(), first.clone());
        }
        if name.contains("list_splice") || name.contains("list_move") || name.contains("list_replace") {
            self.moved.extend(args.iter().map(|arg| plain(arg)));
        }
        if name.starts_with("list_del") || name.starts_with("hlist_del") {
            self.removed.insert(root());
        }
        if name == "call_rcu" {
            self.freed.insert(root());
        } else if let Some(at) = frees(name, args.len()) {
            self.freed.extend(args.get(at).map(|arg| plain(arg)));
        }
    }

    /// Entries that are taken off and freed.
    fn gone(&self) -> impl Iterator<Item = &String> {
        self.removed.intersection(&self.freed)
    }
}

/// The lists of C functions that begin with an entry.
pub(super) fn filled(functions: &[Function]) -> Vec<Filled> {
    let seen: Vec<(&Function, Seen)> = functions.iter().map(|function| (function, Seen::of(function))).collect();
    let lists: BTreeSet<&String> = seen.iter().flat_map(|(_, seen)| seen.from.values()).collect();
    let mut found = Vec::new();
    let is_moved = |list: &&&String| seen.iter().any(|(_, seen)| seen.moved.contains(**list));
    for list in lists.iter().filter(|list| !is_moved(list)) {
        let is_from = |seen: &Seen| seen.gone().any(|entry| seen.from.get(entry) == Some(*list));
        let mut handed = Vec::new();
        // Of several lists it is not known which one a parameter is on.
        for (function, seen) in seen.iter().filter(|_| lists.len() == 1) {
            let is_handed = |entry: &&String| function.params.contains(*entry) && !seen.from.contains_key(*entry);
            handed.extend(seen.gone().filter(is_handed).map(|entry| (function.name.clone(), entry.clone())));
        }
        if !handed.is_empty() || seen.iter().any(|(_, seen)| is_from(seen)) {
            found.push(Filled { list: (*list).clone(), object: format!("*{list}"), handed });
        }
    }
    found
}
