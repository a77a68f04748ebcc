//! Comparisons: what is seen of two designs, in both directions: a seeded difference is told, equal designs are equal.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lockwright::check::Code;
use lockwright::explore::compare::{Difference, What};
use lockwright::explore::{EngineKind, explore};
use lockwright::kernel::Kernel;
use lockwright::lease::designs::Entry;
use lockwright::lease::spinlock::Spinlock;
use lockwright::lease::{Design, Filp, Inode, LockLine, OpenFlags};
use lockwright::prelude::*;
use lockwright::scenario::{catalogue, observed, subject};
use lockwright::study::compare::explain::explain;
use lockwright::study::compare::table::ROWS;
use lockwright::study::compare::{self, Compared, scenarios};
use lockwright::study::mutants::{MUTANTS, Row};

use crate::cli::{directory, lockwright, stdout};
use crate::matrix::is_long;
use crate::model::lock_split;

fn design(name: &str) -> Entry {
    lockwright::study::design(name).unwrap_or_else(|| panic!("{name} is listed"))
}

fn compared(designs: [Entry; 2], scenario: &str) -> Compared {
    let scenario = catalogue::find(scenario).expect("the scenario is listed");
    let sides = designs.map(|design| compare::side(design, &scenario, &Config::default()).unwrap());
    Compared::new(designs, &scenario, sides, ROWS)
}

fn of_all(old: &str, new: &str) -> Vec<Compared> {
    let designs = [design(old), design(new)];
    scenarios(designs, &catalogue::all()).iter().map(|scenario| compared(designs, scenario.name)).collect()
}

/// What a difference says, as text.
fn text(difference: &Difference) -> String {
    let what = match &difference.what {
        What::Outcome(outcome) => outcome.to_string(),
        What::Stuck(outcome) => format!("stuck: {outcome}"),
        What::Finding(finding) => format!("{} {}", finding.code, finding.subject),
    };
    format!("{} {what}", difference.code)
}

fn texts(compared: &Compared) -> Vec<String> {
    compared.differences.iter().map(|(difference, _)| text(difference)).collect()
}

/// How many stand in each relation: equal, narrower, wider, incomparable.
fn relations(all: &[Compared]) -> [usize; 4] {
    [Relation::Equal, Relation::Narrower, Relation::Wider, Relation::Incomparable]
        .map(|relation| all.iter().filter(|compared| compared.relation() == Some(relation)).count())
}

