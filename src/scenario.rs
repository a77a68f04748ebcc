//! Which tasks make which calls, from which state.
//!
//! A scenario is a value. [`subject`] joins it with a design into a program that every engine runs: the calls
//! named in `before` are made one after the other, then all tasks start, and at the end everything is closed.

use std::cell::RefCell;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use crate::check::Checks;
use crate::engine::{self, Booted, Clock, Program};
use crate::event::names::Names;
use crate::event::{LeaseCall, LeaseType, Note, TaskId, View};
use crate::explore::Subject;
use crate::kernel::fasync::{f_getown, f_setown_force};
use crate::kernel::lock::SpinLock;
use crate::kernel::task::Task;
use crate::kernel::{Errno, Faults, Kernel, Result, wait};
use crate::lease::designs::Entry;
use crate::lease::file_lock::is_lease_type;
use crate::lease::{Design, F_RDLCK, F_WRLCK, Filp, Inode, OpenFlags};

pub mod alone;
pub mod catalogue;
pub mod cells;
pub mod expect;
pub mod family;
pub mod small;

/// A call of a task. Handles are the task's own names for its open files.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

/// A task: what it has done before the others start, and what it does then.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is there to show.
    pub about: &'static str,
    /// Who runs.
    pub tasks: Vec<TaskSpec>,
    /// What the environment may do.
    pub faults: Faults,
    /// When time moves.
    pub clock: Clock,
    /// `lease_break_time` in seconds; 0 is never.
    pub lease_break_time: u64,
}

impl Scenario {
    /// Names of its tasks and calls.
    pub fn names(&self) -> Names {
        let calls = |task: &TaskSpec| task.calls.iter().map(|call| call.to_string()).collect();
        Names {
            tasks: self.tasks.iter().map(|task| task.name.to_owned()).collect(),
            calls: self.tasks.iter().map(calls).collect(),
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
        }
    }
}

fn arg_text(arg: i32) -> String {
    match arg {
        F_RDLCK => "F_RDLCK".to_owned(),
        F_WRLCK => "F_WRLCK".to_owned(),
        crate::lease::F_UNLCK => "F_UNLCK".to_owned(),
        other => other.to_string(),
    }
}

/// What the calls of one task work on; shared with tasks that share it.
#[derive(Default)]
struct Process {
    pid: u32,
    handles: Vec<(&'static str, Filp)>,
}

impl Process {
    fn handle(&self, name: &str) -> Result<Filp> {
        self.handles.iter().find(|(known, _)| *known == name).map(|(_, filp)| *filp).ok_or(Errno::EBADF)
    }

    fn take(&mut self, name: &str) -> Result<Filp> {
        let at = self.handles.iter().position(|(known, _)| *known == name).ok_or(Errno::EBADF)?;
        Ok(self.handles.remove(at).1)
    }
}

impl Hash for Process {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (name, filp) in &self.handles {
            name.hash(state);
            filp.file.hash(state);
        }
    }
}

/// Makes a call for the task; the result is as the system call returns it, errors negative.
///
/// Public so that other drivers of a design (lease scripts, tests) make the same calls and write the same remarks.
pub fn setlease(design: &dyn Design, current: &Task, filp: Filp, arg: i32, in_kernel: bool) -> Result<()> {
    let file = filp.file.id();
    let lease = match arg {
        F_RDLCK => Some(LeaseType::Read),
        F_WRLCK => Some(LeaseType::Write),
        _ => None,
    };
    if is_lease_type(arg) {
        invoke(LeaseCall::SetLease { file, lease, pid: current.pid, in_kernel });
    }
    let result =
        if in_kernel { design.vfs_setlease(current, filp, arg) } else { design.fcntl_setlease(current, filp, arg) };
    let pid = if in_kernel { 0 } else { current.pid };
    let note = if result.is_ok() { Note::Granted { file, lease, pid } } else { Note::Refused { file } };
    engine::note(note, Location::caller());
    result
}

