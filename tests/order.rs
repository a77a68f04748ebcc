//! Tasks in another order: nothing that a scenario shows may depend on which task is declared first.
//!
//! A task keeps its name, its calls and its set-up. What is numbered by position goes with it: who shares with whom, who is
//! killed, on which node it runs, and the number of its process.

use std::collections::BTreeSet;

use lockwright::check::Code;
use lockwright::explore::Verdict;
use lockwright::scenario::{Call, Scenario};

/// All orders of a number of tasks, the given one first.
pub fn orders(tasks: usize) -> Vec<Vec<usize>> {
    if tasks == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(tasks - 1);
    let places = (0..tasks).rev();
    let inserted = |at: usize| shorter.iter().map(move |order| [&order[..at], &[tasks - 1], &order[at..]].concat());
    places.flat_map(inserted).collect()
}

/// The first task of those that share.
fn root(scenario: &Scenario, task: usize) -> usize {
    scenario.tasks[task].shares.map_or(task, |other| root(scenario, other))
}

/// A scenario in another order, and how its processes are numbered there.
pub struct Turned {
    pub scenario: Scenario,
    /// New and old number of each process.
    pids: Vec<(u32, u32)>,
}

impl Turned {
    /// The scenario with `order[0]` as its first task, and so on. `None` if the set-up would make its calls in another order.
    pub fn new(scenario: &Scenario, order: &[usize]) -> Option<Turned> {
        let set_up = |task: &&usize| !scenario.tasks[**task].before.is_empty();
        if !order.iter().filter(set_up).is_sorted() {
            return None;
        }
        let place = |task: usize| order.iter().position(|old| *old == task).expect("an order names every task");
        let first = |task: usize| {
            let of_process = |old: &usize| root(scenario, *old) == root(scenario, task);
            order.iter().position(of_process).expect("a task shares with itself")
        };
        let mut pids: Vec<(u32, u32)> = Vec::new();
        let roots = (0..scenario.tasks.len()).filter(|task| scenario.tasks[*task].shares.is_none());
        pids.extend(roots.map(|task| (first(task) as u32 + 1, task as u32 + 1)));
        let turned = |call: &Call| match call {
            Call::Interrupt(task) => Call::Interrupt(place(usize::from(*task)) as u8),
            // A number that is no process stays one that is none.
            Call::SetOwn(handle, pid) => {
                let new = pids.iter().find(|(_, old)| old == pid).map_or(pid + 100, |(new, _)| *new);
                Call::SetOwn(handle, new)
            }
            call => call.clone(),
        };
        let mut next = scenario.clone();
        next.tasks = order.iter().map(|old| scenario.tasks[*old].clone()).collect();
        for (at, task) in next.tasks.iter_mut().enumerate() {
            let leader = first(order[at]);
            task.shares = (leader != at).then_some(leader);
            task.before = task.before.iter().map(turned).collect();
            task.calls = task.calls.iter().map(turned).collect();
        }
        if !scenario.cluster.nodes.is_empty() {
            next.cluster.homes = order.iter().map(|old| scenario.cluster.home(*old)).collect();
        }
        Some(Turned { scenario: next, pids })
    }

    /// What a verdict says, in words that know no order.
    pub fn told(&self, verdict: &Verdict) -> Told {
        let outcome = |text: &String| self.outcome(text);
        Told {
            findings: verdict
                .findings
                .iter()
                .map(|found| (found.finding.code, found.finding.subject.as_str()))
                .collect(),
            outcomes: verdict.outcomes.texts().iter().map(outcome).collect(),
            deadlocks: verdict.deadlocks.texts().iter().map(outcome).collect(),
        }
    }

    /// An outcome with the tasks by name and the processes by their old numbers.
    fn outcome(&self, text: &str) -> String {
        let (tasks, rest) = text.split_once("; ").expect("an outcome tells of the tasks, then of the nodes");
        let mut tasks: Vec<String> =
            tasks.split(", ").zip(&self.scenario.tasks).map(|(text, task)| self.results(text, &task.calls)).collect();
        tasks.sort_unstable();
        format!("{}; {rest}", tasks.join(", "))
    }

    fn results(&self, text: &str, calls: &[Call]) -> String {
        let (name, results) = text.split_once(':').expect("a task has a name and results");
        let old = |(result, call): (&str, &Call)| match (result.parse::<u32>(), call) {
            (Ok(pid), Call::GetOwn(_)) => {
                let of_process = self.pids.iter().find(|(new, _)| *new == pid).map(|(_, old)| *old);
                of_process.unwrap_or(pid % 100).to_string()
            }
            _ => result.to_owned(),
        };
        let results: Vec<String> = results.split_whitespace().zip(calls).map(old).collect();
        format!("{name}: {}", results.join(" "))
    }
}

/// What must not depend on the order of the tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub findings: BTreeSet<(Code, &'static str)>,
    pub outcomes: BTreeSet<String>,
    pub deadlocks: BTreeSet<String>,
}

/// The scenario in every order that keeps its set-up, as it is first.
pub fn turned(scenario: &Scenario) -> Vec<Turned> {
    orders(scenario.tasks.len()).iter().filter_map(|order| Turned::new(scenario, order)).collect()
}
