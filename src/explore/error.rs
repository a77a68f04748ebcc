//! Why an exploration is refused, or cannot go on.
//!
//! Three kinds are never mixed: what is wrong with the code under test is a finding, a limit of the tool is a
//! [`Bound`](super::Bound) in the verdict, and a mistake in what was asked, or a program that no search can judge, is an error
//! of this type.

use super::checkpoint;
use super::config::EngineKind;
use super::hidden::HiddenState;

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The checkpoint cannot be read or written, or is of another exploration.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// [`EngineKind::Explicit`](super::EngineKind::Explicit) was asked for, and [`Subject::explicit`](super::Subject::explicit)
    /// returns `None`.
    #[error(
        "the explicit engine runs interpreted programs, and this program has no interpreted form: use the explorer"
    )]
    NoExplicitForm,
    /// [`EngineKind::Loom`](super::EngineKind::Loom) was asked for, and the crate was built without it.
    #[error("this build has no loom: enable the feature `loom` of the crate, or use another engine")]
    NoLoom,
    /// An option that the engine does not know, and would ignore.
    #[error("{option} is for {whose}, not for {engine:?}")]
    Option {
        /// The field of the [`Config`](super::Config).
        option: &'static str,
        /// The engine that was asked for.
        engine: EngineKind,
        /// The engines that know it.
        whose: &'static str,
    },
    /// The program has interrupts, or tasks that share a CPU, and what was asked for cannot have them.
    #[error("this program has interrupts or says which CPU its tasks run on, and {what}: {instead}")]
    Contexts {
        /// What cannot have them.
        what: &'static str,
        /// What can.
        instead: &'static str,
    },
    /// The program has hidden state: whatever a search says of it can be wrong.
    #[error(transparent)]
    HiddenState(#[from] HiddenState),
    /// The search does not know tasks that are born, or data that the engine cannot see.
    #[error(
        "{what}: user-land code is explored by the explorer, DPOR, brute force and the random engines, under sequential consistency"
    )]
    UserLand {
        /// What is in the way.
        what: &'static str,
    },
    /// The processes of a cluster do not come together, one of them is lost, or their checkpoint is of no use: which host, and why.
    #[error("{0}")]
    Cluster(String),
    /// Two settings of the [`Config`](super::Config) exclude each other.
    #[error("{one} and {other} do not go together: {why}")]
    Config {
        /// A field, and its value where that matters.
        one: &'static str,
        /// Another.
        other: &'static str,
        /// What would be wrong with the verdict.
        why: &'static str,
    },
}
