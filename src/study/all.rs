//! Every small scenario, generated: what somebody who writes scenarios by hand did not think of.
//!
//! A scenario here is a set-up, two or three tasks, and one or two calls of each. [`Size`] says how many; all of the size are made
//! ([`generate`]), but for those that another one contains:
//!
//! - **Names.** Tasks that stand alike are exchanged, so of two scenarios that differ only in which of them does what, one is left.
//!   Handles have fixed names.
//! - **A call in vain.** A call on a handle that its task has closed, an `F_UNLCK` by a task that never asks for a lease, a
//!   signal for a task that never sleeps: such a call is not made.
//! - **Nothing to break.** At least one task has, or asks for, a lease.
//! - **A look at the end.** If a scenario is another one whose tasks call `read(/proc/locks)` or `F_GETOWN` afterwards, only the
//!   longer one is left. That is sound for *every* finding: these two calls change nothing, so the longer one has each execution of the
//!   shorter one with looks behind it, and leaks, deadlocks and the leases that are left are the same. It would not be sound for
//!   other calls, which may repair what a shorter scenario leaves behind, so nothing else is taken for implied.
//! - **Faults.** Where an allocation may fail, or a security module refuse, it need not: such a scenario contains the one without
//!   faults, and only the former is made where faults are asked for at all. The same holds for a free clock, which may
//!   wait until nobody can run.
//!
//! What is *not* in it, on purpose: a task that looks first and calls something else afterwards (its look changes nothing, so all that is
//! lost is that two answers of one task contradict each other); more than one open by a task in its calls; tasks that share
//! descriptors; a lease on a file that was opened through another link before (the inode's count then forbids a write lease for
//! ever, which the sequential lease does not know); `F_SETOWN` outside of set-ups (LW031 takes the owner at the grant for the
//! one to be told). With two calls each, the calls are those of `set_up::Words::Few`, time moves when nobody can run, and nothing
//! fails; with one call each, they are all, and whatever may fail does.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::engine::Clock;
use crate::kernel::Faults;
use crate::scenario::{Call, ClusterSpec, FsKind, NodeSpec, Scenario, TaskSpec};

mod set_up;
mod task;

use set_up::{SetUp, Stand, Words};

/// What such a scenario is called until somebody wants to see it.
pub const NAME: &str = "generated";

/// How many tasks and calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Size {
    /// Two tasks, one call each; also on a file that a server keeps.
    TwoByOne,
    /// That, and three tasks with a call each.
    ThreeByOne,
    /// All of that, and two tasks with two calls each.
    TwoByTwo,
}

/// The text names no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no size '{0}': TASKSxCALLS is 2x1, 3x1 or 2x2")]
pub struct UnknownSize(String);

impl FromStr for Size {
    type Err = UnknownSize;

    fn from_str(text: &str) -> Result<Size, UnknownSize> {
        match text {
            "2x1" => Ok(Size::TwoByOne),
            "3x1" => Ok(Size::ThreeByOne),
            "2x2" => Ok(Size::TwoByTwo),
            _ => Err(UnknownSize(text.to_owned())),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Size::TwoByOne => "2x1",
            Size::ThreeByOne => "3x1",
            Size::TwoByTwo => "2x2",
        })
    }
}

/// All scenarios of the size, the smaller ones first; the same each time.
pub fn generate(size: Size) -> Vec<Arc<Scenario>> {
    let mut all = two_by_one();
    all.extend(on_a_server());
    if size != Size::TwoByOne {
        all.extend(three_by_one());
    }
    if size == Size::TwoByTwo {
        all.extend(two_by_two());
    }
    without_implied(all).into_iter().map(Arc::new).collect()
}

/// Two tasks, any call each, and whatever may fail does.
fn two_by_one() -> Vec<Scenario> {
    let set_ups = set_up::of_two(Words::All);
    let faults = Faults { memory: true, lsm: true };
    set_ups.iter().flat_map(|set_up| family(set_up, 1, Words::All, faults, Clock::Free)).collect()
}

fn three_by_one() -> Vec<Scenario> {
    let set_ups = set_up::of_three();
    set_ups.iter().flat_map(|set_up| family(set_up, 1, Words::Few, Faults::default(), Clock::Quiescent)).collect()
}

fn two_by_two() -> Vec<Scenario> {
    let set_ups = set_up::of_two(Words::Few);
    set_ups.iter().flat_map(|set_up| family(set_up, 2, Words::Few, Faults::default(), Clock::Quiescent)).collect()
}

/// Two tasks of one node of a server, or each on its own.
fn on_a_server() -> Vec<Scenario> {
    let node = |name| NodeSpec { name, fs: FsKind::Network };
    let clusters = [(vec![node("a")], vec![0, 0]), (vec![node("a"), node("b")], vec![0, 1])];
    let mut all = Vec::new();
    for (nodes, homes) in clusters {
        let cluster = ClusterSpec { nodes, homes, server_refuses: true };
        for set_up in set_up::of_two(Words::Few).iter().filter(|set_up| !set_up.is_broken()) {
            let scenarios = family(set_up, 1, Words::Few, Faults::default(), Clock::Quiescent);
            all.extend(scenarios.into_iter().map(|it| Scenario { cluster: cluster.clone(), ..it }));
        }
    }
    all
}

