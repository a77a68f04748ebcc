//! Declarations: what a file says about its names.

use super::diagnostic::Diagnostic;
use super::expr::{self, Expr};
use super::facts::{self, Fact};
use super::source::{Line, Place};
use super::vocabulary::Kind;
use super::words::{arguments, called_name, is_name, plain};

/// A call of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The function.
    pub name: String,
    /// Where it is written.
    pub place: Place,
}

/// How a task runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runs {
    /// From the start.
    Task,
    /// Once, on top of whatever a CPU does with interrupts on.
    Hard,
    /// Once, on top of whatever a CPU does with bottom halves on.
    Soft,
    /// When it is queued.
    Work,
    /// It is queued from the start.
    Pending,
    /// When it is armed: in a softirq.
    Timer,
}

/// How a function comes to run that no line declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The handler, the work or the timer.
    pub name: String,
    /// How it runs.
    pub runs: Runs,
    /// What says so.
    pub why: String,
}

impl Role {
    /// What is taken for granted.
    pub fn text(&self, function: &str) -> String {
        let (name, why) = (&self.name, &self.why);
        match self.runs {
            Runs::Hard if name == function => format!("{function} runs in hard interrupts: {why}"),
            Runs::Soft => format!("{function} runs in softirqs: {why}"),
            _ => format!("{function} is the function of {name}: {why}"),
        }
    }

    /// The line that would declare it.
    pub fn declaration(&self, function: &str) -> String {
        let word = match self.runs {
            Runs::Hard => "irq",
            Runs::Soft => "softirq",
            Runs::Timer => "timer",
            Runs::Work | Runs::Pending | Runs::Task => "work",
        };
        format!("{word} {}: {function}", self.name)
    }
}

/// A declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Declaration {
    /// `lock NAME: KIND`
    Lock(String, Kind),
    /// `atomic NAME = N`
    Atomic(String, i64),
    /// `var NAME = N`
    Var(String, i64),
    /// `fn NAME: FACTS`
    Fn(String, Vec<Fact>),
    /// `task NAME: CALLS` and its relatives
    Task(String, Runs, Vec<Call>),
    /// `assert EXPR`: holds when all tasks have ended.
    Assert(Expr),
    /// `never EXPR`: holds in no state.
    Never(Expr),
    /// One lock may be taken inside the other.
    Order(String, String),
    /// `protects LOCK: NAMES`
    Protects(String, Vec<String>),
    /// `entry NAME: FACTS`
    Entry(String, Vec<Fact>),
    /// `var NAME = OBJECT`, or `atomic NAME = OBJECT`: what it points to, and whether it is atomic.
    Pointer(String, String, bool),
    /// `obj NAME { FIELD = N, FIELD }`
    Object(String, Vec<(String, First)>),
    /// `list NAME = OBJECTS`
    List(String, Vec<String>),
}

/// What a field is at the beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum First {
    /// A number.
    Number(i64),
    /// A pointer to the object.
    Object(String),
}

/// A line that is a declaration, or a mistaken one; nothing if it is none.
pub fn parse(line: &Line) -> Option<Result<Vec<Declaration>, Diagnostic>> {
    let text = without_comment(&line.text);
    let start = line.indent();
    let body = text.get(start..)?.trim_end();
    let (word, rest) = body.split_at(body.find(' ')?);
    let reader = Reader { line, at: start + word.len(), text };
    let rest = rest.trim();
    if rest.is_empty() || rest.starts_with('(') || rest.starts_with('=') {
        return None;
    }
    match word {
        "lock" => reader.lock(rest),
        "atomic" | "atomic_t" => Some(reader.variable(rest, "atomic", Declaration::Atomic)),
        "var" => Some(reader.variable(rest, "var", Declaration::Var)),
        "fn" => reader.function(rest),
        "task" => reader.task(rest, Runs::Task),
        "irq" => reader.task(rest, Runs::Hard),
        "softirq" => reader.task(rest, Runs::Soft),
        "work" => reader.task(rest, Runs::Work),
        "timer" => reader.task(rest, Runs::Timer),
        "assert" => reader.condition(rest, Declaration::Assert),
        "never" => reader.condition(rest, Declaration::Never),
        "protects" => reader.protects(rest),
        "entry" => reader.entry(rest),
        "obj" => reader.object(rest),
        "list" => reader.list(rest),
        _ => None,
    }
}

