//! `if (a < b)`, where two locks of one class are taken in the order of their addresses: the order is the same for everybody.
//!
//! A comparison of two pointers, or of the same field of two (`a->id < b->id`), is no free choice of each task. The outline is checked
//! once with each order of all that are compared.

use std::collections::BTreeSet;

use super::expr::Expr;
use super::statement::{Cond, Stmt};
use super::tree::{Function, Group, Node};

/// Pairs that are tried in all orders at most.
const PAIRS_MAX: usize = 3;

/// The bound on them.
pub(super) const PAIRS: &str = "orders of more than 3 pairs of addresses";

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

    /// All orders: for each pair, whether the one that is met first is the lower one. Too many pairs are all the one way, or the other.
    pub fn all(&self) -> Vec<Vec<bool>> {
        let count = self.pairs.len();
        if self.is_more() {
            return vec![vec![true; count], vec![false; count]];
        }
        let orders = (0..1usize << count).map(|order| (0..count).map(|at| order >> at & 1 == 0).collect());
        orders.filter(|order: &Vec<bool>| self.is_possible(order)).collect()
    }

    /// Are there more pairs than are tried in all orders?
    pub fn is_more(&self) -> bool {
        self.pairs.len() > PAIRS_MAX
    }

    /// Is nothing lower than itself?
    fn is_possible(&self, order: &[bool]) -> bool {
        let mut left: Vec<(usize, usize)> = self
            .pairs
            .iter()
            .zip(order)
            .map(|(&(one, other), first)| if *first { (one, other) } else { (other, one) })
            .collect();
        loop {
            let before = left.len();
            // What nothing is lower than is in no circle.
            let higher: BTreeSet<usize> = left.iter().map(|(_, higher)| *higher).collect();
            left.retain(|(lower, _)| higher.contains(lower));
            if left.is_empty() || left.len() == before {
                return left.is_empty();
            }
        }
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

    /// The functions with the comparisons decided by an order.
    pub fn decided(&self, group: &Group, order: &[bool]) -> Group {
        let mut group = group.clone();
        for function in &mut group.functions {
            let roots = followed(function);
            function.body.iter_mut().for_each(|node| self.decide(node, &roots, order));
        }
        group
    }

    fn decide(&self, node: &mut Node, roots: &BTreeSet<String>, order: &[bool]) {
        if let Stmt::If(cond) | Stmt::ElseIf(cond) | Stmt::While(cond) = &mut node.stmt
            && let Some(expr) = &mut cond.expr
        {
            self.replace(expr, roots, order);
        }
        node.children.iter_mut().for_each(|child| self.decide(child, roots, order));
    }

    fn replace(&self, expr: &mut Expr, roots: &BTreeSet<String>, order: &[bool]) {
        let at = |name: &str| self.names.iter().position(|known| known == name);
        if let Some((one, other, is_less)) = compared(expr).filter(|(one, other, _)| is_pointed(one, other, roots))
            && let (Some(one), Some(other)) = (at(one), at(other))
        {
            let pair = self.pairs.iter().position(|pair| *pair == (one.min(other), one.max(other)));
            let is_first_lower = pair.is_some_and(|at| order[at]);
            *expr = Expr::Int(i64::from(((one < other) == is_less) == is_first_lower));
            return;
        }
        match expr {
            Expr::Unary(_, inner) => self.replace(inner, roots, order),
            Expr::Binary(_, left, right) => {
                self.replace(left, roots, order);
                self.replace(right, roots, order);
            }
            Expr::Call(_, args) => args.iter_mut().for_each(|arg| self.replace(arg, roots, order)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_names_have_six_orders_and_two_pairs_four() {
        let of = |count: usize, pairs: &[(usize, usize)]| {
            let names = (0..count).map(|at| at.to_string()).collect();
            Order { names, pairs: pairs.iter().copied().collect() }.all().len()
        };

        // 2 to the power of the pairs, less the two circles of three names.
        assert_eq!(of(3, &[(0, 1), (0, 2), (1, 2)]), 6);
        assert_eq!(of(4, &[(0, 1), (2, 3)]), 4);
        assert_eq!(of(5, &[(0, 1), (1, 2), (2, 3), (3, 4)]), 2);
    }
}
