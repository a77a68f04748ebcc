//! How the search came to where it is: of states that still have open successors, where each came from. It is as long as the
//! search is deep, not as the table is large: a state that is done with is forgotten.

use crate::engine::world::Transition;

/// A state of the trail, or the beginning of it.
pub(super) type Number = u32;

/// What the first states come from.
pub(super) const ROOT: Number = u32::MAX;

#[derive(Clone, Copy)]
struct Node {
    from: Number,
    by: Transition,
    /// Successors that are still open.
    open: u32,
}

/// The trail.
#[derive(Default)]
pub(super) struct Trail {
    /// Steps before the root.
    before: Vec<Transition>,
    nodes: Vec<Node>,
    free: Vec<Number>,
}

impl Trail {
    /// Begins anew after these steps.
    pub fn begin(&mut self, before: Vec<Transition>) {
        debug_assert_eq!(self.nodes.len(), self.free.len(), "internal error: nothing is open any more");
        self.before = before;
    }

    /// A state is done, and has this number of open successors: they come from the number that is returned.
    #[inline]
    pub fn extend(&mut self, from: Number, by: Transition, open: u32) -> Number {
        if open == 0 {
            self.close(from);
            return ROOT;
        }
        let node = Node { from, by, open };
        match self.free.pop() {
            Some(number) => {
                self.nodes[number as usize] = node;
                number
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() as Number - 1
            }
        }
    }

    /// An open successor of the state is done without any of its own, or in other hands.
    #[inline]
    pub fn close(&mut self, mut number: Number) {
        while number != ROOT {
            let node = &mut self.nodes[number as usize];
            node.open -= 1;
            if node.open > 0 {
                return;
            }
            self.free.push(number);
            number = node.from;
        }
    }

    /// The steps that lead to a state that comes `from` there `by` that; `by` nothing, to the root.
    pub fn path(&self, from: Number, by: Option<Transition>) -> Vec<Transition> {
        let mut path: Vec<Transition> = by.into_iter().collect();
        let mut at = from;
        while at != ROOT {
            let node = self.nodes[at as usize];
            path.push(node.by);
            at = node.from;
        }
        path.extend(self.before.iter().rev());
        path.reverse();
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::TaskId;

    #[test]
    fn path_is_told_while_something_is_open_and_forgotten_afterwards() {
        let step = |task| Transition::step(TaskId(task));
        let mut trail = Trail::default();
        trail.begin(vec![step(9)]);

        let first = trail.extend(ROOT, step(1), 2);
        let second = trail.extend(first, step(2), 1);

        assert_eq!(trail.path(second, Some(step(3))), [step(9), step(1), step(2), step(3)]);
        assert_eq!(trail.extend(second, step(3), 0), ROOT);
        assert_eq!(trail.path(first, Some(step(4))), [step(9), step(1), step(4)]);
        assert_eq!(trail.free, [second]);
        trail.close(first);
        assert_eq!(trail.nodes.len(), trail.free.len());
    }
}
