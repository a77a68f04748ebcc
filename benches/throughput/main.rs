//! Calls a second of two designs on real threads: `cargo bench --bench throughput`, the table that `lockwright compare --throughput` prints.
//!
//! Options, behind `--`: two names of designs (`bkl spinlock` by default), then the most threads, the rounds and the turns of a
//! round, each a number. Old and new run in the same round, in turn; read the ratios, and their spread.

use lockwright::report::throughput::table;
use lockwright::study::throughput::{Plan, measure};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let (numbers, names): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| argument.parse::<u32>().is_ok());
    let number = |at: usize, default: u32| numbers.get(at).and_then(|it| it.parse().ok()).unwrap_or(default);
    let name = |at: usize, default| names.get(at).map_or(default, |it| it.as_str());
    let designs = [name(0, "bkl"), name(1, "spinlock")];
    let found = designs.map(|name| lockwright::study::design(name).unwrap_or_else(|| panic!("no design {name}")));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let plan = Plan {
        threads_max: number(0, cores.max(2) as u32) as usize,
        rounds: number(1, 15) as usize,
        turns: number(2, 5_000),
    };
    match measure(found, plan, |_| ()) {
        Ok(measured) => print!("{}", table(&measured, designs, plan, cores)),
        Err(failed) => println!("no numbers: {failed}"),
    }
}
