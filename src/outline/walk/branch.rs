//! Conditions, loops and switches of the walk.

use super::*;

/// What decides whether a loop goes round.
#[derive(Clone, Copy)]
pub(super) enum Turns<'a> {
    /// A condition, before each round.
    While(&'a Cond),
    /// The same, after each round.
    Until(&'a Cond),
    /// Only what leaves it.
    Always,
    /// Something that is not modelled.
    Free,
    /// A number.
    Count(u32),
    /// One round.
    Once,
}

/// A loop.
pub(super) struct Looped<'a> {
    pub init: &'a [Node],
    body: &'a [Node],
    step: &'a [Node],
    turns: Turns<'a>,
    /// The place of its condition.
    at: Option<&'a Node>,
}

impl<'a> Looped<'a> {
    pub fn new(body: &'a [Node], turns: Turns<'a>) -> Looped<'a> {
        Looped { init: &[], body, step: &[], turns, at: None }
    }

    /// A `for`, whose children are what it does before, in and after its rounds.
    pub fn of_for(children: &'a [Node], cond: Option<&'a Cond>) -> Looped<'a> {
        let turns = cond.map_or(Turns::Always, Turns::While);
        match children {
            [init, body @ .., step] => Looped { init: &init.children, body, step: &step.children, turns, at: None },
            body => Looped::new(body, turns),
        }
    }

    /// A `do`, whose last child is its `while`.
    pub fn of_do(children: &'a [Node]) -> Looped<'a> {
        match children {
            [body @ .., last] if last.children.is_empty() => match &last.stmt {
                Stmt::While(cond) => Looped { at: Some(last), ..Looped::new(body, Turns::Until(cond)) },
                _ => Looped::new(children, Turns::Once),
            },
            _ => Looped::new(children, Turns::Once),
        }
    }

    /// Names of its condition, if nothing in the loop sets one of them: somebody else does, or it would not be looked at again.
    pub fn changed_elsewhere(&self) -> Vec<String> {
        let (Turns::While(cond) | Turns::Until(cond)) = self.turns else { return Vec::new() };
        changed_elsewhere(cond, self.body.iter().chain(self.step))
    }
}

/// Names of a condition, if none of the statements sets one of them.
pub(in crate::outline) fn changed_elsewhere<'n>(cond: &Cond, nodes: impl Iterator<Item = &'n Node>) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(expr) = &cond.expr {
        expr.names(&mut |name| names.push(name.to_owned()));
    }
    let mut is_set = false;
    for node in nodes {
        node.each(&mut |node| {
            if let Stmt::Assign(target, _) | Stmt::Call { result: Some(target), .. } = &node.stmt {
                is_set |= names.iter().any(|name| mentions(name, target));
            }
        });
    }
    if is_set { Vec::new() } else { names }
}

impl<'a> Walk<'a> {
    /// An `if` with its `else if`s and `else`: where the next statement is.
    pub(super) fn branches(&mut self, nodes: &'a [Node], at: usize, flow: &mut Flow) -> usize {
        let mut states = std::mem::take(&mut flow.next);
        let mut next = at;
        while next < nodes.len() {
            let node = &nodes[next];
            let Some(cond) = node.stmt.branch(next == at) else { break };
            next += 1;
            let (yes, no) = match cond {
                Some(cond) => self.decide(cond.expr.as_ref(), &cond.text, node, states),
                None => (states, Vec::new()),
            };
            let inner = self.list(&node.children, yes);
            let out = flow.absorb(inner);
            flow.next.extend(out);
            states = no;
            if cond.is_none() {
                break;
            }
        }
        flow.next.extend(states);
        next
    }

    /// One of the cases from where it begins, on into the next ones until a `break`; none if there is no `default`.
    pub(super) fn switch(&mut self, node: &'a Node, cond: &'a Cond, flow: &mut Flow) {
        let states = std::mem::take(&mut flow.next);
        let mut open: Vec<(State, Option<i64>)> = match &cond.expr {
            Some(expr) => states.into_iter().flat_map(|state| self.value(expr, node.place, state)).collect(),
            None => states.into_iter().map(|state| (state, None)).collect(),
        };
        let cases: &'a [Node] = &node.children;
        let mut entered: Vec<Vec<State>> = vec![Vec::new(); cases.len()];
        for (at, case) in cases.iter().enumerate() {
            let Stmt::Case(value) = &case.stmt else { continue };
            let key = format!("{} case {}", cond.text, value.text);
            let mut on = Vec::new();
            for (state, subject) in open {
                let wanted = value.expr.as_ref().and_then(|expr| self.number_of(expr, &state));
                match (subject, wanted) {
                    (Some(subject), Some(wanted)) if subject == wanted => entered[at].push(state),
                    (Some(_), Some(_)) => on.push((state, subject)),
                    _ => self.either(&key, cond.expr.as_ref(), state, &mut entered[at], &mut on, subject),
                }
            }
            open = on;
        }
        let rest = open.into_iter().map(|(state, _)| state);
        match cases.iter().position(|case| case.stmt == Stmt::Default) {
            Some(at) => entered[at].extend(rest),
            None => flow.next.extend(rest),
        }
        let mut falls = Vec::new();
        for (case, mut states) in cases.iter().zip(entered) {
            states.append(&mut falls);
            self.merge(&mut states);
            let mut inner = self.list(&case.children, states);
            flow.next.append(&mut inner.breaks);
            falls = flow.absorb(inner);
        }
        flow.next.extend(falls);
    }

