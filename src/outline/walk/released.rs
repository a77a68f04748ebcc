//! Which locks a body gives back somewhere: one that it never does is held to the end of its block.

use super::*;

impl<'a> Walk<'a> {
    /// Locks that are released somewhere in the statements and in what they call.
    pub(super) fn released_in(&mut self, body: &'a [Node]) -> HashSet<String> {
        let mut found = HashSet::new();
        self.collect_released(body, &mut found, 0);
        found
    }

    fn collect_released(&mut self, body: &'a [Node], found: &mut HashSet<String>, depth: usize) {
        let Some(first) = body.first() else { return };
        if let Some(known) = self.released.get(&std::ptr::from_ref(first)) {
            found.extend(known.iter().cloned());
            return;
        }
        if depth > CALLS_MAX {
            self.bounds.insert(NESTED);
            return;
        }
        // An empty set while it is being filled: a function that calls itself.
        self.released.insert(first, HashSet::new());
        let mut own = HashSet::new();
        let mut calls = Vec::new();
        for node in body {
            node.each(&mut |node| match &node.stmt {
                Stmt::Call { name, args, .. } => calls.push((name.as_str(), args.clone(), node)),
                Stmt::Guard(guard) => calls.push((guard.give.as_str(), guard.args.clone(), node)),
                Stmt::If(cond) | Stmt::ElseIf(cond) | Stmt::While(cond) | Stmt::Switch(cond) => {
                    if let Some(expr) = &cond.expr {
                        expr.calls(&mut |name, args| calls.push((name, super::super::scope::texts(args), node)));
                    }
                }
                _ => {}
            });
        }
        for (name, args, node) in calls {
            match self.scope.meaning(name, if matches!(node.stmt, Stmt::Call { .. }) { &node.children } else { &[] }) {
                Meaning::Word(Word::Unlock(kind, _, _, which)) => {
                    own.insert(self.scope.lock_name(which, kind.unwrap_or(Kind::Mutex), &args));
                }
                Meaning::Body(body, _) => self.collect_released(body, &mut own, depth + 1),
                Meaning::Facts(facts) => own.extend(facts.into_iter().filter_map(|fact| match fact {
                    Fact::Unlocks(lock) => Some(lock),
                    _ => None,
                })),
                _ => {}
            }
        }
        found.extend(own.iter().cloned());
        self.released.insert(first, own);
    }
}
