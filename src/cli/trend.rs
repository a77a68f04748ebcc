//! Does the frontier of a search grow? Looked at once a second, so that what a worker pushes and pops at once does not show.

use std::time::Duration;

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the frontier was when it was last looked at, and what it does since the look before.
#[derive(Debug, Default)]
pub struct Trend {
    at: Option<(Duration, u64)>,
    word: &'static str,
}

impl Trend {
    /// A word for the way that the frontier goes, empty while that is not known.
    pub fn look(&mut self, now: Duration, frontier: u64) -> &'static str {
        match self.at {
            Some((before, _)) if now < before + LOOK_EVERY => {}
            Some((_, known)) => {
                self.word = match frontier.cmp(&known) {
                    std::cmp::Ordering::Greater => " and growing",
                    std::cmp::Ordering::Less => " and shrinking",
                    std::cmp::Ordering::Equal => "",
                };
                self.at = Some((now, frontier));
            }
            None => self.at = Some((now, frontier)),
        }
        self.word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frontier_is_compared_with_that_of_a_second_before() {
        let mut trend = Trend::default();
        let mut look = |millis, frontier| trend.look(Duration::from_millis(millis), frontier);

        assert_eq!([look(0, 10), look(500, 90), look(1000, 20)], ["", "", " and growing"]);
        assert_eq!([look(1500, 3), look(2100, 19), look(3100, 19)], [" and growing", " and shrinking", ""]);
    }
}
