//! The point of no return against brute force: before it an execution that ends well exists, after it none does.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use lockwright::check::{Checks, Code};
use lockwright::engine::controlled::{Controlled, Settings};
use lockwright::engine::fingerprint::Fingerprint;
use lockwright::engine::world::Transition;
use lockwright::engine::{Decision, Ending, Flow, Observer, Program, State, Strategy};
use lockwright::event::{Event, View};
use lockwright::explore::graph::{self, End, NoReturn};
use lockwright::explore::{Bound, Config, Schedule, Subject, explore, explore_with_witnesses};
use lockwright::kernel::Faults;
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{LockKind, Small, Stmt};
use lockwright::scenario::{self, catalogue};

/// Every schedule that begins like this one, each with nothing known of the others.
struct Every {
    prefix: Vec<Transition>,
    /// The choices at each step, and which is taken.
    choices: Vec<(Vec<Transition>, usize)>,
    depth: usize,
}

impl Strategy for Every {
    fn decide(&mut self, state: &State<'_>) -> Decision {
        if self.depth == self.choices.len() {
            let all = match self.prefix.get(self.depth) {
                Some(next) if state.transitions.contains(next) => vec![*next],
                Some(_) => return Decision::Abandon,
                None => state.transitions.to_vec(),
            };
            self.choices.push((all, 0));
        }
        let (all, taken) = &self.choices[self.depth];
        self.depth += 1;
        Decision::Take(all[*taken])
    }
}

/// The checks of one execution, and whether the code was among what they found.
struct Judge {
    checks: Checks,
    code: Code,
    has_it: bool,
}

impl Judge {
    fn look(&mut self) {
        self.has_it |= self.checks.take_found().iter().any(|finding| finding.code == self.code);
    }
}

fn flow(stop: bool) -> Flow {
    if stop { Flow::Stop } else { Flow::Continue }
}

impl Observer for Judge {
    fn begin(&mut self) {
        self.checks.begin();
    }

    fn event(&mut self, event: &Event, view: &dyn View) -> Flow {
        let stop = self.checks.event(event, view);
        self.look();
        flow(stop)
    }

    fn state(&mut self, step: u32, view: &dyn View) -> Flow {
        let stop = self.checks.state(step, view);
        self.look();
        flow(stop)
    }

    fn end(&mut self, step: u32, view: &dyn View) {
        self.checks.end(step, view);
        self.look();
    }

    fn fingerprint(&self, fingerprint: &mut Fingerprint) {
        self.checks.fingerprint(fingerprint);
    }
}

/// Is there an execution that begins like this, in which all tasks end and the code is not found?
fn ends_well(subject: &Arc<dyn Subject>, code: Code, prefix: &[Transition]) -> bool {
    let mut every = Every { prefix: prefix.to_vec(), choices: Vec::new(), depth: 0 };
    let mut controlled = Controlled::new(Settings::default());
    loop {
        every.depth = 0;
        let judge = Rc::new(RefCell::new(Judge { checks: subject.checks(), code, has_it: false }));
        let observer: Rc<RefCell<dyn Observer>> = judge.clone();
        let ending = controlled.run(&**subject as &dyn Program, &mut every, &observer);
        if matches!(ending, Ending::Finished(_)) && !judge.borrow().has_it {
            return true;
        }
        loop {
            let Some((all, taken)) = every.choices.last_mut() else { return false };
            *taken += 1;
            if *taken < all.len() {
                break;
            }
            every.choices.pop();
        }
    }
}

