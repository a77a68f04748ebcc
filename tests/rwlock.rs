//! Locks that readers share: `rwlock_t` and `struct rw_semaphore`, and how they differ.

use lockwright::check::Code;
use lockwright::engine::Memory;
use lockwright::explore::{Config, EngineKind, Verdict, explore};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{LockKind, Small, Stmt};

const ENGINES: [EngineKind; 4] = [EngineKind::Explorer, EngineKind::Brute, EngineKind::Dpor, EngineKind::SourceDpor];

fn program(kind: LockKind, tasks: &[&[Stmt]]) -> Small {
    let tasks = tasks.iter().map(|task| task.to_vec()).collect();
    Small { tasks, locks: vec![kind, kind, LockKind::Spin], cells: vec![0; 2], ..Small::default() }
}

fn run(program: &Small, engine: EngineKind) -> Verdict {
    let verdict = explore(&program.subject(), &Config::with_engine(engine));
    assert!(verdict.complete());
    verdict
}

/// What the explorer says, after making sure that the others say it as well.
fn agreed(kind: LockKind, tasks: &[&[Stmt]]) -> Verdict {
    let program = program(kind, tasks);
    let [explorer, others @ ..] = ENGINES.map(|engine| run(&program, engine));
    for other in others {
        assert_eq!((other.codes(), &other.outcomes), (explorer.codes(), &explorer.outcomes), "{:?}", other.engine);
    }
    explorer
}

fn codes(kind: LockKind, tasks: &[&[Stmt]]) -> Vec<Code> {
    agreed(kind, tasks).codes().into_iter().collect()
}

const TWICE: &[Stmt] = &[ReadLock(0), ReadLock(0), ReadUnlock(0), ReadUnlock(0)];
const WRITER: &[Stmt] = &[Lock(0), Unlock(0)];

#[test]
fn a_read_lock_may_be_taken_again_while_a_writer_waits() {
    assert_eq!(codes(LockKind::Rw, &[TWICE, WRITER]), []);
    // The writer before or behind the reader, with both of its turns.
    assert_eq!(run(&program(LockKind::Rw, &[TWICE, WRITER]), EngineKind::Dpor).executions, 2);
}

#[test]
fn a_semaphore_may_not() {
    let verdict = agreed(LockKind::RwSem, &[TWICE, WRITER]);

    // The reader holds it, the writer stands in line for it, the reader comes again behind the writer.
    let [found] = &verdict.findings[..] else { panic!("{:?}", verdict.findings) };
    assert_eq!((found.finding.code, found.finding.subject.as_str()), (Code::LW008, "cycle"));
    let message = "wait-for cycle: task 1 waits for rwsem.wait_list held by task 2; task 2 waits for a held by task 1";
    assert_eq!(found.finding.message, message);
    assert_eq!(codes(LockKind::RwSem, &[&[ReadLock(0), ReadUnlock(0), ReadLock(0), ReadUnlock(0)], WRITER]), []);
}

#[test]
fn readers_are_there_at_once_and_writers_are_not() {
    let section = |shared: bool, own, other| {
        let (take, give) = if shared { (ReadLock(0), ReadUnlock(0)) } else { (Lock(0), Unlock(0)) };
        [take, StoreOnce(own, 1), LoadOnce(other), give]
    };
    for kind in [LockKind::Rw, LockKind::RwSem] {
        let outcomes = |shared| agreed(kind, &[&section(shared, 0, 1), &section(shared, 1, 0)]).outcomes.len();
        // Each sees the other's store, or one does not. Alone: the second sees the first's.
        assert_eq!((outcomes(true), outcomes(false)), (3, 2));
    }
}

#[test]
fn who_reads_waits_for_himself_as_a_writer() {
    let verdict = agreed(LockKind::Rw, &[&[ReadLock(0), Lock(0)]]);
    assert_eq!(verdict.findings[0].finding.message, "task 1 waits for a, which it holds itself");
    assert_eq!(verdict.findings[0].finding.code, Code::LW001);
}

