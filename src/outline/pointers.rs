//! Objects, lists, and which names point to them.
//!
//! `obj el { rc = 1, next }` is there from the start, `list q = a, b` is a list, and what an allocation returns is an object as well. A name
//! points if everything that is stored in it points: then `p->f` is a field of what it points to just then. A name that nobody sets, or that
//! comes from an unknown function, is as before the one object of that name.

use std::collections::{BTreeSet, HashSet};

use super::catalogue::Catalogue;
use super::cells::Cell;
use super::declare::{Declaration, First};
use super::expr::{self, Expr};
use super::follow::{ADDS, FIRSTS, SAME, allocates, each, stores};
use super::lists::{self, Filled};
use super::statement::Stmt;
use super::tree::{File, Function, Node};
use super::words::plain;

/// A declared object: its name, its fields and what they are at the beginning.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// Its fields.
    pub fields: Vec<(String, First)>,
}

/// What an outline says about objects.
#[derive(Clone, Debug, Default)]
pub struct Pointers {
    /// Declared objects.
    pub objects: Vec<Object>,
    /// Lists with what is on them at the beginning: declared ones, and those that something is added to.
    pub lists: Vec<(String, Vec<String>)>,
    /// Lists that begin with an entry, though no line says so.
    pub(super) filled: Vec<Filled>,
    /// Variables that point to an object at the beginning.
    pub first: Vec<(String, String)>,
    /// Names that point.
    names: HashSet<String>,
    /// Fields that hold something else.
    scalars: HashSet<String>,
    /// The members by which objects are on lists, if there are several.
    pub members: BTreeSet<String>,
    /// Is a function handed a pointer to what an object holds? Otherwise `container_of` leads to the one object of its name.
    has_callbacks: bool,
    /// Does somebody free what a pointer points to? Without that nobody is asked for leaks.
    pub frees: bool,
    /// Names whose object somebody else may keep: they are handed to what is not known, stored there, or returned.
    escaped: HashSet<String>,
}

/// The last arrow of a path, and what is behind it.
pub fn parted(path: &str) -> Option<(&str, &str)> {
    path.rsplit_once("->")
}

impl Pointers {
    /// Reads the declarations, the functions and the bodies. Of figures only what is declared points: their names mean what they say.
    pub(super) fn of(
        file: &File,
        functions: &[Function],
        bodies: &[&[Node]],
        catalogue: &Catalogue,
        cells: &mut Vec<Cell>,
        is_told: bool,
    ) -> Pointers {
        let mut pointers = Pointers::default();
        for (declaration, _) in &file.declarations {
            match declaration {
                Declaration::Object(name, fields) => {
                    pointers.objects.push(Object { name: name.clone(), fields: fields.clone() });
                }
                Declaration::List(name, first) => pointers.lists.push((name.clone(), first.clone())),
                Declaration::Pointer(name, to, _) => pointers.first.push((name.clone(), to.clone())),
                _ => {}
            }
        }
        if !bodies.is_empty() && pointers.objects.is_empty() && pointers.lists.is_empty() {
            return pointers;
        }
        let mut stores = Stores::default();
        for node in functions.iter().flat_map(|function| &function.body).chain(bodies.iter().copied().flatten()) {
            node.each(&mut |node| stores.see(node));
        }
        for list in &stores.lists {
            if !pointers.lists.iter().any(|(known, _)| known == list) && !pointers.is_object(list) {
                pointers.lists.push((list.clone(), Vec::new()));
            }
        }
        if !is_told && stores.members.len() < 2 {
            pointers.filled = lists::filled(functions);
        }
        for Filled { list, object, handed } in &pointers.filled {
            pointers.objects.push(Object { name: object.clone(), fields: Vec::new() });
            stores.values.extend(handed.iter().map(|(_, name)| (name.clone(), Expr::Name(object.clone()))));
            match pointers.lists.iter_mut().find(|(known, _)| known == list) {
                Some((_, first)) => first.push(object.clone()),
                None => pointers.lists.push((list.clone(), vec![object.clone()])),
            }
        }
        for cell in cells.iter() {
            pointers.first.push((cell.path.to_owned(), cell.object.clone()));
            pointers.objects.push(Object { name: cell.object.clone(), fields: Vec::new() });
        }
        let mut handed: Vec<&str> = cells.iter().flat_map(|cell| cell.handed.iter().copied()).collect();
        handed.sort_unstable();
        handed.dedup();
        pointers.objects.extend(handed.iter().map(|name| Object { name: (*name).to_owned(), fields: Vec::new() }));
        pointers.members = stores.members.clone();
        pointers.has_callbacks = stores.has_callbacks;
        pointers.settle(&stores);
        // Where something else is stored as well, nobody knows what it points to.
        cells.retain(|cell| {
            let is_known = pointers.names.contains(cell.path);
            if !is_known {
                pointers.first.retain(|(name, _)| name != cell.path);
                pointers.objects.retain(|object| object.name != cell.object);
            }
            is_known
        });
        let is_left = |name: &str| !handed.contains(&name) || cells.iter().any(|cell| cell.handed.contains(name));
        pointers.objects.retain(|object| is_left(&object.name));
        pointers.frees = stores.freed.iter().any(|path| pointers.points(path));
        pointers.escaped = stores.escaped(functions, &pointers, catalogue);
        pointers
    }

