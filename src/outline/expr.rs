//! Expressions: integers, names, what a task reads of memory that tasks share, and C's operators.

mod written;

pub use written::written;

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expr {
    /// A number.
    Int(i64),
    /// A variable or a local, without `&`; a path such as `a->b` is one name.
    Name(String),
    /// `!e` or `-e`.
    Unary(char, Box<Expr>),
    /// A binary operator. `a ? b : c` is `?` of `a` and of `:` of `b` and `c`; `=` sets the name on its left.
    Binary(&'static str, Box<Expr>, Box<Expr>),
    /// A call.
    Call(String, Vec<Expr>),
}

/// Operators from the loosest to the tightest.
const LEVELS: [&[&str]; 8] =
    [&["||"], &["&&"], &["|"], &["&"], &["==", "!="], &["<=", ">=", "<", ">"], &["+", "-"], &["*", "/", "%"]];

/// How deep an expression may be nested.
const DEPTH_MAX: usize = 40;

/// How long an expression may be, in characters: it becomes a tree as deep as its longest chain of operators.
const LENGTH_MAX: usize = 2000;

/// The words of C that are numbers.
const CONSTANTS: [(&str, i64); 6] = [
    ("NULL", 0),
    ("true", 1),
    ("false", 0),
    ("TASK_RUNNING", 0),
    ("TASK_INTERRUPTIBLE", 1),
    ("TASK_UNINTERRUPTIBLE", 2),
];

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

/// Parses a whole text; nothing if it is no expression.
pub fn parse(text: &str) -> Option<Expr> {
    whole(text, Parser::choice)
}

/// Parses what stands in parentheses, where a name may be set.
pub fn parse_inside(text: &str) -> Option<Expr> {
    whole(text, Parser::inside)
}

fn whole<'t>(text: &'t str, parse: impl FnOnce(&mut Parser<'t>) -> Option<Expr>) -> Option<Expr> {
    if text.len() > LENGTH_MAX {
        return None;
    }
    let mut parser = Parser { rest: text, depth: 0 };
    let expr = parse(&mut parser)?;
    parser.rest.trim().is_empty().then_some(expr)
}

impl Parser<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip();
        let found = self.rest.strip_prefix(token);
        if let Some(rest) = found {
            self.rest = rest;
        }
        found.is_some()
    }

    fn operator(&mut self, level: usize) -> Option<&'static str> {
        self.skip();
        let found = LEVELS[level].iter().find(|op| self.rest.starts_with(**op))?;
        let after = &self.rest[found.len()..];
        // `&` is no `&&`, and `x += 1` is no sum.
        let is_longer = matches!(*found, "|" | "&") && after.starts_with(*found)
            || after.starts_with('=') && found.len() == 1 && !matches!(*found, "<" | ">");
        if is_longer {
            return None;
        }
        self.rest = after;
        Some(found)
    }

    /// `a ? b : c`, and `a ?: c`.
    fn choice(&mut self) -> Option<Expr> {
        let first = self.level(0)?;
        if !self.eat("?") {
            return Some(first);
        }
        self.deeper(|parser| {
            let yes = if parser.rest.trim_start().starts_with(':') { first.clone() } else { parser.inside()? };
            if !parser.eat(":") {
                return None;
            }
            let no = parser.choice()?;
            let arms = Expr::Binary(":", Box::new(yes), Box::new(no));
            Some(Expr::Binary("?", Box::new(first.clone()), Box::new(arms)))
        })
    }

    /// What stands in parentheses, or between two commas of a call.
    fn inside(&mut self) -> Option<Expr> {
        let first = self.choice()?;
        self.skip();
        if !matches!(first, Expr::Name(_)) || !self.rest.starts_with('=') || self.rest.starts_with("==") {
            return Some(first);
        }
        self.rest = &self.rest[1..];
        let value = self.deeper(Parser::inside)?;
        Some(Expr::Binary("=", Box::new(first), Box::new(value)))
    }

    fn deeper(&mut self, parse: impl FnOnce(&mut Self) -> Option<Expr>) -> Option<Expr> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let found = parse(self);
        self.depth -= 1;
        found
    }

    fn level(&mut self, level: usize) -> Option<Expr> {
        if level == LEVELS.len() {
            return self.unary();
        }
        let mut left = self.level(level + 1)?;
        while let Some(op) = self.operator(level) {
            let right = self.level(level + 1)?;
            left = Expr::Binary(op, Box::new(left), Box::new(right));
        }
        Some(left)
    }

    fn unary(&mut self) -> Option<Expr> {
        self.deeper(Parser::unary_inside)
    }

    fn unary_inside(&mut self) -> Option<Expr> {
        self.skip();
        if self.rest.starts_with('!') && !self.rest.starts_with("!=") {
            self.rest = &self.rest[1..];
            return Some(Expr::Unary('!', Box::new(self.unary()?)));
        }
        if self.eat("-") {
            return Some(Expr::Unary('-', Box::new(self.unary()?)));
        }
        if self.eat("&") || self.eat("*") {
            return self.unary();
        }
        if let Some(cast) = cast(self.rest) {
            self.rest = &self.rest[cast..];
            return self.unary();
        }
        if self.eat("(") {
            let inner = self.inside()?;
            return if self.eat(")") { Some(self.member(inner)) } else { None };
        }
        self.primary()
    }

    /// `f(x)->y`: something of what is called, which is not known.
    fn member(&mut self, of: Expr) -> Expr {
        let mut end = 0;
        while let Some(name) = ["->", "."].iter().find_map(|joint| self.rest[end..].strip_prefix(joint)) {
            let letters = name.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
            if letters == 0 {
                break;
            }
            end = self.rest.len() - name.len() + letters;
        }
        if end == 0 {
            return of;
        }
        self.rest = &self.rest[end..];
        Expr::Call("->".to_owned(), vec![of])
    }

    fn primary(&mut self) -> Option<Expr> {
        self.skip();
        if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            return self.number();
        }
        if let Some(text) = self.rest.strip_prefix('"') {
            self.rest = &text[text.find('"')? + 1..];
            return Some(Expr::Int(1));
        }
        let name = self.path()?;
        if self.eat("(") {
            let mut arguments = Vec::new();
            if !self.eat(")") {
                loop {
                    arguments.push(self.argument()?);
                    if self.eat(")") {
                        break;
                    }
                    if !self.eat(",") {
                        return None;
                    }
                    if self.eat(")") {
                        break;
                    }
                }
            }
            return Some(self.member(Expr::Call(name, arguments)));
        }
        let constant = CONSTANTS.iter().find(|(word, _)| *word == name);
        Some(constant.map_or(Expr::Name(name), |(_, value)| Expr::Int(*value)))
    }

    /// An argument; a type, as in `sizeof(struct foo)`, is something that is not 0.
    fn argument(&mut self) -> Option<Expr> {
        let before = self.rest;
        let found = self.inside();
        self.skip();
        if found.is_some() && self.rest.starts_with([',', ')']) {
            return found;
        }
        let is_type = |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'*'));
        let end = before.find([',', ')'])?;
        if !before[..end].split_whitespace().all(is_type) {
            return None;
        }
        self.rest = &before[end..];
        Some(Expr::Int(1))
    }

    fn number(&mut self) -> Option<Expr> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        let digits = digits.trim_end_matches(['u', 'U', 'l', 'L']);
        let value = match digits.strip_prefix("0x") {
            Some(hex) => i64::from_str_radix(hex, 16).ok()?,
            None => digits.parse().ok()?,
        };
        Some(Expr::Int(value))
    }

    /// `a`, `a->b.c`, `a[i]`, `MODULE::f`.
    fn path(&mut self) -> Option<String> {
        if !self.rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return None;
        }
        let bytes = self.rest.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let is_joint = |joint: &str| {
                self.rest[at..].starts_with(joint)
                    && bytes.get(at + joint.len()).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
            };
            if bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_' {
                at += 1;
            } else if is_joint("->") || is_joint("::") {
                at += 2;
            } else if is_joint(".") {
                at += 1;
            } else if bytes[at] == b'[' {
                at += self.rest[at..].find(']')? + 1;
            } else {
                break;
            }
        }
        let (name, rest) = self.rest.split_at(at);
        self.rest = rest;
        Some(name.chars().filter(|c| !c.is_whitespace()).collect())
    }
}

