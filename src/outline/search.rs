//! Every state of a program, the nearest first, so that the schedule of a finding is among the shortest.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::livelock::{Graph, TASKS_MAX};
use super::machine::{Inst, Machine, Op, Program, Shown, Start, State, Step};
use super::vocabulary::{Kind, Mode};

/// What an exploration saw.
#[derive(Debug, Default)]
pub struct Explored {
    /// Findings, each with the steps that lead to it.
    pub shown: Vec<(Shown, Vec<Step>)>,
    /// States visited.
    pub states: u64,
    /// The bound that ended it, if one did.
    pub bound: Option<String>,
    /// Values of all variables and named locals at the end of all tasks.
    pub outcomes: BTreeSet<Vec<(String, i64)>>,
}

/// States of one exploration at most, unless the caller has less left.
pub const STATES_MAX: u64 = 300_000;

/// Words of all states of one exploration at most: a state of a large program is large.
const WORDS_MAX: u64 = 60_000_000;

/// Explores. `states_max` bounds the states.
pub fn explore(program: &Program, states_max: u64) -> Explored {
    let machine = Machine::new(program);
    let states_max = states_max.min(WORDS_MAX / machine.first().len().max(1) as u64);
    let tries = program.tasks.iter().flat_map(|task| &task.insts).any(|inst| tried(&inst.op).is_some());
    let graph = (tries && program.tasks.len() <= TASKS_MAX).then(Graph::default);
    let explored = Explored::default();
    let mut search = Search { machine, explored, known: HashMap::new(), origins: Vec::new(), graph };
    search.run(states_max.min(STATES_MAX));
    search.judge_rounds();
    if search.machine.has_overrun() {
        search.explored.bound.get_or_insert_with(|| "rounds of a loop without a step".to_owned());
    }
    search.explored
}

struct Search<'p> {
    machine: Machine<'p>,
    explored: Explored,
    known: HashMap<State, u32>,
    /// The state before, and the step from there.
    origins: Vec<Option<(u32, Step)>>,
    /// All steps, if somebody tries for a lock.
    graph: Option<Graph>,
}

