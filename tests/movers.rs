//! Accesses that are no scheduling points: what is left out, that nothing else is, and what happens when it was wrong to.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use lockwright::check::Code;
use lockwright::engine::{Clock, Memory, Unsound};
use lockwright::explore::{Bound, Checkpoint, Config, EngineKind, Subject, Verdict, explore, try_explore};
use lockwright::program::family::Family;
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{Is, LockKind, Small, Stmt};

use crate::cli::directory;

fn small<const N: usize>(tasks: [&[Stmt]; N]) -> Small {
    Small {
        tasks: tasks.iter().map(|task| task.to_vec()).collect(),
        locks: vec![LockKind::Spin, LockKind::Spin],
        cells: vec![0, 0],
        atomics: vec![0],
        slots: 1,
        ..Small::default()
    }
}

fn family(name: &str) -> Arc<dyn Subject> {
    name.parse::<Family>().expect("a family's name").subject()
}

fn every_access() -> Config {
    Config { every_access: true, ..Config::default() }
}

fn seeded() -> Config {
    Config { seeded: Some(Unsound::LocksNotWatched), ..Config::default() }
}

fn whole(subject: &Arc<dyn Subject>, config: &Config) -> Verdict {
    let verdict = explore(subject, config);
    assert!(verdict.complete());
    verdict
}

fn states(program: &Small) -> [u64; 2] {
    [Config::default(), every_access()].map(|config| whole(&program.subject(), &config).states)
}

/// Outcomes and findings are those of a search in which every access is a scheduling point, and of one with the mistake they are not.
fn relies_on_being_watched(program: &Small) {
    let told = |config: &Config| {
        let verdict = whole(&program.subject(), config);
        (verdict.outcomes.clone(), verdict.deadlocks.clone(), verdict.codes())
    };

    assert_eq!(told(&Config::default()), told(&every_access()));
    assert_eq!(told(&Config { jobs: 2, ..Config::default() }), told(&every_access()));
    assert_eq!(told(&every_access()), {
        let brute = whole(&program.subject(), &Config::with_engine(EngineKind::Brute));
        (brute.outcomes.clone(), brute.deadlocks.clone(), brute.codes())
    });
    assert_ne!(told(&seeded()), told(&every_access()));
}

// What is left out.

#[test]
fn a_section_in_which_only_its_lock_orders_accesses_is_one_step() {
    let section: &[Stmt] = &[Lock(0), LoadOnce(0), StoreOnce(0, 1), Unlock(0)];

    // Each task is before or behind it; less the last state. With every access: at one of 3 places inside, one at a time.
    // Behind it a task has read 0 or 1, whoever was first has read 0: behind are (none), (1: 0), (2: 0), and both.
    assert_eq!(states(&small([section, section])), [4 - 1, 4 - 1 + 2 * 3 * 2]);
}

#[test]
fn what_one_task_alone_touches_is_no_scheduling_point() {
    // Each task has a cell to itself: it is before its first step or behind its last.
    let alone = small([&[StoreOnce(0, 1), LoadOnce(0), StoreOnce(0, 2)], &[StoreOnce(1, 1), LoadOnce(1), Fence]]);

    assert_eq!(states(&alone), [2 * 2 - 1, 4 * 4 - 1]);
}

#[test]
fn a_read_under_the_lock_that_all_writers_take_needs_no_lock_of_other_readers() {
    // The writer's write is seen by the reader without a lock, so it is a scheduling point; the read before it is none.
    // Writer: before the lock, before the write, behind the unlock (3). Reader: before or behind its read, of 0 or of 1.
    // Not yet read: 3. Has read 0: 3, the last of which is an end. Has read 1: behind the write only, an end.
    let writer: &[Stmt] = &[Lock(0), LoadOnce(0), StoreOnce(0, 1), Unlock(0)];
    let [few, all] = states(&small([writer, &[LoadOnce(0)]]));

    assert_eq!(few, 3 + 3 - 1);
    // The writer at one of 5 places: not yet read 5, has read 0: 5 less an end; has read 1: behind the write, at 2 less an end.
    assert_eq!(all, 5 + 4 + 1);
}

#[test]
fn a_lock_that_is_tried_is_given_back_at_a_scheduling_point() {
    let holder: &[Stmt] = &[Lock(0), Unlock(0)];
    let [few, all] = states(&small([holder, &[TryLock(0, 1), Unlock(0)]]));

    // Nothing is left out but that the second task gives back what it has: no, that too is seen by nobody who tries. But it is tried.
    assert_eq!(few, all);
    // Nobody tries: before or behind, each; less the last state. With every access, one inside: 2 * 2 more.
    assert_eq!(states(&small([holder, holder])), [4 - 1, 4 - 1 + 2 * 2]);
}

