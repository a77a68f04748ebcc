//! The machines that a scenario runs on, and the calls of its tasks made there, with the remarks that checks read.

use std::hash::{Hash, Hasher};
use std::panic::Location;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Call, FsKind, Scenario};
use crate::engine;
use crate::event::{LeaseCall, Listed, Note, TaskId, View};
use crate::kernel::fasync::{f_getown, f_setown_force};
use crate::kernel::lock::SpinLock;
use crate::kernel::task::Task;
use crate::kernel::{Errno, Faults, HZ, Kernel, Result, wait};
use crate::lease::cluster::{Cluster, Node};
use crate::lease::designs::Entry;
use crate::lease::file_lock::is_lease_type;
use crate::lease::server::{Server, lease_of};
use crate::lease::{Design, F_UNLCK, FileSystem, Filp, Inode, OpenFlags};

/// What the calls of one task work on; shared with tasks that share it.
#[derive(Default)]
pub(super) struct Process {
    pub pid: u32,
    pub node: usize,
    pub handles: Vec<(&'static str, Filp)>,
}

impl Process {
    /// The process of a task: its own, or the one it shares with a task before it.
    pub fn of(scenario: &Scenario, task: usize, before: &[Arc<Mutex<Process>>]) -> Arc<Mutex<Process>> {
        match scenario.tasks[task].shares {
            Some(other) => Arc::clone(&before[other]),
            None => {
                let (pid, node) = (task as u32 + 1, scenario.cluster.home(task));
                Arc::new(Mutex::new(Process { pid, node, handles: Vec::new() }))
            }
        }
    }

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
    if is_lease_type(arg) {
        invoke(LeaseCall::SetLease { file, lease: lease_of(arg), pid: current.pid, in_kernel });
    }
    let result =
        if in_kernel { design.vfs_setlease(current, filp, arg) } else { design.fcntl_setlease(current, filp, arg) };
    let pid = if in_kernel { 0 } else { current.pid };
    let note = match result {
        Ok(()) => Note::Granted { file, lease: lease_of(arg), pid },
        Err(errno) if arg == F_UNLCK => Note::UnlockFailed { file, errno: errno.number() },
        Err(_) => Note::Refused { file },
    };
    engine::note(note, Location::caller());
    result
}

/// Opens a file for the task and says so.
///
/// # Errors
/// Those of the design's `open`.
pub fn open(design: &dyn Design, current: &Task, inode: Inode, flags: OpenFlags) -> Result<Filp> {
    invoke_open(current, inode, flags);
    let filp = design.open(current, inode, flags)?;
    say_opened(filp);
    Ok(filp)
}

fn say_opened(filp: Filp) {
    let note = Note::Opened { file: filp.file.id(), inode: filp.inode.id(), write: filp.flags.write };
    engine::note(note, Location::caller());
}

fn invoke_open(current: &Task, inode: Inode, flags: OpenFlags) {
    let OpenFlags { write, nonblock, trunc, .. } = flags;
    invoke(LeaseCall::Open { inode: inode.id(), write, nonblock, trunc, pid: current.pid });
}

/// Says what is called, for the check that asks the sequential specification.
fn invoke(call: LeaseCall) {
    engine::note(Note::Invoke(call), Location::caller());
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
            let kernel = entry.kernel(scenario.faults, scenario.lease_break_time);
            let inode = Inode::new(SpinLock::new("inode_lock"), true);
            let design = entry.boot(kernel);
            if networked && server.is_none() {
                server = Some(Server::new(spec.server_refuses));
            }
            let fs = match (kind, server) {
                (FsKind::Local, _) => FileSystem::Local,
                (FsKind::Network, Some(server)) => FileSystem::Network(server.client(at)),
                (FsKind::Refusing, _) | (FsKind::Network, None) => FileSystem::Refusing,
            };
            let inode = inode.on(fs);
            inode.counted();
            if let Some(client) = inode.client() {
                client.mounted(inode, Location::caller());
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

    /// An open is through when the node and then the file server have let it in.
    fn open(&self, current: &Task, node: usize, flags: OpenFlags) -> Result<Filp> {
        let Node { design, inode, .. } = &self.cluster.nodes[node];
        invoke_open(current, *inode, flags);
        let filp = design.open(current, *inode, flags)?;
        if let Err(errno) = self.cluster.open(current, node, flags) {
            design.close(current, filp);
            return Err(errno);
        }
        say_opened(filp);
        Ok(filp)
    }

    pub fn close(&self, current: &Task, node: usize, filp: Filp) {
        if self.cluster.nodes[node].design.close(current, filp) {
            self.cluster.close(current, node, filp.flags);
        }
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

    fn setlease(&self, current: &Task, node: usize, filp: Filp, arg: i32, in_kernel: bool) -> Result<()> {
        let result = setlease(&*self.cluster.nodes[node].design, current, filp, arg, in_kernel);
        if let (Err(Errno::EAGAIN), Some(want)) = (result, lease_of(arg)) {
            self.cluster.recall_for_lease(current, node, want);
        }
        result
    }

    pub fn make(&self, current: &Task, process: &Mutex<Process>, call: &Call) -> Result<i64> {
        let node = process.lock().node;
        let Node { design, inode, .. } = &self.cluster.nodes[node];
        let handle = |name: &str| process.lock().handle(name);
        match *call {
            Call::Open(name, flags) => {
                let filp = self.open(current, node, flags)?;
                process.lock().handles.push((name, filp));
            }
            Call::Close(name) => {
                let filp = process.lock().take(name)?;
                invoke(LeaseCall::Close { file: filp.file.id() });
                self.close(current, node, filp);
            }
            Call::Dup(from, to) => {
                let filp = handle(from)?;
                invoke(LeaseCall::Dup { file: filp.file.id() });
                let filp = design.dup(current, filp);
                process.lock().handles.push((to, filp));
            }
            Call::SetLease(name, arg) => self.setlease(current, node, handle(name)?, arg, false)?,
            Call::VfsSetLease(name, arg) => self.setlease(current, node, handle(name)?, arg, true)?,
            Call::GetLease(name) => {
                let filp = handle(name)?;
                invoke(LeaseCall::GetLease { file: filp.file.id() });
                return Ok(i64::from(design.fcntl_getlease(current, filp)));
            }
            Call::Truncate => self.truncate(current, node)?,
            Call::Interrupt(task) => wait::interrupt(TaskId(task + 1)),
            Call::Overdue => wait::advance(current.kernel.lease_break_time * HZ),
            Call::Locks => {
                invoke(LeaseCall::Locks { inode: inode.id() });
                return Ok(design.proc_locks(current, *inode).len() as i64);
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
