//! DPOR against brute force: the same outcomes, deadlocks and findings, from exactly one execution per trace.
//!
//! Traces are counted by another road: every schedule is run, and brought into Foata normal form (each action as early
//! as the actions it depends on allow) by the same relation.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use lockwright::engine::controlled::Controlled;
use lockwright::engine::fingerprint::Fingerprint;
use lockwright::engine::world::Transition;
use lockwright::engine::{Decision, Flow, Memory, Observer, Program, State, Strategy, Unsound};
use lockwright::event::{Event, ObjectId, Op, TaskId, View, What};
use lockwright::explore::dpor::{Action, dependent};
use lockwright::explore::{Config, EngineKind, Subject, Verdict, explore};
use lockwright::program::small::Small;
use proptest::prelude::*;
use proptest::strategy::{Strategy as _, ValueTree};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::programs::{Said, program, timed};

/// Executions of brute force after which a program is too large to be compared.
fn executions_max(memory: Memory) -> u64 {
    match memory {
        Memory::Sc => 60_000,
        Memory::Tso => 15_000,
    }
}

fn run(program: &Small, memory: Memory, engine: EngineKind) -> Verdict {
    let executions_max = executions_max(memory);
    explore(&program.subject(), &Config { memory, executions_max, ..Config::with_engine(engine) })
}

/// Depth-first over all schedules, by the position of each transition among those that were possible.
#[derive(Default)]
struct Every {
    path: Vec<(usize, usize)>,
    taken: Vec<Transition>,
}

impl Strategy for Every {
    fn decide(&mut self, state: &State<'_>) -> Decision {
        let depth = self.taken.len();
        if depth == self.path.len() {
            self.path.push((0, state.transitions.len()));
        }
        let transition = state.transitions[self.path[depth].0];
        self.taken.push(transition);
        Decision::Take(transition)
    }
}

impl Every {
    fn advance(&mut self) -> bool {
        self.taken.clear();
        while let Some((at, of)) = self.path.pop() {
            if at + 1 < of {
                self.path.push((at + 1, of));
                return true;
            }
        }
        false
    }
}

/// Writes down what happens.
#[derive(Default)]
struct Scribe {
    memory: Memory,
    actions: Vec<Action>,
    queued: Vec<(ObjectId, TaskId)>,
}

impl Scribe {
    fn write(&mut self, task: TaskId, op: Op, result: u64, view: &dyn View) {
        let alternative = if let Op::Choose(..) = op { result as u8 } else { 0 };
        let transition =
            if let Op::Flush(..) = op { Transition::flush(task) } else { Transition { task, alternative } };
        let mut woken = Vec::new();
        match op {
            Op::Enqueue(queue) => self.queued.push((queue, task)),
            Op::Dequeue(queue) => self.queued.retain(|waiter| *waiter != (queue, task)),
            Op::Wake(queue) => {
                woken = self.queued.iter().filter(|(at, _)| *at == queue).map(|(_, task)| *task).collect();
                woken.sort_unstable();
                self.queued.retain(|(at, _)| *at != queue);
            }
            _ => {}
        }
        let is_buffered = self.memory == Memory::Tso
            && matches!((op, result), (Op::Store(..) | Op::Release(_), 0) | (Op::Flush(..), _));
        let earlier = |action: &&Action| {
            (action.transition.task, action.transition.is_flush()) == (task, transition.is_flush())
                && action.buffered > 0
        };
        let buffered = if is_buffered { self.actions.iter().filter(earlier).count() as u32 + 1 } else { 0 };
        let block = op.object().and_then(|object| view.object(object).block);
        // What atomic_inc found differs between schedules of one trace, and nobody learns it.
        let result = if let Op::Rmw(..) = op { op.observed(result) } else { result };
        self.actions.push(Action { transition, op, result, block, woken, buffered, remarked: false });
    }
}

impl Observer for Scribe {
    fn begin(&mut self) {
        *self = Scribe { memory: self.memory, ..Scribe::default() };
    }

    fn event(&mut self, event: &Event, view: &dyn View) -> Flow {
        if let (What::Op(op, result), true) = (event.what, event.task != TaskId::BOOT) {
            self.write(event.task, op, result, view);
        }
        Flow::Continue
    }

