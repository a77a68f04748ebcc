//! What comes of the claims of a figure: shown, possible as far as the drawn order goes, or not.
//!
//! Most figures tell their bug in words, at a row. Where locks, waits and frees are drawn, they decide. Where nothing that is drawn does,
//! the author's word is the finding, if the rows up to it are possible. Without such words there is no such finding.

use super::claims::Claim;
use super::diagnostic::Label;
use super::finding::Finding;
use super::machine::{Op, Program};
use super::source::Place;
use super::tree::Diagram;

/// What comes of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// An exploration shows it.
    Confirmed,
    /// Only words tell of it; the order that is drawn up to there is possible.
    Possible,
    /// What is drawn does not have it.
    Unconfirmed,
}

/// Each claim with its place and what comes of it.
pub type Claims = Vec<(Claim, Place, Standing)>;

/// Holds the claims against the codes that were found.
pub fn judge(diagram: &Diagram, program: &Program, found: &[&str], is_possible: bool) -> Claims {
    let standing = |claim: Claim, place: Place| {
        if claim.codes().iter().any(|code| found.contains(code)) {
            Standing::Confirmed
        } else if is_possible && !is_decided(claim, place, diagram, program) {
            Standing::Possible
        } else {
            Standing::Unconfirmed
        }
    };
    let mut claims: Claims =
        diagram.claims.iter().map(|(claim, place)| (*claim, *place, standing(*claim, *place))).collect();
    claims.sort_by_key(|(_, place, _)| *place);
    claims.dedup();
    claims
}

/// The findings that are claims which nothing drawn decides.
pub fn findings(claims: &Claims) -> impl Iterator<Item = Finding> {
    let told = claims.iter().filter(|(.., standing)| *standing == Standing::Possible);
    told.map(|(claim, place, _)| Finding {
        code: claim.named(),
        subject: format!("claim at line {}", place.line),
        title: format!("claimed: {}", claim.text()),
        labels: vec![Label {
            place: *place,
            text: "so says the figure, and the order up to here is possible".to_owned(),
        }],
        notes: vec![
            "confirmed as far as the drawn order goes: what goes wrong is told in words, and was not run".to_owned(),
        ],
        grade: None,
        sure: None,
        schedule: None,
        scene: None,
    })
}

/// Does what is drawn decide the claim? Waits that were run and ended do, and so do frees of the object that is said to be used.
fn is_decided(claim: Claim, place: Place, diagram: &Diagram, program: &Program) -> bool {
    let mut rows = Vec::new();
    for node in diagram.columns.iter().flat_map(|column| &column.body) {
        node.each(&mut |node| rows.push(node.place.line));
    }
    let Some(row) = rows.into_iter().filter(|row| *row <= place.line).max() else { return true };
    let ops = |row: Option<u32>| {
        let insts = program.tasks.iter().flat_map(|task| &task.insts);
        insts.filter(move |inst| row.is_none_or(|row| inst.place.line == row)).map(|inst| &inst.op)
    };
    if claim.is_wait() {
        return ops(Some(row)).any(Op::waits);
    }
    if claim == Claim::LostWake {
        return ops(None).any(|op| matches!(op, Op::Sleep(..) | Op::WaitCount(..)));
    }
    matches!(claim, Claim::UseAfterFree | Claim::DoubleFree)
        && ops(Some(row)).any(|op| matches!(op, Op::Use(_) | Op::Free(_)))
}
