//! What C has beside functions: types, tables with their values, and pointers. Nothing in them runs, so they are read over.

use super::reader::Reader;
use super::source::Line;
use super::words;

/// Words before a type that say nothing of what it is.
const QUALIFIERS: [&str; 7] = ["static", "const", "extern", "volatile", "__initdata", "__initconst", "__read_mostly"];

/// Takes the lines of types and tables.
pub(super) fn read(reader: &mut Reader) {
    let mut at = 0;
    while at < reader.source.lines.len() {
        let end = if reader.is_open(at) { end(reader, at) } else { at };
        if reader.is_open(at)
            && let Some(name) = global(&reader.source.lines[at])
        {
            reader.file.globals.insert(name);
            reader.taken[at] = true;
        }
        reader.taken[at..end].fill(true);
        at = end.max(at + 1);
    }
}

/// Behind the definition that begins on the line; the line itself if none does.
fn end(reader: &Reader, start: usize) -> usize {
    let lines = &reader.source.lines;
    let head = code(&lines[start]);
    if head.starts_with("typedef ") && head.ends_with(';') && !head.contains('{') {
        return start + 1;
    }
    let below = lines.get(start + 1).is_some_and(|next| code(next) == "{" && next.indent() == lines[start].indent());
    let opens = head.ends_with('{') || below && (head.ends_with('=') || is_type(&head));
    if !opens || !is_type(&head) && !is_table(&head) {
        return start;
    }
    let mut depth = 0;
    for (at, line) in lines.iter().enumerate().skip(start) {
        // What a patch leaves out is not here.
        let is_elsewhere = line.hunk.map(|(file, _)| file) != lines[start].hunk.map(|(file, _)| file);
        if at > start && (is_elsewhere || line.hunk.is_some_and(|(_, begins)| begins)) {
            return if lines[start].hunk.is_some() { at } else { start };
        }
        let text = code(line);
        depth += text.matches('{').count() as i32 - text.matches('}').count() as i32;
        if depth <= 0 && text.contains('}') {
            return at + 1;
        }
    }
    start
}

/// `static struct foo *cur;` and `struct foo __rcu *cur = NULL;`: the name.
fn global(line: &Line) -> Option<String> {
    let code = code(line);
    let declared = code.strip_suffix(';')?.trim_end();
    let declared = declared
        .split_once('=')
        .map_or(declared, |(declared, value)| if value.trim() == "NULL" { declared } else { "" });
    let (kind, name) = declared.trim_end().rsplit_once('*')?;
    let is_type = kind.split_whitespace().all(words::is_name) && kind.trim().contains(' ');
    (line.indent() == 0 && is_type && words::is_name(name)).then(|| name.to_owned())
}

fn code(line: &Line) -> String {
    words::split_remark(&line.text).0.trim().to_owned()
}

fn is_type(head: &str) -> bool {
    let mut words = head.split_whitespace().skip_while(|word| QUALIFIERS.contains(word));
    matches!(words.next(), Some("struct" | "union" | "enum" | "typedef")) && !head.contains(['(', '=', ';'])
}

/// `static const struct file_operations fops = {`
fn is_table(head: &str) -> bool {
    let Some((declared, value)) = head.split_once('=') else { return false };
    // Two words at least: the type and the name. An assignment has one.
    let names = declared.split_whitespace().filter(|word| !QUALIFIERS.contains(word)).count();
    matches!(value.trim(), "" | "{") && names >= 2 && !declared.contains('(')
}
