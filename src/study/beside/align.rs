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

/// The rows of two texts. Lines go together if their keys are equal, and are the same if they are so as a whole, indentation aside.
pub fn aligned(old: &[String], new: &[String], key: impl Fn(&str) -> &str) -> Vec<Row> {
    let equal = |at: usize, to: usize| key(&old[at]) == key(&new[to]);
    // Length of the longest common subsequence of what follows.
    let mut longest = vec![vec![0u32; new.len() + 1]; old.len() + 1];
    for at in (0..old.len()).rev() {
        for to in (0..new.len()).rev() {
            longest[at][to] =
                if equal(at, to) { longest[at + 1][to + 1] + 1 } else { longest[at + 1][to].max(longest[at][to + 1]) };
        }
    }
    let (mut rows, mut gap) = (Vec::new(), (Vec::new(), Vec::new()));
    let (mut at, mut to) = (0, 0);
    while at < old.len() || to < new.len() {
        if at < old.len() && to < new.len() && equal(at, to) {
            close(&mut gap, &mut rows);
            let mark = if old[at].trim() == new[to].trim() { Mark::Same } else { Mark::Differs };
            rows.push(Row { mark, old: Some(old[at].clone()), new: Some(new[to].clone()) });
            (at, to) = (at + 1, to + 1);
        } else if to == new.len() || at < old.len() && longest[at + 1][to] >= longest[at][to + 1] {
            gap.0.push(old[at].clone());
            at += 1;
        } else {
            gap.1.push(new[to].clone());
            to += 1;
        }
    }
    close(&mut gap, &mut rows);
    rows
}

/// Between two lines that go together: what only one text has stands beside what only the other has.
fn close(gap: &mut (Vec<String>, Vec<String>), rows: &mut Vec<Row>) {
    let (old, new) = std::mem::take(gap);
    let (mut old, mut new) = (old.into_iter(), new.into_iter());
    loop {
        let (old, new) = (old.next(), new.next());
        let mark = match (&old, &new) {
            (Some(_), Some(_)) => Mark::Differs,
            (Some(_), None) => Mark::Old,
            (None, Some(_)) => Mark::New,
            (None, None) => return,
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
        // Indentation alone is no difference.
        assert_eq!(told("  a", "a"), [row(' ', "  a", "a")]);
    }
}