impl Search<'_> {
    fn run(&mut self, states_max: u64) {
        let first = self.machine.first();
        let mut open = VecDeque::new();
        self.add(first, None, &mut open);
        while let Some((number, state)) = open.pop_front() {
            self.explored.states += 1;
            if self.explored.states > states_max {
                self.explored.bound = Some(format!("{states_max} states"));
                return;
            }
            if self.machine.is_out_of_range(&state) {
                self.explored.bound = Some(format!("values beyond {}", super::machine::VALUE_MAX));
                continue;
            }
            let steps = self.machine.enabled(&state);
            if self.judge(number, &state, &steps) {
                continue;
            }
            for step in steps {
                let mut next = state.clone();
                let shown = self.machine.step(&mut next, step);
                let ends = shown.iter().any(|shown| shown.ends);
                for shown in shown {
                    self.show(shown, number, Some(step));
                }
                if !ends {
                    let fails = self.fails(&state, &next, step);
                    let to = self.add(next, Some((number, step)), &mut open);
                    self.graph.iter_mut().for_each(|graph| graph.add(number, to, step.task, fails));
                }
            }
        }
    }

    /// The number of the state.
    fn add(&mut self, state: State, origin: Option<(u32, Step)>, open: &mut VecDeque<(u32, State)>) -> u32 {
        let number = self.origins.len() as u32;
        match self.known.entry(state.clone()) {
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(number);
                self.origins.push(origin);
                open.push_back((number, state));
                number
            }
            std::collections::hash_map::Entry::Occupied(entry) => *entry.get(),
        }
    }

    /// Is the step a try for a lock that does not get it?
    fn fails(&self, state: &State, next: &State, step: Step) -> bool {
        let lock = self.graph.as_ref().and_then(|_| tried(&self.machine.inst(state, step.task)?.op));
        lock.is_some_and(|lock| [state, next].iter().all(|state| self.machine.holds(state, step.task, lock).is_none()))
    }

    /// Tasks that try for each other's locks, give back their own and begin again, for ever.
    fn judge_rounds(&mut self) {
        let Some(failing) = self.graph.take().and_then(|graph| graph.livelock(self.origins.len())) else { return };
        // The way is shown into the round, as far as each has failed.
        let number = failing.iter().map(|(_, at)| *at).max().unwrap_or(0);
        let mut labels = Vec::new();
        let mut names = Vec::new();
        for (task, at) in failing {
            let Some(state) = self.known.iter().find(|(_, known)| **known == at).map(|(state, _)| state) else {
                continue;
            };
            let Some(inst) = self.machine.inst(state, task) else { continue };
            let Some(lock) = tried(&inst.op) else { continue };
            let name = &self.machine.program.tasks[task].name;
            let lock = &self.machine.program.locks[lock].0;
            labels.push((inst.place, format!("{name} tries here for {lock}, does not get it, and begins again")));
            names.push(name.clone());
        }
        let verb = if names.len() == 1 { "tries" } else { "try" };
        let title = format!("{} {verb} again for ever, even under a fair scheduler", names.join(" and "));
        self.show(Shown { code: "LW009", subject: names.join("/"), title, labels, ends: false }, number, None);
    }

    fn show(&mut self, shown: Shown, number: u32, last: Option<Step>) {
        let is_known = |(known, _): &(Shown, Vec<Step>)| (known.code, &known.subject) == (shown.code, &shown.subject);
        if self.explored.shown.iter().any(is_known) {
            return;
        }
        let mut path = Vec::new();
        let mut at = number;
        while let Some(Some((before, step))) = self.origins.get(at as usize) {
            path.push(*step);
            at = *before;
        }
        path.reverse();
        path.extend(last);
        self.explored.shown.push((shown, path));
    }

    /// True if the execution ends here: a condition holds that never should.
    fn judge(&mut self, number: u32, state: &State, steps: &[Step]) -> bool {
        let mut ends = false;
        for shown in races(&self.machine, state) {
            self.show(shown, number, None);
        }
        for (never, text, place) in &self.machine.program.nevers {
            if self.machine.eval(state, 0, never) != 0 {
                let title = format!("{text} holds in a state, and never should");
                let labels = vec![(*place, "declared here".to_owned())];
                self.show(Shown { code: "LW011", subject: text.clone(), title, labels, ends: true }, number, None);
                ends = true;
            }
        }
        let tasks = 0..self.machine.program.tasks.len();
        let waiting: Vec<usize> = tasks.filter(|task| !self.machine.is_over(state, *task)).collect();
        // A permit of a semaphore may come from another; any other lock does not, whoever else goes on.
        for &task in &waiting {
            if let Some(Op::Acquire(lock, mode, None)) = self.machine.inst(state, task).map(|inst| &inst.op)
                && !matches!(self.machine.program.locks[*lock].1, Kind::Bkl | Kind::Semaphore)
                && !sleeps_in_atomic(&self.machine, state, task)
                && let Some(shown) = waits_for_itself(&self.machine, state, task, *lock, *mode)
            {
                self.show(shown, number, None);
            }
        }
        // A handler that may still come, or not, ends nobody's wait.
        let is_quiet = steps.is_empty();
        if !waiting.is_empty() && is_quiet {
            for shown in standstill(&self.machine, state, &waiting) {
                self.show(shown, number, None);
            }
        }
        if waiting.is_empty() && !ends {
            self.end(number, state);
        }
        ends
    }

    fn end(&mut self, number: u32, state: &State) {
        for (assert, text, place) in &self.machine.program.asserts {
            if self.machine.eval(state, 0, assert) == 0 {
                let title = format!("{text} does not hold when all tasks have ended");
                let labels = vec![(*place, "declared here".to_owned())];
                self.show(Shown { code: "LW011", subject: text.clone(), title, labels, ends: false }, number, None);
            }
        }
        let program = self.machine.program;
        for object in self.machine.leaked(state) {
            let (name, heap) = (&program.objects[object], program.heap.iter().find(|heap| heap.object == object));
            let title = format!("{name} is never freed, and nothing points to it any more");
            let labels = heap.map(|heap| (heap.place, "allocated here".to_owned())).into_iter().collect();
            // The same allocation of another task is the same leak.
            let subject = name.split(" of ").next().unwrap_or(name).to_owned();
            self.show(Shown { code: "LW022", subject, title, labels, ends: false }, number, None);
        }
        let variables = program
            .variables
            .iter()
            .enumerate()
            .filter(|(_, known)| !known.is_watched)
            .map(|(at, known)| (known.name.clone(), self.machine.variable(state, at)));
        let mut outcome: Vec<(String, i64)> = variables.collect();
        for (task, code) in program.tasks.iter().enumerate() {
            let named = code.locals.iter().enumerate().filter_map(|(at, name)| name.as_ref().map(|name| (at, name)));
            outcome
                .extend(named.map(|(at, name)| (format!("{}.{name}", code.name), self.machine.local(state, task, at))));
        }
        self.explored.outcomes.insert(outcome);
    }
}

