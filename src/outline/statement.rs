//! One line, or one cell of a diagram: which statement is it, less the decoration that people put around it?
//!
//! Blocks that C has besides `if` and `while` (`switch`, `for`, guards) and declarations are in `blocks`.
//!
//! Nothing here fails: what is no statement is prose, and the caller decides whether prose is a mistake where it stands.

use super::claims::{self, Claim};
use super::expr::{self, Expr};
use super::words;

pub(super) mod access;
mod blocks;
mod simple;

pub use simple::verb;
use simple::{assignment, returned, simple};

/// A condition: what it says, and the expression if it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cond {
    /// As written, without blanks at its ends.
    pub text: String,
    /// Nothing if it is no expression: then it is a free choice.
    pub expr: Option<Expr>,
}

impl Stmt {
    /// The condition of an `if` (at the first place of a chain), an `else if`, or none of an `else` (further on); nothing if the statement
    /// does not belong to the chain.
    pub fn branch(&self, is_first: bool) -> Option<Option<&Cond>> {
        match self {
            Stmt::If(cond) if is_first => Some(Some(cond)),
            Stmt::ElseIf(cond) if !is_first => Some(Some(cond)),
            Stmt::Else if !is_first => Some(None),
            _ => None,
        }
    }
}

impl Cond {
    fn new(text: &str) -> Cond {
        Cond { text: text.trim().to_owned(), expr: expr::parse_inside(text) }
    }
}

/// What a call's result goes to that is returned at once.
pub const RETURNED: &str = "return";

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stmt {
    /// A call, with its arguments as written, and what its result goes to.
    Call {
        /// The function.
        name: String,
        /// Its arguments.
        args: Vec<String>,
        /// The variable that is set.
        result: Option<String>,
    },
    /// `x = e`, and `x += e` as `x = x + e`.
    Assign(String, Expr),
    /// `if (e)`
    If(Cond),
    /// `else if (e)`
    ElseIf(Cond),
    /// `else`
    Else,
    /// `while (e)`
    While(Cond),
    /// `do`, whose condition comes behind its body.
    Do,
    /// A loop over something that is not modelled: any number of rounds.
    Each(String),
    /// `for (i = 0; i < n; i++)`; in a tree its first child is [`Stmt::Init`] and its last [`Stmt::Step`].
    For(Counted),
    /// What a `for` does before its first round.
    Init,
    /// What a `for` does after each round.
    Step,
    /// `switch (e)`: in a tree its children are its cases.
    Switch(Cond),
    /// `case e:`
    Case(Cond),
    /// `default:`
    Default,
    /// A lock that is given back at the end of the block: in a tree its children are what is done until then.
    Guard(Guard),
    /// `repeat n`
    Repeat(u32),
    /// `goto l`
    Goto(String),
    /// `l:`
    Label(String),
    /// `return`, with the value.
    Return(Option<String>),
    /// `break`
    Break,
    /// `continue`
    Continue,
    /// `...`, and what is named between the dots.
    Elision(Vec<String>),
    /// `<IRQ>` and the like: what follows runs in that context.
    Enter(Context),
    /// `<EOI>`: back to the task.
    Leave,
    /// What follows was nested deeper than trees are: a bound where a path comes to it.
    Deeper,
    /// Something that is said to happen here, alone on its line.
    Claim(Claim),
    /// Words.
    Prose(String),
    /// A parenthesis that is not closed, or something else that cannot be meant: what was expected.
    Broken(&'static str),
}

/// The head of a `for`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// As written.
    pub text: String,
    /// Before the first round.
    pub init: Vec<Stmt>,
    /// Nothing if it has none: then it goes round until something leaves it.
    pub cond: Option<Cond>,
    /// After each round.
    pub step: Vec<Stmt>,
}

/// `guard(mutex)(&m)`, `CLASS(mutex, g)(&m)` or `scoped_guard(mutex, &m)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// As written.
    pub text: String,
    /// The function that takes the lock.
    pub take: String,
    /// The one that gives it back.
    pub give: String,
    /// Arguments of both.
    pub args: Vec<String>,
    /// Has it a block of its own? Otherwise it holds to the end of the block that it is in.
    pub is_scoped: bool,
}

/// A context that a task is interrupted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// Hard interrupt.
    Hard,
    /// Softirq.
    Soft,
}

/// A statement, where its name begins and where it ends in the text, and what is written behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// Column of the name.
    pub from: usize,
    /// Behind the statement.
    pub to: usize,
    /// What it is.
    pub stmt: Stmt,
    /// Words behind it.
    pub note: String,
    /// What a remark claims to happen here.
    pub claim: Option<Claim>,
}

