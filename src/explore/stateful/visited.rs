//! The states that are known, shared by all workers: 128 bits each, and whose steps are [spared](Spared) there.
//!
//! A state that is met again with fewer spared is gone on with, for those that are due now. Marking a state and learning what is left to do there is one
//! step under the lock of its shard, so workers share the work whoever comes first.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::explore::limits::Bound;
use crate::explore::spared::Spared;

/// What is to be done in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    /// It is new: go on with all that are not spared.
    New,
    /// It is known, but these processes were spared at every visit before, and are not now. The others are spared.
    Due { now: Spared, spared: Spared },
    /// Nothing new.
    Known,
    /// There is no room for another state.
    Full,
}

/// A fingerprint as two words, so that an entry takes 24 bytes and not 32.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Words([u64; 2]);

impl From<u128> for Words {
    fn from(fingerprint: u128) -> Words {
        Words([fingerprint as u64, (fingerprint >> 64) as u64])
    }
}

impl From<Words> for u128 {
    fn from(Words([low, high]): Words) -> u128 {
        u128::from(high) << 64 | u128::from(low)
    }
}

impl Hash for Words {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

/// Fingerprints are hashes already.
#[derive(Default)]
pub(super) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("internal error: only fingerprints are hashed by identity")
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

type Shard = HashMap<Words, Spared, BuildHasherDefault<Identity>>;

const SHARDS: usize = 64;

/// Bytes of a state in its shard: the entry, a control byte, and what a table at most 7/8 full leaves empty.
const ENTRY_BYTES: u64 = std::mem::size_of::<(Words, Spared)>() as u64 + 1;

/// The table.
pub(super) struct Visited {
    shards: Vec<Mutex<Shard>>,
    states: AtomicU64,
    /// The system had no memory for a larger table.
    refused: AtomicBool,
    shard_bytes_max: u64,
}

impl Visited {
    /// An empty table of at most this number of bytes.
    pub fn new(bytes_max: u64) -> Visited {
        Visited {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            states: AtomicU64::new(0),
            refused: AtomicBool::new(false),
            shard_bytes_max: bytes_max / SHARDS as u64,
        }
    }

    /// Marks the state as met with these spared, and says what is left to do there.
    pub fn visit(&self, fingerprint: u128, spared: Spared) -> Visit {
        let mut shard = self.shards[(fingerprint >> 64) as usize % SHARDS].lock();
        if let Some(known) = shard.get_mut(&Words::from(fingerprint)) {
            let before = *known;
            *known = before.common(spared);
            let now = before.without(spared);
            debug_assert!(
                known.without(before) == Spared::NONE,
                "internal error: what is spared at a known state only shrinks"
            );
            debug_assert!(known.union(now) == before, "internal error: a process is neither due nor spared");
            return if now == Spared::NONE { Visit::Known } else { Visit::Due { now, spared: *known } };
        }
        if shard.len() == shard.capacity() {
            let too_large = grown(&shard) > self.shard_bytes_max;
            let refused = !too_large && shard.try_reserve(1).is_err();
            if refused {
                self.refused.store(true, Ordering::Relaxed);
            }
            if too_large || refused {
                return Visit::Full;
            }
        }
        shard.insert(Words::from(fingerprint), spared);
        self.states.fetch_add(1, Ordering::Relaxed);
        Visit::New
    }

    /// Why it was full.
    pub fn bound(&self, bytes_max: u64) -> Bound {
        if self.refused.load(Ordering::Relaxed) { Bound::Memory } else { Bound::Bytes(bytes_max) }
    }

    /// Number of states.
    pub fn states(&self) -> u64 {
        self.states.load(Ordering::Relaxed)
    }

    /// Bytes that the table takes now.
    pub fn bytes(&self) -> u64 {
        self.shards.iter().map(|shard| bytes(shard.lock().capacity())).sum()
    }

    /// All states with what is spared there, in an order that depends on nothing but them.
    pub fn entries(&self) -> Vec<(u128, Spared)> {
        let mut entries: Vec<(u128, Spared)> = Vec::with_capacity(self.states() as usize);
        for shard in &self.shards {
            entries.extend(shard.lock().iter().map(|(words, spared)| (u128::from(*words), *spared)));
        }
        entries.sort_unstable();
        entries
    }
}

fn bytes(capacity: usize) -> u64 {
    let buckets = if capacity == 0 { 0 } else { (capacity as u64 * 8 / 7).next_power_of_two() };
    buckets * ENTRY_BYTES
}

/// Bytes while a full shard moves into a table of twice its size: both are there then.
fn grown(shard: &Shard) -> u64 {
    let now = bytes(shard.capacity());
    now + (2 * now).max(4 * ENTRY_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_known_when_all_that_are_due_were_due_before() {
        let visited = Visited::new(1 << 20);
        let visit = |spared| visited.visit(7, Spared(spared));

        assert_eq!(visit(0b011), Visit::New);
        assert_eq!(visit(0b011), Visit::Known);
        assert_eq!(visit(0b111), Visit::Known, "more are spared than before");
        assert_eq!(visit(0b101), Visit::Due { now: Spared(0b010), spared: Spared(0b001) });
        assert_eq!(visit(0b001), Visit::Known);
        assert_eq!(visit(0), Visit::Due { now: Spared(0b001), spared: Spared::NONE });
        assert_eq!((visited.states(), visited.entries()), (1, vec![(7, Spared::NONE)]));
    }

    #[test]
    fn table_does_not_outgrow_its_bytes() {
        let visited = Visited::new(64 * 1000);
        let spread = |at: u128| at.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);

        let full = (0..10_000).position(|at| visited.visit(spread(at), Spared::NONE) == Visit::Full);

        assert!(full.is_some_and(|states| states > 500), "{full:?}");
        assert!(visited.bytes() <= 64 * 1000, "{}", visited.bytes());
    }
}
