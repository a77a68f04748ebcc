//! What a call costs while it holds its locks, counted in the steps of a run in which nobody else runs.

use crate::event::{Note, Op, TaskId, What};
use crate::explore::schedule::{Line, Replay};

/// What a call does while it holds one of its locks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The lock.
    pub lock: String,
    /// Times that it is taken.
    pub taken: u32,
    /// Steps made while it is held, its release included.
    pub steps: u32,
    /// Steps of the longest time that it is held.
    pub longest: u32,
    /// Allocations while it is held.
    pub allocations: u32,
    /// Calls that may sleep while it is held.
    pub sleeps: u32,
}

/// What a call costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Steps of the whole call.
    pub steps: u32,
    /// Steps made with no lock held.
    pub free: u32,
    /// For each lock that it takes, in the order in which it first does.
    pub holds: Vec<Hold>,
}

/// The name of a lock without the object it is in.
fn class(name: &str) -> &str {
    name.rsplit_once("->").map_or(name, |(_, class)| class)
}

impl Cost {
    /// Of what the task does in the execution.
    pub fn of(replay: &Replay, task: TaskId) -> Cost {
        let mut cost = Cost::default();
        let mut held: Vec<String> = Vec::new();
        // How long each lock is held now.
        let mut since: Vec<(String, u32)> = Vec::new();
        for line in replay.lines.iter().filter(|line| line.event.task == task) {
            cost.add(line, &held, &mut since);
            held.clone_from(&line.held);
            since.retain(|(name, _)| held.contains(name));
        }
        cost
    }

    fn hold(&mut self, lock: &str) -> &mut Hold {
        let lock = class(lock);
        let at = self.holds.iter().position(|hold| hold.lock == lock).unwrap_or_else(|| {
            let lock = lock.to_owned();
            self.holds.push(Hold { lock, taken: 0, steps: 0, longest: 0, allocations: 0, sleeps: 0 });
            self.holds.len() - 1
        });
        &mut self.holds[at]
    }

    fn add(&mut self, line: &Line, held: &[String], since: &mut Vec<(String, u32)>) {
        match line.event.what {
            What::Op(op, _) => {
                self.steps += 1;
                self.free += u32::from(held.is_empty());
                for name in held {
                    let at = since.iter().position(|(known, _)| known == name);
                    let long = at.map_or(1, |at| {
                        since[at].1 += 1;
                        since[at].1
                    });
                    let hold = self.hold(name);
                    hold.steps += 1;
                    hold.longest = hold.longest.max(long);
                    hold.sleeps += u32::from(matches!(op, Op::Sleep(_)));
                }
                for name in line.held.iter().filter(|name| !held.contains(name)) {
                    since.push((name.clone(), 0));
                    self.hold(name).taken += 1;
                }
            }
            What::Note(Note::Alloc(_)) => line.held.iter().for_each(|name| self.hold(name).allocations += 1),
            What::Note(Note::MightSleep(_)) => line.held.iter().for_each(|name| self.hold(name).sleeps += 1),
            What::Note(_) => {}
        }
    }
}

/// A lock operation on its class: which object it was made for is told by a number that no two designs share.
fn operation(text: &str) -> String {
    match text.split_once('(') {
        Some((verb, lock)) => format!("{verb}({}", class(lock)),
        None => text.to_owned(),
    }
}

/// The outline as executed, a line each: the name with its indentation, and the locks held.
pub fn outline(replay: &Replay, task: TaskId) -> Vec<String> {
    let mut lines = Vec::new();
    for line in replay.lines.iter().filter(|line| line.event.task == task) {
        let name = match line.event.what {
            What::Note(Note::Enter(name)) => name.to_owned(),
            What::Note(Note::MightSleep(what)) => format!("{what} may sleep"),
            What::Note(Note::Nested(_, true)) => "lock_kernel again".to_owned(),
            What::Op(op, _) if op.lock().is_some() || op == Op::Fence => {
                operation(line.op.as_deref().unwrap_or_default())
            }
            _ => continue,
        };
        let held: Vec<&str> = line.held.iter().map(|name| class(name)).collect();
        let held = if held.is_empty() { String::new() } else { format!("  [{}]", held.join(", ")) };
        lines.push(format!("{}{name}{held}", "  ".repeat(line.depth)));
    }
    lines
}
