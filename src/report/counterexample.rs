//! A finding on one page: verdict, story, why, replay.

use super::{columns, completeness, count, memory_model, source, story};
use crate::check::{Code, Finding, Spot};
use crate::engine::Memory;
use crate::event::TaskId;
use crate::event::names::Names;
use crate::explore::graph::NoReturn;
use crate::explore::schedule::Replay;
use crate::explore::{Found, Schedule, Verdict};
use crate::lockdep::certainty::Graded;
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
    /// Where it was lost, if the finding is about one execution.
    pub no_return: Option<&'a NoReturn>,
    /// The file that has the schedule, if it was saved.
    pub saved: Option<&'a str>,
    /// What the table of expectations says about it.
    pub expected: Option<&'a Expected>,
    /// How sure it is, if it is a rule about orders or contexts.
    pub graded: Option<&'a Graded>,
}

/// The page.
pub fn page(example: &Counterexample<'_>) -> String {
    page_in(example, columns::PAGE_COLUMNS)
}

/// The page for a terminal of this many columns.
pub fn page_in(example: &Counterexample<'_>, width: usize) -> String {
    let finding = &example.found.finding;
    let place = format!("design {}, scenario {}", example.design, example.scenario);
    let mut text = plain_page_in(finding, &place, example.names, example.replay, width);
    text.push_str(&example.graded.map_or(String::new(), |graded| grade(graded, width)));
    if let Some(no_return) = example.no_return {
        let line = no_return_line(no_return, &example.found.schedule, example.names, finding.code);
        columns::wrap(&line, width).iter().for_each(|line| text.push_str(&format!("{line}\n")));
    }
    if let Some(expected) = example.expected {
        let known = format!("  known as {}: {}", expected.bug, expected.why);
        columns::wrap(&known, width).iter().for_each(|line| text.push_str(&format!("{line}\n")));
    }
    text.push_str(&how_to_replay(example));
    text
}

/// Where it was lost, as a line below the places.
fn no_return_line(no_return: &NoReturn, schedule: &Schedule, names: &Names, code: Code) -> String {
    format!("  point of no return: {}", no_return_text(no_return, schedule, names, code))
}

/// Where an execution was lost, and what would have saved it.
pub fn no_return_text(no_return: &NoReturn, schedule: &Schedule, names: &Names, code: Code) -> String {
    match no_return {
        NoReturn::At { step, instead } => {
            let at = *step as usize - 1;
            let other = instead.transitions[at];
            let same_task = schedule.transitions.get(at).is_some_and(|taken| taken.task == other.task);
            let task = names.task(other.task);
            let instead = match other.task {
                TaskId::CLOCK => "if time passed first there".to_owned(),
                _ if other.is_flush() => format!("if a store of {task} reached memory first there"),
                _ if same_task => format!("if {task}'s choice turned out otherwise"),
                _ => format!("if {task} went first there"),
            };
            format!("step {step}; {instead}, the run could still end without {code}")
        }
        NoReturn::Start => format!("the start; no order ends without {code}"),
        NoReturn::Unknown(bound) => format!("not known ({bound})"),
    }
}

/// The page of any program: verdict, story, why. `replay` is its execution, if a sequentially consistent one shows it.
pub fn plain_page(finding: &Finding, place: &str, names: &Names, replay: Option<&Replay>) -> String {
    plain_page_in(finding, place, names, replay, columns::PAGE_COLUMNS)
}

/// The same for a terminal of this many columns.
pub fn plain_page_in(finding: &Finding, place: &str, names: &Names, replay: Option<&Replay>, width: usize) -> String {
    let mut text = head_in(finding, place, width);
    match replay {
        Some(replay) => {
            text.push('\n');
            text.push_str(&columns::table_in(&story::folded(replay, names, finding), 0, width));
        }
        None => text.push_str(&indented("weak memory only: no sequentially consistent replay shows it", width)),
    }
    text + &why_in(finding, names, width)
}

/// What is wrong, in two lines: code, title and place; the message.
pub fn head(finding: &Finding, place: &str) -> String {
    head_in(finding, place, columns::PAGE_COLUMNS)
}

fn head_in(finding: &Finding, place: &str, width: usize) -> String {
    let title = format!("{}  {}", finding.code, finding.code.title());
    let message = indented(&finding.message, width);
    match width.checked_sub(title.chars().count() + place.chars().count()) {
        Some(gap @ 2..) => format!("{title}{}{place}\n{message}", " ".repeat(gap)),
        _ => format!("{title}\n{}{message}", indented(place, width)),
    }
}

