//! The table of mutants: each is caught by its finding in its scenario, and the design without the bug is clean there.

use std::collections::BTreeSet;
use std::path::Path;

use lockwright::check::Code;
use lockwright::explore::{Config, Verdict, explore};
use lockwright::lease::designs::Entry;
use lockwright::lease::mutants::Seed;
use lockwright::report;
use lockwright::scenario::{catalogue, subject};
use lockwright::study::mutants::{MUTANTS, NOT_SEEDED, Row};

fn run(design: Entry, scenario: &str) -> Verdict {
    let scenario = catalogue::find(scenario).expect("a mutant's scenario is in the catalogue");
    let verdict = explore(&subject(design, &scenario), &Config::default());
    assert!(verdict.complete(), "{} in {}", design.full_name(), scenario.name);
    verdict
}

fn design(name: &str) -> Entry {
    lockwright::study::design(name).unwrap_or_else(|| panic!("{name} is listed"))
}

/// The codes with which a row says it is caught.
fn codes(row: &Row) -> BTreeSet<Code> {
    [row.code].iter().chain(row.also).copied().collect()
}

#[test]
fn each_mutant_is_caught_in_its_scenario_by_its_finding() {
    for row in MUTANTS.iter().filter(|row| !row.weak_memory && row.code != Code::LW050) {
        let found = run(design(&row.full_name()), row.scenario).codes();

        match row.seed {
            // A design as it stands may have more bugs than that one.
            Seed::AsItStands => assert!(codes(row).is_subset(&found), "{} in {}: {found:?}", row.of, row.scenario),
            _ => assert_eq!(found, codes(row), "{} in {}", row.full_name(), row.scenario),
        }
    }
}

#[test]
fn the_design_without_the_bug_passes_the_same_scenario() {
    for row in MUTANTS {
        let clean = run(design(row.sound), row.scenario).codes();

        assert!(!clean.contains(&row.code), "{} in {}: {clean:?}", row.sound, row.scenario);
        assert_eq!(clean, BTreeSet::new(), "{} in {}", row.sound, row.scenario);
    }
}

#[test]
fn every_number_has_a_mutant_or_a_reason() {
    let seeded = MUTANTS.iter().filter(|row| !row.number.is_empty()).map(|row| row.number);
    let listed: BTreeSet<&str> = seeded.clone().chain(NOT_SEEDED.iter().map(|missing| missing.number)).collect();
    let all: BTreeSet<String> = (1..=52).map(|number| format!("M{number:02}")).collect();

    assert_eq!(listed.iter().map(|number| (*number).to_owned()).collect::<BTreeSet<_>>(), all);
    // No number is in both lists.
    assert!(NOT_SEEDED.iter().all(|missing| seeded.clone().all(|number| number != missing.number)));
    // 38 of 52 numbers, by 43 rows; 37 mutants of ours.
    assert_eq!(seeded.clone().collect::<BTreeSet<_>>().len(), 38);
    assert_eq!((seeded.count(), MUTANTS.iter().filter(|row| row.number.is_empty()).count()), (43, 37));
}

#[test]
fn names_are_unique_and_lead_back() {
    let names: BTreeSet<String> = lockwright::study::mutants::seeded().map(Row::full_name).collect();

    assert_eq!(names.len(), lockwright::study::mutants::seeded().count());
    for row in MUTANTS {
        assert_eq!(design(&row.full_name()).full_name(), row.full_name());
        assert!(row.full_name().starts_with(row.of), "{}", row.full_name());
        assert_eq!(row.seed == Seed::AsItStands, row.name.is_empty(), "{}", row.full_name());
    }
}

/// The page is the table: `LOCKWRIGHT_BLESS=1` writes it anew.
#[test]
fn the_page_shows_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mutants.md");
    let page = std::fs::read_to_string(&path).expect("the page is there");
    let start = page.find("## Of history").expect("the page has its tables");
    let expected = format!("{}{}", &page[..start], report::mutants::page());

    if std::env::var_os("LOCKWRIGHT_BLESS").is_some() {
        std::fs::write(&path, &expected).expect("the page can be written");
    }
    assert!(page == expected, "docs/mutants.md does not show the table: LOCKWRIGHT_BLESS=1 writes it anew");
}