/// Holds the point of no return of every finding against brute force; how many there are of each kind.
fn compare(program: &Small, seen: &mut [usize; 3]) {
    let subject = program.subject();
    let verdict = explore(&subject, &Config::default());
    for found in &verdict.findings {
        let (code, way) = (found.finding.code, &found.schedule.transitions);
        let saved = |steps: usize| ends_well(&subject, code, &way[..steps]);
        match graph::no_return(&*subject, code, &found.schedule, graph::STATES_MAX) {
            Some(NoReturn::At { step, instead }) => {
                let step = step as usize;
                assert!(saved(step - 1), "{code} {program:?}: before step {step} it is not lost yet");
                assert!((step..=way.len()).all(|steps| !saved(steps)), "{code} {program:?}: after step {step} it is");
                assert_eq!(instead.transitions[..step - 1], way[..step - 1]);
                assert_ne!(instead.transitions[step - 1], way[step - 1]);
                assert!(ends_well(&subject, code, &instead.transitions), "{code} {program:?}: {instead:?}");
                seen[0] += 1;
            }
            Some(NoReturn::Start) => {
                assert!(!saved(0), "{code} {program:?}: something ends well");
                seen[1] += 1;
            }
            Some(NoReturn::Unknown(bound)) => panic!("{program:?}: {bound}"),
            None => {
                assert!(saved(way.len()), "{code} {program:?}: nothing that begins so ends well");
                seen[2] += 1;
            }
        }
    }
}

/// The point of no return of the only finding, as a number of a step.
fn step(program: &Small) -> (Code, Option<NoReturn>) {
    let verdict = explore_with_witnesses(&program.subject(), &Config::default()).expect("nothing is hidden");
    let [found] = &verdict.findings[..] else { panic!("{:?}", verdict.findings) };
    let no_return = graph::no_return(&*program.subject(), found.finding.code, &found.schedule, graph::STATES_MAX);
    compare(program, &mut [0; 3]);
    (found.finding.code, no_return)
}

fn at(no_return: Option<NoReturn>) -> u32 {
    match no_return {
        Some(NoReturn::At { step, .. }) => step,
        other => panic!("{other:?}"),
    }
}

fn small(tasks: &[&[Stmt]]) -> Small {
    Small {
        tasks: tasks.iter().map(|task| task.to_vec()).collect(),
        locks: vec![LockKind::Spin, LockKind::Spin],
        cells: vec![0],
        slots: 1,
        ..Small::default()
    }
}

#[test]
fn deadlock_is_certain_when_the_second_task_has_its_first_lock() {
    let program = small(&[&[Lock(0), Lock(1), Unlock(1), Unlock(0)], &[Lock(1), Lock(0), Unlock(0), Unlock(1)]]);
    let verdict = explore_with_witnesses(&program.subject(), &Config::default()).expect("nothing is hidden");
    let deadlock = verdict.findings.iter().find(|found| found.finding.code == Code::LW008).expect("it is found");

    let no_return = graph::no_return(&*program.subject(), Code::LW008, &deadlock.schedule, graph::STATES_MAX);

    // Each takes one lock, and both wait. After the first step the same task can still go on.
    assert_eq!(deadlock.schedule.transitions.len(), 2);
    assert_eq!(at(no_return), 2);
}

#[test]
fn use_after_free_is_certain_when_the_object_is_freed_before_it_is_used() {
    // Task 1 allocates and uses; task 2 frees what it finds in the slot.
    let program = small(&[&[Alloc(0), StoreOnce(0, 1), Use(0)], &[LoadOnce(0), Free(0)]]);

    let verdict = explore_with_witnesses(&program.subject(), &Config::default()).expect("nothing is hidden");
    let found = verdict.findings.iter().find(|found| found.finding.code == Code::LW020).expect("it is found");
    let no_return = graph::no_return(&*program.subject(), Code::LW020, &found.schedule, graph::STATES_MAX);

    // The slot still points to what is freed, so the step that frees it is the one that cannot be taken back.
    let freeing = at(no_return) as usize;
    assert!(freeing < found.schedule.transitions.len());
    compare(&program, &mut [0; 3]);
}

#[test]
fn a_choice_of_the_environment_can_be_the_step() {
    // One alternative of the choice fails the assertion, the other does not; nothing else matters.
    let program =
        small(&[&[Choose(2), IfLast(lockwright::program::small::Is::Eq(0), 1), StoreOnce(0, 1), Assert(0, 0)]]);

    let (code, no_return) = step(&program);

    assert_eq!((code, at(no_return)), (Code::LW011, 1));
}

#[test]
fn what_happens_in_every_order_is_lost_from_the_start() {
    let program = small(&[&[Lock(0), MaySleep, Unlock(0)], &[LoadOnce(0)]]);

    assert_eq!(step(&program), (Code::LW002, Some(NoReturn::Start)));
}

