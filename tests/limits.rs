//! Limits of the tool are bounds by name, one beyond the limit and not before; never findings about the program.

use std::path::PathBuf;

use lockwright::engine::controlled::Limits;
use lockwright::explore::limits::{
    BRANCHES_MAX, DRAINED_MAX, OBJECTS_MAX, READERS_MAX, READS_MAX, TASKS_MAX, THREADS_MAX, WORDS_MAX,
};
use lockwright::explore::{Bound, Checkpoint, Config, EngineKind, Verdict, explore, try_explore};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{Is, LockKind, Small, Stmt};

/// Those that run the program under the controlled engine.
const RUN: [EngineKind; 6] = [
    EngineKind::Explorer,
    EngineKind::Brute,
    EngineKind::Dpor,
    EngineKind::SourceDpor,
    EngineKind::Random,
    EngineKind::Pct,
];

fn program(tasks: Vec<Vec<Stmt>>) -> Small {
    Small { tasks, locks: vec![LockKind::Rw], cells: vec![0], atomics: vec![0], slots: 1, ..Small::default() }
}

/// The last of `tasks` tasks does this, the others nothing.
fn last_of(tasks: usize, does: &[Stmt]) -> Small {
    let mut all = vec![Vec::new(); tasks];
    all[tasks - 1] = does.to_vec();
    program(all)
}

/// Without the locks that keep a program from being interpreted.
fn interpreted(program: Small) -> Small {
    Small { locks: Vec::new(), ..program }
}

fn run(program: &Small, config: &Config) -> Verdict {
    let verdict = explore(&program.subject(), config);
    assert_eq!(verdict.codes().len(), 0, "{:?}: a limit is no finding: {:?}", config.engine, verdict.findings);
    verdict
}

fn by(engine: EngineKind) -> Config {
    let config = Config::with_engine(engine);
    let draws = matches!(engine, EngineKind::Random | EngineKind::Pct);
    if draws { Config { runs: 3, ..config } } else { config }
}

/// The bound of an engine that never is complete without one.
fn bound_of(verdict: &Verdict) -> Option<Bound> {
    verdict.bound.filter(|bound| !matches!(bound, Bound::Sampled { .. }))
}

/// No bound within the limit, this one beyond it, by each engine.
fn assert_limit(
    engines: &[EngineKind],
    within: &Small,
    beyond: &Small,
    bound: Bound,
    change: impl Fn(Config) -> Config,
) {
    for &engine in engines {
        let run = |program| bound_of(&run(program, &change(by(engine))));

        assert_eq!((run(within), run(beyond)), (None, Some(bound)), "{engine:?}");
    }
}

#[test]
fn tasks_are_bounded_by_name() {
    let (within, beyond) = (last_of(63, &[AtomicInc(0)]), last_of(64, &[AtomicInc(0)]));
    assert_limit(&RUN, &within, &beyond, Bound::Tasks(63), |config| config);
    let [within, beyond] = [within, beyond].map(interpreted);
    assert_limit(&[EngineKind::Explicit], &within, &beyond, Bound::Tasks(63), |config| config);
    // More than a byte can number.
    assert_eq!(run(&last_of(300, &[AtomicInc(0)]), &Config::default()).bound, Some(Bound::Tasks(63)));
    let beyond = last_of(6, &[AtomicInc(0)]);
    assert_limit(&[EngineKind::Loom], &last_of(5, &[AtomicInc(0)]), &beyond, Bound::Tasks(5), |config| config);
    assert_eq!(Bound::Tasks(63).to_string(), "the engine runs at most 63 tasks");
}

#[test]
fn tasks_that_share_a_lock_are_bounded_by_name() {
    let reads: &[Stmt] = &[ReadLock(0), ReadUnlock(0)];
    let (within, beyond) = (last_of(18, reads), last_of(19, reads));

    assert_limit(&RUN, &within, &beyond, Bound::Readers(18), |config| config);
    assert_limit(&RUN[..1], &within, &beyond, Bound::Readers(18), |config| Config { audit: true, ..config });
    assert_limit(&RUN[..1], &within, &beyond, Bound::Readers(18), |config| Config { symmetry: true, ..config });
    assert_limit(&RUN[..1], &within, &beyond, Bound::Readers(18), |config| Config { jobs: 2, ..config });
    assert_eq!(Bound::Readers(18).to_string(), "only the first 18 tasks can take a lock for reading");
}

