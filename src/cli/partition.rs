//! `--partition`: a run does one slice of the explorations and prints it as a part of the report; `merge` puts parts together.

use std::fmt::Write;
use std::hash::Hasher;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use lockwright::engine::fingerprint::Fingerprint;
use lockwright::explore::Config;
use lockwright::explore::files::read_text;
use lockwright::report::json;
use lockwright::report::json::part::{self, PART, Part, Rank};
use lockwright::scenario::file;
use lockwright::study::cells::Cell;
use lockwright::study::slice::Slice;
use serde::Serialize;

use super::{Status, print};

/// A slice that was cut out of all cells.
pub struct Cut {
    slice: Slice,
    build: String,
    input: String,
    /// Cells of the whole.
    explorations: usize,
    /// Which of them the slice has.
    pub at: Vec<usize>,
}

/// A part without a pipe to merge it from makes no sense.
pub fn check(slice: Option<Slice>, as_json: bool) -> Result<()> {
    ensure!(slice.is_none() || as_json, "--partition prints a part of a report, for lockwright merge: add --json");
    Ok(())
}

/// Leaves the cells of the slice, if one is asked for. `options` is what else the answer depends on.
pub fn cut(slice: Option<Slice>, cells: &mut Vec<Cell>, config: &Config, options: &str) -> Result<Option<Cut>> {
    let Some(slice) = slice else { return Ok(None) };
    let (build, input) = (build()?, input(cells, config, options));
    let explorations = cells.len();
    let at = slice.cut(cells);
    Ok(Some(Cut { slice, build, input, explorations, at }))
}

/// The report as text: whole, or as a part. `at` says of each cell which exploration it is of.
pub fn text<T: Serialize>(cut: Option<&Cut>, command: &str, at: Vec<usize>, ranks: Vec<Rank>, report: T) -> String {
    let Some(cut) = cut else { return json::text(command, report) };
    let part = Part {
        of: command.to_owned(),
        build: cut.build.clone(),
        input: cut.input.clone(),
        slice: cut.slice.number,
        slices: cut.slice.of,
        explorations: cut.explorations,
        at,
        ranks,
        report,
    };
    json::text(PART, part)
}

pub(super) fn hex(hasher: &Fingerprint) -> String {
    format!("{:032x}", hasher.finish_128())
}

/// Version and content of the program that runs: parts of two programs may disagree on anything.
pub(super) fn build() -> Result<String> {
    let program = std::env::current_exe().context("finding the program's own file, which names its build")?;
    let bytes = std::fs::read(&program).with_context(|| format!("reading {}", program.display()))?;
    let mut hasher = Fingerprint::default();
    hasher.write(&bytes);
    Ok(format!("{} {}", env!("CARGO_PKG_VERSION"), hex(&hasher)))
}

/// All that the answer depends on, the bound on memory apart: how much there is differs between machines, and a part that it
/// has cut short says so.
fn input(cells: &[Cell], config: &Config, options: &str) -> String {
    let Config { engine, memory, symmetry, preemptions_max, audit, executions_max, states_max, .. } = config;
    let Config { limits, too_long_max, seed, runs, depth, reduce, every_access, bitstate, .. } = config;
    let mut text = format!("{engine:?} {memory} {symmetry} {preemptions_max:?} {audit} {executions_max} {states_max} ");
    // Writing to a string does not fail.
    let limits = (limits.steps_max, limits.objects_max);
    _ = writeln!(
        text,
        "{limits:?} {too_long_max} {seed} {runs} {depth} {reduce} {every_access} {bitstate:?} {options}"
    );
    for cell in cells {
        _ = writeln!(text, "{} {}", cell.design.full_name(), file::to_json(&cell.scenario));
    }
    let mut hasher = Fingerprint::default();
    hasher.write(text.as_bytes());
    hex(&hasher)
}

/// Reads parts, and prints the whole.
pub fn merge(files: &[PathBuf]) -> Result<Status> {
    let read = |file: &PathBuf| -> Result<(String, String)> {
        let name = file.display().to_string();
        let text = read_text(file).with_context(|| format!("{name}: cannot be read"))?;
        Ok((name, text))
    };
    let merged = part::merge(&files.iter().map(read).collect::<Result<Vec<_>>>()?)?;
    print(&merged.text)?;
    Ok(Status::of(merged.findings, !merged.complete))
}
