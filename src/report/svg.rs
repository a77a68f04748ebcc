//! An execution as a picture: a column per task, time goes down, a bar beside each column for every lock that its task holds.
//!
//! The picture stands alone: its letters are those of the reader's machine, its colours follow the reader's light or dark
//! setting, and it has a title and a description for who does not see it. Widths are reckoned for a monospaced font, so a
//! name that is too long is broken and never cut.

use std::fmt::Write;

use super::columns::wrap;
use super::counterexample::no_return_text;
use super::story::{self, Row, Story};
use super::{count, source};
use crate::check::Finding;
use crate::event::names::Names;
use crate::explore::Schedule;
use crate::explore::graph::NoReturn;
use crate::explore::schedule::Replay;

pub mod progress;

/// Width of a letter and height of a line, in user units, at a font size of 13.
const LETTER: f64 = 7.83;
const LINE: f64 = 19.0;

/// Letters of a column at most.
const COLUMN_MAX: usize = 44;

/// Width of a lock's bar with the space beside it, and of the step numbers.
const LANE: f64 = 9.0;
const NUMBERS: f64 = 52.0;

/// Space around everything, and between two columns.
const MARGIN: f64 = 18.0;
const GAP: f64 = 22.0;

/// What stands above the picture.
pub struct Head<'a> {
    /// What was run.
    pub title: &'a str,
    /// What is marked.
    pub finding: Option<&'a Finding>,
    /// Where it became certain.
    pub no_return: Option<&'a NoReturn>,
}

/// The text as it may stand between tags and in quotes.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The picture of an execution: of the steps that a finding needs, or of all.
pub fn picture(head: &Head<'_>, replay: &Replay, names: &Names) -> String {
    let story = match head.finding {
        Some(finding) => story::folded(replay, names, finding),
        None => story::whole(replay, names, None),
    };
    let schedule = Schedule::new(replay.transitions.clone());
    let lost = match (head.no_return, head.finding) {
        (Some(no_return), Some(finding)) => {
            Some(format!("point of no return: {}", no_return_text(no_return, &schedule, names, finding.code)))
        }
        _ => None,
    };
    let step = match head.no_return {
        Some(NoReturn::At { step, .. }) => Some(*step),
        _ => None,
    };
    Drawing::new(&story).draw(head, lost.as_deref(), step, names)
}

/// Where everything goes.
struct Drawing<'a> {
    story: &'a Story,
    locks: Vec<String>,
    /// Of each column: where its bars begin, where its text begins, and how many letters it has.
    columns: Vec<(f64, f64, usize)>,
    width: f64,
    out: String,
}

/// Locks in the order in which they are taken.
pub(super) fn locks(story: &Story) -> Vec<String> {
    let mut locks: Vec<String> = Vec::new();
    for name in story.rows.iter().flat_map(|row| row.held.iter().flatten()) {
        if !locks.contains(name) {
            locks.push(name.clone());
        }
    }
    locks
}

fn text_of(row: &Row) -> String {
    match row.mark {
        Some(mark) => format!("{} ({mark})", row.text),
        None => row.text.clone(),
    }
}

/// The first row after the point of no return. The step itself may be folded away.
fn first_lost(story: &Story, no_return: u32) -> Option<usize> {
    let rows = &story.rows;
    let after = |at: usize| (at + 1 < rows.len()).then_some(at + 1);
    match rows.iter().position(|row| row.step == Some(no_return)) {
        Some(at) => after(at),
        None => rows.iter().position(|row| row.step.is_some_and(|step| step > no_return)),
    }
}

impl<'a> Drawing<'a> {
    fn new(story: &'a Story) -> Drawing<'a> {
        let locks = locks(story);
        let mut columns = Vec::new();
        let mut x = MARGIN + NUMBERS;
        for (at, name) in story.columns.iter().enumerate() {
            let held = |lock: &&String| story.rows.iter().any(|row| row.held[at].contains(lock));
            let lanes = locks.iter().filter(held).count();
            let own = story.rows.iter().filter(|row| row.column == at).map(text_of);
            let whys = story.rows.iter().filter_map(|row| row.switch.as_ref());
            let whys = whys.filter(|(column, _)| *column == at).map(|(_, why)| why.clone());
            let letters = own.chain(whys).map(|text| text.chars().count()).chain([name.chars().count()]);
            let letters = letters.max().unwrap_or(0).min(COLUMN_MAX);
            let text = x + lanes as f64 * LANE + 4.0;
            columns.push((x, text, letters));
            x = text + letters as f64 * LETTER + GAP;
        }
        let width = (x - GAP + MARGIN).max(560.0);
        Drawing { story, locks, columns, width, out: String::new() }
    }

    fn line(&mut self, x: f64, y: f64, class: &str, text: &str) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        _ = writeln!(self.out, "<text x=\"{x:.1}\" y=\"{y:.1}\"{class}>{}</text>", escaped(text));
    }

    /// Lines of prose over the whole width; where the next begins.
    fn prose(&mut self, mut y: f64, class: &str, text: &str) -> f64 {
        let letters = ((self.width - 2.0 * MARGIN) / LETTER) as usize;
        for line in wrap(text, letters) {
            self.line(MARGIN, y, class, &line);
            y += LINE;
        }
        y
    }

