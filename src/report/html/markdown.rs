//! The pages of findings as HTML: the Markdown that they are written in, and no more of it.
//!
//! Headings, paragraphs, lists, fenced code, `code`, **bold**, *italics* and links. A link to the page of a code that is on
//! the page as well leads there; one to another file is left as its words.

use std::fmt::Write;

use crate::check::Code;
use crate::report::svg::escaped;

/// What is open while lines are read.
#[derive(PartialEq)]
enum Open {
    Nothing,
    Paragraph(String),
    /// A list, with its last item.
    List(String),
    Code(String),
}

/// The page without its title. `known` are the codes that can be linked to.
pub(super) fn html(text: &str, known: &[Code]) -> String {
    let mut out = String::new();
    let mut open = Open::Nothing;
    for line in text.lines().skip_while(|line| line.starts_with("# ")) {
        let line_start = line.trim_start();
        if let Open::Code(code) = &mut open {
            if line_start.starts_with("```") {
                close(&mut open, &mut out, known);
            } else {
                _ = writeln!(code, "{}", escaped(line));
            }
        } else if line_start.starts_with("```") {
            close(&mut open, &mut out, known);
            open = Open::Code(String::new());
        } else if line.trim().is_empty() {
            close(&mut open, &mut out, known);
        } else if let Some(heading) = line.strip_prefix("## ") {
            close(&mut open, &mut out, known);
            _ = writeln!(out, "<h4>{}</h4>", spans(heading, known));
        } else if let Some(item) = line_start.strip_prefix("- ") {
            match &mut open {
                Open::List(last) => {
                    _ = writeln!(out, "<li>{}</li>", spans(last, known));
                    *last = item.to_owned();
                }
                _ => {
                    close(&mut open, &mut out, known);
                    out.push_str("<ul>\n");
                    open = Open::List(item.to_owned());
                }
            }
        } else {
            match &mut open {
                Open::Paragraph(text) | Open::List(text) => _ = write!(text, " {line_start}"),
                _ => open = Open::Paragraph(line_start.to_owned()),
            }
        }
    }
    close(&mut open, &mut out, known);
    out
}

fn close(open: &mut Open, out: &mut String, known: &[Code]) {
    _ = match std::mem::replace(open, Open::Nothing) {
        Open::Nothing => Ok(()),
        Open::Paragraph(text) => writeln!(out, "<p>{}</p>", spans(&text, known)),
        Open::List(last) => writeln!(out, "<li>{}</li>\n</ul>", spans(&last, known)),
        Open::Code(code) => writeln!(out, "<pre tabindex=\"0\"><code>{code}</code></pre>"),
    };
}

/// What stands inside a line: code first, since nothing in it is read; then links, bold, italics.
fn spans(text: &str, known: &[Code]) -> String {
    let mut out = String::new();
    for (at, part) in text.split('`').enumerate() {
        match at % 2 {
            1 => _ = write!(out, "<code>{}</code>", escaped(part)),
            _ => out.push_str(&emphasised(&links(&escaped(part), known))),
        }
    }
    out
}

/// `[words](place)`.
fn links(text: &str, known: &[Code]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        let link = after.split_once("](").and_then(|(words, tail)| Some((words, tail.split_once(')')?)));
        let Some((words, (place, tail))) = link else {
            out.push('[');
            rest = after;
            continue;
        };
        let code = known.iter().find(|code| place.ends_with(&format!("{code}.md")));
        match code {
            Some(code) => _ = write!(out, "<a href=\"#{code}\">{words}</a>"),
            None if place.starts_with("https://") => _ = write!(out, "<a href=\"{place}\">{words}</a>"),
            None => out.push_str(words),
        }
        rest = tail;
    }
    out + rest
}

fn emphasised(text: &str) -> String {
    let mut out = String::new();
    for (at, bold) in text.split("**").enumerate() {
        let (open, close) = if at % 2 == 1 { ("<strong>", "</strong>") } else { ("", "") };
        let mut inner = String::new();
        for (at, part) in bold.split('*').enumerate() {
            inner.push_str(&if at % 2 == 1 { format!("<em>{part}</em>") } else { part.to_owned() });
        }
        _ = write!(out, "{open}{inner}{close}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_the_pages_use_is_read_and_nothing_else_is_markup() {
        let text = "# Title\n\nOne **bold** and *thin*\n`a < *b` line, [LW010](LW010.md) and [far](../x.md).\n\n- one\n  more\n- two\n\n```c\nif (a < b) *x = 1;\n```\n";

        assert_eq!(
            html(text, &[Code::LW010]),
            "<p>One <strong>bold</strong> and <em>thin</em> <code>a &lt; *b</code> line, <a href=\"#LW010\">LW010</a> and far.</p>\n\
             <ul>\n<li>one more</li>\n<li>two</li>\n</ul>\n<pre tabindex=\"0\"><code>if (a &lt; b) *x = 1;\n</code></pre>\n"
        );
    }
}
