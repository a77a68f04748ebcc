//! `check`: explores, and shows findings as counterexamples.
//!
//! Of named scenarios every finding is shown, with a line for each scenario. Of the whole catalogue each kind of finding is shown
//! once ([`kinds`]), unless `--each` asks for all.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use lockwright::event::names::Names;
use lockwright::explore::{Config, Error, Verdict};
use lockwright::outline::notation::Notation;
use lockwright::predict::graded;
use lockwright::report::counterexample::{self, Counterexample};
use lockwright::report::json::{CellReport, Explored, FindingReport};
use lockwright::report::{self, columns};
use lockwright::study::all::Size;
use lockwright::study::cells::{self, Cell};
use lockwright::study::slice::Slice;
use lockwright::study::{expect, shrink};

use super::partition::{self, Cut};
use super::progress::{self, Progress};
use super::save::Shown;
use super::{Status, all, kinds, outlines, page_columns, print, save, search, select, time_line, workers};

/// What to explore, and how.
#[derive(clap::Args)]
pub struct Arguments {
    /// A design, and a scenario: `check bkl leaser-reader` is short for --design bkl --scenario leaser-reader. Or files with outlines,
    /// diagrams or lockdep boxes, a whole mail for example (docs/outlines.md); `-` is standard input.
    #[arg(value_name = "DESIGN [SCENARIO] | FILE...", hide_possible_values = true)]
    short: Vec<String>,
    /// Of files: what if this lock were of that kind? May be repeated; LOCK=all is a table of all kinds.
    #[arg(long = "convert", value_name = "LOCK=KIND")]
    conversions: Vec<String>,
    /// Of files: more facts about functions and locks, a `fn` or `lock` line each. May be repeated.
    #[arg(long = "catalogue", value_name = "FILE")]
    catalogues: Vec<String>,
    /// Print each finding as an outline, a diagram or a lockdep box, ready for a mail.
    #[arg(long = "as", value_name = "NOTATION", value_parser = ["outline", "diagram", "splat"])]
    notation: Option<String>,
    /// Of files: write the findings into this file as SARIF, which code hosts show at the lines of an outline.
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// A design, or a mutant such as spinlock:no-recheck; all designs if none is given. May be repeated.
    #[arg(long = "design", value_name = "DESIGN", help_heading = "What to explore")]
    designs: Vec<String>,
    /// A scenario, or a file with one (docs/scenarios.md); all of the catalogue if none is given. May be repeated.
    #[arg(long = "scenario", value_name = "SCENARIO", help_heading = "What to explore")]
    scenarios: Vec<String>,
    /// Instead of scenarios by name: every one with that number of tasks and calls, as TASKSxCALLS. Sizes are 2x1, 3x1 and 2x2, and
    /// each contains the ones before it. A kind of finding is shown once, in the smallest scenario that has it.
    #[arg(long, value_name = "SIZE", conflicts_with_all = ["scenarios", "shrink", "checkpoint"], help_heading = "What to explore")]
    all: Option<Size>,
    /// Without a scenario: show every finding of every scenario, not each kind of finding once.
    #[arg(long, conflicts_with = "all", help_heading = "What to show")]
    each: bool,
    /// Write the schedule of each finding that is shown into this directory.
    #[arg(long, value_name = "DIR", help_heading = "What to show")]
    save: Option<PathBuf>,
    /// Show each finding in the smallest scenario that still has it: fewest tasks, then fewest calls. Its scenario is
    /// saved with its schedule.
    #[arg(long, requires = "save", help_heading = "What to show")]
    shrink: bool,
    /// Lay pages out for a terminal of N columns, 40 to 118.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(40..=118), help_heading = "What to show")]
    columns: Option<u16>,
    /// Only one of N slices of the explorations, slice:I/N, as a part of the report for `lockwright merge` (docs/scale.md).
    #[arg(long, value_name = "slice:I/N", conflicts_with = "checkpoint", help_heading = "What to explore")]
    partition: Option<Slice>,
    #[command(flatten)]
    search: search::Arguments,
}

impl Arguments {
    fn designs(&self) -> Vec<String> {
        self.short.first().into_iter().chain(&self.designs).cloned().collect()
    }

    fn scenarios(&self) -> Vec<String> {
        self.short.get(1).into_iter().chain(&self.scenarios).cloned().collect()
    }

    fn notation(&self) -> Option<Notation> {
        let asked = self.notation.as_deref()?;
        Notation::ALL.iter().find(|(name, _)| *name == asked).map(|(_, notation)| *notation)
    }

    /// Is nothing asked for but the command?
    fn is_bare(&self) -> bool {
        self.short.is_empty() && self.of_scenarios().is_none()
    }