impl Expr {
    /// Calls the visitor with every name in it, those of called functions not among them.
    pub fn names<'a>(&'a self, visit: &mut impl FnMut(&'a str)) {
        match self {
            Expr::Int(_) => {}
            Expr::Name(name) => visit(name),
            Expr::Unary(_, inner) => inner.names(visit),
            Expr::Binary(_, left, right) => {
                left.names(visit);
                right.names(visit);
            }
            Expr::Call(_, arguments) => arguments.iter().for_each(|argument| argument.names(visit)),
        }
    }

    /// Does a call, or something that sets a name, stand in it?
    pub fn acts(&self) -> bool {
        match self {
            Expr::Int(_) | Expr::Name(_) => false,
            Expr::Unary(_, inner) => inner.acts(),
            Expr::Binary(op, left, right) => *op == "=" || left.acts() || right.acts(),
            Expr::Call(..) => true,
        }
    }

    /// Does a part of it decide whether another one is looked at?
    pub fn decides(&self) -> bool {
        match self {
            Expr::Int(_) | Expr::Name(_) | Expr::Call(..) => false,
            Expr::Unary(_, inner) => inner.decides(),
            Expr::Binary(op, left, right) => matches!(*op, "?" | "&&" | "||") || left.decides() || right.decides(),
        }
    }

