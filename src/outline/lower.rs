//! From trees to programs: calls are expanded, conditions become branches, words become instructions.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::claims::Claim;
use super::declare::Runs;
use super::expr::Expr;
use super::facts::{Fact, flags_sleep};
use super::machine::{Code, Inst, Op, Program, Pure, Start, Until, Variable, Wait};
use super::scope::{Meaning, Scope, text, texts};
use super::source::Place;
use super::statement::{Cond, Context, Guard, RETURNED, Stmt};
use super::tree::Node;
use super::values::Domain;
use super::vocabulary::{self, Change, Flush, How, Kind, Mask, Mode, Which, Word};
use super::walk::{CALLS_ITSELF, DEEPER, ROUNDS};
use super::words::plain;

mod call;
mod conditions;
mod contract;
mod flow;
mod list;
mod locks;
mod memory;
mod names;
mod object;
mod reference;
mod sections;
mod value;
mod wait;
mod workers;

use conditions::shared;
pub(super) use flow::spun;
use names::asks;
pub(super) use names::freed;

/// Instructions of a task at most.
const INSTS_MAX: usize = 8000;

/// Rounds of a counted loop that are run.
const ROUNDS_MAX: usize = 64;

/// Calls within calls that are expanded.
const CALLS_MAX: usize = 24;

/// Names of bounds.
const INSTS: &str = "instructions of a task";
const NESTED: &str = "calls nested deeper than 24 in an exploration";

/// The bound on paths.
const MEMBERS: &str = "paths of more than 64 members";

/// One task to be lowered.
pub struct Source<'a> {
    /// Its name.
    pub name: String,
    /// How it comes to run.
    pub runs: Runs,
    /// Bodies, one after the other, with the name of the function.
    pub bodies: Vec<(&'a str, &'a [Node])>,
}

/// What a task waits for that another has to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Awaited {
    /// `complete` of this completion.
    Completion(String),
    /// A wake-up of this queue; without a name, of the task itself.
    Wake(String),
    /// Another value of this variable, which it spins on.
    Value(String),
}

/// A program, and what it could not hold.
pub struct Lowered {
    /// The program.
    pub program: Program,
    /// A task has more instructions than there may be.
    pub bounds: BTreeSet<&'static str>,
    /// Allocations, in the order in which they are met.
    sites: Vec<(String, Place)>,
    /// The objects that are lists.
    lists: BTreeSet<usize>,
    /// Callbacks of RCU.
    callbacks: usize,
    /// Works and timers that are declared, started or waited for here, and run elsewhere.
    pub works: BTreeSet<String>,
    /// Those of them that it starts.
    pub starts: BTreeSet<String>,
    /// Objects of which it gives a reference up that may be the last.
    pub puts: BTreeSet<usize>,
    /// It stops a thread of the text that is not here.
    pub stops: bool,
}

/// Lowers tasks that run together. In a diagram, a column that gets ready to sleep and ends there sleeps.
pub fn lower<'a>(scope: &Scope<'a>, sources: &[Source<'a>], is_diagram: bool) -> Lowered {
    lower_among(scope, sources, is_diagram, &BTreeSet::new())
}

/// The same, where a wait for one of `outside` is ended by somebody who is not among the tasks.
pub fn lower_among<'a>(
    scope: &Scope<'a>,
    sources: &[Source<'a>],
    is_diagram: bool,
    outside: &BTreeSet<Awaited>,
) -> Lowered {
    passes(scope, sources, is_diagram, outside, &freed(scope, sources))
}

/// One task, for what it touches: a use of what somebody frees is one of its steps.
pub fn lower_alone<'a>(scope: &Scope<'a>, source: &Source<'a>, freed: &HashSet<String>) -> Lowered {
    passes(scope, std::slice::from_ref(source), false, &BTreeSet::new(), freed)
}

fn passes<'a>(
    scope: &Scope<'a>,
    sources: &[Source<'a>],
    is_diagram: bool,
    outside: &BTreeSet<Awaited>,
    freed: &HashSet<String>,
) -> Lowered {
    let met = pass(scope, sources, is_diagram, outside, freed, &[]);
    // An access through a pointer is a branch for each object, those of allocations further on among them.
    if met.sites.is_empty() { met } else { pass(scope, sources, is_diagram, outside, freed, &met.sites) }
}

