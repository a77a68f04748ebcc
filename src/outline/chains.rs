//! Chains of locks: `A: &rtnl_mutex --> &wdev->mtx` is a task that takes the second inside the first.
//!
//! Names alone may be anything, states for example, so all of a chain have to be called like locks. Boxes of lockdep have chains of their own.

use super::reader::Reader;
use super::source::{Line, Place};
use super::statement::Stmt;
use super::tree::{Column, Diagram, Figure, Node};
use super::verbs::is_lock_like;
use super::words::{is_name, plain};

/// Makes one figure of all chains of the text.
pub(super) fn read(reader: &mut Reader) {
    if reader.is_report {
        return;
    }
    let mut columns: Vec<Column> = Vec::new();
    let mut first: Option<Place> = None;
    for at in 0..reader.source.lines.len() {
        let line = &reader.source.lines[at];
        let Some((name, locks)) = chain(line).filter(|_| reader.is_open(at)) else { continue };
        let lock = |(lock, place): (String, Place)| {
            Node::made(place, Stmt::Call { name: "lock".to_owned(), args: vec![lock], result: None })
        };
        columns.push(Column { name, body: locks.into_iter().map(lock).collect() });
        first.get_or_insert(line.whole());
        reader.taken[at] = true;
    }
    let Some(place) = first else { return };
    let (claims, remarks) = (Vec::new(), Vec::new());
    reader.file.diagrams.push(Diagram { figure: Figure::Sections, place, columns, claims, remarks });
}

/// The name of the chain, and its locks.
fn chain(line: &Line) -> Option<(String, Vec<(String, Place)>)> {
    let text = line.text.trim_end();
    let arrow = ["--->", "-->", "->"].into_iter().find(|arrow| text.contains(&format!(" {arrow} ")))?;
    let (label, from) = match text.split_once(": ") {
        Some((label, rest)) if !label.contains(arrow) => (label.trim(), text.len() - rest.len()),
        _ => ("", 0),
    };
    let mut locks = Vec::new();
    let mut at = from;
    for part in text[from..].split(&format!(" {arrow} ")) {
        let name = plain(part);
        let is_lower = name.bytes().all(|b| !b.is_ascii_uppercase());
        if !is_name(&name) || !is_lower || !is_lock_like(&name) || name.contains("locked") || name.contains("unlock") {
            return None;
        }
        let blanks = part.len() - part.trim_start().len();
        locks.push((name, line.place(at + blanks, at + part.trim_end().len())));
        at += part.len() + arrow.len() + 2;
    }
    let name = if label.is_empty() { format!("chain at line {}", line.number) } else { label.to_owned() };
    Some((name, locks))
}
