//! What catches each mutant of `spinlock`, and where.
//!
//! Tests hold this table against the explorer, and against loom where a mutant needs a weak memory.

use crate::check::Code;
use crate::lease::mutants::Mutant;

/// A mutant and what catches it.
#[derive(Clone, Copy, Debug)]
pub struct Seeded {
    /// Which.
    pub mutant: Mutant,
    /// The finding that must catch it.
    pub code: Code,
    /// The scenario in which it does.
    pub scenario: &'static str,
    /// Does it need loom's memory model?
    pub weak_memory: bool,
}

const fn caught(mutant: Mutant, code: Code, scenario: &'static str) -> Seeded {
    Seeded { mutant, code, scenario, weak_memory: false }
}

/// All mutants, in the order of [`MUTANTS`](crate::lease::mutants::MUTANTS).
pub const SEEDED: &[Seeded] = &[
    caught(Mutant::NoRecheck, Code::LW030, "leaser-reader"),
    caught(Mutant::RecheckUnlocked, Code::LW020, "leaser-writer-expiry"),
    Seeded { weak_memory: true, ..caught(Mutant::NoBarrier, Code::LW030, "leaser-writer") },
    caught(Mutant::OwnerAfterUnlock, Code::LW031, "leaser-reader"),
    caught(Mutant::FasyncAfterUnlock, Code::LW031, "leaser-writer"),
    caught(Mutant::EntryLeakedOnEagain, Code::LW022, "two-leasers"),
    caught(Mutant::LeaseLeakedOnEnomem, Code::LW022, "leaser-enomem"),
    caught(Mutant::ListWalkedUnlocked, Code::LW020, "getlease-unlock"),
    caught(Mutant::CloseUnlocked, Code::LW020, "close-break"),
    caught(Mutant::AllocUnderLock, Code::LW002, "two-leasers"),
    caught(Mutant::WaitsUnderLock, Code::LW002, "unlock-break"),
    caught(Mutant::LockLeftOnEagain, Code::LW007, "two-leasers"),
    caught(Mutant::WaitersForgotten, Code::LW008, "unlock-break"),
    caught(Mutant::FreedTwiceOnExpiry, Code::LW021, "expiry"),
    caught(Mutant::UnlockUnlocked, Code::LW020, "leaser-unlock"),
    caught(Mutant::InterruptedStaysQueued, Code::LW020, "interrupted-opener"),
    caught(Mutant::EnomemLetsIn, Code::LW030, "opener-enomem"),
    caught(Mutant::UnlinkedFirst, Code::LW020, "close-expiry"),
    caught(Mutant::ServerUnderLock, Code::LW002, "remote-leaser"),
    caught(Mutant::CallbackSleeps, Code::LW002, "nfsd-break"),
    caught(Mutant::AnswerKept, Code::LW032, "remote-refused"),
    caught(Mutant::LoserGivesBack, Code::LW032, "remote-loser"),
    caught(Mutant::ServerToldFirst, Code::LW030, "remote-unlock"),
    caught(Mutant::ServerNotTold, Code::LW032, "remote-close"),
    caught(Mutant::CheckedBeforeOnly, Code::LW030, "remote-refused"),
    caught(Mutant::NoCommonCheck, Code::LW034, "remote-delegation"),
    caught(Mutant::RecallForgotten, Code::LW030, "remote-leaser"),
    caught(Mutant::HeldLeaseBelieved, Code::LW032, "remote-held"),
];
