//! The machines that a scenario runs on, and the calls of its tasks made there, with the remarks that checks read.

use std::sync::Arc;

use super::{Call, FsKind, Scenario, TaskSpec};
use crate::engine;
use crate::event::{Place, TaskId, View};
use crate::kernel::fasync::{f_getown, f_setown_force};
use crate::kernel::files::{Files, Opened};
use crate::kernel::lock::SpinLock;
use crate::kernel::task::Task;
use crate::kernel::{Errno, Faults, HZ, Kernel, Result, wait};
use crate::lease::cluster::{Cluster, Node};
use crate::lease::designs::Entry;
use crate::lease::file_lock::is_lease_type;
use crate::lease::note::{Fd, LeaseCall, LeaseNote, Listed};
use crate::lease::server::{Server, lease_of};
use crate::lease::{Design, F_UNLCK, File, FileSystem, Filp, Inode, LockLine, OpenFlags};

/// What the calls of a task work on, and of the tasks that share it. Nothing in it changes but the descriptors.
pub(super) struct Process {
    pub pid: u32,
    pub node: usize,
    /// Names of its descriptors: all that its tasks ever call one.
    handles: Vec<&'static str>,
    pub files: Files<File>,
}

impl Process {
    /// The process of a task: its own, or the one it shares with a task before it.
    pub fn of(scenario: &Scenario, task: usize, before: &[Arc<Process>]) -> Arc<Process> {
        if let Some(other) = scenario.tasks[task].shares {
            return Arc::clone(&before[other]);
        }
        let tasks: Vec<usize> = scenario.sharers(task).collect();
        let mut handles: Vec<&'static str> = Vec::new();
        let calls = |of: fn(&TaskSpec) -> &Vec<Call>| tasks.iter().flat_map(move |at| of(&scenario.tasks[*at]));
        for handle in calls(|task| &task.before).chain(calls(|task| &task.calls)).flat_map(Call::handles) {
            if !handles.contains(&handle) {
                handles.push(handle);
            }
        }
        let node = scenario.cluster.home(task);
        let changes = |call: &Call| matches!(call, Call::Open(..) | Call::Close(_) | Call::Dup(..));
        let files = match tasks.len() > 1 && calls(|task| &task.calls).any(changes) {
            true => {
                engine::on_node(node, || Files::shared(handles.iter().map(|handle| format!("fd[{handle}]").into())))
            }
            false => Files::own(handles.len()),
        };
        Arc::new(Process { pid: task as u32 + 1, node, handles, files })
    }

    fn fd(&self, name: &str) -> Result<usize> {
        self.handles.iter().position(|known| *known == name).ok_or(Errno::EBADF)
    }

    /// How many descriptors it has, open or not.
    pub fn descriptors(&self) -> usize {
        self.handles.len()
    }

    /// What a call on a descriptor is made on, as the checks are told: `None` if it is the task's own and not open.
    fn named(&self, current: &Task, fd: usize) -> Option<Fd> {
        let own = || self.files.fget(current, fd).map(|opened| Fd::Own(opened.file.id()));
        self.files.descriptor(fd).map(Fd::Shared).or_else(own)
    }
}

/// Makes a call for the task; the result is as the system call returns it, errors negative.
///
/// Public so that other drivers of a design (lease scripts, tests) make the same calls and write the same remarks.
pub fn setlease(design: &dyn Design, current: &Task, filp: Filp, arg: i32, in_kernel: bool) -> Result<()> {
    invoke(setlease_call(Fd::Own(filp.file.id()), current, arg, in_kernel));
    setlease_invoked(design, current, filp, arg, in_kernel)
}

fn setlease_call(fd: Fd, current: &Task, arg: i32, in_kernel: bool) -> LeaseCall {
    match is_lease_type(arg) {
        true => LeaseCall::SetLease { fd, lease: lease_of(arg), pid: current.pid, in_kernel },
        false => LeaseCall::SetNoLease { fd },
    }
}

fn setlease_invoked(design: &dyn Design, current: &Task, filp: Filp, arg: i32, in_kernel: bool) -> Result<()> {
    let file = filp.file.id();
    let result =
        if in_kernel { design.vfs_setlease(current, filp, arg) } else { design.fcntl_setlease(current, filp, arg) };
    let pid = if in_kernel { 0 } else { current.pid };
    let note = match result {
        Ok(()) => LeaseNote::Granted { file, lease: lease_of(arg), pid },
        Err(errno) if arg == F_UNLCK => LeaseNote::UnlockFailed { file, errno: errno.number() },
        Err(_) => LeaseNote::Refused { file },
    };
    engine::note(note.into(), Place::caller());
    result
}

