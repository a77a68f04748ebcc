//! Random programs over the types of user-land code: whatever searches, what can happen is the same.
//!
//! Brute force runs every order, and is the oracle. What a thread has seen is folded into a number, which it returns and writes into the
//! outcome, so that nothing that a program can learn is left out of the comparison.

use std::collections::BTreeSet;
use std::sync::Arc as Std;
use std::time::Duration;

use lockwright::cell::UnsafeCell;
use lockwright::check::{Checks, Code};
use lockwright::crossbeam::channel;
use lockwright::engine::{Booted, Program};
use lockwright::event::Births;
use lockwright::explore::random::SplitMix64;
use lockwright::explore::{Config, EngineKind, Subject, Verdict, try_explore};
use lockwright::own::program::Own;
use lockwright::sync::atomic::{AtomicU8, Ordering};
use lockwright::sync::mpsc::{self, Receiver, Sender};
use lockwright::sync::{Arc, Condvar, Mutex, Notify, OnceLock, RwLock};
use lockwright::thread::{self, Thread};

use crate::matrix::is_long;

/// What a thread does next.
#[derive(Clone, Copy, Debug)]
enum Do {
    Lock,
    TryLock,
    LockHashed,
    Read,
    TryRead,
    Write,
    Load,
    Store(u8),
    Add,
    Swap,
    Send(u8),
    SendOpaque(u8),
    Receive,
    TryReceive,
    Wait,
    Doze,
    NotifyOne,
    NotifyAll,
    Signal,
    Await,
    Choose,
    Cell,
    ReceiveTimeout,
    ParkTimeout,
    Unpark,
    /// Looks for a flag so often, and yields in between.
    Yields(u8),
    /// The same without yielding.
    Spins(u8),
    /// Tries a lock so often, and yields in between.
    Tries(u8),
    /// By crossbeam's channel, which has room for one.
    Hand(u8),
    TryHand(u8),
    Take,
    TryTake,
    TakeTimeout,
    /// Does it once: who comes first is seen.
    Once,
    Spawn(usize),
}

const ACTIONS: &[Do] = &[
    Do::Lock,
    Do::Lock,
    Do::TryLock,
    Do::LockHashed,
    Do::Read,
    Do::TryRead,
    Do::Write,
    Do::Load,
    Do::Store(1),
    Do::Add,
    Do::Swap,
    Do::Send(1),
    Do::SendOpaque(2),
    Do::Receive,
    Do::TryReceive,
    Do::Wait,
    Do::Doze,
    Do::NotifyOne,
    Do::NotifyAll,
    Do::Signal,
    Do::Await,
    Do::Choose,
    Do::Cell,
    Do::ReceiveTimeout,
    Do::ParkTimeout,
    Do::Unpark,
    Do::Yields(3),
    Do::Spins(2),
    Do::Tries(3),
    Do::Hand(1),
    Do::Hand(2),
    Do::TryHand(3),
    Do::Take,
    Do::TryTake,
    Do::TakeTimeout,
    Do::Once,
];

/// What each thread does; the first is the root, and a thread is started by one before it.
type Plan = Vec<Vec<Do>>;

/// Data that nobody can hash.
struct Opaque(u64);

struct Unsynchronised(UnsafeCell<u64>);

#[allow(unsafe_code)]
// SAFETY: accesses are checked, and the searches agree on what they find.
unsafe impl Sync for Unsynchronised {}

struct World {
    lock: Mutex<Opaque>,
    hashed: Mutex<u64>,
    shared: RwLock<Opaque>,
    atomic: AtomicU8,
    receiver: Mutex<Receiver<Box<u8>>>,
    condvar: Condvar,
    notify: Notify,
    hands: (channel::Sender<Box<u8>>, channel::Receiver<Box<u8>>),
    once: OnceLock<u64>,
    cell: Unsynchronised,
    main: Thread,
}

