//! Findings in the notations of mails, each read back by our own reader: what is printed is a text in which the same finding is found.
//!
//! The smallest text comes first. Where that has lost what the finding needs, the whole outline is printed, or the row at which it goes
//! wrong says so in words. What no text of the notation can hold, a box of lockdep anything but locks, is said instead.

use super::check::{Options, Report, Unit, check};
use super::declare::{Call, Declaration, Runs};
use super::diagnostic::Label;
use super::finding::Finding;
use super::notation::{self, Grip, Move, Notation, Scene};
use super::parse::parse;
use super::print;
use super::scope::Conversions;
use super::source::{SCISSORS, Source, parts};
use super::tree::{Function, Group};
use super::vocabulary::{Kind, Mode};

/// Each finding that counts in the notation, ready for a mail.
pub fn findings(report: &Report, notation: Notation, options: &Options) -> String {
    let mut texts = Vec::new();
    for unit in &report.units {
        for finding in unit.counted() {
            texts.push(of_finding(&report.source, unit, finding, notation, options).0);
        }
    }
    texts.join(&format!("\n# {SCISSORS}\n\n"))
}

/// A finding in the notation, and whether our reader finds it there again.
pub fn of_finding(
    source: &Source,
    unit: &Unit,
    finding: &Finding,
    notation: Notation,
    options: &Options,
) -> (String, bool) {
    let scene =
        finding.scene.clone().or_else(|| of_cycle(unit, finding)).unwrap_or_else(|| of_labels(source, unit, finding));
    let mut candidates = texts(&scene, notation);
    if notation == Notation::Outline {
        candidates.extend(whole(source, unit, finding));
    }
    if notation != Notation::Outline && finding.code == "LW004" {
        candidates.extend(interrupted(finding));
    }
    choose(&scene, candidates, notation, options)
}

/// The scene of a design, for which there is no text but its own steps.
pub fn of_scene(scene: &Scene, notation: Notation, options: &Options) -> String {
    choose(scene, texts(scene, notation), notation, options).0
}

fn texts(scene: &Scene, notation: Notation) -> Vec<String> {
    let mut texts: Vec<String> = notation::text(scene, notation).into_iter().collect();
    if notation == Notation::Diagram {
        texts.extend(notation::told(scene));
    }
    texts
}

/// The first text in which the finding is found, or the first with the remark that it is not.
fn choose(scene: &Scene, candidates: Vec<String>, notation: Notation, options: &Options) -> (String, bool) {
    let plain = Options { catalogue: options.catalogue, conversions: Conversions::new() };
    let is_found = |text: &String| check("mail", text.as_bytes(), &plain).codes().contains(&scene.code.as_str());
    if let Some(text) = candidates.iter().find(|text| is_found(text)) {
        return (text.clone(), true);
    }
    let head = format!("# {}: {}\n", scene.code, scene.title);
    let name = Notation::ALL.iter().find(|(_, known)| *known == notation).map_or("", |(name, _)| name);
    let lost = format!("{head}# as {name} this finding is lost: what it is about has no place in that notation\n");
    (lost, false)
}

/// The outline that the finding is in, with the kinds of its locks as they were checked; the columns of a figure become functions.
fn whole(source: &Source, unit: &Unit, finding: &Finding) -> Option<String> {
    let part = parts(source)
        .into_iter()
        .find(|part| part.lines.get(unit.line as usize - 1).is_some_and(|line| !line.is_blank()))?;
    let mut file = parse(&part);
    let group =
        file.groups.iter().position(|group| group.functions.first().map(|first| first.place.line) == Some(unit.line));
    if let Some(at) = group {
        file.groups = vec![file.groups.swap_remove(at)];
        // The types of parameters and the calls that register are not printed.
        let functions = file.groups.iter().flat_map(|group| &group.functions);
        let runs = functions.flat_map(|function| function.roles.iter().map(move |role| (role, function)));
        file.declarations.extend(runs.map(|(role, function)| {
            let call = Call { name: function.name.clone(), place: function.place };
            (Declaration::Task(role.name.clone(), role.runs, vec![call]), function.place)
        }));
    } else {
        let at = file.diagrams.iter().position(|diagram| diagram.place.line == unit.line)?;
        let figure = file.diagrams.swap_remove(at);
        let mut functions = Vec::new();
        for column in figure.columns {
            let name = notation::function(&column.name);
            let call = Call { name: name.clone(), place: figure.place };
            let task = Declaration::Task(notation::task_name(&column.name), Runs::Task, vec![call]);
            file.declarations.push((task, figure.place));
            functions.push(Function { name, place: figure.place, body: column.body, ..Function::default() });
        }
        file.groups = vec![Group { functions }];
    }
    file.declarations.retain(|(known, _)| !matches!(known, Declaration::Lock(..)));
    let mut text = format!("# {}: {}\n", finding.code, finding.title);
    for (name, kind) in unit.locks.iter().filter(|(_, kind)| **kind != Kind::Bkl) {
        text.push_str(&format!("lock {name}: {}\n", kind.text()));
    }
    Some(text + &print::file(&file))
}

