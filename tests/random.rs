//! The random engines: what they find, how often, and that they never claim to have seen everything.

use lockwright::check::Code;
use lockwright::explore::{Bound, Config, EngineKind, Verdict, explore};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{LockKind, Small};
use lockwright::scenario::{catalogue, subject};

const BOTH: [EngineKind; 2] = [EngineKind::Random, EngineKind::Pct];

/// AB/BA: a bug of depth 2, since each task has to have its first lock before the other has its second.
fn opposite_orders() -> Small {
    Small {
        tasks: vec![vec![Lock(0), Lock(1), Unlock(1), Unlock(0)], vec![Lock(1), Lock(0), Unlock(0), Unlock(1)]],
        locks: vec![LockKind::Spin; 2],
        ..Small::default()
    }
}

fn told(verdict: &Verdict) -> String {
    format!("{:?} {:?} {:?} {}", verdict.findings, verdict.outcomes, verdict.deadlocks, verdict.executions)
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_other_schedules() {
    let program = opposite_orders().subject();
    for engine in BOTH {
        let run = |seed| told(&explore(&program, &Config { seed, runs: 50, ..Config::with_engine(engine) }));
        assert_eq!(run(1), run(1));
        assert!((2..10).any(|seed| run(seed) != run(1)));
    }
}

#[test]
fn a_verdict_by_chance_is_never_complete() {
    let clean = Small { tasks: vec![vec![AtomicInc(0)]; 2], atomics: vec![0], ..Small::default() };
    for engine in BOTH {
        let verdict = explore(&clean.subject(), &Config { seed: 5, runs: 20, ..Config::with_engine(engine) });
        assert!(verdict.findings.is_empty() && !verdict.complete());
        assert_eq!(verdict.bound, Some(Bound::Sampled { runs: 20, seed: 5 }));
        // PCT measures the length of an execution first.
        assert_eq!(verdict.executions, if engine == EngineKind::Pct { 21 } else { 20 });
    }
}

#[test]
fn bugs_of_depth_two_are_found() {
    let mutant = lockwright::study::design("spinlock:no-recheck").expect("the mutant is listed");
    let scenario = catalogue::find("leaser-reader").expect("the scenario is listed");
    for engine in BOTH {
        let config = Config { runs: 1000, ..Config::with_engine(engine) };
        assert!(explore(&subject(mutant, &scenario), &config).codes().contains(&Code::LW030));
        assert!(explore(&opposite_orders().subject(), &config).codes().contains(&Code::LW008));
    }
}

#[test]
fn pct_finds_a_bug_of_depth_two_at_least_as_often_as_its_bound_says() {
    let program = opposite_orders().subject();
    // 1 / (n k^(d-1)), n = 2 tasks, k = 8 steps, d = 2.
    let (seeds, one_in) = (2_000, 2 * 8);
    let found = (0..seeds).filter(|&seed| {
        let config = Config { seed, runs: 1, depth: 2, ..Config::with_engine(EngineKind::Pct) };
        explore(&program, &config).codes().contains(&Code::LW008)
    });

    let found = found.count() as u64;

    assert!(found * one_in >= seeds, "{found} of {seeds}");
    // And it is no walk that finds it in every run.
    assert!(found < seeds / 2, "{found} of {seeds}");
}

#[test]
fn a_finding_by_chance_can_be_replayed() {
    use lockwright::explore::schedule::{Guide, replay};
    let small = opposite_orders();
    for engine in BOTH {
        let verdict = explore(&small.subject(), &Config { runs: 200, ..Config::with_engine(engine) });
        let found = &verdict.findings[0];
        let replay = replay(&*small.subject(), &small.names(), &Guide::Exact(&found.schedule)).expect("it fits");
        assert!(replay.findings.contains(&found.finding));
    }
}
