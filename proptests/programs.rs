//! Random programs: locks, atomics, plain data, choices, waits, allocations; small enough that every schedule can be run.

use std::collections::BTreeSet;

use lockwright::check::Code;
use lockwright::engine::{Clock, Program};
use lockwright::explore::Verdict;
use lockwright::kernel::Faults;
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{Is, LockKind, Small, Stmt};
use proptest::prelude::*;

/// Schedules that brute force may need by the estimate.
const SCHEDULES_MAX: f64 = 6_000.0;

/// Statements that belong together, so that random programs make sense more often than not.
fn phrase() -> impl Strategy<Value = Vec<Stmt>> {
    let lock = 0..2usize;
    let cell = 0..2usize;
    let body = prop_oneof![
        3 => (0..2usize).prop_map(|cell| vec![Inc(cell)]),
        2 => (0..2usize).prop_map(|cell| vec![Load(cell)]),
        2 => ((0..2usize), 0..3i64).prop_map(|(cell, value)| vec![Store(cell, value)]),
        1 => Just(vec![AtomicInc(0)]),
        1 => Just(vec![]),
    ];
    let section =
        (lock.clone(), body.clone()).prop_map(|(lock, body)| [vec![Lock(lock)], body, vec![Unlock(lock)]].concat());
    let nested = (lock.clone(), body.clone()).prop_map(|(outer, body)| {
        [vec![Lock(outer), Lock(1 - outer)], body, vec![Unlock(1 - outer), Unlock(outer)]].concat()
    });
    let tried = (lock.clone(), body.clone())
        .prop_map(|(lock, body)| [vec![TryLock(lock, body.len() + 1)], body, vec![Unlock(lock)]].concat());
    let bkl = body.clone().prop_map(|body| [vec![LockKernel], body, vec![UnlockKernel]].concat());
    let bkl_slept = body.clone().prop_map(|body| [vec![LockKernel], body, vec![MaySleep, UnlockKernel]].concat());
    // The BKL taken twice around a lock that may sleep or not, and taken again on one branch only.
    let bkl_lock = (lock.clone(), body.clone(), any::<bool>()).prop_map(|(lock, body, twice)| {
        let again = if twice { [vec![LockKernel], vec![UnlockKernel]] } else { [vec![], vec![]] };
        let [again, dropped] = again;
        [vec![LockKernel, Lock(lock)], again, body, dropped, vec![Unlock(lock), UnlockKernel]].concat()
    });
    let bkl_branch = (cell.clone(), is(), any::<bool>()).prop_map(|(cell, is, leaves)| {
        let end = if leaves { vec![UnlockKernel, UnlockKernel] } else { vec![UnlockKernel, Fence] };
        [vec![LockKernel, IfCell(cell, is, 1), LockKernel, Fence], end].concat()
    });
    // Two sleeps, of which a signal may end the first or the second.
    let two_sleeps = (cell.clone(), 0..3i64, any::<bool>()).prop_map(|(cell, value, first)| {
        if first { vec![SleepOn(0), Wait(0, cell, value, None)] } else { vec![Wait(0, cell, value, None), SleepOn(0)] }
    });
    let signal = (0..2usize, any::<bool>())
        .prop_map(|(task, wakes)| if wakes { vec![Wake(0), Interrupt(task)] } else { vec![Interrupt(task)] });
    let wait = (cell.clone(), 0..3i64, prop_oneof![2 => Just(None), 1 => Just(Some(5))])
        .prop_map(|(cell, value, timeout)| vec![Wait(0, cell, value, timeout)]);
    let post = (cell, 0..3i64).prop_map(|(cell, value)| vec![StoreOnce(cell, value), Wake(0)]);
    prop_oneof![
        4 => section,
        2 => nested,
        3 => tried,
        2 => bkl,
        2 => bkl_slept,
        2 => bkl_lock,
        1 => bkl_branch,
        1 => two_sleeps,
        2 => signal,
        2 => wait,
        3 => post,
        3 => branch(body.clone()),
        3 => body,
        1 => Just(vec![Alloc(0), Free(0), Alloc(0)]),
        2 => Just(vec![Use(0)]),
        4 => prop_oneof![
            (0..2usize).prop_map(LoadOnce),
            ((0..2usize), 0..3i64).prop_map(|(cell, value)| StoreOnce(cell, value)),
            Just(AtomicRead(0)),
            (0..2i32).prop_map(|old| Cmpxchg(0, old, 5)),
            (2..4u8).prop_map(Choose),
            Just(Alloc(0)),
            Just(Use(0)),
            Just(Free(0)),
            Just(Clear(0)),
            Just(LockInside(0)),
            Just(UnlockInside(0)),
            Just(PreemptEnable),
            Just(Advance(3)),
            Just(Fence),
            Just(SleepOn(0)),
            Just(Wake(0)),
            Just(PreemptDisable),
            (0..2usize).prop_map(Interrupt),
            ((0..2usize), 0..3i64).prop_map(|(cell, value)| Assert(cell, value)),
        ].prop_map(|stmt| vec![stmt]),
        // Locks that are taken and given back as it comes.
        1 => prop_oneof![lock.clone().prop_map(Lock), lock.prop_map(Unlock)].prop_map(|stmt| vec![stmt]),
    ]
}