#[test]
fn a_task_that_goes_round_under_a_lock_is_looked_at_now_and_then() {
    // 40 rounds of 2 accesses, each another history: one row.
    let round: &[Stmt] = &[Lock(0), Repeat(40, 2), LoadOnce(0), StoreOnce(0, 1), Unlock(0)];
    let [few, all] = states(&small([round, &[Fence]]));

    assert_eq!(few, 4 - 1, "{all}");
    assert!(all > 80 * 2, "{all}");
    // One that never comes out ends at the bound, by name, whichever way it is explored.
    let for_ever: &[Stmt] = &[Lock(0), StoreOnce(0, 1), LoadOnce(0), Back(2), Unlock(0)];
    for config in [Config::default(), every_access()] {
        let verdict = explore(&small([for_ever, &[Lock(0), Unlock(0)]]).subject(), &config);
        assert_eq!(verdict.codes(), [Code::LW009].into(), "{:?}", verdict.bound);
    }
}

/// However long the round is: states are looked up at the same place of each, so the second one ends it.
#[test]
fn a_round_of_any_length_is_seen_to_come_back() {
    for length in (1..40).chain([64, 65, 66, 127, 200]) {
        let mut round = vec![StoreOnce(0, 1); length];
        round.push(Back(length));
        let ends = [&round[..], &[Lock(0), Unlock(0)]];
        let looped = [[&[Lock(0)], &round[..], &[Unlock(0)]].concat(), ends[1].to_vec()];
        for program in [small(ends), small([&looped[0], &looped[1]])] {
            let verdict = explore(&program.subject(), &Config::default());
            assert_eq!((verdict.codes(), verdict.bound), ([Code::LW009].into(), None), "{length}");
        }
    }
}

/// Two that poll, and go round for long before it turns out that others write what they read.
#[test]
fn what_was_too_long_in_a_search_that_begins_again_is_forgotten() {
    let mut poll = vec![IfCell(0, Is::Eq(0), 31)];
    poll.extend(vec![StoreOnce(1, 1); 30]);
    poll.push(Back(31));
    let verdict = whole(&small([&poll, &[StoreOnce(0, 1)]]).subject(), &Config::default());

    assert_eq!(verdict.codes(), BTreeSet::new());
}

#[test]
fn states_of_the_family_are_pinned() {
    // Positions of a leaser: before its lock, before each of two looks that others see, before its second lock, before the write there,
    // and at the end: 6 of 10. Of an opener: before its lock, before its look, before its lock or its last step, at the end: 5 of 8.
    let pinned = [
        ("L-fixed-2-1", [113, 245]),
        ("L-fixed-3-1", [454, 1017]),
        ("L-fixed-3-3", [10_096, 28_144]),
        ("L-mainline-3-3", [18_940, 93_271]),
    ];
    for (name, states) in pinned {
        let counted = [Config::default(), every_access()].map(|config| whole(&family(name), &config).states);
        assert_eq!(counted, states, "{name}");
    }
}

// When it was wrong.

#[test]
fn two_locks_are_none() {
    // The reader holds the other lock, so it sees the first of two writes.
    let writer: &[Stmt] = &[Lock(0), StoreOnce(0, 1), StoreOnce(0, 2), Unlock(0)];
    relies_on_being_watched(&small([writer, &[Lock(1), LoadOnce(0), Unlock(1)]]));
}

#[test]
fn a_lock_that_is_shared_orders_no_writes() {
    let shared = |section: &[Stmt]| Small { locks: vec![LockKind::Rw, LockKind::Spin], ..small([section, section]) };
    let writes: &[Stmt] = &[ReadLock(0), AddOnce(0, 1), ReadUnlock(0)];
    let told = |config: &Config| {
        let verdict = whole(&shared(writes).subject(), config);
        (verdict.outcomes.clone(), verdict.codes())
    };
    assert_eq!(told(&Config::default()), told(&every_access()));
    assert_eq!(told(&Config::default()).0.len(), 2, "an increment can be lost");

    // Reads may share it: before or behind, each; less the last state.
    let [few, _] = states(&shared(&[ReadLock(0), LoadOnce(0), LoadOnce(0), ReadUnlock(0)]));
    assert_eq!(few, 4 - 1);
}

