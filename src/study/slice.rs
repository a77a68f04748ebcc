//! A slice of many explorations: one of n parts of about the same size, each of which a machine of its own can do.
//!
//! Cells are dealt like cards: the first to slice 1, the second to slice 2. So the scenarios of one design, which take about as long
//! as each other, are spread over all slices. Which cells a slice has depends on their number and order alone.

use std::fmt;
use std::str::FromStr;

/// Slices of one whole, at most.
const SLICES_MAX: usize = 10_000;

/// One of `of` slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Which, from 1.
    pub number: usize,
    /// Of how many.
    pub of: usize,
}

/// The text is no slice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no slice '{0}': slice:I/N is number I of N, from slice:1/N to slice:N/N, N at most {SLICES_MAX}")]
pub struct NoSlice(String);

impl Slice {
    /// Is the cell with this index, from 0, in it?
    pub fn has(self, at: usize) -> bool {
        at % self.of == self.number - 1
    }

    /// Takes the cells of the slice out of all; returns their indices, in order.
    pub fn cut<T>(self, cells: &mut Vec<T>) -> Vec<usize> {
        let indices = (0..cells.len()).filter(|at| self.has(*at)).collect();
        let mut at = 0..;
        cells.retain(|_| at.next().is_some_and(|at| self.has(at)));
        indices
    }
}

impl FromStr for Slice {
    type Err = NoSlice;

    fn from_str(text: &str) -> Result<Slice, NoSlice> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let slice = text.strip_prefix("slice:").and_then(|numbers| {
            let (number, of) = numbers.split_once('/')?;
            Some(Slice { number: digits(number)?, of: digits(of)? })
        });
        let fits = |slice: &Slice| (1..=slice.of).contains(&slice.number) && slice.of <= SLICES_MAX;
        slice.filter(fits).ok_or_else(|| NoSlice(text.to_owned()))
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slice:{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_in_one_slice_and_slices_differ_by_one_cell_at_most() {
        for (cells, of) in [(0, 1), (3, 8), (8, 8), (112, 5)] {
            let slices = (1..=of).map(|number| {
                let mut rest: Vec<usize> = (0..cells).collect();
                let at = Slice { number, of }.cut(&mut rest);
                assert_eq!(rest, at, "a cell is its own index here");
                at
            });
            let slices: Vec<Vec<usize>> = slices.collect();
            let mut all = slices.concat();
            all.sort_unstable();

            assert_eq!(all, (0..cells).collect::<Vec<_>>());
            assert!(slices.iter().all(|slice| slice.len() == cells / of || slice.len() == cells / of + 1));
        }
    }

    #[test]
    fn slices_are_read_as_they_are_written_and_nothing_else_is_one() {
        let slice = Slice { number: 2, of: 8 };

        assert_eq!(slice.to_string().parse(), Ok(slice));
        for text in ["2/8", "slice:0/8", "slice:9/8", "slice:1/0", "slice:1", "slice:+1/8", "slice:/8", "slice:1/10001"]
        {
            assert_eq!(text.parse::<Slice>(), Err(NoSlice(text.to_owned())));
        }
    }
}