fn is() -> impl Strategy<Value = Is> {
    (0..3i64, 0..4u8).prop_map(|(value, kind)| match kind {
        0 => Is::Eq(value),
        1 => Is::Ne(value),
        2 => Is::Lt(value),
        _ => Is::Gt(value),
    })
}

/// Conditions, and loops with a bound. What is left out may be more than the branch, or more than the loop.
fn branch(body: impl Strategy<Value = Vec<Stmt>> + Clone) -> impl Strategy<Value = Vec<Stmt>> {
    let condition = prop_oneof![
        3 => (0..2usize, is()).prop_map(|(cell, is)| IfCell(cell, is, 0)),
        2 => is().prop_map(|is| IfAtomic(0, is, 0)),
        2 => is().prop_map(|is| IfLast(is, 0)),
        1 => Just(DecAndTest(0, 0)),
    ];
    let change = prop_oneof![
        2 => body.clone(),
        1 => Just(vec![AtomicDec(0)]),
        1 => ((0..2usize), -1..2i64).prop_map(|(cell, by)| vec![AddOnce(cell, by)]),
    ];
    let one_way = (condition.clone(), change.clone(), prop_oneof![4 => Just(0), 1 => 1..3usize])
        .prop_map(|(condition, body, more)| [vec![skipping(condition, body.len() + more)], body].concat());
    let both_ways = (condition.clone(), change.clone(), change.clone()).prop_map(|(condition, body, other)| {
        [vec![skipping(condition, body.len() + 1)], body, vec![Skip(other.len())], other].concat()
    });
    let rounds = (0..3u32, change.clone()).prop_map(|(times, body)| [vec![Repeat(times, body.len())], body].concat());
    let left = (condition, change, prop_oneof![Just(0), 1..3usize]).prop_map(|(condition, body, more)| {
        let inside = [vec![skipping(condition, body.len() + more)], body].concat();
        [vec![Repeat(2, inside.len())], inside].concat()
    });
    prop_oneof![3 => one_way, 2 => both_ways, 2 => rounds, 1 => left]
}

fn skipping(condition: Stmt, skip: usize) -> Stmt {
    match condition {
        IfCell(cell, is, _) => IfCell(cell, is, skip),
        IfAtomic(atomic, is, _) => IfAtomic(atomic, is, skip),
        IfLast(is, _) => IfLast(is, skip),
        DecAndTest(atomic, _) => DecAndTest(atomic, skip),
        other => other,
    }
}

/// Steps that a statement makes, and into how many it branches.
fn cost(stmt: Stmt) -> (f64, f64) {
    match stmt {
        Inc(_) | AddOnce(..) | Use(_) | Free(_) | LockInside(_) | UnlockInside(_) | MaySleep => (2.0, 1.0),
        Wait(..) => (5.0, 1.0),
        SleepOn(_) => (3.0, 1.0),
        Alloc(_) => (2.0, 2.0),
        Choose(n) => (1.0, f64::from(n)),
        PreemptDisable | PreemptEnable | IfLast(..) | Skip(_) | Repeat(..) | Back(_) => (0.0, 1.0),
        _ => (1.0, 1.0),
    }
}

/// An estimate of the number of schedules: all interleavings, times all choices.
fn schedules(tasks: &[Vec<Stmt>]) -> f64 {
    let mut estimate = 1.0;
    let mut steps_before = 0.0;
    for task in tasks {
        let (mut steps, mut branches, mut loops) = (0.0, 1.0, Vec::new());
        for (at, &stmt) in task.iter().enumerate() {
            loops.retain(|&(end, _)| at < end);
            let rounds = loops.iter().map(|&(_, times)| times).product::<u32>();
            let (more, ways) = cost(stmt);
            steps += more * f64::from(rounds);
            branches *= f64::powi(ways, rounds as i32);
            if let Repeat(times, count) = stmt {
                loops.push((at + 1 + count, times));
            }
        }
        let (mut k, mut binomial) = (1.0, branches);
        while k <= steps {
            binomial *= (steps_before + k) / k;
            k += 1.0;
        }
        estimate *= binomial;
        steps_before += steps;
    }
    estimate
}

/// Jumps and loops that lead beyond the end of their task lead to the end.
pub fn fitted(mut tasks: Vec<Vec<Stmt>>) -> Vec<Vec<Stmt>> {
    for task in &mut tasks {
        let end = task.len();
        for (at, stmt) in task.iter_mut().enumerate() {
            let (TryLock(_, count)
            | DecAndTest(_, count)
            | IfCell(.., count)
            | IfAtomic(.., count)
            | IfLast(_, count)
            | Skip(count)
            | Repeat(_, count)) = stmt
            else {
                continue;
            };
            *count = (*count).min(end - at - 1);
        }
    }
    tasks
}