/// Less a comment behind it.
fn without_comment(text: &str) -> &str {
    let end = text.find("//").into_iter().chain(text.find(" #")).chain(text.find("/*")).min();
    end.map_or(text, |end| &text[..end])
}

/// What is read of the line.
struct Reader<'a> {
    line: &'a Line,
    /// Behind the keyword.
    at: usize,
    text: &'a str,
}

type Read = Result<Vec<Declaration>, Diagnostic>;

impl Reader<'_> {
    /// The place of a part of the line.
    fn place(&self, part: &str) -> Place {
        let found = self.text[self.at..].find(part).map(|at| self.at + at);
        match found {
            Some(at) if !part.is_empty() => self.line.place(at, at + part.len()),
            _ => {
                let end = self.text.trim_end().len();
                self.line.place(end.saturating_sub(1), end)
            }
        }
    }

    fn mistake(&self, title: String, part: &str, expected: &str) -> Diagnostic {
        Diagnostic::mistake(title, self.place(part), format!("expected {expected}"))
    }

    /// NAME and what is behind the colon. A line without one is a mistake at the margin, and a statement elsewhere.
    fn named<'b>(&self, rest: &'b str, what: &str) -> Option<Result<(String, &'b str), Diagnostic>> {
        let colon =
            rest.match_indices(':').find(|(at, _)| !rest[at + 1..].starts_with(':') && !rest[..*at].ends_with(':'));
        let Some((at, _)) = colon else {
            let is_declared = self.line.indent() == 0 && rest.split_whitespace().count() <= 3;
            return is_declared.then(|| Err(self.mistake(format!("this {what} has no `:`"), "", "`:` and what it is")));
        };
        let (name, behind) = (rest[..at].trim(), rest[at + 1..].trim());
        if name.contains(' ') && self.line.indent() > 0 {
            return None;
        }
        let bare = plain(name);
        let stem = bare.split('[').next().unwrap_or(&bare);
        if !is_name(stem) {
            return Some(Err(self.mistake(format!("`{name}` is no name"), name, "a name")));
        }
        Some(Ok((bare, behind)))
    }

    fn lock(&self, rest: &str) -> Option<Read> {
        let named = self.named(rest, "lock")?;
        Some(named.and_then(|(name, kind)| {
            let word = kind.split_whitespace().next().unwrap_or("");
            let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.text()).collect();
            let found = Kind::parse(word);
            let found = found.ok_or_else(|| {
                self.mistake(format!("unknown kind of lock `{word}`"), word, &format!("one of {}", kinds.join(", ")))
            });
            found.map(|kind| vec![Declaration::Lock(array(&name), kind)])
        }))
    }

    fn variable(&self, rest: &str, what: &str, make: fn(String, i64) -> Declaration) -> Read {
        let mut declared = Vec::new();
        for part in arguments(rest.trim_end_matches(';')) {
            let (name, value) = part.split_once('=').unwrap_or((&part, "0"));
            let (name, value) = (name.trim(), value.trim());
            if !is_name(name) {
                return Err(self.mistake(
                    format!("`{name}` is no name of a variable"),
                    name,
                    &format!("`{what} NAME = NUMBER`"),
                ));
            }
            declared.push(match folded(value) {
                Some(Expr::Int(number)) => make(name.to_owned(), number),
                Some(Expr::Name(object)) if value.starts_with('&') => {
                    Declaration::Pointer(name.to_owned(), object, what == "atomic")
                }
                _ => {
                    let expected = "a number, or `&` and an object";
                    return Err(self.mistake(format!("the first value of `{name}` is no number"), value, expected));
                }
            });
        }
        Ok(declared)
    }

    /// `NAME { FIELD = N, FIELD = &OBJECT, FIELD }`
    fn object(&self, rest: &str) -> Option<Read> {
        let (name, behind) = rest.split_once('{')?;
        let name = name.trim();
        if !is_name(name) {
            return None;
        }
        let Some(inside) = behind.trim().trim_end_matches(';').trim_end().strip_suffix('}') else {
            return Some(Err(self.mistake(format!("the fields of `{name}` have no end"), "", "`}`")));
        };
        let mut fields = Vec::new();
        for part in arguments(&inside.replace(';', ",")) {
            let (field, value) = part.split_once('=').unwrap_or((&part, "0"));
            let (field, value) = (field.trim(), value.trim());
            if !is_name(field) {
                return Some(Err(self.mistake(
                    format!("`{field}` is no name of a field"),
                    field,
                    "`FIELD` or `FIELD = NUMBER`",
                )));
            }
            fields.push(match folded(value) {
                Some(Expr::Int(number)) => (field.to_owned(), First::Number(number)),
                Some(Expr::Name(object)) => (field.to_owned(), First::Object(object)),
                _ => {
                    let title = format!("the first value of `{field}` is no number");
                    return Some(Err(self.mistake(title, value, "a number, or an object")));
                }
            });
        }
        Some(Ok(vec![Declaration::Object(name.to_owned(), fields)]))
    }

    /// `NAME`, or `NAME = OBJECT, OBJECT`
    fn list(&self, rest: &str) -> Option<Read> {
        let (name, behind) = rest.split_once('=').unwrap_or((rest, ""));
        let name = name.trim();
        if !is_name(name) {
            return None;
        }
        let elements = arguments(behind).iter().map(|element| plain(element)).collect();
        Some(Ok(vec![Declaration::List(name.to_owned(), elements)]))
    }

    fn facts(&self, text: &str) -> Result<Vec<Fact>, Diagnostic> {
        let parts = text.split([';', '|']).flat_map(arguments);
        let mut found = Vec::new();
        for part in parts {
            let fact = facts::parse(&part);
            found.push(fact.ok_or_else(|| {
                self.mistake(format!("`{part}` is no fact about a function"), &part, facts::EXPECTED)
            })?);
        }
        if found.is_empty() {
            return Err(self.mistake("nothing is said about the function".to_owned(), "", facts::EXPECTED));
        }
        Ok(found)
    }

    fn function(&self, rest: &str) -> Option<Read> {
        // Rust source has `fn read(&self) {`.
        if rest.contains('{') || rest.contains("->") && rest.contains('(') && rest.find('(') < rest.find(':') {
            return None;
        }
        let named = self.named(rest, "fn")?;
        Some(named.and_then(|(name, facts)| Ok(vec![Declaration::Fn(name, self.facts(facts)?)])))
    }

    fn entry(&self, rest: &str) -> Option<Read> {
        let named = self.named(rest, "entry")?;
        Some(named.and_then(|(name, facts)| Ok(vec![Declaration::Entry(name, self.facts(facts)?)])))
    }

    fn task(&self, rest: &str, runs: Runs) -> Option<Read> {
        let named = self.named(rest, "task")?;
        Some(named.and_then(|(name, calls)| {
            let mut found = Vec::new();
            for call in calls.split(';').map(str::trim).filter(|call| !call.is_empty()) {
                let called = called_name(call);
                let Some(called) =
                    called.filter(|called| call[called.end..].is_empty() || call[called.end..].starts_with('('))
                else {
                    return Err(self.mistake(
                        format!("`{call}` is no call"),
                        call,
                        "names of functions, separated by `;`",
                    ));
                };
                let behind = self.text.find(':').map_or(self.at, |at| at + 1);
                let at = self.text[behind..].find(call).map_or(behind, |at| behind + at);
                found.push(Call { name: called.text, place: self.line.place(at, at + call.len()) });
            }
            if found.is_empty() {
                return Err(self.mistake(
                    format!("`{name}` calls nothing"),
                    "",
                    "the functions that it calls, separated by `;`",
                ));
            }
            Ok(vec![Declaration::Task(name, runs, found)])
        }))
    }

    fn condition(&self, rest: &str, make: fn(Expr) -> Declaration) -> Option<Read> {
        let rest = rest.trim_end_matches(';').trim();
        let expr = expr::parse(rest).filter(|expr| !expr.sets());
        if expr.is_none() && rest.split_whitespace().all(|word| word.bytes().all(|b| b.is_ascii_alphabetic())) {
            return None;
        }
        Some(expr.map(|expr| vec![make(expr)]).ok_or_else(|| {
            self.mistake("this is no expression".to_owned(), rest, "an expression over declared variables")
        }))
    }

    fn protects(&self, rest: &str) -> Option<Read> {
        let named = self.named(rest, "protects")?;
        Some(named.map(|(lock, names)| {
            let names = arguments(names).iter().map(|name| plain(name)).collect();
            vec![Declaration::Protects(lock, names)]
        }))
    }
}