/// The lock that is tried for.
fn tried(op: &Op) -> Option<usize> {
    match op {
        Op::Acquire(lock, _, Some(_)) => Some(*lock),
        _ => None,
    }
}

/// Tasks that are about to access one plain variable, one of them to write, one of them unmarked.
fn races(machine: &Machine, state: &State) -> Vec<Shown> {
    let access = |inst: &Inst| match &inst.op {
        Op::Load(variable, _, order) => Some((*variable, false, order.is_marked())),
        Op::Store(variable, _, order) => Some((*variable, true, order.is_marked())),
        Op::Modify(variable, ..) => Some((*variable, true, true)),
        _ => None,
    };
    let program = machine.program;
    let is_handler = |task: usize| matches!(program.tasks[task].start, Start::Hard(_) | Start::Soft(_));
    let mut ready: Vec<(usize, &Inst, (usize, bool, bool))> = Vec::new();
    for task in 0..program.tasks.len() {
        let mut steps = Vec::new();
        machine.enabled_of(state, task, &mut steps);
        if let Some(inst) = machine.inst(state, task)
            && let Some(found) = access(inst)
            && !steps.is_empty()
            && !machine.is_over(state, task)
            && !program.variables[found.0].is_atomic
        {
            ready.push((task, inst, found));
        }
    }
    let mut shown = Vec::new();
    for (at, (one, first, (variable, writes, marked))) in ready.iter().enumerate() {
        for (other, second, (same, writes_too, marked_too)) in &ready[at + 1..] {
            let conflict = variable == same && (*writes || *writes_too) && !(*marked && *marked_too);
            if !conflict || is_handler(*one) && is_handler(*other) {
                continue;
            }
            let name = &program.variables[*variable].name;
            let verb = |writes: bool| if writes { "writes" } else { "reads" };
            let label = |task: usize, writes: bool, marked: bool| {
                let how = if marked { "" } else { ", unmarked" };
                format!("{} {} {name} here{how}", program.tasks[task].name, verb(writes))
            };
            let labels = vec![
                (first.place, label(*one, *writes, *marked)),
                (second.place, label(*other, *writes_too, *marked_too)),
            ];
            let title = format!("data race on {name}: no lock and no order is between the two accesses");
            shown.push(Shown { code: "LW010", subject: name.clone(), title, labels, ends: false });
        }
    }
    shown
}

/// Does it sleep in an interrupt, or with a lock that makes it atomic?
fn sleeps_in_atomic(machine: &Machine, state: &State, task: usize) -> bool {
    let program = machine.program;
    let is_handler = matches!(program.tasks[task].start, Start::Hard(_) | Start::Soft(_));
    let sleeps = match machine.inst(state, task).map(|inst| &inst.op) {
        // Of locks in a circle the kind of one says nothing: in another they stand still as well.
        Some(Op::Acquire(lock, ..)) => is_handler && program.locks[*lock].1.sleeps(),
        Some(Op::Sleep(..) | Op::WaitCount(..) | Op::Join(_) | Op::Flush(..) | Op::SyncRcu | Op::RcuBarrier(_)) => true,
        _ => false,
    };
    sleeps && (is_handler || machine.held(state, task).iter().any(|lock| program.locks[*lock].1.makes_atomic()))
}

/// What an instruction that takes no lock waits for.
pub fn waits_for(op: &Op) -> &'static str {
    match op {
        Op::Sleep(..) => "to be woken, and nobody is left to wake it",
        Op::WaitCount(..) => "for a completion that nobody is left to complete",
        Op::Join(_) => "for a thread that does not end",
        Op::Flush(..) | Op::Spin(_) => "for a work or timer that does not end",
        Op::RcuBarrier(_) => "for a callback of RCU that does not end",
        Op::SyncRcu => "for an RCU reader that does not leave",
        Op::SeqBegin(..) => "for the writer of a seqlock",
        _ => "here",
    }
}

