//! What workers send each other.

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::explore::explicit::log::{Name, Seen, What};
use crate::explore::explicit::owner::Tally;
use crate::explore::limits::Bound;

/// Something for one worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Parcel {
    pub to: u32,
    pub from: u32,
    pub body: Body,
}

/// What is in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Body {
    /// Packed states that belong to the receiver.
    States(Bytes),
    /// Go on from nothing more: an epoch ends.
    Pause,
    /// How an epoch ended.
    Status(Status),
    /// What a worker has counted.
    Report(Report),
    /// A path that is followed back.
    Walk(Walk),
}

/// How an epoch ended for a worker.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Status {
    pub worker: u32,
    /// Is something left?
    pub open: bool,
    /// What ended it all.
    pub stop: Option<Bound>,
    pub tally: Tally,
    /// What was written of it.
    pub part: Option<Part>,
    /// Why nothing was written.
    pub failed: Option<String>,
}

/// What a worker has written at the end of an epoch: its log, and what is needed beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    pub log: Log,
    pub file: String,
    pub sum: String,
}

/// As much of a log as counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Log {
    pub file: String,
    pub records: u64,
    pub sum: String,
}

/// What a worker has counted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Report {
    pub worker: u32,
    /// Has the frontier passed, in its eyes?
    pub passed: bool,
    /// What ended it all, and what an execution was cut short by.
    pub stop: Option<Bound>,
    pub cut: Option<Bound>,
    pub tally: Tally,
}

/// The first two workers of which one has not received what the other has sent: who has sent, who has received, and how much.
pub(super) fn missing(tallies: &[&Tally]) -> Option<(usize, usize, u64, u64)> {
    let pairs = (0..tallies.len()).flat_map(|to| (0..tallies.len()).map(move |from| (from, to)));
    let counted = pairs.map(|(from, to)| (from, to, tallies[from].sent[to], tallies[to].received[from]));
    counted.into_iter().find(|(_, _, sent, received)| sent != received)
}

/// A path that is followed back, step by step, from log to log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Walk {
    pub what: What,
    /// Where it is followed to; nowhere further, if it is all there.
    pub at: Option<Name>,
    /// The last step first.
    pub steps: Vec<(u8, u8)>,
}

impl Walk {
    pub fn new(seen: Seen) -> Walk {
        Walk { what: seen.what, at: seen.at, steps: seen.last.into_iter().collect() }
    }
}

/// Bytes that are copied as a whole. A list of numbers would be written one by one.
#[derive(Clone, Debug)]
pub(super) struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        struct Whole;
        impl<'de> Visitor<'de> for Whole {
            type Value = Bytes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }

            fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Bytes, A::Error> {
                Err(A::Error::custom("bytes stand as a whole"))
            }
        }
        deserializer.deserialize_byte_buf(Whole)
    }
}
