//! Wakeup trees: sequences that have to be explored from a state, so that no exploration is in vain.
//!
//! Abdulla, Aronis, Jonsson, Sagonas, *Source sets: a foundation for optimal dynamic partial order reduction*,
//! JACM 64 (2017), section 6.

use super::action::{Action, dependent};

/// An action to explore, and what must follow it. Without children, anything may.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The action, as the execution had it that asked for it.
    pub action: Action,
    /// Sequences after it.
    pub children: Vec<Node>,
    /// Sequences without it that it covers: asked for again if it turns out that nothing can follow it.
    pub covered: Vec<Vec<Action>>,
}

impl Node {
    pub fn new(action: Action, children: Vec<Node>) -> Node {
        Node { action, children, covered: Vec::new() }
    }
}

/// Can the first step of some schedule equivalent to one that begins with `sequence` be `action`?
pub(super) fn is_weak_initial(action: &Action, sequence: &[Action]) -> bool {
    for other in sequence {
        if other.process() == action.process() {
            return other.transition == action.transition;
        }
        if dependent(other, action) {
            return false;
        }
    }
    true
}

/// Adds the sequence after what is there, unless what is there covers it.
pub(super) fn insert(children: &mut Vec<Node>, mut sequence: Vec<Action>) {
    for child in children.iter_mut() {
        if !is_weak_initial(&child.action, &sequence) {
            continue;
        }
        let contained = sequence.iter().position(|action| action.process() == child.action.process());
        contained.map(|at| sequence.remove(at));
        if !child.children.is_empty() {
            insert(&mut child.children, sequence);
        } else if contained.is_none() && !child.covered.contains(&sequence) {
            // A leaf: whatever follows is explored.
            child.covered.push(sequence);
        }
        return;
    }
    let chain = sequence
        .into_iter()
        .rev()
        .fold(None, |below: Option<Node>, action| Some(Node::new(action, below.into_iter().collect())));
    children.extend(chain);
}

/// The actions of a sequence that can come first, in their order.
pub(super) fn initials(sequence: &[Action]) -> impl Iterator<Item = &Action> {
    let is_initial = |at: &usize| !sequence[..*at].iter().any(|before| dependent(before, &sequence[*at]));
    (0..sequence.len()).filter(is_initial).map(|at| &sequence[at])
}
