//! States known by bits that many of them share (`--bitstate`): Holzmann's supertrace, with three bits a state.
//!
//! A state is taken for known if its three bits are set, whoever set them. So states are missed, and a search like that is never complete;
//! but a few bits a state go through far more states than a table of the same size has room for, and what is found is found. How many
//! are missed can be expected from how full the bits are: [`Bits::coverage`].

use std::sync::atomic::{AtomicU64, Ordering};

use super::limits::Bound;

/// Bits that a state sets.
const BITS: u32 = 3;

/// The bits.
pub(super) struct Bits {
    words: Vec<AtomicU64>,
    inserted: AtomicU64,
}

impl Bits {
    /// This number of bytes, rounded down to words; nothing if the system does not have them.
    pub fn new(bytes: u64) -> Option<Bits> {
        let mut words = Vec::new();
        let length = usize::try_from(bytes / 8).ok()?.max(1);
        words.try_reserve_exact(length).ok()?;
        words.resize_with(length, AtomicU64::default);
        Some(Bits { words, inserted: AtomicU64::new(0) })
    }

    /// Marks a state; true if it was not marked.
    pub fn insert(&self, fingerprint: u128) -> bool {
        let (mut hash, step) = (fingerprint as u64, (fingerprint >> 64) as u64 | 1);
        let bits = self.words.len() as u128 * 64;
        let mut is_new = false;
        for _ in 0..BITS {
            let at = (u128::from(hash) * bits) >> 64;
            let bit = 1 << (at % 64);
            is_new |= self.words[(at / 64) as usize].fetch_or(bit, Ordering::Relaxed) & bit == 0;
            hash = hash.wrapping_add(step);
        }
        self.inserted.fetch_add(is_new.into(), Ordering::Relaxed);
        is_new
    }

    /// What a search that knew states by them has to say for itself.
    pub fn bound(&self) -> Bound {
        Bound::Bitstate { mib: self.bytes() >> 20, coverage: self.coverage() }
    }

    /// What they take.
    pub fn bytes(&self) -> u64 {
        self.words.len() as u64 * 8
    }

    /// The share of the states looked up for the first time that was not taken for known, in billionths: expected, if fingerprints are
    /// random. States that are only reached through missed ones are not in it.
    pub fn coverage(&self) -> u32 {
        let (states, bits) = (self.inserted.load(Ordering::Relaxed) as f64, self.words.len() as f64 * 64.0);
        let taken = |states: f64| (1.0 - (-f64::from(BITS) * states / bits).exp()).powi(BITS as i32);
        // The mean over the states as they came, by the midpoints of a hundred equal parts.
        let missed: f64 = (0..100).map(|part| taken(states * (f64::from(part) + 0.5) / 100.0)).sum::<f64>() / 100.0;
        (((1.0 - missed) * 1e9).floor() as u32).min(999_999_999)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(at: u64) -> u128 {
        u128::from(at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).rotate_left(64)
    }

    #[test]
    fn as_many_states_are_missed_as_are_expected() {
        // 65536 bits; 20000 states set three each, so that one in seven of the later ones is missed.
        let bits = Bits::new(8192).expect("there is memory");

        let met = (0..20_000).filter(|at| bits.insert(spread(*at))).count();

        let expected = f64::from(bits.coverage()) / 1e9;
        let seen = met as f64 / 20_000.0;
        assert!((0.8..0.95).contains(&expected) && (seen - expected).abs() < 0.02, "{seen} and {expected}");
        assert!(!(0..20_000).any(|at| bits.insert(spread(at))), "what was marked is marked");
    }

    #[test]
    fn few_states_in_many_bits_are_all_covered() {
        let bits = Bits::new(1 << 20).expect("there is memory");

        assert!((0..1000).all(|at| bits.insert(spread(at))));
        assert!(bits.coverage() > 999_999_000, "{}", bits.coverage());
    }
}
