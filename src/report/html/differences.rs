//! What else changed: each reason why two designs differ, with an execution that can be stepped through on the one side, and the proof
//! of absence on the other.

use super::Input;
use super::findings::quoted;
use super::traces::Traces;
use crate::check::Code;
use crate::explore::compare::Relation;
use crate::explore::schedule::Replay;
use crate::report::compare::{self, Example, Group};
use crate::study::compare::Compared;

/// A difference as it is shown.
pub(super) struct Difference {
    pub anchor: String,
    pub code: String,
    pub title: &'static str,
    pub message: String,
    /// The design that it happens in.
    pub design: String,
    pub scenario: &'static str,
    pub about: &'static str,
    /// The design that never does it, and how that one was gone through.
    pub other: String,
    pub proof: String,
    /// The number of its trace; none if only loom's memory shows it.
    pub trace: Option<usize>,
    pub command: String,
}

/// A reason why two designs differ.
pub(super) struct Reason {
    /// The number of the bug, `meant`, or `?`.
    pub name: &'static str,
    pub why: &'static str,
    /// In how many scenarios it shows in the new design alone, and in the old one alone.
    pub counts: [String; 2],
    pub examples: Vec<Difference>,
}

/// The comparison of two designs.
pub(super) struct Comparison {
    pub verdict: String,
    pub reasons: Vec<Reason>,
    /// How many scenarios stand how.
    pub stands: Vec<(usize, &'static str)>,
    pub proof: String,
    pub unexplained: usize,
}

impl Comparison {
    pub fn new(input: &Input<'_>, traces: &mut Traces) -> Comparison {
        let groups = compare::groups(input.compared);
        let reasons = groups.iter().map(|group| reason(input, group, traces)).collect();
        let each = [Relation::Equal, Relation::Narrower, Relation::Wider, Relation::Incomparable];
        let of = |wanted: Relation| input.compared.iter().filter(|it| it.relation() == Some(wanted)).count();
        let text = compare::verdict(input.compared);
        let (verdict, proof) = text.trim_end().split_once('\n').unwrap_or((text.trim_end(), ""));
        Comparison {
            verdict: verdict.to_owned(),
            reasons,
            stands: each.iter().map(|it| (of(*it), it.text())).filter(|(number, _)| *number > 0).collect(),
            proof: proof.to_owned(),
            unexplained: input.compared.iter().map(|compared| compared.unexplained().count()).sum(),
        }
    }
}

fn reason(input: &Input<'_>, group: &Group, traces: &mut Traces) -> Reason {
    let shown = |number: usize| if number == 0 { "\u{2013}".to_owned() } else { number.to_string() };
    let of_group = input.examples.iter().filter(|((at, number), _)| {
        let compared = &input.compared[*at];
        compared.scenario.name == group.example.0 && group.is(compared.differences[*number].1)
    });
    Reason {
        name: group.name(),
        why: group.words(),
        counts: group.scenarios.map(shown),
        examples: of_group.map(|(example, replay)| view(input, *example, replay.as_ref(), traces)).collect(),
    }
}

fn view(input: &Input<'_>, (at, number): Example, replay: Option<&Replay>, traces: &mut Traces) -> Difference {
    let compared = &input.compared[at];
    let difference = &compared.differences[number].0;
    let side = Compared::side_of(difference);
    let [design, other] = [side, 1 - side].map(|side| compared.designs[side].full_name());
    let names = compared.scenario.names();
    let finding = compare::finding(difference, replay, usize::MAX);
    let trace = finding.as_ref().zip(replay).map(|(finding, replay)| traces.add(finding, replay, &names, None));
    let [old, new] = input.pair.map(|design| design.full_name());
    let argument = argument(input, compared);
    Difference {
        anchor: format!("{}-{}-{}", difference.code, compared.scenario.name, number + 1),
        code: difference.code.to_string(),
        title: title(difference.code),
        message: compare::said(difference),
        design,
        scenario: compared.scenario.name,
        about: compared.scenario.about,
        other,
        proof: compare::proof(&compared.sides[1 - side]),
        trace,
        command: format!("lockwright compare {old} {new} {}", quoted(&argument)),
    }
}

/// In words that do not depend on which design is meant.
fn title(code: Code) -> &'static str {
    if code == Code::LW050 { "only since the change" } else { "only before the change" }
}

/// How the scenario is named on the command line.
fn argument(input: &Input<'_>, compared: &Compared) -> String {
    let same = input.cells.iter().find(|it| it.cell.scenario.name == compared.scenario.name);
    same.map_or_else(|| compared.scenario.name.to_owned(), |it| it.argument.clone())
}
