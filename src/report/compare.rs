//! Two designs held against each other: in all scenarios on one screen, or in one of them difference by difference.
//!
//! A difference is shown with the execution that it happens in, and with the proof that the other design has none like it: that one was
//! explored to the end.

use super::counterexample::plain_page_in;
use super::{columns, completeness, count, memory_model};
use crate::check::{Code, Finding, Spot};
use crate::event::names::Names;
use crate::event::{Note, TaskId, What as Happens};
use crate::explore::Verdict;
use crate::explore::compare::{Difference, Relation, What, parts};
use crate::explore::schedule::Replay;
use crate::study::compare::explain::Explanation;
use crate::study::compare::{Compared, relation};

/// Below that width the reasons of an overview stand below their counts.
const NARROW: usize = 80;

/// Differences with one reason.
pub(super) struct Group {
    pub why: Option<Explanation>,
    /// How the reason reads in each scenario.
    words: Vec<&'static str>,
    /// In how many scenarios something is in the new design alone, and in the old one alone.
    pub scenarios: [usize; 2],
    /// A scenario that has one, and the number of differences there: the fewer, the easier to read.
    pub example: (&'static str, usize),
}

impl Group {
    pub fn is(&self, why: Option<Explanation>) -> bool {
        match (self.why, why) {
            (Some(Explanation { bug: Some(known), .. }), Some(Explanation { bug: Some(bug), .. })) => known == bug,
            (known, why) => known == why,
        }
    }

    pub fn name(&self) -> &'static str {
        match self.why {
            Some(Explanation { bug: Some(bug), .. }) => bug,
            Some(Explanation { bug: None, .. }) => "meant",
            None => "?",
        }
    }
}

impl Group {
    /// The reason as it reads in most places; of several the shortest.
    pub fn words(&self) -> &'static str {
        let times = |words: &str| self.words.iter().filter(|it| **it == words).count();
        let most = self.words.iter().max_by_key(|words| (times(words), std::cmp::Reverse(words.len())));
        most.copied().unwrap_or("nothing explains it")
    }
}

/// All reasons: what nothing explains, then bugs by number, then what is meant.
pub(super) fn groups(all: &[Compared]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for compared in all {
        let mut counted: Vec<(usize, Code)> = Vec::new();
        for (difference, why) in &compared.differences {
            let at = groups.iter().position(|group| group.is(*why)).unwrap_or_else(|| {
                groups.push(Group { why: *why, words: Vec::new(), scenarios: [0, 0], example: ("", usize::MAX) });
                groups.len() - 1
            });
            let group = &mut groups[at];
            if !counted.contains(&(at, difference.code)) {
                counted.push((at, difference.code));
                group.scenarios[usize::from(difference.code == Code::LW051)] += 1;
            }
            group.words.extend(why.map(|why| why.why));
            let size = compared.differences.len();
            if size < group.example.1 {
                group.example = (compared.scenario.name, size);
            }
        }
    }
    groups.sort_by_key(|group| (group.why.map(|why| (why.bug.is_none(), why.bug)), group.example.0));
    groups
}

/// A difference that shows a reason: the scenario is at that position, and the difference at that one.
pub type Example = (usize, usize);

/// For each reason the differences that are shown for it: where it is easiest to read, one that only the new design has and one that
/// only the old design has.
pub fn examples(all: &[Compared]) -> Vec<Example> {
    let mut examples = Vec::new();
    for group in groups(all) {
        let Some(at) = all.iter().position(|it| it.scenario.name == group.example.0) else { continue };
        for code in [Code::LW050, Code::LW051] {
            let mut of_group = all[at].differences.iter().enumerate().filter(|(_, (_, why))| group.is(*why));
            examples.extend(of_group.find(|(_, (it, _))| it.code == code).map(|(number, _)| (at, number)));
        }
    }
    examples
}

/// All scenarios: a line for each reason, and the verdict. Without its time.
pub fn overview(all: &[Compared]) -> String {
    overview_in(all, columns::PAGE_COLUMNS)
}

