//! What the names of an outline mean: functions, locks and their kinds, variables; and what had to be assumed.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::catalogue::{Catalogue, Known};
use super::cells::{self, Cell};
use super::declare::{Call, Declaration, Runs};
use super::expr::Expr;
pub use super::expr::{text, texts};
use super::facts::Fact;
use super::implied::{self, Implied};
use super::lists::Filled;
use super::pointers::Pointers;
use super::roles::{self, Started};
use super::source::Place;
use super::statement::{Context, Counted, Stmt};
use super::tree::{File, Function, Node};
use super::values::Values;
use super::vocabulary::{self, Kind, Word};
use super::watched;
use super::words::plain;

mod begin;
mod handlers;
mod locks;

/// Something that the tool could not know, with the line that would say it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Assumption {
    /// What is assumed.
    pub what: String,
    /// The declaration that would say it, or say otherwise.
    pub declare: Option<String>,
    /// Where it came up first.
    #[serde(skip)]
    pub place: Place,
}

/// A task, or a handler.
#[derive(Clone, Debug)]
pub struct Task<'a> {
    /// Its name.
    pub name: String,
    /// How it runs.
    pub runs: Runs,
    /// What it calls; or its own statements.
    pub does: Does<'a>,
    /// Where it is declared.
    pub place: Place,
}

/// What a task does.
#[derive(Clone, Debug)]
pub enum Does<'a> {
    /// Calls.
    Calls(Vec<Call>),
    /// The statements of a column, or of a block without a head line.
    Body(&'a [Node]),
}

impl Task<'_> {
    /// The functions that it runs.
    fn calls(&self) -> &[Call] {
        match &self.does {
            Does::Calls(calls) => calls,
            Does::Body(_) => &[],
        }
    }
}

/// A variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// `atomic_t`: no access of it races.
    pub is_atomic: bool,
    /// At the beginning.
    pub first: i64,
}

/// What a call means.
pub enum Meaning<'a> {
    /// One of the kernel's words.
    Word(Word),
    /// Its expansion, here or elsewhere, and what its own line says.
    Body(&'a [Node], &'a [Fact]),
    /// Facts of a `fn` line or of the catalogue.
    Facts(Vec<Fact>),
    /// Nothing is known.
    Unknown,
}

/// A `--convert`.
pub type Conversions = BTreeMap<String, Kind>;

