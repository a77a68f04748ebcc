//! Models of user-land code, as loom has them: a closure is run in every order of its threads.
//!
//! ```
//! use lockwright::sync::{Arc, Mutex};
//!
//! lockwright::model(|| {
//!     let n = Arc::new(Mutex::new(0));
//!     let threads: Vec<_> = (0..2)
//!         .map(|_| { let n = n.clone(); lockwright::thread::spawn(move || *n.lock().unwrap() += 1) })
//!         .collect();
//!     threads.into_iter().for_each(|thread| thread.join().unwrap());
//!     assert_eq!(*n.lock().unwrap(), 2);
//! });
//! ```
//!
//! The explorer remembers states and stops at those it knows ([`mod@crate::explore`]); other searches are chosen by [`Builder::search`] or the
//! environment. What is wrong is a panic with the page that the command line shows, and a line that runs that schedule again:
//!
//! | variable | what it does |
//! |---|---|
//! | `LOCKWRIGHT_SEARCH` | `explorer`, `dpor`, `source-dpor`, `brute`, `random`, `pct`, `threads` |
//! | `LOCKWRIGHT_JOBS` | workers of the explorer |
//! | `LOCKWRIGHT_REPLAY` | the schedule of a finding, as its page prints it: runs that alone |
//! | `LOCKWRIGHT_SAVE` | a directory for the pages of findings |
//! | `LOCKWRIGHT_UNCONFIRMED` | `note`, `fail` or `ignore`: [`Builder::unconfirmed`] |
//! | `LOCKWRIGHT_SPURIOUS=1` | waits on condition variables, and `park`, may end without a notification; weak exchanges may fail |
//! | `LOCKWRIGHT_FAIR=1` | a writer that waits for a `RwLock` keeps readers out |
//! | `LOCKWRIGHT_JOINS=1` | a thread that is never joined is a finding |
//! | `LOOM_MAX_PREEMPTIONS`, `LOOM_MAX_BRANCHES`, `LOOM_MAX_PERMUTATIONS`, `LOOM_MAX_DURATION` | as loom's: bounds |
//!
//! A bound of ours that is hit is a panic as well. One that was asked for is a line on the standard error: `INCOMPLETE`, with its name.

use crate::event::Place;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::boot::Checked;
use crate::explore::EngineKind;
use crate::own::here::Options;
use crate::own::report::{self, Asked};

pub use crate::own::report::Unconfirmed;

/// How a model is explored. The first fields are loom's.
///
/// ```
/// use lockwright::check::Code;
/// use lockwright::model::Builder;
/// use lockwright::sync::{Arc, Mutex};
///
/// let checked = Builder::new().explore(|| {
///     let (a, b) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
///     let (c, d) = (a.clone(), b.clone());
///     lockwright::thread::spawn(move || {
///         let _d = d.lock().unwrap();
///         let _c = c.lock().unwrap();
///     });
///     let _a = a.lock().unwrap();
///     let _b = b.lock().unwrap();
/// });
/// checked.assert_finds(Code::LW008);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Builder {
    /// Ignored: there may be 63 threads.
    pub max_threads: usize,
    /// Steps of an execution; below 20 000 it is taken for that.
    pub max_branches: usize,
    /// Most executions.
    pub max_permutations: Option<usize>,
    /// Longest time.
    pub max_duration: Option<Duration>,
    /// Most switches away from a thread that could go on, in an execution.
    pub preemption_bound: Option<usize>,
    /// Ignored: see `LOCKWRIGHT_REPLAY`.
    pub checkpoint_file: Option<PathBuf>,
    /// Ignored.
    pub checkpoint_interval: usize,
    /// Ignored: everything is explored.
    pub expect_explicit_explore: bool,
    /// Ignored: places are always known.
    pub location: bool,
    /// Ignored.
    pub log: bool,
    /// Which search. The explorer, unless `LOCKWRIGHT_SEARCH` says otherwise.
    pub search: EngineKind,
    /// Workers of the explorer. One, unless `LOCKWRIGHT_JOBS` says otherwise.
    pub jobs: usize,
    /// Most states of the explorer.
    pub max_states: u64,
    /// Executions of `random`, `pct` and `threads`; those of the search's own, if none.
    pub runs: Option<u64>,
    /// The seed that they are drawn from; that of the search, if none.
    pub seed: Option<u64>,
    /// Points of `pct` at which priorities change, less one.
    pub depth: Option<u32>,
    /// Where pages of findings are saved. Nowhere, unless `LOCKWRIGHT_SAVE` says otherwise.
    pub save: Option<PathBuf>,
    /// The schedule to run again, and nothing else. None, unless `LOCKWRIGHT_REPLAY` says otherwise.
    pub replay: Option<String>,
    /// What is done about a lock-order cycle (LW003) or a lock that a thread leaves held (LW007) if all orders were explored and nobody
    /// waits for ever in any. A note, unless `LOCKWRIGHT_UNCONFIRMED` says otherwise.
    pub unconfirmed: Unconfirmed,
    /// May a wait on a condition variable, or a `park`, end without a notification, and a weak exchange fail without a reason (not twice in a
    /// row)? That is explored as well. No, unless `LOCKWRIGHT_SPURIOUS=1` says so.
    pub spurious_wakeups: bool,
    /// Is a thread whose handle is dropped instead of joined a finding? No, unless `LOCKWRIGHT_JOINS=1` says so.
    pub joins_all: bool,
    /// Does a writer that waits for a [`RwLock`](crate::sync::RwLock) keep new readers out? std leaves that to the platform. No, unless
    /// `LOCKWRIGHT_FAIR=1` says so; a verdict that depends on it says what it takes for granted.
    pub fair_rwlocks: bool,
}

