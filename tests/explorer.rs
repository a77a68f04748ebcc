//! The explorer: what it does beyond visiting states one after the other must not change what it says.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use lockwright::check::Code;
use lockwright::engine::Memory;
use lockwright::explore::{
    Bound, Checkpoint, Config, EngineKind, Error, Outcomes, Subject, Verdict, checkpoint, explore, try_explore,
};
use lockwright::outline::catalogue::Catalogue;
use lockwright::outline::check::Options;
use lockwright::outline::scope::Conversions;
use lockwright::outlined;
use lockwright::program::family::Family;
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{LockKind, Small, Stmt};
use lockwright::scenario::{self, catalogue};
use lockwright::study::cells;

use crate::cli::{directory, stdout};

fn family(name: &str) -> Family {
    name.parse().expect("a family's name")
}

fn lease(design: &str, name: &str) -> Arc<dyn Subject> {
    scenario::subject(lockwright::study::design(design).expect("a design"), &catalogue::find(name).expect("a scenario"))
}

fn small<const N: usize>(tasks: [&[Stmt]; N]) -> Small {
    Small {
        tasks: tasks.iter().map(|task| task.to_vec()).collect(),
        locks: vec![LockKind::Spin, LockKind::Spin],
        cells: vec![0, 0],
        atomics: vec![0],
        queues: 1,
        slots: 1,
        ..Small::default()
    }
}

