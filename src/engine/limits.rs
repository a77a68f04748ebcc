//! What the engines have room for.
//!
//! An execution that needs more ends there, as [`Ending::Exceeded`](super::Ending::Exceeded): a limit of the tool, not a fault of
//! the program. All limits, those of the searches included, are in the table of `explore/limits.rs`.

/// Most tasks of a program: the tasks that wait on a queue are bits of a word.
pub const TASKS_MAX: usize = 63;

/// Tasks that can share locks: the first ones. How often each holds a lock for reading is part of the lock's word.
pub const READERS_MAX: u8 = 18;

/// Times that a task can hold a lock for reading at once.
pub const READS_MAX: u8 = 7;

/// Most objects that a task, or the set-up, can make in an execution: an object's name has 24 bits for the count.
pub const OBJECTS_MAX: u32 = (1 << 24) - 1;

/// A limit that an execution exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// The program has more tasks.
    Tasks(usize),
    /// A task beyond the first ones takes a lock for reading, or the set-up does.
    Readers(u8),
    /// A task takes a lock for reading that it holds for reading that many times already.
    Nesting(u8),
    /// A task or the set-up makes more objects.
    Objects(u32),
    /// RCU tells no more read-side sections apart.
    Sections(u8),
}
