//! Names on the command line: each is looked up before anything is explored, and an unknown one is answered with
//! what exists and what is nearest.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Error, Result, anyhow, bail};
use lockwright::check::Code;
use lockwright::engine::Memory;
use lockwright::explore::EngineKind;
use lockwright::explore::files::read_text;
use lockwright::lease::designs::{self, Entry};
use lockwright::report::{columns, count};
use lockwright::scenario::{FsKind, Scenario, alone, catalogue, file};
use lockwright::study::cells::{self, Cell};

/// The engines with a sentence on each.
pub const ENGINES: &[(&str, EngineKind, &str)] = &[
    ("explorer", EngineKind::Explorer, "every state: a depth-first search that stops at known states (the default)"),
    ("brute", EngineKind::Brute, "every schedule: slow, the oracle for small scenarios"),
    ("dpor", EngineKind::Dpor, "one schedule of all that differ only in the order of independent steps (optimal)"),
    ("source-dpor", EngineKind::SourceDpor, "the same with source sets: less bookkeeping, a few executions in vain"),
    ("random", EngineKind::Random, "random walks: some schedules of a scenario too big to exhaust; never complete"),
    (
        "pct",
        EngineKind::Pct,
        "random priorities that change now and then: finds bugs of small depth with a known chance",
    ),
    (
        "explicit",
        EngineKind::Explicit,
        "every state of an interpreted program; designs are Rust code and have no such form",
    ),
    ("loom", EngineKind::Loom, "the loom crate: its own search, under its C11-like memory"),
    ("threads", EngineKind::Threads, "real OS threads that pause at random: a stress test, never complete"),
];

/// The designs of these names; all but the mutants if there are none.
pub fn designs(names: &[String]) -> Result<Vec<Entry>> {
    if names.is_empty() {
        return Ok(designs::DESIGNS.to_vec());
    }
    all(once(names).map(|name| lockwright::study::design(name).ok_or_else(|| unknown_design(name))))
}

/// The designs are listed; the mutants are too many, but one may have been meant.
fn unknown_design(name: &str) -> Error {
    if name.contains(',') {
        return anyhow!("unknown design '{name}'; give --design once for each design");
    }
    let designs: Vec<String> =
        designs::DESIGNS.iter().copied().chain([designs::FLOCKS_FIXED]).map(Entry::full_name).collect();
    let mutants: Vec<String> = lockwright::study::mutated().map(Entry::full_name).collect();
    let more = format!("  and {}: lockwright list mutants", count(mutants.len() as u64, "mutant"));
    let suggestion = suggestion(name, &[&designs[..], &mutants].concat());
    anyhow!("unknown design '{name}'{suggestion}\n{}\n{more}", known_lines(&designs))
}

/// The scenarios of these names; all if there are none.
pub fn scenarios(names: &[String]) -> Result<Vec<Arc<Scenario>>> {
    if names.is_empty() {
        return Ok(catalogue::all());
    }
    let known = || catalogue::all().iter().map(|scenario| scenario.name.to_owned()).collect();
    let find = |name: &String| match name.ends_with(".json") {
        true => scenario_file(Path::new(name)),
        false => catalogue::find(name).ok_or_else(|| unknown("scenario", name, known())),
    };
    let scenarios = all(once(names).map(find))?;
    for (at, scenario) in scenarios.iter().enumerate() {
        if scenarios[..at].iter().any(|other| other.name == scenario.name) {
            bail!("two scenarios are called '{}'", scenario.name);
        }
    }
    Ok(scenarios)
}

/// The scenario in a file, or all that is wrong with it.
fn scenario_file(path: &Path) -> Result<Arc<Scenario>> {
    let text = read_text(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    program(&text).with_context(|| format!("{}: nothing was run", path.display()))
}

/// The scenario in a text.
pub fn program(text: &str) -> Result<Arc<Scenario>> {
    file::parse(text).map(Arc::new).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(|problem| format!("\n  {problem}")).collect();
        anyhow!("{} wrong{}", lockwright::report::count(problems.len() as u64, "thing"), problems.concat())
    })
}

