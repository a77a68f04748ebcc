//! C that does two things in one expression, as two statements: `if (!(p = f()))` is `p = f()` and `if (!p)`.
//!
//! What is set in an expression, and the arms of a `?` that is returned or assigned, become statements of their own, so that everything
//! that looks for calls and assignments finds them. What may not run at all (behind `&&`), and what comes after a call of the same
//! expression, stays where it is, and is interpreted there.

use super::Node;
use crate::outline::expr::{self, Expr, written};
use crate::outline::statement::{Cond, RETURNED, Stmt};
use crate::outline::vocabulary::{self, Word};
use crate::outline::words;

/// Unfolds all expressions of a list of statements and of what is under them.
pub(super) fn unfold(nodes: Vec<Node>) -> Vec<Node> {
    let mut out: Vec<Node> = Vec::with_capacity(nodes.len());
    let mut nodes = std::collections::VecDeque::from(nodes);
    while let Some(mut node) = nodes.pop_front() {
        // A branch that sets something in its condition is an `else` with an `if` in it, and so is all that follows it.
        if let Stmt::ElseIf(cond) = &node.stmt
            && cond.expr.as_ref().is_some_and(Expr::sets)
        {
            let is_else = |next: &Node| matches!(next.stmt, Stmt::Else | Stmt::ElseIf(_));
            let count = nodes.iter().take_while(|next| is_else(next)).count();
            node.stmt = Stmt::If(cond.clone());
            let place = node.place;
            let inside = [node].into_iter().chain(nodes.drain(..count)).collect();
            out.push(Node { children: unfold(inside), ..Node::made(place, Stmt::Else) });
            continue;
        }
        node.children = unfold(std::mem::take(&mut node.children));
        statement(node, &mut out);
    }
    out
}

fn statement(mut node: Node, out: &mut Vec<Node>) {
    let place = node.place;
    let made = |stmt| Node::made(place, stmt);
    match &mut node.stmt {
        Stmt::If(cond) | Stmt::Switch(cond) => out.extend(lift(cond).into_iter().map(made)),
        Stmt::While(cond) if !node.children.is_empty() => {
            let before: Vec<Node> = lift(cond).into_iter().map(made).collect();
            if !before.is_empty() {
                let ends = Cond {
                    text: format!("!({})", cond.text),
                    expr: cond.expr.take().map(|expr| Expr::Unary('!', Box::new(expr))),
                };
                let leave = Node { children: vec![made(Stmt::Break)], ..made(Stmt::If(ends)) };
                *cond = Cond { text: "1".to_owned(), expr: Some(Expr::Int(1)) };
                node.children.splice(0..0, before.into_iter().chain([leave]));
            }
        }
        Stmt::Do => {
            if let Some(last) = node.children.last_mut()
                && let Stmt::While(cond) = &mut last.stmt
                && last.children.is_empty()
            {
                let before: Vec<Node> = lift(cond).into_iter().map(made).collect();
                let at = node.children.len() - 1;
                node.children.splice(at..at, before);
            }
        }
        // `kfree(container_of(ref, struct foo, ref))` frees the `foo`.
        Stmt::Call { name, args, .. } if vocabulary::word(name) == Some(Word::Free) => {
            if let Some(whole) = args.last_mut()
                && let Some((first, kind)) = part(whole)
            {
                let result = Some(kind.clone());
                out.push(made(Stmt::Call { name: "container_of".to_owned(), args: vec![first], result }));
                *whole = kind;
            }
        }
        Stmt::Assign(target, value) => {
            if let Some(found) = arms(value, &|value| vec![made(set(target, value))]) {
                out.extend(found);
                return;
            }
        }
        Stmt::Return(Some(value)) => {
            let found =
                expr::parse(value).filter(Expr::acts).and_then(|value| arms(&value, &|value| returned(&made, value)));
            if let Some(found) = found {
                out.extend(found);
                return;
            }
        }
        _ => {}
    }
    out.push(node);
}

/// Of `container_of(ref, struct foo, ref)`, the `ref` and the name of the type.
fn part(text: &str) -> Option<(String, String)> {
    let inside = words::matching_call(text.trim()).filter(|_| text.trim().starts_with("container_of("))?;
    let args = words::arguments(inside);
    let kind = args.get(1)?.strip_prefix("struct ")?.trim();
    words::is_name(kind).then(|| (args[0].clone(), kind.to_owned()))
}

/// The two arms of a choice, each as what is made of its value.
fn arms(value: &Expr, make: &dyn Fn(&Expr) -> Vec<Node>) -> Option<Vec<Node>> {
    let Expr::Binary("?", cond, both) = value else { return None };
    let Expr::Binary(":", yes, no) = &**both else { return None };
    // `f() ?: x` looks once.
    if cond == yes && cond.acts() {
        return None;
    }
    let arm = |value: &Expr| arms(value, make).unwrap_or_else(|| make(value));
    let (yes, no) = (arm(yes), arm(no));
    let place = yes.first()?.place;
    let mut cond = Cond { text: written(cond), expr: Some((**cond).clone()) };
    let mut found: Vec<Node> = lift(&mut cond).into_iter().map(|stmt| Node::made(place, stmt)).collect();
    found.push(Node { children: yes, ..Node::made(place, Stmt::If(cond)) });
    found.push(Node { children: no, ..Node::made(place, Stmt::Else) });
    Some(found)
}

fn returned(made: &dyn Fn(Stmt) -> Node, value: &Expr) -> Vec<Node> {
    let call = matches!(value, Expr::Call(..)).then(|| made(set(RETURNED, value)));
    call.into_iter().chain([made(Stmt::Return(Some(written(value))))]).collect()
}

fn set(target: &str, value: &Expr) -> Stmt {
    match value {
        Expr::Call(name, args) => {
            Stmt::Call { name: name.clone(), args: args.iter().map(written).collect(), result: Some(target.to_owned()) }
        }
        value => Stmt::Assign(target.to_owned(), value.clone()),
    }
}

/// What a condition sets, as statements before it.
fn lift(cond: &mut Cond) -> Vec<Stmt> {
    let mut out = Vec::new();
    if let Some(expr) = cond.expr.as_mut().filter(|expr| expr.sets()) {
        lift_from(expr, &mut out);
        cond.text = written(expr);
    }
    out
}

fn lift_from(expr: &mut Expr, out: &mut Vec<Stmt>) {
    match expr {
        Expr::Int(_) | Expr::Name(_) => {}
        Expr::Unary(_, inner) => lift_from(inner, out),
        Expr::Binary("=", name, value) => {
            let Expr::Name(target) = &**name else { return };
            lift_from(value, out);
            out.push(set(target, value));
            *expr = Expr::Name(target.clone());
        }
        // What comes behind a call comes after it, and what may not run stays where it is.
        Expr::Binary("&&" | "||" | "?", left, _) => lift_from(left, out),
        Expr::Binary(_, left, right) => {
            lift_from(left, out);
            if !left.acts() {
                lift_from(right, out);
            }
        }
        Expr::Call(_, args) => args.iter_mut().for_each(|arg| lift_from(arg, out)),
    }
}
