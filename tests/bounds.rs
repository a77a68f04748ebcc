//! The bounds that hold by default: far above what the catalogue needs, and met in a short time by a loop without an end.

use std::sync::Arc;
use std::time::Duration;

use lockwright::check::Code;
use lockwright::engine::Memory;
use lockwright::engine::controlled::Limits;
use lockwright::event::View;
use lockwright::explore::{
    Bound, Checkpoint, Config, EngineKind, Error, Interleavings, Keep, Repeats, Search, Subject, explore, try_explore,
};
use lockwright::kernel::task::Task;
use lockwright::kernel::wait::WaitQueue;
use lockwright::kernel::{Errno, Kernel, Result};
use lockwright::lease::designs::Entry;
use lockwright::lease::spinlock::Spinlock;
use lockwright::lease::{Design, Filp, Inode, LockLine, OpenFlags};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{Is, LockKind, Small, Stmt};
use lockwright::report;
use lockwright::scenario::{self, catalogue};

use crate::matrix;

fn program(tasks: &[&[Stmt]]) -> Arc<dyn Subject> {
    let tasks = tasks.iter().map(|task| task.to_vec()).collect();
    Small { tasks, locks: vec![LockKind::Spin], cells: vec![0, 0], atomics: vec![0], ..Small::default() }.subject()
}

#[test]
fn every_cell_of_the_catalogue_is_far_below_the_bounds() {
    let (far_below, default) = (matrix::far_below(), Config::default());
    assert!(far_below.limits.steps_max * 5 <= default.limits.steps_max);
    assert!(far_below.executions_max * 100 <= default.executions_max);
    assert!(far_below.states_max * 100 <= default.states_max);

    let bounded = matrix::matrix().iter().find(|(_, verdict)| verdict.bound.is_some());

    assert!(bounded.is_none(), "{:?}", bounded.map(|(cell, verdict)| (cell, verdict.bound)));
}

#[test]
fn loop_that_counts_up_ends_by_name_and_is_shown() {
    // Two tasks count together: no two states are the same, and most executions run on for ever.
    let counting: &[Stmt] = &[AtomicInc(0), Back(1)];
    let subject = program(&[counting, counting, &[AtomicInc(0)]]);

    for engine in [EngineKind::Explorer, EngineKind::Brute, EngineKind::Dpor, EngineKind::SourceDpor] {
        let verdict = explore(&subject, &Config::with_engine(engine));

        assert_eq!(verdict.bound, Some(Bound::Steps(2_000)), "{engine:?}");
        let Some(Repeats { rounds, place, .. }) = verdict.repeats else { panic!("{engine:?}: nothing repeats") };
        assert!(rounds >= 1000, "{engine:?}: {rounds}");
        assert!(place.file().ends_with("src/program/small/run.rs"), "{place}");
    }
}

#[test]
fn bound_on_states_shows_the_loop_as_well() {
    let counting: &[Stmt] = &[AtomicInc(0), Back(1)];
    let subject = program(&[counting, counting]);

    let verdict = explore(&subject, &Config { states_max: 100, every_access: true, ..Config::default() });

    assert_eq!(verdict.bound, Some(Bound::States(100)));
    assert!(verdict.repeats.is_some_and(|repeats| repeats.rounds >= 1000));
}

#[test]
fn program_that_ends_shows_no_loop_whatever_the_bound() {
    let four: &[Stmt] = &[Lock(0), Inc(0), Inc(0), Unlock(0)];
    let subject = program(&[four, four, four]);

    assert_eq!(explore(&subject, &Config { states_max: 20, ..Config::default() }).repeats, None);
    assert_eq!(explore(&subject, &Config::default()).repeats, None);
    // A loop that meets itself is a livelock, and no bound.
    let spin: &[Stmt] = &[IfCell(0, Is::Eq(1), 1), Skip(1), Back(2)];
    let spinning = explore(&program(&[spin]), &Config::default());
    assert_eq!((spinning.codes(), spinning.bound, spinning.repeats), ([Code::LW009].into(), None, None));
}

/// `spinlock`, but an open asks again with every jiffy for as long as there is a lease in its way.
struct Impatient(Spinlock, WaitQueue);

const IMPATIENT: Entry = Entry::custom("impatient", "asks again with every jiffy", |_: Kernel| {
    Arc::new(Impatient(Spinlock::boot(), WaitQueue::new("patience")))
});

impl Design for Impatient {
    fn open(&self, current: &Task, inode: Inode, flags: OpenFlags) -> Result<Filp> {
        let frame = current.enter("open_again");
        loop {
            match self.0.open(current, inode, OpenFlags { nonblock: true, ..flags }) {
                Err(Errno::EAGAIN) if !flags.nonblock => {}
                other => return other,
            }
            current.again(&frame, &());
            self.1.wait_event_timeout(current, Some(1), || false);
        }
    }

    fn fput(&self, current: &Task, filp: Filp) {
        self.0.fput(current, filp);
    }

    fn truncate(&self, current: &Task, inode: Inode) -> Result<()> {
        self.0.truncate(current, inode)
    }

