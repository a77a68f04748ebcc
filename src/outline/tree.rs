//! What is parsed: functions as trees of statements, declarations, diagrams.

use super::claims::Claim;
use super::declare::{Declaration, Role};
use super::diagnostic::Diagnostic;
use super::facts::Fact;
use super::finding::Finding;
use super::source::Place;
use super::statement::{Cond, Context, Parsed, Stmt};

mod line;
mod unfold;

pub use line::items;

/// A statement with what lies under it.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it is written.
    pub place: Place,
    /// What it is.
    pub stmt: Stmt,
    /// What is written behind it.
    pub note: String,
    /// What the note says about locks and contexts.
    pub facts: Vec<Fact>,
    /// What a remark claims to happen here.
    pub claim: Option<Claim>,
    /// The expansion of a call, or the body of a branch.
    pub children: Vec<Node>,
}

/// A function that is outlined.
#[derive(Clone, Debug, Default)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// What its own line says of it.
    pub facts: Vec<Fact>,
    /// What it does.
    pub body: Vec<Node>,
    /// A list of statements without a head line.
    pub is_anonymous: bool,
    /// What runs it, if that is no caller and no line says it.
    pub roles: Vec<Role>,
    /// It is called with locks held by a function of the kernel: which.
    pub handed_by: Option<String>,
    /// Its parameters, if it is written as C.
    pub params: Vec<String>,
    /// Its first two parameters of one type.
    pub alike: Option<(String, String)>,
    /// It is what a stack or a tracer shows: calls without what they are called with.
    pub is_trace: bool,
    /// The hunk of a patch begins inside it.
    pub is_partial: bool,
    /// The hunk of a patch ends inside it.
    pub is_cut: bool,
    /// Where another hunk goes on in it: the lines between them are not here.
    pub gap: Option<Place>,
}

/// Outlines that belong together. A function that is outlined again begins a new group: it is another version.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// In the order of the text.
    pub functions: Vec<Function>,
}

/// What a diagram was written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Columns.
    Columns,
    /// The box that lockdep prints.
    Box,
    /// Sentences, one step each.
    Steps,
    /// Tasks one below the other, without an order between them.
    Sections,
}

/// A program per column.
#[derive(Clone, Debug)]
pub struct Column {
    /// As its header says.
    pub name: String,
    /// What it does; the line number of a place is its row.
    pub body: Vec<Node>,
}

/// A diagram: columns in one claimed order.
#[derive(Clone, Debug)]
pub struct Diagram {
    /// What it was written as.
    pub figure: Figure,
    /// Where it begins.
    pub place: Place,
    /// The tasks.
    pub columns: Vec<Column>,
    /// What is said to go wrong, and where.
    pub claims: Vec<(Claim, Place)>,
    /// What the reader had to add or leave out.
    pub remarks: Vec<Diagnostic>,
}

/// A file: everything that was found in it.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// In the order of the text.
    pub declarations: Vec<(Declaration, Place)>,
    /// Outlines.
    pub groups: Vec<Group>,
    /// Diagrams, boxes, steps.
    pub diagrams: Vec<Diagram>,
    /// What reports of the kernel say that they saw.
    pub told: Vec<Finding>,
    /// What is wrong with the input.
    pub mistakes: Vec<Diagnostic>,
    /// Numbers of lines that were not read.
    pub unread: Vec<u32>,
    /// Pointers that C declares outside of functions.
    pub globals: std::collections::HashSet<String>,
    /// Numbers that C declares outside of functions.
    pub scalars: std::collections::HashSet<String>,
}

/// A statement before it is put into a tree.
#[derive(Clone, Debug)]
pub struct Item {
    /// Column of its name.
    pub depth: usize,
    /// Where it is.
    pub place: Place,
    /// What it is.
    pub parsed: Parsed,
}

fn node(item: Item) -> Node {
    let facts = super::facts::of_note(&item.parsed.note);
    let Parsed { stmt, note, claim, .. } = item.parsed;
    Node { place: item.place, stmt, note, facts, claim, children: Vec::new() }
}