/// The names of one unit: an outline with its declarations, or a diagram.
pub struct Scope<'a> {
    own: HashMap<&'a str, &'a Function>,
    expansions: HashMap<&'a str, &'a [Node]>,
    declared: HashMap<&'a str, &'a [Fact]>,
    catalogue: &'a Catalogue,
    conversions: &'a Conversions,
    kinds: HashMap<String, Kind>,
    families: HashMap<String, Kind>,
    spins: bool,
    /// Locks that are given back somewhere in the text.
    pub released: HashSet<String>,
    /// What names that nobody declares may be.
    pub values: Values,
    /// Objects, lists, and what points to them.
    pub pointers: Pointers,
    /// What holds pointers that no line declares.
    cells: Vec<&'a str>,
    /// Memory of which only that is looked at who touches it.
    pub(super) watched: Vec<String>,
    /// Functions that nobody runs beside.
    alone: HashSet<&'a str>,
    /// Functions that are called once at a time, and why.
    pub(super) once: HashMap<&'a str, (String, Place)>,
    /// Variables by name.
    pub variables: HashMap<&'a str, Variable>,
    /// `(outer, inner)`
    pub orders: Vec<(&'a str, &'a str, Place)>,
    /// Lock, variable.
    pub guards: Vec<(&'a str, &'a str, Place)>,
    /// Contracts of entries.
    pub contracts: HashMap<&'a str, (&'a [Fact], Place)>,
    /// Must hold at the end.
    pub asserts: Vec<(&'a Expr, Place)>,
    /// Must never hold.
    pub nevers: Vec<(&'a Expr, Place)>,
    /// In declared order.
    pub tasks: Vec<Task<'a>>,
    /// Functions that nobody calls, if no task is declared.
    pub entries: Vec<&'a Function>,
    /// Is it a figure?
    pub is_figure: bool,
    /// What was taken for granted before the walk.
    pub assumed: Vec<Assumption>,
    /// Threads that begin with a wake-up: their function, and what they were created as.
    created: Vec<(String, String)>,
    /// Works and timers that are started, and on which queue.
    started: Started,
    /// Queues on which somebody waits for what is not known.
    open: HashSet<String>,
}

impl<'a> Scope<'a> {
    /// The names of these functions and bodies, with the file's declarations.
    pub fn new(
        file: &'a File,
        functions: &'a [Function],
        bodies: &[&'a [Node]],
        catalogue: &'a Catalogue,
        conversions: &'a Conversions,
    ) -> Scope<'a> {
        let is_told = file.declarations.iter().any(|(declaration, _)| {
            matches!(declaration, Declaration::Object(..) | Declaration::List(..) | Declaration::Pointer(..))
        });
        let mut cells = if is_told || !bodies.is_empty() { Vec::new() } else { cells::of(file, functions) };
        let mut scope = Scope {
            own: HashMap::new(),
            expansions: HashMap::new(),
            declared: HashMap::new(),
            catalogue,
            conversions,
            kinds: HashMap::new(),
            families: HashMap::new(),
            spins: false,
            released: HashSet::new(),
            values: Values::default(),
            pointers: Pointers::of(file, functions, bodies, catalogue, &mut cells, is_told || !bodies.is_empty()),
            cells: cells.iter().map(|cell| cell.path).collect(),
            watched: Vec::new(),
            alone: functions.iter().filter(|one| watched::is_alone(one)).map(|one| one.name.as_str()).collect(),
            once: HashMap::new(),
            variables: HashMap::new(),
            orders: Vec::new(),
            guards: Vec::new(),
            contracts: HashMap::new(),
            asserts: Vec::new(),
            nevers: Vec::new(),
            tasks: Vec::new(),
            entries: Vec::new(),
            is_figure: !bodies.is_empty(),
            assumed: Vec::new(),
            created: handlers::created(functions),
            started: Started::of(functions),
            open: HashSet::new(),
        };
        for function in functions {
            scope.own.insert(&function.name, function);
        }
        scope.declare(file);
        scope.roles(functions);
        scope.cells_declared(cells, functions);
        let pointers = &scope.pointers;
        let is_known =
            |name: &str| scope.variables.contains_key(name) || pointers.value(name).is_some() || pointers.is_name(name);
        let marked = implied::variables(functions, bodies, &is_known);
        let drawn = implied::drawn(bodies, &is_known);
        let awaited = implied::awaited(functions, &is_known);
        for Implied { name, first, place } in marked.into_iter().chain(drawn).chain(awaited) {
            if scope.variables.contains_key(name) {
                continue;
            }
            scope.variables.insert(name, Variable { is_atomic: true, first });
            let what = format!("{name} is shared, {first} at first, and set by nobody who is not here");
            scope.assumed.push(Assumption { what, declare: Some(format!("atomic {name} = {first}")), place });
        }
        if bodies.is_empty() && scope.tasks.iter().all(|task| task.runs != Runs::Task) {
            let is_open = |path: &String| !scope.variables.contains_key(path.as_str());
            scope.watched = watched::paths(file, functions).into_iter().filter(is_open).collect();
        }
        let named = functions.iter().map(|function| (function.name.as_str(), function.body.as_slice()));
        let all: Vec<(&str, &[Node])> = named.chain(bodies.iter().map(|body| ("", *body))).collect();
        scope.values = Values::of(&all, &|name| scope.variables.contains_key(name));
        let mut called = HashSet::new();
        let all = functions.iter().map(|function| function.body.as_slice()).chain(bodies.iter().copied());
        for node in all.flatten() {
            node.each(&mut |node| scope.look_at(node, &mut called));
        }
        scope.open = functions
            .iter()
            .flat_map(|function| implied::waits(&function.body))
            .filter(|(_, cond)| !scope.is_set_here(cond))
            .map(|(queue, _)| plain(queue))
            .collect();
        // What a task calls is walked as that task, in its context.
        for task in &scope.tasks {
            if let Does::Calls(calls) = &task.does {
                let own = |call: &Call| functions.iter().find(|function| function.name == call.name);
                called.extend(calls.iter().filter_map(own).map(|function| function.name.as_str()));
            }
        }
        let is_entry = |function: &&Function| !called.contains(function.name.as_str());
        scope.entries = functions.iter().filter(is_entry).collect();
        // Functions that call each other in a circle: the first is as good as any.
        if scope.entries.is_empty() && scope.tasks.is_empty() {
            scope.entries.extend(functions.first());
        }
        scope
    }

    /// Does nobody run beside the function?
    pub(super) fn is_alone(&self, function: &str) -> bool {
        self.alone.contains(function)
    }

    /// The task, work or timer that a path means, by its name or by the last part of that.
    pub fn task_of(&self, path: &str) -> Option<&str> {
        let own = |name: &str| roles::member(name) == roles::member(path);
        let mut found = self.tasks.iter().map(|task| task.name.as_str()).filter(|name| own(name));
        let exact = self.tasks.iter().map(|task| task.name.as_str()).find(|name| *name == path);
        exact.or_else(|| found.next().filter(|_| found.next().is_none()))
    }

    /// The source of what is held when the function begins.
    pub fn held_from(&self, name: &str) -> String {
        let function = self.own.get(name);
        match function.and_then(|function| function.handed_by.as_ref()) {
            Some(by) => format!("as {by} calls it"),
            None if function.is_some_and(|function| function.is_partial) => "where the hunk begins".to_owned(),
            None => "from the note".to_owned(),
        }
    }

    /// Is the name a parameter of the function?
    pub fn is_parameter(&self, function: &str, name: &str) -> bool {
        self.parameters(function).iter().any(|known| known == name)
    }

    /// The parameters of the function.
    pub fn parameters(&self, function: &str) -> &[String] {
        self.own.get(function).map_or(&[], |function| &function.params)
    }

    /// Does the hunk of a patch end inside the function?
    pub fn is_cut(&self, name: &str) -> bool {
        self.own.get(name).is_some_and(|function| function.is_cut)
    }

    /// Is it a handler, a work or a timer that no line declares?
    pub fn is_made(&self, task: &str) -> bool {
        self.own.values().flat_map(|function| &function.roles).any(|role| role.name == task)
    }

    /// Works that may be on the queue.
    pub fn works_of(&self, queue: &str) -> Vec<&str> {
        let is_work = |task: &&Task| matches!(task.runs, Runs::Work | Runs::Pending);
        let works = self.tasks.iter().filter(is_work);
        works
            .filter(|work| self.started.is_on(&work.name, queue, work.calls()))
            .map(|work| work.name.as_str())
            .collect()
    }

    /// Notes what a statement says about functions and locks.
    fn look_at(&mut self, node: &'a Node, called: &mut HashSet<&'a str>) {
        if matches!(node.stmt, Stmt::Enter(Context::Hard | Context::Soft)) {
            self.spins = true;
        }
        let is_call = matches!(node.stmt, Stmt::Call { .. });
        // Memory that is only drawn is there, and 0 at first.
        if let Stmt::Call { name, args, .. } = &node.stmt
            && matches!(name.as_str(), "STORE" | "LOAD")
            && let Some(memory) = args.first()
        {
            self.variables.entry(memory).or_insert(Variable { is_atomic: true, first: 0 });
        }
        let mut see = |name: &'a str, args: &[String]| {
            called.insert(name);
            for fact in self.catalogue.facts(name).into_iter().flatten() {
                if let Fact::Unlocks(lock) = fact {
                    self.released.insert(lock.clone());
                }
            }
            match vocabulary::word(name) {
                Some(Word::Lock(Some(kind), _, _, _, which)) => {
                    let lock = self.lock_name(which, kind, args);
                    self.families.entry(lock).or_insert(kind);
                }
                Some(Word::Unlock(kind, _, _, which)) => {
                    let lock = self.lock_name(which, kind.unwrap_or(Kind::Mutex), args);
                    self.released.insert(lock);
                }
                Some(Word::Context(_)) => self.spins = true,
                Some(_) => {}
                // Each column of a diagram has its own expansion of what it calls. What is under a condition expands no call in it.
                None if is_call && !node.children.is_empty() && !self.own.is_empty() => {
                    self.expansions.entry(name).or_insert(&node.children);
                }
                None => {}
            }
        };
        match &node.stmt {
            Stmt::Call { name, args, .. } => {
                see(name, args);
                // What is called later is called, too. What `kref_put` calls is an entry as well: nothing else walks it.
                let later = args.get(1).filter(|_| name.starts_with("call_rcu"));
                if let Some(function) = later.and_then(|arg| self.own.get(plain(arg).as_str())) {
                    called.insert(function.name.as_str());
                }
                // A call among the arguments is a call as well.
                args.iter().filter_map(|arg| arg.split_once('(')).for_each(|(inner, _)| {
                    if self.own.contains_key(inner) {
                        called.insert(self.own[inner].name.as_str());
                    }
                });
            }
            Stmt::If(cond) | Stmt::ElseIf(cond) | Stmt::While(cond) => {
                if let Some(expr) = &cond.expr {
                    expr.calls(&mut |name, args| see(name, &texts(args)));
                }
            }
            Stmt::For(Counted { cond: Some(cond), .. }) | Stmt::Switch(cond) => {
                if let Some(expr) = &cond.expr {
                    expr.calls(&mut |name, args| see(name, &texts(args)));
                }
            }
            Stmt::Guard(guard) => {
                see(&guard.take, &guard.args);
                see(&guard.give, &guard.args);
            }
            Stmt::Assign(_, value) => value.calls(&mut |name, args| see(name, &texts(args))),
            Stmt::Elision(names) => names.iter().for_each(|name| see(name, &[])),
            _ => {}
        }
    }

    /// Calls in arguments that do something which is known, inner ones first.
    pub fn called_in(&self, args: &[String]) -> Vec<(String, Vec<String>)> {
        let mut found = Vec::new();
        for expr in args.iter().filter(|arg| arg.contains('(')).filter_map(|arg| super::expr::parse_inside(arg)) {
            expr.calls(&mut |name, args| {
                if !matches!(self.meaning(name, &[]), Meaning::Unknown) {
                    found.push((name.to_owned(), texts(args)));
                }
            });
        }
        found
    }

    /// What a call means, given what lies under it.
    pub fn meaning(&self, name: &str, children: &'a [Node]) -> Meaning<'a> {
        let word = vocabulary::word(name);
        if let Some(function) = self
            .own
            .get(name)
            .filter(|_| children.is_empty() && !matches!(word, Some(Word::Lock(..) | Word::Unlock(..))))
        {
            return Meaning::Body(&function.body, &function.facts);
        }
        if let Some(word) = word {
            return Meaning::Word(word);
        }
        if !children.is_empty() {
            return Meaning::Body(children, &[]);
        }
        if let Some(body) = self.expansions.get(name) {
            return Meaning::Body(body, &[]);
        }
        if let Some(facts) = self.declared.get(name) {
            return Meaning::Facts(facts.to_vec());
        }
        match self.catalogue.facts(name) {
            Some(facts) => Meaning::Facts(facts.to_vec()),
            None => Meaning::Unknown,
        }
    }

    /// What the catalogue says of a function that nothing nearer tells of: where its facts come from.
    pub fn catalogued(&self, name: &str) -> Option<&'a Known> {
        let is_nearer =
            self.own.contains_key(name) || self.expansions.contains_key(name) || self.declared.contains_key(name);
        if is_nearer { None } else { self.catalogue.get(name) }
    }

    /// Is a function of the name outlined?
    pub fn function(&self, name: &str) -> Option<(&'a [Node], &'a [Fact])> {
        if let Some(function) = self.own.get(name) {
            return Some((&function.body, &function.facts));
        }
        self.expansions.get(name).map(|body| (*body, [].as_slice()))
    }

    /// The same, with its name as the text has it.
    pub fn outlined(&self, name: &str) -> Option<(&'a str, &'a [Node], &'a [Fact])> {
        if let Some((name, function)) = self.own.get_key_value(name) {
            return Some((name, &function.body, &function.facts));
        }
        self.expansions.get_key_value(name).map(|(name, body)| (*name, *body, [].as_slice()))
    }

    /// The functions that are called in these bodies, and in what they call.
    pub(super) fn reached(&self, bodies: impl Iterator<Item = &'a [Node]>) -> Vec<&'a str> {
        let mut found: Vec<&'a str> = Vec::new();
        let mut open: Vec<&'a [Node]> = bodies.collect();
        while let Some(body) = open.pop() {
            let mut see = |name: &str| {
                if let Some((name, function)) = self.own.get_key_value(name)
                    && !found.contains(name)
                {
                    found.push(name);
                    open.push(&function.body);
                }
            };
            for node in body {
                node.each(&mut |node| {
                    if let Stmt::Call { name, .. } = &node.stmt {
                        see(name);
                    }
                });
            }
        }
        found
    }

    /// Has the function a block of its own? An expansion stands where it is called, and may name itself.
    pub fn has_block(&self, name: &str) -> bool {
        self.own.contains_key(name)
    }

    /// How often each condition is written, without its negation, in the functions and in the tasks.
    pub fn conditions(&self, tasks: &[Task<'a>]) -> HashMap<String, usize> {
        let mut found = HashMap::new();
        let bodies =
            self.own.values().map(|function| function.body.as_slice()).chain(self.expansions.values().copied());
        let own = self.tasks.iter().chain(tasks).filter_map(|task| match task.does {
            Does::Body(body) => Some(body),
            Does::Calls(_) => None,
        });
        for node in bodies.chain(own).flatten() {
            node.each(&mut |node| {
                if let Stmt::If(cond) | Stmt::ElseIf(cond) | Stmt::While(cond) = &node.stmt {
                    let key = cond.text.strip_prefix('!').unwrap_or(&cond.text).trim();
                    *found.entry(key.to_owned()).or_insert(0) += 1;
                }
            });
        }
        found
    }

    /// Is the name one that all tasks share?
    pub fn is_shared(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }
}
