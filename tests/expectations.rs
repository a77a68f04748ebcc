//! The table of expectations holds for every cell: no finding more, none less.

use lockwright::explore::{Config, explore};
use lockwright::lease::designs;
use lockwright::scenario::catalogue;
use lockwright::study::{cells, expect};

use crate::matrix::matrix;

#[test]
fn every_cell_of_the_matrix_is_as_the_table_says() {
    // Ten designs, seven of which know of file servers; 43 scenarios of one machine, 13 with a file server.
    assert_eq!(matrix().len(), 10 * 43 + 7 * 13);
    for (cell, verdict) in matrix() {
        let (design, scenario) = (cell.design.full_name(), cell.scenario.name);
        let rows = expect::expected(&design, scenario).expect("every design has a table");
        let expected: Vec<(String, &str)> = rows.iter().map(|row| (row.code.to_string(), row.subject)).collect();
        let got: Vec<(String, &str)> = verdict
            .findings
            .iter()
            .map(|found| (found.finding.code.to_string(), found.finding.subject.as_str()))
            .collect();
        assert!(verdict.complete(), "{design} {scenario}");
        assert_eq!(got, expected, "{design} {scenario}");
        assert!(expect::agrees(&design, scenario, verdict), "{design} {scenario}");
    }
}

#[test]
fn every_design_has_one_table_and_every_table_a_design() {
    let tables: Vec<&str> = expect::TABLES.iter().map(|table| table.design).collect();

    assert_eq!(tables, designs::DESIGNS.iter().map(|design| design.name).collect::<Vec<_>>());
}

#[test]
fn the_new_design_is_expected_to_be_clean_everywhere() {
    for scenario in catalogue::all() {
        assert_eq!(expect::expected("spinlock", scenario.name), Some(&[][..]), "{}", scenario.name);
    }
}

#[test]
fn a_mutant_has_no_table_and_so_agrees_with_whatever_is_found() {
    let cell = &cells::cells(&[lockwright::study::design("spinlock:no-recheck").unwrap()], &catalogue::all()[..1])[0];
    let verdict = explore(&cell.subject(), &Config::default());

    assert_eq!(verdict.findings.len(), 1);
    assert_eq!(expect::expected("spinlock:no-recheck", cell.scenario.name), None);
    assert!(expect::agrees("spinlock:no-recheck", cell.scenario.name, &verdict));
    assert!(
        !expect::agrees("spinlock", cell.scenario.name, &verdict),
        "held against the sound design's table it differs"
    );
}

#[test]
fn an_incomplete_verdict_may_miss_findings_but_not_invent_them() {
    let cell = &cells::cells(&[designs::find("bkl").unwrap()], &catalogue::all()[..1])[0];
    let verdict = explore(&cell.subject(), &Config { executions_max: 1, ..Config::default() });

    assert!(!verdict.complete());
    assert!(expect::agrees("bkl", "leaser-reader", &verdict));
}

#[test]
fn cells_come_back_in_their_order_whoever_is_done_first() {
    let cells = cells::cells(designs::DESIGNS, &catalogue::all());

    let order = cells::for_each(&cells, 4, |at, _| at);

    assert_eq!(order, (0..cells.len()).collect::<Vec<_>>());
}

#[test]
fn the_numbers_that_the_docs_tell_are_those_of_the_tables() {
    let scenarios = catalogue::all();
    let with_findings = |scenarios: &[&std::sync::Arc<lockwright::scenario::Scenario>]| {
        let found = scenarios.iter().filter(|it| expect::expected("bkl", it.name) != Some(&[][..])).count();
        format!("{found} of {} scenarios", scenarios.len())
    };
    let all: Vec<_> = scenarios.iter().collect();
    let alone: Vec<_> = scenarios.iter().filter(|it| !it.cluster.needs_server()).collect();
    let two_tasks = alone.iter().filter(|scenario| scenario.tasks.len() == 2).count();

    assert!(include_str!("../README.md").contains(&format!("has findings in {}", with_findings(&all))));
    let page = include_str!("../docs/bkl-vs-spinlock.md");
    assert!(page.contains(&format!("has findings in {}", with_findings(&all))));
    assert!(page.contains(&format!("Seven bugs, in {} of one machine", with_findings(&alone))));
    assert_eq!(
        (lockwright::study::mutated().count(), two_tasks),
        (75, 39),
        "README and docs say seventy-five mutants, thirty-nine scenarios of two tasks on one machine"
    );
}
