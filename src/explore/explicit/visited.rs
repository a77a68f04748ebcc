//! The states that are known, shared by all workers: open-addressing tables of 64-bit keys, 10 to 12 bytes a state.
//!
//! A state of one machine word is its own key, mixed so that keys spread, and nothing can be mistaken for it. A wider one is known by 72 bits of a
//! fixed-seed hash: 8 say which of 256 segments it is in, 64 stand there. The chance that two states share them is in the verdict.
//!
//! A key is put into its slot by one compare-and-swap, so workers do not wait for each other. Eight keys are a bucket, which is a cache line:
//! most look-ups are one, and see two or three keys of it. A segment grows by two fifths, while look-ups go on. They grow one after the
//! other, so the table as a whole is always three quarters full, and only one of 256 is there twice at a time for each worker.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crossbeam::sync::{ShardedLock, ShardedLockReadGuard};
use crossbeam::utils::Backoff;

use super::bucket::{BUCKET, Bucket, EMPTY, Slot};
use crate::explore::bits::Bits;

/// What a state is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub segment: u8,
    pub stored: u64,
}

/// A packed state.
pub(super) trait Packed {
    /// Bits of a hash that it is known by; `None` if it is known by itself.
    const KEY_BITS: Option<u32>;
    fn key(&self) -> Key;
}

const FACTORS: [u64; 4] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93, 0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db];

/// Multiplies to 128 bits and folds the halves together.
#[inline(always)]
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

/// Mixes a word so that no two become one: odd factors and shifted copies can be undone.
#[inline(always)]
fn mixed(word: u64) -> u64 {
    let word = (word ^ word >> 32).wrapping_mul(FACTORS[1]);
    let word = (word ^ word >> 29).wrapping_mul(FACTORS[0]);
    word ^ word >> 32
}

impl Packed for [u64; 1] {
    const KEY_BITS: Option<u32> = None;

    #[inline(always)]
    fn key(&self) -> Key {
        let stored = mixed(self[0]);
        Key { segment: stored as u8, stored }
    }
}

/// 128 bits of more words than one.
#[inline(always)]
fn fingerprint(words: &[u64]) -> [u64; 2] {
    let mut lanes = [FACTORS[0], FACTORS[2]];
    for &word in words {
        lanes[0] = folded(lanes[0] ^ word, FACTORS[1]).wrapping_add(FACTORS[2]);
        lanes[1] = folded(lanes[1].rotate_left(29) ^ word.wrapping_add(FACTORS[0]), FACTORS[3]).wrapping_add(word);
    }
    [folded(lanes[0] ^ FACTORS[3], FACTORS[0]), folded(lanes[1] ^ FACTORS[1], FACTORS[2])]
}

macro_rules! hashed {
    ($($words:literal)*) => {
        $(impl Packed for [u64; $words] {
            const KEY_BITS: Option<u32> = Some(72);

            #[inline(always)]
            fn key(&self) -> Key {
                let [stored, segment] = fingerprint(self);
                // 0 is an empty slot, and one of 2^64.
                Key { segment: segment as u8, stored: stored.max(1) }
            }
        })*
    };
}

hashed!(2 3 4 6 8 12 16 32 64);

const SEGMENTS: usize = 256;

/// The keys that share a segment.
#[derive(Default)]
struct Segment {
    buckets: Box<[Bucket]>,
    /// A worker copies its keys to a larger one.
    grows: bool,
}

impl Segment {
    #[inline(always)]
    fn home(&self, stored: u64) -> usize {
        // The low bits say which segment it is, where the state is its own key.
        ((u128::from(stored) * self.buckets.len() as u128) >> 64) as usize
    }

    /// Buckets of the segment with this number after it has grown. The first that is worth the trouble is larger from one segment to the
    /// next, so that they do not all grow at once: together they are always equally full.
    fn next_size(&self, number: u8) -> usize {
        match self.buckets.len() {
            0 => 1,
            now if now < 32 => now * 2,
            32..64 => 64 + 64 * 2 / 5 * usize::from(number) / SEGMENTS,
            now => now + now * 2 / 5,
        }
    }

    /// The buckets of a larger one with the same keys; `None` if the system has no memory for it.
    fn grown(&self, number: u8) -> Option<Box<[Bucket]>> {
        let size = self.next_size(number);
        let mut buckets: Vec<Bucket> = Vec::new();
        buckets.try_reserve_exact(size).ok()?;
        buckets.resize_with(size, Bucket::empty);
        let mut larger = Segment { buckets: buckets.into_boxed_slice(), grows: true };
        self.buckets.iter().flat_map(Bucket::keys).for_each(|key| larger.put_new(key));
        Some(larger.buckets)
    }

