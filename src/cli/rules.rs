//! `rules`: which lock guards which field, inferred from every step.

use anyhow::{Result, ensure};
use lockwright::explore::{Config, EngineKind};
use lockwright::report::json::{self, RulesReport};
use lockwright::report::rules as shows;
use lockwright::study::cells;
use lockwright::study::compare;
use lockwright::study::rules::{Rules, rules};

use super::{Status, print, search, select, time_line, workers};

/// Of which designs, and how to explore.
#[derive(clap::Args)]
pub struct Arguments {
    /// A design; of two, what changes from the first to the second.
    #[arg(value_name = "DESIGN", num_args = 0..=2)]
    short: Vec<String>,
    /// A design, or a mutant such as spinlock:no-recheck. May be repeated once.
    #[arg(long = "design", value_name = "DESIGN")]
    designs: Vec<String>,
    /// A scenario, or a file with one (docs/scenarios.md); all of the catalogue if none is given. May be repeated.
    #[arg(long = "scenario", value_name = "SCENARIO")]
    scenarios: Vec<String>,
    /// Print the rules of one design as annotations of Clang's context analysis: __guarded_by, __must_hold.
    #[arg(long)]
    clang: bool,
    #[command(flatten)]
    search: search::Arguments,
}

/// Explores and prints.
pub fn run(arguments: &Arguments, as_json: bool) -> Result<Status> {
    let names = [arguments.short.as_slice(), arguments.designs.as_slice()].concat();
    ensure!(
        (1..=2).contains(&names.len()),
        "rules of which design? One, or two to compare: lockwright rules bkl spinlock"
    );
    ensure!(!arguments.clang || names.len() == 1 && !as_json, "--clang is for one design, and is no JSON");
    let programs = select::both(select::designs(&names), select::scenarios(&arguments.scenarios));
    let ((designs, scenarios), config) = select::both(programs, arguments.search.config(usize::MAX, String::new))?;
    ensure!(designs.len() == names.len(), "the two designs are the same");
    ensure!(runs_steps(&config), "rules need every state: --engine explorer, brute, dpor or source-dpor");
    let scenarios = compare::scenarios([designs[0], designs[designs.len() - 1]], &scenarios);
    ensure!(!scenarios.is_empty(), "nothing to explore: a design knows of no file system that asks a server");
    select::can_set_up(&cells::cells(&designs, &scenarios))?;
    let started = std::time::Instant::now();
    let all = std::thread::scope(|scope| {
        let explore = |design| {
            scope.spawn({
                let (scenarios, config) = (&scenarios, &config);
                move || rules(design, scenarios, config)
            })
        };
        let running: Vec<_> = designs.iter().copied().map(explore).collect();
        running
            .into_iter()
            .map(|it| it.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Result<Vec<Rules>, _>>()
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let complete = all.iter().all(Rules::complete);
    let text = match &all[..] {
        all if as_json => json::text("rules", RulesReport::new(all, seconds)),
        [of] if arguments.clang => shows::clang(of),
        [of] => shows::table(of) + &time_line(seconds, 1),
        [old, new, ..] => shows::difference(old, new) + &time_line(seconds, workers().min(2)),
        [] => unreachable!("internal error: the number of designs was checked"),
    };
    print(&text)?;
    Ok(Status::of(false, !complete))
}

/// Does the engine run every step with the checks?
fn runs_steps(config: &Config) -> bool {
    matches!(config.engine, EngineKind::Explorer | EngineKind::Brute | EngineKind::Dpor | EngineKind::SourceDpor)
}
