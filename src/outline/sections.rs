//! Tasks one below the other: `CPU0:` or `cpu#0` and its statements, then `CPU1:` and its own.
//!
//! Such a text says what each does, and no order between them.

use super::diagram::{is_block, is_named};
use super::reader::{Reader, without_comments};
use super::source::Place;
use super::statement::Stmt;
use super::tree::{Column, Diagram, Figure, Item, items, nest};
use super::words;

/// Reads sections, if there are two at least.
pub(super) fn read(reader: &mut Reader) {
    let mut at = 0;
    while at < reader.source.lines.len() {
        let (sections, end) = from(reader, at);
        if sections.len() >= 2 {
            let place = sections[0].2;
            for (line, ..) in sections.iter().flat_map(|section| &section.1) {
                reader.taken[*line] = true;
            }
            sections.iter().for_each(|section| reader.taken[section.2.line as usize - 1] = true);
            let column = |(name, body, _): Section| Column {
                name,
                body: nest(body.into_iter().flat_map(|(_, items)| items).collect()),
            };
            let columns = sections.into_iter().map(column).collect();
            reader.file.diagrams.push(Diagram {
                figure: Figure::Sections,
                place,
                columns,
                claims: Vec::new(),
                remarks: Vec::new(),
            });
        }
        at = end.max(at + 1);
    }
}

/// A name, the lines of its body, and the place of its head.
type Section = (String, Vec<(usize, Vec<Item>)>, Place);

/// Sections from the line on, and where they end.
fn from(reader: &Reader, start: usize) -> (Vec<Section>, usize) {
    let mut sections: Vec<Section> = Vec::new();
    let mut at = start;
    while let Some(name) = head(reader, at) {
        if sections.iter().any(|(known, ..)| *known == name) {
            break;
        }
        let (body, end) = body(reader, at);
        if body.is_empty() {
            break;
        }
        sections.push((name, body, reader.source.lines[at].whole()));
        at = end;
    }
    (sections, at)
}

/// A name alone on its line, with a colon behind it, or with deeper lines below. One that a function could have is left to outlines.
fn head(reader: &Reader, at: usize) -> Option<String> {
    let line = reader.source.lines.get(at)?;
    let text = line.text.trim();
    let is_letter = text.len() == 2 && text.starts_with(|c: char| c.is_ascii_uppercase());
    let has_colon = text.ends_with(':') && (is_named(text) || is_letter);
    let is_head = reader.is_open(at) && (has_colon || is_block(reader, at) && !words::is_name(text));
    is_head.then(|| text.trim_end_matches(':').to_owned())
}

/// The statements below a head, up to the next head or to something else; blank lines are no end.
fn body(reader: &Reader, head_at: usize) -> (Vec<(usize, Vec<Item>)>, usize) {
    let lines = &reader.source.lines;
    let mut found = Vec::new();
    let mut in_comment = false;
    let mut at = head_at + 1;
    let mut end = at;
    while at < lines.len() && head(reader, at).is_none() {
        let line = &lines[at];
        if line.is_blank() {
            at += 1;
            continue;
        }
        let after_blank = at > end;
        let is_beside = line.indent() <= lines[head_at].indent();
        let is_outside = is_beside && !lines[head_at].text.trim_end().ends_with(':');
        let (text, open) = without_comments(&line.text, in_comment);
        let read = items(line, 0, &text);
        let is_words = read.iter().any(|item| matches!(item.parsed.stmt, Stmt::Prose(_) | Stmt::Broken(_)));
        if after_blank && is_beside || is_outside || is_words && words::prose_words(&line.text) > 3 {
            break;
        }
        in_comment = open;
        found.push((at, read));
        at += 1;
        end = at;
    }
    (found, if head(reader, at).is_some() { at } else { end })
}
