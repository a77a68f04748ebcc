//! What runs a function, as C says it: its type, the type of its parameter, who registers it, and at last its name.
//!
//! `irqreturn_t f(..)` is a handler, `f(struct work_struct *work)` a work, and `INIT_WORK(&w, f)` says which one. An outline has
//! none of that: there `cancel_work_sync(&dev->reset_work)` means the one function that is called so.
//!
//! Limits: nothing is said where two functions could be meant. A work or a timer that nothing in the text starts is taken for one that
//! was started before, since otherwise it would never run.

use std::collections::{BTreeMap, BTreeSet};

use super::declare::{Call, Declaration, Role, Runs};
use super::expr::texts;
use super::facts::Fact;
use super::heads;
use super::source::Source;
use super::statement::Stmt;
use super::tree::{File, Function, Node};
use super::vocabulary::{self, Word};
use super::words::{arguments, matching_call, plain};

/// Functions that register another: the argument that is the function, the one that is its name, and how it runs.
const REGISTER: [(&str, usize, Option<usize>, Runs); 22] = [
    ("request_irq", 1, None, Runs::Hard),
    ("devm_request_irq", 2, None, Runs::Hard),
    ("request_threaded_irq", 1, None, Runs::Hard),
    ("devm_request_threaded_irq", 2, None, Runs::Hard),
    ("request_percpu_irq", 1, None, Runs::Hard),
    ("pci_request_irq", 2, None, Runs::Hard),
    ("hrtimer_setup", 1, Some(0), Runs::Hard),
    ("init_irq_work", 1, Some(0), Runs::Hard),
    ("open_softirq", 1, None, Runs::Soft),
    ("tasklet_init", 1, Some(0), Runs::Timer),
    ("tasklet_setup", 1, Some(0), Runs::Timer),
    ("DECLARE_TASKLET", 1, Some(0), Runs::Timer),
    ("timer_setup", 1, Some(0), Runs::Timer),
    ("setup_timer", 1, Some(0), Runs::Timer),
    ("DEFINE_TIMER", 1, Some(0), Runs::Timer),
    ("INIT_WORK", 1, Some(0), Runs::Work),
    ("INIT_WORK_ONSTACK", 1, Some(0), Runs::Work),
    ("INIT_DELAYED_WORK", 1, Some(0), Runs::Work),
    ("INIT_DEFERRABLE_WORK", 1, Some(0), Runs::Work),
    ("DECLARE_WORK", 1, Some(0), Runs::Work),
    ("DECLARE_DELAYED_WORK", 1, Some(0), Runs::Work),
    ("INIT_DELAYED_WORK_ONSTACK", 1, Some(0), Runs::Work),
];

/// Types of parameters that say what runs a function.
const PARAMETERS: [(&str, Runs); 4] = [
    ("struct work_struct *", Runs::Work),
    ("struct timer_list *", Runs::Timer),
    ("struct tasklet_struct *", Runs::Timer),
    ("struct hrtimer *", Runs::Hard),
];

/// Functions from the member to the whole: the argument that is the name of the member.
const MEMBERS: [(&str, usize); 4] =
    [("container_of", 2), ("from_timer", 2), ("timer_container_of", 2), ("from_tasklet", 2)];

/// Does the function lead from a member to the whole?
pub(super) fn is_member_of(name: &str) -> bool {
    MEMBERS.iter().any(|(known, _)| *known == name)
}

/// Works, timers and tasklets are named by the last part of their path.
pub fn member(path: &str) -> &str {
    let whole = path.strip_suffix(".work").unwrap_or(path);
    whole.rsplit(['>', '.']).next().unwrap_or(whole)
}

/// What the statements do with works and timers, and whom they register.
#[derive(Default)]
struct Uses {
    /// Paths of what is started, waited for or taken off, and whether it is a work.
    used: BTreeMap<String, bool>,
    started: Vec<(String, Option<String>)>,
    /// One function may run for several works.
    registered: BTreeMap<String, Vec<Role>>,
    /// Handlers that have a thread of their own.
    threads: BTreeSet<String>,
    called: BTreeSet<String>,
    /// Names of what a member lies in.
    wholes: BTreeSet<String>,
    /// Works and timers that are taken off their list, by the last part of their paths.
    taken_off: BTreeSet<String>,
    freed: BTreeSet<String>,
}