fn random_plan(random: &mut SplitMix64) -> Plan {
    let threads = 2 + random.below(2) as usize;
    let mut plan: Plan = Vec::new();
    for at in 0..=threads {
        // The root mostly starts others.
        let count = if at == 0 { random.below(2) } else { 1 + random.below(2) };
        let action = |random: &mut SplitMix64| ACTIONS[random.below(ACTIONS.len() as u64) as usize];
        plan.push((0..count).map(|_| action(random)).collect());
    }
    for child in 1..=threads {
        // One in four is started by another thread than the root.
        let parent = if child > 1 && random.below(4) == 0 { child - 1 } else { 0 };
        let place = random.below(plan[parent].len() as u64 + 1) as usize;
        let spawn = Do::Spawn(child);
        plan[parent].insert(place, spawn);
    }
    plan
}

/// After how many looks it is there; `rounds` if it never is.
fn looks(rounds: u8, mut is_there: impl FnMut() -> bool, between: impl Fn()) -> u64 {
    for round in 0..rounds {
        if is_there() {
            return round.into();
        }
        between();
    }
    rounds.into()
}

/// What the newer types do.
fn act_beside(action: Do, number: u64, world: &World) -> u64 {
    let received = |got: Option<Box<u8>>| got.map_or(97, |value| u64::from(*value));
    match action {
        Do::Hand(value) => world.hands.0.send(Box::new(value + number as u8)).is_ok().into(),
        Do::TryHand(value) => world.hands.0.try_send(Box::new(value)).is_ok().into(),
        Do::Take => received(world.hands.1.recv().ok()),
        Do::TryTake => received(world.hands.1.try_recv().ok()),
        Do::TakeTimeout => received(world.hands.1.recv_timeout(Duration::ZERO).ok()),
        Do::Once => *world.once.get_or_init(|| number),
        _ => unreachable!("threads are started by `run`"),
    }
}

fn act(action: Do, number: u64, world: &Arc<World>, sender: &Sender<Box<u8>>) -> u64 {
    let value = |opaque: &mut Opaque| {
        let seen = opaque.0;
        opaque.0 = seen * 5 + number;
        seen
    };
    match action {
        Do::Lock => value(&mut world.lock.lock().unwrap()),
        Do::TryLock => world.lock.try_lock().map_or(99, |mut opaque| value(&mut opaque)),
        Do::LockHashed => {
            let mut hashed = world.hashed.lock().unwrap();
            *hashed = *hashed * 5 + number;
            *hashed
        }
        Do::Read => world.shared.read().unwrap().0,
        Do::TryRead => world.shared.try_read().map_or(99, |opaque| opaque.0),
        Do::Write => value(&mut world.shared.write().unwrap()),
        Do::Load => world.atomic.load(Ordering::Acquire).into(),
        Do::Store(value) => {
            world.atomic.store(value, Ordering::Release);
            0
        }
        Do::Add => world.atomic.fetch_add(number as u8, Ordering::AcqRel).into(),
        Do::Swap => {
            world.atomic.compare_exchange(0, 9, Ordering::SeqCst, Ordering::Relaxed).unwrap_or_else(|it| it).into()
        }
        Do::Send(value) | Do::SendOpaque(value) => sender.send(Box::new(value + number as u8)).is_ok().into(),
        Do::Receive => world.receiver.lock().unwrap().recv().map_or(98, |value| u64::from(*value)),
        Do::TryReceive => world.receiver.lock().unwrap().try_recv().map_or(99, |value| u64::from(*value)),
        Do::Wait => value(&mut world.condvar.wait(world.lock.lock().unwrap()).unwrap()),
        Do::Doze => {
            let guard = world.lock.lock().unwrap();
            let (mut guard, result) = world.condvar.wait_timeout(guard, Duration::ZERO).unwrap();
            value(&mut guard) * 2 + u64::from(result.timed_out())
        }
        Do::NotifyOne => {
            world.condvar.notify_one();
            0
        }
        Do::NotifyAll => {
            world.condvar.notify_all();
            0
        }
        Do::Signal => {
            world.notify.notify();
            0
        }
        Do::Await => {
            world.notify.wait();
            0
        }
        Do::Choose => lockwright::choose(2) as u64,
        Do::Cell => world.cell.0.with_mut(|cell| {
            #[allow(unsafe_code)]
            // SAFETY: tasks take turns.
            let cell = unsafe { &mut *cell };
            *cell = *cell * 3 + number;
            *cell
        }),
        Do::ReceiveTimeout => {
            let received = world.receiver.lock().unwrap().recv_timeout(Duration::ZERO);
            received.map_or(99, |value| u64::from(*value))
        }
        Do::ParkTimeout => {
            thread::park_timeout(Duration::ZERO);
            0
        }
        Do::Unpark => {
            world.main.unpark();
            0
        }
        Do::Yields(rounds) => looks(rounds, || world.atomic.load(Ordering::Acquire) != 0, thread::yield_now),
        Do::Spins(rounds) => looks(rounds, || world.atomic.load(Ordering::Acquire) != 0, || ()),
        Do::Tries(rounds) => looks(rounds, || world.lock.try_lock().is_ok(), thread::yield_now),
        _ => act_beside(action, number, world),
    }
}

