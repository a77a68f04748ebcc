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
    let whole = lines[at].text.trim();
    // `Lock order: a -> b`
    let (head, behind) = whole.split_once(':').unwrap_or((whole, ""));
    let head = head.trim().to_ascii_lowercase();
    let head = ["the ", " is", " rules"]
        .iter()
        .fold(head.as_str(), |head, word| head.strip_prefix(word).or_else(|| head.strip_suffix(word)).unwrap_or(head));
    let is_declared = head == "order";
    let is_comment =
        matches!(head, "lock ordering" | "lock order" | "locking order" | "lock hierarchy" | "locking hierarchy");
    if !is_comment && (!is_declared || !behind.trim().is_empty()) {
        return None;
    }
    if !behind.trim().is_empty() {
        let names = chain_of(behind);
        if names.len() < 2 {
            return None;
        }
        let place = lines[at].whole();
        let orders = names.windows(2).map(|two| (Declaration::Order(two[0].clone(), two[1].clone()), place));
        reader.file.declarations.extend(orders);
        reader.taken[at] = true;
        return Some(at + 1);
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
        // Below a blank line, calls begin an outline.
        let is_fresh = end > 0 && lines[end - 1].is_blank();
        if is_fresh && lines[end..].iter().take_while(|line| !line.is_blank()).any(|line| is_call(&line.text)) {
            break;
        }
        let is_name = super::words::prose_words(&line.text) < 6 && !line.text.trim_end().ends_with('.');
        if !is_name || is_declared && line.indent() <= margin || line.text.contains("protects") {
            break;
        }
        open.retain(|(depth, _)| *depth < line.indent());
        for inner in chain(line) {
            if let Some((_, outer)) = open.last() {
                reader.file.declarations.push((Declaration::Order(outer.clone(), inner.clone()), line.whole()));
            }
            open.push((line.indent(), inner));
        }
        reader.taken[end] = true;
        end += 1;
    }
    Some(end)
}

/// `mutex_lock(&a)`, but not a name such as `(work_completion)(&w)`.
fn is_call(text: &str) -> bool {
    let bare = &text[super::words::undecorated(text)..];
    super::words::called_name(bare).is_some_and(|name| bare[name.end..].starts_with('('))
}

/// One lock, or `a -> b -> c` on one line.
fn chain(line: &Line) -> Vec<String> {
    let found = chain_of(line.text.trim().trim_start_matches(['-', '>', '=', ' ']));
    if found.is_empty() { vec![name(line)] } else { found }
}

/// Names with arrows between; none if there is no arrow.
fn chain_of(text: &str) -> Vec<String> {
    for arrow in [" --> ", " -> ", " ==> ", " => ", " > ", " before "] {
        if text.contains(arrow) {
            return text
                .split(arrow)
                .map(|part| plain_words(part.trim().trim_end_matches([',', ';', '.', ':'])))
                .collect();
        }
    }
    Vec::new()
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
    let behind = behind.replace(" and ", ", ");
    let mut names: Vec<String> =
        arguments(behind.trim_end_matches('.')).iter().flat_map(|name| expanded(name)).collect();
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
