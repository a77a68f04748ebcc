//! `--save`: a finding's schedule as a file.

use std::path::Path;

use anyhow::{Context, Result};
use lockwright::explore::Found;
use lockwright::explore::saved::{self, Saved, SavedFinding};
use lockwright::explore::schedule::Replay;
use lockwright::scenario::{catalogue, file};
use lockwright::study::cells::Cell;

/// Writes the schedule of a finding into the directory; returns where.
pub(super) fn write(cell: &Cell, found: &Found, replay: &Replay, directory: &Path) -> Result<String> {
    let finding = SavedFinding { code: found.finding.code, subject: found.finding.subject.to_string() };
    let saved = Saved {
        lockwright: saved::VERSION,
        design: cell.design.full_name(),
        scenario: cell.scenario.name.to_owned(),
        memory: found.schedule.memory,
        program: catalogue::find(cell.scenario.name).is_none().then(|| file::to_json(&cell.scenario)),
        finding: Some(finding),
        steps: replay.steps.clone(),
    };
    let path = saved
        .write_into(directory)
        .with_context(|| format!("writing {}", directory.join(saved.file_name()).display()))?;
    Ok(path.display().to_string())
}
