//! Finds what a text holds: declarations, outlines, diagrams, boxes, steps, orders; the rest of a mail is counted.
//!
//! A file with declarations, or without a sentence, is an outline as a whole: then what cannot be read is a mistake. Anything else is
//! searched, as a mail is.

use super::declare::{self, Declaration};
use super::diagnostic::{Diagnostic, Label, Severity};
use super::reader::{Reader, without_comments};
use super::source::{Line, Place, Source, runs};
use super::statement::Stmt;
use super::tree::{File, Function, Group, Item, Node, items, nest};
use super::{chains, diagram, margin, order, sections, splat, steps, told, vocabulary, words};

/// Mistakes that are told at most: a file of noise has one a line.
pub const MISTAKES_MAX: usize = 100;

/// Reads a text of any bytes. What is wrong with it is part of the result.
pub fn parse(source: &Source) -> File {
    let taken = source.lines.iter().map(|line| line.is_removed || is_comment(line)).collect();
    let mut reader = Reader { source, taken, file: File::default(), is_report: false };
    splat::read(&mut reader);
    told::read(&mut reader);
    sections::read(&mut reader);
    diagram::read(&mut reader);
    order::read(&mut reader);
    chains::read(&mut reader);
    margin::read(&mut reader);
    reader.declarations();
    if reader.is_declared_outline() {
        reader.comments();
    } else {
        steps::read(&mut reader);
        diagram::read_headerless(&mut reader);
    }
    let is_outline = reader.is_outline();
    for run in bodies(&source.lines) {
        reader.trees(run, is_outline);
    }
    reader.finish();
    reader.file
}

/// Runs of lines; a blank line in the braces of a function does not end it.
fn bodies(lines: &[Line]) -> Vec<std::ops::Range<usize>> {
    let mut joined: Vec<std::ops::Range<usize>> = Vec::new();
    for run in runs(lines) {
        let goes_on = joined.last().is_some_and(|before| {
            if let (Some((file, _)), Some((next, _))) = (lines[before.end - 1].hunk, lines[run.start].hunk) {
                return file == next;
            }
            let least = lines[before.clone()].iter().map(Line::indent).min().unwrap_or(0);
            open_braces(&lines[before.clone()]) > 0
                && (lines[run.start].indent() > least || ends_or_marks(lines[run.start].text.trim()))
        });
        match joined.last_mut() {
            Some(before) if goes_on => before.end = run.end,
            _ => joined.push(run),
        }
    }
    joined
}

/// `}`, or a label, which C has at the left margin.
fn ends_or_marks(text: &str) -> bool {
    text.starts_with('}')
        || text.strip_suffix(':').is_some_and(|name| words::is_name(name) && !name.contains(['.', '>']))
}

fn open_braces(lines: &[Line]) -> i32 {
    let code = lines.iter().filter(|line| !line.is_removed).map(|line| words::split_remark(&line.text).0);
    let sign = |b: u8| i32::from(b == b'{') - i32::from(b == b'}');
    code.flat_map(str::bytes).map(sign).sum()
}

/// Lines that a statement may have.
const CONTINUED_MAX: usize = 8;

/// Parentheses that are still open at the end of a text.
fn open_parentheses(text: &str) -> i32 {
    let (code, _) = words::split_remark(text);
    code.bytes().map(|b| i32::from(b == b'(') - i32::from(b == b')')).sum()
}

/// `#` begins a comment at the start of a line; `#0:` and `#define` are none.
fn is_comment(line: &Line) -> bool {
    let text = line.text.trim_start();
    text.strip_prefix('#').is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '#', '!', '-', '=']))
}