/// A sentence below the title. On a page of full width it is one line: a search for it finds it.
fn indented(text: &str, width: usize) -> String {
    let indent = " ".repeat(7);
    if width >= columns::PAGE_COLUMNS {
        return format!("{indent}{text}\n");
    }
    columns::wrap(text, width - 7).iter().map(|line| format!("{indent}{}\n", line.trim_start())).collect()
}

/// The places with task, step, what happened there and the source line.
pub fn why(finding: &Finding, names: &Names) -> String {
    why_in(finding, names, columns::PAGE_COLUMNS)
}

fn why_in(finding: &Finding, names: &Names, page: usize) -> String {
    let when = |spot: &Spot| match (spot.set_up_of, spot.step) {
        (Some(task), 0) => format!("{}, set-up", names.task(task)),
        (of, step) => format!("{}, step {step}", names.task(of.unwrap_or(spot.task))),
    };
    let rows: Vec<(String, String)> = story::places(finding)
        .iter()
        .zip(1..)
        .map(|((spot, label), mark)| (format!("  ({mark}) {}: {label}", when(spot)), source(spot.place)))
        .collect();
    let widest =
        |of: fn(&(String, String)) -> &String| rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0);
    let width = widest(|row| &row.0);
    let stacked = page < columns::PAGE_COLUMNS && width + 3 + widest(|row| &row.1) > page;
    let line = |(left, right): &(String, String)| match stacked {
        true => format!("{left}\n      {right}\n"),
        false => format!("{left:<width$}   {right}\n"),
    };
    let lines: String = rows.iter().map(line).collect();
    format!("\nwhy\n{lines}")
}

/// How sure a finding is, what that means, and its cure, below the places.
pub fn grade(graded: &Graded, width: usize) -> String {
    let lines = graded.lines().flat_map(|line| columns::wrap(&format!("  {line}"), width));
    let lines: String = lines.map(|line| format!("{line}\n")).collect();
    format!("how sure\n{lines}")
}

fn how_to_replay(example: &Counterexample<'_>) -> String {
    let (design, scenario) = (example.design, example.scenario);
    match (example.saved, example.replay) {
        (Some(file), _) => format!("replay: lockwright replay {file}\n"),
        (None, Some(_)) if !is_named(example) => "replay: save it with --save DIR beside the same options\n".to_owned(),
        (None, Some(_)) => {
            format!("replay: save it with lockwright check --design {design} --scenario {scenario} --save DIR\n")
        }
        (None, None) => {
            format!("again:  lockwright check --design {design} --scenario {scenario} --engine loom\n")
        }
    }
}

/// Is the scenario one of the catalogue, under the memory that is meant if none is named?
fn is_named(example: &Counterexample<'_>) -> bool {
    let is_sc = example.found.schedule.memory == Memory::Sc;
    is_sc && crate::scenario::catalogue::find(example.scenario).is_some()
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
    let assumed = verdict.assumed.as_ref().map_or(String::new(), |assumed| format!("; {assumed}"));
    let executions = match jobs {
        1 => format!("{}, ", count(verdict.executions, "execution")),
        _ => String::new(),
    };
    format!(
        "{} {program}: {findings}, {states}{executions}{}, {}{assumed}\n",
        completeness(verdict),
        count(tasks as u64, "task"),
        memory_model(verdict.engine, verdict.memory)
    )
}

/// A replayed schedule: the whole trace in columns, then what the checks say.
pub fn trace(design: &str, scenario: &str, names: &Names, replay: &Replay, marked: Option<&Finding>) -> String {
    trace_in(&format!("design {design}, scenario {scenario}"), names, replay, marked, None, columns::PAGE_COLUMNS)
}

/// The same for a terminal of this many columns. `place` is what was replayed, `no_return` where the marked finding became certain.
pub fn trace_in(
    place: &str,
    names: &Names,
    replay: &Replay,
    marked: Option<&Finding>,
    no_return: Option<&NoReturn>,
    width: usize,
) -> String {
    let mut text = format!("{place}\n\n{}", columns::table_in(&story::whole(replay, names, marked), 1, width));
    for finding in &replay.findings {
        text.push('\n');
        text.push_str(&head_in(finding, place, width));
        text.push_str(&why_in(finding, names, width));
        if let (Some(no_return), true) = (no_return, marked == Some(finding)) {
            let schedule = Schedule::new(replay.transitions.clone());
            let line = no_return_line(no_return, &schedule, names, finding.code);
            columns::wrap(&line, width).iter().for_each(|line| text.push_str(&format!("{line}\n")));
        }
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
