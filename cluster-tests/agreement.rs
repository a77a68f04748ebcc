//! One exploration by several workers and processes says what one worker says.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use lockwright::check::Code;
use lockwright::engine::controlled::Limits;
use lockwright::explore::cluster::Mistake;
use lockwright::explore::schedule::{Guide, replay};
use lockwright::explore::{Bound, Cluster, Config, EngineKind, Subject, Verdict, explore, explore_on_cluster};
use lockwright::program::family::Family;
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{LockKind, Small, Stmt};

fn explicit() -> Config {
    Config::with_engine(EngineKind::Explicit)
}

fn program<const N: usize>(tasks: [&[Stmt]; N]) -> Arc<dyn Subject> {
    let small = Small {
        tasks: tasks.iter().map(|task| task.to_vec()).collect(),
        locks: vec![LockKind::Spin, LockKind::Spin],
        cells: vec![0, 0],
        atomics: vec![0, 0],
        queues: 1,
        slots: 1,
        ..Small::default()
    };
    small.subject()
}

fn family(name: &str) -> Arc<dyn Subject> {
    name.parse::<Family>().expect("a family").subject()
}

fn on(subject: &Arc<dyn Subject>, config: &Config, cluster: &Cluster) -> Verdict {
    let explored = explore_on_cluster(subject, config, cluster).unwrap_or_else(|error| panic!("{error}"));
    explored.expect("process 0 has the verdict").0
}

/// All that does not depend on who comes first.
type Said = (u64, Option<Bound>, Vec<(Code, String)>, Vec<String>, Vec<String>);

fn said(verdict: &Verdict) -> Said {
    let findings = verdict.findings.iter().map(|found| (found.finding.code, found.finding.subject.to_string()));
    let texts = |outcomes: &lockwright::explore::Outcomes| outcomes.texts().into_iter().collect();
    (verdict.states, verdict.bound, findings.collect(), texts(&verdict.outcomes), texts(&verdict.deadlocks))
}

/// Programs with findings of every kind that the engine has: by a state, by a step, at the end, of several executions.
fn programs() -> Vec<(&'static str, Arc<dyn Subject>)> {
    const INC: Stmt = AtomicInc(0);
    vec![
        ("counting", program([&[INC; 3], &[INC; 3], &[INC; 2]])),
        ("a race", program([&[Inc(0), Store(1, 2)], &[Load(0), Inc(1)]])),
        (
            "both orders",
            program([&[Lock(0), Lock(1), Unlock(1), Unlock(0)], &[Lock(1), Lock(0), Unlock(0), Unlock(1)]]),
        ),
        (
            "orders of two executions",
            program([
                &[Lock(0), Lock(1), Unlock(1), Unlock(0), StoreOnce(0, 1), Wake(0)],
                &[Wait(0, 0, 1, None), Lock(1), Lock(0), Unlock(0), Unlock(1)],
            ]),
        ),
        ("used after it was freed", program([&[Alloc(0), StoreOnce(0, 1), Free(0)], &[LoadOnce(0), Use(0)]])),
        ("held at the end", program([&[Lock(0), INC], &[TryLock(0, 1), INC]])),
        ("a wait with a timeout", program([&[Wait(0, 0, 1, Some(5)), INC], &[StoreOnce(0, 1), Wake(0), Advance(3)]])),
        ("L-mainline-2-2", family("L-mainline-2-2")),
        ("L-unfenced-2-1", family("L-unfenced-2-1")),
    ]
}

#[test]
fn any_number_of_workers_says_what_one_process_says_and_schedules_replay() {
    for (name, subject) in programs() {
        for config in [explicit(), Config { symmetry: true, ..explicit() }] {
            let alone = explore(&subject, &config);
            for workers in 1..=3 {
                let verdict = on(&subject, &config, &Cluster::of_threads(workers));
                assert_eq!(said(&verdict), said(&alone), "{name}, {workers} workers");
                for found in &verdict.findings {
                    let replayed = replay(&*subject, &subject.checks().names(), &Guide::Exact(&found.schedule));
                    let shows = replayed.expect("it can be followed").findings;
                    let is_lock_order = found.finding.code == Code::LW003;
                    assert!(is_lock_order || shows.iter().any(|it| it.code == found.finding.code), "{name}: {found:?}");
                }
            }
        }
    }
}

