//! The verdict as text, and as values for JSON.

use serde::Serialize;

use super::check::{AsDrawn, Report, Run, Unit};
use super::claimed::Standing;
use super::diagnostic::{Diagnostic, render};
use super::finding::Finding;
use super::source::{Place, Source};
use crate::lockdep::certainty::Graded;

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// What is wrong with the input, each mistake over its line.
pub fn mistakes(report: &Report) -> String {
    let mut text: String = report.mistakes.iter().map(|mistake| render(&report.source, mistake) + "\n").collect();
    text.push_str(&format!(
        "{}: {}, and nothing was checked\n",
        report.source.name,
        count(report.mistakes.len(), "mistake")
    ));
    text
}

/// The verdict on a file without mistakes.
pub fn text(report: &Report) -> String {
    let mut text: String = report.units.iter().map(|unit| of_unit(&report.source, unit)).collect();
    if report.units.is_empty() {
        text.push_str(&format!(
            "{}, and no outline that they apply to: nothing to check\n",
            count(report.declarations, "declaration")
        ));
    }
    if !report.unread.is_empty() {
        text.push_str(&format!(
            "\n{} of {} were not read as code\n",
            report.unread.len(),
            count(report.source.original.len(), "line")
        ));
    }
    text
}

fn of_unit(source: &Source, unit: &Unit) -> String {
    let mut text = String::new();
    for finding in &unit.findings {
        text.push_str(&render(source, &finding.diagnostic()));
        if let Some(schedule) = &finding.schedule {
            text.push('\n');
            text.push_str(schedule);
        }
        text.push('\n');
    }
    for remark in &unit.remarks {
        text.push_str(&render(source, remark));
        text.push('\n');
    }
    let said = |assumed: &super::scope::Assumption| (assumed.place.line, assumed.what.clone(), assumed.declare.clone());
    let mut sorted: Vec<&super::scope::Assumption> = unit.assumptions.iter().collect();
    sorted.sort_by_key(|assumption| assumption.place);
    text.push_str(&assumptions(&sorted.into_iter().map(said).collect::<Vec<_>>()));
    text.push_str(&drawn(source, unit));
    text.push_str(&last_line(unit));
    text
}

/// Each once, with its line and the declaration that would say it.
pub fn assumptions(assumed: &[(u32, String, Option<String>)]) -> String {
    if assumed.is_empty() {
        return String::new();
    }
    let declared = assumed.iter().filter(|(.., declare)| declare.is_some());
    let width = declared.map(|(_, what, _)| what.len()).max().unwrap_or(0).min(70);
    let line = |(line, what, declare): &(u32, String, Option<String>)| match declare {
        Some(declare) => format!("  line {line:<4} {what:<width$}  {declare}\n"),
        None => format!("  line {line:<4} {what}\n"),
    };
    let lines: String = assumed.iter().map(line).collect();
    format!("assumed, and the line that would declare it\n{lines}\n")
}

/// The three answers about a diagram.
fn drawn(source: &Source, unit: &Unit) -> String {
    let Some(drawn) = &unit.drawn else { return String::new() };
    let mut text = match drawn {
        AsDrawn::Finding(code, line) => format!("as drawn:     {code} at line {line}\n"),
        AsDrawn::Possible => "as drawn:     possible, no finding\n".to_owned(),
        AsDrawn::Impossible(line, place, why) => {
            format!("as drawn:     impossible from line {line} on ({}): {why}\n", source.text_at(*place).trim())
        }
        AsDrawn::Unknown => "as drawn:     not decided: it does not end in as many steps as are tried\n".to_owned(),
    };
    let explored = unit.counted().filter(|finding| !finding.is_claim());
    let mut codes: Vec<&str> = explored.map(|finding| finding.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let found = if codes.is_empty() { "no finding".to_owned() } else { codes.join(" ") };
    text.push_str(&format!("in any order: {found}\n"));
    for (claim, place, standing) in &unit.claims {
        let verdict = match standing {
            Standing::Confirmed => "confirmed",
            Standing::Possible => "confirmed as far as the drawn order goes",
            Standing::Unconfirmed => "not confirmed",
        };
        text.push_str(&format!("claim:        {}, line {}: {verdict}\n", claim.text(), place.line));
    }
    text + "\n"
}

/// What was looked at, and whether that is all there is.
fn last_line(unit: &Unit) -> String {
    let complete = if unit.bounds.is_empty() {
        "COMPLETE".to_owned()
    } else {
        format!("INCOMPLETE (bound: {})", unit.bounds.join(", "))
    };
    let graded = unit.findings.iter().filter(|finding| !finding.counts()).count();
    let counted = unit.counted().count();
    let mut found = if counted == 0 { "clean".to_owned() } else { count(counted, "finding") };
    if graded > 0 {
        found.push_str(&format!(", {graded} graded"));
    }
    let states: u64 = unit.runs.iter().map(|run| run.states).sum();
    let runs = count(unit.runs.len(), "run");
    format!(
        "{complete} {} at line {}: {found}, every path, {runs}, {}, SC\n",
        unit.what,
        unit.line,
        count(states as usize, "state")
    )
}

/// A place for JSON: characters from 1.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct PlaceReport {
    line: u32,
    column: u32,
    end_column: u32,
    text: String,
}

