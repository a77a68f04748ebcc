//! Lists of statements: where paths go from one to the next, and how they leave a block.

use super::*;

impl<'a> Walk<'a> {
    /// Each state goes through the statements, and from jumps back until no new state comes of them.
    pub(super) fn list(&mut self, nodes: &'a [Node], states: Vec<State>) -> Flow {
        let mut flow = Flow::from(states);
        self.onward(nodes, 0, &mut flow);
        let mut seen: HashSet<(usize, State)> = HashSet::new();
        for _ in 0..ROUNDS_MAX {
            let mut back = Vec::new();
            for (wanted, state) in std::mem::take(&mut flow.jumps) {
                match nodes.iter().position(|node| matches!(&node.stmt, Stmt::Label(label) if *label == wanted)) {
                    Some(at) => back.extend(seen.insert((at, state.clone())).then_some((at, state))),
                    None => flow.jumps.push((wanted, state)),
                }
            }
            if back.is_empty() {
                return flow;
            }
            for (at, state) in back {
                let mut again = Flow::from(vec![state]);
                self.onward(nodes, at + 1, &mut again);
                let next = flow.absorb(again);
                flow.next.extend(next);
            }
            self.merge(&mut flow.next);
        }
        self.bounds.insert(ROUNDS);
        flow
    }

    /// The statements from one on; jumps to a label further on land there.
    pub(super) fn onward(&mut self, nodes: &'a [Node], mut at: usize, flow: &mut Flow) {
        while at < nodes.len() {
            if let Stmt::Label(label) = &nodes[at].stmt {
                let jumps = std::mem::take(&mut flow.jumps);
                let (here, on): (Vec<_>, Vec<_>) = jumps.into_iter().partition(|(wanted, _)| wanted == label);
                flow.jumps = on;
                flow.next.extend(here.into_iter().map(|(_, state)| state));
            }
            at = self.step(nodes, at, flow);
            self.merge(&mut flow.next);
        }
    }

    /// The states at the end of a function: a jump to a label that is nowhere leaves it.
    pub(super) fn ends(&mut self, flow: Flow, body: &'a [Node]) -> Vec<State> {
        let mut ends = flow.next;
        ends.extend(flow.returned);
        ends.extend(flow.breaks);
        ends.extend(flow.continues);
        for (wanted, state) in flow.jumps {
            let mut is_inside = false;
            body.iter().for_each(|node| {
                node.each(&mut |node| is_inside |= matches!(&node.stmt, Stmt::Label(label) if *label == wanted));
            });
            if is_inside {
                self.bounds.insert(INTO_BLOCK);
            } else {
                ends.push(state);
            }
        }
        self.merge(&mut ends);
        ends
    }

    /// What a function returns is kept until its caller has it.
    pub(super) fn returns(&mut self, value: Option<&str>, node: &'a Node, flow: &mut Flow) {
        let value = value.and_then(expr::parse);
        for mut state in std::mem::take(&mut flow.next) {
            match &value {
                // The call that stands before it, on the same line, has set it.
                Some(Expr::Call(..)) => flow.returned.push(state),
                Some(expr) => {
                    for (mut state, value) in self.value(expr, node.place, state) {
                        keep(&mut state, RETURNED, value);
                        flow.returned.push(state);
                    }
                }
                None => {
                    keep(&mut state, RETURNED, None);
                    flow.returned.push(state);
                }
            }
        }
    }

    /// A lock that is given back on every path out of its block.
    pub(super) fn guard(&mut self, node: &'a Node, guard: &'a Guard, flow: &mut Flow) {
        let taken = std::mem::take(&mut flow.next).into_iter();
        let taken: Vec<State> = taken
            .flat_map(|state| self.asked(&guard.take, &guard.args, node.place, state))
            .map(|(state, _)| state)
            .collect();
        let mut inner = self.list(&node.children, taken);
        let mut give = |states: Vec<State>| -> Vec<State> {
            let states = states.into_iter();
            states
                .flat_map(|state| self.asked(&guard.give, &guard.args, node.place, state))
                .map(|(state, _)| state)
                .collect()
        };
        inner.next = give(inner.next);
        inner.returned = give(inner.returned);
        inner.breaks = give(inner.breaks);
        inner.continues = give(inner.continues);
        let jumps = std::mem::take(&mut inner.jumps);
        inner.jumps = jumps
            .into_iter()
            .flat_map(|(label, state)| {
                give(vec![state]).into_iter().map(|state| (label.clone(), state)).collect::<Vec<_>>()
            })
            .collect();
        let next = flow.absorb(inner);
        flow.next.extend(next);
    }
}