impl Parsed {
    /// With what a comment behind it says. Of a call that has a meaning of its own that is no news.
    pub fn remarked(&mut self, remark: &str) {
        if let Stmt::Call { name, .. } = &self.stmt
            && self.note.is_empty()
            && !super::vocabulary::is_known(name)
        {
            self.note.push_str(super::facts::of_remark(remark).unwrap_or_default());
        }
    }
}

/// The statements of a line, of which there is mostly one; none if it is blank, a comment or a brace.
pub fn parse(text: &str) -> Vec<Parsed> {
    let (code, remark) = words::split_remark(text);
    let claim = claims::claim(remark);
    let mut found = Vec::new();
    let mut at = words::undecorated(code);
    loop {
        let rest = &code[at..];
        // ", wants B" goes on with another phrase.
        let blanks = rest.len() - rest.trim_start_matches([' ', ';', ',']).len();
        at += blanks;
        let rest = code[at..].trim_end();
        if rest.is_empty() {
            break;
        }
        let (parsed, used) = one(rest);
        for mut parsed in parsed {
            parsed.from += at;
            parsed.to += at;
            found.push(parsed);
        }
        if used == 0 {
            break;
        }
        at += used;
    }
    if let Some(last) = found.last_mut() {
        last.remarked(remark);
        last.claim = last.claim.or(claim);
    } else if let Some(claim) = claim {
        let from = text.len() - text.trim_start().len();
        found.push(Parsed {
            from,
            to: text.trim_end().len(),
            stmt: Stmt::Claim(claim),
            note: String::new(),
            claim: None,
        });
    }
    found
}

fn done(stmt: Stmt, to: usize) -> Parsed {
    Parsed { from: 0, to, stmt, note: String::new(), claim: None }
}

/// The first statement of the text (two if it returns what a call returned), and how much of it they are.
fn one(text: &str) -> (Vec<Parsed>, usize) {
    let braces = words::braces(text);
    if braces > 0 {
        let inner = &text[braces..];
        let (mut parsed, used) = if inner.is_empty() { (Vec::new(), 0) } else { one(inner) };
        parsed.iter_mut().for_each(|p| (p.from, p.to) = (p.from + braces, p.to + braces));
        return (parsed, braces + used);
    }
    let whole = text.len();
    if let Some(claim) = claims::only_claim(text) {
        return (vec![done(Stmt::Claim(claim), whole)], whole);
    }
    if let Some(stmt) = special(text) {
        return (vec![done(stmt, whole)], whole);
    }
    if let Some(stmt) = access::read(text) {
        return (vec![done(stmt, whole)], whole);
    }
    if let Some(found) = keyword(text) {
        return found;
    }
    let start = words::type_prefix(text);
    if start > 0
        && let Some(declared) = blocks::declared(text, start)
    {
        return (declared, whole);
    }
    let (mut parsed, used) = simple(&text[start..]);
    // A function is as deep as the line on which its type is.
    parsed.to += start;
    (vec![parsed], used + start)
}

/// Elisions, contexts, rows of dots.
fn special(text: &str) -> Option<Stmt> {
    let bare = text.trim_end_matches(';').trim();
    if bare.bytes().all(|b| matches!(b, b'.' | b':' | b' ' | b'-' | b'=' | b'~' | b'_' | b'|' | b'^' | b'*')) {
        return Some(Stmt::Elision(Vec::new()));
    }
    if bare.starts_with("...") || bare.starts_with("[...") || bare.ends_with("...") && bare.matches(' ').count() < 4 {
        let inner = bare.trim_matches(['.', '[', ']', ' ']);
        let name = |word: &str| word.trim_end_matches("()").trim_matches([',', ';', '"', '\'']).to_owned();
        return Some(Stmt::Elision(inner.split_whitespace().map(name).filter(|w| words::is_name(w)).collect()));
    }
    // `{ A == 0, B == 1 }`: values at the beginning.
    if bare.starts_with('{') && bare.ends_with('}') && bare.contains('=') {
        return Some(Stmt::Elision(Vec::new()));
    }
    let upper = bare.to_ascii_uppercase();
    match upper.trim_matches(['*', ' ']) {
        "<IRQ>" | "<INTERRUPT>" | "<HARDIRQ>" | "<NMI>" | "IRQ:" | "<IRQ" | "INTERRUPT:" => {
            Some(Stmt::Enter(Context::Hard))
        }
        "<SOFTIRQ>" | "<BH>" | "SOFTIRQ:" => Some(Stmt::Enter(Context::Soft)),
        "<EOI>" | "</IRQ>" | "</SOFTIRQ>" | "</INTERRUPT>" | "</NMI>" => Some(Stmt::Leave),
        "<TASK>" | "</TASK>" => Some(Stmt::Elision(Vec::new())),
        _ => None,
    }
}

