//! What a state costs, and how time and states change with workers and reduction: every number of `docs/scale.md` in one run.
//!
//! `cargo bench --bench scale` prints a table, and the ratios of its lines after it. Each line is a process of its own, so that the peak of
//! its resident memory is its own: what it had before it explored is taken off, and the rest divided by the states. The runs that a
//! ratio compares take turns, and the quickest of each counts; processor time says how busy the machine was with something else.
//! A word behind `--` picks the lines whose name contains it; `--large` adds L fixed 6 5, `--once` leaves repetitions out.
//!
//! Linux only: it reads `/proc/self`.

use std::process::Command;
use std::time::Instant;

use lockwright::explore::{Config, EngineKind, explore};
use lockwright::program::family::Family;

#[allow(dead_code, reason = "the other bench uses the rest")]
#[path = "../explorer/model.rs"]
mod model;
#[allow(dead_code, reason = "the other bench uses the rest")]
#[path = "../explorer/table.rs"]
mod table;

/// What explores.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tool {
    Explorer,
    Explicit,
    Dpor,
    Stateright,
}

/// A program, and how it is explored.
#[derive(Clone, Copy)]
struct Line {
    program: &'static str,
    tool: Tool,
    jobs: usize,
    reduce: bool,
    symmetry: bool,
    bitstate: Option<u64>,
    large: bool,
    /// How often it is measured.
    times: usize,
}

const fn line(program: &'static str, tool: Tool, jobs: usize) -> Line {
    Line { program, tool, jobs, reduce: false, symmetry: false, bitstate: None, large: false, times: 1 }
}

const fn thrice(line: Line) -> Line {
    Line { times: 3, ..line }
}

const LINES: &[Line] = &[
    thrice(line("L-fixed-5-5", Tool::Explicit, 1)),
    thrice(line("L-fixed-5-5", Tool::Explicit, 2)),
    thrice(line("L-fixed-5-5", Tool::Stateright, 2)),
    thrice(Line { reduce: true, ..line("L-fixed-5-5", Tool::Explicit, 1) }),
    thrice(Line { reduce: true, ..line("L-fixed-5-5", Tool::Explicit, 2) }),
    Line { symmetry: true, ..line("L-fixed-5-5", Tool::Explicit, 1) },
    Line { symmetry: true, reduce: true, ..line("L-fixed-5-5", Tool::Explicit, 1) },
    Line { bitstate: Some(64), ..line("L-fixed-5-5", Tool::Explicit, 1) },
    line("L-mainline-4-4", Tool::Explicit, 1),
    Line { reduce: true, ..line("L-mainline-4-4", Tool::Explicit, 1) },
    thrice(line("L-fixed-4-4", Tool::Explorer, 1)),
    thrice(line("L-fixed-4-4", Tool::Explorer, 2)),
    Line { bitstate: Some(16), ..line("L-fixed-4-4", Tool::Explorer, 1) },
    line("L-mainline-2-2", Tool::Dpor, 1),
    Line { large: true, ..line("L-fixed-6-5", Tool::Explicit, 1) },
    Line { large: true, ..line("L-fixed-6-5", Tool::Explicit, 2) },
    Line { large: true, reduce: true, ..line("L-fixed-6-5", Tool::Explicit, 2) },
];

/// What a line measured.
#[derive(Clone, Copy)]
struct Measured {
    states: u64,
    /// Resident, a state.
    bytes: f64,
    seconds: f64,
    cpu: f64,
}

