//! `if (a < b)`, where two locks of one class are taken in the order of their addresses: the order is the same for everybody.
//!
//! A comparison of two pointers, or of the same field of two (`a->id < b->id`), is no free choice of each task. The outline is checked
//! twice, once with each order.

use std::collections::BTreeSet;

use super::expr::Expr;
use super::statement::{Cond, Stmt};
use super::tree::{Function, Group, Node};

/// The bound on names that are compared.
pub(super) const NAMES: &str = "the order of more than two addresses that are compared with each other";

/// What is compared.
#[derive(Default)]
pub(super) struct Order {
    /// Names in the order in which they are met; the same for `a->id` and `b->id`.
    names: Vec<String>,
    /// Pairs that are compared.
    pairs: BTreeSet<(usize, usize)>,
}

impl Order {
    /// What the functions compare; nothing if there is no such comparison.
    pub fn of(group: &Group) -> Option<Order> {
        let mut order = Order::default();
        for function in &group.functions {
            let roots = followed(function);
            for node in &function.body {
                node.each(&mut |node| {
                    if let Some(expr) = condition(&node.stmt).and_then(|cond| cond.expr.as_ref()) {
                        order.see(expr, &roots);
                    }
                });
            }
        }
        (!order.pairs.is_empty()).then_some(order)
    }

    /// Is a name compared with two others? Then there are more than two orders.
    pub fn is_more(&self) -> bool {
        let count = |name: usize| self.pairs.iter().filter(|(one, other)| *one == name || *other == name).count();
        (0..self.names.len()).any(|name| count(name) > 1)
    }

    fn number(&mut self, name: &str) -> usize {
        self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        })
    }

    fn see(&mut self, expr: &Expr, roots: &BTreeSet<String>) {
        if let Some((one, other, _)) = compared(expr).filter(|(one, other, _)| is_pointed(one, other, roots)) {
            let (one, other) = (self.number(one), self.number(other));
            self.pairs.insert((one.min(other), one.max(other)));
        }
        match expr {
            Expr::Unary(_, inner) => self.see(inner, roots),
            Expr::Binary(_, left, right) => {
                self.see(left, roots);
                self.see(right, roots);
            }
            Expr::Call(_, args) => args.iter().for_each(|arg| self.see(arg, roots)),
            Expr::Int(_) | Expr::Name(_) => {}
        }
    }

    /// The functions with the comparisons decided: those that are met first are lower, or higher.
    pub fn decided(&self, group: &Group, is_turned: bool) -> Group {
        let mut group = group.clone();
        for function in &mut group.functions {
            let roots = followed(function);
            function.body.iter_mut().for_each(|node| self.decide(node, &roots, is_turned));
        }
        group
    }

    fn decide(&self, node: &mut Node, roots: &BTreeSet<String>, is_turned: bool) {
        if let Stmt::If(cond) | Stmt::ElseIf(cond) | Stmt::While(cond) = &mut node.stmt
            && let Some(expr) = &mut cond.expr
        {
            self.replace(expr, roots, is_turned);
        }
        node.children.iter_mut().for_each(|child| self.decide(child, roots, is_turned));
    }

    fn replace(&self, expr: &mut Expr, roots: &BTreeSet<String>, is_turned: bool) {
        let at = |name: &str| self.names.iter().position(|known| known == name);
        if let Some((one, other, is_less)) = compared(expr).filter(|(one, other, _)| is_pointed(one, other, roots))
            && let (Some(one), Some(other)) = (at(one), at(other))
        {
            *expr = Expr::Int(i64::from(((one < other) == is_less) != is_turned));
            return;
        }
        match expr {
            Expr::Unary(_, inner) => self.replace(inner, roots, is_turned),
            Expr::Binary(_, left, right) => {
                self.replace(left, roots, is_turned);
                self.replace(right, roots, is_turned);
            }
            Expr::Call(_, args) => args.iter_mut().for_each(|arg| self.replace(arg, roots, is_turned)),
            Expr::Int(_) | Expr::Name(_) => {}
        }
    }
}

fn condition(stmt: &Stmt) -> Option<&Cond> {
    match stmt {
        Stmt::If(cond) | Stmt::ElseIf(cond) | Stmt::While(cond) => Some(cond),
        _ => None,
    }
}

/// Two names, and whether the first has to be the lower one.
fn compared(expr: &Expr) -> Option<(&str, &str, bool)> {
    let Expr::Binary(op @ ("<" | "<=" | ">" | ">="), left, right) = expr else { return None };
    let (Expr::Name(left), Expr::Name(right)) = (&**left, &**right) else { return None };
    (left != right).then_some((left, right, op.starts_with('<')))
}

/// Are they two pointers, or one field of two?
fn is_pointed(one: &str, other: &str, roots: &BTreeSet<String>) -> bool {
    let parts = |name: &str| {
        name.split_once("->").map_or((name.to_owned(), String::new()), |(a, b)| (a.to_owned(), b.to_owned()))
    };
    let ((one, field), (other, same)) = (parts(one), parts(other));
    one != other && field == same && roots.contains(&one) && roots.contains(&other)
}

/// Names whose locks a function takes through a pointer.
fn followed(function: &Function) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for node in &function.body {
        node.each(&mut |node| {
            if let Stmt::Call { args, .. } = &node.stmt {
                let root = |arg: &String| Some(arg.trim_start_matches(['&', ' ']).split_once("->")?.0.to_owned());
                found.extend(args.iter().filter_map(root));
            }
        });
    }
    found
}
