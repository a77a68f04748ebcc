//! The expressions that statements look at, and the names in capitals in them.

use std::collections::BTreeSet;

use crate::outline::expr::{self, Expr};
use crate::outline::statement::Stmt;

/// Where names in capitals are.
#[derive(Default)]
pub(super) struct Capitals {
    pub seen: BTreeSet<String>,
    pub masks: BTreeSet<String>,
    pub bare: BTreeSet<String>,
}

fn is_capital(name: &str) -> bool {
    name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

impl Capitals {
    pub fn truth(&mut self, expr: &Expr) {
        match expr {
            Expr::Name(name) if is_capital(name) => {
                self.bare.insert(name.clone());
            }
            Expr::Unary('!', inner) => self.truth(inner),
            Expr::Binary("&&" | "||", left, right) => {
                self.truth(left);
                self.truth(right);
            }
            other => self.value(other),
        }
    }

    pub fn value(&mut self, expr: &Expr) {
        match expr {
            Expr::Name(name) if is_capital(name) => _ = self.seen.insert(name.clone()),
            Expr::Name(_) | Expr::Int(_) => {}
            Expr::Unary('!', inner) => self.truth(inner),
            Expr::Unary(_, inner) => self.value(inner),
            Expr::Binary("&&" | "||", ..) => self.truth(expr),
            Expr::Binary("?", cond, arms) => {
                self.truth(cond);
                self.value(arms);
            }
            Expr::Binary(op, left, right) => {
                for side in [left, right] {
                    if let (Expr::Name(name), "&" | "|") = (&**side, *op)
                        && is_capital(name)
                    {
                        self.masks.insert(name.clone());
                    }
                    self.value(side);
                }
            }
            Expr::Call(name, args) if matches!(name.as_str(), "likely" | "unlikely") => {
                args.iter().for_each(|arg| self.truth(arg));
            }
            Expr::Call(_, args) => args.iter().for_each(|arg| self.value(arg)),
        }
    }
}

/// The expressions that a statement looks at, and whether only for being 0 or not.
pub(super) fn looked_at(stmt: &Stmt, visit: &mut impl FnMut(&Expr, bool)) {
    match stmt {
        Stmt::If(cond) | Stmt::ElseIf(cond) | Stmt::While(cond) => {
            if let Some(expr) = &cond.expr {
                visit(expr, true);
            }
        }
        Stmt::For(counted) => {
            if let Some(expr) = counted.cond.as_ref().and_then(|cond| cond.expr.as_ref()) {
                visit(expr, true);
            }
        }
        Stmt::Case(cond) | Stmt::Switch(cond) => {
            if let Some(expr) = &cond.expr {
                visit(expr, false);
            }
        }
        Stmt::Return(Some(value)) => {
            if let Some(expr) = expr::parse(value) {
                visit(&expr, false);
            }
        }
        Stmt::Call { args, .. } => {
            for arg in args {
                if let Some(expr) = expr::parse(arg) {
                    // A condition to wait for, or that must hold.
                    let is_truth = !matches!(expr, Expr::Name(_) | Expr::Int(_));
                    visit(&expr, is_truth);
                }
            }
        }
        _ => {}
    }
}
