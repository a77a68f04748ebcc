//! `lease`: lease scripts on a design, each held against its recording.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use lockwright::report::json;
use lockwright::script;

use super::{Status, print, select};

/// What `lease` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Lease scripts, one JSON object a line.
    file: PathBuf,
    /// The design to run them on: bkl, spinlock, or a mutant such as spinlock:no-recheck.
    #[arg(long)]
    design: String,
}

/// What `--json` prints.
#[derive(serde::Serialize)]
struct Reports<'a> {
    design: String,
    scripts: &'a [script::Report],
}

/// Runs the scripts of a file, all or none.
///
/// # Errors
/// If the design is unknown, or any line of the file is wrong: then nothing runs.
pub fn run(arguments: &Arguments, as_json: bool) -> Result<Status> {
    let (designs, scripts) =
        select::both(select::designs(std::slice::from_ref(&arguments.design)), read(&arguments.file))?;
    let design = designs[0];
    let reports: Vec<script::Report> = scripts.iter().map(|script| script::run(script, design)).collect();
    let status = if script::exit_code(&reports) == 0 { Status::Clean } else { Status::Findings };
    if as_json {
        print(&json::text("lease", Reports { design: design.full_name(), scripts: &reports }))?;
    } else {
        let lines: Vec<String> = reports.iter().map(|report| format!("{report}\n")).collect();
        print(&format!("{}\n{}", lines.concat(), script::summary(&reports)))?;
    }
    Ok(status)
}

/// All scripts of the file, or all that is wrong with it.
fn read(file: &Path) -> Result<Vec<script::Script>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{}: cannot be read", file.display()))?;
    script::parse(&text).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
        anyhow!("{}: nothing was run\n{}", file.display(), problems.join("\n"))
    })
}
