//! `replay`: a saved schedule again, the whole of it.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use lockwright::explore::files::read_text;
use lockwright::explore::saved::Saved;
use lockwright::explore::schedule::{Guide, replay};
use lockwright::report::counterexample;
use lockwright::report::json::{self, Replayed};
use lockwright::scenario::subject;
use lockwright::study::cells::Cell;

use super::{Status, complain, print, select};

/// Runs the schedule in `file` and prints its trace.
pub fn run(file: &Path, as_json: bool) -> Result<Status> {
    let place = || file.display().to_string();
    let text = read_text(file).with_context(place)?;
    let saved = Saved::parse(&text).with_context(place)?;
    let design = select::designs(std::slice::from_ref(&saved.design)).with_context(place)?[0];
    let scenario = match &saved.program {
        Some(program) => select::program(&program.to_string()).with_context(place)?,
        None => select::scenarios(std::slice::from_ref(&saved.scenario)).with_context(place)?.remove(0),
    };
    if saved.program.is_some() {
        select::can_set_up(&[Cell { design, scenario: Arc::clone(&scenario) }]).with_context(place)?;
    }
    let names = scenario.names();
    let replay = replay(&*subject(design, &scenario), &names, &Guide::Saved(&saved.steps, saved.memory))
        .context("the code has changed since the schedule was saved")
        .with_context(place)?;
    let wanted = saved.finding.as_ref();
    let is_wanted = |code, subject: &str| wanted.is_some_and(|it| it.code == code && it.subject == subject);
    let marked = replay.findings.iter().find(|finding| is_wanted(finding.code, &finding.subject));
    if as_json {
        print(&json::text("replay", Replayed::new(&saved.design, &saved.scenario, &names, &replay)))?;
    } else {
        let marked = marked.or(replay.findings.first());
        print(&counterexample::trace(&saved.design, &saved.scenario, &names, &replay, marked))?;
    }
    if let (Some(wanted), None) = (wanted, marked) {
        complain(&format!("{}: {} {} does not show any more", place(), wanted.code, wanted.subject));
    }
    Ok(Status::of(!replay.findings.is_empty(), false))
}
