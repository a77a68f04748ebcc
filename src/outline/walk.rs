//! The static walk: every path of every entry, with the locks held and the context on each.
//!
//! It follows calls, goes both ways at a condition that it does not know, and round each loop no, one and two times. Two looks at the
//! same unknown condition agree unless something in it was assigned between. States that are equal are one state.
//!
//! It cannot see what other tasks do: a finding is of one path, and LW003 of the orders of all paths.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::diagnostic::Label;
use super::expr::{self, Expr};
use super::facts::Fact;
use super::finding::Finding;
use super::scope::{Assumption, Does, Meaning, Scope, Task};
use super::source::Place;
use super::statement::{Context, Stmt};
use super::tree::{Node, context_text};
use super::vocabulary::{Kind, Mask, Mode, Word};

mod act;
mod branch;
pub mod orders;
mod released;

use orders::Orders;

/// States of one place that are followed.
const STATES_MAX: usize = 256;

/// Statements that are looked at, over all paths of all entries.
const STATEMENTS_MAX: usize = 2_000_000;

/// Calls within calls that are followed.
const CALLS_MAX: usize = 32;

/// Names of bounds.
const PATHS: &str = "paths of the static walk";
const NESTED: &str = "calls nested deeper than 32";
const CALLS_ITSELF: &str = "a function that calls itself is followed once";

/// A lock by number.
pub type LockId = u32;

/// A lock that is held.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Held {
    /// Which.
    pub lock: LockId,
    /// What it is, conversions included.
    pub kind: Kind,
    /// How.
    pub mode: Mode,
    /// Where it was taken.
    pub place: Place,
    /// How often: more than once for the BKL, and after a recursion that is a finding.
    pub depth: u32,
    /// Was it taken with interrupts on?
    irqs_on: bool,
    /// Whether interrupts were off before, for `_irqrestore`.
    saved: Option<Option<Place>>,
    /// The call that took it.
    frame: usize,
}

/// What a path has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    held: Vec<Held>,
    irqs_off: Option<Place>,
    saves: Vec<Option<Place>>,
    bh: Vec<Place>,
    preempt: Vec<Place>,
    rcu: Vec<Place>,
    context: Option<(Context, Place)>,
    /// What locals are known to be.
    known: BTreeMap<String, i64>,
    /// What unknown conditions were taken to be.
    taken: BTreeMap<String, bool>,
}

/// Where paths go from a list of statements.
#[derive(Default)]
struct Flow {
    next: Vec<State>,
    returned: Vec<State>,
    breaks: Vec<State>,
    jumps: Vec<(String, State)>,
}

/// The walk over one unit.
pub struct Walk<'a> {
    scope: &'a Scope<'a>,
    /// Names of locks, by number.
    pub names: Vec<String>,
    numbers: HashMap<String, LockId>,
    /// What was found, each once.
    pub findings: Vec<Finding>,
    seen: HashSet<(&'static str, Place, Place)>,
    /// What was assumed, each once.
    pub assumptions: BTreeSet<Assumption>,
    /// Orders of locks, and where they are used in interrupts.
    pub orders: Orders,
    /// Bounds that were hit.
    pub bounds: BTreeSet<&'static str>,
    statements: usize,
    calls: Vec<&'a str>,
    /// Loops around the statement, in its function.
    loops: usize,
    memo: HashMap<(*const Node, State), Vec<State>>,
    released: HashMap<*const Node, HashSet<String>>,
    /// How often each condition is written, without its negation.
    conditions: HashMap<String, usize>,
    /// The entry that is walked.
    entry: String,
}

