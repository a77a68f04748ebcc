//! Lines of two texts, one against the other: the longest common subsequence, as in `diff`.

/// How the two sides of a row stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The same line.
    Same,
    /// Another line.
    Differs,
    /// The old text alone has it.
    Old,
    /// The new text alone has it.
    New,
}

impl Mark {
    /// As `diff --side-by-side` prints it.
    pub fn sign(self) -> char {
        match self {
            Mark::Same => ' ',
            Mark::Differs => '|',
            Mark::Old => '<',
            Mark::New => '>',
        }
    }
}

/// A line of each text, or of one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// How they stand to each other.
    pub mark: Mark,
    /// The old line.
    pub old: Option<String>,
    /// The new line.
    pub new: Option<String>,
}

/// A line that says nothing by itself: it goes with its neighbours, or not at all.
fn is_trivial(line: &str) -> bool {
    line.trim().chars().all(|letter| "{}();, ".contains(letter))
}

/// The rows of two texts. Lines go together if their keys are equal, and are the same if they are so as a whole, indentation aside.
pub fn aligned(old: &[String], new: &[String], key: impl Fn(&str) -> &str) -> Vec<Row> {
    let (mut rows, mut at, mut to) = (Vec::new(), 0, 0);
    for (next_at, next_to) in matches(old, new, key).into_iter().chain([(old.len(), new.len())]) {
        fill(&old[at..next_at], &new[to..next_to], &mut rows);
        if let (Some(old), Some(new)) = (old.get(next_at), new.get(next_to)) {
            let mark = if old.trim() == new.trim() { Mark::Same } else { Mark::Differs };
            rows.push(Row { mark, old: Some(old.clone()), new: Some(new.clone()) });
        }
        (at, to) = (next_at + 1, next_to + 1);
    }
    rows
}

/// The places of lines that go together, in order.
fn matches(old: &[String], new: &[String], key: impl Fn(&str) -> &str) -> Vec<(usize, usize)> {
    let equal = |at: usize, to: usize| key(&old[at]) == key(&new[to]);
    // What the lines that follow have in common is worth at most that: a brace hardly anything.
    let worth = |at: usize| if is_trivial(&old[at]) { 1 } else { 16 };
    let mut longest = vec![vec![0u32; new.len() + 1]; old.len() + 1];
    for at in (0..old.len()).rev() {
        for to in (0..new.len()).rev() {
            let apart = longest[at + 1][to].max(longest[at][to + 1]);
            let together = if equal(at, to) { longest[at + 1][to + 1] + worth(at) } else { 0 };
            longest[at][to] = apart.max(together);
        }
    }
    let (mut found, mut at, mut to) = (Vec::new(), 0, 0);
    while at < old.len() && to < new.len() {
        if equal(at, to) && longest[at][to] == longest[at + 1][to + 1] + worth(at) {
            found.push((at, to));
            (at, to) = (at + 1, to + 1);
        } else if longest[at + 1][to] >= longest[at][to + 1] {
            at += 1;
        } else {
            to += 1;
        }
    }
    kept(old, new, &found)
}

/// Without braces that have no neighbour in common: they would tear apart what differs.
fn kept(old: &[String], new: &[String], found: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let is_last = |(at, to): (usize, usize)| at + 1 == old.len() && to + 1 == new.len();
    let mut keeps: Vec<bool> = found.iter().map(|it| !is_trivial(&old[it.0]) || is_last(*it)).collect();
    let follows = |at: usize| found[at] == (found[at - 1].0 + 1, found[at - 1].1 + 1);
    for at in 1..found.len() {
        keeps[at] |= keeps[at - 1] && follows(at);
    }
    for at in (1..found.len()).rev() {
        keeps[at - 1] |= keeps[at] && follows(at);
    }
    found.iter().zip(keeps).filter(|(_, keeps)| *keeps).map(|(it, _)| *it).collect()
}

/// Between two lines that go together: what only one text has stands beside what only the other has.
fn fill(old: &[String], new: &[String], rows: &mut Vec<Row>) {
    for at in 0..old.len().max(new.len()) {
        let (old, new) = (old.get(at).cloned(), new.get(at).cloned());
        let mark = match (&old, &new) {
            (Some(old), Some(new)) if old.trim() == new.trim() => Mark::Same,
            (Some(_), Some(_)) => Mark::Differs,
            (Some(_), None) => Mark::Old,
            (None, _) => Mark::New,
        };
        rows.push(Row { mark, old, new });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: &str, new: &str) -> Vec<(char, String, String)> {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let rows = aligned(&lines(old), &lines(new), |line| line.trim());
        rows.into_iter()
            .map(|row| (row.mark.sign(), row.old.unwrap_or_default(), row.new.unwrap_or_default()))
            .collect()
    }

    #[test]
    fn what_both_have_stands_in_one_row_and_what_differs_is_marked() {
        let row = |sign, old: &str, new: &str| (sign, old.to_owned(), new.to_owned());

        assert_eq!(
            told("lock\nx = 1\nunlock", "alloc\nlock\nx = 2\nunlock\nfree"),
            [
                row('>', "", "alloc"),
                row(' ', "lock", "lock"),
                row('|', "x = 1", "x = 2"),
                row(' ', "unlock", "unlock"),
                row('>', "", "free")
            ]
        );
        assert_eq!(told("a\nb", "b"), [row('<', "a", ""), row(' ', "b", "b")]);
        assert_eq!(told("", ""), []);
        // A brace that has no neighbour in common binds nothing; where it faces another, they are the same.
        assert_eq!(told("a\n}\nb", "c\n}\nd"), [row('|', "a", "c"), row(' ', "}", "}"), row('|', "b", "d")]);
        // Indentation alone is no difference.
        assert_eq!(told("  a", "a"), [row(' ', "  a", "a")]);
    }
}
