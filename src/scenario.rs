//! Which tasks make which calls, from which state.
//!
//! A scenario is a value. [`subject`] joins it with a design into a program that every engine runs: the calls
//! named in `before` are made one after the other, then all tasks start, and at the end everything is closed.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::check::Checks;
use crate::engine::{self, Booted, Clock, Program};
use crate::event::names::Names;
use crate::event::outcome::{self, Notation, Outcome, Remains, Value};
use crate::event::{Note, Place, Symbol, TaskId, View};
use crate::kernel::task::Task;
use crate::kernel::{Errno, Faults};
use crate::lease::cluster::Node;
use crate::lease::designs::Entry;
use crate::lease::judge;
use crate::lease::note::Listed;
use crate::lease::{F_RDLCK, F_UNLCK, F_WRLCK, OpenFlags};
use crate::subject::Subject;

pub mod alone;
pub mod catalogue;
pub mod file;
mod machine;
mod observed;

use machine::{Machine, Process};
pub use machine::{open, setlease};

/// A call of a task. Handles are the task's own names for its open files.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// `open(2)`.
    Open(&'static str, OpenFlags),
    /// `close(2)`.
    Close(&'static str),
    /// `dup(2)`: the second handle names the description of the first.
    Dup(&'static str, &'static str),
    /// `fcntl(fd, F_SETLEASE, arg)`.
    SetLease(&'static str, i32),
    /// A lease for an in-kernel owner.
    VfsSetLease(&'static str, i32),
    /// `fcntl(fd, F_GETLEASE)`.
    GetLease(&'static str),
    /// `truncate(2)`.
    Truncate,
    /// A signal for another task (by its position, from 0).
    Interrupt(u8),
    /// Reads `/proc/locks`.
    Locks,
    /// `fcntl(fd, F_SETOWN, pid)`: who gets the signals about the file.
    SetOwn(&'static str, u32),
    /// `fcntl(fd, F_GETOWN)`.
    GetOwn(&'static str),
    /// The time that a holder has passes: breaks that are under way are overdue. In a set-up only.
    Overdue,
}

impl Call {
    /// May it fail with this error in a set-up? An open that does not wait breaks a lease there, and leaves it breaking.
    pub fn may_fail(&self, errno: Errno) -> bool {
        matches!(self, Call::Open(_, flags) if flags.nonblock) && errno == Errno::EAGAIN
    }

    /// The handles that it names.
    pub fn handles(&self) -> impl Iterator<Item = &'static str> {
        let (first, second) = match *self {
            Call::Dup(from, to) => (Some(from), Some(to)),
            Call::Open(handle, _) | Call::Close(handle) | Call::SetLease(handle, _) => (Some(handle), None),
            Call::VfsSetLease(handle, _) | Call::GetLease(handle) => (Some(handle), None),
            Call::SetOwn(handle, _) | Call::GetOwn(handle) => (Some(handle), None),
            Call::Truncate | Call::Interrupt(_) | Call::Locks | Call::Overdue => (None, None),
        };
        first.into_iter().chain(second)
    }
}

/// A task: what it has done before the others start, and what it does then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSpec {
    /// Its name in traces.
    pub name: &'static str,
    /// Calls made one after the other before any task starts.
    pub before: Vec<Call>,
    /// Its calls.
    pub calls: Vec<Call>,
    /// Position of the task whose handles and process it shares from the start, as a forked child or thread does.
    pub shares: Option<usize>,
}

/// Which tasks make which calls, from which state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is there to show.
    pub about: &'static str,
    /// The tasks.
    pub tasks: Vec<TaskSpec>,
    /// What the environment may do.
    pub faults: Faults,
    /// When time moves.
    pub clock: Clock,
    /// `lease_break_time` in seconds; 0 is never.
    pub lease_break_time: u64,
    /// Its nodes; by default one machine with a local file system.
    pub cluster: ClusterSpec,
}

/// Several nodes that share a file, or one whose file system is not a local one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterSpec {
    /// In order; none is one node with a local file system.
    pub nodes: Vec<NodeSpec>,
    /// On which node each task runs, by position; the first for tasks beyond.
    pub homes: Vec<usize>,
    /// May the server refuse a lease for reasons of its own?
    pub server_refuses: bool,
}

/// A node of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeSpec {
    /// Its name.
    pub name: &'static str,
    /// What its file system says to `f_op->setlease`.
    pub fs: FsKind,
}

/// The kinds of file systems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum FsKind {
    /// It has no `f_op->setlease`.
    #[default]
    Local,
    /// It asks a file server.
    Network,
    /// It refuses, as NFS did in 2007.
    Refusing,
}

impl FsKind {
    /// All kinds, by the names that scenario files and the command line call them.
    pub const ALL: [(&str, FsKind); 3] =
        [("local", FsKind::Local), ("network", FsKind::Network), ("refusing", FsKind::Refusing)];
}

impl ClusterSpec {
    /// The node that a task runs on.
    pub fn home(&self, task: usize) -> usize {
        self.homes.get(task).copied().unwrap_or(0)
    }