    /// An option that says nothing about files, if one is given.
    fn of_scenarios(&self) -> Option<&'static str> {
        let given = [
            ("--design", !self.designs.is_empty()),
            ("--scenario", !self.scenarios.is_empty()),
            ("--all", self.all.is_some()),
            ("--each", self.each),
            ("--save", self.save.is_some()),
            ("--shrink", self.shrink),
            ("--columns", self.columns.is_some()),
            ("--partition", self.partition.is_some()),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(option, _)| option).or_else(|| self.search.given())
    }

    /// Looks all names up, before anything is done.
    fn select(&self) -> Result<(Vec<Cell>, Config)> {
        let programs = select::both(select::designs(&self.designs()), select::scenarios(&self.scenarios()));
        let cells = programs.and_then(|(designs, scenarios)| select::cells(&designs, &scenarios));
        // If a name is unknown, what is wrong with the other flags is said as well.
        let (count, about) = match cells.as_deref() {
            Ok([cell]) => (1, about(cell)),
            Ok(cells) => (cells.len(), String::new()),
            Err(_) => (1, String::new()),
        };
        select::both(cells, self.search.config(count, || about))
    }
}

/// What a checkpoint is of.
fn about(cell: &Cell) -> String {
    format!("{} {} (lockwright {})", cell.design.full_name(), cell.scenario.name, env!("CARGO_PKG_VERSION"))
}

fn place(cell: &Cell) -> String {
    format!("{} on {}", cell.scenario.name, cell.design.full_name())
}

/// Explores and prints.
pub fn run(arguments: &Arguments, as_json: bool) -> Result<Status> {
    ensure!(
        !as_json || arguments.notation.is_none(),
        "--as prints text for a mail, and --json a value for programs: leave one of them out"
    );
    if arguments.short.first().is_some_and(|first| outlines::is_file(first)) {
        if let Some(option) = arguments.of_scenarios() {
            bail!("{option} is for scenarios, not for files: every order of a file's tasks is explored, under SC");
        }
        let wanted = outlines::Arguments {
            files: &arguments.short,
            conversions: &arguments.conversions,
            catalogues: &arguments.catalogues,
            notation: arguments.notation(),
            sarif: arguments.sarif.as_deref(),
        };
        return outlines::run(&wanted, as_json);
    }
    let is_of_files =
        !arguments.conversions.is_empty() || !arguments.catalogues.is_empty() || arguments.sarif.is_some();
    ensure!(
        !is_of_files,
        "--convert, --catalogue and --sarif are for files: lockwright check FILE --convert LOCK=KIND; `-` is standard input"
    );
    if arguments.is_bare() && outlines::has_piped_input() {
        eprintln!("standard input is not read: `lockwright check -` checks what is piped in. This checks all designs.");
    }
    partition::check(arguments.partition, as_json)?;
    ensure!(arguments.short.len() <= 2, "a design and a scenario are two names: '{}' is one more", arguments.short[2]);
    if let Some(size) = arguments.all {
        ensure!(arguments.short.len() < 2, "--all explores its own scenarios: leave '{}' out", arguments.short[1]);
        let designs = select::designs(&arguments.designs());
        let (designs, config) = select::both(designs, arguments.search.config(usize::MAX, String::new))?;
        make_directory(arguments.save.as_deref())?;
        let (slice, save) = (arguments.partition, arguments.save.as_deref());
        return all::run(&all::Wanted { designs, size, slice, config, save }, as_json);
    }
    let (mut cells, config) = arguments.select()?;
    for cell in &cells {
        search::check_form(&config, &*cell.subject(), &place(cell))?;
    }
    let options = format!("shrink {}", arguments.shrink);
    let cut = partition::cut(arguments.partition, &mut cells, &config, &options)?;
    make_directory(arguments.save.as_deref())?;
    let columns = page_columns(arguments.columns);
    let is_whole = !arguments.each && !arguments.shrink && arguments.notation.is_none();
    if arguments.scenarios().is_empty() && is_whole && !as_json {
        let wanted = kinds::Wanted { cells: &cells, config: &config, save: arguments.save.as_deref(), columns };
        return kinds::run(&wanted);
    }
    explore_each(arguments, (cells, cut), &config, columns, as_json)
}

