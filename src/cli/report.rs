//! `report`: the HTML page. All that it shows is explored first; the file is written last, as a whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use lockwright::explore::graph::{self, NoReturn};
use lockwright::explore::schedule::{Guide, Replay, replay};
use lockwright::explore::{Config, Verdict};
use lockwright::lease::designs::Entry;
use lockwright::report::compare::{self as shows, Example};
use lockwright::report::html::{self, CellShown, Input, Mapped, Shown};
use lockwright::report::svg::progress::STATES_MAX;
use lockwright::report::{count, matrix};
use lockwright::scenario::{Scenario, observed};
use lockwright::study::cells::{self, Cell};
use lockwright::study::compare::table::ROWS;
use lockwright::study::compare::{self, Compared};

use super::progress::{self, Progress};
use super::{Status, memory, print, save, select, workers, write};

/// What the page is about.
#[derive(clap::Args)]
pub struct Arguments {
    /// The file to write: one HTML page that needs nothing beside it.
    #[arg(short, long, value_name = "FILE.html")]
    output: PathBuf,
    /// A design, old before new: the page says what changes from the first to the last. All designs if none is given, and what
    /// changes from bkl to spinlock. May be repeated.
    #[arg(long = "design", value_name = "DESIGN")]
    designs: Vec<String>,
    /// A scenario, or a file with one (docs/scenarios.md); all of the catalogue if none is given. May be repeated.
    #[arg(long = "scenario", value_name = "SCENARIO")]
    scenarios: Vec<String>,
}

impl Arguments {
    /// Looks all names up, before anything is done.
    fn select(&self) -> Result<(Vec<Entry>, Vec<Arc<Scenario>>)> {
        let programs = select::both(select::designs(&self.designs), select::scenarios(&self.scenarios));
        select::both(programs, write::check(&self.output)).map(|(programs, ())| programs)
    }

    /// How a scenario is named on the command line.
    fn argument(&self, at: usize, scenario: &Scenario) -> String {
        let mut given: Vec<&String> = Vec::new();
        self.scenarios.iter().for_each(|name| {
            if !given.contains(&name) {
                given.push(name)
            }
        });
        given.get(at).map_or_else(|| scenario.name.to_owned(), |name| (*name).clone())
    }

    /// The command that writes the page again.
    fn command(&self) -> String {
        let options =
            |option: &str, names: &[String]| names.iter().map(|name| format!(" {option} {name}")).collect::<String>();
        let file = self.output.file_name().map_or_else(|| "report.html".into(), |name| name.to_string_lossy());
        let (designs, scenarios) = (options("--design", &self.designs), options("--scenario", &self.scenarios));
        format!("lockwright report -o {file}{designs}{scenarios}")
    }
}

/// Explores, and writes the page.
pub fn run(arguments: &Arguments, as_json: bool) -> Result<Status> {
    ensure!(!as_json, "--json is for commands that print: check --json and compare --json have what the report shows");
    let (designs, scenarios) = arguments.select()?;
    let cells = select::cells(&designs, &scenarios)?;
    let pair = pair(&designs);
    let of_both = match pair[0].full_name() == pair[1].full_name() {
        true => Vec::new(),
        false => compare::scenarios(pair, &scenarios),
    };
    let default = Config::default();
    let config = Config { bytes_max: memory::bytes_max(default.bytes_max, workers()), ..default };
    // First the cells of the page, then each side of the comparison.
    let sides = pair.iter().flat_map(|&design| of_both.iter().map(move |it| Cell { design, scenario: Arc::clone(it) }));
    let sides: Vec<Cell> = sides.collect();
    let progress = Progress::start([progress::titles(&cells), progress::titles(&sides)].concat())?;
    let verdicts = explored(&cells, &progress, &config)?;
    let old_and_new = cells::for_each(&sides, workers(), |at, cell| {
        let verdict = compare::side(cell.design, &cell.scenario, &progress.watched(cells.len() + at, &config))?;
        progress.done(cells.len() + at, &verdict);
        Ok(verdict)
    });
    let mut old: Vec<Verdict> = old_and_new.into_iter().collect::<Result<_, lockwright::explore::Error>>()?;
    let new = old.split_off(of_both.len());
    let compared: Vec<Compared> = of_both
        .iter()
        .zip(old.into_iter().zip(new))
        .map(|(scenario, (old, new))| Compared::new(pair, scenario, [old, new], ROWS))
        .collect();
    let shown = shown(arguments, &cells, &verdicts, &scenarios)?;
    let examples = examples(&compared)?;
    _ = progress.finish();
    let maps = maps(pair, &shown);
    let command = arguments.command();
    let (compared, examples) = (&compared[..], &examples[..]);
    let input = Input { designs: &designs, pair, cells: &shown, compared, examples, maps: &maps, command: &command };
    let page = html::page(&input);
    write::whole(&arguments.output, &page)?;
    print(&said(&arguments.output, &page, &shown))?;
    let is_known = matrix::differences(&cells, &verdicts).is_empty();
    let is_explained = compared.iter().all(|it| it.unexplained().next().is_none());
    Ok(Status::of(!is_known || !is_explained, verdicts.iter().any(|verdict| !verdict.complete())))
}