#[test]
fn a_task_beyond_the_readers_that_gives_back_what_it_has_not_is_a_finding_still() {
    let verdict = explore(&last_of(19, &[ReadUnlock(0)]).subject(), &Config::default());

    assert_eq!(verdict.bound, None);
    assert!(verdict.codes().contains(&lockwright::check::Code::LW006), "{:?}", verdict.codes());
}

fn nested(times: usize) -> Vec<Stmt> {
    [vec![ReadLock(0); times], vec![ReadUnlock(0); times]].concat()
}

#[test]
fn nested_read_locks_are_bounded_by_name() {
    let (within, beyond) = (program(vec![nested(7)]), program(vec![nested(8)]));
    let engines = [&RUN[..], &[EngineKind::Loom]].concat();

    assert_limit(&engines, &within, &beyond, Bound::Nesting(7), |config| config);
    assert_limit(&RUN[..1], &within, &beyond, Bound::Nesting(7), |config| Config { audit: true, ..config });
    assert_eq!(Bound::Nesting(7).to_string(), "a task holds a lock for reading at most 7 times at once");
}

#[test]
fn objects_of_a_task_are_bounded_by_name() {
    // An allocation is an object and its two fields.
    let [within, beyond] = [4, 5].map(|times| program(vec![[Alloc(0), Free(0)].repeat(times)]));
    let engines = [&RUN[..], &[EngineKind::Loom]].concat();
    let twelve = |config| Config { limits: Limits { objects_max: 12, ..Limits::default() }, ..config };

    assert_limit(&engines, &within, &beyond, Bound::Objects(12), twelve);
    // The set-up is bounded as well: it makes a lock, a cell, an atomic, a slot, and what a kernel has.
    let four = |config| Config { limits: Limits { objects_max: 4, ..Limits::default() }, ..config };
    for engine in engines {
        assert_eq!(run(&within, &four(by(engine))).bound, Some(Bound::Objects(4)), "{engine:?}");
    }
    assert_eq!(Bound::Objects(12).to_string(), "a task makes more than 12 objects");
}

#[test]
fn words_of_an_interpreted_state_are_bounded_by_name() {
    // Each allocation has a block of its own, of two bits or three.
    let wide = |count| interpreted(program(vec![[vec![LockInside(0)], [Alloc(0), Free(0)].repeat(count)].concat()]));
    let explicit = by(EngineKind::Explicit);

    assert_eq!(run(&wide(100), &explicit).bound, None);
    for count in [3_000, 5_000] {
        assert_eq!(run(&wide(count), &explicit).bound, Some(Bound::Words(64)));
    }
}

/// Eight nested read locks if the environment says so.
fn one_way_too_deep() -> Small {
    let deep = nested(8);
    let task = [vec![Choose(2), IfLast(Is::Eq(1), deep.len())], deep, vec![AtomicInc(0)]].concat();
    program(vec![task, vec![AtomicInc(0)]])
}

#[test]
fn what_lies_within_the_limit_is_seen_all_the_same() {
    let verdict = run(&one_way_too_deep(), &Config::default());

    assert_eq!(verdict.bound, Some(Bound::Nesting(7)));
    assert_eq!(verdict.outcomes.texts(), ["0, ; x=0 n=2".to_owned()].into());
}

#[test]
fn a_limit_that_was_met_before_a_checkpoint_is_still_known_after_it() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("limits.checkpoint");
    _ = std::fs::remove_file(&file);
    let checkpoint = Checkpoint { file, about: "limits".to_owned(), interval: std::time::Duration::ZERO };
    let mut stops = 0;
    let bound = loop {
        let executions_max = stops + 1;
        let config = Config { checkpoint: Some(checkpoint.clone()), executions_max, ..Config::default() };
        let verdict = try_explore(&one_way_too_deep().subject(), &config).expect("the file is ours");
        match verdict.bound {
            Some(Bound::Executions(_)) => stops += 1,
            bound => break bound,
        }
    };

    assert!(stops > 2, "{stops}");
    assert_eq!(bound, Some(Bound::Nesting(7)));
}

#[test]
fn the_page_has_the_limits_that_the_code_has() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/explorer.md")).expect("it is there");
    let table = page.split("## Limits").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("it has a table");
    let rows = [
        format!("| {TASKS_MAX}; under loom {THREADS_MAX} |"),
        format!("| the first {READERS_MAX}, and not the set-up |"),
        format!("| {READS_MAX} |"),
        format!("| {OBJECTS_MAX}; under loom 8 slab objects and 32 fields in all |"),
        format!("| under loom {BRANCHES_MAX}, {DRAINED_MAX} |"),
        format!("| {WORDS_MAX}, 8 |"),
    ];

    for row in rows {
        assert!(table.contains(&row), "{row}");
    }
}