    /// The names that point are those for which nothing else is stored.
    fn settle(&mut self, stores: &Stores) {
        self.names =
            stores.values.iter().map(|(target, _)| target.clone()).filter(|name| !name.contains(['>', '.'])).collect();
        self.names.extend(self.first.iter().map(|(name, _)| name.clone()));
        loop {
            let before = (self.names.len(), self.scalars.len());
            for (target, value) in &stores.values {
                if is_null(value) || self.is_pointer(value) {
                    continue;
                }
                match parted(target).or_else(|| target.split_once('.')) {
                    Some(_) if self.names.contains(target) => _ = self.names.remove(target),
                    Some((_, field)) => _ = self.scalars.insert(field.to_owned()),
                    None => _ = self.names.remove(target),
                }
            }
            // Nothing but NULL points nowhere.
            let real: HashSet<&str> = stores
                .values
                .iter()
                .filter(|(_, value)| !is_null(value))
                .map(|(target, _)| target.as_str())
                .chain(self.first.iter().map(|(name, _)| name.as_str()))
                .collect();
            let names = self.names.iter().filter(|name| real.contains(name.as_str())).cloned().collect();
            self.names = names;
            if before == (self.names.len(), self.scalars.len()) {
                return;
            }
        }
    }

    fn is_pointer(&self, value: &Expr) -> bool {
        match value {
            Expr::Name(name) => self.points(name),
            Expr::Call(name, args) => {
                let inner = args.first().is_some_and(|arg| self.is_pointer(arg));
                allocates(name)
                    || name == "container_of" && self.has_callbacks
                    || FIRSTS.contains(&name.as_str())
                    || SAME.contains(&name.as_str()) && inner
            }
            _ => false,
        }
    }

    /// Is the name that of an object?
    pub fn is_object(&self, name: &str) -> bool {
        self.objects.iter().any(|object| object.name == name)
    }

    /// Is the path an object, or something that points to one?
    pub fn points(&self, path: &str) -> bool {
        if is_too_long(path) {
            return false;
        }
        match parted(path) {
            Some(_) if self.names.contains(path) => true,
            Some((root, field)) => self.points(root) && !self.scalars.contains(field),
            None => match path.split_once('.') {
                Some((root, field)) if self.is_object(root) => !self.scalars.contains(field),
                _ => self.is_object(path) || self.names.contains(path),
            },
        }
    }

    /// May somebody else keep the object that the name points to?
    pub fn escapes(&self, name: &str) -> bool {
        self.escaped.contains(name)
    }

    /// Does the name point? An object does not: it is what is pointed to.
    pub fn is_name(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The number of an object or a list, as pointers have it.
    pub fn value(&self, name: &str) -> Option<i64> {
        let object = self.objects.iter().position(|object| object.name == name);
        let at = object.or_else(|| self.list(name).map(|at| self.objects.len() + at))?;
        Some(at as i64 + 1)
    }

    /// Lists begin empty, but for those whose entry somebody is handed.
    pub(super) fn begin_empty(&mut self) {
        for Filled { list, .. } in self.filled.iter().filter(|filled| filled.handed.is_empty()) {
            self.lists.iter_mut().filter(|(known, _)| known == list).for_each(|(_, first)| first.clear());
        }
    }

    /// The entry that a function is handed under a name.
    pub(super) fn handed(&self, function: &str) -> Vec<(&str, i64)> {
        let mut found = Vec::new();
        for filled in &self.filled {
            let value = self.value(&filled.object);
            let names = filled.handed.iter().filter(|(of, _)| of == function);
            found.extend(names.filter_map(|(_, name)| Some((name.as_str(), value?))));
        }
        found
    }

    /// The number of a list.
    pub fn list(&self, name: &str) -> Option<usize> {
        self.lists.iter().position(|(known, _)| known == name)
    }
}

fn is_null(value: &Expr) -> bool {
    *value == Expr::Int(0)
}

/// What is stored where, and what else the statements do with pointers.
#[derive(Default)]
struct Stores {
    values: Vec<(String, Expr)>,
    lists: BTreeSet<String>,
    members: BTreeSet<String>,
    freed: Vec<String>,
    has_callbacks: bool,
    /// Functions with the names that they are handed.
    handed: Vec<(String, String)>,
    returned: HashSet<String>,
}

impl Stores {
    fn see(&mut self, node: &Node) {
        match &node.stmt {
            Stmt::Assign(target, value) => {
                self.values.push((target.clone(), value.clone()));
                value.calls(&mut |name, args| self.call(name, &expr::texts(args)));
            }
            Stmt::Call { name, args, result } => {
                self.call(name, args);
                if let Some(result) = result {
                    let args = args.iter().map(|arg| expr::parse(arg).unwrap_or(Expr::Int(1))).collect();
                    self.values.push((result.clone(), Expr::Call(name.clone(), args)));
                }
            }
            Stmt::Return(Some(value)) => _ = self.returned.insert(plain(value)),
            Stmt::If(cond) | Stmt::ElseIf(cond) | Stmt::While(cond) => {
                if let Some(expr) = &cond.expr {
                    expr.calls(&mut |name, args| self.hand(name, &expr::texts(args)));
                }
            }
            Stmt::Each(text) => {
                if let Some(each) = each(text) {
                    self.values.push((each.name, Expr::Call(FIRSTS[0].to_owned(), Vec::new())));
                }
            }
            _ => {}
        }
    }

