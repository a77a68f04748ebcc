//! How sure the findings of an outline are that are rules about orders or contexts: does some order of the tasks lead to the hang?
//!
//! The walk of every path says that a rule is broken; the machine runs the entries in every order. Where it hangs on the same locks, that is the finding's
//! interleaving. Where it has seen every order and nothing hangs, it says so: of the entries that were run together, each once.
//!
//! It cannot see more than that: with another hang in the way, what comes after it is not known.

use std::collections::BTreeSet;

use super::finding::Finding;
use crate::lockdep::certainty::{Certainty, Graded};

/// Grades the findings of an outline, when all of it has been run; `bounds` are those that were hit.
pub(super) fn grade(findings: &mut [Finding], bounds: &[String]) {
    let grades: Vec<Option<Graded>> = findings.iter().map(|finding| of(finding, findings, bounds)).collect();
    for (finding, graded) in findings.iter_mut().zip(grades) {
        finding.sure = graded;
    }
}

fn of(finding: &Finding, all: &[Finding], bounds: &[String]) -> Option<Graded> {
    if finding.is_claim() {
        return None;
    }
    let (certainty, text) = match (finding.code, &finding.grade) {
        ("LW003" | "LW004", Some(outer)) => (Certainty::Serialised, outer.clone()),
        ("LW003" | "LW004", None) => reached(finding, all, bounds),
        ("LW005", _) => (Certainty::Certain, "certain on this path".to_owned()),
        _ => return None,
    };
    let cure = match (&certainty, &finding.grade) {
        (Certainty::Serialised, Some(_)) => Some("None is needed while that lock is held around both.".to_owned()),
        _ => cure(finding),
    };
    Some(Graded { certainty, text, cure })
}

/// Is there a hang of these tasks that is this finding's?
fn reached(finding: &Finding, all: &[Finding], bounds: &[String]) -> (Certainty, String) {
    let hangs = || all.iter().filter(|other| matches!(other.code, "LW001" | "LW008" | "LW009"));
    if let Some(hang) = hangs().find(|hang| is_of(hang, finding)) {
        return (Certainty::Interleaving, format!("needs an interleaving: {} below has one", hang.code));
    }
    match (bounds.first(), hangs().next()) {
        (Some(bound), _) => (Certainty::Unconfirmed, format!("not confirmed (bound: {bound})")),
        (None, Some(hang)) => (Certainty::Unconfirmed, format!("not confirmed: {} comes first", hang.code)),
        (None, None) => {
            (Certainty::NotReached, "nothing hangs in the entries that were run together, each run once".to_owned())
        }
    }
}

/// Does the hang wait for the locks of the cycle; or, where an interrupt is part of it, for the lock that is held there?
fn is_of(hang: &Finding, finding: &Finding) -> bool {
    let locks = |subject: &str| subject.split('/').map(str::to_owned).collect::<BTreeSet<_>>();
    let (waits, cycle) = (locks(&hang.subject), locks(&finding.subject));
    match finding.code {
        "LW003" => waits == cycle,
        _ => cycle.is_subset(&waits),
    }
}

/// The smallest change.
fn cure(finding: &Finding) -> Option<String> {
    let line = |at: usize| finding.labels.get(at).map_or(0, |label| label.place.line);
    let at_line = |line: u32| if line == 0 { String::new() } else { format!(" (line {line})") };
    // Of "g: a is taken here", the lock.
    let lock = |at: usize, end: &str| {
        let text = finding.labels.get(at)?.text.strip_suffix(end)?;
        Some(text.rsplit_once(": ").map_or(text, |(_, lock)| lock))
    };
    Some(match finding.code {
        "LW003" => {
            // The labels of a cycle are pairs: where a lock is taken, and where the one around it was. The last pair is the one to turn.
            let last = finding.labels.len().saturating_sub(2);
            let pair = lock(last, " is taken here").zip(lock(last + 1, " is held since here"));
            match pair {
                // The same lines, with two objects of one class the other way round.
                Some(_) if last > 0 && finding.labels[last].place == finding.labels[0].place => {
                    "Take the two in an order that is the same for everybody, such as that of their addresses."
                        .to_owned()
                }
                Some((taken, held)) => format!(
                    "Take {taken} before {held}{}, as the others do, or release {held} first{}.",
                    at_line(line(last + 1)),
                    at_line(line(last))
                ),
                None => "Take the locks in the order that is declared.".to_owned(),
            }
        }
        "LW004" => {
            let variant = if finding.title.contains("softirq") { "_bh" } else { "_irqsave" };
            format!("Take {} with {variant}{}.", finding.subject, at_line(line(0)))
        }
        "LW005" => format!(
            "Take {} before the raw spinlock, or make it raw too: on a real-time kernel a spinlock_t sleeps.",
            finding.subject
        ),
        _ => return None,
    })
}
