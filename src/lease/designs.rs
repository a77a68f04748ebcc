//! All designs of the lease case by name.

use std::sync::Arc;

use super::bkl::Bkl;
use super::exported::Exported;
use super::flocks::{Flocks, SHIPPED};
use super::held::Held;
use super::inner::Inner;
use super::mutants::{self, Seed};
use super::proposal::Proposal;
use super::proposal_bkl::ProposalBkl;
use super::spinlock::Spinlock;
use super::split::Split;
use super::{Boot, Design};
use crate::kernel::{Faults, Kernel};

/// A design by name.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name; [`Entry::full_name`] is what the command line takes.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// Does it know of file systems that ask a server? What a design would do with one that was thought of without them, nobody
    /// has said.
    servers: bool,
    boot: Choice,
}

#[derive(Clone, Copy, Debug)]
enum Choice {
    /// On a kernel with the BKL, or with a spinlock in its place.
    Bkl {
        as_spinlock: bool,
    },
    Boot(Boot),
    /// From outside of this crate.
    Custom(Boot),
    Mutant {
        of: &'static str,
        seed: Seed,
    },
}

impl Entry {
    /// A design of one's own.
    pub const fn custom(name: &'static str, about: &'static str, boot: Boot) -> Entry {
        Entry { name, about, servers: true, boot: Choice::Custom(boot) }
    }

    const fn own(name: &'static str, about: &'static str, boot: Boot) -> Entry {
        Entry { name, about, servers: true, boot: Choice::Boot(boot) }
    }

    /// The same, said to know nothing of file systems that ask a server.
    pub const fn without_servers(self) -> Entry {
        Entry { servers: false, ..self }
    }

    /// A variation of the design `of`. [`Seed::AsItStands`] is none: then it is that design.
    pub fn varied(of: &'static str, name: &'static str, about: &'static str, seed: Seed) -> Entry {
        let design = DESIGNS.iter().find(|entry| entry.name == of);
        match (seed, design) {
            (Seed::AsItStands, Some(design)) => *design,
            _ => Entry {
                name,
                about,
                servers: design.is_none_or(|design| design.servers),
                boot: Choice::Mutant { of, seed },
            },
        }
    }

    /// The kernel it stands on.
    pub fn kernel(self, faults: Faults) -> Kernel {
        match self.boot {
            Choice::Bkl { as_spinlock: true } => Kernel::boot_without_bkl(faults),
            _ => Kernel::boot(faults),
        }
    }

    /// Boots it: makes its locks in the current execution.
    pub fn boot(self, kernel: Kernel) -> Arc<dyn Design> {
        match self.boot {
            Choice::Bkl { .. } => Arc::new(Bkl),
            Choice::Boot(boot) | Choice::Custom(boot) => boot(kernel),
            Choice::Mutant { seed: Seed::Spinlock(mutant), .. } => {
                Arc::new(mutants::spinlock::Spinlock::mutated(mutant))
            }
            Choice::Mutant { seed: Seed::Flocks(bugs), .. } => Arc::new(Flocks::boot(bugs)),
            Choice::Mutant { of, seed: Seed::AsItStands } => unreachable!("internal error: {of} is no variation"),
        }
    }

    /// Its name on the command line: a mutant's has the name of the design it is made from in front.
    pub fn full_name(self) -> String {
        match self.boot {
            Choice::Mutant { of, seed } => seed.full_name(of, self.name),
            _ => self.name.to_owned(),
        }
    }

    /// Does it know of file systems that ask a server? A scenario with one says nothing about those that do not.
    pub fn knows_servers(self) -> bool {
        self.servers
    }

    /// Is it Linux 2.6.23 itself?
    pub fn is_as_released(self) -> bool {
        matches!(self.boot, Choice::Bkl { as_spinlock: false })
    }

    /// Is it somebody else's? Then nothing is known about what it keeps where the engine does not see it.
    pub fn is_custom(self) -> bool {
        matches!(self.boot, Choice::Custom(_))
    }

    /// Is it a seeded bug rather than a design of its own?
    pub fn is_mutant(self) -> bool {
        matches!(self.boot, Choice::Mutant { .. })
    }
}

/// The designs that the matrix compares, old before new.
pub const DESIGNS: &[Entry] = &[
    Entry {
        name: "bkl",
        about: "Linux 2.6.23: the Big Kernel Lock around everything",
        servers: true,
        boot: Choice::Bkl { as_spinlock: false },
    },
    Entry {
        name: "sed",
        about: "lock_kernel replaced by one spinlock, and nothing else",
        servers: true,
        boot: Choice::Bkl { as_spinlock: true },
    },
    Entry::own("split", "__vfs_setlease, called by both with the spinlock held", |_| Arc::new(Split::boot()))
        .without_servers(),
    Entry::own("inner", "the spinlock inside generic_setlease, the fasync entry after it", |_| Arc::new(Inner::boot()))
        .without_servers(),
    Entry::own("held", "the spinlock held over the file system's f_op->setlease", |_| Arc::new(Held::boot())),
    Entry::own("exported", "the spinlock exported: a network file system drops it while it asks its server", |_| {
        Arc::new(Exported::boot())
    }),
    Entry::own("proposal_bkl", "the mail's last two outlines: f_op->setlease first, then lock_kernel", |_| {
        Arc::new(ProposalBkl::boot())
    }),
    Entry::own("proposal", "the same with spin_lock, exactly as written", |_| Arc::new(Proposal::boot())),
    Entry::own("spinlock", "the refactor, completed: one spinlock, whatever may sleep comes before it", |_| {
        Arc::new(Spinlock::boot())
    }),
    Entry::own("flocks", "Linux 2.6.37-rc1 as shipped: the caller allocates, one spinlock", |_| {
        Arc::new(Flocks::boot(SHIPPED))
    })
    .without_servers(),
];

/// `flocks` with the fixes of the weeks after it: what its mutants vary.
pub const FLOCKS_FIXED: Entry =
    Entry::own("flocks:fixed", "flocks with the fixes of the weeks after it", |_| Arc::new(Flocks::boot(&[])))
        .without_servers();

/// A design by name. Mutants have theirs in the table of `study`.
pub fn find(name: &str) -> Option<Entry> {
    let mut known = DESIGNS.iter().copied().chain([FLOCKS_FIXED]);
    known.find(|entry| entry.name == name)
}