    /// A case that may be it: both ways, the same each time that the same is looked at.
    fn either(
        &mut self,
        key: &str,
        looked_at: Option<&Expr>,
        mut state: State,
        yes: &mut Vec<State>,
        no: &mut Vec<(State, Option<i64>)>,
        subject: Option<i64>,
    ) {
        let is_stable = !key.contains('(') && !self.mentions_shared(looked_at);
        match state.taken.get(key).copied().filter(|_| is_stable) {
            Some(true) => yes.push(state),
            Some(false) => no.push((state, subject)),
            None => {
                let mut other = state.clone();
                if is_stable {
                    state.taken.insert(key.to_owned(), true);
                    other.taken.insert(key.to_owned(), false);
                }
                yes.push(state);
                no.push((other, subject));
            }
        }
    }

    /// Rounds until no new state comes of them.
    pub(super) fn rounds(&mut self, looped: Looped<'a>, node: &'a Node, flow: &mut Flow) {
        let again = looped.changed_elsewhere();
        let at = looped.at.unwrap_or(node);
        let mut states = std::mem::take(&mut flow.next);
        let mut seen: HashSet<State> = HashSet::new();
        let mut round = 0;
        loop {
            let (mut yes, no) = match looped.turns {
                Turns::While(cond) => self.decide(cond.expr.as_ref(), &cond.text, at, states),
                Turns::Until(cond) if round > 0 => self.decide(cond.expr.as_ref(), &cond.text, at, states),
                Turns::Until(_) | Turns::Always => (states, Vec::new()),
                Turns::Free => (states.clone(), states),
                Turns::Count(count) if round < count as usize => (states, Vec::new()),
                Turns::Once if round == 0 => (states, Vec::new()),
                Turns::Count(_) | Turns::Once => (Vec::new(), states),
            };
            flow.next.extend(no);
            self.merge(&mut flow.next);
            if !matches!(looped.turns, Turns::Count(_)) {
                yes.retain(|state| seen.insert(state.clone()));
            }
            if yes.is_empty() {
                return;
            }
            if round == ROUNDS_MAX {
                self.bounds.insert(ROUNDS);
                return;
            }
            round += 1;
            self.loops += 1;
            let mut inner = self.list(looped.body, yes);
            self.loops -= 1;
            flow.next.append(&mut inner.breaks);
            let mut turned = std::mem::take(&mut inner.continues);
            turned.extend(flow.absorb(inner));
            states = looped
                .step
                .iter()
                .fold(turned, |states, node| states.into_iter().flat_map(|state| self.simple(node, state)).collect());
            // The condition is looked at anew.
            for state in &mut states {
                again.iter().for_each(|name| forget(state, name));
                if let Turns::While(cond) | Turns::Until(cond) = looped.turns {
                    state.taken.remove(cond.text.trim_start_matches('!').trim());
                }
            }
            self.merge(&mut states);
        }
    }

    fn decide(&mut self, cond: Option<&Expr>, text: &str, node: &Node, states: Vec<State>) -> (Vec<State>, Vec<State>) {
        let (mut yes, mut no) = (Vec::new(), Vec::new());
        let negated = text.strip_prefix('!');
        let key = negated.unwrap_or(text).trim();
        for state in states {
            let outcomes = match cond {
                Some(cond) => self.value(cond, node.place, state),
                None => vec![(state, None)],
            };
            for (mut state, value) in outcomes {
                // A call may answer differently each time; memory that tasks share may change.
                let is_stable = self.comes_again(key) && !key.contains('(') && !self.mentions_shared(cond);
                let taken = state.taken.get(key).map(|taken| *taken != negated.is_some()).filter(|_| is_stable);
                match value.map(|value| value != 0).or(taken) {
                    Some(true) => yes.push(state),
                    Some(false) => no.push(state),
                    None => {
                        let mut other = state.clone();
                        if is_stable {
                            state.taken.insert(key.to_owned(), negated.is_none());
                            other.taken.insert(key.to_owned(), negated.is_some());
                        }
                        yes.push(state);
                        no.push(other);
                    }
                }
            }
        }
        (yes, no)
    }

    /// May the path come to the same condition once more? Otherwise how it turned out need not be kept.
    fn comes_again(&self, key: &str) -> bool {
        self.loops > 0 || !self.calls.is_empty() || self.conditions.get(key).is_some_and(|count| *count > 1)
    }

