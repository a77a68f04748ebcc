//! Random small casts of tasks on the new design: every interleaving, no finding.

use std::sync::Arc;

use lockwright::check::Code;
use lockwright::engine::Clock;
use lockwright::explore::{Config, Verdict, explore};
use lockwright::kernel::Faults;
use lockwright::lease::{F_RDLCK, F_UNLCK, F_WRLCK, OpenFlags, designs};
use lockwright::scenario::{self, Call, ClusterSpec, FsKind, NodeSpec, Scenario, TaskSpec};
use proptest::prelude::*;

const READ: OpenFlags = OpenFlags { write: false, nonblock: false, trunc: false, by_link: false };
const WRITE: OpenFlags = OpenFlags { write: true, ..READ };

fn flags() -> impl Strategy<Value = OpenFlags> {
    let any = (any::<bool>(), any::<bool>(), any::<bool>(), prop::bool::weighted(0.3));
    any.prop_map(|(write, nonblock, trunc, by_link)| OpenFlags { write, nonblock, trunc: write && trunc, by_link })
}

fn call(other: u8) -> impl Strategy<Value = Call> {
    let handle = || prop_oneof![3 => Just("a"), 1 => Just("b")];
    let arg = || prop_oneof![Just(F_RDLCK), Just(F_WRLCK), Just(F_UNLCK)];
    prop_oneof![
        1 => flags().prop_map(|flags| Call::Open("a", flags)),
        3 => flags().prop_map(|flags| Call::Open("b", flags)),
        6 => (handle(), arg()).prop_map(|(handle, arg)| Call::SetLease(handle, arg)),
        2 => handle().prop_map(Call::Close),
        1 => (handle(), handle()).prop_map(|(from, to)| Call::Dup(from, to)),
        1 => handle().prop_map(Call::GetLease),
        1 => Just(Call::Truncate),
        1 => Just(Call::Interrupt(other)),
        1 => Just(Call::Locks),
    ]
}

/// What the two tasks have done before: all of it succeeds when done one after the other.
fn before() -> impl Strategy<Value = (Vec<Call>, Vec<Call>)> {
    let open = |flags| Call::Open("a", flags);
    let lease = |arg| Call::SetLease("a", arg);
    prop_oneof![
        Just((vec![open(READ)], vec![])),
        Just((vec![open(READ)], vec![open(READ)])),
        Just((vec![open(READ)], vec![open(WRITE)])),
        Just((vec![open(READ), lease(F_RDLCK)], vec![])),
        Just((vec![open(READ), lease(F_RDLCK)], vec![open(READ)])),
        Just((vec![open(READ), lease(F_RDLCK)], vec![open(READ), lease(F_RDLCK)])),
        Just((vec![open(READ), lease(F_WRLCK)], vec![])),
        Just((vec![open(WRITE), lease(F_WRLCK)], vec![])),
    ]
}

/// The leases of an in-kernel owner, for the whole task: no description has owners of both kinds.
fn by_kernel(calls: Vec<Call>, in_kernel: bool) -> Vec<Call> {
    let owned = |call| match call {
        Call::SetLease(handle, arg) if in_kernel => Call::VfsSetLease(handle, arg),
        call => call,
    };
    calls.into_iter().map(owned).collect()
}