impl Reader<'_> {
    fn declarations(&mut self) {
        for at in 0..self.source.lines.len() {
            if !self.is_open(at) {
                continue;
            }
            let line = &self.source.lines[at];
            match declare::parse(line) {
                Some(Ok(found)) => {
                    self.file.declarations.extend(found.into_iter().map(|found| (found, line.whole())));
                    self.taken[at] = true;
                }
                Some(Err(mistake)) if self.is_declared(at) => {
                    self.file.mistakes.push(mistake);
                    self.taken[at] = true;
                }
                _ => {}
            }
        }
    }

    /// Beside an outline with declarations, a block comment that has a sentence and none of them is a comment.
    fn comments(&mut self) {
        let lines = &self.source.lines;
        let mut at = 0;
        while at < lines.len() {
            let count = lines[at..].iter().take_while(|line| line.in_comment).count();
            let words = |at: usize| !self.taken[at] && is_sentence(&lines[at].text);
            if (at..at + count).any(words) && !(at..at + count).any(|at| self.taken[at]) {
                self.taken[at..at + count].fill(true);
            }
            at += count.max(1);
        }
    }

    /// A mistaken declaration is one beside others, or where no sentence is.
    fn is_declared(&self, at: usize) -> bool {
        !self.file.declarations.is_empty() || words::prose_words(&self.source.lines[at].text) < 4
    }

    /// Does the text say that it is one outline?
    fn is_declared_outline(&self) -> bool {
        !self.is_report && (self.source.name.ends_with(".outline") || !self.file.declarations.is_empty())
    }

    /// Is the whole text one outline?
    fn is_outline(&self) -> bool {
        if self.is_report {
            return false;
        }
        if self.is_declared_outline() {
            return true;
        }
        let sentences =
            (0..self.source.lines.len()).filter(|&at| self.is_open(at) && is_sentence(&self.source.lines[at].text));
        self.file.diagrams.is_empty() && !self.source.is_mail && sentences.count() == 0
    }

    /// Outlines of a run of lines.
    fn trees(&mut self, run: std::ops::Range<usize>, is_outline: bool) {
        let open: Vec<usize> = run.filter(|&at| self.is_open(at)).collect();
        if is_trace(open.iter().map(|&at| self.source.lines[at].text.as_str())) {
            return self.trace(&open);
        }
        let mut read: Vec<(usize, Vec<Item>)> = Vec::new();
        let mut in_comment = false;
        let mut behind = 0;
        for (nth, &at) in open.iter().enumerate() {
            if nth < behind {
                self.taken[at] = true;
                continue;
            }
            let line = &self.source.lines[at];
            let (mut text, is_open) = without_comments(&line.text, in_comment);
            in_comment = is_open;
            if let Some((whole, end)) = self.continued(&text, &open, nth) {
                (text, behind) = (whole, end);
            }
            let found = items(line, 0, &text);
            if found.is_empty()
                || found.iter().all(|item| matches!(item.parsed.stmt, Stmt::Elision(ref names) if names.is_empty()))
                    && !is_outline
            {
                self.taken[at] = true;
                continue;
            }
            read.push((at, found));
        }
        if is_outline {
            self.strict(read);
        } else {
            self.search(read);
        }
    }

    /// A statement whose parentheses close on a line below, and where what follows it begins.
    fn continued(&self, text: &str, open: &[usize], nth: usize) -> Option<(String, usize)> {
        let mut whole = words::split_remark(text).0.trim_end().to_owned();
        if open_parentheses(&whole) <= 0 {
            return None;
        }
        for end in nth + 1..(nth + CONTINUED_MAX).min(open.len()) {
            let next = &self.source.lines[open[end]];
            if open[end] != open[end - 1] + 1 {
                return None;
            }
            let (more, _) = without_comments(&next.text, false);
            whole.push(' ');
            whole.push_str(words::split_remark(&more).0.trim());
            if open_parentheses(&whole) <= 0 {
                return Some((whole, end + 1));
            }
        }
        None
    }

    fn strict(&mut self, read: Vec<(usize, Vec<Item>)>) {
        let least = read.iter().flat_map(|(_, items)| items).map(|item| item.depth).min().unwrap_or(0);
        let mut kept = Vec::new();
        for (at, items) in read {
            if items.len() == 1
                && matches!(&items[0].parsed.stmt, Stmt::Prose(text) if is_caption(text))
                && items[0].depth == least
            {
                // A caption above a tree says nothing of the tree, and parts it from the one before.
                self.functions(std::mem::take(&mut kept));
                continue;
            }
            self.taken[at] = true;
            for item in items {
                match &item.parsed.stmt {
                    Stmt::Broken(expected) => {
                        let title = "this line is not complete";
                        self.file.mistakes.push(Diagnostic::mistake(title, item.place, format!("expected {expected}")));
                    }
                    Stmt::Prose(text) if item.depth == least => {
                        let title = format!("`{}` is no statement", shortened(text));
                        let expected = "expected a function, a call, an assignment or a declaration";
                        self.file.mistakes.push(Diagnostic::mistake(title, item.place, expected));
                    }
                    _ => kept.push(item),
                }
            }
        }
        self.functions(kept);
    }

    /// Of a mail: the stretches of lines that are code.
    fn search(&mut self, read: Vec<(usize, Vec<Item>)>) {
        let mut stretch: Vec<(usize, Vec<Item>)> = Vec::new();
        for (at, items) in read {
            let least = stretch.iter().flat_map(|(_, items)| items).map(|item| item.depth).min();
            let is_words = items.iter().any(|item| matches!(item.parsed.stmt, Stmt::Prose(_) | Stmt::Broken(_)));
            // Words inside a tree are a remark of its author.
            let is_inside =
                least.is_some_and(|least| items[0].depth > least) && !is_sentence(&self.source.lines[at].text);
            if is_words && !is_inside {
                self.stretch(std::mem::take(&mut stretch));
            } else {
                stretch.push((at, items));
            }
        }
        self.stretch(stretch);
    }

    fn stretch(&mut self, stretch: Vec<(usize, Vec<Item>)>) {
        // Around a box are single addresses, not outlines.
        if !is_evident(&stretch)
            || self.is_report && stretch.iter().any(|(at, _)| self.source.lines[*at].text.contains("+0x"))
        {
            return;
        }
        stretch.iter().for_each(|(at, _)| self.taken[*at] = true);
        self.functions(stretch.into_iter().flat_map(|(_, items)| items).collect());
    }

    /// Functions at the least depth; a list of statements without a head line is one without a name.
    fn functions(&mut self, mut kept: Vec<Item>) {
        heads(&mut kept);
        let nodes = nest(kept);
        if nodes.is_empty() {
            return;
        }
        let is_head = |node: &Node| {
            let Stmt::Call { name, args, .. } = &node.stmt else { return false };
            // A function may have a verb for a name: `release` with lines under it, or `up(struct entry *e)`.
            let is_c = || !args.is_empty() && args.iter().all(|arg| arg == "void" || super::heads::is_parameter(arg));
            let is_named_so = !node.children.is_empty() && (args.is_empty() && vocabulary::is_verb(name) || is_c());
            !vocabulary::is_known(name) || is_named_so
        };
        let has_bodies = nodes.iter().any(|node| !node.children.is_empty() && is_head(node));
        if nodes.iter().all(is_head) && (has_bodies || nodes.len() == 1) {
            nodes.into_iter().for_each(|node| self.function(node));
        } else if nodes.iter().any(|node| !node.children.is_empty() && is_head(node))
            && nodes.iter().all(|n| is_head(n) || matches!(n.stmt, Stmt::Claim(_) | Stmt::Elision(_)))
        {
            nodes.into_iter().filter(is_head).for_each(|node| self.function(node));
        } else {
            let place = nodes[0].place;
            let name = format!("line {}", place.line);
            self.add(Function { name, place, body: nodes, is_anonymous: true, ..Function::default() });
        }
    }

    fn function(&mut self, node: Node) {
        let Stmt::Call { name, .. } = node.stmt else { return };
        self.add(Function { name, place: node.place, facts: node.facts, body: node.children, ..Function::default() });
    }

    fn add(&mut self, function: Function) {
        let is_again = |group: &Group| group.functions.iter().any(|known| known.name == function.name);
        match self.file.groups.last_mut() {
            Some(group) if !is_again(group) => group.functions.push(function),
            _ => self.file.groups.push(Group { functions: vec![function] }),
        }
    }

    /// A stack trace: innermost first, so each line is called by the next.
    fn trace(&mut self, open: &[usize]) {
        if self.is_report && !self.file.diagrams.is_empty() {
            // The box says what the traces are about.
            open.iter().for_each(|at| self.taken[*at] = true);
            return;
        }
        let mut frames = Vec::new();
        for &at in open {
            let line = &self.source.lines[at];
            self.taken[at] = true;
            let text = line.text.trim();
            if !text.contains("+0x") || text.starts_with('?') {
                continue;
            }
            let from = text.find(']').filter(|_| text.starts_with('[')).map_or(0, |at| at + 1);
            let start = line.indent() + from;
            frames.extend(items(line, start, &line.text[start..]).into_iter().next());
        }
        frames.reverse();
        frames.iter_mut().enumerate().for_each(|(depth, item)| item.depth = depth);
        // What printed the trace says where it was.
        let says = |line: &&Line| {
            [
                "sleeping function called from invalid context",
                "scheduling while atomic",
                "in_atomic(): 1",
                "irqs_disabled(): 1",
            ]
            .iter()
            .any(|words| line.text.contains(words))
        };
        if let (Some(outermost), Some(_)) = (frames.first_mut(), self.source.lines.iter().find(says)) {
            outermost.parsed.note = "in atomic context".to_owned();
        }
        // What went wrong is in the report, and not in the names of its frames.
        let reports =
            ["blocked for more than", "KASAN:", "KCSAN:", "soft lockup", "hard LOCKUP", "self-detected stall"];
        let others =
            ["WARNING:", "BUG:", "INFO:", "refcount_t:", "Oops", "general protection fault", "Unable to handle"];
        let is_told =
            |words: &[&str]| self.source.lines.iter().any(|l| words.iter().any(|words| l.text.contains(words)));
        let is_report = is_told(&reports) || is_told(&others) && !self.source.lines.iter().any(|line| says(&line));
        let lines: Vec<u32> = frames.iter().filter(|_| is_report).map(|frame| frame.place.line).collect();
        self.functions(frames);
        for function in self.file.groups.iter_mut().flat_map(|group| &mut group.functions) {
            function.is_trace |= lines.contains(&function.place.line);
        }
    }

    fn finish(&mut self) {
        let lines = &self.source.lines;
        self.file.unread = (0..lines.len()).filter(|&at| self.is_open(at)).map(|at| lines[at].number).collect();
        self.duplicates();
        for diagram in &mut self.file.diagrams {
            super::behind::read(self.source, &mut diagram.columns);
        }
        super::heads::read(self.source, &mut self.file);
        super::handed::read(&mut self.file);
        super::roles::read(self.source, &mut self.file);
        let nothing = self.file.groups.is_empty()
            && self.file.diagrams.is_empty()
            && self.file.told.is_empty()
            && self.file.declarations.is_empty();
        if nothing && self.file.mistakes.is_empty() {
            let place = lines.iter().find(|line| !line.is_blank()).map_or(Place::default(), Line::whole);
            let title = if place.is_somewhere() {
                "no outline, diagram or lockdep box was found"
            } else {
                "the input is empty"
            };
            self.file.mistakes.push(Diagnostic::mistake(title, place, "the search began here"));
        }
        self.file.mistakes.sort_by_key(|mistake| mistake.labels.first().map(|label| label.place));
        let more = self.file.mistakes.len().saturating_sub(MISTAKES_MAX);
        if more > 0 {
            self.file.mistakes.truncate(MISTAKES_MAX);
            self.file.mistakes.push(Diagnostic::mistake(
                format!("{more} more mistakes are not shown"),
                Place::default(),
                "",
            ));
        }
    }

    /// A name is declared once.
    fn duplicates(&mut self) {
        let mut known: std::collections::HashMap<(&str, &str), Place> = std::collections::HashMap::new();
        for (declaration, place) in &self.file.declarations {
            let key = match declaration {
                Declaration::Lock(name, _) => ("name", name.as_str()),
                Declaration::Atomic(name, _) | Declaration::Var(name, _) => ("name", name.as_str()),
                Declaration::Pointer(name, ..) | Declaration::Object(name, _) | Declaration::List(name, _) => {
                    ("name", name.as_str())
                }
                Declaration::Fn(name, _) => ("function", name.as_str()),
                Declaration::Task(name, ..) => ("task", name.as_str()),
                _ => continue,
            };
            if let Some(first) = known.insert(key, *place) {
                let labels = vec![
                    Label { place: *place, text: "declared again here".to_owned() },
                    Label { place: first, text: "first declared here".to_owned() },
                ];
                let title = format!("the {} `{}` is declared twice", key.0, key.1);
                self.file.mistakes.push(Diagnostic {
                    severity: Severity::Error,
                    code: None,
                    title,
                    labels,
                    notes: Vec::new(),
                });
            }
        }
    }
}

