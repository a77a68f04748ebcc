//! What executions of the controlled engine are like, and what bounds them.

use crate::engine::{Memory, OBJECTS_MAX, Unsound};

/// Bounds of one execution. Hitting `steps_max` is an [`Ending::TooLong`](crate::engine::Ending::TooLong), hitting `objects_max` an
/// [`Ending::Exceeded`](crate::engine::Ending::Exceeded).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest execution, in steps. Those of a scenario have some hundreds.
    pub steps_max: u32,
    /// Operations that an abandoned task may still perform before it is unwound.
    pub drain_max: u32,
    /// Objects that a task, or the set-up, may make; [`OBJECTS_MAX`] at most.
    pub objects_max: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { steps_max: 2_000, drain_max: 300, objects_max: OBJECTS_MAX }
    }
}

/// What executions are like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Bounds of each.
    pub limits: Limits,
    /// What memory may do.
    pub memory: Memory,
    /// Take states for equal that differ only in which of the [alike](crate::engine::Program::alike) tasks is which.
    pub symmetry: bool,
    /// A mistake to be noticed.
    #[doc(hidden)]
    pub seeded: Option<Unsound>,
}
