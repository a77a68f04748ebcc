//! A finding on one page: verdict, story, why, replay.

use super::{columns, completeness, count, memory_model, source, story};
use crate::check::{Finding, Spot};
use crate::event::names::Names;
use crate::explore::schedule::Replay;
use crate::explore::{Found, Verdict};
use crate::study::expect::Expected;

/// What is shown of one finding.
pub struct Counterexample<'a> {
    /// The design, as the command line names it.
    pub design: &'a str,
    /// The scenario.
    pub scenario: &'a str,
    /// Names of the scenario's tasks and calls.
    pub names: &'a Names,
    /// The finding.
    pub found: &'a Found,
    /// Its execution; none if no sequentially consistent execution shows it.
    pub replay: Option<&'a Replay>,
    /// The file that has the schedule, if it was saved.
    pub saved: Option<&'a str>,
    /// What the table of expectations says about it.
    pub expected: Option<&'a Expected>,
}

/// The page.
pub fn page(example: &Counterexample<'_>) -> String {
    let finding = &example.found.finding;
    let place = format!("design {}, scenario {}", example.design, example.scenario);
    let mut text = plain_page(finding, &place, example.names, example.replay);
    if let Some(expected) = example.expected {
        let known = format!("  known as {}: {}", expected.bug, expected.why);
        columns::wrap(&known, columns::PAGE_COLUMNS).iter().for_each(|line| text.push_str(&format!("{line}\n")));
    }
    text.push_str(&how_to_replay(example));
    text
}

/// The page of any program: verdict, story, why. `replay` is its execution, if a sequentially consistent one shows it.
pub fn plain_page(finding: &Finding, place: &str, names: &Names, replay: Option<&Replay>) -> String {
    let mut text = head(finding, place);
    match replay {
        Some(replay) => {
            text.push('\n');
            text.push_str(&columns::table(&story::folded(replay, names, finding), 0));
        }
        None => text.push_str("       weak memory only: no sequentially consistent replay shows it\n"),
    }
    text + &why(finding, names)
}

/// What is wrong, in two lines: code, title and place; the message.
pub fn head(finding: &Finding, place: &str) -> String {
    let title = format!("{}  {}", finding.code, finding.code.title());
    let message = &finding.message;
    match columns::PAGE_COLUMNS.checked_sub(title.chars().count() + place.chars().count()) {
        Some(gap @ 2..) => format!("{title}{}{place}\n       {message}\n", " ".repeat(gap)),
        _ => format!("{title}\n       {place}\n       {message}\n"),
    }
}

/// The places with task, step, what happened there and the source line.
pub fn why(finding: &Finding, names: &Names) -> String {
    let when = |spot: &Spot| match (spot.set_up_of, spot.step) {
        (Some(task), 0) => format!("{}, set-up", names.task(task)),
        (of, step) => format!("{}, step {step}", names.task(of.unwrap_or(spot.task))),
    };
    let rows: Vec<(String, String)> = story::places(finding)
        .iter()
        .zip(1..)
        .map(|((spot, label), mark)| (format!("  ({mark}) {}: {label}", when(spot)), source(spot.place)))
        .collect();
    let width = rows.iter().map(|(left, _)| left.chars().count()).max().unwrap_or(0);
    let lines: String = rows.iter().map(|(left, right)| format!("{left:<width$}   {right}\n")).collect();
    format!("\nwhy\n{lines}")
}

fn how_to_replay(example: &Counterexample<'_>) -> String {
    let (design, scenario) = (example.design, example.scenario);
    match (example.saved, example.replay) {
        (Some(file), _) => format!("replay: lockwright replay {file}\n"),
        (None, Some(_)) => {
            format!("replay: save it with lockwright check --design {design} --scenario {scenario} --save DIR\n")
        }
        (None, None) => {
            format!("again:  lockwright check --design {design} --scenario {scenario} --engine loom\n")
        }
    }
}

/// The last line for a scenario on a design.
///
/// With several `jobs` the number of executions depends on who comes first, and is left out.
pub fn last_line(design: &str, scenario: &str, tasks: usize, jobs: usize, verdict: &Verdict) -> String {
    verdict_line(&format!("{design} {scenario}"), tasks, jobs, verdict)
}

/// The last line for any program: was everything seen, what was found, how much was looked at.
pub fn verdict_line(program: &str, tasks: usize, jobs: usize, verdict: &Verdict) -> String {
    let states = match verdict.states {
        0 => String::new(),
        states => format!("{}, ", count(states, "state")),
    };
    let findings = match verdict.findings.len() {
        0 if verdict.complete() => "clean".to_owned(),
        0 => "nothing found so far".to_owned(),
        findings => count(findings as u64, "finding"),
    };
    let executions = match jobs {
        1 => format!("{}, ", count(verdict.executions, "execution")),
        _ => String::new(),
    };
    format!(
        "{} {program}: {findings}, {states}{executions}{}, {}\n",
        completeness(verdict),
        count(tasks as u64, "task"),
        memory_model(verdict.engine, verdict.memory)
    )
}

/// A replayed schedule: the whole trace in columns, then what the checks say.
pub fn trace(design: &str, scenario: &str, names: &Names, replay: &Replay, marked: Option<&Finding>) -> String {
    let place = format!("design {design}, scenario {scenario}");
    let mut text = format!("{place}\n\n{}", columns::table(&story::whole(replay, names, marked), 1));
    for finding in &replay.findings {
        text.push('\n');
        text.push_str(&head(finding, &place));
        text.push_str(&why(finding, names));
    }
    let steps = replay.steps.len() as u64;
    text.push_str(&format!(
        "\n{}, {}\n",
        count(steps, "step"),
        match replay.findings.len() {
            0 => "no finding".to_owned(),
            findings => count(findings as u64, "finding"),
        }
    ));
    text
}
