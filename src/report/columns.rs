//! A story as text: numbered rows, one column per task, and before each column which locks its task holds.
//!
//! The width of the page is fixed, so that the same story is the same text on every terminal and in every file. A narrower page has
//! to be asked for. Where the columns of its tasks would be too narrow to read they are stacked: one column, and a line that names
//! the task at each switch.

use super::story::{Row, Story};

/// Width of a page, in characters: what a terminal of 120 columns shows without wrapping.
pub const PAGE_COLUMNS: usize = 118;

/// Width of the step numbers with the space around them.
const STEP_COLUMNS: usize = 8;

/// Space between two tasks.
const GAP: usize = 2;

/// Narrowest column: below that, nothing could be read.
const COLUMN_MIN: usize = 20;

/// A narrower page than [`PAGE_COLUMNS`] is stacked where a task would get less than this.
const STACKED_BELOW: usize = 34;

/// The narrowest page that can be asked for.
pub const PAGE_COLUMNS_MIN: usize = 40;

/// How a story is laid out.
struct Layout<'a> {
    story: &'a Story,
    /// Letter and name of each lock that is held in some row.
    locks: Vec<(char, String)>,
    /// Per column, the width of its letters and of its text.
    widths: Vec<(usize, usize)>,
    /// Spaces per level of the call stack.
    indent: usize,
    /// Width of the page.
    page: usize,
}

/// The story as a table with its legend. `indent` is the number of spaces per level of the call stack.
pub fn table(story: &Story, indent: usize) -> String {
    table_in(story, indent, PAGE_COLUMNS)
}

/// The same on a page of this width; see the module on what happens to a narrow one.
pub fn table_in(story: &Story, indent: usize, page: usize) -> String {
    let locks = letters(story);
    let mut layout = Layout { story, locks, widths: Vec::new(), indent, page };
    let widest = layout.measure();
    layout.widths = layout.fitted(widest.clone());
    let mut text = String::new();
    if page < PAGE_COLUMNS && layout.is_too_narrow(&widest) {
        layout.stacked(&mut text);
    } else {
        text.push_str(&layout.header());
        for row in &story.rows {
            layout.row(row, &mut text);
        }
    }
    text.push_str(&layout.legend());
    text
}

/// A letter for each lock: the BKL is `B`, others have the first free letter of their name, then of the alphabet.
fn letters(story: &Story) -> Vec<(char, String)> {
    let mut locks: Vec<(char, String)> = Vec::new();
    for name in story.rows.iter().flat_map(|row| row.held.iter().flatten()) {
        if locks.iter().any(|(_, known)| known == name) {
            continue;
        }
        let own = if name == "kernel_flag" { "B" } else { "" };
        let candidates = own.chars().chain(name.chars()).chain('a'..='z').filter(char::is_ascii_alphabetic);
        let mut candidates = candidates.map(|letter| letter.to_ascii_uppercase());
        let free = candidates.find(|letter| locks.iter().all(|(known, _)| known != letter));
        locks.push((free.unwrap_or('?'), name.clone()));
    }
    locks
}

