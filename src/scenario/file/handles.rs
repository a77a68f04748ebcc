//! Handles that nobody opens: a call on one would be `EBADF` in every execution, which nobody means. And what is more than a
//! file server counts.

use super::Problem;
use crate::event::table::{GRANTS_MAX, OPENS_MAX};
use crate::scenario::{Call, ClusterSpec, FsKind, TaskSpec};

/// Notes each call on a handle that the task cannot have: neither it nor a task that it shares with opens it (in the set-up:
/// before the call).
pub(super) fn check(tasks: &[TaskSpec], problems: &mut Vec<Problem>) {
    for (at, task) in tasks.iter().enumerate() {
        let of_process = |other: &usize| process(tasks, *other) == process(tasks, at);
        let sharers: Vec<usize> = (0..tasks.len()).filter(of_process).collect();
        let set_up = sharers.iter().filter(|other| **other < at).flat_map(|other| &tasks[*other].before);
        let mut open: Vec<&str> = set_up.filter_map(opens).collect();
        for (number, call) in task.before.iter().enumerate() {
            note(&open, &format!("tasks[{at}].before[{number}]"), call, problems);
            open.extend(opens(call));
        }
        let everything = sharers.iter().flat_map(|other| tasks[*other].before.iter().chain(&tasks[*other].calls));
        let open: Vec<&str> = everything.filter_map(opens).collect();
        for (number, call) in task.calls.iter().enumerate() {
            note(&open, &format!("tasks[{at}].calls[{number}]"), call, problems);
        }
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

fn uses(call: &Call) -> Option<&'static str> {
    match call {
        Call::Close(handle) | Call::Dup(handle, _) | Call::SetLease(handle, _) => Some(handle),
        Call::VfsSetLease(handle, _) | Call::GetLease(handle) => Some(handle),
        Call::SetOwn(handle, _) | Call::GetOwn(handle) => Some(handle),
        Call::Open(..) | Call::Truncate | Call::Interrupt(_) | Call::Locks | Call::Overdue => None,
    }
}

fn note(open: &[&str], place: &str, call: &Call, problems: &mut Vec<Problem>) {
    let Some(handle) = uses(call).filter(|handle| !open.contains(handle)) else { return };
    problems.push(Problem {
        place: place.to_owned(),
        cause: format!("unknown handle `{handle}`: `{call}` comes before any open of it"),
    });
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