/// The same for a terminal of this many columns.
pub fn overview_in(all: &[Compared], width: usize) -> String {
    let Some(first) = all.first() else { return String::new() };
    let [old, new] = first.designs.map(|design| design.full_name());
    let mut text = format!("{}, each in every order of its steps: {old}, and {new} instead\n\n", scenarios(all.len()));
    let groups = groups(all);
    if !groups.is_empty() {
        text.push_str(&format!("{:<7}{:>5}  {:>5}  {:<21}why\n", "", "LW050", "LW051", "for example"));
    }
    for group in &groups {
        let [only_new, only_old] =
            group.scenarios.map(|count| if count == 0 { "-".to_owned() } else { count.to_string() });
        let head = format!("{:<7}{only_new:>5}  {only_old:>5}  {:<21}", group.name(), group.example.0);
        let why = group.words();
        // What has no room beside the counts stands below them.
        let beside = width >= NARROW;
        let room = if beside { width - head.len() } else { width - 9 };
        let indent = if beside { head.len() } else { 9 };
        if !beside {
            text.push_str(&format!("{}\n", head.trim_end()));
        }
        for (at, line) in columns::wrap(why, room).iter().enumerate() {
            let head = if at == 0 && beside { head.clone() } else { " ".repeat(indent) };
            text.push_str(&format!("{head}{line}\n"));
        }
    }
    if !groups.is_empty() {
        text.push_str(&format!("\nLW050: {}; LW051: {}\n", Code::LW050.title(), Code::LW051.title()));
        text.push_str(&format!("lockwright compare {old} {new} {}  shows one, step by step\n", groups[0].example.0));
    }
    text.push('\n');
    for line in verdict(all).lines() {
        let lines = if width >= columns::PAGE_COLUMNS { vec![line.to_owned()] } else { columns::wrap(line, width) };
        lines.iter().for_each(|line| text.push_str(&format!("{line}\n")));
    }
    text
}

fn scenarios(number: usize) -> String {
    count(number as u64, "scenario")
}

/// How the new design stands to the old one, whether all is explained, and how much was looked at.
pub fn verdict(all: &[Compared]) -> String {
    let Some(first) = all.first() else { return String::new() };
    let [old, new] = first.designs.map(|design| design.full_name());
    let of = |wanted: Relation| all.iter().filter(|compared| compared.relation() == Some(wanted)).count();
    let each = [Relation::Equal, Relation::Narrower, Relation::Wider, Relation::Incomparable];
    let each: Vec<String> =
        each.iter().filter(|it| of(**it) > 0).map(|it| format!("{} {}", of(*it), it.text())).collect();
    let unexplained: usize = all.iter().map(|compared| compared.unexplained().count()).sum();
    let differences: usize = all.iter().map(|compared| compared.differences.len()).sum();
    let explained = match (differences, unexplained) {
        (0, _) => "no difference".to_owned(),
        (_, 0) => format!("{}, all explained", count(differences as u64, "difference")),
        _ => format!("{}, {unexplained} NOT EXPLAINED", count(differences as u64, "difference")),
    };
    let incomplete = all.iter().flat_map(|compared| &compared.sides).find(|side| !side.complete());
    let stands = match (relation(all), incomplete) {
        (Some(relation), _) => format!("{}: {}", relation.text().to_uppercase(), meaning(relation, &old, &new)),
        (None, side) => {
            let bound = side.and_then(|side| side.bound).map_or(String::new(), |bound| format!(" ({bound})"));
            format!("INCOMPLETE{bound}: what {new} can do and {old} cannot is not known")
        }
    };
    let (states, executions) = all
        .iter()
        .flat_map(|compared| &compared.sides)
        .fold((0, 0), |(states, runs), side| (states + side.states, runs + side.executions));
    let memory = memory_model(first.sides[0].engine, first.sides[0].memory);
    format!(
        "{stands}\n{} ({}): {explained}; {states} states, {executions} executions, {memory}\n",
        scenarios(all.len()),
        if each.is_empty() { "none explored to the end".to_owned() } else { each.join(", ") }
    )
}

/// What a relation says of two programs.
pub fn meaning(relation: Relation, old: &str, new: &str) -> String {
    match relation {
        Relation::Equal => format!("{new} can do what {old} can, and nothing else"),
        Relation::Narrower => format!("{new} can do less than {old}, and nothing else"),
        Relation::Wider => format!("{new} can do all that {old} can, and more"),
        Relation::Incomparable => format!("{new} can do what {old} cannot, and the other way round"),
    }
}

/// A difference with its execution, ready to be shown.
pub struct Shown<'a> {
    /// The difference.
    pub difference: &'a Difference,
    /// Why it is there.
    pub why: Option<Explanation>,
    /// Its execution; none if only loom's memory shows it.
    pub replay: Option<Replay>,
    /// The file that has its schedule, if it was saved.
    pub saved: Option<String>,
}

/// One difference: what happens, how, and what the most similar outcome of the other program is.
pub fn page(shown: &Shown<'_>, place: &str, other: &str, names: &Names) -> String {
    page_in(shown, place, other, names, columns::PAGE_COLUMNS)
}

