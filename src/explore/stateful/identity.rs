//! The hash of a fingerprint: part of itself.

use std::hash::Hasher;

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

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}
