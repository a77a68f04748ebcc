//! All that can be observed of an execution, for who compares designs.
//!
//! Beside what calls return and what is left this is: whose each lease is that is left and what `/proc/locks` would say of it, what was
//! read there meanwhile, and the leases at the file server. Signals and waits are noted by a judge of the case
//! ([`judge::observing`](crate::lease::judge::observing)).
//!
//! Not observed: how long a call takes that does not wait, and the order in which signals arrive.

use super::machine::Machine;
use super::{Call, Row, Scenario, outcome_of};
use crate::event::outcome::{Outcome, Remains, Value};
use crate::event::{Symbol, View};
use crate::lease::cluster::Node;
use crate::lease::judge::Called;
use crate::lease::{F_RDLCK, F_WRLCK, LockLine, file_lock};

/// What tasks, calls and open files are called.
pub(super) fn called(scenario: &Scenario) -> Called {
    let names = scenario.names();
    let handle = |call: &Call| match call {
        Call::Open(handle, _) => Some((*handle).to_owned()),
        _ => None,
    };
    let opens = scenario.tasks.iter().map(|task| task.before.iter().chain(&task.calls).filter_map(handle).collect());
    Called { opens: opens.collect(), tasks: names.tasks, calls: names.calls }
}

/// The outcome, with all that can be observed.
pub(super) fn outcome(scenario: &Scenario, rows: &[Row], machine: &Machine, view: &dyn View) -> Outcome {
    let mut outcome = outcome_of(scenario, rows, machine, view, |node| leases(scenario, node, view));
    let list =
        |name: &str, items: Vec<String>| Remains { name: Symbol::new(name), on: None, value: Value::List(items) };
    if let Some(server) = machine.cluster.server {
        let nodes = scenario.cluster.nodes.iter().enumerate();
        let granted = nodes.filter_map(|(at, node)| Some(format!("{} to {}", server.granted(view, at)?, node.name)));
        outcome.state.push(list("server", granted.collect()));
    }
    let readers = scenario.tasks.iter().zip(rows).filter(|(task, _)| task.calls.contains(&Call::Locks));
    let read = readers.map(|(task, row)| list(&format!("{} read", task.name), row.read.clone()));
    outcome.state.extend(read);
    outcome
}

/// The leases that are left on a node, and whose they are.
fn leases(scenario: &Scenario, node: &Node, view: &dyn View) -> Vec<String> {
    let listed = node.design.leases(view, node.inode);
    let takers = file_lock::taken_by(view, node.inode);
    let texts = listed.iter().zip(takers).map(|(lease, pid)| {
        let target = lease.target.map_or("UNLCK".to_owned(), |target| target.to_string());
        let breaking = if lease.breaking { " breaking" } else { "" };
        let owner = if lease.in_kernel { "in-kernel owner".to_owned() } else { process(scenario, pid) };
        format!("{target}{breaking} of {owner}")
    });
    texts.collect()
}

/// What a task has read in `/proc/locks`, line by line.
pub(super) fn page(scenario: &Scenario, lines: &[LockLine]) -> String {
    let line = |line: &LockLine| {
        let breaking = if line.breaking { " breaking" } else { "" };
        let waiter = |(writes, pid): &(bool, u32)| {
            format!(", {} waits to {}", process(scenario, *pid), if *writes { "write" } else { "read" })
        };
        let waiters: String = line.waiters.iter().map(waiter).collect();
        format!("{}{breaking} of {}{waiters}", type_text(line.target), process(scenario, line.pid))
    };
    let lines: Vec<String> = lines.iter().map(line).collect();
    if lines.is_empty() { "nothing".to_owned() } else { lines.join(" / ") }
}

fn type_text(target: i32) -> &'static str {
    match target {
        F_RDLCK => "READ",
        F_WRLCK => "WRITE",
        _ => "UNLCK",
    }
}

/// A process has the name of its first task.
fn process(scenario: &Scenario, pid: u32) -> String {
    let task = pid.checked_sub(1).and_then(|at| scenario.tasks.get(at as usize));
    task.map_or_else(|| format!("pid {pid}"), |task| task.name.to_owned())
}
