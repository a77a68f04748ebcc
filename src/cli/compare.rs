//! `compare`: what can happen in one of two designs alone, and why.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use lockwright::explore::compare::{Difference, What};
use lockwright::explore::saved::SavedFinding;
use lockwright::explore::schedule::{Guide, Replay, replay};
use lockwright::explore::{Config, EngineKind, Verdict};
use lockwright::lease::designs::Entry;
use lockwright::report::compare::{self as shows, Shown};
use lockwright::report::json::{self, ComparedReport, Comparison, DifferenceReport};
use lockwright::scenario::{Scenario, observed};
use lockwright::study::cells::{self, Cell};
use lockwright::study::compare::table::ROWS;
use lockwright::study::compare::{self, Compared};

use super::progress::Progress;
use super::{Status, print, save, search, select, time_line, workers};

/// What to compare, and how.
#[derive(clap::Args)]
pub struct Arguments {
    /// The old design; a mutant such as spinlock:no-recheck is one as well.
    old: String,
    /// The new design.
    new: String,
    /// A scenario: its differences are shown one by one, each with its execution.
    #[arg(value_name = "SCENARIO")]
    short: Option<String>,
    /// A scenario, or a file with one (docs/scenarios.md); all of the catalogue if none is given. May be repeated.
    #[arg(long = "scenario", value_name = "SCENARIO")]
    scenarios: Vec<String>,
    /// Write the schedule of each difference into this directory.
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    #[command(flatten)]
    search: search::Arguments,
}

impl Arguments {
    /// Looks all names up, before anything is done.
    fn select(&self) -> Result<([Entry; 2], Vec<Arc<Scenario>>, Config)> {
        let names: Vec<String> = self.short.iter().chain(&self.scenarios).cloned().collect();
        let design = |name: &String| select::designs(std::slice::from_ref(name)).map(|found| found[0]);
        let designs = select::both(design(&self.old), design(&self.new));
        let programs = select::both(designs, select::scenarios(&names));
        let (((old, new), scenarios), config) = select::both(programs, self.search.config(usize::MAX, String::new))?;
        let some = matches!(config.engine, EngineKind::Random | EngineKind::Pct | EngineKind::Threads);
        ensure!(!some, "a comparison needs every execution, and --engine random, pct and threads try some");
        let of_both = compare::scenarios([old, new], &scenarios);
        if of_both.is_empty() {
            bail!(
                "nothing to compare: one of the designs knows of no file system that asks a server, as these scenarios have it"
            );
        }
        Ok(([old, new], of_both, config))
    }
}

/// Compares and prints.
pub fn run(arguments: &Arguments, as_json: bool) -> Result<Status> {
    let (designs, scenarios, config) = arguments.select()?;
    let cells = cells::cells(&designs, &scenarios);
    select::can_set_up(&cells)?;
    if let Some(cell) = cells.first() {
        search::check_form(&config, &*cell.subject(), cell.scenario.name)?;
    }
    if let Some(directory) = &arguments.save {
        std::fs::create_dir_all(directory).with_context(|| format!("making the directory {}", directory.display()))?;
    }
    // A cell for each side, also where a design is held against itself.
    let of = |design: Entry| scenarios.iter().map(move |it| Cell { design, scenario: Arc::clone(it) });
    let cells: Vec<Cell> = of(designs[0]).chain(of(designs[1])).collect();
    let progress = Progress::start(cells.iter().map(place).collect())?;
    let sides = cells::for_each(&cells, (workers() / config.jobs).max(1), |at, cell| {
        let verdict = compare::side(cell.design, &cell.scenario, &progress.watched(at, &config))?;
        progress.done(at, &verdict);
        Ok(verdict)
    });
    let mut old: Vec<Verdict> = sides.into_iter().collect::<Result<_, lockwright::explore::Error>>()?;
    let new = old.split_off(scenarios.len());
    let pairs = scenarios.iter().zip(old.into_iter().zip(new));
    let all: Vec<Compared> =
        pairs.map(|(scenario, (old, new))| Compared::new(designs, scenario, [old, new], ROWS)).collect();
    let seconds = progress.finish().as_secs_f64();
    let one_by_one = arguments.short.is_some() || !arguments.scenarios.is_empty();
    let shown = match one_by_one || as_json || arguments.save.is_some() {
        true => all.iter().map(|it| show(it, arguments.save.as_deref())).collect::<Result<Vec<_>>>()?,
        false => Vec::new(),
    };
    let text = match as_json {
        true => to_json(&all, &shown, &config, seconds),
        false if one_by_one => pages(&all, &shown) + &time_line(seconds, workers()),
        false => shows::overview(&all) + &time_line(seconds, workers()),
    };
    print(&text)?;
    let unexplained = all.iter().any(|compared| compared.unexplained().next().is_some());
    Ok(Status::of(unexplained, compare::relation(&all).is_none()))
}

