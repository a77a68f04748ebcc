//! What an expression looks at: which values each name is compared with, masked by, or computed with.

use super::*;

impl Values {
    pub(super) fn truth(&mut self, expr: &Expr) {
        match expr {
            Expr::Unary('!', inner) => self.truth(inner),
            Expr::Binary("&&" | "||", left, right) => {
                self.truth(left);
                self.truth(right);
            }
            Expr::Call(name, args) if matches!(name.as_str(), "likely" | "unlikely") => {
                args.iter().for_each(|arg| self.truth(arg));
            }
            Expr::Name(_) | Expr::Call(..) => self.compare("!=", expr, &Expr::Int(0)),
            _ => self.value(expr),
        }
    }

    pub(super) fn value(&mut self, expr: &Expr) {
        match expr {
            Expr::Int(_) => {}
            Expr::Name(name) => self.looks_at(name),
            Expr::Call(_, args) => args.iter().for_each(|arg| self.value(arg)),
            Expr::Unary('!', inner) => self.truth(inner),
            Expr::Unary(_, inner) => {
                if self.constant_of(expr).is_none() {
                    self.computes(inner);
                }
            }
            Expr::Binary("&&" | "||", ..) => self.truth(expr),
            Expr::Binary(op, left, right) if is_comparison(op) => self.compare(op, left, right),
            Expr::Binary("&", left, right) => self.masks(left, right),
            Expr::Binary("?", cond, arms) => {
                self.truth(cond);
                self.value(arms);
            }
            Expr::Binary(":", yes, no) => match self.target.clone() {
                Some(target) => [yes, no].into_iter().for_each(|arm| self.assigned(&target, arm)),
                None => [yes, no].into_iter().for_each(|arm| self.value(arm)),
            },
            Expr::Binary("=", name, value) => {
                if let Expr::Name(name) = &**name {
                    self.assigned(name, value);
                }
                self.value(name);
            }
            Expr::Binary(_, left, right) => {
                self.computes(left);
                self.computes(right);
            }
        }
    }

    fn computes(&mut self, expr: &Expr) {
        self.value(expr);
        if let Some(term) = Self::term(expr).filter(|_| self.constant_of(expr).is_none()) {
            self.class(&term).computed = true;
            match &self.target {
                Some(target) => self.flows.push((term.clone(), target.clone())),
                None => _ = self.deciding.insert(term.clone()),
            }
            self.computed.insert(term);
        }
    }

    fn masks(&mut self, left: &Expr, right: &Expr) {
        self.value(left);
        self.value(right);
        match (Self::term(left), self.constant_of(left), Self::term(right), self.constant_of(right)) {
            (Some(term), None, _, Some(mask)) | (_, Some(mask), Some(term), None) => {
                _ = self.class(&term).masks.insert(mask)
            }
            _ => {
                self.computes(left);
                self.computes(right);
            }
        }
    }

    pub(super) fn compare(&mut self, op: &str, left: &Expr, right: &Expr) {
        let target = self.target.take();
        self.value(left);
        self.value(right);
        self.target = target;
        match (self.constant_of(left), self.constant_of(right)) {
            (Some(_), Some(_)) => {}
            (None, Some(value)) => self.point(op, left, value),
            (Some(value), None) => {
                let turned = match op {
                    "<" => ">",
                    ">" => "<",
                    "<=" => ">=",
                    ">=" => "<=",
                    op => op,
                };
                self.point(turned, right, value);
            }
            (None, None) => {
                if let (Some(left), Some(right)) = (Self::term(left), Self::term(right)) {
                    self.join(&left, &right);
                    self.class(&left).against.extend([left.clone(), right.clone()]);
                }
            }
        }
    }

    fn point(&mut self, op: &str, expr: &Expr, value: i64) {
        let Some(term) = Self::term(expr) else { return };
        let class = self.class(&term);
        match op {
            "<" | ">=" => _ = class.limits.insert(value),
            ">" | "<=" => _ = class.limits.insert(value.saturating_add(1)),
            _ => _ = class.equal.insert(value),
        }
    }
}
