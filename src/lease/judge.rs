//! The judges that the lease case brings: what a lease promises, and whether calls have an order that explains their answers.
//!
//! They read events and states, as all checks do, and do not believe a design about itself.

use crate::check::Checks;
use crate::event::names::Names;

mod history;
mod promise;
mod remote;
mod sequential;

use history::History;
use promise::LeaseCheck;

/// All checks of a program with leases.
pub fn checks(names: Names) -> Checks {
    checks_without_history(names).with(Box::new(History::fresh()))
}

/// The same without the question for a sequential order (LW040): the sequential lease of one machine knows no other file system.
pub fn checks_without_history(names: Names) -> Checks {
    Checks::new(names).with(Box::new(LeaseCheck::new()))
}