/// The work or timer that a call starts or waits for: its path, whether it is a work, and whether it is started.
pub fn used(name: &str, args: &[String]) -> Option<(String, bool, bool)> {
    let path = |at: usize| args.get(at).or_else(|| args.first()).map(|arg| plain(arg));
    let is_work = name.contains("work");
    match vocabulary::word(name)? {
        Word::QueueWork(at) => Some((path(at)?, is_work, true)),
        Word::FlushWork(_) if !is_queue(name) => Some((path(0)?, is_work, false)),
        Word::SpinForTimer(_) => Some((path(0)?, false, false)),
        _ => None,
    }
}

/// It waits for all works of a queue.
pub fn is_queue(name: &str) -> bool {
    name.ends_with("workqueue") || name == "flush_scheduled_work"
}

impl Uses {
    fn see(&mut self, node: &Node) {
        match &node.stmt {
            Stmt::Call { name, args, result } => {
                self.wholes.extend(result.iter().filter(|_| is_member_of(name)).cloned());
                self.call(name, args);
            }
            Stmt::If(cond) | Stmt::ElseIf(cond) | Stmt::While(cond) | Stmt::Switch(cond) => match &cond.expr {
                Some(expr) => expr.calls(&mut |name, args| self.call(name, &texts(args))),
                None => self.registers(&cond.text),
            },
            Stmt::Return(Some(text)) => match super::expr::parse(text) {
                Some(value) => value.calls(&mut |name, args| self.call(name, &texts(args))),
                None => self.registers(text),
            },
            Stmt::Assign(target, value) => {
                value.calls(&mut |name, args| self.call(name, &texts(args)));
                if matches!(value, super::expr::Expr::Call(name, _) if is_member_of(name)) {
                    self.wholes.insert(target.clone());
                }
                if let (Some(timer), super::expr::Expr::Name(function)) =
                    (target.strip_suffix(".function").or_else(|| target.strip_suffix("->function")), value)
                {
                    let why = "it is set as the function of that".to_owned();
                    let role = Role { name: timer.to_owned(), runs: Runs::Timer, why };
                    self.register(function.clone(), role);
                }
            }
            _ => {}
        }
    }

    /// Calls that register something, in a text that is no expression: it may have a string.
    fn registers(&mut self, text: &str) {
        for (name, ..) in REGISTER {
            let Some(at) = text.find(name).filter(|at| text[at + name.len()..].starts_with('(')) else { continue };
            let is_whole = !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            if let Some(inside) = matching_call(&text[at..]).filter(|_| is_whole) {
                self.call(name, &arguments(inside));
            }
        }
    }

    fn register(&mut self, function: String, role: Role) {
        let roles = self.registered.entry(function).or_default();
        if roles.iter().all(|known| known.name != role.name) {
            roles.push(role);
        }
    }

    fn call(&mut self, name: &str, args: &[String]) {
        self.called.insert(name.to_owned());
        match vocabulary::word(name) {
            Some(Word::Forget) => self.taken_off.extend(args.first().map(|arg| member(&plain(arg)).to_owned())),
            Some(Word::Free) => self.freed.extend(args.last().map(|arg| plain(arg))),
            _ => {}
        }
        if let Some((path, is_work, is_start)) = used(name, args) {
            if is_start {
                let queue = name.starts_with("queue_").then(|| args.iter().find(|arg| arg.ends_with("wq")));
                self.started.push((member(&path).to_owned(), queue.flatten().map(|arg| plain(arg))));
            }
            self.used.insert(path, is_work);
        }
        if let Some((_, function, path, runs)) = REGISTER.iter().find(|(known, ..)| *known == name)
            && let Some((at, function)) = args.get(*function).map(|arg| (*function, plain(arg)))
        {
            if name.contains("threaded") {
                self.threads.extend(args.get(at + 1).map(|arg| plain(arg)));
            }
            let path = path.and_then(|at| args.get(at)).map_or_else(|| function.clone(), |arg| plain(arg));
            let role = Role { name: path, runs: *runs, why: format!("{name} says so") };
            self.register(function, role);
        }
    }
}

