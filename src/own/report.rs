//! The verdict on a model, where people test: a panic with the page of what is wrong, and a line that runs its schedule again.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::here::Options;
use super::program::{Own, Root};
use super::replay;
use crate::boot::Checked;
use crate::check::Code;
use crate::engine::controlled::Limits;
use crate::event::Place;
use crate::explore::{Bound, Config, EngineKind, Found, Subject, Verdict, explore_with_witnesses};

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
    /// What is done about what could go wrong, and does not.
    pub unconfirmed: Unconfirmed,
    /// What else may happen, or is asked for.
    pub options: Options,
}

/// What is done about a lock order or a lock that stays held (LW003, LW007) when every order of the program was explored and nothing came
/// of it: no order deadlocks.
///
/// ```
/// use lockwright::model::{Builder, Unconfirmed};
///
/// let mut builder = Builder::new();
/// builder.unconfirmed = Unconfirmed::Fail;
/// let forgets = || std::mem::forget(lockwright::sync::Mutex::new(0).lock());
/// assert_eq!(builder.explore(forgets).verdict.findings.len(), 1);
/// assert_eq!(Builder::new().explore(forgets).notes.len(), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Unconfirmed {
    /// It is told, and the test passes.
    #[default]
    Note,
    /// The test fails.
    Fail,
    /// It is not told.
    Ignore,
}

impl std::str::FromStr for Unconfirmed {
    type Err = String;

    fn from_str(text: &str) -> Result<Unconfirmed, String> {
        match text {
            "note" => Ok(Unconfirmed::Note),
            "fail" => Ok(Unconfirmed::Fail),
            "ignore" => Ok(Unconfirmed::Ignore),
            _ => Err("one of note, fail, ignore is wanted".to_owned()),
        }
    }
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
        "threads" => EngineKind::Threads,
        "loom" => panic!(
            "LOCKWRIGHT_SEARCH=loom: these types do not stand on loom. Code that is written for loom runs under it without the line \
             `loom = {{ package = \"lockwright\" }}`, which is the second opinion"
        ),
        _ => panic!(
            "LOCKWRIGHT_SEARCH={name}: the searches are explorer, dpor, source-dpor, brute, random, pct, threads"
        ),
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
            Bound::Pointers | Bound::Counts | Bound::Unwinding => true,
            Bound::Sampled { .. } | Bound::Threads { .. } => true,
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
    let own = Arc::new(Own::new(root).with(asked.options));
    let subject: Arc<dyn Subject> = own.clone();
    let mut verdict = explore_with_witnesses(&subject, &config)
        .unwrap_or_else(|error| panic!("{}:{}: {error}", place.file(), place.line()));
    let notes = take_unconfirmed(&mut verdict, asked.unconfirmed);
    let lines = verdict.findings.iter().map(|found| replay::line(&own, &found.schedule.transitions)).collect();
    let checked = Checked::of(verdict, config.jobs, subject, own.names(), place).with_notes(notes).predicted(&config);
    Explored { checked, lines }
}

/// Takes out of a verdict what could go wrong and does not: it is a prediction, and every order was looked at. Where anything else is
/// wrong, or not all was explored, it stays: an execution that ends early hides what comes after.
fn take_unconfirmed(verdict: &mut Verdict, asked: Unconfirmed) -> Vec<Found> {
    let is_prediction = |found: &Found| matches!(found.finding.code, Code::LW003 | Code::LW007);
    let is_explored = matches!(verdict.bound, None | Some(Bound::Pointers | Bound::Counts | Bound::Unwinding));
    if asked == Unconfirmed::Fail || !is_explored || !verdict.findings.iter().all(is_prediction) {
        return Vec::new();
    }
    let notes = std::mem::take(&mut verdict.findings);
    if asked == Unconfirmed::Note { notes } else { Vec::new() }
}

/// Explores a closure, and panics if something is wrong.
pub fn check(asked: Asked, root: Root, place: Place) {
    if let Some(schedule) = &asked.replay {
        replay::run(schedule, Own::new(root).with(asked.options), place);
        return;
    }
    let Explored { checked, lines } = explore(&asked, root, place);
    let verdict = &checked.verdict;
    let unasked = verdict.bound.filter(|bound| !asked.asks_for(*bound));
    if verdict.findings.is_empty() && unasked.is_none() {
        let text = checked.to_string();
        if verdict.complete() && checked.notes.is_empty() && checked.predicted.notes.is_empty() {
            println!("{}", text.trim_end())
        } else {
            eprintln!("{}", text.trim_end())
        }
        return;
    }
    let mut page = checked.to_string();
    let test = test_name();
    // What takes two executions has no schedule that shows it.
    let is_one = |found: &Found| {
        found.finding.other.as_ref().is_none_or(|(spot, _)| spot.step > 0 || found.finding.code != Code::LW003)
    };
    for (found, line) in verdict.findings.iter().zip(&lines).filter(|(found, _)| is_one(found)) {
        let name = test.as_ref().map_or_else(String::new, |name| format!(" {name} -- --exact"));
        _ = writeln!(page, "\n{} again: LOCKWRIGHT_REPLAY='{line}' cargo test{name}", found.finding.code);
    }
    if let Some(folder) = &asked.save {
        save(folder, test.as_deref(), place, &page);
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

/// The test that runs: the harness calls its thread so.
fn test_name() -> Option<String> {
    thread::current().name().filter(|name| *name != "main").map(str::to_owned)
}

/// Writes a page into a folder, under the name of the test and the model's place. Tests may share the place.
fn save(folder: &std::path::Path, test: Option<&str>, place: Place, page: &str) {
    let test = test.map_or_else(String::new, |test| format!("{}-", test.replace("::", "-")));
    let name = format!("{test}{}-{}.txt", place.file().replace(['/', '\\'], "-"), place.line());
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(folder.join(name), page));
    if let Err(error) = written {
        eprintln!("LOCKWRIGHT_SAVE: {} cannot be written: {error}", folder.display());
    }
}
