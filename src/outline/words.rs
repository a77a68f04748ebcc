//! What the words of a line are: decoration, names, remarks, claims, facts in a note, verbs.

/// Code, and the remark behind it.
pub fn split_remark(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let mut depth = 0i32;
    // Nothing begins in the blanks before the first word, and a line may have thousands of them.
    let first = bytes.len() - text.trim_start().len();
    for at in first..bytes.len() {
        let rest = &text[at..];
        let before = at.checked_sub(1).map(|at| bytes[at]);
        let blank_before = before.is_none_or(|b| b == b' ');
        match bytes[at] {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            _ => {}
        }
        let is_comment = rest.starts_with("//") && before != Some(b':') || rest.starts_with("/*");
        let is_hash =
            bytes[at] == b'#' && blank_before && (at == first || rest[1..].starts_with([' ', '#']) || rest.len() == 1);
        let code_before = at > first;
        let is_arrow = rest.starts_with("<-") && depth <= 0
            || code_before
                && blank_before
                && depth <= 0
                && (rest.starts_with("-- ")
                    || rest.starts_with("-> ")
                    || rest.starts_with("=> ")
                    || rest.starts_with("<= ") && text[..at].trim_end().ends_with([')', ';']));
        if is_comment || is_hash || is_arrow {
            return (&text[..at], &text[at..]);
        }
    }
    (text, "")
}

/// Where the name begins, behind bullets, arrows and numbers.
pub fn undecorated(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let blanks = rest.len() - rest.trim_start().len();
        let word = &rest[blanks..];
        match decoration(word) {
            0 => return at + blanks,
            count => at += blanks + count,
        }
    }
}

fn decoration(word: &str) -> usize {
    for sign in ["\\_", "`-", "->", "=>", "+-", "|-", "-->", "==>"] {
        if let Some(rest) = word.strip_prefix(sign) {
            return sign.len() + (rest.len() - rest.trim_start_matches(['-', '=', '>']).len());
        }
    }
    let bytes = word.as_bytes();
    match bytes.first() {
        Some(b'+' | b'-' | b'*') if bytes.get(1) == Some(&b' ') => 1,
        Some(b'|') => 1,
        Some(&super::source::FOREIGN) => 1,
        Some(b'*' | b'-' | b'+')
            if bytes.get(1).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
                && word.trim_end().ends_with([')', ';'])
                && !word.contains('=') =>
        {
            1
        }
        Some(b'(' | b'[') => {
            ordinal(&word[1..]).filter(|len| word[1 + len..].starts_with([')', ']'])).map_or(0, |len| len + 2)
        }
        Some(b'0'..=b'9' | b'a'..=b'z' | b'#') => {
            let hash = usize::from(bytes[0] == b'#');
            let Some(len) = ordinal(&word[hash..]) else { return 0 };
            let behind = &word[hash + len..];
            let is_number = word[hash..hash + len].bytes().all(|b| b.is_ascii_digit());
            let closes = behind.starts_with(") ")
                || behind.starts_with(")\t")
                || is_number && (behind.starts_with(". ") || behind.starts_with(": "));
            if closes {
                hash + len + 1
            } else if is_number && behind.starts_with(' ') && !behind.trim().is_empty() {
                hash + len
            } else {
                0
            }
        }
        _ => 0,
    }
}

/// A number of up to three digits, or one letter.
fn ordinal(word: &str) -> Option<usize> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    if (1..=3).contains(&digits) {
        return Some(digits);
    }
    word.starts_with(|c: char| c.is_ascii_lowercase()).then_some(1)
}

