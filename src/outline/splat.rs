//! What lockdep prints: the chain that its box leaves out, and what it says of the kinds of locks.
//!
//! The box itself is a diagram. `Chain exists of: A --> B --> C` has a link for which the box shows no task: one is made.

use super::declare::Declaration;
use super::diagnostic::Diagnostic;
use super::reader::Reader;
use super::source::Place;
use super::statement::{Context, Stmt};
use super::tree::{Column, Diagram, Figure, Node};
use super::vocabulary::{self, Kind};
use super::words::plain;

/// Reads what is around boxes.
pub(super) fn read(reader: &mut Reader) {
    let is_report = |text: &str| {
        text.contains("possible ")
            && (text.contains("locking") || text.contains("lock ") || text.contains("dependency"))
    };
    let lines = &reader.source.lines;
    let has = |word: &str| lines.iter().any(|line| line.text.contains(word));
    if !lines.iter().any(|line| is_report(&line.text))
        && !has("Chain exists of:")
        && !has("unsafe locking scenario")
        && !has("inconsistent lock state")
    {
        return;
    }
    reader.is_report = true;
    kinds(reader);
    links(reader);
    heads(reader);
    let listed: Vec<usize> =
        (0..reader.source.lines.len()).filter(|&at| is_list(reader.source.lines[at].text.trim())).collect();
    listed.into_iter().for_each(|at| reader.taken[at] = true);
}

/// `1 lock held by foo/12:` and ` #0: ffff8880 (&a->lock){..}, at: f+0x1/0x2`: what the box is made of says nothing more.
pub(super) fn is_list(text: &str) -> bool {
    let held =
        text.contains(" lock held by ") || text.contains(" locks held by ") || text.contains("no locks held by ");
    let entry = text.starts_with('#') && text.contains("){")
        || text.contains("acquire lock:")
        || text.contains("holding lock:");
    let stamp = text.starts_with("irq event stamp:")
        || text.contains("irqs last  enabled at")
        || text.contains("irqs last disabled at");
    held || entry || stamp || text.contains("){") && text.contains(", at:")
}

/// What the head of a report says, where it has no box and no chain: a lock that is taken while it is held, or in an interrupt.
fn heads(reader: &mut Reader) {
    let lines = &reader.source.lines;
    let has = |word: &str| lines.iter().any(|line| line.text.contains(word));
    if has("Possible unsafe locking scenario") || has("unsafe locking scenario:") || has("-> #") {
        return;
    }
    let behind = |word: &str| {
        let at = lines.iter().position(|line| line.text.contains(word))?;
        lines[at..].iter().find_map(|line| {
            let text = &line.text;
            let open = text.find(" (").map(|at| at + 1).or_else(|| text.starts_with('(').then_some(0))?;
            let close = super::words::matching(&text[open..])?;
            text[open + close..].starts_with("){").then(|| (plain(&text[open + 1..open + close]), line.whole()))
        })
    };
    let column = match (behind("trying to acquire lock:"), behind("already holding lock:"), behind("} usage.")) {
        (Some(taken), Some(held), _) => task("CPU0".to_owned(), &[(&held.0, held.1), (&taken.0, taken.1)]),
        (_, _, Some((lock, place))) => {
            let context = if has("HARDIRQ") { Context::Hard } else { Context::Soft };
            let mut column = task("CPU0".to_owned(), &[(&lock, place)]);
            let inner = task(String::new(), &[(&lock, place)]);
            column.body.push(Node { children: inner.body, ..Node::made(place, Stmt::Enter(context)) });
            column
        }
        _ => return,
    };
    let place = column.body.first().map_or(Place::default(), |node| node.place);
    let columns = vec![column];
    let title = "a task was made of the head of the report, which has no box";
    let remarks = vec![Diagnostic::warning(title, place, "it is from here")];
    reader.file.diagrams.push(Diagram { figure: Figure::Box, place, columns, claims: Vec::new(), remarks });
}

/// `(&mm->mmap_lock){++++}-{3:3}`: used by readers; `{2:2}`: it spins.
fn kinds(reader: &mut Reader) {
    let mut known: Vec<String> = Vec::new();
    for line in &reader.source.lines {
        if let Some(timer) = timer(&line.text).filter(|timer| !known.contains(timer)) {
            known.push(timer.clone());
            reader.file.declarations.push((Declaration::Lock(timer, Kind::Spinlock), line.whole()));
        }
        let Some(at) = line.text.find("){") else { continue };
        let Some(open) =
            line.text[..at].find(" (").map(|at| at + 2).or_else(|| line.text.starts_with('(').then_some(1))
        else {
            continue;
        };
        let Some(name) = line.text.get(open..at).map(plain) else { continue };
        let bits: String = line.text[at + 2..].chars().take_while(|c| *c != '}').collect();
        if bits.len() != 4 || known.contains(&name) {
            continue;
        }
        let spins = line.text[at..].contains("-{2:2}");
        let is_read = bits.bytes().skip(1).step_by(2).any(|b| b != b'.');
        let kind = match (vocabulary::guess(&name), spins, is_read) {
            (Some(kind), false, false) => kind,
            (_, true, false) => Kind::Spinlock,
            (_, true, true) => Kind::Qrwlock,
            (_, false, true) => Kind::Rwsem,
            (None, false, false) => Kind::Mutex,
        };
        known.push(name.clone());
        reader.file.declarations.push((Declaration::Lock(name, kind), line.whole()));
    }
}

