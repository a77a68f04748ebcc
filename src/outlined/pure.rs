//! Expressions: each operator is an instruction of its own, and what it makes goes to a local.

use crate::outline::machine::Pure;
use crate::subject::form::{Inst, Is, Label, Local, Operator, Value};

use super::code::Task;

/// The operator, and whether its operands change places.
fn operator(op: &str) -> (Operator, bool) {
    match op {
        "+" => (Operator::Add, false),
        "-" => (Operator::Sub, false),
        "*" => (Operator::Mul, false),
        "/" => (Operator::Div, false),
        "%" => (Operator::Rem, false),
        "&" | "&&" => (Operator::And, false),
        "|" | "||" => (Operator::Or, false),
        "==" => (Operator::Eq, false),
        "!=" => (Operator::Ne, false),
        "<" => (Operator::Lt, false),
        ">" => (Operator::Lt, true),
        "<=" => (Operator::Le, false),
        ">=" => (Operator::Le, true),
        other => unreachable!("internal error: {other} is no operator of an outline"),
    }
}

impl Task<'_> {
    /// The value of an expression: what it needs is computed before.
    pub(super) fn value(&mut self, pure: &Pure) -> Value {
        match pure {
            Pure::Int(value) => Value::Const(*value),
            Pure::Local(local) => Value::Sum(self.local(*local), 0),
            Pure::Binary("+", left, right) => match (self.value(left), self.value(right)) {
                (Value::Sum(local, plus), Value::Const(more)) | (Value::Const(more), Value::Sum(local, plus)) => {
                    Value::Sum(local, plus + more)
                }
                (left, right) => self.computed(Operator::Add, left, right),
            },
            Pure::Binary("-", left, right) => match (self.value(left), self.value(right)) {
                (Value::Sum(local, plus), Value::Const(less)) => Value::Sum(local, plus - less),
                (left, right) => self.computed(Operator::Sub, left, right),
            },
            Pure::Binary(op, left, right) => {
                let (left, right) = (self.value(left), self.value(right));
                let is_lazy = matches!(*op, "&&" | "||");
                let (left, right) = if is_lazy { (self.truth(left), self.truth(right)) } else { (left, right) };
                let (operator, turned) = operator(op);
                if turned { self.computed(operator, right, left) } else { self.computed(operator, left, right) }
            }
            Pure::Unary('!', inner) => {
                let inner = self.value(inner);
                self.computed(Operator::Eq, inner, Value::Const(0))
            }
            Pure::Unary(_, inner) => {
                let inner = self.value(inner);
                self.computed(Operator::Sub, Value::Const(0), inner)
            }
            Pure::Shared(cell) => {
                let to = self.temp();
                self.load(*cell, to);
                Value::Sum(to, 0)
            }
        }
    }

    fn truth(&mut self, value: Value) -> Value {
        self.computed(Operator::Ne, value, Value::Const(0))
    }

    fn computed(&mut self, operator: Operator, left: Value, right: Value) -> Value {
        if let (Value::Const(left), Value::Const(right)) = (left, right) {
            return Value::Const(operator.apply(left, right));
        }
        let is_truth = matches!(operator, Operator::Eq | Operator::Ne | Operator::Lt | Operator::Le);
        let to = if is_truth { self.flag() } else { self.temp() };
        self.push(Inst::Binary(to, operator, left, right));
        Value::Sum(to, 0)
    }

    /// Sets a local to an expression.
    pub(super) fn set(&mut self, to: Local, pure: &Pure) {
        let value = self.value(pure);
        self.push(Inst::Set(to, value));
    }

    /// Goes elsewhere if the expression is 0, or if it is not.
    pub(super) fn go(&mut self, pure: &Pure, when: bool, label: Label) {
        if let Pure::Unary('!', inner) = pure {
            return self.go(inner, !when, label);
        }
        let compared = match pure {
            Pure::Binary(op, left, right) => match (&**left, &**right) {
                (Pure::Local(local), Pure::Int(value)) => compared(op, *value, when).map(|is| (*local, is)),
                _ => None,
            },
            Pure::Local(local) => Some((*local, if when { Is::Ne(0) } else { Is::Eq(0) })),
            _ => None,
        };
        if let Some((local, is)) = compared {
            let local = self.local(local);
            return self.push(Inst::Branch(local, is, label));
        }
        match self.value(pure) {
            Value::Const(value) if (value != 0) == when => self.push(Inst::Jump(label)),
            Value::Const(_) => {}
            Value::Sum(local, plus) => {
                self.push(Inst::Branch(local, if when { Is::Ne(-plus) } else { Is::Eq(-plus) }, label));
            }
        }
    }
}

/// A comparison with a number, or its opposite.
fn compared(op: &str, value: i64, when: bool) -> Option<Is> {
    Some(match (op, when) {
        ("==", true) | ("!=", false) => Is::Eq(value),
        ("!=", true) | ("==", false) => Is::Ne(value),
        ("<", true) | (">=", false) => Is::Lt(value),
        (">", true) | ("<=", false) => Is::Gt(value),
        ("<=", true) | (">", false) => Is::Lt(value.checked_add(1)?),
        (">=", true) | ("<", false) => Is::Gt(value.checked_sub(1)?),
        _ => return None,
    })
}
