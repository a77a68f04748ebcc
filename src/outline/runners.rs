//! What runs together: all declared tasks; or each entry alone, each pair that shares more than locks, and each cycle of the lock graph.
//!
//! Handlers, works and timers that are declared run with every set. A wait for a completion or a wake-up is only judged in sets that have
//! all who may end it: elsewhere somebody outside ends it. If nobody in the text does, that is assumed, and listed.

use std::collections::{BTreeSet, HashSet};

use super::declare::Runs;
use super::expr::Expr;
use super::follow;
use super::lower::{self, Awaited, Source as Task, spun};
use super::machine::{Code, Op, Program, Until};
use super::scope::{Assumption, Does, Scope};
use super::source::Place;
use super::statement::Stmt;
use super::tree::Function;
use super::vocabulary::Mode;
use super::walk::Walk;

/// Tasks that can end one wait: with more, the wait is judged nowhere.
const ENDERS_MAX: usize = 4;

/// Entries that are run together because one sets what another looks at.
const TOGETHER_MAX: usize = 4;

/// Everything that a unit can run.
pub(super) struct Runners<'a> {
    /// Tasks, entries and handlers.
    pub tasks: Vec<Task<'a>>,
    /// The first that are run in every set: handlers, or all.
    is_declared: bool,
    /// Of each task, what it waits for, with the place, and what it ends.
    waits: Vec<Vec<(Awaited, Place)>>,
    ends: Vec<BTreeSet<Awaited>>,
    /// What each touches that others can touch.
    touches: Vec<BTreeSet<String>>,
    /// Locks, and works that it starts or waits for.
    meets: Vec<BTreeSet<String>>,
    /// Handlers that no line declares: each runs with whom it can meet.
    is_made: Vec<bool>,
    /// What each frees that it is handed.
    frees: Vec<Option<(String, Place)>>,
    /// What each is handed, or makes.
    handed: Vec<Vec<String>>,
    /// Works and timers that each starts.
    starts: Vec<BTreeSet<String>>,
    /// Why each is not called twice at a time, if it is not.
    once: Vec<Option<(String, Place)>>,
}

/// Tasks to be explored together.
pub(super) struct Set<'s, 'a> {
    /// One may be there twice.
    pub tasks: Vec<&'s Task<'a>>,
    /// Waits that are ended by somebody else.
    pub outside: BTreeSet<Awaited>,
    /// Works and timers that others have started before.
    pub begun: BTreeSet<String>,
}

fn entry<'a>(function: &'a Function) -> Task<'a> {
    Task { name: function.name.clone(), runs: Runs::Task, bodies: vec![(&function.name, &function.body)] }
}

fn task_of<'a>(scope: &Scope<'a>, task: &super::scope::Task<'a>) -> Task<'a> {
    let bodies = match &task.does {
        Does::Body(body) => vec![("", *body)],
        Does::Calls(calls) => {
            calls.iter().filter_map(|call| scope.outlined(&call.name)).map(|(name, body, _)| (name, body)).collect()
        }
    };
    Task { name: task.name.clone(), runs: task.runs, bodies }
}

