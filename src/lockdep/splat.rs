//! A finding in the form of a kernel's report, for eyes and scripts that are used to one.
//!
//! Headlines and order are those of Linux; what a splat leaves out (the second place of a dependency, participants beyond two CPUs) is added as lines of
//! its own. There are no addresses and no stacks: a step is `step N`.

use super::answer::Judged;
use super::case::Case;
use super::finding::{Edge, Finding, Kind};

const RULE: &str = "======================================================";

/// The report of a case; nothing if it is clean.
pub fn splat(case: &Case, judged: &Judged) -> String {
    judged.report.as_ref().map_or_else(String::new, |finding| one(case, finding))
}

/// What the kernel calls it.
fn headline(kind: Kind) -> &'static str {
    match kind {
        Kind::Recursion => "WARNING: possible recursive locking detected",
        Kind::Circular => "WARNING: possible circular locking dependency detected",
        Kind::InconsistentState => "WARNING: inconsistent lock state",
        Kind::IrqInversion => "WARNING: possible irq lock inversion dependency detected",
        Kind::IrqOrder => "WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected",
        Kind::WaitContext => "[ BUG: Invalid wait context ]",
        Kind::BadUnlock => "WARNING: bad unlock balance detected!",
        Kind::HeldLockReinit => "WARNING: held lock freed!",
        Kind::NestNotHeld => "WARNING: Nested lock was not taken",
        Kind::SleepInAtomic => "BUG: sleeping function called from invalid context",
        _ => "WARNING: lock misuse",
    }
}

fn text(case: &Case, step: usize) -> &str {
    case.texts.get(step).map_or("", String::as_str)
}

fn one(case: &Case, finding: &Finding) -> String {
    let mut page = format!("{RULE}\n{}\n{RULE}\n", headline(finding.kind));
    page += &format!("{}/1 at step {}: {}\n", case.id, finding.place.step, text(case, finding.place.step));
    page += &format!("{}\n", finding.message);
    for (place, note) in &finding.notes {
        page += &format!("  step {}: {}   {note}\n", place.step, text(case, place.step));
    }
    if !finding.cycle.is_empty() {
        page += "\nthe dependency chain, newest first:\n";
        let mut edges: Vec<&Edge> = finding.cycle.iter().collect();
        edges.sort_by_key(|edge| std::cmp::Reverse((edge.to.place, edge.from.place)));
        for (number, edge) in edges.iter().enumerate().map(|(at, edge)| (edges.len() - 1 - at, edge)) {
            page += &link(case, number, edge);
        }
        page += &scenario(case, finding);
    }
    page
}

/// A dependency: the lock that is wanted, with both places.
fn link(case: &Case, number: usize, edge: &Edge) -> String {
    let name = |lock: usize| case.locks.all[lock].name.as_str();
    let irq = edge.irq.map_or(String::new(), |(level, _)| format!(" in a {}", level.word()));
    let (held, wanted) = (edge.from.place.step, edge.to.place.step);
    format!(
        "-> #{number} ({}){irq}:\n     step {wanted}: {}\n     with {} since step {held}: {}\n",
        name(edge.to.lock),
        text(case, wanted),
        name(edge.from.lock),
        text(case, held),
    )
}

/// A column for each participant.
fn scenario(case: &Case, finding: &Finding) -> String {
    let name = |lock: usize| case.locks.all[lock].name.as_str();
    let width = 24;
    let heads: String =
        (0..finding.cycle.len()).map(|cpu| format!("{:<width$}", format!("CPU{cpu}"))).collect::<Vec<_>>().concat();
    let mut page = format!("\n Possible unsafe locking scenario:\n\n  {}\n", heads.trim_end());
    let row = |column: usize, text: String| format!("  {}{text}\n", " ".repeat(column * width));
    for (column, edge) in finding.cycle.iter().enumerate() {
        page += &row(column, format!("lock({});", name(edge.from.lock)));
    }
    for (column, edge) in finding.cycle.iter().enumerate() {
        if edge.irq.is_some() {
            page += &row(column, "<Interrupt>".to_owned());
        }
        page += &row(column, format!("lock({});", name(edge.to.lock)));
    }
    page + "\n  *** DEADLOCK ***\n"
}
