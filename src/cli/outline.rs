//! `outline`: what a call does, as executed.

use anyhow::Result;
use lockwright::explore::schedule::{Guide, replay};
use lockwright::report::json::{self, CallOutline, Outlined};
use lockwright::report::outline::Outline;
use lockwright::scenario::subject;

use super::{Status, print, select};

/// Levels shown unless asked for more: enough for every lock that a design takes.
const LEVELS: usize = 4;

/// Which call of which design.
#[derive(clap::Args)]
pub struct Arguments {
    /// The design, or a mutant such as spinlock:no-recheck.
    #[arg(long)]
    design: String,
    /// The call; all that are known if none is given.
    #[arg(long)]
    call: Option<String>,
    /// Levels of calls to show.
    #[arg(long, value_name = "N", conflicts_with = "full", value_parser = clap::value_parser!(u16).range(1..))]
    depth: Option<u16>,
    /// Show all levels.
    #[arg(long)]
    full: bool,
}

/// Runs the calls alone and prints their outlines.
pub fn run(arguments: &Arguments, as_json: bool) -> Result<Status> {
    let designs = select::designs(std::slice::from_ref(&arguments.design));
    let (designs, calls) = select::both(designs, select::calls(arguments.call.as_deref()))?;
    let design = designs[0];
    let levels = if arguments.full { usize::MAX } else { arguments.depth.map_or(LEVELS, usize::from) };
    let mut outlines = Vec::new();
    for call in calls {
        let names = call.scenario.names();
        let replay = replay(&*subject(design, &call.scenario), &names, &Guide::Sequential)?;
        let outline = Outline::executed(&replay, call.task).iter().map(|outline| outline.cut(levels)).collect();
        let ended: Option<String> =
            replay.findings.first().map(|finding| format!("{} {}", finding.code, finding.message));
        outlines.push((call.about, CallOutline { call: call.name, outline }, ended));
    }
    if as_json {
        let calls = outlines.into_iter().map(|(_, call, _)| call).collect();
        print(&json::text("outline", Outlined { design: design.full_name(), calls }))?;
    } else {
        let pages: Vec<String> =
            outlines.iter().map(|(about, call, ended)| page(about, call, ended.as_deref())).collect();
        print(&pages.join("\n"))?;
    }
    Ok(Status::Clean)
}

/// What was found says why an outline ends early: on a design that is only there to show that it does not work.
fn page(about: &str, call: &CallOutline, found: Option<&str>) -> String {
    let outlines: String = call.outline.iter().map(Outline::with_locks).collect();
    let found = found.map_or(String::new(), |found| format!("found: {found}\n"));
    format!("{}: {about}\n\n{outlines}{found}", call.call)
}
