//! loom's name for Lockwright: nothing but what Lockwright has under loom's paths.
//!
//! ```toml
//! [patch.crates-io]
//! loom = { path = "…/lockwright/shims/loom" }
//! ```

pub use lockwright::{
    alloc, cell, explore, future, hint, lazy_static, model, skip_branch, stop_exploring, sync, thread, thread_local,
};

#[doc(hidden)]
pub use lockwright::__lazy_static;

/// Most threads of a model, the first included.
pub const MAX_THREADS: usize = 63;
