//! The table: a line for each run, ratios against the first engine of a workload.

use std::time::Duration;

use lockwright::explore::Verdict;

/// One engine on one workload.
#[derive(Clone, Copy)]
pub struct Run {
    pub seconds: f64,
    pub executions: u64,
    pub states: u64,
    /// Did it end within its bounds?
    pub ended: bool,
}

impl Run {
    /// Of a peer that knows no states.
    pub fn executed(elapsed: Duration, executions: u64, ended: bool) -> Run {
        Run { seconds: elapsed.as_secs_f64(), executions, states: 0, ended }
    }

    /// Of a peer that knows no executions.
    pub fn met(elapsed: Duration, states: u64) -> Run {
        Run { seconds: elapsed.as_secs_f64(), executions: 0, states, ended: true }
    }
}

impl From<Verdict> for Run {
    fn from(verdict: Verdict) -> Run {
        Run {
            seconds: verdict.elapsed.as_secs_f64(),
            executions: verdict.executions,
            states: verdict.states,
            ended: verdict.complete(),
        }
    }
}

/// The lines of one workload.
pub struct Group {
    workload: String,
    is_wanted: bool,
    base: Option<f64>,
}

/// A run shorter than this is made again.
const SHORT_SECONDS: f64 = 0.02;
/// The number of short runs.
const SHORT_RUNS: u32 = 20;

impl Group {
    /// With a filter, only workloads whose name contains it are run.
    pub fn new(workload: &str, filter: Option<&str>) -> Group {
        let is_wanted = filter.is_none_or(|filter| workload.contains(filter));
        Group { workload: workload.to_owned(), is_wanted, base: None }
    }

    /// A line; the ratio is against the first one.
    pub fn line(&mut self, engine: &str, mut run: impl FnMut() -> Run) {
        if !self.is_wanted {
            return;
        }
        let before = cpu_seconds();
        let mut again = 0;
        let run = {
            let mut best = run();
            // A short run is at the mercy of whatever else the machine does: the quickest of some counts, for every engine.
            while best.seconds < SHORT_SECONDS && again < SHORT_RUNS {
                let other = run();
                best = if other.seconds < best.seconds { other } else { best };
                again += 1;
            }
            best
        };
        let cpu = cpu_seconds().zip(before).map(|(after, before)| (after - before) / f64::from(again + 1));
        let base = *self.base.get_or_insert(run.seconds);
        let mark = if run.ended { ' ' } else { '>' };
        let dash = |number: u64| if number == 0 { "-".to_owned() } else { number.to_string() };
        // Of the time that the process really ran, if it is long enough for the clock's ticks.
        let ran = cpu.filter(|&cpu| cpu >= 0.2).unwrap_or(run.seconds);
        let rate = if run.states == 0 { "-".to_owned() } else { format!("{:.0}", run.states as f64 / ran) };
        let cpu = cpu.map_or("-".to_owned(), |cpu| format!("{cpu:.2}"));
        println!(
            "{:<20} {engine:<18} {:>10} {:>9} {mark}{:>10.5} s {cpu:>8} {mark}{:>11.2} {rate:>11}",
            self.workload,
            dash(run.executions),
            dash(run.states),
            run.seconds,
            run.seconds / base,
        );
    }
}

/// The heading.
pub fn heading() {
    println!(
        "{:<20} {:<18} {:>10} {:>9} {:>13} {:>8} {:>12} {:>11}",
        "workload", "engine", "executions", "states", "time", "cpu s", "ratio", "states/s"
    );
}

/// Seconds for which the process has run, ended threads included; where the system tells.
pub fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold anything; user and system time are the 12th and 13th fields behind it, in ticks of 10 ms.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse().ok()?;
    Some((ticks + fields.next()?.parse::<u64>().ok()?) as f64 / 100.0)
}
