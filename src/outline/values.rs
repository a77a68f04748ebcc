//! Which values a name is tried with that nobody declares: those that it is compared with, and one of each kind besides.
//!
//! A program looks at such a name by comparing it. Two values that compare alike with everything that it is compared with are one, so a
//! few are enough: each number itself, one on each side of a limit, and as many others as there are names that are compared with each
//! other. A name in capitals that is only compared, assigned or part of a mask is a constant of its own.
//!
//! Limit: a name that is computed with is tried with those few values all the same, which is a bound ([`VALUES`]).

use std::collections::{BTreeSet, HashMap, HashSet};

use super::expr::{self, Expr};
use super::statement::{Cond, RETURNED, Stmt};
use super::tree::Node;

mod capitals;
mod class;
mod looks;

use capitals::{Capitals, looked_at};
use class::Class;

/// The bound on values that stand for all others.
pub const VALUES: &str = "values of an undeclared name that is computed with";

/// The bound on the end of a count.
pub const COUNTED: &str = "a count whose end is not known goes up to 2";

/// Bits of masks that are told from each other.
const BITS_MAX: u32 = 9;

/// The first number of a constant that is no bit.
const CONSTANTS_FROM: i64 = 101;

/// Errors whose numbers the kernel's words return.
const ERRORS: [(&str, i64); 2] = [("EINTR", 4), ("ERESTARTSYS", 512)];

/// What a name may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// In the order in which they are tried.
    pub values: Vec<i64>,
    /// Do they stand for values that would turn out otherwise?
    pub is_limited: bool,
    /// Is it the end of a count? Then values around 0 are tried.
    pub is_counted: bool,
}

/// The values of all names of a unit.
#[derive(Debug, Default)]
pub struct Values {
    constants: HashMap<String, i64>,
    parents: HashMap<String, String>,
    classes: HashMap<String, Class>,
    computed: HashSet<String>,
    /// What is computed goes from the first to the second.
    flows: Vec<(String, String)>,
    /// Names whose computed value decides something.
    deciding: HashSet<String>,
    /// What is being set.
    target: Option<String>,
    /// How often each name is looked at, in the text.
    read: HashMap<String, usize>,
    /// How often only to compute its next value.
    counted: HashMap<String, usize>,
    has_labels: bool,
    /// Names whose address is passed to a function.
    passed: HashSet<String>,
    domains: HashMap<String, Domain>,
    /// Names and conditions that lead through other names.
    paths: BTreeSet<String>,
}

fn is_comparison(op: &str) -> bool {
    matches!(op, "==" | "!=" | "<" | ">" | "<=" | ">=")
}

/// What a call of it is known by.
fn call(name: &str) -> String {
    format!("{name}()")
}

impl Domain {
    /// The bound that they are.
    pub fn bound(&self) -> Option<&'static str> {
        match (self.is_limited, self.is_counted) {
            (false, _) => None,
            (true, true) => Some(COUNTED),
            (true, false) => Some(VALUES),
        }
    }
}

impl Values {
    /// Reads all statements of a unit. `is_shared` tells what is declared.
    pub fn of(bodies: &[(&str, &[Node])], is_shared: &dyn Fn(&str) -> bool) -> Values {
        let mut values = Values::default();
        values.constants(bodies, is_shared);
        for (name, body) in bodies {
            for node in *body {
                values.node(node, name, is_shared);
            }
        }
        values.paths.extend(values.read.keys().filter(|name| name.contains(['>', '.', '['])).cloned());
        let names: Vec<String> = values.parents.keys().cloned().collect();
        for name in names {
            let domain = values.computed_domain(&name, is_shared);
            values.domains.insert(name, domain);
        }
        values
    }

    /// The number of a name that is one.
    pub fn constant(&self, name: &str) -> Option<i64> {
        self.constants.get(name).copied()
    }

    /// What a name may be that is not known.
    pub fn domain(&self, name: &str) -> Domain {
        self.domains.get(name).cloned().unwrap_or(Domain {
            values: vec![0, 1],
            is_limited: self.computed.contains(name),
            is_counted: false,
        })
    }

    /// What a call of the function may return.
    pub fn result(&self, name: &str) -> Domain {
        self.domain(&call(name))
    }

    /// Does anybody look at it?
    pub fn is_read(&self, name: &str) -> bool {
        self.read.contains_key(name)
    }

    /// Does nobody look at it but to count it further? What it is then decides nothing.
    pub fn is_idle(&self, name: &str) -> bool {
        let read = self.read.get(name).copied().unwrap_or(0);
        read <= self.counted.get(name).copied().unwrap_or(0) && !self.passed.contains(name)
    }

    /// Is it looked at once at most, if no path comes by twice?
    pub fn is_read_once(&self, name: &str) -> bool {
        !self.has_labels && self.read.get(name).is_none_or(|count| *count < 2)
    }