/// All scenarios from a set-up in which each task makes `calls` calls.
fn family(set_up: &SetUp, calls: usize, words: Words, faults: Faults, clock: Clock) -> Vec<Scenario> {
    let stands = &set_up.stands;
    let programs: Vec<Vec<Vec<Call>>> = (0..stands.len()).map(|at| task::programs(stands, at, calls, words)).collect();
    let mut chosen = vec![0; stands.len()];
    let mut found = Vec::new();
    loop {
        let of_tasks: Vec<&[Call]> = chosen.iter().zip(&programs).map(|(&at, programs)| &programs[at][..]).collect();
        if is_ordered(stands, &chosen) && says_something(stands, &of_tasks) {
            found.push(scenario(stands, &of_tasks, faults, clock));
        }
        // The next combination, as a number whose digits are the programs.
        let Some(digit) = (0..chosen.len()).rev().find(|&at| chosen[at] + 1 < programs[at].len()) else { return found };
        chosen[digit] += 1;
        chosen[digit + 1..].fill(0);
    }
}

/// Of tasks that stand alike the first does what comes first.
fn is_ordered(stands: &[Stand], chosen: &[usize]) -> bool {
    (1..stands.len()).all(|at| stands[at - 1] != stands[at] || chosen[at - 1] <= chosen[at])
}

/// Is there a lease, and does everybody who gets a signal sleep at times?
fn says_something(stands: &[Stand], calls: &[&[Call]]) -> bool {
    let asks = |call: &Call| matches!(call, Call::SetLease(..) | Call::VfsSetLease(..));
    let leased = stands.iter().any(|stand| stand.lease.is_some()) || calls.iter().any(|calls| calls.iter().any(asks));
    let waits = |call: &Call| matches!(call, Call::Open(_, flags) if !flags.nonblock) || *call == Call::Truncate;
    let mut signals = calls.iter().flat_map(|calls| calls.iter()).filter_map(|call| match call {
        Call::Interrupt(task) => Some(usize::from(*task)),
        _ => None,
    });
    leased && signals.all(|task| calls[task].iter().any(waits))
}

fn scenario(stands: &[Stand], calls: &[&[Call]], faults: Faults, clock: Clock) -> Scenario {
    let tasks = stands.iter().zip(calls).zip(["first", "second", "third"]).map(|((stand, calls), name)| TaskSpec {
        name,
        before: stand.before.clone(),
        calls: calls.to_vec(),
        shares: None,
    });
    let tasks = tasks.collect();
    Scenario { faults, clock, ..crate::scenario::catalogue::scenario(NAME, "", tasks) }
}

/// Those that no other one contains, in their order.
fn without_implied(all: Vec<Scenario>) -> Vec<Scenario> {
    let mut contained: HashSet<u64> = HashSet::new();
    for scenario in &all {
        let shorter = shorter(scenario);
        contained.extend(shorter.iter().map(key));
    }
    let mut seen = HashSet::new();
    all.into_iter().filter(|scenario| !contained.contains(&key(scenario)) && seen.insert(key(scenario))).collect()
}

/// The scenario without one look at the end of a task, for each task that has one.
fn shorter(scenario: &Scenario) -> Vec<Scenario> {
    let mut found: Vec<Scenario> = Vec::new();
    for at in 0..scenario.tasks.len() {
        let less = |scenario: &Scenario| {
            let looks = matches!(scenario.tasks[at].calls.last(), Some(Call::Locks | Call::GetOwn(_)));
            looks.then(|| {
                let mut less = scenario.clone();
                less.tasks[at].calls.pop();
                less
            })
        };
        let more: Vec<Scenario> = found.iter().chain([scenario]).filter_map(less).collect();
        found.extend(more);
    }
    found
}

/// What tells scenarios apart.
pub fn key(scenario: &Scenario) -> u64 {
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
    let Scenario { tasks, faults, clock, cluster, .. } = scenario;
    let calls: Vec<(&[Call], &[Call])> = tasks.iter().map(|task| (&task.before[..], &task.calls[..])).collect();
    let around = (faults.memory, faults.lsm, *clock as u8, cluster.nodes.len(), &cluster.homes);
    BuildHasherDefault::<DefaultHasher>::default().hash_one((calls, around))
}

/// The set-ups of such scenarios, each as a scenario without calls: a design may not get through one of them.
pub fn set_ups(scenarios: &[Arc<Scenario>]) -> Vec<Scenario> {
    let mut seen = HashSet::new();
    let set_ups = scenarios.iter().map(|scenario| without_calls(scenario));
    set_ups.filter(|set_up| seen.insert(key(set_up))).collect()
}

/// The set-up of a scenario.
pub fn without_calls(scenario: &Scenario) -> Scenario {
    let mut set_up = scenario.clone();
    set_up.tasks.iter_mut().for_each(|task| task.calls.clear());
    (set_up.faults, set_up.clock) = (Faults::default(), Clock::Quiescent);
    set_up
}
