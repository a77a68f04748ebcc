//! The source of each design, as text: what two designs are shown side by side from.

use super::designs::Entry;

/// A file of the source.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Its path in the package.
    pub path: &'static str,
    /// What is in it.
    pub text: &'static str,
}

macro_rules! sources {
    ($($path:literal),*) => {
        &[$(Source { path: concat!("src/lease/", $path), text: include_str!($path) }),*]
    };
}

const BKL: &[Source] = sources!["bkl.rs", "bkl/break_lease.rs", "bkl/list.rs"];
const SPINLOCK: &[Source] =
    sources!["spinlock.rs", "spinlock/break_lease.rs", "spinlock/list.rs", "spinlock/remote.rs"];
const TWIN: &[Source] = sources![
    "mutants/spinlock.rs",
    "mutants/spinlock/break_lease.rs",
    "mutants/spinlock/list.rs",
    "mutants/spinlock/remote.rs"
];
const REST: &[Source] = sources!["rest.rs", "rest/break_lease.rs"];

/// The files that a design consists of, its own before those that it shares with others: a function that both have is its own one.
/// None for a design from outside of this crate.
pub fn of(design: Entry) -> Vec<Source> {
    let (name, is_mutant) = (design.full_name(), design.is_mutant());
    let parts: &[&[Source]] = match name.split(':').next().unwrap_or_default() {
        _ if design.is_custom() => &[],
        "spinlock" if is_mutant => &[TWIN],
        "spinlock" => &[SPINLOCK],
        "bkl" | "sed" => &[BKL],
        "split" => &[sources!["split.rs"], REST],
        "inner" => &[sources!["inner.rs"], REST],
        "flocks" => &[sources!["flocks.rs"], REST],
        "held" => &[sources!["held.rs"], SPINLOCK],
        "exported" => &[sources!["exported.rs"], SPINLOCK],
        "proposal_bkl" => &[sources!["proposal_bkl.rs"], BKL],
        "proposal" => &[sources!["proposal.rs", "proposal_bkl.rs"], SPINLOCK],
        _ => &[],
    };
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::designs::{DESIGNS, FLOCKS_FIXED};

    #[test]
    fn every_design_has_its_source() {
        for design in DESIGNS.iter().copied().chain([FLOCKS_FIXED]) {
            let files = of(design);
            assert!(files.iter().any(|file| file.text.contains("fn fcntl_setlease")), "{}", design.full_name());
        }
    }
}
