//! The cluster: what the file server knows, what the checks make of it, and the designs of the mail that it brings down.

use std::collections::BTreeSet;
use std::sync::Arc;

use lockwright::check::Code;
use lockwright::explore::{Config, EngineKind, Verdict, explore};
use lockwright::kernel::task::Task;
use lockwright::kernel::{Errno, Faults, Kernel, Result};
use lockwright::lease::designs::{self, DESIGNS, Entry};
use lockwright::lease::spinlock::Spinlock;
use lockwright::lease::{Design, F_RDLCK, F_UNLCK, F_WRLCK, FileSystem, Filp, Inode, LockLine, OpenFlags};
use lockwright::scenario::{Call, ClusterSpec, FsKind, NodeSpec, Scenario, TaskSpec, catalogue, subject};
use lockwright::study::cells;

use crate::matrix::{self, is_long, sample};

const READ: OpenFlags = OpenFlags { write: false, nonblock: false, trunc: false, by_link: false };
const OPEN: Call = Call::Open("a", READ);

fn run_with(design: Entry, scenario: &Arc<Scenario>, engine: EngineKind) -> Verdict {
    explore(&subject(design, scenario), &Config::with_engine(engine))
}

fn run(design: Entry, scenario: &Arc<Scenario>) -> Verdict {
    let verdict = run_with(design, scenario, EngineKind::Explorer);
    assert!(verdict.complete(), "{} in {}", design.full_name(), scenario.name);
    verdict
}

fn named(design: &str) -> Entry {
    lockwright::study::design(design).expect("the design is listed")
}

fn listed(scenario: &str) -> Arc<Scenario> {
    catalogue::find(scenario).expect("the scenario is listed")
}

/// Code, subject and message of each finding.
fn findings(verdict: &Verdict) -> Vec<String> {
    let text = |it: &lockwright::check::Finding| format!("{} {}: {}", it.code, it.subject, it.message);
    verdict.findings.iter().map(|found| text(&found.finding)).collect()
}

fn found(design: &str, scenario: &str) -> Vec<String> {
    findings(&run(named(design), &listed(scenario)))
}

fn task(name: &'static str, before: &[Call], calls: &[Call]) -> TaskSpec {
    TaskSpec { name, before: before.to_vec(), calls: calls.to_vec(), shares: None }
}

/// Tasks on the nodes `a` and `b`, which are on this file system.
fn on(fs: FsKind, homes: &[usize], tasks: Vec<TaskSpec>) -> Scenario {
    let nodes = ["a", "b"].map(|name| NodeSpec { name, fs }).to_vec();
    let cluster = ClusterSpec { nodes, homes: homes.to_vec(), server_refuses: false };
    Scenario { name: "own", about: "of a test", tasks, cluster, ..Scenario::clone(&listed("two-leasers")) }
}

// LW032

#[test]
fn a_lease_that_the_server_granted_and_the_node_refused_is_an_orphan() {
    assert_eq!(
        found("spinlock:answer-kept", "remote-refused"),
        [
            "LW032 server lease: the server's WRITE#1 lease of node a is held by nobody there",
            "LW032 server lease, all closed: the server's WRITE#1 lease of node a is held by nobody there when everything is closed",
        ]
    );
    assert_eq!(found("spinlock", "remote-refused"), [""; 0]);
}

#[test]
fn a_lease_given_back_for_another_is_one_that_the_server_does_not_know() {
    assert_eq!(
        found("spinlock:loser-gives-back", "remote-loser"),
        ["LW032 local lease: lease@winner.15 is in force on node a, and the server does not know it"]
    );
    assert_eq!(
        found("spinlock:held-lease-believed", "remote-held"),
        ["LW032 local lease: lease@leaser.1 is in force on node a, and the server does not know it"]
    );
    assert_eq!(found("spinlock", "remote-loser"), [""; 0]);
    assert_eq!(found("spinlock", "remote-held"), [""; 0]);
}

#[test]
fn what_closes_without_a_word_is_left_with_the_server() {
    let all_closed = "LW032 server lease, all closed: the server's WRITE#1 lease of node a is held by nobody there when everything is closed";
    let found = found("spinlock:server-not-told", "remote-close");

    assert!(found.contains(&all_closed.to_owned()), "{found:?}");
    assert_eq!(run(named("spinlock"), &listed("remote-close")).codes(), BTreeSet::new());
}

// LW033

/// What is wrong with a [`Liar`] in a cluster.
#[derive(Clone, Copy, PartialEq)]
enum Lie {
    /// It takes leases as on a local file, and the server hears nothing.
    AsksNobody,
    /// F_UNLCK answers ENOMEM and does nothing.
    KeepsAndFails,
    /// F_UNLCK answers ENOMEM, and the lease is gone all the same.
    FailsAndUnlocks,
    /// F_UNLCK answers EACCES and does nothing, as where the security module refuses.
    Refuses,
}