fn said(path: &Path, page: &str, shown: &[CellShown<'_>]) -> String {
    let findings: usize = shown.iter().map(|it| it.shown.len()).sum();
    let (cells, findings) = (count(shown.len() as u64, "cell"), count(findings as u64, "finding"));
    format!("{}: {cells}, {findings}, {} kB\n", path.display(), page.len().div_ceil(1000))
}

/// What the page is about: the old design and the new.
fn pair(designs: &[Entry]) -> [Entry; 2] {
    let named = |name: &str| designs.iter().find(|design| design.full_name() == name).copied();
    match matrix::SIDE_BY_SIDE.map(named) {
        [Some(old), Some(new)] => [old, new],
        _ => [designs[0], designs[designs.len() - 1]],
    }
}

fn explored(cells: &[Cell], progress: &Progress, config: &Config) -> Result<Vec<Verdict>> {
    let verdicts = cells::for_each(cells, workers(), |at, cell| {
        let verdict = cells::explore_with_witnesses(cell, &progress.watched(at, config))
            .with_context(|| format!("{} on {}", cell.scenario.name, cell.design.full_name()))?;
        progress.done(at, &verdict);
        Ok(verdict)
    });
    verdicts.into_iter().collect()
}

/// Every finding once more, with its trace and where it became certain.
fn shown<'a>(
    arguments: &Arguments,
    cells: &'a [Cell],
    verdicts: &'a [Verdict],
    scenarios: &[Arc<Scenario>],
) -> Result<Vec<CellShown<'a>>> {
    let shown = cells::for_each(cells, workers(), |at, cell| {
        let names = cell.scenario.names();
        let shown = verdicts[at].findings.iter().map(|found| {
            let save::Shown { replay, no_return, .. } = save::show(cell, found, &names, &[], None)?;
            Ok((replay, no_return))
        });
        shown.collect::<Result<Vec<_>>>()
    });
    let shown = cells.iter().zip(verdicts).zip(shown).map(|((cell, verdict), shown)| {
        let with = |(found, (replay, no_return))| Shown { found, replay, no_return };
        let shown = verdict.findings.iter().zip(shown?).map(with).collect();
        let number = scenarios.iter().position(|it| it.name == cell.scenario.name).unwrap_or(usize::MAX);
        Ok(CellShown { cell, argument: arguments.argument(number, &cell.scenario), verdict, shown })
    });
    shown.collect()
}

/// What is shown of each reason why the designs differ, run once more.
fn examples(all: &[Compared]) -> Result<Vec<(Example, Option<Replay>)>> {
    let run = |(at, number): Example| {
        let (compared, difference) = (&all[at], &all[at].differences[number].0);
        let program = observed(compared.designs[Compared::side_of(difference)], &compared.scenario);
        let names = compared.scenario.names();
        let schedule = difference.schedule.as_ref();
        let replay = schedule.map(|schedule| replay(&*program, &names, &Guide::Exact(schedule))).transpose()?;
        Ok(((at, number), replay))
    };
    shows::examples(all).into_iter().map(run).collect()
}

/// The states of the scenario that is easiest to read, on the old design and on the new.
fn maps(pair: [Entry; 2], shown: &[CellShown<'_>]) -> Vec<Mapped> {
    let of = |design: Entry| {
        let name = design.full_name();
        shown.iter().enumerate().filter(move |(_, it)| it.cell.design.full_name() == name)
    };
    let lost = |it: &CellShown<'_>| it.shown.iter().position(|it| matches!(it.no_return, Some(NoReturn::At { .. })));
    let is_small = |it: &CellShown<'_>| it.cell.scenario.tasks.len() == 2 && it.verdict.states < STATES_MAX;
    let fit = of(pair[0]).filter(|(_, it)| is_small(it) && lost(it).is_some());
    // The catalogue goes from what is simple to what is special: of equals the first.
    let Some((at, old)) = fit.min_by_key(|(_, it)| it.shown.len()) else { return Vec::new() };
    let finding = lost(old);
    let code = finding.map(|finding| old.shown[finding].found.finding.code);
    let drawn = |cell: usize, it: &CellShown<'_>, finding| {
        let graph = graph::whole(&*it.cell.subject(), code?, lockwright::engine::Memory::Sc, STATES_MAX).ok()?;
        Some(Mapped { cell, graph, finding })
    };
    let mut maps: Vec<Mapped> = drawn(at, old, finding).into_iter().collect();
    if pair[0].full_name() != pair[1].full_name() {
        let new = of(pair[1]).find(|(_, it)| it.cell.scenario.name == old.cell.scenario.name);
        maps.extend(new.and_then(|(at, it)| drawn(at, it, None)));
    }
    maps
}
