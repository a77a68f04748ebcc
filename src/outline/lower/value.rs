//! Expressions: what is read of shared memory becomes an instruction each.

use super::*;
use crate::outline::machine::Order;

impl<'a> Lower<'_, 'a> {
    pub(super) fn variable(&self, name: &str) -> Option<usize> {
        let name = plain(name);
        let is_it = |known: &Variable| known.name == name && known.owner.is_none() && !known.is_watched;
        self.out.program.variables.iter().position(is_it)
    }

    /// An access of memory of which only that is known who touches it.
    fn watch(&mut self, name: &str, writes: bool, place: Place) {
        let Some(at) = self.out.program.variables.iter().position(|known| known.is_watched && known.name == name)
        else {
            return;
        };
        let function = self.calls.last().map_or(self.code.name.as_str(), String::as_str);
        let locks = |op: &Op| matches!(op, Op::Acquire(..));
        // A read without a lock may be meant.
        if self.scope.is_alone(function) || !writes && !self.code.insts.iter().any(|inst| locks(&inst.op)) {
            return;
        }
        if writes {
            self.push(Op::Store(at, Pure::Int(0), Order::Plain), place);
        } else {
            let local = self.temp();
            self.push(Op::Load(at, local, Order::Plain), place);
        }
    }

    /// One of the values, which the local is.
    pub(super) fn choose(&mut self, domain: &Domain, local: usize, place: Place) {
        self.out.bounds.extend(domain.bound());
        let values = &domain.values;
        let count = values.len() as u8;
        if values.iter().copied().eq(0..i64::from(count)) && count > 1 {
            self.push(Op::Choose(count, local), place);
            return;
        }
        let chosen = self.temp();
        if count > 1 {
            self.push(Op::Choose(count, chosen), place);
        }
        let mut ends = Vec::new();
        for (at, value) in values.iter().enumerate() {
            let is_it = Pure::Binary("==", Box::new(Pure::Local(chosen)), Box::new(Pure::Int(at as i64)));
            let skip = (at + 1 < values.len()).then(|| self.push(Op::Unless(is_it, 0), place));
            self.push(Op::Set(local, Pure::Int(*value)), place);
            if let Some(skip) = skip {
                ends.push(self.push(Op::Jump(0), place));
                self.land(skip);
            }
        }
        ends.into_iter().for_each(|at| self.land(at));
    }

    fn flag(&mut self, name: &str) -> usize {
        if let Some(flag) = self.flags.get(name) {
            return *flag;
        }
        let flag = self.temp();
        self.flags.insert(name.to_owned(), flag);
        flag
    }

    /// A name that is looked at has a value: the one that was set, or any.
    fn settle(&mut self, name: &str, place: Place) -> usize {
        let local = self.local(name);
        if !self.settled.contains(name) {
            let flag = self.flag(name);
            let skip = self.push(Op::Unless(Pure::Unary('!', Box::new(Pure::Local(flag))), 0), place);
            let domain = self.scope.values.domain(name);
            self.choose(&domain, local, place);
            self.push(Op::Set(flag, Pure::Int(1)), place);
            self.land(skip);
            self.set_for_good(name);
        }
        local
    }

    fn set_for_good(&mut self, name: &str) {
        if !self.scope.values.is_passed(name) {
            self.settled.insert(name.to_owned());
        }
    }

    /// The name may be anything again.
    pub(super) fn unsettle(&mut self, name: &str, place: Place) {
        let name = plain(name);
        if self.variable(&name).is_none() && self.scope.values.is_read(&name) && !self.is_diagram {
            let flag = self.flag(&name);
            self.push(Op::Set(flag, Pure::Int(0)), place);
            self.settled.remove(&name);
        }
    }

    /// A condition; one that is no expression is a free choice, and in a diagram what is drawn happens.
    pub(super) fn condition(&mut self, expr: Option<&Expr>, text: &str, place: Place) -> Pure {
        match expr {
            Some(expr) => {
                let value = self.value(expr, place);
                if self.is_as_drawn(expr) { Pure::Int(1) } else { value }
            }
            None => self.free(text, place),
        }
    }

    /// A condition of a diagram that nothing which is drawn decides is taken to hold: what is drawn under it happens.
    pub(super) fn is_as_drawn(&self, expr: &Expr) -> bool {
        self.is_diagram && !self.is_decided(expr)
    }

    /// Is the value one that the program has?
    pub(super) fn is_decided(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Int(_) => true,
            Expr::Name(name) => self.variable(name).is_some() || self.decided.contains(name),
            Expr::Unary(_, inner) => self.is_decided(inner),
            Expr::Binary(_, left, right) => self.is_decided(left) && self.is_decided(right),
            Expr::Call(name, args) => {
                let answers = |word| {
                    matches!(word, Word::KthreadShouldStop | Word::SeqRetry | Word::SeqBegin | Word::Choose)
                        || matches!(word, Word::WaitCompletion(true) | Word::WaitEvent(true))
                        || matches!(word, Word::Lock(_, _, _, How::Try | How::TryDown | How::IfLast, _))
                };
                vocabulary::word(name).is_some_and(answers)
                    || args.iter().any(|arg| matches!(arg, Expr::Name(name) if self.variable(name).is_some()))
            }
        }
    }

    /// A value that is not known: both 0 and 1, the same each time for a name.
    pub(super) fn free(&mut self, name: &str, place: Place) -> Pure {
        self.made_up = true;
        if self.is_diagram {
            return Pure::Int(1);
        }
        if !name.is_empty() && !name.contains('(') {
            return Pure::Local(self.settle(name, place));
        }
        let local = self.temp();
        self.push(Op::Choose(2, local), place);
        Pure::Local(local)
    }

    /// What a function returns that is not known.
    pub(super) fn result(&mut self, name: &str, place: Place, is_wanted: bool) -> Pure {
        self.made_up = true;
        if self.is_diagram || !is_wanted {
            return Pure::Int(i64::from(self.is_diagram));
        }
        let local = self.temp();
        let domain = self.scope.values.result(name);
        self.choose(&domain, local, place);
        Pure::Local(local)
    }

    pub(super) fn value(&mut self, expr: &Expr, place: Place) -> Pure {
        match expr {
            Expr::Int(value) => Pure::Int(*value),
            Expr::Name(name) => self.name(name, place),
            Expr::Unary(op, inner) => Pure::Unary(*op, Box::new(self.value(inner, place))),
            Expr::Binary(op @ ("&&" | "||"), left, right) => self.lazy(op, left, right, place),
            Expr::Binary("?", cond, arms) => self.chosen(cond, arms, place),
            Expr::Binary("=", name, value) => {
                if let Expr::Name(name) = &**name {
                    self.assign(name, value, place);
                }
                self.value(name, place)
            }
            Expr::Binary("==" | "!=" | "<" | ">" | "<=" | ">=", left, right)
                if self.is_diagram && (self.is_open(left) || self.is_open(right)) =>
            {
                // What is drawn happens.
                self.value(left, place);
                self.value(right, place);
                Pure::Int(1)
            }
            Expr::Binary(op, left, right) => {
                let left = self.value(left, place);
                Pure::Binary(op, Box::new(left), Box::new(self.value(right, place)))
            }
            Expr::Call(name, args) => {
                let args = texts(args);
                let local = self.temp();
                if !self.evaluated(name, &args, local, place) {
                    return self.called(name, &args, place, true);
                }
                Pure::Local(local)
            }
        }
    }

    /// A value that nobody wants: what is called for it is called, and what tasks share is read.
    pub(super) fn unwanted(&mut self, expr: &Expr, place: Place) {
        if expr.acts() || expr.decides() {
            self.value(expr, place);
            return;
        }
        let mut names = Vec::new();
        expr.names(&mut |name| names.push(name.to_owned()));
        for name in names {
            if self.variable(&name).is_some() || self.pointed(&name, place).is_some() {
                self.name(&name, place);
            } else {
                self.used(&name, place);
            }
        }
    }

    /// `cond ? yes : no`: only one of the two is looked at.
    fn chosen(&mut self, cond: &Expr, arms: &Expr, place: Place) -> Pure {
        let Expr::Binary(":", yes, no) = arms else { return self.value(arms, place) };
        let result = self.temp();
        let cond = self.value(cond, place);
        let skip = self.push(Op::Unless(cond, 0), place);
        let settled = self.settled.clone();
        let yes = self.value(yes, place);
        self.push(Op::Set(result, yes), place);
        let end = self.push(Op::Jump(0), place);
        self.land(skip);
        self.settled.clone_from(&settled);
        let no = self.value(no, place);
        self.push(Op::Set(result, no), place);
        self.land(end);
        self.settled = settled;
        Pure::Local(result)
    }

    /// The second operand is looked at only if the first does not decide.
    fn lazy(&mut self, op: &'static str, left: &Expr, right: &Expr, place: Place) -> Pure {
        let result = self.temp();
        let left = self.value(left, place);
        self.push(Op::Set(result, Pure::Unary('!', Box::new(Pure::Unary('!', Box::new(left))))), place);
        let decided = if op == "&&" { Pure::Local(result) } else { Pure::Unary('!', Box::new(Pure::Local(result))) };
        let skip = self.push(Op::Unless(decided, 0), place);
        let settled = self.settled.clone();
        let right = self.value(right, place);
        self.push(Op::Set(result, Pure::Unary('!', Box::new(Pure::Unary('!', Box::new(right))))), place);
        self.land(skip);
        self.settled = settled;
        Pure::Local(result)
    }

    fn name(&mut self, name: &str, place: Place) -> Pure {
        if let Some(value) = self.scope.pointers.value(name) {
            return Pure::Int(value);
        }
        if let Some((base, field)) = self.pointed(name, place) {
            return self.load_field(base, &field, Order::Plain, place);
        }
        self.known_name(name, place)
    }

    /// A variable or a local.
    pub(super) fn known_name(&mut self, name: &str, place: Place) -> Pure {
        if let Some(variable) = self.variable(name) {
            self.used(name, place);
            let local = self.temp();
            let order = Order::of(self.out.program.variables[variable].is_atomic);
            self.push(Op::Load(variable, local, order), place);
            return Pure::Local(local);
        }
        self.used(name, place);
        self.watch(name, false, place);
        if let Some(value) = self.scope.values.constant(name) {
            return Pure::Int(value);
        }
        if self.is_diagram {
            return if self.is_set(name) { Pure::Local(self.local(name)) } else { Pure::Int(1) };
        }
        Pure::Local(self.settle(name, place))
    }

    fn is_set(&self, name: &str) -> bool {
        self.assigned.contains(name) || self.locals.contains_key(name)
    }

    /// In a diagram: is it a name of which nothing is known?
    fn is_open(&self, expr: &Expr) -> bool {
        let Expr::Name(name) = expr else { return false };
        self.variable(name).is_none() && self.scope.values.constant(name).is_none() && !self.is_set(name)
    }

    /// `p->f` uses what `p` points to.
    pub(super) fn used(&mut self, path: &str, place: Place) {
        let freed = self.freed;
        let leads = |name: &&String| path.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with(['-', '[']));
        if let Some(root) = freed.iter().find(leads)
            && !self.is_tracked(root)
            && self.scope.pointers.value(root).is_none()
        {
            let object = self.object(root);
            self.push(Op::Use(object), place);
        }
    }

    pub(super) fn object(&mut self, name: &str) -> usize {
        // What a task allocates itself, and keeps in a local, is its own, unless it hands it to a work or a timer.
        let is_own = self.assigned.contains(name) && !self.foreign.contains(name) && !self.scope.is_handed_on(name);
        let full = if is_own && !self.is_diagram { format!("{name} of {}", self.code.name) } else { name.to_owned() };
        let objects = &mut self.out.program.objects;
        objects.iter().position(|known| *known == full).unwrap_or_else(|| {
            objects.push(full);
            objects.len() - 1
        })
    }

    pub(super) fn assign(&mut self, target: &str, value: &Expr, place: Place) {
        if self.counts_idly(target, value, place) {
            return;
        }
        let is_decided = self.is_decided(value);
        if let Expr::Call(name, args) = value {
            self.note_lost(target, name, args.first().map(text).as_deref(), place);
        } else {
            self.lost.remove(target);
        }
        let before = std::mem::take(&mut self.made_up);
        let value = self.value(value, place);
        self.store(target, value, place);
        self.tell_no_made_up(target);
        self.made_up |= before;
        self.note_decided(target, is_decided);
    }

    /// A count that goes up in a loop, and that nobody looks at, would make each round another state.
    fn counts_idly(&mut self, target: &str, value: &Expr, place: Place) -> bool {
        let mut is_count = false;
        value.names(&mut |name| is_count |= name == target);
        let is_own = self.variable(target).is_none() && self.pointed(target, place).is_none();
        let is_idle = is_count && is_own && !self.loops.is_empty() && self.scope.values.is_idle(target);
        if is_idle {
            let local = self.local(target);
            self.code.locals[local] = None;
            self.used(target, place);
            self.watch(target, true, place);
            self.push(Op::Note, place);
        }
        is_idle
    }

    pub(super) fn note_decided(&mut self, target: &str, is_decided: bool) {
        if is_decided {
            self.decided.insert(target.to_owned());
        } else {
            self.decided.remove(target);
        }
    }

    /// A local whose value nobody here knows is no part of an outcome.
    pub(super) fn tell_no_made_up(&mut self, target: &str) {
        if !self.made_up {
            return;
        }
        if target == RETURNED {
            self.frames.iter_mut().last().into_iter().for_each(|frame| frame.made_up = true);
        } else if let Some(&at) = self.locals.get(target) {
            self.code.locals[at] = None;
        }
    }

    pub(super) fn store(&mut self, target: &str, value: Pure, place: Place) {
        if target == RETURNED {
            if let Some(local) = self.frames.last().and_then(|frame| frame.result) {
                self.push(Op::Set(local, value), place);
            }
            return;
        }
        if let Some((base, field)) = self.pointed(target, place) {
            return self.store_field(base, &field, &value, Order::Plain, place);
        }
        self.used(target, place);
        match self.variable(target) {
            Some(variable) => {
                let order = Order::of(self.out.program.variables[variable].is_atomic);
                self.push(Op::Store(variable, value, order), place);
            }
            None => {
                self.watch(target, true, place);
                let local = self.local(target);
                self.push(Op::Set(local, value), place);
                if !self.is_diagram {
                    if self.scope.values.is_read(target) {
                        let flag = self.flag(target);
                        self.push(Op::Set(flag, Pure::Int(1)), place);
                    }
                    self.set_for_good(target);
                }
                // What it leads to is something else now.
                let values = &self.scope.values;
                values.through(target).for_each(|path| self.unsettle(path, place));
            }
        }
    }
}
