//! How rows of the table are written.

use crate::check::Code;
use crate::lease::flocks::Bug;
use crate::lease::mutants::{Mutant, Seed};
use crate::study::mutants::Row;

/// A line of `spinlock`, or a function.
pub(super) const fn spinlock(
    number: &'static str,
    mutant: Mutant,
    name: &'static str,
    about: &'static str,
    fixed: &'static str,
    caught: (Code, &'static str),
) -> Row {
    Row {
        number,
        of: "spinlock",
        name,
        about,
        fixed,
        seed: Seed::Spinlock(mutant),
        code: caught.0,
        also: &[],
        scenario: caught.1,
        sound: "spinlock",
        weak_memory: false,
    }
}

/// `flocks` without fixes of the weeks after it.
pub(super) const fn flocks(
    number: &'static str,
    bugs: &'static [Bug],
    name: &'static str,
    about: &'static str,
    fixed: &'static str,
    caught: (Code, &'static str),
) -> Row {
    let (of, sound) = ("flocks", "flocks:fixed");
    Row { of, sound, seed: Seed::Flocks(bugs), ..spinlock(number, Mutant::NoRecheck, name, about, fixed, caught) }
}

/// A design that has the bug as it stands.
pub(super) const fn as_it_stands(
    number: &'static str,
    of: &'static str,
    about: &'static str,
    fixed: &'static str,
    caught: (Code, &'static str),
    sound: &'static str,
) -> Row {
    Row { of, sound, seed: Seed::AsItStands, ..spinlock(number, Mutant::NoRecheck, "", about, fixed, caught) }
}

/// A line of `spinlock`; no bug of history.
pub(super) const fn ours(mutant: Mutant, name: &'static str, about: &'static str, caught: (Code, &'static str)) -> Row {
    spinlock("", mutant, name, about, "", caught)
}

/// What else is found there.
pub(super) const fn with(also: &'static [Code], row: Row) -> Row {
    Row { also, ..row }
}