/// Waits with a timeout, most of them under the BKL, among stores that may still be in a buffer.
pub fn timed() -> impl Strategy<Value = Small> {
    let phrase = prop_oneof![
        4 => (0..2usize, 0..3i64, 0..6u64, any::<bool>()).prop_map(|(cell, value, timeout, dropped)| {
            let end = if dropped { vec![UnlockKernel] } else { vec![] };
            [vec![LockKernel, Wait(0, cell, value, Some(timeout))], end].concat()
        }),
        1 => (0..2usize, 0..3i64).prop_map(|(cell, value)| vec![Wait(0, cell, value, Some(5))]),
        2 => ((0..2usize), 0..3i64).prop_map(|(cell, value)| vec![StoreOnce(cell, value), Wake(0)]),
        2 => ((0..2usize), 0..3i64).prop_map(|(cell, value)| vec![StoreOnce(cell, value)]),
        1 => Just(vec![LockKernel, UnlockKernel]),
        1 => Just(vec![Advance(3)]),
        1 => (0..2usize).prop_map(|task| vec![Interrupt(task)]),
    ];
    let task = prop::collection::vec(phrase, 1..3).prop_map(|phrases| phrases.concat());
    let clock = prop_oneof![3 => Just(Clock::Free), 1 => Just(Clock::Quiescent)];
    (prop::collection::vec(task, 1..3), clock).prop_map(|(mut tasks, clock)| {
        let target = tasks.len();
        for stmt in tasks.iter_mut().flatten() {
            if let Interrupt(task) = stmt {
                *task %= target;
            }
        }
        Small { tasks, cells: vec![1, 0], queues: 1, clock, ..Small::default() }
    })
}

/// Two or three tasks; now and then the second is like the first.
pub fn program() -> impl Strategy<Value = Small> {
    let task = prop::collection::vec(phrase(), 1..5).prop_map(|phrases| phrases.concat());
    let tasks = (prop::collection::vec(task, 2..4), prop::bool::weighted(0.25)).prop_map(|(mut tasks, twins)| {
        if twins {
            tasks[1] = tasks[0].clone();
        }
        while schedules(&tasks) > SCHEDULES_MAX {
            let longest = tasks.iter().map(Vec::len).max().expect("there are tasks");
            tasks.iter_mut().filter(|task| task.len() == longest).for_each(|task| _ = task.pop());
        }
        fitted(tasks)
    });
    let kind = prop_oneof![2 => Just(LockKind::Spin), 1 => Just(LockKind::Mutex)];
    let clock = prop_oneof![Just(Clock::Free), Just(Clock::Quiescent), Just(Clock::Stopped)];
    (tasks, kind.clone(), kind, clock, any::<bool>()).prop_map(|(tasks, first, second, clock, memory)| Small {
        tasks,
        locks: vec![first, second],
        cells: vec![0, 0],
        atomics: vec![0],
        queues: 1,
        slots: 1,
        clock,
        faults: Faults { memory, lsm: false },
    })
}

/// What an engine has to say of a program, whoever it is. Findings by code and subject.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    outcomes: BTreeSet<String>,
    deadlocks: BTreeSet<String>,
    findings: BTreeSet<(Code, &'static str)>,
}

impl Said {
    /// By a verdict that is complete.
    pub fn by(verdict: &Verdict) -> Said {
        let findings =
            verdict.findings.iter().map(|found| (found.finding.code, found.finding.subject.as_str())).collect();
        Said { outcomes: verdict.outcomes.texts(), deadlocks: verdict.deadlocks.texts(), findings }
    }

    /// Its outcomes and deadlocks told another way.
    pub fn renamed(self, rename: impl Fn(&str) -> String) -> Said {
        let all = |outcomes: BTreeSet<String>| outcomes.iter().map(|it| rename(it)).collect();
        Said { outcomes: all(self.outcomes), deadlocks: all(self.deadlocks), ..self }
    }

    /// The same whoever of equal tasks is who: what they recorded is sorted.
    pub fn up_to_exchange(self, program: &Small) -> Said {
        let groups = program.alike();
        let exchange = |outcomes: BTreeSet<String>| outcomes.iter().map(|it| sorted(it, &groups)).collect();
        Said { outcomes: exchange(self.outcomes), deadlocks: exchange(self.deadlocks), ..self }
    }
}

/// An outcome reads `what the first recorded, what the second recorded; x=1 y=0`.
fn sorted(outcome: &str, groups: &[u8]) -> String {
    let (tasks, cells) = outcome.split_once("; ").expect("an outcome tells of tasks and cells");
    let mut recorded: Vec<&str> = tasks.split(", ").collect();
    for group in groups.iter().filter(|group| **group != 0) {
        let members: Vec<usize> = (0..groups.len()).filter(|at| groups[*at] == *group).collect();
        let mut of_group: Vec<&str> = members.iter().map(|at| recorded[*at]).collect();
        of_group.sort_unstable();
        members.iter().zip(of_group).for_each(|(at, text)| recorded[*at] = text);
    }
    format!("{}; {cells}", recorded.join(", "))
}
