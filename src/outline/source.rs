//! The text as the user has it, and as the parser reads it: leaders stripped, tabs expanded, one byte a character.
//!
//! Mails quote, comments have stars, consoles have time stamps, diffs have a column of signs. Such a *leader* is stripped if every line
//! of its run (lines without a blank one between) has it, and before tabs are expanded, since the tab stops are those of the author.
//!
//! What is not ASCII is one placeholder byte in the text that is parsed; what is shown to the user is always the original line.

mod hunk;
mod quoting;

use quoting::quote;

/// Width of a tab.
const TAB: usize = 8;

/// What stands for a character that is not ASCII. No rule of the parser knows it, so it is a letter of no word.
pub const FOREIGN: u8 = 0x1a;

/// The line that parts texts which are to be read one by one.
pub const SCISSORS: &str = "-- >8 --";

/// A part of a line: characters `from..to` of the original line, which counts from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Number of the line, from 1; 0 for what the user did not write.
    pub line: u32,
    /// First character, from 0.
    pub from: u32,
    /// Behind the last one.
    pub to: u32,
}

impl Place {
    /// Is it in the user's text?
    pub fn is_somewhere(self) -> bool {
        self.line > 0
    }
}

/// A line as the parser reads it.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Number in the file, from 1.
    pub number: u32,
    /// Without leaders and tabs, ASCII.
    pub text: String,
    /// For each byte of the text, the character of the original line that it comes from.
    origin: Vec<u32>,
    /// Columns at which a tab ended.
    pub tab_ends: Vec<usize>,
    /// A line of a diff that the change removes.
    pub is_removed: bool,
    /// A line of a block comment with a column of stars.
    pub in_comment: bool,
    /// A line of the function graph tracer.
    pub is_traced: bool,
    /// A line of a patch: of which file, and whether it is the head of a hunk, which begins inside the function.
    pub hunk: Option<(u32, bool)>,
    /// The head of a hunk that goes on in the function of the one before: what stands between them is not here.
    pub is_gap: bool,
}

impl Line {
    fn new(number: usize, original: &str) -> Line {
        let mut line = Line { number: number as u32, ..Line::default() };
        for (at, c) in original.chars().enumerate() {
            line.origin.push(at as u32);
            line.text.push(match c {
                '\t' | ' '..='~' => c,
                '\u{a0}' | '\r' => ' ',
                c if c.is_whitespace() || c.is_ascii_control() => ' ',
                _ => char::from(FOREIGN),
            });
        }
        line
    }

    /// Is there nothing to read?
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Nothing of it is read.
    pub fn blank(&mut self) {
        self.text.clear();
        self.origin.clear();
        self.tab_ends.clear();
    }

    /// Column of the first word.
    pub fn indent(&self) -> usize {
        self.text.len() - self.text.trim_start().len()
    }

    /// The place of a part of the text.
    pub fn place(&self, from: usize, to: usize) -> Place {
        let end = self.origin.last().map_or(0, |last| last + 1);
        let from = self.origin.get(from).copied().unwrap_or(end);
        // A statement that goes on below ends here.
        let to = to.min(self.origin.len());
        let to = to.checked_sub(1).and_then(|last| self.origin.get(last)).map_or(from, |last| last + 1);
        Place { line: self.number, from, to: to.max(from) }
    }

    /// The place of all that is not blank.
    pub fn whole(&self) -> Place {
        self.place(self.indent(), self.text.trim_end().len())
    }

    fn cut(&mut self, count: usize) {
        self.text.drain(..count);
        self.origin.drain(..count);
    }

    fn expand_tabs(&mut self) {
        if !self.text.contains('\t') {
            return;
        }
        let (mut text, mut origin) = (String::new(), Vec::new());
        for (c, at) in self.text.chars().zip(&self.origin) {
            let count = if c == '\t' { TAB - text.len() % TAB } else { 1 };
            for _ in 0..count {
                text.push(if c == '\t' { ' ' } else { c });
                origin.push(*at);
            }
            if c == '\t' {
                self.tab_ends.push(text.len());
            }
        }
        (self.text, self.origin) = (text, origin);
    }
}

/// A file, or what came from standard input.
#[derive(Clone, Debug)]
pub struct Source {
    /// What it is called in messages.
    pub name: String,
    /// The lines as they are.
    pub original: Vec<String>,
    /// The lines as they are read.
    pub lines: Vec<Line>,
    /// Somebody answers somebody in it.
    pub is_mail: bool,
}

