//! All designs of the lease case by name.

use std::sync::Arc;

use super::Design;
use super::bkl::Bkl;
use super::mutants::SEEDED;
use super::spinlock::Spinlock;
use crate::kernel::Kernel;

/// A design by name.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name; [`Entry::full_name`] is what the command line takes.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    boot: Choice,
}

#[derive(Clone, Copy, Debug)]
enum Choice {
    Bkl,
    Spinlock,
    Mutant(usize),
}

impl Entry {
    /// Boots it: makes its locks in the current execution.
    pub fn boot(self, kernel: Kernel) -> Arc<dyn Design> {
        match self.boot {
            Choice::Bkl => Arc::new(Bkl::new(kernel)),
            Choice::Spinlock => Arc::new(Spinlock::new(kernel)),
            Choice::Mutant(at) => Arc::new(Spinlock::mutated(kernel, SEEDED[at].mutant)),
        }
    }

    /// Its name on the command line: a mutant's has the name of the design it is made from in front.
    pub fn full_name(self) -> String {
        if self.is_mutant() { format!("spinlock:{}", self.name) } else { self.name.to_owned() }
    }

    /// Is it a seeded bug rather than a design of its own?
    pub fn is_mutant(self) -> bool {
        matches!(self.boot, Choice::Mutant(_))
    }
}

/// The designs that the matrix compares, old before new.
pub const DESIGNS: &[Entry] = &[
    Entry { name: "bkl", about: "Linux 2.6.23: the Big Kernel Lock around everything", boot: Choice::Bkl },
    Entry {
        name: "spinlock",
        about: "the refactor, completed: one spinlock, whatever may sleep comes before it",
        boot: Choice::Spinlock,
    },
];

/// A design or a mutant (`spinlock:NAME`) by name.
pub fn find(name: &str) -> Option<Entry> {
    let design = DESIGNS.iter().find(|entry| entry.name == name).copied();
    design.or_else(|| mutants().find(|entry| name.strip_prefix("spinlock:") == Some(entry.name)))
}

/// The mutants of `spinlock`, by their short names.
pub fn mutants() -> impl Iterator<Item = Entry> {
    SEEDED.iter().enumerate().map(|(at, seeded)| Entry {
        name: seeded.name,
        about: seeded.about,
        boot: Choice::Mutant(at),
    })
}