    fn mentions_shared(&self, cond: Option<&Expr>) -> bool {
        let mut found = false;
        if let Some(cond) = cond {
            cond.names(&mut |name| found |= self.scope.is_shared(name));
        }
        found
    }

    /// A number that is one without looking at anything else.
    fn number_of(&self, expr: &Expr, state: &State) -> Option<i64> {
        match expr {
            Expr::Int(value) => Some(*value),
            Expr::Name(name) => self.scope.values.constant(name).or_else(|| state.known.get(name).copied()),
            Expr::Unary('-', inner) => Some(-self.number_of(inner, state)?),
            _ => None,
        }
    }

    /// What an expression is, on each way that it can turn out; calls in it are made. Nothing if it is not known.
    pub(super) fn value(&mut self, expr: &Expr, place: Place, state: State) -> Vec<(State, Option<i64>)> {
        match expr {
            Expr::Int(value) => vec![(state, Some(*value))],
            Expr::Name(name) => self.named(name, state),
            Expr::Unary(op, inner) => {
                let turned = |value: i64| if *op == '!' { i64::from(value == 0) } else { value.wrapping_neg() };
                let inner = self.value(inner, place, state).into_iter();
                inner.map(|(state, value)| (state, value.map(turned))).collect()
            }
            Expr::Binary("&&", left, right) => self.lazy(left, right, place, state, false),
            Expr::Binary("||", left, right) => self.lazy(left, right, place, state, true),
            Expr::Binary("?", cond, arms) => self.chosen(cond, arms, place, state),
            Expr::Binary("=", name, value) => {
                let Expr::Name(name) = &**name else { return vec![(state, None)] };
                let with = |(mut state, value): (State, Option<i64>)| {
                    keep(&mut state, name, value);
                    (state, value)
                };
                self.value(value, place, state).into_iter().map(with).collect()
            }
            Expr::Binary(op, left, right) => {
                let mut out = Vec::new();
                for (state, left) in self.value(left, place, state) {
                    for (state, right) in self.value(right, place, state) {
                        let value = left.zip(right).and_then(|(left, right)| expr::apply(op, left, right));
                        out.push((state, value));
                    }
                }
                out
            }
            Expr::Call(name, args) if matches!(name.as_str(), "likely" | "unlikely") => match args.first() {
                Some(inner) => self.value(inner, place, state),
                None => vec![(state, None)],
            },
            Expr::Call(name, args) => self.asked(name, &super::super::scope::texts(args), place, state),
        }
    }

    /// `cond ? yes : no`: only one of the two is looked at.
    fn chosen(&mut self, cond: &Expr, arms: &Expr, place: Place, state: State) -> Vec<(State, Option<i64>)> {
        let Expr::Binary(":", yes, no) = arms else { return vec![(state, None)] };
        let mut out = Vec::new();
        for (state, value) in self.value(cond, place, state) {
            if value != Some(0) {
                out.extend(self.value(yes, place, state.clone()));
            }
            if value.is_none_or(|value| value == 0) {
                out.extend(self.value(no, place, state));
            }
        }
        out
    }

    /// A name that nobody declares is one of its values from now on.
    fn named(&mut self, name: &str, state: State) -> Vec<(State, Option<i64>)> {
        if self.scope.is_shared(name) {
            return vec![(state, None)];
        }
        if let Some(value) = self.scope.values.constant(name).or_else(|| state.known.get(name).copied()) {
            return vec![(state, Some(value))];
        }
        let domain = self.scope.values.domain(name);
        if domain.is_limited && !domain.is_counted {
            return vec![(state, None)];
        }
        self.bounds.extend(domain.bound());
        // What nobody looks at again need not be kept.
        let is_kept = self.loops > 0 || !self.calls.is_empty() || !self.scope.values.is_read_once(name);
        let with = |value: i64| {
            let mut state = state.clone();
            if is_kept {
                state.known.insert(name.to_owned(), value);
            }
            (state, Some(value))
        };
        domain.values.into_iter().map(with).collect()
    }

    /// The second operand is looked at only if the first does not decide.
    fn lazy(&mut self, left: &Expr, right: &Expr, place: Place, state: State, ends: bool) -> Vec<(State, Option<i64>)> {
        let mut out = Vec::new();
        for (state, value) in self.value(left, place, state) {
            match value.map(|value| value != 0) {
                Some(value) if value == ends => out.push((state, Some(i64::from(ends)))),
                Some(_) => out.extend(self.truth(right, place, state)),
                None => {
                    out.push((state.clone(), Some(i64::from(ends))));
                    out.extend(self.truth(right, place, state));
                }
            }
        }
        out
    }

    fn truth(&mut self, expr: &Expr, place: Place, state: State) -> Vec<(State, Option<i64>)> {
        let value = self.value(expr, place, state).into_iter();
        value.map(|(state, value)| (state, value.map(|value| i64::from(value != 0)))).collect()
    }
}