/// What must not depend on how it was found out.
#[derive(Debug, PartialEq)]
struct Told {
    states: u64,
    bound: Option<Bound>,
    outcomes: Outcomes,
    deadlocks: Outcomes,
    findings: Vec<(Code, &'static str)>,
}

fn told(verdict: &Verdict) -> Told {
    Told {
        states: verdict.states,
        bound: verdict.bound,
        outcomes: verdict.outcomes.clone(),
        deadlocks: verdict.deadlocks.clone(),
        findings: verdict.findings.iter().map(|found| (found.finding.code, found.finding.subject.as_str())).collect(),
    }
}

// Workers.

#[test]
fn two_workers_say_what_one_says_down_to_the_schedules() {
    for (design, name) in [("bkl", "holder-thread"), ("bkl", "leaser-two-openers"), ("spinlock", "leaser-enomem")] {
        let cell = cells::Cell {
            design: lockwright::study::design(design).unwrap(),
            scenario: catalogue::find(name).unwrap(),
        };
        let with = |jobs| cells::explore_with_witnesses(&cell, &Config { jobs, ..Config::default() }).unwrap();
        let (one, two) = (with(1), with(2));

        assert_eq!(told(&one), told(&two), "{design} {name}");
        assert_eq!(one.findings, two.findings, "{design} {name}");
    }
    for name in ["L-fixed-3-3", "L-mainline-3-2"] {
        let with = |jobs| explore(&family(name).subject(), &Config { jobs, ..Config::default() });

        assert_eq!(told(&with(1)), told(&with(3)), "{name}");
    }
}

// Symmetry.

#[test]
fn equal_tasks_are_exchanged() {
    // Three tasks of three steps each stand at 4^3 - 1 places; up to exchange, multisets of 3 of 4: C(6, 3) - 1.
    let counting = small([&[AtomicInc(0); 3], &[AtomicInc(0); 3], &[AtomicInc(0); 3]]);
    let with = |program: &Small, symmetry| {
        explore(&program.subject(), &Config { symmetry, every_access: true, ..Config::default() })
    };
    assert_eq!((with(&counting, false).states, with(&counting, true).states), (63, 19));
    assert_eq!(with(&counting, true).symmetry, Some(true));

    // The task inside is one of three that look the same: nobody inside, 0 to 3 done: 4; one inside at one of 2 places,
    // 0 to 2 done: 6; less the last state.
    let section: &[Stmt] = &[Lock(0), AtomicInc(0), Unlock(0)];
    assert_eq!(with(&small([section, section, section]), true).states, 4 + 6 - 1);

    let plain = explore(&family("L-fixed-3-3").subject(), &Config::default());
    let exchanged = explore(&family("L-fixed-3-3").subject(), &Config { symmetry: true, ..Config::default() });
    assert_eq!(plain.outcomes, exchanged.outcomes);
    assert!(exchanged.states * 10 < plain.states, "{} of {}", exchanged.states, plain.states);
}

#[test]
fn whatever_names_a_task_turns_symmetry_off_and_the_verdict_says_so() {
    let allocating: &[Stmt] = &[Alloc(0), Use(0)];
    let signalled: &[Stmt] = &[SleepOn(0)];
    let programs = [
        small([allocating, allocating]).subject(),
        small([signalled, &[Interrupt(0)], signalled]).subject(),
        lease("spinlock", "two-leasers"),
    ];
    for subject in programs {
        let plain = explore(&subject, &Config::default());
        let asked = explore(&subject, &Config { symmetry: true, ..Config::default() });

        assert_eq!(asked.symmetry, Some(false));
        assert_eq!(told(&plain), told(&asked));
    }
}

// The audit; what is hidden from the engine has tests of its own.

#[test]
fn audited_designs_hide_nothing_and_the_audit_changes_nothing() {
    for (design, name) in [("bkl", "leaser-writer"), ("spinlock", "close-expiry"), ("spinlock", "holder-thread")] {
        let plain = explore(&lease(design, name), &Config { every_access: true, ..Config::default() });
        let audited = explore(&lease(design, name), &Config { audit: true, ..Config::default() });

        assert_eq!(told(&plain), told(&audited), "{design} {name}");
        assert!(audited.audited > Some(10), "{design} {name}: {:?}", audited.audited);
    }
}

// Store buffers.

/// Store buffering: each stores its own cell and reads the other's.
fn dekker(fence: &[Stmt]) -> Small {
    let task = |own, other| [&[StoreOnce(own, 1)], fence, &[LoadOnce(other)]].concat();
    small([&task(0, 1), &task(1, 0)])
}

#[test]
fn store_buffers_let_both_sides_read_the_old_value_unless_there_is_a_fence() {
    for engine in [EngineKind::Explorer, EngineKind::Brute] {
        let outcomes = |program: &Small, memory| {
            explore(&program.subject(), &Config { memory, ..Config::with_engine(engine) }).outcomes.len()
        };
        // (0, 1), (1, 0), (1, 1), and (0, 0) where both stores wait in their buffers.
        assert_eq!(outcomes(&dekker(&[]), Memory::Tso), 4);
        assert_eq!(outcomes(&dekker(&[Fence]), Memory::Tso), 3);
        assert_eq!(outcomes(&dekker(&[]), Memory::Sc), 3);
        // A locked instruction in the place of the fence empties the buffer as well.
        assert_eq!(outcomes(&dekker(&[AtomicInc(0)]), Memory::Tso), 3);
    }
}

#[test]
fn stores_of_one_task_are_seen_in_their_order_and_by_itself_at_once() {
    // Message passing works: who sees the second store sees the first.
    let passing = small([&[StoreOnce(0, 1), StoreOnce(1, 1)], &[LoadOnce(1), LoadOnce(0)]]);
    let tso = Config { memory: Memory::Tso, ..Config::default() };
    let outcomes = explore(&passing.subject(), &tso).outcomes.texts();
    assert!(outcomes.iter().all(|outcome| !outcome.starts_with(", 1 0;")), "{outcomes:?}");

    let alone = small([&[StoreOnce(0, 1), StoreOnce(0, 2), LoadOnce(0)]]);
    assert_eq!(explore(&alone.subject(), &tso).outcomes.texts(), ["2; x=2 y=0 n=0".to_owned()].into());
}

#[test]
fn lock_is_free_when_its_release_has_reached_memory() {
    // The release waits behind the store; so does whoever wants the lock. Nobody is deadlocked, nothing races.
    let section: &[Stmt] = &[Lock(0), Inc(0), Unlock(0)];
    let verdict = explore(&small([section, section]).subject(), &Config { memory: Memory::Tso, ..Config::default() });

    assert_eq!(told(&verdict).findings, []);
    assert_eq!(verdict.outcomes.texts(), [", ; x=2 y=0 n=0".to_owned()].into());
    assert!(verdict.deadlocks.is_empty());
}

#[test]
fn barriers_of_spinlock_are_needed_on_a_machine_with_store_buffers_and_suffice() {
    let tso = Config { memory: Memory::Tso, ..Config::default() };
    for scenario in ["leaser-reader", "leaser-writer", "leaser-iget", "upgrade-opener", "nonblock-opener"] {
        assert_eq!(explore(&lease("spinlock", scenario), &tso).codes(), BTreeSet::new(), "{scenario}");
    }
    let cell = cells::Cell {
        design: lockwright::study::design("spinlock:no-barrier").unwrap(),
        scenario: catalogue::find("leaser-reader").unwrap(),
    };
    let verdict = cells::explore_with_witnesses(&cell, &tso).unwrap();
    assert_eq!(verdict.codes(), [Code::LW030].into());
    assert_eq!(verdict.findings[0].schedule.memory, Memory::Tso);
    assert_eq!(explore(&cell.subject(), &Config::default()).codes(), BTreeSet::new());
}

// Preemptions.

#[test]
fn preemption_bounds_charge_no_free_switch() {
    // 3 tasks with 2 sections each: 90 orders of sections. By preemptions: 3! without, then 18, 36, 30 more.
    let twice: &[Stmt] = &[Lock(0), Unlock(0), Lock(0), Unlock(0)];
    let subject = small([twice, twice, twice]).subject();
    let bounded =
        |engine, max| explore(&subject, &Config { preemptions_max: Some(max), ..Config::with_engine(engine) });

    let counts: Vec<u64> = (0..4).map(|max| bounded(EngineKind::Brute, max).executions).collect();
    assert_eq!(counts, [6, 24, 60, 90]);
    assert_eq!(bounded(EngineKind::Brute, 2).bound, Some(Bound::Preemptions(2)));
    assert_eq!(bounded(EngineKind::Brute, 3).bound, None, "nothing was left out");
    assert_eq!(bounded(EngineKind::Explorer, 2).bound, Some(Bound::Preemptions(2)));
    let every_access = Config { every_access: true, ..Config::default() };
    assert_eq!(told(&bounded(EngineKind::Explorer, 3)), told(&explore(&subject, &every_access)));
}

#[test]
fn outcome_that_needs_two_preemptions_is_not_there_with_one() {
    let subject = small([&[StoreOnce(0, 1), StoreOnce(0, 0)], &[LoadOnce(0), LoadOnce(0)]]).subject();
    let outcomes = |max| -> Vec<String> {
        let verdict = explore(&subject, &Config { preemptions_max: Some(max), ..Config::default() });
        verdict.outcomes.texts().iter().map(|outcome| outcome[2..5].to_owned()).collect()
    };

    assert_eq!(outcomes(0), ["0 0"]);
    // The second task between the stores of the first: one preemption.
    assert_eq!(outcomes(1), ["0 0", "1 1"]);
    // Each of them between two steps of the other.
    assert_eq!(outcomes(2), ["0 0", "0 1", "1 0", "1 1"]);
}

// Bounds.

#[test]
fn table_that_is_full_makes_the_verdict_incomplete() {
    let config = Config { bytes_max: 256 * 1024, every_access: true, ..Config::default() };
    let verdict = explore(&family("L-fixed-3-3").subject(), &config);

    assert_eq!(verdict.bound, Some(Bound::Bytes(256 * 1024)));
    assert!(verdict.states > 500);
    assert_eq!(Bound::Bytes(3 << 20).to_string(), "known states would take more than 3 MiB");
}

// Checkpoints.

fn checkpointed(file: &std::path::Path) -> Config {
    let checkpoint =
        Checkpoint { file: file.to_owned(), about: "test".to_owned(), interval: Duration::from_millis(20) };
    Config { checkpoint: Some(checkpoint), ..Config::default() }
}

#[test]
fn exploration_goes_on_from_its_checkpoint_and_says_the_same() {
    let directory = directory("checkpoint");
    std::fs::create_dir_all(&directory).unwrap();
    for (jobs, subject) in [(1, lease("bkl", "holder-thread")), (2, family("L-mainline-3-2").subject())] {
        let file = directory.join(format!("{jobs}.checkpoint"));
        let whole = explore(&subject, &Config::default());
        let config = Config { jobs, ..checkpointed(&file) };
        let mut stops = 0;
        let verdict = loop {
            let executions_max = 100 * (stops + 1);
            let verdict = try_explore(&subject, &Config { executions_max, ..config.clone() }).unwrap();
            if verdict.complete() {
                break verdict;
            }
            assert_eq!(verdict.bound, Some(Bound::Executions(executions_max)));
            assert!(file.exists());
            stops += 1;
        };

        assert!(stops > 2, "{stops}");
        assert_eq!(told(&whole), told(&verdict));
        assert!(!file.exists(), "all is seen: nothing to go on from");
    }
}

/// Two tasks that are alike until one of them reads 4: who reads a lock is told by number, so they cannot be exchanged.
const NAMED_LATE: &str = "lock r: rwlock
atomic k = 0
task t0: f
task t1: f
task t2: g
f
   if (atomic_read(&k) == 4)
      read_lock(&r)
      read_unlock(&r)
g
   atomic_inc(&k)
   atomic_inc(&k)
   c = choose(3)
   d = choose(2)
   if (c == 2)
      if (d == 1)
         atomic_inc(&k)
         atomic_inc(&k)
";

#[test]
fn a_checkpoint_is_gone_on_from_whether_or_not_tasks_could_be_exchanged() {
    let options = Options { catalogue: &Catalogue::built_in(), conversions: Conversions::new() };
    let program =
        outlined::read("named-late", NAMED_LATE.as_bytes(), &options).map_err(|(why, _)| why).expect("it runs");
    let subject = program.subject();
    let whole = explore(&subject, &Config { symmetry: true, ..Config::default() });
    assert_eq!((whole.complete(), whole.symmetry), (true, Some(false)));
    let file = directory("named-late").join("checkpoint");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();

    let mut stops = Vec::new();
    let verdict = loop {
        let executions_max = 1 + 3 * stops.len() as u64;
        let config = Config { symmetry: true, executions_max, ..checkpointed(&file) };
        let verdict = try_explore(&subject, &config).expect("the checkpoint fits");
        if verdict.complete() {
            break verdict;
        }
        stops.push(verdict.symmetry);
    };

    // Some stops came before it turned out, and some behind.
    assert!(stops.contains(&Some(true)) && stops.contains(&Some(false)), "{stops:?}");
    assert_eq!((verdict.states, verdict.codes(), verdict.outcomes), (whole.states, whole.codes(), whole.outcomes));
}

const DAMAGED: &str = "the checkpoint is damaged: its sum is not that of what it says";

#[test]
fn checkpoint_of_something_else_is_refused() {
    let directory = directory("checkpoint-refused");
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("file.checkpoint");
    let begin = Config { executions_max: 50, ..checkpointed(&file) };
    try_explore(&lease("bkl", "leaser-two-openers"), &begin).unwrap();
    let error = |subject: Arc<dyn Subject>, config: Config| match try_explore(&subject, &config) {
        Err(Error::Checkpoint(checkpoint::Error::Unfit { why, .. })) => why,
        other => panic!("{other:?}"),
    };

    let of_another = error(lease("spinlock", "leaser-two-openers"), begin.clone());
    assert!(of_another.starts_with("the code has changed"), "{of_another}");
    let tso = error(lease("bkl", "leaser-two-openers"), Config { memory: Memory::Tso, ..begin.clone() });
    assert_eq!(tso, "a checkpoint of test, SC, symmetry false; asked for is test, TSO, symmetry false");

    let whole = std::fs::read(&file).unwrap();
    let header = whole.iter().position(|byte| *byte == b'\n').unwrap();
    let digit = whole[..header].windows(12).position(|text| text == b"\"executions\"").unwrap() + 13;
    // In the table, in the line before it, and cut off.
    let damages: [fn(&mut Vec<u8>, usize); 3] = [
        |bytes, _| *bytes.last_mut().unwrap() ^= 1,
        |bytes, digit| bytes[digit] = if bytes[digit] == b'9' { b'8' } else { b'9' },
        |bytes, _| bytes.truncate(bytes.len() - 7),
    ];
    for damage in damages {
        let mut bytes = whole.clone();
        damage(&mut bytes, digit);
        std::fs::write(&file, &bytes).unwrap();
        assert_eq!(error(lease("bkl", "leaser-two-openers"), begin.clone()), DAMAGED);
    }
    std::fs::write(&file, "{}\n").unwrap();
    let nothing = error(lease("bkl", "leaser-two-openers"), begin);
    assert!(nothing.starts_with("not a checkpoint of version 8: missing field"), "{nothing}");
}

#[test]
fn checkpoint_that_cannot_be_written_is_told_before_anything_is_explored() {
    let directory = directory("checkpoint-nowhere");
    std::fs::create_dir_all(&directory).unwrap();
    // Far too short for a checkpoint to be due.
    let config = checkpointed(&directory.join("no-such-folder/file.checkpoint"));

    let result = try_explore(&lease("spinlock", "two-leasers"), &config);

    assert!(
        matches!(
            result,
            Err(Error::Checkpoint(checkpoint::Error::Io { what: "the checkpoint cannot be written", .. }))
        ),
        "{result:?}"
    );
    // Where it can, nothing is left beside it.
    try_explore(&lease("spinlock", "two-leasers"), &checkpointed(&directory.join("file.tmp"))).unwrap();
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
}

fn json(output: &std::process::Output) -> serde_json::Value {
    let mut value: serde_json::Value = serde_json::from_str(&stdout(output)).unwrap();
    // What is measured, and how many executions a resumed search took, is not part of the verdict.
    for measured in ["seconds", "executions"] {
        value.as_object_mut().unwrap().remove(measured);
    }
    value
}

#[test]
fn killed_exploration_goes_on_where_its_last_checkpoint_was() {
    let directory = directory("killed");
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("file.checkpoint");
    let file = file.to_str().unwrap();
    let program = env!("CARGO_BIN_EXE_lockwright");
    let arguments = ["explore", "L-fixed-4-4", "--json", "--checkpoint", file];
    let whole = Command::new(program).args(&arguments[..3]).output().unwrap();
    let mut killed = Command::new(program).args(arguments).stdout(Stdio::null()).spawn().unwrap();
    // The first checkpoint is written in the middle of it; SIGKILL comes right after.
    while !std::path::Path::new(file).exists() {
        assert!(killed.try_wait().unwrap().is_none(), "it ended before it was killed");
        std::thread::yield_now();
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(std::path::Path::new(file).exists());

    let resumed = Command::new(program).args(arguments).output().unwrap();

    assert_eq!(resumed.status.code(), Some(0));
    assert_eq!(json(&whole), json(&resumed));
    assert!(!std::path::Path::new(file).exists());
}

#[test]
fn interrupted_exploration_says_what_it_knows_and_can_be_gone_on_with() {
    let directory = directory("interrupted");
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("file.checkpoint");
    let mut child = Command::new(env!("CARGO_BIN_EXE_lockwright"))
        .args(["explore", "L-fixed-6-6", "--checkpoint", file.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !file.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was interrupted");
        std::thread::yield_now();
    }
    // As Ctrl-C does.
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());

    let output = child.wait_with_output().unwrap();

    assert_eq!(output.status.code(), Some(3));
    assert!(stdout(&output).starts_with("INCOMPLETE (interrupted) L-fixed-6-6: nothing found so far, "));
    assert!(output.stderr.is_empty() && file.exists());
}