/// Explores, and shows every finding.
fn explore_each(
    arguments: &Arguments,
    (cells, cut): (Vec<Cell>, Option<Cut>),
    config: &Config,
    columns: usize,
    as_json: bool,
) -> Result<Status> {
    let progress = Progress::start(progress::titles(&cells))?;
    let verdicts = cells::for_each(&cells, (workers() / config.jobs).max(1), |at, cell| {
        let watched = progress.watched(at, config);
        let verdict = cells::explore_with_witnesses(cell, &watched)?;
        progress.done(at, &verdict);
        if arguments.shrink {
            shrink::apart(cell.clone(), verdict, &watched)
        } else {
            Ok(vec![(cell.clone(), verdict)])
        }
    });
    let explored = verdicts.into_iter().zip(&cells).map(|(explored, cell)| explored.map_err(|error| told(error, cell)));
    let explored = explored.collect::<Result<Vec<_>>>()?;
    let lengths = explored.iter().map(Vec::len);
    let at = cut.iter().flat_map(|cut| cut.at.iter().zip(lengths.clone()));
    let at: Vec<usize> = at.flat_map(|(at, cells)| std::iter::repeat_n(*at, cells)).collect();
    let (cells, verdicts): (Vec<Cell>, Vec<Verdict>) = explored.into_iter().flatten().unzip();
    let seconds = progress.finish().as_secs_f64();
    let names: Vec<Names> = cells.iter().map(|cell| cell.scenario.names()).collect();
    let mut shown = Vec::new();
    for ((cell, verdict), names) in cells.iter().zip(&verdicts).zip(&names) {
        let sure = graded(&cell.subject(), names, config, verdict);
        let save = arguments.save.as_deref();
        let shown_of = verdict.findings.iter().map(|found| save::show(cell, found, names, &sure, save));
        shown.push(shown_of.collect::<Result<Vec<_>>>()?);
    }
    let designs = cells.iter().map(|cell| cell.design.full_name()).collect();
    if let Some(notation) = arguments.notation() {
        print(&notations(&shown, &names, notation))?;
        let incomplete = verdicts.iter().any(|verdict| !verdict.complete());
        return Ok(Status::of(verdicts.iter().any(|verdict| !verdict.findings.is_empty()), incomplete));
    }
    let jobs = config.jobs;
    let work = Work { cells: &cells, designs, verdicts: &verdicts, names: &names, shown: &shown, jobs, columns };
    let text = match as_json {
        true => partition::text(cut.as_ref(), "check", at, Vec::new(), work.json(config, seconds)),
        false => work.text() + &time_line(seconds, workers()),
    };
    print(&text)?;
    let findings = verdicts.iter().any(|verdict| !verdict.findings.is_empty());
    Ok(Status::of(findings, verdicts.iter().any(|verdict| !verdict.complete())))
}

/// Each finding that a replay shows, ready for a mail.
fn notations(shown: &[Vec<Shown<'_>>], names: &[Names], notation: Notation) -> String {
    let of = |(shown, names): (&Vec<Shown<'_>>, &Names)| -> Vec<String> {
        let replayed = shown.iter().filter_map(|it| it.replay.as_ref().map(|replay| (it.found, replay)));
        replayed.map(|(found, replay)| super::notation::text(found, replay, names, notation)).collect()
    };
    shown.iter().zip(names).flat_map(of).collect::<Vec<_>>().join("\n")
}

/// What is wrong with a program is said with its name.
fn told(error: Error, cell: &Cell) -> anyhow::Error {
    let hidden = matches!(error, Error::HiddenState(_));
    let error = anyhow::Error::new(error);
    if hidden { error.context(place(cell)) } else { error }
}

fn make_directory(save: Option<&Path>) -> Result<()> {
    let Some(directory) = save else { return Ok(()) };
    std::fs::create_dir_all(directory).with_context(|| format!("making the directory {}", directory.display()))
}

/// All that was found out.
struct Work<'a> {
    cells: &'a [Cell],
    designs: Vec<String>,
    verdicts: &'a [Verdict],
    names: &'a [Names],
    shown: &'a [Vec<Shown<'a>>],
    jobs: usize,
    /// Width of a page.
    columns: usize,
}

impl Work<'_> {
    /// The findings of the cell, with what they need to be read.
    fn examples(&self, at: usize) -> impl Iterator<Item = Counterexample<'_>> {
        let (design, scenario) = (&self.designs[at], self.cells[at].scenario.name);
        self.shown[at].iter().map(move |shown| {
            let finding = &shown.found.finding;
            Counterexample {
                design,
                scenario,
                names: &self.names[at],
                found: shown.found,
                replay: shown.replay.as_ref(),
                no_return: shown.no_return.as_ref(),
                saved: shown.file.as_deref(),
                expected: expect::known(design, scenario, finding.code, &finding.subject),
                graded: shown.graded.as_ref(),
            }
        })
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (at, (cell, verdict)) in self.cells.iter().zip(self.verdicts).enumerate() {
            for example in self.examples(at) {
                text.push_str(&counterexample::page_in(&example, self.columns));
                text.push('\n');
            }
            let tasks = cell.scenario.tasks.len();
            let (design, scenario) = (&self.designs[at], cell.scenario.name);
            text.push_str(&self.fitted(counterexample::last_line(design, scenario, tasks, self.jobs, verdict)));
            text.push_str(&report::repeats_lines(verdict, &self.names[at]));
            if !verdict.findings.is_empty() && at + 1 < self.cells.len() {
                text.push('\n');
            }
        }
        text
    }

    /// A line as it is; broken where the page is narrow.
    fn fitted(&self, line: String) -> String {
        if self.columns >= columns::PAGE_COLUMNS {
            return line;
        }
        columns::wrap(line.trim_end(), self.columns).iter().map(|line| format!("{line}\n")).collect()
    }

    fn json(&self, config: &Config, seconds: f64) -> Explored<'_> {
        let cells = self.cells.iter().zip(self.verdicts).enumerate().map(|(at, (cell, verdict))| {
            let findings = self.examples(at).map(|example| FindingReport::with_schedule(&example)).collect();
            CellReport::new(cell, verdict, findings)
        });
        Explored::new(config.engine, config.memory, seconds, cells.collect())
    }
}