/// Is the option of an environment variable chosen?
///
/// # Panics
/// If it is neither 0 nor 1.
fn is_chosen(name: &str) -> bool {
    match text(name, "0 or 1").as_deref() {
        None | Some("0") => false,
        Some("1") => true,
        Some(other) => panic!("{name}={other} is neither 0 nor 1"),
    }
}

/// What an environment variable says, if it is set.
///
/// # Panics
/// If it is set to nothing: whoever does that wants something else than the default.
fn text(name: &str, wants: &str) -> Option<String> {
    let text = std::env::var(name).ok()?;
    assert!(!text.trim().is_empty(), "{name} is empty: it takes {wants}");
    Some(text)
}

/// The number in an environment variable.
///
/// # Panics
/// If it is none.
fn number(name: &str) -> Option<usize> {
    let text = std::env::var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

impl Builder {
    /// As the environment says, and otherwise everything within bounds of minutes.
    ///
    /// # Panics
    /// If a variable of the environment has a value that it cannot have.
    pub fn new() -> Builder {
        let search = std::env::var("LOCKWRIGHT_SEARCH").ok();
        Builder {
            max_threads: 63,
            max_branches: number("LOOM_MAX_BRANCHES").unwrap_or(0),
            max_permutations: number("LOOM_MAX_PERMUTATIONS"),
            max_duration: number("LOOM_MAX_DURATION").map(|seconds| Duration::from_secs(seconds as u64)),
            preemption_bound: number("LOOM_MAX_PREEMPTIONS"),
            checkpoint_file: None,
            checkpoint_interval: 20_000,
            expect_explicit_explore: false,
            location: false,
            log: false,
            search: search.map_or(EngineKind::Explorer, |name| report::search_named(&name)),
            jobs: number("LOCKWRIGHT_JOBS").unwrap_or(1).max(1),
            max_states: 5_000_000,
            save: text("LOCKWRIGHT_SAVE", "a directory").map(PathBuf::from),
            replay: text("LOCKWRIGHT_REPLAY", "the schedule that the page of a finding prints"),
            unconfirmed: text("LOCKWRIGHT_UNCONFIRMED", "note, fail or ignore").map_or_else(Default::default, |text| {
                text.parse().unwrap_or_else(|error| panic!("LOCKWRIGHT_UNCONFIRMED={text}: {error}"))
            }),
            spurious_wakeups: is_chosen("LOCKWRIGHT_SPURIOUS"),
            joins_all: is_chosen("LOCKWRIGHT_JOINS"),
            fair_rwlocks: is_chosen("LOCKWRIGHT_FAIR"),
            runs: None,
            seed: None,
            depth: None,
        }
    }

    /// Ignored: see `LOCKWRIGHT_REPLAY`.
    pub fn checkpoint_file(&mut self, file: &str) -> &mut Builder {
        self.checkpoint_file = Some(file.into());
        self
    }

    /// Explores the closure.
    ///
    /// # Panics
    /// With a page for what is wrong, or with the bound that was hit if nobody asked for it.
    #[track_caller]
    pub fn check<F>(&self, f: F)
    where
        F: Fn() + Sync + Send + 'static,
    {
        report::check(self.asked(), Arc::new(f), Place::caller());
    }

    /// Explores the closure, and returns what was seen: findings, outcomes, counts.
    ///
    /// # Panics
    /// If the program cannot be explored: it has hidden state, or options do not go together.
    #[track_caller]
    pub fn explore<F>(&self, f: F) -> Checked
    where
        F: Fn() + Sync + Send + 'static,
    {
        report::explore(&self.asked(), Arc::new(f), Place::caller()).checked
    }

    fn asked(&self) -> Asked {
        Asked {
            search: self.search,
            jobs: self.jobs,
            steps_max: u32::try_from(self.max_branches).unwrap_or(u32::MAX).max(report::STEPS_MAX),
            executions_max: self.max_permutations.map(|max| max as u64),
            states_max: self.max_states,
            runs: self.runs,
            seed: self.seed,
            depth: self.depth,
            duration_max: self.max_duration,
            preemptions_max: self.preemption_bound.map(|max| u32::try_from(max).unwrap_or(u32::MAX)),
            save: self.save.clone(),
            replay: self.replay.clone(),
            unconfirmed: self.unconfirmed,
            options: Options {
                spurious_wakeups: self.spurious_wakeups,
                joins_all: self.joins_all,
                fair_rwlocks: self.fair_rwlocks,
            },
        }
    }
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

/// Explores the closure: every order of its threads.
///
/// # Panics
/// As [`Builder::check`].
#[track_caller]
pub fn model<F>(f: F)
where
    F: Fn() + Sync + Send + 'static,
{
    report::check(Builder::new().asked(), Arc::new(f), Place::caller());
}
