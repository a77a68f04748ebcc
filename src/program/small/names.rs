//! Names of the objects of small programs: the first few as one would call them on paper, then by number.

use std::sync::LazyLock;

use crate::event::Symbol;

/// Objects of a kind at most.
pub const NAMES_MAX: usize = 64;

/// Names of all objects of a kind that there can be.
pub(super) type Table = LazyLock<Vec<Symbol>>;

fn table(first: &[&'static str], kind: &str) -> Vec<Symbol> {
    let numbered = (first.len() + 1..=NAMES_MAX).map(|number| Symbol::from(format!("{kind}{number}")));
    first.iter().map(|&name| Symbol::from(name)).chain(numbered).collect()
}

pub(super) static LOCKS: Table = LazyLock::new(|| table(&["a", "b", "c", "d"], "lock"));
pub(super) static CELLS: Table = LazyLock::new(|| table(&["x", "y", "z", "w"], "cell"));
pub(super) static ATOMICS: Table = LazyLock::new(|| table(&["n", "m", "k", "l"], "atomic"));
pub(super) static QUEUES: Table = LazyLock::new(|| table(&["queue"], "queue"));
pub(super) static SLOTS: Table = LazyLock::new(|| table(&["slot"], "slot"));
/// Tasks: `task 1` and so on.
pub(super) static TASKS: Table = LazyLock::new(|| table(&[], "task "));
