//! `compare --throughput`: two designs on real threads.

use std::io::{IsTerminal, Write};

use anyhow::Result;
use lockwright::lease::designs::Entry;
use lockwright::report::json::{self, ThroughputReport};
use lockwright::report::throughput as shows;
use lockwright::study::throughput::{Plan, measure};

use super::{Status, print, workers};

/// How to measure.
#[derive(clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// With --throughput: threads, at most; as many as the machine runs at once by default, and two at least.
    #[arg(long, value_name = "N", requires = "throughput", value_parser = clap::value_parser!(u16).range(1..=63), help_heading = "Other ways to compare")]
    threads: Option<u16>,
    /// With --throughput: rounds of each measurement. The median is shown, with the lowest and the highest.
    #[arg(long, value_name = "N", requires = "throughput", default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..=1000), help_heading = "Other ways to compare")]
    rounds: u16,
    /// With --throughput: turns of each thread in a round.
    #[arg(long, value_name = "N", requires = "throughput", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=100_000), help_heading = "Other ways to compare")]
    turns: u32,
}

/// Measures and prints.
pub fn run(designs: [Entry; 2], arguments: &Arguments, as_json: bool) -> Result<Status> {
    let threads_max = arguments.threads.map_or_else(|| workers().max(2), usize::from);
    let plan = Plan { threads_max, rounds: usize::from(arguments.rounds), turns: arguments.turns };
    let tells = std::io::stderr().is_terminal();
    let measured = measure(designs, plan, |one| {
        if tells {
            _ = writeln!(std::io::stderr(), "{:?} file, {} threads", one.files, one.threads);
        }
    })?;
    let names = designs.map(Entry::full_name);
    let [old, new] = &names;
    match as_json {
        true => print(&json::text("compare --throughput", ThroughputReport::new(&names, plan, workers(), &measured)))?,
        false => print(&shows::table(&measured, [old, new], plan, workers()))?,
    }
    Ok(Status::Clean)
}