/// Names that C code gives to labels: where a `goto` is left out, they still are no functions.
const LABELS: [&str; 16] = [
    "out", "err", "error", "fail", "failed", "unlock", "done", "again", "retry", "restart", "repeat", "exit", "end",
    "cleanup", "free", "undo",
];

/// `g:` at the left margin with lines under it is the head of a function, unless a `goto` or the name says that it is a label.
fn heads(items: &mut [Item]) {
    let least = items.iter().map(|item| item.depth).min().unwrap_or(0);
    let jumps: std::collections::HashSet<String> = (items.iter())
        .filter_map(|item| if let Stmt::Goto(label) = &item.parsed.stmt { Some(label.clone()) } else { None })
        .collect();
    let is_usual = |name: &str| LABELS.iter().any(|known| name.split('_').any(|part| part == *known));
    for at in 0..items.len() {
        let is_body = items.get(at + 1).is_some_and(|next| next.depth > least);
        let Stmt::Label(name) = &items[at].parsed.stmt else { continue };
        if items[at].depth == least && is_body && !jumps.contains(name) && !is_usual(name) {
            items[at].parsed.stmt = Stmt::Call { name: name.clone(), args: Vec::new(), result: None };
        }
    }
}

/// `Path 1:`, `the reader does:`
fn is_caption(text: &str) -> bool {
    let text = text.trim_end();
    text.ends_with(':') && words::prose_words(text) > 0 && text.contains(' ') && !text.contains(['(', '=', '{', ';'])
}

