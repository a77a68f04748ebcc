//! What is asked of designs and scenarios together: which cells there are, what each is expected to show, which seeded bug is
//! caught where, and what of a scenario a finding can do without.
//!
//! | module | what |
//! |---|---|
//! | [`cells`] | designs by scenarios, explored |
//! | [`expect`] | what is known of each cell, by the number of the bug |
//! | [`mutants`] | seeded bugs, and what catches them |
//! | [`rules`] | which lock guards which field |
//! | [`beside`] | two designs side by side: functions, outlines, costs |
//! | [`throughput`] | calls a second of two designs on real threads |
//! | [`all`] | every small scenario |
//! | [`shrink`] | a finding's scenario without whatever it can do without |
//! | [`mod@slice`] | one of n parts of all cells |

use crate::lease::designs::{self, Entry};

pub mod all;
pub mod beside;
pub mod cells;
pub mod compare;
pub mod expect;
pub mod mutants;
pub mod rules;
pub mod shrink;
pub mod slice;
pub mod throughput;

/// A design or a mutant (`spinlock:NAME`) by its name on the command line.
pub fn design(name: &str) -> Option<Entry> {
    designs::find(name).or_else(|| mutants::find(name).map(mutants::Row::design))
}

/// The mutants that have a name of their own, in the order of their table.
pub fn mutated() -> impl Iterator<Item = Entry> {
    mutants::seeded().map(mutants::Row::design)
}