/// Finds the roles of all functions that no line declares.
pub(super) fn read(source: &Source, file: &mut File) {
    let mut declared: BTreeSet<&str> = BTreeSet::new();
    let mut has_tasks = false;
    for (declaration, _) in &file.declarations {
        if let Declaration::Task(name, runs, calls) = declaration {
            has_tasks |= *runs == Runs::Task;
            declared.extend(calls.iter().map(|call| call.name.as_str()));
            declared.insert(name);
        }
    }
    // A text that says what runs together says all of it.
    if has_tasks {
        return;
    }
    for group in &mut file.groups {
        let mut uses = Uses::default();
        group.functions.iter().flat_map(|function| &function.body).for_each(|node| node.each(&mut |n| uses.see(n)));
        let is_open = |function: &Function| {
            !function.is_anonymous && !function.body.is_empty() && !declared.contains(function.name.as_str())
        };
        for function in group.functions.iter_mut().filter(|function| is_open(function)) {
            let is_called = uses.called.contains(&function.name);
            let signed = || signed(source, function, &uses).filter(|_| !is_called).into_iter().collect();
            function.roles = uses.registered.get(&function.name).cloned().unwrap_or_else(signed);
            if !function.roles.is_empty() {
                function.facts.retain(|fact| *fact != Fact::Atomic);
            }
        }
        by_name(source, &mut group.functions, &uses, &is_open, &declared);
        for function in group.functions.iter_mut().filter(|function| is_open(function)) {
            if function.roles.is_empty() && !uses.called.contains(&function.name) {
                function.roles.extend(by_parameter(source, function));
            }
        }
    }
}

/// Works and timers that the functions start.
#[derive(Debug, Default)]
pub struct Started {
    functions: Vec<Starts>,
}

#[derive(Debug)]
struct Starts {
    function: String,
    calls: BTreeSet<String>,
    /// The last part of the path, and the queue if it is named.
    works: Vec<(String, Option<String>)>,
    /// Works and timers that it starts, waits for or takes off, by the last part of their paths; and what it frees.
    touched: BTreeSet<String>,
    freed: BTreeSet<String>,
    /// Of what it frees, that which it has not found by a member. What it found so may have counted references.
    freed_whole: BTreeSet<String>,
}

impl Started {
    /// Looks at all statements.
    pub fn of(functions: &[Function]) -> Started {
        let of_one = |function: &Function| {
            let mut uses = Uses::default();
            function.body.iter().for_each(|node| node.each(&mut |n| uses.see(n)));
            let mut touched: BTreeSet<String> = uses.used.keys().map(|path| member(path).to_owned()).collect();
            touched.extend(uses.taken_off);
            Starts {
                function: function.name.clone(),
                calls: uses.called,
                works: uses.started,
                touched,
                freed_whole: uses.freed.difference(&uses.wholes).cloned().collect(),
                freed: uses.freed,
            }
        };
        Started { functions: functions.iter().map(of_one).collect() }
    }

    /// Does a function that has to do with the work or the timer free something of this name?
    pub fn frees_around(&self, task: &str, name: &str) -> bool {
        let is_part = task.split_once("->").is_some_and(|(root, _)| root == name);
        self.functions.iter().any(|function| {
            function.touched.contains(member(task)) && function.freed.contains(name)
                || is_part && function.freed_whole.contains(name)
        })
    }

    /// The one function that asks whether its thread is to stop.
    pub fn thread(&self) -> Option<&str> {
        let mut threads = self.functions.iter().filter(|function| function.calls.contains("kthread_should_stop"));
        threads.next().filter(|_| threads.next().is_none()).map(|function| function.function.as_str())
    }

