//! From trees to programs: calls are expanded, conditions become branches, words become instructions.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::claims::Claim;
use super::declare::Runs;
use super::expr::Expr;
use super::facts::{Fact, flags_sleep};
use super::machine::{Code, Inst, Op, Program, Pure, Start, Until, Variable};
use super::scope::{Meaning, Scope, text, texts};
use super::source::Place;
use super::statement::{Context, Stmt};
use super::tree::Node;
use super::vocabulary::{self, Change, How, Kind, Mask, Mode, Which, Word};
use super::words::plain;

mod call;
mod list;
mod object;
mod reference;
mod value;

/// Instructions of a task at most.
const INSTS_MAX: usize = 4000;

/// Calls within calls that are expanded.
const CALLS_MAX: usize = 24;

/// Names of bounds.
const INSTS: &str = "instructions of a task";
const NESTED: &str = "calls nested deeper than 24 in an exploration";

/// One task to be lowered.
pub struct Source<'a> {
    /// Its name.
    pub name: String,
    /// How it comes to run.
    pub runs: Runs,
    /// Bodies, one after the other, with the name of the function.
    pub bodies: Vec<(&'a str, &'a [Node])>,
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
}

/// Lowers tasks that run together. In a diagram, a column that gets ready to sleep and ends there sleeps.
pub fn lower<'a>(scope: &Scope<'a>, sources: &[Source<'a>], is_diagram: bool) -> Lowered {
    let met = pass(scope, sources, is_diagram, &[]);
    // An access through a pointer is a branch for each object, those of allocations further on among them.
    if met.sites.is_empty() { met } else { pass(scope, sources, is_diagram, &met.sites) }
}

fn pass<'a>(scope: &Scope<'a>, sources: &[Source<'a>], is_diagram: bool, sites: &[(String, Place)]) -> Lowered {
    let mut program = Program { queues: vec![String::new()], ..Program::default() };
    let mut names: Vec<&str> = scope.variables.keys().copied().collect();
    names.sort_unstable();
    for name in names {
        let known = scope.variables[name];
        let (is_atomic, first) = (known.is_atomic, known.first);
        program.variables.push(Variable { name: name.to_owned(), is_atomic, first, owner: None });
    }
    let mut lowered =
        Lowered { program, bounds: BTreeSet::new(), sites: Vec::new(), lists: BTreeSet::new(), callbacks: 0 };
    lowered.declare_objects(scope, sites);
    let tasks: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
    let freed = freed(sources);
    let first_call = |source: &Source| {
        let first = source.bodies.iter().flat_map(|(_, body)| body.iter()).find_map(|node| match &node.stmt {
            Stmt::Call { name, .. } if vocabulary::word(name).is_none() => Some(name.clone()),
            _ => None,
        });
        first.unwrap_or_default()
    };
    let first_calls: Vec<String> = sources.iter().map(first_call).collect();
    let mut handlers = Vec::new();
    let mut callbacks = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        let start = match source.runs {
            Runs::Task => Start::Runs,
            Runs::Hard => Start::Hard(None),
            Runs::Soft => Start::Soft(None),
            Runs::Work | Runs::Timer => Start::Queued,
        };
        let code = Code { name: source.name.clone(), insts: Vec::new(), locals: Vec::new(), start };
        let around = Around { scope, tasks: &tasks, first_calls: &first_calls, freed: &freed, is_diagram };
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
        let around = Around { scope, tasks: &tasks, first_calls: &first_calls, freed: &freed, is_diagram };
        let mut lower = Lower::new(&around, &mut lowered, code, task);
        lower.run(&[("", &node.children)]);
        let (code, later) = (lower.code, lower.callbacks);
        lowered.program.tasks.push(code);
        callbacks.extend(later);
    }
    let first = lowered.program.tasks.len();
    let mut at = 0;
    while at < callbacks.len() {
        let around = Around { scope, tasks: &tasks, first_calls: &first_calls, freed: &freed, is_diagram };
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
    }
    conditions(scope, &mut lowered.program);
    lowered
}