    fn state(&mut self, _step: u32, _view: &dyn View) -> Flow {
        Flow::Continue
    }

    fn end(&mut self, _step: u32, _view: &dyn View) {}

    fn fingerprint(&self, _fingerprint: &mut Fingerprint) {}
}

/// The same for all schedules of one trace.
fn foata(actions: &[Action]) -> Vec<(usize, Action)> {
    let mut levels: Vec<(usize, Action)> = Vec::new();
    for action in actions {
        let before = levels.iter().filter(|(_, other)| dependent(other, action)).map(|(level, _)| *level).max();
        levels.push((before.map_or(0, |level| level + 1), action.clone()));
    }
    levels.sort_by_key(|(level, action)| (*level, action.process()));
    levels
}

/// The number of traces of a program.
fn traces(program: &Small, memory: Memory) -> usize {
    let settings = Config { memory, ..Config::default() }.settings();
    let (mut controlled, mut every) = (Controlled::new(settings), Every::default());
    let scribe = Rc::new(RefCell::new(Scribe { memory, ..Scribe::default() }));
    let observer: Rc<RefCell<dyn Observer>> = scribe.clone();
    let mut seen = HashSet::new();
    loop {
        controlled.run(program as &dyn Program, &mut every, &observer);
        seen.insert(foata(&scribe.borrow().actions));
        if !every.advance() {
            return seen.len();
        }
    }
}

fn compare(program: &Small, memory: Memory) -> Result<(), TestCaseError> {
    let brute = run(program, memory, EngineKind::Brute);
    if !brute.complete() {
        return Ok(());
    }
    let (optimal, source) = (run(program, memory, EngineKind::Dpor), run(program, memory, EngineKind::SourceDpor));
    let halts = brute.codes().iter().any(|code| code.ends_execution());
    for dpor in [&optimal, &source] {
        prop_assert_eq!(dpor.bound, None);
        prop_assert_eq!(Said::by(dpor), Said::by(&brute));
    }
    // What ends executions ends traces as well, and which prefix of one is seen depends on the schedule.
    if !halts {
        let traces = traces(program, memory) as u64;
        prop_assert_eq!(optimal.executions, traces);
        prop_assert!(source.executions >= traces);
    }
    Ok(())
}

proptest! {
    #![proptest_config(crate::config(1000))]

    #[test]
    fn dpor_and_brute_force_agree(program in program()) {
        compare(&program, Memory::Sc)?;
    }

    #[test]
    fn dpor_and_brute_force_agree_with_store_buffers(program in program()) {
        compare(&program, Memory::Tso)?;
    }
}

proptest! {
    #![proptest_config(crate::config(150))]

    #[test]
    fn all_engines_agree_on_waits_with_a_timeout(program in timed()) {
        for memory in [Memory::Sc, Memory::Tso] {
            compare(&program, memory)?;
            let explorer = explore(&program.subject(), &Config { memory, ..Config::default() });
            prop_assert_eq!(explorer.bound, None);
            let said = Said::by(&explorer);
            if program.explicit().is_some() {
                let config = Config { memory, ..Config::with_engine(EngineKind::Explicit) };
                prop_assert_eq!(&Said::by(&explore(&program.subject(), &config)), &said);
            }
            // Where brute force is too large, DPOR may still end.
            for engine in [EngineKind::Dpor, EngineKind::SourceDpor] {
                let config = Config { memory, executions_max: 500, ..Config::with_engine(engine) };
                let dpor = explore(&program.subject(), &config);
                prop_assert!(!dpor.complete() || Said::by(&dpor) == said, "{engine:?} {dpor:#?} {said:#?}");
            }
        }
    }
}

#[test]
fn dpor_whose_sleepers_are_never_woken_is_caught() {
    let mut runner =
        TestRunner::new_with_rng(ProptestConfig::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]));
    let is_caught = |_| {
        let program = program().new_tree(&mut runner).expect("programs are generated without rejects").current();
        let config = Config { seeded: Some(Unsound::SleepSetNotFiltered), ..Config::with_engine(EngineKind::Dpor) };
        let said = Said::by(&explore(&program.subject(), &config));
        said != Said::by(&run(&program, Memory::Sc, EngineKind::Brute))
    };

    assert!((0..1000).any(is_caught));
}
