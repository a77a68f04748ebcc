//! What a state costs: bytes of resident memory, and how time and states change with workers and reduction.
//!
//! `cargo bench --bench scale` prints a table. Each line is a process of its own, so that the peak of its resident memory is its own: what
//! it had before it explored is taken off, and the rest divided by the states. A word behind `--` picks the lines whose name contains it;
//! `--large` adds L fixed 6 5. Read times as ratios, on an idle machine: with other work beside it, two workers are no two workers.
//!
//! Linux only: it reads `/proc/self/status`.

use std::process::Command;
use std::time::Instant;

use lockwright::explore::{Config, EngineKind, explore};
use lockwright::program::family::Family;

/// A program, and how it is explored.
struct Line {
    program: &'static str,
    explicit: bool,
    jobs: usize,
    reduce: bool,
    bitstate: Option<u64>,
    large: bool,
}

const fn line(program: &'static str, explicit: bool, jobs: usize) -> Line {
    Line { program, explicit, jobs, reduce: false, bitstate: None, large: false }
}

const LINES: &[Line] = &[
    line("L-fixed-4-4", false, 1),
    line("L-fixed-4-4", false, 2),
    Line { bitstate: Some(16), ..line("L-fixed-4-4", false, 1) },
    line("L-fixed-4-4", true, 1),
    line("L-fixed-5-5", true, 1),
    line("L-fixed-5-5", true, 2),
    Line { reduce: true, ..line("L-fixed-5-5", true, 1) },
    Line { reduce: true, ..line("L-fixed-5-5", true, 2) },
    Line { bitstate: Some(64), ..line("L-fixed-5-5", true, 1) },
    line("L-mainline-4-4", true, 1),
    Line { reduce: true, ..line("L-mainline-4-4", true, 1) },
    Line { large: true, ..line("L-fixed-6-5", true, 1) },
    Line { large: true, ..line("L-fixed-6-5", true, 2) },
    Line { large: true, reduce: true, ..line("L-fixed-6-5", true, 2) },
];

impl Line {
    fn name(&self) -> String {
        let engine = if self.explicit { "explicit" } else { "explorer" };
        let reduce = if self.reduce { ", reduced" } else { "" };
        let bits = self.bitstate.map_or(String::new(), |mib| format!(", bitstate {mib} MiB"));
        format!(
            "{} {engine}, {} worker{}{reduce}{bits}",
            self.program,
            self.jobs,
            if self.jobs == 1 { "" } else { "s" }
        )
    }

    fn config(&self) -> Config {
        let engine = if self.explicit { EngineKind::Explicit } else { EngineKind::Explorer };
        let (jobs, reduce, bitstate) = (self.jobs, self.reduce, self.bitstate);
        Config { jobs, reduce, bitstate, states_max: 1 << 30, ..Config::with_engine(engine) }
    }

    /// In a process of its own.
    fn measure(&self) {
        let subject = |name: &str| name.parse::<Family>().expect("the family exists").subject();
        // What is made once, whatever is explored.
        explore(&subject("L-fixed-2-1"), &self.config());
        let (program, before, started) = (subject(self.program), status("VmRSS"), Instant::now());
        let verdict = explore(&program, &self.config());
        let (seconds, after) = (started.elapsed().as_secs_f64(), status("VmHWM"));
        let bytes = after.saturating_sub(before) as f64 / verdict.states as f64;
        let (name, states) = (self.name(), verdict.states);
        println!("{name:<52} {states:>12} {bytes:>10.1} {seconds:>9.2} {:>12.0}", states as f64 / seconds);
    }
}

/// A field of the process's status, in bytes.
fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.expect("the kernel tells what a process takes") << 10
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [option, at] = &arguments[..]
        && option == "--line"
    {
        LINES[at.parse::<usize>().expect("a number")].measure();
        return;
    }
    let filter = arguments.iter().find(|argument| !argument.starts_with("--"));
    let large = arguments.iter().any(|argument| argument == "--large");
    println!("{:<52} {:>12} {:>10} {:>9} {:>12}", "", "states", "bytes each", "seconds", "a second");
    for (at, line) in LINES.iter().enumerate() {
        if filter.is_none_or(|filter| line.name().contains(filter)) && (large || !line.large) {
            let program = std::env::current_exe().expect("the bench has a file");
            let ended = Command::new(program).args(["--line", &at.to_string()]).status().expect("it can be started");
            assert!(ended.success(), "{}: {ended}", line.name());
        }
    }
}
