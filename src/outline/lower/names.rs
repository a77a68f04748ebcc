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
                Stmt::Each(text) => self.assigned.extend(crate::outline::pointers::each(text).map(|each| each.name)),
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
