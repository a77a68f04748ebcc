//! Which lock guards which field: a design that keeps its rules has no exception, and a seeded access without the lock is one.

use lockwright::explore::Config;
use lockwright::report::rules as shows;
use lockwright::scenario::catalogue;
use lockwright::study::rules::{Field, Rule, Rules, changes, rules};

use crate::cli::{lockwright, stdout};

fn of(design: &str, scenarios: &[&str]) -> Rules {
    let design = lockwright::study::design(design).expect("the design is listed");
    let scenarios: Vec<_> =
        scenarios.iter().map(|name| catalogue::find(name).expect("the scenario is listed")).collect();
    rules(design, &scenarios, &Config::default()).expect("they can be explored")
}

fn field(name: &str) -> Field {
    match name.split_once("->") {
        Some((of, name)) => Field { of: Some(of.to_owned().into()), name: name.to_owned().into(), is_atomic: false },
        None => Field { of: None, name: name.to_owned().into(), is_atomic: false },
    }
}

fn rule<'a>(rules: &'a Rules, name: &str, writes: bool) -> &'a Rule {
    rules.of(field(name), writes).unwrap_or_else(|| panic!("no step of {name}"))
}

fn locks(rule: &Rule) -> Vec<&str> {
    rule.locks.iter().map(|lock| lock.as_str()).collect()
}

const SOME: &[&str] = &["unlock-break", "two-leasers", "leaser-reader", "getlease-unlock"];

#[test]
fn the_spinlock_guards_the_list_and_the_records_without_an_exception() {
    let spinlock = of("spinlock", SOME);

    assert!(spinlock.complete());
    for name in ["lease->fl_type", "lease->fl_next"] {
        let found = rule(&spinlock, name, true);
        assert_eq!((locks(found), found.minority.len()), (vec!["file_lock_lock"], 0), "{name}");
        assert_eq!(found.with, found.steps);
    }
    assert_eq!(locks(rule(&spinlock, "i_flock", true)), ["file_lock_lock"]);
    // Openers look at the head of the list without the lock, and mark it.
    assert!(!rule(&spinlock, "i_flock", false).marked.is_empty());
    assert_eq!(spinlock.broken().count(), 0);
}

#[test]
fn a_seeded_walk_without_the_lock_is_the_minority_with_its_place() {
    let (sound, seeded) = (of("spinlock", SOME), of("spinlock:walk-unlocked", SOME));

    let (kept, broken) = (rule(&sound, "lease->fl_type", false), rule(&seeded, "lease->fl_type", false));
    assert_eq!((locks(kept), kept.minority.len()), (vec!["file_lock_lock"], 0));
    assert_eq!(locks(broken), ["file_lock_lock"]);
    assert!(!broken.minority.is_empty() && broken.minority.iter().all(|access| access.locks.is_empty()));
    let place = lockwright::report::source(broken.minority[0].place);
    assert!(place.starts_with("src/lease/"), "{place}");
    // The steps add up.
    let without: u64 = broken.minority.iter().map(|access| access.steps).sum();
    assert_eq!(broken.with + without, broken.steps);
}

#[test]
fn from_the_big_kernel_lock_to_the_spinlock_the_guard_changes() {
    let (bkl, spinlock) = (of("bkl", SOME), of("spinlock", SOME));

    let changed = changes(&bkl, &spinlock);
    let of_type = changed.iter().find(|change| (change.field, change.writes) == (field("lease->fl_type"), true));
    let of_type = of_type.expect("it changes");
    assert_eq!(of_type.old.map(locks), Some(vec!["kernel_flag"]));
    assert_eq!(of_type.new.map(locks), Some(vec!["file_lock_lock"]));
    assert!(changes(&bkl, &of("bkl", SOME)).is_empty());
}

#[test]
fn rules_are_written_as_annotations_and_what_has_an_exception_is_a_comment() {
    let clang = shows::clang(&of("spinlock", SOME));

    assert!(clang.contains("struct lease {\n"), "{clang}");
    assert!(clang.contains("\tfl_type __guarded_by(&file_lock_lock);\n"), "{clang}");
    assert!(clang.contains("locks_delete_lock()\n\t__must_hold(&file_lock_lock);\n"), "{clang}");
    assert!(clang.contains("i_flock;\t/* reads: file_lock_lock, or marked; writes: file_lock_lock */\n"), "{clang}");
    assert!(clang.contains("\tf_owner.pid __guarded_by(&f_owner.lock)"), "{clang}");
    let of_bkl = shows::clang(&of("bkl", SOME));
    assert!(!of_bkl.contains("fl_type __guarded_by(&file_lock_lock)"), "{of_bkl}");
}

#[test]
fn the_command_says_what_is_wrong_with_its_arguments() {
    let said = |arguments: &[&str]| {
        let output = lockwright(arguments);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };

    assert_eq!(said(&["rules"]).0, Some(2));
    assert_eq!(said(&["rules", "bkl", "spinlock", "--clang"]).0, Some(2));
    assert_eq!(said(&["rules", "bkl", "bkl"]).0, Some(2));
    let (status, text) = said(&["rules", "bkl", "--engine", "pct"]);
    assert!(status == Some(2) && text.contains("every state"), "{text}");
    let bounded = lockwright(&["rules", "bkl", "--scenario", "unlock-break", "--states-max", "5"]);
    assert_eq!(bounded.status.code(), Some(3));
    assert!(stdout(&bounded).contains("INCOMPLETE (stopped after 5 states) bkl"));
}
