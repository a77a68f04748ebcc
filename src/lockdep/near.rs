//! The word that was probably meant.

/// Changes of letters that a slip of the hand makes.
const SLIPS: usize = 2;

/// The nearest of the known words, if it is near: at most two letters are wrong, and fewer than half of them.
pub(super) fn near<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distances = known.into_iter().map(|known| (distance(word, known), known));
    let is_near = |(distance, known): &(usize, &str)| *distance <= SLIPS && 2 * distance < known.len().max(word.len());
    distances.filter(is_near).min().map(|(_, known)| known)
}

/// Letters to insert, remove, replace or exchange with their neighbour.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![(0..=other.len()).collect::<Vec<usize>>()];
    for at in 1..=one.len() {
        let mut row = vec![at];
        for to in 1..=other.len() {
            let differs = usize::from(one[at - 1] != other[to - 1]);
            let mut least = (rows[at - 1][to] + 1).min(row[to - 1] + 1).min(rows[at - 1][to - 1] + differs);
            if at > 1 && to > 1 && one[at - 1] == other[to - 2] && one[at - 2] == other[to - 1] {
                least = least.min(rows[at - 2][to - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let known = ["lock", "unlock", "trylock", "irq_save"];

        assert_eq!(near("lokc", known), Some("lock"));
        assert_eq!(near("irqsave", known), Some("irq_save"));
        assert_eq!(near("a", known), None);
        assert_eq!(near("schedule", known), None);
    }
}
