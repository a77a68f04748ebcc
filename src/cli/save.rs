//! `--save`: a finding, replayed, and its schedule as a file.

use std::path::Path;

use anyhow::{Context, Result};
use lockwright::engine::Memory;
use lockwright::event::names::Names;
use lockwright::explore::Found;
use lockwright::explore::graph::{self, NoReturn};
use lockwright::explore::saved::{self, Saved, SavedFinding};
use lockwright::explore::schedule::{Guide, Replay, replay};
use lockwright::lockdep::certainty::Graded;
use lockwright::predict::{Sure, grade_of};
use lockwright::scenario::{Scenario, catalogue, file};
use lockwright::study::cells::Cell;

/// Writes the schedule of a finding into the directory; returns where.
pub(super) fn write(cell: &Cell, found: &Found, replay: &Replay, directory: &Path) -> Result<String> {
    let finding = SavedFinding { code: found.finding.code, subject: found.finding.subject.to_string() };
    write_steps(cell.design.full_name(), &cell.scenario, found.schedule.memory, finding, replay, directory)
}

/// Writes what was replayed; returns where.
pub(super) fn write_steps(
    design: String,
    scenario: &Scenario,
    memory: Memory,
    finding: SavedFinding,
    replay: &Replay,
    directory: &Path,
) -> Result<String> {
    let saved = Saved {
        lockwright: saved::VERSION,
        design,
        scenario: scenario.name.to_owned(),
        memory,
        program: catalogue::find(scenario.name).is_none().then(|| file::to_json(scenario)),
        finding: Some(finding),
        steps: replay.steps.clone(),
    };
    let path = saved
        .write_into(directory)
        .with_context(|| format!("writing {}", directory.join(saved.file_name()).display()))?;
    Ok(path.display().to_string())
}

/// A finding, ready to be shown.
pub struct Shown<'a> {
    /// What was found.
    pub found: &'a Found,
    /// Its execution, if a sequentially consistent one shows it.
    pub replay: Option<Replay>,
    /// Where it was lost.
    pub no_return: Option<NoReturn>,
    /// Where its schedule was saved.
    pub file: Option<String>,
    /// How sure it is, if it is a rule about orders or contexts.
    pub graded: Option<Graded>,
}

/// Replays a finding of a cell, and saves its schedule if there is a directory for it. `sure` has the grades of its verdict.
pub fn show<'a>(cell: &Cell, found: &'a Found, names: &Names, sure: &[Sure], save: Option<&Path>) -> Result<Shown<'a>> {
    if found.weak_memory {
        return Ok(Shown { found, replay: None, no_return: None, file: None, graded: None });
    }
    let subject = cell.subject();
    let replay = replay(&*subject, names, &Guide::Exact(&found.schedule))?;
    let no_return = graph::no_return(&*subject, found.finding.code, &found.schedule, graph::STATES_MAX);
    let file = save.map(|directory| write(cell, found, &replay, directory)).transpose()?;
    let graded = grade_of(sure, found).cloned();
    Ok(Shown { found, replay: Some(replay), no_return, file, graded })
}
