//! Diagrams: a program per column, in one claimed order of rows.
//!
//! The header says how many columns there are and what they are called, not where they are: it may be far away from the body. Where a
//! column begins is read off the rivers of white space in the body.

use super::diagnostic::Diagnostic;
use super::reader::Reader;
use super::source::{Line, Place};
use super::statement::{Context, Parsed, Stmt};
use super::tree::{Column, Diagram, Figure, Item, Node, items, nest};
use super::{claims, declare, splat, steps, words};

mod columns;

use columns::{APART, Part, axis, bars, boundaries, cells, is_underline, parts, starts, texts, without_axis};

/// `CPU0`, `CPU#0`, `[task 1]`, `Thread A:`, `T1`, `P0`.
pub(super) fn is_named(text: &str) -> bool {
    let bare = text.trim_matches(['[', ']', ':', '(', ')', ' ', '*', '<', '>', '=', '-', '_']).to_ascii_lowercase();
    let words =
        ["cpu", "task", "thread", "process", "proc", "core", "context", "path", "flow", "user", "side", "t", "p"];
    words.iter().any(|word| {
        bare.strip_prefix(word).is_some_and(|rest| {
            let id = rest.trim_start_matches([' ', '#', '-', '_']).trim_end_matches(':');
            let id = id.split(" (").next().unwrap_or(id);
            let joined = rest.starts_with([' ', '#', '-', '_']);
            !id.is_empty()
                && id.len() <= 2
                && id.bytes().all(|b| b.is_ascii_alphanumeric())
                && (joined || id.bytes().all(|b| b.is_ascii_digit()) || word.len() > 3)
        })
    })
}

/// `cpu0` with deeper lines below.
pub(super) fn is_block(reader: &Reader, at: usize) -> bool {
    let lines = &reader.source.lines;
    let text = lines[at].text.trim();
    let below = lines.get(at + 1).filter(|below| !below.is_blank() && !is_underline(&below.text));
    let is_plain = text.bytes().all(|b| b.is_ascii_alphabetic());
    reader.is_open(at) && !is_plain && is_named(text) && below.is_some_and(|below| below.indent() > lines[at].indent())
}

/// Is it one of several blocks, or one of an outline with declarations? Then its name heads no column.
fn is_stacked(reader: &Reader, at: usize) -> bool {
    let lines = &reader.source.lines;
    let text = |at: usize| lines[at].text.trim();
    let is_declared = || lines.iter().any(|line| matches!(declare::parse(line), Some(Ok(_))));
    let is_another = |other: usize| text(other) != text(at) && is_block(reader, other);
    is_block(reader, at) && ((0..lines.len()).any(is_another) || is_declared())
}

/// The names of the header, if the line is one.
fn header(reader: &Reader, at: usize) -> Option<Vec<String>> {
    let lines = &reader.source.lines;
    let line = &lines[at];
    if !reader.is_open(at) || is_underline(&line.text) {
        return None;
    }
    let found = parts(line);
    let mut names = texts(line, &found);
    names.drain(..usize::from(axis(line).is_some()));
    let next = lines.get(at + 1).filter(|next| is_underline(&next.text));
    let all_named = names.iter().all(|name| is_named(name));
    let is_cpu = names.len() == 1 && names[0].to_ascii_lowercase().starts_with("cpu") && !is_stacked(reader, at);
    let underlined = next.is_some() && names.len() > 1 && names.iter().all(|name| words::prose_words(name) < 6);
    if all_named && (names.len() > 1 || is_cpu) || underlined {
        return Some(names.iter().map(|name| name.trim_matches(['[', ']', ':', '*', ' ']).to_owned()).collect());
    }
    None
}

/// Two names with one blank between: a page has eaten the others.
fn is_eaten(reader: &Reader, at: usize) -> bool {
    let line = &reader.source.lines[at];
    let found: Vec<&str> = line.text.split_whitespace().collect();
    let each = found.len() >= 2 && found.iter().all(|word| is_named(word));
    let pairs =
        found.len() >= 4 && found.len().is_multiple_of(2) && found.chunks(2).all(|two| is_named(&two.join(" ")));
    reader.is_open(at) && parts(line).len() == 1 && (each || pairs)
}