impl Source {
    /// Reads any bytes: what is no UTF-8 is shown as a replacement character.
    pub fn new(name: &str, bytes: &[u8]) -> Source {
        let text = String::from_utf8_lossy(bytes);
        let original: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut lines: Vec<Line> = original.iter().enumerate().map(|(at, line)| Line::new(at + 1, line)).collect();
        let is_mail = quoting::is_mail(&lines);
        quoting::pass_over_remarks(&mut lines);
        hunk::read(&mut lines);
        for run in runs(&lines).into_iter().filter(|run| lines[run.start].hunk.is_none()).collect::<Vec<_>>() {
            // "Somebody wrote:" stands right above what is quoted.
            for part in quoting::parts(&lines, run) {
                for part in commented_parts(&lines, part) {
                    strip(&mut lines[part]);
                }
            }
        }
        // A quoted blank line parts runs of its own: what they have in common is stripped again.
        for run in runs(&lines).into_iter().filter(|run| lines[run.start].hunk.is_none()).collect::<Vec<_>>() {
            strip(&mut lines[run]);
        }
        lines.iter_mut().for_each(Line::expand_tabs);
        Source { name: name.to_owned(), original, lines, is_mail }
    }

    /// The original text of a place.
    pub fn text_at(&self, place: Place) -> String {
        let Some(line) = (place.line as usize).checked_sub(1).and_then(|at| self.original.get(at)) else {
            return String::new();
        };
        line.chars().skip(place.from as usize).take((place.to - place.from) as usize).collect()
    }
}

/// Ranges of lines without a blank one between.
pub fn runs(lines: &[Line]) -> Vec<std::ops::Range<usize>> {
    let mut runs = Vec::new();
    let mut start = None;
    for (at, line) in lines.iter().enumerate() {
        match (line.is_blank(), start) {
            (false, None) => start = Some(at),
            (true, Some(first)) => {
                runs.push(first..at);
                start = None;
            }
            _ => {}
        }
    }
    runs.extend(start.map(|first| first..lines.len()));
    runs
}

/// The run, parted where a block comment with a column of stars begins and ends: code may follow right below it.
fn commented_parts(lines: &[Line], run: std::ops::Range<usize>) -> Vec<std::ops::Range<usize>> {
    let mut cuts = vec![run.start];
    let mut at = run.start;
    while at < run.end {
        let text = lines[at].text.trim_start();
        let opens = text.starts_with("/*") && !text.contains("*/");
        let stars = lines[at + 1..run.end].iter().take_while(|line| line.text.trim_start().starts_with('*'));
        let stars = stars.enumerate().find(|(_, line)| line.text.contains("*/")).map(|(count, _)| count + 1);
        match stars.filter(|_| opens) {
            Some(count) => {
                cuts.extend([at, at + count + 1]);
                at += count + 1;
            }
            None => at += 1,
        }
    }
    cuts.push(run.end);
    cuts.dedup();
    cuts.windows(2).map(|two| two[0]..two[1]).filter(|part| !part.is_empty()).collect()
}

/// How many bytes of a line are a leader of one sort.
type Leader = fn(&str) -> Option<usize>;

fn strip(run: &mut [Line]) {
    fences(run);
    // Each round strips one level, so deep quoting ends when nothing is common any more.
    while [quote as Leader, star, slashes, bar].iter().any(|leader| strip_all(run, *leader)) {}
    strip_graph(run);
    strip_stamps(run);
    strip_diff(run);
}

fn fences(run: &mut [Line]) {
    for line in run.iter_mut().filter(|line| line.text.trim_start().starts_with("```")) {
        line.text.clear();
        line.origin.clear();
    }
}

fn strip_all(run: &mut [Line], leader: Leader) -> bool {
    let found: Vec<Option<usize>> = run.iter().map(|line| leader(&line.text)).collect();
    let written = || run.iter().zip(&found).filter(|(line, _)| !line.is_blank());
    let all = written().all(|(_, found)| found.is_some()) && written().next().is_some();
    // One line that begins with a star is a bullet, unless it opens a comment.
    let is_star = leader as usize == star as Leader as usize;
    let columns: Vec<usize> = written().filter(|(l, _)| !l.text.contains("/*")).filter_map(|(_, f)| *f).collect();
    let is_comment = written().any(|(line, _)| line.text.trim_start().starts_with("/*") || line.text.trim() == "*/");
    if !all
        || is_star && !is_comment && (columns.len() < 2 || columns.windows(2).any(|two| two[0].abs_diff(two[1]) > 1))
    {
        return false;
    }
    // Two remarks below one another in a diagram are no commented-out text.
    let is_slashes = leader as usize == slashes as Leader as usize;
    if is_slashes && (columns.len() < 3 && run.len() > 1 && columns[0] > 3 || columns.iter().any(|column| *column > 16))
    {
        return false;
    }
    for (line, found) in run.iter_mut().zip(found) {
        line.cut(found.unwrap_or(0));
        if is_star {
            line.in_comment |= is_comment;
            close_comment(line);
        }
    }
    true
}