    /// Puts in a key that is not there, while nobody else looks.
    fn put_new(&mut self, stored: u64) {
        let mut at = self.home(stored);
        while !self.buckets[at].put_new(stored) {
            at = self.after(at);
        }
    }

    #[inline(always)]
    fn after(&self, bucket: usize) -> usize {
        if bucket + 1 == self.buckets.len() { 0 } else { bucket + 1 }
    }
}

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// It is new.
    New,
    /// It is known.
    Known,
    /// Its segment has to [grow](Visited::grow) first.
    Crowded,
}

/// Keys in a segment, with a cache line of its own because workers count in it.
#[derive(Default)]
#[repr(align(64))]
struct Count(AtomicUsize);

/// Why a lock that a panic leaves behind is not met.
const UNPOISONED: &str = "internal error: a worker went on after another panicked";

/// The known keys.
pub(super) struct Visited {
    /// A worker that reads writes to no line that another reads from.
    segments: ShardedLock<Vec<Segment>>,
    /// Keys in each segment.
    taken: Vec<Count>,
    /// Is there one worker, which nobody can come before?
    is_alone: bool,
    /// The state whose key marks an empty slot is known.
    has_empty: AtomicBool,
    bytes: AtomicU64,
    /// Workers that wait for the others to let a segment grow.
    growers: AtomicUsize,
    /// In their place: bits that states share.
    bits: Option<Bits>,
}

/// The table, while no segment grows.
pub(super) struct Reading<'a> {
    segments: ShardedLockReadGuard<'a, Vec<Segment>>,
    visited: &'a Visited,
}

impl Visited {
    /// For that many workers.
    pub fn new(bits: Option<Bits>, workers: usize) -> Visited {
        let segments = (0..SEGMENTS).map(|_| Segment::default()).collect();
        Visited {
            segments: ShardedLock::new(segments),
            taken: (0..SEGMENTS).map(|_| Count::default()).collect(),
            is_alone: workers == 1,
            has_empty: AtomicBool::new(false),
            bytes: AtomicU64::new(0),
            growers: AtomicUsize::new(0),
            bits,
        }
    }

    /// Is the segment with this number, of that many buckets, fuller than seven eighths? Below, most keys are in their first bucket.
    #[inline(always)]
    fn is_crowded(&self, segment: u8, buckets: usize) -> bool {
        self.taken[usize::from(segment)].0.load(Ordering::Relaxed) >= buckets * (BUCKET - 1)
    }

    /// The bits, if states are known by those.
    pub fn bits(&self) -> Option<&Bits> {
        self.bits.as_ref()
    }

    /// What the table takes.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed) + self.bits.as_ref().map_or(0, Bits::bytes)
    }

    /// Does a worker wait for the others to stop reading?
    #[inline(always)]
    pub fn is_wanted(&self) -> bool {
        self.growers.load(Ordering::Relaxed) > 0
    }

    /// For look-ups, as long as it is not [wanted](Visited::is_wanted): to begin and end takes time.
    pub fn read(&self) -> Reading<'_> {
        Reading { segments: self.segments.read().expect(UNPOISONED), visited: self }
    }

    /// Makes room in the segment of the key, unless another worker does or did; false if there is no memory.
    ///
    /// A crowded segment takes no new key, so while its keys are copied others may go on looking for known ones in it, and for all keys in
    /// the other segments. They stand still only while it is marked and while it is exchanged.
    #[must_use]
    #[cold]
    pub fn grow(&self, key: Key) -> bool {
        let number = usize::from(key.segment);
        let is_mine = self.alone(|segments| {
            let segment = &mut segments[number];
            let is_mine = !segment.grows && self.is_crowded(key.segment, segment.buckets.len());
            segment.grows |= is_mine;
            is_mine
        });
        if !is_mine {
            let backoff = Backoff::new();
            while self.read().segments[number].grows {
                backoff.snooze();
            }
            return true;
        }
        let larger = self.read().segments[number].grown(key.segment);
        let has_room = larger.is_some();
        self.alone(|segments| {
            let segment = &mut segments[number];
            segment.grows = false;
            if let Some(larger) = larger {
                let more = (larger.len() - segment.buckets.len()) * size_of::<Bucket>();
                self.bytes.fetch_add(more as u64, Ordering::Relaxed);
                segment.buckets = larger;
            }
        });
        has_room
    }

    /// Does something while nobody reads.
    fn alone<T>(&self, what: impl FnOnce(&mut Vec<Segment>) -> T) -> T {
        self.growers.fetch_add(1, Ordering::Relaxed);
        let mut segments = self.segments.write().expect(UNPOISONED);
        self.growers.fetch_sub(1, Ordering::Relaxed);
        what(&mut segments)
    }
}