/// The cells of these designs and scenarios: one at least, and each with a set-up that works.
pub fn cells(designs: &[Entry], scenarios: &[Arc<Scenario>]) -> Result<Vec<Cell>> {
    let cells = cells::cells(designs, scenarios);
    if cells.is_empty() {
        bail!(
            "nothing to explore: these designs know of no file system that asks a server, as these scenarios have it"
        );
    }
    can_set_up(&cells)?;
    Ok(cells)
}

/// Does every design get through the set-up? Those of the catalogue are known to.
pub fn can_set_up(cells: &[Cell]) -> Result<()> {
    let from_files = cells.iter().filter(|cell| catalogue::find(cell.scenario.name).is_none());
    let problems: Vec<String> = from_files
        .filter_map(|cell| {
            let problem = file::setup_problem(cell.design, &cell.scenario)?;
            Some(format!("\n  scenario {}: {problem}", cell.scenario.name))
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { bail!("nothing was run: the set-up does not work{}", problems.concat()) }
}

/// The engine of this name.
pub fn engine(name: &str) -> Result<EngineKind> {
    let found = ENGINES.iter().find(|(known, ..)| *known == name);
    let known = || ENGINES.iter().map(|(name, ..)| (*name).to_owned()).collect();
    found.map(|(_, engine, _)| *engine).ok_or_else(|| unknown("engine", name, known()))
}

/// The memory model of this name.
pub fn memory(name: &str) -> Result<Memory> {
    match name {
        "sc" => Ok(Memory::Sc),
        "tso" => Ok(Memory::Tso),
        _ => Err(unknown("memory model", name, vec!["sc".to_owned(), "tso".to_owned()])),
    }
}

/// The call of this name; all if there is none.
pub fn calls(name: Option<&str>) -> Result<Vec<alone::Alone>> {
    let Some(name) = name else { return Ok(alone::calls()) };
    let known = || alone::calls().iter().map(|call| call.name.to_owned()).collect();
    alone::find(name).map(|call| vec![call]).ok_or_else(|| unknown("call", name, known()))
}

/// The kind of file systems of this name.
pub fn fs(name: &str) -> Result<FsKind> {
    let found = FsKind::ALL.iter().find(|(known, _)| *known == name);
    let known = || FsKind::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    found.map(|(_, fs)| *fs).ok_or_else(|| unknown("file system", name, known()))
}

/// Each name once, where it comes first.
fn once(names: &[String]) -> impl Iterator<Item = &String> {
    names.iter().enumerate().filter(|(at, name)| !names[..*at].contains(name)).map(|(_, name)| name)
}

/// All results, or all errors: of two mistyped names both are reported.
pub fn all<T>(results: impl Iterator<Item = Result<T>>) -> Result<Vec<T>> {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => found.push(value),
            Err(error) => errors.push(format!("{error:#}")),
        }
    }
    if errors.is_empty() { Ok(found) } else { bail!(errors.join("\n")) }
}

/// Both results, or the errors of both.
pub fn both<A, B>(first: Result<A>, second: Result<B>) -> Result<(A, B)> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(first), Err(second)) => bail!("{first:#}\n{second:#}"),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// The error for a name that is not there.
pub fn unknown(what: &str, name: &str, known: Vec<String>) -> Error {
    anyhow!("unknown {what} '{name}'{}\n{}", suggestion(name, &known), known_lines(&known))
}

/// The nearest name, if one is near.
fn suggestion(name: &str, known: &[String]) -> String {
    let rank = |known: &String| (!known.starts_with(name), distance(known, name));
    let near = 2.max(name.chars().count() / 3);
    let is_near = |known: &String| known.starts_with(name) || distance(known, name) <= near;
    let nearest = known.iter().min_by_key(|known| rank(known)).filter(|nearest| !name.is_empty() && is_near(nearest));
    nearest.map_or(String::new(), |nearest| format!("; did you mean '{nearest}'?"))
}

fn known_lines(known: &[String]) -> String {
    columns::wrap(&format!("  known: {}", known.join(" ")), columns::PAGE_COLUMNS).join("\n")
}

/// How many letters differ: insertions, deletions, substitutions.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, other) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

/// All codes with their titles, in order.
pub fn all_codes() -> Vec<(String, &'static str)> {
    Code::ALL.iter().map(|code| (code.to_string(), code.title())).collect()
}