/// What is said of two lines: the words, the first and the second, and what is compared.
struct Ratio(&'static str, &'static str, &'static str, fn(&Measured) -> f64);

const RATIOS: &[Ratio] = &[
    Ratio("stateright's time, by ours", "L-fixed-5-5 stateright, 2 workers", "L-fixed-5-5 explicit, 2 workers", wall),
    Ratio("... with reduction", "L-fixed-5-5 stateright, 2 workers", "L-fixed-5-5 explicit, 2 workers, reduced", wall),
    Ratio("two workers", "L-fixed-5-5 explicit, 1 worker", "L-fixed-5-5 explicit, 2 workers", wall),
    Ratio(
        "... with reduction",
        "L-fixed-5-5 explicit, 1 worker, reduced",
        "L-fixed-5-5 explicit, 2 workers, reduced",
        wall,
    ),
    Ratio("... of the explorer", "L-fixed-4-4 explorer, 1 worker", "L-fixed-4-4 explorer, 2 workers", wall),
    Ratio(
        "states, by those of a reduced search",
        "L-fixed-5-5 explicit, 1 worker",
        "L-fixed-5-5 explicit, 1 worker, reduced",
        states,
    ),
    Ratio("... its processor time", "L-fixed-5-5 explicit, 1 worker", "L-fixed-5-5 explicit, 1 worker, reduced", cpu),
    Ratio(
        "... on L mainline",
        "L-mainline-4-4 explicit, 1 worker",
        "L-mainline-4-4 explicit, 1 worker, reduced",
        states,
    ),
    Ratio("stateright's processor time", "L-fixed-5-5 stateright, 2 workers", "L-fixed-5-5 explicit, 2 workers", cpu),
    Ratio("... with reduction", "L-fixed-5-5 stateright, 2 workers", "L-fixed-5-5 explicit, 2 workers, reduced", cpu),
    Ratio("two workers' processor time", "L-fixed-5-5 explicit, 2 workers", "L-fixed-5-5 explicit, 1 worker", cpu),
    Ratio("... of the explorer", "L-fixed-4-4 explorer, 2 workers", "L-fixed-4-4 explorer, 1 worker", cpu),
];

fn wall(measured: &Measured) -> f64 {
    measured.seconds
}

fn cpu(measured: &Measured) -> f64 {
    measured.cpu
}

fn states(measured: &Measured) -> f64 {
    measured.states as f64
}

impl Line {
    fn name(&self) -> String {
        let tool = match self.tool {
            Tool::Explorer => "explorer",
            Tool::Explicit => "explicit",
            Tool::Dpor => "dpor",
            Tool::Stateright => "stateright",
        };
        let reduce = if self.reduce { ", reduced" } else { "" };
        let symmetry = if self.symmetry { ", symmetry" } else { "" };
        let bits = self.bitstate.map_or(String::new(), |mib| format!(", bitstate {mib} MiB"));
        let plural = if self.jobs == 1 { "" } else { "s" };
        format!("{} {tool}, {} worker{plural}{reduce}{symmetry}{bits}", self.program, self.jobs)
    }

    fn config(&self) -> Config {
        let engine = match self.tool {
            Tool::Explorer => EngineKind::Explorer,
            Tool::Explicit => EngineKind::Explicit,
            Tool::Dpor => EngineKind::Dpor,
            Tool::Stateright => unreachable!("it has its own"),
        };
        let &Line { jobs, reduce, symmetry, bitstate, .. } = self;
        let states_max = if self.tool == Tool::Dpor { Config::default().states_max } else { 1 << 30 };
        Config { jobs, reduce, symmetry, bitstate, states_max, ..Config::with_engine(engine) }
    }

    fn explore(&self, program: &str) -> u64 {
        let family: Family = program.parse().expect("the family exists");
        if self.tool == Tool::Stateright {
            return model::on_stateright(family, self.jobs).states;
        }
        let verdict = explore(&family.subject(), &self.config());
        assert!(verdict.complete() || self.bitstate.is_some(), "{:?}", verdict.bound);
        if self.tool == Tool::Dpor { verdict.executions } else { verdict.states }
    }

    /// In a process of its own.
    fn measure(&self) {
        // What is made once, whatever is explored.
        self.explore("L-fixed-2-1");
        let (before, started, cpu) = (status("VmRSS"), Instant::now(), table::cpu_seconds());
        let states = self.explore(self.program);
        let (seconds, after) = (started.elapsed().as_secs_f64(), status("VmHWM"));
        let bytes = after.saturating_sub(before) as f64 / states as f64;
        let cpu = table::cpu_seconds().zip(cpu).map_or(seconds, |(after, before)| after - before);
        println!("{states} {bytes} {seconds} {cpu}");
    }

    /// Starts that process.
    fn measured(&self, at: usize) -> Measured {
        let program = std::env::current_exe().expect("the bench has a file");
        let ended = Command::new(program).args(["--line", &at.to_string()]).output().expect("it can be started");
        let text = String::from_utf8_lossy(&ended.stdout);
        let number = |at: usize| text.split_whitespace().nth(at).and_then(|number| number.parse::<f64>().ok());
        let numbers = (number(0), number(1), number(2), number(3));
        let (Some(states), Some(bytes), Some(seconds), Some(cpu)) = numbers else {
            panic!("{}: {} {}", self.name(), ended.status, String::from_utf8_lossy(&ended.stderr))
        };
        Measured { states: states as u64, bytes, seconds, cpu }
    }
}

/// A field of the process's status, in bytes.
fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.expect("the kernel tells what a process takes") << 10
}

/// The quickest of the two; what they have in common is the same.
fn better(one: Option<Measured>, other: Measured) -> Measured {
    let Some(one) = one else { return other };
    assert_eq!(one.states, other.states, "a search meets the same states each time");
    Measured { seconds: one.seconds.min(other.seconds), cpu: one.cpu.min(other.cpu), ..one }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [option, at] = &arguments[..]
        && option == "--line"
    {
        LINES[at.parse::<usize>().expect("a number")].measure();
        return;
    }
    let given = |option: &str| arguments.iter().any(|argument| argument == option);
    let filter = arguments.iter().find(|argument| !argument.starts_with("--"));
    let is_wanted =
        |line: &Line| filter.is_none_or(|filter| line.name().contains(filter)) && (given("--large") || !line.large);
    let mut all: Vec<Option<Measured>> = vec![None; LINES.len()];
    for round in 0..if given("--once") { 1 } else { 3 } {
        for (at, line) in LINES.iter().enumerate().filter(|(_, line)| is_wanted(line) && round < line.times) {
            all[at] = Some(better(all[at], line.measured(at)));
        }
    }
    println!("{:<52} {:>12} {:>10} {:>9} {:>9} {:>12}", "", "states", "bytes each", "seconds", "cpu", "a second");
    for (line, measured) in LINES.iter().zip(&all) {
        let Some(Measured { states, bytes, seconds, cpu }) = *measured else { continue };
        let rate = states as f64 / seconds;
        println!("{:<52} {states:>12} {bytes:>10.1} {seconds:>9.2} {cpu:>9.2} {rate:>12.0}", line.name());
    }
    println!();
    let of = |name: &str| LINES.iter().zip(&all).find(|(line, _)| line.name() == name).and_then(|(_, found)| *found);
    for Ratio(words, one, other, what) in RATIOS {
        if let (Some(left), Some(right)) = (of(one), of(other)) {
            println!("{words:<40} {:>6.2}   ({one} / {other})", what(&left) / what(&right));
        }
    }
}
