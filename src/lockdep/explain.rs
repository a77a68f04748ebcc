//! The report of a finding: a column for each participant, both places of every dependency, and the smallest change that cures it.
//!
//! Time goes down. A participant does what its part of the run says, up to the acquisition at which it waits for ever (`waits`); where
//! an interrupt comes, its steps stand in the column of the task that it interrupts, marked with `!`. Without a schedule the columns show
//! where each holds and where it waits, and the grade says why there is none.

use super::answer::Judged;
use super::case::Case;
use super::finding::{Edge, Finding, Grade, Place, Turn};
use super::lock::{LockId, Locks};

/// Columns of text that a participant has at least.
const WIDTH_MIN: usize = 24;

/// The report of a case, with what was found and does not count.
pub fn explain(case: &Case, judged: &Judged) -> String {
    let mut text = match &judged.report {
        Some(finding) => one(case, finding),
        None => format!("{}: clean\n", case.id),
    };
    for finding in &judged.doubtful {
        text += "\nnot counted, because it cannot happen as it was seen:\n";
        text += &one(case, finding);
    }
    text
}

fn one(case: &Case, finding: &Finding) -> String {
    let mut text =
        format!("{}: {} at step {}\n  {}\n", case.id, finding.kind.word(), finding.place.step, finding.message);
    text += &format!("  {}\n", grade(finding.grade, &case.locks));
    if finding.cycle.is_empty() {
        text += &places(case, finding);
    } else {
        text += "\n";
        text += &columns(case, finding);
        text += "\nbecause, oldest first\n";
        text += &dependencies(case, finding);
    }
    if !finding.cure.is_empty() {
        text += &format!("cure: {}\n", finding.cure);
    }
    text
}

/// What the grade means.
fn grade(grade: Grade, locks: &Locks) -> String {
    match grade {
        Grade::Certain => "certain: every run that takes these steps has the bug".into(),
        Grade::Interleaving => "needs this interleaving of what the tasks did".into(),
        Grade::Phases => {
            "needs two tasks, or a task and an interrupt, that do at once what was seen one after the other".into()
        }
        Grade::Writer => "needs the same, and somebody who waits to write".into(),
        Grade::Graph => "by the order of classes; no interleaving of these sections was found".into(),
        Grade::ClassMerging => "by class merging only: the objects differ".into(),
        Grade::Serialised(lock) => format!("serialised: {} is held around it", locks.all[lock].name),
    }
}

/// A finding about one step: where, and what came before.
fn places(case: &Case, finding: &Finding) -> String {
    let mut rows: Vec<(usize, String)> = finding.notes.iter().map(|(place, what)| (place.step, what.clone())).collect();
    rows.push((finding.place.step, "here".into()));
    let row = |(step, what): &(usize, String)| format!("  {step:>4}  {}    ({what})\n", text_of(case, *step));
    "\n".to_owned() + &rows.iter().map(row).collect::<String>() + "\n"
}

fn text_of(case: &Case, step: usize) -> &str {
    case.texts.get(step).map_or("", String::as_str)
}

/// The participants of the cycle, then writers that only wait.
fn columns(case: &Case, finding: &Finding) -> String {
    let turns = if finding.schedule.is_empty() { outline(&finding.cycle) } else { finding.schedule.clone() };
    let count = turns.iter().map(|turn| turn.participant + 1).max().unwrap_or(0);
    let mut cells: Vec<(usize, String)> =
        (0..count).map(|participant| (participant, head(finding, participant))).collect();
    let mut lines = vec![("step".to_owned(), std::mem::take(&mut cells))];
    for turn in &turns {
        lines.push((turn.place.step.to_string(), vec![(turn.participant, cell(case, finding, turn))]));
    }
    let width = |column: usize| {
        let all = lines.iter().flat_map(|(_, cells)| cells);
        let longest = all.filter(|(at, _)| *at == column).map(|(_, text)| text.chars().count()).max().unwrap_or(0);
        longest.max(WIDTH_MIN) + 2
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for (step, cells) in &lines {
        let mut line = format!("  {step:>4}  ");
        for (column, width) in widths.iter().enumerate() {
            let cell = cells.iter().find(|(at, _)| *at == column).map_or("", |(_, text)| text.as_str());
            line += &format!("{cell:<width$}");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn head(finding: &Finding, participant: usize) -> String {
    match finding.cycle.get(participant) {
        Some(edge) if edge.handler.is_some() => format!("P{}, interrupted", participant + 1),
        Some(edge) if edge.run.in_irq => format!("P{}, an interrupt", participant + 1),
        Some(_) => format!("P{}", participant + 1),
        None => format!("P{}, a writer", participant + 1),
    }
}

/// What a turn looks like.
fn cell(case: &Case, finding: &Finding, turn: &Turn) -> String {
    let by_handler = finding
        .cycle
        .get(turn.participant)
        .is_some_and(|edge| edge.handler.is_some() && (turn.waits || is_in(&finding.schedule, edge, turn)));
    let mark = if by_handler { "! " } else { "" };
    let what = if turn.place.task == usize::MAX { "wants to write" } else { text_of(case, turn.place.step) };
    format!("{mark}{what}{}", if turn.waits { "   waits" } else { "" })
}

/// Is a turn one of the handler's? Those come after the step at which the interrupt was possible.
fn is_in(schedule: &[Turn], edge: &Edge, turn: &Turn) -> bool {
    let own: Vec<&Turn> = schedule.iter().filter(|other| other.participant == turn.participant).collect();
    let task_moves = edge.run.end - edge.run.start;
    own.iter().position(|other| *other == turn).is_some_and(|at| at >= task_moves)
}

/// Without a schedule: where each holds, then where each waits.
fn outline(cycle: &[Edge]) -> Vec<Turn> {
    let holds =
        cycle.iter().enumerate().map(|(participant, edge)| Turn { participant, place: edge.from.place, waits: false });
    let waits =
        cycle.iter().enumerate().map(|(participant, edge)| Turn { participant, place: edge.to.place, waits: true });
    holds.chain(waits).collect()
}

/// Each dependency with both its places.
fn dependencies(case: &Case, finding: &Finding) -> String {
    let mut edges: Vec<(usize, &Edge)> = finding.cycle.iter().enumerate().collect();
    edges.sort_by_key(|(_, edge)| (edge.to.place, edge.from.place));
    edges.iter().map(|(at, edge)| dependency(case, *at, edge)).collect()
}

fn dependency(case: &Case, at: usize, edge: &Edge) -> String {
    let step = |place: Place| place.step;
    let is_event = |lock: LockId| case.locks.all[lock].kind.is_event();
    let (from, to) = (&edge.from, &edge.to);
    let how = if is_event(from.lock) { "owed".into() } else { format!("held {}", from.hold.word()) };
    let held = object(from.lock, from.class, &case.locks);
    let held = format!("  P{}: {held} {how} since step {}", at + 1, step(from.place));
    let how = if is_event(to.lock) { "awaited".into() } else { format!("wanted {}", to.hold.word()) };
    let wanted = format!("{} {how} at step {}", object(to.lock, to.class, &case.locks), step(to.place));
    match edge.irq {
        Some((level, open)) => {
            let word = level.word();
            format!("{held}, a {word} possible from step {}; in a {word}, {wanted}\n", step(open))
        }
        None => format!("{held}, {wanted}\n"),
    }
}

/// An object, with its class where that is another word.
fn object(lock: LockId, class: (usize, u8), locks: &Locks) -> String {
    let (name, class) = (&locks.all[lock].name, locks.class_name(class));
    if *name == class { class } else { format!("{name} (class {class})") }
}
