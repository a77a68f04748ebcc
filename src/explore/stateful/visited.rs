//! The states that are known, shared by all workers: 96 bits each, and whose steps are [spared](Spared) there: 16 bytes.
//!
//! A state that is met again with fewer spared is gone on with, for those that are due now. Marking a state and learning what is left to do there is one
//! step under the lock of its shard, so workers share the work whoever comes first.
//!
//! A shard is an array in the order of its keys, with gaps: a key stands where its leading bits say, or behind smaller ones that stood in
//! its way. A key that is not there is missed at the first larger one, so the array may be nearly full: between 73 and 88 %, because it grows
//! by a fifth. That is 18 to 22 bytes a state, where a table that doubles takes up to twice that. While a shard grows it is there
//! twice, but only one of 64 at a time for each worker.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::explore::bits::Bits;
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

/// Bits of a fingerprint that a state is known by.
pub(super) const KEY_BITS: u32 = 96;

const SHARDS: usize = 64;

/// Shards are told apart by these leading bits.
const SHARD_BITS: u32 = SHARDS.trailing_zeros();

/// A key above the 32 bits of the spared. No key is 0, so nothing is in a slot with 0.
type Slot = u128;

const EMPTY: Slot = 0;

const SLOT_BYTES: u64 = size_of::<Slot>() as u64;

/// The key of a fingerprint: its leading bits.
fn key(fingerprint: u128) -> u128 {
    (fingerprint >> (128 - KEY_BITS)).max(1)
}

fn slot(key: u128, spared: Spared) -> Slot {
    key << 32 | u128::from(spared.0)
}

fn key_of(slot: Slot) -> u128 {
    slot >> 32
}

/// Keys in order, with gaps.
#[derive(Default)]
struct Shard {
    slots: Vec<Slot>,
    /// Slots that a key can belong to; a few more at the end take what was pushed over it.
    homes: usize,
    len: usize,
}

/// Slots at the end of a shard, and by how many the end moves out.
const TAIL: usize = 32;

impl Shard {
    /// Where the key belongs: larger keys belong further on.
    fn home(key: u128, homes: usize) -> usize {
        let leading = (key >> (KEY_BITS - 64)) as u64;
        ((u128::from(leading << SHARD_BITS) * homes as u128) >> 64) as usize
    }

    /// Where the key is, or where it would be.
    fn find(&self, key: u128) -> Result<usize, usize> {
        let mut at = Shard::home(key, self.homes);
        while let Some(&slot) = self.slots.get(at) {
            if slot == EMPTY || key_of(slot) > key {
                return Err(at);
            }
            if key_of(slot) == key {
                return Ok(at);
            }
            at += 1;
        }
        Err(at)
    }

    /// Is it as full as it may be?
    fn is_crowded(&self) -> bool {
        (self.len + 1) * 100 > self.homes * 88
    }

    /// How many homes there are after it has grown.
    fn more_homes(&self) -> usize {
        if self.homes < 1024 { (self.homes * 2).max(8) } else { self.homes + self.homes / 5 }
    }

    /// Puts a key that is not there into its place.
    fn insert(&mut self, at: usize, entry: Slot) -> bool {
        let gap = self.slots[at.min(self.slots.len())..].iter().position(|slot| *slot == EMPTY);
        let gap = match gap {
            Some(distance) => at + distance,
            None => {
                if self.slots.try_reserve_exact(TAIL).is_err() {
                    return false;
                }
                let gap = self.slots.len();
                self.slots.resize(gap + TAIL, EMPTY);
                gap
            }
        };
        self.slots.copy_within(at..gap, at + 1);
        self.slots[at] = entry;
        self.len += 1;
        true
    }

    /// Moves everything to a larger array, in the same order.
    fn grow(&mut self) -> bool {
        let homes = self.more_homes();
        let mut slots: Vec<Slot> = Vec::new();
        if slots.try_reserve_exact(homes + TAIL).is_err() {
            return false;
        }
        slots.resize(homes + TAIL, EMPTY);
        let mut free = 0;
        for &slot in self.slots.iter().filter(|slot| **slot != EMPTY) {
            let at = Shard::home(key_of(slot), homes).max(free);
            if at >= slots.len() {
                if slots.try_reserve_exact(TAIL).is_err() {
                    return false;
                }
                slots.resize(at + TAIL, EMPTY);
            }
            slots[at] = slot;
            free = at + 1;
        }
        (self.slots, self.homes) = (slots, homes);
        true
    }
}

/// The table.
pub(super) struct Visited {
    shards: Vec<Mutex<Shard>>,
    /// In their place: bits that many states may share.
    bits: Option<Bits>,
    states: AtomicU64,
    bytes: AtomicU64,
    /// The system had no memory for a larger table.
    refused: AtomicBool,
    shard_bytes_max: u64,
}

impl Visited {
    /// An empty table of at most this number of bytes.
    pub fn new(bytes_max: u64) -> Visited {
        Visited {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            bits: None,
            states: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            refused: AtomicBool::new(false),
            shard_bytes_max: bytes_max / SHARDS as u64,
        }
    }

    /// A table of bits.
    pub fn of_bits(bits: Bits) -> Visited {
        Visited { bits: Some(bits), ..Visited::new(0) }
    }

    /// The bits, if it is a table of those. They do not say what was spared, so nothing may be.
    pub fn bits(&self) -> Option<&Bits> {
        self.bits.as_ref()
    }

