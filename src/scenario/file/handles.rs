//! Calls on handles that cannot be open: each would be `EBADF` in every execution, which nobody means. And what is more than a
//! file server counts.

use super::Problem;
use crate::lease::table::{GRANTS_MAX, OPENS_MAX};
use crate::scenario::{Call, ClusterSpec, FsKind, TaskSpec};

/// Notes each call on a handle that cannot be open there. The set-up makes its calls in order. Later a handle may be open if the set-up
/// has left it open or the task has opened it, and the task has not closed it since; or if a task that it shares with opens it.
///
/// An open that fails counts as one that succeeds, so a call may still be in vain: in some execution or, for want of memory, say, in all.
pub(super) fn check(tasks: &[TaskSpec], problems: &mut Vec<Problem>) {
    for (at, task) in tasks.iter().enumerate() {
        let of_process = |other: &usize| process(tasks, *other) == process(tasks, at);
        let sharers: Vec<usize> = (0..tasks.len()).filter(of_process).collect();
        let mut before = Handles::default();
        sharers
            .iter()
            .filter(|other| **other < at)
            .flat_map(|other| &tasks[*other].before)
            .for_each(|it| before.make(it));
        for (number, call) in task.before.iter().enumerate() {
            before.judge(&format!("tasks[{at}].before[{number}]"), call, problems);
            before.make(call);
        }
        let mut now = Handles::default();
        sharers.iter().flat_map(|other| &tasks[*other].before).for_each(|call| now.make(call));
        let others = sharers.iter().filter(|other| **other != at).flat_map(|other| &tasks[*other].calls);
        now.of_others = others.filter_map(opens).collect();
        for (number, call) in task.calls.iter().enumerate() {
            now.judge(&format!("tasks[{at}].calls[{number}]"), call, problems);
            now.make(call);
        }
    }
}

/// What may be open at some point of a task.
#[derive(Default)]
struct Handles {
    open: Vec<&'static str>,
    closed: Vec<&'static str>,
    /// What others open at any time.
    of_others: Vec<&'static str>,
}

impl Handles {
    fn make(&mut self, call: &Call) {
        if let Call::Close(handle) = call {
            self.open.retain(|open| open != handle);
            self.closed.push(handle);
        }
        self.open.extend(opens(call));
    }

    fn judge(&self, place: &str, call: &Call, problems: &mut Vec<Problem>) {
        let Some(handle) = uses(call) else { return };
        if self.open.contains(&handle) || self.of_others.contains(&handle) {
            return;
        }
        let cause = match self.closed.contains(&handle) {
            true => format!("handle `{handle}` is closed: `{call}` comes after that, and nobody opens it again before"),
            false => format!("unknown handle `{handle}`: `{call}` comes before any open of it"),
        };
        problems.push(Problem { place: place.to_owned(), cause });
    }
}

/// The first task of those that share.
fn process(tasks: &[TaskSpec], task: usize) -> usize {
    tasks[task].shares.map_or(task, |other| process(tasks, other))
}

fn opens(call: &Call) -> Option<&'static str> {
    match call {
        Call::Open(handle, _) | Call::Dup(_, handle) => Some(handle),
        _ => None,
    }
}

/// The handle that has to be open.
fn uses(call: &Call) -> Option<&'static str> {
    match call {
        Call::Open(..) => None,
        call => call.handles().next(),
    }
}

/// Notes each node that opens the file, or asks for leases, more often than its file server can count.
pub(super) fn check_counts(tasks: &[TaskSpec], cluster: &ClusterSpec, problems: &mut Vec<Problem>) {
    for (node, _) in cluster.nodes.iter().enumerate().filter(|(_, node)| node.fs == FsKind::Network) {
        let of_node = tasks.iter().enumerate().filter(|(task, _)| cluster.home(*task) == node);
        let calls: Vec<&Call> = of_node.flat_map(|(_, task)| task.before.iter().chain(&task.calls)).collect();
        let opens = calls.iter().filter(|call| matches!(call, Call::Open(..) | Call::Truncate)).count();
        let asks = calls.iter().filter(|call| matches!(call, Call::SetLease(..) | Call::VfsSetLease(..))).count();
        for (what, count, max) in [("opens of the file", opens, OPENS_MAX), ("lease calls", asks, GRANTS_MAX)] {
            if count > usize::from(max) {
                let cause = format!("{count} {what} on this node, at most {max} are allowed with a file server");
                problems.push(Problem { place: format!("nodes[{node}]"), cause });
            }
        }
    }
}
