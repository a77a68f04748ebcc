//! The differences that no finding shows: consequences of bugs that are gone, and changes that are meant.
//!
//! A row says of which designs, on which side, in which scenarios, and which values differ. So it explains nothing that it was not
//! written for.

use crate::check::Code::{self, LW050, LW051};
use crate::explore::compare::{Difference, What, parts};
use crate::lease::designs::Entry;
use crate::scenario::Scenario;

/// Differences that are known, and why they are there.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The old designs.
    pub old: &'static [&'static str],
    /// The new design.
    pub new: &'static str,
    /// In which of the two it can happen.
    pub code: Code,
    /// Where.
    pub scenarios: &'static [&'static str],
    /// What may differ from the outcome of the other design that is most like it, and nothing else.
    pub parts: &'static [&'static str],
    /// A text that the outcome has.
    pub says: &'static str,
    /// The number of the bug; `None` if the change is meant.
    pub bug: Option<&'static str>,
    /// In half a sentence.
    pub why: &'static str,
}

impl Row {
    /// Is it about this difference?
    pub fn fits(&self, designs: [Entry; 2], scenario: &Scenario, difference: &Difference) -> bool {
        let [old, new] = designs.map(Entry::full_name);
        self.code == difference.code
            && self.old.contains(&old.as_str())
            && self.new == new
            && self.scenarios.contains(&scenario.name)
            && self.says(difference)
    }

    fn says(&self, difference: &Difference) -> bool {
        let outcome = match &difference.what {
            What::Finding(finding) => return self.parts == [format!("{} {}", finding.code, finding.subject)],
            What::Outcome(outcome) | What::Stuck(outcome) => outcome,
        };
        let fits = match &difference.near {
            Some(near) => parts(outcome, near).all(|(name, ..)| self.parts.contains(&name.as_str())),
            // The other design comes to no end there.
            None => self.parts.is_empty(),
        };
        fits && outcome.to_string().contains(self.says)
    }
}

const BKL: &[&str] = &["bkl"];
const BOTH: &[&str] = &["bkl", "proposal"];

const fn row(
    old: &'static [&'static str],
    code: Code,
    scenarios: &'static [&'static str],
    (parts, says): (&'static [&'static str], &'static str),
    bug: Option<&'static str>,
    why: &'static str,
) -> Row {
    Row { old, new: "spinlock", code, scenarios, parts, says, bug, why }
}

const fn flocks(
    code: Code,
    scenarios: &'static [&'static str],
    parts: (&'static [&'static str], &'static str),
    bug: &'static str,
    why: &'static str,
) -> Row {
    Row { new: "flocks:fixed", ..row(&["flocks"], code, scenarios, parts, Some(bug), why) }
}