/// The new design behind a front that lies.
struct Liar(Spinlock, Lie);

fn liar(lie: Lie) -> Entry {
    fn boot(lie: Lie) -> Arc<dyn Design> {
        Arc::new(Liar(Spinlock::boot(), lie))
    }
    let boot: fn(Kernel) -> Arc<dyn Design> = match lie {
        Lie::AsksNobody => |_| boot(Lie::AsksNobody),
        Lie::KeepsAndFails => |_| boot(Lie::KeepsAndFails),
        Lie::FailsAndUnlocks => |_| boot(Lie::FailsAndUnlocks),
        Lie::Refuses => |_| boot(Lie::Refuses),
    };
    Entry::custom("liar", "a front that lies", boot)
}

impl Design for Liar {
    fn fcntl_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        let local = Filp { inode: filp.inode.on(FileSystem::Local), ..filp };
        match self.1 {
            Lie::AsksNobody => self.0.fcntl_setlease(current, local, arg),
            _ if arg != F_UNLCK => self.0.fcntl_setlease(current, filp, arg),
            Lie::KeepsAndFails => Err(Errno::ENOMEM),
            Lie::FailsAndUnlocks => self.0.fcntl_setlease(current, filp, arg).and(Err(Errno::ENOMEM)),
            Lie::Refuses => Err(Errno::EACCES),
        }
    }

    fn vfs_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        self.0.vfs_setlease(current, filp, arg)
    }

    fn open(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<Filp> {
        self.0.open(current, inode, flags)
    }

    fn fput(&self, current: &Task, filp: Filp) {
        self.0.fput(current, filp);
    }

    fn truncate(&self, current: &Task, inode: Inode) -> Result<()> {
        self.0.truncate(current, inode)
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
}

#[test]
fn an_unlock_that_fails_is_found_if_the_lease_stays_and_only_then() {
    let unlock = listed("unlock-break");

    assert_eq!(
        findings(&run(liar(Lie::KeepsAndFails), &unlock)),
        [
            "LW008 standstill: no task can run: opener sleeps",
            "LW033 unlock: F_UNLCK of holder failed with error 12, and the lease stays",
            "LW040 result: no order of the calls explains that holder's fcntl(a, F_SETLEASE, F_UNLCK) returned ENOMEM"
        ]
    );
    // What is gone does not stay, and a refusal is an answer. That neither was called for is LW040's to say.
    assert_eq!(run(liar(Lie::FailsAndUnlocks), &unlock).codes(), BTreeSet::from([Code::LW040]));
    assert_eq!(run(liar(Lie::Refuses), &unlock).codes(), BTreeSet::from([Code::LW008, Code::LW040]));
}

#[test]
fn an_unlock_needs_memory_in_the_proposal_and_none_in_the_new_design() {
    let of = |design| run(named(design), &listed("opener-enomem")).codes();

    assert!(of("proposal").contains(&Code::LW033));
    assert!(of("proposal_bkl").contains(&Code::LW033));
    assert!(!of("bkl").contains(&Code::LW033));
    assert_eq!(of("spinlock"), BTreeSet::new());
}

#[test]
fn a_design_that_asks_no_server_is_not_believed() {
    let verdict = run(liar(Lie::AsksNobody), &listed("remote-leaser"));

    assert!(verdict.codes().contains(&Code::LW032), "{:?}", findings(&verdict));
    assert!(findings(&verdict).iter().any(|text| text.starts_with("LW032 local lease")), "{:?}", findings(&verdict));
}

// LW034

#[test]
fn taking_the_common_open_check_out_hands_delegations_out_beside_local_users() {
    let verdict = run(named("spinlock:no-common-check"), &listed("remote-delegation"));

    assert_eq!(
        findings(&verdict),
        [
            "LW030 lease: the READ lease of nfsd is in force while the set-up has the file open for write",
            "LW034 delegation: nfsd hands a READ delegation out while the set-up has the file open for write",
        ]
    );
    assert_eq!(found("spinlock", "remote-delegation"), [""; 0]);
}

#[test]
fn no_design_that_has_the_check_hands_out_what_it_saw_in_use() {
    for design in DESIGNS {
        let codes = run(*design, &listed("remote-delegation")).codes();
        assert!(!codes.contains(&Code::LW034), "{}: {codes:?}", design.name);
    }
}

// The designs

#[test]
fn each_design_of_the_mail_fails_as_the_mail_says() {
    let all = |design| -> BTreeSet<Code> { matrix::of(design).flat_map(|(_, verdict)| verdict.codes()).collect() };

    assert_eq!(all("held"), BTreeSet::from([Code::LW002, Code::LW030, Code::LW032]));
    assert_eq!(all("exported"), BTreeSet::from([Code::LW020, Code::LW030, Code::LW032]));
    let proposal = all("proposal");
    for code in [Code::LW002, Code::LW030, Code::LW032, Code::LW033] {
        assert!(proposal.contains(&code), "{code}");
    }
}

#[test]
fn held_sleeps_at_the_server_and_the_proposal_in_fasync() {
    let subjects = |design: &str, scenario: &str| -> Vec<&'static str> {
        let verdict = run(named(design), &listed(scenario));
        let atomic = verdict.findings.iter().filter(|found| found.finding.code == Code::LW002);
        atomic.map(|found| found.finding.subject.as_str()).collect()
    };

    assert_eq!(subjects("held", "remote-leaser"), ["rpc_call"]);
    assert_eq!(subjects("held", "two-leasers"), [""; 0], "a local file system has nothing to say");
    assert_eq!(subjects("exported", "remote-leaser"), [""; 0]);
    assert_eq!(subjects("proposal", "remote-leaser"), ["kmalloc(GFP_KERNEL)"]);
    assert_eq!(subjects("proposal_bkl", "remote-leaser"), [""; 0], "the BKL is given back");
}