    /// Names and conditions that are something else once this name is.
    pub fn through<'v>(&'v self, name: &'v str) -> impl Iterator<Item = &'v str> {
        self.paths.iter().map(String::as_str).filter(move |path| *path != name && expr::mentions(path, name))
    }

    /// May a function that is not known change it?
    pub fn is_passed(&self, name: &str) -> bool {
        self.passed.contains(name)
    }

    fn constants(&mut self, bodies: &[(&str, &[Node])], is_shared: &dyn Fn(&str) -> bool) {
        let mut capitals = Capitals::default();
        let mut assigned = HashSet::new();
        for node in bodies.iter().flat_map(|(_, body)| *body) {
            node.each(&mut |node| {
                match &node.stmt {
                    Stmt::Assign(target, value) => {
                        assigned.insert(target.clone());
                        capitals.value(value);
                    }
                    Stmt::Call { result: Some(target), .. } => _ = assigned.insert(target.clone()),
                    _ => {}
                }
                looked_at(&node.stmt, &mut |expr, is_truth| {
                    if is_truth { capitals.truth(expr) } else { capitals.value(expr) }
                });
            });
        }
        let is_one = |name: &&String| !capitals.bare.contains(*name) && !assigned.contains(*name) && !is_shared(name);
        let (mut bit, mut next) = (0, CONSTANTS_FROM);
        for name in capitals.seen.iter().filter(is_one) {
            let known = ERRORS.iter().find(|(known, _)| known == name).map(|(_, number)| *number);
            let number = known.unwrap_or_else(|| {
                if capitals.masks.contains(name) && bit < BITS_MAX {
                    bit += 1;
                    1 << (bit - 1)
                } else {
                    next += 1;
                    next - 1
                }
            });
            self.constants.insert(name.clone(), number);
        }
    }

    fn node(&mut self, node: &Node, function: &str, is_shared: &dyn Fn(&str) -> bool) {
        match &node.stmt {
            Stmt::If(cond) | Stmt::ElseIf(cond) | Stmt::While(cond) if cond.expr.is_none() => {
                self.paths.insert(cond.text.clone());
                *self.read.entry(cond.text.clone()).or_insert(0) += 1;
            }
            Stmt::Label(_) => self.has_labels = true,
            Stmt::Assign(target, value) => {
                // What is read of shared memory is what is there: nothing is tried for it.
                match value {
                    Expr::Name(name) if is_shared(name) => self.looks_at(name),
                    value => self.assigned(target, value),
                }
                value
                    .names(&mut |name| *self.counted.entry(target.clone()).or_insert(0) += usize::from(name == target));
                self.leads_through(target);
            }
            Stmt::Call { name, args, result } => {
                if let Some(result) = result {
                    let target = if result == RETURNED { call(function) } else { result.clone() };
                    self.join(&target, &call(name));
                }
                for name in args.iter().filter_map(|arg| arg.trim().strip_prefix('&')) {
                    self.passed.insert(super::words::plain(name));
                }
            }
            Stmt::Return(Some(value)) => {
                if let Some(value) = expr::parse(value) {
                    self.assigned(&call(function), &value);
                }
            }
            _ => {}
        }
        looked_at(&node.stmt, &mut |expr, is_truth| if is_truth { self.truth(expr) } else { self.value(expr) });
        if let Stmt::Switch(cond) = &node.stmt
            && let Some(subject) = &cond.expr
        {
            self.value(subject);
            for case in &node.children {
                if let Stmt::Case(Cond { expr: Some(value), .. }) = &case.stmt {
                    self.compare("==", subject, value);
                }
            }
        }
        // An expansion is a function of its own.
        let inner = match &node.stmt {
            Stmt::Call { name, .. } => name,
            _ => function,
        };
        node.children.iter().for_each(|child| self.node(child, inner, is_shared));
    }

    fn looks_at(&mut self, name: &str) {
        *self.read.entry(name.to_owned()).or_insert(0) += 1;
        self.leads_through(name);
    }

    /// `p->q->x` looks at `p` and at `p->q`.
    fn leads_through(&mut self, name: &str) {
        for (at, _) in name.match_indices(['-', '.', '[']).filter(|(at, _)| *at > 0) {
            *self.read.entry(name[..at].to_owned()).or_insert(0) += 1;
        }
    }

    fn root(&mut self, name: &str) -> String {
        let Some(parent) = self.parents.get(name).cloned() else {
            self.parents.insert(name.to_owned(), name.to_owned());
            return name.to_owned();
        };
        if parent == name {
            return parent;
        }
        let root = self.root(&parent);
        self.parents.insert(name.to_owned(), root.clone());
        root
    }

    fn class(&mut self, name: &str) -> &mut Class {
        let root = self.root(name);
        self.classes.entry(root).or_default()
    }