impl Reading<'_> {
    /// Has the key's place brought to the cache.
    #[inline(always)]
    pub fn prefetch(&self, key: Key) {
        let segment = &self.segments[usize::from(key.segment)];
        if let Some(bucket) = segment.buckets.get(segment.home(key.stored)) {
            bucket.prefetch();
        }
    }

    /// Marks the key as known.
    #[inline(always)]
    pub fn insert(&self, key: Key) -> Met {
        let met = |is_new: bool| if is_new { Met::New } else { Met::Known };
        if let Some(bits) = &self.visited.bits {
            return met(bits.insert(u128::from(mixed(key.stored)) << 64 | u128::from(key.stored)));
        }
        if key.stored == EMPTY {
            return met(!self.visited.has_empty.swap(true, Ordering::Relaxed));
        }
        let segment = &self.segments[usize::from(key.segment)];
        let (mut at, mut left) = (segment.home(key.stored), segment.buckets.len());
        while left > 0 {
            match segment.buckets[at].find(key.stored) {
                Some(Slot::Met) => return Met::Known,
                Some(Slot::Empty(slot)) => match self.fill(slot, key, segment.buckets.len()) {
                    Some(met) => return met,
                    // Another worker has just taken it: perhaps with this key.
                    None => continue,
                },
                None => (at, left) = (segment.after(at), left - 1),
            }
        }
        // Workers that came at once have taken the last slot.
        Met::Crowded
    }

    /// Puts a key that was not met into the empty slot where the search for it ended; `None` if it is not empty any more.
    #[inline(always)]
    fn fill(&self, slot: &AtomicU64, key: Key, buckets: usize) -> Option<Met> {
        let visited = self.visited;
        if visited.is_crowded(key.segment, buckets) {
            return Some(Met::Crowded);
        }
        let taken = &visited.taken[usize::from(key.segment)].0;
        if visited.is_alone {
            slot.store(key.stored, Ordering::Relaxed);
            taken.store(taken.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            return Some(Met::New);
        }
        slot.compare_exchange(EMPTY, key.stored, Ordering::Relaxed, Ordering::Relaxed).ok()?;
        taken.fetch_add(1, Ordering::Relaxed);
        Some(Met::New)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn is_new(visited: &Visited, key: Key) -> bool {
        let mut met = visited.read().insert(key);
        if met == Met::Crowded {
            assert!(visited.grow(key), "there is memory");
            met = visited.read().insert(key);
        }
        assert_ne!(met, Met::Crowded);
        met == Met::New
    }

    #[test]
    fn every_state_is_new_once_and_takes_twelve_bytes_at_most() {
        let visited = Visited::new(None, 1);
        // 1 000 000 states of one word, 0 among them, whose key marks empty slots.
        let keys = || (0..1_000_000u64).map(|n| [n.wrapping_mul(0x1_0000_0001)].key());

        assert!(keys().all(|key| is_new(&visited, key)));
        assert!(!keys().any(|key| is_new(&visited, key)));
        assert!(visited.bytes() <= 12_000_000, "{}", visited.bytes());
    }

    #[test]
    fn workers_that_come_at_once_find_every_state_new_once() {
        let visited = Visited::new(None, 4);
        let work = |_| (0..100_000u64).filter(|n| is_new(&visited, [*n, n ^ 7].key())).count();

        let new: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4).map(|worker| scope.spawn(move || work(worker))).collect();
            workers.into_iter().map(|worker| worker.join().expect("no worker panics")).sum()
        });

        assert_eq!(new, 100_000);
    }

    #[test]
    fn a_word_is_mixed_so_that_none_is_lost() {
        // Neighbours, and words that differ in one bit, of which the low ones say the segment.
        let words = (0..100_000u64).chain((0..64).map(|bit| 1 << bit)).collect::<HashSet<u64>>();

        assert_eq!(words.iter().map(|word| [*word].key().stored).collect::<HashSet<u64>>().len(), words.len());
        assert!((0..256u64).map(|word| [word].key().segment).collect::<HashSet<u8>>().len() > 100);
    }

    #[test]
    fn fingerprints_tell_wide_states_apart_in_each_half() {
        let states = (0..150u64).flat_map(|a| (0..150u64).map(move |b| fingerprint(&[a, 0, b, a ^ b])));

        let (first, second): (HashSet<u64>, HashSet<u64>) = states.map(|key| (key[0], key[1])).unzip();

        assert_eq!((first.len(), second.len()), (22_500, 22_500));
    }
}