fn pass<'a>(
    scope: &Scope<'a>,
    sources: &[Source<'a>],
    is_diagram: bool,
    outside: &BTreeSet<Awaited>,
    freed: &HashSet<String>,
    sites: &[(String, Place)],
) -> Lowered {
    let mut program = Program { queues: vec![String::new()], ..Program::default() };
    let mut names: Vec<&str> = scope.variables.keys().copied().collect();
    names.sort_unstable();
    for name in names {
        let known = scope.variables[name];
        let (is_atomic, first) = (known.is_atomic, known.first);
        program.variables.push(Variable { name: name.to_owned(), is_atomic, first, owner: None, is_watched: false });
    }
    for name in scope.watched.iter().cloned() {
        program.variables.push(Variable { name, is_atomic: false, first: 0, owner: None, is_watched: true });
    }
    let mut lowered = Lowered {
        program,
        bounds: BTreeSet::new(),
        sites: Vec::new(),
        lists: BTreeSet::new(),
        callbacks: 0,
        works: BTreeSet::new(),
        starts: BTreeSet::new(),
        puts: BTreeSet::new(),
        stops: false,
    };
    lowered.declare_objects(scope, sites);
    let tasks: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
    let first_call = |source: &Source| {
        let first = source.bodies.iter().flat_map(|(_, body)| body.iter()).find_map(|node| match &node.stmt {
            Stmt::Call { name, .. } if vocabulary::word(name).is_none() => Some(name.clone()),
            _ => None,
        });
        first.unwrap_or_default()
    };
    let first_calls: Vec<String> = sources.iter().map(first_call).collect();
    let asks: Vec<bool> = sources.iter().map(asks).collect();
    let mut handlers = Vec::new();
    let mut callbacks = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        let start = match source.runs {
            Runs::Task => Start::Runs,
            Runs::Pending => Start::Pending,
            Runs::Hard => Start::Hard(None),
            Runs::Soft => Start::Soft(None),
            Runs::Work | Runs::Timer => Start::Queued,
        };
        let code = Code { name: source.name.clone(), insts: Vec::new(), locals: Vec::new(), start };
        let around =
            Around { scope, tasks: &tasks, first_calls: &first_calls, asks: &asks, freed, is_diagram, outside };
        let mut lower = Lower::new(&around, &mut lowered, code, at);
        lower.run(&source.bodies);
        let (code, found, later) = (lower.code, lower.handlers, lower.callbacks);
        lowered.program.tasks.push(code);
        handlers.extend(found);
        callbacks.extend(later);
    }
    // Handlers of diagrams come behind the columns that they interrupt.
    for (host, context, node) in handlers {
        let name = format!("interrupt of {}", sources[host].name);
        let start = if context == Context::Hard { Start::Hard(Some(host)) } else { Start::Soft(Some(host)) };
        let code = Code { name, insts: Vec::new(), locals: Vec::new(), start };
        let task = lowered.program.tasks.len();
        let around =
            Around { scope, tasks: &tasks, first_calls: &first_calls, asks: &asks, freed, is_diagram, outside };
        let mut lower = Lower::new(&around, &mut lowered, code, task);
        lower.run(&[("", &node.children)]);
        let (code, later) = (lower.code, lower.callbacks);
        lowered.program.tasks.push(code);
        callbacks.extend(later);
    }
    let first = lowered.program.tasks.len();
    let mut at = 0;
    while at < callbacks.len() {
        if at >= reference::CALLBACKS_MAX {
            lowered.bounds.insert(reference::HANDED_ON);
            lowered.program.tasks.extend(callbacks[at..].iter().map(|callback| callback.code()));
            break;
        }
        let around =
            Around { scope, tasks: &tasks, first_calls: &first_calls, asks: &asks, freed, is_diagram, outside };
        let mut lower = Lower::new(&around, &mut lowered, callbacks[at].code(), first + at);
        lower.run_callback(&callbacks[at]);
        let (code, later) = (lower.code, lower.callbacks);
        lowered.program.tasks.push(code);
        callbacks.extend(later);
        at += 1;
    }
    // They were numbered before it was known how many tasks are before them.
    for inst in lowered.program.tasks.iter_mut().flat_map(|task| &mut task.insts) {
        if let Op::Queue(task) | Op::Hand(task, _) = &mut inst.op
            && *task >= reference::CALLBACKS
        {
            *task = *task - reference::CALLBACKS + first;
        }
        if let Op::RcuBarrier(callback) = &mut inst.op {
            *callback = first;
        }
    }
    sections::mark(&mut lowered.program);
    conditions::lower(scope, &mut lowered.program);
    lowered
}

