//! `lock_kernel` replaced: whoever takes a lease by `fcntl` waits for himself, in the set-up or in the scenario.

use super::rows::*;
use crate::check::Code;
use crate::study::expect::Expected;
use crate::study::expect::mail::{CLOSED, KEPT, SERVER_ATOMIC, SHARED, SHARED_BESIDE};

const RECURSES: Expected = Expected {
    code: Code::LW001,
    subject: "kernel_flag",
    bug: "M10",
    why: "the mail: \"perfectly legitimate for the BKL of course, but other spinlocks can't be acquired recursively in this way\"",
};

pub(super) fn of(scenario: &str) -> &'static [Expected] {
    match scenario {
        "kernel-leaser" => &[RECURSES, ALLOCATES_UNDER_LOCK],
        // Nobody calls fcntl here: the in-kernel owner takes the lock once.
        "kernel-leaser-enomem" => &[ALLOCATES_UNDER_LOCK, CALLBACK_ATOMIC, PEEK, BESIDE, HANDED_OUT],
        "nfsd-break" => &[ALLOCATES_UNDER_LOCK, CALLBACK_ATOMIC, PEEK],
        "remote-delegation" => &[ALLOCATES_UNDER_LOCK, SERVER_ATOMIC, KEPT, CLOSED],
        "remote-holders" => {
            &[ALLOCATES_UNDER_LOCK, CALLBACK_ATOMIC, SERVER_ATOMIC, PEEK, SHARED_BESIDE, SHARED, CLOSED]
        }
        _ => &[RECURSES],
    }
}
