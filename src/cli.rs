//! The subcommands: each validates its arguments as a whole, before anything is explored; what is explored and how it reads is
//! the library's affair.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use lockwright::report::columns::{PAGE_COLUMNS, PAGE_COLUMNS_MIN};
use lockwright::study::slice::Slice;

mod all;
mod beside;
mod check;
mod compare;
mod explain;
mod explore;
mod kinds;
mod lease;
mod list;
mod lockdep;
#[cfg(feature = "cluster")]
mod machines;
mod matrix;
mod memory;
mod notation;
mod outline;
mod outlines;
mod partition;
mod progress;
mod replay;
mod report;
mod rules;
mod sarif;
mod save;
mod schema;
mod search;
mod select;
mod throughput;
mod trace;
mod trend;
mod write;

/// The result of a run, as the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing is wrong.
    Clean = 0,
    /// There are findings.
    Findings = 1,
    /// The arguments or a file are wrong; nothing was done.
    Usage = 2,
    /// An exploration did not end.
    Incomplete = 3,
}

impl Status {
    /// Findings win over incompleteness.
    pub fn of(findings: bool, incomplete: bool) -> Status {
        match (findings, incomplete) {
            (true, _) => Status::Findings,
            (false, true) => Status::Incomplete,
            (false, false) => Status::Clean,
        }
    }
}

/// Refactor a kernel lock, and know what you broke.
///
/// Without a subcommand: what the refactor of the lease code fixed and broke, in every scenario.
#[derive(Parser)]
#[command(name = "lockwright", version, subcommand_help_heading = "Commands")]
#[command(after_help = "Exit status: 0 clean, 1 findings, 2 usage or input error, 3 incomplete.")]
pub struct Arguments {
    /// Print one JSON object instead of text (docs/json.md).
    #[arg(long, global = true)]
    json: bool,
    /// Every design, not the old and the new alone: the whole matrix, scenario by scenario.
    #[arg(long)]
    all: bool,
    /// Only one of N slices of the cells, slice:I/N, as a part of the report for `lockwright merge` (docs/scale.md).
    #[arg(long, value_name = "slice:I/N")]
    partition: Option<Slice>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Explore scenarios on designs, or check outlines, diagrams and lockdep boxes in files; show each finding with what leads to it.
    Check(check::Arguments),
    /// Put the parts that --partition printed together: the report of all, if every slice is there once.
    Merge {
        /// What `--partition slice:I/N --json` printed, one file for each I.
        #[arg(required = true, value_name = "PART")]
        files: Vec<PathBuf>,
    },
    /// Compare two designs: what can happen in one of them alone, each with the schedule and with the proof that it never does there.
    Compare(compare::Arguments),
    /// Explore one program and say what that took: a growing family, or a scenario on a design.
    Explore(explore::Arguments),
    /// Run a saved schedule again, and show the whole trace.
    Replay {
        /// What `check --save` wrote.
        file: PathBuf,
        /// Lay the page out for a terminal of N columns, 40 to 118.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(40..=118))]
        columns: Option<u16>,
        /// Then say what that run tells of other orders, and look for each predicted deadlock in every interleaving.
        #[arg(long)]
        predict: bool,
        /// Draw the schedule as well: a picture of the steps around the finding, or of all if there is none.
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
    },
    /// Write the HTML report: the matrix, every finding step by step, and what changes from the first design to the last.
    Report(report::Arguments),
    /// Run lease scripts on a design, and hold each against its recording from a real kernel.
    Lease(lease::Arguments),
    /// Judge step sequences: predict deadlocks and misuse of locks from one run.
    Lockdep(lockdep::Arguments),
    /// Infer which lock guards which field of a design from every step, or what changes in that from one design to another.
    Rules(rules::Arguments),
    /// Show a call's outline as executed, with the locks held at each line.
    Outline(outline::Arguments),
    /// List designs, mutants, scenarios, engines, calls, findings and the catalogue of kernel functions.
    List {
        /// One list alone; `mutants` alone says what catches each.
        what: Option<list::What>,
    },
    /// Print the JSON Schema of what a command prints with --json.
    Schema {
        /// The command, with dashes: compare, check-all; the names of all if none is given.
        name: Option<String>,
    },
    /// Explain a finding, or a bug that findings are known as.
    Explain {
        /// Its code, such as LW030, or its number, such as M24.
        code: String,
    },
}

/// Runs a command.
///
/// # Errors
/// For whatever is wrong with the arguments or a file.
pub fn run(arguments: Arguments) -> Result<Status> {
    let json = arguments.json;
    ensure!(!arguments.all || arguments.command.is_none(), "--all is for the bare command, without a subcommand");
    let partition = arguments.partition;
    ensure!(
        partition.is_none() || arguments.command.is_none(),
        "before a subcommand --partition is of the bare command: write lockwright check --partition {}",
        partition.map_or(String::new(), |slice| slice.to_string())
    );
    match arguments.command {
        None => matrix::run(arguments.all, partition, json),
        Some(Command::Check(arguments)) => check::run(&arguments, json),
        Some(Command::Merge { files }) => partition::merge(&files),
        Some(Command::Compare(arguments)) => compare::run(&arguments, json),
        Some(Command::Explore(arguments)) => explore::run(&arguments, json),
        Some(Command::Replay { file, columns, predict, svg }) => {
            replay::run(&file, svg.as_deref(), page_columns(columns), predict, json)
        }
        Some(Command::Report(arguments)) => report::run(&arguments, json),
        Some(Command::Lease(arguments)) => lease::run(&arguments, json),
        Some(Command::Lockdep(arguments)) => lockdep::run(&arguments, json),
        Some(Command::Rules(arguments)) => rules::run(&arguments, json),
        Some(Command::Outline(arguments)) => outline::run(&arguments, json),
        Some(Command::List { what }) => list::run(what, json),
        Some(Command::Schema { name }) => schema::run(name.as_deref(), json),
        Some(Command::Explain { code }) => explain::run(&code, json),
    }
}

/// Prints. A reader that closes the pipe has read enough: that is no error.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("writing to standard output"),
    }
}

/// Says on standard error what is wrong. If nobody listens there any more, the exit status has to do.
pub fn complain(text: &str) {
    _ = writeln!(std::io::stderr(), "lockwright: {text}");
}

/// The line with the measured time, which stands apart from what is the same each time.
fn time_line(seconds: f64, workers: usize) -> String {
    format!("\n{seconds:.1} s on {}\n", lockwright::report::count(workers as u64, "worker"))
}

/// How wide a page is: as asked for; on a terminal that says so by `COLUMNS`, as wide as that; else as wide as pages are.
fn page_columns(asked: Option<u16>) -> usize {
    let terminal = || std::env::var("COLUMNS").ok()?.parse::<usize>().ok();
    let narrow = asked.map(usize::from).or_else(|| std::io::stdout().is_terminal().then(terminal).flatten());
    narrow.map_or(PAGE_COLUMNS, |columns| columns.clamp(PAGE_COLUMNS_MIN, PAGE_COLUMNS))
}

/// As many workers as the machine runs at once.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