fn place(cell: &Cell) -> String {
    format!("{} on {}", cell.scenario.name, cell.design.full_name())
}

/// Runs what every difference of a scenario happens in once more, and saves the schedules if there is a directory for them.
fn show<'a>(compared: &'a Compared, save: Option<&Path>) -> Result<Vec<Shown<'a>>> {
    let names = compared.scenario.names();
    let show_one = |(at, (difference, why)): (usize, &'a (Difference, _))| {
        let design = compared.designs[Compared::side_of(difference)];
        let subject = observed(design, &compared.scenario);
        let schedule = difference.schedule.as_ref();
        let replay = schedule.map(|schedule| replay(&*subject, &names, &Guide::Exact(schedule))).transpose()?;
        let saved = match (save, &replay) {
            (Some(directory), Some(replay)) => {
                let (design, scenario) = (design.full_name(), &compared.scenario);
                Some(write(difference, at + 1, design, scenario, replay, directory)?)
            }
            _ => None,
        };
        Ok(Shown { difference, why: *why, replay, saved })
    };
    compared.differences.iter().enumerate().map(show_one).collect()
}

/// Writes the schedule of a difference into the directory; returns where.
fn write(
    difference: &Difference,
    number: usize,
    design: String,
    scenario: &Scenario,
    replay: &Replay,
    directory: &Path,
) -> Result<String> {
    let finding = match &difference.what {
        What::Finding(finding) => SavedFinding { code: finding.code, subject: finding.subject.to_string() },
        _ => SavedFinding { code: difference.code, subject: number.to_string() },
    };
    let memory = difference.schedule.as_ref().map_or_else(Default::default, |schedule| schedule.memory);
    save::write_steps(design, scenario, memory, finding, replay, directory)
}

/// Every difference of every scenario on a page.
fn pages(all: &[Compared], shown: &[Vec<Shown<'_>>]) -> String {
    let mut text = String::new();
    for (compared, shown) in all.iter().zip(shown) {
        let names = compared.scenario.names();
        for shown in shown {
            let side = Compared::side_of(shown.difference);
            let [design, other] = [side, 1 - side].map(|at| compared.designs[at].full_name());
            let place = format!("design {design}, scenario {}", compared.scenario.name);
            text.push_str(&shows::page(shown, &place, &other, &names));
            text.push_str(&shows::reason(shown.why));
            text.extend(shown.saved.iter().map(|file| format!("replay: lockwright replay {file}\n")));
            text.push_str(&shows::never(&other, &compared.sides[1 - side]));
            text.push('\n');
        }
        text.push_str(&shows::scenario_line(compared));
    }
    text + "\n" + &shows::verdict(all)
}

fn to_json(all: &[Compared], shown: &[Vec<Shown<'_>>], config: &Config, seconds: f64) -> String {
    let scenarios = all.iter().zip(shown).map(|(compared, shown)| {
        let differences = shown.iter().map(DifferenceReport::new).collect();
        ComparedReport::new(compared, differences)
    });
    json::text("compare", Comparison::new(all, config, seconds, scenarios.collect()))
}
