//! Heads of functions as C has them: parameters, and what a patch leaves out of the function.

use super::facts::Fact;
use super::source::{Line, Place, Source};
use super::statement::Stmt;
use super::tree::{File, Function};
use super::vocabulary::{self, Which, Word};
use super::words::{arguments, is_name, matching, plain};

/// Reads the heads of all functions.
pub(super) fn read(source: &Source, file: &mut File) {
    for group in &mut file.groups {
        let handed: Vec<[String; 3]> = group.functions.iter().flat_map(handed).collect();
        for [by, release, lock] in handed {
            for function in group.functions.iter_mut().filter(|function| function.name == release) {
                let fact = Fact::Holds(lock.clone());
                if !function.facts.contains(&fact) {
                    function.facts.push(fact);
                }
                function.handed_by.get_or_insert_with(|| by.clone());
            }
        }
        let starts: Vec<u32> = group.functions.iter().map(|function| function.place.line).collect();
        for function in &mut group.functions {
            let line = (function.place.line as usize).checked_sub(1).and_then(|at| source.lines.get(at));
            function.is_trace |= line.is_some_and(|line| line.is_traced);
        }
        for function in group.functions.iter_mut().filter(|function| !function.is_anonymous) {
            let head = text(source, function.place);
            function.params = params(&head);
            function.alike = alike(&head);
            let hunk = source.lines.get((function.place.line as usize).saturating_sub(1)).and_then(|line| line.hunk);
            let Some((of, is_partial)) = hunk else { continue };
            function.is_partial = is_partial;
            if is_partial {
                held(function);
            }
            let from = function.place.line;
            let next = starts.iter().copied().filter(|line| *line > from).min().unwrap_or(u32::MAX);
            let own = source.lines.iter().filter(|line| line.number > from && line.number < next);
            let mut open = own.skip_while(|line| !line.is_gap && !closes(of, line)).peekable();
            let gap = open.peek().filter(|line| line.is_gap);
            function.gap = gap.map(|line| Place { line: line.number, from: 0, to: 1 });
            function.is_cut = !open.any(|line| closes(of, line));
        }
    }
}

/// Release functions that are called with a lock held: `kref_put_mutex(&p->ref, release, &m)`.
fn handed(function: &Function) -> Vec<[String; 3]> {
    let mut found = Vec::new();
    for node in &function.body {
        node.each(&mut |node| {
            let Stmt::Call { name, args, .. } = &node.stmt else { return };
            if let ("kref_put_mutex" | "kref_put_lock", [_, release, lock]) = (name.as_str(), args.as_slice()) {
                found.push([name.clone(), plain(release), plain(lock)]);
            }
        });
    }
    found
}

/// Does the line end a function in the hunks of that file?
fn closes(of: u32, line: &Line) -> bool {
    line.hunk.is_some_and(|(file, _)| file == of) && !line.is_removed && line.text.starts_with('}')
}

/// The line of the head, the one before it if that is a type alone, and those that its parentheses go on in.
pub(super) fn text(source: &Source, place: Place) -> String {
    let at = (place.line as usize).saturating_sub(1);
    let Some(line) = source.lines.get(at) else { return String::new() };
    let mut text = String::new();
    let before = at.checked_sub(1).map(|before| source.lines[before].text.trim());
    if let Some(before) = before.filter(|before| before.len() > 2 && !before.contains(['(', ';', '}', '{', '/', ':'])) {
        text.push_str(before);
        text.push(' ');
    }
    text.push_str(line.text.trim());
    for line in source.lines.iter().skip(at + 1).take(4) {
        if !text.contains('(') || text.contains(')') {
            break;
        }
        text.push(' ');
        text.push_str(line.text.trim());
    }
    // A body on the same line says nothing of the head.
    text.split('{').next().unwrap_or("").to_owned()
}

/// `f(struct foo *foo, int n)` has the parameters `foo` and `n`; `f(foo)` has none, since it is a call.
pub(super) fn params(head: &str) -> Vec<String> {
    declared(head).into_iter().map(|(_, name)| name).collect()
}

/// The first two parameters that point to the same type.
fn alike(head: &str) -> Option<(String, String)> {
    let declared = declared(head);
    let pointers = || declared.iter().filter(|(kind, _)| kind.ends_with('*') && !kind.contains("void"));
    pointers().enumerate().find_map(|(at, (kind, one))| {
        let (_, other) = pointers().skip(at + 1).find(|(other, _)| other == kind)?;
        Some((one.clone(), other.clone()))
    })
}

/// Types and names of what a head declares.
fn declared(head: &str) -> Vec<(String, String)> {
    let Some(open) = head.find('(') else { return Vec::new() };
    let Some(close) = matching(&head[open..]) else { return Vec::new() };
    let with = |param: &String| {
        let name = parameter(param)?;
        Some((param.strip_suffix(name.as_str())?.replace(' ', ""), name))
    };
    arguments(&head[open + 1..open + close]).iter().filter_map(with).collect()
}

/// The name of `struct foo *foo`.
fn parameter(text: &str) -> Option<String> {
    let (kind, name) = text.rsplit_once([' ', '*'])?;
    (is_name(name) && !kind.trim_matches(['&', '*', ' ']).is_empty()).then(|| name.to_owned())
}

/// Is it a parameter of C, type and name?
pub(super) fn is_parameter(text: &str) -> bool {
    parameter(text).is_some() && !text.contains(['(', ')', '=', '"', '+', '/', '%', '>'])
}

/// If a hunk begins inside the function, the locks that it releases first are taken to be held there.
fn held(function: &mut Function) {
    let mut known: Vec<String> = Vec::new();
    let mut held = Vec::new();
    for node in &function.body {
        node.each(&mut |node| {
            let Stmt::Call { name, args, .. } = &node.stmt else { return };
            let (which, gives) = match vocabulary::word(name) {
                Some(Word::Lock(_, _, _, _, which)) => (which, false),
                Some(Word::Unlock(_, _, _, which)) => (which, true),
                _ => return,
            };
            let lock = match which {
                Which::Fixed(name) => name.to_owned(),
                Which::Field(field) => format!("{}->{field}", args.first().map(|arg| plain(arg)).unwrap_or_default()),
                Which::Arg(at) => args.get(at).map(|arg| plain(arg)).unwrap_or_default(),
            };
            if !known.contains(&lock) {
                if gives {
                    held.push(Fact::Holds(lock.clone()));
                }
                known.push(lock);
            }
        });
    }
    function.facts.extend(held);
}

#[cfg(test)]
mod tests {
    use super::params;

    #[test]
    fn parameters_are_what_a_head_declares() {
        assert_eq!(params("static int foo_remove(struct foo *foo, unsigned int n)"), ["foo", "n"]);
        assert_eq!(params("foo_remove(foo)"), [""; 0]);
        assert_eq!(params("foo_remove"), [""; 0]);
    }
}
