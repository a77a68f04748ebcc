//! One worker of a [cluster](crate::explore::cluster), as the cluster sees it: whatever its states look like, they are parcels of bytes.

use super::log::{Origin, Saved, Seen};
use super::machine::Program;
use crate::engine::world::Transition;
use crate::explore::limits::Bound;

/// A mistake of a cluster, to be noticed by its tests.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// The cache of what was sent is a Bloom filter.
    BloomCache,
    /// A parcel is lost on its way.
    ParcelLost,
    /// An owner forgets a state that it has taken.
    OwnerForgets,
    /// A worker is done when it has nothing to do for the first time.
    EndsEarly,
}

/// What a worker counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::explore) struct Tally {
    /// States gone on from.
    pub states: u64,
    /// Steps made.
    pub edges: u64,
    /// States that were not sent, because the cache knew them.
    pub cached: u64,
    /// States sent to each worker, and received from each.
    pub sent: Vec<u64>,
    pub received: Vec<u64>,
    /// Bytes of what was sent.
    pub bytes_sent: u64,
    /// Bytes of the table, the log and the states that are open.
    pub bytes: u64,
}

/// A worker of a cluster, whatever the width of its states.
pub(in crate::explore) trait Owner {
    /// The first state, if it belongs here.
    fn begin(&mut self);
    /// States that another worker has sent.
    fn take(&mut self, from: usize, parcel: &[u8]);
    /// Goes on from some states; the bound that ends everything, if one does.
    fn work(&mut self) -> Option<Bound>;
    /// Is something left to go on from?
    fn is_open(&self) -> bool;
    /// Parcels that are large enough to be sent, or all.
    fn parcels(&mut self, all: bool) -> Vec<(usize, Vec<u8>)>;
    /// What an execution was cut short by.
    fn cut(&self) -> Option<Bound>;
    /// Where the state at this place of the own log came from.
    fn came_from(&self, place: u64) -> Origin;
    fn tally(&self) -> Tally;
    fn seen(&self) -> Vec<Seen>;
    /// The path by the tasks' own numbers.
    fn real_path(&self, path: &[Transition]) -> Vec<Transition>;
    /// Makes the log last, and says what is needed beside it to go on.
    fn save(&mut self) -> std::io::Result<Saved>;
    /// States of an earlier run: all records of one log, and which of them are still open.
    fn restore(&mut self, log: usize, place: u64, record: &[u8], is_open: bool);
    /// What an earlier run saw and counted.
    fn recall(&mut self, saved: Saved);
}

/// Which worker it is.
#[derive(Clone, Copy, Debug)]
pub(in crate::explore) struct Place {
    pub me: usize,
    pub peers: usize,
    /// Workers of this process, which share its memory.
    pub neighbours: usize,
    /// Logs of earlier runs; the own one comes after them.
    pub base: usize,
}

/// Bytes of a state in a parcel and in a log: its words, where it came from, and how many steps lead there.
pub(in crate::explore) fn record_bytes(program: &Program) -> usize {
    program.words() * 8 + 12
}
