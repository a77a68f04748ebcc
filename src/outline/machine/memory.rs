//! How memory is read and written.

use super::Pure;

/// What a read-modify-write stores, given the old value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rmw {
    /// Old plus the expression; the result is the new value, or the old one, or whether the new one is 0.
    Add(Pure, Result),
    /// The expression; the result is the old value.
    Swap(Pure),
    /// The second if the old value is the first; the result is the old value.
    Compare(Pure, Pure),
    /// Adds unless it is 0; the result is whether it did.
    AddNotZero,
}

/// What a read-modify-write returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Result {
    /// The new value.
    New,
    /// The old value.
    Old,
    /// Is the new value 0?
    IsZero,
    /// It is void.
    Nothing,
}

/// How memory is accessed, weakest first. The machine here is sequentially consistent and asks only whether an access is marked; the
/// engines know the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// An ordinary access.
    Plain,
    /// `READ_ONCE`, `WRITE_ONCE`, `_relaxed`.
    Once,
    /// `smp_load_acquire`, `_acquire`.
    Acquire,
    /// `smp_store_release`, `_release`.
    Release,
    /// A full barrier on both sides.
    Full,
}

impl Order {
    /// Is it one that races with nothing but an unmarked one?
    pub fn is_marked(self) -> bool {
        self != Order::Plain
    }

    /// That of a variable that is named in an expression.
    pub fn of(is_atomic: bool) -> Order {
        if is_atomic { Order::Once } else { Order::Plain }
    }
}
