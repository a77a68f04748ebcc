//! Names of a task: which it sets somewhere, and which it forgets.

use super::*;
use crate::outline::walk::changed_elsewhere;

impl<'a> Lower<'_, 'a> {
    /// Names that are set somewhere: reading another one is a free choice.
    pub(super) fn note_assigned(&mut self, body: &'a [Node], depth: usize, in_do: bool) {
        if depth > CALLS_MAX {
            self.out.bounds.insert(NESTED);
            return;
        }
        for node in body {
            match &node.stmt {
                Stmt::Assign(target, _) => _ = self.assigned.insert(target.clone()),
                Stmt::Call { result: Some(target), .. } => _ = self.assigned.insert(target.clone()),
                Stmt::Each(text) => self.assigned.extend(crate::outline::follow::each(text).map(|each| each.name)),
                _ => {}
            }
            self.note_forgotten(node, in_do);
            if let Stmt::Call { name, .. } = &node.stmt
                && node.children.is_empty()
                && let Some((body, _)) = self.scope.function(name)
                && self.noted.insert(name.clone())
            {
                self.note_assigned(body, depth + 1, false);
            }
            self.note_assigned(&node.children, depth, node.stmt == Stmt::Do);
        }
    }

    /// Names that the loop or the assignment forgets. The condition of a `do` stands behind its body.
    fn note_forgotten(&mut self, node: &Node, in_do: bool) {
        let children = node.children.as_slice();
        let (cond, body) = match (&node.stmt, children) {
            (Stmt::While(_), []) if in_do => return,
            (Stmt::While(cond), body) => (Some(cond), body),
            (Stmt::For(counted), body) => (counted.cond.as_ref(), body),
            (Stmt::Do, [body @ .., Node { stmt: Stmt::While(cond), .. }]) => (Some(cond), body),
            (Stmt::Assign(target, _) | Stmt::Call { result: Some(target), .. }, _) => {
                self.forgotten.extend(self.scope.values.through(target).map(plain));
                return;
            }
            _ => return,
        };
        // What a `for` does behind each round is the last of its children.
        let names = cond.map(|cond| changed_elsewhere(cond, body.iter())).unwrap_or_default();
        self.forgotten.extend(names.iter().map(|name| plain(name)));
    }
}

/// Does it ask whether it is to stop?
pub(super) fn asks(source: &Source) -> bool {
    let mut found = false;
    for node in source.bodies.iter().flat_map(|(_, body)| body.iter()) {
        node.each(&mut |node| {
            let mut see = |name: &str| found |= vocabulary::word(name) == Some(Word::KthreadShouldStop);
            match &node.stmt {
                Stmt::Call { name, .. } => see(name),
                Stmt::If(cond) | Stmt::ElseIf(cond) | Stmt::While(cond) => {
                    cond.expr.iter().for_each(|expr| expr.calls(&mut |name, _| see(name)));
                }
                _ => {}
            }
        });
    }
    found
}

/// Names of objects that somebody frees, in the bodies or in what they call: a use of one of them is looked at.
pub(in crate::outline) fn freed<'a>(scope: &Scope<'a>, sources: &[Source<'a>]) -> HashSet<String> {
    let mut found = HashSet::new();
    let bodies = || sources.iter().flat_map(|source| source.bodies.iter().map(|(_, body)| *body));
    let called = scope.reached(bodies()).into_iter().filter_map(|name| Some(scope.outlined(name)?.1));
    for body in bodies().chain(called) {
        for node in body {
            node.each(&mut |node| {
                let Stmt::Call { name, args, .. } = &node.stmt else { return };
                if vocabulary::word(name) == Some(Word::Free) {
                    found.insert(object_name(args));
                } else if let Some(at) = crate::outline::follow::frees(name, args.len()) {
                    found.extend(args.get(at).map(|arg| plain(arg)));
                } else if name.starts_with("kref_put") {
                    // It may be the last reference.
                    let path = args.first().map(|arg| plain(arg)).unwrap_or_default();
                    found.extend(path.split_once("->").map(|(root, _)| root.to_owned()));
                }
            });
        }
    }
    found
}