    /// Marks the state as met with these spared, and says what is left to do there.
    pub fn visit(&self, fingerprint: u128, spared: Spared) -> Visit {
        if let Some(bits) = &self.bits {
            let is_new = bits.insert(fingerprint);
            self.states.fetch_add(is_new.into(), Ordering::Relaxed);
            return if is_new { Visit::New } else { Visit::Known };
        }
        let key = key(fingerprint);
        let mut shard = self.shard(key).lock();
        let mut place = shard.find(key);
        if let Ok(at) = place {
            let before = Spared(shard.slots[at] as u32);
            let known = before.common(spared);
            shard.slots[at] = slot(key, known);
            let now = before.without(spared);
            debug_assert!(
                known.without(before) == Spared::NONE,
                "internal error: what is spared at a known state only shrinks"
            );
            debug_assert!(known.union(now) == before, "internal error: a process is neither due nor spared");
            return if now == Spared::NONE { Visit::Known } else { Visit::Due { now, spared: known } };
        }
        let before = shard.slots.len() as u64;
        if shard.is_crowded() {
            let grown = before + (shard.more_homes() + TAIL) as u64;
            if grown * SLOT_BYTES > self.shard_bytes_max {
                return Visit::Full;
            }
            if !shard.grow() {
                self.refused.store(true, Ordering::Relaxed);
                return Visit::Full;
            }
            place = shard.find(key);
        }
        let (Ok(at) | Err(at)) = place;
        let has_room = shard.insert(at, slot(key, spared));
        self.bytes.fetch_add((shard.slots.len() as u64 - before) * SLOT_BYTES, Ordering::Relaxed);
        if !has_room {
            self.refused.store(true, Ordering::Relaxed);
            return Visit::Full;
        }
        self.states.fetch_add(1, Ordering::Relaxed);
        Visit::New
    }

    /// Is the state known, and nothing due in it that was spared before? [`Visited::visit`] would change nothing then. Bits that states
    /// share do not say whether it was judged.
    pub fn knows(&self, fingerprint: u128, spared: Spared) -> bool {
        if self.bits.is_some() {
            return false;
        }
        let key = key(fingerprint);
        let shard = self.shard(key).lock();
        shard.find(key).is_ok_and(|at| Spared(shard.slots[at] as u32).without(spared) == Spared::NONE)
    }

    fn shard(&self, key: u128) -> &Mutex<Shard> {
        &self.shards[(key >> (KEY_BITS - SHARD_BITS)) as usize]
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
        self.bytes.load(Ordering::Relaxed) + self.bits.as_ref().map_or(0, Bits::bytes)
    }

    /// All states with what is spared there, in order. Of a fingerprint only the bits are left that a state is known by.
    pub fn entries(&self) -> Vec<(u128, Spared)> {
        let mut entries: Vec<(u128, Spared)> = Vec::with_capacity(self.states() as usize);
        for shard in &self.shards {
            let shard = shard.lock();
            let slots = shard.slots.iter().filter(|slot| **slot != EMPTY);
            entries.extend(slots.map(|slot| (key_of(*slot) << (128 - KEY_BITS), Spared(*slot as u32))));
        }
        debug_assert!(entries.is_sorted(), "internal error: a shard keeps its keys in order");
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fingerprints that differ in their leading bits.
    fn spread(at: u128) -> u128 {
        at.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    }

    #[test]
    fn state_is_known_when_all_that_are_due_were_due_before() {
        let visited = Visited::new(1 << 20);
        let visit = |spared| visited.visit(7 << 32, Spared(spared));

        assert_eq!(visit(0b011), Visit::New);
        assert_eq!(visit(0b011), Visit::Known);
        assert_eq!(visit(0b111), Visit::Known, "more are spared than before");
        assert_eq!(visit(0b101), Visit::Due { now: Spared(0b010), spared: Spared(0b001) });
        assert_eq!(visit(0b001), Visit::Known);
        assert_eq!(visit(0), Visit::Due { now: Spared(0b001), spared: Spared::NONE });
        assert_eq!((visited.states(), visited.entries()), (1, vec![(7 << 32, Spared::NONE)]));
    }

    #[test]
    fn table_does_not_outgrow_its_bytes() {
        let visited = Visited::new(256 * 1000);

        let full = (0..10_000).position(|at| visited.visit(spread(at), Spared::NONE) == Visit::Full);

        assert!(full.is_some_and(|states| states > 500), "{full:?}");
        assert!(visited.bytes() <= 256 * 1000, "{}", visited.bytes());
    }

    #[test]
    fn every_state_is_new_once_however_close_the_keys_stand_and_none_takes_more_than_22_bytes() {
        // Keys in a run that all belong to one home, at the very end of the last shard, and all over.
        let close = (0..500u128).map(|at| (u128::MAX << 48) | at << 32);
        let first = (1..500u128).map(|at| at << 32);
        let all: Vec<u128> = (1..400_000).map(spread).chain(close).chain(first).collect();
        let visited = Visited::new(1 << 30);

        for (at, &state) in all.iter().enumerate() {
            assert_eq!(visited.visit(state, Spared(at as u32)), Visit::New);
        }
        for (at, &state) in all.iter().enumerate() {
            assert_eq!(visited.visit(state, Spared(at as u32)), Visit::Known);
        }
        assert_eq!(visited.entries().len(), all.len());
        assert!(visited.bytes() <= 22 * all.len() as u64, "{}", visited.bytes() as f64 / all.len() as f64);
    }
}