#[test]
fn a_writer_waits_for_every_reader() {
    // The first reader waits for a lock of the writer; the second one has nothing to do with it.
    let reader: &[Stmt] = &[ReadLock(0), Lock(2), Unlock(2), ReadUnlock(0)];
    let tasks: [&[Stmt]; 3] = [reader, &[ReadLock(0), ReadUnlock(0)], &[Lock(2), Lock(0), Unlock(0), Unlock(2)]];
    let verdict = agreed(LockKind::Rw, &tasks);

    let deadlock = verdict.findings.iter().find(|found| found.finding.code == Code::LW008).expect("a deadlock");
    assert_eq!(
        deadlock.finding.message,
        "wait-for cycle: task 1 waits for c held by task 3; task 3 waits for a held by task 1"
    );
    // A writer that waits for two readers for ever says so.
    let verdict = agreed(LockKind::Rw, &[&[ReadLock(0)], &[ReadLock(0)], WRITER]);
    assert!(verdict.deadlocks.len() == 1 && verdict.codes().contains(&Code::LW008));
    assert!(verdict.findings.iter().any(|found| found.finding.message.ends_with("held by task 1 and task 2")));
}

#[test]
fn what_is_given_back_was_held_so() {
    assert_eq!(codes(LockKind::Rw, &[&[ReadUnlock(0)]]), [Code::LW006]);
    assert_eq!(codes(LockKind::Rw, &[&[Lock(0), ReadUnlock(0)]]), [Code::LW006]);
    assert_eq!(codes(LockKind::Rw, &[&[ReadLock(0), Unlock(0)]]), [Code::LW006]);
    assert_eq!(codes(LockKind::Rw, &[&[ReadLock(0), ReadLock(0), ReadUnlock(0)]]), [Code::LW007]);
    assert_eq!(codes(LockKind::RwSem, &[&[Lock(0), Unlock(0)]]), []);
}

#[test]
fn a_reader_of_a_lock_that_spins_must_not_sleep() {
    let sleeps: &[Stmt] = &[ReadLock(0), MaySleep, ReadUnlock(0)];
    assert_eq!(codes(LockKind::Rw, &[sleeps]), [Code::LW002]);
    assert_eq!(codes(LockKind::RwSem, &[sleeps]), []);
}

#[test]
fn orders_go_through_a_lock_unless_both_read() {
    // A third lock keeps the two apart, so that nobody waits for ever.
    let order = |first: Stmt, second: Stmt| {
        let back = |stmt| match stmt {
            Lock(lock) => Unlock(lock),
            ReadLock(lock) => ReadUnlock(lock),
            other => other,
        };
        vec![Lock(2), first, second, back(second), back(first), Unlock(2)]
    };
    let found = |kind, one: [Stmt; 2], other: [Stmt; 2]| {
        let (one, other) = (order(one[0], one[1]), order(other[0], other[1]));
        run(&program(kind, &[&one, &other]), EngineKind::Explorer).codes().contains(&Code::LW003)
    };
    let (read_a, read_b, write_a, write_b) = (ReadLock(0), ReadLock(1), Lock(0), Lock(1));

    assert!(found(LockKind::Rw, [write_a, write_b], [write_b, write_a]));
    assert!(found(LockKind::Rw, [write_a, read_b], [write_b, read_a]));
    assert!(found(LockKind::Rw, [read_a, write_b], [read_b, write_a]));
    assert!(!found(LockKind::Rw, [read_a, read_b], [read_b, read_a]));
    assert!(!found(LockKind::Rw, [read_a, read_b], [write_b, read_a]), "the second reads a, which the first one reads");
    // Readers of a semaphore wait behind a writer that waits for other readers.
    assert!(found(LockKind::RwSem, [read_a, read_b], [read_b, read_a]));
    assert!(!found(LockKind::RwSem, [read_a, read_b], [read_a, read_b]));
}

