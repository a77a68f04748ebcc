//! How a prediction reads: the sentence, how sure it is, both places of every dependency, the cure.

use super::record::Record;
use super::{Fate, Foreseen, Predicted};
use crate::event::names::Names;
use crate::lockdep::certainty::Certainty;
use crate::lockdep::finding::{Edge, Grade, Place};
use crate::lockdep::lock::Hold;

pub(super) fn text(predicted: &Predicted, record: &Record, names: &Names) -> String {
    if predicted.foreseen.is_empty() {
        return "nothing is predicted\n".to_owned();
    }
    let all: Vec<String> = predicted.foreseen.iter().map(|foreseen| one(foreseen, record, names)).collect();
    all.join("\n")
}

pub(super) fn one(foreseen: &Foreseen, record: &Record, names: &Names) -> String {
    let finding = &foreseen.finding;
    let counts = if finding.grade.is_report() { "" } else { ", does not count" };
    let mut text = format!("{}  predicted{counts}: {}\n", foreseen.code, finding.message);
    text += &format!("       {}\n", fate(foreseen, record).1);
    if finding.cycle.is_empty() {
        text += &format!("  {}\n", step(finding.place, record, names));
    }
    let mut edges: Vec<&Edge> = finding.cycle.iter().collect();
    edges.sort_by_key(|edge| (edge.to.place, edge.from.place));
    edges.iter().for_each(|edge| text += &dependency(edge, record, names));
    if !finding.cure.is_empty() {
        let cure = cure(foreseen, record, names);
        text += &format!("cure: {cure}\n");
    }
    text
}

/// What is said where every order was seen, and none leads there.
pub(super) const NOT_REACHED: &str = "no interleaving of this program leads there; a larger one may";

/// How sure it is: what the search says, and else what the run itself does.
pub(super) fn fate(foreseen: &Foreseen, record: &Record) -> (Certainty, String) {
    match (&foreseen.fate, foreseen.finding.grade) {
        (Fate::Reached(_), Grade::Certain) => {
            (Certainty::Certain, "certain on this path; the explorer has the schedule".to_owned())
        }
        (Fate::Reached(found), _) => {
            let steps = counted(found.schedule.transitions.len());
            (Certainty::Interleaving, format!("needs an interleaving: the explorer found one, {steps}"))
        }
        (_, Grade::Serialised(lock)) => {
            let name = &record.locks.all[lock].name;
            (Certainty::Serialised, format!("serialised: {name} is held around it"))
        }
        (_, Grade::ClassMerging) => (Certainty::ClassMerging, "by class merging only: the objects differ".to_owned()),
        (Fate::NotReached, _) => (Certainty::NotReached, NOT_REACHED.to_owned()),
        (Fate::Open(bound), _) => (Certainty::Unconfirmed, format!("not confirmed: {bound}")),
        (Fate::NotAsked, Grade::Certain) => (Certainty::Certain, "certain on this path".to_owned()),
        (Fate::NotAsked, grade) => (Certainty::Unconfirmed, format!("not confirmed ({})", grade.word())),
    }
}

fn counted(steps: usize) -> String {
    if steps == 1 { "1 step long".to_owned() } else { format!("{steps} steps long") }
}

/// A step, with its task and its place in the source.
fn step(place: Place, record: &Record, names: &Names) -> String {
    let at = record.texts.get(place.task).and_then(|texts| texts.get(place.step));
    let task = names.tasks.get(place.task).map_or("?", String::as_str);
    let Some((text, source)) = at else { return task.to_owned() };
    format!("{task}: {text}   {}:{}", source.file(), source.line())
}

fn dependency(edge: &Edge, record: &Record, names: &Names) -> String {
    let is_event = record.locks.all[edge.from.lock].kind.is_event();
    let holds = if is_event { "owes" } else { "holds" };
    let (from, to) = (&record.locks.all[edge.from.lock].name, &record.locks.all[edge.to.lock].name);
    let wants = match edge.irq {
        Some((level, _)) => format!("a {} there wants {to}", level.word()),
        None => format!("wants {to}"),
    };
    let mode = |hold: Hold| if hold.is_read() { " for reading" } else { "" };
    let (held, wanted) = (mode(edge.from.hold), mode(edge.to.hold));
    let (first, second) = (step(edge.from.place, record, names), step(edge.to.place, record, names));
    let opened = match edge.irq {
        Some((level, open)) if open != edge.from.place => {
            format!("    a {} can come, since   {}\n", level.word(), step(open, record, names))
        }
        _ => String::new(),
    };
    format!("  {holds} {from}{held}, since   {first}\n{opened}    {wants}{wanted}, at   {second}\n")
}

/// The cure, with places instead of numbers of steps.
pub(super) fn cure(foreseen: &Foreseen, record: &Record, names: &Names) -> String {
    let mut text = foreseen.finding.cure.clone();
    // The dependency that the cure is about comes first: another task may have a step of the same number.
    let mut edges: Vec<&Edge> = foreseen.finding.cycle.iter().collect();
    let is_event = |edge: &Edge| record.locks.all[edge.to.lock].kind.is_event();
    edges.sort_by_key(|edge| (edge.irq.is_none(), !is_event(edge), std::cmp::Reverse(edge.to.place)));
    for edge in edges {
        let opened = edge.irq.map(|(_, open)| open);
        for place in [Some(edge.from.place), Some(edge.to.place), opened].into_iter().flatten() {
            let Some((_, source)) = record.texts.get(place.task).and_then(|texts| texts.get(place.step)) else {
                continue;
            };
            let file = source.file().rsplit('/').next().unwrap_or_default();
            let task = names.tasks.get(place.task).map_or("?", String::as_str);
            let named = format!("in {task}, {file}:{}", source.line());
            text = replaced(&text, &format!("at step {}", place.step), &named);
            text = text.replace(&format!("(step {})", place.step), &format!("({named})"));
        }
    }
    text
}

/// Replaces a text that ends with a number, where the number ends there.
fn replaced(text: &str, old: &str, new: &str) -> String {
    let mut parts = text.split(old);
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        whole += if part.starts_with(|c: char| c.is_ascii_digit()) { old } else { new };
        whole += part;
    }
    whole
}