    /// Those who start the work or the timer, on which queue. One that starts itself again was started by somebody else before, so what
    /// only its own functions call does not count.
    fn starts<'s>(&'s self, name: &'s str, own: &'s [Call]) -> impl Iterator<Item = Option<&'s str>> {
        let mut inside: BTreeSet<&str> = own.iter().map(|call| call.name.as_str()).collect();
        let is_inside = |function: &Starts, inside: &BTreeSet<&str>| {
            let mut callers = self.functions.iter().filter(|other| other.calls.contains(&function.function)).peekable();
            callers.peek().is_some() && callers.all(|caller| inside.contains(caller.function.as_str()))
        };
        loop {
            let more =
                |function: &&Starts| !inside.contains(function.function.as_str()) && is_inside(function, &inside);
            let Some(more) = self.functions.iter().find(more) else { break };
            inside.insert(&more.function);
        }
        let others = self.functions.iter().filter(move |function| !inside.contains(function.function.as_str()));
        let works = others.flat_map(|function| &function.works);
        works.filter(move |(work, _)| work == member(name)).map(|(_, queue)| queue.as_deref())
    }

    /// A work or a timer that nothing in the text starts was started before: what has to be said of that. `own` is what it runs.
    pub fn begun(&self, name: &str, runs: Runs, own: &[Call]) -> Option<(Runs, String)> {
        let runs = match runs {
            Runs::Work => Runs::Pending,
            Runs::Timer => Runs::Soft,
            _ => return None,
        };
        let is_started = self.starts(name, own).next().is_some();
        (!is_started).then(|| (runs, format!("{name} was started before: nothing here starts it")))
    }

    /// May the work be on the queue?
    pub fn is_on(&self, work: &str, queue: &str, own: &[Call]) -> bool {
        let plain = |queue: &str| if queue.is_empty() { "system_wq".to_owned() } else { member(queue).to_owned() };
        let mut starts = self.starts(work, own).peekable();
        // What is started on a queue that is not named may be on any.
        starts.peek().is_none() || starts.any(|on| on.is_none_or(|on| plain(on) == plain(queue)))
    }
}

/// What the head of the function says.
fn signed(source: &Source, function: &Function, uses: &Uses) -> Option<Role> {
    let head = heads::text(source, function.place);
    let is_handler = head.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == "irqreturn_t");
    if is_handler {
        let is_thread = uses.threads.contains(&function.name) || function.name.contains("thread");
        let why = "its type is irqreturn_t".to_owned();
        return (!is_thread).then(|| Role { name: function.name.clone(), runs: Runs::Hard, why });
    }
    // What sends a packet is called with bottom halves off.
    let sends = head.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == "netdev_tx_t");
    let polls = head.contains("(struct napi_struct *") && head.contains(", int ");
    if sends || polls {
        let why =
            if sends { "its type is netdev_tx_t" } else { "its parameters are a struct napi_struct and a budget" };
        return Some(Role { name: function.name.clone(), runs: Runs::Soft, why: why.to_owned() });
    }
    // `disable_interrupt` is none.
    let acts = ["enable", "disable", "request", "free", "wait", "setup", "init"];
    let is_act = acts.iter().any(|act| function.name.split('_').any(|word| word == *act));
    let called = |ends: &[&str]| !is_act && ends.iter().any(|end| function.name.ends_with(end));
    if called(&["_isr", "_interrupt", "irq_handler", "_hardirq"]) || function.name == "isr" {
        let why = "its name says so".to_owned();
        return Some(Role { name: function.name.clone(), runs: Runs::Hard, why });
    }
    if called(&["_tasklet", "_softirq"]) && head.contains("unsigned long") {
        let why = "its name and its parameter say so".to_owned();
        return Some(Role { name: function.name.clone(), runs: Runs::Soft, why });
    }
    if let Some(runs) = noted(&head) {
        return Some(Role { name: function.name.clone(), runs, why: "its note says so".to_owned() });
    }
    let (kind, runs) = PARAMETERS.iter().find(|(kind, _)| head.contains(kind))?;
    // A function that starts a timer is handed one as well.
    let own = member_of(function)?;
    let mut paths = uses.used.keys().filter(|path| member(path) == own);
    let path = paths.next().filter(|_| paths.next().is_none());
    let name =
        path.cloned().unwrap_or_else(|| whole_of(function).map_or(own.clone(), |whole| format!("{whole}->{own}")));
    Some(Role { name, runs: *runs, why: format!("its parameter is a {}", kind.trim_end_matches([' ', '*'])) })
}