/// Without the end of a block comment, and without a beginning that stands alone.
fn close_comment(line: &mut Line) {
    let trimmed = line.text.trim_end();
    if let Some(rest) = trimmed.strip_suffix("*/") {
        let keep = rest.len();
        line.text.truncate(keep);
        line.origin.truncate(keep);
    }
}

fn after_blanks(text: &str) -> (usize, &str) {
    let rest = text.trim_start_matches([' ', '\t']);
    (text.len() - rest.len(), rest)
}

fn star(text: &str) -> Option<usize> {
    let (blanks, rest) = after_blanks(text);
    if rest.starts_with("/*") {
        let stars = rest[1..].chars().take_while(|c| *c == '*').count();
        let after = &rest[1 + stars..];
        return Some(blanks + 1 + stars + usize::from(after.starts_with(' ')));
    }
    if rest.starts_with("*/") {
        return Some(blanks);
    }
    let after = rest.strip_prefix('*')?;
    let ends = after.is_empty() || after.starts_with([' ', '\t']);
    ends.then(|| blanks + 1 + usize::from(after.starts_with(' ')))
}

fn slashes(text: &str) -> Option<usize> {
    let (blanks, rest) = after_blanks(text);
    let after = rest.strip_prefix("//")?;
    // This far to the right it is a remark in a column of a diagram, and no leader.
    let column: usize = text[..blanks].chars().map(|c| if c == '\t' { 8 } else { 1 }).sum();
    if column > 16 {
        return None;
    }
    Some(blanks + 2 + usize::from(after.starts_with(' ')))
}

fn bar(text: &str) -> Option<usize> {
    let (blanks, rest) = after_blanks(text);
    let after = rest.strip_prefix('|')?;
    let is_tree = after.starts_with(['-', '_', '`', '=']) || after.trim_start().starts_with(['|', '`', '+']);
    (!is_tree).then(|| blanks + 1 + usize::from(after.starts_with(' ')))
}

/// `[   12.345678][ T300] `
fn stamp(text: &str) -> Option<usize> {
    let (blanks, rest) = after_blanks(text);
    let inside = rest.strip_prefix('[')?;
    let end = inside.find(']')?;
    let is_time = inside[..end].trim().split_once('.').is_some_and(|(seconds, rest)| {
        !rest.is_empty() && seconds.bytes().all(|b| b.is_ascii_digit()) && rest.bytes().all(|b| b.is_ascii_digit())
    });
    if !is_time {
        return None;
    }
    let mut at = blanks + end + 2;
    let (more, task) = after_blanks(&text[at..]);
    if let Some(inside) = task.strip_prefix('[')
        && let Some(close) = inside.find(']')
        && inside[..close].trim().trim_start_matches(['T', 'C']).bytes().all(|b| b.is_ascii_digit())
    {
        at += more + close + 2;
    }
    Some(at + usize::from(text[at..].starts_with(' ')))
}

/// A console wraps long lines, so most lines are enough.
fn strip_stamps(run: &mut [Line]) {
    let found: Vec<Option<usize>> = run.iter().map(|line| stamp(&line.text)).collect();
    if found.iter().flatten().count() * 2 > run.len() {
        for (line, found) in run.iter_mut().zip(found) {
            line.cut(found.unwrap_or(0));
        }
    }
}

/// ` 1)   0.120 us    |  f();`: the CPU and the time of the function graph tracer.
fn graph(text: &str) -> Option<usize> {
    let (close, bar) = (text.find(')')?, text.find('|')?);
    let is_cpu = !text[..close].trim().is_empty() && text[..close].trim().bytes().all(|b| b.is_ascii_digit());
    let time = text.get(close + 1..bar)?.trim().trim_start_matches(['+', '!', '#', '*', '@', '$', ' ']);
    let time = time.strip_suffix("us").unwrap_or(time).trim();
    (is_cpu && time.bytes().all(|b| b.is_ascii_digit() || b == b'.')).then_some(bar + 1)
}

fn strip_graph(run: &mut [Line]) {
    let found: Vec<Option<usize>> = run.iter().map(|line| graph(&line.text)).collect();
    if found.iter().flatten().count() * 2 > run.len() {
        for (line, found) in run.iter_mut().zip(found) {
            line.is_traced = found.is_some();
            line.cut(found.unwrap_or(0));
        }
    }
}

