//! Where things lie in the packed state: fields of a few bits in a few machine words.
//!
//! A field never straddles two words. What belongs to one task lies in *lanes* of 64 bits at most, laid out alike in
//! tasks with equal code, so that two tasks are exchanged by exchanging their lanes.

use std::ops::RangeInclusive;

/// A value of a declared range, somewhere in the words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub word: u32,
    pub shift: u32,
    /// As many ones as it has bits, unshifted.
    pub mask: u64,
    /// Stored as the distance from here.
    lo: i64,
    /// The largest such distance.
    max: u64,
}

impl Field {
    /// Reads as 0 and takes whatever is put there.
    pub const NOWHERE: Field = Field { word: 0, shift: 0, mask: 0, lo: 0, max: u64::MAX };

    /// Takes room of its own?
    pub fn is_somewhere(self) -> bool {
        self.mask != 0
    }

    /// As stored.
    #[inline(always)]
    pub fn raw(self, words: &[u64]) -> u64 {
        words[self.word as usize] >> self.shift & self.mask
    }

    #[inline(always)]
    pub fn set_raw(self, words: &mut [u64], raw: u64) {
        let word = &mut words[self.word as usize];
        *word = *word & !(self.mask << self.shift) | (raw & self.mask) << self.shift;
    }

    #[inline(always)]
    pub fn get(self, words: &[u64]) -> i64 {
        self.value(self.raw(words))
    }

    /// False if the value is not in the range: then the words are not to be used any more.
    #[inline(always)]
    #[must_use]
    pub fn put(self, words: &mut [u64], value: i64) -> bool {
        let raw = value.wrapping_sub(self.lo) as u64;
        self.set_raw(words, raw);
        raw <= self.max
    }

    /// The value that is stored so.
    #[inline(always)]
    pub fn value(self, raw: u64) -> i64 {
        (raw as i64).wrapping_add(self.lo)
    }

    /// How a value is stored, if it is in the range.
    pub fn raw_of(self, value: i64) -> Option<u64> {
        let raw = value.wrapping_sub(self.lo) as u64;
        (raw <= self.max).then_some(raw)
    }

    /// The ones that it covers in its word.
    pub fn ones(self) -> u64 {
        self.mask << self.shift
    }
}

/// Bits that a value of the range takes.
pub(super) fn bits(range: &RangeInclusive<i64>) -> u32 {
    let max = range.end().wrapping_sub(*range.start()) as u64;
    64 - max.leading_zeros()
}

/// A run of bits in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lane {
    pub word: u32,
    pub shift: u32,
    pub width: u32,
}

impl Lane {
    pub fn mask(self) -> u64 {
        u64::MAX.checked_shr(64 - self.width).unwrap_or(0)
    }

    #[inline(always)]
    pub fn get(self, words: &[u64]) -> u64 {
        words[self.word as usize] >> self.shift & self.mask()
    }

    #[inline(always)]
    pub fn set(self, words: &mut [u64], value: u64) {
        let word = &mut words[self.word as usize];
        *word = *word & !(self.mask() << self.shift) | (value & self.mask()) << self.shift;
    }

    /// A field inside, `at` bits from its lowest.
    pub fn field(self, at: u32, range: &RangeInclusive<i64>) -> Field {
        let bits = bits(range);
        if bits == 0 {
            // A constant: no room, and no value but this one.
            return Field { word: self.word, shift: 0, mask: 0, lo: *range.start(), max: 0 };
        }
        let max = range.end().wrapping_sub(*range.start()) as u64;
        Field { word: self.word, shift: self.shift + at, mask: u64::MAX >> (64 - bits), lo: *range.start(), max }
    }
}

/// Distributes fields over lanes of a word at most, in their order: the width of each lane, and where each field lies.
pub(super) fn lanes(widths: &[u32]) -> (Vec<u32>, Vec<(usize, u32)>) {
    let mut lanes = vec![0];
    let mut places = Vec::new();
    for &width in widths {
        let at = lanes.iter().position(|used| used + width <= 64).unwrap_or_else(|| {
            lanes.push(0);
            lanes.len() - 1
        });
        places.push((at, lanes[at]));
        lanes[at] += width;
    }
    (lanes, places)
}

/// Places lanes of these widths, the widest first; returns them in the given order, and the number of words.
pub(super) fn pack(widths: &[u32]) -> (Vec<Lane>, usize) {
    let mut order: Vec<usize> = (0..widths.len()).collect();
    order.sort_by_key(|&at| (std::cmp::Reverse(widths[at]), at));
    let mut used: Vec<u32> = vec![0];
    let mut placed = vec![Lane { word: 0, shift: 0, width: 0 }; widths.len()];
    for at in order {
        let width = widths[at];
        let word = used.iter().position(|used| used + width <= 64).unwrap_or_else(|| {
            used.push(0);
            used.len() - 1
        });
        placed[at] = Lane { word: word as u32, shift: used[word].min(63), width };
        used[word] += width;
    }
    (placed, used.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_holds_its_range_and_says_what_it_cannot_hold() {
        let lane = Lane { word: 1, shift: 7, width: 9 };
        let field = lane.field(2, &(-3..=4));
        let mut words = [u64::MAX; 2];

        for value in -3..=4 {
            assert!(field.put(&mut words, value));
            assert_eq!(field.get(&words), value);
            // 3 bits from 9 on; all others stay.
            assert_eq!((words[0], words[1] | 7 << 9), (u64::MAX, u64::MAX));
        }
        assert!(!field.put(&mut words, 5) && !field.put(&mut words, -4));
    }

    #[test]
    fn a_constant_takes_no_bit_and_a_word_takes_all() {
        let lane = Lane { word: 0, shift: 0, width: 64 };
        let (constant, word) = (lane.field(0, &(7..=7)), lane.field(0, &(i64::MIN..=i64::MAX)));
        let mut words = [0];

        assert!(constant.put(&mut words, 7) && !constant.put(&mut words, 8));
        assert_eq!(constant.get(&words), 7);
        for value in [i64::MIN, -1, 0, i64::MAX] {
            assert!(word.put(&mut words, value));
            assert_eq!(word.get(&words), value);
        }
    }

    #[test]
    fn lanes_fill_words_without_straddling() {
        // 40 + 20 in one word, 30 + 30 in the next: the widest first, each in the first word with room.
        let (placed, words) = pack(&[20, 30, 40, 30]);

        assert_eq!(words, 2);
        let at = |word, shift, width| Lane { word, shift, width };
        assert_eq!(placed, [at(0, 40, 20), at(1, 0, 30), at(0, 0, 40), at(1, 30, 30)]);
        assert_eq!(lanes(&[40, 30, 20]), (vec![60, 30], vec![(0, 0), (1, 0), (0, 40)]));
    }
}