impl<'a> Walk<'a> {
    /// Walks everything that the unit runs.
    pub fn of(scope: &'a Scope<'a>, extra: &[Task<'a>]) -> Walk<'a> {
        let mut walk = Walk {
            scope,
            names: Vec::new(),
            numbers: HashMap::new(),
            findings: Vec::new(),
            seen: HashSet::new(),
            assumptions: BTreeSet::new(),
            orders: Orders::default(),
            bounds: BTreeSet::new(),
            statements: 0,
            calls: Vec::new(),
            loops: 0,
            memo: HashMap::new(),
            released: HashMap::new(),
            conditions: scope.conditions(extra),
            entry: String::new(),
        };
        if extra.is_empty() {
            for function in &scope.entries {
                walk.entry = function.name.clone();
                walk.entry_of(&function.name, State::default(), &function.body, &function.facts, function.place);
            }
        }
        for task in scope.tasks.iter().chain(extra) {
            walk.task(task);
        }
        orders::judge(&mut walk);
        walk
    }

    fn task(&mut self, task: &Task<'a>) {
        use super::declare::Runs;
        let context = match task.runs {
            Runs::Hard => Some(Context::Hard),
            Runs::Soft | Runs::Timer => Some(Context::Soft),
            Runs::Task | Runs::Work => None,
        };
        let state = State { context: context.map(|context| (context, task.place)), ..State::default() };
        self.entry = task.name.clone();
        match &task.does {
            Does::Body(body) => self.entry_of(&task.name, state, body, &[], task.place),
            Does::Calls(calls) => {
                for call in calls {
                    match self.scope.function(&call.name) {
                        Some((body, facts)) => self.entry_of(&call.name, state.clone(), body, facts, call.place),
                        None => {
                            self.known_or_assumed(&call.name, call.place, &state);
                        }
                    }
                }
            }
        }
    }

    /// A function that is called by nobody, or by a task.
    fn entry_of(&mut self, name: &str, mut state: State, body: &'a [Node], facts: &[Fact], place: Place) {
        if let Some((contract, place)) = self.scope.contracts.get(name) {
            self.enter(&mut state, contract, *place);
        }
        self.enter(&mut state, facts, place);
        let from = state.held.len();
        let flow = self.list(body, vec![state]);
        let releases = self.released_in(body);
        for state in flow.next.into_iter().chain(flow.returned).chain(flow.breaks) {
            for held in state.held.iter().skip(from.min(state.held.len())) {
                if releases.contains(&self.names[held.lock as usize]) {
                    self.still_held(held, name);
                } else {
                    self.assume_release(held);
                }
            }
        }
    }

    /// What a function's own line says it runs with.
    fn enter(&mut self, state: &mut State, facts: &[Fact], place: Place) {
        for fact in facts {
            match fact {
                Fact::Holds(lock) => {
                    let (kind, _) = self.kind(lock, None, place);
                    let lock = self.number(lock);
                    if state.held.iter().all(|held| held.lock != lock) {
                        state.held.push(Held {
                            lock,
                            kind,
                            mode: Mode::Write,
                            place,
                            depth: 1,
                            irqs_on: state.irqs_off.is_none(),
                            saved: None,
                            frame: 0,
                        });
                    }
                }
                Fact::IrqsOff => state.irqs_off = state.irqs_off.or(Some(place)),
                Fact::Atomic => state.preempt.push(place),
                Fact::MaySleep => self.sleeps(state, "it", place, false),
                _ => {}
            }
        }
        let is_declared = self.scope.contracts.values().any(|(contract, _)| std::ptr::eq(*contract, facts));
        let is_noted = |fact: &&Fact| match fact {
            Fact::Holds(_) | Fact::IrqsOff => true,
            Fact::Atomic => !is_declared,
            _ => false,
        };
        let noted: Vec<String> = facts.iter().filter(is_noted).map(Fact::text).collect();
        if !noted.is_empty() {
            self.assume(format!("{} runs with {}, from the note", self.entry, noted.join(" and ")), None, place);
        }
    }

    fn still_held(&mut self, held: &Held, name: &str) {
        let lock = self.names[held.lock as usize].clone();
        let title = format!("{lock} is still held when {name} returns, on one of its paths");
        let labels =
            vec![Label { place: held.place, text: "taken here, and given back on other paths only".to_owned() }];
        self.find("LW007", &lock, title, labels, Vec::new());
    }

    fn assume_release(&mut self, held: &Held) {
        let lock = &self.names[held.lock as usize];
        self.assume(
            format!("{lock} is held to the end of the block that takes it: it is never given back"),
            None,
            held.place,
        );
    }

    fn assume(&mut self, what: String, declare: Option<String>, place: Place) {
        if self.assumptions.iter().all(|known| known.what != what) {
            self.assumptions.insert(Assumption { what, declare, place });
        }
    }

    fn number(&mut self, lock: &str) -> LockId {
        if let Some(number) = self.numbers.get(lock) {
            return *number;
        }
        let number = self.names.len() as LockId;
        self.names.push(lock.to_owned());
        self.numbers.insert(lock.to_owned(), number);
        number
    }

    fn kind(&mut self, lock: &str, family: Option<Kind>, place: Place) -> (Kind, bool) {
        let (kind, is_said) = self.scope.kind(lock, family);
        if !is_said {
            let declare = Some(format!("lock {lock}: {}", kind.text()));
            self.assume(format!("{lock} is a {}", kind.text()), declare, place);
        }
        (kind, is_said)
    }

    fn find(&mut self, code: &'static str, subject: &str, title: String, labels: Vec<Label>, notes: Vec<String>) {
        let at = |at: usize| labels.get(at).map_or(Place::default(), |label| label.place);
        if self.seen.insert((code, at(0), at(1))) {
            let subject = subject.to_owned();
            self.findings.push(Finding {
                code,
                subject,
                title,
                labels,
                notes,
                grade: None,
                schedule: None,
                scene: None,
            });
        }
    }

    /// Each state goes through the statements.
    fn list(&mut self, nodes: &'a [Node], states: Vec<State>) -> Flow {
        let mut flow = Flow { next: states, ..Flow::default() };
        let mut at = 0;
        while at < nodes.len() {
            if let Stmt::Label(label) = &nodes[at].stmt {
                let (here, on) = flow.jumps.into_iter().partition(|(wanted, _)| wanted == label);
                flow.jumps = on;
                let here: Vec<(String, State)> = here;
                flow.next.extend(here.into_iter().map(|(_, state)| state));
            }
            at = self.step(nodes, at, &mut flow);
            self.merge(&mut flow.next);
        }
        self.backwards(nodes, flow)
    }

    /// Jumps to labels that are behind: each is followed once.
    fn backwards(&mut self, nodes: &'a [Node], mut flow: Flow) -> Flow {
        let label = |node: &Node, wanted: &str| matches!(&node.stmt, Stmt::Label(label) if label == wanted);
        let (here, on): (Vec<_>, Vec<_>) =
            flow.jumps.into_iter().partition(|(wanted, _)| nodes.iter().any(|node| label(node, wanted)));
        flow.jumps = on;
        for (wanted, state) in here {
            let Some(at) = nodes.iter().position(|node| label(node, &wanted)) else { continue };
            let mut again = Flow { next: vec![state], ..Flow::default() };
            let mut at = at + 1;
            while at < nodes.len() {
                at = self.step(nodes, at, &mut again);
                self.merge(&mut again.next);
            }
            flow.next.extend(again.next);
            flow.returned.extend(again.returned);
        }
        self.merge(&mut flow.next);
        flow
    }

    fn merge(&mut self, states: &mut Vec<State>) {
        if states.len() > 1 {
            let mut seen = HashSet::new();
            states.retain(|state| seen.insert(state.clone()));
        }
        if states.len() > STATES_MAX {
            states.truncate(STATES_MAX);
            self.bounds.insert(PATHS);
        }
    }

    /// One statement, with the `else` that belongs to it: where the next one is.
    fn step(&mut self, nodes: &'a [Node], at: usize, flow: &mut Flow) -> usize {
        self.statements += 1;
        if self.statements > STATEMENTS_MAX {
            self.bounds.insert(PATHS);
            return nodes.len();
        }
        let node = &nodes[at];
        match &node.stmt {
            Stmt::If(_) => return self.branches(nodes, at, flow),
            Stmt::While(cond) => {
                let expr = cond.expr.clone();
                self.rounds(&node.children, expr.as_ref(), &cond.text, node.place, flow);
            }
            Stmt::Each(text) => self.rounds(&node.children, None, text, node.place, flow),
            Stmt::Repeat(_) | Stmt::Do => self.once(&node.children, flow),
            Stmt::Goto(label) => {
                let states = std::mem::take(&mut flow.next);
                flow.jumps.extend(states.into_iter().map(|state| (label.clone(), state)));
            }
            Stmt::Return(_) => flow.returned.append(&mut flow.next),
            // In a `switch` whose cases stand beside it, it leaves a case, and what follows is walked from there.
            Stmt::Break | Stmt::Continue if self.loops == 0 => {}
            Stmt::Break | Stmt::Continue => flow.breaks.append(&mut flow.next),
            Stmt::Enter(context) => self.interrupt(node, *context, flow),
            _ => {
                let states = std::mem::take(&mut flow.next);
                for state in states {
                    let out = self.simple(node, state);
                    flow.next.extend(out);
                }
            }
        }
        at + 1
    }

    fn once(&mut self, body: &'a [Node], flow: &mut Flow) {
        self.loops += 1;
        let inner = self.list(body, std::mem::take(&mut flow.next));
        self.loops -= 1;
        flow.next = inner.next;
        flow.next.extend(inner.breaks);
        flow.returned.extend(inner.returned);
        flow.jumps.extend(inner.jumps);
    }

    /// A handler runs on top, and holds nothing of what it interrupts.
    fn interrupt(&mut self, node: &'a Node, context: Context, flow: &mut Flow) {
        let state = State { context: Some((context, node.place)), ..State::default() };
        let name = format!("the {} of {}", context_text(context), self.entry);
        let entry = std::mem::replace(&mut self.entry, name);
        self.list(&node.children, vec![state]);
        self.entry = entry;
        _ = flow;
    }

    /// Statements that do not branch by themselves; a try has two results.
    fn simple(&mut self, node: &'a Node, state: State) -> Vec<State> {
        match &node.stmt {
            Stmt::Call { name, args, result } => {
                let out = self.call(name, args, result.as_deref(), node, state);
                if let Meaning::Word(_) = self.scope.meaning(name, &node.children) {
                    // What lies under a lock is what is done while it is held.
                    return self.list(&node.children, out).next;
                }
                out
            }
            Stmt::Assign(target, value) => self.assign(target, value, node, state),
            Stmt::Elision(names) => names.iter().fold(vec![state], |states, name| {
                states.into_iter().flat_map(|state| self.call(name, &[], None, node, state)).collect()
            }),
            Stmt::Prose(text) => {
                self.assume(format!("\"{text}\" does nothing"), None, node.place);
                if node.facts.contains(&Fact::MaySleep) {
                    self.sleeps(&state, text, node.place, false);
                }
                self.list(&node.children, vec![state]).next
            }
            _ => vec![state],
        }
    }

    fn assign(&mut self, target: &str, value: &'a Expr, node: &'a Node, state: State) -> Vec<State> {
        let mut calls = Vec::new();
        value.calls(&mut |name, args| calls.push((name, super::scope::texts(args))));
        let mut states = vec![state];
        for (name, args) in calls {
            states = states.into_iter().flat_map(|state| self.call(name, &args, None, node, state)).collect();
        }
        for state in &mut states {
            self.guarded(state, target, value, node.place);
            forget(state, target);
            if let (Some(number), false) = (constant(value, state), self.scope.is_shared(target)) {
                state.known.insert(target.to_owned(), number);
            }
        }
        states
    }

    /// A guarded variable is touched: is its lock held?
    fn guarded(&mut self, state: &State, target: &str, value: &Expr, place: Place) {
        let mut names = vec![target.to_owned()];
        value.names(&mut |name| names.push(name.to_owned()));
        let last = |name: &str| name.rsplit(['>', '.']).next().unwrap_or(name).to_owned();
        for (lock, name, declared) in &self.scope.guards {
            if !names.iter().any(|used| used == name || last(used) == last(name)) {
                continue;
            }
            let is_lock = |held: &&Held| last(&self.names[held.lock as usize]) == last(lock);
            if state.held.iter().find(is_lock).is_none() {
                let labels = vec![
                    Label { place, text: format!("{name} is accessed here without {lock}") },
                    Label { place: *declared, text: "declared here to be protected".to_owned() },
                ];
                self.find(
                    "LW010",
                    name,
                    format!("{name} is accessed without {lock}, which protects it"),
                    labels,
                    Vec::new(),
                );
            }
        }
    }
}

/// The name is something else now.
fn forget(state: &mut State, name: &str) {
    state.known.remove(name);
    state.taken.retain(|text, _| !mentions(text, name));
}

fn mentions(text: &str, name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(letter) && !text[at + name.len()..].starts_with(letter))
}

/// The value of an expression over what the path knows.
fn constant(expr: &Expr, state: &State) -> Option<i64> {
    match expr {
        Expr::Int(value) => Some(*value),
        Expr::Name(name) => state.known.get(name).copied(),
        Expr::Unary('!', inner) => Some(i64::from(constant(inner, state)? == 0)),
        Expr::Unary(_, inner) => Some(constant(inner, state)?.wrapping_neg()),
        Expr::Binary(op, left, right) => expr::apply(op, constant(left, state)?, constant(right, state)?),
        Expr::Call(name, args) if matches!(name.as_str(), "likely" | "unlikely" | "READ_ONCE") => {
            constant(args.first()?, state)
        }
        Expr::Call(..) => None,
    }
}

/// Masks that a lock of the kind heeds: a sleeping lock has none.
fn mask_of(kind: Kind, mask: Mask) -> Mask {
    if kind.makes_atomic() { mask } else { Mask::None }
}
