//! Bugs of history that are not seeded, each with the reason.

/// A number without a mutant.
#[derive(Clone, Copy, Debug)]
pub struct NotSeeded {
    /// The number.
    pub number: &'static str,
    /// The bug.
    pub about: &'static str,
    /// Why it is not here.
    pub why: &'static str,
    /// Will it be, when something else is there?
    pub waits: bool,
}

const fn exempt(number: &'static str, about: &'static str, why: &'static str) -> NotSeeded {
    NotSeeded { number, about, why, waits: false }
}

const fn waits(number: &'static str, about: &'static str, why: &'static str) -> NotSeeded {
    NotSeeded { number, about, why, waits: true }
}

const LATER_RULES: &str = "needs the rules of later kernels: waits for the design `mainline`";

/// All of them, by number.
pub const NOT_SEEDED: &[NotSeeded] = &[
    exempt("M04", "a new flock at the list head hides leases", "the model has no flocks on the list"),
    exempt("M09", "the init function frees an object on the stack", "the model has no objects on the stack"),
    exempt(
        "M15",
        "the file system's release hook under the spinlock",
        "the model has no release hooks of file systems",
    ),
    waits("M29", "a stale deadline downgrades a fresh write lease", LATER_RULES),
    waits(
        "M33",
        "a wait with timeout 0 becomes no wait: a busy loop",
        "ends when the holder runs, and a fair scheduler lets it: needs a kernel that does not preempt, and `mainline`",
    ),
    waits("M34", "an absolute deadline where a relative one is expected", LATER_RULES),
    exempt("M35", "BUG on a type that survives truncation to int", "the model has no casts of arguments"),
    exempt("M36", "the change hook called on an entry that is no lease", "the model has leases alone on the list"),
    exempt("M37", "an error return with the inode mutex held", "the model has no delegations of directory operations"),
    exempt(
        "M39",
        "unlocked read of the list head by lease_get_mtime",
        "every old design has it as it stands: LW010 of `bkl`",
    ),
    waits("M41", "a reader blocked by a breaking read lease", LATER_RULES),
    exempt("M43", "a flock upgrade drops the lock in the middle", "the model has no flocks"),
    waits("M51", "O_RDONLY|O_TRUNC does not break read leases", "no kernel does: waits for the design `mainline`"),
    waits("M52", "a reader that breaks polls with the wrong deadline", LATER_RULES),
];
