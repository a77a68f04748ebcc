//! What C has beside functions: types, tables with their values, variables and macros. Nothing in them runs, so they are read over.

use super::reader::Reader;
use super::source::Line;
use super::words;

/// Words before a type that say nothing of what it is.
const QUALIFIERS: [&str; 7] = ["static", "const", "extern", "volatile", "__initdata", "__initconst", "__read_mostly"];

/// Types of numbers.
const NUMBERS: [&str; 17] = [
    "int", "long", "short", "char", "unsigned", "signed", "bool", "u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64",
    "size_t", "ssize_t",
];

/// Takes the lines of types and tables.
pub(super) fn read(reader: &mut Reader) {
    let mut at = 0;
    while at < reader.source.lines.len() {
        let end = if reader.is_open(at) { end(reader, at) } else { at };
        if reader.is_open(at) && is_macro(&reader.source.lines[at]) {
            reader.taken[at] = true;
        }
        let found = if reader.is_open(at) { global(&reader.source.lines[at]) } else { None };
        if let Some((name, is_pointer)) = found {
            let names = if is_pointer { &mut reader.file.globals } else { &mut reader.file.scalars };
            names.insert(name);
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

/// `static struct foo *cur;` and `static int users = 0;`: the name, and whether it is a pointer.
fn global(line: &Line) -> Option<(String, bool)> {
    let code = code(line);
    let declared = code.strip_suffix(';').filter(|_| line.indent() == 0)?;
    let (declared, value) = declared.split_once('=').unwrap_or((declared, "0"));
    let declared = declared.trim_end();
    let name = declared.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
    let kind = declared.strip_suffix(name)?.trim_end();
    let words = || kind.trim_end_matches('*').split_whitespace().filter(|word| !QUALIFIERS.contains(word));
    let is_pointer = kind.ends_with('*') && words().all(words::is_name) && words().next().is_some();
    let is_number = words().next().is_some() && words().all(|word| NUMBERS.contains(&word));
    let is_plain = matches!(value.trim(), "0" | "NULL" | "false") || is_number && value.trim().parse::<i64>().is_ok();
    (words::is_name(name) && is_plain && (is_pointer || is_number)).then(|| (name.to_owned(), is_pointer))
}

/// `static DEFINE_SPINLOCK(lock);`, `module_init(f);`: declares something, or tells the kernel of it.
fn is_macro(line: &Line) -> bool {
    let code = code(line);
    let Some((name, _)) = code.trim_start_matches("static ").split_once('(') else { return false };
    let begins = ["DEFINE_", "DECLARE_", "MODULE_", "EXPORT_SYMBOL", "LIST_HEAD", "HLIST_HEAD"];
    let is_init = name.ends_with("_initcall") || matches!(name, "module_init" | "module_exit");
    line.indent() == 0 && code.ends_with([';', ')']) && (is_init || begins.iter().any(|begin| name.starts_with(begin)))
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
