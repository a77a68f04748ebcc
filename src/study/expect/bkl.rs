//! Linux 2.6.23 as released.

use super::rows::*;
use crate::study::expect::Expected;
use crate::study::expect::mail::STALE_CALLBACK;

pub(super) fn of(scenario: &str) -> &'static [Expected] {
    match scenario {
        "leaser-reader" | "leaser-writer" | "leaser-iget" | "nonblock-opener" => &[PEEK, BESIDE, UNTOLD],
        "leaser-enomem" => &[PEEK, BESIDE, UNTOLD, REFUSED_BY_A_PHANTOM],
        "leaser-lsm" => &[PEEK, BESIDE, UNTOLD, REFUSED_AND_KEPT],
        "leaser-two-openers" => &[PEEK, BESIDE, UNTOLD, GRANTED_TO_ONE_OPEN],
        "leaser-unlock" | "kernel-leaser" => &[STALE_POSITION],
        "unlock-break" | "close-break" | "opener-enomem" | "expiry" | "interrupted-opener" => &[PEEK],
        "relock-break" => &[BREAK_CANCELLED],
        "relock-enomem" => &[PEEK, UNDONE_TOO_FAR, UNDONE_WHAT_WAS_THERE, REFUSED_BY_A_PHANTOM],
        "kernel-leaser-enomem" => &[PEEK, BESIDE, HANDED_OUT],
        "close-expiry" => CLOSED_DURING_EXPIRY,
        "leaser-writer-expiry" => &[PEEK, FASYNC_ON_FREED, BESIDE, UNTOLD, GRANTED_TO_ONE_OPEN],
        "holder-thread" => &[PEEK, FASYNC_ON_FREED, BESIDE, UNTOLD],
        "lister-lsm" => &[REFUSED_AND_KEPT, SEEN_AND_REFUSED],
        "setown-break" | "sharers-open" => &[PEEK, BESIDE, UNTOLD],
        "two-owners" | "sharers-dup" => &[STALE_POSITION],
        "leaser-truncate" => &[PEEK, UNTOLD],
        "two-holders-break" => &[PEEK],
        "two-owners-break" => &[BROKEN_BESIDE],
        "two-owners-unlock" => &[STALE_CALLBACK, OWNER_WIPED],
        _ => super::mail::of_bkl_remote(scenario),
    }
}