/// Reads diagrams that have a header.
pub(super) fn read(reader: &mut Reader) {
    let mut at = 0;
    while at < reader.source.lines.len() {
        if let Some(names) = header(reader, at) {
            at = diagram(reader, at, &names);
        } else if is_eaten(reader, at) {
            let place = reader.source.lines[at].whole();
            let title = "the columns of this diagram are lost";
            let expected = "expected two blanks or a tab between the names, and between the cells below";
            let note =
                "a web page or a mail program has eaten the white space: paste it from the source, or put it back";
            reader.file.mistakes.push(Diagnostic::mistake(title, place, expected).note(note));
            at = region(reader, at).max(at + 1);
            (reader.source.lines[..at].iter().enumerate())
                .for_each(|(line, _)| reader.taken[line] |= line + 1 >= place.line as usize);
        } else {
            at += 1;
        }
    }
}

/// Lines behind the header that are still the diagram: up to a paragraph of prose, or another header.
fn region(reader: &Reader, at: usize) -> usize {
    let lines = &reader.source.lines;
    let mut end = at + 1;
    let mut last = end;
    let mut fresh = false;
    while end < lines.len() {
        let line = &lines[end];
        if line.is_blank() {
            fresh = true;
            end += 1;
            continue;
        }
        if reader.taken[end] || end > at + 1 && header(reader, end).is_some() {
            break;
        }
        let found = parts(line);
        let first = found.first().map_or("", |part| line.text[part.from..part.to].trim());
        let is_prose = words::prose_words(first) >= 4 && words::split_remark(first).0.len() > first.len() / 2;
        let is_beside = found.len() > 1 || line.indent() >= APART;
        let is_claim = claims::only_claim(line.text.trim()).is_some();
        if fresh && !is_beside && !is_claim && (is_prose || heads_another(reader, end) || !goes_on(reader, end)) {
            break;
        }
        end += 1;
        last = end;
        fresh = false;
    }
    last
}

/// `After:` above the header of the next diagram.
fn heads_another(reader: &Reader, at: usize) -> bool {
    let lines = &reader.source.lines;
    let next = (at + 1..lines.len()).find(|&at| !lines[at].is_blank());
    lines[at].text.trim_end().ends_with(':') && next.is_some_and(|next| header(reader, next).is_some())
}

/// A run that has nothing in a second column is of the diagram only if a later line before prose has.
fn goes_on(reader: &Reader, from: usize) -> bool {
    let lines = &reader.source.lines;
    for line in &lines[from..] {
        let found = parts(line);
        let first = found.first().map_or("", |part| line.text[part.from..part.to].trim());
        if found.len() > 1 && !first.starts_with("//") || line.indent() >= APART && !first.starts_with("//") {
            return true;
        }
        if words::prose_words(first) >= 4 && !first.starts_with("//") {
            return false;
        }
    }
    false
}

fn letter(at: usize) -> String {
    char::from(b'A' + (at % 26) as u8).to_string()
}

/// Reads the diagram whose header is on the line: where the text goes on.
fn diagram(reader: &mut Reader, at: usize, names: &[String]) -> usize {
    let end = region(reader, at);
    let head = at + 1;
    let place = reader.source.lines[at].whole();
    let body = if reader.source.lines.get(head).is_some_and(|line| is_underline(&line.text)) { head + 1 } else { head };
    let mut lines: Vec<Line> = reader.source.lines[at..end].to_vec();
    if let Some(width) = axis(&lines[0]) {
        lines.iter_mut().for_each(|line| without_axis(line, width));
    }
    let head = lines[0].clone();
    lines.drain(..body.min(end) - at);
    if lines.iter().all(Line::is_blank) {
        return at + 1;
    }
    let Some(columns) = columns_of(&head, &lines, names.len()) else {
        let expected = format!("this header has {} columns, the lines below have one", names.len());
        let note = "a web page or a mail program has eaten the white space: paste it from the source, or put it back";
        reader
            .file
            .mistakes
            .push(Diagnostic::mistake("the columns of this diagram are lost", place, expected).note(note));
        (at..end).for_each(|line| reader.taken[line] = true);
        return end;
    };
    let mut remarks = Vec::new();
    let mut all: Vec<String> = names.to_vec();
    while all.len() < columns.len() {
        let name = format!("task {}", all.len() + 1);
        remarks.push(Diagnostic::warning(
            format!("a column has no header: it is called `{name}`"),
            place,
            "this header names the others",
        ));
        all.push(name);
    }
    (at..end).for_each(|line| reader.taken[line] = true);
    finish(reader, at, end, &lines, (&columns, all), remarks);
    end
}