#[test]
fn every_difference_of_the_refactors_is_explained_and_every_row_explains_one() {
    // Pinned: scenarios by relation, and differences.
    let pairs = [
        ("bkl", "spinlock", [13, 20, 0, 23], 231),
        ("proposal", "spinlock", [0, 44, 0, 12], 211),
        ("flocks", "flocks:fixed", [32, 8, 0, 3], 38),
    ];
    let mut used = vec![false; ROWS.len()];
    for (old, new, expected, differences) in pairs {
        let all = of_all(old, new);
        let unexplained: Vec<String> = all.iter().flat_map(Compared::unexplained).map(text).collect();
        assert_eq!(unexplained, Vec::<String>::new(), "{old} {new}");
        assert_eq!(relations(&all), expected, "{old} {new}");
        assert_eq!(all.iter().map(|it| it.differences.len()).sum::<usize>(), differences, "{old} {new}");

        for it in &all {
            let by_rows = it
                .differences
                .iter()
                .filter(|(difference, _)| explain(it.designs, &it.scenario, difference, &[]).is_none());
            for (difference, _) in by_rows {
                let rows = (0..ROWS.len()).filter(|&at| ROWS[at].fits(it.designs, &it.scenario, difference));
                let rows: Vec<usize> = rows.collect();
                // Without its row it would be unexplained, and the exit status 1.
                assert_eq!(rows.len(), 1, "{} {}", it.scenario.name, text(difference));
                used[rows[0]] = true;
            }
        }
    }
    let unused = ROWS.iter().zip(&used).filter(|(_, used)| !**used).map(|(row, _)| row.why);
    assert_eq!(unused.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn what_a_number_of_a_row_stands_for_can_be_looked_up() {
    for bug in ROWS.iter().filter_map(|row| row.bug) {
        assert!(lockwright::report::bug::page(bug).is_some(), "{bug}");
    }
}

#[test]
fn brute_force_and_dpor_see_the_same() {
    // Of those in which signals are sent and calls wait, brute force ends where there are few steps.
    let small =
        ["getlease-unlock", "lister-lsm", "two-owners", "relock", "unlock-enomem", "refused-leaser", "nfsd-break"];
    for name in ["bkl", "spinlock", "spinlock:callback-twice"] {
        for scenario in small {
            let subject = observed(design(name), &catalogue::find(scenario).unwrap());
            let explorer = explore(&subject, &Config::default());
            let executions_max = if is_long() { 40_000 } else { 4_000 };
            let bounded = Config { executions_max, ..Config::with_engine(EngineKind::Brute) };
            let brute = explore(&subject, &bounded);

            assert!(brute.outcomes.is_subset(&explorer.outcomes), "{name} {scenario}");
            if brute.complete() {
                assert_eq!(brute.outcomes.texts(), explorer.outcomes.texts(), "{name} {scenario}");
            }
        }
        for scenario in
            ["leaser-reader", "nonblock-opener", "setown-break", "close-break", "interrupted-opener", "nfsd-break"]
        {
            let subject = observed(design(name), &catalogue::find(scenario).unwrap());
            let explorer = explore(&subject, &Config::default());
            let dpor = explore(&subject, &Config::with_engine(EngineKind::Dpor));

            assert!(dpor.complete(), "{name} {scenario}");
            assert_eq!(dpor.outcomes.texts(), explorer.outcomes.texts(), "{name} {scenario}");
        }
    }
}

#[test]
fn what_is_observed_changes_no_finding_and_leads_back_to_the_plain_outcomes() {
    for name in ["bkl", "spinlock"] {
        for scenario in catalogue::all().iter().filter(|scenario| !scenario.cluster.needs_server()) {
            let plain = explore(&subject(design(name), scenario), &Config::default());
            let seen = explore(&observed(design(name), scenario), &Config::default());

            assert_eq!(seen.codes(), plain.codes(), "{name} {}", scenario.name);
            let results = |verdict: &Verdict| -> std::collections::BTreeSet<String> {
                verdict.outcomes.iter().map(|outcome| format!("{:?}", outcome.results)).collect()
            };
            assert_eq!(results(&seen), results(&plain), "{name} {}", scenario.name);
        }
    }
}

/// The rows that a comparison alone catches.
fn silent() -> impl Iterator<Item = &'static Row> {
    MUTANTS.iter().filter(|row| row.code == Code::LW050)
}

#[test]
fn mutants_that_no_finding_shows_are_told_by_their_outcomes() {
    for row in silent() {
        let mutant = design(&row.full_name());
        // A short run looks where the difference is.
        let is_asked = |name: &str| is_long() || name == row.scenario;
        for scenario in catalogue::all().iter().filter(|it| !it.cluster.needs_server() && is_asked(it.name)) {
            let verdict = explore(&subject(mutant, scenario), &Config::default());
            assert!(verdict.complete() && verdict.findings.is_empty(), "{} in {}", row.full_name(), scenario.name);
        }
        let compared = compared([design(row.sound), mutant], row.scenario);
        assert!(compared.unexplained().any(|it| it.code == Code::LW050), "{} in {}", row.full_name(), row.scenario);
        assert!(compared.differences.iter().all(|(it, _)| it.schedule.is_some()));
    }
    assert_eq!(silent().count(), 11);
}

#[test]
fn a_seeded_difference_is_told_exactly() {
    let of = |mutant: &str, scenario| texts(&compared([design("spinlock"), design(mutant)], scenario));

    assert_eq!(
        of("spinlock:grant-signals", "relock"),
        [
            "LW050 holder: 0, thread: 2; leases [READ of holder]; opens 1 writes 0; signals [thread about a of holder]; \
             waited []",
            "LW051 holder: 0, thread: 2; leases [READ of holder]; opens 1 writes 0; signals []; waited []",
        ]
    );
    assert_eq!(of("spinlock:callback-twice", "nfsd-break").len(), 2);
    assert_eq!(of("spinlock:callback-twice", "relock"), Vec::<String>::new());
}

/// `spinlock` with another lock around the calls that only look: nobody can tell.
struct LooksSplit {
    inner: Spinlock,
    looks: SpinLock,
}

impl Design for LooksSplit {
    fn open(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<Filp, Errno> {
        self.inner.open(current, inode, flags)
    }
    fn fput(&self, current: &Task, filp: Filp) {
        self.inner.fput(current, filp);
    }
    fn truncate(&self, current: &Task, inode: Inode) -> Result<(), Errno> {
        self.inner.truncate(current, inode)
    }
    fn fcntl_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<(), Errno> {
        self.inner.fcntl_setlease(current, filp, arg)
    }
    fn vfs_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<(), Errno> {
        self.inner.vfs_setlease(current, filp, arg)
    }
    fn fcntl_getlease(&self, current: &Task, filp: Filp) -> i32 {
        let _looks = self.looks.lock(current);
        self.inner.fcntl_getlease(current, filp)
    }
    fn break_lease(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<(), Errno> {
        self.inner.break_lease(current, inode, flags)
    }
    fn locks_remove_flock(&self, current: &Task, filp: Filp) {
        self.inner.locks_remove_flock(current, filp);
    }
    fn proc_locks(&self, current: &Task, inode: Inode) -> Vec<LockLine> {
        let _looks = self.looks.lock(current);
        // Gathered from the end, and turned round.
        let mut lines = self.inner.proc_locks(current, inode);
        let mut backwards: Vec<LockLine> = std::iter::from_fn(|| lines.pop()).collect();
        backwards.reverse();
        backwards
    }
}

fn looks_split(_: Kernel) -> Arc<dyn Design> {
    Arc::new(LooksSplit { inner: Spinlock::boot(), looks: SpinLock::new("looks") })
}

#[test]
fn a_lock_that_nobody_can_observe_leaves_designs_equal() {
    let split = Entry::custom("looks-split", "another lock for those who look", looks_split);
    for scenario in
        ["getlease-unlock", "lister-lsm", "leaser-writer-expiry", "own-open", "close-beside", "leaser-reader"]
    {
        let compared = compared([design("spinlock"), split], scenario);

        assert_eq!(texts(&compared), Vec::<String>::new(), "{scenario}");
        assert_eq!(compared.relation(), Some(Relation::Equal), "{scenario}");
    }
    // It does take more steps.
    let with_a_look = compared([design("spinlock"), split], "getlease-unlock");
    assert!(with_a_look.sides[1].states > with_a_look.sides[0].states);
}

/// Sums three cells under a lock while another task moves something; `turned`: from the last to the first.
fn sum(boot: &mut Boot, turned: bool, locked: bool) {
    let lock = boot.spinlock("lock");
    let cells = [0, 1, 2].map(|at: u64| boot.plain(format!("cell {at}"), at));
    boot.task("mover", move |current| {
        let _guard = lock.lock(current);
        cells[0].set(cells[0].get() + 5);
        cells[2].set(cells[2].get() - 1);
    });
    boot.task("reader", move |current| {
        let _guard = locked.then(|| lock.lock(current));
        let order = if turned { [2, 1, 0] } else { [0, 1, 2] };
        order.iter().map(|at: &usize| cells[*at].get()).sum::<u64>()
    });
}

#[test]
fn a_loop_turned_round_leaves_programs_equal_and_without_the_lock_it_does_not() {
    compare(|boot| sum(boot, false, true), |boot| sum(boot, true, true)).assert_equal();

    let unlocked = compare(|boot| sum(boot, false, true), |boot| sum(boot, true, false));
    assert_eq!(unlocked.relation(), Some(Relation::Wider));
}

#[test]
fn only_the_outcomes_tell_that_a_lock_was_split() {
    let split = lock_split::compared();

    assert_eq!(split.relation(), Some(Relation::Wider));
    assert!(split.new.verdict.findings.is_empty());
    let told: Vec<String> = split.differences().iter().map(text).collect();
    assert_eq!(told, ["LW050 total: 8", "LW050 total: 25"]);
    let panic = catch_unwind(AssertUnwindSafe(|| _ = split.assert_nothing_new())).expect_err("it fails");
    let page = panic.downcast_ref::<String>().expect("a formatted text");
    for part in
        ["something new can happen", "LW050", "ends with total: 8", "teller", "never in the old program: COMPLETE"]
    {
        assert!(page.contains(part), "{part} is missing in\n{page}");
    }
}

#[test]
fn the_exit_status_says_whether_everything_is_explained() {
    let status = |arguments: &[&str]| {
        let output = lockwright(arguments);
        (output.status.code(), stdout(&output))
    };
    let (explained, text) = status(&["compare", "bkl", "spinlock", "relock-break"]);
    assert_eq!(explained, Some(0), "{text}");
    let (unexplained, text) = status(&["compare", "spinlock", "spinlock:callback-twice", "nfsd-break"]);
    assert_eq!(unexplained, Some(1));
    assert!(text.contains("NOT EXPLAINED") && text.contains("never in spinlock: COMPLETE, "), "{text}");
    let (equal, text) = status(&["compare", "spinlock", "spinlock", "leaser-reader"]);
    assert_eq!(equal, Some(0));
    assert!(text.starts_with("EQUAL leaser-reader: "), "{text}");

    // What was not explored to the end is never said to be equal.
    let (incomplete, text) = status(&["compare", "spinlock", "spinlock", "leaser-reader", "--states-max", "20"]);
    assert_eq!(incomplete, Some(3));
    assert!(text.contains("INCOMPLETE (stopped after 20 states)") && !text.contains("EQUAL"), "{text}");

    for wrong in [&["compare", "bkl"][..], &["compare", "bkl", "spinlok"], &["compare", "bkl", "spinlock", "nowhere"]] {
        assert_eq!(status(wrong).0, Some(2), "{wrong:?}");
    }
    assert_eq!(status(&["compare", "bkl", "spinlock", "relock", "--engine", "random"]).0, Some(2));
}

#[test]
fn a_difference_is_saved_and_replayed() {
    let saved = directory("compare");
    let arguments = ["compare", "spinlock", "spinlock:callback-twice", "nfsd-break", "--save"];
    lockwright(&[&arguments[..], &[saved.to_str().unwrap()]].concat());

    let file = std::fs::read_dir(&saved).unwrap().map(|file| file.unwrap().path());
    let file = file.filter(|file| file.to_str().unwrap().contains("LW050")).min().expect("a schedule was saved");
    let replayed = stdout(&lockwright(&["replay", file.to_str().unwrap()]));
    assert!(replayed.contains("ends with nfsd: 0, opener: "), "{replayed}");
    assert!(replayed.contains("signals [2 times call-back about a of nfsd]"), "{replayed}");
}
