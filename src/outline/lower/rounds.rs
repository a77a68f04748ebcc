//! Loops.

use super::*;

impl<'a> Lower<'_, 'a> {
    pub(super) fn round(&mut self, node: &'a Node, cond: Option<&Expr>) {
        let relaxes =
            |node: &Node| matches!(&node.stmt, Stmt::Call { name, .. } if name == "cpu_relax" || name == "barrier");
        if node.children.iter().all(relaxes)
            && let Some(pure) = cond.and_then(|cond| shared(&self.out.program, cond))
        {
            // A spin waits for a change.
            self.push(Op::Await(Pure::Unary('!', Box::new(pure))), node.place);
            return;
        }
        let start = self.here();
        let is_drawn_once = cond.is_none_or(|cond| self.is_as_drawn(cond)) && self.is_diagram;
        let value = self.condition(cond, "", node.place);
        let skip = self.push(Op::Unless(value, 0), node.place);
        self.inside(node, start);
        if !is_drawn_once {
            self.push(Op::Jump(start), node.place);
        }
        self.land(skip);
        self.leave_loop();
    }

    pub(super) fn inside(&mut self, node: &'a Node, start: usize) {
        self.loops.push(Loop { breaks: Vec::new(), continues: Vec::new() });
        self.list(&node.children);
        let continues = self.loops.last_mut().map(|open| std::mem::take(&mut open.continues)).unwrap_or_default();
        for at in continues {
            if let Some(Op::Jump(target)) = self.code.insts.get_mut(at).map(|inst| &mut inst.op) {
                *target = start;
            }
        }
    }

    pub(super) fn leave_loop(&mut self) {
        let breaks = self.loops.pop().map(|open| open.breaks).unwrap_or_default();
        breaks.into_iter().for_each(|at| self.land(at));
    }

    pub(super) fn do_while(&mut self, node: &'a Node) {
        let start = self.here();
        let (body, last) = match node.children.split_last() {
            Some((last, body)) if matches!(last.stmt, Stmt::While(_)) && last.children.is_empty() => (body, Some(last)),
            _ => (node.children.as_slice(), None),
        };
        self.loops.push(Loop { breaks: Vec::new(), continues: Vec::new() });
        self.list(body);
        if let Some(Node { stmt: Stmt::While(cond), place, .. }) = last {
            let is_drawn_once = cond.expr.as_ref().is_none_or(|cond| self.is_as_drawn(cond)) && self.is_diagram;
            let value = self.condition(cond.expr.as_ref(), &cond.text, *place);
            if !is_drawn_once {
                let skip = self.push(Op::Unless(value, 0), *place);
                self.push(Op::Jump(start), *place);
                self.land(skip);
            }
        }
        self.leave_loop();
    }

    /// None or one round: what it goes over is not modelled. In a diagram, the round that is drawn.
    pub(super) fn each(&mut self, node: &'a Node) {
        if let Stmt::Each(text) = &node.stmt
            && let Some(each) = super::super::pointers::each(text)
            && self.list_loop(node, &each)
        {
            return;
        }
        let chosen = self.temp();
        let skip = if self.is_diagram {
            None
        } else {
            self.push(Op::Choose(2, chosen), node.place);
            Some(self.push(Op::Unless(Pure::Local(chosen), 0), node.place))
        };
        let start = self.here();
        self.inside(node, start);
        self.leave_loop();
        skip.into_iter().for_each(|at| self.land(at));
    }
}
