//! shuttle's entry points: `check_dfs`, `check_random`, `check_pct` and the others, so that `shuttle = { package = "lockwright" }` compiles.
//!
//! What stays inside bounds that these ask for passes, and says on the standard error that it is no proof. Only `check` and `check_dfs` without a
//! bound go through everything.
//!
//! ```
//! use lockwright::sync::{Arc, Mutex};
//!
//! lockwright::check_dfs(
//!     || {
//!         let n = Arc::new(Mutex::new(0));
//!         let other = { let n = n.clone(); lockwright::thread::spawn(move || *n.lock().unwrap() += 1) };
//!         *n.lock().unwrap() += 1;
//!         other.join().unwrap();
//!         assert_eq!(*n.lock().unwrap(), 2);
//!     },
//!     None,
//! );
//! ```

use std::path::Path;
use std::sync::Arc;

use crate::event::Place;
use crate::explore::EngineKind;
use crate::own::model::Builder;
use crate::own::program::Own;
use crate::own::replay as lines;

fn drawn(search: EngineKind, iterations: usize) -> Builder {
    Builder { search, runs: Some(iterations as u64), ..Builder::new() }
}

/// Explores every order. shuttle runs one.
///
/// # Panics
/// With a page for what is wrong.
#[track_caller]
pub fn check<F>(f: F)
where
    F: Fn() + Send + Sync + 'static,
{
    Builder::new().check(f);
}

/// Explores every order, or as many executions as are asked for.
///
/// # Panics
/// With a page for what is wrong.
#[track_caller]
pub fn check_dfs<F>(f: F, max_iterations: Option<usize>)
where
    F: Fn() + Send + Sync + 'static,
{
    Builder { max_permutations: max_iterations, ..Builder::new() }.check(f);
}

/// Draws that many executions by chance.
///
/// # Panics
/// With a page for what is wrong.
#[track_caller]
pub fn check_random<F>(f: F, iterations: usize)
where
    F: Fn() + Send + Sync + 'static,
{
    drawn(EngineKind::Random, iterations).check(f);
}

/// The same from a seed: the same executions each time.
///
/// # Panics
/// With a page for what is wrong.
#[track_caller]
pub fn check_random_with_seed<F>(f: F, seed: u64, iterations: usize)
where
    F: Fn() + Send + Sync + 'static,
{
    Builder { seed: Some(seed), ..drawn(EngineKind::Random, iterations) }.check(f);
}

/// As [`check_random`]: nothing is weighed.
///
/// # Panics
/// With a page for what is wrong.
#[track_caller]
pub fn check_urw<F>(f: F, iterations: usize)
where
    F: Fn() + Send + Sync + 'static,
{
    drawn(EngineKind::Random, iterations).check(f);
}

/// Draws that many executions by priorities, for bugs of that depth.
///
/// # Panics
/// With a page for what is wrong.
#[track_caller]
pub fn check_pct<F>(f: F, iterations: usize, depth: usize)
where
    F: Fn() + Send + Sync + 'static,
{
    let depth = u32::try_from(depth).unwrap_or(u32::MAX);
    Builder { depth: Some(depth), ..drawn(EngineKind::Pct, iterations) }.check(f);
}

/// Looks for state that the exploration does not see. Every exploration does.
///
/// # Panics
/// If there is some, with the place where two runs part.
#[track_caller]
pub fn check_uncontrolled_nondeterminism<F>(f: F, max_iterations: usize)
where
    F: Fn() + Send + Sync + 'static,
{
    Builder { max_permutations: Some(max_iterations), ..Builder::new() }.check(f);
}

/// Runs along the schedule of a finding, as its page prints it. Schedules of shuttle are none.
///
/// # Panics
/// With a page for what is wrong there, or if the schedule does not fit.
#[track_caller]
pub fn replay<F>(f: F, schedule: &str)
where
    F: Fn() + Send + Sync + 'static,
{
    lines::run(schedule, Own::new(Arc::new(f)), Place::caller());
}

/// The same for a schedule in a file.
///
/// # Panics
/// As [`replay`], or if the file cannot be read.
#[track_caller]
pub fn replay_from_file<F, P>(f: F, path: P)
where
    F: Fn() + Send + Sync + 'static,
    P: AsRef<Path>,
{
    let path = path.as_ref();
    let schedule = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    lines::run(schedule.trim(), Own::new(Arc::new(f)), Place::caller());
}