/// The lock that the task wants is its own.
fn waits_for_itself(machine: &Machine, state: &State, task: usize, lock: usize, mode: Mode) -> Option<Shown> {
    let held = machine.holds(state, task, lock)?;
    if held == Mode::Read && mode == Mode::Read {
        return None;
    }
    let (name, kind) = &machine.program.locks[lock];
    let place = machine.inst(state, task)?.place;
    let text =
        format!("{} waits here for itself: a {} is not recursive", machine.program.tasks[task].name, kind.text());
    let title = format!("{name} is taken again by the task that holds it");
    let labels = vec![(place, text)];
    Some(Shown { code: "LW001", subject: name.clone(), title, labels, ends: false })
}

/// Nobody can go on: who waits for whom?
pub fn standstill(machine: &Machine, state: &State, waiting: &[usize]) -> Vec<Shown> {
    let program = machine.program;
    let name = |task: usize| program.tasks[task].name.clone();
    // A task that sleeps where it must not is LW002 wherever it is: what comes of that says nothing more.
    if waiting.iter().any(|task| sleeps_in_atomic(machine, state, *task)) {
        return Vec::new();
    }
    let mut labels = Vec::new();
    let mut about = BTreeSet::new();
    let mut spins = false;
    for &task in waiting {
        let Some(inst) = machine.inst(state, task) else { continue };
        let interrupter = program.tasks.iter().enumerate().position(|(other, code)| {
            matches!(code.start, Start::Hard(_) | Start::Soft(_)) && machine.hosts_on(state, other) == Some(task)
        });
        if let Some(other) = interrupter {
            labels.push((
                inst.place,
                format!("{} is interrupted here, and stands still until {} returns", name(task), name(other)),
            ));
            continue;
        }
        match &inst.op {
            Op::Acquire(lock, mode, _) => {
                let lock_name = &program.locks[*lock].0;
                if let Some(shown) = waits_for_itself(machine, state, task, *lock, *mode) {
                    return vec![shown];
                }
                about.insert(lock_name.clone());
                let holders: Vec<String> = machine
                    .holders(state, task, *lock)
                    .into_iter()
                    .filter(|holder| *holder != task)
                    .map(&name)
                    .collect();
                let by = if holders.is_empty() {
                    String::new()
                } else {
                    format!(
                        ", which {} keep{} from it",
                        holders.join(" and "),
                        if holders.len() == 1 { "s" } else { "" }
                    )
                };
                labels.push((inst.place, format!("{} waits here for {lock_name}{by}", name(task))));
            }
            Op::SeqBegin(lock, _) => {
                spins = true;
                about.insert(program.locks[*lock].0.clone());
                labels.push((
                    inst.place,
                    format!("{} spins here until the writer of {} is done", name(task), program.locks[*lock].0),
                ));
            }
            Op::Await(_) => {
                spins = true;
                about.insert("a condition".to_owned());
                labels.push((inst.place, format!("{} spins here for ever", name(task))));
            }
            op => {
                let what = waits_for(op);
                about.insert(what.split(' ').next_back().unwrap_or("wait").to_owned());
                let text = match op {
                    Op::Flush(other, _) | Op::Spin(other) | Op::Join(other) => {
                        format!("{} waits here until {} has ended", name(task), name(*other))
                    }
                    _ => format!("{} waits {what}", name(task)),
                };
                labels.push((inst.place, text));
            }
        }
    }
    let subject: Vec<String> = about.into_iter().collect();
    let all: Vec<String> = waiting.iter().map(|task| name(*task)).collect();
    let (code, title) = if spins && waiting.len() <= 2 {
        let spin = if all.len() > 1 { "spin" } else { "spins" };
        ("LW009", format!("{} {spin} for ever", all.join(" and ")))
    } else {
        (
            "LW008",
            format!("deadlock: {} wait for ever", all.join(" and "))
                .replace(" wait ", if all.len() == 1 { " waits " } else { " wait " }),
        )
    };
    vec![Shown { code, subject: subject.join("/"), title, labels, ends: false }]
}