/// Opens a file for the task and says so.
///
/// # Errors
/// Those of the design's `open`.
pub fn open(design: &dyn Design, current: &Task, inode: Inode, flags: OpenFlags) -> Result<Filp> {
    invoke_open(current, inode, flags, None);
    let filp = design.open(current, inode, flags)?;
    say_opened(filp);
    Ok(filp)
}

fn say_opened(filp: Filp) {
    let note = LeaseNote::Opened { file: filp.file.id(), inode: filp.inode.id(), write: filp.flags.write };
    engine::note(note.into(), Place::caller());
}

fn invoke_open(current: &Task, inode: Inode, flags: OpenFlags, to: Option<Fd>) {
    let OpenFlags { write, nonblock, trunc, .. } = flags;
    invoke(LeaseCall::Open { inode: inode.id(), write, nonblock, trunc, pid: current.pid, to });
}

/// Says what is called, for the check that asks the sequential specification.
fn invoke(call: LeaseCall) {
    engine::note(LeaseNote::Invoke(call).into(), Place::caller());
}

/// One execution's machines: each node with its design and its inode of the file.
pub(super) struct Machine {
    pub cluster: Cluster,
}

impl Machine {
    /// Boots the nodes, one after the other.
    pub fn boot(entry: Entry, scenario: &Scenario) -> Machine {
        let spec = &scenario.cluster;
        let networked = spec.nodes.iter().any(|node| node.fs == FsKind::Network);
        let kinds: Vec<FsKind> =
            if spec.nodes.is_empty() { vec![FsKind::Local] } else { spec.nodes.iter().map(|node| node.fs).collect() };
        let mut nodes = Vec::new();
        let mut server = None;
        for (at, kind) in kinds.into_iter().enumerate() {
            let (kernel, inode, design) = engine::on_node(at, || {
                let kernel = entry.kernel(scenario.faults);
                let inode = Inode::new(SpinLock::new("inode_lock"), true);
                (kernel, inode.with_break_time(scenario.lease_break_time), entry.boot(kernel))
            });
            if networked && server.is_none() {
                server = Some(Server::new(spec.server_refuses));
            }
            let fs = match (kind, server) {
                (FsKind::Local, _) => FileSystem::Local,
                (FsKind::Network, Some(server)) => FileSystem::Network(engine::on_node(at, || server.client(at))),
                (FsKind::Refusing, _) | (FsKind::Network, None) => FileSystem::Refusing,
            };
            let inode = inode.on(fs);
            inode.counted();
            if let Some(client) = inode.client() {
                client.mounted(inode.id(), Place::caller());
            }
            nodes.push(Node { kernel, design, inode });
        }
        Machine { cluster: Cluster { nodes, server } }
    }

    /// A task of the set-up or the end, to whom the environment does nothing.
    pub fn calm(&self, process: &Process) -> Task {
        let kernel = self.cluster.nodes[process.node].kernel;
        Task::new(Kernel { faults: Faults::default(), ..kernel }, process.pid)
    }

    /// What all nodes list.
    pub fn leases(&self, view: &dyn View) -> Vec<Listed> {
        self.cluster.nodes.iter().flat_map(|node| node.design.leases(view, node.inode)).collect()
    }

    /// An open is through when the node and then the file server have let it in. Nobody else knows the file until it is installed.
    fn open(&self, current: &Task, process: &Process, fd: usize, flags: OpenFlags) -> Result<()> {
        let node = process.node;
        let Node { design, inode, .. } = &self.cluster.nodes[node];
        invoke_open(current, *inode, flags, process.named(current, fd));
        let filp = design.open(current, *inode, flags)?;
        if let Err(errno) = self.cluster.open(current, node, flags) {
            design.close(current, filp);
            return Err(errno);
        }
        say_opened(filp);
        self.install(current, process, fd, filp.opened());
        Ok(())
    }

    /// The descriptor gets the file. If it had one, that is closed, as by `dup2`.
    fn install(&self, current: &Task, process: &Process, fd: usize, opened: Opened<File>) {
        if let Some(old) = process.files.fd_install(current, fd, opened) {
            self.close(current, process.node, self.filp(process, old));
        }
    }

    fn filp(&self, process: &Process, opened: Opened<File>) -> Filp {
        Filp::of(opened, self.cluster.nodes[process.node].inode)
    }

    /// A descriptor of a file goes.
    fn close(&self, current: &Task, node: usize, filp: Filp) {
        if self.cluster.nodes[node].design.close(current, filp) {
            self.cluster.close(current, node, filp.flags);
        }
    }

    /// `close(2)`. `None` is `EBADF`.
    pub fn close_fd(&self, current: &Task, process: &Process, fd: usize) -> Option<()> {
        let opened = process.files.take(current, fd)?;
        self.close(current, process.node, self.filp(process, opened));
        Some(())
    }

