//! All designs of the lease case by name.

use std::sync::Arc;

use super::bkl::Bkl;
use super::mutants::MUTANTS;
use super::spinlock::Spinlock;
use super::{Boot, Design};
use crate::kernel::{Faults, Kernel};

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
    BklAsSpinlock,
    Spinlock,
    Mutant(usize),
    Custom(Boot),
}

impl Entry {
    /// A design of one's own.
    pub const fn custom(name: &'static str, about: &'static str, boot: Boot) -> Entry {
        Entry { name, about, boot: Choice::Custom(boot) }
    }

    /// The kernel it stands on.
    pub fn kernel(self, faults: Faults, lease_break_time: u64) -> Kernel {
        match self.boot {
            Choice::BklAsSpinlock => Kernel::boot_without_bkl(faults, lease_break_time),
            _ => Kernel::boot(faults, lease_break_time),
        }
    }

    /// Boots it: makes its locks in the current execution.
    pub fn boot(self, kernel: Kernel) -> Arc<dyn Design> {
        match self.boot {
            Choice::Bkl | Choice::BklAsSpinlock => Arc::new(Bkl),
            Choice::Spinlock => Arc::new(Spinlock::boot()),
            Choice::Custom(boot) => boot(kernel),
            Choice::Mutant(at) => Arc::new(Spinlock::mutated(MUTANTS[at].0)),
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

/// `bkl` with a plain spinlock in place of the BKL: recursion is a deadlock, and nothing is given back in `schedule()`.
pub const BKL_AS_SPINLOCK: Entry = Entry {
    name: "bkl:as-spinlock",
    about: "bkl with a plain spinlock in place of the BKL",
    boot: Choice::BklAsSpinlock,
};

/// A design or a mutant (`spinlock:NAME`) by name.
pub fn find(name: &str) -> Option<Entry> {
    let mut known = DESIGNS.iter().copied().chain([BKL_AS_SPINLOCK]);
    let mutant = || mutants().find(|entry| name.strip_prefix("spinlock:") == Some(entry.name));
    known.find(|entry| entry.name == name).or_else(mutant)
}

/// The mutants of `spinlock`, by their short names.
pub fn mutants() -> impl Iterator<Item = Entry> {
    MUTANTS.iter().enumerate().map(|(at, &(_, name, about))| Entry { name, about, boot: Choice::Mutant(at) })
}
