//! The bare command: every scenario on the old design and the new, or with `--all` on every design, held against the table of
//! expectations.

use anyhow::Result;
use lockwright::engine::Memory;
use lockwright::explore::{Config, EngineKind, explore};
use lockwright::lease::designs;
use lockwright::report::json::{CellReport, Explored, FindingReport};
use lockwright::report::{matrix, overview};
use lockwright::scenario::catalogue;
use lockwright::study::slice::Slice;
use lockwright::study::{cells, expect};

use super::progress::{self, Progress};
use super::{Status, memory, partition, print, time_line, workers};

/// Explores the cells of the old design and the new, or of all, and prints the first screen, or the matrix.
pub fn run(all: bool, slice: Option<Slice>, as_json: bool) -> Result<Status> {
    partition::check(slice, as_json)?;
    let [before, after] = matrix::SIDE_BY_SIDE.map(|name| lockwright::study::design(name).expect("both designs exist"));
    let designs = if all { designs::DESIGNS } else { &[before, after] };
    let mut cells = cells::cells(designs, &catalogue::all());
    let default = Config::default();
    let config = Config { bytes_max: memory::bytes_max(default.bytes_max, workers()), ..default };
    let cut = partition::cut(slice, &mut cells, &config, "")?;
    let progress = Progress::start(progress::titles(&cells))?;
    let verdicts = cells::for_each(&cells, workers(), |at, cell| {
        let verdict = explore(&cell.subject(), &progress.watched(at, &config));
        progress.done(at, &verdict);
        verdict
    });
    let seconds = progress.finish().as_secs_f64();
    if as_json {
        let reports = cells.iter().zip(&verdicts).map(|(cell, verdict)| {
            let (design, names) = (cell.design.full_name(), cell.scenario.names());
            let findings = verdict.findings.iter().map(|found| {
                let finding = &found.finding;
                let known = expect::known(&design, cell.scenario.name, finding.code, &finding.subject);
                FindingReport::new(finding, &names, known.map(|known| known.bug))
            });
            CellReport::new(cell, verdict, findings.collect())
        });
        let report = Explored::new(EngineKind::Explorer, Memory::Sc, seconds, reports.collect());
        let at = cut.as_ref().map_or(Vec::new(), |cut| cut.at.clone());
        print(&partition::text(cut.as_ref(), "matrix", at, Vec::new(), report))?;
    } else if !all {
        print(&(overview::text(before, after, &cells, &verdicts) + &time_line(seconds, workers())))?;
    } else {
        print(&(matrix::text(&cells, &verdicts) + &time_line(seconds, workers())))?;
    }
    let differs = !matrix::differences(&cells, &verdicts).is_empty();
    Ok(Status::of(differs, verdicts.iter().any(|verdict| !verdict.complete())))
}
