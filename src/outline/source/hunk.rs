//! Patches: the hunks of a diff as the code that they make, joined below the functions that their heads name.
//!
//! `@@ -10,7 +10,9 @@ static int f(struct foo *foo)` is the head of `f` if the hunk begins inside it. The column of signs goes, lines that are
//! taken out are not read, and blank lines end nothing.

use super::Line;
use super::quoting::width as quoting;

/// Marks the lines of all hunks, and strips their column of signs.
pub(super) fn read(lines: &mut [Line]) {
    let mut at = 0;
    let mut file = 0;
    let mut last = String::new();
    if !lines.iter().any(|line| header(&line.text[quoting(&line.text)..]).is_some()) {
        return;
    }
    while at < lines.len() {
        let depth = quoting(&lines[at].text);
        let text = &lines[at].text[depth..];
        if text.starts_with("diff --git ") || text.starts_with("+++ ") {
            file += 1;
            last.clear();
        }
        if ["diff --git ", "index ", "--- a/", "--- /dev/null", "+++ "].iter().any(|head| text.starts_with(head)) {
            lines[at].blank();
            at += 1;
            continue;
        }
        let Some((old, new, head)) = header(text) else {
            at += 1;
            continue;
        };
        let end = end(lines, at, old, new);
        let cut = depth + text.len() - head.len();
        // A label heads a hunk where the tool that made the patch knows no C: what follows is part of no function that is known here.
        let label = head.trim().strip_suffix(':').filter(|label| !label.is_empty() && !label.contains(' '));
        let name = name(head).or(label.map(str::to_owned));
        let begins = lines[at + 1..end].iter().find(|line| line.text.len() > depth + 1);
        // A hunk that begins with a function is not inside the one before.
        let is_inside = begins.is_some_and(|line| line.text[depth + 1..].starts_with([' ', '\t']));
        let line = &mut lines[at];
        line.cut(cut);
        match name.filter(|name| is_inside && *name != last) {
            Some(name) => {
                // The head of a hunk is cut at 80 characters.
                let keep = line.text.find(['(', ':']).unwrap_or(line.text.len());
                line.text.truncate(keep);
                line.origin.truncate(keep);
                last = name;
                line.hunk = Some((file, true));
            }
            None => {
                line.blank();
                line.hunk = Some((file, false));
                line.is_gap = is_inside;
            }
        }
        for line in &mut lines[at + 1..end] {
            line.is_removed = line.text[depth.min(line.text.len())..].starts_with('-');
            let is_sign = line.text.len() > depth;
            line.cut(if is_sign { depth + 1 } else { line.text.len() });
            line.hunk = Some((file, false));
            if !line.is_removed
                && line.text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && let Some(name) = self::name(&line.text)
            {
                last = name;
            }
        }
        at = end;
    }
}

/// The counts of lines before and after, and the function that is named.
fn header(text: &str) -> Option<(usize, usize, &str)> {
    let rest = text.strip_prefix("@@ -")?;
    let (counts, head) = rest.split_once(" @@")?;
    let (old, new) = counts.split_once(" +")?;
    let count = |range: &str| match range.split_once(',') {
        Some((_, count)) => count.trim().parse().ok(),
        None => Some(1),
    };
    Some((count(old)?, count(new)?, head.trim_start()))
}

/// Behind the last line of the hunk: when as many lines have come as its head says, or with a line that is none.
fn end(lines: &[Line], head: usize, mut old: usize, mut new: usize) -> usize {
    let depth = quoting(&lines[head].text);
    let mut at = head + 1;
    while at < lines.len() && (old > 0 || new > 0) {
        let own = quoting(&lines[at].text);
        let text = lines[at].text.get(depth..).unwrap_or("");
        // Somebody answers in between.
        if depth > 0 && own < depth {
            break;
        }
        match text.bytes().next() {
            Some(b' ' | b'\t') | None => (old, new) = (old.saturating_sub(1), new.saturating_sub(1)),
            Some(b'+') => new = new.saturating_sub(1),
            Some(b'-') => old = old.saturating_sub(1),
            Some(b'\\') => {}
            _ => break,
        }
        at += 1;
    }
    at
}

/// The name of the function in a head; nothing if it is something else, such as a structure.
fn name(head: &str) -> Option<String> {
    if head.trim_end().ends_with([';', ':']) || head.starts_with('#') {
        return None;
    }
    let before = &head[..head.find('(')?];
    let name = before.rsplit([' ', '*']).next()?;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name.then(|| name.to_owned())
}
