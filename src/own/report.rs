//! The verdict on a model, where people test: a panic with the page of what is wrong, and a line that runs its schedule again.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::program::{Own, Root};
use super::replay;
use crate::boot::Checked;
use crate::engine::controlled::Limits;
use crate::event::Place;
use crate::explore::{Bound, Config, EngineKind, Subject, Verdict, explore_with_witnesses};

/// Steps of an execution, at least.
pub const STEPS_MAX: u32 = 20_000;

/// What is asked of an exploration.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Which search.
    pub search: EngineKind,
    /// Its workers.
    pub jobs: usize,
    /// Steps of an execution, at most.
    pub steps_max: u32,
    /// Executions, at most.
    pub executions_max: Option<u64>,
    /// States, at most.
    pub states_max: u64,
    /// Executions that are drawn by chance.
    pub runs: Option<u64>,
    /// What they are drawn from.
    pub seed: Option<u64>,
    /// The depth of the bugs that `pct` is after.
    pub depth: Option<u32>,
    /// Time, at most.
    pub duration_max: Option<Duration>,
    /// Preemptions of an execution, at most.
    pub preemptions_max: Option<u32>,
    /// Where pages go.
    pub save: Option<PathBuf>,
    /// The schedule to run again.
    pub replay: Option<String>,
}

/// What was seen, and how to come there again.
pub struct Explored {
    /// Findings, outcomes, counts.
    pub checked: Checked,
    /// Of each finding, the line that runs its schedule again.
    lines: Vec<String>,
}

/// The search of that name.
///
/// # Panics
/// If there is none.
pub fn search_named(name: &str) -> EngineKind {
    match name {
        "explorer" => EngineKind::Explorer,
        "dpor" => EngineKind::Dpor,
        "source-dpor" => EngineKind::SourceDpor,
        "brute" => EngineKind::Brute,
        "random" => EngineKind::Random,
        "pct" => EngineKind::Pct,
        _ => panic!("LOCKWRIGHT_SEARCH={name}: the searches are explorer, dpor, source-dpor, brute, random, pct"),
    }
}

impl Asked {
    fn config(&self) -> Config {
        let is_explorer = self.search == EngineKind::Explorer;
        let default = Config::with_engine(self.search);
        Config {
            jobs: if is_explorer && self.preemptions_max.is_none() { self.jobs } else { 1 },
            preemptions_max: self.preemptions_max,
            executions_max: self.executions_max.unwrap_or(default.executions_max),
            states_max: if is_explorer { self.states_max } else { default.states_max },
            limits: Limits { steps_max: self.steps_max, ..Limits::default() },
            runs: self.runs.unwrap_or(default.runs),
            seed: self.seed.unwrap_or(default.seed),
            depth: self.depth.unwrap_or(default.depth),
            interrupt: self.duration_max.map(|_| Arc::new(AtomicBool::new(false))),
            ..default
        }
    }

    /// Did somebody ask for less than everything?
    fn asks_for(&self, bound: Bound) -> bool {
        match bound {
            Bound::Preemptions(_) => self.preemptions_max.is_some(),
            Bound::Executions(_) => self.executions_max.is_some(),
            Bound::Interrupted => self.duration_max.is_some(),
            // What the program does, not the search: no option would change it.
            Bound::Pointers | Bound::Counts => true,
            Bound::Sampled { .. } => true,
            _ => false,
        }
    }
}

/// Sets the flag after the time.
fn ring(after: Duration, flag: Arc<AtomicBool>) {
    thread::spawn(move || {
        thread::sleep(after);
        flag.store(true, Ordering::Relaxed);
    });
}

/// Explores a closure that was given in that place.
///
/// # Panics
/// If it cannot be explored.
pub fn explore(asked: &Asked, root: Root, place: Place) -> Explored {
    let config = asked.config();
    if let (Some(after), Some(flag)) = (asked.duration_max, &config.interrupt) {
        ring(after, Arc::clone(flag));
    }
    let own = Arc::new(Own::new(root));
    let subject: Arc<dyn Subject> = own.clone();
    let verdict = explore_with_witnesses(&subject, &config)
        .unwrap_or_else(|error| panic!("{}:{}: {error}", place.file(), place.line()));
    let lines = verdict.findings.iter().map(|found| replay::line(&own, &found.schedule.transitions)).collect();
    let checked = Checked::of(verdict, config.jobs, subject, own.names(), place);
    Explored { checked, lines }
}

/// Explores a closure, and panics if something is wrong.
pub fn check(asked: Asked, root: Root, place: Place) {
    if let Some(schedule) = &asked.replay {
        replay::run(schedule, root, place);
        return;
    }
    let Explored { checked, lines } = explore(&asked, root, place);
    let verdict = &checked.verdict;
    let unasked = verdict.bound.filter(|bound| !asked.asks_for(*bound));
    if verdict.findings.is_empty() && unasked.is_none() {
        let text = checked.to_string();
        if verdict.complete() {
            println!("{}", text.trim_end())
        } else {
            eprintln!("{}", text.trim_end())
        }
        return;
    }
    let mut page = checked.to_string();
    for (found, line) in verdict.findings.iter().zip(&lines) {
        let name = thread::current().name().map_or_else(String::new, |name| format!(" {name}"));
        _ = writeln!(page, "\n{} again: LOCKWRIGHT_REPLAY='{line}' cargo test{name}", found.finding.code);
    }
    if let Some(folder) = &asked.save {
        save(folder, place, &page);
    }
    panic!("{}\n\n{page}", headline(verdict));
}

/// What is wrong, in a line.
fn headline(verdict: &Verdict) -> String {
    match (&verdict.findings[..], verdict.bound) {
        ([], Some(bound)) => format!("INCOMPLETE ({bound})"),
        (found, _) => {
            let codes: Vec<String> = verdict.codes().iter().map(|code| format!("{code} {}", code.title())).collect();
            let first = found.first().map_or_else(String::new, |found| format!(": {}", found.finding.message));
            format!("{}{first}", codes.join(", "))
        }
    }
}

/// Writes a page into a folder, under the name of the model's place.
fn save(folder: &std::path::Path, place: Place, page: &str) {
    let name = format!("{}-{}.txt", place.file().replace(['/', '\\'], "-"), place.line());
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(folder.join(name), page));
    if let Err(error) = written {
        eprintln!("LOCKWRIGHT_SAVE: {} cannot be written: {error}", folder.display());
    }
}
