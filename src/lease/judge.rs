//! The judges that the lease case brings: what a lease promises, and whether calls have an order that explains their answers.
//!
//! They read events and states, as all checks do, and do not believe a design about itself.

use std::sync::Arc;

use crate::check::Checks;
use crate::event::names::Names;

mod history;
mod outwait;
mod promise;
mod recorder;
mod remote;
mod sequential;
mod words;

use history::History;
use promise::LeaseCheck;
pub use recorder::Called;
use recorder::Recorder;

/// All checks of a program with leases.
pub fn checks(names: Names) -> Checks {
    checks_without_history(names).with(Box::new(History::fresh()))
}

/// The same without the question for a sequential order (LW040): the sequential lease of one machine knows no other file system.
pub fn checks_without_history(names: Names) -> Checks {
    Checks::new(names).with(Box::new(LeaseCheck::new()))
}

/// These checks, and what they leave unseen in the outcome: signals, and who had to wait. For comparisons.
pub fn observing(checks: Checks, called: Called) -> Checks {
    checks.with(Box::new(Recorder::new(Arc::new(called))))
}
