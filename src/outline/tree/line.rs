//! Statements that stand on one line: how deep is each?

use super::Item;
use crate::outline::source::Line;
use crate::outline::statement::{self, Stmt};
use crate::outline::{vocabulary, words};

/// A branch that is open on the line.
struct Open {
    /// How deep the branch itself is.
    depth: usize,
    /// A brace was opened: one closes it. Without one it ends with its first statement, unless a colon says that it is the rest of the line.
    ends: Ends,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    Brace,
    Statement,
    Line,
}

/// Items of a part of a line that begins at the column `start`.
pub fn items(line: &Line, start: usize, text: &str) -> Vec<Item> {
    let links = words::links(text);
    if links.len() > 1 {
        return chain(line, start, text, &links);
    }
    let mut parsed = statement::parse(text);
    // A block comment is blank in the text, and still on the line.
    let behind = line.text.get(start..).and_then(|whole| whole.get(text.trim_end().len()..text.len())).unwrap_or("");
    if let (Some(last), Some((_, comment))) = (parsed.last_mut(), behind.split_once("/*")) {
        last.remarked(comment.split("*/").next().unwrap_or(comment));
    }
    // `return f()` is the call, and then the return: both are as deep as the word that comes first.
    let first = parsed.iter().map(|parsed| parsed.from).min().unwrap_or(0);
    let mut open: Vec<Open> = Vec::new();
    let mut found: Vec<Item> = Vec::new();
    let mut before: Option<(usize, usize)> = None;
    for parsed in parsed {
        let depth = match (found.last(), before) {
            (Some(last), Some((from, to))) => {
                follow(last, text.get(from.min(parsed.from)..parsed.from), text.get(to..parsed.from), &mut open)
            }
            // `} else` is as deep as the brace, which is below the `if`.
            _ if goes_on(&parsed.stmt) => start + text[..first].find('}').unwrap_or(first),
            _ => start + first,
        };
        before = Some((parsed.from, parsed.to));
        let place = line.place(start + parsed.from, start + parsed.to);
        found.push(Item { depth, place, parsed });
    }
    found
}

/// How deep is the statement behind `last`? The texts lead up to it: from where `last` begins, and from where it ends.
fn follow(last: &Item, since: Option<&str>, behind: Option<&str>, open: &mut Vec<Open>) -> usize {
    let (since, behind) = (since.unwrap_or(""), behind.unwrap_or(""));
    if is_branch(&last.parsed.stmt) && !behind.trim_start().starts_with(';') {
        let is_named = matches!(last.parsed.stmt, Stmt::Case(_) | Stmt::Default);
        let ends = match behind.trim_start().bytes().next() {
            Some(b'{') => Ends::Brace,
            Some(b':') => Ends::Line,
            _ if is_named => Ends::Line,
            _ => Ends::Statement,
        };
        open.push(Open { depth: last.depth, ends });
        return last.depth + 1;
    }
    let mut depth = last.depth;
    let mut close = |open: &mut Vec<Open>, ends: Ends| {
        if let Some(closed) = open.pop_if(|top| top.ends == ends) {
            depth = closed.depth;
            return true;
        }
        false
    };
    if since.contains(';') {
        while close(open, Ends::Statement) {}
    }
    for _ in 0..outside(since).matches('}').count() {
        while close(open, Ends::Line) {}
        close(open, Ends::Brace);
        while close(open, Ends::Statement) {}
    }
    depth
}

/// Less what is in parentheses.
fn outside(text: &str) -> String {
    let mut depth = 0i32;
    text.chars()
        .filter(|c| {
            depth += i32::from(*c == '(') - i32::from(*c == ')');
            depth == 0
        })
        .collect()
}

/// Does it go on with what a brace before it ended?
fn goes_on(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::Else | Stmt::ElseIf(_) | Stmt::While(_))
}

/// `f() -> g() -> mutex_lock(&m)`: what stands behind a function happens in it; what a word of the kernel is followed by comes after it.
fn chain(line: &Line, start: usize, text: &str, links: &[std::ops::Range<usize>]) -> Vec<Item> {
    let mut found: Vec<Item> = Vec::new();
    let mut depth = start + links[0].start;
    for link in links {
        for parsed in statement::parse(&text[link.clone()]) {
            let at = start + link.start;
            let is_known = matches!(&parsed.stmt, Stmt::Call { name, .. } if vocabulary::is_known(name));
            let place = line.place(at + parsed.from, at + parsed.to);
            found.push(Item { depth, place, parsed });
            depth += usize::from(!is_known);
        }
    }
    found
}

fn is_branch(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::If(_) | Stmt::ElseIf(_) | Stmt::Else | Stmt::While(_) | Stmt::Do | Stmt::Each(_) | Stmt::Repeat(_) => {
            true
        }
        Stmt::For(_) | Stmt::Switch(_) | Stmt::Case(_) | Stmt::Default => true,
        Stmt::Guard(guard) => guard.is_scoped,
        _ => false,
    }
}
