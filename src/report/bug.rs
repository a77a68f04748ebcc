//! A bug by its number (`M24`, `D07`, `R5`): what it is, where it shows, and how it is seeded.

use super::columns;
use crate::lease::designs;
use crate::scenario::catalogue;
use crate::study::expect::{self, Expected};
use crate::study::mutants::{MUTANTS, NOT_SEEDED};

/// Where a bug shows as one finding.
struct Shown {
    row: &'static Expected,
    /// Designs, each with its scenarios.
    places: Vec<(&'static str, Vec<&'static str>)>,
}

/// Every number that findings and mutants are known by, in order.
pub fn numbers() -> Vec<&'static str> {
    let mut numbers: Vec<&str> = shown(None).iter().map(|shown| shown.row.bug).collect();
    numbers.extend(MUTANTS.iter().map(|row| row.number).filter(|number| !number.is_empty()));
    numbers.extend(NOT_SEEDED.iter().map(|missing| missing.number));
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// The expectations, those of one bug or all, equal ones together.
fn shown(number: Option<&str>) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    for design in designs::DESIGNS {
        for scenario in catalogue::all() {
            let rows = expect::expected(design.name, scenario.name).unwrap_or(&[]);
            for row in rows.iter().filter(|row| number.is_none_or(|number| row.bug == number)) {
                let same = |shown: &Shown| (shown.row.code, shown.row.why) == (row.code, row.why);
                let at = all.iter().position(same).unwrap_or_else(|| {
                    all.push(Shown { row, places: Vec::new() });
                    all.len() - 1
                });
                let places = &mut all[at].places;
                match places.last_mut() {
                    Some((last, scenarios)) if *last == design.name => scenarios.push(scenario.name),
                    _ => places.push((design.name, vec![scenario.name])),
                }
            }
        }
    }
    all
}

fn wrapped(text: &mut String, indent: usize, words: &str) {
    for line in columns::wrap(words, columns::PAGE_COLUMNS - indent) {
        text.push_str(&format!("{:indent$}{}\n", "", line.trim_start()));
    }
}

/// In half a sentence, and the page; `None` for a number that nothing is known by.
pub fn page(number: &str) -> Option<(&'static str, String)> {
    let shown = shown(Some(number));
    let seeded: Vec<_> = MUTANTS.iter().filter(|row| row.number == number).collect();
    let missing = NOT_SEEDED.iter().find(|missing| missing.number == number);
    let title = (shown.first().map(|shown| shown.row.why))
        .or(seeded.first().map(|row| row.about))
        .or(missing.map(|missing| missing.about))?;
    let mut text = String::new();
    wrapped(&mut text, 0, &format!("{number}: {title}"));
    for Shown { row, places } in &shown {
        text.push_str(&format!("\nshows as {}, {}\n", row.code, row.code.title()));
        if row.why != title {
            wrapped(&mut text, 2, row.why);
        }
        for (design, scenarios) in places {
            wrapped(&mut text, 2, &format!("{design}: {}", scenarios.join(", ")));
        }
    }
    for row in seeded {
        text.push_str(&format!("\nseeded as {}, caught by {} in {}\n", row.full_name(), row.code, row.scenario));
        wrapped(&mut text, 2, row.about);
        if !row.fixed.is_empty() {
            wrapped(&mut text, 2, &format!("in Linux: {}", row.fixed));
        }
    }
    if let Some(missing) = missing {
        text.push_str("\nnot seeded\n");
        wrapped(&mut text, 2, missing.why);
    }
    let first = shown.first().and_then(|shown| shown.places.first());
    if let Some((design, scenarios)) = first {
        text.push_str(&format!("\nsee it: lockwright check --design {design} --scenario {}\n", scenarios[0]));
    }
    Some((title, text))
}
