//! `outline`: what a call does, as executed.

use anyhow::{Result, bail};
use lockwright::explore::schedule::{Guide, replay};
use lockwright::lease::designs::Entry;
use lockwright::report::json::{self, CallOutline, Outlined};
use lockwright::report::outline::Outline;
use lockwright::scenario::alone::Alone;
use lockwright::scenario::{FsKind, file, subject};
use lockwright::study::cells;

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
    /// The file system of the file: local; network, which asks a file server; or refusing, as NFS in 2007.
    #[arg(long, value_name = "KIND", default_value = "local")]
    fs: String,
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
    let names = select::both(select::calls(arguments.call.as_deref()), select::fs(&arguments.fs));
    let (designs, (calls, fs)) = select::both(designs, names)?;
    let design = designs[0];
    let calls: Vec<Alone> = calls.into_iter().map(|call| call.on(fs)).collect();
    can_be_made(design, &calls, fs)?;
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
        print(&json::text("outline", Outlined { design: design.full_name(), fs, calls }))?;
    } else {
        let pages: Vec<String> =
            outlines.iter().map(|(about, call, ended)| page(about, fs, call, ended.as_deref())).collect();
        print(&pages.join("\n"))?;
    }
    Ok(Status::Clean)
}

/// Does the design know what to do there, and can the calls be made at all? Who wants to give up a lease must have got one.
fn can_be_made(design: Entry, calls: &[Alone], fs: FsKind) -> Result<()> {
    let name = design.full_name();
    if !calls.iter().all(|call| cells::applies(design, &call.scenario)) {
        bail!("nothing was run: design {name} knows of no file system that asks a server");
    }
    // On all others every set-up works, or is itself what the design does not get through.
    let refused = calls.iter().filter(|_| fs == FsKind::Refusing);
    let problems: Vec<String> = refused
        .filter_map(|call| Some(format!("\n  call {}: {}", call.name, file::setup_problem(design, &call.scenario)?)))
        .collect();
    if !problems.is_empty() {
        bail!(
            "nothing was run: calls that need a lease cannot be made on a file system that refuses{}",
            problems.concat()
        );
    }
    Ok(())
}

/// What was found says why an outline ends early: on a design that is only there to show that it does not work.
fn page(about: &str, fs: FsKind, call: &CallOutline, found: Option<&str>) -> String {
    let outlines: String = call.outline.iter().map(Outline::with_locks).collect();
    let found = found.map_or(String::new(), |found| format!("found: {found}\n"));
    let place = match fs {
        FsKind::Local => "",
        FsKind::Network => ", on a network file system",
        FsKind::Refusing => ", on a file system that refuses",
    };
    format!("{}: {about}{place}\n\n{outlines}{found}", call.call)
}