    /// Makes a call on the file of a descriptor. If tasks share the descriptor, the call has a reference to the file: another may
    /// close the descriptor, and whoever drops the last reference closes the file.
    fn on_file<T>(
        &self,
        current: &Task,
        process: &Process,
        (name, told): (&str, impl FnOnce(Fd) -> LeaseCall),
        call: impl FnOnce(Filp) -> Result<T>,
    ) -> Result<T> {
        let fd = process.fd(name)?;
        invoke(told(process.named(current, fd).ok_or(Errno::EBADF)?));
        let filp = self.filp(process, process.files.fget(current, fd).ok_or(Errno::EBADF)?);
        let result = call(filp);
        if process.files.is_shared() {
            let _frame = current.enter("fput");
            if self.cluster.nodes[process.node].design.put(current, filp) {
                self.cluster.close(current, process.node, filp.flags);
            }
        }
        result
    }

    /// A truncate is to the server an open for write, closed at once.
    fn truncate(&self, current: &Task, node: usize) -> Result<()> {
        let Node { design, inode, .. } = &self.cluster.nodes[node];
        let flags = OpenFlags { write: true, ..OpenFlags::default() };
        invoke(LeaseCall::Truncate { inode: inode.id(), pid: current.pid });
        self.cluster.open(current, node, flags)?;
        let result = design.truncate(current, *inode);
        self.cluster.close(current, node, flags);
        result
    }

    fn setlease(&self, current: &Task, process: &Process, name: &str, arg: i32, in_kernel: bool) -> Result<i64> {
        let told = |fd| setlease_call(fd, current, arg, in_kernel);
        self.on_file(current, process, (name, told), |filp| {
            let design = &*self.cluster.nodes[process.node].design;
            let result = setlease_invoked(design, current, filp, arg, in_kernel);
            if let (Err(Errno::EAGAIN), Some(want)) = (result, lease_of(arg)) {
                self.cluster.recall_for_lease(current, process.node, want);
            }
            result.map(|()| 0)
        })
    }

    fn dup(&self, current: &Task, process: &Process, from: &str, to: &str) -> Result<i64> {
        let (from, to) = (process.fd(from)?, process.fd(to)?);
        let fd = process.named(current, from).ok_or(Errno::EBADF)?;
        invoke(LeaseCall::Dup { fd, to: process.named(current, to) });
        let opened = process.files.fget(current, from).ok_or(Errno::EBADF)?;
        if !process.files.is_shared() {
            // That of the call would do, had it taken one.
            self.cluster.nodes[process.node].design.dup(current, self.filp(process, opened));
        }
        self.install(current, process, to, opened);
        Ok(0)
    }

    /// Reads `/proc/locks`.
    pub fn proc_locks(&self, current: &Task, process: &Process) -> Vec<LockLine> {
        let Node { design, inode, .. } = &self.cluster.nodes[process.node];
        invoke(LeaseCall::Locks { inode: inode.id() });
        design.proc_locks(current, *inode)
    }

    /// Makes a call of a task.
    pub fn make(&self, current: &Task, process: &Process, call: &Call) -> Result<i64> {
        let Node { design, inode, .. } = &self.cluster.nodes[process.node];
        match *call {
            Call::Open(name, flags) => self.open(current, process, process.fd(name)?, flags).map(|()| 0),
            Call::Close(name) => {
                let fd = process.fd(name)?;
                invoke(LeaseCall::Close { fd: process.named(current, fd).ok_or(Errno::EBADF)? });
                self.close_fd(current, process, fd).map(|()| 0).ok_or(Errno::EBADF)
            }
            Call::Dup(from, to) => self.dup(current, process, from, to),
            Call::SetLease(name, arg) => self.setlease(current, process, name, arg, false),
            Call::VfsSetLease(name, arg) => self.setlease(current, process, name, arg, true),
            Call::GetLease(name) => self.on_file(current, process, (name, |fd| LeaseCall::GetLease { fd }), |filp| {
                Ok(i64::from(design.fcntl_getlease(current, filp)))
            }),
            Call::Truncate => self.truncate(current, process.node).map(|()| 0),
            Call::Interrupt(task) => {
                wait::interrupt(TaskId(task + 1));
                Ok(0)
            }
            Call::Overdue => {
                wait::advance(inode.lease_break_time * HZ);
                Ok(0)
            }
            Call::Locks => Ok(self.proc_locks(current, process).len() as i64),
            Call::SetOwn(name, pid) => {
                self.on_file(current, process, (name, |fd| LeaseCall::SetOwn { fd, pid }), |filp| {
                    engine::note(LeaseNote::Owned { file: filp.file.id(), pid }.into(), Place::caller());
                    f_setown_force(current, filp.owner(), pid);
                    Ok(0)
                })
            }
            Call::GetOwn(name) => self.on_file(current, process, (name, |fd| LeaseCall::GetOwn { fd }), |filp| {
                Ok(i64::from(f_getown(current, filp.owner())))
            }),
        }
    }
}
