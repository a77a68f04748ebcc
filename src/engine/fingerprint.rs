//! 128 bits for a state: a fixed-seed hash in two independent lanes.
//!
//! Two different states share a fingerprint with probability about n²/2¹²⁹ among n states, if the
//! lanes behave like random functions: below 10⁻²⁰ for a billion states. A table of states keeps fewer bits; what that
//! costs is in the verdict. It is no cryptographic
//! hash; nobody chooses states to fool it.

use std::hash::Hasher;

const SEEDS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f];
const FACTORS: [u64; 2] = [0xd6e8_feb8_6659_fd93, 0xa076_1d64_78bd_642f];

/// Hashes into 128 bits.
#[derive(Clone, Debug)]
pub struct Fingerprint([u64; 2]);

impl Default for Fingerprint {
    fn default() -> Fingerprint {
        Fingerprint(SEEDS)
    }
}

/// Multiplies to 128 bits and folds the halves together.
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

impl Fingerprint {
    /// All 128 bits.
    pub fn finish_128(&self) -> u128 {
        let high = folded(self.0[0] ^ FACTORS[1], SEEDS[1]);
        let low = folded(self.0[1] ^ FACTORS[0], SEEDS[0]);
        u128::from(high) << 64 | u128::from(low)
    }

    /// Takes in 128 bits.
    pub fn write_history(&mut self, history: u128) {
        self.write_u64(history as u64);
        self.write_u64((history >> 64) as u64);
    }
}

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.finish_128() as u64
    }

    fn write_u64(&mut self, word: u64) {
        self.0[0] = folded(self.0[0] ^ word, FACTORS[0]).wrapping_add(SEEDS[1]);
        self.0[1] = folded(self.0[1].rotate_left(29) ^ word.wrapping_add(SEEDS[0]), FACTORS[1]).wrapping_add(word);
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_u16(&mut self, word: u16) {
        self.write_u64(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
        self.write_u64(bytes.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn of(words: &[u64]) -> u128 {
        let mut fingerprint = Fingerprint::default();
        words.iter().for_each(|&word| fingerprint.write_u64(word));
        fingerprint.finish_128()
    }

    #[test]
    fn order_length_and_zeros_count() {
        let cases: [&[u64]; 7] = [&[], &[0], &[0, 0], &[0, 1], &[1, 0], &[1], &[1, 0, 0]];

        let distinct: HashSet<u128> = cases.iter().map(|words| of(words)).collect();

        assert_eq!(distinct.len(), cases.len());
    }

    #[test]
    fn each_lane_alone_tells_small_states_apart() {
        let states = (0..200u64).flat_map(|a| (0..200u64).map(move |b| of(&[a, b, a ^ b])));

        let (high, low): (HashSet<u64>, HashSet<u64>) = states.map(|f| ((f >> 64) as u64, f as u64)).unzip();

        assert_eq!((high.len(), low.len()), (40_000, 40_000));
    }
}