impl<'a> Runners<'a> {
    /// Declared tasks; without any, the functions that nobody calls, beside the handlers that are declared.
    pub fn of(scope: &Scope<'a>) -> Runners<'a> {
        let is_declared = scope.tasks.iter().any(|task| task.runs == Runs::Task);
        let entries = scope.entries.iter().filter(|_| !is_declared).map(|function| entry(function));
        let tasks: Vec<Task> = entries.chain(scope.tasks.iter().map(|task| task_of(scope, task))).collect();
        // A function that frees what it is handed has it for itself; a handler may still have it.
        let freed = lower::freed(scope, &tasks);
        let is_handed = |name: &str| tasks.iter().any(|task| scope.is_parameter(&task.name, name));
        let shared_freed: HashSet<String> = freed.iter().filter(|name| !is_handed(name)).cloned().collect();
        let alone = |task: &Task<'a>| {
            let own = lower::freed(scope, std::slice::from_ref(task));
            let freed = if task.runs == Runs::Task { &(&shared_freed | &own) } else { &freed };
            lower::lower_alone(scope, task, freed)
        };
        let lowered: Vec<lower::Lowered> = tasks.iter().map(alone).collect();
        let waits = lowered.iter().map(|lowered| waits(&lowered.program)).collect();
        // To stop a thread wakes it.
        let stop = |lowered: &lower::Lowered| lowered.stops.then(|| Awaited::Wake(String::new()));
        let ends =
            lowered.iter().map(|lowered| ends(&lowered.program).into_iter().chain(stop(lowered)).collect()).collect();
        // A task that starts a work meets one that waits for it, even if they share nothing else.
        let touched = |lowered: &lower::Lowered| {
            let works = lowered.works.iter().map(|work| format!("w{work}"));
            shared(&lowered.program).into_iter().chain(works).collect()
        };
        let mut touches: Vec<BTreeSet<String>> = lowered.iter().map(touched).collect();
        // Whether a try gets its lock depends on all that take it.
        let tried: BTreeSet<String> = lowered.iter().flat_map(|lowered| taken(&lowered.program, true)).collect();
        for (all, lowered) in touches.iter_mut().zip(&lowered) {
            let taken = taken(&lowered.program, false).into_iter().filter(|lock| tried.contains(lock));
            all.extend(taken.map(|lock| format!("t{lock}")));
        }
        let meets = |(task, lowered): (&Task, &lower::Lowered)| {
            let locks = lowered.program.locks.iter().map(|(name, _)| format!("l{name}"));
            let works = lowered.works.iter().map(|work| format!("w{work}"));
            let own = (task.runs != Runs::Task).then(|| format!("w{}", task.name));
            locks.chain(works).chain(own).collect::<BTreeSet<String>>()
        };
        let mut meets: Vec<BTreeSet<String>> = tasks.iter().zip(&lowered).map(meets).collect();
        meets.iter_mut().zip(&touches).for_each(|(all, more)| all.extend(more.iter().cloned()));
        let is_made = tasks.iter().map(|task| scope.is_made(&task.name)).collect();
        let frees = |(task, lowered): (&Task, &lower::Lowered)| {
            let program = &lowered.program;
            let freed = |inst: &super::machine::Inst| match inst.op {
                Op::Free(at) if !lowered.puts.contains(&at) => Some((program.objects[at].clone(), inst.place)),
                _ => None,
            };
            let mut all = program.tasks.iter().flat_map(|code| &code.insts).filter_map(freed);
            all.find(|(name, _)| scope.is_parameter(&task.name, name))
        };
        let frees: Vec<Option<(String, Place)>> = tasks.iter().zip(&lowered).map(frees).collect();
        let handed = tasks.iter().map(|task| [scope.parameters(&task.name).to_vec(), made(task)].concat()).collect();
        let starts = lowered.iter().map(|lowered| lowered.starts.clone()).collect();
        let once = |(task, lowered): (&Task<'a>, &lower::Lowered)| once(scope, task, lowered);
        let once =
            tasks.iter().zip(&lowered).map(once).zip(&frees).map(|(once, frees)| once.filter(|_| frees.is_none()));
        let once = once.collect();
        Runners { tasks, is_declared, waits, ends, touches, meets, is_made, frees, handed, starts, once }
    }

    fn handlers(&self) -> Vec<usize> {
        let is_handler = |at: &usize| !self.is_declared && self.tasks[*at].runs != Runs::Task;
        (0..self.tasks.len()).filter(is_handler).collect()
    }

    /// Everything at once, as an engine runs it.
    pub fn all(&self) -> Set<'_, 'a> {
        self.set((0..self.tasks.len()).collect())
    }

    fn set(&self, members: Vec<usize>) -> Set<'_, 'a> {
        let mut outside = BTreeSet::new();
        if !self.is_declared {
            for (awaited, _) in members.iter().flat_map(|at| &self.waits[*at]) {
                let enders = self.enders(awaited);
                // A spin that nobody here ends is a finding; a wait may be ended by the rest of the kernel.
                let is_open = enders.is_empty() && !matches!(awaited, Awaited::Value(_));
                if is_open || !enders.iter().all(|ender| members.contains(ender)) {
                    outside.insert(awaited.clone());
                }
            }
        }
        let begun = self.begun(&members);
        Set { tasks: members.into_iter().map(|at| &self.tasks[at]).collect(), outside, begun }
    }

    /// What an entry frees last of all may have works and timers that the others have started, who are not run beside it.
    fn begun(&self, members: &[usize]) -> BTreeSet<String> {
        let is_last = members.iter().any(|at| self.frees[*at].is_some());
        let is_queued = |at: &&usize| matches!(self.tasks[**at].runs, Runs::Work | Runs::Timer);
        let queued = members.iter().filter(is_queued).filter(|_| is_last && !self.is_declared);
        // One that starts itself again was started by somebody else before.
        let starts = |at: &usize, name: &String| self.tasks[*at].name != *name && self.starts[*at].contains(name);
        let is_started = |name: &String| members.iter().any(|at| starts(at, name));
        queued.map(|at| self.tasks[*at].name.clone()).filter(|name| !is_started(name)).collect()
    }

    /// Tasks that can end the wait.
    fn enders(&self, awaited: &Awaited) -> Vec<usize> {
        (0..self.tasks.len()).filter(|at| self.ends[*at].iter().any(|end| ends_it(end, awaited))).collect()
    }

    /// What is explored.
    pub fn sets(&self, walk: &Walk) -> Vec<Set<'_, 'a>> {
        if self.is_declared {
            return vec![self.all()];
        }
        let handlers = self.handlers();
        let entries: Vec<usize> = (0..self.tasks.len()).filter(|at| !handlers.contains(at)).collect();
        // Each entry alone, and the handlers that no entry meets.
        let mut sets: Vec<Vec<usize>> = entries.iter().map(|at| vec![*at]).collect();
        let mut met: BTreeSet<usize> = entries.iter().flat_map(|at| self.with_handlers(&[*at], &handlers)).collect();
        for handler in &handlers {
            if !met.contains(handler) {
                let together = self.with_handlers(&[*handler], &handlers);
                met.extend(&together);
                sets.push(together);
            }
        }
        for (nth, one) in entries.iter().enumerate() {
            for other in &entries[nth..] {
                let is_once = one == other && self.once[*one].is_some();
                if is_once || self.is_over(*one, *other) || self.is_over(*other, *one) {
                    continue;
                }
                if self.share(*one, *other, &handlers) {
                    sets.push(vec![*one, *other]);
                }
            }
        }
        for cycle in &walk.orders.cycles {
            let mut set: Vec<usize> =
                entries.iter().copied().filter(|at| cycle.contains(&self.tasks[*at].name)).collect();
            if let [single] = set[..] {
                set.push(single);
            }
            if set.len() > 1 {
                let more = self.with_influence(&set, &entries);
                sets.push(set);
                sets.push(more);
            }
        }
        for at in 0..self.tasks.len() {
            for (awaited, _) in &self.waits[at] {
                let enders = self.enders(awaited);
                if enders.is_empty() || enders.len() > ENDERS_MAX {
                    continue;
                }
                let mut set: Vec<usize> = enders.into_iter().chain([at]).filter(|at| entries.contains(at)).collect();
                set.sort_unstable();
                set.dedup();
                sets.push(set);
            }
        }
        let mut known: Vec<Vec<usize>> = Vec::new();
        for set in sets {
            if !known.contains(&set) {
                known.push(set);
            }
        }
        known.into_iter().map(|set| self.set(self.with_handlers(&set, &handlers))).collect()
    }

    /// Does one free what it is handed, and is the other handed the same, or makes it? Their callers see to it that nobody else has it then.
    fn is_over(&self, one: usize, other: usize) -> bool {
        self.frees[one].as_ref().is_some_and(|(name, _)| self.handed[other].contains(name))
    }

    /// Do two entries share more than locks, by themselves or through a handler?
    fn share(&self, one: usize, other: usize, handlers: &[usize]) -> bool {
        let meet = |one: usize, other: usize| !self.touches[one].is_disjoint(&self.touches[other]);
        meet(one, other) || handlers.iter().any(|handler| meet(one, *handler) && meet(*handler, other))
    }

    /// A cycle may need somebody else, who sets what its members look at.
    fn with_influence(&self, set: &[usize], entries: &[usize]) -> Vec<usize> {
        let mut all = set.to_vec();
        while all.len() < TOGETHER_MAX {
            let meets = |at: &usize| all.iter().any(|known| !self.touches[*known].is_disjoint(&self.touches[*at]));
            let Some(more) = entries.iter().copied().find(|at| !all.contains(at) && meets(at)) else { break };
            all.push(more);
        }
        all.sort_unstable();
        all
    }

    /// The set, with the handlers that it can meet, and those that they can meet.
    fn with_handlers(&self, set: &[usize], handlers: &[usize]) -> Vec<usize> {
        let mut all = set.to_vec();
        loop {
            let is_met = |handler: &usize| {
                let own = &self.meets[*handler];
                let meets = |at: &usize| !self.meets[*at].is_disjoint(own) || self.frees_whole(*at, *handler);
                !self.is_made[*handler] || all.iter().any(meets)
            };
            let Some(more) = handlers.iter().copied().find(|at| !all.contains(at) && is_met(at)) else { break };
            all.push(more);
        }
        let order = |at: &usize| handlers.iter().position(|handler| handler == at).map_or(0, |at| at + 1);
        all.sort_by_key(order);
        all
    }

    /// Does the entry free what the work or the timer is a part of?
    fn frees_whole(&self, entry: usize, part: usize) -> bool {
        let whole = self.tasks[part].name.split_once("->").map(|(whole, _)| whole);
        self.frees[entry].as_ref().is_some_and(|(name, _)| whole == Some(name))
    }

    /// Which waits nobody in the text ends.
    pub fn assumed(&self) -> Vec<Assumption> {
        let mut found: Vec<Assumption> = Vec::new();
        if self.is_declared {
            return found;
        }
        for (task, freed) in self.tasks.iter().zip(&self.frees) {
            if let Some((name, place)) = freed {
                let how = if task.runs == Runs::Task { "is called once, and last" } else { "is the last to have it" };
                let what = format!("{} {how}: it frees {name}, which it is handed", task.name);
                found.push(Assumption { what, declare: None, place: *place });
            }
        }
        for (task, once) in self.tasks.iter().zip(&self.once) {
            if let Some((why, place)) = once {
                let what = format!("{} is not called twice at a time: {why}", task.name);
                found.push(Assumption { what, declare: None, place: *place });
            }
        }
        for (awaited, place) in self.waits.iter().flatten() {
            let enders = self.enders(awaited).len();
            let why = match enders {
                0 if matches!(awaited, Awaited::Value(_)) => continue,
                0 => "nobody here does",
                1..=ENDERS_MAX => continue,
                _ => "more may do it here than are run together",
            };
            let what = match awaited {
                Awaited::Completion(name) => format!("somebody completes {name} after any time: {why}"),
                Awaited::Wake(name) if name.is_empty() => format!("somebody wakes the task after any time: {why}"),
                Awaited::Wake(name) => format!("somebody wakes {name} after any time: {why}"),
                Awaited::Value(name) => format!("somebody sets {name} after any time: {why}"),
            };
            if found.iter().all(|known| known.what != what) {
                found.push(Assumption { what, declare: None, place: *place });
            }
        }
        found
    }
}

/// Why an entry is not called twice at a time: it frees something for good, or sets a pointer without a look at what was there.
fn once(scope: &Scope, task: &Task, lowered: &lower::Lowered) -> Option<(String, Place)> {
    let program = &lowered.program;
    let insts = || program.tasks.iter().flat_map(|code| &code.insts);
    let is_own = |object: usize| {
        let is_made = |inst: &super::machine::Inst| matches!(inst.op, Op::Alloc(at) if at == object);
        program.pointees.contains(&object) || insts().any(is_made) || program.objects[object].contains(" of ")
    };
    let freed = insts().find_map(|inst| match inst.op {
        Op::Free(object) if !is_own(object) && !lowered.puts.contains(&object) => Some((object, inst.place)),
        _ => None,
    });
    if let Some((object, place)) = freed {
        return Some((format!("it frees {}, which nobody sets", program.objects[object]), place));
    }
    if let Some(name) = made(task).into_iter().find(|name| scope.is_handed_on(name)) {
        let place = insts().find(|inst| inst.place.is_somewhere()).map_or(Place::default(), |inst| inst.place);
        return Some((format!("each call has a {name} of its own"), place));
    }
    let bodies = task.bodies.iter().map(|(_, body)| *body);
    scope.reached(bodies).into_iter().chain([task.name.as_str()]).find_map(|name| scope.once.get(name).cloned())
}

/// A wake-up without a name wakes every sleeper, and a sleeper without a name is woken by all.
fn ends_it(end: &Awaited, awaited: &Awaited) -> bool {
    match (end, awaited) {
        (Awaited::Wake(by), Awaited::Wake(of)) => by == of || by.is_empty() || of.is_empty(),
        _ => end == awaited,
    }
}

fn waits(program: &Program) -> Vec<(Awaited, Place)> {
    let mut found: Vec<(Awaited, Place)> = Vec::new();
    let mut prepared = String::new();
    for inst in program.tasks.iter().flat_map(|code| &code.insts) {
        if let Op::Await(pure) = &inst.op {
            found.extend(spun(program, pure).into_iter().map(|name| (Awaited::Value(name), inst.place)));
            continue;
        }
        let awaited = match &inst.op {
            Op::Prepare(queue) => {
                prepared.clone_from(&program.queues[*queue]);
                continue;
            }
            Op::WaitCount(count, Until::Woken, _) => Awaited::Completion(program.counts[*count].clone()),
            Op::Sleep(Until::Woken, _) => Awaited::Wake(prepared.clone()),
            _ => continue,
        };
        if found.iter().all(|(known, _)| *known != awaited) {
            found.push((awaited, inst.place));
        }
    }
    found
}

fn ends(program: &Program) -> BTreeSet<Awaited> {
    let insts = program.tasks.iter().flat_map(|code| &code.insts);
    let ended = insts.filter_map(|inst| match &inst.op {
        Op::Count(count, _) => Some(Awaited::Completion(program.counts[*count].clone())),
        Op::Wake(queue) => Some(Awaited::Wake(program.queues[*queue].clone())),
        Op::Stop(_) => Some(Awaited::Wake(String::new())),
        Op::Store(at, ..) | Op::Modify(at, ..) => Some(Awaited::Value(program.variables[*at].name.clone())),
        _ => None,
    });
    ended.collect()
}

/// Locks that a program takes, or tries for.
fn taken(program: &Program, is_try: bool) -> BTreeSet<String> {
    let insts = program.tasks.iter().flat_map(|task| &task.insts);
    let locks = insts.filter_map(|inst| match inst.op {
        Op::Acquire(lock, _, tried) if tried.is_some() || !is_try => Some(program.locks[lock].0.clone()),
        _ => None,
    });
    locks.collect()
}

/// Names of what the functions of the task allocate.
fn made(task: &Task) -> Vec<String> {
    let mut found = Vec::new();
    let mut see = |target: &str, name: &str| {
        if follow::allocates(name) {
            found.push(target.to_owned());
        }
    };
    for node in task.bodies.iter().flat_map(|(_, body)| body.iter()) {
        node.each(&mut |node| match &node.stmt {
            Stmt::Call { name, result: Some(result), .. } => see(result, name),
            Stmt::Assign(target, Expr::Call(name, _)) => see(target, name),
            _ => {}
        });
    }
    found
}

/// What a program touches that others can touch: locks alone are left to the lock graph.
fn shared(program: &Program) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for inst in program.tasks.iter().flat_map(|task| &task.insts) {
        match &inst.op {
            Op::Load(at, ..) | Op::Store(at, ..) | Op::Modify(at, ..) => {
                _ = found.insert(format!("v{}", program.variables[*at].name))
            }
            Op::Prepare(at) | Op::Wake(at) => _ = found.insert(format!("q{}", program.queues[*at])),
            Op::WaitCount(at, ..) | Op::Count(at, _) | Op::ResetCount(at) => {
                _ = found.insert(format!("c{}", program.counts[*at]))
            }
            Op::Use(at) | Op::Free(at) => _ = found.insert(format!("o{}", program.objects[*at])),
            Op::SyncRcu | Op::RcuBarrier(_) | Op::Rcu(_) => _ = found.insert("rcu".to_owned()),
            Op::SeqBegin(at, _) => _ = found.insert(format!("s{}", program.locks[*at].0)),
            // A reader in a reader, and a writer in between.
            Op::Acquire(at, mode, _) if program.locks[*at].1.is_fair() => {
                let readers = |task: &&Code| {
                    task.insts
                        .iter()
                        .filter(|inst| matches!(inst.op, Op::Acquire(other, Mode::Read, _) if other == *at))
                        .count()
                        > 1
                };
                if *mode == Mode::Write || program.tasks.iter().any(|task| readers(&task)) {
                    found.insert(format!("r{}", program.locks[*at].0));
                }
            }
            _ => {}
        }
    }
    found
}