/// A column of `+`, `-` and blank. A bullet has one blank after it, a line of a diff its own indentation.
fn strip_diff(run: &mut [Line]) {
    let signed = |line: &Line| line.text.starts_with(['+', '-']);
    let all = run.iter().all(|line| line.is_blank() || line.text.starts_with(['+', '-', ' ', '\t']));
    let is_code = |text: &str| {
        let (blanks, rest) = after_blanks(text);
        let begins = rest.starts_with(|c: char| c.is_ascii_alphabetic() || "_{}#/*(\"".contains(c));
        rest.is_empty() || begins && (text.starts_with('\t') || blanks != 1)
    };
    let marked = run.iter().filter(|line| signed(line));
    let plausible = marked.clone().count() > 0 && marked.clone().all(|line| is_code(&line.text[1..]));
    let context = run.iter().any(|line| line.text.starts_with([' ', '\t']) && !line.is_blank());
    let both = marked.clone().any(|l| l.text.starts_with('+')) && marked.clone().any(|l| l.text.starts_with('-'));
    // A function that is all new.
    let is_new = run.iter().all(|line| line.is_blank() || line.text.starts_with('+'))
        && marked.clone().count() > 1
        && marked.clone().any(|line| line.text.trim_end().ends_with([';', '{', '}']));
    if !(all && plausible && (context || both || is_new)) {
        return;
    }
    for line in run.iter_mut().filter(|line| !line.is_blank()) {
        line.is_removed = line.text.starts_with('-');
        line.cut(1);
    }
}

/// The parts of a text that scissors part: in each, the lines of the others are blank, so that places stay what they are.
pub fn parts(source: &Source) -> Vec<Source> {
    let is_cut = |at: usize| source.lines[at].text.trim().trim_start_matches('#').trim() == SCISSORS;
    let cuts: Vec<usize> = (0..source.lines.len()).filter(|&at| is_cut(at)).collect();
    if cuts.is_empty() {
        return vec![source.clone()];
    }
    let mut from = 0;
    let mut parts = Vec::new();
    for to in cuts.into_iter().chain([source.lines.len()]) {
        let mut part = source.clone();
        part.lines.iter_mut().enumerate().filter(|(at, _)| *at < from || *at >= to).for_each(|(_, line)| line.blank());
        parts.push(part);
        from = to + 1;
    }
    parts.retain(|part| part.lines.iter().any(|line| !line.is_blank() && !line.text.starts_with('#')));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        Source::new("x", text.as_bytes()).lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn a_leader_is_stripped_if_every_line_of_the_run_has_it() {
        assert_eq!(read("> a\n>    b\n"), ["a", "   b"]);
        assert_eq!(read("> > a\n> >   b\n"), ["a", "  b"]);
        assert_eq!(read(" * a\n *   b\n"), ["a", "  b"]);
        assert_eq!(read("> a\nb\n"), ["> a", "b"]);
        assert_eq!(read("// a\n//  b\n"), ["a", " b"]);
    }

    #[test]
    fn a_quotation_may_begin_right_below_who_wrote_it() {
        assert_eq!(read("He wrote:\n> a\n>  b\nNo.\n"), ["He wrote:", "a", " b", "No."]);
    }

    #[test]
    fn each_depth_of_quoting_is_read_on_its_own() {
        assert_eq!(read("> > a\n> >  b\n> \n> No.\n"), ["a", " b", "", "No."]);
        assert_eq!(read("A wrote:\n> B wrote:\n> > a\n> >  b\n"), ["A wrote:", "B wrote:", "a", " b"]);
    }

    #[test]
    fn tabs_expand_after_the_leader() {
        assert_eq!(read("> a\n> \tb\n"), ["a", "        b"]);
    }

    #[test]
    fn a_time_stamp_may_be_missing_where_the_console_wrapped() {
        assert_eq!(read("[   23.15] a\n[   23.16][ T12]  b\nc\n"), ["a", " b", "c"]);
    }

    #[test]
    fn bullets_are_no_diff() {
        assert_eq!(read("- a()\n  + b()\n"), ["- a()", "  + b()"]);
        let lines = Source::new("x", b"-   a\n+   b\n    c\n").lines;
        assert_eq!(lines.iter().map(|line| line.is_removed).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(lines[2].text, "   c");
    }

    #[test]
    fn places_are_those_of_the_original_line() {
        let source = Source::new("x", "> \tmutex_lock(a)\n> b\n".as_bytes());
        let line = &source.lines[0];

        assert_eq!(line.indent(), 8);
        assert_eq!(source.text_at(line.whole()), "mutex_lock(a)");
    }
}
