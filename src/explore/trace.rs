//! What a replay shows: its events as lines, and how the tasks stand in between.

use crate::event::{Event, ObjectInfo};

/// A line of a trace: an event with its names resolved in the state in which it happened.
#[derive(Clone, Debug)]
pub struct Line {
    /// The event.
    pub event: Event,
    /// How it reads; `None` for remarks that are no line of a trace.
    pub text: Option<String>,
    /// Depth of the task's call stack.
    pub depth: usize,
    /// Locks that the task holds after it, by name, in the order they were taken.
    pub held: Vec<String>,
    /// How a saved schedule names the operation.
    pub op: Option<String>,
    /// What is fixed about the object of the operation.
    pub object: Option<ObjectInfo>,
}

/// How a task stands in a state, with its names resolved there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stand {
    /// Before an operation that it can perform.
    Ready(String),
    /// Before a lock that somebody holds.
    Waits {
        /// The lock.
        lock: String,
        /// The task that holds it.
        holder: String,
    },
    /// It sleeps.
    Sleeps,
    /// It waits until its own stores have reached memory.
    Drains,
    /// Its CPU runs that one.
    Stalled(String),
    /// It has no more calls.
    Finished,
}