/// What a call frees; without arguments it is the one object of the figure.
fn object_name(args: &[String]) -> String {
    args.last().map(|arg| plain(arg)).filter(|arg| !arg.is_empty()).unwrap_or_else(|| "the object".to_owned())
}

struct Loop {
    breaks: Vec<usize>,
    continues: Vec<usize>,
    /// `continue` goes to the loop around it.
    is_switch: bool,
    /// Guards that are open where it begins.
    guards: usize,
}

/// A call that is open.
struct Frame {
    /// Jumps to its end.
    ends: Vec<usize>,
    /// Where its result goes, if anybody wants it.
    result: Option<usize>,
    /// One of its results is made up.
    made_up: bool,
    /// Names that are set where it begins.
    settled: HashSet<String>,
}

/// What all tasks of a program have in common.
struct Around<'s, 'a> {
    scope: &'s Scope<'a>,
    tasks: &'s [String],
    /// The first function that each calls.
    first_calls: &'s [String],
    /// Those that ask whether they are to stop.
    asks: &'s [bool],
    freed: &'s HashSet<String>,
    is_diagram: bool,
    outside: &'s BTreeSet<Awaited>,
}

struct Lower<'s, 'a> {
    scope: &'s Scope<'a>,
    out: &'s mut Lowered,
    code: Code,
    tasks: &'s [String],
    /// The first function that each calls.
    first_calls: &'s [String],
    /// Those that ask whether they are to stop.
    asks: &'s [bool],
    freed: &'s HashSet<String>,
    locals: HashMap<String, usize>,
    /// A value was asked for that is not in the text: it is one that makes a difference, or any.
    made_up: bool,
    /// Names that the task sets.
    assigned: HashSet<String>,
    /// Functions whose names were looked at, each once.
    noted: HashSet<String>,
    /// Calls that were expanded.
    expanded: usize,
    /// Names that it forgets somewhere: of the condition of a loop, or behind a name that is set.
    forgotten: HashSet<String>,
    /// Locals whose value is one that the program has, and no choice.
    decided: HashSet<String>,
    labels: HashMap<String, usize>,
    jumps: Vec<(String, usize)>,
    frames: Vec<Frame>,
    loops: Vec<Loop>,
    /// Guards of the function that are open.
    guards: Vec<(&'a Guard, &'a Node)>,
    /// Names that have a value here on every path.
    settled: HashSet<String>,
    /// For each name, whether it has one.
    flags: HashMap<String, usize>,
    outside: &'s BTreeSet<Awaited>,
    /// The queue that the task is about to sleep on.
    prepared: String,
    calls: Vec<String>,
    handlers: Vec<(usize, Context, &'a Node)>,
    callbacks: Vec<reference::Callback<'a>>,
    /// Names under which a function that was handed a pointer has it.
    bound: HashSet<String>,
    /// Names of wholes whose part is something that nobody here knows: they point to no object of the text.
    lost: HashSet<String>,
    /// Those of them that a handler has of what it is handed: others may have the object by the same name.
    foreign: HashSet<String>,
    /// References to objects that the task has taken itself, where the count is not known.
    references: HashMap<String, usize>,
    /// Jumps to the end of the task.
    aborts: Vec<usize>,
    about_to_sleep: bool,
    /// Past a spin that somebody ends who is not run here: values may be older than they could be.
    is_ahead: bool,
    is_diagram: bool,
    task: usize,
}

impl<'s, 'a> Lower<'s, 'a> {
    fn new(around: &Around<'s, 'a>, out: &'s mut Lowered, code: Code, task: usize) -> Lower<'s, 'a> {
        let &Around { scope, tasks, first_calls, asks, freed, is_diagram, outside } = around;
        Lower {
            scope,
            out,
            code,
            tasks,
            first_calls,
            asks,
            freed,
            locals: HashMap::new(),
            made_up: false,
            assigned: HashSet::new(),
            noted: HashSet::new(),
            expanded: 0,
            forgotten: HashSet::new(),
            decided: HashSet::new(),
            labels: HashMap::new(),
            jumps: Vec::new(),
            frames: Vec::new(),
            loops: Vec::new(),
            guards: Vec::new(),
            settled: HashSet::new(),
            flags: HashMap::new(),
            outside,
            prepared: String::new(),
            calls: Vec::new(),
            handlers: Vec::new(),
            callbacks: Vec::new(),
            bound: HashSet::new(),
            lost: HashSet::new(),
            foreign: HashSet::new(),
            references: HashMap::new(),
            aborts: Vec::new(),
            about_to_sleep: false,
            is_ahead: false,
            is_diagram,
            task,
        }
    }