/// The calls of `f() -> g() --> mutex_lock(&m)`; nothing if it is anything else, such as a remark behind an arrow.
pub fn links(text: &str) -> Vec<std::ops::Range<usize>> {
    if !text.contains("> ") || !text.contains('(') {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut from = undecorated(text);
    loop {
        let rest = &text[from..];
        let arrows = rest.match_indices("> ").find_map(|(at, _)| {
            let line = rest[..at].trim_end_matches(['-', '=']);
            (line.len() < at && line.ends_with(' ')).then_some((line.len(), at + 2))
        });
        let (end, next) = arrows.unwrap_or((rest.len(), rest.len()));
        let comment = ["//", "/*", "<-"].iter().filter_map(|sign| rest[..end].find(sign)).min();
        let link = rest[..comment.unwrap_or(end)].trim_end().trim_end_matches(';');
        let is_call = link.ends_with(')') && matching(link) == Some(link.len() - 1);
        let is_call = is_call && called_name(link).is_some_and(|name| link[name.end..].starts_with('('));
        if !(is_call || found.is_empty() && is_name(link)) {
            return Vec::new();
        }
        found.push(from..from + end);
        if arrows.is_none() {
            return found;
        }
        from += next + (rest[next..].len() - rest[next..].trim_start().len());
    }
}

/// One identifier, or several joined by `->`, `.` or `::`.
pub fn is_name(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins
        && text
            .split("->")
            .flat_map(|part| part.split("::"))
            .flat_map(|part| part.split('.'))
            .all(|part| part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !part.is_empty())
}

/// What can be assigned to.
pub fn is_path(text: &str) -> bool {
    let bare = text.trim_start_matches(['*', '&', '(']).trim_end_matches(')');
    let indexed: String = {
        let mut depth = 0;
        let outside = bare.chars().filter(|c| {
            depth += i32::from(*c == '[') - i32::from(*c == ']');
            depth == 0 && *c != ']'
        });
        outside.collect()
    };
    is_name(&indexed) || peer(bare)
}

/// `peer(S) = NS`: an accessor in pseudo code.
fn peer(text: &str) -> bool {
    text.split_once('(').is_some_and(|(name, rest)| {
        is_name(name) && rest.trim_end_matches(')').bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

/// A variable or lock without `&`, `*`, parentheses and blanks.
pub fn plain(text: &str) -> String {
    let mut text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    loop {
        let before = text.len();
        text = text.trim_start_matches(['&', '*']).to_owned();
        if text.starts_with('(') && matching(&text) == Some(text.len() - 1) {
            text = text[1..text.len() - 1].to_owned();
        }
        // A cast, or lockdep's `(work_completion)(&w)`, stays with what it is of.
        if text.len() == before {
            return text;
        }
    }
}

/// The index of the parenthesis that closes the first one.
pub fn matching(text: &str) -> Option<usize> {
    let mut depth = 0i32;
    for (at, b) in text.bytes().enumerate() {
        match b {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// What is between the parentheses of a call.
pub fn matching_call(text: &str) -> Option<&str> {
    let open = text.find('(')?;
    let close = matching(&text[open..])?;
    Some(&text[open + 1..open + close])
}

/// Arguments, parted at the commas that are not inside others.
pub fn arguments(text: &str) -> Vec<String> {
    let (mut args, mut depth, mut from) = (Vec::new(), 0i32, 0);
    for (at, b) in text.bytes().enumerate() {
        match b {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            b',' if depth == 0 => {
                args.push(text[from..at].trim().to_owned());
                from = at + 1;
            }
            _ => {}
        }
    }
    args.push(text[from..].trim().to_owned());
    args.retain(|arg| !arg.is_empty());
    args
}

/// Braces before a statement, with the blanks behind each: any number, so they are counted one by one.
pub fn braces(text: &str) -> usize {
    let is_values = |rest: &str| rest.starts_with('{') && rest.trim_end().ends_with('}') && rest.contains('=');
    let mut at = 0;
    while let Some(inner) = text[at..].strip_prefix(['{', '}', ')', ']']) {
        if is_values(&text[at..]) {
            break;
        }
        at = text.len() - inner.trim_start().len();
    }
    at
}

/// The function of a call, and where its name ends in the text.
pub struct Called {
    /// Less the file, the offset and what the compiler added.
    pub text: String,
    /// In the text.
    pub end: usize,
}

/// `file.c:f`, `f+0x12/0x34`, `f.isra.3`, `f(inline)` are all `f`.
pub fn called_name(text: &str) -> Option<Called> {
    let mut start = 0;
    if let Some(colon) = text.find(':')
        && [".c", ".h", ".rs", ".S"].iter().any(|ext| text[..colon].ends_with(ext))
        && !text[..colon].contains(' ')
    {
        start = colon + 1;
        let digits = text[start..].bytes().take_while(|b| b.is_ascii_digit() || *b == b':').count();
        start += digits;
        start += text[start..].len() - text[start..].trim_start().len();
    }
    let bytes = text.as_bytes();
    let letter = |at: usize| bytes.get(at).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
    if !letter(start) {
        return None;
    }
    let mut end = start;
    while end < bytes.len() {
        let joint = if text[end..].starts_with("->") || text[end..].starts_with("::") {
            2
        } else {
            usize::from(bytes[end] == b'.')
        };
        if bytes[end].is_ascii_alphanumeric() || bytes[end] == b'_' {
            end += 1;
        } else if joint > 0 && letter(end + joint) {
            end += joint;
        } else if bytes[end] == b'[' && text[end..].contains(']') {
            end += text[end..].find(']').unwrap_or(0) + 1;
        } else {
            break;
        }
    }
    let mut name: String = text[start..end].chars().filter(|c| !c.is_whitespace()).collect();
    for added in [".isra", ".constprop", ".part", ".cold", ".llvm"] {
        if let Some(at) = name.find(added) {
            name.truncate(at);
            let digits = text[end..].bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
            end += digits;
        }
    }
    if text[end..].starts_with("+0x") {
        end += text[end..].find([' ', '(']).unwrap_or(text.len() - end);
        if text[end..].trim_start().starts_with('[') {
            end += text[end..].find(']').map_or(0, |close| close + 1);
        }
    }
    if text[end..].starts_with("(inline)") || text[end..].starts_with("(inlined)") {
        end += text[end..].find(')').unwrap_or(0) + 1;
    }
    if name.len() >= 8 && name.bytes().all(|b| b.is_ascii_hexdigit()) && name.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    // A word that ends in an apostrophe or goes on in a sentence is no name of a function.
    (!text[end..].starts_with(['\'', '/', '!', '?', '@'])).then_some(Called { text: name, end })
}

/// Words that begin a statement of C.
const KEYWORDS: [&str; 13] = [
    "if",
    "else",
    "while",
    "do",
    "for",
    "switch",
    "case",
    "default",
    "return",
    "goto",
    "break",
    "continue",
    "scoped_guard",
];

/// Does a statement of C begin here, by its first word?
fn is_keyword(text: &str) -> bool {
    let word = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
    word.is_some_and(|word| KEYWORDS.contains(&word))
}

/// Where the statement ends: at the `;` that is inside no parentheses and is followed by another statement.
pub fn statement_end(text: &str) -> usize {
    let mut depth = 0i32;
    for (at, b) in text.bytes().enumerate() {
        match b {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b';' if depth <= 0 => {
                let rest = text[at + 1..].trim_start();
                let next = called_name(rest).is_some_and(|name| {
                    let behind = rest[name.end..].trim_start();
                    behind.starts_with(['(', '=', '+', '-', ';']) || behind.is_empty()
                });
                if next || rest.is_empty() || rest.starts_with(['}', '*']) || is_keyword(rest) {
                    return at;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// Where `=`, `+=` and the like begin and end, and the operator.
pub fn assign_at(text: &str) -> Option<(usize, usize, Option<&'static str>)> {
    let bytes = text.as_bytes();
    let mut depth = 0i32;
    for at in 0..bytes.len() {
        match bytes[at] {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'=' if depth == 0 => {
                if bytes.get(at + 1) == Some(&b'=') || bytes.get(at + 1) == Some(&b'>') {
                    return None;
                }
                let before = at.checked_sub(1).map_or(b' ', |at| bytes[at]);
                return match before {
                    b'=' | b'!' | b'<' | b'>' => None,
                    b'+' => Some((at - 1, at + 1, Some("+"))),
                    b'-' => Some((at - 1, at + 1, Some("-"))),
                    b'|' => Some((at - 1, at + 1, Some("|"))),
                    b'&' => Some((at - 1, at + 1, Some("&"))),
                    b':' => Some((at - 1, at + 1, None)),
                    _ => Some((at, at + 1, None)),
                };
            }
            _ => {}
        }
    }
    None
}

/// Words of C and Rust before a declared variable or a defined function.
const TYPES: [&str; 36] = [
    "static",
    "inline",
    "const",
    "volatile",
    "unsigned",
    "signed",
    "int",
    "long",
    "short",
    "char",
    "void",
    "bool",
    "let",
    "mut",
    "auto",
    "asmlinkage",
    "extern",
    "u8",
    "u16",
    "u32",
    "u64",
    "s8",
    "s16",
    "s32",
    "s64",
    "noinline",
    "__always_inline",
    "notrace",
    "__sched",
    "__init",
    "__exit",
    "__must_check",
    "__user",
    "__iomem",
    "__rcu",
    "register",
];

/// Is it one of C's types, or made by a `typedef`?
pub fn is_type(word: &str) -> bool {
    TYPES.contains(&word) || word.len() > 2 && word.ends_with("_t")
}

/// How much of the text are types before a name that is assigned or called.
pub fn type_prefix(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let word_end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let word = &rest[..word_end];
        let mut next = word_end;
        if matches!(word, "struct" | "enum" | "union") {
            let after = rest[next..].trim_start();
            let name = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len());
            next = rest.len() - after.len() + name;
        } else if !is_type(word) {
            return at;
        }
        let behind = rest[next..].trim_start_matches([' ', '*']);
        if !behind.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') || behind.len() == rest[next..].len() {
            return at;
        }
        at = text.len() - behind.len();
    }
}

/// Phrases of a note that say something about locks or contexts.
const FACTS: [&str; 31] = [
    "takes ",
    "take ",
    "holds ",
    "hold ",
    "holding ",
    "held",
    "under ",
    "with irq",
    "irqs off",
    "irq off",
    "irqs disabled",
    "interrupts off",
    "interrupts disabled",
    "might sleep",
    "may sleep",
    "can sleep",
    "sleeps",
    "might_sleep",
    "needs ",
    "atomic context",
    "runs with",
    "hardirq",
    "softirq",
    "in irq",
    "irq context",
    "interrupt context",
    "in interrupt",
    "from irq",
    "bh context",
    "in atomic",
    "preemption disabled",
];

/// Does a note say something about locks or contexts?
pub fn is_fact(note: &str) -> bool {
    let lower = note.to_ascii_lowercase();
    let bare = lower.trim_start_matches(['(', '[', ' ']);
    FACTS.iter().any(|fact| bare.starts_with(fact) || lower.contains(&format!(" {}", fact.trim_end())))
}

/// Words of a sentence: a run of plain ones that no code has.
pub fn prose_words(text: &str) -> usize {
    let plain = |word: &&str| {
        let bare = word.trim_matches(['.', ',', ';', ':', '\'', '"', '!', '?', '(', ')']);
        bare.len() < 20
            && !bare.is_empty()
            && bare.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'\'' | b'-'))
    };
    text.split_whitespace().filter(plain).count()
}