fn columns_of(head: &Line, lines: &[Line], names: usize) -> Option<Vec<usize>> {
    if names == 1 {
        return Some(vec![0]);
    }
    let with_head: Vec<Line> = std::iter::once(head).chain(lines).cloned().collect();
    if let Some(found) = bars(&with_head, names) {
        return Some(found);
    }
    let mut starts = starts(lines);
    let found = boundaries(&mut starts, names);
    (found.len() >= names).then_some(found)
}

/// Makes the diagram of the lines.
fn finish(
    reader: &mut Reader,
    at: usize,
    end: usize,
    lines: &[Line],
    (columns, names): (&[usize], Vec<String>),
    mut remarks: Vec<Diagnostic>,
) {
    let place = reader.source.lines[at].whole();
    let mut bodies: Vec<Vec<Item>> = vec![Vec::new(); columns.len()];
    let mut claims = Vec::new();
    let mut comments = vec![false; columns.len()];
    for line in lines {
        for (column, part) in cells(line, columns) {
            cell(line, part, &mut bodies[column], &mut comments[column], &mut claims);
        }
    }
    steps::settle_waits(&mut bodies);
    let is_box = bodies
        .iter()
        .flatten()
        .any(|item| matches!(&item.parsed.stmt, Stmt::Call { name, .. } if name == "lock" || name == "rlock"));
    let mut all: Vec<Column> =
        names.into_iter().zip(bodies).map(|(name, body)| Column { name, body: nest(body) }).collect();
    let figure = if is_box { Figure::Box } else { Figure::Columns };
    if is_box && let Some((chain, place)) = splat::chain(reader, at) {
        for added in splat::complete(&mut all, &chain, place) {
            remarks.push(Diagnostic::warning(
                format!("a task was made for the link {added}, which the box leaves out"),
                place,
                "it is in this chain",
            ));
        }
    }
    for column in &all {
        for node in &column.body {
            node.each(&mut |node| claims.extend(said(node).map(|claim| (claim, node.place))));
        }
    }
    claims.extend(claim_behind(reader, end));
    reader.file.diagrams.push(Diagram { figure, place, columns: all, claims, remarks });
}

/// What a remark at the node claims, or a cell that is words.
fn said(node: &Node) -> Option<claims::Claim> {
    let words = match &node.stmt {
        Stmt::Prose(text) => text,
        _ => &node.note,
    };
    node.claim.or_else(|| claims::claim(words))
}

/// `*** DEADLOCK ***` below the body.
fn claim_behind(reader: &mut Reader, end: usize) -> Option<(claims::Claim, Place)> {
    let lines = &reader.source.lines;
    let at = (end..(end + 3).min(lines.len())).find(|&at| !lines[at].is_blank())?;
    let claim = claims::only_claim(lines[at].text.trim())?;
    let place = lines[at].whole();
    reader.taken[at] = true;
    Some((claim, place))
}

/// Reads one cell of a column.
fn cell(
    line: &Line,
    part: Part,
    body: &mut Vec<Item>,
    in_comment: &mut bool,
    claims: &mut Vec<(claims::Claim, Place)>,
) {
    let raw = &line.text[part.from..part.to];
    let remark = claims::claim(raw).filter(|_| *in_comment);
    let (text, open) = super::reader::without_comments(raw, *in_comment);
    let was_comment = *in_comment || raw.trim_start().starts_with("/*");
    *in_comment = open;
    claims.extend(remark.map(|claim| (claim, line.place(part.from, part.to))));
    if was_comment && text.trim().is_empty() {
        claims.extend(
            claims::claim(raw).filter(|_| remark.is_none()).map(|claim| (claim, line.place(part.from, part.to))),
        );
        return;
    }
    let depth = part.from + words::undecorated(&text);
    if let Some(stmt) = interruption(&text) {
        let parsed = Parsed { from: 0, to: 0, stmt, note: String::new(), claim: None };
        body.push(Item { depth, place: line.place(part.from, part.to), parsed });
        return;
    }
    if text.trim() != raw.trim() {
        claims.extend(claims::claim(words::split_remark(raw).1).map(|claim| (claim, line.place(part.from, part.to))));
    }
    for item in items(line, part.from, &text) {
        match item.parsed.stmt {
            Stmt::Claim(claim) => claims.push((claim, item.place)),
            _ => body.push(item),
        }
    }
}

