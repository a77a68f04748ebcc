//! The second opinion: the same designs and scenarios under loom's own search and its C11-like memory.
//!
//! Begin with `i_count.rs`: the claim of the project in five tests, under a second. `finds.rs` has the other bugs that loom finds,
//! `small.rs` litmus tests, `agreement.rs` every cell of the matrix of two tasks, held against the explorer.
//!
//! Built with `RUSTFLAGS="--cfg loom"`. Numbers of executions are pinned: a lost or a superfluous one fails. They have no
//! closed form: loom counts one per order of conflicting accesses and per store that a relaxed load may see, plus some
//! that it cannot tell apart. What can be derived is derived in `small.rs`.
//!
//! A cell that loom needs more than [`SHORT_MAX`] executions for is run if `LOCKWRIGHT_LONG=1`, as CI does: it says of one more pair of
//! design and scenario what the smaller ones say of theirs.
#![cfg(loom)]

mod i_count;

mod finds;
mod small;

mod agreement;
mod table;

/// What is run each time.
const SHORT_MAX: u64 = 700;

/// Is everything to be run?
fn is_long() -> bool {
    std::env::var_os("LOCKWRIGHT_LONG").is_some_and(|value| value == "1")
}
