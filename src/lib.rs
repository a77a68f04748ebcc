//! Lockwright: refactor a kernel lock, and know what you broke.
//!
//! An old and a new locking design stand side by side as interchangeable modules over a simulated kernel. The same
//! scenarios run on both, every interleaving is explored, and checks say what the change fixes, breaks and leaves open.
//!
//! [`boot()`] is the front door for locking code of one's own, [`compare()`] holds two versions of it against each other; [`prelude`] has what it needs.
//!
//! [`outline`] reads what kernel developers write in mails: call outlines, diagrams in columns, lockdep boxes; [`outlined`] runs them on every engine.
//!
//! Reading order of the lease case: [`lease`] with [`lease::bkl`] beside [`lease::spinlock`]; [`kernel`], on which they stand;
//! [`scenario`], which says who calls what, and [`study`], which holds designs and scenarios together; [`mod@check`] and
//! [`lease::judge`], which judge; [`subject`], [`mod@explore`] and [`engine`], which go through the executions; [`report`], which shows
//! what was seen. Programs that are values: [`program`]. By itself stands [`lockdep`], which judges recorded steps of locks.
//!
//! ```
//! use lockwright::explore::{Config, explore};
//! use lockwright::scenario::{self, catalogue};
//!
//! let bkl = lockwright::lease::designs::find("bkl").unwrap();
//! let verdict = explore(&scenario::subject(bkl, &catalogue::find("leaser-reader").unwrap()), &Config::default());
//!
//! assert!(verdict.complete());
//! assert!(verdict.codes().contains(&lockwright::check::Code::LW030));
//! ```

pub mod boot;
pub mod check;
pub mod engine;
pub mod event;
pub mod explore;
pub mod kernel;
pub mod lease;
pub mod lockdep;
pub mod outline;
pub mod outlined;
pub mod own;
pub mod predict;
pub mod prelude;
pub mod program;
pub mod report;
pub mod scenario;
pub mod script;
pub mod study;
pub mod subject;

pub use boot::{boot, compare};
pub use own::model::model;
pub use own::shuttle::{
    check, check_dfs, check_pct, check_random, check_random_with_seed, check_uncontrolled_nondeterminism, check_urw,
    replay, replay_from_file,
};
pub use own::{
    alloc, cell, choose, choose_bool, crossbeam, future, hint, lazy_static, model, outcome, parking_lot, rand, sync,
    thread,
};

mod macros;

/// loom's: everything is explored anyway.
pub fn explore() {}

/// loom's: everything is explored all the same.
pub fn stop_exploring() {}

/// loom's: nothing is skipped.
pub fn skip_branch() {}
