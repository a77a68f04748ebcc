//! A schedule in a file: what `check --save` writes and `replay` reads.
//!
//! One JSON object. Design and scenario are named, the steps are named (see [`Step`]), and nothing in it depends on where
//! or when it was written. A step stands on a line of its own, so that two schedules can be held side by side by `diff`.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files;
use super::schedule::Step;
use crate::check::Code;
use crate::engine::Memory;

/// The version written, and the only one read.
pub const VERSION: u32 = 1;

/// Which finding a schedule was saved for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedFinding {
    /// Its code.
    pub code: Code,
    /// What it is about.
    pub subject: String,
}

/// A saved schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// The version of the format.
    pub lockwright: u32,
    /// The design, as the command line names it.
    pub design: String,
    /// The scenario.
    pub scenario: String,
    /// Under which memory.
    #[serde(default)]
    pub memory: Memory,
    /// The scenario as its file has it, if it is none of the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<serde_json::Value>,
    /// What it shows, if it was saved for a finding.
    pub finding: Option<SavedFinding>,
    /// The choices, in order.
    pub steps: Vec<Step>,
}

/// Why a text is no saved schedule.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is no JSON, or not of this shape.
    #[error("not a saved schedule")]
    Malformed(#[from] serde_json::Error),
    /// It is of another version.
    #[error("saved schedule of version {0}: this program reads version {VERSION}")]
    Version(u32),
}

/// Only the version: looked at first, because another version may have another shape.
#[derive(Deserialize)]
struct Header {
    lockwright: u32,
}

impl Saved {
    /// Reads a saved schedule.
    ///
    /// # Errors
    /// If the text is malformed, or of another version.
    pub fn parse(text: &str) -> Result<Saved, LoadError> {
        let header: Header = serde_json::from_str(text)?;
        if header.lockwright != VERSION {
            return Err(LoadError::Version(header.lockwright));
        }
        Ok(serde_json::from_str(text)?)
    }

    /// The text of the file.
    pub fn to_text(&self) -> String {
        let program = self.program.as_ref().map_or(String::new(), |it| format!("  \"program\": {},\n", json(it)));
        let steps: Vec<String> = self.steps.iter().map(|step| format!("    {}", json(step))).collect();
        format!(
            "{{\n  \"lockwright\": {},\n  \"design\": {},\n  \"scenario\": {},\n  \"memory\": {},\n{program}  \"finding\": {},\n  \"steps\": [\n{}\n  ]\n}}\n",
            self.lockwright,
            json(&self.design),
            json(&self.scenario),
            json(&self.memory),
            json(&self.finding),
            steps.join(",\n")
        )
    }

    /// Writes it into a directory, under its own name: a whole file, or none.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_into(&self, directory: &Path) -> io::Result<PathBuf> {
        let path = directory.join(self.file_name());
        files::write_whole(&path, |out| out.write_all(self.to_text().as_bytes()))?;
        Ok(path)
    }

    /// The name of its file: what it shows, and where.
    pub fn file_name(&self) -> String {
        let plain = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-', "-");
        let shown = match &self.finding {
            Some(finding) => format!("{}-{}", finding.code, plain(&finding.subject)),
            None => "schedule".to_owned(),
        };
        format!("{shown}-{}-{}.json", plain(&self.design), plain(&self.scenario))
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("names and numbers always have a JSON form")
}