/// The same for a terminal of this many columns.
pub fn page_in(shown: &Shown<'_>, place: &str, other: &str, names: &Names, width: usize) -> String {
    let difference = shown.difference;
    let finding = finding(difference, shown.replay.as_ref(), width);
    let mut text = match &finding {
        Some(finding) => plain_page_in(finding, place, names, shown.replay.as_ref(), width),
        None => format!("{}  {}  {place}\n       {}\n", difference.code, difference.code.title(), said(difference)),
    };
    if let (Some(near), What::Outcome(outcome) | What::Stuck(outcome)) = (&difference.near, &difference.what) {
        text.push_str(&format!("\nnearest outcome of {other}\n"));
        for (name, here, there) in parts(outcome, near) {
            text.push_str(&wrapped(&format!("{name} is {there} there, and {here} here"), width));
        }
    }
    text
}

fn wrapped(words: &str, width: usize) -> String {
    columns::wrap(&format!("  {words}"), width).iter().map(|line| format!("{line}\n")).collect()
}

/// Why a difference is there, as far as that is known.
pub fn reason(why: Option<Explanation>, width: usize) -> String {
    match why {
        Some(Explanation { bug: Some(bug), why }) => wrapped(&format!("known as {bug}: {why}"), width),
        Some(Explanation { bug: None, why }) => wrapped(&format!("meant: {why}"), width),
        None => "  NOT EXPLAINED\n".to_owned(),
    }
}

/// The proof that the other program never does it.
pub fn never(other: &str, lacks: &Verdict) -> String {
    format!("never in {other}: {}\n", proof(lacks))
}

/// How a design was gone through that never does it.
pub fn proof(lacks: &Verdict) -> String {
    let executions = count(lacks.executions, "execution");
    match lacks.states {
        0 => format!("{}, {executions}", completeness(lacks)),
        states => format!("{}, {}, {executions}", completeness(lacks), count(states, "state")),
    }
}

/// What happens, in a sentence.
pub fn said(difference: &Difference) -> String {
    match &difference.what {
        What::Outcome(outcome) => format!("ends with {outcome}"),
        What::Stuck(outcome) => format!("nobody can run any more, with {outcome}"),
        What::Finding(finding) => format!("{} {}: {}", finding.code, finding.code.title(), finding.message),
    }
}

/// The difference as a finding whose place is where its execution ends, or where the finding is that it consists in.
pub(super) fn finding(difference: &Difference, replay: Option<&Replay>, width: usize) -> Option<Finding> {
    let subject = "outcome".into();
    // Below the title, which is indented; a narrow page breaks it anyway.
    let message = match width >= columns::PAGE_COLUMNS {
        true => columns::wrap(&said(difference), columns::PAGE_COLUMNS - 9).join("\n       "),
        false => said(difference),
    };
    if let What::Finding(finding) = &difference.what {
        return Some(Finding { code: difference.code, message, ..(**finding).clone() });
    }
    let lines = &replay?.lines;
    let returns = |it: &&crate::explore::schedule::Line| matches!(it.event.what, Happens::Note(Note::Return(..)));
    let of_tasks = || lines.iter().filter(|line| line.event.task != TaskId::BOOT && line.event.task != TaskId::CLOCK);
    let event = of_tasks().rfind(returns).or(of_tasks().next_back())?.event;
    let at = Spot { step: event.step, task: event.task, place: event.place, set_up_of: None };
    let label = "the last call returns".to_owned();
    Some(Finding { code: difference.code, subject, message, at: (at, label), other: None, step: event.step })
}

/// One scenario: its verdict.
pub fn scenario_line(compared: &Compared) -> String {
    let [old, new] = compared.designs.map(|design| design.full_name());
    let name = compared.scenario.name;
    let stands = match compared.relation() {
        Some(relation) => format!("{} {name}: {}", relation.text().to_uppercase(), meaning(relation, &old, &new)),
        None => {
            let side = compared.sides.iter().find(|side| !side.complete());
            format!("{} {name}: not known", side.map_or_else(String::new, completeness))
        }
    };
    let side = |name: &str, verdict: &Verdict| {
        let outcomes = verdict.outcomes.len() + verdict.deadlocks.len();
        format!("{name} {}, {}", count(outcomes as u64, "outcome"), proof(verdict))
    };
    format!("{stands}\n  {}\n  {}\n", side(&old, &compared.sides[0]), side(&new, &compared.sides[1]))
}