    /// Values go from one to the other.
    fn join(&mut self, one: &str, other: &str) {
        let (one, other) = (self.root(one), self.root(other));
        if one == other {
            return;
        }
        let from = self.classes.remove(&other).unwrap_or_default();
        self.parents.insert(other, one.clone());
        let into = self.classes.entry(one).or_default();
        into.equal.extend(from.equal);
        into.limits.extend(from.limits);
        into.masks.extend(from.masks);
        into.against.extend(from.against);
        into.computed |= from.computed;
    }

    fn assigned(&mut self, target: &str, value: &Expr) {
        match value {
            Expr::Name(name) if self.constants.contains_key(name) => {}
            Expr::Name(name) => {
                self.join(target, name);
                self.looks_at(name);
            }
            Expr::Call(name, _) => {
                self.join(target, &call(name));
                self.value(value);
            }
            _ => {
                self.target = Some(target.to_owned());
                self.value(value);
                self.target = None;
            }
        }
    }

    fn constant_of(&self, expr: &Expr) -> Option<i64> {
        match expr {
            Expr::Int(value) => Some(*value),
            Expr::Name(name) => self.constant(name),
            Expr::Unary('-', inner) => Some(-self.constant_of(inner)?),
            _ => None,
        }
    }

    /// What is compared: a name, or a call.
    fn term(expr: &Expr) -> Option<String> {
        match expr {
            Expr::Name(name) => Some(name.clone()),
            Expr::Call(name, args) if matches!(name.as_str(), "likely" | "unlikely") => Self::term(args.first()?),
            Expr::Call(name, _) => Some(call(name)),
            _ => None,
        }
    }

    /// Does anything turn out otherwise if the name is something else?
    fn decides(&mut self, name: &str, is_shared: &dyn Fn(&str) -> bool) -> bool {
        let mut open = vec![name.to_owned()];
        let mut seen = HashSet::new();
        while let Some(name) = open.pop() {
            let class = self.class(&name);
            let is_compared = !class.equal.is_empty()
                || !class.limits.is_empty()
                || !class.masks.is_empty()
                || !class.against.is_empty();
            if is_compared || is_shared(&name) || self.deciding.contains(&name) {
                return true;
            }
            let targets = self.flows.iter().filter(|(from, _)| *from == name).map(|(_, to)| to.clone());
            open.extend(targets.filter(|to| seen.insert(to.clone())));
        }
        false
    }

    fn computed_domain(&mut self, name: &str, is_shared: &dyn Fn(&str) -> bool) -> Domain {
        let own = self.computed.contains(name);
        if own && !self.decides(name, is_shared) {
            return Domain { values: vec![0], is_limited: false, is_counted: false };
        }
        let class = self.class(name).clone();
        let (values, is_cut) = class.values();
        let is_counted = !own && class.computed && !class.against.is_empty();
        Domain { values, is_limited: own || is_cut || is_counted, is_counted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outline::source::Place;

    fn domain(conditions: &[&str], name: &str) -> Domain {
        let node = |text: &&str| {
            let cond = Cond { text: (*text).to_owned(), expr: expr::parse(text) };
            Node::made(Place::default(), Stmt::If(cond))
        };
        let nodes: Vec<Node> = conditions.iter().map(node).collect();
        Values::of(&[("f", &nodes)], &|_| false).domain(name)
    }

    #[test]
    fn a_name_has_each_value_that_it_is_compared_with_and_another() {
        let values = |conditions: &[&str]| domain(conditions, "x").values;
        assert_eq!(values(&["x"]), [0, 1]);
        assert_eq!(values(&["x == 2"]), [0, 2]);
        assert_eq!(values(&["x == 2", "x != 0"]), [0, 1, 2]);
        assert_eq!(values(&["x < 0"]), [0, -1]);
        assert_eq!(values(&["x > 3", "x == 3"]), [0, 3, 4]);
        assert_eq!(values(&["x & 4"]), [0, 4]);
        assert!(!domain(&["x == y"], "x").is_limited);
        assert!(domain(&["x + 1 == 3"], "x").is_limited);
    }

    #[test]
    fn names_in_capitals_that_are_compared_are_constants_of_their_own() {
        let node = |text: &str| {
            Node::made(Place::default(), Stmt::If(Cond { text: text.to_owned(), expr: expr::parse(text) }))
        };
        let nodes = [node("cmd == LOCK_SH"), node("cmd == LOCK_EX"), node("DEBUG")];
        let values = Values::of(&[("f", &nodes)], &|_| false);
        assert_ne!(values.constant("LOCK_SH"), values.constant("LOCK_EX"));
        assert_eq!(values.constant("DEBUG"), None);
        assert_eq!(values.domain("cmd").values.len(), 3);
    }
}
