//! Progress on a terminal, silence in a pipe; and Ctrl-C, which ends an exploration with what it has. SIGTERM does the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use lockwright::explore::{self, Config, Verdict};
use lockwright::study::cells::Cell;
use parking_lot::Mutex;

use super::trend::Trend;

/// How often the line is drawn anew.
const TICK: Duration = Duration::from_millis(200);

/// The progress of many cells.
pub struct Progress {
    bar: ProgressBar,
    /// What each cell is called.
    titles: Vec<String>,
    counts: Arc<Mutex<Vec<explore::Progress>>>,
    trend: Arc<Mutex<Trend>>,
    interrupt: Arc<AtomicBool>,
}

impl Progress {
    /// Starts it for cells of these names, and listens for Ctrl-C. Called once in a process.
    ///
    /// # Errors
    /// If the handler cannot be installed.
    pub fn start(titles: Vec<String>) -> Result<Progress> {
        let cells = titles.len();
        let interrupt = Arc::new(AtomicBool::new(false));
        let pressed = Arc::clone(&interrupt);
        ctrlc::set_handler(move || pressed.store(true, Ordering::Relaxed)).context("listening for Ctrl-C")?;
        // Hidden by itself where standard error is no terminal.
        let bar = ProgressBar::new(cells as u64);
        let style = ProgressStyle::with_template(template(cells)).context("the progress line")?;
        bar.set_style(style);
        // Where nothing is drawn no thread is needed: its heap would count against a limit of the process.
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        let counts = Arc::new(Mutex::new(vec![explore::Progress::default(); cells]));
        Ok(Progress { bar, titles, counts, trend: Arc::default(), interrupt })
    }

    /// The configuration for a cell: it can be interrupted, and tells how far it is.
    pub fn watched(&self, cell: usize, config: &Config) -> Config {
        let (bar, counts, title) = (self.bar.clone(), Arc::clone(&self.counts), self.titles[cell].clone());
        bar.set_message(title.clone());
        let trend = Arc::clone(&self.trend);
        let progress = move |progress: &explore::Progress| {
            let mut counts = counts.lock();
            counts[cell] = *progress;
            let trend = trend.lock().look(bar.elapsed(), counts.iter().map(|count| count.frontier).sum());
            bar.set_message(message(&title, &counts, bar.elapsed(), trend));
        };
        Config { interrupt: Some(Arc::clone(&self.interrupt)), progress: Some(Arc::new(progress)), ..config.clone() }
    }

    /// A cell is done.
    pub fn done(&self, cell: usize, verdict: &Verdict) {
        let mut counts = self.counts.lock();
        let (executions, states) = (verdict.executions, verdict.states);
        counts[cell] = explore::Progress { executions, states, ..explore::Progress::default() };
        self.bar.set_message(message(&self.titles[cell], &counts, self.bar.elapsed(), ""));
        self.bar.inc(1);
    }

    /// Takes the line away; how long it took.
    pub fn finish(self) -> Duration {
        let elapsed = self.bar.elapsed();
        self.bar.finish_and_clear();
        elapsed
    }
}

/// The cells as the line names them.
pub fn titles(cells: &[Cell]) -> Vec<String> {
    cells.iter().map(|cell| format!("{} on {}", cell.scenario.name, cell.design.full_name())).collect()
}

/// A single program is not counted.
fn template(cells: usize) -> &'static str {
    if cells == 1 { "{spinner} {wide_msg}" } else { "{spinner} {pos}/{len}  {wide_msg}" }
}

/// The cell that was heard of last, and how far all cells are together: what was made, how fast, what is open and whether that grows, what it
/// takes.
fn message(title: &str, counts: &[explore::Progress], elapsed: Duration, trend: &str) -> String {
    let sum = |of: fn(&explore::Progress) -> u64| counts.iter().map(of).sum::<u64>();
    let (executions, states) = (sum(|count| count.executions), sum(|count| count.states));
    // Engines that know no states are measured by their executions.
    let (made, noun) = if states > 0 { (states, "states") } else { (executions, "executions") };
    let rate = made as f64 / elapsed.as_secs_f64().max(0.001);
    let mut message = format!("{title}: {made} {noun}, {rate:.0} a second");
    let (frontier, bytes) = (sum(|count| count.frontier), sum(|count| count.bytes));
    if frontier > 0 {
        message.push_str(&format!(", {frontier} open{trend}"));
    }
    if bytes >= 1 << 20 {
        message.push_str(&format!(", {} MiB", bytes >> 20));
    }
    // Only for one search alone: cells are not equally large.
    if let [explore::Progress { fraction: Some(fraction), .. }] = counts {
        message.push_str(&format!(", about {:.0} %", fraction * 100.0));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_names_the_cell_and_has_no_part_without_a_number() {
        let counts = [explore::Progress { states: 30, ..Default::default() }, explore::Progress::default()];
        let text = message("expiry on bkl", &counts, Duration::from_secs(2), " and growing");

        assert_eq!(text, "expiry on bkl: 30 states, 15 a second");
        assert_eq!(template(1), "{spinner} {wide_msg}");
    }
}