/// Behind a keyword: the rest if the word ends there.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(word)?;
    (!rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')).then_some(rest)
}

/// `(e)` at the beginning: what is inside, and what is behind it. Without parentheses, up to a colon or brace.
fn condition(text: &str) -> Option<(&str, &str)> {
    let trimmed = text.trim_start();
    if trimmed.starts_with('(') {
        let close = words::matching(trimmed)?;
        return Some((&trimmed[1..close], &trimmed[close + 1..]));
    }
    let end = trimmed.find(['{', ':']).unwrap_or(trimmed.len());
    Some((&trimmed[..end], &trimmed[end..]))
}

fn keyword(text: &str) -> Option<(Vec<Parsed>, usize)> {
    let whole = text.len();
    let single = |stmt| Some((vec![done(stmt, whole)], whole));
    if let Some(rest) = after_word(text, "else") {
        let trimmed = rest.trim_start();
        return match after_word(trimmed, "if") {
            Some(after) => conditional(text, after, Stmt::ElseIf),
            None => {
                let body = trimmed.trim_start_matches(['{', ':', ' ']);
                Some((vec![done(Stmt::Else, 4)], whole - body.len()))
            }
        };
    }
    for (word, make) in [("if", Stmt::If as fn(Cond) -> Stmt), ("while", Stmt::While), ("until", Stmt::While)] {
        if let Some(rest) = after_word(text, word) {
            // "if we are lucky, ..." is prose; a condition is in parentheses or short.
            let is_prose = !rest.trim_start().starts_with('(') && rest.split_whitespace().count() > 4;
            return if is_prose { None } else { conditional(text, rest, make) };
        }
    }
    if let Some(rest) = after_word(text, "return") {
        return Some(returned(text, rest));
    }
    if let Some(rest) = after_word(text, "goto") {
        let end = words::statement_end(rest);
        let to = whole - rest.len() + end;
        let label = rest[..end].trim();
        return words::is_name(label).then(|| (vec![done(Stmt::Goto(label.to_owned()), to)], to));
    }
    for (word, stmt) in [("break", Stmt::Break), ("continue", Stmt::Continue)] {
        let is_statement = |rest: &str| rest.is_empty() || rest.trim_start().starts_with([';', '}']);
        if after_word(text, word).is_some_and(is_statement) {
            return Some((vec![done(stmt, word.len())], word.len()));
        }
    }
    if let Some(rest) = after_word(text, "repeat") {
        let count = rest.trim().trim_end_matches([':', '{', ' ']).trim_matches(['(', ')']);
        return single(count.parse().map_or(Stmt::Broken("a number of rounds, such as `repeat 3`"), Stmt::Repeat));
    }
    if let Some(found) = blocks::keyword(text) {
        return Some(found);
    }
    if let Some(body) = after_word(text, "do").map(str::trim_start).filter(|body| body.starts_with('{')) {
        return Some((vec![done(Stmt::Do, 2)], whole - body.len()));
    }
    let bare = text.trim_end_matches([';', '{', ' ']).trim();
    match bare {
        "do" => return single(Stmt::Do),
        "loop" => return single(Stmt::While(Cond { text: "1".to_owned(), expr: Some(Expr::Int(1)) })),
        _ => {}
    }
    let is_each = ["for", "match"].iter().any(|word| {
        after_word(text, word).is_some_and(|rest| rest.contains('(') || rest.trim_end().ends_with([':', '{']))
    });
    if is_each || text.contains("for_each") && !text.contains('=') {
        return Some(blocks::each(text));
    }
    let label = text.trim_end().strip_suffix(':')?;
    (words::is_name(label) && !label.contains(['.', '>', ':']))
        .then(|| (vec![done(Stmt::Label(label.to_owned()), whole)], whole))
}

fn conditional(text: &str, rest: &str, make: fn(Cond) -> Stmt) -> Option<(Vec<Parsed>, usize)> {
    let whole = text.len();
    let Some((inside, behind)) = condition(rest) else {
        return Some((vec![done(Stmt::Broken("`)` to close the condition"), whole)], whole));
    };
    if inside.trim().is_empty() {
        return Some((vec![done(Stmt::Broken("a condition"), whole)], whole));
    }
    let body = behind.trim_start_matches([':', ' ', '{', '}']);
    let used = whole - body.len();
    // `while (e);` waits. Otherwise what stands behind the condition is its body.
    let stop = if body.starts_with(';') { whole - behind.len() } else { used };
    Some((vec![done(make(Cond::new(inside)), whole - behind.len())], stop))
}
