//! What a worker of a cluster keeps of its states beside the table: where each came from, in memory, and with a checkpoint on disk as well.
//!
//! On disk, states are added at the end of a log and never changed. How much of it counts is said elsewhere, in the manifest of the last closed
//! epoch; what a killed worker has written after that is never looked at.

use std::fs::{File, OpenOptions};
use std::hash::Hasher;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::machine::Id;
use crate::engine::fingerprint::Fingerprint;
use crate::engine::world::Transition;
use crate::event::TaskId;
use crate::explore::limits::Bound;

/// Name of a state: the log in the upper 12 of 48 bits, the place there in the lower 36.
pub(in crate::explore) type Name = u64;

/// Logs that names can tell apart, those of earlier runs of a checkpoint included.
pub(in crate::explore) const LOGS_MAX: usize = 1 << 12;

const PLACE_BITS: u32 = 36;

/// The name of the state at this place of the log.
pub(in crate::explore) fn name(log: usize, place: u64) -> Name {
    (log as u64) << PLACE_BITS | place
}

/// Where a state came from: a name and a step, or nowhere.
pub(in crate::explore) type Origin = u64;

/// The first state comes from nowhere.
pub(in crate::explore) const NOWHERE: Origin = u64::MAX;

/// The origin of what this step leads to.
pub(super) fn origin(name: Name, by: Transition) -> Origin {
    name << 16 | u64::from(by.task.0) << 8 | u64::from(by.alternative)
}

/// The name and the step of an origin; `None` for nowhere.
pub(in crate::explore) fn parted(origin: Origin) -> Option<(Name, Transition)> {
    let by = Transition { task: TaskId((origin >> 8) as u8), alternative: origin as u8 };
    (origin != NOWHERE).then_some((origin >> 16, by))
}

/// The log that a name is in, and its place there.
pub(in crate::explore) fn log_of(name: Name) -> (usize, u64) {
    ((name >> PLACE_BITS) as usize, name & ((1 << PLACE_BITS) - 1))
}

/// What a worker saw that belongs into the verdict.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::explore) enum What {
    /// A finding by number, or after them an order of two locks.
    Shown(Id),
    /// All tasks had ended, with this outcome as JSON.
    Outcome(String),
    /// No task could run, and this is how things stood.
    Deadlock(String),
}

/// What was seen, and where: in the state of this name, or by a step from it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::explore) struct Seen {
    pub what: What,
    pub at: Option<Name>,
    pub last: Option<(u8, u8)>,
}

/// Adds a state as it stands in a log and in a parcel: its words, where it came from, and how many steps lead there.
pub(super) fn record(to: &mut Vec<u8>, words: &[u64], from: Origin, depth: u32) {
    words.iter().for_each(|word| to.extend(word.to_le_bytes()));
    to.extend(from.to_le_bytes());
    to.extend(depth.to_le_bytes());
}

/// Where the state of a record came from.
pub(in crate::explore) fn origin_of(record: &[u8]) -> Origin {
    let at = record.len() - 12;
    Origin::from_le_bytes(record[at..at + 8].try_into().expect("eight bytes"))
}

/// A log that is written.
pub(in crate::explore) struct Journal {
    out: BufWriter<File>,
    record: Vec<u8>,
    records: u64,
    sum: Fingerprint,
}

/// What a worker needs to go on, beside its log.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::explore) struct Saved {
    /// Which log it is, how many states count, and their sum.
    pub log: usize,
    pub records: u64,
    pub sum: String,
    /// States that are still to be gone on from, of any log.
    pub open: Vec<Name>,
    pub seen: Vec<Seen>,
    /// States gone on from, those of earlier runs included.
    pub states: u64,
    /// What an execution was cut short by: nobody comes back to that.
    pub cut: Option<Bound>,
}

/// The sum of records, as text.
pub(in crate::explore) fn text(sum: &Fingerprint) -> String {
    format!("{:032x}", sum.finish_128())
}

/// Adds a record to the sum.
pub(in crate::explore) fn summed(sum: &mut Fingerprint, record: &[u8]) {
    sum.write(record);
}

impl Journal {
    /// A new one; one of that name that does not count any more is replaced.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(path: &Path) -> io::Result<Journal> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        Ok(Journal { out: BufWriter::new(file), record: Vec::new(), records: 0, sum: Fingerprint::default() })
    }

    /// A state at its end.
    pub fn add(&mut self, words: &[u64], from: Origin, depth: u32) -> io::Result<()> {
        self.record.clear();
        record(&mut self.record, words, from, depth);
        summed(&mut self.sum, &self.record);
        self.records += 1;
        self.out.write_all(&self.record)
    }

    /// Waits until it is on the disk; says how many records there are, and their sum.
    pub fn sync(&mut self) -> io::Result<(u64, String)> {
        self.out.flush()?;
        self.out.get_ref().sync_data()?;
        Ok((self.records, text(&self.sum)))
    }
}
