//! How the judges of leases name owners, tasks and modes of open.

use crate::check::finding::Spot;
use crate::event::TaskId;
use crate::event::names::Names;

/// Whose lease it is: the task that took it, or the process for which the set-up did.
pub(super) fn owner_text(names: &Names, granted: Spot, pid: u32) -> String {
    match pid {
        _ if granted.task != TaskId::BOOT => names.task(granted.task).to_owned(),
        0 => "the in-kernel owner".to_owned(),
        pid => format!("pid {pid}"),
    }
}

pub(super) fn task_text(names: &Names, task: TaskId) -> &str {
    if task == TaskId::BOOT { "the set-up" } else { names.task(task) }
}

pub(super) fn mode_text(write: bool) -> &'static str {
    if write { "write" } else { "read" }
}