#[test]
fn lock_orders_of_two_executions_have_no_point_of_no_return() {
    // A choice decides on the order of the two locks: either order alone is right, and the execution that is shown ends well.
    let is_first = IfLast(lockwright::program::small::Is::Eq(0), 5);
    let one = [Lock(0), Lock(1), Unlock(1), Unlock(0), Skip(4)];
    let other = [Lock(1), Lock(0), Unlock(0), Unlock(1)];
    let program = small(&[&[&[Choose(2), is_first][..], &one, &other].concat()]);

    let (code, no_return) = step(&program);

    assert_eq!((code, no_return), (Code::LW003, None));
}

#[test]
fn a_bound_is_named_and_nothing_is_claimed() {
    let program = small(&[&[Lock(0), MaySleep, Unlock(0)], &[LoadOnce(0), LoadOnce(0), LoadOnce(0)]]);
    let verdict = explore(&program.subject(), &Config::default());

    let no_return = graph::no_return(&*program.subject(), Code::LW002, &verdict.findings[0].schedule, 2);

    assert_eq!(no_return, Some(NoReturn::Unknown(Bound::States(2))));
    assert_eq!(graph::whole(&*program.subject(), Code::LW002, Default::default(), 2).err(), Some(Bound::States(2)));
}

/// Draws numbers that look random, the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % sides) as usize
    }

    fn statement(&mut self) -> Stmt {
        match self.roll(13) {
            0 | 1 => Lock(self.roll(2)),
            2 | 3 => Unlock(self.roll(2)),
            4 => Inc(0),
            5 => StoreOnce(0, 1),
            6 => Assert(0, self.roll(2) as i64),
            7 | 8 => Alloc(0),
            9 => Use(0),
            10 => Free(0),
            11 => Choose(2),
            _ => MaySleep,
        }
    }
}

#[test]
fn brute_force_agrees_on_programs_that_nobody_thought_of() {
    let mut dice = Dice(11);
    let mut seen = [0; 3];
    for _ in 0..500 {
        let lengths = [2 + dice.roll(3), 2 + dice.roll(3)];
        let tasks: Vec<Vec<Stmt>> = lengths.map(|length| (0..length).map(|_| dice.statement()).collect()).into();
        let faults = Faults { memory: dice.roll(2) == 0, ..Faults::default() };
        let program = Small { faults, ..small(&[]) };
        compare(&Small { tasks, ..program }, &mut seen);
    }
    // Both directions are tried: points in the middle, and programs that are lost from the start.
    assert!(seen[0] > 100 && seen[1] > 20, "{seen:?}");
}

#[test]
fn graph_of_a_scenario_is_that_of_the_explorer_and_agrees_with_the_point_of_no_return() {
    let scenario = catalogue::find("leaser-unlock").expect("it is listed");
    let bkl = lockwright::study::design("bkl").expect("it is listed");
    let subject = scenario::subject(bkl, &scenario);
    let verdict = explore_with_witnesses(&subject, &Config::default()).expect("nothing is hidden");
    let [found] = &verdict.findings[..] else { panic!("{:?}", verdict.findings) };
    let every_access = explore(&subject, &Config { every_access: true, ..Config::default() });

    let graph = graph::whole(&*subject, Code::LW020, Default::default(), 1000).expect("it is small");

    // All but the ends are states of the explorer, which does not count states in which nothing can happen.
    let inner = graph.nodes.iter().filter(|node| node.end.is_none()).count() as u64;
    assert_eq!(inner, every_access.states);
    let way = graph.way(&found.schedule);
    assert_eq!(way.len(), found.schedule.transitions.len() + 1);
    let end = &graph.nodes[way[way.len() - 1] as usize];
    assert_eq!((end.end, end.has_way_out), (Some(End::Badly), false));
    // The last state with a way out is the one before the point of no return.
    let last = way.iter().rposition(|state| graph.nodes[*state as usize].has_way_out).expect("the start has one");
    let no_return = graph::no_return(&*subject, Code::LW020, &found.schedule, graph::STATES_MAX);
    assert_eq!(at(no_return) as usize, last + 1);
    assert_eq!(graph.way(&Schedule::new(Vec::new())), [0]);
}