#[test]
fn a_file_system_that_refuses_is_believed_by_every_design() {
    let calls = [Call::SetLease("a", F_RDLCK), Call::SetLease("a", F_UNLCK), Call::VfsSetLease("a", F_WRLCK)];
    let scenario = Arc::new(on(FsKind::Refusing, &[0], vec![task("leaser", &[OPEN], &calls)]));
    for design in DESIGNS {
        let verdict = run(*design, &scenario);

        if design.name == "sed" {
            // It waits for itself before it asks anybody.
            assert_eq!(verdict.codes(), BTreeSet::from([Code::LW001]));
            continue;
        }

        let outcome = "leaser: -22 -22 -22; leases [] on a; opens 1 writes 0; leases [] on b; opens 0 writes 0";
        let outcomes: Vec<String> =
            verdict.outcomes.texts().iter().map(|it| it.replace(" on a", "").replace(" on b", "")).collect();
        assert_eq!(outcomes, [outcome.replace(" on a", "").replace(" on b", "")], "{}", design.name);
        // As shipped, flocks leaves it to the file system to free what it refuses (M18), and none does.
        let leaks = BTreeSet::from_iter((design.name == "flocks").then_some(Code::LW022));
        assert_eq!(verdict.codes(), leaks, "{}", design.name);
    }
    assert_eq!(run(designs::FLOCKS_FIXED, &scenario).codes(), BTreeSet::new());
}

#[test]
fn what_a_file_system_refuses_leaks_by_its_own_bug_and_no_other() {
    let codes = |design: &str, scenario: &str| run(named(design), &listed(scenario)).codes();
    let leak = BTreeSet::from([Code::LW022]);

    assert_eq!(codes("flocks:leaked-by-file-system", "refused-leaser"), leak);
    assert_eq!(
        codes("flocks:leaked-by-file-system", "relock-lsm"),
        BTreeSet::new(),
        "the security module refuses there"
    );
    assert_eq!(codes("flocks:leaked-on-early-exit", "refused-leaser"), BTreeSet::new());
    assert_eq!(codes("flocks:leaked-on-early-exit", "relock-lsm"), leak);
}

#[test]
fn a_server_may_refuse_and_the_new_design_keeps_nothing() {
    let holder = vec![task("leaser", &[OPEN], &[Call::SetLease("a", F_WRLCK)]), task("opener", &[], &[OPEN])];
    let mut scenario = on(FsKind::Network, &[0, 1], holder);
    let outcomes = |scenario: &Scenario| run(named("spinlock"), &Arc::new(scenario.clone())).outcomes.texts();
    let agreed = outcomes(&scenario);
    scenario.cluster.server_refuses = true;
    let moody = outcomes(&scenario);

    assert!(agreed.is_subset(&moody));
    assert!(moody.iter().any(|outcome| outcome.starts_with("leaser: -11, opener: 0; ")), "{moody:?}");
    assert!(agreed.iter().any(|outcome| outcome.starts_with("leaser: 0, opener: 0; ")), "{agreed:?}");
    assert_eq!(run(named("spinlock"), &Arc::new(scenario)).codes(), BTreeSet::new());
}

// The model

