//! The states that are known: an open-addressing table of keys.
//!
//! A state of one or two machine words is its own key, so nothing can be mistaken for it. A wider one is known by 128
//! bits of a fixed-seed hash: two multiplications folded, one lane each, as in [`crate::engine::fingerprint`], where the
//! chance that two states share them is told.

/// What a state is known by.
pub(super) trait Key: Copy + PartialEq {
    /// Marks an empty slot; [`Visited`] keeps it apart if a state has this key.
    const EMPTY: Self;
    /// Spreads the key over 64 bits.
    fn spread(self) -> u64;
    /// Some of its bits.
    fn tag(self) -> u64;
}

/// A packed state.
pub(super) trait Packed {
    /// What it is known by.
    type Key: Key;
    fn key(&self) -> Self::Key;
}

const FACTORS: [u64; 4] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93, 0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db];

/// Multiplies to 128 bits and folds the halves together.
#[inline(always)]
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

impl Key for u64 {
    const EMPTY: u64 = 0;

    #[inline(always)]
    fn spread(self) -> u64 {
        folded(self ^ FACTORS[1], FACTORS[0])
    }

    #[inline(always)]
    fn tag(self) -> u64 {
        self
    }
}

impl Key for [u64; 2] {
    const EMPTY: [u64; 2] = [0; 2];

    #[inline(always)]
    fn spread(self) -> u64 {
        folded(self[0] ^ FACTORS[1], FACTORS[0]) ^ folded(self[1] ^ FACTORS[3], FACTORS[2])
    }

    #[inline(always)]
    fn tag(self) -> u64 {
        self[0]
    }
}

impl Packed for [u64; 1] {
    type Key = u64;

    #[inline(always)]
    fn key(&self) -> u64 {
        self[0]
    }
}

impl Packed for [u64; 2] {
    type Key = [u64; 2];

    #[inline(always)]
    fn key(&self) -> [u64; 2] {
        *self
    }
}

/// 128 bits of more words than two.
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
            type Key = [u64; 2];

            #[inline(always)]
            fn key(&self) -> [u64; 2] {
                fingerprint(self)
            }
        })*
    };
}

hashed!(3 4 6 8 12 16 32 64);

/// The known keys.
pub(super) struct Visited<K> {
    slots: Vec<K>,
    len: usize,
    has_empty: bool,
}

impl<K: Key> Visited<K> {
    pub fn new() -> Visited<K> {
        Visited { slots: vec![K::EMPTY; 1 << 12], len: 0, has_empty: false }
    }

    /// What the table takes.
    pub fn bytes(&self) -> u64 {
        (self.slots.len() * size_of::<K>()) as u64
    }

    /// Where the key is looked for first.
    #[inline(always)]
    pub fn home(&self, key: K) -> usize {
        (key.spread() >> (64 - self.slots.len().trailing_zeros())) as usize
    }

    /// What stands there now: many such reads in a row go to memory side by side, and what they fetch is in the cache afterwards.
    #[inline(always)]
    pub fn glance(&self, home: usize) -> u64 {
        self.slots[home].tag()
    }

    /// Makes room for that many more, so that homes do not move while they are inserted.
    #[must_use]
    pub fn reserve(&mut self, more: usize) -> bool {
        // At most five eighths full: runs of taken slots stay short.
        if (self.len + more) * 8 > self.slots.len() * 5 {
            return self.grow();
        }
        true
    }

    #[cold]
    fn grow(&mut self) -> bool {
        let (mut empty, size) = (Vec::new(), self.slots.len() * 2);
        if empty.try_reserve_exact(size).is_err() {
            return false;
        }
        empty.resize(size, K::EMPTY);
        let old = std::mem::replace(&mut self.slots, empty);
        for key in old.into_iter().filter(|key| *key != K::EMPTY) {
            let mut at = self.home(key);
            while self.slots[at] != K::EMPTY {
                at = (at + 1) & (self.slots.len() - 1);
            }
            self.slots[at] = key;
        }
        true
    }

    /// True if the key is new. `home` is where [`Visited::home`] says.
    #[inline(always)]
    pub fn insert(&mut self, key: K, home: usize) -> bool {
        if key == K::EMPTY {
            self.len += usize::from(!self.has_empty);
            return !std::mem::replace(&mut self.has_empty, true);
        }
        let mask = self.slots.len() - 1;
        let mut at = home;
        loop {
            let slot = &mut self.slots[at & mask];
            if *slot == key {
                return false;
            }
            if *slot == K::EMPTY {
                *slot = key;
                self.len += 1;
                return true;
            }
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn inserted<K: Key>(visited: &mut Visited<K>, key: K) -> bool {
        assert!(visited.reserve(1), "there is memory");
        let home = visited.home(key);
        visited.insert(key, home)
    }

    #[test]
    fn every_key_is_new_once_and_none_is_lost_when_the_table_grows() {
        let mut visited = Visited::new();
        // 100 000 keys, 0 among them, which marks empty slots.
        let keys = || (0..100_000u64).map(|n| n.wrapping_mul(0x1_0000_0001));

        assert!(keys().all(|key| inserted(&mut visited, key)));
        assert!(!keys().any(|key| inserted(&mut visited, key)));
        assert_eq!(visited.len, 100_000);
    }

    #[test]
    fn fingerprints_tell_wide_states_apart_in_each_half() {
        let states = (0..150u64).flat_map(|a| (0..150u64).map(move |b| [a, 0, b, a ^ b].key()));

        let (first, second): (HashSet<u64>, HashSet<u64>) = states.map(|key| (key[0], key[1])).unzip();

        assert_eq!((first.len(), second.len()), (22_500, 22_500));
    }
}