    fn draw(mut self, head: &Head<'_>, lost: Option<&str>, no_return: Option<u32>, names: &Names) -> String {
        let mut y = MARGIN + 12.0;
        if let Some(finding) = head.finding {
            y = self.prose(y, "t", &format!("{}  {}", finding.code, finding.code.title()));
            y = self.prose(y, "m", &finding.message);
        }
        y = self.prose(y, "d", head.title) + 10.0;
        self.line(MARGIN, y, "d", "step");
        for (at, name) in self.story.columns.iter().enumerate() {
            self.line(self.columns[at].1, y, "h", name);
        }
        y += 8.0;
        _ = writeln!(self.out, "<path class=\"r\" d=\"M{MARGIN} {y:.1}H{:.1}\"/>", self.width - MARGIN);
        y = self.rows(y + 4.0, no_return) + 16.0;
        y = self.legend(y);
        if let Some(finding) = head.finding {
            for ((spot, label), mark) in story::places(finding).iter().zip(1..) {
                let task = names.task(spot.set_up_of.unwrap_or(spot.task));
                let file = source(spot.place);
                // A picture that is kept beside other sources does not have their lines.
                let file = file.rsplit_once(':').map_or(file.as_str(), |(file, _)| file);
                y = self.prose(y, "d", &format!("({mark}) {task}: {label}, {file}"));
            }
        }
        if let Some(lost) = lost {
            y = self.prose(y, "n", lost);
        }
        self.frame(head, y)
    }

    /// The rows with their bars; where they end.
    fn rows(&mut self, top: f64, no_return: Option<u32>) -> f64 {
        let (story, above) = (self.story, std::mem::take(&mut self.out));
        let mut tops = vec![top];
        for row in &story.rows {
            let bottom = self.row(row, tops[tops.len() - 1]);
            tops.push(bottom);
        }
        let rows = std::mem::replace(&mut self.out, above);
        let bottom = tops[tops.len() - 1];
        // What lies below: where nothing helps any more, then the bars.
        if let Some(first) = no_return.and_then(|step| first_lost(story, step)) {
            let (from, left, right) = (tops[first], MARGIN - 6.0, self.width - MARGIN + 6.0);
            let (width, height) = (right - left, bottom - from);
            _ = writeln!(
                self.out,
                "<rect class=\"z\" x=\"{left}\" y=\"{from:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>\n\
                 <path class=\"q\" d=\"M{left} {from:.1}H{right:.1}\"/>"
            );
        }
        self.bars(&tops);
        self.out.push_str(&rows);
        bottom
    }

    /// A row; where it ends.
    fn row(&mut self, row: &Row, y: f64) -> f64 {
        let (_, x, letters) = self.columns[row.column];
        let lines = wrap(&text_of(row), letters);
        let height = lines.len() as f64 * LINE;
        if row.mark.is_some() {
            let (left, width) = (x - 4.0, letters as f64 * LETTER + 8.0);
            _ = writeln!(
                self.out,
                "<rect class=\"k\" x=\"{left:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"3\"/>"
            );
        }
        if let Some(step) = row.step {
            let step = step.to_string();
            self.line(MARGIN + 30.0 - step.len() as f64 * LETTER, y + 14.0, "d", &step);
        }
        if let Some((column, why)) = &row.switch {
            self.line(self.columns[*column].1, y + 14.0, "w", why);
        }
        let class = if row.text.starts_with("... ") { "d" } else { "" };
        for (at, line) in lines.iter().enumerate() {
            self.line(x, y + 14.0 + at as f64 * LINE, class, line);
        }
        y + height
    }

    /// A bar for each time that a lock is held.
    fn bars(&mut self, tops: &[f64]) {
        let story = self.story;
        for column in 0..story.columns.len() {
            let mut lane = 0.0;
            for (number, lock) in self.locks.clone().iter().enumerate() {
                let held: Vec<bool> = story.rows.iter().map(|row| row.held[column].contains(lock)).collect();
                let mut at = 0;
                while at < held.len() {
                    let end = held[at..].iter().position(|held| !held).map_or(held.len(), |length| at + length);
                    if end > at {
                        let (x, top) = (self.columns[column].0 + lane, tops[at] + 1.0);
                        let height = tops[end] - tops[at] - 2.0;
                        let (class, name) = (number % LOCK_COLOURS, escaped(lock));
                        _ = writeln!(
                            self.out,
                            "<rect class=\"l{class}\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"6\" height=\"{height:.1}\" rx=\"3\"><title>{name}</title></rect>"
                        );
                    }
                    at = end.max(at) + 1;
                }
                lane += if held.contains(&true) { LANE } else { 0.0 };
            }
        }
    }

    fn legend(&mut self, mut y: f64) -> f64 {
        for (number, lock) in self.locks.clone().iter().enumerate() {
            let (class, top) = (number % LOCK_COLOURS, y - 9.0);
            _ = writeln!(
                self.out,
                "<rect class=\"l{class}\" x=\"{MARGIN}\" y=\"{top:.1}\" width=\"6\" height=\"12\" rx=\"3\"/>"
            );
            self.line(MARGIN + 14.0, y, "d", &format!("held: {lock}"));
            y += LINE;
        }
        y
    }

    fn frame(self, head: &Head<'_>, bottom: f64) -> String {
        let (width, height) = (self.width.ceil(), (bottom + 2.0).ceil());
        let what =
            head.finding.map_or("schedule".to_owned(), |finding| format!("{}: {}", finding.code, finding.message));
        let tasks = self.story.columns.join(", ");
        let rows = count(self.story.rows.len() as u64, "row");
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
             <title>{}</title>\n<desc>{}; tasks {}; {rows}, time goes down</desc>\n<style>{STYLE}</style>\n\
             <rect class=\"p\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>\n{}</svg>\n",
            escaped(&what),
            escaped(head.title),
            escaped(&tasks),
            self.out
        )
    }
}

/// Colours of locks: those of the style below.
pub(super) const LOCK_COLOURS: usize = 6;

const STYLE: &str = include_str!("svg/schedule.css");