impl Layout<'_> {
    fn gutter(&self, held: &[String]) -> String {
        let letter = |name: &String| self.locks.iter().find(|(_, known)| known == name).map(|(letter, _)| *letter);
        held.iter().filter_map(letter).collect()
    }

    fn text(&self, row: &Row) -> String {
        let mark = row.mark.map_or(String::new(), |mark| format!("  ({mark})"));
        format!("{}{}{mark}", " ".repeat(row.depth * self.indent), row.text)
    }

    /// Each column as wide as its widest text.
    fn measure(&self) -> Vec<(usize, usize)> {
        let mut widths: Vec<(usize, usize)> = self.story.columns.iter().map(|name| (1, name.chars().count())).collect();
        for row in &self.story.rows {
            for (column, held) in row.held.iter().enumerate() {
                widths[column].0 = widths[column].0.max(held.len());
            }
            let own = &mut widths[row.column].1;
            *own = (*own).max(self.text(row).chars().count());
            if let Some((column, why)) = &row.switch {
                widths[*column].1 = widths[*column].1.max(why.chars().count());
            }
        }
        widths
    }

    /// The same if they fit on the page; else the widest give way.
    fn fitted(&self, mut widths: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
        let spent = |widths: &[(usize, usize)]| {
            let gaps = GAP * (widths.len() - 1);
            STEP_COLUMNS + widths.iter().map(|(gutter, text)| gutter + 1 + text).sum::<usize>() + gaps
        };
        while spent(&widths) > self.page {
            let Some(widest) = widths.iter_mut().max_by_key(|(_, text)| *text) else { break };
            if widest.1 <= COLUMN_MIN {
                break;
            }
            widest.1 -= 1;
        }
        widths
    }

    /// Has a column less room than it needs, and too little to be read?
    fn is_too_narrow(&self, widest: &[(usize, usize)]) -> bool {
        let narrow = |((_, has), (_, needs)): (&(usize, usize), &(usize, usize))| has < needs && *has < STACKED_BELOW;
        self.widths.iter().zip(widest).any(narrow)
    }

    /// One task below the other.
    fn stacked(&self, text: &mut String) {
        text.push_str("  step\n");
        let gutter = self.widths.iter().map(|(gutter, _)| *gutter).max().unwrap_or(0);
        let room = self.page.saturating_sub(STEP_COLUMNS + gutter + 1).max(COLUMN_MIN);
        let mut column = None;
        for row in &self.story.rows {
            if column.replace(row.column) != Some(row.column) {
                let line = format!("{}:{}", self.story.columns[row.column], self.left_behind(row));
                wrap(&line, self.page).iter().for_each(|line| text.push_str(&format!("{line}\n")));
            }
            let step = row.step.map_or(String::new(), |step| step.to_string());
            let held = self.gutter(&row.held[row.column]);
            for (at, line) in wrap(&self.text(row), room).iter().enumerate() {
                let step = if at == 0 { step.as_str() } else { "" };
                text.push_str(format!("{step:>6}  {held:<gutter$} {line}").trim_end());
                text.push('\n');
            }
        }
    }

    /// Why the task before does not run on, and the locks that it holds meanwhile.
    fn left_behind(&self, row: &Row) -> String {
        let Some((other, why)) = &row.switch else { return String::new() };
        let held = match self.gutter(&row.held[*other]) {
            held if held.is_empty() => String::new(),
            held => format!(", holds {held}"),
        };
        format!(" ({} {}{held})", self.story.columns[*other], why.trim_matches(['(', ')']))
    }

    fn header(&self) -> String {
        let cells = self.story.columns.iter().map(|name| (String::new(), vec![name.clone()])).collect::<Vec<_>>();
        self.lines("step", &cells)
    }

    fn row(&self, row: &Row, text: &mut String) {
        let mut cells: Vec<(String, Vec<String>)> =
            row.held.iter().map(|held| (self.gutter(held), Vec::new())).collect();
        cells[row.column].1 = wrap(&self.text(row), self.widths[row.column].1);
        if let Some((column, why)) = &row.switch {
            cells[*column].1 = wrap(why, self.widths[*column].1);
        }
        let step = row.step.map_or(String::new(), |step| step.to_string());
        text.push_str(&self.lines(&step, &cells));
    }

    /// As many lines as the longest cell needs; the letters stand on each, since the locks are held all the while.
    fn lines(&self, step: &str, cells: &[(String, Vec<String>)]) -> String {
        let height = cells.iter().map(|(_, lines)| lines.len()).max().unwrap_or(1).max(1);
        let mut text = String::new();
        for at in 0..height {
            let step = if at == 0 { step } else { "" };
            let mut line = format!("{step:>6}  ");
            for ((gutter, lines), (gutter_width, width)) in cells.iter().zip(&self.widths) {
                let cell = lines.get(at).map_or("", String::as_str);
                line.push_str(&format!("{gutter:<gutter_width$} {cell:<width$}{:GAP$}", ""));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn legend(&self) -> String {
        if self.locks.is_empty() {
            return String::new();
        }
        let locks: Vec<String> = self.locks.iter().map(|(letter, name)| format!("{letter} = {name}")).collect();
        wrap(&format!("held: {}", locks.join(", ")), self.page - STEP_COLUMNS)
            .iter()
            .map(|line| format!("{:STEP_COLUMNS$}{line}\n", ""))
            .collect()
    }
}

/// Breaks a text at its spaces, or after an arrow, so that no line is wider than `width`; what follows is indented.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let indent = text.len() - text.trim_start().len();
    let continuation = " ".repeat((indent + 2).min(width / 2));
    let mut lines = vec![" ".repeat(indent.min(width / 2))];
    let mut fresh = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word = word;
        loop {
            let line = lines.last_mut().expect("there is always a line");
            let gap = usize::from(!fresh);
            let room = width.saturating_sub(line.chars().count() + gap);
            if word.chars().count() <= room {
                line.push_str(&" ".repeat(gap));
                line.push_str(word);
                fresh = false;
                break;
            }
            if fresh {
                let room_end = word.char_indices().nth(room.max(1)).map_or(word.len(), |(at, _)| at);
                // A name is cut where it is put together.
                let joint = word[..room_end].rfind("->").filter(|at| *at > 0);
                let joint = joint.or_else(|| word[..room_end].rfind(['(', '.']).map(|at| at + 1));
                let cut = joint.unwrap_or(room_end);
                let (head, tail) = word.split_at(cut);
                line.push_str(head);
                word = tail;
            }
            lines.push(continuation.clone());
            fresh = true;
        }
    }
    lines
}