#[test]
fn outcomes_have_schedules_that_lead_to_them() {
    let subject = program([&[AtomicRead(0), AtomicInc(0)], &[AtomicSet(0, 5), AtomicRead(0)]]);
    let verdict = on(&subject, &explicit(), &Cluster::of_threads(3));

    assert!(verdict.outcomes.len() > 1);
    for (outcome, schedule) in verdict.outcomes.with_schedules() {
        let guide = Guide::Exact(schedule.expect("every outcome has one"));
        let replayed = replay(&*subject, &subject.checks().names(), &guide).expect("it can be followed");
        assert_eq!(replayed.ending, lockwright::engine::Ending::Finished(outcome.clone()));
    }
}

/// Addresses that nobody listens at.
fn hosts(count: usize) -> Vec<String> {
    let listeners: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    listeners.iter().map(|listener| listener.local_addr().expect("an address").to_string()).collect()
}

/// One answer for each process.
fn processes(
    subject: &Arc<dyn Subject>,
    count: usize,
    change: impl Fn(&mut Cluster) + Sync,
) -> Vec<Result<Option<Verdict>, String>> {
    let hosts = hosts(count);
    let process = |process: usize| {
        let patience = Duration::from_secs(20);
        let mut cluster = Cluster { hosts: hosts.clone(), process, patience, ..Cluster::of_threads(1) };
        change(&mut cluster);
        let explored = explore_on_cluster(subject, &explicit(), &cluster).map_err(|error| error.to_string());
        explored.map(|explored| explored.map(|(verdict, _)| verdict))
    };
    let process = &process;
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..count).map(|number| scope.spawn(move || process(number))).collect();
        all.into_iter().map(|thread| thread.join().expect("no process panics")).collect()
    })
}

#[test]
fn processes_over_sockets_say_what_one_process_says_and_only_the_first_has_it() {
    let subject = family("L-mainline-2-2");
    let answers = processes(&subject, 3, |cluster| cluster.workers = 2);

    let verdicts: Vec<Option<Verdict>> = answers.into_iter().map(|answer| answer.expect("no error")).collect();
    assert_eq!(said(verdicts[0].as_ref().expect("process 0 has it")), said(&explore(&subject, &explicit())));
    assert!(verdicts[1].is_none() && verdicts[2].is_none());
}

#[test]
fn processes_of_another_build_or_input_are_refused_by_both() {
    for (change, what) in [
        ((|cluster| cluster.build = format!("build {}", cluster.process)) as fn(&mut Cluster), "another build"),
        (|cluster| cluster.input = format!("input {}", cluster.process), "another input"),
        (|cluster| cluster.workers = 1 + cluster.process, "another number of workers"),
    ] {
        let answers = processes(&family("L-fixed-1-1"), 2, change);
        for answer in answers {
            let error = answer.expect_err("they differ");
            assert!(error.contains(what), "{error}");
        }
    }
}

#[test]
fn a_port_in_use_and_a_process_that_does_not_come_are_errors_with_their_host() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let mut cluster = Cluster { hosts: vec![address.clone(), hosts(1).remove(0)], ..Cluster::of_threads(1) };
    cluster.patience = Duration::from_millis(300);
    let error = |cluster: &Cluster| {
        let explored = explore_on_cluster(&family("L-fixed-1-1"), &explicit(), cluster);
        explored.expect_err("it cannot begin").to_string()
    };

    assert!(error(&cluster).starts_with(&format!("host 0 ({address}): the port cannot be opened")));
    drop(taken);
    assert!(error(&cluster).starts_with("host 1 ("), "{}", error(&cluster));
    assert!(error(&cluster).contains("did not come within"));
    cluster.process = 7;
    assert_eq!(error(&cluster), "there is no process 7: the hosts are numbered from 0 to 1");
}

