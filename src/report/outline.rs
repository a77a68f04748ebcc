//! The call outline as executed, in the notation of a mail: one name per line, three spaces per level.
//!
//! Made from the trace of a call that runs alone: functions entered, locks taken and given back, full barriers, and what may sleep.
//! Beside each line stand the locks held there: for a function those at its entry, for a lock operation those after it.
//!
//! It shows one path through the code, the one that the call took; a branch not taken is not in it.

use std::fmt;

use crate::event::{Note, ObjectKind, Op, TaskId, What};
use crate::explore::schedule::{Line, Replay};

/// Spaces per level of the call tree.
pub const INDENT: usize = 3;

/// A line of an outline and what lies below it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Outline {
    /// A function or a lock operation.
    pub name: String,
    /// Locks held, in the order they were taken; one that is taken again says how often.
    pub held: Vec<String>,
    /// What it calls, in order.
    pub children: Vec<Outline>,
}

/// A line that cannot be part of an outline.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Its indentation is that of no line above it.
    #[error("line {0}: its indentation is that of no line above it")]
    Indentation(usize),
}

impl Outline {
    /// The outlines of what a task called.
    pub fn executed(replay: &Replay, task: TaskId) -> Vec<Outline> {
        let mut recorder = Recorder { stack: vec![Outline::default()], nested: 0, bkl: None };
        replay.lines.iter().filter(|line| line.event.task == task).for_each(|line| recorder.line(line));
        recorder.finish()
    }

    /// Reads outlines in the notation of a mail: any indentation that is deeper than the caller's will do.
    ///
    /// # Errors
    /// If a line stands between the levels of the lines above it.
    pub fn parse(text: &str) -> Result<Vec<Outline>, ParseError> {
        let mut stack: Vec<(usize, Outline)> = Vec::new();
        let mut roots = Vec::new();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let indent = line.len() - line.trim_start().len();
            let mut closed_at = None;
            while let Some((level, outline)) = stack.pop_if(|(level, _)| *level >= indent) {
                closed_at = Some(level);
                attach(&mut stack, &mut roots, outline);
            }
            // What was closed last stands beside this line; nothing was closed if this line is deeper than all.
            if closed_at.is_some_and(|level| level != indent) {
                return Err(ParseError::Indentation(at + 1));
            }
            stack.push((indent, Outline { name: line.trim().to_owned(), ..Outline::default() }));
        }
        while let Some((_, outline)) = stack.pop() {
            attach(&mut stack, &mut roots, outline);
        }
        Ok(roots)
    }

    /// Keeps the lines whose name is in `names`. A line that is dropped takes what lies below it along: what a function
    /// that the reader does not want to see calls is not lifted into its caller. `None` if the line itself is dropped.
    pub fn prune(&self, names: &[&str]) -> Option<Outline> {
        let children = self.children.iter().filter_map(|child| child.prune(names)).collect();
        names.contains(&self.name.as_str()).then(|| Outline { children, ..self.clone() })
    }

    /// Keeps the first `levels` levels.
    pub fn cut(&self, levels: usize) -> Outline {
        let below = levels.saturating_sub(1);
        let children = self.children.iter().filter(|_| below > 0).map(|child| child.cut(below)).collect();
        Outline { children, ..self.clone() }
    }

    /// The same names at the same places, whatever locks are held?
    pub fn same_calls(&self, other: &Outline) -> bool {
        self.name == other.name
            && self.children.len() == other.children.len()
            && self.children.iter().zip(&other.children).all(|(mine, theirs)| mine.same_calls(theirs))
    }

    /// With the locks held in a right-hand column.
    pub fn with_locks(&self) -> String {
        let mut lines = Vec::new();
        self.lines(0, &mut lines);
        let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let line = |(name, held): &(String, String)| format!("{name:<width$}   {held}").trim_end().to_owned() + "\n";
        lines.iter().map(line).collect()
    }

    fn lines(&self, level: usize, lines: &mut Vec<(String, String)>) {
        lines.push((format!("{}{}", " ".repeat(level * INDENT), self.name), self.held.join(", ")));
        self.children.iter().for_each(|child| child.lines(level + 1, lines));
    }
}

impl fmt::Display for Outline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        self.lines(0, &mut lines);
        lines.iter().try_for_each(|(name, _)| writeln!(f, "{name}"))
    }
}

fn attach(stack: &mut [(usize, Outline)], roots: &mut Vec<Outline>, outline: Outline) {
    match stack.last_mut() {
        Some((_, caller)) => caller.children.push(outline),
        None => roots.push(outline),
    }
}

/// The name of a lock without the object it is in: an outline is about all objects of the kind.
fn class(name: &str) -> &str {
    name.rsplit_once("->").map_or(name, |(_, class)| class)
}

/// A lock operation in an outline: the functions of the BKL stand without parentheses, as other functions do.
fn lock_line(op: &str) -> String {
    match op.trim_end_matches(')').split_once('(') {
        Some((verb, "")) => verb.to_owned(),
        Some((verb, lock)) => format!("{verb}({})", class(lock)),
        None => op.to_owned(),
    }
}

/// Builds the tree from the trace; the bottom of the stack is nobody's function.
struct Recorder {
    stack: Vec<Outline>,
    /// How often the BKL is taken beyond the first time.
    nested: usize,
    /// The BKL's name, once it was taken.
    bkl: Option<String>,
}

impl Recorder {
    fn line(&mut self, line: &Line) {
        match line.event.what {
            What::Note(Note::Enter(name)) => {
                let held = self.held(line);
                self.stack.push(Outline { name: name.to_owned(), held, children: Vec::new() });
            }
            What::Note(Note::Exit(_)) => self.leave(),
            What::Note(Note::MightSleep(what)) => {
                // A function that says so of itself.
                let what = if self.innermost().name == what { "might_sleep" } else { what };
                self.leaf(what, line);
            }
            What::Note(Note::Nested(_, taken)) => {
                self.nested = if taken { self.nested + 1 } else { self.nested.saturating_sub(1) };
                self.leaf(if taken { "lock_kernel" } else { "unlock_kernel" }, line);
            }
            What::Op(op, _) if op.lock().is_some() => {
                let Some(text) = line.op.as_deref() else { return };
                if line.object.is_some_and(|object| object.kind == ObjectKind::Bkl)
                    && matches!(line.event.what, What::Op(Op::Acquire(_), _))
                {
                    self.bkl = line.held.last().cloned();
                }
                self.leaf(&lock_line(text), line);
            }
            What::Op(Op::Fence, _) => self.leaf("smp_mb", line),
            _ => {}
        }
    }

    fn held(&self, line: &Line) -> Vec<String> {
        let depth = |name: &String| match (&self.bkl, self.nested) {
            (Some(bkl), nested @ 1..) if bkl == name => format!("{name} x{}", nested + 1),
            _ => class(name).to_owned(),
        };
        line.held.iter().map(depth).collect()
    }

    fn leaf(&mut self, name: &str, line: &Line) {
        let held = self.held(line);
        let leaf = Outline { name: name.to_owned(), held, children: Vec::new() };
        self.innermost().children.push(leaf);
    }

    fn innermost(&mut self) -> &mut Outline {
        self.stack.last_mut().expect("the bottom of the stack is never left")
    }

    fn leave(&mut self) {
        if self.stack.len() > 1
            && let Some(done) = self.stack.pop()
        {
            self.innermost().children.push(done);
        }
    }

    fn finish(mut self) -> Vec<Outline> {
        while self.stack.len() > 1 {
            self.leave();
        }
        std::mem::take(&mut self.innermost().children)
    }
}
