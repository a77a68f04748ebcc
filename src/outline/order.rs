//! Orders of locks and what they protect: as declared, and as comments at the head of a kernel file write them.

use super::declare::Declaration;
use super::reader::Reader;
use super::source::{Line, Place, runs};
use super::words::{arguments, plain};

/// A name, which in such comments may be several words.
fn name(line: &Line) -> String {
    let text = line.text.trim().trim_end_matches([',', ';', '.', ':']);
    let text = text.trim_start_matches(['-', '>', ' ']).split(" (").next().unwrap_or("");
    plain_words(text)
}

fn plain_words(text: &str) -> String {
    if text.contains(' ') { text.split_whitespace().collect::<Vec<_>>().join(" ") } else { plain(text) }
}

/// Reads `order` blocks, `L protects:` and `Lock ordering:`.
pub(super) fn read(reader: &mut Reader) {
    let mut at = 0;
    while at < reader.source.lines.len() {
        if reader.is_open(at) {
            at = order_at(reader, at).or_else(|| protects_at(reader, at)).unwrap_or(at + 1);
        } else {
            at += 1;
        }
    }
}

/// An order, from its head line: where the text goes on.
fn order_at(reader: &mut Reader, at: usize) -> Option<usize> {
    let lines = &reader.source.lines;
    let head = lines[at].text.trim().trim_end_matches(':').to_ascii_lowercase();
    let is_declared = head == "order";
    let is_comment = matches!(
        head.as_str(),
        "lock ordering" | "lock order" | "locking order" | "lock ordering rules" | "lock hierarchy"
    );
    if !is_declared && !is_comment {
        return None;
    }
    reader.taken[at] = true;
    let margin = lines[at].indent();
    let mut end = at + 1;
    let mut open: Vec<(usize, String)> = Vec::new();
    while end < lines.len() {
        let line = &lines[end];
        if line.is_blank() {
            open.clear();
            if is_declared {
                break;
            }
            end += 1;
            continue;
        }
        let is_name = super::words::prose_words(&line.text) < 6 && !line.text.trim_end().ends_with('.');
        if !is_name || is_declared && line.indent() <= margin || line.text.contains("protects") {
            break;
        }
        open.retain(|(depth, _)| *depth < line.indent());
        let inner = name(line);
        if let Some((_, outer)) = open.last() {
            reader.file.declarations.push((Declaration::Order(outer.clone(), inner.clone()), line.whole()));
        }
        open.push((line.indent(), inner));
        reader.taken[end] = true;
        end += 1;
    }
    Some(end)
}

/// `L protects:` and the names below or behind it.
fn protects_at(reader: &mut Reader, at: usize) -> Option<usize> {
    let lines = &reader.source.lines;
    let text = lines[at].text.trim();
    let (lock, behind) = [" protects:", " protect:", " protects "].iter().find_map(|word| text.split_once(word))?;
    let is_lock = |lock: &str| {
        !lock.is_empty()
            && lock.split(' ').count() <= 4
            && (lock.ends_with("lock") || lock.ends_with("locks") || lock.ends_with("mutex") || lock.ends_with("sem"))
    };
    if !is_lock(lock) {
        return None;
    }
    let place: Place = lines[at].whole();
    let mut names: Vec<String> = arguments(behind).iter().flat_map(|name| expanded(name)).collect();
    reader.taken[at] = true;
    let mut end = at + 1;
    while end < lines.len() && !lines[end].is_blank() && lines[end].indent() > lines[at].indent() {
        names.extend(arguments(lines[end].text.trim()).iter().flat_map(|name| expanded(name)));
        reader.taken[end] = true;
        end += 1;
    }
    names.retain(|name| !name.ends_with("()"));
    if names.is_empty() {
        return None;
    }
    reader.file.declarations.push((Declaration::Protects(plain_words(lock), names), place));
    // The title of such a comment says nothing more.
    if let Some(run) = runs(lines).into_iter().find(|run| run.end + 1 == at || run.contains(&at)) {
        let first = run.start;
        if lines[first].text.to_ascii_lowercase().contains("lock") && lines[first].text.trim_end().ends_with(':') {
            reader.taken[first] = true;
        }
    }
    Some(end)
}

/// `b_{dirty,io}` is `b_dirty` and `b_io`.
fn expanded(name: &str) -> Vec<String> {
    let name = plain(name);
    match (name.find('{'), name.find('}')) {
        (Some(open), Some(close)) if open < close => name[open + 1..close]
            .split(',')
            .map(|inner| format!("{}{inner}{}", &name[..open], &name[close + 1..]))
            .collect(),
        _ => vec![name].into_iter().filter(|name| !name.is_empty()).collect(),
    }
}