    /// Is a name set in it?
    pub fn sets(&self) -> bool {
        match self {
            Expr::Int(_) | Expr::Name(_) => false,
            Expr::Unary(_, inner) => inner.sets(),
            Expr::Binary(op, left, right) => *op == "=" || left.sets() || right.sets(),
            Expr::Call(_, arguments) => arguments.iter().any(Expr::sets),
        }
    }

    /// Calls the visitor with every call in it, inner ones first.
    pub fn calls<'a>(&'a self, visit: &mut impl FnMut(&'a str, &'a [Expr])) {
        match self {
            Expr::Int(_) | Expr::Name(_) => {}
            Expr::Unary(_, inner) => inner.calls(visit),
            Expr::Binary(_, left, right) => {
                left.calls(visit);
                right.calls(visit);
            }
            Expr::Call(name, arguments) => {
                arguments.iter().for_each(|argument| argument.calls(visit));
                visit(name, arguments);
            }
        }
    }
}

/// `(unsigned long)x`: where the cast ends, if it is one. Before `(`, `&` and `*` only what can be nothing but a type is.
fn cast(text: &str) -> Option<usize> {
    let close = text.strip_prefix('(')?.find(')')? + 1;
    let inside = text[1..close].trim();
    let is_words = inside.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b' ' | b'*'));
    if !is_words || !inside.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return None;
    }
    let is_type = inside.ends_with('*') || inside.contains(' ') || super::words::is_type(inside);
    match text[close + 1..].trim_start().bytes().next()? {
        b if b.is_ascii_alphanumeric() || b == b'_' => Some(close + 1),
        b'(' | b'&' | b'*' | b'-' | b'!' if is_type => Some(close + 1),
        _ => None,
    }
}

/// The value of an operator, C's way; a division by 0 has none.
pub fn apply(op: &str, left: i64, right: i64) -> Option<i64> {
    Some(match op {
        "||" => i64::from(left != 0 || right != 0),
        "&&" => i64::from(left != 0 && right != 0),
        "|" => left | right,
        "&" => left & right,
        "==" => i64::from(left == right),
        "!=" => i64::from(left != right),
        "<" => i64::from(left < right),
        ">" => i64::from(left > right),
        "<=" => i64::from(left <= right),
        ">=" => i64::from(left >= right),
        "+" => left.wrapping_add(right),
        "-" => left.wrapping_sub(right),
        "*" => left.wrapping_mul(right),
        "/" => left.checked_div(right)?,
        "%" => left.checked_rem(right)?,
        _ => return None,
    })
}

