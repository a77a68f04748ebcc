//! Memory that holds a pointer which one function replaces and another follows: `old = cur; cur = new; kfree(old)`.
//!
//! In C nobody declares for us what a global or a member points to. What is stored there is known from the text; at the beginning it is
//! NULL, or an object of its own, and both are tried. Only paths of one member are taken (`d->hw`), whose beginning is handed to every
//! function that has them: what two functions are handed under one name is one object.

use std::collections::{BTreeMap, BTreeSet};

use super::expr::Expr;
use super::follow::{SAME, allocates, frees, stores};
use super::handed::sets;
use super::source::Place;
use super::statement::Stmt;
use super::tree::{File, Function};
use super::words::is_name;

/// Memory that holds a pointer.
#[derive(Clone, Debug)]
pub(super) struct Cell<'a> {
    /// Its name or path.
    pub path: &'a str,
    /// What it points to at the beginning, if not to nothing.
    pub object: String,
    /// Where it is met first.
    pub place: Place,
    /// Parameters that are stored there: objects that a caller made.
    pub handed: BTreeSet<&'a str>,
    /// Functions that are called once, since twice would go wrong whatever the locks, and why.
    pub once: Vec<(&'a str, String)>,
}

/// What the functions do with one path.
struct Seen<'a> {
    place: Place,
    /// It is read in a way that nobody reads a local.
    is_marked: bool,
    /// It is read or set in a way that is for pointers.
    is_rcu: bool,
    /// Names of parameters that are stored there.
    handed: BTreeSet<&'a str>,
    /// What each function does with it.
    uses: BTreeMap<usize, Use>,
}

/// What one function does with a path.
#[derive(Clone, Copy, Default)]
struct Use {
    /// Something that is not NULL is stored.
    is_set: bool,
    is_cleared: bool,
    is_read: bool,
    /// A local has what is read.
    is_taken: bool,
    /// Something that is called is told its address, and may set it.
    is_told: bool,
    /// What is read is looked at in a condition.
    is_tested: bool,
    is_freed: bool,
}

impl Use {
    /// Why the function is not called twice at a time.
    fn once(self, path: &str) -> Option<String> {
        if self.is_freed && !self.is_set && !self.is_tested {
            return Some(format!("it frees what {path} points to without a look"));
        }
        (self.is_set && !self.is_read && !self.is_freed)
            .then(|| format!("it sets {path} without a look at what was there"))
    }
}

/// Functions whose argument is no local.
fn is_marked(name: &str) -> bool {
    name.starts_with("rcu_") || matches!(name, "READ_ONCE" | "smp_load_acquire" | "xchg" | "smp_store_release")
}

/// The path in an argument.
fn path(arg: &str) -> &str {
    arg.trim().trim_start_matches('&').trim()
}

/// A name, or one member of what a name points to.
fn is_path(path: &str) -> bool {
    match path.split_once("->") {
        Some((root, member)) => is_name(root) && is_name(member) && !root.contains('.') && !member.contains(['.', '>']),
        None => is_name(path) && !path.contains(['.', '>']),
    }
}

/// The cells of C functions. Where the text declares objects, it says itself what points to them.
pub(super) fn of<'a>(file: &File, functions: &'a [Function]) -> Vec<Cell<'a>> {
    let mut seen: BTreeMap<&'a str, Seen<'a>> = BTreeMap::new();
    for (at, function) in functions.iter().enumerate() {
        Reader { at, function, seen: &mut seen, from: BTreeMap::new() }.read();
    }
    let is_set = |name: &str| {
        let mut found = false;
        let body = functions.iter().flat_map(|function| &function.body);
        body.for_each(|node| node.each(&mut |node| found |= sets(&node.stmt, name)));
        found
    };
    let any = |seen: &Seen, does: fn(&Use) -> bool| seen.uses.values().any(does);
    let is_handed = |at: &usize, name: &str| functions[*at].params.iter().any(|param| param == name);
    let is_cell = |(path, seen): &(&'a str, Seen)| {
        let is_shared = match path.split_once("->") {
            Some((root, _)) => seen.uses.keys().all(|at| is_handed(at, root)) && !is_set(root),
            None => {
                // A local is set before it is read.
                let is_unset = |used: &Use| used.is_read && !used.is_set && !used.is_cleared && !used.is_told;
                let is_global = seen.is_marked || file.globals.contains(*path) || any(seen, is_unset);
                is_global && !seen.uses.keys().any(|at| is_handed(at, path))
            }
        };
        // What a function is handed is one object, unless somebody else calls a local so.
        // What somebody frees, and nobody sets here, is set elsewhere.
        let is_stored = any(seen, |used| used.is_set || used.is_cleared || used.is_taken && !used.is_freed);
        let is_pointer = any(seen, |used| used.is_freed) || seen.is_rcu || file.globals.contains(*path);
        is_stored && is_pointer && is_shared && seen.handed.iter().all(|name| !is_set(name))
    };
    let made = |(path, seen): (&'a str, Seen<'a>)| {
        let once = |(at, used): (&usize, &Use)| Some((functions[*at].name.as_str(), used.once(path)?));
        let once = seen.uses.iter().filter_map(once).collect();
        Cell { path, object: format!("*{path}"), place: seen.place, handed: seen.handed, once }
    };
    seen.into_iter().filter(is_cell).map(made).collect()
}