fn run(plan: &Std<Plan>, number: usize, world: Arc<World>, sender: Sender<Box<u8>>) -> u64 {
    let mut seen = number as u64;
    let mut children = Vec::new();
    for &action in &plan[number] {
        let Do::Spawn(child) = action else {
            seen = (seen * 101 + act(action, number as u64, &world, &sender)) % 1_000_003;
            continue;
        };
        let (plan, world, sender) = (Std::clone(plan), world.clone(), sender.clone());
        children.push(thread::spawn(move || run(&plan, child, world, sender)));
    }
    for child in children {
        seen = (seen * 103 + child.join().unwrap()) % 1_000_003;
    }
    lockwright::outcome(&format!("t{number}"), seen as i64);
    seen
}

/// A program without an examination, which would take longer than the searches.
struct Examined(Own);

impl Program for Examined {
    fn boot(&self) -> Booted {
        self.0.boot()
    }

    fn births(&self) -> Option<Births> {
        self.0.births()
    }
}

impl Subject for Examined {
    fn checks(&self) -> Checks {
        self.0.checks()
    }

    fn hides_nothing(&self) -> bool {
        true
    }
}

fn root(plan: Std<Plan>) -> impl Fn() + Send + Sync {
    move || {
        let (sender, receiver) = mpsc::channel();
        let world = Arc::new(World {
            lock: Mutex::new(Opaque(0)),
            hashed: Mutex::new(0),
            shared: RwLock::new(Opaque(0)),
            atomic: AtomicU8::new(0),
            receiver: Mutex::new(receiver),
            condvar: Condvar::new(),
            notify: Notify::new(),
            hands: channel::bounded(1),
            once: OnceLock::new(),
            cell: Unsynchronised(UnsafeCell::new(0)),
            main: thread::current(),
        });
        run(&plan, 0, world, sender);
    }
}

fn explored(plan: &Std<Plan>, config: &Config) -> Verdict {
    let subject: Std<dyn Subject> = Std::new(Examined(Own::new(Std::new(root(Std::clone(plan))))));
    try_explore(&subject, config).unwrap_or_else(|error| panic!("{plan:?}: {error}"))
}

type Seen = (BTreeSet<String>, BTreeSet<String>, BTreeSet<Code>);

fn seen(verdict: &Verdict) -> Seen {
    let texts = |outcomes: &lockwright::explore::Outcomes| outcomes.texts().into_iter().collect();
    (texts(&verdict.outcomes), texts(&verdict.deadlocks), verdict.codes())
}

const BRUTE_MAX: u64 = 6_000;

/// Compares the searches on a program; false if brute force does not end within that many executions.
fn compare(plan: Plan, executions_max: u64) -> bool {
    let plan = Std::new(plan);
    let brute = explored(&plan, &Config { executions_max, ..Config::with_engine(EngineKind::Brute) });
    if !brute.complete() {
        return false;
    }
    let two_workers = Config { jobs: 2, ..Config::default() };
    let configs = [
        Config::default(),
        two_workers,
        Config::with_engine(EngineKind::Dpor),
        Config::with_engine(EngineKind::SourceDpor),
    ];
    for config in configs {
        let verdict = explored(&plan, &config);
        assert!(verdict.complete(), "{:?} {plan:?}", config.engine);
        assert_eq!(seen(&verdict), seen(&brute), "{:?} with {} jobs: {plan:?}", config.engine, config.jobs);
        assert!(verdict.executions <= brute.executions, "{:?} {plan:?}", config.engine);
    }
    true
}

