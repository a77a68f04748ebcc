//! loom and the explorer agree on every cell of the matrix of two tasks that loom ends: on codes (LW010 aside, which loom does not judge)
//! and outcomes. Where it is stopped, what it has seen by then does not contradict the explorer.
//!
//! What loom finds under weak memory alone stands apart: a design that looks at a list without a lock or a barrier may see
//! it late. Where that happens the explorer has the data race, unless what comes late is no plain memory ([`LATE_COUNTS`]).
//!
//! Which cells there are is not said here: the catalogue and the designs say it, and the table must have them all.

use std::collections::BTreeSet;
use std::sync::Arc;

use lockwright::check::Code;
use lockwright::explore::{Bound, Config, EngineKind, Verdict, explore};
use lockwright::lease::designs::{self, Entry};
use lockwright::scenario::{Scenario, catalogue, subject};
use lockwright::study::cells;

use crate::table::{self, Entry::*};

fn run(design: &str, scenario: &str, engine: EngineKind, executions_max: u64) -> Verdict {
    let design = lockwright::study::design(design).expect("the design exists");
    let scenario = catalogue::find(scenario).expect("the scenario exists");
    explore(&subject(design, &scenario), &Config { executions_max, ..Config::with_engine(engine) })
}

/// Nothing that ends here takes more.
const EXECUTIONS_MAX: u64 = 100_000;

/// Where an open count is looked at that an open changes without a lock. The counts are atomics, so that is no data race; but
/// an open may be seen late (the proposals look before they take their lock).
const LATE_COUNTS: [(&str, &str); 2] = [("proposal_bkl", "upgrade-opener"), ("proposal", "upgrade-opener")];

fn without_races(verdict: &Verdict) -> BTreeSet<Code> {
    verdict.codes().into_iter().filter(|code| *code != Code::LW010).collect()
}

/// What a sequentially consistent replay shows as well.
fn sequential(loom: &Verdict) -> BTreeSet<Code> {
    loom.findings.iter().filter(|found| !found.weak_memory).map(|found| found.finding.code).collect()
}

/// Returns the executions of loom.
fn assert_ended(design: &str, scenario: &str) -> u64 {
    let loom = run(design, scenario, EngineKind::Loom, EXECUTIONS_MAX);
    let explorer = run(design, scenario, EngineKind::Explorer, EXECUTIONS_MAX);

    assert_eq!(loom.bound, None, "{design}, {scenario}: loom ends");
    assert!(explorer.complete(), "{design}, {scenario}: the explorer ends");
    assert_eq!(sequential(&loom), without_races(&explorer), "{design}, {scenario}: codes");
    let is_late = loom.findings.iter().any(|found| found.weak_memory) && !explorer.codes().contains(&Code::LW010);
    assert_eq!(is_late, LATE_COUNTS.contains(&(design, scenario)), "{design}, {scenario}: weak memory without a race");
    assert_eq!(loom.outcomes, explorer.outcomes, "{design}, {scenario}: outcomes");
    loom.executions
}

fn assert_stopped(design: &str, scenario: &str, executions_max: u64) {
    let loom = run(design, scenario, EngineKind::Loom, executions_max);
    let explorer = run(design, scenario, EngineKind::Explorer, EXECUTIONS_MAX);

    assert_eq!(loom.bound, Some(Bound::Executions(executions_max)), "{design}, {scenario}");
    assert!(explorer.complete(), "{design}, {scenario}: the explorer ends");
    assert!(sequential(&loom).is_subset(&without_races(&explorer)), "{design}, {scenario}: {:?}", loom.codes());
    assert!(loom.outcomes.is_subset(&explorer.outcomes), "{design}, {scenario}: {:?}", loom.outcomes);
}

/// All cells of a design. What the table does not pin fails at the end, with what it should say.
fn assert_agreement(design: &str) {
    let mut counted = Vec::new();
    let pinned: Vec<(&str, table::Entry)> = table::of(design);
    for &(scenario, entry) in &pinned {
        let entry = match entry {
            Ended(_) => Ended(assert_ended(design, scenario)),
            Stopped(at) => {
                assert_stopped(design, scenario, at);
                Stopped(at)
            }
            Silent => Silent,
        };
        counted.push((scenario, entry));
    }
    assert_eq!(counted, pinned, "{design}: executions");
}

fn of_two_tasks() -> Vec<Arc<Scenario>> {
    catalogue::all().into_iter().filter(|scenario| scenario.tasks.len() == 2).collect()
}

