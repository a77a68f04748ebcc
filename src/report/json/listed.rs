//! What `list` and `explain` print.

use serde::Serialize;

use crate::check::Code;
use crate::study::mutants::Row;

/// Of `list`.
#[derive(Default, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Listed {
    /// The designs.
    pub designs: Vec<Named>,
    /// The mutants.
    pub mutants: Vec<MutantReport>,
    /// The scenarios.
    pub scenarios: Vec<Named>,
    /// The engines.
    pub engines: Vec<Named>,
    /// The calls that `outline` knows.
    pub calls: Vec<Named>,
    /// The codes of findings.
    pub codes: Vec<Named>,
}

/// A mutant, and what catches it.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct MutantReport {
    /// Its name on the command line.
    pub name: String,
    /// What it does wrong.
    pub about: &'static str,
    /// The number of the bug in the history of `fs/locks.c`.
    pub number: Option<&'static str>,
    /// The code of the finding that catches it.
    pub code: Code,
    /// The scenario in which it does.
    pub scenario: &'static str,
    /// The design without the bug, which is clean there.
    pub sound: &'static str,
    /// When it came into Linux and what took it out.
    pub in_linux: Option<&'static str>,
}

impl MutantReport {
    /// Of a row of the table.
    pub fn new(row: &Row) -> MutantReport {
        let given = |text: &'static str| (!text.is_empty()).then_some(text);
        MutantReport {
            name: row.full_name(),
            about: row.about,
            number: given(row.number),
            code: row.code,
            scenario: row.scenario,
            sound: row.sound,
            in_linux: given(row.fixed),
        }
    }
}

/// Something with a name on the command line.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Named {
    /// The name.
    pub name: String,
    /// A sentence on it.
    pub about: String,
}

/// Of `explain`.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Explained<'a> {
    /// The code, or the number of a bug.
    pub code: &'a str,
    /// What it means, in a few words.
    pub title: &'a str,
    /// Its page; that of a code is Markdown.
    pub page: &'a str,
}