/// Is the name, as a whole word, in the text of an expression?
pub fn mentions(text: &str, name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(letter) && !text[at + name.len()..].starts_with(letter))
}

/// Expressions as the arguments that they were.
pub fn texts(args: &[Expr]) -> Vec<String> {
    args.iter().map(text).collect()
}

/// An expression as text, for names; what is no name is empty.
pub fn text(expr: &Expr) -> String {
    match expr {
        Expr::Name(name) => name.clone(),
        Expr::Int(value) => value.to_string(),
        Expr::Call(name, args) => format!("{name}({})", texts(args).join(", ")),
        Expr::Unary(op, inner) => format!("{op}{}", text(inner)),
        Expr::Binary(op, left, right) => format!("{} {op} {}", text(left), text(right)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Box<Expr> {
        Box::new(Expr::Name(text.to_owned()))
    }

    #[test]
    fn precedence_is_that_of_c() {
        let expected = Expr::Binary(
            "&&",
            Box::new(Expr::Binary("==", name("a"), Box::new(Expr::Int(1)))),
            Box::new(Expr::Binary(">", name("b->c"), Box::new(Expr::Int(0)))),
        );

        assert_eq!(parse("a == 1 && b->c > 0"), Some(expected));
    }

    #[test]
    fn a_choice_binds_looser_than_all_and_its_first_arm_may_be_left_out() {
        let arms = |yes, no| Box::new(Expr::Binary(":", yes, no));

        assert_eq!(parse("a ? b : c"), Some(Expr::Binary("?", name("a"), arms(name("b"), name("c")))));
        assert_eq!(parse("a ?: c"), Some(Expr::Binary("?", name("a"), arms(name("a"), name("c")))));
    }

    #[test]
    fn types_texts_and_members_of_what_is_called_are_read_over() {
        for text in ["f(sizeof(struct a), \"b, c)\")", "f(x, y)->z.w", "(f(struct a *))->b"] {
            assert!(parse(text).is_some(), "{text}");
        }
        let call = Expr::Call("f".to_owned(), Vec::new());
        assert_eq!(parse("f()->a.b"), Some(Expr::Call("->".to_owned(), vec![call])));
    }

    #[test]
    fn a_cast_says_nothing_of_the_value() {
        for text in ["(unsigned long)a", "(struct foo *)&a", "(u32)(a)", "(x)a", "(void *)a"] {
            assert_eq!(parse(text).as_ref(), Some(&*name("a")), "{text}");
        }
        assert_eq!(parse("(a) & b"), Some(Expr::Binary("&", name("a"), name("b"))));
    }

    #[test]
    fn a_name_is_set_in_parentheses_only() {
        let set = Expr::Binary("=", name("a"), Box::new(Expr::Call("f".to_owned(), Vec::new())));

        assert_eq!(parse_inside("a = f()"), Some(set.clone()));
        assert_eq!(parse("!(a = f())"), Some(Expr::Unary('!', Box::new(set))));
    }

    #[test]
    fn an_address_is_the_name_itself() {
        assert_eq!(parse("atomic_read(&x)"), Some(Expr::Call("atomic_read".to_owned(), vec![*name("x")])));
    }

    #[test]
    fn what_is_no_expression_is_nothing() {
        for text in ["", "a b", "f(", "a ==", "(a", "1 +", "$", "a = 1", "a ? b", "(1 = a)"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"(".repeat(100_000)), None);
        assert_eq!(parse(&"!".repeat(100_000)), None);
        assert_eq!(parse(&"a?".repeat(900)), None);
        assert_eq!(parse(&"(a=".repeat(600)), None);
    }
}
