//! DPOR where findings end executions: nothing that the others do is missed, whoever fails and when.

use lockwright::check::Code;
use lockwright::engine::{Clock, Memory};
use lockwright::explore::{Config, EngineKind, Verdict, explore};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{LockKind, Small, Stmt};

const BOTH: [EngineKind; 2] = [EngineKind::Dpor, EngineKind::SourceDpor];

fn program(tasks: &[Vec<Stmt>]) -> Small {
    let (locks, clock) = (vec![LockKind::Spin; 2], Clock::Free);
    Small { tasks: tasks.to_vec(), locks, cells: vec![0; 2], slots: 1, clock, ..Small::default() }
}

fn run(program: &Small, memory: Memory, engine: EngineKind) -> Verdict {
    let verdict = explore(&program.subject(), &Config { memory, ..Config::with_engine(engine) });
    assert!(verdict.complete());
    verdict
}

/// What brute force says, after making sure that DPOR says it as well.
fn agreed(tasks: &[Vec<Stmt>], memory: Memory) -> Verdict {
    let program = program(tasks);
    let brute = run(&program, memory, EngineKind::Brute);
    for engine in BOTH {
        let dpor = run(&program, memory, engine);
        let said = |verdict: &Verdict| (verdict.codes(), verdict.outcomes.clone(), verdict.deadlocks.clone());
        assert_eq!(said(&dpor), said(&brute), "{engine:?}");
    }
    brute
}

fn codes(verdict: &Verdict) -> Vec<Code> {
    verdict.codes().into_iter().collect()
}

#[test]
fn a_task_that_fails_at_once_hides_no_mistake_of_the_others() {
    let tasks = [vec![Assert(0, 7)], vec![StoreOnce(1, 1), Unlock(0)], vec![Lock(1), Lock(1)]];

    assert_eq!(codes(&agreed(&tasks, Memory::Sc)), [Code::LW001, Code::LW006, Code::LW011]);
}

#[test]
fn two_tasks_that_fail_in_the_end_hide_no_lock_that_a_third_one_never_gives_back() {
    let fails = vec![Lock(0), Load(0), Unlock(0), PreemptEnable];
    let keeps = vec![Lock(0), Load(0), Unlock(0), Lock(0)];
    let verdict = agreed(&[fails.clone(), fails, keeps], Memory::Sc);

    // Where the third one is first with both of its sections, the others wait for ever.
    assert_eq!(codes(&verdict), [Code::LW007, Code::LW008, Code::LW011]);
    assert_eq!((verdict.outcomes.len(), verdict.deadlocks.len()), (0, 1));
}

#[test]
fn a_failing_step_comes_after_and_before_what_makes_it_right() {
    let tasks = [vec![StoreOnce(0, 1)], vec![Assert(0, 1)], vec![LoadOnce(0)]];
    let verdict = agreed(&tasks, Memory::Sc);

    // What the third one reads; the assertion holds in both outcomes, and fails where it is before the store.
    assert_eq!((codes(&verdict), verdict.outcomes.len()), (vec![Code::LW011], 2));
    for engine in BOTH {
        // Store, assertion, load. The assertion alone: it fails. The load, which that covered, then the two others.
        assert_eq!(run(&program(&tasks), Memory::Sc, engine).executions, 3);
    }
}

#[test]
fn two_failing_steps_that_are_next_at_the_same_time_can_be_a_data_race() {
    let tasks = [vec![Load(0), PreemptEnable], vec![Store(0, 1), PreemptEnable]];

    assert_eq!(codes(&agreed(&tasks, Memory::Sc)), [Code::LW010, Code::LW011]);
    for engine in BOTH {
        // Either of them, and an execution in which neither goes on.
        assert_eq!(run(&program(&tasks), Memory::Sc, engine).executions, 3);
    }
}

#[test]
fn stores_of_a_task_that_failed_reach_memory() {
    let tasks = [vec![Lock(0), Inc(0), Unlock(0)], vec![Alloc(0), PreemptEnable]];
    assert_eq!(codes(&agreed(&tasks, Memory::Tso)), [Code::LW011]);

    // The first one fails before its store is seen; the second one sees it or does not.
    let tasks = [vec![StoreOnce(0, 1), Assert(1, 7)], vec![LoadOnce(0), Assert(0, 0)]];
    assert_eq!(codes(&agreed(&tasks, Memory::Tso)), [Code::LW011]);
}
