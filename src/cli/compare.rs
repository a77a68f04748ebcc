//! `compare`: what can happen in one of two designs alone, and why.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use lockwright::explore::compare::{Difference, What, pairs};
use lockwright::explore::saved::SavedFinding;
use lockwright::explore::schedule::{Guide, Replay, replay};
use lockwright::explore::{Config, EngineKind, Verdict};
use lockwright::lease::designs::Entry;
use lockwright::report::columns::wrap;
use lockwright::report::compare::{self as shows, Shown};
use lockwright::report::json::{self, ComparedReport, Comparison, DifferenceReport};
use lockwright::scenario::{Scenario, observed};
use lockwright::study::cells::{self, Cell};
use lockwright::study::compare::table::ROWS;
use lockwright::study::compare::{self, Compared};

use super::progress::Progress;
use super::{Status, beside, page_columns, print, save, search, select, throughput, time_line, workers};

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
    /// Show the two designs side by side: their functions, the outline of each call as executed, and what it costs under each lock.
    #[arg(long, conflicts_with_all = ["scenarios", "short", "save", "throughput"], help_heading = "Other ways to compare")]
    side_by_side: bool,
    /// With --side-by-side: one call alone, and no functions.
    #[arg(long, value_name = "CALL", requires = "side_by_side", help_heading = "Other ways to compare")]
    call: Option<String>,
    /// Measure both designs on real threads: calls a second, on one file and on many.
    #[arg(long, conflicts_with_all = ["scenarios", "short", "save"], help_heading = "Other ways to compare")]
    throughput: bool,
    #[command(flatten)]
    measured: throughput::Arguments,
    /// Lay pages out for a terminal of N columns, 40 to 118.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(40..=118))]
    columns: Option<u16>,
    #[command(flatten)]
    search: search::Arguments,
}

impl Arguments {
    fn designs(&self) -> Result<[Entry; 2]> {
        let design = |name: &String| select::designs(std::slice::from_ref(name)).map(|found| found[0]);
        select::both(design(&self.old), design(&self.new)).map(|(old, new)| [old, new])
    }

    /// Looks all names up, before anything is done.
    fn select(&self) -> Result<([Entry; 2], Vec<Arc<Scenario>>, Config)> {
        let names: Vec<String> = self.short.iter().chain(&self.scenarios).cloned().collect();
        let programs = select::both(self.designs(), select::scenarios(&names));
        let (([old, new], scenarios), config) = select::both(programs, self.search.config(usize::MAX, String::new))?;
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
    if arguments.side_by_side || arguments.throughput {
        let option = if arguments.side_by_side { "--side-by-side" } else { "--throughput" };
        let explores = arguments.search.given();
        ensure!(explores.is_none(), "{} is for an exploration, and {option} makes none", explores.unwrap_or_default());
        let designs = arguments.designs()?;
        return match arguments.side_by_side {
            true => beside::run(designs, arguments.call.as_deref(), page_columns(arguments.columns), as_json),
            false => throughput::run(designs, &arguments.measured, as_json),
        };
    }
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
    let columns = page_columns(arguments.columns);
    let text = match as_json {
        true => to_json(&all, &shown, &config, seconds),
        false if one_by_one => pages(&all, &shown, columns) + &time_line(seconds, workers()),
        false => shows::overview_in(&all, columns) + &time_line(seconds, workers()),
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

/// Which differences of a scenario are one change, seen from both sides.
fn paired(shown: &[Shown<'_>]) -> Vec<Option<usize>> {
    pairs(&shown.iter().map(|shown| shown.difference).collect::<Vec<_>>())
}

/// Every difference of every scenario on a page. What is one change seen from both sides stands together.
fn pages(all: &[Compared], shown: &[Vec<Shown<'_>>], columns: usize) -> String {
    let mut text = String::new();
    for (compared, shown) in all.iter().zip(shown) {
        let pairs = paired(shown);
        // The old design's side of a change comes after the new design's.
        let first = (0..shown.len()).filter(|at| pairs[*at].is_none_or(|other| *at < other));
        for at in first {
            text.push_str(&difference(compared, &shown[at], columns));
            if let Some(other) = pairs[at] {
                let [old, new] = compared.designs.map(|design| design.full_name());
                text.push_str(&format!("the same change, as {old} has it: what {new} does not do any more\n\n"));
                text.push_str(&difference(compared, &shown[other], columns));
            }
        }
        text.push_str(&fitted(&shows::scenario_line(compared), columns));
    }
    text + "\n" + &fitted(&shows::verdict(all), columns)
}

fn difference(compared: &Compared, shown: &Shown<'_>, columns: usize) -> String {
    let names = compared.scenario.names();
    let side = Compared::side_of(shown.difference);
    let [design, other] = [side, 1 - side].map(|at| compared.designs[at].full_name());
    let place = format!("design {design}, scenario {}", compared.scenario.name);
    let mut text = shows::page_in(shown, &place, &other, &names, columns);
    text.push_str(&shows::reason(shown.why, columns));
    text.extend(shown.saved.iter().map(|file| format!("replay: lockwright replay {file}\n")));
    text.push_str(&fitted(&shows::never(&other, &compared.sides[1 - side]), columns));
    text.push('\n');
    text
}

/// Lines as they are; broken where the page is narrower.
fn fitted(lines: &str, columns: usize) -> String {
    if columns >= lockwright::report::columns::PAGE_COLUMNS {
        return lines.to_owned();
    }
    lines.lines().flat_map(|line| wrap(line, columns)).map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn to_json(all: &[Compared], shown: &[Vec<Shown<'_>>], config: &Config, seconds: f64) -> String {
    let scenarios = all.iter().zip(shown).map(|(compared, shown)| {
        let differences = shown.iter().zip(paired(shown)).map(|(shown, pair)| DifferenceReport::new(shown, pair));
        let differences = differences.collect();
        ComparedReport::new(compared, differences)
    });
    json::text("compare", Comparison::new(all, config, seconds, scenarios.collect()))
}
