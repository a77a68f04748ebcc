//! `lease`: lease scripts on a design, each held against its recording.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use lockwright::explore::files::read_text;
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
#[derive(serde::Serialize, schemars::JsonSchema)]
pub(super) struct Reports<'a> {
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
    let text = read_text(file).with_context(|| format!("{}: cannot be read", file.display()))?;
    let scripts = script::parse(&text).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(|problem| rendered(problem, &text)).collect();
        anyhow!("{}: nothing was run\n{}", file.display(), problems.join("\n"))
    })?;
    ensure!(!scripts.is_empty(), "{}: nothing was run\n  the file has no script in it", file.display());
    Ok(scripts)
}

/// Columns of a source line that are shown on either side of a mistake: a script is one long line.
const EXCERPT_COLUMNS: usize = 40;

/// A mistake, and where its column is known the place in its line.
fn rendered(problem: &script::Problem, text: &str) -> String {
    let line: Vec<char> = text.lines().nth(problem.line - 1).unwrap_or_default().chars().collect();
    let Some(column) = problem.column.filter(|column| (1..=line.len()).contains(column)) else {
        return format!("  {problem}");
    };
    let start = column.saturating_sub(EXCERPT_COLUMNS + 1);
    let end = line.len().min(column + EXCERPT_COLUMNS);
    let excerpt: String = line[start..end].iter().map(|c| if c.is_control() { ' ' } else { *c }).collect();
    format!("  {problem}\n    | {excerpt}\n    | {:>width$}", '^', width = column - start)
}
