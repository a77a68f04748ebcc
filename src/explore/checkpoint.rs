//! A checkpoint as it is asked for: which file, of what, how often. What is in it: [`stateful`](super::stateful).

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Where checkpoints go, and what they are of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The file. If it is there, the exploration goes on from it; when all is seen, it is removed.
    pub file: PathBuf,
    /// What is explored, by name: design and scenario.
    pub about: String,
    /// Time between two, at least; where writing takes long it is longer.
    pub interval: Duration,
}

/// Why a checkpoint is of no use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or written.
    #[error("{file}: {what}")]
    Io {
        /// The file.
        file: String,
        /// What was tried.
        what: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// It is no checkpoint, or a damaged one.
    #[error("{file}: {why}")]
    Unfit {
        /// The file.
        file: String,
        /// What does not fit.
        why: String,
    },
}

impl Checkpoint {
    pub(super) fn io(&self, what: &'static str) -> impl Fn(io::Error) -> Error {
        let file = self.file.display().to_string();
        move |source| Error::Io { file: file.clone(), what, source }
    }

    pub(super) fn unfit(&self, why: impl Into<String>) -> Error {
        Error::Unfit { file: self.file.display().to_string(), why: why.into() }
    }
}
