//! Names as small numbers: each text is kept once, and two names are equal if their numbers are.
//!
//! Compiled code has its names for ever, a text file has them while it is read. Both become [`Symbol`]s: four bytes, copied,
//! compared as numbers, and good for as long as the process lives. What the table holds is bounded by the texts there are.
//!
//! Order and hash are those of the text. The number depends on which text came first, so nothing that outlives the process, or
//! is printed, may depend on it.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::OnceLock;

use parking_lot::Mutex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name. It derefs to its text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Symbol(u32);

/// What is kept of a text.
struct Entry {
    text: Box<str>,
    hash: u64,
}

/// Shelf `n` holds `FIRST_SHELF << n` entries, and never moves: a look at one needs no lock.
const FIRST_SHELF: usize = 256;
const SHELVES: usize = 24;

/// Slots for texts of compiled code by address, and how many are tried.
const SLOTS: usize = 4096;
const TRIES: usize = 8;

type Shelf = Box<[OnceLock<Entry>]>;

struct Table {
    shelves: [OnceLock<Shelf>; SHELVES],
    numbers: Mutex<Option<HashMap<&'static str, u32>>>,
    /// Address and length of a text of compiled code, and its number. Such a text never goes away, so its address tells it.
    compiled: [OnceLock<(usize, usize, u32)>; SLOTS],
}

static SYMBOLS: Table = Table {
    shelves: [const { OnceLock::new() }; SHELVES],
    numbers: Mutex::new(None),
    compiled: [const { OnceLock::new() }; SLOTS],
};

/// Shelf of a number, and the place on it.
fn place_of(number: u32) -> (usize, usize) {
    let above = number as usize + FIRST_SHELF;
    let shelf = above.ilog2() - FIRST_SHELF.ilog2();
    (shelf as usize, above - (FIRST_SHELF << shelf))
}

/// FNV-1a, 64 bits: the same in every process.
fn hash_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

impl Table {
    fn entry(&'static self, symbol: Symbol) -> &'static Entry {
        let (shelf, place) = place_of(symbol.0);
        let entry = self.shelves[shelf].get().and_then(|shelf| shelf[place].get());
        entry.expect("internal error: a symbol is made by the table alone")
    }

    fn intern(&'static self, text: &str) -> u32 {
        let mut numbers = self.numbers.lock();
        let numbers = numbers.get_or_insert_with(HashMap::new);
        if let Some(&number) = numbers.get(text) {
            return number;
        }
        let number = u32::try_from(numbers.len()).expect("internal error: four billion names");
        let (shelf, place) = place_of(number);
        let shelf =
            self.shelves[shelf].get_or_init(|| (0..FIRST_SHELF << shelf).map(|_| OnceLock::new()).collect::<Shelf>());
        let entry = shelf[place].get_or_init(|| Entry { text: text.into(), hash: hash_of(text) });
        assert!(*entry.text == *text, "internal error: a number is given once");
        numbers.insert(&entry.text, number);
        number
    }

    fn intern_compiled(&'static self, text: &'static str) -> u32 {
        let (address, len) = (text.as_ptr().addr(), text.len());
        let first = (address ^ len << 20).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as usize) >> (usize::BITS - 12);
        for slot in (first..first + TRIES).map(|slot| &self.compiled[slot % SLOTS]) {
            let (known_address, known_len, number) = *slot.get_or_init(|| (address, len, self.intern(text)));
            if (known_address, known_len) == (address, len) {
                return number;
            }
        }
        self.intern(text)
    }
}

impl Symbol {
    /// The symbol of a text.
    pub fn new(text: &str) -> Symbol {
        Symbol(SYMBOLS.intern(text))
    }

    /// Its text.
    pub fn as_str(self) -> &'static str {
        &SYMBOLS.entry(self).text
    }
}

impl From<&'static str> for Symbol {
    /// The symbol of a text of compiled code: quicker than [`Symbol::new`].
    fn from(text: &'static str) -> Symbol {
        Symbol(SYMBOLS.intern_compiled(text))
    }
}

impl From<String> for Symbol {
    fn from(text: String) -> Symbol {
        Symbol::new(&text)
    }
}

impl Default for Symbol {
    fn default() -> Symbol {
        Symbol::from("")
    }
}

impl Deref for Symbol {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for Symbol {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Symbol {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Ord for Symbol {
    fn cmp(&self, other: &Symbol) -> Ordering {
        if self == other { Ordering::Equal } else { self.as_str().cmp(other.as_str()) }
    }
}

impl PartialOrd for Symbol {
    fn partial_cmp(&self, other: &Symbol) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Symbol {
    /// What was made of the text once, so the same in every process.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(SYMBOLS.entry(*self).hash);
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Serialize for Symbol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Symbol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Symbol, D::Error> {
        String::deserialize(deserializer).map(Symbol::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shelves_lie_one_after_the_other_without_a_gap() {
        let places: Vec<(usize, usize)> = [0, 255, 256, 767, 768].into_iter().map(place_of).collect();

        // 256 on the first, 512 on the second.
        assert_eq!(places, [(0, 0), (0, 255), (1, 0), (1, 511), (2, 0)]);
        assert!(place_of(u32::MAX).0 < SHELVES + 1);
    }

    #[test]
    fn a_text_has_one_symbol_wherever_it_comes_from() {
        let compiled = Symbol::from("a name of a test");

        assert_eq!(compiled, Symbol::new(&["a name", " of a test"].concat()));
        assert_eq!(compiled, Symbol::from("a name of a test".to_owned()));
        assert_eq!(compiled.as_str(), "a name of a test");
        assert_ne!(compiled, Symbol::from("a name of a tes"));
    }

    #[test]
    fn order_is_that_of_the_texts_not_that_in_which_they_came() {
        let (later, earlier) = (Symbol::from("symbol test b"), Symbol::from("symbol test a"));

        assert!(earlier < later);
        assert_eq!(later.cmp(&later), Ordering::Equal);
    }

    #[test]
    fn many_texts_from_several_threads_get_one_symbol_each() {
        let of = |number: usize| Symbol::from(format!("symbol {number} of many"));
        let all = || (0..3000).map(of).collect::<Vec<Symbol>>();

        let (one, other) = std::thread::scope(|scope| {
            let (one, other) = (scope.spawn(all), scope.spawn(all));
            (one.join().unwrap(), other.join().unwrap())
        });

        assert_eq!(one, other);
        assert!(one.iter().enumerate().all(|(number, symbol)| *symbol == *format!("symbol {number} of many")));
    }
}
