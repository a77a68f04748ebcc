//! Eight keys in a line of the cache, the smallest part of the table of known states.

use std::sync::atomic::{AtomicU64, Ordering};

/// Marks an empty slot.
pub(super) const EMPTY: u64 = 0;

/// Keys of a bucket: a cache line.
pub(super) const BUCKET: usize = 8;

/// Keys that share a line. Each is looked for from a slot of its own on, so that most look-ups see two or three slots.
#[repr(align(64))]
pub(super) struct Bucket([AtomicU64; BUCKET]);

/// A slot in which a key was met, or the empty one that ended the search for it.
pub(super) enum Slot<'a> {
    Met,
    Empty(&'a AtomicU64),
}

impl Bucket {
    /// Without a key.
    pub fn empty() -> Bucket {
        Bucket([const { AtomicU64::new(EMPTY) }; BUCKET])
    }

    /// The slot from which the key is looked for. The low bits say which segment it is in, where the state is its own key, and the
    /// high ones which bucket.
    #[inline(always)]
    fn first(stored: u64) -> usize {
        (stored >> 8) as usize
    }

    /// Looks for the key; `None` if it is not met and all slots are taken.
    #[inline(always)]
    pub fn find(&self, stored: u64) -> Option<Slot<'_>> {
        for step in 0..BUCKET {
            let slot = &self.0[Bucket::first(stored).wrapping_add(step) % BUCKET];
            let found = slot.load(Ordering::Relaxed);
            if found == stored {
                return Some(Slot::Met);
            }
            if found == EMPTY {
                return Some(Slot::Empty(slot));
            }
        }
        None
    }

    /// Has it brought to the cache: what is done meanwhile does not wait for it.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub fn prefetch(&self) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch reads nothing that the program sees, and is no fault wherever it points.
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(self.0.as_ptr().cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        std::hint::black_box(self.0[0].load(Ordering::Relaxed));
    }

    /// Puts in a key that is not there, while nobody else looks; false if all slots are taken.
    pub fn put_new(&mut self, stored: u64) -> bool {
        for step in 0..BUCKET {
            let slot = self.0[Bucket::first(stored).wrapping_add(step) % BUCKET].get_mut();
            if *slot == EMPTY {
                *slot = stored;
                return true;
            }
        }
        false
    }

    /// Its keys.
    pub fn keys(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|slot| slot.load(Ordering::Relaxed)).filter(|key| *key != EMPTY)
    }
}