/// A number from the environment: `OWN_CASES` programs are compared, drawn from `OWN_SEED`; larger ones than `OWN_EXECUTIONS` by brute
/// force are left out. Optimised, a hundred take half a minute and 230 MB: what threads own that wait for ever is never dropped, so ten
/// thousand are a hundred runs with a seed each.
fn asked(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

#[test]
fn random_programs_have_the_same_outcomes_and_findings_by_every_search() {
    let mut random = SplitMix64::new(asked("OWN_SEED", 12));
    let wanted = asked("OWN_CASES", if is_long() { 40 } else { 15 });
    let executions_max = asked("OWN_EXECUTIONS", BRUTE_MAX);
    let (mut compared, mut too_large) = (0, 0);

    while compared < wanted {
        let is_compared = compare(random_plan(&mut random), executions_max);
        compared += u64::from(is_compared);
        too_large += u64::from(!is_compared);
    }
    println!("{compared} programs compared, {too_large} more were too large for brute force");
}

#[test]
fn what_random_programs_do_on_real_threads_they_do_in_some_order() {
    let mut random = SplitMix64::new(33);
    let mut compared = 0;

    while compared < 6 {
        let plan = Std::new(random_plan(&mut random));
        let brute = explored(&plan, &Config { executions_max: BRUTE_MAX, ..Config::with_engine(EngineKind::Brute) });
        if !brute.complete() {
            continue;
        }
        let stress = Config { runs: 10, ..Config::with_engine(EngineKind::Threads) };
        let (outcomes, deadlocks, codes) = seen(&explored(&plan, &stress));
        let known = seen(&brute);
        assert!(outcomes.is_subset(&known.0) && deadlocks.is_subset(&known.1), "{plan:?}: {outcomes:?} {deadlocks:?}");
        assert!(codes.is_subset(&known.2), "{plan:?}: {codes:?}");
        compared += 1;
    }
}

/// Programs that random ones rarely are.
#[test]
fn programs_that_were_hard_have_the_same_outcomes_by_every_search() {
    use Do::*;
    let plans: Vec<Plan> = vec![
        // Two that wait, one notification: any of the two.
        vec![vec![Spawn(1), Spawn(2), NotifyOne], vec![Wait], vec![Wait]],
        // A timeout beside a notification.
        vec![vec![Spawn(1), NotifyOne], vec![Doze]],
        // The last sender decides whether a receiver waits.
        vec![vec![Spawn(1), Spawn(2)], vec![Receive], vec![Send(1), Receive]],
        // A thread of a thread, and a lock that both take.
        vec![vec![Spawn(1), Lock], vec![Spawn(2), Lock], vec![Lock]],
        // What gives up after some rounds, with a yield in each or without, beside what it waits for.
        vec![vec![Spawn(1), Spawn(2)], vec![Yields(3)], vec![Lock, Store(1)]],
        vec![vec![Spawn(1), Spawn(2)], vec![Yields(3), Store(1)], vec![Yields(2)]],
        vec![vec![Spawn(1), Spawn(2)], vec![Spins(4)], vec![Store(1)]],
        vec![vec![Spawn(1)], vec![Spins(9), Store(2)], vec![]],
        vec![vec![Spawn(1), Spawn(2)], vec![Tries(4)], vec![Lock, Lock]],
        vec![vec![Spawn(1), Spawn(2)], vec![Tries(3)], vec![Tries(2)]],
        // Timeouts beside what they wait for.
        vec![vec![Spawn(1), ReceiveTimeout, ReceiveTimeout, ReceiveTimeout], vec![Send(1)]],
        vec![vec![Spawn(1), ParkTimeout, ParkTimeout], vec![Unpark]],
        vec![vec![Spawn(1), Doze], vec![NotifyOne]],
        // A channel with room for one, and one that comes once.
        vec![vec![Spawn(1), Take], vec![Hand(1)]],
        vec![vec![Spawn(1), TryTake], vec![TryHand(1)]],
        vec![vec![Spawn(1), Spawn(2)], vec![Once], vec![Once]],
        // Posting twice is posting once.
        vec![vec![Spawn(1), Spawn(2), Await], vec![Signal], vec![Signal, Await]],
    ];

    for plan in plans {
        assert!(compare(plan.clone(), BRUTE_MAX), "{plan:?} is too large for brute force");
    }
}