/// `((&dev->timer))` is the wait for the handler of a timer, which spins.
fn timer(text: &str) -> Option<String> {
    let open = text.find("((&")?;
    let close = super::words::matching(&text[open..])?;
    let inside = &text[open + 1..open + close];
    (super::words::matching(inside) == Some(inside.len() - 1)).then(|| plain(inside))
}

/// `-> #1 (X){..}:` without a box below: a holder of the one before takes X.
fn links(reader: &mut Reader) {
    let lines = &reader.source.lines;
    let has_box = lines.iter().any(|line| line.text.trim_start().starts_with("CPU0"));
    let mut found: Vec<(u32, String, Place)> = Vec::new();
    for line in lines {
        let text = line.text.trim();
        let Some(rest) = text.strip_prefix("-> #") else { continue };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (Ok(number), Some(open)) = (rest[..digits].parse(), rest.find('(')) else { continue };
        let Some(close) = super::words::matching(&rest[open..]) else { continue };
        found.push((number, plain(&rest[open + 1..open + close]), line.whole()));
    }
    if has_box || found.len() < 2 {
        return;
    }
    found.sort_by_key(|(number, ..)| *number);
    let columns = (0..found.len()).map(|at| {
        let held = &found[at.checked_sub(1).unwrap_or(found.len() - 1)];
        let taken = &found[at];
        task(format!("task {}", (b'A' + (at % 26) as u8) as char), &[(&held.1, taken.2), (&taken.1, taken.2)])
    });
    let columns = columns.collect();
    let place = found[0].2;
    reader.file.diagrams.push(Diagram { figure: Figure::Box, place, columns, claims: Vec::new(), remarks: Vec::new() });
}

/// A task that takes locks one inside the other.
fn task(name: String, locks: &[(&str, Place)]) -> Column {
    let lock = |(lock, place): &(&str, Place)| {
        Node::made(*place, Stmt::Call { name: "lock".to_owned(), args: vec![(*lock).to_owned()], result: None })
    };
    Column { name, body: locks.iter().map(lock).collect() }
}

/// The chain that is said to exist, with the place of its line.
pub(super) fn chain(reader: &Reader, before: usize) -> Option<(Vec<String>, Place)> {
    let lines = &reader.source.lines;
    let head = (0..before).rev().find(|&at| lines[at].text.contains("Chain exists of:"))?;
    let mut text = String::new();
    let mut place = lines[head].whole();
    for line in lines[head + 1..before].iter().take_while(|line| !line.text.contains("unsafe")) {
        if line.text.contains("-->") {
            place = line.whole();
        } else if text.is_empty() || line.is_blank() {
            if line.is_blank() && !text.is_empty() {
                break;
            }
            continue;
        }
        text.push(' ');
        text.push_str(&line.text);
    }
    let names: Vec<String> = text.split("-->").map(|name| plain(name.trim())).filter(|name| !name.is_empty()).collect();
    (names.len() >= 2).then_some((names, place))
}

/// Tasks for the links of the chain that no column of the box shows.
pub(super) fn complete(columns: &mut Vec<Column>, chain: &[String], place: Place) -> Vec<String> {
    let taken = |column: &Column| -> Vec<String> {
        let mut locks = Vec::new();
        column.body.iter().for_each(|node| {
            node.each(&mut |node| {
                if let Stmt::Call { args, .. } = &node.stmt
                    && let Some(lock) = args.first()
                {
                    locks.push(plain(lock));
                }
            });
        });
        locks
    };
    let mut added = Vec::new();
    for link in chain.windows(2) {
        let is_shown = columns.iter().map(taken).any(|locks| {
            let at = |lock: &String| locks.iter().position(|known| known == lock);
            matches!((at(&link[0]), at(&link[1])), (Some(outer), Some(inner)) if outer < inner)
        });
        if !is_shown {
            let name = format!("CPU{}", columns.len());
            columns.push(task(name, &[(&link[0], place), (&link[1], place)]));
            added.push(format!("{} --> {}", link[0], link[1]));
        }
    }
    added
}
