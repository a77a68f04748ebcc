//! The functions of a Rust source, found by their braces: enough for our own files, which rustfmt lays out.
//!
//! Comments before a function are left out, those inside stay. Functions of test modules are none.

use crate::lease::sources::Source;

/// A function as it stands in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The file.
    pub path: &'static str,
    /// The line of its `fn`, from 1.
    pub line: usize,
    /// Its lines, from `fn` to the closing brace, without their common indentation.
    pub lines: Vec<String>,
}

/// All functions with a body, file by file. Of two with the same name the first one counts.
pub fn functions(sources: &[Source]) -> Vec<Function> {
    let mut found: Vec<Function> = Vec::new();
    for source in sources {
        for function in of_file(source) {
            if found.iter().all(|known| known.name != function.name) {
                found.push(function);
            }
        }
    }
    found
}

fn of_file(source: &Source) -> Vec<Function> {
    let code = source.text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let Some(name) = name_in(lines[at]) else {
            at += 1;
            continue;
        };
        let Some(end) = end_of(&lines[at..]) else { break };
        let indent = lines[at].len() - lines[at].trim_start().len();
        // A declaration without a body ends with its line.
        if lines[at + end].trim_end().ends_with('}') {
            let cut = |line: &&str| line.get(indent..).unwrap_or_default().trim_end().to_owned();
            let lines = lines[at..=at + end].iter().map(cut).collect();
            found.push(Function { name: name.to_owned(), path: source.path, line: at + 1, lines });
        }
        at += end + 1;
    }
    found
}

/// The name of the function that begins in the line.
fn name_in(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    for word in ["pub(super) ", "pub(crate) ", "pub ", "const ", "unsafe "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let rest = rest.strip_prefix("fn ")?;
    let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_')?;
    Some(&rest[..end])
}

/// The line in which the function that begins in the first line ends: by its closing brace, or by the semicolon of a declaration.
fn end_of(lines: &[&str]) -> Option<usize> {
    let mut depth = 0i32;
    for (at, line) in lines.iter().enumerate() {
        let mut opened = false;
        let mut letters = line.chars().peekable();
        let mut in_text = false;
        while let Some(letter) = letters.next() {
            match letter {
                '\\' if in_text => _ = letters.next(),
                '"' => in_text = !in_text,
                _ if in_text => {}
                '/' if letters.peek() == Some(&'/') => break,
                '{' => {
                    depth += 1;
                    opened = true;
                }
                '}' => depth -= 1,
                ';' if depth == 0 && !opened => return Some(at),
                _ => {}
            }
        }
        if depth == 0 && (opened || line.trim_start().starts_with('}')) {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
/// Says {.
fn declared(&self) -> u8;

impl X {
    /// Doc.
    pub(super) fn one(&self) -> u8 {
        // Not closed: {
        if self.0 { \"}\".len() as u8 } else {
            2
        }
    }

    fn short(&self) -> u8 { 1 }
}

#[cfg(test)]
mod tests {
    fn none() {}
}
";

    #[test]
    fn functions_are_found_with_their_lines_and_nothing_else_is() {
        let found = functions(&[Source { path: "x.rs", text: TEXT }]);
        let told: Vec<(&str, usize, usize)> =
            found.iter().map(|it| (it.name.as_str(), it.line, it.lines.len())).collect();

        assert_eq!(told, [("one", 6, 6), ("short", 13, 1)]);
        assert_eq!(found[0].lines[0], "pub(super) fn one(&self) -> u8 {");
        assert_eq!(found[0].lines[1], "    // Not closed: {");
        assert_eq!(found[0].lines[5], "}");
    }
}
