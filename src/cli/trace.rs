//! The steps of a finding of `explore FILE`: a column for each task, whose cells are the user's own lines.

use lockwright::event::names::Names;
use lockwright::event::{Place, What};
use lockwright::explore::schedule::{Guide, replay};
use lockwright::explore::{Found, Subject};

/// Widest cell.
const CELL_MAX: usize = 44;

/// Rows at most: of a longer trace the end is shown.
const ROWS_MAX: usize = 40;

/// The trace; nothing if the engine has no schedule that can be run again.
pub fn table(subject: &dyn Subject, names: &Names, found: &Found, lines: &[String]) -> String {
    if found.weak_memory {
        return String::new();
    }
    let Ok(replayed) = replay(subject, names, &Guide::Exact(&found.schedule)) else { return String::new() };
    let mut rows: Vec<(usize, u32, String)> = Vec::new();
    for line in &replayed.lines {
        let (What::Op(..), Place::Text { line: at, .. }) = (line.event.what, line.event.place) else { continue };
        let task = usize::from(line.event.task.0);
        if !(1..=names.tasks.len()).contains(&task) {
            continue;
        }
        let text = lines.get(at as usize - 1).map_or("", |text| text.trim());
        let row = (task - 1, at, text.chars().take(CELL_MAX).collect());
        // Several steps of one line are one row.
        if rows.last().is_none_or(|last: &(usize, u32, String)| (last.0, last.1) != (task - 1, at)) {
            rows.push(row);
        }
    }
    let width = |task: usize| {
        let cells = rows.iter().filter(|row| row.0 == task).map(|row| row.2.chars().count());
        cells.max().unwrap_or(0).max(names.tasks[task].chars().count()) + 3
    };
    let widths: Vec<usize> = (0..names.tasks.len()).map(width).collect();
    let line = |number: &str, cell: &dyn Fn(usize) -> String| {
        let cells: String = widths.iter().enumerate().map(|(task, width)| format!("{:<width$}", cell(task))).collect();
        format!("{number:>6}  {}", cells).trim_end().to_owned() + "\n"
    };
    let mut text = line("step", &|task| names.tasks[task].clone());
    let skipped = rows.len().saturating_sub(ROWS_MAX);
    if skipped > 0 {
        text.push_str(&format!("        ... {skipped} rows are left out\n"));
    }
    for (at, row) in rows.iter().enumerate().skip(skipped) {
        text.push_str(&line(&(at + 1).to_string(), &|task| if task == row.0 { row.2.clone() } else { String::new() }));
    }
    text + "\n"
}
