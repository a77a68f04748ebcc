//! Linux 2.6.37-rc1 as shipped: who frees what was passed in, and what 2.6.23 had already.

use super::rows::*;
use crate::check::Code;
use crate::study::expect::Expected;

const FREED_TWICE: Expected = Expected {
    code: Code::LW021,
    subject: "lease",
    bug: "M16",
    why: "the callee frees the lease that nfsd passes in, which F_UNLCK has freed (fixed by 0ceaf6c700f)",
};

const LEAKED: Expected = Expected {
    code: Code::LW022,
    subject: "lease",
    bug: "M17",
    why: "the early exits do not free the lease that was passed in (fixed by 096657b65e1)",
};

const LEAKED_BY_FILE_SYSTEM: Expected = Expected {
    code: Code::LW022,
    subject: "lease",
    bug: "M18",
    why: "a file system that refuses does not free the lease that was passed in (fixed by 05fa3135fdc)",
};

const UNLOCK_FAILS: Expected =
    unexplained("result", "M03", "F_UNLCK allocates, and fails for want of memory (fixed by 0ceaf6c700f)");

const UNLOCK_IN_VAIN: Expected = Expected {
    code: Code::LW033,
    subject: "unlock",
    bug: "M03",
    why: "F_UNLCK allocates, and fails for want of memory (fixed by 0ceaf6c700f)",
};

const OWNER_FORGOTTEN: Expected = unexplained(
    "result",
    "M21",
    "freeing the lease that was not needed forgets whom F_SETOWN has named (fixed in 3.6)",
);

const NOBODY_LEFT: Expected = Expected {
    code: Code::LW031,
    subject: "lease",
    bug: "M21",
    why: "F_UNLCK passes a lease in (M03), and freeing it forgets whom the signals go to: the lease that is there stays untold",
};

pub(super) fn of(scenario: &str) -> &'static [Expected] {
    match scenario {
        "leaser-reader"
        | "leaser-writer"
        | "leaser-iget"
        | "nonblock-opener"
        | "leaser-enomem"
        | "leaser-writer-expiry"
        | "setown-break"
        | "sharers-open" => &[PEEK, BESIDE],
        "unlock-break" | "close-break" | "expiry" | "interrupted-opener" | "leaser-truncate" | "two-holders-break" => {
            &[PEEK]
        }
        "kernel-leaser-enomem" => &[PEEK, BESIDE, HANDED_OUT],
        "nfsd-break" => &[PEEK, FREED_TWICE],
        "relock-break" => &[BREAK_CANCELLED],
        "two-owners-break" => &[BROKEN_BESIDE],
        "two-owners-unlock" => &[FREED_TWICE],
        "kernel-leaser" => &[FREED_TWICE],
        "opener-enomem" => &[PEEK, NOBODY_LEFT, UNLOCK_IN_VAIN, UNLOCK_FAILS],
        "leaser-lsm" => &[PEEK, LEAKED, BESIDE, REFUSED_AND_KEPT],
        "close-expiry" => CLOSED_DURING_EXPIRY,
        "leaser-two-openers" => &[PEEK, BESIDE, GRANTED_TO_ONE_OPEN],
        "holder-thread" => &[PEEK, BESIDE, NOBODY_LEFT],
        "relock" => &[OWNER_FORGOTTEN],
        "unlock-enomem" => &[UNLOCK_IN_VAIN, UNLOCK_FAILS],
        "relock-lsm" => &[LEAKED, OWNER_FORGOTTEN],
        "refused-leaser" => &[LEAKED_BY_FILE_SYSTEM],
        "lister-lsm" => &[LEAKED, REFUSED_AND_KEPT, SEEN_AND_REFUSED],
        _ => &[],
    }
}