/// `assert` and `never` lines.
fn conditions(scope: &Scope, program: &mut Program) {
    let shared = |expr: &Expr| shared(program, expr).map(|pure| (pure, text(expr)));
    let asserts: Vec<_> = scope
        .asserts
        .iter()
        .filter_map(|(expr, place)| shared(expr).map(|(pure, text)| (pure, text, *place)))
        .collect();
    let nevers: Vec<_> =
        scope.nevers.iter().filter_map(|(expr, place)| shared(expr).map(|(pure, text)| (pure, text, *place))).collect();
    program.asserts = asserts;
    program.nevers = nevers;
}

/// An expression over variables alone.
fn shared(program: &Program, expr: &Expr) -> Option<Pure> {
    Some(match expr {
        Expr::Int(value) => Pure::Int(*value),
        Expr::Name(name) => {
            // A field of an object, `el->rc`.
            let name = name.replacen("->", ".", 1);
            Pure::Shared(program.variables.iter().position(|variable| variable.name == name)?)
        }
        Expr::Unary(op, inner) => Pure::Unary(*op, Box::new(shared(program, inner)?)),
        Expr::Binary(op, left, right) => {
            Pure::Binary(op, Box::new(shared(program, left)?), Box::new(shared(program, right)?))
        }
        Expr::Call(_, args) => shared(program, args.first()?)?,
    })
}

/// Names of objects that somebody frees: a use of one of them is looked at.
fn freed(sources: &[Source]) -> HashSet<String> {
    let mut found = HashSet::new();
    for (_, body) in sources.iter().flat_map(|source| &source.bodies) {
        for node in *body {
            node.each(&mut |node| {
                if let Stmt::Call { name, args, .. } = &node.stmt
                    && vocabulary::word(name) == Some(Word::Free)
                {
                    found.insert(object_name(args));
                }
            });
        }
    }
    found
}

/// What a call frees; without arguments it is the one object of the figure.
fn object_name(args: &[String]) -> String {
    args.last().map(|arg| plain(arg)).filter(|arg| !arg.is_empty()).unwrap_or_else(|| "the object".to_owned())
}

struct Loop {
    breaks: Vec<usize>,
    continues: Vec<usize>,
}

/// What all tasks of a program have in common.
struct Around<'s, 'a> {
    scope: &'s Scope<'a>,
    tasks: &'s [String],
    /// The first function that each calls.
    first_calls: &'s [String],
    freed: &'s HashSet<String>,
    is_diagram: bool,
}

struct Lower<'s, 'a> {
    scope: &'s Scope<'a>,
    out: &'s mut Lowered,
    code: Code,
    tasks: &'s [String],
    /// The first function that each calls.
    first_calls: &'s [String],
    freed: &'s HashSet<String>,
    locals: HashMap<String, usize>,
    /// Names that the task sets.
    assigned: HashSet<String>,
    /// Locals whose value is one that the program has, and no choice.
    decided: HashSet<String>,
    labels: HashMap<String, usize>,
    jumps: Vec<(String, usize)>,
    /// For each call that is open: jumps to its end.
    returns: Vec<Vec<usize>>,
    loops: Vec<Loop>,
    calls: Vec<String>,
    handlers: Vec<(usize, Context, &'a Node)>,
    callbacks: Vec<reference::Callback<'a>>,
    /// Names under which a function that was handed a pointer has it.
    bound: HashSet<String>,
    /// Jumps to the end of the task.
    aborts: Vec<usize>,
    about_to_sleep: bool,
    is_diagram: bool,
    task: usize,
}

impl<'s, 'a> Lower<'s, 'a> {
    fn new(around: &Around<'s, 'a>, out: &'s mut Lowered, code: Code, task: usize) -> Lower<'s, 'a> {
        let &Around { scope, tasks, first_calls, freed, is_diagram } = around;
        Lower {
            scope,
            out,
            code,
            tasks,
            first_calls,
            freed,
            locals: HashMap::new(),
            assigned: HashSet::new(),
            decided: HashSet::new(),
            labels: HashMap::new(),
            jumps: Vec::new(),
            returns: Vec::new(),
            loops: Vec::new(),
            calls: Vec::new(),
            handlers: Vec::new(),
            callbacks: Vec::new(),
            bound: HashSet::new(),
            aborts: Vec::new(),
            about_to_sleep: false,
            is_diagram,
            task,
        }
    }

