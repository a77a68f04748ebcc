//! The table of seeded bugs: what is varied in which design, and which finding in which scenario catches it.
//!
//! A scenario's clean verdict counts for something only if the scenario can kill: every one of the scenarios of the
//! catalogue kills at least one of these, and every one of these is killed where its unmutated design is clean.
//!
//! One table ([`table`]) drives the tests, the page `docs/mutants.md` and `lockwright list mutants`. The bugs of the history of
//! `fs/locks.c` bear their numbers, M01 to M52; those without a number are ours. [`NOT_SEEDED`] says which numbers are not here, and why.

use crate::check::Code;
use crate::lease::designs::Entry;
use crate::lease::mutants::Seed;

mod missing;
mod ours;
mod row;
pub mod table;

pub use missing::{NOT_SEEDED, NotSeeded};
pub use table::MUTANTS;

/// A variation of a design, and what catches it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The number of the bug in the history of `fs/locks.c`; empty for ours.
    pub number: &'static str,
    /// The design that is varied.
    pub of: &'static str,
    /// Its name behind that of the design; empty where a design shows the bug as it stands.
    pub name: &'static str,
    /// What it does wrong.
    pub about: &'static str,
    /// When it came into Linux and what took it out, where it was in Linux.
    pub fixed: &'static str,
    /// What is varied.
    pub seed: Seed,
    /// The finding that catches it.
    pub code: Code,
    /// What else is found there.
    pub also: &'static [Code],
    /// The scenario in which it is caught, and in which `sound` is clean.
    pub scenario: &'static str,
    /// The design without the bug.
    pub sound: &'static str,
    /// Does it take loom's memory model to see it?
    pub weak_memory: bool,
}

impl Row {
    /// The name on the command line.
    pub fn full_name(&self) -> String {
        self.seed.full_name(self.of, self.name)
    }

    /// The design that has the bug.
    pub fn design(&self) -> Entry {
        Entry::varied(self.of, self.name, self.about, self.seed)
    }
}

/// A variation by its name on the command line.
pub fn find(full_name: &str) -> Option<&'static Row> {
    seeded().find(|row| row.full_name() == full_name)
}

/// The rows that are variations, so have a name of their own.
pub fn seeded() -> impl Iterator<Item = &'static Row> {
    MUTANTS.iter().filter(|row| row.seed != Seed::AsItStands)
}