/// All of them.
pub const ROWS: &[Row] = &[
    row(
        BKL,
        LW050,
        &[
            "unlock-break",
            "close-break",
            "opener-enomem",
            "expiry",
            "close-expiry",
            "interrupted-opener",
            "remote-unlock",
        ],
        (&["signals"], "signals [holder about a of holder]; waited []"),
        None,
        "the opener drops the lock between the signal and its sleep: a lease that goes in between is not waited for",
    ),
    row(
        BKL,
        LW050,
        &["interrupted-opener"],
        (&["waited"], "opener: 0; leases []"),
        None,
        "a signal that meets the wake-up does not fail the open: the lease is gone",
    ),
    row(
        BOTH,
        LW050,
        &["relock-break", "holder-thread"],
        (&["holder", "thread"], "-11"),
        None,
        "an open counts from its beginning: F_SETLEASE meanwhile is refused, also on a file that has the lease",
    ),
    row(
        BKL,
        LW050,
        &["remote-enomem"],
        (&["leaser"], "leaser: -12, writer: 0"),
        None,
        "memory comes first: without it the file server is not asked, and refuses nobody",
    ),
    row(
        &["proposal"],
        LW051,
        &["refused-leaser"],
        (&["leaser"], "leaser: -11"),
        None,
        "a file system that refuses every lease answers before the open counts are looked at",
    ),
    row(
        BKL,
        LW050,
        &["relock-enomem"],
        (&["leases"], "holder: -12, opener: 0; leases [READ of holder]"),
        Some("M07"),
        "the lease that was held before survives an F_SETLEASE that fails",
    ),
    row(
        BKL,
        LW051,
        &["leaser-enomem"],
        (&["waited"], "leaser: -12, opener: 0; leases []"),
        Some("M07"),
        "an opener waits for a lease whose F_SETLEASE then fails",
    ),
    row(
        BKL,
        LW051,
        &["leaser-lsm"],
        (&["waited", "signals"], "leaser: -13, opener: 0; leases []"),
        Some("M08"),
        "an opener waits for a lease whose owner the security module has refused",
    ),
    row(
        BKL,
        LW050,
        &["two-owners-break"],
        (&["leases", "signals"], "READ of in-kernel owner]"),
        Some("D08"),
        "a reader leaves nfsd's read lease alone",
    ),
    row(
        BKL,
        LW050,
        &["two-owners-unlock"],
        (&["signals"], "signals [holder about a of holder]"),
        Some("D09"),
        "the user's lease has its owner when nfsd's is gone, and the owner is told",
    ),
    row(
        BOTH,
        LW050,
        &["remote-refused", "remote-delegation", "remote-two-leasers"],
        (&["server"], "-11"),
        Some("M46"),
        "what the server has granted and the node refuses is given back",
    ),
    row(
        BOTH,
        LW050,
        &["remote-loser"],
        (&["server"], "server [READ to a]"),
        Some("M46"),
        "what the server has granted and the node refuses is given back",
    ),
    row(
        BOTH,
        LW050,
        &["remote-enomem"],
        (&["leaser", "server"], "leaser: -11, writer: -11"),
        Some("M46"),
        "what the server has granted and the node refuses is given back",
    ),
    row(
        &["proposal"],
        LW050,
        &["remote-two-leasers"],
        (&["writer", "opens on b", "writes on b"], "first: -11, second: -11, writer: -11"),
        Some("M46"),
        "what the server has granted and the node refuses is given back",
    ),
    row(
        BOTH,
        LW050,
        &["remote-leaser", "remote-upgrade"],
        (&["waited"], "-11, "),
        Some("D07"),
        "a recall that overtakes the server's answer is remembered: the lease is refused",
    ),
    row(
        BOTH,
        LW050,
        &["remote-leasers"],
        (&["first", "leases on a", "server"], "first: -11, second: -11"),
        Some("D07"),
        "a recall that overtakes the server's answer is remembered: the lease is refused",
    ),
    row(
        BOTH,
        LW050,
        &["remote-holders"],
        (&["signals"], "leaser: -11, writer: -11"),
        Some("D07"),
        "a recall that overtakes the server's answer is remembered: the lease is refused",
    ),
    row(
        BOTH,
        LW050,
        &["remote-leaser", "remote-upgrade"],
        (&["waited"], "for 45 s"),
        Some("M49"),
        "expiry, close and downgrade tell the server, and the open on the other node goes on",
    ),
    row(
        BKL,
        LW051,
        &["remote-leaser"],
        (&["waited"], "for 90 s"),
        Some("M49"),
        "the lease expires and the server is not told: the opener waits for the server's time limit as well",
    ),
    row(
        BOTH,
        LW050,
        &["remote-close"],
        (&["opener", "opens on b", "server"], "server []"),
        Some("M49"),
        "expiry, close and downgrade tell the server, and the open on the other node goes on",
    ),
    row(
        BOTH,
        LW050,
        &["remote-downgrade"],
        (&["waited"], "holder: 0, reader: 0"),
        Some("M49"),
        "expiry, close and downgrade tell the server, and the open on the other node goes on",
    ),
    row(
        BOTH,
        LW050,
        &["remote-unlock"],
        (&["waited"], "until woken"),
        Some("M48"),
        "the server hears of an unlock when the lease is gone: the opener waits for that",
    ),
    row(
        BKL,
        LW051,
        &["remote-holders"],
        (&["server", "leaser", "leases on a", "signals"], "leases [UNLCK breaking of in-kernel owner]"),
        Some("M47"),
        "what the node gives up for one owner the other still counts on",
    ),
    flocks(
        LW050,
        &["kernel-leaser", "nfsd-break", "two-owners-unlock"],
        (&[], ""),
        "M16",
        "nfsd's F_UNLCK goes through: before, it ended in a double free",
    ),
    flocks(
        LW050,
        &["two-owners-unlock"],
        (&["LW031 lease"], ""),
        "D09",
        "not fixed by then, and hidden by the double free: a user's lease is mute when nfsd's has gone",
    ),
    flocks(
        LW051,
        &["holder-thread"],
        (&["signals"], "nobody about a"),
        "M21",
        "F_UNLCK passes a lease in, and freeing it forgets whom to tell of the lease that is there",
    ),
    flocks(
        LW051,
        &["leaser-lsm"],
        (&["signals", "waited"], "leaser: -13, opener: 0; leases []"),
        "M08",
        "an opener waits for a lease whose owner the security module has refused",
    ),
];