    /// Does a file system ask a server? Then a design has to know of servers.
    pub fn needs_server(&self) -> bool {
        self.nodes.iter().any(|node| node.fs == FsKind::Network)
    }

    /// Does anything but a local file system take part? Then `f_op->setlease` has a say in what a call returns.
    pub fn needs_setlease(&self) -> bool {
        self.nodes.iter().any(|node| node.fs != FsKind::Local)
    }
}

impl Scenario {
    /// The first task of those that share with this one.
    pub(crate) fn first_sharer(&self, task: usize) -> usize {
        self.tasks[task].shares.map_or(task, |other| self.first_sharer(other))
    }

    /// The tasks that share the process of one, that one among them.
    pub(crate) fn sharers(&self, task: usize) -> impl Iterator<Item = usize> {
        let first = self.first_sharer(task);
        (0..self.tasks.len()).filter(move |other| self.first_sharer(*other) == first)
    }

    /// Names of its tasks, calls and nodes.
    pub fn names(&self) -> Names {
        let calls = |task: &TaskSpec| task.calls.iter().map(|call| call.to_string()).collect();
        Names {
            tasks: self.tasks.iter().map(|task| task.name.to_owned()).collect(),
            calls: self.tasks.iter().map(calls).collect(),
            nodes: self.cluster.nodes.iter().map(|node| node.name.to_owned()).collect(),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Call::Open(handle, flags) => {
                let path = if flags.by_link { "link" } else { "file" };
                let mode = if flags.write { "O_RDWR" } else { "O_RDONLY" };
                let nonblock = if flags.nonblock { "|O_NONBLOCK" } else { "" };
                let trunc = if flags.trunc { "|O_TRUNC" } else { "" };
                write!(f, "{handle} = open({path}, {mode}{nonblock}{trunc})")
            }
            Call::Close(handle) => write!(f, "close({handle})"),
            Call::Dup(from, to) => write!(f, "{to} = dup({from})"),
            Call::SetLease(handle, arg) => write!(f, "fcntl({handle}, F_SETLEASE, {})", arg_text(*arg)),
            Call::VfsSetLease(handle, arg) => write!(f, "vfs_setlease({handle}, {})", arg_text(*arg)),
            Call::GetLease(handle) => write!(f, "fcntl({handle}, F_GETLEASE)"),
            Call::Truncate => write!(f, "truncate(file)"),
            Call::Interrupt(task) => write!(f, "kill(task {task})"),
            Call::Locks => write!(f, "read(/proc/locks)"),
            Call::SetOwn(handle, pid) => write!(f, "fcntl({handle}, F_SETOWN, {pid})"),
            Call::GetOwn(handle) => write!(f, "fcntl({handle}, F_GETOWN)"),
            Call::Overdue => write!(f, "sleep(lease_break_time)"),
        }
    }
}

fn arg_text(arg: i32) -> String {
    match arg {
        F_RDLCK => "F_RDLCK".to_owned(),
        F_WRLCK => "F_WRLCK".to_owned(),
        F_UNLCK => "F_UNLCK".to_owned(),
        other => other.to_string(),
    }
}

/// A scenario on a design.
struct LeaseProgram {
    design: Entry,
    scenario: Arc<Scenario>,
    /// Does all that can be observed belong to the outcome?
    observed: bool,
}

/// What the calls of a task have returned, and, where all that can be observed counts, the lines that it has read.
#[derive(Clone, Debug, Default, Hash)]
struct Row {
    results: Vec<i64>,
    read: Vec<String>,
}

/// A row for each task, written by the task itself alone and read at the end: nothing that they share.
type Results = Arc<Mutex<Vec<Row>>>;

impl LeaseProgram {
    fn body(&self, index: usize, machine: &Arc<Machine>, process: &Arc<Process>, results: &Results) -> engine::Body {
        let (machine, process, results) = (Arc::clone(machine), Arc::clone(process), Arc::clone(results));
        let (scenario, observed) = (Arc::clone(&self.scenario), self.observed);
        Box::new(move || {
            let current = Task::new(machine.cluster.nodes[process.node].kernel, process.pid);
            for (at, call) in scenario.tasks[index].calls.iter().enumerate() {
                engine::note(Note::Call(at as u16), Place::caller());
                let lines = (observed && *call == Call::Locks).then(|| machine.proc_locks(&current, &process));
                let result = match &lines {
                    Some(lines) => lines.len() as i64,
                    None => machine.make(&current, &process, call).unwrap_or_else(|errno| -errno.number()),
                };
                engine::note(Note::Return(at as u16, result), Place::caller());
                let mut rows = results.lock();
                let row = &mut rows[index];
                row.results.push(result);
                row.read.extend(lines.map(|lines| observed::page(&scenario, &lines)));
                current.forget_past(&(at + 1, &*row, process.files.remembered()));
            }
        })
    }
}