#[test]
fn two_nodes_open_at_once_in_all_orders() {
    let opener = |name| task(name, &[], &[OPEN]);
    let scenario = Arc::new(on(FsKind::Network, &[0, 1], vec![opener("left"), opener("right")]));

    let verdict = run_with(named("spinlock"), &scenario, EngineKind::Brute);

    // Five steps each: d_count, the barrier, i_flock; then the server's table, looked at and exchanged. If the other has
    // exchanged it in between, the exchange fails and is made again, alone by then: C(10, 5) orders.
    assert_eq!((verdict.executions, verdict.outcomes.len()), (252, 1));
    assert!(verdict.complete() && verdict.findings.is_empty());
}

#[test]
fn a_scenario_without_a_server_is_what_it_was() {
    let alone = listed("leaser-reader");
    let mut with_node = Scenario::clone(&alone);
    with_node.cluster.nodes = vec![NodeSpec { name: "a", fs: FsKind::Local }];

    for design in DESIGNS {
        let (one, other) = (run(*design, &alone), run(*design, &Arc::new(with_node.clone())));

        assert_eq!((one.states, one.executions), (other.states, other.executions), "{}", design.name);
        assert_eq!(one.outcomes, other.outcomes, "{}", design.name);
    }
}

#[test]
fn explorer_and_brute_force_agree_on_a_cluster_where_brute_force_ends() {
    let unlock = task("holder", &[OPEN, Call::VfsSetLease("a", F_RDLCK)], &[Call::VfsSetLease("a", F_UNLCK)]);
    let opener = task("opener", &[], &[Call::Open("a", OpenFlags { nonblock: true, ..READ })]);
    let scenario = Arc::new(on(FsKind::Network, &[0, 1], vec![unlock, opener]));
    for design in sample(vec!["spinlock:server-told-first", "spinlock", "held"], 3) {
        // A short run does not wait for the end of brute force.
        let executions_max = if is_long() { u64::MAX } else { 5_000 };
        let bounded = Config { executions_max, ..Config::with_engine(EngineKind::Brute) };
        let brute = explore(&subject(named(design), &scenario), &bounded);
        let explorer = run(named(design), &scenario);

        assert_eq!(brute.complete(), is_long(), "{design}");
        assert!(brute.codes().is_subset(&explorer.codes()) && brute.outcomes.is_subset(&explorer.outcomes), "{design}");
        if is_long() {
            assert_eq!((explorer.codes(), explorer.outcomes), (brute.codes(), brute.outcomes), "{design}");
        }
    }
}

#[test]
fn scenarios_of_the_cluster_have_two_nodes_and_up_to_three_tasks() {
    let of_cluster: Vec<usize> = catalogue::all()
        .iter()
        .filter(|scenario| scenario.cluster.needs_server())
        .map(|scenario| scenario.tasks.len())
        .collect();

    assert_eq!((of_cluster.iter().filter(|tasks| **tasks == 2).count(), of_cluster.len()), (11, 13));
}

#[test]
fn a_design_that_knows_no_servers_has_no_cell_with_one() {
    let deaf = Entry::custom("deaf", "knows local files only", |_| Arc::new(Spinlock::boot())).without_servers();
    let scenarios = ["two-leasers", "refused-leaser", "remote-leaser"].map(listed);
    let cells = cells::cells(&[deaf, named("spinlock")], &scenarios);

    let names: Vec<(&str, &str)> = cells.iter().map(|cell| (cell.design.name, cell.scenario.name)).collect();
    let of = |design| scenarios.iter().map(move |scenario| (design, scenario.name));
    assert_eq!(names, of("deaf").take(2).chain(of("spinlock")).collect::<Vec<_>>());
}

#[test]
fn the_loom_engine_runs_a_cluster_and_agrees() {
    let scenario = listed("remote-delegation");
    for design in ["spinlock", "spinlock:no-common-check"] {
        let (loom, explorer) = (run_with(named(design), &scenario, EngineKind::Loom), run(named(design), &scenario));

        assert!(loom.complete(), "{design}");
        assert_eq!((loom.codes(), loom.outcomes), (explorer.codes(), explorer.outcomes), "{design}");
    }
}

#[test]
fn allocations_may_fail_on_a_node_and_the_new_design_owes_the_server_nothing() {
    let calls = [Call::SetLease("a", F_WRLCK), Call::SetLease("a", F_RDLCK)];
    let tasks = vec![task("leaser", &[OPEN], &calls), task("opener", &[], &[Call::Truncate])];
    let scenario =
        Arc::new(Scenario { faults: Faults { memory: true, lsm: true }, ..on(FsKind::Network, &[0, 1], tasks) });

    assert_eq!(run(named("spinlock"), &scenario).codes(), BTreeSet::new());
}
