//! Statements: where the next instruction is.

use super::*;
use crate::outline::expr;
use crate::outline::follow::Each;
use crate::outline::statement::Counted;
use crate::outline::walk::changed_elsewhere;

/// How a loop is asked whether it goes round.
#[derive(Clone, Copy)]
struct Round<'a> {
    cond: Option<&'a Cond>,
    body: &'a [Node],
    step: &'a [Node],
    place: Place,
}

impl<'a> Lower<'_, 'a> {
    pub(super) fn list(&mut self, nodes: &'a [Node]) {
        let mut at = 0;
        while at < nodes.len() {
            at = self.statement(nodes, at);
        }
    }

    fn statement(&mut self, nodes: &'a [Node], at: usize) -> usize {
        let node = &nodes[at];
        let place = node.place;
        if self.is_diagram && !matches!(&node.stmt, Stmt::Prose(text) if crate::outline::verbs::is_waiting(text)) {
            self.push(Op::Row(place.line), place);
        }
        match &node.stmt {
            Stmt::If(_) => return self.branches(nodes, at),
            Stmt::While(cond) => self.round(node, cond),
            Stmt::Do => self.do_while(node),
            Stmt::For(counted) => self.counted(node, counted),
            Stmt::Each(text) => {
                let each = crate::outline::follow::each(text);
                if !each.as_ref().is_some_and(|each| self.list_loop(node, each)) {
                    self.each_unknown(&node.children, place, each.as_ref());
                }
            }
            Stmt::Repeat(count) => self.repeat(node, *count as usize),
            Stmt::Switch(cond) => self.switch(node, cond),
            Stmt::Guard(guard) => self.guard(node, guard),
            Stmt::Goto(label) => {
                self.give_back(self.guards_around(label), place);
                let at = self.push(Op::Jump(0), place);
                self.jumps.push((label.clone(), at));
            }
            Stmt::Label(label) => {
                let here = self.here();
                self.labels.insert(label.clone(), here);
                if let Some(frame) = self.frames.last() {
                    self.settled.clone_from(&frame.settled);
                }
            }
            Stmt::Return(value) => self.returns(value.as_deref(), place),
            Stmt::Break | Stmt::Continue => self.leave(node.stmt == Stmt::Break, place),
            Stmt::Enter(context) => self.handlers.push((self.task, *context, node)),
            Stmt::Assign(target, value) => self.assign(target, value, place),
            Stmt::Call { name, args, result } => self.call(name, args, result.as_deref(), node),
            Stmt::Elision(names) => names.iter().for_each(|name| self.call(name, &[], None, node)),
            Stmt::Prose(_) => self.list(&node.children),
            Stmt::Deeper => _ = self.out.bounds.insert(DEEPER),
            _ => {}
        }
        if node.claim == Some(Claim::UseAfterFree) {
            self.claimed_use(node.place);
        }
        at + 1
    }

    fn returns(&mut self, value: Option<&str>, place: Place) {
        let value = value.and_then(expr::parse);
        if let Some(Frame { result: Some(local), .. }) = self.frames.last() {
            let local = *local;
            match value {
                // The call that stands before it, on the same line, has set it.
                Some(Expr::Call(..)) => {}
                Some(expr) => {
                    let value = self.value(&expr, place);
                    self.push(Op::Set(local, value), place);
                }
                None => {
                    let name = self.calls.last().cloned().unwrap_or_default();
                    let domain = self.scope.values.result(&name);
                    self.choose(&domain, local, place);
                }
            }
        } else if let Some(expr) = value.filter(|expr| !matches!(expr, Expr::Call(..))) {
            self.unwanted(&expr, place);
        }
        self.give_back(0, place);
        let at = self.push(Op::Jump(0), place);
        if let Some(frame) = self.frames.last_mut() {
            frame.ends.push(at);
        }
    }

    fn leave(&mut self, is_break: bool, place: Place) {
        let Some(open) = self.loops.iter().rposition(|open| is_break || !open.is_switch) else { return };
        self.give_back(self.loops[open].guards, place);
        let at = self.push(Op::Jump(0), place);
        let open = &mut self.loops[open];
        if is_break { open.breaks.push(at) } else { open.continues.push(at) }
    }

    /// What the guards from this one on hold is given back, the last first.
    fn give_back(&mut self, from: usize, place: Place) {
        let open: Vec<&Guard> = self.guards[from..].iter().rev().map(|(guard, _)| *guard).collect();
        for guard in open {
            self.called(&guard.give, &guard.args, place, false);
        }
    }

    /// How many of the open guards have the label inside.
    fn guards_around(&self, label: &str) -> usize {
        let has = |node: &Node| {
            let mut found = false;
            node.each(&mut |node| found |= matches!(&node.stmt, Stmt::Label(known) if known == label));
            found
        };
        self.guards.iter().rposition(|(_, node)| has(node)).map_or(0, |at| at + 1)
    }

    fn guard(&mut self, node: &'a Node, guard: &'a Guard) {
        self.called(&guard.take, &guard.args, node.place, false);
        self.guards.push((guard, node));
        self.list(&node.children);
        self.guards.pop();
        // A column ends where its author stops.
        if !self.is_diagram {
            self.called(&guard.give, &guard.args, node.place, false);
        } else if guard.is_scoped {
            let place = node.children.last().map_or(node.place, |last| last.place);
            self.called(&guard.give, &guard.args, place, false);
        }
    }

    fn branches(&mut self, nodes: &'a [Node], at: usize) -> usize {
        let (mut ends, mut arms) = (Vec::new(), Vec::new());
        let mut next = at;
        while next < nodes.len() {
            let node = &nodes[next];
            let Some(cond) = node.stmt.branch(next == at) else { break };
            next += 1;
            let Some(cond) = cond else {
                self.list(&node.children);
                break;
            };
            let value = self.condition(cond.expr.as_ref(), &cond.text, node.place);
            let skip = self.push(Op::Unless(value, 0), node.place);
            let settled = self.settled.clone();
            self.list(&node.children);
            arms.push(std::mem::replace(&mut self.settled, settled));
            let end = self.push(Op::Jump(0), node.place);
            ends.push(end);
            self.land(skip);
        }
        self.join(arms);
        ends.into_iter().for_each(|end| self.land(end));
        next
    }

    /// What is set here on one path, and on all of these.
    fn join(&mut self, arms: Vec<HashSet<String>>) {
        self.settled.retain(|name| arms.iter().all(|arm| arm.contains(name)));
    }

    /// One of the cases from where it begins, on into the next ones until a `break`.
    fn switch(&mut self, node: &'a Node, cond: &'a Cond) {
        let cases = &node.children;
        let subject = cond.expr.as_ref().map(|expr| self.value(expr, node.place));
        // What is looked at may be set in a case.
        let subject = subject.map(|value| {
            let local = self.temp();
            self.push(Op::Set(local, value), node.place);
            Pure::Local(local)
        });
        let mut entries: Vec<Option<usize>> = vec![None; cases.len()];
        for (at, case) in cases.iter().enumerate() {
            let Stmt::Case(value) = &case.stmt else { continue };
            let is_it = match (&subject, &value.expr) {
                (Some(subject), Some(expr)) => {
                    let value = self.value(expr, case.place);
                    Pure::Binary("==", Box::new(subject.clone()), Box::new(value))
                }
                _ => self.free(&format!("{} case {}", cond.text, value.text), case.place),
            };
            let skip = self.push(Op::Unless(is_it, 0), case.place);
            entries[at] = Some(self.push(Op::Jump(0), case.place));
            self.land(skip);
        }
        let otherwise = self.push(Op::Jump(0), node.place);
        let default = cases.iter().position(|case| case.stmt == Stmt::Default);
        self.loops.push(Loop { breaks: Vec::new(), continues: Vec::new(), is_switch: true, guards: self.guards.len() });
        let settled = self.settled.clone();
        for (at, case) in cases.iter().enumerate() {
            entries[at].into_iter().for_each(|entry| self.land(entry));
            if default == Some(at) {
                self.land(otherwise);
            }
            self.settled.clone_from(&settled);
            if is_case(&case.stmt) {
                if self.is_diagram {
                    self.push(Op::Row(case.place.line), case.place);
                }
                self.list(&case.children);
            }
        }
        if default.is_none() {
            self.land(otherwise);
        }
        self.settled = settled;
        self.leave_loop();
    }

    /// The names of a condition that something else changes may be anything again.
    fn look_again(&mut self, round: Round<'a>) {
        let Some(cond) = round.cond else { return };
        for name in changed_elsewhere(cond, round.body.iter().chain(round.step)) {
            self.unsettle(&name, round.place);
        }
    }

    /// A path comes back here: names that something forgets on the way are looked at anew.
    pub(super) fn come_again(&mut self) {
        let forgotten = &self.forgotten;
        self.settled.retain(|name| !forgotten.contains(name));
    }

    fn round(&mut self, node: &'a Node, cond: &'a Cond) {
        let relaxes =
            |node: &Node| matches!(&node.stmt, Stmt::Call { name, .. } if name == "cpu_relax" || name == "barrier");
        if node.children.iter().all(relaxes)
            && let Some(pure) = cond.expr.as_ref().and_then(|cond| shared(&self.out.program, cond))
        {
            // A spin waits for a change, which may come from somebody who is not run here.
            let is_outside = |name: &String| self.outside.contains(&Awaited::Value(name.clone()));
            if spun(&self.out.program, &pure).iter().any(is_outside) {
                self.is_ahead = true;
                self.push(Op::Note, node.place);
                return;
            }
            self.push(Op::Await(Pure::Unary('!', Box::new(pure))), node.place);
            return;
        }
        self.go_round(Round { cond: Some(cond), body: &node.children, step: &[], place: node.place });
    }

    /// A loop with its condition first: what is known before decides the first round.
    fn go_round(&mut self, round: Round<'a>) {
        self.come_again();
        let start = self.here();
        let skip = round.cond.map(|cond| {
            let value = self.condition(cond.expr.as_ref(), &cond.text, round.place);
            self.push(Op::Unless(value, 0), round.place)
        });
        let settled = self.settled.clone();
        self.inside(round.body);
        self.list(round.step);
        let cond = round.cond.and_then(|cond| cond.expr.as_ref());
        let is_drawn_once = self.is_diagram && cond.is_none_or(|cond| self.is_as_drawn(cond));
        if !is_drawn_once {
            self.look_again(round);
            self.push(Op::Jump(start), round.place);
        }
        skip.into_iter().for_each(|skip| self.land(skip));
        self.settled = settled;
        self.leave_loop();
    }

    /// One round; `continue` ends it.
    pub(super) fn inside(&mut self, body: &'a [Node]) {
        let guards = self.guards.len();
        self.loops.push(Loop { breaks: Vec::new(), continues: Vec::new(), is_switch: false, guards });
        let settled = self.settled.clone();
        self.list(body);
        let continues = self.loops.last_mut().map(|open| std::mem::take(&mut open.continues)).unwrap_or_default();
        if !continues.is_empty() {
            self.settled = settled;
        }
        continues.into_iter().for_each(|at| self.land(at));
    }

    pub(super) fn leave_loop(&mut self) {
        let breaks = self.loops.pop().map(|open| open.breaks).unwrap_or_default();
        breaks.into_iter().for_each(|at| self.land(at));
    }

    fn do_while(&mut self, node: &'a Node) {
        self.come_again();
        let start = self.here();
        let settled = self.settled.clone();
        let (body, last) = match node.children.split_last() {
            Some((last, body)) if matches!(last.stmt, Stmt::While(_)) && last.children.is_empty() => (body, Some(last)),
            _ => (node.children.as_slice(), None),
        };
        self.inside(body);
        if let Some(Node { stmt: Stmt::While(cond), place, .. }) = last {
            self.look_again(Round { cond: Some(cond), body, step: &[], place: *place });
            let value = self.condition(cond.expr.as_ref(), &cond.text, *place);
            let is_drawn_once = self.is_diagram && cond.expr.as_ref().is_none_or(|cond| self.is_as_drawn(cond));
            if !is_drawn_once {
                let skip = self.push(Op::Unless(value, 0), *place);
                self.push(Op::Jump(start), *place);
                self.land(skip);
            }
        }
        self.settled = settled;
        self.leave_loop();
    }

    /// Any number of rounds: what it goes over is not modelled. In a diagram, the round that is drawn.
    fn each_unknown(&mut self, body: &'a [Node], place: Place, each: Option<&Each>) {
        // Each round has another element; to go on from one that is freed is a use of it.
        self.lost.extend(each.map(|each| each.name.clone()));
        let freed = each.filter(|each| self.freed.contains(&each.name) && !self.is_tracked(&each.name));
        let object = freed.map(|each| (self.object(&each.name), each.is_safe));
        self.come_again();
        let settled = self.settled.clone();
        let start = self.here();
        let skip = (!self.is_diagram).then(|| {
            let chosen = self.temp();
            self.push(Op::Choose(2, chosen), place);
            self.push(Op::Unless(Pure::Local(chosen), 0), place)
        });
        object.iter().for_each(|(object, _)| _ = self.push(Op::Alloc(*object), place));
        self.inside(body);
        if let Some((object, false)) = object {
            self.push(Op::Use(object), place);
        }
        if !self.is_diagram {
            self.push(Op::Jump(start), place);
        }
        self.settled = settled;
        skip.into_iter().for_each(|at| self.land(at));
        self.leave_loop();
    }

    fn repeat(&mut self, node: &'a Node, count: usize) {
        if count > ROUNDS_MAX {
            self.out.bounds.insert(ROUNDS);
        }
        let count = if self.is_diagram { 1 } else { count.min(ROUNDS_MAX) };
        self.unrolled(&node.children, &[], count);
    }

    /// One round after the other; a `break` leaves them all.
    fn unrolled(&mut self, body: &'a [Node], step: &'a [Node], count: usize) {
        let settled = self.settled.clone();
        let mut breaks = Vec::new();
        for _ in 0..count {
            self.inside(body);
            self.list(step);
            breaks.extend(self.loops.pop().map(|open| open.breaks).unwrap_or_default());
        }
        if !breaks.is_empty() {
            self.settled = settled;
        }
        breaks.into_iter().for_each(|at| self.land(at));
    }

    fn counted(&mut self, node: &'a Node, counted: &'a Counted) {
        let [init, body @ .., step] = node.children.as_slice() else {
            return self.each_unknown(&node.children, node.place, None);
        };
        if self.is_diagram {
            return self.each_unknown(body, node.place, None);
        }
        self.list(&init.children);
        match self.rounds_of(counted, body) {
            Some(count) => {
                if count > ROUNDS_MAX {
                    self.out.bounds.insert(ROUNDS);
                }
                self.unrolled(body, &step.children, count.min(ROUNDS_MAX));
            }
            None => {
                let round = Round { cond: counted.cond.as_ref(), body, step: &step.children, place: node.place };
                self.go_round(round);
            }
        }
    }

    /// How many rounds a loop has that counts from a number to a number; one more than are run if there are more.
    fn rounds_of(&self, counted: &Counted, body: &[Node]) -> Option<usize> {
        let ([Stmt::Assign(name, Expr::Int(first))], [Stmt::Assign(next, step)]) =
            (&counted.init[..], &counted.step[..])
        else {
            return None;
        };
        let cond = counted.cond.as_ref()?.expr.as_ref()?;
        let mut is_set = self.scope.is_shared(name);
        body.iter().for_each(|node| {
            node.each(&mut |node| match &node.stmt {
                Stmt::Assign(target, _) | Stmt::Call { result: Some(target), .. } => is_set |= target == name,
                Stmt::Call { name: called, .. } => is_set |= self.scope.function(called).is_some(),
                Stmt::Goto(_) | Stmt::Label(_) => is_set = true,
                _ => {}
            });
        });
        if is_set || next != name {
            return None;
        }
        let mut value = *first;
        let mut rounds = 0;
        while rounds <= ROUNDS_MAX && self.fixed(cond, name, value)? != 0 {
            rounds += 1;
            value = self.fixed(step, name, value)?;
        }
        Some(rounds)
    }

    /// The value of an expression that looks at nothing but one name.
    fn fixed(&self, of: &Expr, name: &str, value: i64) -> Option<i64> {
        match of {
            Expr::Int(value) => Some(*value),
            Expr::Name(known) if known == name => Some(value),
            Expr::Name(known) => self.scope.values.constant(known),
            Expr::Unary('!', inner) => Some(i64::from(self.fixed(inner, name, value)? == 0)),
            Expr::Unary(_, inner) => Some(self.fixed(inner, name, value)?.wrapping_neg()),
            Expr::Binary(op, left, right) => {
                expr::apply(op, self.fixed(left, name, value)?, self.fixed(right, name, value)?)
            }
            Expr::Call(..) => None,
        }
    }
}

fn is_case(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::Case(_) | Stmt::Default)
}

/// The variables that a spin looks at.
pub(in crate::outline) fn spun(program: &Program, pure: &Pure) -> Vec<String> {
    match pure {
        Pure::Shared(at) => vec![program.variables[*at].name.clone()],
        Pure::Unary(_, inner) => spun(program, inner),
        Pure::Binary(_, left, right) => [spun(program, left), spun(program, right)].concat(),
        Pure::Int(_) | Pure::Local(_) => Vec::new(),
    }
}