/// How deep a tree may be: what is deeper is put beside what is this deep, and the verdict has [`Stmt::Deeper`] as a bound.
pub const DEPTH_MAX: usize = 64;

/// Puts items into a tree by their depth.
pub fn nest(mut items: Vec<Item>) -> Vec<Node> {
    align_labels(&mut items);
    let mut roots: Vec<Node> = Vec::new();
    let mut open: Vec<(usize, Node)> = Vec::new();
    for item in items {
        let depth = item.depth;
        close(&mut open, &mut roots, |top, _| top >= depth);
        if open.len() >= DEPTH_MAX {
            close(&mut open, &mut roots, |_, count| count >= DEPTH_MAX);
            let parent = open.last_mut().map(|(_, parent)| &mut parent.children);
            parent.into_iter().for_each(|beside| beside.push(Node::made(item.place, Stmt::Deeper)));
        }
        open.push((depth, node(item)));
    }
    close(&mut open, &mut roots, |_, _| true);
    unfold::unfold(tidy(roots, false))
}

fn close(open: &mut Vec<(usize, Node)>, roots: &mut Vec<Node>, ends: impl Fn(usize, usize) -> bool) {
    while open.last().is_some_and(|(depth, _)| ends(*depth, open.len())) {
        let (_, node) = open.pop().expect("the last one was looked at");
        match open.last_mut() {
            Some((_, parent)) => parent.children.push(node),
            None => roots.push(node),
        }
    }
}

/// A label may stand at the left margin, as in C: it belongs to what follows.
fn align_labels(items: &mut [Item]) {
    let least = items.iter().map(|item| item.depth).min().unwrap_or(0);
    for at in (0..items.len()).rev() {
        if matches!(items[at].parsed.stmt, Stmt::Label(_)) && items[at].depth == least {
            let next = items.get(at + 1).map(|item| item.depth);
            let before = at.checked_sub(1).map(|before| items[before].depth);
            items[at].depth = next.or(before).unwrap_or(least).max(least + 1);
        }
    }
}

/// What lies under a label follows it; what follows an `<IRQ>` without a body is its body; `do` takes its `while`, `switch` its cases and a
/// guard the rest of its block.
fn tidy(nodes: Vec<Node>, in_switch: bool) -> Vec<Node> {
    let mut out: Vec<Node> = Vec::new();
    let mut inside: Option<Node> = None;
    let mut queue = std::collections::VecDeque::from(nodes);
    while let Some(mut node) = queue.pop_front() {
        misplaced(&mut node).into_iter().rev().for_each(|behind| queue.push_front(behind));
        let is_switch = matches!(node.stmt, Stmt::Switch(_));
        // The condition of a `do` is in no guard of its body.
        let is_end = |last: &mut Node| matches!(last.stmt, Stmt::While(_)) && last.children.is_empty();
        let until = if node.stmt == Stmt::Do { node.children.pop_if(is_end) } else { None };
        node.children = tidy(std::mem::take(&mut node.children), is_switch);
        node.children.extend(until);
        if let Some(mut enter) = inside.take() {
            if matches!(node.stmt, Stmt::Leave) {
                out.push(enter);
                continue;
            }
            if !matches!(node.stmt, Stmt::Enter(_)) {
                enter.children.push(node);
                inside = Some(enter);
                continue;
            }
            out.push(enter);
        }
        match (&node.stmt, out.last().map(|last| &last.stmt)) {
            (Stmt::Leave, _) => {}
            (Stmt::Enter(_), _) if node.children.is_empty() => inside = Some(node),
            (Stmt::Label(_), _) => {
                let children = std::mem::take(&mut node.children);
                out.push(node);
                out.extend(children);
            }
            (Stmt::While(_), Some(Stmt::Do)) if node.children.is_empty() => {
                let last = out.last_mut().expect("it was looked at");
                last.children.push(node);
            }
            (Stmt::Case(_) | Stmt::Default, before) if !in_switch => {
                if !matches!(before, Some(Stmt::Switch(_))) {
                    // A part of a `switch`, cut out of its function.
                    out.push(Node::made(node.place, Stmt::Switch(Cond { text: String::new(), expr: None })));
                }
                let last = out.last_mut().expect("it was looked at, or made");
                last.children.push(node);
            }
            // Statements as deep as the case that they belong to.
            (stmt, Some(Stmt::Case(_) | Stmt::Default)) if in_switch && !is_case(stmt) => {
                let last = out.last_mut().expect("it was looked at");
                last.children.push(node);
            }
            (Stmt::For(_), _) => out.push(rounds(node)),
            (stmt, before) if is_else(stmt) && !before.is_some_and(is_chain) => out.push(alone(node)),
            _ => out.push(node),
        }
    }
    out.extend(inside);
    guarded(out)
}

