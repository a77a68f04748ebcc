//! The lease case: seeded mutants are caught, the new design is clean, and a design that lies is not believed.

use std::collections::BTreeSet;
use std::sync::Arc;

use lockwright::check::Code;
use lockwright::event::View;
use lockwright::explore::{Config, EngineKind, Verdict, explore};
use lockwright::kernel::fasync::f_delown;
use lockwright::kernel::task::Task;
use lockwright::kernel::{Kernel, Result};
use lockwright::lease::designs::{self, Entry};
use lockwright::lease::spinlock::Spinlock;
use lockwright::lease::{Design, F_UNLCK, Filp, Inode, LockLine, OpenFlags};
use lockwright::scenario::{self, Scenario, catalogue};
use lockwright::study::mutants::Row;

use crate::matrix::{self, is_long, sample};

fn run(design: Entry, scenario: &Arc<Scenario>) -> Verdict {
    let verdict = explore(&scenario::subject(design, scenario), &Config::default());
    assert_eq!(verdict.bound, None, "{} in {}", design.name, scenario.name);
    verdict
}

fn named(design: &str) -> Entry {
    lockwright::study::design(design).expect("the design is listed")
}

#[test]
fn spinlock_is_clean_and_complete_in_every_scenario() {
    assert_eq!(matrix::of("spinlock").count(), catalogue::all().len());
    for (cell, verdict) in matrix::of("spinlock") {
        assert!(verdict.complete(), "{}", cell.scenario.name);
        assert_eq!(verdict.codes(), BTreeSet::new(), "{}", cell.scenario.name);
    }
}

#[test]
fn mutant_without_barriers_is_invisible_under_sequential_consistency() {
    for scenario in catalogue::all() {
        assert_eq!(run(named("spinlock:no-barrier"), &scenario).codes(), BTreeSet::new(), "{}", scenario.name);
    }
}

#[test]
fn every_scenario_kills_a_mutant() {
    // An allocation under the lock is caught wherever a lease is touched: it says little of a scenario.
    let telling = |row: &&Row| !row.weak_memory && row.code != Code::LW050 && !["M11", "M12"].contains(&row.number);
    let of_spinlock: Vec<&Row> =
        lockwright::study::mutants::seeded().filter(|row| row.of == "spinlock").filter(telling).collect();
    for scenario in sample(catalogue::all(), 3) {
        // First those that are said to be caught there; then the last, among which are those of the cluster.
        let mut rows = of_spinlock.clone();
        rows.sort_by_key(|row| row.scenario == scenario.name);
        let kills = |row: &&Row| !run(named(&row.full_name()), &scenario).codes().is_empty();
        let of_flocks =
            lockwright::study::mutants::seeded().any(|row| row.of == "flocks" && row.scenario == scenario.name);
        let killed = of_flocks || rows.iter().rev().any(kills);

        assert!(killed, "{} kills nothing", scenario.name);
    }
}

#[test]
fn brute_force_finds_the_same_where_it_can_end() {
    for name in ["two-leasers", "leaser-unlock", "getlease-unlock", "kernel-leaser"] {
        for design in designs::DESIGNS {
            let subject = scenario::subject(*design, &catalogue::find(name).expect("the scenario is listed"));
            let executions_max = if is_long() { 20_000 } else { 1_000 };
            let bounded = Config { executions_max, ..Config::with_engine(EngineKind::Brute) };
            let (explorer, brute) = (explore(&subject, &Config::default()), explore(&subject, &bounded));

            assert!(brute.codes().is_subset(&explorer.codes()), "{} in {name}", design.name);
            assert!(brute.outcomes.is_subset(&explorer.outcomes), "{} in {name}", design.name);
            if brute.complete() {
                assert_eq!((brute.codes(), brute.outcomes), (explorer.codes(), explorer.outcomes));
            }
        }
    }
}

/// What is wrong with a [`Liar`].
#[derive(Clone, Copy, PartialEq)]
enum Lie {
    /// Nothing: it does what the design behind it does.
    None,
    /// It says yes and lists nothing.
    GrantsNothing,
    /// It opens without asking for leases to go.
    NeverBreaks,
    /// It tells the lease's in-kernel callback instead of the process that asked.
    TellsTheKernel,
    /// It forgets whom the signals go to.
    TellsNobody,
}

/// The new design behind a front that lies.
struct Liar(Spinlock, Lie);

