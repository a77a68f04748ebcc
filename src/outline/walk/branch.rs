//! Conditions and loops of the walk.

use super::*;

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
            flow.next.extend(inner.next);
            flow.returned.extend(inner.returned);
            flow.breaks.extend(inner.breaks);
            flow.jumps.extend(inner.jumps);
            states = no;
            if cond.is_none() {
                break;
            }
        }
        flow.next.extend(states);
        next
    }

    /// None, one and two rounds.
    pub(super) fn rounds(&mut self, body: &'a [Node], cond: Option<&Expr>, text: &str, place: Place, flow: &mut Flow) {
        let mut states = std::mem::take(&mut flow.next);
        let always = cond == Some(&Expr::Int(1));
        for round in 0..3 {
            let (yes, no) = if always {
                (states.clone(), if round == 2 { states } else { Vec::new() })
            } else {
                self.loop_cond(cond, place, states)
            };
            flow.next.extend(no);
            if round == 2 {
                break;
            }
            self.loops += 1;
            let inner = self.list(body, yes);
            self.loops -= 1;
            flow.returned.extend(inner.returned);
            flow.next.extend(inner.breaks);
            flow.jumps.extend(inner.jumps);
            states = inner.next;
            // The condition is looked at anew.
            states.iter_mut().for_each(|state| {
                state.taken.remove(text);
            });
        }
    }

    fn loop_cond(&mut self, cond: Option<&Expr>, place: Place, states: Vec<State>) -> (Vec<State>, Vec<State>) {
        let Some(cond) = cond else { return (states.clone(), states) };
        let mut out = (Vec::new(), Vec::new());
        for state in states {
            for (state, value) in self.evaluate(cond, place, state) {
                match value {
                    Some(true) => out.0.push(state),
                    Some(false) => out.1.push(state),
                    None => {
                        out.0.push(state.clone());
                        out.1.push(state);
                    }
                }
            }
        }
        out
    }

    fn decide(
        &mut self,
        cond: Option<&'a Expr>,
        text: &str,
        node: &'a Node,
        states: Vec<State>,
    ) -> (Vec<State>, Vec<State>) {
        let (mut yes, mut no) = (Vec::new(), Vec::new());
        let negated = text.strip_prefix('!');
        let key = negated.unwrap_or(text).trim();
        for state in states {
            let outcomes = match cond {
                Some(cond) => self.evaluate(cond, node.place, state),
                None => vec![(state, None)],
            };
            for (mut state, value) in outcomes {
                // A call may answer differently each time; memory that tasks share may change.
                let is_stable = self.comes_again(key) && !key.contains('(') && !self.mentions_shared(cond);
                let taken = state.taken.get(key).map(|taken| *taken != negated.is_some()).filter(|_| is_stable);
                match value.or(taken) {
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

    /// Calls in the condition are made; a try of a lock says what the condition is.
    fn evaluate(&mut self, cond: &Expr, place: Place, state: State) -> Vec<(State, Option<bool>)> {
        match cond {
            Expr::Unary('!', inner) => {
                let flip = |(state, value): (State, Option<bool>)| (state, value.map(|value| !value));
                self.evaluate(inner, place, state).into_iter().map(flip).collect()
            }
            Expr::Binary("&&", left, right) => self.both(left, right, place, state, false),
            Expr::Binary("||", left, right) => self.both(left, right, place, state, true),
            Expr::Binary(op @ ("==" | "!="), left, right)
                if **right == Expr::Int(0) && matches!(**left, Expr::Call(..)) =>
            {
                let flip = |(state, value): (State, Option<bool>)| (state, value.map(|value| value == (*op == "!=")));
                self.evaluate(left, place, state).into_iter().map(flip).collect()
            }
            Expr::Call(name, args) if !matches!(name.as_str(), "likely" | "unlikely") => {
                self.asked(name, &super::super::scope::texts(args), place, state)
            }
            Expr::Call(_, args) => match args.first() {
                Some(inner) => self.evaluate(inner, place, state),
                None => vec![(state, None)],
            },
            _ => {
                let mut calls = Vec::new();
                cond.calls(&mut |name, args| calls.push((name.to_owned(), super::super::scope::texts(args))));
                let mut states = vec![state];
                for (name, args) in calls {
                    states = states
                        .into_iter()
                        .flat_map(|state| self.asked(&name, &args, place, state))
                        .map(|(state, _)| state)
                        .collect();
                }
                let value = |state: State| {
                    let value = constant(cond, &state).map(|value| value != 0);
                    (state, value)
                };
                states.into_iter().map(value).collect()
            }
        }
    }

    fn both(
        &mut self,
        left: &Expr,
        right: &Expr,
        place: Place,
        state: State,
        ends: bool,
    ) -> Vec<(State, Option<bool>)> {
        let mut out = Vec::new();
        for (state, value) in self.evaluate(left, place, state) {
            match value {
                Some(value) if value == ends => out.push((state, Some(ends))),
                Some(_) => out.extend(self.evaluate(right, place, state)),
                None => {
                    out.push((state.clone(), None));
                    out.extend(self.evaluate(right, place, state).into_iter().map(|(state, _)| (state, None)));
                }
            }
        }
        out
    }
}