/// A line that a person wrote to a person.
fn is_sentence(text: &str) -> bool {
    let (code, _) = words::split_remark(text);
    words::prose_words(code) >= 4
        && super::statement::parse(code).iter().any(|parsed| matches!(parsed.stmt, Stmt::Prose(_)))
}

/// Is there reason to believe that these lines are code? One plain word may be a name at the end of a mail.
fn is_evident(stretch: &[(usize, Vec<Item>)]) -> bool {
    let known = |item: &Item| match &item.parsed.stmt {
        Stmt::Call { name, args, .. } => name.contains('_') || !args.is_empty() || vocabulary::is_known(name),
        Stmt::If(_) | Stmt::While(_) | Stmt::For(_) | Stmt::Switch(_) | Stmt::Guard(_) | Stmt::Assign(..) => true,
        _ => false,
    };
    let calls =
        || stretch.iter().flat_map(|(_, items)| items).filter(|item| matches!(item.parsed.stmt, Stmt::Call { .. }));
    let depths = calls().map(|item| item.depth);
    let is_nested = depths.clone().min() < depths.max();
    calls().count() > 0
        && stretch.iter().flat_map(|(_, items)| items).any(known)
        && (is_nested || stretch.len() > 1 || calls().any(|item| item.parsed.note.is_empty() && known(item)))
}

fn is_trace<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> bool {
    texts.clone().filter(|text| text.contains("+0x")).count() >= 3
}

fn shortened(text: &str) -> String {
    if text.len() <= 40 { text.to_owned() } else { format!("{}...", &text[..37]) }
}