fn liar(lie: Lie) -> Entry {
    fn boot(_kernel: Kernel, lie: Lie) -> Arc<dyn Design> {
        Arc::new(Liar(Spinlock::boot(), lie))
    }
    match lie {
        Lie::None => Entry::custom("honest", "a front that adds nothing", |kernel| boot(kernel, Lie::None)),
        Lie::GrantsNothing => Entry::custom("empty", "lists nothing", |kernel| boot(kernel, Lie::GrantsNothing)),
        Lie::NeverBreaks => Entry::custom("deaf", "never breaks a lease", |kernel| boot(kernel, Lie::NeverBreaks)),
        Lie::TellsTheKernel => Entry::custom("misled", "tells another", |kernel| boot(kernel, Lie::TellsTheKernel)),
        Lie::TellsNobody => Entry::custom("mute", "tells nobody", |kernel| boot(kernel, Lie::TellsNobody)),
    }
}

impl Design for Liar {
    fn fcntl_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        match self.1 {
            Lie::GrantsNothing => Ok(()),
            Lie::TellsTheKernel => self.0.vfs_setlease(current, filp, arg),
            Lie::TellsNobody if arg != F_UNLCK => {
                self.0.fcntl_setlease(current, filp, arg)?;
                f_delown(current, filp.owner());
                Ok(())
            }
            _ => self.0.fcntl_setlease(current, filp, arg),
        }
    }

    fn open(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<Filp> {
        if self.1 != Lie::NeverBreaks {
            return self.0.open(current, inode, flags);
        }
        inode.path_get(current, flags.by_link);
        if flags.write {
            inode.get_write_access(current);
        }
        Ok(Filp::alloc(inode, flags))
    }

    fn fput(&self, current: &Task, filp: Filp) {
        self.0.fput(current, filp);
    }

    fn truncate(&self, current: &Task, inode: Inode) -> Result<()> {
        self.0.truncate(current, inode)
    }

    fn vfs_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        self.0.vfs_setlease(current, filp, arg)
    }

    fn fcntl_getlease(&self, current: &Task, filp: Filp) -> i32 {
        self.0.fcntl_getlease(current, filp)
    }

    fn break_lease(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<()> {
        self.0.break_lease(current, inode, flags)
    }

    fn locks_remove_flock(&self, current: &Task, filp: Filp) {
        self.0.locks_remove_flock(current, filp);
    }

    fn proc_locks(&self, current: &Task, inode: Inode) -> Vec<LockLine> {
        self.0.proc_locks(current, inode)
    }

    fn leases(&self, view: &dyn View, inode: Inode) -> Vec<lockwright::lease::Listed> {
        self.0.leases(view, inode)
    }
}

#[test]
fn design_that_lies_is_not_believed() {
    let codes = |lie, scenario| run(liar(lie), &catalogue::find(scenario).expect("the scenario is listed")).codes();

    for scenario in ["leaser-reader", "leaser-writer", "leaser-iget"] {
        assert_eq!(codes(Lie::None, scenario), BTreeSet::new(), "{scenario}");
        assert_eq!(codes(Lie::NeverBreaks, scenario), BTreeSet::from([Code::LW030, Code::LW040]), "{scenario}");
        assert_eq!(codes(Lie::TellsTheKernel, scenario), BTreeSet::from([Code::LW031]), "{scenario}");
        assert_eq!(codes(Lie::TellsNobody, scenario), BTreeSet::from([Code::LW031]), "{scenario}");
    }
}

#[test]
fn lease_that_was_never_listed_is_a_wrong_result_and_no_broken_promise() {
    // LW030 and LW031 are about leases that are listed: it is the answer that nothing explains.
    let verdict = run(liar(Lie::GrantsNothing), &catalogue::find("leaser-reader").expect("the scenario is listed"));

    assert_eq!(verdict.codes(), BTreeSet::from([Code::LW040]));
    assert_eq!(
        verdict.findings[0].finding.message,
        "no order of the calls explains that opener's a = open(file, O_RDONLY) returned 0"
    );
    assert!(verdict.outcomes.texts().iter().all(|outcome| outcome.contains("leases []")), "{:?}", verdict.outcomes);
}

#[test]
fn a_set_up_that_takes_a_lock_twice_waits_for_itself() {
    let scenario = catalogue::find("leaser-unlock").unwrap();
    let verdict = explore(&scenario::subject(named("sed"), &scenario), &Config::default());

    let [found] = &verdict.findings[..] else { panic!("{:?}", verdict.findings) };
    assert_eq!(found.finding.code, Code::LW001);
    assert_eq!(found.finding.message, "the set-up waits for kernel_flag, which it holds itself");
    let other = found.finding.other.as_ref().expect("a race has two places");
    assert_ne!(found.finding.at.0.place, other.0.place);
}
