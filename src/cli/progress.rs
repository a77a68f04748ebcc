//! Progress on a terminal, silence in a pipe; and Ctrl-C, which ends an exploration with what it has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use lockwright::explore::{Config, Verdict};

/// How often the line is drawn anew.
const TICK: Duration = Duration::from_millis(200);

/// Executions and states of one cell so far.
#[derive(Default)]
struct Count {
    executions: AtomicU64,
    states: AtomicU64,
}

/// The progress of many cells.
pub struct Progress {
    bar: ProgressBar,
    counts: Arc<Vec<Count>>,
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
        let counts = Arc::new((0..cells).map(|_| Count::default()).collect());
        Ok(Progress { bar, counts, interrupt })
    }

    /// The configuration for a cell: it can be interrupted, and tells how far it is.
    pub fn watched(&self, cell: usize, config: &Config) -> Config {
        let (bar, counts) = (self.bar.clone(), Arc::clone(&self.counts));
        let progress = move |executions, states| {
            counts[cell].executions.store(executions, Ordering::Relaxed);
            counts[cell].states.store(states, Ordering::Relaxed);
            bar.set_message(message(&counts, bar.elapsed()));
        };
        Config { interrupt: Some(Arc::clone(&self.interrupt)), progress: Some(Arc::new(progress)), ..config.clone() }
    }

    /// A cell is done.
    pub fn done(&self, cell: usize, verdict: &Verdict) {
        self.counts[cell].executions.store(verdict.executions, Ordering::Relaxed);
        self.counts[cell].states.store(verdict.states, Ordering::Relaxed);
        self.bar.set_message(message(&self.counts, self.bar.elapsed()));
        self.bar.inc(1);
    }

    /// Takes the line away; how long it took.
    pub fn finish(self) -> Duration {
        let elapsed = self.bar.elapsed();
        self.bar.finish_and_clear();
        elapsed
    }
}

fn message(counts: &[Count], elapsed: Duration) -> String {
    let sum = |of: fn(&Count) -> &AtomicU64| counts.iter().map(|count| of(count).load(Ordering::Relaxed)).sum::<u64>();
    let (executions, states) = (sum(|count| &count.executions), sum(|count| &count.states));
    // Engines that know no states are measured by their executions.
    let (made, noun) = if states > 0 { (states, "states") } else { (executions, "executions") };
    let rate = made as f64 / elapsed.as_secs_f64().max(0.001);
    format!("{executions} executions, {rate:.0} {noun} a second")
}
