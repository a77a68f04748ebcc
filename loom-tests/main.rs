//! The second opinion: the same designs and scenarios under loom's own search and its C11-like memory.
//!
//! Built with `RUSTFLAGS="--cfg loom"`. Numbers of executions are pinned: a lost or a superfluous one fails. They have no
//! closed form: loom counts one per order of conflicting accesses and per store that a relaxed load may see, plus some
//! that it cannot tell apart. What can be derived is derived in `small.rs`.
#![cfg(loom)]

mod agreement;
mod finds;
mod small;
mod table;
