//! One call alone: what the outline as executed is made of.
//!
//! A task makes the call, and nobody else runs. Where the call needs somebody to have done something before (a lease that
//! is broken must be another's), that is done before it starts.

use std::sync::Arc;

use super::catalogue::scenario;
use super::{Call, ClusterSpec, FsKind, NodeSpec, Scenario, TaskSpec};
use crate::event::TaskId;
use crate::lease::{F_RDLCK, F_UNLCK, F_WRLCK, OpenFlags};

/// A call that can be outlined.
#[derive(Clone, Debug)]
pub struct Alone {
    /// Its name on the command line.
    pub name: &'static str,
    /// Which call, from which state.
    pub about: &'static str,
    /// The program.
    pub scenario: Arc<Scenario>,
    /// The task that makes the call.
    pub task: TaskId,
}

impl Alone {
    /// The same call on a file of such a file system: still on one machine, and with the server if it asks one.
    pub fn on(self, fs: FsKind) -> Alone {
        if fs == FsKind::Local {
            return self;
        }
        let mut scenario = Scenario::clone(&self.scenario);
        let homes = vec![0; scenario.tasks.len()];
        scenario.cluster = ClusterSpec { nodes: vec![NodeSpec { name: "a", fs }], homes, server_refuses: false };
        Alone { scenario: Arc::new(scenario), ..self }
    }
}

const READ: OpenFlags = OpenFlags { write: false, nonblock: false, trunc: false, by_link: false };
const OPEN: Call = Call::Open("a", READ);

fn alone(name: &'static str, about: &'static str, before: &[Call], call: Call) -> Alone {
    let caller = TaskSpec { name: "caller", before: before.to_vec(), calls: vec![call], shares: None };
    with_tasks(name, about, vec![caller])
}

/// The task that makes the call is the last.
fn with_tasks(name: &'static str, about: &'static str, tasks: Vec<TaskSpec>) -> Alone {
    let task = TaskId(tasks.len() as u8);
    let scenario = scenario(name, about, tasks);
    Alone { name, about, scenario: Arc::new(scenario), task }
}

fn against_a_lease(name: &'static str, about: &'static str) -> Alone {
    let holder = [OPEN, Call::SetLease("a", F_WRLCK)];
    let nonblock = Call::Open("b", OpenFlags { nonblock: true, ..READ });
    with_tasks(
        name,
        about,
        vec![
            TaskSpec { name: "holder", before: holder.to_vec(), calls: Vec::new(), shares: None },
            TaskSpec { name: "caller", before: Vec::new(), calls: vec![nonblock], shares: None },
        ],
    )
}

/// All calls.
pub fn calls() -> Vec<Alone> {
    let take = Call::SetLease("a", F_RDLCK);
    vec![
        alone("fcntl_setlease", "F_SETLEASE takes a read lease", &[OPEN], take.clone()),
        alone("fcntl_setlease_unlock", "F_SETLEASE gives it up", &[OPEN, take.clone()], Call::SetLease("a", F_UNLCK)),
        alone("fcntl_getlease", "F_GETLEASE asks for it", &[OPEN, take.clone()], Call::GetLease("a")),
        alone("vfs_setlease", "an in-kernel owner takes a read lease", &[OPEN], Call::VfsSetLease("a", F_RDLCK)),
        alone("open", "an open of a file without leases", &[], OPEN),
        against_a_lease("open_break", "an open with O_NONBLOCK breaks another process' write lease"),
        alone("close", "the last close of a file with a lease", &[OPEN, take], Call::Close("a")),
        alone("truncate", "a truncate of a file without leases", &[], Call::Truncate),
    ]
}

/// A call by name.
pub fn find(name: &str) -> Option<Alone> {
    calls().into_iter().find(|call| call.name == name)
}
