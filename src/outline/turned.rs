//! A function that takes one lock of each of two parameters, and that somebody else calls with the two the other way round.
//!
//! `transfer(a, b)` beside `transfer(b, a)` is the deadlock of two objects of one class. lockdep tells it from a correct nesting by a
//! subclass, and so do we: a lock that is taken with `_nested` is one whose author says that there is an order.

use super::expr::Expr;
use super::scope::Assumption;
use super::statement::{Cond, Counted, Guard, Stmt};
use super::tree::{Function, Group, Node};
use super::vocabulary::{self, How, Word};
use super::words::plain;

/// The functions with those that may be called the other way round, and what was assumed for it; nothing if there are none.
pub(super) fn of(group: &Group) -> Option<(Group, Vec<Assumption>)> {
    let mut group = group.clone();
    let mut assumptions = Vec::new();
    let mut more = Vec::new();
    for function in &group.functions {
        let Some((one, other)) = function.alike.as_ref().filter(|(one, other)| takes_both(function, one, other)) else {
            continue;
        };
        let name = format!("{}({other}, {one})", function.name);
        let what = format!("{} may be called with {one} and {other} the other way round", function.name);
        assumptions.push(Assumption { what, declare: None, place: function.place });
        let rename = |text: &str| exchanged(text, one, other);
        let body = function.body.iter().map(|node| renamed(node, &rename)).collect();
        more.push(Function { name, body, params: Vec::new(), alike: None, ..function.clone() });
    }
    group.functions.extend(more);
    (!assumptions.is_empty()).then_some((group, assumptions))
}

/// Does it wait for the same lock of both, with no order between them?
fn takes_both(function: &Function, one: &str, other: &str) -> bool {
    let mut of_one: Vec<String> = Vec::new();
    let mut of_other: Vec<String> = Vec::new();
    // Its author says that there is an order, or makes one.
    let mut is_ordered = false;
    for node in &function.body {
        node.each(&mut |node| {
            let (name, args) = match &node.stmt {
                Stmt::Call { name, args, result } => {
                    is_ordered |= name == "swap" || result.as_deref().is_some_and(|set| set == one || set == other);
                    (name, args)
                }
                Stmt::Guard(guard) => (&guard.take, &guard.args),
                Stmt::Assign(target, _) => {
                    is_ordered |= target == one || target == other;
                    return;
                }
                _ => return,
            };
            let Some(Word::Lock(_, _, _, How::Wait, _)) = vocabulary::word(name) else { return };
            let path = args.first().map(|arg| plain(arg)).unwrap_or_default();
            let Some((root, field)) = path.split_once("->") else { return };
            is_ordered |= name.contains("nest");
            if root == one {
                of_one.push(field.to_owned());
            } else if root == other {
                of_other.push(field.to_owned());
            }
        });
    }
    !is_ordered && of_one.iter().any(|field| of_other.contains(field))
}

/// The text with two words exchanged.
fn exchanged(text: &str, one: &str, other: &str) -> String {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_letter(c) != is_letter(first)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        // A member that is called like a parameter is none.
        let is_member = out.ends_with("->") || out.ends_with('.');
        out.push_str(match word {
            _ if is_member => word,
            word if word == one => other,
            word if word == other => one,
            word => word,
        });
        rest = behind;
    }
    out
}

fn renamed(node: &Node, rename: &dyn Fn(&str) -> String) -> Node {
    let children = node.children.iter().map(|child| renamed(child, rename)).collect();
    Node { stmt: statement(&node.stmt, rename), children, ..node.clone() }
}

fn statement(stmt: &Stmt, rename: &dyn Fn(&str) -> String) -> Stmt {
    let texts = |args: &[String]| args.iter().map(|arg| rename(arg)).collect();
    let cond =
        |cond: &Cond| Cond { text: rename(&cond.text), expr: cond.expr.as_ref().map(|expr| value(expr, rename)) };
    let inner = |list: &[Stmt]| list.iter().map(|stmt| statement(stmt, rename)).collect();
    match stmt {
        Stmt::Call { name, args, result } => {
            Stmt::Call { name: name.clone(), args: texts(args), result: result.as_deref().map(rename) }
        }
        Stmt::Assign(target, expr) => Stmt::Assign(rename(target), value(expr, rename)),
        Stmt::If(of) => Stmt::If(cond(of)),
        Stmt::ElseIf(of) => Stmt::ElseIf(cond(of)),
        Stmt::While(of) => Stmt::While(cond(of)),
        Stmt::Switch(of) => Stmt::Switch(cond(of)),
        Stmt::Each(text) => Stmt::Each(rename(text)),
        Stmt::Return(text) => Stmt::Return(text.as_deref().map(rename)),
        Stmt::Guard(guard) => Stmt::Guard(Guard { args: texts(&guard.args), ..guard.clone() }),
        Stmt::For(of) => Stmt::For(Counted {
            text: of.text.clone(),
            init: inner(&of.init),
            cond: of.cond.as_ref().map(cond),
            step: inner(&of.step),
        }),
        other => other.clone(),
    }
}

fn value(expr: &Expr, rename: &dyn Fn(&str) -> String) -> Expr {
    let inner = |expr: &Expr| Box::new(value(expr, rename));
    match expr {
        Expr::Int(number) => Expr::Int(*number),
        Expr::Name(name) => Expr::Name(rename(name)),
        Expr::Unary(op, of) => Expr::Unary(*op, inner(of)),
        Expr::Binary(op, left, right) => Expr::Binary(op, inner(left), inner(right)),
        Expr::Call(name, args) => Expr::Call(name.clone(), args.iter().map(|arg| value(arg, rename)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::exchanged;

    #[test]
    fn words_are_exchanged_and_members_are_not() {
        assert_eq!(exchanged("&a->b + b->a - ab", "a", "b"), "&b->b + a->a - ab");
    }
}
