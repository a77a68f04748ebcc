//! Quoting: the column of `>` before each line of a mail, one for each time that it was answered.
//!
//! Where the depth changes, somebody else speaks, so what stands there is read on its own. `> >` is two deep, and so is `>>`.

use std::ops::Range;

use super::{Line, after_blanks};

/// One level of quoting.
pub(super) fn quote(text: &str) -> Option<usize> {
    let (blanks, rest) = after_blanks(text);
    if blanks > 1 || !rest.starts_with('>') {
        return None;
    }
    let after = &rest[1..];
    Some(blanks + 1 + usize::from(after.starts_with(' ')))
}

/// How much of the line is quoting.
pub(super) fn width(text: &str) -> usize {
    let mut at = 0;
    while let Some(more) = quote(&text[at..]) {
        at += more;
    }
    at
}

/// How often the line was quoted.
fn depth(text: &str) -> usize {
    text[..width(text)].matches('>').count()
}

/// Are lines quoted to different depths?
pub(super) fn is_mail(lines: &[Line]) -> bool {
    let written = lines.iter().filter(|line| !line.text[width(&line.text)..].trim().is_empty());
    let depths: Vec<usize> = written.map(|line| depth(&line.text)).collect();
    let quoted = depths.iter().filter(|depth| **depth > 0).count();
    quoted > 1 && depths.iter().any(|depth| *depth != depths[0])
}

/// What is answered in the middle of a quoted function parts it in two: the words are read over, and the function is whole again.
pub(super) fn pass_over_remarks(lines: &mut [Line]) {
    let mut open = 0i32;
    let mut at = 0;
    while at < lines.len() {
        if depth(&lines[at].text) > 0 {
            let text = &lines[at].text;
            let code = text[width(text)..].trim_start_matches(['+', ' ']);
            open += code.matches('{').count() as i32 - code.matches('}').count() as i32;
            at += 1;
            continue;
        }
        let end = (at..lines.len()).find(|next| depth(&lines[*next].text) > 0).unwrap_or(lines.len());
        if open > 0 && end < lines.len() && lines[at..end].iter().all(|line| is_remark(&line.text)) {
            lines[at..end].iter_mut().for_each(Line::blank);
        } else {
            open = 0;
        }
        at = end;
    }
}

/// Words, or nothing: no line of code.
fn is_remark(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || !text.ends_with([';', '{', '}', ')', ':']) && text.split_whitespace().count() > 2
}

/// The run, parted where the depth changes; a single quoted line among others that are not is no part of its own.
pub(super) fn parts(lines: &[Line], run: Range<usize>) -> Vec<Range<usize>> {
    let depth = |at: usize| depth(&lines[at].text);
    let mut cuts = vec![run.start];
    cuts.extend((run.start + 1..run.end).filter(|at| depth(*at) != depth(*at - 1)));
    cuts.push(run.end);
    let parts: Vec<Range<usize>> = cuts.windows(2).map(|two| two[0]..two[1]).collect();
    let is_alone = |part: &Range<usize>| {
        let beside =
            [part.start.checked_sub(1).filter(|at| run.contains(at)), Some(part.end).filter(|at| run.contains(at))];
        part.len() < 2 && depth(part.start) > 0 && beside.into_iter().flatten().all(|at| depth(at) == 0)
    };
    if parts.len() > 1 && parts.iter().any(is_alone) { vec![run] } else { parts }
}