/// 39 scenarios of one machine for 10 designs, and 11 with a file server for the 7 that know of one.
#[test]
fn every_cell_of_two_tasks_is_either_ended_or_stopped_here() {
    let designs: Vec<&str> = designs::DESIGNS.iter().map(|design| design.name).collect();
    let scenarios: Vec<&str> = of_two_tasks().iter().map(|scenario| scenario.name).collect();
    assert_eq!(table::designs(), designs);
    assert_eq!(table::scenarios(), scenarios);
    let is_silent = |design: Entry, scenario: &str| {
        table::of(design.name).iter().any(|(name, entry)| *name == scenario && *entry == Silent)
    };
    for &design in designs::DESIGNS {
        for scenario in of_two_tasks() {
            let applies = cells::applies(design, &scenario);
            assert_eq!(!applies, is_silent(design, scenario.name), "{}, {}", design.name, scenario.name);
        }
    }
    let all: Vec<table::Entry> = designs.iter().flat_map(|design| table::of(design)).map(|(_, entry)| entry).collect();
    let count = |is_it: fn(&table::Entry) -> bool| all.iter().filter(|entry| is_it(entry)).count();

    assert_eq!(count(|entry| *entry != Silent), 39 * 10 + 11 * 7);
    assert_eq!((count(|entry| matches!(entry, Ended(_))), count(|entry| matches!(entry, Stopped(_)))), (434, 33));
}

/// One test per design, so that they run beside each other.
macro_rules! agreement {
    ($($test:ident: $design:literal;)*) => {
        $(
            #[test]
            fn $test() {
                assert_agreement($design);
            }
        )*
        const TESTED: &[&str] = &[$($design),*];
    };
}

agreement! {
    bkl_has_under_loom_the_findings_that_the_explorer_has: "bkl";
    sed_has_under_loom_the_findings_that_the_explorer_has: "sed";
    split_has_under_loom_the_findings_that_the_explorer_has: "split";
    inner_has_under_loom_the_findings_that_the_explorer_has: "inner";
    held_has_under_loom_the_findings_that_the_explorer_has: "held";
    exported_has_under_loom_the_findings_that_the_explorer_has: "exported";
    proposal_bkl_has_under_loom_the_findings_that_the_explorer_has: "proposal_bkl";
    proposal_has_under_loom_the_findings_that_the_explorer_has: "proposal";
    spinlock_is_clean_under_loom_as_under_the_explorer: "spinlock";
    flocks_has_under_loom_the_findings_that_the_explorer_has: "flocks";
}

#[test]
fn every_design_of_the_table_has_its_test() {
    assert_eq!(TESTED, table::designs());
}

/// While two nodes disagree, their steps touch different objects: loom tries them in both orders because it is made to.
#[test]
fn loom_finds_the_disagreement_of_two_nodes() {
    let loom = run("held", "remote-unlock", EngineKind::Loom, EXECUTIONS_MAX);

    assert!(sequential(&loom).contains(&Code::LW030));
    assert_eq!((loom.bound, loom.executions), (None, 2456));
}

fn assert_all_ended(design: &str, pinned: &[(&str, u64)]) {
    for &(scenario, executions) in pinned {
        assert_eq!(assert_ended(design, scenario), executions, "{design}, {scenario}");
    }
}

#[test]
fn bkl_has_the_same_findings_under_loom_in_the_scenarios_of_three_tasks_that_loom_ends() {
    assert_all_ended("bkl", &[("leaser-writer-expiry", 15480), ("holder-thread", 30833), ("two-holders-break", 165)]);
}

#[test]
fn spinlock_has_no_findings_under_loom_in_the_scenarios_of_three_tasks_that_loom_ends() {
    assert_all_ended("spinlock", &[("leaser-writer-expiry", 64639), ("two-holders-break", 730)]);
}

/// A writer that does not wait raises `i_writecount`, is refused, and lowers it. The count is an atomic: who sees that late refuses a lease
/// that could be had. No order of the calls explains it, and no promise is broken.
#[test]
fn spinlock_refuses_a_lease_in_vain_when_a_count_is_seen_late() {
    let loom = run("spinlock", "holder-thread", EngineKind::Loom, EXECUTIONS_MAX);
    let explorer = run("spinlock", "holder-thread", EngineKind::Explorer, EXECUTIONS_MAX);

    let [found] = &loom.findings[..] else { panic!("{:?}", loom.codes()) };
    assert_eq!((found.finding.code, found.weak_memory), (Code::LW040, true));
    assert!(found.finding.message.ends_with("fcntl(a, F_SETLEASE, F_RDLCK) returned EAGAIN"));
    assert_eq!((loom.bound, loom.executions), (None, 59627));
    assert!(explorer.complete() && explorer.codes().is_empty());
    assert_eq!(loom.outcomes, explorer.outcomes);
}

/// The one of `bkl` and `spinlock` on one machine that does not end within 100 000 executions.
#[test]
fn the_other_scenario_of_three_tasks_is_stopped_and_nothing_else_was_found() {
    assert_stopped("bkl", "leaser-two-openers", 5_000);
    assert_stopped("spinlock", "leaser-two-openers", 5_000);
}

/// Four on one machine: those of `bkl` and `spinlock` are in the two tests above.
#[test]
fn every_scenario_of_three_tasks_on_one_machine_is_ended_or_stopped_here() {
    let is_one_machine = |scenario: &Arc<Scenario>| !scenario.cluster.needs_server() && scenario.tasks.len() == 3;

    assert_eq!(catalogue::all().iter().filter(|scenario| is_one_machine(scenario)).count(), 4);
}
