//! Progress on a terminal, silence in a pipe; and Ctrl-C, which ends an exploration with what it has. SIGTERM does the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use lockwright::explore::{self, Config, Verdict};
use parking_lot::Mutex;

/// How often the line is drawn anew.
const TICK: Duration = Duration::from_millis(200);

/// The progress of many cells.
pub struct Progress {
    bar: ProgressBar,
    counts: Arc<Mutex<Vec<explore::Progress>>>,
    interrupt: Arc<AtomicBool>,
}

impl Progress {
    /// Starts it, and listens for Ctrl-C. Called once in a process.
    ///
    /// # Errors
    /// If the handler cannot be installed.
    pub fn start(cells: usize) -> Result<Progress> {
        let interrupt = Arc::new(AtomicBool::new(false));
        let pressed = Arc::clone(&interrupt);
        ctrlc::set_handler(move || pressed.store(true, Ordering::Relaxed)).context("listening for Ctrl-C")?;
        // Hidden by itself where standard error is no terminal.
        let bar = ProgressBar::new(cells as u64);
        let style = ProgressStyle::with_template("{spinner} {pos}/{len} cells, {msg}").context("the progress line")?;
        bar.set_style(style);
        bar.enable_steady_tick(TICK);
        let counts = Arc::new(Mutex::new(vec![explore::Progress::default(); cells]));
        Ok(Progress { bar, counts, interrupt })
    }

    /// The configuration for a cell: it can be interrupted, and tells how far it is.
    pub fn watched(&self, cell: usize, config: &Config) -> Config {
        let (bar, counts) = (self.bar.clone(), Arc::clone(&self.counts));
        let progress = move |progress: &explore::Progress| {
            let mut counts = counts.lock();
            counts[cell] = *progress;
            bar.set_message(message(&counts, bar.elapsed()));
        };
        Config { interrupt: Some(Arc::clone(&self.interrupt)), progress: Some(Arc::new(progress)), ..config.clone() }
    }

    /// A cell is done.
    pub fn done(&self, cell: usize, verdict: &Verdict) {
        let mut counts = self.counts.lock();
        let (executions, states) = (verdict.executions, verdict.states);
        counts[cell] = explore::Progress { executions, states, ..explore::Progress::default() };
        self.bar.set_message(message(&counts, self.bar.elapsed()));
        self.bar.inc(1);
    }

    /// Takes the line away; how long it took.
    pub fn finish(self) -> Duration {
        let elapsed = self.bar.elapsed();
        self.bar.finish_and_clear();
        elapsed
    }
}

/// How far all cells are together: what was made, how fast, what is open, what it takes.
fn message(counts: &[explore::Progress], elapsed: Duration) -> String {
    let sum = |of: fn(&explore::Progress) -> u64| counts.iter().map(of).sum::<u64>();
    let (executions, states) = (sum(|count| count.executions), sum(|count| count.states));
    // Engines that know no states are measured by their executions.
    let (made, noun) = if states > 0 { (states, "states") } else { (executions, "executions") };
    let rate = made as f64 / elapsed.as_secs_f64().max(0.001);
    let mut message = format!("{made} {noun}, {rate:.0} a second");
    let (frontier, bytes) = (sum(|count| count.frontier), sum(|count| count.bytes));
    if frontier > 0 {
        message.push_str(&format!(", {frontier} open"));
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