#[test]
fn a_stranger_that_calls_by_mistake_is_nobody() {
    let subject = family("L-fixed-2-1");
    let hosts = hosts(2);
    let process = |process: usize| {
        let cluster = Cluster { hosts: hosts.clone(), process, ..Cluster::of_threads(1) };
        explore_on_cluster(&subject, &explicit(), &cluster).map_err(|error| error.to_string())
    };
    let process = &process;
    std::thread::scope(|scope| {
        let first = scope.spawn(move || process(0));
        let mut stranger = loop {
            // Until the first listens.
            match TcpStream::connect(&hosts[0]) {
                Ok(stranger) => break stranger,
                Err(_) => std::thread::yield_now(),
            }
        };
        stranger.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("it can be sent");
        let second = scope.spawn(move || process(1));
        let verdict = first.join().expect("it does not panic").expect("no error").expect("it has the verdict").0;
        assert_eq!(said(&verdict), said(&explore(&subject, &explicit())));
        assert!(second.join().expect("it does not panic").expect("no error").is_none());
    });
}

#[test]
fn what_a_cluster_cannot_do_is_refused() {
    let cluster = Cluster::of_threads(2);
    let refused = |config: Config| {
        let explored = explore_on_cluster(&family("L-fixed-1-1"), &config, &cluster);
        explored.expect_err("it is refused").to_string()
    };

    assert!(refused(Config::default()).contains("--engine explicit"));
    assert!(refused(Config { reduce: true, ..explicit() }).contains("--reduce"));
    assert!(refused(Config { jobs: 2, ..explicit() }).contains("--jobs"));
    assert!(refused(Config { bitstate: Some(1), ..explicit() }).contains("--bitstate"));
}

#[test]
fn bounds_are_in_the_verdict_by_name() {
    let subject = family("L-fixed-3-3");
    let bound = |config: Config| on(&subject, &config, &Cluster::of_threads(2)).bound;

    assert_eq!(bound(Config { states_max: 100, ..explicit() }), Some(Bound::States(100)));
    let steps = Config { limits: Limits { steps_max: 9, ..explicit().limits }, ..explicit() };
    assert_eq!(bound(steps), Some(Bound::Steps(9)));
    let full = bound(Config { bytes_max: 1000, ..explicit() }).expect("no room");
    assert!(matches!(full, Bound::Host { host, .. } if host.starts_with("worker ")), "{full:?}");
}

/// Is this mistake seen in the verdict, or in what it says beside that of one process?
fn is_caught(mistake: Mistake, subject: &Arc<dyn Subject>) -> bool {
    let cluster = Cluster { seeded: Some(mistake), ..Cluster::of_threads(3) };
    said(&on(subject, &explicit(), &cluster)) != said(&explore(subject, &explicit()))
}

#[test]
fn every_seeded_mistake_is_caught() {
    let subject = family("L-mainline-2-2");
    for mistake in [Mistake::BloomCache, Mistake::ParcelLost, Mistake::OwnerForgets, Mistake::EndsEarly] {
        assert!(is_caught(mistake, &subject), "{mistake:?}");
    }
    let with = |mistake| Cluster { seeded: Some(mistake), ..Cluster::of_threads(3) };
    let lost = on(&subject, &explicit(), &with(Mistake::ParcelLost)).bound.expect("a parcel is lost").to_string();
    assert!(lost.contains("it has received") && lost.contains("has sent"), "{lost}");
    let early = on(&subject, &explicit(), &with(Mistake::EndsEarly)).bound.expect("it ends early").to_string();
    assert!(early.contains("before the frontier had passed"), "{early}");
}

#[test]
fn what_was_cut_short_before_a_checkpoint_is_not_complete_after_it() {
    let subject = family("L-fixed-2-2");
    let directory = std::env::temp_dir().join(format!("lockwright-cut-{}", std::process::id()));
    let checkpoint = Some((directory.clone(), Duration::from_secs(600)));
    let cluster = |workers| Cluster { checkpoint: checkpoint.clone(), ..Cluster::of_threads(workers) };
    let limits = Limits { steps_max: 12, ..explicit().limits };
    let cut = Config { limits, ..explicit() };

    // So many states that some are 12 steps away, and some are left.
    let first = on(&subject, &Config { states_max: 100, ..cut.clone() }, &cluster(2));
    assert_eq!(first.bound, Some(Bound::States(100)));
    assert_eq!(on(&subject, &cut, &cluster(3)).bound, Some(Bound::Steps(12)));
    std::fs::remove_dir_all(directory).expect("it can be removed");
}
