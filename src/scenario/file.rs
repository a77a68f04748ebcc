//! Scenarios in files: one JSON object, with the calls as traces show them.
//!
//! Nothing is guessed and nothing ignored: an unknown field is a mistake, and so is one that comes twice. All mistakes are reported,
//! each with its place in the file: line and column of what is no JSON, else the path to it, as `tasks[1].calls[0]`.
//! docs/scenarios.md describes the format.
//!
//! Names live as long as the process, as those of the catalogue do: a file is read once.

use std::fmt;

use serde_json::{Value, json};

use super::{Call, ClusterSpec, FsKind, NodeSpec, Scenario, TaskSpec, catalogue};
use crate::engine::Clock;
use crate::event::Symbol;
use crate::kernel::Faults;
use crate::lease::table::NODES_MAX;

mod call;
mod fields;
mod handles;
mod tree;
mod trial;

use fields::Fields;
use tree::Tree;
pub use trial::setup_problem;

/// Most tasks that a scenario may have.
pub const TASKS_MAX: usize = 8;

/// Most calls of a task, before and after the start together.
pub const CALLS_MAX: usize = 20;

/// A mistake in a scenario file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `line 3, column 7`, or a path such as `tasks[1].calls[0]`.
    pub place: String,
    /// What is wrong.
    pub cause: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() { f.write_str(&self.cause) } else { write!(f, "{}: {}", self.place, self.cause) }
    }
}

/// Reads a scenario.
///
/// # Errors
/// Every mistake of the file, in order. Then nothing should be run.
pub fn parse(text: &str) -> Result<Scenario, Vec<Problem>> {
    let tree = serde_json::from_str::<Tree>(text).map_err(|error| {
        let message = error.to_string();
        let cause = message.rsplit_once(" at line ").map_or(message.as_str(), |(cause, _)| cause).to_owned();
        vec![Problem { place: format!("line {}, column {}", error.line(), error.column()), cause }]
    })?;
    let mut problems = Vec::new();
    let scenario = scenario(&tree, &mut problems);
    match scenario {
        Some(scenario) if problems.is_empty() => Ok(scenario),
        _ => Err(problems),
    }
}

/// Calls on handles that cannot be open: each with its place in the file.
pub fn handle_problems(tasks: &[TaskSpec]) -> Vec<Problem> {
    let mut problems = Vec::new();
    handles::check(tasks, &mut problems);
    problems
}

/// A name of a file, kept.
fn word(text: &str) -> &'static str {
    Symbol::new(text).as_str()
}

fn scenario(tree: &Tree, problems: &mut Vec<Problem>) -> Option<Scenario> {
    const KNOWN: &[&str] = &["name", "about", "nodes", "tasks", "faults", "clock", "lease_break_time"];
    let mut top = Fields::of(tree, "", KNOWN, problems)?;
    let name = top.name("name").unwrap_or("");
    if catalogue::find(name).is_some() {
        top.problem("name", format!("`{name}` is a scenario of the catalogue: take another name"));
    }
    let about = top.text_or("about", "");
    let clock =
        top.one_of("clock", &[("quiescent", Clock::Quiescent), ("free", Clock::Free), ("stopped", Clock::Stopped)]);
    let lease_break_time = top.number_or("lease_break_time", 45, LEASE_BREAK_MAX);
    let faults = top.set_of("faults", &["memory", "lsm", "server"]);
    let has = |fault: &str| faults.contains(&fault);
    let nodes: Vec<NodeSpec> =
        top.list("nodes", NODES_MAX).into_iter().filter_map(|(place, tree)| node(tree, &place, top.problems)).collect();
    let trees = top.list("tasks", TASKS_MAX);
    if trees.is_empty() {
        top.problem("tasks", "a scenario has one task at least".to_owned());
    }
    let names: Vec<&'static str> = trees.iter().map(|(_, tree)| fields::name_of(tree).map_or("", word)).collect();
    let mut tasks = Vec::new();
    let mut homes = Vec::new();
    for (at, (place, tree)) in trees.into_iter().enumerate() {
        if let Some((task, home)) = task(tree, &place, &names[..], at, (&nodes, &homes), top.problems) {
            tasks.push(task);
            homes.push(home);
        }
    }
    distinct(nodes.iter().map(|node| node.name), "nodes", top.problems);
    distinct(names.iter().copied(), "tasks", top.problems);
    if has("server") && nodes.iter().all(|node| node.fs != FsKind::Network) {
        top.problem("faults", "`server` needs a node on the file system `network`".to_owned());
    }
    if tasks.len() == names.len() {
        top.problems.extend(handle_problems(&tasks));
    }
    let cluster = cluster(nodes, homes, has("server"));
    handles::check_counts(&tasks, &cluster, top.problems);
    Some(Scenario {
        name,
        about,
        tasks,
        faults: Faults { memory: has("memory"), lsm: has("lsm") },
        clock,
        lease_break_time,
        cluster,
    })
}

/// Longest `lease_break_time`, in seconds: an hour.
const LEASE_BREAK_MAX: u64 = 3600;

