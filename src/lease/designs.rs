//! All designs of the lease case by name.

use std::sync::Arc;

use super::bkl::Bkl;
use super::exported::Exported;
use super::held::Held;
use super::mutants::MUTANTS;
use super::proposal::Proposal;
use super::proposal_bkl::ProposalBkl;
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
    Held,
    Exported,
    ProposalBkl,
    Proposal,
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
            Choice::Held => Arc::new(Held::boot()),
            Choice::Exported => Arc::new(Exported::boot()),
            Choice::ProposalBkl => Arc::new(ProposalBkl::boot()),
            Choice::Proposal => Arc::new(Proposal::boot()),
            Choice::Spinlock => Arc::new(Spinlock::boot()),
            Choice::Custom(boot) => boot(kernel),
            Choice::Mutant(at) => Arc::new(Spinlock::mutated(MUTANTS[at].0)),
        }
    }

    /// Its name on the command line: a mutant's has the name of the design it is made from in front.
    pub fn full_name(self) -> String {
        if self.is_mutant() { format!("spinlock:{}", self.name) } else { self.name.to_owned() }
    }

    /// Does it know of `f_op->setlease`? A scenario with another file system than a local one says nothing about those that do
    /// not.
    pub fn knows_setlease(self) -> bool {
        let name = self.full_name();
        let design = name.split(':').next().unwrap_or_default();
        !LOCAL_ONLY.contains(&design)
    }

    /// Is it a seeded bug rather than a design of its own?
    pub fn is_mutant(self) -> bool {
        matches!(self.boot, Choice::Mutant(_))
    }
}

/// Designs that were thought of, or shipped, without a thought for file systems that ask a server: what they would do with
/// one nobody has said.
const LOCAL_ONLY: &[&str] = &["split", "inner", "flocks"];

/// The designs that the matrix compares, old before new.
pub const DESIGNS: &[Entry] = &[
    Entry { name: "bkl", about: "Linux 2.6.23: the Big Kernel Lock around everything", boot: Choice::Bkl },
    Entry { name: "held", about: "the spinlock held over the file system's f_op->setlease", boot: Choice::Held },
    Entry {
        name: "exported",
        about: "the spinlock exported: a network file system drops it while it asks its server",
        boot: Choice::Exported,
    },
    Entry {
        name: "proposal_bkl",
        about: "the mail's last two outlines: f_op->setlease first, then lock_kernel",
        boot: Choice::ProposalBkl,
    },
    Entry { name: "proposal", about: "the same with spin_lock, exactly as written", boot: Choice::Proposal },
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
