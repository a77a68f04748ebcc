//! What loom finds: the bugs of `bkl`, the deadlock that a plain spinlock makes of its recursion, and the missing barrier.

use lockwright::check::Code;
use lockwright::explore::{Config, EngineKind, Found, Verdict, explore};
use lockwright::lease::designs;
use lockwright::scenario::{catalogue, subject};

fn run(design: &str, scenario: &str, engine: EngineKind) -> Verdict {
    let design = lockwright::study::design(design).expect("the design exists");
    let scenario = catalogue::find(scenario).expect("the scenario exists");
    explore(&subject(design, &scenario), &Config::with_engine(engine))
}

fn codes(verdict: &Verdict) -> Vec<String> {
    verdict.codes().iter().map(Code::to_string).collect()
}

fn found(verdict: &Verdict, code: Code) -> &Found {
    verdict.findings.iter().find(|found| found.finding.code == code).expect("it was found")
}

#[test]
fn loom_finds_the_i_count_race_and_the_lost_signal_in_bkl() {
    let verdict = run("bkl", "leaser-iget", EngineKind::Loom);

    assert_eq!(codes(&verdict), ["LW030", "LW031", "LW040"]);
    assert!(found(&verdict, Code::LW040).weak_memory, "an open that looks without a lock may see the lease too late");
    assert!(!found(&verdict, Code::LW030).weak_memory, "sequential consistency has it as well");
    assert!(!found(&verdict, Code::LW031).weak_memory, "sequential consistency has it as well");
}

#[test]
fn loom_finds_the_self_deadlock_of_bkl_as_a_plain_spinlock() {
    let verdict = run("sed", "leaser-reader", EngineKind::Loom);

    let finding = &found(&verdict, Code::LW001).finding;
    assert_eq!(finding.subject, "kernel_flag");
    assert_eq!(finding.message, "leaser waits for kernel_flag, which it holds itself");
    assert_eq!(codes(&verdict), codes(&run("sed", "leaser-reader", EngineKind::Explorer)));
}

#[test]
fn bkl_as_a_plain_spinlock_has_the_same_findings_under_both() {
    let of_one_machine = catalogue::all().into_iter().filter(|scenario| !scenario.cluster.needs_setlease());
    for scenario in of_one_machine.filter(|scenario| scenario.tasks.len() == 2) {
        let mut loom = run("sed", scenario.name, EngineKind::Loom);
        loom.findings.retain(|found| !found.weak_memory);
        let loom = codes(&loom);
        let explorer = codes(&run("sed", scenario.name, EngineKind::Explorer));

        assert!(!loom.is_empty(), "{}", scenario.name);
        assert_eq!(loom, explorer.into_iter().filter(|code| code != "LW010").collect::<Vec<_>>(), "{}", scenario.name);
    }
}

#[test]
fn a_file_system_that_refuses_has_under_loom_what_the_explorer_finds() {
    for design in designs::DESIGNS.iter().map(|design| design.name) {
        let loom = run(design, "refused-leaser", EngineKind::Loom);
        let explorer = run(design, "refused-leaser", EngineKind::Explorer);
        let expected: &[&str] = match design {
            "sed" => &["LW001"],
            "flocks" => &["LW022"],
            _ => &[],
        };

        assert!(loom.complete() && loom.outcomes == explorer.outcomes, "{design}");
        assert_eq!(codes(&loom), expected, "{design}");
        assert_eq!(codes(&explorer), expected, "{design}");
    }
}

#[test]
fn the_missing_barrier_is_caught_by_loom_alone_and_with_it_loom_is_content() {
    let loom = run("spinlock:no-barrier", "leaser-writer", EngineKind::Loom);
    let explorer = run("spinlock:no-barrier", "leaser-writer", EngineKind::Explorer);

    assert_eq!(codes(&loom), ["LW030", "LW040"]);
    assert!(loom.findings.iter().all(|found| found.weak_memory));
    assert!(explorer.codes().is_empty() && explorer.complete());
    assert!(run("spinlock", "leaser-writer", EngineKind::Loom).codes().is_empty());
}