fn cluster(nodes: Vec<NodeSpec>, homes: Vec<usize>, server_refuses: bool) -> ClusterSpec {
    if nodes.is_empty() { ClusterSpec::default() } else { ClusterSpec { nodes, homes, server_refuses } }
}

fn node(tree: &Tree, place: &str, problems: &mut Vec<Problem>) -> Option<NodeSpec> {
    let mut fields = Fields::of(tree, place, &["name", "fs"], problems)?;
    let name = fields.name("name")?;
    Some(NodeSpec { name, fs: fields.one_of("fs", &FsKind::ALL) })
}

/// A task, and the node it runs on. `names` are those of all tasks, `nodes` comes with the homes of the tasks before.
fn task(
    tree: &Tree,
    place: &str,
    names: &[&'static str],
    at: usize,
    nodes: (&[NodeSpec], &[usize]),
    problems: &mut Vec<Problem>,
) -> Option<(TaskSpec, usize)> {
    let (nodes, homes) = nodes;
    let mut fields = Fields::of(tree, place, &["name", "node", "shares", "before", "calls"], problems)?;
    let name = fields.name("name").unwrap_or("");
    let shares = fields.optional_text("shares").and_then(|other| {
        let known = names[..at].iter().position(|known| *known == other);
        if known.is_none() {
            fields.problem("shares", format!("unknown task `{other}`: a task shares with one before it"));
        }
        known
    });
    let home = match fields.optional_text("node") {
        Some(node) => nodes.iter().position(|known| known.name == node).unwrap_or_else(|| {
            let known: Vec<&str> = nodes.iter().map(|node| node.name).collect();
            let known = if known.is_empty() {
                "there are none".to_owned()
            } else {
                format!("the nodes are {}", known.join(", "))
            };
            fields.problem("node", format!("unknown node `{node}`: {known}"));
            0
        }),
        None => shares.and_then(|other| homes.get(other).copied()).unwrap_or(0),
    };
    if shares.is_some_and(|other| homes.get(other).is_some_and(|its| *its != home)) {
        fields.problem("node", "a task that shares its handles runs on the same node".to_owned());
    }
    let before = calls(&mut fields, "before", names);
    let calls = calls(&mut fields, "calls", names);
    if let Some(at) = calls.iter().position(|call| *call == Call::Overdue) {
        let cause = "time passes by itself here: `sleep` is a call of `before`".to_owned();
        fields.problems.push(Problem { place: format!("{place}.calls[{at}]"), cause });
    }
    Some((TaskSpec { name, before, calls, shares }, home))
}

fn calls(fields: &mut Fields<'_, '_>, name: &str, tasks: &[&str]) -> Vec<Call> {
    let mut calls = Vec::new();
    for (place, tree) in fields.list(name, CALLS_MAX) {
        let parsed = match tree {
            Tree::Text(text) => call::parse(text, tasks),
            other => Err(format!("{} is no call: it is written as a text", other.kind())),
        };
        match parsed {
            Ok(call) => calls.push(call),
            Err(cause) => {
                fields.problems.push(Problem { place, cause });
                // Keeps the places of those behind it; nothing of a file with a mistake is run.
                calls.push(Call::Locks);
            }
        }
    }
    calls
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>, of: &str, problems: &mut Vec<Problem>) {
    let names: Vec<&str> = names.collect();
    for (at, name) in names.iter().enumerate() {
        if !name.is_empty() && names[..at].contains(name) {
            problems.push(Problem { place: format!("{of}[{at}].name"), cause: format!("`{name}` comes twice") });
        }
    }
}

/// The scenario as JSON: [`parse`] reads it back.
pub fn to_json(scenario: &Scenario) -> Value {
    let names: Vec<&str> = scenario.tasks.iter().map(|task| task.name).collect();
    let cluster = &scenario.cluster;
    let texts = |calls: &[Call]| calls.iter().map(|call| call::to_text(call, &names)).collect::<Vec<_>>();
    let task = |(at, task): (usize, &TaskSpec)| {
        let mut value = json!({ "name": task.name, "before": texts(&task.before), "calls": texts(&task.calls) });
        if let Some(node) = cluster.nodes.get(cluster.home(at)) {
            value["node"] = json!(node.name);
        }
        if let Some(other) = task.shares {
            value["shares"] = json!(names[other]);
        }
        value
    };
    let faults = [("memory", scenario.faults.memory), ("lsm", scenario.faults.lsm), ("server", cluster.server_refuses)];
    let faults: Vec<&str> = faults.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name).collect();
    let nodes: Vec<Value> = cluster.nodes.iter().map(|node| json!({ "name": node.name, "fs": node.fs })).collect();
    json!({
        "name": scenario.name,
        "about": scenario.about,
        "nodes": nodes,
        "tasks": scenario.tasks.iter().enumerate().map(task).collect::<Vec<_>>(),
        "faults": faults,
        "clock": scenario.clock,
        "lease_break_time": scenario.lease_break_time,
    })
}