/// A cycle of orders: for each, a task that holds one lock and takes the next.
fn of_cycle(unit: &Unit, finding: &Finding) -> Option<Scene> {
    if finding.code != "LW003" {
        return None;
    }
    let lock = |at: usize, behind: &str| {
        let (entry, said) = finding.labels.get(at)?.text.split_once(": ")?;
        Some((entry.to_owned(), said.split_once(behind)?.0.to_owned()))
    };
    let mut scene = Scene { code: finding.code.to_owned(), title: finding.title.clone(), ..Scene::default() };
    let mut later = Vec::new();
    for edge in 0..finding.labels.len() / 2 {
        let (entry, taken) = lock(2 * edge, " is taken here")?;
        let (_, held) = lock(2 * edge + 1, " is held since here")?;
        let takes = |lock: String| Move {
            task: edge,
            text: format!("lock({lock})"),
            remark: None,
            grip: Some(Grip::Takes(lock, Mode::Write)),
        };
        let again = scene.tasks.iter().filter(|known| known.split(" #").next() == Some(&entry)).count();
        scene.tasks.push(if again == 0 { entry } else { format!("{entry} #{}", again + 1) });
        scene.moves.push(takes(held));
        later.push(takes(taken));
    }
    scene.moves.extend(later);
    let named =
        |name: &String| scene.moves.iter().any(|step| matches!(&step.grip, Some(Grip::Takes(lock, _)) if lock == name));
    scene.locks = unit.locks.iter().filter(|(name, _)| named(name)).map(|(name, kind)| (name.clone(), *kind)).collect();
    Some(scene)
}

/// A lock of a handler that is held with its interrupt on, as lockdep draws it.
fn interrupted(finding: &Finding) -> Option<String> {
    let name = |at: usize| {
        finding.labels.get(at).and_then(|label| label.text.split(" is taken here").next()).map(str::to_owned)
    };
    let (held, taken) = (name(0)?, name(1)?);
    let context = if finding.title.contains("softirq") { "<SOFTIRQ>" } else { "<Interrupt>" };
    let head = format!("{}: {}\n\n Possible interrupt unsafe locking scenario:\n\n", finding.code, finding.title);
    let body = if held == taken {
        format!("       CPU0\n       ----\n  lock({held});\n  {context}\n    lock({taken});\n")
    } else {
        format!(
            "       CPU0                    CPU1\n       ----                    ----\n  lock({held});\n{0:31}local_irq_disable();\n{0:31}lock({taken});\n{0:31}lock({held});\n  {context}\n    lock({taken});\n",
            ""
        )
    };
    Some(format!("{head}{body}\n *** DEADLOCK ***\n"))
}

/// A finding of the walk has places and no schedule: its lines in their order, each in the task that its label names.
fn of_labels(source: &Source, unit: &Unit, finding: &Finding) -> Scene {
    let mut labels: Vec<&Label> = finding.labels.iter().filter(|label| label.place.is_somewhere()).collect();
    labels.sort_by_key(|label| label.place);
    let first = unit.names.first().map_or("task", String::as_str);
    let mut tasks: Vec<String> = Vec::new();
    let mut moves = Vec::new();
    for label in labels {
        let said = label.text.split_once(": ").filter(|(name, _)| unit.names.iter().any(|known| known == name));
        let (name, remark) = said.unwrap_or((first, &label.text));
        let task = tasks.iter().position(|known| known == name).unwrap_or_else(|| {
            tasks.push(name.to_owned());
            tasks.len() - 1
        });
        let lock = unit.locks.keys().find(|lock| label.text.contains(lock.as_str()));
        moves.push(Move {
            task,
            text: source.text_at(label.place).trim().to_owned(),
            remark: Some(remark.to_owned()),
            grip: lock.map(|lock| Grip::Takes(lock.clone(), Mode::Write)),
        });
    }
    Scene {
        tasks,
        moves,
        locks: unit.locks.iter().map(|(name, kind)| (name.clone(), *kind)).collect(),
        code: finding.code.to_owned(),
        title: finding.title.clone(),
        ..Scene::default()
    }
}