    fn hand(&mut self, name: &str, args: &[String]) {
        for arg in args {
            let arg = plain(arg);
            let root = arg.split(['-', '.']).next().unwrap_or(&arg);
            self.handed.push((name.to_owned(), root.to_owned()));
        }
    }

    /// A function that is not known may keep what it is handed, and so may one that registers or queues it.
    fn escaped(&self, functions: &[Function], pointers: &Pointers, catalogue: &Catalogue) -> HashSet<String> {
        let keeps = |name: &str| {
            if functions.iter().any(|function| function.name == name) || super::vocabulary::is_known(name) {
                return false;
            }
            let words = ["drvdata", "register", "request_", "insert", "submit", "queue", "attach", "assign", "set_"];
            let is_own = ADDS.contains(&name) || FIRSTS.contains(&name) || SAME.contains(&name) || allocates(name);
            let is_rcu = name.starts_with("list_") || name.starts_with("hlist_") || name.starts_with("kref_");
            let is_known = catalogue.facts(name).is_some() && !words.iter().any(|word| name.contains(word));
            !(is_own || is_rcu || is_known || name.contains("rcu") || name.starts_with("refcount_"))
        };
        let handed = self.handed.iter().filter(|(name, _)| keeps(name)).map(|(_, root)| root.clone());
        let stored = self.values.iter().filter_map(|(target, value)| match value {
            Expr::Name(_) if pointers.names.contains(target) => None,
            Expr::Name(name) => parted(target).filter(|(root, _)| !pointers.points(root)).map(|_| name.clone()),
            _ => None,
        });
        handed.chain(stored).chain(self.returned.iter().cloned()).collect()
    }

    fn call(&mut self, name: &str, args: &[String]) {
        self.hand(name, args);
        let arg = |at: usize| args.get(at).map(|arg| plain(arg));
        if stores(name)
            && let (Some(target), Some(value)) = (arg(0), args.get(1).and_then(|arg| expr::parse(arg)))
        {
            self.values.push((target, value));
        }
        if matches!(name, "cmpxchg" | "compare_exchange")
            && let (Some(target), Some(value)) = (arg(0), args.get(2).and_then(|arg| expr::parse(arg)))
        {
            self.values.push((target, value));
        }
        if ADDS.contains(&name) {
            self.lists.extend(arg(1));
        }
        if ADDS.contains(&name) || name.starts_with("list_del") || name.starts_with("hlist_del") {
            let path = arg(0).unwrap_or_default();
            self.members.extend(parted(&path).or_else(|| path.split_once('.')).map(|(_, member)| member.to_owned()));
        }
        let is_free = matches!(super::vocabulary::word(name), Some(super::vocabulary::Word::Free))
            || matches!(name, "kfree_rcu" | "kvfree_rcu" | "call_rcu" | "kref_put");
        self.has_callbacks |= name == "call_rcu" || name.starts_with("kref_put");
        if is_free {
            self.freed.extend(if name.ends_with("_rcu") || name == "kref_put" {
                arg(0)
            } else {
                args.last().map(|arg| plain(arg))
            });
        }
    }
}

/// Members of a path at most: it is followed one by one.
const ARROWS_MAX: usize = 64;

/// Has the path more members than are followed?
pub(super) fn is_too_long(path: &str) -> bool {
    path.len() > 2 * ARROWS_MAX && path.matches("->").nth(ARROWS_MAX).is_some()
}