/// Opens a file for the task and says so.
///
/// # Errors
/// Those of the design's `open`.
pub fn open(design: &dyn Design, current: &Task, inode: Inode, flags: OpenFlags) -> Result<Filp> {
    let OpenFlags { write, nonblock, .. } = flags;
    invoke(LeaseCall::Open { inode: inode.id(), write, nonblock, pid: current.pid });
    let filp = design.open(current, inode, flags)?;
    engine::note(Note::Opened { file: filp.file.id(), inode: inode.id(), write: flags.write }, Location::caller());
    Ok(filp)
}

/// Says what is called, for the check that asks the sequential specification.
fn invoke(call: LeaseCall) {
    engine::note(Note::Invoke(call), Location::caller());
}

/// One execution's machine: the design, the file, the processes.
struct Machine {
    design: Arc<dyn Design>,
    inode: Inode,
}

impl Machine {
    fn make(&self, current: &Task, process: &RefCell<Process>, call: &Call) -> Result<i64> {
        let design = &*self.design;
        let handle = |name: &str| process.borrow().handle(name);
        match *call {
            Call::Open(name, flags) => {
                let filp = open(design, current, self.inode, flags)?;
                process.borrow_mut().handles.push((name, filp));
            }
            Call::Close(name) => {
                let filp = process.borrow_mut().take(name)?;
                invoke(LeaseCall::Close { file: filp.file.id() });
                design.close(current, filp);
            }
            Call::Dup(from, to) => {
                let filp = handle(from)?;
                invoke(LeaseCall::Dup { file: filp.file.id() });
                let filp = design.dup(current, filp);
                process.borrow_mut().handles.push((to, filp));
            }
            Call::SetLease(name, arg) => setlease(design, current, handle(name)?, arg, false)?,
            Call::VfsSetLease(name, arg) => setlease(design, current, handle(name)?, arg, true)?,
            Call::GetLease(name) => {
                let filp = handle(name)?;
                invoke(LeaseCall::GetLease { file: filp.file.id() });
                return Ok(i64::from(design.fcntl_getlease(current, filp)));
            }
            Call::Truncate => {
                invoke(LeaseCall::Truncate { inode: self.inode.id(), pid: current.pid });
                design.truncate(current, self.inode)?;
            }
            Call::Interrupt(task) => wait::interrupt(TaskId(task + 1)),
            Call::Locks => {
                invoke(LeaseCall::Locks { inode: self.inode.id() });
                return Ok(design.proc_locks(current, self.inode).len() as i64);
            }
            Call::SetOwn(name, pid) => {
                let filp = handle(name)?;
                invoke(LeaseCall::SetOwn { file: filp.file.id(), pid });
                f_setown_force(current, filp.owner(), pid);
            }
            Call::GetOwn(name) => {
                let filp = handle(name)?;
                invoke(LeaseCall::GetOwn { file: filp.file.id() });
                return Ok(i64::from(f_getown(current, filp.owner())));
            }
        }
        Ok(0)
    }
}

/// A scenario on a design.
struct LeaseProgram {
    design: Entry,
    scenario: Arc<Scenario>,
}

type Results = Rc<RefCell<Vec<Vec<i64>>>>;

impl LeaseProgram {
    fn body(
        &self,
        index: usize,
        kernel: Kernel,
        machine: &Rc<Machine>,
        process: &Rc<RefCell<Process>>,
        results: &Results,
    ) -> engine::Body {
        let (machine, process, results) = (Rc::clone(machine), Rc::clone(process), Rc::clone(results));
        let scenario = Arc::clone(&self.scenario);
        Box::new(move || {
            let pid = process.borrow().pid;
            let current = Task::new(kernel, pid);
            for (at, call) in scenario.tasks[index].calls.iter().enumerate() {
                engine::note(Note::Call(at as u16), Location::caller());
                let result = machine.make(&current, &process, call).unwrap_or_else(|errno| -errno.number());
                engine::note(Note::Return(at as u16, result), Location::caller());
                results.borrow_mut()[index].push(result);
                current.forget_past(&(at + 1, &results.borrow()[index], &*process.borrow()));
            }
        })
    }
}