    fn fcntl_setlease(&self, current: &Task, filp: Filp, arg: i32) -> Result<()> {
        self.0.fcntl_setlease(current, filp, arg)
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
fn design_that_waits_for_one_more_jiffy_each_time_ends_by_name_and_is_shown() {
    let scenario = catalogue::find("close-expiry").expect("the scenario is listed");
    let limits = Limits { steps_max: 500, ..Limits::default() };
    let verdict = explore(&scenario::subject(IMPATIENT, &scenario), &Config { limits, ..Config::default() });

    assert_eq!(verdict.bound, Some(Bound::Steps(500)));
    let text = report::repeats(&verdict, &scenario.names()).expect("it goes round");
    assert!(text.contains(" (open_again), and no two rounds leave the same state: "), "{text}");
    assert!(text.contains(" of the loop at tests/bounds.rs:"), "{text}");
    assert!(report::repeats_lines(&verdict, &scenario.names()).lines().all(|line| line.starts_with("       ")));
}

// What does not go together.

#[test]
fn options_that_do_not_go_together_are_refused_by_the_library() {
    let subject = program(&[&[AtomicInc(0)], &[AtomicInc(0)]]);
    let said = |config: Config| match try_explore(&subject, &config) {
        Err(error @ (Error::Config { .. } | Error::Option { .. })) => error.to_string(),
        other => panic!("{other:?}"),
    };

    let bounded = Config { preemptions_max: Some(1), ..Config::default() };
    assert_eq!(
        said(Config { symmetry: true, ..bounded.clone() }),
        "preemptions_max and symmetry do not go together: who ran last is who it is"
    );
    assert_eq!(
        said(Config { audit: true, ..bounded.clone() }),
        "preemptions_max and audit do not go together: an audit goes on where a bound ends"
    );
    assert!(said(Config { jobs: 2, ..bounded.clone() }).starts_with("preemptions_max and jobs do not go together: "));
    assert_eq!(
        said(Config { jobs: 2, ..Config::with_engine(EngineKind::Dpor) }),
        "jobs is for the explorer and the explicit engine, not for Dpor"
    );
}

#[test]
fn no_engine_ignores_an_option() {
    let subject = program(&[&[AtomicInc(0)], &[AtomicInc(0)]]);
    type Choose = fn(&mut Config);
    let options: [(&str, Choose); 13] = [
        ("jobs", |config| config.jobs = 2),
        ("symmetry", |config| config.symmetry = true),
        ("reduce", |config| config.reduce = true),
        ("bitstate", |config| config.bitstate = Some(1)),
        ("preemptions_max", |config| config.preemptions_max = Some(1)),
        ("audit", |config| config.audit = true),
        ("states_max", |config| config.states_max = 7),
        ("bytes_max", |config| config.bytes_max = 1 << 24),
        ("executions_max", |config| config.executions_max = 7),
        ("limits.steps_max", |config| config.limits.steps_max = 7),
        ("seed", |config| config.seed = 7),
        ("runs", |config| config.runs = 7),
        ("depth", |config| config.depth = 7),
    ];
    let known = |engine: EngineKind| -> Vec<&str> {
        let knows = |set: &Choose| {
            // Whether an option is refused does not hang on how often real threads run.
            let runs = if engine == EngineKind::Threads { 20 } else { Config::default().runs };
            let mut config = Config { runs, ..Config::with_engine(engine) };
            set(&mut config);
            !matches!(try_explore(&subject, &config), Err(Error::Option { .. }))
        };
        options.iter().filter(|(_, set)| knows(set)).map(|(name, _)| *name).collect()
    };

    let of_explorer = [
        "jobs",
        "symmetry",
        "bitstate",
        "preemptions_max",
        "audit",
        "states_max",
        "bytes_max",
        "executions_max",
        "limits.steps_max",
    ];
    assert_eq!(known(EngineKind::Explorer), of_explorer);
    assert_eq!(known(EngineKind::Brute), ["preemptions_max", "executions_max", "limits.steps_max"]);
    assert_eq!(known(EngineKind::Dpor), ["executions_max", "limits.steps_max"]);
    assert_eq!(known(EngineKind::SourceDpor), ["executions_max", "limits.steps_max"]);
    assert_eq!(known(EngineKind::Random), ["executions_max", "limits.steps_max", "seed", "runs"]);
    assert_eq!(known(EngineKind::Pct), ["executions_max", "limits.steps_max", "seed", "runs", "depth"]);
    assert_eq!(known(EngineKind::Threads), ["executions_max", "limits.steps_max", "seed", "runs"]);
    let of_explicit = ["jobs", "symmetry", "reduce", "bitstate", "states_max", "bytes_max", "limits.steps_max"];
    assert_eq!(known(EngineKind::Explicit), of_explicit);
}

#[test]
fn search_as_one_value_has_room_for_nothing_that_is_refused() {
    let checkpoint = Checkpoint { file: "there".into(), about: "this".to_owned(), interval: Duration::from_secs(1) };
    let keeps = [Keep::InMemory, Keep::Audit, Keep::Bitstate(1), Keep::Checkpoint(checkpoint)];
    let mut searches = vec![Search::Loom];
    for memory in [Memory::Sc, Memory::Tso] {
        for (symmetry, jobs) in [(false, 1), (true, 1), (false, 2), (true, 2)] {
            let explorer =
                |keep: &Keep| Search::Explorer { memory, symmetry, jobs, every_access: symmetry, keep: keep.clone() };
            searches.extend(keeps.iter().map(explorer));
        }
        for orders in [Interleavings::All(memory), Interleavings::Reduced] {
            searches.extend([None, Some(1)].map(|bitstate| Search::Explicit {
                orders,
                symmetry: true,
                jobs: 2,
                bitstate,
            }));
        }
        searches.push(Search::Bounded { memory, preemptions_max: 1 });
        searches.extend([None, Some(0)].map(|preemptions_max| Search::Brute { memory, preemptions_max }));
        searches.extend([false, true].map(|source| Search::Dpor { memory, source }));
        searches.push(Search::Random { memory, runs: 3, seed: 4 });
        searches.push(Search::Pct { memory, runs: 3, seed: 4, depth: 2 });
    }

    for search in searches {
        let again = Search::of(&Config::from(search.clone()));

        assert_eq!(again.map_err(|error| error.to_string()), Ok(search));
    }
}