fn cast() -> impl Strategy<Value = Arc<Scenario>> {
    let calls = |other| prop::collection::vec(call(other), 1..3);
    let clock = prop_oneof![Just(Clock::Free), Just(Clock::Quiescent)];
    let faults = prop_oneof![3 => Just((false, false)), 1 => Just((true, false)), 1 => Just((false, true))];
    let nfsd = (prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    let shares = prop::bool::weighted(0.4);
    (before(), calls(1), calls(0), nfsd, clock, faults, prop_oneof![Just(0), Just(45)], shares).prop_map(
        |((before, other_before), calls, other_calls, nfsd, clock, (memory, lsm), lease_break_time, shares)| {
            let task = |name, before, calls, in_kernel, shares| {
                let (before, calls) = (by_kernel(before, in_kernel), by_kernel(calls, in_kernel));
                TaskSpec { name, before, calls, shares }
            };
            let first = task("first", before, calls, nfsd.0, None);
            let second = match shares {
                true => task("second", Vec::new(), other_calls, nfsd.0, Some(0)),
                false => task("second", other_before, other_calls, nfsd.1, None),
            };
            Arc::new(Scenario {
                name: "cast",
                about: "random",
                tasks: vec![first, second],
                faults: Faults { memory, lsm },
                clock,
                lease_break_time,
                cluster: ClusterSpec::default(),
            })
        },
    )
}

/// Without a time limit an opener waits for ever for a holder that never gives its lease up: its right, and no bug.
fn holder_keeps_its_lease(scenario: &Scenario, verdict: &Verdict) -> bool {
    scenario.lease_break_time == 0 && verdict.deadlocks.texts().iter().all(|outcome| outcome.contains(" breaking"))
}

/// What is wrong with the new design in the scenario, if anything is.
fn bad_findings(scenario: &Arc<Scenario>) -> Vec<String> {
    let design = designs::find("spinlock").expect("the design is listed");
    let verdict = explore(&scenario::subject(design, scenario), &Config::default());
    assert_eq!(verdict.bound, None);
    verdict
        .findings
        .iter()
        .filter(|found| found.finding.code != Code::LW008 || !holder_keeps_its_lease(scenario, &verdict))
        .map(|found| format!("{} {}: {:?}", found.finding.code, found.finding.message, found.schedule))
        .collect()
}

/// A third task that comes from outside, with one call.
fn visit() -> impl Strategy<Value = Call> {
    prop_oneof![
        4 => flags().prop_map(|flags| Call::Open("a", flags)),
        1 => Just(Call::Truncate),
        1 => Just(Call::Locks),
        1 => Just(Call::Interrupt(0)),
    ]
}

proptest! {
    #![proptest_config(crate::config(256))]

    #[test]
    fn new_design_is_clean_whatever_two_tasks_do(scenario in cast()) {
        let bad = bad_findings(&scenario);
        prop_assert!(bad.is_empty(), "{bad:#?}");
    }
}

proptest! {
    #![proptest_config(crate::config(16))]

    #[test]
    fn new_design_is_clean_with_a_visitor_beside_two_tasks(scenario in cast(), visit in visit()) {
        let mut scenario = Scenario::clone(&scenario);
        scenario.tasks.iter_mut().for_each(|task| task.calls.truncate(1));
        scenario.tasks.push(TaskSpec { name: "visitor", before: vec![], calls: vec![visit], shares: None });
        let bad = bad_findings(&Arc::new(scenario));
        prop_assert!(bad.is_empty(), "{bad:#?}");
    }
}

/// One node or two on a file server, who may refuse.
fn cluster() -> impl Strategy<Value = ClusterSpec> {
    let nodes = ["a", "b"].map(|name| NodeSpec { name, fs: FsKind::Network }).to_vec();
    (
        prop_oneof![1 => Just(vec![0, 0, 1]), 2 => Just(vec![0, 1, 0]), 1 => Just(vec![0, 1, 1])],
        prop::bool::weighted(0.2),
    )
        .prop_map(move |(homes, server_refuses)| ClusterSpec { nodes: nodes.clone(), homes, server_refuses })
}

proptest! {
    #![proptest_config(crate::config(192))]

    #[test]
    fn new_design_is_clean_whatever_two_tasks_of_a_cluster_do(scenario in cast(), cluster in cluster()) {
        // Who shares its descriptors is on the same node.
        let mut cluster = cluster;
        if let Some(of) = scenario.tasks[1].shares {
            cluster.homes[1] = cluster.homes[of];
        }
        let scenario = Arc::new(Scenario { cluster, ..Scenario::clone(&scenario) });
        let bad = bad_findings(&scenario);
        prop_assert!(bad.is_empty(), "{bad:#?}");
    }
}