fn place(place: Place, text: &str) -> PlaceReport {
    PlaceReport { line: place.line, column: place.from + 1, end_column: place.to + 1, text: text.to_owned() }
}

/// A mistake for JSON.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct MistakeReport {
    title: String,
    places: Vec<PlaceReport>,
    notes: Vec<String>,
}

/// A finding for JSON.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct FindingReport {
    code: &'static str,
    subject: String,
    title: String,
    graded: Option<String>,
    /// How sure it is, and its cure: of a rule about orders or contexts.
    grade: Option<GradeReport>,
    places: Vec<PlaceReport>,
    schedule: Option<Vec<String>>,
}

/// How sure a finding is, for JSON.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct GradeReport {
    word: &'static str,
    text: String,
    means: &'static str,
    cure: Option<String>,
}

fn grade(graded: &Graded) -> GradeReport {
    let Graded { certainty, text, cure } = graded.clone();
    GradeReport { word: certainty.word(), text, means: certainty.means(), cure }
}

/// One outline or diagram for JSON.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct UnitReport {
    what: &'static str,
    line: u32,
    names: Vec<String>,
    complete: bool,
    bounds: Vec<String>,
    findings: Vec<FindingReport>,
    assumptions: Vec<super::scope::Assumption>,
    drawn: Option<String>,
    claims: Vec<ClaimReport>,
    runs: Vec<Run>,
    locks: Vec<LockReport>,
}

/// A lock for JSON.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct LockReport {
    name: String,
    kind: &'static str,
}

/// A claim for JSON.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct ClaimReport {
    claim: &'static str,
    line: u32,
    confirmed: bool,
}

/// A file for JSON.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct FileReport {
    file: String,
    complete: bool,
    mistakes: Vec<MistakeReport>,
    units: Vec<UnitReport>,
    unread_lines: Vec<u32>,
}

fn mistake(mistake: &Diagnostic) -> MistakeReport {
    let places = mistake.labels.iter().map(|label| place(label.place, &label.text)).collect();
    MistakeReport { title: mistake.title.clone(), places, notes: mistake.notes.clone() }
}

fn finding(finding: &Finding) -> FindingReport {
    FindingReport {
        code: finding.code,
        subject: finding.subject.clone(),
        title: finding.title.clone(),
        graded: finding.grade.clone(),
        grade: finding.sure.as_ref().map(grade),
        places: finding.labels.iter().map(|label| place(label.place, &label.text)).collect(),
        schedule: finding.schedule.as_ref().map(|schedule| schedule.lines().map(str::to_owned).collect()),
    }
}

fn unit(source: &Source, unit: &Unit) -> UnitReport {
    let drawn = unit.drawn.as_ref().map(|_| {
        drawn(source, unit).lines().next().unwrap_or_default().trim_start_matches("as drawn:").trim().to_owned()
    });
    UnitReport {
        what: unit.what,
        line: unit.line,
        names: unit.names.clone(),
        complete: unit.bounds.is_empty(),
        bounds: unit.bounds.clone(),
        findings: unit.findings.iter().map(finding).collect(),
        assumptions: unit.assumptions.clone(),
        drawn,
        claims: unit
            .claims
            .iter()
            .map(|(claim, place, standing)| ClaimReport {
                claim: claim.text(),
                line: place.line,
                confirmed: *standing == Standing::Confirmed,
            })
            .collect(),
        runs: unit.runs.clone(),
        locks: unit.locks.iter().map(|(name, kind)| LockReport { name: name.clone(), kind: kind.text() }).collect(),
    }
}

/// The verdict on a file as a value.
pub fn json(report: &Report) -> FileReport {
    FileReport {
        file: report.source.name.clone(),
        complete: report.is_complete(),
        mistakes: report.mistakes.iter().map(mistake).collect(),
        units: report.units.iter().map(|known| unit(&report.source, known)).collect(),
        unread_lines: report.unread.clone(),
    }
}