    fn run(&mut self, bodies: &[(&'a str, &'a [Node])]) {
        for (_, body) in bodies {
            self.note_assigned(body, 0);
        }
        for (name, body) in bodies {
            self.calls.push((*name).to_owned());
            self.body(body);
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

    /// Names that are set somewhere: reading another one is a free choice.
    fn note_assigned(&mut self, body: &'a [Node], depth: usize) {
        if depth > CALLS_MAX {
            self.out.bounds.insert(NESTED);
            return;
        }
        for node in body {
            match &node.stmt {
                Stmt::Assign(target, _) => _ = self.assigned.insert(target.clone()),
                Stmt::Call { result: Some(target), .. } => _ = self.assigned.insert(target.clone()),
                Stmt::Each(text) => self.assigned.extend(super::pointers::each(text).map(|each| each.name)),
                _ => {}
            }
            if let Stmt::Call { name, .. } = &node.stmt
                && node.children.is_empty()
                && let Some((body, _)) = self.scope.function(name)
                && !self.calls.contains(name)
            {
                self.calls.push(name.clone());
                self.note_assigned(body, depth + 1);
                self.calls.pop();
            }
            self.note_assigned(&node.children, depth);
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

    /// A function's statements; a return inside ends here.
    fn body(&mut self, body: &'a [Node]) {
        self.returns.push(Vec::new());
        let labels = std::mem::take(&mut self.labels);
        let jumps = std::mem::take(&mut self.jumps);
        self.list(body);
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
        let ends = self.returns.pop().unwrap_or_default();
        ends.into_iter().for_each(|at| self.land(at));
    }

    fn list(&mut self, nodes: &'a [Node]) {
        let mut at = 0;
        while at < nodes.len() {
            at = self.statement(nodes, at);
        }
    }

    fn statement(&mut self, nodes: &'a [Node], at: usize) -> usize {
        let node = &nodes[at];
        let place = node.place;
        if self.is_diagram && !matches!(&node.stmt, Stmt::Prose(text) if super::words::is_waiting(text)) {
            self.push(Op::Row(place.line), place);
        }
        match &node.stmt {
            Stmt::If(_) => return self.branches(nodes, at),
            Stmt::While(cond) => self.round(node, cond.expr.as_ref()),
            Stmt::Do => self.do_while(node),
            Stmt::Each(_) => self.each(node),
            Stmt::Repeat(count) => {
                for _ in 0..(*count).min(16) {
                    self.list(&node.children);
                }
            }
            Stmt::Goto(label) => {
                let at = self.push(Op::Jump(0), place);
                self.jumps.push((label.clone(), at));
            }
            Stmt::Label(label) => {
                let here = self.here();
                self.labels.insert(label.clone(), here);
            }
            Stmt::Return(_) => {
                let at = self.push(Op::Jump(0), place);
                if let Some(ends) = self.returns.last_mut() {
                    ends.push(at);
                }
            }
            Stmt::Break | Stmt::Continue => {
                let at = self.push(Op::Jump(0), place);
                let is_break = node.stmt == Stmt::Break;
                if let Some(open) = self.loops.last_mut() {
                    if is_break { open.breaks.push(at) } else { open.continues.push(at) }
                } else {
                    self.land(at);
                }
            }
            Stmt::Enter(context) => self.handlers.push((self.task, *context, node)),
            Stmt::Assign(target, value) => self.assign(target, value, place),
            Stmt::Call { name, args, result } => self.call(name, args, result.as_deref(), node),
            Stmt::Elision(names) => names.iter().for_each(|name| self.call(name, &[], None, node)),
            Stmt::Prose(_) => self.list(&node.children),
            _ => {}
        }
        if node.claim == Some(Claim::UseAfterFree) {
            self.claimed_use(node.place);
        }
        at + 1
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

    fn branches(&mut self, nodes: &'a [Node], at: usize) -> usize {
        let mut ends = Vec::new();
        let mut next = at;
        while next < nodes.len() {
            let node = &nodes[next];
            let Some(cond) = node.stmt.branch(next == at) else { break };
            next += 1;
            let Some(cond) = cond else {
                self.list(&node.children);
                break;
            };
            let value = self.condition(cond.expr.as_ref(), &cond.text, node.place);
            let skip = self.push(Op::Unless(value, 0), node.place);
            self.list(&node.children);
            let end = self.push(Op::Jump(0), node.place);
            ends.push(end);
            self.land(skip);
        }
        ends.into_iter().for_each(|end| self.land(end));
        next
    }

    fn round(&mut self, node: &'a Node, cond: Option<&Expr>) {
        let relaxes =
            |node: &Node| matches!(&node.stmt, Stmt::Call { name, .. } if name == "cpu_relax" || name == "barrier");
        if node.children.iter().all(relaxes)
            && let Some(pure) = cond.and_then(|cond| shared(&self.out.program, cond))
        {
            // A spin waits for a change.
            self.push(Op::Await(Pure::Unary('!', Box::new(pure))), node.place);
            return;
        }
        let start = self.here();
        let is_drawn_once = cond.is_none_or(|cond| self.is_as_drawn(cond)) && self.is_diagram;
        let value = self.condition(cond, "", node.place);
        let skip = self.push(Op::Unless(value, 0), node.place);
        self.inside(node, start);
        if !is_drawn_once {
            self.push(Op::Jump(start), node.place);
        }
        self.land(skip);
        self.leave_loop();
    }

    fn inside(&mut self, node: &'a Node, start: usize) {
        self.loops.push(Loop { breaks: Vec::new(), continues: Vec::new() });
        self.list(&node.children);
        let continues = self.loops.last_mut().map(|open| std::mem::take(&mut open.continues)).unwrap_or_default();
        for at in continues {
            if let Some(Op::Jump(target)) = self.code.insts.get_mut(at).map(|inst| &mut inst.op) {
                *target = start;
            }
        }
    }

    fn leave_loop(&mut self) {
        let breaks = self.loops.pop().map(|open| open.breaks).unwrap_or_default();
        breaks.into_iter().for_each(|at| self.land(at));
    }

    fn do_while(&mut self, node: &'a Node) {
        let start = self.here();
        let (body, last) = match node.children.split_last() {
            Some((last, body)) if matches!(last.stmt, Stmt::While(_)) && last.children.is_empty() => (body, Some(last)),
            _ => (node.children.as_slice(), None),
        };
        self.loops.push(Loop { breaks: Vec::new(), continues: Vec::new() });
        self.list(body);
        if let Some(Node { stmt: Stmt::While(cond), place, .. }) = last {
            let is_drawn_once = cond.expr.as_ref().is_none_or(|cond| self.is_as_drawn(cond)) && self.is_diagram;
            let value = self.condition(cond.expr.as_ref(), &cond.text, *place);
            if !is_drawn_once {
                let skip = self.push(Op::Unless(value, 0), *place);
                self.push(Op::Jump(start), *place);
                self.land(skip);
            }
        }
        self.leave_loop();
    }

    /// None or one round: what it goes over is not modelled. In a diagram, the round that is drawn.
    fn each(&mut self, node: &'a Node) {
        if let Stmt::Each(text) = &node.stmt
            && let Some(each) = super::pointers::each(text)
            && self.list_loop(node, &each)
        {
            return;
        }
        let chosen = self.temp();
        let skip = if self.is_diagram {
            None
        } else {
            self.push(Op::Choose(2, chosen), node.place);
            Some(self.push(Op::Unless(Pure::Local(chosen), 0), node.place))
        };
        let start = self.here();
        self.inside(node, start);
        self.leave_loop();
        skip.into_iter().for_each(|at| self.land(at));
    }
}
