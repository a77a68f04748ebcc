//! A tree as an outline again: what is printed here reads back as the same tree.
//!
//! Limits: comments and prose that mean nothing are lost with the lines that they were on. Diagrams print as diagrams elsewhere
//! ([`super::notation`]); here their columns print as functions.

use super::declare::{Declaration, First, Runs};
use super::expr::{Expr, written};
use super::statement::{Context, RETURNED, Stmt};
use super::tree::{File, Function, Node};

/// Blanks of a level.
const INDENT: usize = 3;

/// A file: its declarations, then its functions, a blank line between them.
pub fn file(file: &File) -> String {
    let mut text: String =
        file.declarations.iter().filter_map(|(known, _)| declaration(known)).map(|line| line + "\n").collect();
    for known in file.groups.iter().flat_map(|group| &group.functions) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&function(known));
    }
    text
}

/// A declaration as a line; nothing for one that changes nothing.
pub fn declaration(declaration: &Declaration) -> Option<String> {
    let facts =
        |facts: &[super::facts::Fact]| facts.iter().map(super::facts::Fact::text).collect::<Vec<_>>().join(", ");
    Some(match declaration {
        Declaration::Lock(name, kind) => format!("lock {name}: {}", kind.text()),
        Declaration::Atomic(name, first) => format!("atomic {name} = {first}"),
        Declaration::Var(name, first) => format!("var {name} = {first}"),
        Declaration::Fn(name, known) => format!("fn {name}: {}", facts(known)),
        Declaration::Task(name, runs, calls) => {
            let word = match runs {
                Runs::Task => "task",
                Runs::Hard => "irq",
                Runs::Soft => "softirq",
                Runs::Work | Runs::Pending => "work",
                Runs::Timer => "timer",
            };
            let calls: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
            format!("{word} {name}: {}", calls.join("; "))
        }
        Declaration::Assert(condition) => format!("assert {}", written(condition)),
        Declaration::Never(condition) => format!("never {}", written(condition)),
        Declaration::Order(outer, inner) => format!("order\n{:INDENT$}{outer}\n{:2$}{inner}", "", "", 2 * INDENT),
        Declaration::Protects(lock, names) => format!("protects {lock}: {}", names.join(", ")),
        Declaration::Entry(name, known) => format!("entry {name}: {}", facts(known)),
        Declaration::Pointer(name, to, is_atomic) => {
            format!("{} {name} = &{to}", if *is_atomic { "atomic" } else { "var" })
        }
        Declaration::Object(name, fields) => {
            let field = |(field, first): &(String, First)| match first {
                First::Number(0) => field.clone(),
                First::Number(value) => format!("{field} = {value}"),
                First::Object(object) => format!("{field} = &{object}"),
            };
            format!("obj {name} {{ {} }}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Declaration::List(name, elements) if elements.is_empty() => format!("list {name}"),
        Declaration::List(name, elements) => format!("list {name} = {}", elements.join(", ")),
    })
}

/// A function: its name, and its statements under it.
pub fn function(function: &Function) -> String {
    let mut text = String::new();
    if function.is_anonymous {
        list(&function.body, 0, &mut text);
        return text;
    }
    text.push_str(&function.name);
    for fact in &function.facts {
        let note = match fact {
            super::facts::Fact::Takes(lock) => format!(" (takes {lock})"),
            super::facts::Fact::Holds(lock) => format!(" (holds {lock})"),
            super::facts::Fact::IrqsOff => " (irqs off)".to_owned(),
            super::facts::Fact::MaySleep => " (may sleep)".to_owned(),
            _ => String::new(),
        };
        text.push_str(&note);
    }
    text.push('\n');
    list(&function.body, INDENT, &mut text);
    text
}

fn list(nodes: &[Node], indent: usize, text: &mut String) {
    for (at, node) in nodes.iter().enumerate() {
        // `return f()` is read as the call and the return.
        let is_returned = matches!(&node.stmt, Stmt::Call { result: Some(result), .. } if result == RETURNED);
        let is_next = matches!(nodes.get(at + 1).map(|next| &next.stmt), Some(Stmt::Return(Some(_))));
        // What a `for` does around its rounds is in its own line.
        if is_returned && is_next && node.children.is_empty() || matches!(node.stmt, Stmt::Init | Stmt::Step) {
            continue;
        }
        statement(node, indent, text);
    }
}

fn statement(node: &Node, indent: usize, text: &mut String) {
    let margin = " ".repeat(indent);
    let (children, last) = match (&node.stmt, node.children.split_last()) {
        (Stmt::Do, Some((last, body))) if matches!(last.stmt, Stmt::While(_)) && last.children.is_empty() => {
            (body, Some(last))
        }
        _ => (node.children.as_slice(), None),
    };
    let mut line = margin + &words(&node.stmt);
    if !node.note.is_empty() {
        line.push(' ');
        line.push_str(&node.note);
    }
    if let Some(claim) = node.claim {
        line.push_str("   // ");
        line.push_str(claim.text());
    }
    text.push_str(line.trim_end());
    text.push('\n');
    // What follows a guard in its block is under it in the tree.
    let is_open = matches!(&node.stmt, Stmt::Guard(guard) if !guard.is_scoped);
    let is_last = is_open && matches!(children, [only] if only.stmt == Stmt::Elision(Vec::new()));
    if !is_last {
        list(children, if is_open { indent } else { indent + INDENT }, text);
    }
    if let Some(last) = last {
        statement(last, indent, text);
    }
}

/// A statement on a line, without what is under it.
pub fn words(stmt: &Stmt) -> String {
    match stmt {
        Stmt::Call { name, args, result } => {
            let result = result.as_ref().map(|result| format!("{result} = ")).unwrap_or_default();
            format!("{result}{name}({})", args.join(", "))
        }
        Stmt::Assign(target, Expr::Call(name, args)) if name == "unknown" && args.is_empty() => format!("{target} = ?"),
        Stmt::Assign(target, value) => format!("{target} = {}", written(value)),
        Stmt::If(cond) => format!("if ({})", cond.text),
        Stmt::ElseIf(cond) => format!("else if ({})", cond.text),
        Stmt::Else => "else".to_owned(),
        Stmt::While(cond) => format!("while ({})", cond.text),
        Stmt::Do => "do".to_owned(),
        Stmt::Each(over) => over.clone(),
        Stmt::For(counted) => counted.text.clone(),
        Stmt::Init | Stmt::Step | Stmt::Deeper => String::new(),
        Stmt::Switch(cond) => format!("switch ({})", cond.text),
        Stmt::Case(cond) => format!("case {}:", cond.text),
        Stmt::Default => "default:".to_owned(),
        Stmt::Guard(guard) => guard.text.clone(),
        Stmt::Repeat(count) => format!("repeat {count}"),
        Stmt::Goto(label) => format!("goto {label}"),
        Stmt::Label(label) => format!("{label}:"),
        Stmt::Return(value) => format!("return {}", value.as_deref().unwrap_or_default()).trim_end().to_owned(),
        Stmt::Break => "break".to_owned(),
        Stmt::Continue => "continue".to_owned(),
        Stmt::Elision(names) if names.is_empty() => "...".to_owned(),
        Stmt::Elision(names) => format!("... {} ...", names.join(" ")),
        Stmt::Enter(Context::Hard) => "<IRQ>".to_owned(),
        Stmt::Enter(Context::Soft) => "<SOFTIRQ>".to_owned(),
        Stmt::Leave => "<EOI>".to_owned(),
        Stmt::Claim(claim) => format!("// {}", claim.text()),
        Stmt::Prose(text) => text.clone(),
        Stmt::Broken(_) => String::new(),
    }
}