#[test]
fn readers_cannot_be_exchanged_and_the_verdict_says_so() {
    let program = program(LockKind::Rw, &[TWICE, TWICE]);
    let verdict = explore(&program.subject(), &Config { symmetry: true, ..Config::default() });
    assert_eq!((verdict.symmetry, verdict.complete()), (Some(false), true));
}

#[test]
fn a_reader_sees_what_a_writer_stored_before_it_gave_the_lock_back() {
    let tso = |engine| Config { memory: Memory::Tso, ..Config::with_engine(engine) };
    let tasks: [&[Stmt]; 2] = [&[Lock(0), Inc(0), Inc(1), Unlock(0)], &[ReadLock(0), Load(0), Load(1), ReadUnlock(0)]];
    for engine in [EngineKind::Explorer, EngineKind::Dpor] {
        let verdict = explore(&program(LockKind::Rw, &tasks).subject(), &tso(engine));
        // Both increments or none.
        assert_eq!((verdict.outcomes.len(), verdict.findings.len()), (2, 0), "{engine:?}");
    }
}

/// A reader and a writer of plain memory, each with its guard, or with a guard that is dropped too soon.
fn guarded(keeps: bool) -> lockwright::boot::Model {
    use lockwright::prelude::*;
    Model::new(move |boot| {
        let (rwlock, rwsem) = (boot.rwlock("rwlock"), boot.rwsem("rwsem"));
        let (n, m) = (boot.plain("n", 0u64), boot.plain("m", 0u64));
        boot.task("reader", move |current| {
            let guard = Some(rwlock.read_lock(current)).filter(|_| keeps);
            let seen = n.get();
            drop(guard);
            let guard = Some(rwsem.down_read(current)).filter(|_| keeps);
            let also = m.get();
            drop(guard);
            seen == 1 || also == 1
        });
        boot.task("writer", move |current| {
            if let Some(_guard) = rwlock.write_trylock(current) {
                n.set(1);
            }
            if let Some(_guard) = rwsem.down_write_trylock(current) {
                m.set(1);
            }
        });
    })
}

#[test]
fn guards_of_shared_locks_hold_them_until_they_are_dropped() {
    guarded(true).check(&Config::default()).assert_clean().assert_outcomes(["reader: 0", "reader: 1"]);
    guarded(false).check(&Config::default()).assert_finds(Code::LW010);
}

#[test]
fn locks_of_every_kind_lie_in_slab_objects() {
    use lockwright::kernel::lock::Mutex;
    use lockwright::prelude::{Gfp, Layout, Link, RwLock, RwSem, Slab, kfree, kmalloc};
    struct Node {
        mutex: Mutex,
        rwlock: RwLock,
        rwsem: RwSem,
    }
    impl Slab for Node {
        const NAME: &'static str = "node";
        fn lay(layout: &mut Layout) -> Node {
            let (mutex, rwlock) = (Mutex::field(layout, "mutex"), RwLock::field(layout, "rwlock"));
            Node { mutex, rwlock, rwsem: RwSem::field(layout, "rwsem") }
        }
    }
    let freed = |under_lock: bool| {
        lockwright::boot(move |boot| {
            let kept = Link::<Node>::new("kept");
            boot.task("a", move |current| {
                let Ok(node) = kmalloc::<Node>(current, Gfp::Kernel) else { return };
                kept.set(Some(node));
                let lies = node.get();
                drop((lies.mutex.lock(current), lies.rwsem.down_write(current)));
                match under_lock {
                    true => {
                        lies.rwlock.read_lock(current).leave_locked();
                        kfree(node);
                    }
                    false => {
                        drop(lies.rwlock.read_lock(current));
                        kfree(node);
                    }
                }
            });
        })
    };

    freed(false).assert_clean();
    freed(true).assert_finds(Code::LW007);
}