impl Program for LeaseProgram {
    fn boot(&self) -> Booted {
        let scenario = &self.scenario;
        let kernel = self.design.kernel(scenario.faults, scenario.lease_break_time);
        let inode = Inode::new(SpinLock::new("inode_lock"), true);
        let machine = Rc::new(Machine { design: self.design.boot(kernel), inode });
        let mut processes: Vec<Rc<RefCell<Process>>> = Vec::new();
        let calm = Kernel { faults: Faults::default(), ..kernel };
        for (index, task) in scenario.tasks.iter().enumerate() {
            let process = match task.shares {
                Some(other) => Rc::clone(&processes[other]),
                None => Rc::new(RefCell::new(Process { pid: index as u32 + 1, handles: Vec::new() })),
            };
            let current = Task::new(calm, process.borrow().pid);
            for call in &task.before {
                machine.make(&current, &process, call).expect("the calls before a scenario succeed");
            }
            processes.push(process);
        }
        let results: Results = Rc::new(RefCell::new(vec![Vec::new(); scenario.tasks.len()]));
        let tasks = scenario.tasks.iter().enumerate();
        let tasks =
            tasks.map(|(at, task)| (task.name.to_owned(), self.body(at, kernel, &machine, &processes[at], &results)));
        let tasks = tasks.collect();
        let (lister, closer, scenario) = (Rc::clone(&machine), Rc::clone(&machine), Arc::clone(scenario));
        Booted {
            tasks,
            listing: Box::new(move |view| lister.design.leases(view, inode)),
            outcome: Box::new(move |view| outcome(&scenario, &results.borrow(), &*machine.design, inode, view)),
            epilogue: Box::new(move || close_all(&*closer.design, calm, &processes)),
        }
    }

    fn clock(&self) -> Clock {
        self.scenario.clock
    }
}

impl Subject for LeaseProgram {
    fn checks(&self) -> Checks {
        Checks::with_leases(self.scenario.names())
    }
}

/// Closes what is open, so that what is left is a leak.
fn close_all(design: &dyn Design, kernel: Kernel, processes: &[Rc<RefCell<Process>>]) {
    for process in processes {
        let current = Task::new(kernel, process.borrow().pid);
        let handles = std::mem::take(&mut process.borrow_mut().handles);
        handles.into_iter().for_each(|(_, filp)| design.close(&current, filp));
    }
}

fn outcome(scenario: &Scenario, results: &[Vec<i64>], design: &dyn Design, inode: Inode, view: &dyn View) -> String {
    let tasks = scenario.tasks.iter().zip(results).map(|(task, results)| {
        let results: Vec<String> = results.iter().map(i64::to_string).collect();
        format!("{}: {}", task.name, results.join(" "))
    });
    let leases = design.leases(view, inode).into_iter().map(|lease| {
        let target = lease.target.map_or("UNLCK".to_owned(), |target| target.to_string());
        if lease.breaking { format!("{target} breaking") } else { target }
    });
    let counts = format!(
        "opens {} writes {}",
        inode.d_count.peek(view) + inode.i_count.peek(view) - 1,
        inode.i_writecount.peek(view)
    );
    format!("{}; leases [{}]; {counts}", tasks.collect::<Vec<_>>().join(", "), leases.collect::<Vec<_>>().join(", "))
}

/// A scenario on a design, ready to be explored.
pub fn subject(design: Entry, scenario: &Arc<Scenario>) -> Arc<dyn Subject> {
    Arc::new(LeaseProgram { design, scenario: Arc::clone(scenario) })
}