impl Program for LeaseProgram {
    fn boot(&self) -> Booted {
        let scenario = &self.scenario;
        let machine = Arc::new(Machine::boot(self.design, scenario));
        let mut processes: Vec<Arc<Process>> = Vec::new();
        for (index, task) in scenario.tasks.iter().enumerate() {
            let process = Process::of(scenario, index, &processes);
            let current = machine.calm(&process);
            engine::note(Note::SetUp(TaskId(index as u8 + 1)), Place::caller());
            for call in &task.before {
                let result = machine.make(&current, &process, call);
                let fits = result.is_ok() || result.is_err_and(|errno| call.may_fail(errno));
                assert!(fits, "the calls before a scenario succeed, and {call} answers {result:?}");
            }
            processes.push(process);
        }
        engine::note(Note::SetUp(TaskId::BOOT), Place::caller());
        let results: Results = Arc::new(Mutex::new(vec![Row::default(); scenario.tasks.len()]));
        let tasks = processes.iter().enumerate();
        let tasks = tasks.map(|(at, process)| self.body(at, &machine, process, &results)).collect();
        let (lister, closer, scenario) = (Arc::clone(&machine), Arc::clone(&machine), Arc::clone(scenario));
        let tell = if self.observed { observed::outcome } else { outcome };
        Booted {
            tasks,
            listing: Box::new(move |view| lister.leases(view).into_iter().map(Listed::entry).collect()),
            outcome: Box::new(move |view| tell(&scenario, &results.lock(), &machine, view)),
            epilogue: Box::new(move || close_all(&closer, &processes)),
        }
    }

    fn clock(&self) -> Clock {
        self.scenario.clock
    }

    fn homes(&self) -> Vec<usize> {
        (0..self.scenario.tasks.len()).map(|task| self.scenario.cluster.home(task)).collect()
    }
}

impl Subject for LeaseProgram {
    fn hides_nothing(&self) -> bool {
        !self.design.is_custom()
    }

    fn checks(&self) -> Checks {
        let names = self.scenario.names();
        let without_history = self.scenario.cluster.needs_setlease();
        let checks = if without_history { judge::checks_without_history(names) } else { judge::checks(names) };
        if self.observed { judge::observing(checks, observed::called(&self.scenario)) } else { checks }
    }
}

/// Closes what is open, so that what is left is a leak.
fn close_all(machine: &Machine, processes: &[Arc<Process>]) {
    for process in processes {
        let current = machine.calm(process);
        (0..process.descriptors()).for_each(|fd| _ = machine.close_fd(&current, process, fd));
    }
}

fn outcome(scenario: &Scenario, rows: &[Row], machine: &Machine, view: &dyn View) -> Outcome {
    outcome_of(scenario, rows, machine, view, |node| {
        let leases = node.design.leases(view, node.inode).into_iter().map(|lease| {
            let target = lease.target.map_or("UNLCK".to_owned(), |target| target.to_string());
            if lease.breaking { format!("{target} breaking") } else { target }
        });
        leases.collect()
    })
}

/// Results of the calls, and what each node is left with; `leases` says how the leases of a node read.
fn outcome_of(
    scenario: &Scenario,
    rows: &[Row],
    machine: &Machine,
    view: &dyn View,
    leases: impl Fn(&Node) -> Vec<String>,
) -> Outcome {
    let rows = scenario.tasks.iter().zip(rows);
    let results = rows.map(|(task, row)| outcome::Results { task: task.name.into(), results: row.results.clone() });
    let nodes = machine.cluster.nodes.iter().enumerate().flat_map(|(at, node)| {
        let of_node = scenario.cluster.nodes.get(at).filter(|_| machine.cluster.nodes.len() > 1);
        left_on(node, of_node.map(|node| node.name.into()), leases(node), view)
    });
    Outcome { results: results.collect(), state: nodes.collect(), notation: Notation::Names }
}

/// Leases and open counts that a node is left with.
fn left_on(node: &Node, on: Option<Symbol>, leases: Vec<String>, view: &dyn View) -> [Remains; 3] {
    let inode = node.inode;
    let opens = inode.d_count.peek(view) + inode.i_count.peek(view) - 1;
    let remains = |name: &'static str, value| Remains { name: name.into(), on, value };
    [
        remains("leases", Value::List(leases)),
        remains("opens", Value::Count(i64::from(opens))),
        remains("writes", Value::Count(i64::from(inode.i_writecount.peek(view)))),
    ]
}

/// A scenario on a design, ready to be explored.
pub fn subject(design: Entry, scenario: &Arc<Scenario>) -> Arc<dyn Subject> {
    Arc::new(LeaseProgram { design, scenario: Arc::clone(scenario), observed: false })
}

/// The same, with all that can be observed in the outcome: beside what calls return and what is left also signals and whom they
/// were for, who had to wait, what was read in `/proc/locks`, whose the leases are that are left, and those at the file server.
///
/// It has more states, since those that differ in what was seen on the way are not equal.
pub fn observed(design: Entry, scenario: &Arc<Scenario>) -> Arc<dyn Subject> {
    Arc::new(LeaseProgram { design, scenario: Arc::clone(scenario), observed: true })
}