/// Reads one function.
struct Reader<'s, 'a> {
    at: usize,
    function: &'a Function,
    seen: &'s mut BTreeMap<&'a str, Seen<'a>>,
    /// Locals, with the path that they were read from.
    from: BTreeMap<&'a str, &'a str>,
}

impl<'a> Reader<'_, 'a> {
    fn read(&mut self) {
        let function = self.function;
        function.body.iter().for_each(|node| node.each(&mut |node| self.statement(&node.stmt, node.place)));
    }

    fn seen(&mut self, path: &'a str, place: Place) -> Option<&mut Seen<'a>> {
        let new = || Seen { place, is_marked: false, is_rcu: false, handed: BTreeSet::new(), uses: BTreeMap::new() };
        is_path(path).then(|| self.seen.entry(path).or_insert_with(new))
    }

    /// What the function does with a path.
    fn used(&mut self, path: &'a str, place: Place, note: impl FnOnce(&mut Use)) {
        let at = self.at;
        if let Some(known) = self.seen(path, place) {
            note(known.uses.entry(at).or_default());
        }
    }

    fn stored(&mut self, path: &'a str, value: Option<&'a str>, place: Place) {
        let is_null = matches!(value, Some("NULL" | "0"));
        self.used(path, place, |used| if is_null { used.is_cleared = true } else { used.is_set = true });
        let function = self.function;
        let handed = value.filter(|value| function.params.iter().any(|param| param == value));
        self.seen(path, place).into_iter().for_each(|known| known.handed.extend(handed));
    }

    fn taken(&mut self, local: &'a str, path: &'a str, place: Place) {
        if is_path(path) {
            self.used(path, place, |used| (used.is_read, used.is_taken) = (true, true));
            self.from.insert(local, path);
        }
    }

    /// Names in a condition are tested, and so is what a local was read from.
    fn tested(&mut self, expr: &'a Expr, place: Place) {
        let mut names = Vec::new();
        expr.names(&mut |name| names.push(name));
        for name in names {
            self.used(name, place, |used| used.is_tested = true);
            if let Some(path) = self.from.get(name).copied() {
                self.used(path, place, |used| used.is_tested = true);
            }
        }
    }

    fn statement(&mut self, stmt: &'a Stmt, place: Place) {
        match stmt {
            Stmt::Assign(target, value) => {
                let name = match value {
                    Expr::Name(name) => Some(name.as_str()),
                    Expr::Int(0) => Some("NULL"),
                    _ => None,
                };
                self.stored(target, name, place);
                if let Some(path) = name.filter(|name| *name != "NULL") {
                    self.taken(target, path, place);
                }
                self.expr(value, Some(target), place);
            }
            Stmt::Each(text) => {
                let cursor = text.split(['(', ',']).nth(1).unwrap_or_default().trim();
                self.used(cursor, place, |used| used.is_told = true);
            }
            Stmt::Call { name, args, result } => {
                for told in args.iter().filter_map(|arg| arg.trim().strip_prefix('&')) {
                    self.used(told, place, |used| used.is_told = true);
                }
                self.call(name, args.iter().map(|arg| path(arg)).collect(), result.as_deref(), place);
                if let Some(result) = result {
                    self.stored(result, None, place);
                }
            }
            Stmt::If(cond) | Stmt::ElseIf(cond) | Stmt::While(cond) | Stmt::Switch(cond) => {
                if let Some(expr) = &cond.expr {
                    self.expr(expr, None, place);
                    self.tested(expr, place);
                }
            }
            _ => {}
        }
    }

    fn expr(&mut self, expr: &'a Expr, target: Option<&'a str>, place: Place) {
        match expr {
            Expr::Int(_) => {}
            Expr::Name(name) => self.used(name, place, |used| used.is_read = true),
            Expr::Unary(_, inner) => self.expr(inner, None, place),
            Expr::Binary(_, left, right) => {
                self.expr(left, None, place);
                self.expr(right, None, place);
            }
            Expr::Call(name, args) => {
                let path = |arg: &'a Expr| match arg {
                    Expr::Name(path) => path.as_str(),
                    Expr::Int(0) => "NULL",
                    _ => "",
                };
                self.call(name, args.iter().map(path).collect(), target, place);
            }
        }
    }

    fn call(&mut self, name: &'a str, args: Vec<&'a str>, result: Option<&'a str>, place: Place) {
        let first = args.first().copied().unwrap_or_default();
        if let Some(at) = frees(name, args.len()) {
            let freed = args.get(at).copied().unwrap_or_default();
            let freed = self.from.get(freed).copied().unwrap_or(freed);
            self.used(freed, place, |used| used.is_freed = true);
            return;
        }
        if stores(name) {
            self.stored(first, args.get(1).copied(), place);
        }
        if stores(name) || SAME.contains(&name) {
            if let Some(known) = self.seen(first, place) {
                known.is_marked |= is_marked(name);
                known.is_rcu |= name.to_ascii_lowercase().starts_with("rcu_");
            }
            if SAME.contains(&name) {
                self.used(first, place, |used| used.is_read = true);
            }
            result.into_iter().for_each(|local| self.taken(local, first, place));
        } else if !allocates(name) {
            args.into_iter().for_each(|arg| self.used(arg, place, |used| used.is_read = true));
        }
    }
}