/// May an `else` follow?
fn is_chain(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::If(_) | Stmt::ElseIf(_))
}

fn is_else(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::Else | Stmt::ElseIf(_))
}

/// An `else` that stands deeper than its `if` and less deep than what the `if` guards, with what follows it.
fn misplaced(node: &mut Node) -> Vec<Node> {
    let is_chained = |at: usize| at.checked_sub(1).is_some_and(|before| is_chain(&node.children[before].stmt));
    let found = (0..node.children.len()).find(|&at| is_else(&node.children[at].stmt) && !is_chained(at));
    match found.filter(|_| is_chain(&node.stmt)) {
        Some(at) => node.children.split_off(at),
        None => Vec::new(),
    }
}

/// An `else` whose `if` is not here, as at the beginning of a hunk: what it guards may run or not.
fn alone(mut node: Node) -> Node {
    node.stmt = match node.stmt {
        Stmt::ElseIf(cond) => Stmt::If(cond),
        _ => Stmt::If(Cond { text: format!("else of line {}", node.place.line), expr: None }),
    };
    node
}

fn is_case(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::Case(_) | Stmt::Default)
}

/// A `for` with what it does before and after its rounds.
fn rounds(mut node: Node) -> Node {
    let Stmt::For(counted) = &node.stmt else { return node };
    let part = |stmt: Stmt, inside: &[Stmt]| {
        let children = inside.iter().map(|inner| Node::made(node.place, inner.clone())).collect();
        Node { children, ..Node::made(node.place, stmt) }
    };
    let (init, step) = (part(Stmt::Init, &counted.init), part(Stmt::Step, &counted.step));
    node.children.insert(0, init);
    node.children.push(step);
    node
}

/// Everything behind a guard is done while it holds.
fn guarded(mut nodes: Vec<Node>) -> Vec<Node> {
    let is_open = |node: &Node| matches!(&node.stmt, Stmt::Guard(guard) if !guard.is_scoped);
    while let Some(at) = nodes.iter().rposition(|node| is_open(node) && node.children.is_empty()) {
        let rest = nodes.split_off(at + 1);
        if rest.is_empty() {
            // The last statement of its block: it is given back at once.
            let stmt = Stmt::Elision(Vec::new());
            let place = nodes[at].place;
            nodes[at].children.push(Node::made(place, stmt));
        } else {
            nodes[at].children = rest;
        }
    }
    nodes
}

impl Node {
    /// Calls the visitor with the node and all under it.
    pub fn each<'a>(&'a self, visit: &mut impl FnMut(&'a Node)) {
        visit(self);
        self.children.iter().for_each(|child| child.each(visit));
    }

    /// A node that the user did not write on a line of its own.
    pub fn made(place: Place, stmt: Stmt) -> Node {
        Node { place, stmt, note: String::new(), facts: Vec::new(), claim: None, children: Vec::new() }
    }
}

/// A context as people call it.
pub fn context_text(context: Context) -> &'static str {
    match context {
        Context::Hard => "hard interrupt",
        Context::Soft => "softirq",
    }
}
