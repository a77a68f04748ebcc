//! What is known of wound/wait transactions: their contexts, and whose each object is.

use super::lock::LockId;

/// A context.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context {
    pub acquired: u32,
    pub done: bool,
    pub contending: Option<LockId>,
    /// Overwritten with another class.
    pub class_differs: bool,
}

/// Whose an object is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Owner {
    #[default]
    Nobody,
    Context(LockId),
    /// Another task's, or garbage.
    Foreign,
}

/// All contexts and owners, by lock.
#[derive(Clone, Debug)]
pub(super) struct Transactions {
    pub contexts: Vec<Context>,
    pub owners: Vec<Owner>,
}

impl Transactions {
    pub fn new(locks: usize) -> Transactions {
        Transactions { contexts: vec![Context::default(); locks], owners: vec![Owner::Nobody; locks] }
    }
}
