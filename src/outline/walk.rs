//! The static walk: every path of every entry, with the locks held and the context on each.
//!
//! It follows calls, goes both ways at a condition that it does not know, and round each loop until no new state comes of it. A name that
//! nobody declares is one of its [values](super::values), and stays that until it is set. Two looks at the same condition that is no
//! expression agree unless something in it was assigned between. States that are equal are one state.
//!
//! It cannot see what other tasks do: a finding is of one path, and LW003 of the orders of all paths.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::diagnostic::Label;
use super::expr::{self, Expr, mentions};
use super::facts::Fact;
use super::finding::Finding;
use super::scope::{Assumption, Does, Meaning, Scope, Task};
use super::source::Place;
use super::statement::{Cond, Context, Guard, RETURNED, Stmt};
use super::tree::{Node, context_text};
use super::vocabulary::{Kind, Mask, Mode, Word};

mod act;
mod branch;
mod facts;
mod list;
pub mod orders;
mod released;

pub(super) use branch::changed_elsewhere;
use branch::{Looped, Turns};
use orders::Orders;

/// States of one place that are followed.
const STATES_MAX: usize = 256;

/// Statements that are looked at, over all paths of all entries, each once for each state that comes to it.
const STATEMENTS_MAX: usize = 2_000_000;

/// Calls within calls that are followed.
const CALLS_MAX: usize = 32;

/// Rounds of a loop that are followed, if each is another state.
const ROUNDS_MAX: usize = 64;

/// Names of bounds.
const PATHS: &str = "paths of the static walk";
const NESTED: &str = "calls nested deeper than 32";
pub(super) const CALLS_ITSELF: &str = "a function that calls itself is followed once";
pub(super) const ROUNDS: &str = "64 rounds of a loop";
const INTO_BLOCK: &str = "a jump into a block";
pub(super) const DEEPER: &str = "blocks nested deeper than 64";

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
    /// Was it taken again by who holds it, so that nothing comes behind that?
    is_stuck: bool,
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
    /// Where the interrupt of the one handler was disabled.
    quiet: Option<Place>,
    saves: Vec<Option<Place>>,
    bh: Vec<Place>,
    preempt: Vec<Place>,
    rcu: Vec<Place>,
    /// Seqlocks that it reads under.
    reading: BTreeSet<LockId>,
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
    continues: Vec<State>,
    jumps: Vec<(String, State)>,
}

impl Flow {
    fn from(next: Vec<State>) -> Flow {
        Flow { next, ..Flow::default() }
    }

    /// Paths that leave the statements otherwise than at their end.
    fn absorb(&mut self, other: Flow) -> Vec<State> {
        self.returned.extend(other.returned);
        self.breaks.extend(other.breaks);
        self.continues.extend(other.continues);
        self.jumps.extend(other.jumps);
        other.next
    }
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
    /// Loops around the statement.
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
            assumptions: scope.assumed.iter().cloned().collect(),
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
            Runs::Task | Runs::Work | Runs::Pending => None,
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
        let from: Vec<(LockId, Place)> = state.held.iter().map(|held| (held.lock, held.place)).collect();
        let flow = self.list(body, vec![state]);
        let releases = self.released_in(body);
        // Where a patch ends inside the function, what is behind that is not known.
        let is_cut = self.scope.is_cut(name);
        let states = if is_cut { flow.returned } else { self.ends(flow, body) };
        for state in states {
            for held in state.held.iter().filter(|held| !from.contains(&(held.lock, held.place))) {
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
                            is_stuck: false,
                            irqs_on: state.irqs_off.is_none() && state.quiet.is_none(),
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
            let from = self.scope.held_from(&self.entry);
            self.assume(format!("{} runs with {}, {from}", self.entry, noted.join(" and ")), None, place);
        }
    }

    fn still_held(&mut self, held: &Held, name: &str) {
        let lock = self.names[held.lock as usize].clone();
        // No path comes past a lock that it waits for itself with.
        if held.is_stuck {
            return;
        }
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
                sure: None,
                schedule: None,
                scene: None,
            });
        }
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
        self.statements += flow.next.len().max(1);
        if self.statements > STATEMENTS_MAX {
            self.bounds.insert(PATHS);
            return nodes.len();
        }
        let node = &nodes[at];
        match &node.stmt {
            Stmt::If(_) => return self.branches(nodes, at, flow),
            Stmt::While(cond) => self.rounds(Looped::new(&node.children, Turns::While(cond)), node, flow),
            Stmt::Each(_) => self.rounds(Looped::new(&node.children, Turns::Free), node, flow),
            Stmt::Repeat(count) => self.rounds(Looped::new(&node.children, Turns::Count(*count)), node, flow),
            Stmt::For(counted) => {
                let looped = Looped::of_for(&node.children, counted.cond.as_ref());
                flow.next = looped.init.iter().fold(std::mem::take(&mut flow.next), |states, node| {
                    states.into_iter().flat_map(|state| self.simple(node, state)).collect()
                });
                self.rounds(looped, node, flow);
            }
            Stmt::Do => self.rounds(Looped::of_do(&node.children), node, flow),
            Stmt::Switch(cond) => self.switch(node, cond, flow),
            Stmt::Guard(guard) => self.guard(node, guard, flow),
            Stmt::Init | Stmt::Step => {}
            Stmt::Deeper => _ = self.bounds.insert(DEEPER),
            Stmt::Goto(label) => {
                let states = std::mem::take(&mut flow.next);
                flow.jumps.extend(states.into_iter().map(|state| (label.clone(), state)));
            }
            Stmt::Return(value) => self.returns(value.as_deref(), node, flow),
            Stmt::Break => flow.breaks.append(&mut flow.next),
            Stmt::Continue => flow.continues.append(&mut flow.next),
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

    fn assign(&mut self, target: &str, value: &'a Expr, node: &'a Node, mut state: State) -> Vec<State> {
        value.calls(&mut |name, _| self.noted(&mut state, name, node));
        let mut states = Vec::new();
        // A count that nobody looks at makes no state another.
        let mut is_count = false;
        value.names(&mut |name| is_count |= name == target);
        if is_count && self.scope.values.is_idle(target) {
            self.guarded(&state, target, value, node.place);
            keep(&mut state, target, None);
            return vec![state];
        }
        for (mut state, number) in self.value(value, node.place, state) {
            self.guarded(&state, target, value, node.place);
            keep(&mut state, target, number.filter(|_| !self.scope.is_shared(target)));
            states.push(state);
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
            // A reader of a seqlock looks again if somebody writes meanwhile.
            let is_written = target == *name || last(target) == last(name);
            let is_reader = state.reading.iter().any(|read| last(&self.names[*read as usize]) == last(lock));
            if state.held.iter().find(is_lock).is_none() && (is_written || !is_reader) {
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

/// The name is something else now, and so is what it leads to.
fn forget(state: &mut State, name: &str) {
    state.known.retain(|known, _| !mentions(known, name));
    state.taken.retain(|text, _| !mentions(text, name));
}

/// The name has this value now, or one that is not known.
fn keep(state: &mut State, name: &str, value: Option<i64>) {
    forget(state, name);
    if let Some(value) = value {
        state.known.insert(name.to_owned(), value);
    }
}

/// Masks that a lock of the kind heeds: a sleeping lock has none.
fn mask_of(kind: Kind, mask: Mask) -> Mask {
    if kind.makes_atomic() { mask } else { Mask::None }
}