/// `bucket[4]` declares the locks `bucket[..]`.
fn array(name: &str) -> String {
    name.split('[').next().unwrap_or(name).to_owned()
}

fn folded(text: &str) -> Option<Expr> {
    match expr::parse(text)? {
        Expr::Unary('-', inner) => match *inner {
            Expr::Int(value) => Some(Expr::Int(-value)),
            _ => None,
        },
        other => Some(other),
    }
}

/// Names in `assert` and `never` lines that nothing declares: such a condition would be judged by nobody. And objects that are none.
pub(super) fn undeclared(declarations: &[(Declaration, Place)]) -> Vec<Diagnostic> {
    let is_declared = |name: &str| {
        let field = |object: &str, fields: &[(String, First)]| {
            let path = name.replace("->", ".");
            path.split_once('.')
                .is_some_and(|(root, field)| root == object && fields.iter().any(|(known, _)| known == field))
        };
        let is_it = |it: &Declaration| match it {
            Declaration::Atomic(known, _) | Declaration::Var(known, _) | Declaration::Pointer(known, ..) => {
                known == name
            }
            Declaration::Object(known, fields) => known == name || field(known, fields),
            _ => false,
        };
        declarations.iter().any(|(declaration, _)| is_it(declaration))
    };
    let is_object = |name: &str| {
        declarations
            .iter()
            .any(|(it, _)| matches!(it, Declaration::Object(known, _) | Declaration::List(known, _) if known == name))
    };
    let mut mistakes = Vec::new();
    for (declaration, place) in declarations {
        let mut object = |name: &str| {
            if !is_object(name) {
                let expected = "expected the name of an `obj` line";
                mistakes.push(Diagnostic::mistake(format!("`{name}` is no object"), *place, expected));
            }
        };
        match declaration {
            Declaration::Assert(expr) | Declaration::Never(expr) => expr.names(&mut |name| {
                if !is_declared(name) {
                    let expected = "expected names of `atomic`, `var` and `obj` lines";
                    mistakes.push(Diagnostic::mistake(format!("`{name}` is not declared"), *place, expected));
                }
            }),
            Declaration::Pointer(_, name, _) => object(name),
            Declaration::List(_, names) => names.iter().for_each(|name| object(name)),
            Declaration::Object(_, fields) => {
                for (_, first) in fields {
                    if let First::Object(name) = first {
                        object(name);
                    }
                }
            }
            _ => {}
        }
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outline::source::Source;

    fn declared(text: &str) -> Option<Read> {
        parse(&Source::new("x", text.as_bytes()).lines[0])
    }

    #[test]
    fn declarations_are_read() {
        let lock = Declaration::Lock("desc->lock".to_owned(), Kind::RawSpinlock);
        assert_eq!(declared("lock &desc->lock: raw_spinlock   # held"), Some(Ok(vec![lock])));
        assert_eq!(declared("atomic done = -1"), Some(Ok(vec![Declaration::Atomic("done".to_owned(), -1)])));
        let facts = vec![Fact::MaySleep, Fact::Takes("a".to_owned())];
        assert_eq!(declared("fn f: may_sleep, takes(a)"), Some(Ok(vec![Declaration::Fn("f".to_owned(), facts)])));
    }

    #[test]
    fn a_mistaken_declaration_says_what_was_expected() {
        for (text, title) in [
            ("lock a: spinlok", "unknown kind of lock `spinlok`"),
            ("lock a spinlock", "this lock has no `:`"),
            ("var x = y", "the first value of `x` is no number"),
            ("fn f: eats", "`eats` is no fact about a function"),
            ("task a:", "`a` calls nothing"),
            ("never a ==", "this is no expression"),
        ] {
            let Some(Err(found)) = declared(text) else { panic!("{text} is taken") };
            assert_eq!(found.title, title);
        }
    }

    #[test]
    fn statements_are_no_declarations() {
        for text in ["lock(&a)", "  lock a", "assert(x == 1)", "task 1", "never mind the rest", "fn get(&self) -> T {"]
        {
            assert!(!matches!(declared(text), Some(Ok(_))), "{text}");
        }
    }
}