    fn run(&mut self, bodies: &[(&'a str, &'a [Node])]) {
        for (_, body) in bodies {
            self.note_assigned(body, 0, false);
        }
        for (name, body) in bodies {
            self.calls.push((*name).to_owned());
            self.begin_thread(name);
            let held = self.contract(name);
            for (handed, value) in self.scope.pointers.handed(name) {
                self.assigned.insert(handed.to_owned());
                self.store(handed, Pure::Int(value), Place::default());
            }
            self.body(body, None);
            for lock in held {
                self.push(Op::ReleaseAtEnd(lock), Place::default());
            }
            self.calls.pop();
        }
        std::mem::take(&mut self.aborts).into_iter().for_each(|at| self.land(at));
        if self.is_diagram && self.about_to_sleep {
            let place = self.code.insts.last().map_or(Place::default(), |inst| inst.place);
            let local = self.temp();
            self.push(Op::Sleep(Until::Woken, local), place);
        }
        let locks: Vec<usize> = self
            .code
            .insts
            .iter()
            .filter_map(|inst| if let Op::Acquire(lock, ..) = inst.op { Some(lock) } else { None })
            .collect();
        let released = |lock: &usize| {
            self.code.insts.iter().any(|inst| matches!(inst.op, Op::Release(other, _) if other == *lock))
        };
        // A column ends where its author stops: what it holds then, it gives back some time later.
        let mut never: Vec<usize> = locks.into_iter().filter(|lock| self.is_diagram || !released(lock)).collect();
        never.sort_unstable();
        never.dedup();
        for lock in never {
            self.push(Op::ReleaseAtEnd(lock), Place::default());
        }
    }

    fn push(&mut self, op: Op, place: Place) -> usize {
        if self.code.insts.len() >= INSTS_MAX {
            self.out.bounds.insert(INSTS);
        } else {
            self.code.insts.push(Inst { op, place });
        }
        self.code.insts.len() - 1
    }

    fn here(&self) -> usize {
        self.code.insts.len()
    }

    /// A branch or jump that was pushed goes to the next instruction.
    fn land(&mut self, at: usize) {
        let here = self.here();
        if let Some(Op::Unless(_, target) | Op::Jump(target)) = self.code.insts.get_mut(at).map(|inst| &mut inst.op) {
            *target = here;
        }
    }

    fn temp(&mut self) -> usize {
        self.code.locals.push(None);
        self.code.locals.len() - 1
    }

    fn local(&mut self, name: &str) -> usize {
        if let Some(at) = self.locals.get(name) {
            return *at;
        }
        self.code.locals.push(Some(name.to_owned()));
        let at = self.code.locals.len() - 1;
        self.locals.insert(name.to_owned(), at);
        at
    }

    /// A function's statements; a return inside ends here. Its result, if anybody wants it.
    fn body(&mut self, body: &'a [Node], result: Option<(usize, &Domain)>) {
        let settled = self.settled.clone();
        let (wanted, settled_here) = (result.map(|(local, _)| local), settled.clone());
        self.frames.push(Frame { ends: Vec::new(), result: wanted, made_up: false, settled: settled_here });
        let labels = std::mem::take(&mut self.labels);
        let jumps = std::mem::take(&mut self.jumps);
        let guards = std::mem::take(&mut self.guards);
        self.list(body);
        if let Some((local, domain)) = result {
            let place = body.last().map_or(Place::default(), |node| node.place);
            self.choose(domain, local, place);
        }
        for (label, at) in std::mem::replace(&mut self.jumps, jumps) {
            if let Some(target) = self.labels.get(&label).copied()
                && let Some(Op::Jump(to)) = self.code.insts.get_mut(at).map(|inst| &mut inst.op)
            {
                *to = target;
            } else {
                self.land(at);
            }
        }
        self.labels = labels;
        self.guards = guards;
        let frame = self.frames.pop().expect("it was pushed above");
        self.made_up = frame.made_up;
        if !frame.ends.is_empty() {
            self.settled = settled;
        }
        frame.ends.into_iter().for_each(|at| self.land(at));
    }

    /// A use that is only said: of the one object that is freed.
    fn claimed_use(&mut self, place: Place) {
        if self.freed.len() == 1
            && let Some(name) = self.freed.iter().next().cloned()
        {
            let object = self.object(&name);
            self.push(Op::Use(object), place);
        }
    }
}