#[test]
fn an_access_without_the_lock_in_a_rare_branch_is_noticed() {
    // The second task reads without the lock only if it has seen the first write of a third one.
    let writer: &[Stmt] = &[Lock(0), StoreOnce(0, 1), StoreOnce(0, 2), Unlock(0)];
    let rare: &[Stmt] = &[Choose(3), IfLast(Is::Eq(2), 2), IfAtomic(0, Is::Eq(1), 1), LoadOnce(0)];
    relies_on_being_watched(&small([writer, rare, &[AtomicSet(0, 1), AtomicSet(0, 0)]]));
}

#[test]
fn a_free_without_the_lock_is_noticed() {
    // The object is freed between the look at the slot and the use.
    let user: &[Stmt] = &[Alloc(0), Lock(0), Use(0), Use(0), Unlock(0)];
    let program = small([user, &[Free(0)]]);
    let told = |config: &Config| whole(&program.subject(), config).codes();

    assert_eq!(told(&Config::default()), told(&every_access()));
    assert!(told(&Config::default()).contains(&Code::LW020));
}

#[test]
fn a_trylock_seen_late_is_noticed() {
    let holder: &[Stmt] = &[Lock(0), AtomicInc(0), Unlock(0)];
    relies_on_being_watched(&small([holder, &[AtomicRead(0), TryLock(0, 1), Unlock(0), AtomicRead(0)]]));
}

#[test]
fn time_that_a_task_moves_is_noticed() {
    let program = small([&[Lock(0), StoreOnce(0, 1), LoadOnce(0), Unlock(0)], &[Advance(3)]]);

    let [few, all] = states(&program);
    assert_eq!(few, all);
}

// Where it does not apply.

#[test]
fn store_buffers_and_a_free_clock_have_every_access() {
    let section: &[Stmt] = &[Lock(0), LoadOnce(0), StoreOnce(0, 1), Unlock(0)];
    let program = small([section, section]);
    let free = Small { clock: Clock::Free, ..program.clone() };
    let tso = |config: Config| whole(&program.subject(), &Config { memory: Memory::Tso, ..config }).states;

    assert_eq!(tso(Config::default()), tso(every_access()));
    let [few, all] = states(&free);
    assert_eq!(few, all);
}

// Workers and checkpoints.

#[test]
fn workers_and_interruptions_change_nothing() {
    let folder = directory("movers-resume");
    std::fs::create_dir_all(&folder).expect("a folder of the test");
    for name in ["L-fixed-3-2", "L-mainline-2-2"] {
        let subject = family(name);
        let plain = whole(&subject, &Config::default());
        let two = whole(&subject, &Config { jobs: 2, ..Config::default() });
        assert_eq!((plain.states, &plain.outcomes), (two.states, &two.outcomes), "{name}");

        let checkpoint = Checkpoint {
            file: folder.join(format!("{name}.checkpoint")),
            about: name.to_owned(),
            interval: Duration::ZERO,
        };
        let mut bounds = BTreeSet::new();
        let resumed = loop {
            let so_far = bounds.len() as u64;
            let config = Config {
                checkpoint: Some(checkpoint.clone()),
                executions_max: 150 * (so_far + 1),
                ..Config::default()
            };
            let verdict = try_explore(&subject, &config).expect("it goes on");
            match verdict.bound {
                None => break verdict,
                Some(Bound::Executions(bound)) => assert!(bounds.insert(bound), "{name} gets on"),
                other => panic!("{other:?}"),
            }
        };
        assert!(bounds.len() > 1, "{name} was interrupted");
        assert_eq!((plain.states, &plain.outcomes), (resumed.states, &resumed.outcomes), "{name}");
    }
}

#[test]
fn a_checkpoint_of_the_other_kind_is_refused() {
    let folder = directory("movers-refused");
    std::fs::create_dir_all(&folder).expect("a folder of the test");
    let checkpoint = Checkpoint { file: folder.join("L"), about: "L-fixed-3-2".to_owned(), interval: Duration::ZERO };
    let begun = Config { checkpoint: Some(checkpoint), executions_max: 100, ..Config::default() };
    assert!(!explore(&family("L-fixed-3-2"), &begun).complete());

    let error =
        try_explore(&family("L-fixed-3-2"), &Config { every_access: true, ..begun }).expect_err("another search");

    assert!(error.to_string().contains("every access"), "{error}");
}