/// A remark such as "timer interrupt handler runs here", and the one that ends it.
fn interruption(text: &str) -> Option<Stmt> {
    let (code, remark) = words::split_remark(text);
    let lower = remark.to_ascii_lowercase();
    if !code.trim().is_empty() || !lower.contains("interrupt") {
        return None;
    }
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if says(&["finish", " ends", " returns", " done"]) {
        Some(Stmt::Leave)
    } else {
        says(&[" runs", " fires", " arrives", " comes", " occurs", " happens", " hits"])
            .then_some(Stmt::Enter(Context::Hard))
    }
}

/// Reads diagrams without a header: runs whose cells begin in places far apart, and are code in each.
pub(super) fn read_headerless(reader: &mut Reader) {
    for run in super::source::runs(&reader.source.lines) {
        let open: Vec<usize> = run.clone().filter(|&at| reader.is_open(at)).collect();
        let lines: Vec<Line> = open.iter().map(|&at| reader.source.lines[at].clone()).collect();
        let Some(columns) = headerless_columns(&lines) else { continue };
        let at = open[0];
        open.iter().for_each(|&at| reader.taken[at] = true);
        let names = names(&lines, &columns);
        finish(reader, at, run.end, &lines, (&columns, names), Vec::new());
    }
}

/// Columns are called by the functions that they begin with, if each has one of its own; by letters otherwise.
fn names(lines: &[Line], columns: &[usize]) -> Vec<String> {
    let first = |column: usize| {
        let mut all = lines.iter().flat_map(|line| cells(line, columns).into_iter().map(move |cell| (line, cell)));
        let (line, (_, part)) = all.find(|(_, (own, _))| *own == column)?;
        match super::statement::parse(&line.text[part.from..part.to]).first().map(|parsed| &parsed.stmt) {
            Some(Stmt::Call { name, result: None, .. }) if !super::vocabulary::is_known(name) => Some(name.clone()),
            _ => None,
        }
    };
    let found: Vec<String> = (0..columns.len()).filter_map(first).collect();
    let distinct: std::collections::BTreeSet<&String> = found.iter().collect();
    if distinct.len() == columns.len() { found } else { (0..columns.len()).map(letter).collect() }
}

fn headerless_columns(lines: &[Line]) -> Option<Vec<usize>> {
    if lines.len() < 2 {
        return None;
    }
    if let Some(found) = bars(lines, 2).filter(|found| found.len() > 1 && found[1] > 2) {
        return Some(found);
    }
    let mut all = starts(lines);
    all.sort_unstable();
    all.dedup();
    let gaps: Vec<usize> = all.windows(2).filter(|two| two[1] - two[0] >= APART).map(|two| two[1]).collect();
    if gaps.is_empty() {
        return None;
    }
    let columns: Vec<usize> = std::iter::once(0).chain(gaps).collect();
    // Each column has code; words behind calls are remarks, and no column.
    let mut code = vec![0; columns.len()];
    let mut prose = 0;
    for line in lines {
        for (column, part) in cells(line, &columns) {
            // Behind a call it may be a note.
            if column > 0 && words::is_fact(&line.text[part.from..part.to]) {
                continue;
            }
            let parsed = super::statement::parse(&line.text[part.from..part.to]);
            let is_code = parsed.iter().any(|p| match &p.stmt {
                Stmt::Call { args, name, .. } => {
                    !args.is_empty() || name.contains('_') || line.text[part.from..part.to].contains('(')
                }
                Stmt::Assign(..) | Stmt::If(_) => true,
                _ => false,
            });
            code[column] += usize::from(is_code);
            prose += usize::from(parsed.iter().any(|p| matches!(p.stmt, Stmt::Prose(_))));
        }
    }
    (code.iter().all(|count| *count > 0) && prose * 2 <= code.iter().sum::<usize>()).then_some(columns)
}