/// The name that a function gives to what its member lies in.
fn whole_of(function: &Function) -> Option<String> {
    let mut uses = Uses::default();
    function.body.iter().for_each(|node| node.each(&mut |node| uses.see(node)));
    uses.wholes.pop_first().filter(|_| uses.wholes.is_empty())
}

/// A function that is handed a work or a timer, and does not say which: one of its own.
fn by_parameter(source: &Source, function: &Function) -> Option<Role> {
    let head = heads::text(source, function.place);
    let (kind, runs) = PARAMETERS.iter().find(|(kind, _)| head.contains(kind))?;
    // A function that starts a work is handed one as well.
    let mut uses = Uses::default();
    function.body.iter().for_each(|node| node.each(&mut |node| uses.see(node)));
    let why = format!("its parameter is a {}", kind.trim_end_matches([' ', '*']));
    uses.used.is_empty().then(|| Role { name: function.name.clone(), runs: *runs, why })
}

/// `f() [hard irq context]`, `f (timer)`, `f()  /* from the tasklet */`
fn noted(head: &str) -> Option<Runs> {
    let lower = head.to_ascii_lowercase();
    let from = ["/*", "//", " ["].iter().find_map(|open| lower.find(open)).or_else(|| lower.rfind(" ("))?;
    let note = lower[from..].trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let has = |words: &[&str]| words.iter().any(|word| note.contains(word));
    if has(&["not ", "off", "disabl", "struct ", "mutex", "*", ","]) {
        return None;
    }
    let soft = ["softirq", "soft irq", "bh context", "timer callback", "timer handler", "tasklet"];
    if matches!(note, "timer" | "bh") || has(&soft) {
        return Some(Runs::Soft);
    }
    let hard = ["hardirq", "hard irq", "irq context", "interrupt context", "irq handler", "interrupt handler"];
    (matches!(note, "irq" | "interrupt" | "isr") || has(&hard) || has(&["in irq", "in interrupt"]))
        .then_some(Runs::Hard)
}

/// What the function is handed is this member of something.
fn member_of(function: &Function) -> Option<String> {
    let mut found = None;
    for node in &function.body {
        node.each(&mut |node| {
            if let Stmt::Call { name, args, .. } = &node.stmt
                && let Some((_, at)) = MEMBERS.iter().find(|(known, _)| known == name)
                && let Some(arg) = args.get(*at)
            {
                found.get_or_insert_with(|| member(&plain(arg)).to_owned());
            }
        });
    }
    found
}

/// Works and timers that are waited for, and whose function only the names tell.
fn by_name(
    source: &Source,
    functions: &mut [Function],
    uses: &Uses,
    is_open: &dyn Fn(&Function) -> bool,
    declared: &BTreeSet<&str>,
) {
    // What is handed something of a type of its own is called by its callers.
    let is_handed = |function: &Function| {
        let head = heads::text(source, function.place);
        let opaque = ["unsigned long", "void *"];
        let is_own = PARAMETERS.iter().map(|(kind, _)| *kind).chain(opaque).any(|kind| head.contains(kind));
        !heads::params(&head).is_empty() && !is_own
    };
    for (path, is_work) in &uses.used {
        let own = member(path);
        let is_known = functions.iter().flat_map(|function| &function.roles).any(|role| member(&role.name) == own);
        if is_known || declared.iter().any(|name| member(name) == own) {
            continue;
        }
        let kinds: &[&str] = if *is_work { &["work"] } else { &["timer", "timeout", "tasklet", "expire"] };
        let likely: Vec<usize> = (0..functions.len())
            .filter(|&at| is_open(&functions[at]) && functions[at].roles.is_empty())
            .filter(|&at| !uses.called.contains(&functions[at].name) && !is_handed(&functions[at]))
            .filter(|&at| kinds.iter().any(|kind| functions[at].name.contains(kind)))
            .collect();
        let exact: Vec<usize> = likely.iter().copied().filter(|&at| functions[at].name.contains(own)).collect();
        let [only] = (if exact.len() == 1 { &exact } else { &likely })[..] else { continue };
        let runs = if *is_work { Runs::Work } else { Runs::Timer };
        functions[only].roles.push(Role { name: path.clone(), runs, why: "its name says so".to_owned() });
    }
}
