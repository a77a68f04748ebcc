//! `__vfs_setlease` for both: it allocates under the lock, wherever a lease is taken. The rest is that of 2.6.37-rc1.

use super::rows::*;
use crate::study::expect::Expected;

const SLEEPS: Expected = ALLOCATES_UNDER_LOCK;

pub(super) fn of(scenario: &str) -> &'static [Expected] {
    match scenario {
        "leaser-reader"
        | "leaser-writer"
        | "leaser-iget"
        | "nonblock-opener"
        | "leaser-enomem"
        | "leaser-writer-expiry"
        | "holder-thread"
        | "setown-break"
        | "sharers-open" => &[SLEEPS, PEEK, BESIDE],
        "unlock-break" | "close-break" | "opener-enomem" | "expiry" | "interrupted-opener" | "leaser-truncate"
        | "two-holders-break" | "nfsd-break" => &[SLEEPS, PEEK],
        "kernel-leaser-enomem" => &[SLEEPS, PEEK, BESIDE, HANDED_OUT],
        "relock-break" => &[SLEEPS, BREAK_CANCELLED],
        "two-owners-break" => &[SLEEPS, BROKEN_BESIDE],
        "two-owners-unlock" => &[SLEEPS, OWNER_WIPED],
        "relock-enomem" => &[SLEEPS, PEEK, UNDONE_TOO_FAR, UNDONE_WHAT_WAS_THERE],
        "leaser-lsm" => &[SLEEPS, PEEK, BESIDE, REFUSED_AND_KEPT],
        "lister-lsm" => &[SLEEPS, REFUSED_AND_KEPT, SEEN_AND_REFUSED],
        "leaser-two-openers" => &[SLEEPS, PEEK, BESIDE, GRANTED_TO_ONE_OPEN],
        "close-expiry" => {
            const CLOSED: &[Expected] = &[
                SLEEPS,
                CLOSED_DURING_EXPIRY[0],
                CLOSED_DURING_EXPIRY[1],
                CLOSED_DURING_EXPIRY[2],
                CLOSED_DURING_EXPIRY[3],
            ];
            CLOSED
        }
        // The file system has refused before anything is allocated.
        "refused-leaser" => &[],
        _ => &[SLEEPS],
    }
}
