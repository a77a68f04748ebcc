//! Where the columns of a diagram begin: at rivers of white space, or at bars.

use crate::outline::claims;
use crate::outline::source::Line;

/// A part of a line between rivers.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub from: usize,
    pub to: usize,
}

/// Blanks that part two cells.
pub(super) const RIVER: usize = 2;

/// Columns by which two cells that begin in one column of the diagram differ at most, if nothing else is known.
pub(super) const APART: usize = 16;

pub(super) fn parts(line: &Line) -> Vec<Part> {
    let text = line.text.as_str();
    let bytes = text.as_bytes();
    let mut parts: Vec<Part> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b' '
            || bytes[at] == b'|'
                && (at == 0 || bytes[at - 1] == b' ' || bytes.get(at + 1) == Some(&b' '))
                && bytes.get(at + 1) != Some(&b'|')
        {
            at += 1;
            continue;
        }
        let from = at;
        while at < bytes.len() {
            let blanks = bytes[at..].iter().take_while(|b| **b == b' ').count();
            let has_tab = line.tab_ends.iter().any(|end| *end > at && *end <= at + blanks);
            let is_bar = bytes[at..].starts_with(b" | ") || &bytes[at..] == b" |";
            if blanks >= RIVER || has_tab || at + blanks == bytes.len() || is_bar {
                break;
            }
            at += blanks.max(1);
        }
        parts.push(Part { from, to: at });
    }
    parts
}

pub(super) fn is_underline(text: &str) -> bool {
    let trimmed = text.trim();
    trimmed.len() >= 2
        && trimmed.bytes().all(|b| matches!(b, b'-' | b'=' | b'~' | b' ' | b'+' | b'|'))
        && trimmed.contains(['-', '=', '~'])
}

pub(super) fn texts<'a>(line: &'a Line, parts: &[Part]) -> Vec<&'a str> {
    parts.iter().map(|part| line.text[part.from..part.to].trim()).collect()
}

/// `time` above an arrow that leads down, left of the columns: how wide it is.
pub(super) fn axis(head: &Line) -> Option<usize> {
    let found = parts(head);
    let is_time = found.len() > 1 && texts(head, &found[..1])[0].trim_end_matches(':').eq_ignore_ascii_case("time");
    is_time.then(|| found[0].to)
}

/// The line without its part of the axis, and without its word.
pub(super) fn without_axis(line: &mut Line, width: usize) {
    let width = width.min(line.text.len());
    let left = line.text[..width].trim().to_owned();
    if left.is_empty() || matches!(left.to_ascii_lowercase().as_str(), "|" | "v" | "time" | "time:") {
        line.text.replace_range(..width, &" ".repeat(width));
    }
}

/// Parts of the body that say where columns begin: no remarks, no arrows, no numbers of rows.
pub(super) fn is_cell(text: &str) -> bool {
    let starts = ["//", "/*", "*", "<-", "->", "--", "=>", "#"];
    let is_number = text.trim_end_matches([':', '.', ')']).bytes().all(|b| b.is_ascii_digit());
    !starts.iter().any(|start| text.starts_with(start))
        && !is_number
        && !is_underline(text)
        && claims::only_claim(text).is_none()
}

/// Where columns begin, given how many names there are: the widest gaps between the beginnings of cells.
pub(super) fn boundaries(starts: &mut Vec<usize>, names: usize) -> Vec<usize> {
    starts.sort_unstable();
    starts.dedup();
    let mut gaps: Vec<(usize, usize)> = starts.windows(2).map(|two| (two[1] - two[0], two[1])).collect();
    gaps.sort_unstable_by(|one, other| other.cmp(one));
    let mut found: Vec<usize> = gaps.iter().take(names - 1).filter(|(gap, _)| *gap >= 4).map(|(_, at)| *at).collect();
    let least = gaps.iter().take(names - 1).map(|(gap, _)| *gap).min().unwrap_or(0);
    let further =
        gaps.iter().skip(names - 1).take_while(|(gap, _)| *gap >= APART && *gap * 5 >= least * 3 && names > 1);
    found.extend(further.map(|(_, at)| *at));
    found.sort_unstable();
    let mut all = vec![0];
    all.extend(found);
    all
}

/// Columns that bars part, if most lines have them at the same place.
pub(super) fn bars(lines: &[Line], names: usize) -> Option<Vec<usize>> {
    let written = lines.iter().filter(|line| !line.is_blank());
    let mut counts: std::collections::BTreeMap<usize, usize> = std::collections::BTreeMap::new();
    for line in written.clone() {
        for (at, _) in line.text.match_indices('|').filter(|(at, _)| line.text[..*at].ends_with(' ') || *at == 0) {
            *counts.entry(at).or_default() += 1;
        }
    }
    let most: Vec<usize> = counts
        .into_iter()
        .filter(|(_, count)| count * 5 >= written.clone().count() * 3)
        .map(|(at, _)| at + 1)
        .collect();
    (most.len() + 1 >= names && !most.is_empty()).then(|| std::iter::once(0).chain(most).collect())
}

/// Where cells begin, those of comments that go over several lines left out.
pub(super) fn starts(lines: &[Line]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut in_comment = false;
    for line in lines {
        for part in parts(line) {
            let text = &line.text[part.from..part.to];
            let was = in_comment;
            if text.contains("/*") {
                in_comment = !text.contains("*/");
            } else if in_comment && text.contains("*/") {
                in_comment = false;
            }
            if !was && is_cell(text.trim()) {
                found.push(part.from);
            }
        }
    }
    found
}

/// The parts of the line by column; those of one column are one.
pub(super) fn cells(line: &Line, columns: &[usize]) -> Vec<(usize, Part)> {
    let mut found: Vec<(usize, Part)> = Vec::new();
    for part in parts(line) {
        let text = line.text[part.from..part.to].trim();
        if text.trim_end_matches([':', '.', ')']).bytes().all(|b| b.is_ascii_digit()) && found.is_empty() {
            continue;
        }
        // A cell may begin a little to the left of its column.
        let column = columns.iter().rposition(|start| *start <= part.from + 1).unwrap_or(0);
        match found.last_mut() {
            Some((last, before)) if *last == column => before.to = part.to,
            _ => found.push((column, part)),
        }
    }
    found
}
