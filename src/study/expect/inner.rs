//! The lock inside `generic_setlease`: the lease is listed before anybody can be told, and may be gone when its entry comes.

use super::rows::*;
use crate::check::Code;
use crate::study::expect::Expected;

/// The mail's own objection.
const UNTOLD_OUTSIDE: Expected = Expected {
    why: "the mail: \"fcntl_setlease() needs to hold the spinlock around the call to generic_setlease() and fasync_helper()\"",
    ..UNTOLD
};

const ENTRY_ON_FREED: Expected = Expected {
    why: "the lease is given up, or expires, between generic_setlease and fasync_helper: the entry is put on a freed lease",
    ..FASYNC_ON_FREED
};

/// The same, when nobody looks at the freed lease again.
const ENTRY_LEAKED: Expected = Expected {
    code: Code::LW022,
    subject: "fasync",
    bug: "M06",
    why: "the lease goes between generic_setlease and fasync_helper: nobody will free the entry",
};

pub(super) fn of(scenario: &str) -> &'static [Expected] {
    match scenario {
        "leaser-reader" | "leaser-writer" | "leaser-iget" | "nonblock-opener" | "setown-break" | "sharers-open" => {
            &[PEEK, BESIDE, UNTOLD_OUTSIDE]
        }
        "leaser-enomem" => &[PEEK, BESIDE, UNTOLD_OUTSIDE, REFUSED_BY_A_PHANTOM],
        "leaser-two-openers" => &[PEEK, BESIDE, UNTOLD_OUTSIDE, GRANTED_TO_ONE_OPEN],
        "leaser-lsm" => &[PEEK, BESIDE, UNTOLD_OUTSIDE, REFUSED_AND_KEPT],
        "leaser-writer-expiry" | "holder-thread" => &[PEEK, ENTRY_ON_FREED, ENTRY_LEAKED, BESIDE, UNTOLD_OUTSIDE],
        "leaser-truncate" => &[PEEK, UNTOLD_OUTSIDE],
        "unlock-break" | "close-break" | "opener-enomem" | "expiry" | "interrupted-opener" | "two-holders-break"
        | "nfsd-break" => &[PEEK],
        "relock-break" => &[BREAK_CANCELLED],
        "two-owners-break" => &[BROKEN_BESIDE],
        "two-owners-unlock" => &[OWNER_WIPED],
        "relock-enomem" => &[PEEK, UNDONE_TOO_FAR, UNDONE_WHAT_WAS_THERE, REFUSED_BY_A_PHANTOM],
        "kernel-leaser-enomem" => &[PEEK, BESIDE, HANDED_OUT],
        "lister-lsm" => &[REFUSED_AND_KEPT, SEEN_AND_REFUSED],
        "close-expiry" => CLOSED_DURING_EXPIRY,
        _ => &[],
    }
}
