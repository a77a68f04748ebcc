//! `replay`: a saved schedule again, the whole of it.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use lockwright::check::{Code, Finding};
use lockwright::engine::Ending;
use lockwright::explore::Config;
use lockwright::explore::files::read_text;
use lockwright::explore::graph::{self, NoReturn};
use lockwright::explore::saved::Saved;
use lockwright::explore::schedule::{Guide, replay};
use lockwright::explore::{Schedule, Subject};
use lockwright::predict::predict;
use lockwright::report::json::{self, NoReturnReport, Replayed};
use lockwright::report::{counterexample, svg};
use lockwright::scenario::{observed, subject};
use lockwright::study::cells::Cell;

use super::{Status, complain, print, select, write};

/// Runs the schedule in `file` and prints its trace; `picture` is where it is drawn, and `predicts` adds what the validator says of it.
pub fn run(file: &Path, picture: Option<&Path>, columns: usize, predicts: bool, as_json: bool) -> Result<Status> {
    ensure!(!(predicts && as_json), "--predict prints text: leave --json out");
    picture.map(write::check).transpose()?;
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
    let wanted = saved.finding.as_ref();
    let is_outcome = wanted.is_some_and(|it| matches!(it.code, Code::LW050 | Code::LW051));
    let program = if is_outcome { observed(design, &scenario) } else { subject(design, &scenario) };
    let guide = Guide::Saved(&saved.steps, saved.memory);
    let replay = replay(&*program, &names, &guide)
        .context("the code has changed since the schedule was saved")
        .with_context(place)?;
    let is_wanted = |code, subject: &str| wanted.is_some_and(|it| it.code == code && it.subject == subject);
    let marked = replay.findings.iter().find(|finding| is_wanted(finding.code, &finding.subject));
    let shown = marked.or(replay.findings.first());
    let schedule = Schedule { transitions: replay.transitions.clone(), memory: saved.memory };
    let no_return = shown.and_then(|finding| lost(&*program, finding, &schedule));
    let title = format!("design {}, scenario {}", saved.design, saved.scenario);
    if let Some(path) = picture {
        let head = svg::Head { title: &title, finding: shown, no_return: no_return.as_ref() };
        write::whole(path, &svg::picture(&head, &replay, &names))?;
    }
    if as_json {
        let told = |finding: &Finding| match (&no_return, shown) {
            (Some(no_return), Some(shown)) if shown == finding => {
                Some(NoReturnReport::new(no_return, &schedule, &names, finding.code))
            }
            _ => None,
        };
        let of = (saved.design.as_str(), saved.scenario.as_str());
        print(&json::text("replay", Replayed::new(of, &names, &replay, told)))?;
    } else {
        let trace = counterexample::trace_in(&title, &names, &replay, shown, no_return.as_ref(), columns);
        print(&(trace + &ending(&replay.ending, is_outcome)))?;
    }
    if predicts {
        let predicted = predict(&program, &names, &guide, Some(&Config::default())).with_context(place)?;
        print(&format!("\nfrom this run\n{}", predicted.text()))?;
    }
    if let (Some(wanted), None, false) = (wanted, marked, is_outcome) {
        complain(&format!("{}: {} {} does not show any more", place(), wanted.code, wanted.subject));
    }
    Ok(Status::of(!replay.findings.is_empty(), false))
}

/// The point of no return of the finding, in the execution up to where it was noticed.
fn lost(program: &dyn Subject, finding: &Finding, schedule: &Schedule) -> Option<NoReturn> {
    let transitions = schedule.transitions.iter().take(finding.step as usize).copied().collect();
    let schedule = Schedule { transitions, memory: schedule.memory };
    graph::no_return(program, finding.code, &schedule, graph::STATES_MAX)
}

/// What the execution comes to, where that is what the schedule was saved for.
fn ending(ending: &Ending, is_outcome: bool) -> String {
    match ending {
        Ending::Finished(outcome) if is_outcome => format!("ends with {outcome}\n"),
        Ending::Deadlocked(outcome) if is_outcome => format!("nobody can run any more, with {outcome}\n"),
        _ => String::new(),
    }
}
